#pragma once
// Our sessions with legacy servers: one per server, its version, principal, grant and set of client capabilities; opened when first
// wanted, shared by all loops, and ended when idle. Internal to this room.

#include <memory>
#include <string>

#include "bridge/actor.h"
#include "bridge/leg.h"

namespace callgate::bridge {

struct SessionWish {
  std::shared_ptr<const Origin> origin;
  std::string capabilities;  // as declared to the server, JSON
  std::string client_info;   // JSON
  bool may_ask = false;      // something of what is declared lets the server ask
};

// who.on_session() is called: at once, or when the one initialize for all that wait is answered.
void want_session(Actor& who, const SessionWish& wish);
void forget_session(Core& core, ServerSession& session);                      // the server does not know it any more
void end_session(Core& core, const std::shared_ptr<ServerSession>& session);  // there too
void sweep_sessions(Core& core);

Leg::Request to_session(const ServerSession& session, std::string body);

// The answer is there: what is left of the exchange is read to its end, so that its connection can be used again.
void drain(Core& core, std::unique_ptr<Leg> leg);

// Sends a message whose answer matters to no one, and goes away.
class Errand final : public Actor, public LegOwner {
 public:
  Errand(Core& core, std::shared_ptr<const Origin> origin) : Actor(core), leg_(*this, std::move(origin)) {}
  void send(Leg::Request request) { leg_.send(core().below(), std::move(request)); }
  void on_removed() override { leg_.cancel(); }

 private:
  void on_leg_message(Leg&, const session::Message&, const json::Document&) override {}
  void on_leg_end(Leg&, const Error*, bool) override { end(); }
  Leg leg_;
};

}  // namespace callgate::bridge
