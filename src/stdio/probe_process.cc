#include "stdio/probe_process.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace callgate::stdio {
namespace {

constexpr std::chrono::milliseconds kClosePatience{700}, kTermPatience{700};
constexpr std::size_t kReceivedMax = 1'000;

int left(MonoTime until) {
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(until - SystemClock().mono());
  return static_cast<int>(std::clamp<std::int64_t>(wait.count(), 0, 600'000));
}

}  // namespace

ProbeProcess::ProbeProcess(std::unique_ptr<sandbox::Process> process, std::size_t line_bytes_max)
    : process_(std::move(process)), lines_(line_bytes_max) {}

ProbeProcess::~ProbeProcess() {
  process_->close_input();
  if (process_->wait(kClosePatience)) return;
  process_->terminate(kTermPatience);
  process_->wait(kTermPatience * 2);
}

Result<upstream::ProbeReply> ProbeProcess::send(const upstream::ProbeRequest& request, std::chrono::milliseconds timeout) {
  upstream::ProbeReply reply;
  reply.status = 200;
  reply.content_type = "application/json";
  if (request.method != "POST") return reply;
  const MonoTime until = SystemClock().mono() + timeout;
  CG_CHECK(write(request.body, until));
  if (!request.is_answer) {
    reply.status = 202;
    return reply;
  }
  while (true) {
    for (; !received_.empty(); received_.pop_front()) {
      if (!take(request, received_.front())) continue;
      reply.body = std::move(received_.front());
      received_.pop_front();
      return reply;
    }
    if (too_long_) return fail(Code::TooLarge, "upstream.too_large", "the server sent a message past the size limit");
    CG_CHECK(wait(until, false));
  }
}

bool ProbeProcess::take(const upstream::ProbeRequest& request, const std::string& line) {
  if (request.is_answer(line)) return true;
  json::Document document;
  if (!document.parse(line) || !document.root().is_object()) {
    ++noise_;
    return false;
  }
  const json::Value root = document.root();
  if (root["method"].is_string() && root["id"].exists()) refuse(root["id"], SystemClock().mono() + std::chrono::seconds(1));
  return false;
}

// A look asks; it does not answer.
void ProbeProcess::refuse(json::Value id, MonoTime until) {
  (void)write(R"({"jsonrpc":"2.0","id":)" + std::string(id.raw()) + R"(,"error":{"code":-32601,"message":"nobody is there to answer"}})",
              until);
}

Result<void> ProbeProcess::write(std::string_view line, MonoTime until) {
  std::string text(line);
  text += '\n';
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t wrote = process_->input_fd() < 0 ? -1 : ::write(process_->input_fd(), rest.data(), rest.size());
    if (wrote > 0) {
      rest.remove_prefix(static_cast<std::size_t>(wrote));
      continue;
    }
    if (wrote < 0 && errno != EAGAIN && errno != EINTR) {
      (void)wait(SystemClock().mono() + std::chrono::milliseconds(500), false);  // its last words
      ended_ = true;
      return fail(Code::Unavailable, "upstream.reset", "the process reads no more");
    }
    CG_CHECK(wait(until, true));
  }
  return {};
}

// Until something happens. Ended: only when everything it wrote was read.
Result<void> ProbeProcess::wait(MonoTime until, bool for_writing) {
  std::array<pollfd, 3> all = {pollfd{process_->output_fd(), POLLIN, 0}, pollfd{errors_ended_ ? -1 : process_->error_fd(), POLLIN, 0},
                               pollfd{for_writing ? process_->input_fd() : -1, POLLOUT, 0}};
  const int count = ::poll(all.data(), all.size(), left(until));
  if (count < 0 && errno == EINTR) return {};
  if (count == 0) return fail(Code::Timeout, "upstream.timeout", "the server did not answer in time");
  if (all[1].revents != 0) read_errors();
  if (all[0].revents != 0) read_output();
  if (!ended_ || !received_.empty()) return {};
  if (const auto exit = process_->wait(std::chrono::milliseconds(300)))
    return fail(Code::Unavailable, "upstream.reset", "the process ended: " + exit->text());
  return fail(Code::Unavailable, "upstream.reset", "the process closed its output");
}

void ProbeProcess::read_output() {
  std::array<char, 16 * 1024> buffer;
  const ssize_t got = ::read(process_->output_fd(), buffer.data(), buffer.size());
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    ended_ = true;
    read_errors();
    return;
  }
  lines_.add(
      {buffer.data(), static_cast<std::size_t>(got)},
      [this](std::string_view line) {
        if (received_.size() < kReceivedMax) received_.emplace_back(line);
        return true;
      },
      [this] { too_long_ = true; });
}

void ProbeProcess::read_errors() {
  std::array<char, 16 * 1024> buffer;
  const ssize_t got = errors_ended_ ? 0 : ::read(process_->error_fd(), buffer.data(), buffer.size());
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    errors_ended_ = true;
    return;
  }
  const SystemClock clock;
  errors_.append({buffer.data(), static_cast<std::size_t>(got)}, clock.now(), clock.mono());
}

std::string ProbeProcess::last_words() const {
  std::string text;
  const auto& lines = errors_.lines();
  for (auto line = lines.size() > 3 ? lines.end() - 3 : lines.begin(); line != lines.end(); ++line)
    text += (text.empty() ? "" : " | ") + line->text;
  return text;
}

}  // namespace callgate::stdio
