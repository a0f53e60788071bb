#pragma once
// The worker's side: a Transport whose exchanges wait for what the loop of the pipes leaves in the mailbox. Deadlines run here, so that
// each is the exchange's own. Inner header of stdio/.

#include <chrono>
#include <memory>
#include <string>
#include <unordered_map>

#include "stdio/ticket.h"
#include "upstream/transport.h"

namespace callgate::stdio {

class Processes;

class FrontExchange final : public upstream::Exchange {
 public:
  FrontExchange(Front& front, std::shared_ptr<Ticket> ticket, const Server& server, upstream::ResponseSink& sink);
  void begin();
  void pump();  // hands over what has come

  void pause() override;
  void resume() override;
  void cancel() override;
  void set_timeout(std::chrono::milliseconds until_next_byte) override;

 private:
  friend class Front;
  void give_head(int status, bool event_stream, const std::string& session);
  void on_timer();
  void leave();  // forgotten by the front; deleted when nothing on the stack can be inside
  Front& front_;
  std::shared_ptr<Ticket> ticket_;
  std::string slug_;
  upstream::ResponseSink* sink_;  // null: over
  net::Timer timer_;
  std::chrono::milliseconds timeout_;
  std::string bytes_;  // of the piece under way
  bool paused_ = false, headed_ = false;
  std::size_t index_ = 0;
};

class Front final : public upstream::Transport {
 public:
  Front(Processes& processes, net::Loop& loop);
  ~Front() override;
  upstream::Exchange& send(const upstream::Target& target, const ClearedCall& call, upstream::ResponseSink& sink) override;
  void deliver();

 private:
  friend class FrontExchange;
  std::shared_ptr<const Spec> spec_of(const upstream::Target& target);
  Processes& processes_;
  net::Loop& loop_;
  std::shared_ptr<Mailbox> mailbox_;
  std::unordered_map<std::string, std::shared_ptr<const Spec>> specs_;
  std::vector<std::unique_ptr<FrontExchange>> exchanges_;
};

}  // namespace callgate::stdio
