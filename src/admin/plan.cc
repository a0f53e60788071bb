// Plan and apply: configuration as files in git. The command line reads the directory; this judges and carries out.
#include "admin/bundle.h"
#include "admin/parse.h"
#include "admin/reply.h"

namespace callgate::admin {
namespace {

std::string_view change_name(Change change) {
  switch (change) {
    case Change::Add: return "add";
    case Change::Edit: return "change";
    case Change::Remove: return "remove";
  }
  return "change";
}

// Without lines in records: a line may hold a whole document.
void write_steps(json::Writer& out, const Bundle& bundle, bool lines) {
  std::int64_t adds = 0, changes = 0, removes = 0;
  out.key("steps").begin_array();
  for (const auto& step : bundle.steps()) {
    (step.change == Change::Add ? adds : step.change == Change::Edit ? changes : removes)++;
    out.begin_object().member("change", change_name(step.change)).member("kind", step.kind).member("name", step.name);
    if (lines) write_texts(out, "lines", step.lines);
    out.end_object();
  }
  out.end_array().member("adds", adds).member("changes", changes).member("removes", removes);
}

Reply refused_bundle(const Bundle& bundle) {
  std::string extra = "\"problems\":";
  json::Writer out(extra);
  out.begin_array();
  for (const auto& problem : bundle.problems())
    out.begin_object()
        .member("where", problem.where)
        .member("line", static_cast<std::int64_t>(problem.line))
        .member("message", problem.message)
        .end_object();
  out.end_array();
  const auto& first = bundle.problems().front();
  Error error{Code::InvalidArgument, "admin.bundle", first.where + ": " + first.message, ""};
  return error_reply(error, "nothing was changed; correct the files and plan again", extra);
}

Result<Reply> plan(Context& context) {
  Bundle bundle(context);
  CG_CHECK(bundle.plan());
  if (!bundle.problems().empty()) return refused_bundle(bundle);
  return json_reply(200, [&](json::Writer& out) {
    out.begin_object();
    write_steps(out, bundle, true);
    out.end_object();
  });
}

void probe_servers(Context& context, const Bundle& bundle, json::Writer& out) {
  out.key("probes").begin_array();
  if (flag_of(context.body, "probe", true))
    for (const auto& server : bundle.servers_to_probe()) {
      auto credentials = context.services.catalog.credentials(server.id);
      if (!credentials) continue;
      auto report = context.probe(server, *credentials);
      for (auto& tool : report.tools) tool.server_id = server.id;
      if (report.ok)
        report.ok = context.services.catalog.put_seen(server.id, {report.tools, report.parts, report.kinds_told, report.eras}).has_value();
      out.begin_object().member("server", server.slug).key("probe");
      write_probe(out, report);
      out.end_object();
    }
  out.end_array();
}

Result<Reply> apply(Context& context) {
  context.target = "bundle";
  Bundle bundle(context);
  CG_CHECK(bundle.plan());
  if (!bundle.problems().empty()) {
    context.changed = false;
    return refused_bundle(bundle);
  }
  CG_CHECK(bundle.apply());
  context.changed = !bundle.steps().empty();
  // What was applied counts from here on, revocations among it, however long the probes take.
  if (context.changed) {
    if (auto published = context.services.republish(); !published)
      return fail(Code::Unavailable, "admin.not_published",
                  "saved, but the running gate still uses the configuration before it: " + published.error().message);
  }
  json::Writer facts(context.facts);
  facts.begin_object();
  write_steps(facts, bundle, false);
  facts.end_object();
  CG_TRY(auto names, names_of(context.services));
  Result<void> written;
  Reply reply = json_reply(200, [&](json::Writer& out) {
    out.begin_object().member("applied", true);
    write_steps(out, bundle, true);
    probe_servers(context, bundle, out);
    out.key("minted").begin_array();
    for (const auto& minted : bundle.minted()) {
      out.begin_object().key("grant");
      write_grant(out, minted.grant, context.now(), names);
      out.member("token", minted.token.reveal());
      auto servers = servers_of(context.services, minted.grant, 20);
      if (servers) written = write_setup(out, context, *servers, minted.token.reveal(), "claude-code");
      out.end_object();
    }
    out.end_array().end_object();
  });
  CG_CHECK(written);
  return reply;
}

}  // namespace

void add_plan_routes(std::vector<Route>& routes) {
  routes.push_back({"POST", "/api/v1/plan", "bundle.plan", Access::Read, "What applying this bundle would change", plan, bundle_fields()});
  routes.push_back({"POST",
                    "/api/v1/apply",
                    "bundle.apply",
                    Access::Write,
                    "Check everything, then change what differs, all or nothing",
                    apply,
                    bundle_fields(),
                    {},
                    true,
                    true});
}

}  // namespace callgate::admin
