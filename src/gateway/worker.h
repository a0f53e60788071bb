#pragma once
// One per loop: takes requests from the listener, runs Calls, and at the end of each batch of events flushes once for all:
// ledger, then what goes upstream, then journal, then what goes to clients. A failed flush refuses; nothing overtakes its record.

#include <memory>
#include <string>
#include <vector>

#include "gateway/call.h"
#include "gateway/hub.h"
#include "gateway/rooms.h"
#include "gateway/shelf.h"
#include "net/loop.h"

namespace callgate::gateway {

class Worker final : public listener::Handler {
 public:
  Worker(Rooms& rooms, net::Loop& loop);
  ~Worker() override;

  void handle(const listener::Request& request, listener::Reply& reply) override;
  // One request inside another: a member of a batch, or what the shared endpoint asks of one server. Its views live until this returns.
  void handle_member(const listener::Request& request, listener::Reply& reply);
  void handle_inner(const listener::Request& request, listener::Reply& reply, const InnerCaller& caller);
  // One request to the endpoints of HTTP+SSE, under the path of its server. Null with POST: no such stream.
  const Call& handle_link(const listener::Request& request, listener::Reply& reply, std::shared_ptr<EventLink> link);
  void refused(const IpAddress& remote, std::string_view first_line, const Error& error, int status) override;

  // An ordered stop, on the loop: streams end first; then what is still open is recorded and answered, and nothing new is sent.
  void close_streams();
  void close_calls();
  std::size_t busy() const { return busy_.load(std::memory_order_relaxed); }  // any thread: calls not yet done

  // For Call only.
  Rooms& rooms() { return rooms_; }
  net::Loop& loop() { return loop_; }
  upstream::Transport& transport() { return bridge_ ? static_cast<upstream::Transport&>(*bridge_) : *fork_; }
  void release_parked(const CallContext& context, const Server& server, std::string_view body, std::string_view state) {
    if (bridge_) bridge_->release(context, server, body, state);
  }
  void run_errand(std::unique_ptr<Errand> errand);  // sent at the end of this batch, behind its records
  void errand_done(Errand& errand);
  const std::shared_ptr<const Snapshot>& snapshot();
  void write_decision_id(std::string& id);
  void add_record(const Record& record);
  void queue_send(Call& call) { admitted_.push_back(&call); }
  void queue_outgoing(Call& call);
  void add_stream(Call& call);
  void drop_stream(Call& call);
  void recycle(Call& call);
  const std::vector<Call*>& streams() const { return streams_; }
  bool stopping() const { return stopping_; }
  // The time. A reading takes as long as 200 instructions, so there is one per batch of the loop, and further ones where that matters.
  MonoTime mono() { return clock_batch_ == loop_.batch() ? mono_ : mono_again(); }
  WallTime wall() {
    (void)mono();
    return wall_;
  }
  MonoTime mono_again();
  policy::Scratch& spare() { return spare_; }  // for a second look at a call
  Shelf<policy::Scratch>& scratches() { return scratches_; }
  Shelf<json::Document>& answers() { return answers_; }
  inspection::Findings& findings() { return findings_; }  // of the scan at hand
  Inspector inspector(const Snapshot& snapshot) { return {snapshot, findings_, rooms_.options.inspected_bytes_max}; }
  // Whether inspection keeps the definition of a tool from this caller: then it is neither found nor called.
  bool withholds(const std::shared_ptr<const Snapshot>& snapshot, const Visibility& who, std::string_view tool) {
    return definitions_.withheld(snapshot, inspector(*snapshot), who, tool) ||
           rooms_.withheld->about(who.server->server.id, *who.policy, tool);
  }

 private:
  upstream::Transport& below() { return route_ ? *route_ : static_cast<upstream::Transport&>(upstreams_); }
  Call& take_call();
  bool end_of_batch();
  void send_admitted();
  void deliver_outgoing();
  void send_errands();
  Result<void> commit();
  void sweep_streams();
  void side(const listener::Request& request, listener::Reply& reply);

  Rooms& rooms_;
  net::Loop& loop_;
  upstream::Upstreams upstreams_;
  std::unique_ptr<upstream::Transport> route_;  // to that, or to a process, by the server's kind
  std::unique_ptr<Hub> hub_;                    // all servers as one
  std::unique_ptr<upstream::Transport> fork_;   // to the hub, or to what is below
  std::unique_ptr<bridge::Bridge> bridge_;      // around it, where client and server speak different eras
  std::shared_ptr<const Snapshot> snapshot_;
  audit::Batch batch_;
  inspection::Findings findings_;
  DefinitionMemo definitions_;
  policy::Scratch spare_;
  Shelf<policy::Scratch> scratches_;
  Shelf<json::Document> answers_;
  std::atomic<std::size_t> busy_{0};
  bool stopping_ = false;
  bool journal_failed_ = false;
  std::uint64_t unrecorded_ = 0;  // refusals while the journal could not be written, past the pending cap
  std::vector<std::unique_ptr<Call>> calls_;
  std::vector<std::unique_ptr<Errand>> errands_;
  std::size_t errands_sent_ = 0;  // the first ones of the list
  std::vector<Call*> free_, admitted_, outgoing_, streams_, work_;
  net::Timer stream_timer_;
  std::uint64_t clock_batch_ = ~std::uint64_t{0};  // of the loop, in which `wall_` was read
  MonoTime mono_{};
  WallTime wall_{};
  std::string id_prefix_;
  std::uint64_t id_counter_ = 0;
};

}  // namespace callgate::gateway
