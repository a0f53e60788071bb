// Policies: versioned documents. A document that does not compile, or whose own tests fail, is never stored.
#include <algorithm>
#include <charconv>

#include "admin/reply.h"
#include "admin/route.h"
#include "policy/edit.h"
#include "policy/policy.h"

namespace callgate::admin {
namespace {

void write_version_members(json::Writer& out, const catalog::PolicyVersion& version) {
  out.member("name", version.name).member("version", version.version);
  out.member("author", version.author).member("reason", version.reason);
  write_time(out, "created_at", version.created_at);
}

void write_version(json::Writer& out, const catalog::PolicyVersion& version, bool text) {
  out.begin_object();
  write_version_members(out, version);
  if (text) out.member("text", version.text);
  out.end_object();
}

Reply version_reply(int status, const catalog::PolicyVersion& version, bool text) {
  return json_reply(status, [&](json::Writer& out) { write_version(out, version, text); });
}

Result<std::optional<std::int64_t>> version_asked(const Context& context, std::string_view name) {
  auto text = context.ask(name);
  if (text.empty()) return std::optional<std::int64_t>();
  std::int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 1)
    return fail(Code::InvalidArgument, "admin.query", "`" + std::string(name) + "` must be a version number");
  return std::optional(number);
}

struct Checked {
  std::shared_ptr<const policy::Policy> policy;
  std::vector<policy::Problem> problems;
  std::vector<policy::TestResult> tests;
  bool ok = false;
};

Checked check_text(std::string_view name, std::string_view text) {
  auto compiled = policy::Policy::compile(name, 0, text);
  Checked checked{compiled.policy, std::move(compiled.problems), {}, compiled.policy != nullptr};
  if (checked.policy) checked.tests = checked.policy->run_tests();
  for (const auto& test : checked.tests) checked.ok = checked.ok && test.passed;
  return checked;
}

void write_checked(json::Writer& out, const Checked& checked) {
  out.key("problems");
  write_problems(out, checked.problems);
  out.key("tests").begin_array();
  for (const auto& test : checked.tests)
    out.begin_object()
        .member("pointer", test.pointer)
        .member("line", static_cast<std::int64_t>(test.line))
        .member("passed", test.passed)
        .member("message", test.message)
        .end_object();
  out.end_array();
}

Reply refused_document(const Checked& checked) {
  std::string members;
  json::Writer out(members);
  out.begin_object();
  write_checked(out, checked);
  out.end_object();
  std::string_view extra(members);
  extra.remove_prefix(1);
  extra.remove_suffix(1);
  Error error{Code::InvalidArgument, "policy.document", "", ""};
  if (!checked.policy) {
    for (const auto& problem : checked.problems)
      if (!problem.warning && error.message.empty())
        error.message = "line " + std::to_string(problem.line) + ", " + problem.pointer + ": " + problem.message;
  } else {
    error.reason = "policy.tests";
    for (const auto& test : checked.tests)
      if (!test.passed && error.message.empty())
        error.message = "line " + std::to_string(test.line) + ", " + test.pointer + ": " + test.message;
  }
  return error_reply(error, "nothing was stored; `callgate policy check FILE` shows all problems", extra);
}

// A role of approvers that nobody holds: calls would wait for someone who does not exist (owners and admins may decide, but should know).
Result<std::vector<std::string>> unheld_roles(Context& context, const policy::Policy& policy) {
  std::vector<std::string> warnings;
  auto roles = policy.approver_roles();
  if (roles.empty()) return warnings;
  CG_TRY(auto principals, context.services.identity.principals());
  for (std::string_view role : roles) {
    std::string wanted = "approver:" + std::string(role);
    bool held = std::ranges::any_of(principals, [&](const Principal& principal) {
      return !principal.disabled && std::ranges::find(principal.admin_roles, wanted) != principal.admin_roles.end();
    });
    if (!held)
      warnings.push_back("nobody holds `" + wanted + "`, so only owners and admins can approve: `callgate user edit NAME --admin-role " +
                         wanted + "`");
  }
  return warnings;
}

Result<Reply> list(Context& context) {
  CG_TRY(auto policies, context.services.catalog.policies());
  return list_reply(
      context, policies, [](const auto& p) { return p.name; }, [](json::Writer& out, const auto& p) { write_version(out, p, false); });
}

Result<Reply> show(Context& context) {
  CG_TRY(auto version, version_asked(context, "version"));
  CG_TRY(auto policy, context.services.catalog.policy(context.parameter("policy"), version));
  return version_reply(200, policy, true);
}

// Checks, tests and stores `text` as the newest version; a dry run says what would change.
Result<Reply> store(Context& context, const Result<catalog::PolicyVersion>& before, const std::string& text) {
  const std::string& name = context.target;
  auto checked = check_text(name, text);
  context.changed = false;
  if (!checked.ok) return refused_document(checked);
  if (auto expected = number_of(context.body, "expected_version"); expected && *expected != (before ? before->version : 0))
    return fail(Code::Conflict, "policy.stale",
                "policy `" + name + "` is at version " + std::to_string(before ? before->version : 0) +
                    " by now; look at it again with `callgate policy show " + name + "`");
  if (flag_of(context.body, "dry_run", false))
    return json_reply(200, [&](json::Writer& out) {
      out.begin_object().member("name", name).member("version", before ? before->version : std::int64_t{0});
      out.member("would_change", !before || before->text != text);
      out.member("diff", policy::diff(before ? before->text : "", text));
      write_checked(out, checked);
      out.end_object();
    });
  CG_TRY(auto stored, context.services.catalog.put_policy(name, text, context.caller.principal.name, text_of(context.body, "reason")));
  context.changed = !before || stored.version != before->version;
  context.facts = "{\"version\":" + std::to_string(stored.version) + "}";
  CG_TRY(auto warnings, unheld_roles(context, *checked.policy));
  return json_reply(before ? 200 : 201, [&](json::Writer& out) {
    out.begin_object();
    write_version_members(out, stored);
    write_texts(out, "warnings", warnings);
    out.end_object();
  });
}

Result<Reply> put(Context& context) {
  context.target = context.parameter("policy");
  auto before = context.services.catalog.policy(context.target, std::nullopt);
  if (!before && before.error().code != Code::NotFound) return tl::unexpected(before.error());
  return store(context, before, text_of(context.body, "text"));
}

// From shadow to enforce: one word of the document changes.
Result<Reply> promote(Context& context) {
  context.target = context.parameter("policy");
  context.changed = false;
  auto before = context.services.catalog.policy(context.target, std::nullopt);
  if (!before) return tl::unexpected(before.error());
  CG_TRY(std::string text, policy::promoted(before->text, text_of(context.body, "rule")));
  return store(context, before, text);
}

Result<Reply> remove(Context& context) {
  context.target = context.parameter("policy");
  CG_CHECK(context.services.catalog.remove_policy(context.target));
  return json_reply(200, [&](json::Writer& out) { out.begin_object().member("removed", context.target).end_object(); });
}

Result<Reply> history(Context& context) {
  CG_TRY(auto versions, context.services.catalog.policy_history(context.parameter("policy")));
  return list_reply(
      context, versions, [](const auto& v) { return std::to_string(v.version); },
      [](json::Writer& out, const auto& v) { write_version(out, v, false); });
}

Result<Reply> diff(Context& context) {
  const std::string& name = context.parameter("policy");
  CG_TRY(auto from, version_asked(context, "from"));
  CG_TRY(auto to, version_asked(context, "to"));
  CG_TRY(auto newer, context.services.catalog.policy(name, to));
  std::string old_text;
  if (!from) from = newer.version - 1;
  if (*from > 0) {
    CG_TRY(auto older, context.services.catalog.policy(name, from));
    old_text = older.text;
  }
  return json_reply(200, [&](json::Writer& out) {
    out.begin_object().member("name", name).member("from", *from).member("to", newer.version);
    out.member("diff", policy::diff(old_text, newer.text)).end_object();
  });
}

Result<Reply> rollback(Context& context) {
  context.target = context.parameter("policy");
  auto to = number_of(context.body, "to");
  CG_TRY(auto stored, context.services.catalog.rollback_policy(context.target, to.value_or(0), context.caller.principal.name,
                                                               text_of(context.body, "reason")));
  context.facts = "{\"version\":" + std::to_string(stored.version) + "}";
  return version_reply(200, stored, false);
}

Result<Reply> check(Context& context) {
  auto checked = check_text("draft", context.body["text"].string());
  return json_reply(200, [&](json::Writer& out) {
    out.begin_object().member("ok", checked.ok);
    write_checked(out, checked);
    out.end_object();
  });
}

Result<Reply> test(Context& context) {
  CG_TRY(auto stored, context.services.catalog.policy(context.parameter("policy"), std::nullopt));
  auto checked = check_text(stored.name, stored.text);
  return json_reply(200, [&](json::Writer& out) {
    out.begin_object().member("ok", checked.ok).member("name", stored.name).member("version", stored.version);
    write_checked(out, checked);
    out.end_object();
  });
}

Result<Reply> schema(Context&) {
  Reply reply;
  reply.body = policy::json_schema();
  reply.content_type = "application/schema+json";
  return reply;
}

void add_promotion(std::vector<Route>& routes) {
  routes.push_back({"POST",
                    "/api/v1/policies/{policy}/promote",
                    "policy.promote",
                    Access::Write,
                    "Make a rule in shadow mode count, or the whole document, as a new version",
                    promote,
                    {{"rule", Shape::Text, false, "JSON pointer of the rule; default: the document's own mode"},
                     {"reason", Shape::Text, false, "why, for the history"},
                     {"expected_version", Shape::Number, false, "refuse when the newest version is another"},
                     {"dry_run", Shape::Flag, false, "check, test and diff only"}},
                    {},
                    true,
                    true});
}

}  // namespace

void add_policy_routes(std::vector<Route>& routes) {
  constexpr std::string_view path = "/api/v1/policies/{policy}";
  routes.push_back({"GET",
                    "/api/v1/policies",
                    "policy.list",
                    Access::Read,
                    "List policies, newest version of each",
                    list,
                    {},
                    {kLimitRule, kCursorRule}});
  routes.push_back({"PUT",
                    path,
                    "policy.put",
                    Access::Write,
                    "Store a new version; checked and tested first",
                    put,
                    {{"text", Shape::Text, true, "the document, YAML or JSON, kept as written", Keep::Bulky},
                     {"reason", Shape::Text, false, "why, for the history"},
                     {"expected_version", Shape::Number, false, "refuse when the newest version is another; 0: must be new"},
                     {"dry_run", Shape::Flag, false, "check, test and diff only"}},
                    {},
                    true,
                    true});
  routes.push_back({"GET",
                    path,
                    "policy.show",
                    Access::Read,
                    "Show a policy with its text",
                    show,
                    {},
                    {{"version", Shape::Number, false, "default: the newest"}}});
  routes.push_back({"DELETE", path, "policy.remove", Access::Write, "Remove a policy that nothing uses", remove, {}, {}, true, true});
  routes.push_back({"GET",
                    "/api/v1/policies/{policy}/history",
                    "policy.history",
                    Access::Read,
                    "All versions, newest first",
                    history,
                    {},
                    {kLimitRule, kCursorRule}});
  routes.push_back({"GET",
                    "/api/v1/policies/{policy}/diff",
                    "policy.diff",
                    Access::Read,
                    "Unified diff of two versions",
                    diff,
                    {},
                    {{"from", Shape::Number, false, "default: the one before `to`"}, {"to", Shape::Number, false, "default: the newest"}}});
  routes.push_back({"POST",
                    "/api/v1/policies/{policy}/rollback",
                    "policy.rollback",
                    Access::Write,
                    "Make an old text the newest version",
                    rollback,
                    {{"to", Shape::Number, true, "version to return to"}, {"reason", Shape::Text, false, "why, for the history"}},
                    {},
                    true,
                    true});
  add_promotion(routes);
  routes.push_back({"POST", "/api/v1/policies/{policy}/test", "policy.test", Access::Read, "Run the document's own tests", test});
  routes.push_back({"POST",
                    "/api/v1/policy-check",
                    "policy.check",
                    Access::Signed,
                    "Check a document and run its tests, storing nothing",
                    check,
                    {{"text", Shape::Text, true, "the document", Keep::Bulky}}});
  routes.push_back({"GET", "/api/v1/policy-schema", "policy.schema", Access::Public, "JSON Schema of the document", schema});
}

}  // namespace callgate::admin
