#pragma once
// What is said with one process: whose request each of our numbers stands for, whose progress token, and who hears what the process says
// unasked. One per process; a process that is started again is a new conversation. On the loop of the pipes. Inner header of stdio/.
//   starting -> (legacy: hello ->) ready -> retiring -> gone

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "json/document.h"
#include "session/jsonrpc.h"
#include "stdio/channel.h"
#include "stdio/ticket.h"

namespace callgate::stdio {

class Switchboard;
class Conversation;

// A legacy client's session. Outlives its process: after a restart the handshake is said again.
struct Session {
  std::string id, principal_id, server_id;
  std::string hello;         // its initialize, as it was cleared
  bool initialized = false;  // the client said so
  Conversation* conversation = nullptr;
  std::shared_ptr<Ticket> listener;  // its GET stream
  std::deque<std::string> backlog;   // for the next GET stream
  std::size_t backlog_bytes = 0;
  MonoTime used_at{};
};

class Conversation final : private ChannelReader {
 public:
  Conversation(Switchboard& board, std::string key, const Ticket& first, std::string principal_id);
  ~Conversation() override;
  void start();

  void hello(const std::shared_ptr<Ticket>& ticket, Session& session, const session::Message& message);
  void request(const std::shared_ptr<Ticket>& ticket, Session* session, json::Value root, const session::Message& message);
  void notification(const std::shared_ptr<Ticket>& ticket, Session* session, json::Value root, const session::Message& message);
  void response(const std::shared_ptr<Ticket>& ticket, Session& session, json::Value root, const session::Message& message);
  void attach(Session& session);
  void detach(Session& session);  // the session ends, or goes on in another conversation
  void cancel(Ticket& ticket, bool timed_out);
  void room();    // someone has taken what was waiting
  void retire();  // no more requests; ends when the open ones have ended
  void stop();    // in order, now

  const std::string& key() const { return key_; }
  const std::string& principal_id() const { return principal_id_; }
  const Spec& spec() const { return *spec_; }
  bool ready() const { return state_ == State::Ready; }
  bool usable() const { return state_ <= State::Ready; }
  bool busy() const { return !pending_.empty() || !waiting_.empty() || !hellos_.empty(); }
  bool has_sessions() const { return !sessions_.empty(); }
  MonoTime used_at() const { return used_at_; }
  bool wanted_end() const { return wanted_end_; }
  MonoTime started_at() const { return started_at_; }
  const std::set<Session*>& sessions() const { return sessions_; }
  bool shared() const { return spec_->server.command.shared; }

 private:
  enum class State : std::uint8_t { Starting, Hello, Ready, Retiring, Stopping };
  enum class Kind : std::uint8_t { Call, Hello, Listen };
  struct Pending {
    Kind kind = Kind::Call;
    std::shared_ptr<Ticket> ticket;  // null: our own
    Session* session = nullptr;
    std::string id, token;  // as the caller wrote them; token empty: none
  };
  using Pendings = std::map<std::int64_t, Pending>;

  // conversation.cc
  void opened(Result<std::unique_ptr<Channel>> channel);
  void say_hello(const std::string& body);
  void become_ready();
  void send_cancelled(std::int64_t number);
  bool too_full(Ticket& ticket);
  void fail_all(const Error& error, bool unsent = false);
  std::shared_ptr<Ticket> take_pending(std::int64_t number);
  void end_if_idle();
  void on_stall();
  void touch();
  // incoming.cc
  bool on_line(std::string_view line) override;
  void on_too_long() override;
  void on_gone(const std::string& how, const Error* unopened) override;
  void on_refused(std::int64_t number, int status) override;
  void on_unsent(std::int64_t number, const Error& error, bool sent) override;
  void noise();
  void take(json::Value root);
  void take_response(json::Value root, const session::Message& message);
  void take_hello(const session::Message& message);
  void take_notification(json::Value root, const session::Message& message);
  void take_request(json::Value root, const session::Message& message);
  void take_progress(json::Value root, const session::Message& message);
  void take_cancelled(json::Value root, const session::Message& message);
  bool take_subscribed(json::Value root, const session::Message& message);
  void refuse_upstream(std::string_view id, std::string_view why);
  Session* only_session() const;
  Ticket* newest_of(const Session* session) const;
  bool deliver(Session* session, std::string_view text, bool keep);
  void deliver_event(Ticket& ticket, std::string_view text);

  Switchboard& board_;
  std::string key_;
  std::shared_ptr<const Spec> spec_;
  ClearedCall clearance_;  // of the call it was begun for; what it says of its own accord goes by this
  bool modern_;
  std::string principal_id_;  // empty: shared
  State state_ = State::Starting;
  std::uint64_t number_;
  std::shared_ptr<Conversation*> self_;  // null inside once it is gone
  std::unique_ptr<Channel> channel_;
  Pendings pending_;
  std::int64_t next_id_ = 1;
  std::deque<std::shared_ptr<Ticket>> waiting_;  // until it is ready
  struct Greeting {
    std::shared_ptr<Ticket> ticket;
    std::string id;
  };
  std::vector<Greeting> hellos_;  // who waits for the answer to initialize
  std::string hello_result_;      // the process said it once; a shared one's further sessions get the same
  bool initialized_ = false;      // notifications/initialized went out
  std::set<Session*> sessions_;
  std::map<std::string, Session*, std::less<>> asked_;  // what the process asked, by its id, and of whom
  json::Document document_;
  std::string line_;
  bool held_ = false, spoke_ = false, noisy_ = false, wanted_end_ = false;
  net::Timer stall_;
  MonoTime used_at_{}, started_at_{};
};

}  // namespace callgate::stdio
