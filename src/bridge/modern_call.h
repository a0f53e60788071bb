#pragma once
// The client's side of one exchange between a modern client and a legacy server: what the gateway holds while a Run works.
// Internal to this room.

#include "bridge/client_reply.h"
#include "bridge/run.h"

namespace callgate::bridge {

class ModernCall final : public Actor, public upstream::Exchange, private ReplyOwner {
 public:
  ModernCall(Core& core, const upstream::Target& target, const ClearedCall& call, upstream::ResponseSink& sink);
  void start(const ClearedCall& call);
  // upstream::Exchange
  void pause() override;
  void resume() override;
  void cancel() override;
  void set_timeout(std::chrono::milliseconds) override {}  // the legs below keep their own

  // From the Run or the Listening, on this loop.
  void begin_events() { reply_.begin_events(); }
  void notify(std::string_view message) { reply_.notify(message); }
  void answer(std::string_view message, int status) { reply_.answer(message, status); }
  void http(int status) { reply_.empty(status); }
  void fail(const Error& error, bool sent) { reply_.fail(error, sent); }
  void on_session(const Result<std::shared_ptr<ServerSession>>& opened) override;

 private:
  void on_reply_done() override { end(); }
  void start_run(const ClearedCall& call);
  void start_retry(const Digest& binding);
  void start_listening();
  void refuse(int code, std::string_view message, int status = 200) { reply_.answer(error_message_for(code, message), status); }
  std::string error_message_for(int code, std::string_view message) const;

  ClientReply reply_;
  std::shared_ptr<const Origin> origin_;
  json::Document document_;
  session::Message message_;
  Run::Client client_;
  SessionWish wish_;
  Address run_, listening_;
};

}  // namespace callgate::bridge
