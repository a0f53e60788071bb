// The stdio side: lines in, lines out, one thread for each open request.
#include "cli/relay.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "session/jsonrpc.h"
#include "session/revision.h"
#include "stdio/lines.h"

namespace callgate::cli {
namespace {

constexpr std::size_t kLineBytesMax = 64 * 1024 * 1024;
constexpr std::size_t kOpenMax = 128;

bool modern_message(json::Value root, std::string_view method) {
  return root["params"]["_meta"][session::kMetaVersion].exists() || method == "server/discover" || method == "subscriptions/listen";
}

}  // namespace

Relay::Relay(Options options) : options_(std::move(options)) {}

Relay::~Relay() {
  stop_ = true;
  changed_.notify_all();
  if (listener_.joinable()) listener_.join();
}

void Relay::run() {
  stdio::LineCutter lines(kLineBytesMax);
  std::vector<char> buffer(64 * 1024);
  while (!stopping()) {
    std::array<pollfd, 2> all = {pollfd{options_.in, POLLIN, 0}, pollfd{options_.stop_fd, POLLIN, 0}};
    if (::poll(all.data(), all.size(), -1) < 0 && errno != EINTR) break;
    if (all[1].revents != 0) stop_ = true;
    if (stopping() || all[0].revents == 0) continue;
    const ssize_t got = ::read(options_.in, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    lines.add(
        {buffer.data(), static_cast<std::size_t>(got)},
        [this](std::string_view line) {
          take_line(line);
          return true;
        },
        [this] { write_error("null", session::kInvalidRequest, "this message is too long"); });
  }
  drain();
}

void Relay::drain() {
  std::unique_lock lock(mutex_);
  for (auto& [id, open] : open_)
    if (open->endless) open->cancelled = true;
  changed_.wait_for(lock, options_.drain_patience, [this] { return open_.empty() || stopping(); });
  for (auto& [id, open] : open_) open->cancelled = true;
  stop_ = true;
  changed_.notify_all();
  changed_.wait_for(lock, std::chrono::seconds(5), [this] { return open_.empty(); });
  for (std::thread& one : threads_) one.detach();  // what does not end when told to is not waited for
  const std::string last = session_;
  lock.unlock();
  join_ended();
  if (listener_.joinable()) listener_.join();
  if (last.empty()) return;
  StreamRequest bye;
  bye.method = "DELETE";
  bye.url = options_.url;
  bye.unix_socket = options_.unix_socket;
  bye.headers = headers_of({}, last);
  bye.timeout_ms = 2'000;
  (void)http_.perform(bye);
}

bool Relay::sleep(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, time, [this] { return stopping(); });
}

void Relay::write_line(std::string_view text) {
  std::string line(text);
  line += '\n';
  const std::lock_guard lock(write_mutex_);
  for (std::string_view rest = line; !rest.empty();) {
    const ssize_t wrote = ::write(options_.out, rest.data(), rest.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) {
      stop_ = true;  // nobody reads
      return;
    }
    rest.remove_prefix(static_cast<std::size_t>(wrote));
  }
}

void Relay::write_error(std::string_view id, int code, const std::string& message) {
  std::string text;
  session::append_error(text, id, code, message);
  write_line(text);
}

void Relay::take_line(std::string_view line) {
  json::Document document;
  json::Caps caps;
  caps.bytes_max = kLineBytesMax;
  if (auto parsed = document.parse(line, caps); !parsed) return write_error("null", session::kParseError, parsed.error().message);
  const json::Value root = document.root();
  if (root.is_array()) root.for_each_element([this](json::Value one) { take(one); });
  else take(root);
}

void Relay::take(json::Value root) {
  const auto message = session::read_message(root);
  if (!message) return write_error(root["id"].exists() ? root["id"].raw() : "null", session::kInvalidRequest, message.error().message);
  Ask ask;
  ask.body = root.raw();
  ask.method = message->method;
  ask.modern = modern_message(root, message->method);
  if (message->kind == session::MessageKind::Request) {
    ask.id = message->id.raw();
    return take_request(std::move(ask), root);
  }
  if (message->kind == session::MessageKind::Notification) return take_notification(std::move(ask), root);
  send(ask);  // the client's answer to what the server asked
}

void Relay::take_request(Ask ask, json::Value root) {
  if (ask.modern) ask.headers = modern_headers(root);
  ask.open = std::make_shared<Open>();
  ask.open->modern = ask.modern;
  ask.open->endless = ask.method == "subscriptions/listen";
  {
    std::unique_lock lock(mutex_);
    if (ask.method == "initialize") {
      hello_ = ask.body;
      session_.clear();
      revision_.clear();
      initialized_ = false;
    }
    changed_.wait(lock, [this] { return open_.size() < kOpenMax || stopping(); });
    if (!open_.emplace(ask.id, ask.open).second) {
      lock.unlock();
      return write_error(ask.id, session::kInvalidRequest, "a request with this id is under way");
    }
  }
  if (ask.method != "initialize") return start(std::move(ask));
  send(ask);  // what follows needs the session it opens
  const std::lock_guard lock(mutex_);
  open_.erase(ask.id);
}

// Each thread is joined once it is done: what libraries keep for a thread is only freed by its end, and the process may end right after.
void Relay::start(Ask ask) {
  join_ended();
  const std::lock_guard lock(mutex_);
  auto at = threads_.emplace(threads_.end());
  *at = std::thread([this, at, ask = std::move(ask)]() mutable {
    send(ask);
    const std::lock_guard inner(mutex_);
    open_.erase(ask.id);
    ended_.splice(ended_.end(), threads_, at);
    changed_.notify_all();
  });
}

void Relay::join_ended() {
  std::list<std::thread> ended;
  {
    const std::lock_guard lock(mutex_);
    ended.swap(ended_);
  }
  for (std::thread& one : ended)
    if (one.joinable()) one.join();
}

void Relay::take_notification(Ask ask, json::Value root) {
  if (ask.method == "notifications/cancelled") {  // over HTTP a modern client cancels by leaving
    const std::lock_guard lock(mutex_);
    const auto found = open_.find(std::string(root["params"]["requestId"].raw()));
    if (found != open_.end() && found->second->modern) {
      found->second->cancelled = true;
      return;
    }
  }
  send(ask);
  if (ask.method != "notifications/initialized") return;
  const std::lock_guard lock(mutex_);
  initialized_ = true;
  if (!session_.empty() && !listener_.joinable()) listener_ = std::thread([this] { listen(); });
}

// The GET stream: opened again whenever it ends, with growing patience.
void Relay::listen() {
  std::chrono::milliseconds pause{500};
  while (!stopping()) {
    Ask ask;
    ask.method = "GET";
    Answer answer;
    const std::string at = session();
    const StreamOutcome outcome = exchange(ask, at, answer);
    if (outcome.head.status == 405) return;
    pause = outcome.head.status == 200 ? std::chrono::milliseconds(500) : std::min(pause * 2, std::chrono::milliseconds(30'000));
    if (!sleep(pause)) return;
  }
}

std::string Relay::session() {
  const std::lock_guard lock(mutex_);
  return session_;
}

}  // namespace callgate::cli
