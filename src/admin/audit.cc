// The record of everything, searched, exported and verified. Reading it is open to auditors; nothing here changes it.
#include <charconv>

#include "admin/reply.h"
#include "admin/route.h"
#include "base/encoding.h"

namespace callgate::admin {
namespace {

constexpr std::size_t kExportRecordsMax = 10'000;

Result<std::optional<std::uint64_t>> number_asked(const Context& context, std::string_view name) {
  auto text = context.ask(name);
  if (text.empty()) return std::optional<std::uint64_t>();
  std::uint64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size())
    return fail(Code::InvalidArgument, "admin.query", "`" + std::string(name) + "` must be a whole number");
  return std::optional(number);
}

Result<audit::Query> read_query(const Context& context, std::size_t limit, std::size_t limit_max) {
  audit::Query query;
  CG_TRY(query.since, moment_of(context, "since", context.ask("since")));
  CG_TRY(query.until, moment_of(context, "until", context.ask("until")));
  CG_TRY(query.before_sequence, number_asked(context, "cursor"));
  CG_TRY(auto asked, number_asked(context, "limit"));
  query.limit = asked.value_or(limit);
  if (query.limit == 0 || query.limit > limit_max)
    return fail(Code::InvalidArgument, "admin.query", "`limit` must be 1 to " + std::to_string(limit_max));
  std::pair<std::string_view, std::string*> texts[] = {
      {"principal", &query.principal}, {"grant", &query.grant},          {"server", &query.server}, {"tool", &query.tool},
      {"method", &query.method},       {"effect", &query.effect},        {"reason", &query.reason}, {"kind", &query.kind},
      {"policy", &query.policy},       {"decision", &query.decision_id}, {"text", &query.text},     {"finding", &query.finding}};
  for (auto& [name, into] : texts) *into = context.ask(name);
  if (!query.effect.empty() && query.effect != "allow" && query.effect != "deny" && query.effect != "ask")
    return fail(Code::InvalidArgument, "admin.query", "`effect` must be allow, deny or ask");
  return query;
}

// Sequence and chain hash in front of the record's own members, as in an export.
void write_entry(json::Writer& out, const audit::Entry& entry) {
  std::string text = "{\"sequence\":" + std::to_string(entry.sequence) + ",\"hash\":\"" + hex_encode(entry.hash) + "\"";
  std::string_view members = entry.payload;
  if (members.size() > 2) (text += ',') += members.substr(1);
  else text += '}';
  out.raw(text);
}

Result<Reply> list(Context& context) {
  CG_TRY(auto query, read_query(context, 50, 1000));
  CG_CHECK(context.services.index.catch_up());
  CG_TRY(auto entries, context.services.index.query(query));
  return json_reply(200, [&](json::Writer& out) {
    out.begin_object().key("items").begin_array();
    for (const auto& entry : entries) write_entry(out, entry);
    out.end_array().key("next");
    if (entries.size() == query.limit) out.string(std::to_string(entries.back().sequence));
    else out.null();
    out.end_object();
  });
}

Result<Reply> show(Context& context) {
  CG_CHECK(context.services.index.catch_up());
  CG_TRY(auto entry, context.services.index.find(context.parameter("record")));
  if (!entry) return fail(Code::NotFound, "audit.no_record", "there is no record with this decision id or sequence number");
  return json_reply(200, [&](json::Writer& out) { write_entry(out, *entry); });
}

// One page of up to 10,000 records, oldest first; Callgate-Next names the cursor of the page after.
Result<Reply> export_page(Context& context) {
  auto format = context.ask("format");
  if (!format.empty() && format != "jsonl" && format != "csv")
    return fail(Code::InvalidArgument, "admin.query", "`format` must be jsonl or csv");
  bool csv = format == "csv";
  CG_TRY(auto query, read_query(context, kExportRecordsMax, kExportRecordsMax));
  query.oldest_first = true;
  CG_CHECK(context.services.index.catch_up());
  Reply reply;
  reply.content_type = csv ? "text/csv; charset=utf-8" : "application/jsonl";
  std::size_t records = 0;
  std::uint64_t last = 0;
  bool titles = csv;
  CG_CHECK(
      audit::export_records(context.services.index, query, csv ? audit::Format::Csv : audit::Format::Jsonl, [&](std::string_view line) {
        reply.body += line;
        if (titles) return titles = false, true;
        constexpr std::string_view kBefore = "{\"sequence\":";
        if (!csv) line.remove_prefix(std::min(line.size(), kBefore.size()));
        std::from_chars(line.data(), line.data() + line.size(), last);
        return ++records < query.limit;
      }));
  if (records == query.limit) reply.headers = "Callgate-Next: " + std::to_string(last) + "\r\n";
  return reply;
}

std::optional<audit::Journal::Head> read_head(std::string_view text) {
  auto colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  audit::Journal::Head head;
  auto [end, error] = std::from_chars(text.data(), text.data() + colon, head.sequence);
  auto hash = hex_decode(text.substr(colon + 1));
  if (error != std::errc() || end != text.data() + colon || !hash || hash->size() != head.hash.size()) return std::nullopt;
  std::copy(hash->begin(), hash->end(), head.hash.begin());
  return head;
}

Result<Reply> verify(Context& context) {
  std::optional<audit::Journal::Head> expected;
  if (auto text = context.body["head"].string(); !text.empty()) {
    expected = read_head(text);
    if (!expected) return fail(Code::InvalidArgument, "admin.head", "`head` must be SEQUENCE:HASH as `callgate audit head` prints it");
  } else {
    expected = context.services.journal_head();
  }
  auto verification = audit::verify(context.services.settings.audit_directory(), expected);
  return json_reply(200, [&](json::Writer& out) {
    out.begin_object().member("ok", verification.ok).member("records", static_cast<std::int64_t>(verification.records));
    out.member("first", static_cast<std::int64_t>(verification.first)).member("last", static_cast<std::int64_t>(verification.last));
    out.member("head", std::to_string(verification.last) + ":" + hex_encode(verification.head))
        .member("problem", verification.problem)
        .end_object();
  });
}

Result<Reply> head(Context& context) {
  auto head = context.services.journal_head();
  return json_reply(200, [&](json::Writer& out) {
    out.begin_object().member("sequence", static_cast<std::int64_t>(head.sequence)).member("hash", hex_encode(head.hash));
    out.member("head", std::to_string(head.sequence) + ":" + hex_encode(head.hash)).end_object();
  });
}

std::vector<FieldRule> filters() {
  return {{"since", Shape::Text, false, "time, or duration back from now such as 2h"},
          {"until", Shape::Text, false, "time, or duration back from now"},
          {"principal", Shape::Text, false, "id or name"},
          {"grant", Shape::Text, false, "id"},
          {"server", Shape::Text, false, "id or slug"},
          {"tool", Shape::Text, false, "tool name"},
          {"method", Shape::Text, false, "such as tools/call"},
          {"effect", Shape::Text, false, "allow, deny or ask"},
          {"reason", Shape::Text, false, "reason slug"},
          {"kind", Shape::Text, false, "call, intent, refusal, session, admin, probe, system"},
          {"policy", Shape::Text, false, "policy name"},
          {"decision", Shape::Text, false, "decision id"},
          {"finding", Shape::Text, false, "found by an inspection: a rule such as secrets.github-pat, or a pack such as secrets"},
          {"text", Shape::Text, false, "anywhere in the record"},
          {"limit", Shape::Number, false, "records on one page"},
          kCursorRule};
}

}  // namespace

void add_audit_routes(std::vector<Route>& routes) {
  auto export_fields = filters();
  export_fields.push_back({"format", Shape::Text, false, "jsonl (default) or csv"});
  routes.push_back({"GET", "/api/v1/audit", "audit.query", Access::Read, "Search records, newest first", list, {}, filters()});
  routes.push_back(
      {"GET", "/api/v1/audit/head", "audit.head", Access::Read, "Head of the hash chain, to be kept elsewhere as an anchor", head});
  routes.push_back({"GET",
                    "/api/v1/audit/export",
                    "audit.export",
                    Access::Read,
                    "Records as JSON lines or CSV, 10,000 at a time",
                    export_page,
                    {},
                    export_fields});
  routes.push_back({"POST",
                    "/api/v1/audit/verify",
                    "audit.verify",
                    Access::Read,
                    "Walk the whole hash chain",
                    verify,
                    {{"head", Shape::Text, false, "an anchor kept earlier, SEQUENCE:HASH; default: the running journal's head"}}});
  routes.push_back({"GET", "/api/v1/audit/{record}", "audit.show", Access::Read, "One record by decision id or sequence number", show});
}

}  // namespace callgate::admin
