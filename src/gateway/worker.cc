#include "gateway/worker.h"

#include <algorithm>

#include "base/append.h"
#include "base/crypto.h"
#include "base/same_bytes.h"
#include "gateway/batch.h"
#include "gateway/event_post.h"
#include "json/writer.h"
#include "stdio/route.h"
#include "telemetry/log.h"

namespace callgate::gateway {
namespace {

// Past this many unrecorded refusals the journal has been down for a while: further ones are counted, and the count is recorded.
constexpr std::size_t kPendingRecordsMax = 10'000;
constexpr std::size_t kIdleCallsMax = 1'024;

// An answer from the offload pool to a client that may have left meanwhile.
class SideCall final : public listener::ReplyObserver {
 public:
  explicit SideCall(listener::Reply& reply) : reply_(&reply) { reply.observe(this); }
  void on_client_gone() override { reply_ = nullptr; }
  void answer(const SideReply& side) {
    if (auto* reply = std::exchange(reply_, nullptr)) reply->send({side.status, side.content_type, side.extra_headers}, side.body);
  }

 private:
  listener::Reply* reply_;
};

class Fork final : public upstream::Transport {
 public:
  Fork(Hub& hub, upstream::Transport& below) : hub_(hub), below_(below) {}
  upstream::Exchange& send(const upstream::Target& target, const ClearedCall& call, upstream::ResponseSink& sink) override {
    bool shared = same_text(target.server->id, Hub::entry().server.id);
    return shared ? hub_.send(target, call, sink) : below_.send(target, call, sink);
  }

 private:
  Hub& hub_;
  upstream::Transport& below_;
};

}  // namespace

Worker::Worker(Rooms& rooms, net::Loop& loop)
    : rooms_(rooms),
      loop_(loop),
      upstreams_(loop, rooms.offload, upstream::Upstreams::Options{}),
      stream_timer_([this] { sweep_streams(); }) {
  if (rooms_.processes != nullptr) route_ = std::make_unique<stdio::Route>(upstreams_, *rooms_.processes, rooms_.event_streams, loop_);
  hub_ = std::make_unique<Hub>(*this);
  fork_ = std::make_unique<Fork>(*hub_, below());
  if (rooms_.bridges != nullptr) bridge_ = std::make_unique<bridge::Bridge>(loop_, *fork_, *rooms_.bridges);
  id_prefix_ = "dec_" + random_token(6);
  loop_.set_batch_hook([this] { return end_of_batch(); });
  loop_.arm(stream_timer_, rooms_.options.stream_recheck);
}

Worker::~Worker() = default;

const std::shared_ptr<const Snapshot>& Worker::snapshot() {
  if (!snapshot_ || snapshot_->epoch != rooms_.snapshots.epoch()) snapshot_ = rooms_.snapshots.load();
  return snapshot_;
}

// Unique on this node without a system call: 48 random bits from the start of the worker, then a counter.
void Worker::write_decision_id(std::string& id) {
  constexpr std::string_view alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
  const std::uint64_t count = ++id_counter_;
  char digits[8];
  for (unsigned i = 0; i < 8; ++i) digits[i] = alphabet[(count >> (35 - 5 * i)) & 31];
  id.clear();
  append(id, id_prefix_, std::string_view(digits, sizeof digits));
}

void Worker::handle(const listener::Request& request, listener::Reply& reply) {
  if (EventPost::is_endpoint(request.path)) return EventPost::begin(*this, request, reply);
  bool endpoint = request.path.starts_with("/mcp") && (request.path.size() == 4 || request.path[4] == '/');
  if (!endpoint) return side(request, reply);
  if (Batch::begin(*this, request, reply)) return;
  take_call().begin(request, reply);
}

void Worker::handle_member(const listener::Request& request, listener::Reply& reply) {
  Call& call = take_call();
  call.in_batch_ = true;
  call.begin(request, reply);
}

void Worker::handle_inner(const listener::Request& request, listener::Reply& reply, const InnerCaller& caller) {
  Call& call = take_call();
  call.inner_ = true;
  call.snapshot_ = caller.snapshot;
  call.caller_ = caller.grant;
  call.remote_text_ = caller.remote;
  call.stated_reason_ = caller.reason;
  call.begin(request, reply);
}

const Call& Worker::handle_link(const listener::Request& request, listener::Reply& reply, std::shared_ptr<EventLink> link) {
  Call& call = take_call();
  call.over_events_ = true;
  call.link_ = std::move(link);
  call.begin(request, reply);
  return call;
}

Call& Worker::take_call() {
  Call* call = nullptr;
  if (free_.empty()) {
    calls_.push_back(std::make_unique<Call>(*this));
    call = calls_.back().get();
    call->slot_ = calls_.size() - 1;
  } else {
    call = free_.back();
    free_.pop_back();
    call->reset();
  }
  busy_.store(busy() + 1, std::memory_order_relaxed);  // others only read it
  return *call;
}

void Worker::refused(const IpAddress& remote, std::string_view first_line, const Error& error, int status) {
  std::string address = remote.text();
  std::string id;
  write_decision_id(id);
  Record record;
  record.kind = Record::Kind::Refusal;
  record.time = rooms_.clock.now();
  record.decision_id = id;
  record.remote_address = address;
  record.method = first_line.substr(0, 200);
  record.effect = Effect::Deny;
  record.reason = error.reason;
  record.message = error.message;
  record.upstream_status = 0;
  std::string detail = "{\"status\":" + std::to_string(status) + "}";
  record.detail_json = detail;
  add_record(record);
}

void Worker::add_record(const Record& record) {
  if (!rooms_.options.audit) return;
  if (journal_failed_ && batch_.size() >= kPendingRecordsMax) {
    ++unrecorded_;
    return;
  }
  batch_.add(record);
}

MonoTime Worker::mono_again() {
  if (clock_batch_ != loop_.batch()) {
    clock_batch_ = loop_.batch();
    wall_ = rooms_.clock.now();
  }
  return mono_ = rooms_.clock.mono();
}

void Worker::queue_outgoing(Call& call) {
  if (call.queued_) return;
  call.queued_ = true;
  outgoing_.push_back(&call);
}

void Worker::recycle(Call& call) {
  call.let_go();
  busy_.store(busy() - 1, std::memory_order_relaxed);
  if (free_.size() < kIdleCallsMax) {
    free_.push_back(&call);
    return;
  }
  // A burst has passed: the surplus goes, once nothing on the stack can be inside it.
  std::size_t slot = call.slot_;
  loop_.bury(std::move(calls_[slot]));
  if (slot + 1 != calls_.size()) {
    calls_[slot] = std::move(calls_.back());
    calls_[slot]->slot_ = slot;
  }
  calls_.pop_back();
}

// ---- the flush ------------------------------------------------------------------------------------------------------

bool Worker::end_of_batch() {
  if (admitted_.empty() && outgoing_.empty() && errands_sent_ == errands_.size() && (batch_.empty() || journal_failed_)) return false;
  send_admitted();
  deliver_outgoing();
  send_errands();
  return !admitted_.empty() || !outgoing_.empty();
}

Result<void> Worker::commit() {
  if (unrecorded_ > 0) {
    std::string detail = "{\"refusals\":" + std::to_string(unrecorded_) + "}";
    Record record;
    record.kind = Record::Kind::System;
    record.time = rooms_.clock.now();
    record.effect = Effect::Deny;
    record.reason = "audit.unwritable";
    record.message = "refused while the journal could not be written";
    record.detail_json = detail;
    batch_.add(record);
  }
  if (batch_.empty()) return {};
  auto committed = rooms_.journal.commit(batch_);
  if (committed) unrecorded_ = 0;
  if (committed.has_value() == journal_failed_) {
    journal_failed_ = !committed;
    if (journal_failed_)
      telemetry::log_error("journal cannot be written: calls are refused",
                           {{"reason", std::string(committed.error().reason)}, {"detail", committed.error().detail}});
    else telemetry::log_info("journal can be written again");
  }
  return committed;
}

void Worker::send_admitted() {
  if (admitted_.empty()) return;
  work_.swap(admitted_);
  (void)mono_again();
  Result<void> ready;
  if (stopping_) ready = fail(Code::Unavailable, "gate.stopping", "the gate is stopping: try again in a moment");
  if (ready && journal_failed_) ready = commit();  // nothing leaves while its record could not be written
  if (ready && std::ranges::any_of(work_, [](const Call* call) { return call->counted(); })) ready = rooms_.counters.flush();
  if (ready) std::erase_if(work_, [](Call* call) { return call->reply_ != nullptr && call->stopped_by_flow(); });
  if (ready && rooms_.options.record_before_effect) {
    for (Call* call : work_)
      if (call->acts()) call->add_intent();
    ready = commit();
  }
  for (Call* call : work_) {
    if (!ready) call->refuse_unsent(ready.error());
    else if (call->reply_ == nullptr) call->refuse_unsent({Code::Cancelled, "client.gone", "the client left before the call was sent", {}});
    else call->dispatch(Counted(), Recordable());
  }
  work_.clear();
}

void Worker::deliver_outgoing() {
  if (outgoing_.empty()) {
    if (!journal_failed_) (void)commit();  // records without a reply; a failure shows at the next call
    return;
  }
  work_.swap(outgoing_);
  (void)mono_again();
  for (Call* call : work_) call->finished_ ? call->add_record() : call->add_intent();
  bool recorded = commit().has_value();
  for (Call* call : work_) call->deliver(recorded);
  work_.clear();
}

void Worker::run_errand(std::unique_ptr<Errand> errand) { errands_.push_back(std::move(errand)); }

void Worker::send_errands() {
  while (errands_sent_ < errands_.size()) {
    errands_[errands_sent_]->slot = errands_sent_;
    errands_[errands_sent_++]->send(Counted(), Recordable());
  }
}

void Worker::errand_done(Errand& errand) {
  std::size_t slot = errand.slot, last_sent = --errands_sent_;
  std::swap(errands_[slot], errands_[last_sent]);
  errands_[slot]->slot = slot;
  loop_.bury(std::move(errands_[last_sent]));
  errands_[last_sent] = std::move(errands_.back());
  errands_.pop_back();
}

// ---- open streams ---------------------------------------------------------------------------------------------------

void Worker::add_stream(Call& call) {
  call.stream_slot_ = streams_.size();
  streams_.push_back(&call);
}

void Worker::drop_stream(Call& call) {
  std::size_t slot = call.stream_slot_;
  if (slot >= streams_.size() || streams_[slot] != &call) return;
  streams_[slot] = streams_.back();
  streams_[slot]->stream_slot_ = slot;
  streams_.pop_back();
}

void Worker::close_streams() {
  for (std::size_t i = streams_.size(); i-- > 0;)
    if (streams_[i]->endless() || streams_[i]->waiting()) streams_[i]->stop();
}

void Worker::close_calls() {
  stopping_ = true;
  for (auto& call : calls_) call->stop();
}

void Worker::sweep_streams() {
  const Snapshot& now_valid = *snapshot();
  WallTime now = rooms_.clock.now();
  for (std::size_t i = streams_.size(); i-- > 0;) {
    if (i >= streams_.size()) continue;
    Call* call = streams_[i];
    call->recheck(now_valid, now);
    call->keep_alive(loop_.now());
  }
  loop_.arm(stream_timer_, rooms_.options.stream_recheck);
}

// ---- beside the path ------------------------------------------------------------------------------------------------

void Worker::side(const listener::Request& request, listener::Reply& reply) {
  SideRequest copy;
  copy.method = request.method;
  copy.path = request.path;
  copy.query = request.query;
  copy.body = request.body;
  copy.authorization = request.head->header("authorization");
  copy.content_type = request.head->header("content-type");
  copy.remote = request.remote;
  copy.local_socket = request.local_socket;
  auto call = std::make_shared<SideCall>(reply);
  bool queued = rooms_.offload.run([this, call, copy = std::move(copy)] {
    auto answer = std::make_shared<SideReply>(rooms_.side(copy));
    loop_.post([call, answer] { call->answer(*answer); });
  });
  if (!queued)
    call->answer({503, "application/json", "Retry-After: 1\r\n",
                  R"({"error":{"code":"unavailable","reason":"admin.busy","message":"too many requests: try again in a second"}})"});
}

}  // namespace callgate::gateway
