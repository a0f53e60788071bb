#include "bridge/pool.h"

#include "bridge/capabilities.h"
#include "bridge/listen.h"
#include "bridge/words.h"
#include "session/revision.h"

namespace callgate::bridge {
namespace {

constexpr std::string_view kPostHead = "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n";
constexpr std::string_view kInitialized = R"({"jsonrpc":"2.0","method":"notifications/initialized"})";
constexpr std::string_view kNewest = "2025-11-25";
constexpr std::size_t kTextMax = 256 * 1024;

using Opened = Result<std::shared_ptr<ServerSession>>;

std::string key_of(const SessionWish& wish) {
  const Server& server = wish.origin->target->server;
  return server.id + '\n' + std::to_string(server.version) + '\n' + wish.origin->principal_id + '\n' + wish.origin->grant_id + '\n' +
         wish.capabilities;
}

bool session_text(std::string_view text) {
  for (char c : text)
    if (c < 0x21 || c > 0x7e) return false;
  return text.size() <= 256;
}

class Drain final : public Actor, public LegOwner {
 public:
  Drain(Core& core, std::unique_ptr<Leg> leg) : Actor(core), leg_(std::move(leg)) {
    leg_->hand_to(*this);
    leg_->resume();
    leg_->set_timeout(std::chrono::seconds(2));
  }
  void on_removed() override { leg_->cancel(); }

 private:
  void on_leg_message(Leg&, const session::Message&, const json::Document&) override {}
  void on_leg_end(Leg&, const Error*, bool) override { end(); }
  std::unique_ptr<Leg> leg_;
};

// The handshake, on behalf of whoever came first; those who came meanwhile wait with it, also when the first has left.
class Opening final : public Actor, public LegOwner {
 public:
  Opening(Core& core, std::shared_ptr<ServerSession> session, SessionWish wish)
      : Actor(core),
        session_(std::move(session)),
        wish_(std::move(wish)),
        leg_(std::make_unique<Leg>(*this, wish_.origin)),
        patience_([this] { finish(session_); }) {}

  void start() {
    id_ = std::to_string(core().hub().next_id());
    std::string body;
    json::Writer writer(body);
    writer.begin_object().member("jsonrpc", "2.0").key("id").raw(id_).member("method", "initialize").key("params").begin_object();
    writer.member("protocolVersion", kNewest).key("capabilities").raw(wish_.capabilities).key("clientInfo").raw(wish_.client_info);
    writer.end_object().end_object();
    Leg::Request request;
    request.head = kPostHead;
    request.body = std::move(body);
    leg_->send(core().below(), std::move(request));
  }

  void on_removed() override {
    leg_->cancel();
    core().loop().disarm(patience_);
    if (!told_) tell_all(fail(Code::Unavailable, "bridge.session", "the session with the server could not be opened: try again"));
  }

 private:
  void on_leg_head(Leg&, const net::Head& head) override {
    if (!initialized_ && session_text(head.header("mcp-session-id"))) upstream_id_ = head.header("mcp-session-id");
  }

  void on_leg_message(Leg&, const session::Message& message, const json::Document&) override {
    if (initialized_ || message.kind != session::MessageKind::Response || message.id.raw() != id_) return;
    Result<void> read = message.result.exists() ? read_result(message.result) : refused(message.error);
    if (!read) return finish(tl::unexpected<Error>(read.error()));
    initialized_ = true;
    drain(core(), std::exchange(leg_, std::make_unique<Leg>(*this, wish_.origin)));
    leg_->send(core().below(), to_session(*session_, std::string(kInitialized)));
  }

  void on_leg_end(Leg& leg, const Error* error, bool) override {
    if (error != nullptr) return finish(tl::unexpected<Error>(*error));
    if (initialized_) return open_stream();
    finish(fail(Code::Unavailable, "bridge.session", "the server answered initialize with HTTP " + std::to_string(leg.status())));
  }

  // Where a server may ask, much of what it asks comes on the GET stream, and what comes before the stream is there is lost.
  void open_stream() {
    if (!wish_.may_ask) return finish(session_);
    session_->may_ask = true;
    ServerStream& stream = core().add<ServerStream>(wish_.origin, session_, address());
    {
      const std::lock_guard lock(core().hub().mutex);
      session_->stream = stream.address();
    }
    core().loop().arm(patience_, core().hub().options.stream_patience);
    stream.start();
  }
  void on_stream_open() override { finish(session_); }

  static Result<void> refused(json::Value error) {
    return fail(Code::Unavailable, "bridge.session",
                "the server refused the session: " + std::string(error["message"].string().substr(0, 200)));
  }

  Result<void> read_result(json::Value result) {
    std::string_view revision = result["protocolVersion"].string();
    if (!session::legacy_revision(revision) && revision != "2024-11-05")
      return fail(Code::Unavailable, "upstream.revision", "the server answered initialize with a revision this gate does not speak");
    json::Value offered = result["capabilities"];
    if (result.raw().size() > kTextMax) return fail(Code::Unavailable, "bridge.session", "the server's initialize answer is too large");
    ServerSession& session = *session_;
    session.upstream_id = upstream_id_;
    session.revision = revision;
    session.capabilities = offered_capabilities(offered);
    if (result["serverInfo"].is_object()) session.server_info = result["serverInfo"].raw();
    if (result["instructions"].is_string()) session.instructions = result["instructions"].raw();
    session.can_log = offered["logging"].is_object();
    session.can_subscribe = offered["resources"]["subscribe"].is(json::Kind::True);
    session.tools_change = offered["tools"]["listChanged"].is(json::Kind::True);
    session.prompts_change = offered["prompts"]["listChanged"].is(json::Kind::True);
    session.resources_change = offered["resources"]["listChanged"].is(json::Kind::True);
    session.task_calls = offered["tasks"]["requests"]["tools"]["call"].is_object();
    return {};
  }

  void finish(Opened outcome) {
    tell_all(outcome);
    end();
  }

  void tell_all(const Opened& outcome) {
    told_ = true;
    Hub& hub = core().hub();
    std::vector<Address> waiting;
    {
      const std::lock_guard lock(hub.mutex);
      waiting.swap(session_->waiting);
      session_->ready = outcome.has_value();
    }
    if (!outcome) forget_session(core(), *session_);
    for (Address who : waiting) core().tell<Actor>(who, [outcome](Actor& actor) { actor.on_session(outcome); });
  }

  std::shared_ptr<ServerSession> session_;
  SessionWish wish_;
  std::unique_ptr<Leg> leg_;
  std::string id_, upstream_id_;
  bool initialized_ = false, told_ = false;
  net::Timer patience_;
};

}  // namespace

void drain(Core& core, std::unique_ptr<Leg> leg) {
  if (!leg) return;
  if (leg->open()) {
    core.add<Drain>(std::move(leg));
  } else {
    leg->cancel();  // its end is no news
    core.loop().bury(std::move(leg));
  }
}

void want_session(Actor& who, const SessionWish& wish) {
  Core& core = who.core();
  Hub& hub = core.hub();
  std::string key = key_of(wish);
  std::shared_ptr<ServerSession> session;
  bool ready = false, opened = false;
  {
    const std::lock_guard lock(hub.mutex);
    auto found = hub.servers.find(key);
    if (found != hub.servers.end()) {
      session = found->second;
      ready = session->ready;
    } else if (std::size_t& own = hub.server_sessions_of[wish.origin->principal_id];
               hub.servers.size() < hub.options.sessions_max && own < hub.options.sessions_per_principal_max) {
      ++own;
      session = std::make_shared<ServerSession>();
      session->key = key;
      session->principal_id = wish.origin->principal_id;
      session->grant_id = wish.origin->grant_id;
      session->home = core.id();
      session->server_id = wish.origin->target->server.id;
      session->origin = wish.origin;
      hub.servers.emplace(std::move(key), session);
      opened = true;
    }
    if (session) session->used_at = core.now();
    if (session && !ready) session->waiting.push_back(who.address());
  }
  if (!session)
    return who.on_session(fail(Code::RateLimited, "bridge.too_many_sessions", "too many sessions with servers are open: try again later"));
  if (ready) return who.on_session(session);
  if (opened) core.add<Opening>(session, wish).start();
}

void forget_session(Core& core, ServerSession& session) {
  Hub& hub = core.hub();
  Address stream;
  {
    const std::lock_guard lock(hub.mutex);
    if (std::exchange(session.gone, true)) return;
    stream = session.stream;
    auto found = hub.servers.find(session.key);
    if (found != hub.servers.end() && found->second.get() == &session) {
      hub.servers.erase(found);
      count_down(hub.server_sessions_of, session.principal_id);
    }
  }
  core.tell<ServerStream>(stream, [](ServerStream& reader) { reader.stop_if_unwanted(); });
}

void sweep_sessions(Core& core) {
  Hub& hub = core.hub();
  std::vector<std::shared_ptr<ServerSession>> idle;
  {
    const std::lock_guard lock(hub.mutex);
    for (auto& [key, session] : hub.servers) {
      // Held by a call or a listener besides the table and the reader of its stream: in use, however long it takes.
      bool unused = session->ready && session.use_count() == (session->stream ? 2 : 1);
      if (unused && core.now() - session->used_at > hub.options.server_session_idle_max) idle.push_back(session);
    }
  }
  for (auto& session : idle) end_session(core, session);
}

void end_session(Core& core, const std::shared_ptr<ServerSession>& session) {
  forget_session(core, *session);
  if (session->upstream_id.empty()) return;
  Leg::Request request = to_session(*session, {});
  request.method = "DELETE";
  request.head = request.head.substr(kPostHead.size());
  core.add<Errand>(session->origin).send(std::move(request));
}

Leg::Request to_session(const ServerSession& session, std::string body) {
  Leg::Request request;
  request.head = kPostHead;
  if (!session.upstream_id.empty()) ((request.head += "Mcp-Session-Id: ") += session.upstream_id) += "\r\n";
  ((request.head += "MCP-Protocol-Version: ") += session.revision) += "\r\n";
  request.body = std::move(body);
  request.session = session.upstream_id;
  request.revision = session.revision;
  return request;
}

}  // namespace callgate::bridge
