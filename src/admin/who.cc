// Who can call a tool: every grant that reaches its server, with what its policy would say.
#include <algorithm>

#include "admin/past.h"
#include "admin/reply.h"
#include "policy/policy.h"
#include "policy/suppose.h"

namespace callgate::admin {
namespace {

struct Answer {
  const identity::GrantEntry* entry = nullptr;
  std::string_view verdict;  // allow | ask | deny | hidden | depends
  std::string policy, rule, reason, depends;
  std::int64_t version = 0;
  std::uint32_t line = 0;
};

constexpr std::string_view kVerdicts[] = {"allow", "ask", "depends", "deny", "hidden"};

// What all answers share.
struct Question {
  const catalog::Catalog& catalog;
  const catalog::ServerEntry& server;
  std::string tool;
  json::Value arguments;
  bool arguments_known;
  WallTime now;
};

Answer answer_for(const Question& question, const identity::GrantEntry& entry, policy::Scratch& scratch) {
  Answer out;
  out.entry = &entry;
  const policy::Policy* policy = entry.grant.policy.empty() ? question.server.policy.get() : question.catalog.policy(entry.grant.policy);
  if (policy == nullptr) {
    out.verdict = "deny";
    out.reason = "policy.missing";
    return out;
  }
  out.policy = policy->name();
  out.version = policy->version();
  if (!identity::may_use_tool(entry, question.server.server, question.tool)) {
    out.verdict = "hidden";
    out.reason = "role";
    return out;
  }
  policy::Input input;
  input.method = "tools/call";
  input.tool = question.tool;
  input.arguments = question.arguments;
  input.principal = &entry.principal;
  input.grant = &entry.grant;
  input.server = &question.server.server;
  input.tool_risk = question.server.risk(question.tool);
  input.now = question.now;
  input.session_id = "any";  // something to count by
  input.stated_reason = "any";
  policy::Supposition supposed;
  supposed.unknown.arguments = !question.arguments_known;
  supposed.unknown.caller = true;
  policy::Decision decision = policy->suppose(input, supposed, scratch);
  out.rule = decision.rule;
  out.line = decision.line;
  out.reason = decision.reason;
  if (decision.effect == Effect::Deny) {
    out.verdict = decision.reason == "policy.hidden" ? "hidden" : "deny";
    return out;
  }
  out.verdict = decision.effect == Effect::Ask ? "ask" : "allow";
  for (const policy::Doubt& doubt : supposed.doubts) {
    if (doubt.layer == policy::Doubt::Layer::Amount) continue;
    if (out.depends.empty()) out.rule = doubt.rule, out.line = doubt.line;
    if (out.depends.find(doubt.path) == std::string::npos) (out.depends += out.depends.empty() ? "" : ", ") += doubt.path;
  }
  if (!out.depends.empty()) out.verdict = "depends";
  return out;
}

void write_answer(json::Writer& out, const Answer& answer) {
  const Grant& grant = answer.entry->grant;
  out.begin_object().member("grant", grant.id).member("label", grant.label).member("principal", answer.entry->principal.name);
  out.member("role", grant.role);
  write_time(out, "expires_at", grant.expires_at);
  out.key("networks").begin_array();
  for (const IpRange& range : grant.networks) out.string(range.text());
  out.end_array().member("policy", answer.policy).member("version", answer.version).member("verdict", answer.verdict);
  out.member("reason", answer.reason).member("rule", answer.rule).member("line", std::int64_t{answer.line});
  out.member("depends_on", answer.depends).end_object();
}

Result<Reply> who(Context& context) {
  auto& services = context.services;
  CG_TRY(auto catalog, services.catalog.catalog());
  CG_TRY(auto directory, services.identity.directory());
  CG_TRY(auto grants, services.identity.grants());
  std::string slug = text_of(context.body, "server"), wanted = text_of(context.body, "verdict");
  const catalog::ServerEntry* server = catalog->server(slug);
  if (server == nullptr) return fail(Code::NotFound, "catalog.no_server", "there is no server `" + slug.substr(0, 64) + "`");
  if (!wanted.empty() && std::find(std::begin(kVerdicts), std::end(kVerdicts), wanted) == std::end(kVerdicts))
    return fail(Code::InvalidArgument, "admin.field", "`verdict` must be allow, ask, depends, deny or hidden");
  json::Value arguments = context.body["arguments"];
  Question question{*catalog, *server, text_of(context.body, "tool"), arguments, arguments.exists(), context.now()};
  std::vector<Answer> answers;
  std::map<std::string_view, std::int64_t> totals;
  policy::Scratch scratch;
  for (const Grant& grant : grants) {
    const identity::GrantEntry* entry = directory->find(grant.id);
    bool live = entry != nullptr && grant_state(grant, question.now) == "live" && !entry->principal.disabled && !entry->owner_disabled;
    if (!live || !identity::may_use_server(*entry, server->server)) continue;
    Answer answer = answer_for(question, *entry, scratch);
    ++totals[answer.verdict];
    if (wanted.empty() || wanted == answer.verdict) answers.push_back(std::move(answer));
  }
  auto rank = [](const Answer& answer) { return std::find(std::begin(kVerdicts), std::end(kVerdicts), answer.verdict); };
  std::stable_sort(answers.begin(), answers.end(), [&](const Answer& a, const Answer& b) { return rank(a) < rank(b); });
  bool listed = std::binary_search(server->tool_names.begin(), server->tool_names.end(), question.tool);
  CG_TRY(Page page, page_of(context, answers.size(), [&](std::size_t i) { return answers[i].entry->grant.id; }));
  return json_reply(200, [&](json::Writer& out) {
    out.begin_object().member("server", server->server.slug).member("tool", question.tool).member("listed", listed);
    out.member("disabled", server->server.disabled).member("risk", server->risk(question.tool)).key("totals").begin_object();
    for (std::string_view verdict : kVerdicts) out.member(verdict, totals[verdict]);
    out.end_object().key("items").begin_array();
    for (std::size_t i = 0; i < page.count; ++i) write_answer(out, answers[page.first + i]);
    out.end_array().key("next");
    if (page.next.empty()) out.null();
    else out.string(page.next);
    out.end_object();
  });
}

}  // namespace

void add_who_routes(std::vector<Route>& routes) {
  routes.push_back({"POST",
                    "/api/v1/policy-who",
                    "policy.who",
                    Access::Read,
                    "Every live grant that reaches a tool's server, and what its policy would say to a call now",
                    who,
                    {{"server", Shape::Text, true, "id or slug"},
                     {"tool", Shape::Text, true, "tool to call"},
                     {"arguments", Shape::Object, false, "its arguments; without them, verdicts may depend on them", Keep::Bulky},
                     {"verdict", Shape::Text, false, "list only allow, ask, depends, deny or hidden"}},
                    {kLimitRule, kCursorRule}});
}

}  // namespace callgate::admin
