#include "backtest/recorded.h"

#include <algorithm>
#include <charconv>

namespace callgate::backtest {
namespace {

constexpr std::string_view kBeforeSending[] = {
    "upstream.resolve", "upstream.address_refused", "upstream.connect",   "upstream.connect_timeout", "upstream.tls",
    "upstream.busy",    "upstream.start",           "upstream.restarting"};

std::int64_t number(json::Value value) {
  std::int64_t out = 0;
  std::string_view text = value.number();
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

struct TextField {
  std::string_view name;
  std::string RecordedCall::*into;
};
constexpr TextField kTexts[] = {{"kind", &RecordedCall::kind},
                                {"decision", &RecordedCall::decision},
                                {"principal_id", &RecordedCall::principal_id},
                                {"principal", &RecordedCall::principal},
                                {"grant", &RecordedCall::grant},
                                {"grant_label", &RecordedCall::grant_label},
                                {"client", &RecordedCall::client},
                                {"session", &RecordedCall::session},
                                {"server_id", &RecordedCall::server_id},
                                {"server", &RecordedCall::server},
                                {"method", &RecordedCall::method},
                                {"tool", &RecordedCall::tool},
                                {"reason", &RecordedCall::reason},
                                {"message", &RecordedCall::message},
                                {"rule", &RecordedCall::rule},
                                {"policy", &RecordedCall::policy},
                                {"stated_reason", &RecordedCall::stated_reason}};

}  // namespace

std::string_view verdict_name(Verdict verdict) {
  constexpr std::string_view kNames[] = {"allow", "ask", "deny", "hidden"};
  return kNames[static_cast<std::size_t>(verdict)];
}

std::optional<Verdict> RecordedCall::verdict() const {
  if (reason == "policy.hidden") return Verdict::Hidden;
  if (asked || reason.starts_with("approval.")) return Verdict::Ask;
  if (effect == Effect::Allow || reason == "inspection.result_denied") return Verdict::Allow;
  bool by_policy =
      reason.starts_with("policy.") || reason == "limits.exceeded" || reason == "limits.amount" || reason == "inspection.denied";
  return by_policy ? std::optional(Verdict::Deny) : std::nullopt;
}

bool RecordedCall::nothing_sent() const {
  return reason.starts_with("sandbox.") ||
         std::find(std::begin(kBeforeSending), std::end(kBeforeSending), reason) != std::end(kBeforeSending);
}

Result<void> CallReader::read(std::uint64_t sequence, std::string_view payload, RecordedCall& into) {
  json::Caps caps;
  caps.bytes_max = 8 * 1024 * 1024;
  caps.depth_max = 80;
  CG_CHECK(document_.parse(payload, caps));
  if (!document_.root().is_object()) return fail(Code::InvalidArgument, "backtest.record", "the record is no object");
  for (const TextField& field : kTexts) (into.*field.into).clear();
  into.sequence = sequence;
  into.arguments.clear();
  into.shadow.clear();
  into.policy_version = into.rule_line = 0;
  into.asked = false;
  into.effect = Effect::Deny;
  into.principal_kind = PrincipalKind::User;
  std::optional<WallTime> time;
  document_.root().for_each_member([&](std::string_view name, json::Value value) {
    auto text = std::find_if(std::begin(kTexts), std::end(kTexts), [&](const TextField& field) { return field.name == name; });
    if (text != std::end(kTexts)) into.*text->into = value.string();
    else if (name == "time") time = parse_time(value.string());
    else if (name == "effect")
      into.effect = value.string() == "allow" ? Effect::Allow : value.string() == "ask" ? Effect::Ask : Effect::Deny;
    else if (name == "principal_kind") into.principal_kind = value.string() == "robot" ? PrincipalKind::Robot : PrincipalKind::User;
    else if (name == "policy_version") into.policy_version = number(value);
    else if (name == "rule_line") into.rule_line = number(value);
    else if (name == "arguments") into.arguments = value.raw();
    else if (name == "shadow")
      value.for_each_element([&](json::Value one) {
        into.shadow.push_back({std::string(one["rule"].string()), std::string(one["message"].string())});
      });
    else if (name == "detail") into.asked = value["approval"].exists();
  });
  if (!time || into.method.empty() || into.kind.empty())
    return fail(Code::InvalidArgument, "backtest.record", "the record lacks its time, kind or method");
  into.time = *time;
  return {};
}

}  // namespace callgate::backtest
