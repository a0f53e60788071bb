#pragma once
// stdio servers as a transport: each process looks exactly like a streamable-HTTP MCP server of the call's era (upstream/transport.h).
// Shared by all workers and thread-safe; owns one thread, on which all pipes live. A process belongs to one session (legacy) or one
// principal (modern) unless its server is `shared`, and to one version of the server's settings.

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "net/loop.h"
#include "stdio/child.h"
#include "stdio/error_log.h"
#include "upstream/transport.h"

namespace callgate::stdio {

class Opener;
class Switchboard;
class Ticket;

struct Limits {
  std::size_t processes_max = 256, per_server_max = 64, per_principal_max = 16;
  std::chrono::seconds idle_max{600};            // of a modern process
  std::chrono::seconds session_idle_max{3'900};  // of a legacy session; a little more than the gate's own
  std::size_t input_bytes_max = 16 * 1024 * 1024;
  std::size_t waiting_bytes_max = 256 * 1024;  // for one slow reader; then the process is read no further
  std::chrono::seconds stall_max{60};          // after that the slow reader loses its stream
  std::size_t log_bytes_max = 256 * 1024;      // per server
  std::chrono::milliseconds close_patience{2'000}, term_patience{3'000};
};

// Written on the loop of the pipes, read anywhere.
struct Counts {
  std::atomic<std::uint64_t> noise{0};    // lines that were no message
  std::atomic<std::uint64_t> strays{0};   // answers to nothing that was asked, in either direction
  std::atomic<std::uint64_t> dropped{0};  // messages nobody was there for
  std::atomic<std::uint64_t> restarts{0};
  std::atomic<std::size_t> running{0}, sessions{0};
};

struct ProcessStats {
  std::size_t running = 0, sessions = 0;
  std::uint64_t noise = 0, strays = 0, dropped = 0, restarts = 0;
};

class Processes {
 public:
  struct Options {
    Limits limits;
    net::Loop* loop = nullptr;  // tests: everything on this loop, and no thread
  };
  static Result<std::unique_ptr<Processes>> create(std::unique_ptr<Starter> starter, Options options);
  static Result<std::unique_ptr<Processes>> create(std::unique_ptr<Opener> opener, Options options);  // no processes: see channel.h
  ~Processes();  // ends every process in order; waits for it, at most some seconds. After every front

  std::unique_ptr<upstream::Transport> front(net::Loop& worker_loop);
  // Which servers there are, at which version: processes of others end when their open requests have.
  void retain(std::vector<std::pair<std::string, std::int64_t>> current);
  void end_session(std::string session);  // as the transport named it; unknown ones are ignored
  std::vector<LogLine> logs(const std::string& server_id, std::uint64_t since, std::size_t lines_max);
  ProcessStats stats() const;

  // For Front.
  void hand_over(std::shared_ptr<Ticket> ticket);
  void cancel(std::shared_ptr<Ticket> ticket, bool timed_out);
  void room(std::shared_ptr<Ticket> ticket);

 private:
  Processes(std::unique_ptr<Opener> opener, Options options);
  Result<void> begin();
  std::unique_ptr<Opener> opener_;
  Options options_;
  std::unique_ptr<net::Loop> own_loop_;
  net::Loop* loop_ = nullptr;
  std::unique_ptr<Switchboard> board_;
  std::thread thread_;
};

}  // namespace callgate::stdio
