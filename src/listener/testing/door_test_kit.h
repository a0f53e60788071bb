#pragma once
// For tests: a listener, its loop, a scripted handler and raw client sockets, all in one thread, with time moved by hand.

#include <functional>
#include <string>
#include <vector>

#include "listener/listener.h"

namespace callgate::listener::testing {

// A raw client. Reads and writes never block; TestDoor::turn() moves the other side.
class Client {
 public:
  explicit Client(std::uint16_t port, const char* address = "127.0.0.1");
  explicit Client(const std::string& unix_path);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  std::size_t write(std::string_view bytes);  // what the socket took
  void read();                                // adds what is there to `received`
  void end_writing();
  void close();
  void reset();  // closes with RST
  int fd = -1;
  std::string received;
  bool ended = false;  // the other side closed, in order or not
};

struct Seen {
  std::string method, path, query, body, host;
  IpAddress remote;
  bool tls = false, local_socket = false;
  void* memo = nullptr;
};

struct Refusal {
  std::string first_line, reason;
  int status = 0;
};

// Answers 200 and the body it got, or does what `on_request` says.
class ScriptedHandler final : public Handler {
 public:
  void handle(const Request& request, Reply& reply) override;
  void refused(const IpAddress& remote, std::string_view first_line, const Error& error, int status) override;
  std::function<void(const Request&, Reply&)> on_request;
  std::vector<Seen> seen;
  std::vector<Refusal> refusals;
};

struct Observer final : ReplyObserver {
  void on_client_gone() override { ++gone; }
  void on_drained() override {
    ++drained;
    if (then) then();
  }
  void on_half_close() override { ++half_closed; }
  std::function<void()> then;
  int gone = 0, drained = 0, half_closed = 0;
};

class TestDoor {
 public:
  explicit TestDoor(Options options = {});
  void hold_stream(Reply*& held, Observer& observer) {  // the next request is answered by a stream that the test goes on with
    handler.on_request = [&held, &observer](const Request&, Reply& reply) {
      held = &reply;
      reply.observe(&observer);
      reply.begin_stream({});
    };
  }
  void turn(int batches = 1);                  // runs the loop without waiting
  void advance(std::chrono::milliseconds by);  // moves time, then turns
  // Writes, turns until quiet, and returns what came back.
  std::string exchange(Client& client, std::string_view bytes);

  ManualClock clock;
  std::unique_ptr<net::Loop> loop;
  ScriptedHandler handler;
  std::unique_ptr<Listener> listener;
  std::uint16_t port = 0;
};

std::string get(const std::string& path, const std::string& more_headers = {});
std::string post(const std::string& path, const std::string& body, const std::string& more_headers = {});
int status_in(std::string_view response);  // 0: none
std::size_t count_in(std::string_view text, std::string_view what);

}  // namespace callgate::listener::testing
