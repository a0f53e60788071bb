#include "bridge/legacy_call.h"

#include "bridge/client_stream.h"
#include "bridge/words.h"

namespace callgate::bridge {
namespace {

constexpr std::size_t kUrisMax = 256;

}  // namespace

LegacyCall::LegacyCall(Core& core, const upstream::Target& target, const ClearedCall& call, upstream::ResponseSink& sink)
    : Actor(core), reply_(core.loop(), sink, *this), origin_(std::make_shared<Origin>(target, call)), started_(core.now()), timer_([this] {
        if (stage_ == Stage::Asking) explain("the server asked something and got no answer in time");
        else send_call();
      }) {}

void LegacyCall::refuse(int code, std::string_view message, int status) { reply_.answer(error_message(id_, code, message), status); }

void LegacyCall::start(const ClearedCall& call) {
  const CallContext& context = call.context();
  if (call.method() == "POST") {
    auto parsed = document_.parse(call.body());
    auto read = parsed ? session::read_message(document_.root()) : tl::unexpected<Error>(parsed.error());
    if (!read) return reply_.fail(read.error(), false);
    message_ = *read;
    if (message_.id.exists()) id_ = message_.id.raw();
    if (message_.method == "initialize" && message_.kind == session::MessageKind::Request) return discover();
  }
  session_ = core().hub().find_client(context, origin_->target->server.id, core().now());
  if (!session_) return reply_.empty(404);  // T-60: of another, unknown and ended look alike
  if (call.method() == "DELETE") return close_session();
  if (call.method() != "POST") return reply_.empty(405);
  start_post();
}

void LegacyCall::start_post() {
  if (message_.kind == session::MessageKind::Response) return on_client_answer();
  if (message_.kind == session::MessageKind::Notification) return on_client_notification();
  json::Value token = message_.params["_meta"]["progressToken"];
  if (token.is_string() || token.is_number()) progress_token_ = token.raw();
  if (!carried_method(message_.method)) return answer_locally();
  {
    const std::lock_guard lock(core().hub().mutex);
    session_->open_calls[id_] = address();
  }
  send_call();
}

// ---- what needs no server -------------------------------------------------------------------------------------------

void LegacyCall::answer_locally() {
  if (message_.method == "ping") return reply_.answer(result_message(id_, "{}"));
  if (message_.method == "logging/setLevel" && session_->can_log) return set_level();
  if (message_.method == "resources/subscribe" && session_->can_subscribe) return change_subscription(true);
  if (message_.method == "resources/unsubscribe" && session_->can_subscribe) return change_subscription(false);
  refuse(session::kMethodNotFound, "this server has no such method");
}

void LegacyCall::set_level() {
  int level = log_level(message_.params["level"].string());
  if (level < 0) return refuse(session::kInvalidParams, "unknown log level");
  {
    const std::lock_guard lock(core().hub().mutex);
    session_->level = level;
  }
  reply_.answer(result_message(id_, "{}"));
}

void LegacyCall::change_subscription(bool subscribe) {
  std::string uri(message_.params["uri"].string());
  if (uri.empty()) return refuse(session::kInvalidParams, "params.uri is missing");
  Address stream;
  {
    const std::lock_guard lock(core().hub().mutex);
    bool full = session_->uris.size() >= kUrisMax && !session_->uris.contains(uri);
    if (subscribe && full) return refuse(session::kInvalidParams, "too many subscriptions in this session: end some");
    bool changed = subscribe ? session_->uris.insert(std::move(uri)).second : session_->uris.erase(uri) > 0;
    if (changed) stream = session_->stream;
  }
  core().tell<ClientStream>(stream, [](ClientStream& reader) { reader.refresh(); });
  reply_.answer(result_message(id_, "{}"));
}

// The client answers what it was asked. Only ids that are open in this very session are taken, each once.
void LegacyCall::on_client_answer() {
  Address call;
  {
    const std::lock_guard lock(core().hub().mutex);
    auto found = session_->questions.find(id_);
    if (found != session_->questions.end()) {
      call = found->second;
      session_->questions.erase(found);
    }
  }
  if (!call) return reply_.answer(error_message({}, session::kInvalidRequest, "nothing was asked under this id"), 400);
  Answer answer;
  answer.id = id_;
  if (message_.result.is_object()) answer.result = message_.result.raw();
  else answer.problem = message_.error["message"].string().substr(0, 200);
  core().tell<LegacyCall>(call, [answer = std::move(answer)](LegacyCall& open) { open.take_answer(answer); });
  reply_.empty(202);
}

void LegacyCall::on_client_notification() {
  reply_.empty(202);
  if (message_.method != "notifications/cancelled" || !message_.params["requestId"].exists()) return;
  Address call;
  {
    const std::lock_guard lock(core().hub().mutex);
    auto found = session_->open_calls.find(std::string(message_.params["requestId"].raw()));
    if (found != session_->open_calls.end()) call = found->second;
  }
  core().tell<LegacyCall>(call, [](LegacyCall& open) { open.cancelled_by_client(); });
}

void LegacyCall::close_session() {
  core().hub().close_client(session_->id);
  std::vector<Address> calls;
  Address stream;
  {
    const std::lock_guard lock(core().hub().mutex);
    for (auto& [id, call] : session_->open_calls) calls.push_back(call);
    stream = session_->stream;
  }
  for (Address call : calls) core().tell<LegacyCall>(call, [](LegacyCall& open) { open.cancelled_by_client(); });
  core().tell<ClientStream>(stream, [](ClientStream& reader) { reader.finish(); });
  reply_.empty(204);
}

// ---- the gateway's handle -------------------------------------------------------------------------------------------

void LegacyCall::pause() {
  reply_.pause();
  if (leg_) leg_->pause();
}

void LegacyCall::resume() {
  reply_.resume();
  if (leg_) leg_->resume();
}

void LegacyCall::cancel() {
  reply_.drop();
  end();
}

void LegacyCall::cancelled_by_client() {
  if (reply_.over()) return;
  drop_leg();  // closing the stream is how a modern server is told
  forget_questions();
  core().loop().disarm(timer_);
  stage_ = Stage::Local;
  reply_.fail({Code::Cancelled, "bridge.cancelled", "the client cancelled this request", {}}, true);
}

void LegacyCall::on_removed() {
  if (leg_) leg_->cancel();
  core().loop().disarm(timer_);
  if (!session_) return;
  forget_questions();
  const std::lock_guard lock(core().hub().mutex);
  auto found = session_->open_calls.find(id_);
  if (found != session_->open_calls.end() && found->second == address()) session_->open_calls.erase(found);
}

}  // namespace callgate::bridge
