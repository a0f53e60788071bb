#pragma once
// The GET stream of a legacy client of a modern server: one subscriptions/listen below, opened anew when what the client subscribes to
// changes or when it broke off. Internal to this room.

#include <memory>
#include <string>

#include "bridge/actor.h"
#include "bridge/client_reply.h"
#include "bridge/leg.h"

namespace callgate::bridge {

class ClientStream final : public Actor, public upstream::Exchange, public LegOwner, private ReplyOwner {
 public:
  ClientStream(Core& core, const upstream::Target& target, const ClearedCall& call, upstream::ResponseSink& sink);
  void start(const ClearedCall& call);
  void refresh();
  void finish();
  // upstream::Exchange
  void pause() override { reply_.pause(); }
  void resume() override { reply_.resume(); }
  void cancel() override;
  void set_timeout(std::chrono::milliseconds) override {}
  void on_removed() override;

 private:
  void on_reply_done() override { end(); }
  void on_leg_message(Leg& leg, const session::Message& message, const json::Document& document) override;
  void on_leg_end(Leg& leg, const Error* error, bool sent) override;
  std::string compose();
  ClientReply reply_;
  std::shared_ptr<const Origin> origin_;
  std::shared_ptr<ClientSession> session_;
  std::unique_ptr<Leg> leg_, next_;  // what is heard now; what takes over once it is acknowledged
  std::uint32_t failures_ = 0;
  net::Timer wait_;
};

}  // namespace callgate::bridge
