#pragma once
// The shared endpoint /mcp: every server a grant may use, behind one. To the rest of the gate it is a server of 2026-07-28 that lives
// inside (a stateful client reaches it through the bridge). What it is asked it asks the servers concerned, as inner requests that take
// the whole walk; it decides nothing itself. Lists are gathered from all; a server that fails leaves the list, not the session.

#include <memory>
#include <vector>

#include "gateway/hub_names.h"
#include "gateway/inner.h"
#include "upstream/transport.h"

namespace callgate::gateway {

class Worker;

class Hub final : public upstream::Transport {
 public:
  explicit Hub(Worker& worker);
  ~Hub() override;
  upstream::Exchange& send(const upstream::Target& target, const ClearedCall& call, upstream::ResponseSink& sink) override;

  // What stands for the shared endpoint where a call needs a server.
  static const catalog::ServerEntry& entry();

  class Question;  // one exchange

 private:
  friend class Question;
  const HubNames& names_for(const Snapshot& snapshot, const identity::GrantEntry& caller);
  void done(Question& question);

  Worker& worker_;
  std::vector<std::unique_ptr<Question>> questions_;
  SharedNames names_;
};

}  // namespace callgate::gateway
