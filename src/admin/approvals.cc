// Approvals: what waits for a person, the literal call, and yes or no. A link or a GET never decides.
#include "approvals/approvals.h"

#include "admin/reply.h"
#include "admin/route.h"
#include "approvals/call.h"

namespace callgate::admin {
namespace {

using approvals::Approval;
using approvals::State;
using namespace std::chrono_literals;

constexpr std::size_t kListed = 1'000;

Result<approvals::Approvals*> room_of(Context& context) {
  if (context.services.approvals == nullptr) return fail(Code::Unavailable, "approval.unavailable", "this gate keeps no approvals");
  return context.services.approvals;
}

approvals::Approver approver_of(const Caller& caller) {
  return {caller.principal.id, caller.principal.name, caller.principal.admin_roles, caller.principal.kind == PrincipalKind::User};
}

// Who administers sees all of them; an approver sees what is theirs to decide.
bool may_see(const Context& context, const Approval& approval) {
  return context.caller.may(Access::Read) || approver_of(context.caller).may_decide(approval.proposal);
}

void write_votes(json::Writer& out, const Approval& approval) {
  out.key("votes").begin_array();
  for (const approvals::Vote& vote : approval.votes) {
    out.begin_object().member("by", vote.name).member("principal_id", vote.principal_id).member("yes", vote.yes).member("note", vote.note);
    write_time(out, "at", vote.at);
    out.end_object();
  }
  out.end_array();
}

void write_members(json::Writer& out, const Approval& approval) {
  const approvals::Proposal& p = approval.proposal;
  out.member("id", approval.id).member("state", approvals::state_name(approval.state));
  out.member("server", p.server_slug).member("method", p.binding.method).member("tool", p.binding.tool);
  out.member("principal", p.principal_name).member("principal_id", p.binding.principal_id).member("principal_kind", p.principal_kind);
  out.member("grant", p.grant_label).member("grant_id", p.binding.grant_id).member("client", p.client);
  out.member("reason", p.stated_reason).member("message", p.message);
  write_texts(out, "rules", p.rules);
  write_texts(out, "roles", p.roles);
  out.member("approvers", std::int64_t{p.approvers}).member("self", p.self);
  out.member("policy", p.binding.policy).member("policy_version", p.binding.policy_version).member("decision", p.decision_id);
  write_time(out, "created_at", approval.created_at);
  write_time(out, "expires_at", approval.expires_at);
  write_time(out, "decided_at", approval.decided_at);
  write_time(out, "executed_at", approval.executed_at);
  write_votes(out, approval);
  out.member("repeatable", approval.repeatable).member("uses", approval.uses);
  write_texts(out, "vary", approval.vary);
}

void write_approval(json::Writer& out, const Approval& approval) {
  out.begin_object();
  write_members(out, approval);
  out.end_object();
}

// What differs from the last call of this tool that was approved and made.
Result<void> write_changes(json::Writer& out, approvals::Approvals& room, const Approval& approval) {
  CG_TRY(auto before, room.last_executed(approval));
  out.key("compared_with");
  if (!before) {
    out.null();
    out.key("changes").begin_array().end_array();
    return {};
  }
  out.string(before->id).key("changes").begin_array();
  for (const auto& change :
       approvals::changes({before->proposal.call_json, before->proposal.leaves}, {approval.proposal.call_json, approval.proposal.leaves}))
    out.begin_object()
        .member("field", change.pointer)
        .member("before", approvals::visible_json(change.before))
        .member("after", approvals::visible_json(change.after))
        .end_object();
  out.end_array();
  return {};
}

Result<void> write_recent(json::Writer& out, Context& context, approvals::Approvals& room, const Approval& approval) {
  audit::Query query;
  query.grant = approval.proposal.binding.grant_id;
  query.tool = approval.proposal.binding.tool;
  query.kind = "call";
  query.since = context.now() - 1h;
  query.limit = kListed;
  CG_TRY(auto calls, context.services.index.query(query));
  CG_TRY(auto asked, room.asked_since(approval.proposal.binding.grant_id, context.now() - 24h));
  out.member("calls_last_hour", static_cast<std::int64_t>(calls.size())).member("asked_last_day", asked);
  return {};
}

Result<Reply> whole(int status, Context& context, approvals::Approvals& room, const Approval& approval) {
  Result<void> complete;
  Reply reply = json_reply(status, [&](json::Writer& out) {
    out.begin_object();
    write_members(out, approval);
    out.member("call", approvals::visible_json(approval.proposal.call_json));
    write_texts(out, "warnings", approvals::suspicious(approval.proposal.call_json));
    complete = write_changes(out, room, approval);
    if (complete) complete = write_recent(out, context, room, approval);
    out.end_object();
  });
  CG_CHECK(complete);
  return reply;
}

Result<Reply> list(Context& context) {
  CG_TRY(auto* room, room_of(context));
  CG_TRY(auto all, room->list(context.ask("all") == "true", kListed));
  std::erase_if(all, [&](const Approval& approval) { return !may_see(context, approval); });
  return list_reply(
      context, all, [](const Approval& a) { return a.id; }, [](json::Writer& out, const Approval& a) { write_approval(out, a); });
}

Result<Approval> find(Context& context, approvals::Approvals& room) {
  CG_TRY(Approval found, room.find(context.parameter("approval")));
  if (may_see(context, found)) return found;
  return fail(Code::NotFound, "approval.unknown", "there is no such approval that you may decide about");
}

Result<Reply> show(Context& context) {
  CG_TRY(auto* room, room_of(context));
  CG_TRY(Approval found, find(context, *room));
  return whole(200, context, *room, found);
}

// A yes to a call that could not be made any more would only mislead.
Result<void> check_current(Context& context, const Approval& approval) {
  const approvals::Binding& binding = approval.proposal.binding;
  auto stale = [&](std::string_view what) {
    return fail(Code::Conflict, "approval.stale",
                std::string(what) + " has changed since this call was made: it has to be made anew, and is then asked about again");
  };
  auto policy = context.services.catalog.policy(binding.policy, std::nullopt);
  if (!policy && policy.error().code != Code::NotFound) return tl::unexpected<Error>(policy.error());
  if (!policy || policy->version != binding.policy_version) return stale("the policy `" + binding.policy + "`");
  if (binding.method != "tools/call") return {};
  auto tools = context.services.catalog.tools(binding.server_id);
  if (!tools) return stale("the server");
  for (const Tool& tool : *tools)
    if (tool.name == binding.tool && tool.fingerprint != binding.fingerprint) return stale("the tool `" + binding.tool + "`");
  return {};
}

Result<Reply> decide(Context& context, bool yes) {
  context.changed = false;
  CG_TRY(auto* room, room_of(context));
  context.target = context.parameter("approval");
  if (context.caller.local && !context.services.settings.approvals.control_socket)
    return fail(Code::Forbidden, "approval.control_socket",
                "approvals.control_socket is off, so nothing is decided over the control socket: use --url with an API token of your own");
  CG_TRY(Approval found, find(context, *room));
  context.server_id = found.proposal.binding.server_id;
  context.server_slug = found.proposal.server_slug;
  if (yes && found.state == State::Pending) CG_CHECK(check_current(context, found));
  approvals::Verdict verdict;
  verdict.yes = yes;
  verdict.note = text_of(context.body, "note");
  if (yes) {
    CG_TRY(verdict.lasting, duration_of(context.body, "for"));
    verdict.vary = texts_of(context.body, "vary");
  }
  CG_TRY(Approval decided, room->decide(found.id, approver_of(context.caller), verdict));
  context.changed = true;
  json::Writer facts(context.facts);
  facts.begin_object().member("approval", decided.id).member("state", approvals::state_name(decided.state));
  facts.member("tool", decided.proposal.binding.tool).member("decision", decided.proposal.decision_id).end_object();
  return whole(200, context, *room, decided);
}

Result<Reply> approve(Context& context) { return decide(context, true); }
Result<Reply> deny(Context& context) { return decide(context, false); }

}  // namespace

void add_approval_routes(std::vector<Route>& routes) {
  routes.push_back({"GET",
                    "/api/v1/approvals",
                    "approval.list",
                    Access::Signed,
                    "List calls that wait for a person, newest first",
                    list,
                    {},
                    {{"all", Shape::Flag, false, "decided, used and expired ones too"}, kLimitRule, kCursorRule}});
  routes.push_back({"GET", "/api/v1/approvals/{approval}", "approval.show", Access::Signed,
                    "Show the literal call, who asks, and what changed since the last approved one", show});
  routes.push_back({"POST",
                    "/api/v1/approvals/{approval}/approve",
                    "approval.approve",
                    Access::Signed,
                    "Say yes to this call; takes the role its rule names, and nobody approves a call of their own",
                    approve,
                    {{"note", Shape::Text, false, "for the record"},
                     {"for", Shape::Text, false, "say yes to every such call for this long, 1m to 8h; default: to this one"},
                     {"vary", Shape::Texts, false, "with `for`: JSON pointers of values that may differ; default: none"}},
                    {},
                    true});
  routes.push_back({"POST",
                    "/api/v1/approvals/{approval}/deny",
                    "approval.deny",
                    Access::Signed,
                    "Say no to this call",
                    deny,
                    {{"note", Shape::Text, false, "what the caller is told"}},
                    {},
                    true});
}

}  // namespace callgate::admin
