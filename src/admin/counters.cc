// Counters of the limits: how full they are, and starting one afresh.
#include "admin/reply.h"
#include "admin/route.h"

namespace callgate::admin {
namespace {

std::string_view window_name(policy::Window window) {
  switch (window) {
    case policy::Window::Minute: return "minute";
    case policy::Window::Hour: return "hour";
    case policy::Window::Day: return "day";
  }
  return "day";
}

std::string_view kind_name(policy::WindowKind kind) {
  switch (kind) {
    case policy::WindowKind::Calendar: return "calendar";
    case policy::WindowKind::Sliding: return "sliding";
    case policy::WindowKind::TokenBucket: return "token_bucket";
  }
  return "calendar";
}

Result<Reply> list(Context& context) {
  auto counters = context.services.counters.list(context.ask("prefix"), 10'000);
  return list_reply(
      context, counters,
      [](const auto& c) { return c.key + "/" + std::string(window_name(c.window)) + "/" + std::string(kind_name(c.kind)); },
      [](json::Writer& out, const limits::CounterState& c) {
        out.begin_object().member("key", c.key).member("window", window_name(c.window)).member("kind", kind_name(c.kind));
        write_time(out, "window_start", c.window_start);
        out.member("used", c.used.text()).end_object();
      });
}

Result<Reply> reset(Context& context) {
  context.target = text_of(context.body, "key");
  CG_TRY(bool known, context.services.counters.reset(context.target));
  if (!known) return fail(Code::NotFound, "limits.no_counter", "there is no such counter; `callgate counter ls` lists what there is");
  return json_reply(200, [&](json::Writer& out) { out.begin_object().member("reset", context.target).end_object(); });
}

}  // namespace

void add_counter_routes(std::vector<Route>& routes) {
  routes.push_back({"GET",
                    "/api/v1/counters",
                    "counter.list",
                    Access::Read,
                    "List counters of open windows",
                    list,
                    {},
                    {{"prefix", Shape::Text, false, "keys that start with this"}, kLimitRule, kCursorRule}});
  routes.push_back({"POST",
                    "/api/v1/counters/reset",
                    "counter.reset",
                    Access::Write,
                    "Set a counter to zero",
                    reset,
                    {{"key", Shape::Text, true, "the counter's key"}},
                    {},
                    true,
                    false});
}

}  // namespace callgate::admin
