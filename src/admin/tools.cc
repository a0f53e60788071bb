// Tools: what the last probe of each server saw.
#include "admin/reply.h"
#include "admin/route.h"

namespace callgate::admin {
namespace {

std::string key_of(const Tool& tool) { return tool.server_id + "/" + tool.name; }

Result<Reply> list_all(Context& context) {
  std::string id;
  if (auto name = context.ask("server"); !name.empty()) {
    CG_TRY(auto server, context.services.catalog.server(name));
    id = server.id;
  }
  CG_TRY(auto tools, context.services.catalog.tools(id));
  CG_TRY(auto names, names_of(context.services));
  return list_reply(context, tools, key_of,
                    [&](json::Writer& out, const Tool& tool) { write_tool(out, tool, false, names.servers[tool.server_id]); });
}

Result<Reply> list_of_server(Context& context) {
  CG_TRY(auto server, context.services.catalog.server(context.parameter("server")));
  CG_TRY(auto tools, context.services.catalog.tools(server.id));
  return list_reply(context, tools, key_of, [&](json::Writer& out, const Tool& tool) { write_tool(out, tool, false, server.slug); });
}

Result<Reply> show(Context& context) {
  CG_TRY(auto server, context.services.catalog.server(context.parameter("server")));
  CG_TRY(auto tools, context.services.catalog.tools(server.id));
  for (const auto& tool : tools)
    if (tool.name == context.parameter("tool"))
      return json_reply(200, [&](json::Writer& out) { write_tool(out, tool, true, server.slug); });
  return fail(Code::NotFound, "catalog.no_tool",
              "server `" + server.slug + "` has no such tool; `callgate server probe " + server.slug + "` reads its list again");
}

}  // namespace

void add_tool_routes(std::vector<Route>& routes) {
  routes.push_back({"GET",
                    "/api/v1/tools",
                    "tool.list",
                    Access::Read,
                    "List tools of all servers",
                    list_all,
                    {},
                    {{"server", Shape::Text, false, "only this server, by id or slug"}, kLimitRule, kCursorRule}});
  routes.push_back({"GET",
                    "/api/v1/servers/{server}/tools",
                    "server.tools",
                    Access::Read,
                    "List tools of a server",
                    list_of_server,
                    {},
                    {kLimitRule, kCursorRule}});
  routes.push_back({"GET", "/api/v1/servers/{server}/tools/{tool}", "tool.show", Access::Read, "Show a tool with its definition", show});
}

}  // namespace callgate::admin
