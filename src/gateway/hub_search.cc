// Tool search at the shared endpoint: a short list, a search in what the grant may see, and calls by the names it found.

#include <charconv>

#include "gateway/hub_question.h"
#include "gateway/tool_search.h"
#include "gateway/worker.h"

namespace callgate::gateway {
namespace {

constexpr std::size_t kFoundDefault = 8, kFoundMax = 50;
constexpr std::size_t kFoundBytesMax = 256 * 1024;  // of descriptions in one answer; the first is always told

}  // namespace

bool Hub::Question::searching() {
  std::size_t above = worker_.rooms().options.shared_search_above;
  return above > 0 && hub_.names_for(*caller_.snapshot, *caller_.grant).all().size() > above;
}

void Hub::Question::list_search() {
  std::string body, tools;
  append_search_list(tools, hub_.names_for(*caller_.snapshot, *caller_.grant), shared_servers(*caller_.snapshot->catalog, *caller_.grant));
  json::Writer writer(body);
  writer.begin_object().member("jsonrpc", "2.0").key("id").raw(message_.id.raw()).key("result").begin_object();
  writer.member("resultType", "complete").key("tools").raw(tools);
  writer.member("ttlMs", std::int64_t{0}).member("cacheScope", "private").end_object().end_object();
  answer(body);
}

void Hub::Question::search() {
  json::Value arguments = message_.params["arguments"], query = arguments["query"], wanted = arguments["limit"];
  std::size_t limit = kFoundDefault, total = 0;
  if (wanted.exists()) {
    std::string_view text = wanted.number();
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
    if (error != std::errc() || end != text.data() + text.size() || limit == 0 || limit > kFoundMax)
      return answer_error(session::kInvalidParams, "search_tools needs `limit` to be a whole number from 1 to 50, or none");
  }
  if (!query.is_string()) return answer_error(session::kInvalidParams, "search_tools needs `query`, a text");
  list_ = "tools";
  std::string found;
  json::Writer result(found);
  result.begin_object().key("tools").begin_array();
  std::size_t bytes = 0;
  json::Document definition;
  for (const FoundTool& tool : search_tools(hub_.names_for(*caller_.snapshot, *caller_.grant), query.string(), limit, total)) {
    const catalog::ToolText* text = tool.tool->server->text(tool.tool->tool);
    std::string item;
    const policy::Policy* policy = policy_for(*caller_.snapshot->catalog, *caller_.grant, *tool.tool->server);
    const Visibility who{caller_.grant, tool.tool->server, policy};
    if (policy == nullptr || worker_.withholds(caller_.snapshot, who, tool.tool->tool)) {
      --total;
      continue;
    }
    if (text != nullptr && definition.parse(text->definition) && definition.root()["name"].is_string()) {
      auto shown = shown_definition(worker_.inspector(*caller_.snapshot), *policy, tool.tool->tool, definition.root());
      if (!shown || (!shown->empty() && !definition.parse(*shown))) continue;
      item = shared_item(*tool.tool->server, definition.root());
    }
    if (item.empty()) json::Writer(item).begin_object().member("name", tool.shared_name).end_object();
    if (bytes > 0 && bytes + item.size() > kFoundBytesMax) break;
    bytes += item.size();
    result.raw(item);
  }
  result.end_array().member("total", static_cast<std::int64_t>(total)).end_object();
  std::string body;
  json::Writer writer(body);
  writer.begin_object().member("jsonrpc", "2.0").key("id").raw(message_.id.raw()).key("result").begin_object();
  writer.member("resultType", "complete").key("content").begin_array().begin_object().member("type", "text").member("text", found);
  writer.end_object().end_array().key("structuredContent").raw(found).end_object().end_object();
  answer(body);
}

void Hub::Question::call_found() {
  json::Value outer = message_.params["arguments"];
  arguments_ = outer["arguments"];
  if (!outer["name"].is_string() || (arguments_.exists() && !arguments_.is_object()))
    return answer_error(session::kInvalidParams, "call_tool needs `name`, a text, and `arguments`, an object");
  call(outer["name"].string());
}

}  // namespace callgate::gateway
