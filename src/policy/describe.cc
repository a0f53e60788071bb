#include "policy/describe.h"

#include <unordered_set>

#include "policy/analysed.h"

namespace callgate::policy {
namespace {

constexpr std::size_t kListed = 10;
constexpr std::string_view kAdvice = " Do not retry with the same arguments.";

std::string clip(std::string text, std::size_t most) {
  if (text.size() <= most) return text;
  std::size_t size = most - 3;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  return text.substr(0, size) + "...";
}

std::string listed(const Constant& constant) {
  std::string out;
  for (std::size_t i = 0; i < constant.shown.size() && i < kListed; ++i) out += (i ? ", " : "") + clip(constant.shown[i], 60);
  if (constant.shown.size() > kListed) out += " and " + std::to_string(constant.shown.size() - kListed) + " more";
  return out;
}

std::string value_text(const Condition& leaf, const Constant& constant) {
  if (leaf.op == Op::Exists) return constant.wanted ? "true" : "false";
  return constant.shown.size() == 1 ? clip(constant.shown[0], 80) : '[' + listed(constant) + ']';
}

std::string one_of(const Constant& constant) {
  return constant.shown.size() == 1 ? clip(constant.shown[0], 60) : "one of " + listed(constant);
}

// "must ..." for a leaf that has to hold, or has to fail.
std::string demand(const Condition& leaf, const Constant& c, bool holds) {
  auto pick = [&](std::string_view yes, std::string_view no) { return std::string(holds ? yes : no); };
  switch (leaf.op) {
    case Op::Eq: return pick("must be ", "must not be ") + one_of(c);
    case Op::Neq: return pick("must not be ", "must be ") + one_of(c);
    case Op::In: return pick("must be ", "must not be ") + one_of(c);
    case Op::NotIn: return pick("must not be ", "must be ") + one_of(c);
    case Op::Lt: return pick("must be less than ", "must be at least ") + listed(c);
    case Op::Lte: return pick("must be at most ", "must be more than ") + listed(c);
    case Op::Gt: return pick("must be more than ", "must be at most ") + listed(c);
    case Op::Gte: return pick("must be at least ", "must be less than ") + listed(c);
    case Op::Contains: return pick("must contain ", "must not contain ") + listed(c);
    case Op::Matches: return pick("must match the pattern ", "must not match the pattern ") + listed(c);
    case Op::Glob: return pick("must match ", "must not match ") + listed(c);
    case Op::StartsWith: return pick("must start with ", "must not start with ") + listed(c);
    case Op::EndsWith: return pick("must end with ", "must not end with ") + listed(c);
    case Op::Exists: return holds == c.wanted ? "must be given" : "must be left out";
    case Op::LengthLte: return (holds ? "must have a length of at most " : "must have a length of more than ") + listed(c);
    case Op::LengthGte: return (holds ? "must have a length of at least " : "must have a length of less than ") + listed(c);
    case Op::PathWithin:
      return pick(c.base.empty() ? "must be a plain absolute path inside " : "must be a plain path inside ",
                  "must be a plain path outside ") +
             one_of(c);
    case Op::UrlHostIn:
      return pick("must be a plain http or https URL on host ", "must be a plain http or https URL not on host ") + one_of(c);
    case Op::CidrIn: return pick("must be an IP address in ", "must be an IP address outside ") + one_of(c);
    case Op::EmailDomainIn: return pick("must be one e-mail address at ", "must be one e-mail address not at ") + one_of(c);
    case Op::CommandIs:
      if (c.analysis) return pick("must be a command without anything dangerous in it", "must not be a harmless command");
      return pick("must run nothing but: ", "must be commands other than ") + one_of(c);
    case Op::SqlIs:
      if (c.analysis) return pick("must be SQL that only reads", "must be SQL that does more than read");
      return pick("must be SQL of the kind ", "must be SQL of another kind than ") + one_of(c);
  }
  return "is not allowed";
}

std::string join(const Program& program, std::uint32_t begin, std::uint32_t end, std::string_view word) {
  std::string out;
  for (std::uint32_t at = begin; at < end; at = program.conditions[at].end) {
    const Condition& condition = program.conditions[at];
    if (at != begin) out += word;
    auto inner = [&](std::string_view with) { return '(' + join(program, at + 1, condition.end, with) + ')'; };
    switch (condition.kind) {
      case Condition::Kind::Leaf:
        out += program.paths[condition.path].text;
        out += ' ';
        out += op_name(condition.op);
        out += ' ' + value_text(condition, program.constants[condition.constant]);
        break;
      case Condition::Kind::AllOf: out += inner(" and "); break;
      case Condition::Kind::AnyOf: out += inner(" or "); break;
      case Condition::Kind::Not: out += "not " + inner(" and "); break;
      case Condition::Kind::EachAny: out += "any of " + program.paths[condition.path].text + ": " + inner(" and "); break;
      case Condition::Kind::EachAll: out += "all of " + program.paths[condition.path].text + ": " + inner(" and "); break;
      case Condition::Kind::EachNone: out += "none of " + program.paths[condition.path].text + ": " + inner(" and "); break;
    }
  }
  return out;
}

bool single_leaf(const Program& program, const Rule& rule) {
  return program.conditions[rule.begin].kind == Condition::Kind::Leaf && program.conditions[rule.begin].end == rule.end;
}

// The paths of [begin, end) that start at a root, each once.
std::vector<std::uint32_t> rooted_paths(const Program& program, std::uint32_t begin, std::uint32_t end) {
  std::vector<std::uint32_t> out;
  std::unordered_set<std::uint32_t> seen;  // equal paths share an index
  for (std::uint32_t at = begin; at < end; ++at) {
    const Condition& condition = program.conditions[at];
    bool reads = condition.kind == Condition::Kind::Leaf || condition.kind >= Condition::Kind::EachAny;
    if (!reads || program.paths[condition.path].root == Root::Element) continue;
    if (seen.insert(condition.path).second) out.push_back(condition.path);
  }
  return out;
}

std::string_view wanted_kind(Op op) {
  switch (op) {
    case Op::Lt:
    case Op::Lte:
    case Op::Gt:
    case Op::Gte: return "a number";
    case Op::Matches:
    case Op::Glob:
    case Op::StartsWith:
    case Op::EndsWith: return "text";
    case Op::PathWithin: return "a plain path";
    case Op::UrlHostIn: return "a plain http or https URL";
    case Op::CidrIn: return "an IP address";
    case Op::EmailDomainIn: return "one e-mail address";
    case Op::CommandIs: return "a command whose parts are all known before it runs";
    case Op::SqlIs: return "SQL that the parser of its dialect understands";
    default: return "a value of the right type";
  }
}

}  // namespace

std::string describe(const Program& program, std::uint32_t begin, std::uint32_t end) {
  return begin == end ? "always" : join(program, begin, end, " and ");
}

std::string describe_value(const Seen& seen) {
  switch (seen.kind) {
    case Seen::Kind::Missing: return "(missing)";
    case Seen::Kind::Mistyped: return "(not there: something above it has another shape)";
    case Seen::Kind::Null: return "null";
    case Seen::Kind::Bool: return seen.truth ? "true" : "false";
    case Seen::Kind::Number: return clip(std::string(seen.text), 80);
    case Seen::Kind::String: {
      std::string out = "\"";
      for (char c : seen.text.substr(0, 120)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
      return seen.text.size() > 78 ? clip(out, 79) + '"' : out + '"';
    }
    default: return clip(std::string(seen.value.raw().substr(0, 120)), 80);
  }
}

std::string describe_inputs(const Program& program, std::uint32_t begin, std::uint32_t end, Reader& reader) {
  auto paths = rooted_paths(program, begin, end);
  if (paths.size() == 1) {
    const Condition& first = program.conditions[begin];
    const Seen& seen = reader.read(paths[0], {});
    std::string note;
    if (first.kind == Condition::Kind::Leaf && seen.kind == Seen::Kind::String)
      note = analysis_note(first.op, program.constants[first.constant], seen.text);
    return note.empty() ? describe_value(seen) : describe_value(seen) + " (" + note + ")";
  }
  std::string out;
  for (auto path : paths) {
    if (!out.empty()) out += ", ";
    out += program.paths[path].text + " = " + describe_value(reader.read(path, {}));
  }
  return out;
}

std::string require_message(const Program& program, const Rule& rule) {
  bool leaves = true;
  std::string out;
  for (std::uint32_t at = rule.begin; at < rule.end; at = program.conditions[at].end) {
    const Condition& condition = program.conditions[at];
    leaves = leaves && condition.kind == Condition::Kind::Leaf;
    if (!leaves) break;
    out += (out.empty() ? "" : " and ") + program.paths[condition.path].text + ' ' +
           demand(condition, program.constants[condition.constant], true);
  }
  if (!leaves) out = "the call must satisfy: " + describe(program, rule.begin, rule.end);
  return "Blocked by policy: " + clip(out, 400) + "." + std::string(kAdvice);
}

std::string deny_if_message(const Program& program, const Rule& rule) {
  const Condition& first = program.conditions[rule.begin];
  if (single_leaf(program, rule))
    return "Blocked by policy: " + program.paths[first.path].text + ' ' +
           clip(demand(first, program.constants[first.constant], false), 400) + "." + std::string(kAdvice);
  return "Blocked by policy: not allowed when " + clip(describe(program, rule.begin, rule.end), 400) + "." + std::string(kAdvice);
}

std::string ask_message(const Program& program, const Rule& rule) {
  std::string when = rule.begin == rule.end ? std::string() : " when " + clip(describe(program, rule.begin, rule.end), 400);
  return "A person has to approve this call" + when + ".";
}

std::string unmet_message(const Program& program, const Rule& rule) {
  const Condition& first = program.conditions[rule.begin];
  if (single_leaf(program, rule))
    return "Blocked by policy: " + program.paths[first.path].text + " must be given as " + std::string(wanted_kind(first.op)) + "." +
           std::string(kAdvice);
  std::string names;
  for (auto path : rooted_paths(program, rule.begin, rule.end)) names += (names.empty() ? "" : ", ") + program.paths[path].text;
  return "Blocked by policy: a value that this rule needs is missing or has the wrong type (" + clip(names, 300) + ")." +
         std::string(kAdvice);
}

}  // namespace callgate::policy
