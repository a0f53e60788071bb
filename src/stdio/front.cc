#include "stdio/front.h"

#include "stdio/channel.h"
#include "stdio/processes.h"

namespace callgate::stdio {
namespace {
constexpr std::size_t kResumeBytes = 64 * 1024;
}  // namespace

// ---- one exchange ---------------------------------------------------------------------------------------------------

FrontExchange::FrontExchange(Front& front, std::shared_ptr<Ticket> ticket, const Server& server, upstream::ResponseSink& sink)
    : front_(front),
      ticket_(std::move(ticket)),
      slug_(server.slug),
      sink_(&sink),
      timer_([this] { on_timer(); }),
      timeout_(server.call_timeout) {}

void FrontExchange::begin() { set_timeout(timeout_); }

// Each step may end in a callback that pauses or cancels: then the rest waits, or is nobody's.
void FrontExchange::pump() {
  if (sink_ == nullptr || paused_) return;
  Ticket::News& news = ticket_->news;
  int status = 0;
  bool event_stream = false;
  std::string session;
  {
    const std::lock_guard lock(ticket_->mailbox->mutex);
    status = std::exchange(news.status, 0);
    event_stream = news.event_stream;
    session = news.session;
  }
  if (status != 0) give_head(status, event_stream, session);
  if (sink_ == nullptr || paused_) return;
  bool held = false;
  {
    const std::lock_guard lock(ticket_->mailbox->mutex);
    bytes_.swap(news.bytes);
    held = std::exchange(news.held, false);
  }
  if (held) front_.processes_.room(ticket_);
  if (!bytes_.empty()) {
    set_timeout(timeout_);
    sink_->on_body(bytes_);
    bytes_.clear();
    if (bytes_.capacity() > kResumeBytes) std::string().swap(bytes_);
  }
  if (sink_ == nullptr || paused_) return;
  bool ended = false, sent = false;
  std::optional<Error> error;
  {
    const std::lock_guard lock(ticket_->mailbox->mutex);
    if (!news.bytes.empty() || news.status != 0) return;  // more came meanwhile, and with it another notice
    ended = news.ended;
    error.swap(news.error);
    sent = news.sent;
  }
  if (!ended && !error) return;
  upstream::ResponseSink& sink = *sink_;
  leave();
  if (error) sink.on_error(*error, sent);
  else sink.on_end();
}

void FrontExchange::give_head(int status, bool event_stream, const std::string& session) {
  net::Head head;
  head.status = status;
  const bool has_body = status != 202 && status != 204;
  if (has_body) head.add({"Content-Type", event_stream ? "text/event-stream" : "application/json"});
  if (!session.empty()) head.add({"Mcp-Session-Id", session});
  headed_ = true;
  set_timeout(timeout_);
  sink_->on_head(head);
}

void FrontExchange::pause() {
  paused_ = true;
  front_.loop_.disarm(timer_);
}

void FrontExchange::resume() {
  if (!std::exchange(paused_, false)) return;
  set_timeout(timeout_);
  ticket_->mailbox->notify(ticket_);  // not now: the caller may be inside a callback
}

void FrontExchange::cancel() {
  if (sink_ == nullptr) return;
  front_.processes_.cancel(ticket_, false);
  leave();
}

void FrontExchange::set_timeout(std::chrono::milliseconds until_next_byte) {
  timeout_ = until_next_byte;
  if (sink_ == nullptr || paused_) return;
  if (timeout_.count() > 0) front_.loop_.arm(timer_, timeout_);
  else front_.loop_.disarm(timer_);
}

void FrontExchange::on_timer() {
  if (sink_ == nullptr || paused_) return;
  bool sent = false;
  {
    const std::lock_guard lock(ticket_->mailbox->mutex);
    if (ticket_->news.ended || ticket_->news.error || ticket_->news.status != 0 || !ticket_->news.bytes.empty()) return;  // on its way
    sent = ticket_->news.sent;
  }
  upstream::ResponseSink& sink = *sink_;
  front_.processes_.cancel(ticket_, true);
  leave();
  sink.on_error(
      {Code::Timeout, "upstream.timeout", "server `" + slug_ + "` did not answer in time: try again later, or raise its call timeout",
       headed_ ? "no further event" : "no answer"},
      sent);
}

void FrontExchange::leave() {
  front_.loop_.disarm(timer_);
  sink_ = nullptr;
  ticket_->exchange = nullptr;
  auto& all = front_.exchanges_;
  std::unique_ptr<FrontExchange> self = std::move(all[index_]);
  if (index_ + 1 != all.size()) {
    all[index_] = std::move(all.back());
    all[index_]->index_ = index_;
  }
  all.pop_back();
  front_.loop_.bury(std::move(self));
}

// ---- all of one worker ----------------------------------------------------------------------------------------------

Front::Front(Processes& processes, net::Loop& loop) : processes_(processes), loop_(loop), mailbox_(std::make_shared<Mailbox>()) {
  mailbox_->loop = &loop;
  mailbox_->front = this;
}

Front::~Front() {
  for (auto& exchange : exchanges_) {
    exchange->ticket_->exchange = nullptr;
    processes_.cancel(exchange->ticket_, false);
  }
  std::vector<std::shared_ptr<Ticket>> unread;  // each holds the mailbox in turn
  const std::lock_guard lock(mailbox_->mutex);
  unread.swap(mailbox_->news);
  mailbox_->loop = nullptr;
  mailbox_->front = nullptr;
}

std::shared_ptr<const Spec> Front::spec_of(const upstream::Target& target) {
  auto& spec = specs_[target.server->id];
  if (!spec || spec->server.version != target.server->version)
    spec = std::make_shared<Spec>(Spec{*target.server, target.credentials != nullptr ? *target.credentials : vault::Credentials()});
  return spec;
}

upstream::Exchange& Front::send(const upstream::Target& target, const ClearedCall& call, upstream::ResponseSink& sink) {
  auto ticket = std::make_shared<Ticket>();
  ticket->ask = call.method() == "GET" ? Ask::Listen : call.method() == "DELETE" ? Ask::Close : Ask::Post;
  ticket->modern = call.context().modern;
  ticket->body = call.body();
  ticket->principal_id = call.context().principal_id;
  ticket->session = call.context().session;
  ticket->clearance.emplace(kept(call));
  ticket->spec = spec_of(target);
  ticket->mailbox = mailbox_;
  exchanges_.push_back(std::make_unique<FrontExchange>(*this, ticket, *target.server, sink));
  FrontExchange& exchange = *exchanges_.back();
  exchange.index_ = exchanges_.size() - 1;
  ticket->exchange = &exchange;
  exchange.begin();
  processes_.hand_over(std::move(ticket));
  return exchange;
}

void Front::deliver() {
  std::vector<std::shared_ptr<Ticket>> news;
  {
    const std::lock_guard lock(mailbox_->mutex);
    news.swap(mailbox_->news);
  }
  for (const auto& ticket : news)
    if (ticket->exchange != nullptr) ticket->exchange->pump();
}

}  // namespace callgate::stdio
