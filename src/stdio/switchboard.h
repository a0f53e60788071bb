#pragma once
// Who talks with which process: sessions, keys, caps, restarts with patience, idle ones. On the loop of the pipes. Inner header of stdio/.

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "stdio/conversation.h"
#include "stdio/processes.h"

namespace callgate::stdio {

class Switchboard {
 public:
  Switchboard(net::Loop& loop, Opener& opener, const Limits& limits);
  ~Switchboard();

  void take(const std::shared_ptr<Ticket>& ticket);
  void cancel(const std::shared_ptr<Ticket>& ticket, bool timed_out);
  void room(const std::shared_ptr<Ticket>& ticket);
  void retain(const std::vector<std::pair<std::string, std::int64_t>>& current);
  void end_session(std::string_view id);
  void close();  // everything in order
  bool empty() const { return conversations_.empty(); }
  std::shared_ptr<ErrorLog> log_of(const std::string& server_id);  // any thread

  // For Conversation.
  net::Loop& loop() { return loop_; }
  Opener& opener() { return opener_; }
  const Limits& limits() const { return limits_; }
  void gone(Conversation& conversation);  // buries it
  void drop_session(Session& session);    // its initialize failed
  Session* find_session(const std::string& id);
  std::uint64_t next_process() { return ++processes_started_; }
  Counts& counts() { return counts_; }

 private:
  struct Patience {
    std::int64_t version = 0;
    int failures = 0;
    MonoTime not_before{};
  };
  void take_post(const std::shared_ptr<Ticket>& ticket);
  void take_modern(const std::shared_ptr<Ticket>& ticket, const session::Message& message);
  void take_initialize(const std::shared_ptr<Ticket>& ticket, const session::Message& message);
  void take_listen(const std::shared_ptr<Ticket>& ticket);
  void take_close(const std::shared_ptr<Ticket>& ticket);
  Session* session_of(Ticket& ticket, std::string_view request_id);  // null: the ticket was answered
  Conversation* conversation_for(Ticket& ticket, Session* session);  // null: the ticket has failed
  Result<void> may_start(const Spec& spec, const std::string& principal_id);
  bool make_place(const Spec& spec, const std::string& principal_id);
  bool free_one(std::size_t most, const std::function<bool(const Conversation&)>& counted);
  void end(Session& session);
  void sweep();
  static std::string patience_key(const Spec& spec, std::string_view principal_id);

  net::Loop& loop_;
  Opener& opener_;
  Limits limits_;
  std::vector<std::unique_ptr<Conversation>> conversations_;
  std::unordered_map<std::string, Conversation*> by_key_;
  std::unordered_map<std::string, std::unique_ptr<Session>> sessions_;
  std::unordered_map<std::string, Patience> patience_;
  std::mutex log_mutex_;
  std::unordered_map<std::string, std::shared_ptr<ErrorLog>> logs_;  // guarded by log_mutex_
  json::Document document_;
  Counts counts_;
  std::uint64_t processes_started_ = 0;
  bool closing_ = false;
  net::Timer sweeper_;
};

}  // namespace callgate::stdio
