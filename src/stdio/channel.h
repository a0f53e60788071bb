#pragma once
// The three pipes of one process: whole lines in both directions, standard error into the log, an ordered end. Knows nothing of JSON.
// Life: open -> stopping (input closed, then SIGTERM, then SIGKILL) -> gone. Inner header of stdio/.

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "net/loop.h"
#include "stdio/child.h"
#include "stdio/error_log.h"
#include "stdio/lines.h"

namespace callgate::stdio {

class ChannelReader {
 public:
  virtual ~ChannelReader() = default;
  virtual bool on_line(std::string_view line) = 0;  // false: read no further until read_on()
  virtual void on_too_long() = 0;
  virtual void on_gone(const std::string& how) = 0;  // once; nothing comes after it
};

class Channel final : private net::Deferred {
 public:
  struct Limits {
    std::size_t line_bytes_max = 16 * 1024 * 1024;
    std::size_t input_bytes_max = 16 * 1024 * 1024;
    std::chrono::milliseconds close_patience{2'000}, term_patience{3'000};
  };
  Channel(net::Loop& loop, std::unique_ptr<Child> child, const Limits& limits, ChannelReader& reader);
  ~Channel() override;
  Result<void> open(std::shared_ptr<ErrorLog> log, std::uint64_t number);

  // Queues the line and its end. False: the input is full or closed, and nothing of it was or will be written.
  bool write(std::string_view line);
  bool has_room(std::size_t bytes) const { return state_ == State::Open && unsent() + bytes < limits_.input_bytes_max; }
  void read_on();
  void stop();  // in order
  void kill();  // at once, as an answer to misbehaviour
  bool open() const { return state_ == State::Open; }
  bool gone() const { return state_ == State::Gone; }

 private:
  enum class State : std::uint8_t { Open, Stopping, Gone };
  class Pipe final : public net::Watcher {
   public:
    explicit Pipe(std::function<void()> ready) : ready_(std::move(ready)) {}
    void on_ready(std::uint32_t) override { ready_(); }
    int fd = -1;

   private:
    std::function<void()> ready_;
  };
  void on_batch_end() override;
  void read_output();
  void read_errors();
  void flush();
  void close_input();
  void unwatch(Pipe& pipe);
  void on_exit(std::string how);
  void on_timer();
  void finish();
  std::size_t unsent() const { return input_.size() - input_sent_; }

  net::Loop& loop_;
  std::unique_ptr<Child> child_;
  Limits limits_;
  ChannelReader& reader_;
  std::shared_ptr<ErrorLog> log_;  // the server may be removed before its process has ended
  std::uint64_t number_ = 0;
  State state_ = State::Open;
  Pipe in_, out_, err_;
  std::string input_;
  std::size_t input_sent_ = 0;
  LineCutter lines_;
  bool held_ = false, output_ended_ = false, exited_ = false, terminating_ = false;
  std::string how_;
  net::Timer timer_;
};

}  // namespace callgate::stdio
