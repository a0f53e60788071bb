#include "backtest/scene.h"

#include "model/captured.h"

namespace callgate::backtest {

void Scene::set(const RecordedCall& call, const Today& today) {
  principal_.id = call.principal_id;
  principal_.name = call.principal;
  principal_.kind = call.principal_kind;
  principal_.owner_id = today.principal ? today.principal->owner_id : std::string();
  grant_.id = call.grant;
  grant_.label = call.grant_label;
  grant_.role = today.grant ? today.grant->role : std::string();
  server_.id = call.server_id;
  server_.slug = call.server;
  server_.name = today.server ? today.server->name : std::string();
  server_.labels = today.server ? today.server->labels : std::vector<std::string>();
  bool kept = !call.arguments.empty() && arguments_.parse(call.arguments).has_value() && !left_out(arguments_.root());
  named = read_captured(call.tool).known();
  whole = kept && captured_whole(arguments_.root());
  input = {};
  input.method = call.method;
  input.tool = call.tool;
  if (kept) input.arguments = arguments_.root();
  input.principal = &principal_;
  input.grant = &grant_;
  input.server = &server_;
  input.session_id = call.session;
  input.client = call.client;
  input.stated_reason = call.stated_reason;
  if (today.risk) input.tool_risk = *today.risk;
  input.now = call.time;
  unknown = {!kept, !today.principal, !today.grant, !today.server, !today.risk && call.method == "tools/call"};
}

}  // namespace callgate::backtest
