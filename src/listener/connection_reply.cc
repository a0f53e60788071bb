#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "listener/connection.h"

namespace callgate::listener {
namespace {

constexpr std::size_t kHighMark = 256 * 1024;
constexpr std::size_t kLowMark = 64 * 1024;
constexpr std::size_t kHardMark = 16 * 1024 * 1024;  // a handler that ignores the high mark
constexpr std::size_t kGatherMax = 16 * 1024;        // beyond this much, a stream is written at once
constexpr std::size_t kLingerBytesMax = 1024 * 1024;
constexpr std::chrono::milliseconds kLingerTime{2'000};

using Status = net::IoResult::Status;

}  // namespace

void Connection::send(const ResponseHead& head, std::string_view body) {
  if (state_ == State::Orphaned) close();
  if (state_ != State::Replying || streaming_) return;
  observer_ = nullptr;
  door_.scratch.clear();
  write_head(head, BodyFraming::Length, body.size());
  put(door_.scratch, is_head_ ? std::string_view() : body);
  end_reply();
}

void Connection::begin_stream(const ResponseHead& head) {
  if (state_ != State::Replying || streaming_) return;
  streaming_ = true;
  chunked_reply_ = !http_1_0_;
  if (http_1_0_) close_after_ = true;
  door_.scratch.clear();
  write_head(head, chunked_reply_ ? BodyFraming::Chunked : BodyFraming::UntilClose, 0);
  out_ += door_.scratch;
  door_.ask_attention(*this);
}

bool Connection::write(std::string_view data) {
  if (state_ != State::Replying || !streaming_ || broken_) return false;
  if (!is_head_) {
    if (chunked_reply_) net::append_chunk(out_, data);
    else out_ += data;
  }
  // An armed write timer means that the socket is full: then the loop tells when to go on.
  if (!write_timer_.armed() && out_.size() >= kGatherMax && flush() == Flush::Broken) broken_ = true;
  if (out_.size() - out_at_ > kHardMark) broken_ = true;
  if (broken_ || (!out_.empty() && !write_timer_.armed())) door_.ask_attention(*this);
  above_mark_ = out_.size() - out_at_ > kHighMark;
  return !above_mark_ && !broken_;
}

void Connection::finish() {
  if (state_ == State::Orphaned) close();
  if (state_ != State::Replying || !streaming_) return;
  observer_ = nullptr;
  if (chunked_reply_ && !is_head_) out_ += net::kLastChunk;
  if (flush() == Flush::Broken) broken_ = true;
  end_reply();
}

void Connection::abort() {
  if (state_ == State::Dead) return;
  observer_ = nullptr;
  if (stream_ != nullptr && streaming_ && !chunked_reply_) {
    // A body that ends with the connection would look whole: reset instead.
    const struct ::linger reset { 1, 0 };
    ::setsockopt(stream_->fd(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  }
  close();
}

void Connection::set_memo(void* memo, void (*destroy)(void*)) {
  if (memo_ != nullptr && destroy_memo_ != nullptr) destroy_memo_(memo_);
  memo_ = memo;
  destroy_memo_ = destroy;
}

void Connection::write_head(const ResponseHead& head, BodyFraming framing, std::size_t length) {
  if (door_.shared->stopping.load(std::memory_order_relaxed)) close_after_ = true;
  HeadFacts facts;
  facts.framing = framing;
  facts.length = length;
  facts.close = close_after_;
  facts.say_keep_alive = http_1_0_ && !close_after_;
  facts.date_line = door_.date.at(door_.loop.clock(), door_.loop.now());
  append_response_head(door_.scratch, head, facts);
}

// Head and body in one system call; copies only what the socket does not take.
void Connection::put(std::string_view head, std::string_view body) {
  std::size_t taken = 0;
  if (out_.empty()) {
    const net::IoResult result = stream_->write(head, body);
    if (result.status == Status::Failed || result.status == Status::Closed) broken_ = true;
    taken = result.bytes;
  }
  if (broken_ || taken == head.size() + body.size()) return;
  queue(head, taken);
  queue(body, taken - std::min(taken, head.size()));
  door_.loop.arm(write_timer_, door_.shared->options.write_timeout);
}

void Connection::queue(std::string_view bytes, std::size_t skip) { out_ += bytes.substr(std::min(skip, bytes.size())); }

Connection::Flush Connection::flush() {
  std::size_t written = 0;
  while (out_at_ < out_.size()) {
    const net::IoResult result = stream_->write(std::string_view(out_).substr(out_at_));
    if (result.status == Status::Failed || result.status == Status::Closed) return Flush::Broken;
    if (result.status == Status::WouldBlock) break;
    out_at_ += result.bytes;
    written += result.bytes;
    if (out_at_ < out_.size() && result.bytes == 0) break;
  }
  if (out_at_ == out_.size()) {
    out_.clear();
    out_at_ = 0;
    if (out_.capacity() > 4096) out_.shrink_to_fit();
    door_.loop.disarm(write_timer_);
    return Flush::Empty;
  }
  if (out_at_ > out_.size() / 2) {
    out_.erase(0, out_at_);
    out_at_ = 0;
  }
  if (written > 0 || !write_timer_.armed()) door_.loop.arm(write_timer_, door_.shared->options.write_timeout);
  return Flush::Waiting;
}

// Outside of any call of the handler.
void Connection::after_flush(Flush outcome) {
  if (outcome == Flush::Broken) {
    gone();
    return;
  }
  if (outcome == Flush::Empty && state_ == State::Flushing) {
    reply_done();
  } else if (above_mark_ && out_.size() - out_at_ < kLowMark && state_ == State::Replying) {
    above_mark_ = false;
    if (observer_ != nullptr) observer_->on_drained();
  }
}

void Connection::end_reply() {
  streaming_ = false;
  if (broken_) {
    close();
    return;
  }
  state_ = State::Flushing;
  if (out_.empty()) reply_done();
}

void Connection::reply_done() {
  if (close_after_) {
    begin_close();
    return;
  }
  state_ = State::Head;
  head_begun_ = false;
  is_head_ = http_1_0_ = false;
  door_.loop.arm(phase_timer_, door_.shared->options.idle_timeout);
  // The handler may be in the middle of something: the next request waits for the end of the batch.
  if (!pumping_ && unread()) door_.ask_attention(*this);
}

void Connection::begin_close() {
  stream_->shutdown();
  if (!unread()) {
    close();
    return;
  }
  state_ = State::Lingering;
  door_.loop.arm(phase_timer_, kLingerTime);
  door_.ask_attention(*this);
}

void Connection::linger() {
  drop_buffer();
  std::unique_ptr<char[]> slab = door_.take_slab();
  while (lingered_ <= kLingerBytesMax) {
    const net::IoResult result = stream_->read(slab.get(), kSlabBytes);
    if (result.status == Status::WouldBlock) {
      door_.give_slab(std::move(slab));
      return;
    }
    if (result.status != Status::Ok) break;
    lingered_ += result.bytes;
  }
  door_.give_slab(std::move(slab));
  close();
}

void Connection::gone() {
  ReplyObserver* const observer = std::exchange(observer_, nullptr);
  if (state_ == State::Replying && observer == nullptr) {
    // The handler does not know yet and will still answer: the object waits for that, the socket does not.
    door_.loop.unwatch(stream_->fd(), *this);
    stream_.reset();
    door_.loop.disarm(write_timer_);
    door_.loop.disarm(phase_timer_);
    door_.drop_attention(*this);
    state_ = State::Orphaned;
    return;
  }
  close();
  if (observer != nullptr) observer->on_client_gone();
}

void Connection::close() {
  if (state_ == State::Dead) return;
  state_ = State::Dead;
  observer_ = nullptr;
  if (stream_ != nullptr) {
    door_.loop.unwatch(stream_->fd(), *this);
    stream_.reset();
  }
  door_.loop.disarm(phase_timer_);
  door_.loop.disarm(write_timer_);
  door_.drop_attention(*this);
  if (previous_ != nullptr) previous_->next_ = next_;
  else door_.first = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
  door_.open.fetch_sub(1, std::memory_order_relaxed);
  door_.shared->leave(peer_);
  door_.loop.bury(std::unique_ptr<Connection>(this));
}

}  // namespace callgate::listener
