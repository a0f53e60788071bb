#include "policy/paths.h"

#include <algorithm>
#include <span>

#include "json/writer.h"
#include "policy/operators.h"
#include "policy/problems.h"

namespace callgate::policy {
namespace {

struct Named {
  std::string_view name;
  Root root;
};

constexpr Named kRoots[] = {
    {"principal.id", Root::PrincipalId},
    {"principal.name", Root::PrincipalName},
    {"principal.kind", Root::PrincipalKind},
    {"principal.owner", Root::PrincipalOwner},
    {"grant.id", Root::GrantId},
    {"grant.label", Root::GrantLabel},
    {"grant.role", Root::GrantRole},
    {"server.id", Root::ServerId},
    {"server.slug", Root::ServerSlug},
    {"server.name", Root::ServerName},
    {"tool.name", Root::ToolName},
    {"tool.risk", Root::ToolRisk},
    {"session.id", Root::SessionId},
    {"session.client", Root::SessionClient},
    {"session.labels", Root::SessionLabels},
    {"session.tools", Root::SessionTools},
    {"session.calls", Root::SessionCalls},
    {"time.hour", Root::TimeHour},
    {"time.minute", Root::TimeMinute},
    {"time.weekday", Root::TimeWeekday},
    {"time.date", Root::TimeDate},
    {"time.iso", Root::TimeIso},
    {"reason", Root::Reason},
};

Segment segment(std::string key) {
  Segment out;
  bool digits = !key.empty() && key.size() <= 7 && std::all_of(key.begin(), key.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (digits && (key.size() == 1 || key[0] != '0')) {
    out.indexes = true;
    for (char c : key) out.index = out.index * 10 + static_cast<std::uint32_t>(c - '0');
  }
  out.key = std::move(key);
  return out;
}

Result<std::vector<std::string>> split_pointer(std::string_view text) {
  std::vector<std::string> out;
  std::string part;
  for (std::size_t at = 1; at <= text.size(); ++at) {
    if (at == text.size() || text[at] == '/') {
      out.push_back(std::move(part));
      part.clear();
    } else if (text[at] == '~') {
      char next = at + 1 < text.size() ? text[at + 1] : ' ';
      if (next != '0' && next != '1')
        return fail(Code::InvalidArgument, "policy.path", "`" + shown(text) + "` is no JSON pointer: write `~0` for `~` and `~1` for `/`");
      part += next == '0' ? '~' : '/';
      ++at;
    } else {
      part += text[at];
    }
  }
  return out;
}

Result<std::vector<std::string>> split_dotted(std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t from = 0;;) {
    auto dot = text.find('.', from);
    auto part = text.substr(from, dot == std::string_view::npos ? dot : dot - from);
    if (part.empty() || part.find_first_of("/[] \t\"'") != std::string_view::npos)
      return fail(Code::InvalidArgument, "policy.path",
                  "`" + shown(text) + "` is no path: write names with dots between (args.items.0.price), or a JSON pointer (/args/a~1b)");
    out.emplace_back(part);
    if (dot == std::string_view::npos) return out;
    from = dot + 1;
  }
}

Result<std::vector<std::string>> split(std::string_view text) { return text.starts_with('/') ? split_pointer(text) : split_dotted(text); }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

void set_number(Seen& seen, std::string_view literal) {
  seen.kind = Seen::Kind::Number;
  seen.text = literal;
  // Whole numbers of a few digits are most of what is compared.
  if (!literal.empty() && literal.size() <= 15 && literal[0] != '0' && std::all_of(literal.begin(), literal.end(), is_digit)) {
    seen.exact = seen.whole = true;
    for (char c : literal) seen.number = seen.number * 10 + (c - '0');
    seen.decimal = Decimal(seen.number);
    return;
  }
  auto number = Decimal::parse(literal);
  if (!number) return;
  seen.decimal = *number;
  seen.exact = true;
  if (auto whole = whole_number(*number)) seen.number = *whole, seen.whole = true;
}

std::string_view or_empty(const std::string* text) { return text ? std::string_view(*text) : std::string_view(); }

}  // namespace

Result<Path> parse_path(std::string_view text) {
  if (text.empty())
    return fail(Code::InvalidArgument, "policy.path", "the path is empty: start it with `args.`, or see the list of readable names");
  CG_TRY(auto parts, split(text));
  Path path;
  path.text = text;
  if (parts[0] == "args") {
    for (std::size_t i = 1; i < parts.size(); ++i) path.segments.push_back(segment(std::move(parts[i])));
    return path;
  }
  std::string name = parts[0];
  for (std::size_t i = 1; i < parts.size(); ++i) name += '.' + parts[i];
  std::vector<std::string_view> known{"args"};
  for (const auto& root : kRoots) {
    if (root.name == name) {
      path.root = root.root;
      return path;
    }
    known.push_back(root.name);
  }
  if (nearest(name, known).empty() && name.find('.') == std::string::npos && !text.starts_with('/'))
    return fail(Code::InvalidArgument, "policy.path",
                "nothing is readable at `" + shown(text) + "`: an argument is written `args." + shown(text) + "`");
  return fail(Code::InvalidArgument, "policy.path", "nothing is readable at `" + shown(text) + "`" + suggestion(name, known));
}

Result<Path> parse_relative_path(std::string_view text) {
  Path path;
  path.root = Root::Element;
  path.text = text.empty() ? "." : text;
  if (text.empty() || text == ".") return path;
  CG_TRY(auto parts, split(text));
  for (auto& part : parts) path.segments.push_back(segment(std::move(part)));
  return path;
}

Reader::Reader(const Input& input, const std::vector<Path>& paths, Scratch& scratch) : input_(input), paths_(paths), scratch_(scratch) {
  ++scratch_.turn;
  if (scratch_.slots.size() < paths.size()) scratch_.slots.resize(paths.size());
}

const Seen& Reader::read_first(std::uint32_t path, json::Value element) {
  const Path& at = paths_[path];
  if (at.root == Root::Element) return of_element_ = walk(element, at.segments);
  Slot& slot = scratch_.slots[path];
  slot.turn = scratch_.turn;
  return slot.seen = read_root(at);
}

Seen Reader::see(json::Value value) {
  Seen seen;
  if (!value.exists()) return seen;
  switch (value.kind()) {
    case json::Kind::Null: seen.kind = Seen::Kind::Null; break;
    case json::Kind::False: seen.kind = Seen::Kind::Bool; break;
    case json::Kind::True:
      seen.kind = Seen::Kind::Bool;
      seen.truth = true;
      break;
    case json::Kind::Number: set_number(seen, value.number()); break;
    case json::Kind::String:
      seen.kind = Seen::Kind::String;
      seen.text = value.string();
      break;
    case json::Kind::Array:
      seen.kind = Seen::Kind::Array;
      seen.value = value;
      break;
    case json::Kind::Object:
      seen.kind = Seen::Kind::Object;
      seen.value = value;
      break;
  }
  return seen;
}

Seen Reader::walk(json::Value value, const std::vector<Segment>& segments) {
  for (const auto& step : segments) {
    if (!value.exists()) return {};
    if (value.is_object()) {
      value = value[step.key];
    } else if (value.is_array() && step.indexes) {
      if (step.index >= value.size()) return {};
      value = value.child(step.index);
    } else {
      Seen seen;  // a scalar, or a list asked for a name: not the shape the rule was written for
      seen.kind = Seen::Kind::Mistyped;
      return seen;
    }
  }
  return see(value);
}

Seen Reader::read_time(Root root) {
  using namespace std::chrono;
  if (!time_known_) {
    time_known_ = true;
    auto day = floor<days>(input_.now);
    year_month_day date(day);
    auto seconds_of_day = duration_cast<seconds>(input_.now - day).count();
    auto put = [](char* out, std::int64_t value, int digits) {
      for (int i = digits - 1; i >= 0; --i, value /= 10) out[i] = static_cast<char>('0' + value % 10);
    };
    put(&iso_[0], std::clamp(static_cast<int>(date.year()), 0, 9999), 4);
    put(&iso_[5], static_cast<unsigned>(date.month()), 2);
    put(&iso_[8], static_cast<unsigned>(date.day()), 2);
    put(&iso_[11], seconds_of_day / 3600, 2);
    put(&iso_[14], seconds_of_day / 60 % 60, 2);
    put(&iso_[17], seconds_of_day % 60, 2);
    iso_[4] = iso_[7] = '-';
    iso_[10] = 'T';
    iso_[13] = iso_[16] = ':';
    iso_[19] = 'Z';
    weekday_ = static_cast<std::uint8_t>(weekday(day).c_encoding());
    hour_digits_ = iso_[11] == '0' ? 1 : 2;
    minute_digits_ = iso_[14] == '0' ? 1 : 2;
  }
  Seen seen;
  seen.kind = Seen::Kind::String;
  std::string_view iso(iso_.data(), iso_.size());
  switch (root) {
    case Root::TimeHour: set_number(seen, iso.substr(13 - hour_digits_, hour_digits_)); break;
    case Root::TimeMinute: set_number(seen, iso.substr(16 - minute_digits_, minute_digits_)); break;
    case Root::TimeWeekday: seen.text = kWeekdays[weekday_]; break;
    case Root::TimeDate: seen.text = iso.substr(0, 10); break;
    default: seen.text = iso;
  }
  return seen;
}

// Labels and tools as lists of text, tools without their server. What cannot be told has no right type: a rule then takes the worst.
Seen Reader::read_flow(Root root) {
  static const FlowState nothing{};
  const FlowState& state = input_.flow != nullptr ? *input_.flow : nothing;
  Seen seen;
  if (state.unknown) {
    seen.kind = Seen::Kind::Mistyped;
    return seen;
  }
  if (root == Root::SessionCalls) {
    scratch_.session_calls = std::to_string(state.calls);
    set_number(seen, scratch_.session_calls);
    return seen;
  }
  bool labels = root == Root::SessionLabels;
  std::string text;
  json::Writer writer(text);
  writer.begin_array();
  for (const FlowMark& mark : labels ? state.labels : state.tools)
    writer.string(labels ? std::string_view(mark.name) : std::string_view(mark.name).substr(mark.name.find('/') + 1));
  writer.end_array();
  json::Document& document = labels ? scratch_.session_labels : scratch_.session_tools;
  seen.kind = Seen::Kind::Mistyped;
  if (!document.parse(text)) return seen;
  seen.kind = Seen::Kind::Array;
  seen.value = document.root();
  return seen;
}

Seen Reader::read_root(const Path& path) {
  if (path.of_flow()) return read_flow(path.root);
  const Principal* principal = input_.principal;
  const Grant* grant = input_.grant;
  const Server* server = input_.server;
  std::string_view text;
  switch (path.root) {
    case Root::Element: return {};
    case Root::Args:
      if (!input_.arguments.exists() && path.segments.empty()) return {};
      return walk(input_.arguments, path.segments);
    case Root::PrincipalId: text = or_empty(principal ? &principal->id : nullptr); break;
    case Root::PrincipalName: text = or_empty(principal ? &principal->name : nullptr); break;
    case Root::PrincipalKind:
      if (principal) text = principal->kind == PrincipalKind::User ? "user" : "robot";
      break;
    case Root::PrincipalOwner: text = or_empty(principal ? &principal->owner_id : nullptr); break;
    case Root::GrantId: text = or_empty(grant ? &grant->id : nullptr); break;
    case Root::GrantLabel: text = or_empty(grant ? &grant->label : nullptr); break;
    case Root::GrantRole: text = or_empty(grant ? &grant->role : nullptr); break;
    case Root::ServerId: text = or_empty(server ? &server->id : nullptr); break;
    case Root::ServerSlug: text = or_empty(server ? &server->slug : nullptr); break;
    case Root::ServerName: text = or_empty(server ? &server->name : nullptr); break;
    case Root::ToolName: text = input_.tool; break;
    case Root::ToolRisk: text = input_.tool_risk; break;
    case Root::SessionId: text = input_.session_id; break;
    case Root::SessionClient: text = input_.client; break;
    case Root::Reason: text = input_.stated_reason; break;
    default: return read_time(path.root);
  }
  Seen seen;  // an empty fact is one we do not have
  if (text.empty()) return seen;
  seen.kind = Seen::Kind::String;
  seen.text = text;
  return seen;
}

}  // namespace callgate::policy
