#pragma once
// The three pipes of one process as a channel: whole lines in both directions, standard error into the log, an ordered end. Knows nothing
// of JSON. Life: open -> stopping (input closed, then SIGTERM, then SIGKILL) -> gone. Inner header of stdio/.

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "net/loop.h"
#include "stdio/channel.h"
#include "stdio/child.h"
#include "stdio/lines.h"

namespace callgate::stdio {

class Pipes final : public Channel, private net::Deferred {
 public:
  struct Bounds {
    std::size_t line_bytes_max = 16 * 1024 * 1024;
    std::size_t input_bytes_max = 16 * 1024 * 1024;
    std::chrono::milliseconds close_patience{2'000}, term_patience{3'000};
  };
  Pipes(net::Loop& loop, std::unique_ptr<Child> child, const Bounds& bounds);
  ~Pipes() override;
  Result<void> begin(ChannelReader& reader, std::shared_ptr<ErrorLog> log, std::uint64_t number, const ClearedCall& by) override;
  bool write(std::string_view line, const ClearedCall& by, std::int64_t number) override;
  void read_on() override;
  void stop() override;
  void kill() override;
  bool open() const override { return state_ == State::Open; }

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
  bool has_room(std::size_t bytes) const { return state_ == State::Open && unsent() + bytes < limits_.input_bytes_max; }
  std::size_t unsent() const { return input_.size() - input_sent_; }

  net::Loop& loop_;
  std::unique_ptr<Child> child_;
  Bounds limits_;
  ChannelReader* reader_ = nullptr;
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

// Starts a process for each channel.
class PipeOpener final : public Opener {
 public:
  explicit PipeOpener(std::unique_ptr<Starter> starter) : starter_(std::move(starter)) {}
  void open(net::Loop& loop, const Limits& limits, const std::shared_ptr<const Spec>& spec, Opened opened) override;

 private:
  std::unique_ptr<Starter> starter_;
};

}  // namespace callgate::stdio
