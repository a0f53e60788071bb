#include "stdio/ticket.h"

#include "session/sse.h"
#include "stdio/front.h"

namespace callgate::stdio {

void Mailbox::notify(const std::shared_ptr<Ticket>& ticket) {
  const std::lock_guard lock(mutex);
  if (loop == nullptr) return;
  news.push_back(ticket);
  if (news.size() > 1) return;
  loop->post([mailbox = ticket->mailbox] {
    if (mailbox->front != nullptr) mailbox->front->deliver();
  });
}

void Ticket::open_stream() {
  if (over_ || streaming_) return;
  streaming_ = true;
  {
    const std::lock_guard lock(mailbox->mutex);
    news.status = 200;
    news.event_stream = true;
    news.session = new_session_;
  }
  mailbox->notify(shared_from_this());
}

void Ticket::event(std::string_view json) {
  if (over_) return;
  open_stream();
  {
    const std::lock_guard lock(mailbox->mutex);
    session::append_sse(news.bytes, {.event = "message", .data = json, .id = {}, .retry_ms = {}, .has_data = true});
  }
  mailbox->notify(shared_from_this());
}

void Ticket::answer(int status, std::string_view json) {
  if (over_) return;
  over_ = true;
  {
    const std::lock_guard lock(mailbox->mutex);
    if (streaming_) {
      session::append_sse(news.bytes, {.event = "message", .data = json, .id = {}, .retry_ms = {}, .has_data = true});
    } else {
      news.status = status;
      news.session = new_session_;
      news.bytes = json;
    }
    news.ended = true;
  }
  mailbox->notify(shared_from_this());
}

void Ticket::reply(int status) {
  if (over_) return;
  over_ = true;
  {
    const std::lock_guard lock(mailbox->mutex);
    if (!streaming_) news.status = status;
    news.ended = true;
  }
  mailbox->notify(shared_from_this());
}

void Ticket::fail(Code code, std::string_view reason, std::string message, std::string detail) {
  if (over_) return;
  over_ = true;
  {
    const std::lock_guard lock(mailbox->mutex);
    news.error = Error{code, reason, std::move(message), std::move(detail)};
  }
  mailbox->notify(shared_from_this());
}

bool Ticket::hold_if_full(std::size_t bytes) {
  const std::lock_guard lock(mailbox->mutex);
  if (news.bytes.size() <= bytes) return false;
  news.held = true;
  return true;
}

void Ticket::mark_sent(bool sent) {
  const std::lock_guard lock(mailbox->mutex);
  news.sent = sent;
}

}  // namespace callgate::stdio
