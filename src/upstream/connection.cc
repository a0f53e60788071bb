// Life of a connection: resolve, connect, pool, end. Sending and receiving are in exchange.cc.

#include "upstream/connection.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "upstream/dial.h"

namespace callgate::upstream {
namespace {

constexpr std::chrono::seconds kPeekAfterIdle{1};     // below, the loop has told us of a close with near certainty
constexpr std::chrono::minutes kConnectionAgeMax{5};  // so that a changed DNS answer is noticed under steady load
constexpr std::size_t kKeepBytes = 4 * 1024;          // of each buffer of an idle connection
constexpr std::uint32_t kHangUp = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

}  // namespace

Connection::Connection(Dock& dock, Pool& pool) : dock_(dock), pool_(pool), version_(pool.version), timer_([this] { on_timer(); }) {}

Connection::~Connection() {
  if (fd_ >= 0) ::close(fd_);
}

std::string Connection::name() const { return "server `" + (server_ != nullptr ? server_->slug : std::string()) + "`"; }

void Connection::open(const Target& target, const ClearedCall& call, ResponseSink& sink) {
  begin(target, call, sink);
  head_.assign(dock_.head_buffer);
  wipe_head();
  head_left_ = head_;
  counted_ = true;
  ++pool_.open;
  tls_ = server_->url.tls;
  connect_deadline_ = dock_.loop.now() + server_->connect_timeout;
  dock_.loop.arm(timer_, server_->connect_timeout);
  const std::string& host = server_->url.host;
  if (const auto literal = IpAddress::parse(host)) {
    take_addresses({*literal});
  } else if (const Addresses* known = dock_.resolver.cached(host)) {
    take_addresses(*known);
  } else if (auto asked = dock_.resolver.resolve(host, *this); !asked) {
    fail_with(asked.error().code, asked.error().reason, asked.error().message, asked.error().detail);
  }
}

bool Connection::reuse(const Target& target, const ClearedCall& call, ResponseSink& sink) {
  CG_ASSERT(state_ == State::Idle);
  if (dock_.loop.now() - idle_since > kPeekAfterIdle && !quiet(stream_->fd())) {
    close();
    return false;
  }
  state_ = State::Active;
  begin(target, call, sink);
  head_left_ = dock_.head_buffer;
  flush();
  if (send_failed_ && !sent_) {
    wipe_head();
    end_exchange();
    close();
    return false;
  }
  if (!head_left_.empty()) {
    head_.assign(head_left_);
    head_left_ = head_;
  }
  wipe_head();
  set_timeout(timeout_);
  if (send_failed_) dock_.settle_later(*this);
  return true;
}

void Connection::refuse(ResponseSink& sink, Error error) {
  sink_ = &sink;
  ++serial_;
  fail_with(error.code, error.reason, std::move(error.message), std::move(error.detail));
}

void Connection::on_resolved(const Result<Addresses>& answer) {
  if (state_ != State::Resolving) return;
  if (!answer) {
    fail_with(answer.error().code, answer.error().reason, answer.error().message, answer.error().detail);
    return;
  }
  take_addresses(*answer);
}

// T-65: every address of the answer is judged, each time, before any of them is used. One that is refused refuses the name: a name that
// leads both outside and inside is an attack or a mistake.
void Connection::take_addresses(const Addresses& addresses) {
  for (const IpAddress& address : addresses) {
    if (auto allowed = check_address(address, server_->allow_private); !allowed) {
      fail_with(allowed.error().code, allowed.error().reason, allowed.error().message, allowed.error().detail);
      return;
    }
  }
  addresses_ = addresses;
  next_address_ = 0;
  dial_next();
}

void Connection::dial_next() {
  release_socket();
  while (next_address_ < addresses_.size()) {
    const std::size_t left = addresses_.size() - next_address_;
    auto fd = dial(addresses_[next_address_++], server_->url.port);
    if (!fd) {
      connect_detail_ = fd.error().detail;
      continue;
    }
    fd_ = *fd;
    state_ = State::Connecting;
    if (auto watched = dock_.loop.watch(fd_, *this); !watched) {
      connect_detail_ = watched.error().detail;
      release_socket();
      continue;
    }
    // Each address gets its share of what is left, so that a dead first one does not use up the time of a live second.
    const auto remaining = std::chrono::ceil<std::chrono::milliseconds>(connect_deadline_ - dock_.loop.now());
    dock_.loop.arm(timer_, remaining / static_cast<int>(left));
    return;
  }
  dock_.resolver.drop(server_->url.host);
  fail_with(Code::Unavailable, "upstream.connect", "cannot connect to " + name() + ": check that it runs and that its URL is right",
            connect_detail_);
}

void Connection::on_connected(std::uint32_t events) {
  const IpAddress& address = addresses_[next_address_ - 1];
  if (const int error = dial_result(fd_); error != 0) {
    connect_detail_ = address.text() + ": " + std::strerror(error);
    dial_next();
    return;
  }
  if ((events & (EPOLLOUT | kHangUp)) == 0) return;
  dock_.resolver.prefer(server_->url.host, address);
  const int fd = std::exchange(fd_, -1);
  if (tls_) {
    auto context = dock_.tls_for(*server_);
    if (!context) {
      fd_ = fd;
      fail_with(Code::Unavailable, "upstream.tls", "the trust anchors of " + name() + " cannot be read: check its CA certificate",
                context.error().message);
      return;
    }
    auto stream = net::ByteStream::tls_client(fd, **context, server_->url.host);
    if (!stream) {
      fail_with(Code::Unavailable, "upstream.tls", stream.error().message, stream.error().detail);
      return;
    }
    stream_ = std::move(*stream);
  } else {
    stream_ = net::ByteStream::plain(fd);
  }
  ++dock_.connects;
  connected_at_ = dock_.loop.now();
  state_ = State::Active;
  // The handshake may take all the time that is left, whichever address answered.
  dock_.loop.arm(timer_, std::chrono::ceil<std::chrono::milliseconds>(connect_deadline_ - dock_.loop.now()));
  flush();
  if (tls_ || send_failed_ || (events & (EPOLLIN | kHangUp)) != 0) read_some();
}

void Connection::on_ready(std::uint32_t events) {
  switch (state_) {
    case State::Connecting: on_connected(events); return;
    case State::Idle:
      // Nobody is owed a byte: whatever comes, or an end, spoils the connection. A TLS session ticket reads as nothing.
      if ((events & kHangUp) != 0) {
        close();
      } else if ((events & EPOLLIN) != 0) {
        const auto result = stream_->read(dock_.read_buffer.data(), dock_.read_buffer.size());
        if (result.status != net::IoResult::Status::WouldBlock) close();
      }
      return;
    case State::Active: {
      if ((events & kHangUp) != 0) hung_up_ = true;
      const std::uint64_t serial = serial_;
      if (!all_sent() && !send_failed_) flush();
      if (serial != serial_) return;
      if (tls_ || send_failed_ || (events & (EPOLLIN | kHangUp)) != 0) read_some();
      return;
    }
    default: return;
  }
}

void Connection::on_timer() {
  switch (state_) {
    case State::Connecting:
      connect_detail_ = addresses_[next_address_ - 1].text() + ": no answer";
      if (next_address_ < addresses_.size() && dock_.loop.now() < connect_deadline_) {
        dial_next();
        return;
      }
      [[fallthrough]];
    case State::Resolving:
      fail_with(Code::Timeout, "upstream.connect_timeout",
                name() + " could not be reached in time: check that it runs, or raise its connect timeout",
                state_ == State::Resolving ? "no answer from DNS" : connect_detail_);
      return;
    case State::Active:
      if (!connected_) {
        fail_with(Code::Timeout, "upstream.connect_timeout", name() + " did not finish the TLS handshake in time: check that it speaks TLS",
                  "TLS handshake");
      } else if (!paused_) {
        fail_with(Code::Timeout, "upstream.timeout", name() + " did not answer in time: try again later, or raise its call timeout",
                  phase_ == Phase::Head ? "no response head" : "no further body");
      }
      return;
    default: return;  // idle connections leave the timer where it is: cheaper than disarming it for each call
  }
}

void Connection::set_timeout(std::chrono::milliseconds until_next_byte) {
  timeout_ = until_next_byte;
  if (state_ != State::Active || !connected_ || paused_) return;
  if (timeout_.count() > 0) {
    dock_.loop.arm(timer_, timeout_);
  } else {
    dock_.loop.disarm(timer_);
  }
}

void Connection::pause() {
  if (paused_ || sink_ == nullptr) return;
  paused_ = true;
  if (state_ == State::Active && connected_) dock_.loop.disarm(timer_);
}

void Connection::resume() {
  if (!paused_) return;
  paused_ = false;
  if (state_ != State::Active) return;
  set_timeout(timeout_);
  dock_.settle_later(*this);  // not now: the caller may be inside a callback, with views into the read buffer
}

void Connection::cancel() {
  if (sink_ == nullptr) return;
  end_exchange();
  close();
}

void Connection::settle() {
  if (state_ == State::Active) {
    drained_ = false;
    const std::uint64_t serial = serial_;
    if (!carry_.empty() || (phase_ == Phase::Body && body_.done())) process(carry_);
    if (serial == serial_ && !paused_) read_some();
    return;
  }
  if (state_ != State::Failed || !error_) return;
  ResponseSink& sink = *sink_;
  const Error error = std::move(*error_);
  const bool sent = sent_;
  end_exchange();
  close();
  sink.on_error(error, sent);
}

// Keeps `sink_` for settle(); the socket is gone at once.
void Connection::fail_with(Code code, std::string_view reason, std::string message, std::string detail) {
  if (state_ == State::Failed || state_ == State::Closed) return;
  if (state_ == State::Resolving && server_ != nullptr) dock_.resolver.forget(server_->url.host, *this);
  error_ = Error{code, reason, std::move(message), std::move(detail)};
  ++serial_;
  state_ = State::Failed;
  release_socket();
  dock_.settle_later(*this);
}

void Connection::release_socket() {
  dock_.loop.disarm(timer_);
  const int fd = stream_ ? stream_->fd() : fd_;
  if (fd < 0) return;
  dock_.loop.unwatch(fd, *this);
  if (stream_) {
    stream_.reset();
  } else {
    ::close(std::exchange(fd_, -1));
  }
}

void Connection::end_exchange() {
  if (state_ == State::Resolving && server_ != nullptr) dock_.resolver.forget(server_->url.host, *this);
  ++serial_;
  server_ = nullptr;
  sink_ = nullptr;
  body_left_ = {};
  head_left_ = {};
  ::explicit_bzero(head_.data(), head_.size());
  head_.clear();
  paused_ = false;
}

void Connection::close() {
  if (state_ == State::Closed) return;
  CG_ASSERT(sink_ == nullptr);
  const bool idle = state_ == State::Idle;
  state_ = State::Closed;
  release_socket();
  if (counted_) --pool_.open;
  counted_ = false;
  if (idle) {
    const auto at = std::find(pool_.idle.begin(), pool_.idle.end(), this);
    if (at != pool_.idle.end()) {
      pool_.idle.erase(at);
      --dock_.idle_count;
    }
  }
  dock_.bury(*this);
}

void Connection::finish(bool clean) {
  ResponseSink& sink = *sink_;
  bool again = clean && keep_alive_ && !hung_up_ && !send_failed_ && all_sent() && dock_.loop.now() - connected_at_ < kConnectionAgeMax;
  if (again && !drained_) {
    // Never reuse a connection with unread bytes: the next caller would get them as its answer.
    again = stream_->read(dock_.read_buffer.data(), dock_.read_buffer.size()).status == net::IoResult::Status::WouldBlock;
  }
  end_exchange();
  carry_.clear();
  if (carry_.capacity() > kKeepBytes) std::string().swap(carry_);
  if (head_.capacity() > kKeepBytes) std::string().swap(head_);
  if (again) {
    state_ = State::Idle;
    again = dock_.keep(*this);
  }
  if (!again) close();
  sink.on_end();
}

}  // namespace callgate::upstream
