// Explain: what would this call get, rule by rule. Nothing is counted, sent or stored.
#include "admin/parse.h"
#include "admin/past.h"
#include "admin/reply.h"
#include "admin/route.h"
#include "policy/policy.h"

namespace callgate::admin {
namespace {

struct Scene {
  std::optional<Principal> principal;
  std::optional<Grant> grant;
  std::optional<Server> server;
  std::string policy_name, policy_text;
  std::int64_t version = 0;
};

Result<Scene> set_scene(Context& context) {
  Scene scene;
  auto& services = context.services;
  if (auto name = text_of(context.body, "grant"); !name.empty()) {
    CG_TRY(scene.grant, services.identity.grant(name));
    CG_TRY(scene.principal, services.identity.principal(scene.grant->principal_id));
  }
  if (auto name = text_of(context.body, "principal"); !name.empty()) {
    CG_TRY(scene.principal, services.identity.principal(name));
  }
  if (auto name = text_of(context.body, "server"); !name.empty()) {
    CG_TRY(scene.server, services.catalog.server(name));
  }
  scene.policy_text = text_of(context.body, "text");
  scene.policy_name = text_of(context.body, "policy");
  if (!scene.policy_text.empty()) return scene;
  if (scene.policy_name.empty() && scene.grant) scene.policy_name = scene.grant->policy;
  if (scene.policy_name.empty() && scene.server) scene.policy_name = scene.server->policy;
  if (scene.policy_name.empty())
    return fail(Code::InvalidArgument, "admin.missing_field",
                "name a `policy`, give a `text`, or name a `grant` or `server` that has a policy");
  CG_TRY(auto stored, services.catalog.policy(scene.policy_name, std::nullopt));
  scene.policy_text = stored.text;
  scene.version = stored.version;
  return scene;
}

// What the session has seen before the call: as it was asked, else what the grant has seen by now.
policy::FlowState seen_before(Context& context, const Scene& scene, WallTime now) {
  auto labels = texts_of(context.body, "seen"), tools = texts_of(context.body, "after");
  if (labels.empty() && tools.empty() && scene.grant && context.services.flows != nullptr)
    return *context.services.flows->look({scene.grant->id, {}}, now);
  policy::FlowState state;
  std::vector<std::string_view> names(labels.begin(), labels.end());
  if (!names.empty()) state.add({names, {}, {}, true}, now);
  for (const std::string& tool : tools) state.add({{}, tool.find('/') == std::string::npos ? "/" + tool : tool, {}, true}, now);
  return state;
}

Result<Reply> explain(Context& context) {
  CG_TRY(auto scene, set_scene(context));
  auto compiled = policy::Policy::compile(scene.policy_name, scene.version, scene.policy_text);
  if (!compiled.policy) return refused_draft(compiled.problems);
  policy::Input input;
  std::string tool = text_of(context.body, "tool"), method = text_of(context.body, "method"), reason = text_of(context.body, "reason");
  std::string client = text_of(context.body, "client"), session = text_of(context.body, "session");
  input.method = method.empty() ? "tools/call" : std::string_view(method);
  input.tool = tool;
  input.arguments = context.body["arguments"];
  input.stated_reason = reason;
  input.client = client;
  input.session_id = session;
  input.principal = scene.principal ? &*scene.principal : nullptr;
  input.grant = scene.grant ? &*scene.grant : nullptr;
  input.server = scene.server ? &*scene.server : nullptr;
  std::string risk;
  if (scene.server && input.method == "tools/call")
    if (auto known = context.services.catalog.pinned_tool(scene.server->id, tool)) risk = risk::class_name(known->risk);
  input.tool_risk = risk;
  input.now = context.now();
  if (auto when = context.body["now"].string(); !when.empty()) {
    auto time = parse_time(when);
    if (!time) return fail(Code::InvalidArgument, "admin.time", "`now` must be a time such as 2026-07-28T09:00:00Z");
    input.now = *time;
  }
  policy::FlowState flow = seen_before(context, scene, input.now);
  input.flow = &flow;
  auto explanation = compiled.policy->explain(input);
  return json_reply(200, [&](json::Writer& out) {
    out.begin_object().member("policy", scene.policy_name).member("version", scene.version).member("tool", tool);
    write_explanation(out, explanation);
    out.end_object();
  });
}

}  // namespace

void add_simulation_routes(std::vector<Route>& routes) {
  routes.push_back({"POST",
                    "/api/v1/policy-explain",
                    "policy.explain",
                    Access::Read,
                    "What a call would get, rule by rule; nothing is counted",
                    explain,
                    {{"tool", Shape::Text, true, "tool to call"},
                     {"arguments", Shape::Object, false, "its arguments", Keep::Bulky},
                     {"policy", Shape::Text, false, "stored policy; default: the grant's, else the server's"},
                     {"text", Shape::Text, false, "a draft instead of a stored policy", Keep::Bulky},
                     {"grant", Shape::Text, false, "call as this grant"},
                     {"principal", Shape::Text, false, "call as this user or robot"},
                     {"server", Shape::Text, false, "call on this server"},
                     {"method", Shape::Text, false, "default tools/call"},
                     {"reason", Shape::Text, false, "the caller's stated reason"},
                     {"client", Shape::Text, false, "client name"},
                     {"session", Shape::Text, false, "session id"},
                     {"seen", Shape::Texts, false, "labels the session has seen; without this and `after`: what the grant has seen by now"},
                     {"after", Shape::Texts, false, "tools it has called, as TOOL or server/TOOL"},
                     {"now", Shape::Text, false, "at this time; default now"}}});
}

}  // namespace callgate::admin
