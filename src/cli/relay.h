#pragma once
// Standard input and output on one side, an MCP endpoint of a gate over HTTP on the other: for clients that cannot do HTTP (`connect`),
// and for `wrap`. Lines become POSTs, answers and event streams become lines. Both eras: legacy ones with a session that is opened again
// when the gate forgot it, modern ones without. Nothing but messages is ever written to the output. Inner header of cli/.

#include <atomic>
#include <condition_variable>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/secret.h"
#include "cli/stream_http.h"
#include "json/document.h"
#include "schema/schema.h"

namespace callgate::cli {

class Relay {
 public:
  struct Options {
    std::string url;          // of the endpoint
    std::string unix_socket;  // empty: over the network
    Secret token;
    int in = 0, out = 1;
    int stop_fd = -1;  // readable: end now
    std::function<void(const std::string&)> note;
    std::chrono::milliseconds connect_patience{30'000};  // while the gate cannot be reached
    std::chrono::milliseconds drain_patience{15'000};    // for open requests, once the input has ended
  };
  explicit Relay(Options options);
  ~Relay();
  void run();  // until the input ends, the output closes or it is stopped

 private:
  struct Open {  // a request under way
    std::atomic<bool> cancelled{false};
    bool modern = false, endless = false;
  };
  struct Ask {             // one message on its way
    std::string body, id;  // id: canonical JSON; empty: expects no answer
    std::string method;
    bool modern = false;
    std::vector<std::string> headers;  // modern: those that repeat the body
    std::shared_ptr<Open> open;
  };
  // relay.cc
  void take_line(std::string_view line);
  void take(json::Value root);
  void take_request(Ask ask, json::Value root);
  void take_notification(Ask ask, json::Value root);
  void start(Ask ask);
  void join_ended();
  void drain();
  void listen();
  void write_line(std::string_view text);
  void write_error(std::string_view id, int code, const std::string& message);
  bool stopping() const { return stop_.load(std::memory_order_relaxed); }
  bool sleep(std::chrono::milliseconds time);  // false: stopped meanwhile
  // relay_http.cc
  void send(Ask& ask);
  struct Answer {
    bool answered = false;
    std::string whole;  // of a JSON body
    std::string problem;
  };
  StreamOutcome exchange(const Ask& ask, const std::string& session, Answer& answer);
  void settle(const Ask& ask, const StreamOutcome& outcome, const Answer& answer);
  bool take_event(const Ask& ask, std::string_view data, const std::string& session, Answer& answer);
  void learn(const Ask& ask, json::Value root, const std::string& session);
  bool reopen(const std::string& lost);  // the session; false: the gate refuses
  std::vector<std::string> headers_of(const Ask& ask, const std::string& session);
  std::vector<std::string> modern_headers(json::Value root);
  std::string session();

  Options options_;
  StreamHttp http_;
  std::atomic<bool> stop_{false};
  std::mutex write_mutex_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::map<std::string, std::shared_ptr<Open>> open_;  // by id
  std::string session_, revision_, hello_;             // legacy
  bool initialized_ = false;
  std::list<std::thread> threads_, ended_;
  std::map<std::string, schema::MirroredSet, std::less<>> mirrored_;  // by tool: arguments repeated in headers
  std::mutex reopen_mutex_;
  std::thread listener_;
};

}  // namespace callgate::cli
