// The load of the benchmark: one epoll thread, keep-alive connections, one request under way on each.
//   bench_load PORT CONNECTIONS SECONDS RATE REQUEST_FILE
// REQUEST_FILE holds the exact bytes of one request. RATE 0: closed loop, as fast as answers come. Otherwise open loop: requests are due
// at a steady pace whatever the answers do, and latency counts from the moment a request was due, so that a stall is not forgiven.
// Prints one line of JSON. A request whose answer is not HTTP 200 with a result is an error.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fstream>
#include <iterator>
#include <vector>

#include "wire.h"

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::uint32_t kTimer = 0xffffffff;

struct Connection {
  int fd = -1;
  bool busy = false;
  std::size_t sent = 0, checked = 0;
  std::string in;
  Clock::time_point due;
};

class Load {
 public:
  Load(std::uint16_t port, double rate, std::string request) : port_(port), rate_(rate), request_(std::move(request)) {}

  void run(std::uint32_t count, double seconds) {
    connections_.resize(count);
    for (std::uint32_t i = 0; i < count; ++i) connect(i);
    start_ = Clock::now();
    end_ = start_ + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    if (rate_ > 0) {
      watch(timer_, kTimer, EPOLLIN);
      next_due_ = start_;
      for (std::uint32_t i = 0; i < count; ++i) idle_.push_back(i);
      release_due();
    } else {
      for (std::uint32_t i = 0; i < count; ++i) begin(i, Clock::now());
    }
    epoll_event ready[512];
    while (Clock::now() < end_) {
      const int n = epoll_wait(poll_, ready, 512, 100);
      for (int i = 0; i < n; ++i) {
        if (ready[i].data.u32 == kTimer) {
          std::uint64_t ticks = 0;
          if (read(timer_, &ticks, sizeof ticks) > 0) release_due();
        } else {
          on_ready(ready[i].data.u32);
        }
      }
    }
    end_ = Clock::now();
  }

  void report() {
    std::sort(latencies_.begin(), latencies_.end());
    const auto at = [this](double share) {
      return latencies_.empty()
                 ? 0U
                 : latencies_[std::min(latencies_.size() - 1, static_cast<std::size_t>(share * static_cast<double>(latencies_.size())))];
    };
    const double seconds = std::chrono::duration<double>(end_ - start_).count();
    std::printf(
        R"({"requests":%zu,"errors":%llu,"reconnects":%llu,"seconds":%.4f,"rps":%.1f,"p50_us":%u,"p90_us":%u,"p99_us":%u,"max_us":%u})"
        "\n",
        latencies_.size(), static_cast<unsigned long long>(errors_), static_cast<unsigned long long>(reconnects_), seconds,
        static_cast<double>(latencies_.size()) / seconds, at(0.5), at(0.9), at(0.99), at(1.0));
    if (!first_error_.empty()) std::fprintf(stderr, "first error: %s\n", first_error_.c_str());
  }

 private:
  void watch(int fd, std::uint32_t index, std::uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.u32 = index;
    epoll_ctl(poll_, EPOLL_CTL_ADD, fd, &event);
  }

  void connect(std::uint32_t index) {
    Connection& c = connections_[index];
    if (c.fd >= 0) close(c.fd);
    c = Connection{};
    c.fd = socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in address = bench::loopback(port_);
    if (::connect(c.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) bench::die("connect");
    fcntl(c.fd, F_SETFL, O_NONBLOCK);
    bench::no_delay(c.fd);
    watch(c.fd, index, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
  }

  void begin(std::uint32_t index, Clock::time_point due) {
    Connection& c = connections_[index];
    c.busy = true;
    c.sent = c.checked = 0;
    c.in.clear();
    c.due = due;
    push(c);
  }

  void push(Connection& c) {
    while (c.busy && c.sent < request_.size()) {
      const ssize_t n = send(c.fd, request_.data() + c.sent, request_.size() - c.sent, MSG_NOSIGNAL);
      if (n < 0) return;  // full, or broken: reading tells
      c.sent += static_cast<std::size_t>(n);
    }
  }

  void on_ready(std::uint32_t index) {
    static char buffer[1 << 18];
    Connection& c = connections_[index];
    push(c);
    for (;;) {
      const ssize_t n = recv(c.fd, buffer, sizeof buffer, 0);
      if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
      if (n <= 0) return broken(index);
      c.in.append(buffer, static_cast<std::size_t>(n));
      const std::size_t end = bench::message_end(c.in, c.checked);
      if (end != std::string::npos) finish(index, std::string_view(c.in).substr(0, end));
      if (static_cast<std::size_t>(n) < sizeof buffer) return;
    }
  }

  void broken(std::uint32_t index) {
    const bool was_busy = connections_[index].busy;
    if (was_busy) count_error("the connection closed under a request");
    ++reconnects_;
    connect(index);
    if (was_busy) next(index);
  }

  void count_error(std::string_view what) {
    ++errors_;
    if (first_error_.empty()) first_error_ = std::string(what.substr(0, 600));
  }

  void finish(std::uint32_t index, std::string_view message) {
    Connection& c = connections_[index];
    const auto now = Clock::now();
    const bool good = message.substr(8, 5) == " 200 " && message.find("\"result\"") != std::string_view::npos;
    if (!good) count_error(message);
    latencies_.push_back(static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(now - c.due).count()));
    c.busy = false;
    next(index);
  }

  void next(std::uint32_t index) {
    if (rate_ <= 0) return begin(index, Clock::now());
    idle_.push_back(index);
    release_due();
  }

  // Open loop: starts what is due as far as connections are free, then sleeps until the next one.
  void release_due() {
    const auto step = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(1 / rate_));
    while (!idle_.empty() && next_due_ <= Clock::now()) {
      const std::uint32_t index = idle_.back();
      idle_.pop_back();
      begin(index, next_due_);
      next_due_ += step;
    }
    if (idle_.empty()) return;
    const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(next_due_.time_since_epoch()).count();
    itimerspec when{};
    when.it_value.tv_sec = ns / 1'000'000'000;
    when.it_value.tv_nsec = ns % 1'000'000'000;
    timerfd_settime(timer_, TFD_TIMER_ABSTIME, &when, nullptr);
  }

  std::uint16_t port_;
  double rate_;
  std::string request_;
  int poll_ = epoll_create1(0);
  int timer_ = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  std::vector<Connection> connections_;
  std::vector<std::uint32_t> idle_;       // open loop: connections without a request
  std::vector<std::uint32_t> latencies_;  // microseconds
  std::uint64_t errors_ = 0, reconnects_ = 0;
  std::string first_error_;
  Clock::time_point start_, end_, next_due_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr, "usage: bench_load PORT CONNECTIONS SECONDS RATE REQUEST_FILE\n");
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  std::ifstream file(argv[5], std::ios::binary);
  std::string request{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (request.empty()) bench::die("request file");
  Load load(static_cast<std::uint16_t>(std::strtoul(argv[1], nullptr, 10)), std::strtod(argv[4], nullptr), std::move(request));
  load.run(static_cast<std::uint32_t>(std::strtoul(argv[2], nullptr, 10)), std::strtod(argv[3], nullptr));
  load.report();
  return 0;
}
