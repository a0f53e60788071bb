#include "policy/possible.h"

namespace callgate::policy {
namespace {

constexpr Truths kEitherWay = only(Truth::True) | only(Truth::False);
using Kind = Captured::Kind;

Truth flip(Truth truth) { return truth == Truth::True ? Truth::False : truth == Truth::False ? Truth::True : truth; }

// As program.cc joins two operands of "and".
Truth both(Truth a, Truth b) {
  for (Truth settles : {Truth::False, Truth::Mistyped, Truth::Missing})
    if (a == settles || b == settles) return settles;
  return Truth::True;
}

constexpr Truth kTruths[] = {Truth::False, Truth::Missing, Truth::Mistyped, Truth::True};

Truths flip(Truths truths) {
  Truths out = 0;
  for (Truth truth : kTruths)
    if (may_be(truths, truth)) out |= only(flip(truth));
  return out;
}

Truths both(Truths a, Truths b) {
  Truths out = 0;
  for (Truth x : kTruths)
    for (Truth y : kTruths)
      if (may_be(a, x) && may_be(b, y)) out |= only(both(x, y));
  return out;
}

Truths either(Truths a, Truths b) { return flip(both(flip(a), flip(b))); }

Truths of(bool yes) { return only(yes ? Truth::True : Truth::False); }

Seen text_like(std::string_view text) {
  Seen seen;
  seen.kind = Seen::Kind::String;
  seen.text = text;
  return seen;
}

// A text of which at most the size is known.
Truths judge_text(Op op, const Constant& constant, std::uint64_t size) {
  static constexpr std::string_view kNoSuchText = "\x01";  // equals no constant; shows which operators take no text at all
  bool sized = size != Captured::kUnknownSize;
  switch (op) {
    case Op::Eq:
    case Op::Neq:
    case Op::In:
    case Op::NotIn: {
      Truth other = judge(op, constant, text_like(kNoSuchText));
      if (other == Truth::Mistyped) return only(other);
      bool fits = std::any_of(constant.strings.begin(), constant.strings.end(),
                              [&](const std::string& text) { return !sized || text.size() == size; });
      return fits ? kEitherWay : only(other);
    }
    case Op::Contains:
    case Op::StartsWith:
    case Op::EndsWith:
      if (constant.strings.empty()) return only(Truth::Mistyped);
      return sized && constant.strings[0].size() > size ? of(false) : kEitherWay;
    case Op::Matches:
    case Op::Glob: return kEitherWay;
    case Op::LengthLte:
    case Op::LengthGte: {  // characters are counted; a character takes one to four bytes
      if (!sized) return kEitherWay;
      std::uint64_t least = (size + 3) / 4;
      bool up_to = op == Op::LengthLte;
      if (up_to ? size <= constant.count : least >= constant.count) return of(true);
      return (up_to ? least > constant.count : size < constant.count) ? of(false) : kEitherWay;
    }
    case Op::Lt:
    case Op::Lte:
    case Op::Gt:
    case Op::Gte: return only(Truth::Mistyped);
    default: return kEitherWay | only(Truth::Mistyped);  // what the typed operators cannot read is mistyped
  }
}

Truths judge_list(Op op, const Constant& constant, std::uint64_t size) {
  switch (op) {
    case Op::LengthLte: return of(size <= constant.count);
    case Op::LengthGte: return of(size >= constant.count);
    case Op::Contains: return size == 0 ? of(false) : Truths(kEitherWay | only(Truth::Mistyped));
    default: return kEitherWay | only(Truth::Mistyped);
  }
}

Truths judge_unseen(Op op, const Constant& constant, const Captured& what) {
  if (op == Op::Exists) return of(constant.wanted);
  Seen seen;
  switch (what.kind) {
    case Kind::Text: return judge_text(op, constant, what.size);
    case Kind::List: return judge_list(op, constant, what.size);
    case Kind::Number:
    case Kind::Boolean:
      seen.kind = what.kind == Kind::Number ? Seen::Kind::Number : Seen::Kind::Bool;
      seen.exact = true;
      if (Truth any = judge(op, constant, seen); any == Truth::Mistyped) return only(any);
      return kEitherWay | only(Truth::Mistyped);
    default: return kEitherWay | only(Truth::Mistyped);
  }
}

bool element_unseen(const Seen& seen) {
  bool unseen = false;
  seen.value.for_each_element([&](json::Value item) { unseen = unseen || (item.is_string() && !read_captured(item.string()).known()); });
  return unseen;
}

}  // namespace

Possible::Glimpse Possible::walk(json::Value value, const std::vector<Segment>& segments) const {
  for (const Segment& step : segments) {
    if (!value.exists()) return {};
    Seen mistyped;
    mistyped.kind = Seen::Kind::Mistyped;
    if (value.is_object()) {
      json::Value next = value[step.key];
      if (!next.exists() && hides_names(value)) return {{Kind::Anything}, true, {}};
      value = next;
    } else if (value.is_array() && step.indexes) {
      if (step.index >= value.size()) return {};
      value = value.child(step.index);
    } else if (Captured what = value.is_string() ? read_captured(value.string()) : Captured(); what.kind == Kind::Anything) {
      return {what, true, {}};
    } else if (what.kind == Kind::List && step.indexes) {
      if (step.index >= what.size) return {};
      return {{Kind::Anything}, true, {}};
    } else {
      return {{}, false, mistyped};
    }
  }
  if (Captured what = value.is_string() ? read_captured(value.string()) : Captured(); !what.known()) return {what, false, {}};
  return {{}, false, Reader::see(value)};
}

Possible::Glimpse Possible::look(const Path& path, std::uint32_t index, json::Value element) {
  Glimpse out;
  const Glimpse nothing{{Kind::Anything}, true, {}};
  switch (path.root) {
    case Root::Element: out = walk(element, path.segments); break;
    case Root::Args:
      if (unknown_.arguments) out = path.segments.empty() ? Glimpse{{Kind::Anything}, false, {}} : nothing;
      else out = walk(input_.arguments, path.segments);
      break;
    case Root::Reason:
    case Root::SessionId:
    case Root::SessionClient: out = unknown_.caller ? nothing : Glimpse{{}, false, reader_.read(index, {})}; break;
    case Root::PrincipalOwner: out = unknown_.principal_owner ? nothing : Glimpse{{}, false, reader_.read(index, {})}; break;
    case Root::GrantRole: out = unknown_.grant_role ? nothing : Glimpse{{}, false, reader_.read(index, {})}; break;
    case Root::ServerName: out = unknown_.server_name ? nothing : Glimpse{{}, false, reader_.read(index, {})}; break;
    case Root::ToolRisk: out = unknown_.tool_risk ? nothing : Glimpse{{}, false, reader_.read(index, {})}; break;
    case Root::SessionLabels:
    case Root::SessionTools:
    case Root::SessionCalls:
      if (input_.flow == nullptr) out = {{Kind::Anything}, false, {}};
      else out.seen = reader_.read(index, {});
      break;
    default: out.seen = reader_.read(index, {});
  }
  if (!out.what.known() && unseen_.empty()) unseen_ = path.text;
  return out;
}

Truths Possible::leaf(const Condition& condition, json::Value element) {
  const Constant& constant = program_.constants[condition.constant];
  Glimpse value = look(program_.paths[condition.path], condition.path, element);
  if (!value.what.known()) {
    Truths truths = judge_unseen(condition.op, constant, value.what);
    if (!value.maybe_missing) return truths;
    return condition.op == Op::Exists ? kEitherWay : Truths(truths | only(Truth::Missing) | only(Truth::Mistyped));
  }
  Truth truth = judge(condition.op, constant, value.seen);
  if (value.seen.kind != Seen::Kind::Array || condition.op != Op::Contains || truth == Truth::True || !element_unseen(value.seen))
    return only(truth);
  if (unseen_.empty()) unseen_ = program_.paths[condition.path].text;
  return kEitherWay | only(Truth::Mistyped);
}

Truths Possible::each(std::uint32_t at, json::Value element) {
  const Condition& condition = program_.conditions[at];
  bool all = condition.kind == Condition::Kind::EachAll, none = condition.kind == Condition::Kind::EachNone;
  Glimpse value = look(program_.paths[condition.path], condition.path, element);
  if (!value.what.known()) {
    if (value.what.kind == Kind::List && value.what.size == 0) return of(all || none);
    if (value.what.kind == Kind::List || value.what.kind == Kind::Anything) return kAnyTruth;
    return only(Truth::Mistyped);
  }
  if (value.seen.kind == Seen::Kind::Missing) return only(Truth::Missing);
  if (value.seen.kind != Seen::Kind::Array) return only(Truth::Mistyped);
  Truths truths = of(all);
  value.seen.value.for_each_element([&](json::Value item) {
    Truths one = all_hold(at + 1, condition.end, item);
    truths = all ? both(truths, one) : either(truths, one);
  });
  return none ? flip(truths) : truths;
}

Truths Possible::any_holds(std::uint32_t begin, std::uint32_t end, json::Value element) {
  Truths truths = of(false);
  for (std::uint32_t at = begin; at < end; at = program_.conditions[at].end) truths = either(truths, evaluate(at, element));
  return truths;
}

Truths Possible::evaluate(std::uint32_t at, json::Value element) {
  const Condition& condition = program_.conditions[at];
  switch (condition.kind) {
    case Condition::Kind::Leaf: return leaf(condition, element);
    case Condition::Kind::AllOf: return all_hold(at + 1, condition.end, element);
    case Condition::Kind::AnyOf: return any_holds(at + 1, condition.end, element);
    case Condition::Kind::Not: return flip(all_hold(at + 1, condition.end, element));
    default: return each(at, element);
  }
}

Truths Possible::all_hold(std::uint32_t begin, std::uint32_t end, json::Value element) {
  Truths truths = of(true);
  for (std::uint32_t at = begin; at < end; at = program_.conditions[at].end) truths = both(truths, evaluate(at, element));
  return truths;
}

bool Possible::known_number(std::uint32_t path, Seen& seen) {
  Glimpse value = look(program_.paths[path], path, {});
  seen = value.seen;
  // What is known not to be a number is as unusable as it was then.
  if (value.what.kind == Kind::Text || value.what.kind == Kind::List || value.what.kind == Kind::Boolean) {
    seen.kind = Seen::Kind::Mistyped;
    return !value.maybe_missing;
  }
  return value.what.known();
}

}  // namespace callgate::policy
