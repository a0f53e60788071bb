#pragma once
// One request of a modern client under way at a legacy server. It outlives the client's call: when the server asks something (elicitation,
// sampling, roots), the call is parked, the client gets `input_required` with a sealed requestState, and its retry, on whatever loop it
// arrives, continues the very call. Internal to this room.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bridge/capabilities.h"
#include "bridge/pool.h"

namespace callgate::bridge {

class Run final : public Actor, public LegOwner {
 public:
  struct Client {  // the call of the client that waits for the outcome now
    Address call;
    std::string id;              // JSON
    std::string progress_token;  // JSON; empty: it wants no progress
    int level = -1;              // of log messages it wants; -1: none
    ClientCan can;
  };
  struct Request {
    SessionWish wish;
    std::string body;  // the client's, canonical
    std::string method;
    Digest binding{};
  };
  using Answers = std::map<std::string, std::string>;  // key -> JSON

  Run(Core& core, Request request, Client client);
  void start() { want_session(*this, request_.wish); }
  void resume(Client client, const Answers& answers);
  void on_released();  // what it asked is not put to the client
  void on_expiry();    // of the time a client has to come back
  // From the call that waits for the outcome; nobody else is heard.
  // A question of the server that came outside the call's own stream; JSON.
  void stray_question(const std::string& question);
  void client_gone(Address who);  // cancels at the server too
  void pause(Address who, bool paused);
  void on_session(const Result<std::shared_ptr<ServerSession>>& opened) override;
  void on_removed() override;

 private:
  enum class Stage : std::uint8_t { Session, Level, Call, TaskPoll, TaskResult };
  struct Question {
    std::string key, id, method, params;  // id and params as JSON; params empty when there are none
  };

  // run.cc
  void send_call();
  void send(std::string body, Stage stage);
  std::string compose(bool as_task);
  void on_leg_message(Leg& leg, const session::Message& message, const json::Document& document) override;
  void on_leg_end(Leg& leg, const Error* error, bool sent) override;
  void on_answer(const session::Message& message, const json::Document& document);
  void on_notification(const session::Message& message);
  void no_answer(Leg& leg);
  bool follow_stream();
  void deliver(const session::Message& message);
  void deliver_urls(json::Value elicitations);
  void tell_answer(std::string body, int status = 200);
  void tell_failure(const Error& error, bool sent);
  void give_up(Error error);  // at the server too
  void cancel_upstream(std::string_view why);
  void drop_leg();
  void leave_session();

  // run_input.cc
  void on_question(const session::Message& message);
  void refuse_question(std::string_view id, int code, std::string_view message);
  std::string key_for(const session::Message& message);
  void park();
  std::string input_required(const std::string& state) const;
  void post_answer(const Question& question, const std::string& answer);

  // run_task.cc
  bool starts_task(const session::Message& message);
  void on_task(const session::Message& message);
  void poll_task();

  Request request_;
  Client client_;
  std::shared_ptr<ServerSession> session_;
  Stage stage_ = Stage::Session;
  std::unique_ptr<Leg> leg_;                 // the request itself
  std::vector<std::unique_ptr<Leg>> posts_;  // answers to the server's questions
  std::string uri_;                          // JSON, of resources/read
  std::string upstream_id_, call_id_;        // of the leg's request; of the client's call, which is also its progress token
  std::string last_event_id_;
  std::vector<Question> questions_;
  std::string parked_id_;              // while parked
  std::string kept_answer_;            // came while parked
  std::optional<Error> kept_failure_;  // likewise
  std::string task_id_;
  MonoTime started_{};
  std::uint32_t rounds_ = 0, asked_ = 0, follows_ = 0, polls_ = 0;
  bool reopened_ = false, answered_ = false, as_task_ = false;
  net::Timer gather_, expiry_, wait_;
};

}  // namespace callgate::bridge
