// Back-tests: what a draft would have made of the recorded calls. Started, looked at, cancelled; nothing is counted, sent or stored.
#include <algorithm>

#include "admin/backtest_runs.h"
#include "admin/reply.h"
#include "admin/route.h"
#include "policy/policy.h"

namespace callgate::admin {
namespace {

using backtest::Change;
using State = BacktestRun::State;

constexpr std::size_t kRowsShown = 200;

std::string_view state_name(State state) {
  constexpr std::string_view kNames[] = {"running", "done", "failed", "cancelled"};
  return kNames[static_cast<std::size_t>(state)];
}

std::int64_t number(std::uint64_t value) { return static_cast<std::int64_t>(value); }

void write_counts(json::Writer& out, const backtest::Counts& counts) {
  for (std::size_t i = 0; i < counts.size(); ++i) out.member(backtest::change_name(static_cast<Change>(i)), number(counts[i]));
}

std::uint64_t changed(const backtest::Counts& counts) {
  std::uint64_t sum = 0;
  for (Change change : {Change::NewlyDenied, Change::NewlyAsked, Change::NewlyHidden, Change::NewlyAllowed})
    sum += counts[static_cast<std::size_t>(change)];
  return sum;
}

// Those with most changes first.
void write_table(json::Writer& out, std::string_view name, std::string_view column, const backtest::CountsByName& rows) {
  std::vector<const std::pair<const std::string, backtest::Counts>*> order;
  for (const auto& row : rows) order.push_back(&row);
  std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    std::uint64_t more = changed(a->second), than = changed(b->second);
    return more != than ? more > than : a->first < b->first;
  });
  out.key(name).begin_array();
  for (std::size_t i = 0; i < order.size() && i < kRowsShown; ++i) {
    out.begin_object().member(column, order[i]->first);
    write_counts(out, order[i]->second);
    out.end_object();
  }
  out.end_array();
}

void write_reasons(json::Writer& out, std::string_view name, std::string_view column, const std::map<std::string, std::uint64_t>& rows) {
  std::vector<const std::pair<const std::string, std::uint64_t>*> order;
  for (const auto& row : rows) order.push_back(&row);
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) { return a->second > b->second; });
  out.key(name).begin_array();
  for (std::size_t i = 0; i < order.size() && i < kRowsShown; ++i)
    out.begin_object().member(column, order[i]->first).member("calls", number(order[i]->second)).end_object();
  out.end_array();
}

// What no back-test can know, as far as this draft would need it.
std::vector<std::string> notes_of(const policy::Policy& draft) {
  std::vector<std::string> notes;
  if (draft.longest_window())
    notes.emplace_back("limits count the calls of this policy only; calls under other policies that share a counter are not in it");
  if (draft.inspects_any(policy::Direction::Results))
    notes.emplace_back("what servers answered is not in the record: the inspection of results is not judged");
  if (draft.shadow())
    notes.emplace_back("the draft is in shadow mode: nothing would be refused, and `shadow` says which rules would have acted");
  return notes;
}

void write_recorded_shadow(json::Writer& out, const std::map<std::string, backtest::InShadow>& rules) {
  out.key("recorded_shadow").begin_array();
  for (const auto& [rule, said] : rules) {
    out.begin_object().member("rule", rule).member("calls", number(said.calls));
    write_time(out, "first", said.first);
    write_time(out, "last", said.last);
    out.member("message", said.message).member("decision", said.decision);
    write_reasons(out, "by_principal", "principal", said.by_principal);
    out.end_object();
  }
  out.end_array();
}

void write_report(json::Writer& out, const BacktestRun& run) {
  const backtest::Report& report = run.report;
  out.key("report").begin_object().member("judged", number(report.judged)).member("unreadable", number(report.unreadable));
  out.member("late", number(report.late)).member("not_kept", number(report.not_kept)).key("total").begin_object();
  write_counts(out, report.total);
  out.end_object();
  write_table(out, "by_rule", "rule", report.by_rule);
  write_table(out, "by_tool", "tool", report.by_tool);
  write_table(out, "by_principal", "principal", report.by_principal);
  write_table(out, "by_grant", "grant", report.by_grant);
  write_reasons(out, "undecided", "why", report.undecided);
  write_reasons(out, "outside", "reason", report.outside);
  write_reasons(out, "shadow", "rule", report.shadow);
  write_recorded_shadow(out, report.recorded_shadow);
  write_texts(out, "notes", notes_of(*run.request.draft));
  out.end_object();
}

void write_run(json::Writer& out, const BacktestRun& run, bool report) {
  out.begin_object().member("id", run.id).member("policy", run.request.policy).member("version", run.request.version);
  out.member("author", run.request.author).member("state", state_name(run.state));
  write_time(out, "started_at", run.started_at);
  write_time(out, "ended_at", run.ended_at);
  write_time(out, "since", run.request.options.since);
  write_time(out, "until", run.request.until);
  out.member("read", number(run.read.load())).member("position", number(run.position.load())).member("head", number(run.head));
  if (run.state == State::Failed)
    out.key("error").begin_object().member("reason", run.error.reason).member("message", run.error.message).end_object();
  if (report && run.state != State::Running) write_report(out, run);
  out.end_object();
}

void write_difference(json::Writer& out, const backtest::Difference& item) {
  bool decided = item.change != Change::Undecided;
  out.begin_object().member("sequence", number(item.sequence));
  write_time(out, "time", item.time);
  out.member("decision", item.decision).member("change", backtest::change_name(item.change)).member("principal", item.principal);
  out.member("grant", item.grant).member("grant_label", item.grant_label).member("server", item.server);
  out.member("method", item.method).member("tool", item.tool).key("was").begin_object();
  out.member("verdict", backtest::verdict_name(item.was)).member("rule", item.was_rule).member("reason", item.was_reason);
  out.member("version", item.was_version).end_object().key("now").begin_object();
  out.member("verdict", decided ? backtest::verdict_name(item.now) : std::string_view("undecided")).member("rule", item.now_rule);
  out.member("line", std::int64_t{item.now_line}).member("reason", decided ? std::string_view(item.now_reason) : std::string_view());
  out.end_object().member("why", item.why).end_object();
}

Result<Reply> start(Context& context) {
  BacktestRequest request;
  request.policy = context.parameter("policy");
  request.author = context.caller.principal.name;
  std::string text = text_of(context.body, "text");
  if (text.empty()) {
    auto wanted = number_of(context.body, "version");
    CG_TRY(auto stored, context.services.catalog.policy(request.policy, wanted));
    text = stored.text;
    request.version = stored.version;
  }
  auto compiled = policy::Policy::compile(request.policy, request.version, text);
  if (!compiled.policy) return refused_draft(compiled.problems);
  request.draft = compiled.policy;
  std::string since = text_of(context.body, "since");
  CG_TRY(request.options.since, moment_of(context, "since", since.empty() ? "30d" : since));
  CG_TRY(request.until, moment_of(context, "until", text_of(context.body, "until")));
  request.options.principal = text_of(context.body, "principal");
  request.options.grant = text_of(context.body, "grant");
  request.options.server = text_of(context.body, "server");
  request.options.tool = text_of(context.body, "tool");
  auto kept = number_of(context.body, "keep").value_or(1'000);
  if (kept < 0 || kept > 10'000) return fail(Code::InvalidArgument, "admin.field", "`keep` must be 0 to 10000");
  request.options.kept = static_cast<std::size_t>(kept);
  CG_TRY(auto run, context.services.backtests->start(std::move(request)));
  return json_reply(202, [&](json::Writer& out) {
    (void)context.services.backtests->with(run->id, [&](const BacktestRun& one) { write_run(out, one, false); });
  });
}

Result<Reply> list(Context& context) {
  auto& runs = *context.services.backtests;
  return json_reply(200, [&](json::Writer& out) {
    out.begin_object().key("items").begin_array();
    for (const std::string& id : runs.ids()) (void)runs.with(id, [&](const BacktestRun& run) { write_run(out, run, false); });
    out.end_array().key("next").null().end_object();
  });
}

Result<Reply> show(Context& context) {
  Reply reply;
  CG_CHECK(context.services.backtests->with(context.parameter("run"), [&](const BacktestRun& run) {
    reply = json_reply(200, [&](json::Writer& out) { write_run(out, run, true); });
  }));
  return reply;
}

Result<Reply> changes(Context& context) {
  std::string_view wanted = context.ask("change");
  Result<Reply> reply = Reply();
  CG_CHECK(context.services.backtests->with(context.parameter("run"), [&](const BacktestRun& run) {
    if (run.state == State::Running) {
      reply = fail(Code::Conflict, "admin.backtest_running", "the back-test is still under way; look at its `state`");
      return;
    }
    std::vector<const backtest::Difference*> items;
    for (const auto& item : run.report.differences)
      if (wanted.empty() || wanted == backtest::change_name(item.change)) items.push_back(&item);
    reply = list_reply(
        context, items, [](const auto* item) { return std::to_string(item->sequence); },
        [](json::Writer& out, const auto* item) { write_difference(out, *item); });
  }));
  return reply;
}

Result<Reply> cancel(Context& context) {
  const std::string& id = context.parameter("run");
  std::string author;
  auto& runs = *context.services.backtests;
  CG_CHECK(runs.with(id, [&](const BacktestRun& run) { author = run.request.author; }));
  if (!context.caller.may(Access::Write) && author != context.caller.principal.name)
    return fail(Code::Forbidden, "admin.role", "only who started a back-test, an admin or an owner can cancel it");
  CG_CHECK(runs.cancel(id));
  return json_reply(200, [&](json::Writer& out) { out.begin_object().member("cancelled", id).end_object(); });
}

}  // namespace

void add_backtest_routes(std::vector<Route>& routes) {
  routes.push_back({"POST",
                    "/api/v1/policies/{policy}/backtests",
                    "backtest.start",
                    Access::Read,
                    "Judge the recorded calls of a policy by a draft; nothing is counted or changed",
                    start,
                    {{"text", Shape::Text, false, "the draft; default: the stored document", Keep::Bulky},
                     {"version", Shape::Number, false, "a stored version instead of a draft; default: the newest"},
                     {"since", Shape::Text, false, "time, or duration back from now; default 30d"},
                     {"until", Shape::Text, false, "time, or duration back from now; default now"},
                     {"principal", Shape::Text, false, "calls of this user or robot only, by id or name"},
                     {"grant", Shape::Text, false, "calls of this grant only, by id or label"},
                     {"server", Shape::Text, false, "calls on this server only, by id or slug"},
                     {"tool", Shape::Text, false, "calls of this tool only"},
                     {"keep", Shape::Number, false, "changes listed one by one, of each kind; 0 to 10000, default 1000"}}});
  routes.push_back({"GET", "/api/v1/backtests", "backtest.list", Access::Read, "The last back-tests, newest first", list});
  routes.push_back({"GET", "/api/v1/backtests/{run}", "backtest.show", Access::Read, "How far a back-test is, and what came out", show});
  routes.push_back({"GET",
                    "/api/v1/backtests/{run}/changes",
                    "backtest.changes",
                    Access::Read,
                    "The calls that would end otherwise, one by one, oldest first",
                    changes,
                    {},
                    {{"change", Shape::Text, false, "newly_denied, newly_asked, newly_hidden, newly_allowed, other_rule, undecided"},
                     kLimitRule,
                     kCursorRule}});
  routes.push_back({"DELETE", "/api/v1/backtests/{run}", "backtest.cancel", Access::Read, "Stop a back-test", cancel});
}

}  // namespace callgate::admin
