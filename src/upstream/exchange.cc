// One exchange over a connected socket: the request out, the response in.

#include <sys/epoll.h>

#include <charconv>
#include <cstring>
#include <utility>

#include "base/append.h"
#include "upstream/connection.h"

namespace callgate::upstream {
namespace {

constexpr std::uint8_t kInformationalMax = 8;      // 100 Continue and friends; an endless row of them would outlive every timeout
constexpr int kReadsPerTurn = 16;                  // then the other connections get their turn
constexpr std::size_t kProgressBytes = 16 * 1024;  // a plain body must move at least so much per timeout (T-50: slow drip)

bool is_event_stream(std::string_view content_type) {
  constexpr std::string_view wanted = "text/event-stream";
  if (!net::equals_ignoring_case(content_type.substr(0, wanted.size()), wanted)) return false;
  const char behind = content_type.size() == wanted.size() ? ';' : content_type[wanted.size()];
  return behind == ';' || behind == ' ' || behind == '\t';
}

// Our own request, from scratch: nothing of the client's framing is carried over, and no compression is offered (T-13).
void compose(std::string& out, const Target& target, const Pool& pool, const ClearedCall& call) {
  char length[48] = "Content-Length: ";
  constexpr std::size_t digits_at = 16;
  std::size_t length_size = 0;
  if (!call.body().empty() || call.method() == "POST") {
    char* const end = std::to_chars(length + digits_at, length + sizeof length - 2, call.body().size()).ptr;
    std::memcpy(end, "\r\n", 2);
    length_size = static_cast<std::size_t>(end + 2 - length);
  }
  const std::string_view own = target.credentials != nullptr ? target.credentials->header_lines().reveal() : std::string_view();
  append(out, call.method(), " ", target.server->url.target, " HTTP/1.1\r\nHost: ", pool.authority, "\r\nAccept-Encoding: identity\r\n",
         std::string_view(length, length_size), call.head(), own, "\r\n");
}

}  // namespace

void Connection::begin(const Target& target, const ClearedCall& call, ResponseSink& sink) {
  ++serial_;
  server_ = target.server;
  sink_ = &sink;
  to_head_request_ = call.method() == "HEAD";
  timeout_ = server_->call_timeout;
  body_left_ = call.body();
  phase_ = Phase::Head;
  sent_ = send_failed_ = paused_ = drained_ = keep_alive_ = event_stream_ = false;
  informational_ = 0;
  received_ = 0;
  since_rearm_ = 0;
  compose(dock_.head_buffer, target, pool_, call);
}

void Connection::wipe_head() {
  ::explicit_bzero(dock_.head_buffer.data(), dock_.head_buffer.size());
  dock_.head_buffer.clear();
}

void Connection::flush() {
  while (!all_sent()) {
    const net::IoResult result = stream_->write(head_left_, body_left_);
    if (!connected_ && stream_->handshake_done()) {
      connected_ = true;
      set_timeout(timeout_);
    }
    // A TLS record may have left in part even when nothing is reported as written.
    if (result.bytes > 0 || (tls_ && connected_)) sent_ = true;
    if (result.status == net::IoResult::Status::WouldBlock) return;
    if (result.status != net::IoResult::Status::Ok || result.bytes == 0) {
      send_failed_ = true;
      return;
    }
    const std::size_t of_head = std::min(result.bytes, head_left_.size());
    head_left_.remove_prefix(of_head);
    body_left_.remove_prefix(result.bytes - of_head);
    if (phase_ == Phase::Head && !paused_ && !all_sent()) set_timeout(timeout_);  // a large request is progress too
  }
  if (!head_.empty()) {
    ::explicit_bzero(head_.data(), head_.size());
    head_.clear();
    head_left_ = {};
  }
}

// Only what on_ready() would read first thing. While more is to be sent, or nobody is owed an answer, its turn decides.
bool Connection::read_ahead(std::uint32_t events) {
  const bool reads = (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == EPOLLIN && state_ == State::Active && !paused_;
  if (!reads || tls_ || ahead_ || send_failed_ || !all_sent()) return false;
  if (dock_.ahead_batch != dock_.loop.batch()) {
    dock_.ahead_batch = dock_.loop.batch();
    dock_.ahead_used = 0;
  }
  if (kAheadBytes - dock_.ahead_used < dock_.read_buffer.size()) return false;
  char* const into = dock_.ahead.get() + dock_.ahead_used;
  ahead_ = stream_->read(into, dock_.read_buffer.size());
  ahead_at_ = into;
  constexpr std::size_t line = 64;
  if (ahead_->status == net::IoResult::Status::Ok) dock_.ahead_used += (ahead_->bytes + line - 1) / line * line;
  return false;
}

// Paused between that and its turn: the bytes outlive the batch, any other outcome waits for the next read.
void Connection::keep_ahead() {
  if (!ahead_ || ahead_->status != net::IoResult::Status::Ok) return;
  carry_.append(ahead_at_, ahead_->bytes);
  ahead_.reset();
}

void Connection::read_some() {
  const std::uint64_t serial = serial_;
  for (int i = 0; i < kReadsPerTurn; ++i) {
    if (paused_) return keep_ahead();
    const char* const at = ahead_ ? ahead_at_ : dock_.read_buffer.data();
    const net::IoResult result = ahead_ ? *std::exchange(ahead_, {}) : stream_->read(dock_.read_buffer.data(), dock_.read_buffer.size());
    if (result.status == net::IoResult::Status::WouldBlock) {
      if (send_failed_) fail_reset("write failed: " + stream_->failure());
      return;
    }
    if (result.status != net::IoResult::Status::Ok) {
      on_stream_end(result);
      return;
    }
    drained_ = result.drained && !hung_up_;
    take({at, result.bytes});
    if (serial != serial_) return;
    if (drained_ && !send_failed_) return;
  }
  dock_.settle_later(*this);
}

void Connection::on_stream_end(const net::IoResult& result) {
  hung_up_ = true;
  const bool broken = result.status == net::IoResult::Status::Failed;
  if (tls_ && !connected_) {
    const std::string why = broken ? stream_->failure() : "the server closed the connection";
    fail_with(Code::Unavailable, "upstream.tls", "TLS with " + name() + " failed: " + why, why);
    return;
  }
  if (!broken && phase_ == Phase::Body && body_.on_close()) {
    finish(false);
    return;
  }
  fail_reset(broken ? stream_->failure() : phase_ == Phase::Head ? "closed before a response" : "closed inside the response body");
}

void Connection::fail_reset(std::string detail) {
  fail_with(Code::Unavailable, "upstream.reset",
            name() + (phase_ == Phase::Head ? " closed the connection without answering: check its log"
                                            : " closed the connection before its answer was complete: check its log"),
            std::move(detail));
}

void Connection::take(std::string_view piece) {
  if (!sent_) {
    fail_with(Code::Unavailable, "upstream.protocol", name() + " answered before it was asked: it does not speak HTTP/1.1",
              "bytes before the request");
    return;
  }
  since_rearm_ += piece.size();
  if (phase_ == Phase::Body && (event_stream_ || since_rearm_ >= kProgressBytes)) {
    since_rearm_ = 0;
    set_timeout(timeout_);
  }
  if (carry_.empty()) {
    process(piece);
  } else {
    carry_.append(piece);
    process(carry_);
  }
}

// INVARIANT: `bytes` is the whole of carry_, or carry_ is empty and `bytes` lies in the dock's buffers.
void Connection::process(std::string_view bytes) {
  if (phase_ == Phase::Head && !process_head(bytes)) return;
  if (!process_body(bytes)) return;
  if (paused_) {
    keep_rest(bytes);  // the end, too, waits for resume()
    return;
  }
  finish(bytes.empty());
}

void Connection::keep_rest(std::string_view rest) {
  if (carry_.empty()) {
    carry_.assign(rest);
  } else {
    carry_.erase(0, carry_.size() - rest.size());
  }
}

// True when the head was delivered and the same exchange goes on.
bool Connection::process_head(std::string_view& bytes) {
  net::Head& head = dock_.head;
  while (true) {
    const auto progress = net::read_response_head(bytes, net::HeadCaps{}, to_head_request_, head);
    if (!progress) {
      if (progress.error().code == Code::TooLarge) {
        fail_with(Code::TooLarge, "upstream.too_large", "the response head of " + name() + " is too large", progress.error().message);
      } else {
        fail_with(Code::Unavailable, "upstream.protocol", name() + " sent a malformed response: check that its URL leads to an HTTP server",
                  progress.error().message);
      }
      return false;
    }
    if (*progress == net::Progress::NeedMore) {
      keep_rest(bytes);
      return false;
    }
    if (head.status >= 200) break;
    if (++informational_ > kInformationalMax) {
      fail_with(Code::Unavailable, "upstream.protocol", name() + " sent too many interim responses: check its log", "1xx flood");
      return false;
    }
    bytes.remove_prefix(head.bytes);
  }
  if (!accept_head(head)) return false;
  const std::uint64_t serial = serial_;
  phase_ = Phase::Body;
  since_rearm_ = 0;
  set_timeout(timeout_);
  sink_->on_head(head);
  if (serial != serial_) return false;
  bytes.remove_prefix(head.bytes);
  return true;
}

bool Connection::accept_head(const net::Head& head) {
  for (const net::Header& header : head.headers()) {
    if (!header.is("content-encoding")) continue;
    if (header.value.empty() || net::equals_ignoring_case(header.value, "identity")) continue;
    fail_with(Code::Unavailable, "upstream.protocol",
              name() + " compressed its answer, which was not offered: switch compression off there", "content-encoding");
    return false;
  }
  keep_alive_ = head.keep_alive;
  event_stream_ = is_event_stream(head.header("content-type"));
  if (head.chunked) {
    body_.start(net::BodyReader::Mode::Chunked);
  } else if (head.content_length) {
    body_.start(net::BodyReader::Mode::Length, *head.content_length);
  } else {
    keep_alive_ = false;
    body_.start(net::BodyReader::Mode::UntilClose);
  }
  if (!event_stream_ && head.content_length.value_or(0) > server_->response_bytes_max) {
    fail_with(Code::TooLarge, "upstream.too_large",
              "the answer of " + name() + " is larger than allowed: ask for less, or raise its response limit",
              "content-length " + std::to_string(*head.content_length));
    return false;
  }
  return true;
}

// True when the body is complete.
bool Connection::process_body(std::string_view& bytes) {
  const std::uint64_t serial = serial_;
  while (!body_.done()) {
    if (paused_) {
      keep_rest(bytes);
      return false;
    }
    if (bytes.empty()) {
      carry_.clear();
      return false;
    }
    const auto piece = body_.next(bytes);
    if (!piece) {
      fail_with(Code::Unavailable, "upstream.protocol", name() + " sent a malformed response body: check its log", piece.error().message);
      return false;
    }
    if (piece->empty()) continue;
    received_ += piece->size();
    if (!event_stream_ && received_ > server_->response_bytes_max) {
      fail_with(Code::TooLarge, "upstream.too_large",
                "the answer of " + name() + " is larger than allowed: ask for less, or raise its response limit",
                "body of more than " + std::to_string(server_->response_bytes_max) + " bytes");
      return false;
    }
    sink_->on_body(*piece);
    if (serial != serial_) return false;
  }
  return true;
}

}  // namespace callgate::upstream
