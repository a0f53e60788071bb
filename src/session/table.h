#pragma once
// Sessions of the stateful revisions: ours towards the client, bound to one grant and one server (T-60), mapped to the
// upstream's own. An id carries 256 random bits, is minted here only, and is never a credential. Thread-safe.

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "session/features.h"

namespace callgate::session {

struct Session {
  std::string id;
  std::string grant_id;
  std::string server_id;
  std::string upstream_id;  // the upstream's session; empty: it keeps none
  std::string revision;     // negotiated
  std::string client;       // "name version", self-reported
  std::string digest;       // short, for records: the id itself is never written down
  ClientFeatures features;  // what the client may be asked
  WallTime created_at{};
};

class SessionTable {
 public:
  struct Options {
    std::size_t sessions_max = 100'000;
    std::size_t per_grant_max = 1'000;
    std::chrono::seconds idle_max{3'600};
    std::size_t in_flight_max = 256;  // requests of one session at the same time
    std::size_t asked_max = 32;       // requests of its server that wait for the client's answer
  };
  explicit SessionTable(const Options& options) : options_(options) {}

  // Fills in id and digest. RateLimited session.too_many past the caps, after idle ones were dropped.
  Result<std::shared_ptr<const Session>> open(Session session, WallTime now);
  // Only for the grant and server it was opened with; anything else looks like an unknown id. NotFound session.unknown.
  Result<std::shared_ptr<const Session>> find(std::string_view id, std::string_view grant_id, std::string_view server_id, WallTime now);
  bool close(std::string_view id);
  // Sessions whose grant is no longer good, or idle too long. Returns what was closed, for the records.
  std::vector<std::shared_ptr<const Session>> sweep(WallTime now, const std::function<bool(const Session&)>& still_good);
  std::size_t size() const;

  // One id may be open once per session (T-11). Conflict session.duplicate_id, RateLimited session.too_many_requests.
  Result<void> begin_request(std::string_view session_id, std::string_view request_id);
  void end_request(std::string_view session_id, std::string_view request_id);

  // The client gave a request up. Remembered for as long as it is open; anything else is ignored.
  void cancel(std::string_view session_id, std::string_view request_id);
  bool cancelled(std::string_view session_id, std::string_view request_id) const;

  // What the server asked the client and was let through (T-50): an answer passes only for one of these, and once.
  // `request_id` is canonical JSON. Conflict session.duplicate_id, RateLimited session.too_many_requests, TooLarge ask.too_large.
  // All that is kept of one session's open questions is at most 64 KiB.
  struct Asked {
    std::string method, kept;  // kept: what whoever let it through wants to know when it is answered
  };
  Result<void> ask(std::string_view session_id, std::string_view request_id, Asked question);
  std::optional<Asked> take_asked(std::string_view session_id, std::string_view request_id);  // nothing: never asked

 private:
  struct Slot {
    std::shared_ptr<const Session> session;
    WallTime used_at{};
    std::unordered_set<std::string> in_flight, cancelled;
    std::unordered_map<std::string, Asked> asked;  // by request id
    std::size_t asked_bytes = 0;                   // of all in `asked`
  };
  mutable std::mutex mutex_;
  Options options_;
  std::unordered_map<std::string_view, Slot> slots_;  // keys point into Session::id
  std::unordered_map<std::string, std::size_t> per_grant_;
  void erase(std::unordered_map<std::string_view, Slot>::iterator at);
};

}  // namespace callgate::session
