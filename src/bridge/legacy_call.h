#pragma once
// One POST or DELETE of a legacy client to a modern server: requests get what every modern request carries, and when the server needs
// input the client is asked on this call's event stream, its answers are collected, and the call is made again. Internal to this room.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bridge/actor.h"
#include "bridge/client_reply.h"
#include "bridge/pool.h"
#include "json/writer.h"

namespace callgate::bridge {

class LegacyCall final : public Actor, public upstream::Exchange, public LegOwner, private ReplyOwner {
 public:
  LegacyCall(Core& core, const upstream::Target& target, const ClearedCall& call, upstream::ResponseSink& sink);
  void start(const ClearedCall& call);
  // upstream::Exchange
  void pause() override;
  void resume() override;
  void cancel() override;
  void set_timeout(std::chrono::milliseconds) override {}
  void on_removed() override;

  // From other calls of the session, on this loop.
  struct Answer {
    std::string id;      // of our question, JSON
    std::string result;  // JSON; empty: the client said no
    std::string problem;
  };
  void take_answer(const Answer& answer);
  void cancelled_by_client();

 private:
  enum class Stage : std::uint8_t { Local, Discover, Call, Asking, Waiting, ToolList };
  struct Asked {
    std::string key, method;
  };

  // legacy_call.cc
  void start_post();
  void answer_locally();
  void set_level();
  void change_subscription(bool subscribe);
  void on_client_answer();
  void on_client_notification();
  void close_session();
  void on_reply_done() override { end(); }
  void refuse(int code, std::string_view message, int status = 200);

  // legacy_forward.cc
  void discover();
  void open_session(json::Value result);
  void send_call();
  void send(std::string head, std::string body, Stage stage);
  std::string compose(std::string& head);
  void append_envelope(json::Writer& writer, json::Value meta);
  void on_leg_head(Leg& leg, const net::Head& head) override;
  void on_leg_message(Leg& leg, const session::Message& message, const json::Document& document) override;
  void on_leg_end(Leg& leg, const Error* error, bool sent) override;
  void on_notification(const session::Message& message);
  void on_answer(const session::Message& message);
  void refresh_tools(std::string cursor);
  void on_tool_page(const session::Message& message);
  void drop_leg();

  // legacy_input.cc
  void on_input_required(json::Value result);
  bool ask(std::string_view key, json::Value request);
  std::string question_text(const std::string& id, json::Value request) const;
  void explain(std::string_view text);
  void forget_questions();

  ClientReply reply_;
  std::shared_ptr<const Origin> origin_;
  json::Document document_;
  session::Message message_;
  std::string id_, progress_token_;  // JSON
  std::shared_ptr<ClientSession> session_;
  Stage stage_ = Stage::Local;
  std::unique_ptr<Leg> leg_;
  std::string upstream_id_;
  std::map<std::string, Asked> asked_;          // by our question's id
  std::map<std::string, std::string> answers_;  // by the server's key, JSON
  std::string request_state_;                   // JSON, exactly as it came
  MonoTime started_{};
  std::uint32_t rounds_ = 0, waits_ = 0, pages_ = 0;
  bool tools_refreshed_ = false;
  net::Timer timer_;
};

}  // namespace callgate::bridge
