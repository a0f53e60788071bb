#pragma once
// Calls that a person has to decide about (T-70, T27). An approval is bound to the caller, the server, the tool as it was, the literal call
// and the policy version; it expires and is used once. It is written to disk before anyone hears of it, and used up on disk before the
// call is sent. Nothing here decides by itself: a policy asks, a person answers. An error is a refusal.
// Threads: any. Blocking, but for epoch() and state(), which a network loop may call.

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/result.h"
#include "store/database.h"

namespace callgate::approvals {

enum class State : std::uint8_t { Pending, Approved, Denied, Expired, Executed };
std::string_view state_name(State state);

// What an approval is good for, and for nothing else.
struct Binding {
  std::string grant_id, principal_id, server_id, method, tool, policy;
  std::int64_t policy_version = 0;
  Digest fingerprint{};  // of the tool's definition; zero: none is known
  Digest call{};         // of the whole call in one canonical form
  std::string digest() const;
};

// A call as it is put before a person.
struct Proposal {
  Binding binding;
  std::string principal_name, principal_kind, owner_id, grant_label, client, server_slug;
  std::string stated_reason, decision_id;
  std::string call_json;                  // sorted members, known secrets masked: what the person reads
  std::string leaves;                     // call.h: which value differs from another call's, without the values
  std::string message;                    // the policy's words
  std::vector<std::string> rules, roles;  // roles: each must be held by one who says yes
  std::uint32_t approvers = 1;            // different people who must say yes
  std::chrono::seconds expires{900};      // to decide in, and then to use the decision in
  bool self = false;                      // the caller may decide
};

struct Vote {
  std::string principal_id, name;
  std::vector<std::string> roles;
  bool yes = false;
  std::string note;
  WallTime at{};
};

struct Approval {
  std::string id;  // apr_...
  Proposal proposal;
  State state = State::Pending;
  WallTime created_at{}, expires_at{};  // pending: decide until; approved: use until; denied: refused until
  std::optional<WallTime> decided_at, executed_at;
  std::vector<Vote> votes;
  bool repeatable = false;        // good for more than one call, until it expires
  std::vector<std::string> vary;  // then: JSON pointers of values that may differ
  std::int64_t uses = 0;
};

// Who decides. Roles as in Principal::admin_roles: owner and admin decide about everything, `approver:finance` about what names finance,
// `approver` about what names no role.
struct Approver {
  std::string principal_id, name;
  std::vector<std::string> roles;
  bool human = true;
  bool may_decide(const Proposal& proposal) const;
};

struct Verdict {
  bool yes = false;
  std::string note;
  std::optional<std::chrono::seconds> lasting;  // yes, to every such call for this long
  std::vector<std::string> vary;
};

// How a call stands with the people it is put before.
struct Standing {
  State state = State::Pending;  // Pending, Approved or Denied
  std::string id, note, decided_by;
  WallTime expires_at{};
  bool proposed = false;  // just now
};

struct Options {
  std::size_t pending_per_grant_max = 5;
  std::size_t pending_max = 200;
  std::size_t call_bytes_max = 128 * 1024;  // more than this nobody reads
  std::chrono::hours kept{90 * 24};         // closed ones
};

class Approvals {
 public:
  static Result<std::unique_ptr<Approvals>> open(store::Database& database, const Clock& clock, const Options& options = {});

  // Finds what was decided about this very call, or puts it before people. RateLimited approval.too_many, TooLarge approval.too_large.
  Result<Standing> ask(const Proposal& proposal);
  // Uses the approval up for this call. Only then may the call be sent. Conflict approval.{used, expired, stale, not_approved}.
  Result<void> consume(std::string_view id, const Proposal& proposal);

  // Forbidden approval.{self, role, human}; Conflict approval.{decided, voted, expired}; NotFound approval.unknown.
  Result<Approval> decide(std::string_view id, const Approver& approver, const Verdict& verdict);

  Result<Approval> find(std::string_view id);
  Result<std::vector<Approval>> list(bool closed_too, std::size_t limit);  // newest first
  Result<std::optional<Approval>> last_executed(const Approval& like);     // of the same server and tool, before it
  Result<std::int64_t> asked_since(std::string_view grant_id, WallTime since);
  // Closes what has expired and forgets what is old. Returns what was pending.
  Result<std::vector<Approval>> sweep();

  // Grows with every decision, use and expiry.
  std::uint64_t epoch() const { return epoch_.load(std::memory_order_acquire); }
  std::optional<State> state(std::string_view id) const;  // of a live one; nothing: closed
  std::size_t pending() const;
  ~Approvals();

 private:
  Approvals();
  void changed() { epoch_.fetch_add(1, std::memory_order_release); }
  struct Inner;
  std::unique_ptr<Inner> inner_;
  std::atomic<std::uint64_t> epoch_{1};
};

}  // namespace callgate::approvals
