#include "admin/backtest_runs.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "base/crypto.h"
#include "telemetry/log.h"

namespace callgate::admin {

Result<backtest::Lookup> facts_of_today(Services& services) {
  CG_TRY(auto catalog, services.catalog.catalog());
  CG_TRY(auto directory, services.identity.directory());
  return [catalog, directory](const backtest::RecordedCall& call) {
    backtest::Today today;
    const catalog::ServerEntry* server = catalog->server(call.server_id);
    const identity::GrantEntry* grant = directory->find(call.grant);
    if (server) today.server = &server->server, today.risk = server->risk(call.tool);
    if (grant) today.grant = &grant->grant, today.principal = &grant->principal;
    if (server && grant)
      today.covered = identity::may_use_server(*grant, server->server) &&
                      (call.method != "tools/call" || identity::may_use_tool(*grant, server->server, call.tool));
    return today;
  };
}

BacktestRuns::~BacktestRuns() {
  {
    std::lock_guard lock(mutex_);
    for (Slot& slot : slots_) slot.run->cancelled = true;
  }
  for (Slot& slot : slots_)
    if (slot.thread.joinable()) slot.thread.join();
}

// With the lock held: forgets the oldest that have ended.
void BacktestRuns::tidy() {
  for (auto slot = slots_.begin(); slot != slots_.end() && slots_.size() > kKeptMax;) {
    if (slot->run->state == BacktestRun::State::Running) {
      ++slot;
      continue;
    }
    slot->thread.join();
    slot = slots_.erase(slot);
  }
}

Result<std::shared_ptr<const BacktestRun>> BacktestRuns::start(BacktestRequest request) {
  std::lock_guard lock(mutex_);
  auto running =
      std::count_if(slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.run->state == BacktestRun::State::Running; });
  if (static_cast<std::size_t>(running) >= kRunningMax)
    return fail(Code::RateLimited, "admin.backtest_busy",
                "two back-tests are under way already; wait for one to end, or cancel it (DELETE /api/v1/backtests/ID)");
  auto run = std::make_shared<BacktestRun>();
  run->id = new_id("bt");
  run->request = std::move(request);
  run->started_at = services_.clock.now();
  run->head = services_.journal_head().sequence;
  slots_.push_back({run, std::thread([this, run] { work(*run); })});
  tidy();
  return std::shared_ptr<const BacktestRun>(run);
}

void BacktestRuns::work(BacktestRun& run) {
  (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), 15);  // calls first
  backtest::Report report;
  Result<void> done;
  try {
    done = replay(run, report);
  } catch (const std::exception& caught) {
    telemetry::log_error("back-test failed", {{"what", caught.what()}});
    done = fail(Code::Internal, "internal.unknown", "the back-test failed; the log says why");
  }
  std::lock_guard lock(mutex_);
  run.report = std::move(report);
  run.ended_at = services_.clock.now();
  run.state = !done ? BacktestRun::State::Failed : run.cancelled ? BacktestRun::State::Cancelled : BacktestRun::State::Done;
  if (!done) run.error = std::move(done).error();
}

Result<void> BacktestRuns::replay(BacktestRun& run, backtest::Report& report) {
  CG_CHECK(services_.index.catch_up());
  CG_TRY(auto today, facts_of_today(services_));
  const BacktestRequest& request = run.request;
  backtest::Replay replay(request.draft, request.options, std::move(today));
  audit::Query query;
  query.kind = "call";
  query.policy = request.policy;
  query.oldest_first = true;
  query.limit = 512;
  query.until = request.until;
  // Limits look back: what was used before the first call asked for counts as well. Without limits, who is asked for is all that matters.
  auto back = request.draft->longest_window();
  query.since = request.options.since;
  if (back && query.since) *query.since -= *back;
  if (!back) {
    query.principal = request.options.principal;
    query.grant = request.options.grant;
    query.server = request.options.server;
    query.tool = request.options.tool;
  }
  CG_CHECK(services_.index.each(query, [&](const audit::Entry& entry) {
    replay.add(entry.sequence, entry.payload);
    run.read.store(replay.report().read, std::memory_order_relaxed);
    run.position.store(entry.sequence, std::memory_order_relaxed);
    return entry.sequence <= run.head && !run.cancelled.load(std::memory_order_relaxed);
  }));
  replay.finish();
  report = replay.report();
  return {};
}

Result<void> BacktestRuns::with(std::string_view id, const std::function<void(const BacktestRun&)>& use) {
  std::lock_guard lock(mutex_);
  for (const Slot& slot : slots_) {
    if (slot.run->id != id) continue;
    use(*slot.run);
    return {};
  }
  return fail(Code::NotFound, "admin.no_backtest", "there is no such back-test; the last eight are kept until the gate stops");
}

std::vector<std::string> BacktestRuns::ids() {
  std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (auto slot = slots_.rbegin(); slot != slots_.rend(); ++slot) out.push_back(slot->run->id);
  return out;
}

Result<void> BacktestRuns::cancel(std::string_view id) {
  std::lock_guard lock(mutex_);
  for (const Slot& slot : slots_) {
    if (slot.run->id != id) continue;
    slot.run->cancelled = true;
    return {};
  }
  return fail(Code::NotFound, "admin.no_backtest", "there is no such back-test; the last eight are kept until the gate stops");
}

}  // namespace callgate::admin
