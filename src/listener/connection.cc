#include "listener/connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

namespace callgate::listener {
namespace {

constexpr std::size_t kGrowBytes = 64 * 1024;
constexpr int kRequestsPerTurn = 16;  // then others get their turn
constexpr std::size_t kFirstLineMax = 200;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

Connection::Connection(Door& door, std::unique_ptr<net::ByteStream> stream, const Peer& peer)
    : door_(door), stream_(std::move(stream)), phase_timer_([this] { on_deadline(); }), write_timer_([this] { gone(); }), peer_(peer) {}

Connection::~Connection() {
  if (memo_ != nullptr && destroy_memo_ != nullptr) destroy_memo_(memo_);
}

bool Connection::start() {
  if (!door_.loop.watch(stream_->fd(), *this)) return false;
  door_.loop.arm(phase_timer_, door_.shared->options.head_timeout);
  head_begun_ = true;
  return true;
}

// Only what on_ready() would read first thing, and only where reading does nothing else.
bool Connection::read_ahead(std::uint32_t events) {
  const bool reads = (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == EPOLLIN && (state_ == State::Head || state_ == State::Body);
  if (reads && out_.empty() && !ahead_ && stream_->handshake_done() && make_room())
    ahead_ = stream_->read(buffer_.get() + used_, capacity_ - used_);
  return true;
}

void Connection::on_ready(std::uint32_t events) {
  if ((events & EPOLLRDHUP) != 0) ending_ = true;
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0 || !stream_->handshake_done()) readable_ = true;
  if (!out_.empty()) after_flush(flush());
  if (state_ == State::Dead || state_ == State::Orphaned) return;
  // Both directions are down, or the connection was reset. What it may still have sent can no longer be answered.
  if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
    gone();
    return;
  }
  proceed();
}

void Connection::proceed() {
  if (state_ == State::Lingering) linger();
  else pump();
  if (state_ == State::Replying && ending_ && !half_close_told_) {
    half_close_told_ = true;
    if (observer_ != nullptr) observer_->on_half_close();
  }
}

void Connection::attend() {
  if (broken_) {
    gone();
    return;
  }
  if (!out_.empty()) after_flush(flush());
  proceed();
}

void Connection::pump() {
  if (pumping_) return;
  pumping_ = true;
  for (int requests = 0; state_ == State::Head || state_ == State::Body;) {
    const State before = state_;
    Step step = Step::NeedMore;
    if ((used_ > raw_at_ || head_bytes_ > 0) && !ahead_) step = before == State::Head ? take_head() : take_body();
    if (step == Step::Stop) break;
    if (step == Step::Again) {
      if (state_ == State::Head && ++requests >= kRequestsPerTurn && unread()) {
        door_.ask_attention(*this);
        break;
      }
      continue;
    }
    if (!readable_ || !read_some()) break;
  }
  pumping_ = false;
  if (state_ == State::Head && used_ == 0) drop_buffer();
}

// False: nothing came, or the connection has ended.
bool Connection::read_some() {
  if (!ahead_ && !make_room()) return false;
  const net::IoResult result = ahead_ ? *std::exchange(ahead_, {}) : stream_->read(buffer_.get() + used_, capacity_ - used_);
  switch (result.status) {
    case net::IoResult::Status::Ok:
      used_ += result.bytes;
      if (result.drained && !ending_) readable_ = false;
      return true;
    case net::IoResult::Status::WouldBlock: readable_ = false; return false;
    default:
      // Between requests this is how a client leaves; within one it can no longer be completed.
      close();
      return false;
  }
}

bool Connection::make_room() {
  if (used_ < capacity_) return true;
  std::size_t wanted = kSlabBytes;
  if (capacity_ > 0) wanted = std::max(kGrowBytes, capacity_ * 2);
  if (state_ == State::Body && !chunked_) wanted = std::max(std::min<std::uint64_t>(wanted, head_bytes_ + body_length_), capacity_ + 1);
  std::unique_ptr<char[]> larger = wanted == kSlabBytes ? door_.take_slab() : std::unique_ptr<char[]>(new char[wanted + kSlabSlack]);
  if (used_ > 0) std::memcpy(larger.get(), buffer_.get(), used_);
  const std::size_t used = used_;
  drop_buffer();
  buffer_ = std::move(larger);
  capacity_ = wanted;
  used_ = used;
  return true;
}

void Connection::drop_buffer() {
  if (buffer_ != nullptr && capacity_ == kSlabBytes) door_.give_slab(std::move(buffer_));
  buffer_.reset();
  capacity_ = used_ = 0;
}

Connection::Step Connection::take_head() {
  const Result<net::Progress> progress = net::read_request_head(buffered(), door_.shared->options.head_caps, door_.head);
  if (!progress) {
    refuse(progress.error());
    return Step::Stop;
  }
  if (*progress == net::Progress::Done) return accept_head();
  if (!head_begun_) {
    head_begun_ = true;
    door_.loop.arm(phase_timer_, door_.shared->options.head_timeout);
  }
  return Step::NeedMore;
}

Connection::Step Connection::accept_head() {
  const net::Head& head = door_.head;
  const Options& options = door_.shared->options;
  is_head_ = head.method == "HEAD";
  http_1_0_ = head.version_minor == 0;
  close_after_ = !head.keep_alive;
  const Result<void> admitted =
      admit_head(head, peer_.local_socket ? nullptr : &door_.shared->names, options.tls != nullptr, options.body_bytes_max);
  if (!admitted) {
    refuse(admitted.error());
    return Step::Stop;
  }
  head_bytes_ = raw_at_ = head.bytes;
  body_bytes_ = 0;
  chunked_ = head.chunked;
  body_length_ = head.content_length.value_or(0);
  if (!chunked_ && used_ - head_bytes_ >= body_length_) {
    body_bytes_ = body_length_;
    raw_at_ = head_bytes_ + body_bytes_;
    return dispatch(true);
  }
  if (chunked_) body_.start(net::BodyReader::Mode::Chunked);
  state_ = State::Body;
  door_.loop.arm(phase_timer_, options.body_timeout);
  if (head.expect_continue && used_ == head_bytes_) {
    put(kContinue, {});
    if (broken_) {
      close();
      return Step::Stop;
    }
  }
  return Step::Again;
}

Connection::Step Connection::take_body() {
  if (chunked_) return take_chunks();
  if (used_ - head_bytes_ < body_length_) return Step::NeedMore;
  body_bytes_ = body_length_;
  raw_at_ = head_bytes_ + body_bytes_;
  return dispatch(false);
}

// De-chunks in place: decoded bytes never run ahead of the raw ones, for every chunk carries its size.
Connection::Step Connection::take_chunks() {
  std::string_view raw = buffered().substr(raw_at_);
  while (!raw.empty() && !body_.done()) {
    const Result<std::string_view> piece = body_.next(raw);
    if (!piece) {
      refuse(piece.error());
      return Step::Stop;
    }
    if (body_bytes_ + piece->size() > door_.shared->options.body_bytes_max) {
      refuse(Error{Code::TooLarge, "http.body_too_large", "the body is larger than this gate takes", {}});
      return Step::Stop;
    }
    if (!piece->empty()) std::memmove(buffer_.get() + head_bytes_ + body_bytes_, piece->data(), piece->size());
    body_bytes_ += piece->size();
  }
  raw_at_ = used_ - raw.size();
  if (body_.done()) return dispatch(false);
  used_ = raw_at_ = head_bytes_ + body_bytes_;  // all raw bytes are used up: the gap goes
  return Step::NeedMore;
}

Connection::Step Connection::dispatch(bool head_is_fresh) {
  // Other connections have used the shared head since: the same bytes are read once more, with the same outcome.
  if (!head_is_fresh && !net::read_request_head(buffered().substr(0, head_bytes_), door_.shared->options.head_caps, door_.head)) {
    close();
    return Step::Stop;
  }
  Request request;
  request.head = &door_.head;
  request.method = door_.head.method;
  const std::string_view target = door_.head.target;
  const std::size_t mark = target.find('?');
  request.path = target.substr(0, mark);
  if (mark != std::string_view::npos) request.query = target.substr(mark + 1);
  request.body = buffered().substr(head_bytes_, body_bytes_);
  request.remote = peer_.address;
  request.tls = door_.shared->options.tls != nullptr && !peer_.local_socket;
  request.local_socket = peer_.local_socket;
  request.connection_memo = memo_;
  request_end_ = raw_at_;
  state_ = State::Replying;
  streaming_ = broken_ = above_mark_ = half_close_told_ = false;
  door_.handler.handle(request, *this);
  if (state_ == State::Dead) return Step::Stop;
  consume_request();
  return state_ == State::Head ? Step::Again : Step::Stop;
}

// The request's bytes go as soon as the handler has seen them: an answer that takes minutes holds no buffer.
void Connection::consume_request() {
  const std::size_t rest = used_ - request_end_;
  if (rest == 0) drop_buffer();
  else std::memmove(buffer_.get(), buffer_.get() + request_end_, rest);
  used_ = rest;
  head_bytes_ = body_bytes_ = raw_at_ = request_end_ = 0;
}

void Connection::on_deadline() {
  switch (state_) {
    case State::Head:
      if (used_ == 0) close();
      else refuse(Error{Code::Timeout, "http.timeout", "the head of the request did not arrive in time", {}});
      return;
    case State::Body: refuse(Error{Code::Timeout, "http.timeout", "the body of the request did not arrive in time", {}}); return;
    case State::Lingering: close(); return;
    default: return;  // left over from before the request: whoever waits now has a deadline of its own
  }
}

void Connection::refuse(const Error& error) {
  Error told = error;
  const bool in_first_line = state_ == State::Head && buffered().find('\n') == std::string_view::npos;
  if (told.reason == "http.head_too_large" && in_first_line) told.reason = "http.target_too_long";
  const int status = status_of(told);
  report_refusal(told, status);
  const std::string body = error_body(told);
  close_after_ = true;
  ResponseHead head;
  head.status = status;
  head.content_type = "application/json";
  request_end_ = 0;
  door_.scratch.clear();
  write_head(head, BodyFraming::Length, body.size());
  put(door_.scratch, is_head_ ? std::string_view() : std::string_view(body));
  end_reply();
}

void Connection::report_refusal(const Error& error, int status) {
  std::string_view line = buffered();
  // Only the first line, and of that no query: tokens are put there against all advice (T-63).
  line = line.substr(0, std::min(line.find_first_of("\r\n?"), kFirstLineMax));
  door_.handler.refused(peer_.address, line, error, status);
}

}  // namespace callgate::listener
