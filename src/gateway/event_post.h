#pragma once
// One request to the endpoints of HTTP+SSE (2024-11-05): the GET that opens an EventLink, or a message POSTed to one. A POST is answered
// 202 as soon as its call is admitted; what that call is answered then goes to the stream. What HTTP itself refuses (no grant, another
// grant's stream, no JSON) is the POST's own answer.

#include <memory>
#include <string>
#include <string_view>

#include "gateway/event_link.h"
#include "listener/listener.h"

namespace callgate::gateway {

class EventPost final : public listener::Reply, private listener::ReplyObserver {
 public:
  // Paths: GET /sse and /sse/SERVER; POST to the same with /messages/ID behind it.
  static bool is_endpoint(std::string_view path) { return path == "/sse" || path.starts_with("/sse/"); }
  static void begin(Worker& worker, const listener::Request& request, listener::Reply& reply);
  static std::string address(const EventLink& link);

  // From the link, on this one's loop.
  void drained() {
    if (observer_ != nullptr) observer_->on_drained();
  }
  void stream_gone();  // the call goes on or not, as with any client that left

  // From the call.
  void observe(listener::ReplyObserver* observer) override { observer_ = observer; }
  void send(const listener::ResponseHead& head, std::string_view body) override;
  void begin_stream(const listener::ResponseHead& head) override;
  bool write(std::string_view data) override;
  void finish() override;
  void abort() override;
  void set_memo(void* memo, void (*destroy)(void*)) override;

 private:
  EventPost(Worker& worker, listener::Reply& outer, std::shared_ptr<EventLink> link);
  ~EventPost() override;
  friend class net::Loop;
  friend struct std::default_delete<EventPost>;
  void run(const listener::Request& request, std::string_view path);
  void accepted();
  void take_session(const listener::ResponseHead& head);
  void over();
  // From the connection.
  void on_client_gone() override { outer_ = nullptr; }

  Worker& worker_;
  listener::Reply* outer_;  // null: answered, or its client is gone
  const std::shared_ptr<EventLink> link_;
  listener::ReplyObserver* observer_ = nullptr;
  EventLink::Poster named_;
  std::string method_, id_;
  std::unique_ptr<EventPost> self_;  // until its call is over
};

}  // namespace callgate::gateway
