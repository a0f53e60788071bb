#pragma once
// The two endpoints of HTTP+SSE (2024-11-05) as a channel: a GET whose events are what the server says, and POSTs to the address that its
// first event names, which must be of the same origin (T-65). One per client session; stdio/conversation.h does the rest.
// Life: opening (until the endpoint event) -> open -> gone. What is written while it opens waits. Requests are posted side by side; what
// follows a notification waits until the server has taken that one, so that nothing overtakes `initialized`. Inner header of sse/.

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "session/sse.h"
#include "stdio/channel.h"
#include "upstream/upstream.h"

namespace callgate::sse {

class EventChannel final : public stdio::Channel, private upstream::ResponseSink {
 public:
  struct Bounds {
    std::size_t waiting_bytes_max = 16 * 1024 * 1024;  // of messages not yet posted
    std::size_t posts_max = 32;                        // at the same time
  };
  EventChannel(net::Loop& loop, upstream::Upstreams& way_out, std::shared_ptr<const stdio::Spec> spec, const Bounds& bounds);
  ~EventChannel() override;
  Result<void> begin(stdio::ChannelReader& reader, std::shared_ptr<stdio::ErrorLog> log, std::uint64_t number,
                     const ClearedCall& by) override;
  bool write(std::string_view message, const ClearedCall& by, std::int64_t number) override;
  void read_on() override;
  void stop() override;
  void kill() override { stop(); }
  bool open() const override { return state_ != State::Gone; }

 private:
  enum class State : std::uint8_t { Opening, Open, Gone };
  class Post;

  // The GET.
  void on_head(const net::Head& head) override;
  void on_body(std::string_view piece) override;
  void on_end() override;
  void on_error(const Error& error, bool sent) override;
  bool on_event(const session::SseEvent& event);
  void take_endpoint(std::string_view named);
  void deliver_kept();
  // The POSTs.
  void post_next();
  void posted(Post& post);
  // The end.
  void close(std::string how, std::optional<Error> unopened);
  void on_timer();
  Error named(Code code, std::string_view reason, std::string what, std::string detail = {}) const;

  struct Waiting {
    std::string message;
    ClearedCall by;
    std::int64_t number = 0;
  };
  net::Loop& loop_;
  upstream::Upstreams& way_out_;
  std::shared_ptr<const stdio::Spec> spec_;
  Bounds bounds_;
  Server posts_to_;  // the same server, at the address of the endpoint event
  stdio::ChannelReader* reader_ = nullptr;
  std::shared_ptr<stdio::ErrorLog> log_;
  std::uint64_t number_ = 0;
  State state_ = State::Opening;
  upstream::Exchange* get_ = nullptr;
  session::SseReader events_;
  std::deque<std::string> kept_;  // events that came with the one at which the reader said stop; at most one piece of the GET
  bool held_ = false, reading_on_ = false;
  std::deque<Waiting> waiting_;
  std::size_t waiting_bytes_ = 0;
  std::vector<std::unique_ptr<Post>> posts_;
  bool in_order_ = false;  // a notification is under way
  std::string how_;
  std::optional<Error> unopened_;
  net::Timer timer_;
  std::shared_ptr<EventChannel*> self_;  // null inside once it is gone: posted tasks look here
};

}  // namespace callgate::sse
