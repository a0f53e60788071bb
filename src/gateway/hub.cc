#include "gateway/hub.h"

#include "gateway/hub_question.h"
#include "gateway/worker.h"

namespace callgate::gateway {

Hub::Hub(Worker& worker) : worker_(worker) {}
Hub::~Hub() = default;

const catalog::ServerEntry& Hub::entry() {
  static const catalog::ServerEntry all = [] {
    catalog::ServerEntry made;
    made.server.id = "00000000-0000-0000-0000-000000000000";
    made.server.slug = "-";  // no server can have it
    made.server.name = "all servers";
    made.server.capture = Capture::None;  // the inner calls record what is asked of whom
    made.server.eras.modern = true;
    return made;
  }();
  return all;
}

upstream::Exchange& Hub::send(const upstream::Target&, const ClearedCall& call, upstream::ResponseSink& sink) {
  questions_.push_back(std::make_unique<Question>(*this, worker_, call, sink));
  Question& question = *questions_.back();
  question.slot = questions_.size() - 1;
  worker_.loop().defer(question);  // the sink hears nothing before this returns
  return question;
}

// Freed when the batch is over: its parts may still be on the stack.
void Hub::done(Question& question) {
  std::size_t slot = question.slot;
  auto owned = std::move(questions_[slot]);
  if (slot + 1 != questions_.size()) {
    questions_[slot] = std::move(questions_.back());
    questions_[slot]->slot = slot;
  }
  questions_.pop_back();
  worker_.loop().bury(std::move(owned));
}

const HubNames& Hub::names_for(const Snapshot& snapshot, const identity::GrantEntry& caller) {
  return names_.get(snapshot.epoch, *snapshot.catalog, caller);
}

}  // namespace callgate::gateway
