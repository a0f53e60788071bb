#include "approvals/approvals.h"

#include <fmt/core.h>

#include <algorithm>

#include "approvals/call.h"
#include "approvals/inner.h"
#include "approvals/rows.h"
#include "base/encoding.h"

namespace callgate::approvals {

using store::Transaction;

std::string Binding::digest() const {
  std::string all;
  for (const std::string* part : {&grant_id, &principal_id, &server_id, &method, &tool, &policy})
    all += std::to_string(part->size()) + ':' + *part;
  all += std::to_string(policy_version) + ':' + hex_encode(fingerprint) + hex_encode(call);
  return hex_encode(sha256(all));
}

Approvals::Approvals() = default;
Approvals::~Approvals() = default;

Result<std::unique_ptr<Approvals>> Approvals::open(store::Database& database, const Clock& clock, const Options& options) {
  CG_CHECK(database.migrate(migrations()));
  std::unique_ptr<Approvals> opened(new Approvals());
  opened->inner_ = std::make_unique<Inner>(database, clock, options);
  CG_CHECK(database.read([&](Transaction& tx) -> Result<void> {
    CG_TRY(auto live, read(tx, "WHERE state IN ('pending', 'approved', 'denied')", {}));
    for (Approval& approval : live) opened->inner_->keep(std::move(approval));
    return {};
  }));
  return opened;
}

// ---- what is live ---------------------------------------------------------------------------------------------------

void Approvals::Inner::keep(Approval approval) {
  std::lock_guard lock(mutex);
  bool is_live = approval.state == State::Pending || approval.state == State::Approved || approval.state == State::Denied;
  std::string id = approval.id;
  if (is_live) live.insert_or_assign(std::move(id), std::make_shared<const Approval>(std::move(approval)));
  else live.erase(id);
}

Approvals::Inner::Pointer Approvals::Inner::get(std::string_view id) const {
  std::lock_guard lock(mutex);
  auto found = live.find(id);
  return found == live.end() ? nullptr : found->second;
}

bool Approvals::Inner::covers(const Approval& approval, const Proposal& proposal) {
  const Binding &bound = approval.proposal.binding, &call = proposal.binding;
  if (!approval.repeatable || approval.state != State::Approved) return bound.digest() == call.digest();
  Binding same = call;
  same.call = bound.call;
  return bound.digest() == same.digest() && same_shape(approval.proposal.leaves, proposal.leaves, approval.vary);
}

// What was decided, or waits to be decided, about this call; the newest when there are several.
Approvals::Inner::Pointer Approvals::Inner::standing(const Proposal& proposal) const {
  WallTime now = clock.now();
  std::lock_guard lock(mutex);
  Pointer found;
  for (const auto& [id, approval] : live)
    if (now < approval->expires_at && covers(*approval, proposal) && (!found || found->created_at <= approval->created_at))
      found = approval;
  return found;
}

std::optional<State> Approvals::state(std::string_view id) const {
  auto found = inner_->get(id);
  if (!found || inner_->clock.now() >= found->expires_at) return std::nullopt;
  return found->state;
}

std::size_t Approvals::pending() const {
  std::lock_guard lock(inner_->mutex);
  WallTime now = inner_->clock.now();
  return static_cast<std::size_t>(std::ranges::count_if(
      inner_->live, [&](const auto& one) { return one.second->state == State::Pending && now < one.second->expires_at; }));
}

// ---- asking ---------------------------------------------------------------------------------------------------------

namespace {

Standing standing_of(const Approval& approval) {
  Standing out{approval.state, approval.id, {}, {}, approval.expires_at, false};
  if (!approval.votes.empty()) out.note = approval.votes.back().note, out.decided_by = approval.votes.back().name;
  return out;
}

}  // namespace

Result<void> Approvals::Inner::room_for(const Proposal& proposal) const {
  WallTime now = clock.now();
  std::size_t all = 0, of_grant = 0;
  std::lock_guard lock(mutex);
  for (const auto& [id, approval] : live) {
    if (approval->state != State::Pending || now >= approval->expires_at) continue;
    ++all;
    of_grant += approval->proposal.binding.grant_id == proposal.binding.grant_id;
  }
  if (of_grant >= options.pending_per_grant_max)
    return fail(
        Code::RateLimited, "approval.too_many",
        fmt::format("{} calls of this grant wait for approval already: wait until they are decided, and do not ask for more", of_grant));
  if (all >= options.pending_max)
    return fail(Code::RateLimited, "approval.too_many", "too many calls wait for approval already: try again when some were decided");
  return {};
}

Result<Standing> Approvals::ask(const Proposal& proposal) {
  if (proposal.call_json.size() > inner_->options.call_bytes_max)
    return fail(Code::TooLarge, "approval.too_large",
                fmt::format("this call needs approval, and {} bytes are more than a person can read (at most {}): send less in one call",
                            proposal.call_json.size(), inner_->options.call_bytes_max));
  std::lock_guard writing(inner_->writing);
  if (auto known = inner_->standing(proposal)) return standing_of(*known);
  CG_CHECK(inner_->room_for(proposal));
  Approval made;
  made.id = new_id("apr");
  made.proposal = proposal;
  made.created_at = inner_->clock.now();
  made.expires_at = made.created_at + proposal.expires;
  CG_CHECK(inner_->database.write([&](Transaction& tx) { return insert(tx, made); }));
  Standing out = standing_of(made);
  out.proposed = true;
  inner_->keep(std::move(made));
  return out;
}

Result<void> Approvals::consume(std::string_view id, const Proposal& proposal) {
  std::lock_guard writing(inner_->writing);
  auto known = inner_->get(id);
  if (!known) return fail(Code::Conflict, "approval.used", fmt::format("approval {} was used or has expired: make the call anew", id));
  if (known->state != State::Approved)
    return fail(Code::Conflict, "approval.not_approved", fmt::format("{} is {}, not approved", id, state_name(known->state)));
  WallTime now = inner_->clock.now();
  if (now >= known->expires_at) return fail(Code::Conflict, "approval.expired", fmt::format("approval {} has expired", id));
  if (!Inner::covers(*known, proposal))
    return fail(Code::Conflict, "approval.stale",
                fmt::format("approval {} was given for another call, policy or tool than this is by now: make the call anew", id));
  Approval used = *known;
  ++used.uses;
  used.executed_at = now;
  if (!used.repeatable) used.state = State::Executed;
  bool taken = false;
  CG_CHECK(inner_->database.write([&](Transaction& tx) -> Result<void> {
    CG_TRY(taken, advance(tx, used, State::Approved));
    return {};
  }));
  if (!taken) return fail(Code::Conflict, "approval.used", fmt::format("approval {} was used already", id));
  inner_->keep(std::move(used));
  changed();
  return {};
}

// ---- reading --------------------------------------------------------------------------------------------------------

Result<Approval> Approvals::find(std::string_view id) {
  std::vector<Approval> found;
  CG_CHECK(inner_->database.read([&](Transaction& tx) -> Result<void> {
    CG_TRY(found, read(tx, "WHERE id = ?", std::vector<store::Value>{std::string(id)}));
    return {};
  }));
  if (found.empty())
    return fail(Code::NotFound, "approval.unknown",
                fmt::format("there is no approval `{}`: `callgate approval ls --all` lists them", id.substr(0, 64)));
  return inner_->as_of_now(std::move(found.front()));
}

// The sweep closes what expired a moment later; nobody is shown it as open until then.
Approval Approvals::Inner::as_of_now(Approval approval) const {
  bool is_live = approval.state == State::Pending || approval.state == State::Approved;
  if (is_live && clock.now() >= approval.expires_at) approval.state = State::Expired;
  return approval;
}

Result<std::vector<Approval>> Approvals::list(bool closed_too, std::size_t limit) {
  std::vector<Approval> found;
  CG_CHECK(inner_->database.read([&](Transaction& tx) -> Result<void> {
    std::string where = closed_too ? "" : "WHERE state = 'pending' ";
    CG_TRY(found,
           read(tx, where + "ORDER BY created_at DESC, id DESC LIMIT ?", std::vector<store::Value>{static_cast<std::int64_t>(limit)}));
    return {};
  }));
  for (Approval& approval : found) approval = inner_->as_of_now(std::move(approval));
  if (!closed_too) std::erase_if(found, [](const Approval& approval) { return approval.state != State::Pending; });
  return found;
}

Result<std::optional<Approval>> Approvals::last_executed(const Approval& like) {
  std::vector<Approval> found;
  const Binding& binding = like.proposal.binding;
  CG_CHECK(inner_->database.read([&](Transaction& tx) -> Result<void> {
    CG_TRY(found,
           read(tx,
                "WHERE server_id = ? AND tool = ? AND method = ? AND executed_at IS NOT NULL AND created_at < ? AND id <> ? ORDER BY "
                "executed_at DESC LIMIT 1",
                std::vector<store::Value>{binding.server_id, binding.tool, binding.method, to_row(like.created_at), like.id}));
    return {};
  }));
  if (found.empty()) return std::optional<Approval>();
  return std::optional(std::move(found.front()));
}

Result<std::int64_t> Approvals::asked_since(std::string_view grant_id, WallTime since) {
  std::int64_t count = 0;
  CG_CHECK(inner_->database.read([&](Transaction& tx) -> Result<void> {
    CG_TRY(auto rows,
           tx.query("SELECT COUNT(*) FROM approvals WHERE grant_id = ? AND created_at >= ?", {std::string(grant_id), to_row(since)}));
    count = rows[0].integer(0);
    return {};
  }));
  return count;
}

Result<std::vector<Approval>> Approvals::sweep() {
  std::lock_guard writing(inner_->writing);
  WallTime now = inner_->clock.now();
  std::vector<Approval> over, was_pending;
  {
    std::lock_guard lock(inner_->mutex);
    for (const auto& [id, approval] : inner_->live)
      if (now >= approval->expires_at) over.push_back(*approval);
  }
  CG_CHECK(inner_->database.write([&](Transaction& tx) -> Result<void> {
    for (Approval& approval : over) {
      State from = approval.state;
      if (from == State::Denied) continue;
      Approval closed = approval;
      closed.state = approval.uses > 0 ? State::Executed : State::Expired;
      CG_CHECK(advance(tx, closed, from));
    }
    CG_CHECK(tx.execute("DELETE FROM approvals WHERE created_at < ? AND state NOT IN ('pending', 'approved')",
                        {to_row(now - inner_->options.kept)}));
    return {};
  }));
  for (Approval& approval : over) {
    bool waited = approval.state == State::Pending;
    approval.state = State::Expired;
    inner_->keep(approval);
    if (waited) was_pending.push_back(std::move(approval));
  }
  if (!over.empty()) changed();
  return was_pending;
}

}  // namespace callgate::approvals
