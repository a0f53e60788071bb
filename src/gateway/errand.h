#pragma once
// A message of the gate's own to a server, within a call that was cleared: the answer to a question the client is not shown, or the
// word that a call was given up. Nobody waits for its outcome. Lives on one worker until the exchange is over.

#include <memory>
#include <string>

#include "gateway/clearance.h"
#include "gateway/snapshot.h"
#include "session/table.h"
#include "upstream/transport.h"

namespace callgate::gateway {

class Worker;

class Errand final : public upstream::ResponseSink {
 public:
  // What it is sent for; the shared parts keep everything alive that the bytes and the target point to.
  struct Origin {
    std::shared_ptr<const Snapshot> snapshot;
    std::shared_ptr<const session::Session> session;
    const identity::GrantEntry* caller = nullptr;
    const catalog::ServerEntry* server = nullptr;
    std::string head_lines;
    bool modern = false;
  };
  Errand(Worker& worker, Origin origin, std::string body) : worker_(worker), origin_(std::move(origin)), body_(std::move(body)) {}
  void send(const Counted& counted, const Recordable& recordable);

  void on_head(const net::Head&) override {}
  void on_body(std::string_view) override {}
  void on_end() override;
  void on_error(const Error& error, bool sent) override;

  std::size_t slot = 0;  // in the worker's list

 private:
  Worker& worker_;
  Origin origin_;
  std::string body_;
};

}  // namespace callgate::gateway
