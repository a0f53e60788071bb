// What sessions have seen, and forgetting it. Values that bind a session are shown as digests only.
#include "flows/flows.h"

#include "admin/reply.h"
#include "admin/route.h"

namespace callgate::admin {
namespace {

constexpr std::size_t kListed = 10'000;

Result<flows::Flows*> room_of(Context& context) {
  if (context.services.flows == nullptr) return fail(Code::Unavailable, "flows.unavailable", "this gate keeps no account of sessions");
  return context.services.flows;
}

void write_marks(json::Writer& out, std::string_view name, const std::vector<policy::FlowMark>& marks) {
  out.key(name).begin_array();
  for (const policy::FlowMark& mark : marks) {
    out.begin_object().member("name", mark.name).member("count", static_cast<std::int64_t>(mark.count));
    write_time(out, "last", mark.last);
    out.end_object();
  }
  out.end_array();
}

void write_flow(json::Writer& out, const flows::Entry& entry) {
  const policy::FlowState& state = *entry.state;
  std::vector<std::string> labels;
  for (const policy::FlowMark& mark : state.labels) labels.push_back(mark.name);
  out.begin_object().member("grant_id", entry.grant).member("part", entry.part).member("unknown", state.unknown);
  write_texts(out, "labels", labels);
  out.member("calls", static_cast<std::int64_t>(state.calls));
  write_time(out, "begun", state.begun);
  write_time(out, "last", state.last);
  write_marks(out, "seen", state.labels);
  write_marks(out, "tools", state.tools);
  out.key("bound").begin_object();
  for (const policy::FlowBinding& one : state.bound) out.member(one.rule, one.value);
  out.end_object().end_object();
}

Result<Reply> list(Context& context) {
  CG_TRY(flows::Flows * room, room_of(context));
  return list_reply(
      context, room->list({}, context.now(), kListed), [](const flows::Entry& e) { return e.grant + "/" + e.part; }, write_flow);
}

Result<Reply> show(Context& context) {
  CG_TRY(flows::Flows * room, room_of(context));
  CG_TRY(auto grant, context.services.identity.grant(context.parameter("grant")));
  auto entries = room->list(grant.id, context.now(), kListed);
  return json_reply(200, [&](json::Writer& out) {
    out.begin_object().member("grant_id", grant.id).member("grant", grant.label).key("items").begin_array();
    for (const flows::Entry& entry : entries) write_flow(out, entry);
    out.end_array().end_object();
  });
}

Result<Reply> clear(Context& context) {
  CG_TRY(flows::Flows * room, room_of(context));
  CG_TRY(auto grant, context.services.identity.grant(context.parameter("grant")));
  context.target = grant.id;
  std::size_t count = room->clear(grant.id, context.now());
  if (context.services.save_flows) CG_CHECK(context.services.save_flows());
  return json_reply(200, [&](json::Writer& out) {
    out.begin_object().member("grant_id", grant.id).member("cleared", static_cast<std::int64_t>(count)).end_object();
  });
}

}  // namespace

void add_flow_routes(std::vector<Route>& routes) {
  routes.push_back(
      {"GET", "/api/v1/flows", "flow.list", Access::Read, "List what sessions have seen", list, {}, {kLimitRule, kCursorRule}});
  routes.push_back({"GET", "/api/v1/flows/{grant}", "flow.show", Access::Read, "Show what the sessions of a grant have seen", show});
  routes.push_back({"DELETE",
                    "/api/v1/flows/{grant}",
                    "flow.clear",
                    Access::Write,
                    "Forget what the sessions of a grant have seen",
                    clear,
                    {},
                    {},
                    true,
                    false});
}

}  // namespace callgate::admin
