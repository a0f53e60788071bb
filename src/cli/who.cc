// policy who: who can call a tool.
#include "cli/output.h"
#include "cli/policy_words.h"
#include "cli/session.h"

namespace callgate::cli {
namespace {

const std::vector<Column> kColumns = {{"VERDICT", "verdict"},     {"GRANT", "label"},        {"WHO", "principal"},
                                      {"POLICY", "policy"},       {"RULE", "rule"},          {"DEPENDS ON", "depends_on"},
                                      {"ROLE", "role"},           {"EXPIRES", "expires_at"}, {"NETWORKS", "networks", true},
                                      {"REASON", "reason", true}, {"LINE", "line", true},    {"ID", "grant", true}};

int who(Session& session, const Args& args) {
  std::string body;
  json::Writer out(body);
  out.begin_object();
  put_texts(out, args, {{"SERVER", "server"}, {"TOOL", "tool"}, {"--verdict", "verdict"}});
  json::Document arguments;
  if (args.given("--args")) {
    auto text = read_arguments(args.text("--args"));
    if (!text) return session.fail_with(text.error());
    if (auto parsed = arguments.parse(*text); !parsed) return session.usage("--args: " + parsed.error().message);
    if (!arguments.root().is_object()) return session.usage("--args must be a JSON object, as in '{\"amount\": 50}'");
    out.key("arguments").raw(arguments.canonical());
  }
  out.end_object();
  std::string items, cursor;
  Answer all;
  std::string head;
  do {
    auto answer = session.call("POST", "/policy-who" + query_of({{"limit", "1000"}, {"cursor", cursor}}), body);
    if (!answer) return session.fail_with(answer.error());
    if (!answer->ok()) return session.fail_with(*answer);
    json::Value root = answer->root();
    auto raw = root["items"].raw();
    if (raw.size() > 2) (items += items.empty() ? "" : ",") += raw.substr(1, raw.size() - 2);
    cursor = root["next"].string();
    if (!head.empty()) continue;
    head = "\"server\":" + std::string(root["server"].raw()) + ",\"tool\":" + std::string(root["tool"].raw()) +
           ",\"totals\":" + std::string(root["totals"].raw());
    if (!root["listed"].is(json::Kind::True)) session.note("the server does not list this tool: nobody can call it while that is so");
    if (root["disabled"].is(json::Kind::True)) session.note("the server is switched off: nobody can call it while that is so");
    std::string told;
    root["totals"].for_each_member([&](std::string_view name, json::Value count) {
      if (cell_text(count) != "0") told += (told.empty() ? "" : ", ") + cell_text(count) + " " + std::string(name);
    });
    session.note(told.empty() ? "no live grant reaches this server" : told);
  } while (!cursor.empty());
  all.body = "{" + head + ",\"items\":[" + items + "]}";
  json::Caps caps;
  caps.bytes_max = 256 * 1024 * 1024;
  caps.values_max = 50'000'000;
  if (auto parsed = all.document->parse(all.body, caps); !parsed) return session.fail_with(parsed.error());
  return show_list(session, all, "grant", kColumns);
}

}  // namespace

void add_who_commands(std::vector<Command>& commands) {
  commands.push_back(
      {"policy who",
       "who can call a tool, by the policies of today",
       {"callgate policy who refunds refund_payment", "callgate policy who refunds refund_payment --args '{\"amount\": 5000}'",
        "callgate policy who refunds delete_customer --verdict allow"},
       {positional("SERVER", "server"),
        positional("TOOL", "tool"),
        {"--args", "its arguments, or @FILE; without them a verdict may depend on them", Takes::One, false, "JSON"},
        {"--verdict", "list only these", Takes::One, false, "VERDICT", "allow|ask|depends|deny|hidden"}},
       who,
       "Limits are not counted, and inspection is not made: a call may still be refused for what it holds or how many went before."});
}

}  // namespace callgate::cli
