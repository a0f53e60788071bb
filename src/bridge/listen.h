#pragma once
// subscriptions/listen of a modern client at a legacy server: resources/subscribe counted over all listeners of a session, and the
// server's GET stream, read once per session and told to everyone who asked for what it says. Internal to this room.

#include <unordered_set>

#include "bridge/pool.h"

namespace callgate::bridge {

// Tells the listeners of this session. True when the message is of the kind that only listeners get.
bool fan_out(Core& core, ServerSession& session, const session::Message& message);

// One subscriptions/listen.
class Listening final : public Actor, public LegOwner {
 public:
  Listening(Core& core, SessionWish wish, std::string id, Address client)
      : Actor(core), wish_(std::move(wish)), id_(std::move(id)), client_(client) {}
  void start(json::Value filter);
  void client_gone() { end(); }
  void session_ended();  // the client is told that nothing more comes
  void on_session(const Result<std::shared_ptr<ServerSession>>& opened) override;
  void on_removed() override;

 private:
  void on_leg_message(Leg& leg, const session::Message& message, const json::Document& document) override;
  void on_leg_end(Leg& leg, const Error* error, bool sent) override;
  void subscribe_next();
  void request(std::string_view method, const std::string& uri);
  void release(const std::string& uri);
  void acknowledge();
  SessionWish wish_;
  std::string id_;  // JSON: also the subscription's id
  Address client_;
  std::shared_ptr<ServerSession> session_;
  Listener wanted_;                // its uris: those subscribed
  std::vector<std::string> uris_;  // still to subscribe; last first
  std::string asking_;
  std::unique_ptr<Leg> leg_;
  std::string leg_id_;
  bool acknowledged_ = false;
};

// Reads the GET stream of a session: while anyone listens, and all the time where the server may ask. A question on it belongs to no
// call by itself; it is put to the client only when a single call of the session is under way, for then it can be no other's.
class ServerStream final : public Actor, public LegOwner {
 public:
  ServerStream(Core& core, std::shared_ptr<const Origin> origin, std::shared_ptr<ServerSession> session, Address waiting)
      : Actor(core), origin_(std::move(origin)), session_(std::move(session)), waiting_(waiting), wait_([this] { start(); }) {}
  void start();
  void stop_if_unwanted();
  void on_removed() override;

 private:
  void on_leg_message(Leg& leg, const session::Message& message, const json::Document& document) override;
  void on_leg_end(Leg& leg, const Error* error, bool sent) override;
  void on_leg_head(Leg& leg, const net::Head& head) override;
  void on_question(const session::Message& message, const json::Document& document);
  void tell_waiting();
  void session_ended();
  bool wanted();
  std::shared_ptr<const Origin> origin_;
  std::shared_ptr<ServerSession> session_;
  std::unique_ptr<Leg> leg_;
  Address waiting_;  // who opens the session, until the stream is there
  std::string last_event_id_;
  std::uint32_t failures_ = 0;
  bool heard_ = false;
  net::Timer wait_;
};

}  // namespace callgate::bridge
