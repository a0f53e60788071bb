#include "flows/flows.h"

#include <algorithm>

#include "flows/inner.h"
#include "json/writer.h"

namespace callgate::flows {
namespace {

constexpr std::size_t kTrailBytes = 400;  // of one that is empty, its places in the maps included

const State& nothing() {
  static const State state = std::make_shared<const policy::FlowState>();
  return state;
}

const State& everything() {
  static const State state = [] {
    policy::FlowState worst;
    worst.unknown = true;
    return std::make_shared<const policy::FlowState>(std::move(worst));
  }();
  return state;
}

std::int64_t micros(WallTime time) { return time.time_since_epoch().count(); }

void append_names(json::Writer& writer, std::string_view key, std::span<const std::string_view> names) {
  if (names.empty()) return;
  writer.key(key).begin_array();
  for (std::string_view name : names) writer.string(name);
  writer.end_array();
}

void append_before(json::Writer& writer, const Trail& trail, const policy::FlowState& before) {
  if (!trail.part.empty()) writer.member("part", trail.part);
  if (before.unknown) writer.member("unknown_before", true);
  std::vector<std::string_view> names;
  for (const policy::FlowMark& mark : before.labels) names.push_back(mark.name);
  append_names(writer, "before", names);
}

Slot* find(Parts* parts, std::string_view part) {
  if (parts == nullptr) return nullptr;
  auto found = parts->find(part);
  return found == parts->end() ? nullptr : &found->second;
}

Parts* find(Shard& shard, std::string_view grant) {
  auto found = shard.grants.find(grant);
  return found == shard.grants.end() ? nullptr : &found->second;
}

}  // namespace

std::size_t bytes_of(const policy::FlowState& state) {
  std::size_t bytes = kTrailBytes;
  for (const auto* marks : {&state.labels, &state.tools})
    for (const policy::FlowMark& mark : *marks) bytes += sizeof mark + mark.name.size();
  for (const policy::FlowBinding& one : state.bound) bytes += sizeof one + one.rule.size() + one.value.size();
  return bytes;
}

Flows::Flows(const Options& options) : inner_(std::make_unique<Inner>(options)) {}
Flows::~Flows() = default;

State Flows::Inner::standing(const Slot* slot, WallTime now) const {
  if (slot != nullptr && !ended(*slot->state, now)) return slot->state;
  return micros(now) < distrust_until_us.load(std::memory_order_relaxed) ? everything() : nothing();
}

State Flows::look(const Trail& trail, WallTime now) const {
  Shard& shard = inner_->shard(trail.grant);
  std::lock_guard lock(shard.mutex);
  return inner_->standing(find(find(shard, trail.grant), trail.part), now);
}

void Flows::Inner::drop_ended(Shard& shard, WallTime now) {
  for (auto grant = shard.grants.begin(); grant != shard.grants.end();) {
    for (auto part = grant->second.begin(); part != grant->second.end();) {
      if (!ended(*part->second.state, now)) {
        ++part;
        continue;
      }
      bytes -= bytes_of(*part->second.state);
      --trails;
      shard.gone.emplace(grant->first, part->first);
      part = grant->second.erase(part);
    }
    grant = grant->second.empty() ? shard.grants.erase(grant) : std::next(grant);
  }
}

// Nothing that still counts is ever forgotten to make room.
Result<void> Flows::Inner::make_room(Shard& shard, std::string_view grant, std::size_t bytes_more, WallTime now) {
  auto full = [&] { return trails + 2 > options.trails_max || bytes + bytes_more > options.bytes_max; };
  auto crowded = [&] {
    const Parts* parts = grant.empty() ? nullptr : find(shard, grant);
    return parts != nullptr && parts->size() >= options.per_grant_max;
  };
  if (crowded() || full()) drop_ended(shard, now);
  if (!crowded() && !full()) return {};
  return fail(Code::Unavailable, "flows.full",
              crowded() ? "this grant keeps too many sessions apart: let one of them end, or leave out what keeps them apart"
                        : "too many sessions are noted at once: ask the operator of this gate");
}

State Flows::Inner::put(Shard& shard, const Trail& trail, policy::FlowState next) {
  auto grant = shard.grants.find(trail.grant);
  if (grant == shard.grants.end()) grant = shard.grants.emplace(trail.grant, Parts()).first;
  auto [slot, fresh] = grant->second.try_emplace(std::string(trail.part));
  if (fresh) ++trails;
  else bytes -= bytes_of(*slot->second.state);
  bytes += bytes_of(next);
  slot->second.state = std::make_shared<const policy::FlowState>(std::move(next));
  slot->second.changed = true;
  return slot->second.state;
}

Result<Passed> Flows::pass(const Trail& trail, const State& seen, const policy::FlowStep& step, WallTime now, const Again& again) {
  Shard& shard = inner_->shard(trail.grant);
  std::lock_guard lock(shard.mutex);
  Parts* parts = find(shard, trail.grant);
  Passed passed;
  passed.before = inner_->standing(find(parts, trail.part), now);
  passed.step = step;
  if (passed.before != seen) {
    CG_TRY(passed.step, again(*passed.before));
  }
  policy::FlowState next = *passed.before;
  next.add(passed.step, now);
  // What leaves out its part is judged by all that the grant has seen.
  std::optional<policy::FlowState> whole;
  if (!trail.part.empty()) {
    whole = *inner_->standing(find(parts, {}), now);
    whole->add(passed.step, now);
  }
  std::size_t more = bytes_of(next) + (whole ? bytes_of(*whole) : 0);
  bool fresh = find(parts, trail.part) == nullptr;
  if (fresh || inner_->bytes + more > inner_->options.bytes_max) {
    CG_CHECK(inner_->make_room(shard, fresh ? trail.grant : std::string_view(), more, now));
  }
  if (whole) passed.whole = inner_->put(shard, {trail.grant, {}}, std::move(*whole));
  passed.after = inner_->put(shard, trail, std::move(next));
  return passed;
}

std::size_t Flows::clear(std::string_view grant, WallTime now) {
  Shard& shard = inner_->shard(grant);
  std::lock_guard lock(shard.mutex);
  std::size_t count = 0;
  if (auto found = shard.grants.find(grant); found != shard.grants.end()) {
    for (auto& [part, slot] : found->second) {
      count += !inner_->ended(*slot.state, now);
      inner_->bytes -= bytes_of(*slot.state);
      --inner_->trails;
    }
    shard.grants.erase(found);
  }
  shard.cleared.emplace(grant);
  if (micros(now) < inner_->distrust_until_us.load(std::memory_order_relaxed)) {  // what is known from now on: nothing was seen
    policy::FlowState known;
    known.begun = known.last = now;
    inner_->put(shard, {grant, {}}, std::move(known));
    ++count;
  }
  return count;
}

std::vector<Entry> Flows::list(std::string_view grant, WallTime now, std::size_t most) const {
  std::vector<Entry> out;
  for (const Shard& shard : inner_->shards) {
    std::lock_guard lock(shard.mutex);
    for (const auto& [id, parts] : shard.grants) {
      if (!grant.empty() && id != grant) continue;
      for (const auto& [part, slot] : parts)
        if (!inner_->ended(*slot.state, now)) out.push_back({id, part, slot.state});
    }
  }
  std::ranges::sort(out, [](const Entry& a, const Entry& b) { return a.state->last > b.state->last; });
  if (out.size() > most) out.resize(most);
  return out;
}

void append_passed(std::string& out, const Trail& trail, const Passed& passed, WallTime now) {
  out += "\"flow\":";
  json::Writer writer(out);
  writer.begin_object();
  append_before(writer, trail, *passed.before);
  append_names(writer, "labels", passed.step.labels);
  if (!passed.step.tool.empty()) writer.member("tool", passed.step.tool);
  if (!passed.step.bound.empty()) {
    writer.key("bound").begin_object();
    for (const policy::FlowBinding& one : passed.step.bound) writer.member(one.rule, one.value);
    writer.end_object();
  }
  if (passed.after->unknown) writer.member("unknown", true);
  writer.member("calls", static_cast<std::int64_t>(passed.after->calls)).member("begun", micros(passed.after->begun));
  if (passed.whole)
    writer.member("grant_calls", static_cast<std::int64_t>(passed.whole->calls)).member("grant_begun", micros(passed.whole->begun));
  writer.member("at", micros(now)).end_object();
}

void append_refused(std::string& out, const Trail& trail, const policy::FlowState& before) {
  out += "\"flow\":";
  json::Writer writer(out);
  writer.begin_object();
  append_before(writer, trail, before);
  writer.end_object();
}

void Flows::distrust(WallTime now) { inner_->distrust_until_us = micros(now + inner_->options.idle); }

}  // namespace callgate::flows
