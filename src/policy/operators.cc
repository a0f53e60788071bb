#include "policy/operators.h"

#include <re2/re2.h>
#include <string.h>

#include <algorithm>

#include "policy/analysed.h"
#include "policy/problems.h"
#include "policy/utf8.h"

namespace callgate::policy {
namespace {

constexpr std::string_view kOpNames[] = {
    "eq",          "neq",         "in",      "not_in",          "lt",         "lte",    "gt",         "gte",
    "contains",    "matches",     "glob",    "starts_with",     "ends_with",  "exists", "length_lte", "length_gte",
    "path_within", "url_host_in", "cidr_in", "email_domain_in", "command_is", "sql_is",
};

constexpr std::int64_t kPatternMemory = 1 << 20;  // of one compiled pattern with its caches

auto bad_value(std::string message) { return fail(Code::InvalidArgument, "policy.value", std::move(message)); }

std::string name_of(Op op) { return '`' + std::string(op_name(op)) + '`'; }

Result<void> add_scalar(Op op, const Node& node, Constant& out) {
  if (node.unclear)
    return bad_value("`" + shown(node.text) +
                     "` can be read as text, a number or a boolean: put it in quotes for text, or write it as JSON would");
  switch (node.kind) {
    case Node::Kind::Null:
      out.has_null = true;
      out.shown.push_back("null");
      break;
    case Node::Kind::Bool:
      (node.text == "true" ? out.has_true : out.has_false) = true;
      out.shown.push_back(node.text);
      break;
    case Node::Kind::Number: {
      auto number = Decimal::parse(node.text);
      if (!number) return bad_value("`" + shown(node.text) + "` has more than 38 digits or too large an exponent: write a smaller number");
      out.numbers.push_back(*number);
      out.shown.push_back(number->text());
      break;
    }
    case Node::Kind::String:
      out.strings.push_back(node.text);
      out.shown.push_back(node.text);
      break;
    default: return bad_value(name_of(op) + " compares with text, a number, true, false or null, not " + std::string(kind_name(node.kind)));
  }
  return {};
}

Result<void> add_pattern(Op op, const std::string& text, Constant& out) {
  std::string source = text;
  if (op == Op::Glob) {
    source.clear();
    for (char c : text) {
      if (c == '*') source += ".*";
      else if (c == '?') source += '.';
      else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
               (static_cast<unsigned char>(c) >= 0x80))
        source += c;
      else (source += '\\') += c;
    }
  }
  if (source.size() > 4096) return bad_value("the pattern is longer than 4096 bytes: split it into several conditions");
  if (source.find('\0') != std::string::npos || source.find('\n') != std::string::npos)
    return bad_value("the pattern holds a line break or NUL: write `\\n` or `\\x00`");
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_dot_nl(true);  // T-25: a line break must not hide the rest of the text from `.*`
  options.set_never_capture(true);
  options.set_max_mem(kPatternMemory);
  auto pattern = std::make_shared<const re2::RE2>(source, options);
  if (!pattern->ok())
    return bad_value("not a valid RE2 pattern: " + shown(pattern->error()) + "; look-around and back-references do not exist in RE2");
  out.pattern_size = static_cast<std::size_t>(pattern->ProgramSize());
  out.pattern = std::move(pattern);
  return {};
}

Result<void> add_typed(Op op, const Node& node, Constant& out) {
  if (!node.is(Node::Kind::String))
    return bad_value(name_of(op) + " takes text or a list of texts, not " + std::string(kind_name(node.kind)));
  const std::string& text = node.text;
  if (op == Op::SqlIs) return add_sql_kind(node, out);
  out.shown.push_back(text);
  if (op == Op::PathWithin) {
    auto root = canonical_root(text);
    if (!root) return bad_value("`" + shown(text) + "` is no plain absolute path: write `/srv/data`, or `C:\\data` for a Windows server");
    if (!out.strings.empty() && !same_system(out.strings.front(), *root))
      return bad_value("`" + shown(text) + "` belongs to another system than `" + shown(out.strings.front()) + "`: write a rule for each");
    out.strings.push_back(std::move(*root));
  } else if (op == Op::UrlHostIn || op == Op::EmailDomainIn) {
    auto pattern = parse_host_pattern(text);
    if (!pattern || (op == Op::EmailDomainIn && pattern->address))
      return bad_value("`" + shown(text) + "` is no host name: write `example.com`, or `*.example.com` for everything below it");
    out.hosts.push_back(std::move(*pattern));
  } else if (op == Op::CidrIn) {
    auto range = IpRange::parse(text);
    if (!range) return bad_value("`" + shown(text) + "` is no address range: write it like `10.0.0.0/8` or `2001:db8::/32`");
    out.ranges.push_back(*range);
  } else {
    auto words = parse_command_words(text);
    if (!words) return bad_value("`" + shown(text) + "` is no plain command: write one to eight plain words, such as `git status`");
    out.commands.push_back(std::move(*words));
  }
  return {};
}

// One value or a non-empty list, each through `add`.
template <class Add> Result<void> each(Op op, const Node& value, Add add) {
  if (!value.is(Node::Kind::Sequence)) return add(value);
  if (value.items.empty()) return bad_value("the list of " + name_of(op) + " is empty: name at least one value");
  for (const auto& item : value.items) CG_CHECK(add(item));
  return {};
}

Truth flip(Truth truth) {
  if (truth == Truth::True) return Truth::False;
  if (truth == Truth::False) return Truth::True;
  return truth;
}

Truth of(bool yes) { return yes ? Truth::True : Truth::False; }

Truth of(Answer answer) { return answer == Answer::Yes ? Truth::True : answer == Answer::No ? Truth::False : Truth::Mistyped; }

// Typed membership: a value whose type is not among the constants' types is Mistyped, never merely different.
Truth member(const Constant& constant, const Seen& seen) {
  switch (seen.kind) {
    case Seen::Kind::Null: return constant.has_null ? Truth::True : Truth::Mistyped;
    case Seen::Kind::Bool:
      if (constant.has_bool()) return of(seen.truth ? constant.has_true : constant.has_false);
      break;
    case Seen::Kind::Number:
      if (!constant.numbers.empty()) {
        if (!seen.exact) return Truth::Mistyped;
        return of(std::binary_search(constant.numbers.begin(), constant.numbers.end(), seen.decimal));
      }
      break;
    case Seen::Kind::String:
      if (!constant.strings.empty())
        return of(std::binary_search(constant.strings.begin(), constant.strings.end(), seen.text,
                                     [](std::string_view a, std::string_view b) { return a < b; }));
      break;
    default: break;
  }
  // "is it null?" has an answer for every value; any other question needs its own type
  bool only_null = constant.has_null && !constant.has_bool() && constant.numbers.empty() && constant.strings.empty();
  return only_null ? Truth::False : Truth::Mistyped;
}

Truth compare(Op op, const Constant& constant, const Seen& seen) {
  if (seen.kind != Seen::Kind::Number || !seen.exact) return Truth::Mistyped;
  auto order = seen.decimal <=> constant.numbers[0];
  switch (op) {
    case Op::Lt: return of(order < 0);
    case Op::Lte: return of(order <= 0);
    case Op::Gt: return of(order > 0);
    default: return of(order >= 0);
  }
}

Truth contains(const Constant& constant, const Seen& seen) {
  if (seen.kind == Seen::Kind::String) {
    if (constant.strings.empty()) return Truth::Mistyped;
    const std::string& part = constant.strings[0];
    return of(::memmem(seen.text.data(), seen.text.size(), part.data(), part.size()) != nullptr);
  }
  if (seen.kind != Seen::Kind::Array) return Truth::Mistyped;
  Truth best = Truth::False;
  seen.value.for_each_element([&](json::Value element) { best = std::max(best, member(constant, Reader::see(element))); });
  return best;
}

Truth length(Op op, const Constant& constant, const Seen& seen) {
  std::uint64_t size = 0;
  if (seen.kind == Seen::Kind::Array) size = seen.value.size();
  else if (seen.kind == Seen::Kind::String)
    size = static_cast<std::uint64_t>(
        std::count_if(seen.text.begin(), seen.text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
  else return Truth::Mistyped;
  return of(op == Op::LengthLte ? size <= constant.count : size >= constant.count);
}

}  // namespace

Constant::Constant() = default;
Constant::~Constant() = default;
Constant::Constant(Constant&&) noexcept = default;
Constant& Constant::operator=(Constant&&) noexcept = default;

std::span<const std::string_view> op_names() { return kOpNames; }
std::string_view op_name(Op op) { return kOpNames[static_cast<std::size_t>(op)]; }

std::optional<Op> find_op(std::string_view name) {
  for (std::size_t i = 0; i < std::size(kOpNames); ++i)
    if (kOpNames[i] == name) return static_cast<Op>(i);
  return std::nullopt;
}

Result<Constant> prepare(Op op, const Node* value) {
  Constant out;
  if (!value) {
    if (op == Op::Exists) return out;
    return bad_value(name_of(op) + " needs a `value`");
  }
  switch (op) {
    case Op::Exists:
      if (!value->is(Node::Kind::Bool)) return bad_value("`exists` takes true or false");
      out.wanted = value->text == "true";
      return out;
    case Op::Eq:
    case Op::Neq:
    case Op::Contains:
      if (value->is(Node::Kind::Sequence) && op != Op::Contains)
        return bad_value(name_of(op) + " compares with one value: use `in` or `not_in` for a list");
      CG_CHECK(add_scalar(op, *value, out));
      if (op == Op::Contains && out.has_null) return bad_value("`contains` takes text, a number, true or false");
      if (op == Op::Contains && !out.strings.empty() && out.strings[0].empty())
        return bad_value("`contains` with empty text is always true: name some text");
      break;
    case Op::In:
    case Op::NotIn:
      if (!value->is(Node::Kind::Sequence)) return bad_value(name_of(op) + " takes a list, such as [usd, eur]");
      CG_CHECK(each(op, *value, [&](const Node& item) { return add_scalar(op, item, out); }));
      break;
    case Op::Lt:
    case Op::Lte:
    case Op::Gt:
    case Op::Gte:
      if (!value->is(Node::Kind::Number))
        return bad_value(name_of(op) + " takes a number without quotes, not " + std::string(kind_name(value->kind)));
      CG_CHECK(add_scalar(op, *value, out));
      break;
    case Op::Matches:
    case Op::Glob:
    case Op::StartsWith:
    case Op::EndsWith:
      if (!value->is(Node::Kind::String))
        return bad_value(name_of(op) + " takes text, not " + std::string(kind_name(value->kind)) + "; put it in quotes");
      if (value->text.empty()) return bad_value(name_of(op) + " with empty text says nothing: name some text");
      out.shown.push_back(value->text);
      out.strings.push_back(value->text);
      if (op == Op::Matches || op == Op::Glob) CG_CHECK(add_pattern(op, value->text, out));
      break;
    case Op::LengthLte:
    case Op::LengthGte: {
      bool digits =
          value->is(Node::Kind::Number) && value->text.size() <= 9 && value->text.find_first_not_of("0123456789") == std::string::npos;
      if (!digits) return bad_value(name_of(op) + " takes a whole number from 0 to 999999999");
      out.count = std::stoul(value->text);
      out.shown.push_back(value->text);
      break;
    }
    default: CG_CHECK(each(op, *value, [&](const Node& item) { return add_typed(op, item, out); }));
  }
  if (op == Op::CommandIs && value->is(Node::Kind::String) && value->text == "safe") {  // in a list it would be a program of that name
    out.analysis = true;
    out.commands.clear();
  }
  if (op == Op::SqlIs && out.analysis && !out.strings.empty()) return bad_value("`read_only` stands alone: take it out of the list");
  if (op == Op::In || op == Op::NotIn) std::sort(out.strings.begin(), out.strings.end());
  std::sort(out.numbers.begin(), out.numbers.end());
  return out;
}

Truth judge(Op op, const Constant& constant, const Seen& seen) {
  if (op == Op::Exists) return of(seen.usable() == constant.wanted);
  if (seen.kind == Seen::Kind::Missing) return Truth::Missing;
  if (seen.kind == Seen::Kind::Mistyped) return Truth::Mistyped;
  switch (op) {
    case Op::Eq:
    case Op::In: return member(constant, seen);
    case Op::Neq:
    case Op::NotIn: return flip(member(constant, seen));
    case Op::Lt:
    case Op::Lte:
    case Op::Gt:
    case Op::Gte: return compare(op, constant, seen);
    case Op::Contains: return contains(constant, seen);
    case Op::LengthLte:
    case Op::LengthGte: return length(op, constant, seen);
    default: break;
  }
  if (seen.kind != Seen::Kind::String) return Truth::Mistyped;
  std::string_view text = seen.text;
  switch (op) {
    case Op::Matches:
    case Op::Glob:
      return of(constant.pattern->Match(re2::StringPiece(text.data(), text.size()), 0, text.size(), re2::RE2::ANCHOR_BOTH, nullptr, 0));
    case Op::StartsWith: return of(text.starts_with(constant.strings[0]));
    case Op::EndsWith: return of(text.ends_with(constant.strings[0]));
    case Op::PathWithin:
      return of(path_within(text, constant.strings, {constant.base, constant.home, constant.ignore_case, constant.file_server}));
    case Op::UrlHostIn: return of(url_host_in(text, constant.hosts));
    case Op::CidrIn: return of(cidr_in(text, constant.ranges));
    case Op::EmailDomainIn: return of(email_domain_in(text, constant.hosts));
    case Op::SqlIs: return sql_is(constant, text);
    default: return command_line_is(constant, text);
  }
}

std::optional<std::int64_t> whole_number(const Decimal& value) {
  constexpr __int128 few = 1'000'000'000'000'000'000;
  __int128 number = value.coefficient();
  if (value.exponent() < 0 || value.exponent() > 18) return std::nullopt;
  for (std::int32_t i = 0; i < value.exponent() && -few < number && number < few; ++i) number *= 10;
  if (number <= -few || number >= few) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

bool is_glob(std::string_view text) { return text.find_first_of("*?") != std::string_view::npos; }

bool glob_match(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p, ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace callgate::policy
