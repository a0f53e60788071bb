// A person's yes or no. Who may say it, and what a second one changes: nothing.

#include <fmt/core.h>

#include <algorithm>

#include "approvals/call.h"
#include "approvals/inner.h"
#include "approvals/rows.h"

namespace callgate::approvals {

using store::Transaction;

namespace {

constexpr std::size_t kNoteBytesMax = 500;
constexpr std::chrono::seconds kLastingMin{60}, kLastingMax{8 * 3'600};
constexpr std::size_t kVaryMax = 20;

bool has(const std::vector<std::string>& roles, std::string_view role) { return std::ranges::find(roles, role) != roles.end(); }

bool holds(const std::vector<std::string>& roles, std::string_view role) {
  return has(roles, "owner") || has(roles, "admin") || has(roles, role.empty() ? "approver" : "approver:" + std::string(role));
}

Result<void> check_text(std::string_view note) {
  bool plain = std::ranges::none_of(note, [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7f; });
  if (note.size() <= kNoteBytesMax && plain) return {};
  return fail(Code::InvalidArgument, "approval.note", "a note is text of at most 500 bytes without control characters");
}

Result<void> check_lasting(const Approval& approval, const Verdict& verdict) {
  if (!verdict.lasting) {
    if (verdict.vary.empty()) return {};
    return fail(Code::InvalidArgument, "approval.vary", "values may vary only while an approval lasts: say for how long");
  }
  if (!verdict.yes) return fail(Code::InvalidArgument, "approval.lasting", "a denial is for this call: it has no time");
  if (approval.proposal.approvers > 1 || approval.proposal.roles.size() > 1)
    return fail(Code::InvalidArgument, "approval.lasting", "a call that several people must approve is approved once, not for a time");
  if (*verdict.lasting < kLastingMin || *verdict.lasting > kLastingMax)
    return fail(Code::InvalidArgument, "approval.lasting", "an approval lasts from 1m to 8h");
  if (verdict.vary.size() > kVaryMax) return fail(Code::InvalidArgument, "approval.vary", "at most 20 values may vary");
  for (const std::string& pointer : verdict.vary)
    if (pointer.empty() || pointer.front() != '/' || pointer.find('\n') != std::string::npos ||
        !has_leaf(approval.proposal.leaves, pointer))
      return fail(Code::InvalidArgument, "approval.vary",
                  fmt::format("`{}` names no value of this call: write a JSON pointer such as /amount", pointer.substr(0, 100)));
  return {};
}

// Enough people, and every role the rules name among them.
bool satisfied(const Approval& approval) {
  auto yes = std::ranges::count_if(approval.votes, [](const Vote& vote) { return vote.yes; });
  if (yes < static_cast<std::ptrdiff_t>(approval.proposal.approvers)) return false;
  return std::ranges::all_of(approval.proposal.roles, [&](const std::string& role) {
    return std::ranges::any_of(approval.votes, [&](const Vote& vote) { return vote.yes && holds(vote.roles, role); });
  });
}

Result<void> check_open(const Approval& approval, WallTime now) {
  if (approval.state == State::Pending && now < approval.expires_at) return {};
  if (approval.state == State::Pending || approval.state == State::Expired)
    return fail(Code::Conflict, "approval.expired", fmt::format("{} has expired: the call has to be made anew", approval.id));
  std::string by = approval.votes.empty() ? std::string("someone") : approval.votes.back().name;
  return fail(Code::Conflict, "approval.decided",
              fmt::format("{} was {} already, by {} at {}: nothing was changed", approval.id,
                          approval.state == State::Denied ? "denied" : "approved", by,
                          approval.decided_at ? format_time(*approval.decided_at) : "an unknown time"));
}

Result<void> check_approver(const Approval& approval, const Approver& approver) {
  const Proposal& proposal = approval.proposal;
  if (!approver.human)
    return fail(Code::Forbidden, "approval.human", "a robot cannot decide about a call: a person has to, with an API token of their own");
  bool own = approver.principal_id == proposal.binding.principal_id || approver.principal_id == proposal.owner_id;
  if (own && !proposal.self)
    return fail(Code::Forbidden, "approval.self", "nobody decides about a call of their own or of their own robot: someone else has to");
  if (!approver.may_decide(proposal)) {
    std::string needed = "`approver`";
    if (!proposal.roles.empty()) needed = "`approver:" + proposal.roles.front() + "`";
    return fail(Code::Forbidden, "approval.role",
                fmt::format("`{}` may not decide about this call: it takes the role {}, admin or owner", approver.name, needed));
  }
  return {};
}

Result<void> check_first_vote(const Approval& approval, const Approver& approver) {
  for (const Vote& vote : approval.votes)
    if (vote.principal_id == approver.principal_id)
      return fail(Code::Conflict, "approval.voted", fmt::format("`{}` said yes already; someone else has to as well", approver.name));
  return {};
}

}  // namespace

bool Approver::may_decide(const Proposal& proposal) const {
  if (!human) return false;
  if (proposal.roles.empty()) return holds(roles, {});
  return std::ranges::any_of(proposal.roles, [&](const std::string& role) { return holds(roles, role); });
}

Result<Approval> Approvals::decide(std::string_view id, const Approver& approver, const Verdict& verdict) {
  CG_CHECK(check_text(verdict.note));
  std::lock_guard writing(inner_->writing);
  auto known = inner_->get(id);
  if (!known) {
    CG_TRY(Approval closed, find(id));
    CG_CHECK(check_approver(closed, approver));  // who may not decide is not told what others did
    CG_CHECK(check_open(closed, inner_->clock.now()));
    return fail(Code::Internal, "approval.lost", "the approval is not known to this process: restart the gate");
  }
  WallTime now = inner_->clock.now();
  Approval next = *known;
  CG_CHECK(check_approver(next, approver));
  CG_CHECK(check_open(next, now));
  CG_CHECK(check_first_vote(next, approver));
  CG_CHECK(check_lasting(next, verdict));
  next.votes.push_back({approver.principal_id, approver.name, approver.roles, verdict.yes, verdict.note, now});
  if (!verdict.yes || satisfied(next)) {
    next.state = verdict.yes ? State::Approved : State::Denied;
    next.decided_at = now;
    next.expires_at = now + next.proposal.expires;
    if (verdict.lasting) {
      next.repeatable = true;
      next.vary = verdict.vary;
      next.expires_at = now + *verdict.lasting;
    }
  }
  bool moved = false;
  CG_CHECK(inner_->database.write([&](Transaction& tx) -> Result<void> {
    CG_CHECK(insert_vote(tx, next.id, next.votes.back()));
    CG_TRY(moved, advance(tx, next, State::Pending));
    if (!moved) return fail(Code::Conflict, "approval.decided", fmt::format("{} was decided meanwhile: nothing was changed", next.id));
    return {};
  }));
  inner_->keep(next);
  changed();
  return next;
}

}  // namespace callgate::approvals
