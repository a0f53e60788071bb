// Inspection in the walk: what goes to a server after the rules have said yes, and what comes back before anyone sees it. The room
// inspection/ finds, the policy says what a finding costs, this file does it: cuts out, refuses, withholds, and notes it for the record.

#include <algorithm>

#include "audit/audit.h"
#include "gateway/call.h"
#include "gateway/rewrite.h"
#include "gateway/worker.h"
#include "json/writer.h"
#include "session/jsonrpc.h"

namespace callgate::gateway {
namespace {

using inspection::Finding;
using inspection::Pack;
using policy::Direction;
using policy::InspectAction;
using policy::InspectVerdict;

constexpr std::uint32_t kNotedMax = 32;  // findings in one record

bool credential(const Finding& finding) {
  return finding.pack == Pack::Secrets || finding.pack == Pack::SeedSecrets || finding.pack == Pack::Vault;
}

std::string cut_out(json::Value value, const inspection::Findings& findings, const InspectVerdict& verdict) {
  const Finding* first = findings.all().data();
  return inspection::redact_value(value, findings, [&](const Finding& one) {
    return verdict.actions[static_cast<std::size_t>(&one - first)] == InspectAction::Redact;
  });
}

}  // namespace

std::string_view Call::subject() const {
  return message_.method.starts_with("resources/") ? message_.params["uri"].string() : message_.params["name"].string();
}

// Whose lines speak of what comes back. A stream of its own, and a task's result, may belong to any call: then the strictest count.
std::string_view Call::answers_for() const {
  return endless() || message_.method.starts_with("tasks/") ? std::string_view() : message_.method;
}

// ---- finding and judging --------------------------------------------------------------------------------------------

Result<void> Call::scan(json::Value value) {
  inspection::Findings& findings = worker_.findings();
  findings.clear();
  const inspection::Scanner* scanner = snapshot_->inspection->scanner(*visibility_.policy);
  if (scanner == nullptr)
    return fail(Code::Unavailable, "inspection.unavailable", "the policy wants this inspected, and this gate cannot: ask its operator");
  if (value.raw().size() > worker_.rooms().options.inspected_bytes_max) findings.add_cap("size");
  else scanner->scan_value(value, findings, snapshot_->inspection->known());
  return {};
}

// Judges what the last scan found, and notes it for the record; `place` stands before where it lies.
InspectVerdict Call::weigh(const Inspected& what, std::string_view place) {
  const inspection::Findings& findings = worker_.findings();
  InspectVerdict verdict = visibility_.policy->judge(what.method, what.tool, what.way, findings);
  for (const ShadowFinding& shadow : verdict.shadow)
    if (scratch().shadow.size() < kNotedMax) scratch().shadow.push_back(shadow);  // a stream has no end
  if (!verdict.shadow.empty()) decision_.shadow = scratch().shadow;
  Capture level = server_->server.capture;
  for (std::size_t i = 0; i < verdict.actions.size(); ++i) {
    if (verdict.actions[i] == InspectAction::Off || ++found_ > kNotedMax) continue;
    const Finding& finding = findings.all()[i];
    if (!findings_json_.empty()) findings_json_ += ',';
    json::Writer writer(findings_json_);
    writer.begin_object().member("rule", finding.rule).member("severity", inspection::severity_name(finding.severity));
    writer.member("confidence", inspection::confidence_name(finding.confidence));
    writer.member("in", what.way == Direction::Arguments ? "arguments" : "results");
    writer.member("where", std::string(place) + inspection::shown_place(findings, finding));
    bool shown = level == Capture::Full || (level == Capture::Redacted && credential(finding));
    if (shown && !finding.masked.empty()) writer.member("masked", finding.masked);
    if (!finding.via.empty()) writer.member("via", finding.via);
    writer.member("action", policy::inspect_action_name(verdict.actions[i]));
    if (finding.rule == verdict.rule && !verdict.pointer.empty()) writer.member("by", verdict.pointer);
    writer.end_object();
  }
  return verdict;
}

Error Call::inspected_refusal(InspectVerdict& verdict, Direction way) {
  rule_ = verdict.rule;
  rule_line_ = verdict.line;
  std::string_view reason = way == Direction::Results ? "inspection.result_denied" : "inspection.denied";
  return {Code::Denied, reason, std::move(verdict.message), {}};
}

// ---- what goes to the server ----------------------------------------------------------------------------------------

Result<void> Call::inspect_arguments() {
  if (visibility_.policy == nullptr || shared_) return {};
  bool answer = message_.kind == session::MessageKind::Response;
  std::string_view method = answer ? std::string_view(answered_method_) : message_.method;
  if (visibility_.policy->inspects(method, subject(), Direction::Arguments) == 0) return {};
  findings_json_.clear();  // of a call that is judged again
  found_ = 0;
  ask_message_.clear();
  if (answer) return inspect_request(method, message_.error.exists() ? "error" : "result", {});
  if (method_->rule != MethodRule::ToolCall && method_->rule != MethodRule::Governed) return inspect_beside(message_.params);
  if (method != "tools/call") {
    CG_CHECK(inspect_request(method, "params", {}));
    ask_for_finding();
    return {};
  }
  CG_CHECK(inspect_beside_arguments());
  CG_CHECK(inspect_request(method, "params", "arguments"));
  CG_CHECK(inspect_request(method, "params", "inputResponses"));
  ask_for_finding();
  return {};
}

// The parameters of a tool call that stand beside its arguments. The name of a known tool is what the rules are about, and a state given
// back is one that this gate sealed (modern.cc).
Result<void> Call::inspect_beside_arguments() {
  bool known = server_->fingerprint(subject()) != nullptr;
  std::string picked;
  json::Writer writer(picked);
  writer.begin_object();
  std::size_t empty = picked.size();
  message_.params.for_each_member([&](std::string_view name, json::Value value) {
    if (name == "arguments" || name == "inputResponses" || (known && name == "name")) return;
    if (name == "requestState" && era_ == session::Era::Modern) return;
    writer.key(name).raw(value.raw());
  });
  if (picked.size() == empty) return {};
  writer.end_object();
  json::Document beside;
  CG_CHECK(beside.parse(picked));
  return inspect_beside(beside.root());
}

// What the rules do not look at, yet goes out. Nothing is cut out of it and nobody is asked about it: what would need that is refused.
Result<void> Call::inspect_beside(json::Value params) {
  if (!params.exists()) return {};
  CG_CHECK(scan(params));
  InspectVerdict verdict = weigh({Direction::Arguments, message_.method, subject()});
  if (verdict.action == InspectAction::Off) return {};
  const auto& findings = worker_.findings().all();
  if (std::ranges::any_of(findings, credential)) {  // the record takes these from the metadata
    for (std::string* text : {&client_, &stated_reason_, &traceparent_}) text->clear();
  }
  if (!verdict.refuses() && !verdict.redacts()) return {};
  if (std::ranges::any_of(findings, [](const Finding& one) { return one.where == "/name"; })) masked_subject_ = "[redacted]";
  if (verdict.action != InspectAction::Deny)
    verdict.message = "Blocked by policy: what was found beside the arguments (" + std::string(verdict.rule) +
                      ") is not cut out there, and nobody can be asked about it. Leave it out.";
  return tl::unexpected(inspected_refusal(verdict, Direction::Arguments));
}

// A finding that wants a person asks as a rule of the policy would, unless one of those asks already.
void Call::ask_for_finding() {
  if (ask_message_.empty() || decision_.effect != Effect::Allow) return;
  decision_.effect = Effect::Ask;
  decision_.reason = "inspection.ask";
  decision_.message = ask_message_;
  rule_ = decision_.rule = ask_finding_;
  rule_line_ = decision_.line = ask_line_;
  decision_.ask.rules = {&ask_rule_, 1};
}

Result<void> Call::inspect_request(std::string_view method, std::string_view outer, std::string_view inner) {
  json::Value value = document_.root()[outer];
  if (!inner.empty()) value = value[inner];
  if (!value.exists()) return {};
  CG_CHECK(scan(value));
  InspectVerdict verdict = weigh({Direction::Arguments, method, subject()}, outer == "error" ? "/error" : "");
  if (verdict.action == InspectAction::Off) return {};
  if (inner != "inputResponses") mask_captured(value);
  bool asks = verdict.action == InspectAction::Ask && message_.kind == session::MessageKind::Request;
  if (verdict.refuses() && !asks) return tl::unexpected(inspected_refusal(verdict, Direction::Arguments));
  if (verdict.redacts()) CG_CHECK(cut_request(verdict, method, outer, inner));
  if (!asks || !ask_message_.empty()) return {};
  ask_message_ = std::move(verdict.message);
  ask_rule_ = verdict.pointer;
  ask_finding_ = verdict.rule;
  ask_line_ = verdict.line;
  return {};
}

Result<void> Call::cut_request(const InspectVerdict& verdict, std::string_view method, std::string_view outer, std::string_view inner) {
  json::Value value = document_.root()[outer];
  if (!inner.empty()) value = value[inner];
  std::string before(subject());
  std::string clean = cut_out(value, worker_.findings(), verdict);
  if (!inner.empty()) clean = with_member(document_.root()[outer], inner, clean);
  rewritten_ = with_member(document_.root(), outer, clean);
  CG_CHECK(judge_rewritten(inner));
  if (subject() == before && (worker_.findings().empty() || !still_there(method))) return {};
  rule_ = verdict.rule;
  rule_line_ = verdict.line;
  return fail(Code::Denied, "inspection.denied",
              "Blocked by policy: what must be cut out of this call (" + std::string(verdict.rule) +
                  ") cannot be: it is part of a name, or it is spread over several places. Leave it out.");
}

// What is judged is what is sent: after something was cut out, the call is read, checked and decided again.
Result<void> Call::judge_rewritten(std::string_view inner) {
  CG_CHECK(document_.parse(rewritten_));
  CG_TRY(message_, session::read_message(document_.root()));
  body_ = document_.canonical();
  if (message_.kind == session::MessageKind::Response) return scan(message_.error.exists() ? message_.error : message_.result);
  bool tool_call = method_->rule == MethodRule::ToolCall;
  if (head_ != nullptr && era_ == session::Era::Modern) {
    for (const net::Header& header : head_->headers())
      if (header.name.size() > 10 && net::equals_ignoring_case(header.name.substr(0, 10), "mcp-param-"))
        return fail(Code::Denied, "inspection.denied", "Blocked by policy: an argument that is repeated in a header cannot be cut out");
  }
  if (tool_call) CG_CHECK(check_arguments(subject(), server_->input_schema(subject())));
  decision_ = visibility_.policy->decide(
      policy_input(message_.method, subject(), tool_call ? message_.params["arguments"] : message_.params), scratch());
  rule_ = decision_.rule;
  rule_line_ = decision_.line;
  if (decision_.effect == Effect::Deny) return fail(Code::Denied, decision_.reason, std::string(decision_.message));
  return scan(inner.empty() ? message_.params : message_.params[inner]);
}

bool Call::still_there(std::string_view method) const {
  InspectVerdict verdict = visibility_.policy->judge(method, subject(), Direction::Arguments, worker_.findings());
  return verdict.action == InspectAction::Deny || verdict.redacts();
}

// For those who are asked: the call as it is, but for credentials that were found in it.
std::string Call::shown_to_approvers(json::Value call) {
  std::string out;
  json::Document masked;
  bool looked = visibility_.policy->inspects(message_.method, subject(), Direction::Arguments) != 0;
  if (looked && scan(call)) {
    if (!masked.parse(inspection::redact_value(call, worker_.findings(), credential)))
      (void)masked.parse("{\"not_shown\":\"it holds secrets\"}");
    call = masked.root();
  }
  audit::capture_arguments(out, call, Capture::Full);
  return out;
}

// What the record says beside its fields.
void Call::note_details() {
  if (asking_ && !asking_->id.empty()) note_approval();
  else if (dropped_ > 0) detail_json_ = "{\"dropped_upstream_messages\":" + std::to_string(dropped_) + "}";
  if (flow_) detail_json_ = with_flow(std::move(detail_json_));
  if (findings_json_.empty()) return;
  if (detail_json_.empty()) detail_json_ = "{";
  else detail_json_.back() = ',';
  ((detail_json_ += "\"findings\":[") += findings_json_) += "],\"findings_total\":" + std::to_string(found_) + "}";
}

// The record keeps no credential that was found, whatever else of the arguments it keeps.
void Call::mask_captured(json::Value value) {
  const inspection::Findings& findings = worker_.findings();
  Capture level = server_->server.capture;
  if (findings.capped() && level == Capture::Full) level = Capture::Redacted;
  auto hidden = [&](const Finding& one) { return credential(one) || (level != Capture::Full && one.pack == Pack::PersonalData); };
  if (!findings.capped() && std::none_of(findings.all().begin(), findings.all().end(), hidden)) return;
  json::Document masked;
  if (masked.parse(inspection::redact_value(value, findings, hidden))) {
    masked_subject_ = masked.root()[message_.method.starts_with("resources/") ? "uri" : "name"].string();
    if (method_ == nullptr || method_->rule != MethodRule::Governed || masked_subject_ == subject()) masked_subject_.clear();
  } else {
    (void)masked.parse("{\"not_kept\":\"they hold secrets\"}");
  }
  if (arguments_json_.empty()) return;
  arguments_json_.clear();
  audit::capture_arguments(arguments_json_, masked.root(), level);
}

// ---- what comes back ------------------------------------------------------------------------------------------------

// The answer to this call, or on a stream that is taken up again to one before it. `message` follows when something is cut out.
Result<void> Call::inspect_answer(session::Message& message) {
  CG_CHECK(keep_approved(message));
  if (shared_ || visibility_.policy == nullptr || !visibility_.policy->inspects_any(Direction::Results)) return {};
  json::Value root = answer().root();
  rewritten_.clear();
  bool lists =
      message.result["tools"].is_array() && (form_ == Form::Stream || (method_ != nullptr && method_->rule == MethodRule::ToolList));
  if (message.error.exists()) {
    CG_TRY(std::string clean, inspected(message.error, {Direction::Results, answers_for(), subject()}));
    if (!clean.empty()) rewritten_ = with_member(root, "error", clean);
  } else if (lists) {
    if (std::string tools = inspect_tools(message.result["tools"]); !tools.empty())
      rewritten_ = with_member(root, "result", with_member(message.result, "tools", tools));
  } else if (message_.method == "initialize" || message_.method == "server/discover") {
    inspect_instructions(message.result);
  } else {
    CG_TRY(std::string clean, inspected(message.result, {Direction::Results, answers_for(), subject()}));
    if (!clean.empty()) rewritten_ = with_member(root, "result", clean);
  }
  return rewritten_.empty() ? Result<void>() : read_rewritten(message);
}

Result<void> Call::read_rewritten(session::Message& message) {
  json::Caps caps;
  caps.bytes_max = server_->server.response_bytes_max + 64 * 1024;  // a mark may be longer than what it stands for
  if (!result_.empty()) {  // the record is of what the server said, which is gone once this is read
    if (worker_.rooms().options.audit) result_digest_ = content_digest(result_);
    result_ = {};
  }
  CG_CHECK(answer().parse(rewritten_, caps));
  CG_TRY(message, session::read_message(answer().root()));
  return {};
}

// Empty: `value` stays as it is; else what is left of it.
Result<std::string> Call::inspected(json::Value value, const Inspected& what, std::string_view place) {
  if (!value.exists() || visibility_.policy->inspects(what.method, what.tool, what.way) == 0) return std::string();
  CG_CHECK(scan(value));
  InspectVerdict verdict = weigh(what, place);
  if (verdict.refuses()) return tl::unexpected(inspected_refusal(verdict, what.way));  // nobody can be asked about what came back
  if (!verdict.redacts()) return std::string();
  std::string clean = cut_out(value, worker_.findings(), verdict);
  json::Document again;
  bool gone = false;
  if (again.parse(clean, {.bytes_max = 64 * 1024 * 1024})) {
    CG_CHECK(scan(again.root()));
    gone = visibility_.policy->judge(what.method, what.tool, what.way, worker_.findings()).action < InspectAction::Redact;
  }
  if (gone) return clean;
  verdict.message = "Withheld by policy: what must be cut out of the server's answer (" + std::string(verdict.rule) +
                    ") cannot be. The call itself was made: do not repeat it to see the answer.";
  return tl::unexpected(inspected_refusal(verdict, what.way));
}

// A message of the server on a stream; `message` follows when something is cut out.
Result<void> Call::inspect_event(session::Message& message) {
  if (shared_ || visibility_.policy == nullptr || !visibility_.policy->inspects_any(Direction::Results)) return {};
  CG_TRY(std::string clean, inspected(message.params, {Direction::Results, answers_for(), subject()}));
  if (clean.empty()) return {};
  rewritten_ = with_member(answer().root(), "params", clean);
  return read_rewritten(message);
}

// Definitions of tools: what is denied is not listed. Empty: all stay as they are.
std::string Call::inspect_tools(json::Value tools) {
  std::string out;
  json::Writer writer(out);
  writer.begin_array();
  bool changed = false;
  tools.for_each_element([&](json::Value tool) {
    std::string_view name = tool["name"].string();
    auto clean = inspected(tool, {Direction::Results, "tools/call", name}, "/tools/" + std::string(name.substr(0, 128)));
    worker_.rooms().withheld->note(server_->server.id, *visibility_.policy, name, !clean);
    changed = changed || !clean || !clean->empty();
    if (clean) writer.raw(clean->empty() ? tool.raw() : std::string_view(*clean));
  });
  writer.end_array();
  rule_.clear();
  rule_line_ = 0;
  return changed ? out : std::string();
}

// Instructions of a server that are denied are left out: a session is still of use without them.
void Call::inspect_instructions(json::Value result) {
  json::Value instructions = result["instructions"];
  auto clean = inspected(instructions, {Direction::Results, message_.method, {}}, "/instructions");
  if (clean && clean->empty()) return;
  rule_.clear();
  rule_line_ = 0;
  rewritten_ = with_member(answer().root(), "result", with_member(result, "instructions", clean ? *clean : std::string()));
}

// A large answer: true while it is still collected to be inspected as a whole, or was withheld because it is too large for that.
bool Call::collects_for_inspection() {
  if (shared_ || visibility_.policy == nullptr) return false;
  const Inspected what{Direction::Results, answers_for(), subject()};
  if (visibility_.policy->inspects(what.method, what.tool, what.way) == 0) return false;
  if (buffer_.size() <= worker_.rooms().options.inspected_bytes_max) return true;
  worker_.findings().clear();
  worker_.findings().add_cap("size");
  InspectVerdict verdict = weigh(what);
  if (!verdict.refuses()) return false;
  if (exchange_ != nullptr) std::exchange(exchange_, nullptr)->cancel();
  answered_at_ = worker_.mono();
  result_bytes_ = buffer_.size();
  withhold(inspected_refusal(verdict, what.way));
  return true;
}

// The call was made and answered; the caller is told so, and not what the answer was.
void Call::withhold(const Error& error) {
  effect_ = Effect::Deny;
  reason_ = error.reason;
  message_text_ = error.message;
  outcome_ = "result";
  settle(limits::CallOutcome::Answered);
  status_ = 200;
  set_refusal_body(error.code, message_text_);
  if (event_reply_) {
    session::append_sse(out_, {.event = "message", .data = rewritten_, .id = {}, .retry_ms = {}, .has_data = true});
    reply_body_ = {};
  }
  finish();
}

}  // namespace callgate::gateway
