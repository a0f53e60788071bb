#pragma once
// Processes for tests that are no processes: pipes on the loop under test, and the test says what the other side writes. No waiting.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "json/document.h"
#include "stdio/child.h"

namespace callgate::stdio {

// The server's end of one started process. Outlives the Child.
struct FakeProcess {
  int in = -1, out = -1, err = -1;  // its standard input, output, error
  bool input_closed = false, terminated = false, killed = false, destroyed = false;
  class FakeChild* child = nullptr;
  std::string environment;  // the secret part, as it was launched with
  std::string unread;

  ~FakeProcess() { close_all(); }
  void close_all() {
    for (int* fd : {&in, &out, &err})
      if (*fd >= 0) ::close(std::exchange(*fd, -1));
  }
  void write(std::string_view bytes) const { ASSERT_EQ(::write(out, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size())); }
  void line(std::string_view text) const { write(std::string(text) + "\n"); }
  void complain(std::string_view text) const { ASSERT_EQ(::write(err, text.data(), text.size()), static_cast<ssize_t>(text.size())); }
  // The next line it was sent; empty: none yet.
  std::string next() {
    char buffer[4096];
    while (unread.find('\n') == std::string::npos) {
      const ssize_t got = ::read(in, buffer, sizeof buffer);
      if (got == 0) input_closed = true;
      if (got <= 0) return {};
      unread.append(buffer, static_cast<std::size_t>(got));
    }
    const std::size_t end = unread.find('\n');
    std::string text = unread.substr(0, end);
    unread.erase(0, end + 1);
    return text;
  }
  bool sees_end_of_input() {
    while (!next().empty()) {}
    return input_closed;
  }
  void exit(const std::string& how);  // its pipes close, and the gate is told
};

class FakeChild final : public Child {
 public:
  explicit FakeChild(std::shared_ptr<FakeProcess> process) : process_(std::move(process)) {
    int in[2], out[2], err[2];
    EXPECT_EQ(::pipe2(in, O_NONBLOCK | O_CLOEXEC), 0);
    EXPECT_EQ(::pipe2(out, O_NONBLOCK | O_CLOEXEC), 0);
    EXPECT_EQ(::pipe2(err, O_NONBLOCK | O_CLOEXEC), 0);
    process_->in = in[0];
    input_ = in[1];
    output_ = out[0];
    process_->out = out[1];
    errors_ = err[0];
    process_->err = err[1];
    process_->child = this;
  }
  ~FakeChild() override {
    process_->destroyed = true;
    process_->child = nullptr;
    close_input();
    ::close(output_);
    ::close(errors_);
  }
  int input() const override { return input_; }
  int output() const override { return output_; }
  int errors() const override { return errors_; }
  void close_input() override {
    if (input_ >= 0) ::close(std::exchange(input_, -1));
  }
  void terminate(std::chrono::milliseconds grace) override {
    process_->terminated = true;
    if (grace.count() == 0) process_->killed = true;
  }

 private:
  std::shared_ptr<FakeProcess> process_;
  int input_ = -1, output_ = -1, errors_ = -1;
};

inline void FakeProcess::exit(const std::string& how) {
  close_all();
  if (child != nullptr && child->on_exit) child->on_exit(how);
}

class FakeStarter final : public Starter {
 public:
  std::vector<std::shared_ptr<FakeProcess>>& started;
  Result<void>& may_start;
  FakeStarter(std::vector<std::shared_ptr<FakeProcess>>& processes, Result<void>& allowed) : started(processes), may_start(allowed) {}
  void start(net::Loop& loop, const Server&, const vault::Credentials& credentials, Started done) override {
    if (!may_start) return loop.post([done, error = may_start.error()] { done(tl::unexpected<Error>(error)); });
    auto process = std::make_shared<FakeProcess>();
    process->environment = credentials.environment().reveal();
    started.push_back(process);
    loop.post([process, done] { done(std::make_unique<FakeChild>(process)); });
  }
};

}  // namespace callgate::stdio
