#include "stdio/pipes.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "stdio/processes.h"

namespace callgate::stdio {
namespace {

constexpr int kReadsPerTurn = 8;                         // then the other processes get their turn
constexpr std::size_t kKeepBytes = 64 * 1024;            // of the input buffer of a quiet process
constexpr std::chrono::milliseconds kExitPatience{250};  // between the end of the output and the notice of the exit

std::array<char, 64 * 1024>& read_buffer() {
  thread_local std::array<char, 64 * 1024> buffer;
  return buffer;
}

}  // namespace

Pipes::Pipes(net::Loop& loop, std::unique_ptr<Child> child, const Bounds& bounds)
    : loop_(loop),
      child_(std::move(child)),
      limits_(bounds),
      in_([this] { flush(); }),
      out_([this] { read_output(); }),
      err_([this] { read_errors(); }),
      lines_(bounds.line_bytes_max),
      timer_([this] { on_timer(); }) {
  child_->on_exit = [this](std::string how) { on_exit(std::move(how)); };
}

Pipes::~Pipes() {
  child_->on_exit = nullptr;
  unwatch(in_);
  unwatch(out_);
  unwatch(err_);
}

Result<void> Pipes::begin(ChannelReader& reader, std::shared_ptr<ErrorLog> log, std::uint64_t number, const ClearedCall&) {
  reader_ = &reader;
  log_ = std::move(log);
  number_ = number;
  const std::pair<Pipe*, int> pipes[] = {{&in_, child_->input()}, {&out_, child_->output()}, {&err_, child_->errors()}};
  for (const auto& [pipe, fd] : pipes) {
    if (fd < 0) continue;
    CG_CHECK(loop_.watch(fd, *pipe));
    pipe->fd = fd;
  }
  loop_.defer(*this);  // what was written before the watch began
  return {};
}

void Pipes::unwatch(Pipe& pipe) {
  if (pipe.fd >= 0) loop_.unwatch(std::exchange(pipe.fd, -1), pipe);
}

bool Pipes::write(std::string_view line, const ClearedCall&, std::int64_t) {
  if (!has_room(line.size() + 1)) return false;
  if (input_sent_ == input_.size()) {
    input_.clear();
    input_sent_ = 0;
    if (input_.capacity() > kKeepBytes) std::string().swap(input_);
  }
  input_.append(line).push_back('\n');
  flush();
  return true;
}

void Pipes::flush() {
  while (in_.fd >= 0 && unsent() > 0) {
    const ssize_t wrote = ::write(in_.fd, input_.data() + input_sent_, unsent());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0 && errno == EAGAIN) return;
    if (wrote <= 0) return close_input();  // it reads no more; its end is noticed on the output
    input_sent_ += static_cast<std::size_t>(wrote);
    if (input_sent_ > kKeepBytes * 4) {
      input_.erase(0, input_sent_);
      input_sent_ = 0;
    }
  }
}

void Pipes::close_input() {
  unwatch(in_);
  child_->close_input();
}

void Pipes::read_on() {
  if (!held_) return;
  held_ = false;
  loop_.defer(*this);
}

void Pipes::on_batch_end() {
  read_output();
  read_errors();
}

void Pipes::read_output() {
  if (held_ || state_ == State::Gone) return;
  const auto line = [this](std::string_view text) {
    held_ = !reader_->on_line(text);
    return !held_ && state_ != State::Gone;
  };
  const auto too_long = [this] { reader_->on_too_long(); };
  if (lines_.waiting()) lines_.add({}, line, too_long);
  for (int i = 0; i < kReadsPerTurn && !output_ended_; ++i) {
    if (held_ || state_ == State::Gone) return;
    const ssize_t got = ::read(out_.fd, read_buffer().data(), read_buffer().size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) {
      if (exited_) finish();  // a child of its own may hold the pipe open: nobody waits for that one
      return;
    }
    if (got <= 0) {
      output_ended_ = true;
      unwatch(out_);
      break;
    }
    lines_.add({read_buffer().data(), static_cast<std::size_t>(got)}, line, too_long);
  }
  if (held_ || state_ == State::Gone) return;
  if (!output_ended_) return loop_.defer(*this);
  if (exited_) return finish();
  if (!timer_.armed()) loop_.arm(timer_, kExitPatience);
}

void Pipes::read_errors() {
  for (int i = 0; i < kReadsPerTurn && err_.fd >= 0; ++i) {
    const ssize_t got = ::read(err_.fd, read_buffer().data(), read_buffer().size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return unwatch(err_);
    log_->append(number_, {read_buffer().data(), static_cast<std::size_t>(got)});
  }
  if (err_.fd >= 0) loop_.defer(*this);
}

void Pipes::on_exit(std::string how) {
  exited_ = true;
  how_ = std::move(how);
  loop_.disarm(timer_);
  loop_.defer(*this);  // the last words first
}

void Pipes::stop() {
  if (state_ != State::Open) return;
  state_ = State::Stopping;
  close_input();
  loop_.arm(timer_, limits_.close_patience);
}

void Pipes::kill() {
  if (state_ == State::Gone) return;
  state_ = State::Stopping;
  close_input();
  terminating_ = true;
  child_->terminate(std::chrono::milliseconds(0));
  loop_.arm(timer_, limits_.term_patience);
}

void Pipes::on_timer() {
  if (exited_ || state_ == State::Gone) return;
  if (state_ == State::Open) {  // the output ended and the process did not
    how_ = "its output was closed";
    stop();
    return;
  }
  if (!std::exchange(terminating_, true)) {
    child_->terminate(limits_.term_patience);
    loop_.arm(timer_, limits_.term_patience + std::chrono::milliseconds(1'000));
    return;
  }
  finish();  // killed, and the notice did not come: nothing more is to be had
}

void Pipes::finish() {
  if (state_ == State::Gone) return;
  state_ = State::Gone;
  loop_.disarm(timer_);
  read_errors();
  log_->finish(number_);
  unwatch(in_);
  unwatch(out_);
  unwatch(err_);
  child_->terminate(std::chrono::milliseconds(0));  // what it left behind
  reader_->on_gone(how_.empty() ? "it was stopped" : how_, nullptr);
}

// ---- how they are had -----------------------------------------------------------------------------------------------

void PipeOpener::open(net::Loop& loop, const Limits& limits, const std::shared_ptr<const Spec>& spec, Opened opened) {
  const Pipes::Bounds bounds{spec->server.response_bytes_max, limits.input_bytes_max, limits.close_patience, limits.term_patience};
  starter_->start(loop, spec->server, spec->credentials, [&loop, bounds, opened = std::move(opened)](Result<std::unique_ptr<Child>> child) {
    if (!child) return opened(tl::unexpected<Error>(child.error()));
    opened(std::make_unique<Pipes>(loop, std::move(*child), bounds));
  });
}

}  // namespace callgate::stdio
