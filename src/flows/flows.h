#pragma once
// What each session has seen, for the rules over sequences (T05, T06, T07): kept for a grant, all its servers and connections together, and
// where a policy says so for what the client keeps apart. Decides nothing: the policy does. Answers from memory; what a restart needs is
// in the audit records of the calls and in a copy in the database. What cannot be known is taken for the worst (FlowState::unknown).
// Threads: look() and pass() any, short critical sections, one per grant; the rest blocks on the database: not on a network loop.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "policy/flow.h"
#include "store/database.h"

namespace callgate::flows {

// A grant, and in it what the client keeps apart: `session:...`, `client:...`, `trace:...`; empty: all of the grant.
struct Trail {
  std::string_view grant, part;
};
using State = std::shared_ptr<const policy::FlowState>;

struct Options {
  std::chrono::seconds idle{3'600};                 // a session ends this long after its last call
  std::size_t trails_max = 100'000;                 // beyond: calls that need a new one are refused
  std::size_t per_grant_max = 1'000;                // parts of one grant
  std::size_t bytes_max = std::size_t{256} << 20U;  // of all of them
};

struct Entry {
  std::string grant, part;
  State state;
};

// What pass() has noted. `whole`: of the grant, where the trail is a part of it.
struct Passed {
  State before, after, whole;
  policy::FlowStep step;
};

class Flows {
 public:
  explicit Flows(const Options& options);

  // Never null. A session that has ended, or never was, has seen nothing.
  State look(const Trail& trail, WallTime now) const;

  // The call is about to be sent: adds `step`, unless something has changed since `seen` was looked at. Then `again` judges by what there
  // is by now, and its step is added or its refusal returned; nothing can come between that and the adding.
  // Unavailable flows.full: there is no room to note it.
  using Again = std::function<Result<policy::FlowStep>(const policy::FlowState&)>;
  Result<Passed> pass(const Trail& trail, const State& seen, const policy::FlowStep& step, WallTime now, const Again& again);

  // Forgets what a grant has seen, all parts of it. Returns how many there were. On disk by save().
  std::size_t clear(std::string_view grant, WallTime now);
  std::vector<Entry> list(std::string_view grant, WallTime now, std::size_t most) const;  // empty grant: of all; newest first

  // ---- across restarts ----
  // A copy of all that has changed, true up to the journal's `sequence`, which must have been asked for before the call.
  Result<void> save(store::Database& database, std::uint64_t sequence);
  // The copy. Returns the sequence it is true up to; nothing: there is none yet. On an error, and when the journal is
  // another one, call distrust().
  Result<std::optional<std::uint64_t>> load(store::Database& database);
  // One record of the journal behind the copy, in order; what is no record of a noted call changes nothing.
  void replay(std::string_view payload);
  // From `now` until one idle time has passed, whoever is not cleared is taken to have seen everything.
  void distrust(WallTime now);
  ~Flows();

 private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

// What a record keeps of a call that was sent (a member of its detail, `"flow":{...}`), and of one that was not.
void append_passed(std::string& out, const Trail& trail, const Passed& passed, WallTime now);
void append_refused(std::string& out, const Trail& trail, const policy::FlowState& before);

}  // namespace callgate::flows
