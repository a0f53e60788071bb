#pragma once
// One exchange on its way between a worker's loop and the loop of the pipes. The worker writes the request before it hands the ticket
// over and reads the answer through the mailbox; the pipe side writes the answer. Inner header of stdio/.

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/cleared_call.h"
#include "model/entities.h"
#include "net/loop.h"
#include "vault/vault.h"

namespace callgate::stdio {

class Conversation;
class Front;
class FrontExchange;
class Ticket;

// A server as configured at one version, kept as long as a process runs by it.
struct Spec {
  Server server;
  vault::Credentials credentials;
};

// Where the pipe side leaves what it has for one worker. Outlives both.
struct Mailbox {
  void notify(const std::shared_ptr<Ticket>& ticket);  // any thread; one wake-up of the worker for many
  std::mutex mutex;
  net::Loop* loop = nullptr;                  // guarded; null once the front is gone
  Front* front = nullptr;                     // the worker's thread only
  std::vector<std::shared_ptr<Ticket>> news;  // guarded
};

enum class Ask : std::uint8_t { Post, Listen, Close };  // POST, GET, DELETE

class Ticket : public std::enable_shared_from_this<Ticket> {
 public:
  // The request.
  Ask ask = Ask::Post;
  bool modern = false;
  std::string body, principal_id, session;
  std::optional<ClearedCall> clearance;  // without its bytes
  std::shared_ptr<const Spec> spec;
  std::shared_ptr<Mailbox> mailbox;
  FrontExchange* exchange = nullptr;  // the worker's thread only; null after cancel()

  // Below: the pipe side.
  void name_session(std::string id) { new_session_ = std::move(id); }  // before the first of:
  void open_stream();
  void event(std::string_view json);
  void answer(int status, std::string_view json);  // a body of its own, or the last event of the stream
  void reply(int status);                          // no body; ends a stream
  void fail(Code code, std::string_view reason, std::string message, std::string detail = {});
  void drop() { over_ = true; }  // the worker cancelled
  bool over() const { return over_; }
  bool streaming() const { return streaming_; }
  bool hold_if_full(std::size_t bytes);  // true: more than that waits; Processes::room() is called when it has been taken
  void mark_sent(bool sent = true);
  Conversation* conversation = nullptr;  // where it waits for an answer
  std::int64_t number = 0;               // its id there; 0: not sent yet

  // What the worker takes; guarded by mailbox->mutex.
  struct News {
    int status = 0;  // 0: no head yet, or taken
    bool event_stream = false;
    std::string session, bytes;
    bool ended = false, sent = false, held = false;
    std::optional<Error> error;
  } news;

 private:
  bool over_ = false, streaming_ = false;
  std::string new_session_;
};

}  // namespace callgate::stdio
