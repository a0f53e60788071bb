#pragma once
// Requests the gate makes of itself: the members of a batch, and what the shared endpoint asks of one server. Each takes the whole
// walk as its own call, judged, counted and recorded, and answers to a Part instead of a connection.

#include <memory>
#include <string>

#include "gateway/snapshot.h"
#include "listener/listener.h"

namespace callgate::gateway {

// Who an inner request is made for: the caller is known already, and the snapshot it was known by is kept.
struct InnerCaller {
  std::shared_ptr<const Snapshot> snapshot;
  const identity::GrantEntry* grant = nullptr;
  std::string remote, reason;  // of the request it is made for
};

class Part;

// All on the worker's loop. Inside these the owner may abandon parts, but not destroy them before the batch of events is over.
class PartOwner {
 public:
  virtual ~PartOwner() = default;
  virtual void on_part_head(Part& part, const listener::ResponseHead& head, bool stream) = 0;
  virtual bool on_part_body(Part& part, std::string_view piece) = 0;  // false: wait for drained()
  virtual void on_part_end(Part& part, bool whole) = 0;               // once; whole: false when it was cut
};

// The reply side of one inner request.
class Part final : public listener::Reply {
 public:
  Part(PartOwner& owner, std::size_t position) : owner_(owner), position_(position) {}
  std::size_t position() const { return position_; }
  bool over() const { return over_; }
  void abandon() {  // the asker has left
    if (auto* observer = over_ ? nullptr : std::exchange(observer_, nullptr)) observer->on_client_gone();
    over_ = true;
  }
  void drained() {
    if (observer_ != nullptr && !over_) observer_->on_drained();
  }

  void observe(listener::ReplyObserver* observer) override { observer_ = observer; }
  void send(const listener::ResponseHead& head, std::string_view body) override {
    over_ = true;
    owner_.on_part_head(*this, head, false);
    if (!body.empty()) (void)owner_.on_part_body(*this, body);
    owner_.on_part_end(*this, true);
  }
  void begin_stream(const listener::ResponseHead& head) override { owner_.on_part_head(*this, head, true); }
  bool write(std::string_view data) override { return owner_.on_part_body(*this, data); }
  void finish() override { end(true); }
  void abort() override { end(false); }
  void set_memo(void* memo, void (*destroy)(void*)) override { destroy(memo); }

 private:
  void end(bool whole) {
    over_ = true;
    owner_.on_part_end(*this, whole);
  }
  PartOwner& owner_;
  std::size_t position_;
  listener::ReplyObserver* observer_ = nullptr;
  bool over_ = false;
};

}  // namespace callgate::gateway
