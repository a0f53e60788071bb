#pragma once
// One exchange with the server, taken apart into judged JSON-RPC messages. Owns everything it sends, so that it may outlive the
// client's call. Internal to this room.

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "json/document.h"
#include "model/cleared_call.h"
#include "session/jsonrpc.h"
#include "session/sse.h"
#include "upstream/transport.h"

namespace callgate::bridge {

// The server as it was when the call was cleared; kept by whatever may outlive that call.
struct OwnedTarget {
  explicit OwnedTarget(const upstream::Target& target)
      : server(*target.server), credentials(target.credentials == nullptr ? vault::Credentials() : *target.credentials) {}
  Server server;
  vault::Credentials credentials;
};

// On whose behalf: the caller's clearance without its bytes, and the names it was given to.
struct Origin {
  Origin(const upstream::Target& target_given, const ClearedCall& call)
      : target(std::make_shared<OwnedTarget>(target_given)),
        principal_id(call.context().principal_id),
        grant_id(call.context().grant_id),
        remote(call.context().remote),
        reason(call.context().reason),
        clearance(call.reworded({}, {}, {}, {})) {}
  std::shared_ptr<const OwnedTarget> target;
  std::string principal_id, grant_id, remote, reason;
  ClearedCall clearance;
};

class Leg;

// Inside its callbacks an owner may cancel the leg, or leave it to be freed when the batch is over; not destroy it at once.
class LegOwner {
 public:
  virtual ~LegOwner() = default;
  virtual void on_leg_head(Leg&, const net::Head&) {}
  virtual void on_leg_message(Leg&, const session::Message&, const json::Document&) = 0;
  // Once, unless cancelled; `error` when there was no whole answer. Leg::status() says what HTTP said.
  virtual void on_leg_end(Leg&, const Error* error, bool sent) = 0;
};

class Leg final : public upstream::ResponseSink {
 public:
  struct Request {
    bool modern = false;
    std::string_view method = "POST";
    std::string head, body;
    std::string session, revision;
  };
  Leg(LegOwner& owner, std::shared_ptr<const Origin> origin) : owner_(&owner), origin_(std::move(origin)) {}
  ~Leg() override { cancel(); }
  Leg(const Leg&) = delete;
  Leg& operator=(const Leg&) = delete;
  void send(upstream::Transport& below, Request request);
  void hand_to(LegOwner& owner) { owner_ = &owner; }
  void pause();
  void resume();
  void cancel();
  void set_timeout(std::chrono::milliseconds until_next_byte);
  bool open() const { return exchange_ != nullptr; }
  int status() const { return status_; }
  bool success() const { return status_ >= 200 && status_ < 300; }
  const std::string& last_event_id() const { return last_event_id_; }
  std::optional<std::int64_t> retry_ms() const { return retry_ms_; }

  void on_head(const net::Head& head) override;
  void on_body(std::string_view piece) override;
  void on_end() override;
  void on_error(const Error& error, bool sent) override;

 private:
  bool hand_over(std::string_view bytes);
  void add_events(std::string_view piece);
  void broken(std::string message);
  LegOwner* owner_;
  std::shared_ptr<const Origin> origin_;
  Request request_;
  std::optional<ClearedCall> call_;
  upstream::Exchange* exchange_ = nullptr;
  int status_ = 0;
  bool over_ = false;
  std::optional<session::SseReader> events_;
  std::string body_, last_event_id_;
  std::optional<std::int64_t> retry_ms_;
  json::Document document_;
};

}  // namespace callgate::bridge
