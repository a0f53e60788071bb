// Calls a person has to decide about: put before people, held open or answered "pending", judged again from the start once someone said
// yes, and sent only after the approval was used up on disk. What was approved is this very call; everything else asks anew (T-70).

#include <algorithm>

#include "approvals/call.h"
#include "gateway/call.h"
#include "gateway/hub_names.h"
#include "gateway/worker.h"
#include "json/writer.h"
#include "session/jsonrpc.h"

namespace callgate::gateway {
namespace {

using namespace std::chrono_literals;
using approvals::State;
using Stage = Asking::Stage;

constexpr std::size_t kHeldPerGrantMax = 16;  // open answers of one grant on one worker; more are told to come back
constexpr std::int64_t kComeBackMs = 15'000;

// What is not part of the call: the caller's own bookkeeping, and a server's state, which only comes back to this very call (modern.cc).
bool beside_the_call(std::string_view name) { return name == "_meta" || name == "requestState" || name == "name"; }

// All that the server would be told to do: the arguments, or all parameters where there are more.
std::string bound_call(const session::Message& message) {
  bool only_arguments = message.method == "tools/call" || message.method == "prompts/get";
  message.params.for_each_member([&](std::string_view name, json::Value value) {
    only_arguments &= beside_the_call(name) || name == "arguments" || answers_approval_only(name, value);
  });
  std::string out;
  if (only_arguments) {
    json::Value arguments = message.params["arguments"];
    if (arguments.exists()) approvals::append_sorted(out, arguments);
    else out = "{}";
    return out;
  }
  std::string picked;
  json::Writer writer(picked);
  writer.begin_object();
  message.params.for_each_member([&](std::string_view name, json::Value value) {
    if (beside_the_call(name) || answers_approval_only(name, value)) return;
    writer.key(name).raw(value.raw());
  });
  writer.end_object();
  json::Document document;
  if (document.parse(picked)) approvals::append_sorted(out, document.root());
  return out;
}

std::string approval_detail(std::string_view id, std::uint32_t dropped) {
  std::string detail;
  json::Writer writer(detail);
  writer.begin_object().member("approval", id);
  if (dropped > 0) writer.member("dropped_upstream_messages", std::int64_t{dropped});
  writer.end_object();
  return detail;
}

}  // namespace

bool Call::waiting() const { return asking_ && !finished_ && asking_->stage != Stage::Used; }

// ---- while the call is admitted -------------------------------------------------------------------------------------

// The call may pass once a person has said yes. Whoever judges a call may ask: the policy, or what was found in the arguments.
// Second time round, with a yes in hand, this checks that it is the same call still, and reserves what it takes.
Result<void> Call::ask_person(const policy::Ask& ask, std::string_view message) {
  if (worker_.rooms().approvals == nullptr)
    return fail(Code::Denied, "approval.unavailable",
                "this call needs the approval of a person, and this gate has nobody to ask: run it behind `callgate serve`");
  if (form_ != Form::Request)  // nothing could be answered
    return fail(Code::Denied, "approval.not_here", "only requests can be approved");
  CG_TRY(approvals::Proposal proposal, propose(ask, message));
  if (asking_ && asking_->approved) {
    if (asking_->proposal.binding.digest() != proposal.binding.digest())
      return fail(
          Code::Denied, "approval.stale",
          "approval " + asking_->id + " was given for another policy or tool than there is by now: make the call again to ask anew");
    if (reservation_.empty()) CG_CHECK(reserve(decision_.claims));
    return {};
  }
  settle(limits::CallOutcome::RefusedLater);  // limits are only looked at for now; a full one refuses at once
  reservation_ = {};
  CG_CHECK(reserve(decision_.claims));
  settle(limits::CallOutcome::RefusedLater);
  reservation_ = {};
  if (asking_) asking_->call = nullptr;
  asking_ = std::make_shared<Asking>();
  asking_->call = this;
  asking_->proposal = std::move(proposal);
  asking_->events = over_events_ || (head_ != nullptr && head_->header("accept").find("text/event-stream") != std::string_view::npos);
  return {};
}

Result<approvals::Proposal> Call::propose(const policy::Ask& ask, std::string_view message) {
  std::string sorted = bound_call(message_);
  json::Document document;
  CG_CHECK(document.parse(sorted));
  approvals::Proposal out;
  approvals::Binding& binding = out.binding;
  binding.grant_id = caller_->grant.id;
  binding.principal_id = caller_->principal.id;
  binding.server_id = server_->server.id;
  binding.method = message_.method;
  std::string_view subject = message_.params["name"].string();
  binding.tool = subject.empty() ? message_.params["uri"].string() : subject;
  if (!masked_subject_.empty()) binding.tool = masked_subject_;  // kept, listed and told to people; which one it is stands in `call`
  binding.policy = visibility_.policy->name();
  binding.policy_version = visibility_.policy->version();
  if (const Digest* fingerprint = server_->fingerprint(binding.tool); fingerprint != nullptr && method_->rule == MethodRule::ToolCall)
    binding.fingerprint = *fingerprint;
  std::string bound = sorted;
  if (!masked_subject_.empty()) json::append_quoted(bound += "\nnamed:", subject);
  if (flow_)  // what went before may bring other rules into play: then it is another question
    for (std::string_view rule : ask.rules) (bound += '\n') += rule;
  binding.call = sha256(bound);
  out.leaves = approvals::leaves_of(document.root(), binding.server_id + "/" + binding.tool);
  out.call_json = shown_to_approvers(document.root());
  out.principal_name = caller_->principal.name;
  out.principal_kind = caller_->principal.kind == PrincipalKind::Robot ? "robot" : "user";
  out.owner_id = caller_->principal.owner_id;
  out.grant_label = caller_->grant.label;
  out.client = client_;
  out.server_slug = server_->server.slug;
  out.stated_reason = stated_reason_;
  out.decision_id = decision_id_;
  out.message = message;
  out.rules.assign(ask.rules.begin(), ask.rules.end());
  out.roles.assign(ask.roles.begin(), ask.roles.end());
  out.approvers = ask.approvers;
  out.expires = ask.expires;
  out.self = ask.self;
  return out;
}

// ---- on the pool and back -------------------------------------------------------------------------------------------

void Call::look_up_approval() {
  asking_->stage = Stage::Looking;
  asking_->epoch = worker_.rooms().approvals->epoch();
  auto* room = worker_.rooms().approvals;
  net::Loop& loop = worker_.loop();
  bool queued = worker_.rooms().offload.run([asking = asking_, room, &loop] {
    auto standing = std::make_shared<Result<approvals::Standing>>(room->ask(asking->proposal));
    loop.post([asking, standing] {
      if (asking->call != nullptr) asking->call->on_standing(*standing);
    });
  });
  if (!queued) refuse({Code::Unavailable, "approval.busy", "too many calls are looked up at once: try again in a second", {}});
}

void Call::on_standing(const Result<approvals::Standing>& standing) {
  if (!standing) return refuse(standing.error());
  asking_->id = standing->id;
  asking_->expires_at = standing->expires_at;
  if (standing->proposed) asking_->proposed = true, record_approval(Effect::Ask, "approval.proposed");
  if (reply_ == nullptr) {  // the client left; the approval stays, and the same call finds it again
    reason_ = "client.gone";
    return finish();
  }
  if (standing->state == State::Approved) return use_approval();
  if (standing->state == State::Denied) {
    std::string said = "Denied by a person: this call was not approved";
    if (!standing->note.empty()) said += " (\"" + standing->note + "\")";
    return refuse(
        {Code::Denied, "approval.denied", said + ". Do not make it again; ask " + standing->decided_by + " when it is needed.", {}});
  }
  bool room = std::ranges::count_if(worker_.streams(), [&](const Call* call) {
                return call->waiting() && call->caller_->grant.id == caller_->grant.id;
              }) < static_cast<std::ptrdiff_t>(kHeldPerGrantMax);
  bool hold = asking_->events && room && worker_.rooms().options.approval_hold > 0ms && reply_ != nullptr && !worker_.stopping();
  if (hold || stream_begun_) return hold_call();
  answer_pending();
}

// A person said yes. That was about this call under the policy, grant and tool of then: everything is judged again as it is now.
void Call::use_approval() {
  asking_->stage = Stage::Using;
  asking_->approved = true;
  if (auto judged = judge_again(); !judged) return refuse(judged.error());
  auto* room = worker_.rooms().approvals;
  net::Loop& loop = worker_.loop();
  bool queued = worker_.rooms().offload.run([asking = asking_, room, &loop] {
    auto used = std::make_shared<Result<void>>(room->consume(asking->id, asking->proposal));
    loop.post([asking, used] {
      if (asking->call != nullptr) asking->call->on_used(*used);
    });
  });
  if (!queued) refuse({Code::Unavailable, "approval.busy", "too many calls are looked up at once: try again in a second", {}});
}

void Call::on_used(const Result<void>& used) {
  if (!used)
    return refuse({used.error().code == Code::Conflict ? Code::Denied : used.error().code, used.error().reason, used.error().message, {}});
  asking_->stage = Stage::Used;
  effect_ = Effect::Allow;
  record_approval(Effect::Allow, "approval.executed");
  worker_.queue_send(*this);
}

Result<void> Call::judge_again() {
  wall_ = worker_.rooms().clock.now();
  std::shared_ptr<const Snapshot> now = worker_.snapshot();
  CG_TRY(const identity::GrantEntry* caller, caller_now(*now));
  const catalog::ServerEntry* server = now->catalog->server(server_->server.id);
  if (server == nullptr || server->server.disabled || server->credentials_unreadable || !identity::may_use_server(*caller, server->server))
    return fail(Code::Denied, "catalog.disabled", "this server is no longer available to this grant");
  if (session_) {
    CG_TRY(session_, worker_.rooms().sessions.find(session_->id, caller->grant.id, server->server.id, wall_));
    if (worker_.rooms().sessions.cancelled(session_->id, request_id_))
      return fail(Code::Cancelled, "client.cancelled", "the client gave this call up");
  }
  caller_ = caller;
  server_ = server;
  snapshot_ = std::move(now);
  visibility_ = {caller_, server_, policy_for(*snapshot_->catalog, *caller_, *server_)};
  decision_ = {};
  arguments_json_.clear();
  CG_CHECK(method_->rule == MethodRule::ToolCall ? admit_tool_call() : admit_governed());
  if (decision_.effect != Effect::Allow) return {};
  // By now nobody has to be asked: still only a yes to this very call sends it.
  CG_TRY(approvals::Proposal proposal, propose({}, {}));
  if (proposal.binding.digest() == asking_->proposal.binding.digest()) return {};
  return fail(Code::Denied, "approval.stale", "the policy has changed since this call was made: make it again");
}

Result<const identity::GrantEntry*> Call::caller_now(const Snapshot& snapshot) const {
  if (!inner_) return snapshot.directory->recheck(caller_->grant.id, remote_, wall_);
  // Where it comes from was looked at for the outer call.
  const identity::GrantEntry* caller = snapshot.directory->find(caller_->grant.id);
  bool good = caller != nullptr && !caller->grant.revoked_at && wall_ < caller->grant.expires_at && !caller->principal.disabled &&
              !caller->owner_disabled;
  if (!good) return fail(Code::Unauthenticated, "identity.revoked", "this grant has ended: ask for a new one");
  return caller;
}

// ---- while nobody has decided ---------------------------------------------------------------------------------------

// The answer begins now, as a stream, so that no client gives up waiting for the first byte; the call goes on in it.
void Call::hold_call() {
  bool first = asking_->stage != Stage::Waiting && !stream_begun_ && asking_->until == MonoTime{};
  asking_->stage = Stage::Waiting;
  if (!first) return;
  asking_->since = worker_.rooms().clock.mono();
  asking_->until = asking_->since + worker_.rooms().options.approval_hold;
  event_reply_ = true;
  append_waiting(out_);
  start_stream();
}

// Every so often while it waits: progress where the client asked for it, a comment else.
void Call::append_waiting(std::string& out) const {
  json::Value token = message_.params["_meta"]["progressToken"];
  if (!token.is_string() && !token.is_number()) {
    out += ": waiting for approval\n\n";
    return;
  }
  auto waited = std::chrono::duration_cast<std::chrono::seconds>(worker_.rooms().clock.mono() - asking_->since);
  std::string data;
  json::Writer writer(data);
  writer.begin_object().member("jsonrpc", "2.0").member("method", "notifications/progress").key("params").begin_object();
  writer.key("progressToken").raw(token.raw()).member("progress", std::int64_t{waited.count()});
  writer.member("message", "waiting for a person to decide about approval " + asking_->id).end_object().end_object();
  session::append_sse(out, {.event = "message", .data = data, .id = {}, .retry_ms = {}, .has_data = true});
}

// Every half second.
void Call::recheck_waiting(const Snapshot& snapshot, WallTime now) {
  wall_ = now;
  if (asking_->stage != Stage::Waiting) return;
  if (auto caller = caller_now(snapshot); !caller) return refuse(caller.error());
  if (session_ && worker_.rooms().sessions.cancelled(session_->id, request_id_))
    return refuse({Code::Cancelled, "client.cancelled", "the client gave this call up", {}});
  const auto& room = *worker_.rooms().approvals;
  if (room.epoch() == asking_->epoch && now < asking_->expires_at) {  // nobody has decided about anything
    if (worker_.rooms().clock.mono() >= asking_->until) answer_pending();
    return;
  }
  asking_->epoch = room.epoch();
  auto state = room.state(asking_->id);
  if (!state)
    return refuse({Code::Denied,
                   "approval.expired",
                   "nobody decided about approval " + asking_->id + " in time. Make the call again to ask anew.",
                   {}});
  if (*state != State::Pending) return look_up_approval();
  if (worker_.rooms().clock.mono() >= asking_->until) answer_pending();
}

// Told to come back: the same call finds the same approval.
void Call::answer_pending() {
  retry_after_ms_ = kComeBackMs;
  std::string text = asking_->proposal.message;
  text += " Approval " + asking_->id + " is pending";
  if (!worker_.rooms().options.public_url.empty()) text += " at " + approval_url();
  text += ". Nothing was done yet. Tell the user; make the same call again, unchanged, once it was decided.";
  if (answer_with_link(text)) return;
  refuse({Code::Denied, "approval.pending", std::move(text), {}});
}

std::string Call::approval_url() const { return worker_.rooms().options.public_url + "/approvals/" + asking_->id; }

// The gate stops while a call waits: it is told so in good order, and the approval stays.
void Call::stop_waiting() {
  if (!asking_->id.empty() && asking_->stage == Stage::Waiting) return answer_pending();
  refuse({Code::Unavailable, "gate.stopping", "the gate is stopping: try again in a moment", {}});
}

// ---- records --------------------------------------------------------------------------------------------------------

void Call::record_approval(Effect effect, std::string_view reason) {
  if (!worker_.rooms().options.audit) return;
  std::string detail = approval_detail(asking_->id, 0);
  Record record = this->record();
  record.kind = Record::Kind::Approval;
  record.time = worker_.rooms().clock.now();
  record.effect = effect;
  record.reason = reason;
  record.message = asking_->proposal.message;
  record.outcome = "none";
  record.detail_json = detail;
  worker_.add_record(record);
}

void Call::note_approval() {
  if (asking_->id.empty()) return;
  detail_json_ = approval_detail(asking_->id, dropped_);
}

}  // namespace callgate::gateway
