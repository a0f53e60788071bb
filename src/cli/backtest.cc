// policy backtest: what a draft would have made of the recorded calls.
#include <poll.h>

#include <algorithm>
#include <charconv>

#include "cli/output.h"
#include "cli/policy_words.h"
#include "cli/session.h"
#include "cli/stop_signal.h"

namespace callgate::cli {
namespace {

constexpr std::string_view kChangeNames[] = {"newly_denied", "newly_asked", "newly_hidden", "newly_allowed",
                                             "other_rule",   "unchanged",   "undecided",    "outside"};
constexpr std::string_view kChangeWords[] = {
    "newly denied",     "newly asked about",         "newly hidden", "newly allowed", "refused as before, by another rule", "unchanged",
    "cannot be judged", "refused before the policy",
};

std::uint64_t number(json::Value value) {
  std::uint64_t out = 0;
  std::string_view text = value.number();
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

std::string body_of(const Args& args, const std::string& text) {
  std::string body;
  json::Writer out(body);
  out.begin_object();
  if (!text.empty()) out.member("text", std::string_view(text));
  if (args.given("--version")) out.key("version").raw(args.text("--version"));
  out.member("since", std::string_view(args.text("--since", "30d")));
  put_texts(out, args, {{"--until", "until"}, {"--user", "principal"}, {"--grant", "grant"}, {"--server", "server"}, {"--tool", "tool"}});
  out.end_object();
  return body;
}

// Looks at the run until it has ended; an interrupt cancels it.
Result<Answer> wait(Session& session, const std::string& path) {
  StopSignal stop;
  bool interrupted = false;
  std::uint64_t told = 0;
  for (;;) {
    CG_TRY(auto answer, session.call("GET", path));
    if (!answer.ok() || answer.root()["state"].string() != "running") return answer;
    std::uint64_t read = number(answer.root()["read"]);
    if (read >= told + 100'000) {
      told = read;
      session.note(std::to_string(read) + " records read, at " + cell_text(answer.root()["position"]) + " of " +
                   cell_text(answer.root()["head"]));
    }
    pollfd one{interrupted ? -1 : stop.fd(), POLLIN, 0};
    if (::poll(&one, 1, 200) <= 0) continue;
    interrupted = true;
    (void)session.call("DELETE", path);
  }
}

}  // namespace

Result<Answer> run_backtest(Session& session, std::string_view policy, std::string_view body) {
  CG_TRY(auto started, session.call("POST", "/policies/" + encoded(policy) + "/backtests", body));
  if (!started.ok()) return started;
  return wait(session, "/backtests/" + encoded(started.root()["id"].string()));
}

namespace {

// The rows of one table in which anything changes.
void print_table(Session& session, json::Value rows, std::string_view column, std::string_view title) {
  std::vector<std::vector<std::string>> table{{std::string(title), "DENIED", "ASKED", "HIDDEN", "ALLOWED", "UNDECIDED"}};
  rows.for_each_element([&](json::Value row) {
    std::vector<std::string> cells{terminal_safe(row[column].string())};
    bool any = false;
    for (std::string_view name : {"newly_denied", "newly_asked", "newly_hidden", "newly_allowed", "undecided"}) {
      std::string count = cell_text(row[name]);
      any = any || count != "0";
      cells.push_back(count == "0" ? "" : "+" + count);
    }
    if (cells.back().starts_with('+')) cells.back().erase(0, 1);
    if (any && table.size() <= 20) table.push_back(std::move(cells));
  });
  if (table.size() > 1) session.out("\n" + table_of(table, session.color));
}

void print_reasons(Session& session, json::Value rows, std::string_view column, std::string_view title) {
  if (rows.size() == 0) return;
  std::vector<std::vector<std::string>> table{{std::string(title), "CALLS"}};
  rows.for_each_element([&](json::Value row) {
    if (table.size() <= 20) table.push_back({terminal_safe(row[column].string()), cell_text(row["calls"])});
  });
  session.out("\n" + table_of(table, session.color));
}

std::string verdict_of(json::Value side) {
  std::string out(side["verdict"].string());
  if (auto rule = side["rule"].string(); !rule.empty()) (out += " by ") += rule;
  return terminal_safe(out);
}

void print_changes(Session& session, json::Value items) {
  if (items.size() == 0) return;
  std::vector<std::vector<std::string>> table{{"SEQ", "TIME", "WHO", "GRANT", "SERVER", "TOOL", "WAS", "WOULD BE", "WHY"}};
  items.for_each_element([&](json::Value item) {
    auto& row = table.emplace_back();
    for (std::string_view name : {"sequence", "time", "principal", "grant_label", "server", "tool"})
      row.push_back(terminal_safe(cell_text(item[name])));
    row.push_back(verdict_of(item["was"]));
    row.push_back(verdict_of(item["now"]));
    row.push_back(terminal_safe(item["why"].string()));
  });
  session.out("\n" + table_of(table, session.color));
}

void print(Session& session, json::Value run, json::Value items, std::size_t most) {
  json::Value report = run["report"];
  session.out(cell_text(report["judged"]) + " calls judged, " + cell_text(run["since"]) + " to " +
              (cell_text(run["until"]).empty() ? "now" : cell_text(run["until"])) + "\n\n");
  std::vector<std::vector<std::string>> table{{"CALLS", "WOULD BE"}};
  for (std::size_t i = 0; i < std::size(kChangeNames); ++i)
    if (auto count = cell_text(report["total"][kChangeNames[i]]); count != "0") table.push_back({count, std::string(kChangeWords[i])});
  session.out(table_of(table, session.color));
  print_table(session, report["by_rule"], "rule", "BY RULE");
  print_table(session, report["by_tool"], "tool", "BY TOOL");
  print_table(session, report["by_principal"], "principal", "BY CALLER");
  print_table(session, report["by_grant"], "grant", "BY GRANT");
  print_reasons(session, report["undecided"], "why", "CANNOT BE JUDGED, BECAUSE");
  print_reasons(session, report["outside"], "reason", "REFUSED BEFORE THE POLICY");
  print_reasons(session, report["shadow"], "rule", "RULES THAT WOULD HAVE ACTED IN SHADOW MODE");
  print_changes(session, items);
  if (items.size() >= most) session.note("only the first " + std::to_string(most) + " changes are listed; --limit shows more");
  report["notes"].for_each_element([&](json::Value note) { session.note("note: " + terminal_safe(note.string())); });
}

// kChanges when something happened that --fail-on names.
int verdict(Session& session, const Args& args, json::Value total) {
  int code = kOk;
  for (std::string name : args.list("--fail-on")) {
    std::string wanted = name;
    std::replace(wanted.begin(), wanted.end(), '-', '_');
    std::uint64_t count = 0;
    for (std::string_view change : kChangeNames)
      if (change == wanted || (wanted == "any_change" && change.starts_with("newly_"))) count += number(total[change]);
    if (count == 0) continue;
    session.note(std::to_string(count) + " calls: " + name);
    code = kChanges;
  }
  return code;
}

int backtest(Session& session, const Args& args) {
  std::string what = args.text("DRAFT"), text, policy = args.text("--policy");
  if (is_policy_file(what)) {
    auto read = read_text(what);
    if (!read) return session.fail_with(read.error());
    text = std::move(*read);
    if (policy.empty()) return session.usage("--policy names the policy whose calls are judged by this draft");
    if (args.given("--version")) return session.usage("--version is for stored policies; this draft is a file");
  } else if (policy.empty()) {
    policy = what;
  } else if (policy != what) {
    auto stored = session.call("GET", "/policies/" + encoded(what) + query_of({{"version", args.text("--version")}}));
    if (!stored) return session.fail_with(stored.error());
    if (!stored->ok()) return session.fail_with(*stored);
    text = stored->root()["text"].string();
  }
  std::size_t most = 0;
  std::string limit = args.text("--limit", "20");
  if (std::from_chars(limit.data(), limit.data() + limit.size(), most).ec != std::errc() || most > 10'000)
    return session.usage("--limit must be a number up to 10000");
  auto ended = run_backtest(session, policy, body_of(args, text));
  if (!ended) return session.fail_with(ended.error());
  if (!ended->ok()) return session.fail_with(*ended);
  json::Value run = ended->root();
  std::string path = "/backtests/" + encoded(run["id"].string());
  if (run["state"].string() == "failed") {
    session.error(run["error"]["message"].string());
    return kFailed;
  }
  if (run["state"].string() != "done") return session.error("the back-test was cancelled"), kFailed;
  Answer items;
  if (most > 0) {
    auto fetched = session.fetch_all(path + "/changes" + query_of({{"change", args.text("--change")}}), most);
    if (!fetched) return session.fail_with(fetched.error());
    if (!fetched->ok()) return session.fail_with(*fetched);
    items = std::move(*fetched);
  }
  if (session.human()) {
    print(session, run, items.root()["items"], most);
  } else {
    std::string json = "{\"run\":" + std::string(run.raw()) + ",\"changes\":";
    json += most > 0 ? std::string(items.root()["items"].raw()) : std::string("[]");
    json::Document document;
    json::Caps caps;
    caps.bytes_max = 256 * 1024 * 1024;
    caps.values_max = 50'000'000;
    if (auto parsed = document.parse(json + "}", caps); !parsed) return session.fail_with(parsed.error());
    show_one(session, document.root(), "run.id", {});
  }
  return verdict(session, args, run["report"]["total"]);
}

}  // namespace

void add_backtest_commands(std::vector<Command>& commands) {
  commands.push_back(
      {"policy backtest",
       "what a draft would have made of the recorded calls",
       {"callgate policy backtest refunds.yaml --policy refunds --since 30d",
        "callgate policy backtest refunds.yaml --policy refunds --fail-on newly-denied -o json > report.json"},
       {positional("DRAFT", "file, or name of a stored policy"),
        {"--policy", "whose calls; default: the stored policy DRAFT", Takes::One, false, "POLICY"},
        {"--version", "a stored version of DRAFT; default: the newest", Takes::One, false, "VERSION"},
        {"--since", "from this time, or this long ago; default 30d", Takes::One, false, "30d"},
        {"--until", "up to this time", Takes::One, false, "TIME"},
        {"--user", "calls of this user or robot only", Takes::One, false, "NAME"},
        {"--grant", "calls of this grant only", Takes::One, false, "GRANT"},
        {"--server", "calls on this server only", Takes::One, false, "SERVER"},
        {"--tool", "calls of this tool only", Takes::One, false, "TOOL"},
        {"--change", "list only these", Takes::One, false, "CHANGE",
         "newly_denied|newly_asked|newly_hidden|newly_allowed|other_rule|undecided"},
        {"--limit", "list so many changes one by one; default 20", Takes::One, false, "N"},
        {"--fail-on", "exit code 20 when there are such calls; may be given several times", Takes::Many, false, "CHANGE",
         "newly-denied|newly-asked|newly-hidden|newly-allowed|any-change|undecided"}},
       backtest,
       "Nothing is counted, sent or changed. Calls whose arguments the record does not hold are judged as far as the rules need none,\n"
       "and are else told apart as `cannot be judged`. An interrupt cancels the back-test."});
}

}  // namespace callgate::cli
