#include "bridge/modern_call.h"

#include "bridge/listen.h"
#include "bridge/state.h"
#include "bridge/translate.h"
#include "bridge/words.h"
#include "session/revision.h"

namespace callgate::bridge {
namespace {

constexpr std::string_view kVersions = R"(["2026-07-28","2025-11-25","2025-06-18","2025-03-26"])";
constexpr std::string_view kStale = "this requestState is not valid any more: call again without it";

// key -> answer; nothing when they are not what a retry carries.
std::optional<Run::Answers> read_answers(json::Value responses) {
  Run::Answers answers;
  if (!responses.exists()) return answers;
  if (!responses.is_object()) return std::nullopt;
  bool good = true;
  responses.for_each_member([&](std::string_view key, json::Value answer) {
    good = good && answer.is_object();
    if (good) answers.emplace(key, answer.raw());
  });
  if (!good) return std::nullopt;
  return answers;
}

}  // namespace

ModernCall::ModernCall(Core& core, const upstream::Target& target, const ClearedCall& call, upstream::ResponseSink& sink)
    : Actor(core), reply_(core.loop(), sink, *this), origin_(std::make_shared<Origin>(target, call)) {}

std::string ModernCall::error_message_for(int code, std::string_view message) const {
  return error_message(message_.id.raw(), code, message);
}

void ModernCall::start(const ClearedCall& call) {
  if (call.method() != "POST") return reply_.empty(405);
  auto parsed = document_.parse(call.body());
  auto read = parsed ? session::read_message(document_.root()) : tl::unexpected<Error>(parsed.error());
  if (!read) return reply_.fail(read.error(), false);
  message_ = *read;
  if (message_.kind != session::MessageKind::Request) return reply_.empty(202);  // nothing of it has a counterpart
  json::Value meta = message_.params["_meta"], level = meta[kMetaLogLevel];
  client_.call = address();
  client_.id = message_.id.raw();
  client_.can = read_client_can(meta[session::kMetaCapabilities]);
  if (meta["progressToken"].exists()) client_.progress_token = meta["progressToken"].raw();
  if (level.exists() && (client_.level = log_level(level.string())) < 0) return refuse(session::kInvalidParams, "unknown log level");
  wish_.origin = origin_;
  wish_.capabilities = declared_capabilities(client_.can, meta[session::kMetaCapabilities]);
  wish_.may_ask = client_.can.forms || client_.can.urls || client_.can.sampling || client_.can.roots;
  json::Value info = meta[session::kMetaClientInfo];
  wish_.client_info = info["name"].is_string() && info["version"].is_string() ? std::string(info.raw()) : own_info();
  if (message_.method == "server/discover") return want_session(*this, wish_);
  if (message_.method == "subscriptions/listen") return start_listening();
  if (!carried_method(message_.method)) return refuse(session::kMethodNotFound, "this server's revision has no such method", 404);
  start_run(call);
}

void ModernCall::start_run(const ClearedCall& call) {
  Digest binding{};
  if (input_method(message_.method)) {
    binding = state_binding(call.context(), origin_->target->server.id, message_.method, message_.params);
    if (message_.params["requestState"].exists()) return start_retry(binding);
  }
  Run::Request request{wish_, std::string(call.body()), std::string(message_.method), binding};
  Run& run = core().add<Run>(std::move(request), client_);
  run_ = run.address();
  run.start();
}

// The retry of a parked call. Whoever does not bring exactly what was bound learns nothing and changes nothing.
void ModernCall::start_retry(const Digest& binding) {
  auto answers = read_answers(message_.params["inputResponses"]);
  if (!answers) return refuse(session::kInvalidParams, "inputResponses must be an object of answers");
  Hub& hub = core().hub();
  auto state = open_state(hub.sealer, message_.params["requestState"].string(), binding, core().now());
  auto parked = state ? hub.take_parked(state->parked_id, binding) : std::nullopt;
  if (!parked) return refuse(session::kInvalidParams, kStale);
  run_ = parked->run;
  bool posted = hub.post(run_.core, [run = run_, client = client_, answers = std::move(*answers)](Core& core) {
    if (Actor* found = core.find(run.actor)) return static_cast<Run&>(*found).resume(client, answers);
    core.tell<ModernCall>(client.call, [](ModernCall& call) { call.refuse(session::kInvalidParams, kStale); });
  });
  if (!posted) refuse(session::kInvalidParams, kStale);
}

void ModernCall::start_listening() {
  Listening& listening = core().add<Listening>(wish_, client_.id, address());
  listening_ = listening.address();
  listening.start(message_.params["notifications"]);
}

// server/discover, from what the server said when the session was opened.
void ModernCall::on_session(const Result<std::shared_ptr<ServerSession>>& opened) {
  if (!opened) return reply_.fail(opened.error(), false);
  const ServerSession& session = **opened;
  std::string result;
  json::Writer writer(result);
  writer.begin_object().member("resultType", "complete").key("supportedVersions").raw(kVersions);
  writer.key("capabilities").raw(session.capabilities);
  if (!session.instructions.empty()) writer.key("instructions").raw(session.instructions);
  writer.member("ttlMs", std::int64_t{0}).member("cacheScope", "private");
  if (!session.server_info.empty()) writer.key("_meta").begin_object().key(kMetaServerInfo).raw(session.server_info).end_object();
  writer.end_object();
  reply_.answer(result_message(client_.id, result));
}

void ModernCall::pause() {
  reply_.pause();
  core().tell<Run>(run_, [who = address()](Run& run) { run.pause(who, true); });
}

void ModernCall::resume() {
  reply_.resume();
  core().tell<Run>(run_, [who = address()](Run& run) { run.pause(who, false); });
}

// N6: closing the stream is how a modern client cancels.
void ModernCall::cancel() {
  reply_.drop();
  core().tell<Run>(run_, [who = address()](Run& run) { run.client_gone(who); });
  core().tell<Listening>(listening_, [](Listening& listening) { listening.client_gone(); });
  end();
}

}  // namespace callgate::bridge
