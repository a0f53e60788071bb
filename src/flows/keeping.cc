// Across restarts. The record of a call says what it added, and is in the journal before a byte of its answer leaves; so a copy in the
// database, true up to some record, and the records behind it hold all that any caller can have learnt. A call whose record was lost with
// the process was never answered.

#include <algorithm>
#include <charconv>

#include "flows/inner.h"
#include "json/document.h"
#include "json/writer.h"

namespace callgate::flows {
namespace {

using policy::FlowBinding;
using policy::FlowMark;
using policy::FlowState;
using policy::FlowStep;

constexpr store::Migration kMigrations[] = {
    {"flows", 1,
     "CREATE TABLE flow_trails (grant_id TEXT NOT NULL, part TEXT NOT NULL, state TEXT NOT NULL, PRIMARY KEY (grant_id, part));"
     "CREATE TABLE flow_copy (id BIGINT PRIMARY KEY, sequence BIGINT NOT NULL, distrust_until_us BIGINT NOT NULL);"},
};

std::int64_t micros(WallTime time) { return time.time_since_epoch().count(); }

std::optional<std::int64_t> integer(json::Value value) {
  std::int64_t number = 0;
  std::string_view text = value.number();
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

void write_marks(json::Writer& out, std::string_view name, const std::vector<FlowMark>& marks) {
  out.key(name).begin_array();
  for (const FlowMark& mark : marks)
    out.begin_array().string(mark.name).integer(micros(mark.last)).integer(static_cast<std::int64_t>(mark.count)).end_array();
  out.end_array();
}

bool read_marks(json::Value list, std::vector<FlowMark>& out) {
  bool good = list.is_array();
  list.for_each_element([&](json::Value one) {
    auto last = integer(one.child(1)), count = integer(one.child(2));
    good = good && one.size() == 3 && one.child(0).is_string() && last && count;
    if (good)
      out.push_back({std::string(one.child(0).string()), WallTime(std::chrono::microseconds(*last)), static_cast<std::uint64_t>(*count)});
  });
  return good;
}

tl::unexpected<Error> damaged(const std::string& grant) {
  return fail(Code::Unavailable, "flows.damaged",
              "the copy of what a session has seen is damaged: clear it with `callgate flow clear " + grant + "`");
}

}  // namespace

std::string to_text(const FlowState& state) {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  write_marks(out, "labels", state.labels);
  write_marks(out, "tools", state.tools);
  out.key("bound").begin_array();
  for (const FlowBinding& one : state.bound) out.begin_array().string(one.rule).string(one.value).end_array();
  out.end_array().member("calls", static_cast<std::int64_t>(state.calls));
  out.member("begun", micros(state.begun)).member("last", micros(state.last)).member("unknown", state.unknown).end_object();
  return text;
}

std::optional<FlowState> from_text(const std::string& text) {
  json::Document document;
  if (!document.parse(text)) return std::nullopt;
  json::Value root = document.root();
  FlowState state;
  bool good = read_marks(root["labels"], state.labels) && read_marks(root["tools"], state.tools) && root["bound"].is_array();
  root["bound"].for_each_element([&](json::Value one) {
    good = good && one.size() == 2 && one.child(0).is_string() && one.child(1).is_string();
    if (good) state.bound.push_back({std::string(one.child(0).string()), std::string(one.child(1).string())});
  });
  auto calls = integer(root["calls"]), begun = integer(root["begun"]), last = integer(root["last"]);
  if (!good || !calls || !begun || !last) return std::nullopt;
  state.calls = static_cast<std::uint64_t>(*calls);
  state.begun = WallTime(std::chrono::microseconds(*begun));
  state.last = WallTime(std::chrono::microseconds(*last));
  state.unknown = !root["unknown"].is(json::Kind::False);
  return state;
}

Result<void> Flows::save(store::Database& database, std::uint64_t sequence) {
  std::vector<Entry> changed;
  std::vector<std::pair<std::string, std::string>> gone;
  std::vector<std::string> cleared;
  for (Shard& shard : inner_->shards) {
    std::lock_guard lock(shard.mutex);
    for (auto& [grant, parts] : shard.grants)
      for (auto& [part, slot] : parts)
        if (std::exchange(slot.changed, false)) changed.push_back({grant, part, slot.state});
    gone.insert(gone.end(), shard.gone.begin(), shard.gone.end());
    shard.gone.clear();
    cleared.insert(cleared.end(), shard.cleared.begin(), shard.cleared.end());
    shard.cleared.clear();
  }
  auto saved = database.write([&](store::Transaction& tx) -> Result<void> {
    for (const std::string& grant : cleared) CG_CHECK(tx.execute("DELETE FROM flow_trails WHERE grant_id = ?", {grant}));
    for (const auto& [grant, part] : gone) CG_CHECK(tx.execute("DELETE FROM flow_trails WHERE grant_id = ? AND part = ?", {grant, part}));
    for (const Entry& entry : changed)
      CG_CHECK(
          tx.execute("INSERT INTO flow_trails (grant_id, part, state) VALUES (?, ?, ?) "
                     "ON CONFLICT (grant_id, part) DO UPDATE SET state = excluded.state",
                     {entry.grant, entry.part, to_text(*entry.state)}));
    CG_CHECK(
        tx.execute("INSERT INTO flow_copy (id, sequence, distrust_until_us) VALUES (1, ?, ?) ON CONFLICT (id) DO UPDATE SET "
                   "sequence = excluded.sequence, distrust_until_us = excluded.distrust_until_us",
                   {static_cast<std::int64_t>(sequence), inner_->distrust_until_us.load()}));
    return {};
  });
  if (saved) return {};
  for (const Entry& entry : changed) {  // next time
    Shard& shard = inner_->shard(entry.grant);
    std::lock_guard lock(shard.mutex);
    auto grant = shard.grants.find(entry.grant);
    if (grant == shard.grants.end()) continue;
    if (auto part = grant->second.find(entry.part); part != grant->second.end()) part->second.changed = true;
  }
  for (const std::string& grant : cleared) {
    Shard& shard = inner_->shard(grant);
    std::lock_guard lock(shard.mutex);
    shard.cleared.insert(grant);
  }
  for (auto& pair : gone) {
    Shard& shard = inner_->shard(pair.first);
    std::lock_guard lock(shard.mutex);
    shard.gone.insert(std::move(pair));
  }
  return saved;
}

Result<std::optional<std::uint64_t>> Flows::load(store::Database& database) {
  CG_CHECK(database.migrate(kMigrations));
  std::optional<std::uint64_t> sequence;
  CG_CHECK(database.read([&](store::Transaction& tx) -> Result<void> {
    CG_TRY(auto copy, tx.query("SELECT sequence, distrust_until_us FROM flow_copy WHERE id = 1"));
    if (copy.empty()) return {};
    sequence = static_cast<std::uint64_t>(copy[0].integer(0));
    inner_->distrust_until_us = copy[0].integer(1);
    CG_TRY(auto rows, tx.query("SELECT grant_id, part, state FROM flow_trails"));
    for (const store::Row& row : rows) {
      auto read = from_text(row.text(2));
      if (!read) return damaged(row.text(0));
      FlowState state = std::move(*read);
      Shard& shard = inner_->shard(row.text(0));
      std::lock_guard lock(shard.mutex);
      auto calls = state.calls;
      inner_->put(shard, {row.text(0), row.text(1)}, std::move(state));
      Slot& slot = shard.grants.find(row.text(0))->second.find(row.text(1))->second;
      slot.changed = false;
      slot.saved = calls;
    }
    return {};
  }));
  return sequence;
}

void Flows::replay(std::string_view payload) {
  if (payload.find("\"flow\":{") == std::string_view::npos) return;
  json::Document document;
  if (!document.parse(payload)) return;
  json::Value root = document.root(), flow = root["detail"]["flow"];
  auto calls = integer(flow["calls"]), begun_us = integer(flow["begun"]), now_us = integer(flow["at"]);
  std::string_view grant = root["grant"].string();
  if (grant.empty() || !calls || !begun_us || !now_us) return;
  WallTime now{std::chrono::microseconds(*now_us)}, begun{std::chrono::microseconds(*begun_us)};
  std::vector<std::string_view> labels;
  flow["labels"].for_each_element([&](json::Value one) { labels.push_back(one.string()); });
  std::vector<FlowBinding> bound;
  flow["bound"].for_each_member([&](std::string_view rule, json::Value value) {
    bound.push_back({std::string(rule), std::string(value.string())});
  });
  FlowStep step{labels, flow["tool"].string(), bound, true};
  Shard& shard = inner_->shard(grant);
  std::lock_guard lock(shard.mutex);
  auto take = [&](std::string_view part, std::int64_t count, WallTime since) {
    auto parts = shard.grants.find(grant);
    Slot* slot = nullptr;
    if (parts != shard.grants.end())
      if (auto found = parts->second.find(part); found != parts->second.end()) slot = &found->second;
    FlowState next;
    if (slot != nullptr) {
      if (since < slot->state->begun) return;  // of a session before
      if (since == slot->state->begun && static_cast<std::uint64_t>(count) <= slot->saved) return;
      if (since == slot->state->begun) next = *slot->state;
      else slot->saved = 0;
    }
    auto most = std::max(next.calls, static_cast<std::uint64_t>(count));  // records come in any order
    next.add(step, now);
    next.begun = since;
    next.calls = most;
    next.unknown = next.unknown || flow["unknown"].is(json::Kind::True);
    inner_->put(shard, {grant, part}, std::move(next));
  };
  std::string_view part = flow["part"].string();
  take(part, *calls, begun);
  auto all = integer(flow["grant_calls"]), since = integer(flow["grant_begun"]);
  if (!part.empty() && all && since) take({}, *all, WallTime(std::chrono::microseconds(*since)));
}

}  // namespace callgate::flows
