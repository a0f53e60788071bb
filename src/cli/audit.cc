// audit: search, follow, export and verify the record.
#include <unistd.h>

#include <charconv>

#include "audit/audit.h"
#include "base/encoding.h"
#include "cli/output.h"
#include "cli/session.h"

namespace callgate::cli {
namespace {

const std::vector<Column> kColumns = {{"SEQ", "sequence"},
                                      {"TIME", "time"},
                                      {"KIND", "kind"},
                                      {"EFFECT", "effect"},
                                      {"WHO", "principal"},
                                      {"SERVER", "server"},
                                      {"TOOL", "tool"},
                                      {"REASON", "reason"},
                                      {"MESSAGE", "message"},
                                      {"GRANT", "grant_label", true},
                                      {"RULE", "rule", true},
                                      {"POLICY", "policy", true},
                                      {"METHOD", "method", true},
                                      {"US", "total_us", true},
                                      {"DECISION", "decision", true}};

std::vector<Argument> filter_arguments() {
  return {{"--since", "from this time, or this long ago", Takes::One, false, "2h"},
          {"--until", "up to this time", Takes::One, false, "TIME"},
          {"--principal", "by user or robot", Takes::One, false, "NAME"},
          {"--grant", "by grant", Takes::One, false, "ID"},
          {"--server", "on this server", Takes::One, false, "SERVER"},
          {"--tool", "of this tool", Takes::One, false, "TOOL"},
          {"--method", "such as tools/call", Takes::One, false, "METHOD"},
          {"--effect", "decision", Takes::One, false, "EFFECT", "allow|deny|ask"},
          {"--reason", "reason slug", Takes::One, false, "SLUG"},
          {"--kind", "kind of record", Takes::One, false, "KIND", "call|intent|refusal|session|admin|probe|system|approval"},
          {"--policy", "decided by this policy", Takes::One, false, "POLICY"},
          {"--finding", "found by an inspection: a rule, or a pack such as secrets", Takes::One, false, "RULE"},
          {"--text", "anywhere in the record", Takes::One, false, "TEXT"}};
}

std::vector<std::pair<std::string_view, std::string>> filters_of(const Args& args) {
  std::vector<std::pair<std::string_view, std::string>> pairs;
  for (std::string_view name :
       {"since", "until", "principal", "grant", "server", "tool", "method", "effect", "reason", "kind", "policy", "finding", "text"})
    pairs.emplace_back(name, args.text("--" + std::string(name)));
  return pairs;
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

int query(Session& session, const Args& args) {
  auto most = number(args.text("--limit", "50"));
  if (!most || *most == 0) return session.usage("--limit must be a number above zero");
  auto answer = session.fetch_all("/audit" + query_of(filters_of(args)), *most);
  if (!answer) return session.fail_with(answer.error());
  return answer->ok() ? show_list(session, *answer, "decision", kColumns) : session.fail_with(*answer);
}

// One record per line, oldest first, so that following reads on downwards.
std::string tail_line(Session& session, json::Value item) {
  if (!session.human()) return json_safe(item.raw()) + "\n";
  auto time = std::string(item["time"].string());
  std::string effect(item["effect"].string());
  std::string line = time + "  " + effect + (effect.size() < 5 ? "  " : " ");
  if (session.color)
    line = time + (effect == "deny" ? "  \x1b[31mdeny\x1b[0m  " : effect == "ask" ? "  \x1b[33mask\x1b[0m   " : "  \x1b[32mallow\x1b[0m ");
  for (std::string_view name : {"kind", "principal", "server", "tool", "reason", "message"})
    if (auto text = cell_text(item[name]); !text.empty()) line += " " + terminal_safe(text);
  return line + "\n";
}

// Prints what is newer than `last`; returns the new last.
Result<std::uint64_t> print_newer(Session& session, const Args& args, std::uint64_t last, std::size_t most) {
  auto pairs = filters_of(args);
  std::vector<std::string> lines;
  std::uint64_t newest = last;
  std::string cursor;
  do {
    pairs.emplace_back("limit", std::to_string(std::min<std::size_t>(1000, most - lines.size())));
    pairs.emplace_back("cursor", cursor);
    CG_TRY(auto answer, session.call("GET", "/audit" + query_of(pairs)));
    pairs.resize(pairs.size() - 2);
    if (!answer.ok()) {
      session.fail_with(answer);
      return fail(Code::InvalidArgument, "cli.refused", "");
    }
    cursor = answer.root()["next"].string();
    answer.root()["items"].for_each_element([&](json::Value item) {
      auto sequence = number(item["sequence"].number()).value_or(0);
      if (sequence <= last) return cursor.clear();
      newest = std::max(newest, sequence);
      bool announced = item["kind"].string() == "intent" && !args.given("--kind");  // the outcome follows as a record of its own
      if (!announced) lines.push_back(tail_line(session, item));
    });
  } while (!cursor.empty() && lines.size() < most);
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) session.out(*line);
  return newest;
}

int tail(Session& session, const Args& args) {
  auto most = number(args.text("--lines", "20"));
  if (!most || *most == 0 || *most > 1000) return session.usage("--lines must be 1 to 1000");
  auto last = print_newer(session, args, 0, *most);
  while (last && args.given("--follow")) {
    ::fflush(stdout);
    ::usleep(500'000);
    last = print_newer(session, args, *last, 100'000);
  }
  if (last) return kOk;
  return last.error().reason == "cli.refused" ? kInvalid : session.fail_with(last.error());
}

int show(Session& session, const Args& args) {
  auto answer = session.call("GET", "/audit/" + encoded(args.text("RECORD")));
  if (!answer) return session.fail_with(answer.error());
  if (!answer->ok()) return session.fail_with(*answer);
  if (!session.human()) return show_one(session, answer->root(), "decision", {});
  session.out(json_safe(pretty_json(answer->root())));
  return kOk;
}

int export_all(Session& session, const Args& args) {
  auto pairs = filters_of(args);
  pairs.emplace_back("format", args.text("--format", "jsonl"));
  bool csv = args.text("--format") == "csv";
  std::string cursor;
  bool first = true;
  do {
    pairs.emplace_back("cursor", cursor);
    auto reply = session.call_raw("GET", "/audit/export" + query_of(pairs));
    pairs.pop_back();
    if (!reply) return session.fail_with(reply.error());
    if (reply->status != 200) {
      Answer answer;
      answer.status = reply->status;
      (void)answer.document->parse(reply->body);
      return session.fail_with(answer);
    }
    std::string_view body = reply->body;
    if (csv && !first) body.remove_prefix(std::min(body.size(), body.find('\n') + 1));  // one title line is enough
    session.out(body);
    cursor = reply->next;
    first = false;
  } while (!cursor.empty());
  return kOk;
}

int report(Session& session, json::Value result) {
  bool ok = result["ok"].is(json::Kind::True);
  if (!session.human()) show_one(session, result, "head", {});
  else if (ok)
    session.out("the chain is whole: " + cell_text(result["records"]) + " records, head " + terminal_safe(cell_text(result["head"])) +
                "\n");
  else
    session.error(result["problem"].string(),
                  "keep the data directory as it is, and compare with an exported copy or an anchor kept elsewhere");
  return ok ? kOk : kFailed;
}

int verify_offline(Session& session, const std::string& directory, const std::optional<audit::Journal::Head>& head) {
  if (::access(directory.c_str(), R_OK) != 0)
    return session.fail_with(
        Error{Code::NotFound, "cli.file", "there is no journal in `" + directory + "`; name the data directory with --data", ""});
  auto verification = audit::verify(directory, head);
  std::string json;
  json::Writer out(json);
  out.begin_object().member("ok", verification.ok).member("records", static_cast<std::int64_t>(verification.records));
  out.member("first", static_cast<std::int64_t>(verification.first)).member("last", static_cast<std::int64_t>(verification.last));
  out.member("head", std::to_string(verification.last) + ":" + hex_encode(verification.head))
      .member("problem", std::string_view(verification.problem))
      .end_object();
  json::Document document;
  if (auto parsed = document.parse(json); !parsed) return session.fail_with(parsed.error());
  return report(session, document.root());
}

int verify(Session& session, const Args& args) {
  std::string text = args.text("--head");
  std::optional<audit::Journal::Head> head;
  if (!text.empty()) {
    auto colon = text.find(':');
    auto sequence = number(std::string_view(text).substr(0, colon));
    auto hash = colon == std::string::npos ? std::nullopt : hex_decode(std::string_view(text).substr(colon + 1));
    head.emplace();
    if (!sequence || !hash || hash->size() != head->hash.size())
      return session.usage("--head must be SEQUENCE:HASH as `callgate audit head` prints it");
    head->sequence = *sequence;
    std::copy(hash->begin(), hash->end(), head->hash.begin());
  }
  std::string directory = session.settings().audit_directory();
  if (args.given("--offline")) return verify_offline(session, directory, head);
  std::string body;
  json::Writer out(body);
  out.begin_object();
  if (!text.empty()) out.member("head", std::string_view(text));
  out.end_object();
  auto answer = session.call("POST", "/audit/verify", body);
  if (answer) return answer->ok() ? report(session, answer->root()) : session.fail_with(*answer);
  if (answer.error().reason != "cli.unreachable" || !session.settings().url.empty()) return session.fail_with(answer.error());
  session.note("no gate is running; verifying `" + directory + "` directly");
  return verify_offline(session, directory, head);
}

int head(Session& session, const Args&) {
  auto answer = session.call("GET", "/audit/head");
  if (!answer) return session.fail_with(answer.error());
  if (!answer->ok()) return session.fail_with(*answer);
  if (!session.human()) return show_one(session, answer->root(), "head", {});
  session.out(terminal_safe(answer->root()["head"].string()) + "\n");
  return kOk;
}

}  // namespace

void add_audit_commands(std::vector<Command>& commands) {
  auto with = [](std::vector<Argument> more) {
    auto arguments = filter_arguments();
    arguments.insert(arguments.begin(), more.begin(), more.end());
    return arguments;
  };
  commands.push_back({"audit tail",
                      "the newest records; -f goes on",
                      {"callgate audit tail -f", "callgate audit tail --effect deny --lines 100"},
                      with({flag("--follow", "go on until interrupted (also -f)"),
                            {"--lines", "how many to start with; default 20", Takes::One, false, "N"}}),
                      tail});
  commands.push_back(
      {"audit query",
       "search records, newest first",
       {"callgate audit query --since 24h --effect deny --server refunds", "callgate audit query --text invoice-17 -o jsonl"},
       with({{"--limit", "at most this many; default 50", Takes::One, false, "N"}}),
       query});
  commands.push_back({"audit show",
                      "one record with everything it holds",
                      {"callgate audit show dec_...", "callgate audit show 1042"},
                      {positional("RECORD", "decision id or sequence number")},
                      show});
  commands.push_back({"audit export",
                      "all matching records",
                      {"callgate audit export --since 30d > audit.jsonl", "callgate audit export --format csv --effect deny > denied.csv"},
                      with({{"--format", "default jsonl", Takes::One, false, "FORMAT", "jsonl|csv"}}),
                      export_all});
  commands.push_back({"audit verify",
                      "walk the whole hash chain; without a gate, on the data directory",
                      {"callgate audit verify", "callgate audit verify --offline --head 1042:9f2c..."},
                      {{"--head", "an anchor kept elsewhere: finds a cut tail", Takes::One, false, "SEQ:HASH"},
                       flag("--offline", "read the data directory, do not ask the gate")},
                      verify});
  commands.push_back(
      {"audit head", "head of the chain, to be kept elsewhere as an anchor", {"callgate audit head >> /mnt/worm/anchors"}, {}, head});
}

}  // namespace callgate::cli
