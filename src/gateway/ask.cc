// What a server asks of the client: judged by the same policy as calls, counted, recorded, and only then shown. In the stateful
// revisions it comes as a request on a stream and its answer as a POST; since 2026-07-28 it is part of an answer (input_required).

#include "gateway/call.h"
#include "gateway/elicitation.h"
#include "gateway/rewrite.h"
#include "gateway/worker.h"
#include "json/writer.h"
#include "session/jsonrpc.h"

namespace callgate::gateway {
namespace {

constexpr std::uint32_t kAskedPerCallMax = 32;  // a server that asks without end is cut off, whatever the policy counts

}  // namespace

// Policy, budget, what the client declared, and what no server may ask.
Result<void> Call::judge_question(std::string_view method, json::Value params, const session::ClientFeatures& features) {
  if (session::capability_for(method).empty() || !features.can(method, params)) {
    return fail(Code::InvalidRequest, "ask.unsupported", "the client did not declare that it can be asked this");
  }
  if (visibility_.policy == nullptr) return fail(Code::Denied, "policy.missing", "no policy applies to this grant");
  if (++asked_ > kAskedPerCallMax) return fail(Code::RateLimited, "ask.too_many", "the server asked too often during one call");
  if (method == "elicitation/create") CG_CHECK(check_elicitation(params));
  return judge_also(method, message_.params["name"].string(), params);
}

// Something beside the request itself, by the same policy; what it counts is counted at once.
Result<void> Call::judge_also(std::string_view method, std::string_view subject, json::Value params) {
  if (visibility_.policy == nullptr) return fail(Code::Denied, "policy.missing", "no policy applies to this grant");
  CG_CHECK(look_at_flow());
  policy::Scratch scratch;
  policy::Decision decision = visibility_.policy->decide(policy_input(method, subject, params), scratch);
  if (decision.effect == Effect::Deny) return fail(Code::Denied, decision.reason, std::string(decision.message));
  if (decision.effect != Effect::Allow)  // the client's own user is asked as it is; a second person cannot be waited for here
    return fail(Code::Denied, "approval.not_here", "the policy wants a person to approve what the server asks, which is not possible here");
  if (decision.claims.empty()) return {};
  limits::Reservation taken;
  auto& counters = worker_.rooms().counters;
  CG_TRY(auto outcome, counters.reserve(decision.claims, wall_, taken));
  if (!outcome.reserved) return fail(Code::RateLimited, "limits.exceeded", std::move(outcome.refusal.message));
  counters.settle(taken, limits::Settle::Keep);
  return counters.flush();
}

void Call::record_question(std::string_view method, std::string_view id, const Result<void>& judged) {
  if (!worker_.rooms().options.audit) return;
  Record record = this->record();
  record.kind = Record::Kind::Call;
  record.time = worker_.rooms().clock.now();
  std::string detail = "{\"asked_during\":";
  json::append_quoted(detail, message_.method.empty() ? std::string_view("stream") : message_.method);
  detail += '}';
  record.detail_json = detail;
  record.method = method;
  record.request_id = id;
  record.effect = judged ? Effect::Allow : Effect::Deny;
  record.reason = judged ? std::string_view("server.asked") : judged.error().reason;
  record.message = judged ? std::string_view() : std::string_view(judged.error().message);
  record.arguments_json = {};
  record.rule = {};
  record.outcome = "none";
  record.shadow = {};
  worker_.add_record(record);
}

// A request of the server on the stream of this call. What is not let through is answered in the client's place.
void Call::relay_question(session::Message message, const session::SseEvent& event) {
  if (era_ == session::Era::Modern || !session_) {  // 2026-07-28: servers send no requests
    ++dropped_;
    return;
  }
  if (message.method == "ping") return answer_question(message.id.raw(), {}, {});
  Result<void> judged;  // at the shared endpoint: by the inner call already
  if (!shared_) judged = judge_question(message.method, message.params, session_->features);
  if (judged) judged = inspect_event(message);
  if (judged) {
    std::string kept = question_to_keep(message_.params["name"].string(), message.params);
    judged = worker_.rooms().sessions.ask(session_->id, message.id.raw(), {std::string(message.method), std::move(kept)});
  }
  if (!shared_) record_question(message.method, message.id.raw(), judged);
  if (!judged) {
    ++dropped_;
    return answer_question(message.id.raw(), judged.error().reason, judged.error().message);
  }
  asked_ids_.emplace_back(message.id.raw());
  std::string tasks = tasks_for_client(answer().root(), {}, false);
  relay_event(event, tasks.empty() ? answer().canonical() : std::string_view(tasks));
}

void Call::answer_question(std::string_view id, std::string_view reason, std::string_view refusal) {
  std::string body;
  if (reason.empty()) {
    json::Writer(body).begin_object().member("jsonrpc", "2.0").key("id").raw(id).key("result").begin_object().end_object().end_object();
  } else {
    bool unsupported = reason == "ask.unsupported";
    session::append_error(body, id, unsupported ? session::kMethodNotFound : session::kInternalError, refusal);
  }
  Errand::Origin origin{snapshot_, session_, caller_, server_, {}, false};
  origin.head_lines = "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n";
  if (!session_->upstream_id.empty()) origin.head_lines += "Mcp-Session-Id: " + session_->upstream_id + "\r\n";
  origin.head_lines += "MCP-Protocol-Version: " + session_->revision + "\r\n";
  worker_.run_errand(std::make_unique<Errand>(worker_, std::move(origin), std::move(body)));
}

// The client's answer to a question that was relayed; each is taken once (T-11, T-50).
Result<void> Call::admit_answer() {
  std::optional<session::SessionTable::Asked> asked;
  if (session_ && message_.id.exists()) asked = worker_.rooms().sessions.take_asked(session_->id, message_.id.raw());
  if (!asked) return fail(Code::InvalidRequest, "gateway.unexpected_answer", "this answer belongs to no open request of the server");
  answered_method_ = std::move(asked->method);
  body_ = document_.canonical();  // metadata about a task is put right with the rest (dress_tasks)
  auto judged = judge_answer(asked->kept);
  if (judged) judged = inspect_arguments();
  if (!judged) answer_question(request_id_, judged.error().reason, judged.error().message);  // the server's call must not wait for ever
  return judged;
}

// Where rules look at what a session has seen: the question as it was judged, to be judged again when the answer is there.
std::string Call::question_to_keep(std::string_view subject, json::Value params) const {
  std::string kept;
  if (!flow_) return kept;
  json::Writer out(kept);
  out.begin_object().member("during", message_.method).member("subject", subject).member("reason", std::string_view(stated_reason_));
  out.member("part", std::string_view(flow_part_)).key("params").raw(params.exists() ? params.raw() : "null").end_object();
  return kept;
}

// An answer tells the server something: it may pass if the question could be asked now, after all that was seen since (T07).
Result<void> Call::judge_answer(std::string_view kept) {
  if (shared_) return {};  // by the inner call
  if (visibility_.policy == nullptr) return fail(Code::Denied, "policy.missing", "no policy applies to this grant");
  if (kept.empty() && !visibility_.policy->tracks()) return {};
  auto* flows = worker_.rooms().flows;
  if (kept.empty() || flows == nullptr)
    return fail(Code::Denied, "flows.unavailable",
                "the policy has come to look at what went before a call, and this was asked before that: make the call anew");
  json::Document question;
  CG_CHECK(question.parse(kept));
  json::Value was = question.root();
  flow_part_ = was["part"].string();
  flow_ = flows->look(trail(), wall_);
  policy::Input input = policy_input(answered_method_, was["subject"].string(), was["params"]);
  input.stated_reason = was["reason"].string();
  if (was["during"].string() == "tools/call") input.tool_risk = server_->risk(was["subject"].string());
  policy::Decision decision = visibility_.policy->decide(input, scratch());
  decision_.shadow = decision.shadow;
  rule_ = decision.rule;
  rule_line_ = decision.line;
  if (decision.effect == Effect::Deny) return fail(Code::Denied, decision.reason, std::string(decision.message));
  if (decision.effect == Effect::Allow) return {};
  return fail(Code::Denied, "approval.not_here", "the policy wants a person to approve what the server asks, which is not possible here");
}

// What was asked during a call is moot once the call is over.
void Call::forget_questions() {
  for (const std::string& id : asked_ids_) (void)worker_.rooms().sessions.take_asked(session_->id, id);
  asked_ids_.clear();
}

// ---- since 2026-07-28: questions inside the answer ------------------------------------------------------------------

// What an answer asks, under keys. A task repeats its questions each time it is looked at; each is judged once.
Result<void> Call::judge_inputs(json::Value requests) {
  auto features = session::read_features(message_.of_meta.capabilities);
  auto& table = *worker_.rooms().tasks;
  std::string owner = task_.empty() ? std::string() : task_owner();
  Result<void> outcome;
  requests.for_each_member([&](std::string_view key, json::Value request) {
    if (!outcome) return;
    std::string id;
    json::append_quoted(id, key);
    std::string question = id + std::string(request.raw().substr(0, 4'096));
    if (!task_.empty() && table.asked_before(owner, task_, question)) return;
    outcome = judge_question(request["method"].string(), request["params"], features);
    record_question(request["method"].string(), id, outcome);
    if (outcome && !task_.empty()) table.note_asked(owner, task_, question);
  });
  return outcome;
}

// An input_required result: every question is judged, and the server's state goes out sealed to this caller and this very call.
Result<void> Call::accept_input_required(json::Value result) {
  if (message_.method != "tools/call" && message_.method != "prompts/get" && message_.method != "resources/read")
    return fail(Code::Unavailable, "upstream.bad_answer", "the upstream asked for input where the protocol has no place for it");
  json::Value state = result["requestState"];
  if (auto judged = judge_inputs(result["inputRequests"]); !judged) {
    release_parked(state.string());
    return judged;
  }
  if (!state.is_string()) return {};
  CG_TRY(std::string sealed, seal_state(state.string()));
  std::string quoted;
  json::append_quoted(quoted, sealed);
  rewritten_ = with_member(answer().root(), "result", with_member(result, "requestState", quoted));
  reply_body_ = rewritten_;
  return {};
}

}  // namespace callgate::gateway
