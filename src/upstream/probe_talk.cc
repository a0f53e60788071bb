// The MCP half of a probe: the handshake of either era, and the list of tools.

#include "upstream/probe_talk.h"

#include <algorithm>

#include "json/writer.h"
#include "upstream/fingerprint.h"

namespace callgate::upstream {
namespace {

constexpr std::chrono::seconds kDiscoverMax{10};
constexpr int kPagesMax = 100;
constexpr std::size_t kToolsMax = 10'000;
constexpr std::size_t kNameMax = 128;
constexpr std::size_t kUriMax = 2048;
constexpr std::size_t kTextMax = 64 * 1024;

std::string cut(std::string_view text) {
  if (text.size() <= kTextMax) return std::string(text);
  std::size_t end = kTextMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // not inside a code point
  return std::string(text.substr(0, end));
}

bool plain_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameMax &&
         std::none_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

bool plain_session_id(std::string_view id) {
  return id.size() <= 1024 && std::all_of(id.begin(), id.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

constexpr std::string_view kInitializeRefused = "the server refused initialize: ";

bool known_legacy(std::string_view version) {
  return version == "2025-11-25" || version == "2025-06-18" || version == "2025-03-26" || version == "2024-11-05";
}

std::string initialize_params() {
  std::string params;
  json::Writer writer(params);
  writer.begin_object().member("protocolVersion", kLegacy).key("capabilities").begin_object().end_object();
  writer.key("clientInfo").begin_object().member("name", "callgate").member("version", CALLGATE_VERSION).end_object().end_object();
  return params.substr(1, params.size() - 2);
}

}  // namespace

std::string quoted(std::string_view text) {
  std::string out = "`";
  for (const char c : text.substr(0, 160)) out.push_back(c >= 0x20 && c < 0x7f && c != '`' ? c : '?');
  return out + (text.size() > 160 ? "...`" : "`");
}

ProbeTalk::ProbeTalk(const Server& server, std::initializer_list<const char*> stages) : server_(server) {
  for (const char* name : stages) {
    report_.stages.emplace_back();
    report_.stages.back().name = name;
    report_.stages.back().skipped = true;
  }
}

Stage& ProbeTalk::stage(std::string_view name) {
  return *std::ranges::find_if(report_.stages, [name](const Stage& one) { return one.name == name; });
}

bool ProbeTalk::pass(std::string_view name, std::string what, std::int64_t took_ms) {
  Stage& at = stage(name);
  at.ok = true;
  at.skipped = false;
  at.what = std::move(what);
  at.took_ms = took_ms;
  return true;
}

bool ProbeTalk::fail_at(std::string_view name, std::string why, std::string fix) {
  Stage& at = stage(name);
  at.ok = at.skipped = false;
  at.why = std::move(why);
  at.fix = std::move(fix);
  return false;
}

std::string ProbeTalk::command(std::string_view option) const {
  if (server_.id.empty()) return "callgate server add ... " + std::string(option);
  return "callgate server edit " + server_.slug + " " + std::string(option);
}

std::int64_t ProbeTalk::since(MonoTime start) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(SystemClock().mono() - start).count();
}

// A server may refuse the first request with a list of what it speaks: then it is asked once more, and the list is taken at its word.
Result<void> ProbeTalk::discover(ProbeSession& session, ProbeAnswer& answer) {
  session.patience = std::min<std::chrono::milliseconds>(kDiscoverMax, server_.call_timeout);
  auto asked = session.ask("server/discover", "", answer);
  if (asked && answer.json && answer.error_code() == "-32022") {
    bool speaks_modern = false;
    bool speaks_older = false;
    answer.error()["data"]["supported"].for_each_element([&](const json::Value& version) {
      speaks_modern |= version.string() == kModern;
      speaks_older |= known_legacy(version.string());
    });
    only_modern_ = speaks_modern && !speaks_older;
    if (speaks_modern) asked = session.ask("server/discover", "", answer);
  }
  session.patience = server_.call_timeout;
  return asked;
}

// A server of the other era that is asked the older way may speak both.
void ProbeTalk::also_legacy(ProbeSession& session) {
  if (only_modern_) return;
  session.era = kLegacy;
  session.names_methods = true;
  session.patience = std::min<std::chrono::milliseconds>(kDiscoverMax, server_.call_timeout);
  ProbeAnswer answer;
  if (!session.ask("initialize", initialize_params(), answer) || !answer.json) return;
  const std::string version(answer.result()["protocolVersion"].string());
  if (!known_legacy(version) || !plain_session_id(answer.session_id)) return;
  session.era = version;
  session.session_id = answer.session_id;
  report_.eras.legacy = true;
  if (std::ranges::find(report_.protocol_versions, version) == report_.protocol_versions.end())
    report_.protocol_versions.push_back(version);
  stage("handshake").what = version + " and " + stage("handshake").what;
}

bool ProbeTalk::modern_hello(const ProbeAnswer& answer) {
  const json::Value result = answer.result();
  result["supportedVersions"].for_each_element([&](const json::Value& version) {
    if (plain_name(version.string()) && report_.protocol_versions.size() < 32) report_.protocol_versions.emplace_back(version.string());
  });
  const auto& versions = report_.protocol_versions;
  if (std::find(versions.begin(), versions.end(), kModern) == versions.end()) {
    return fail_at("handshake", "the server answers server/discover, but does not support revision " + std::string(kModern),
                   "update the server");
  }
  report_.eras.modern = true;
  const json::Value info = result["_meta"]["io.modelcontextprotocol/serverInfo"];
  report_.server_name = cut(info["name"].string());
  report_.server_version = cut(info["version"].string());
  take_hello(result);
  return pass("handshake", std::string(kModern) + ", server " + quoted(report_.server_name + " " + report_.server_version));
}

void ProbeTalk::take_hello(const json::Value& result) {
  const std::string_view instructions = result["instructions"].string();
  report_.instructions = cut(instructions);
  report_.parts.clear();
  report_.kinds_told = {PartKind::Instructions};
  if (!instructions.empty()) {
    Part part{PartKind::Instructions, "instructions", {}, fingerprint_of_instructions(instructions), SystemClock().now()};
    json::Writer(part.definition_json).begin_object().member("name", part.name).member("description", instructions).end_object();
    report_.parts.push_back(std::move(part));
  }
  offers_tools_ = result["capabilities"]["tools"].exists();
  offers_prompts_ = result["capabilities"]["prompts"].exists();
  offers_resources_ = result["capabilities"]["resources"].exists();
}

bool ProbeTalk::legacy_hello(ProbeSession& session) {
  session.era = kLegacy;
  ProbeAnswer answer;
  if (auto asked = session.ask("initialize", initialize_params(), answer); !asked) return transport_failed(asked.error());
  if (refused_by_auth(answer)) return false;
  const std::string check = check_endpoint();
  if (!answer.json) {
    hello_status_ = answer.status;
    return fail_at("handshake", "HTTP " + std::to_string(answer.status) + " and no MCP answer: " + answer.problem, check);
  }
  const std::string version(answer.result()["protocolVersion"].string());
  if (version.empty()) {
    return fail_at("handshake", std::string(kInitializeRefused) + quoted(answer.error()["message"].string()), check);
  }
  if (!known_legacy(version)) {
    return fail_at("handshake", "the server chose protocol revision " + quoted(version) + ", which is not known here",
                   "update the server or the gate");
  }
  if (!plain_session_id(answer.session_id)) {
    return fail_at("handshake", "the server gave a session id with characters that are not allowed in one",
                   "report it to the server's author");
  }
  session.era = version;
  session.session_id = answer.session_id;
  report_.eras.legacy = true;
  report_.protocol_versions = {version};
  report_.server_name = cut(answer.result()["serverInfo"]["name"].string());
  report_.server_version = cut(answer.result()["serverInfo"]["version"].string());
  take_hello(answer.result());
  auto told = session.notify("notifications/initialized");
  if (!told) return transport_failed(told.error());
  if (*told >= 400) {
    return fail_at("handshake", "the server answered HTTP " + std::to_string(*told) + " to notifications/initialized",
                   "check the server's log");
  }
  return pass("handshake", version + ", server " + quoted(report_.server_name + " " + report_.server_version));
}

void ProbeTalk::list_parts(ProbeSession& session) {
  session.patience = std::min<std::chrono::milliseconds>(kDiscoverMax, server_.call_timeout);
  for (PartKind kind : {PartKind::Prompt, PartKind::Template}) {
    const std::size_t before = report_.parts.size();
    const bool offered = kind == PartKind::Prompt ? offers_prompts_ : offers_resources_;
    if (!offered || list_part(session, kind)) report_.kinds_told.push_back(kind);
    else report_.parts.resize(before);
    if (const std::size_t count = report_.parts.size() - before; count > 0)
      stage("tools").what +=
          ", " + std::to_string(count) + (kind == PartKind::Prompt ? " prompt" : " resource template") + (count > 1 ? "s" : "");
  }
  session.patience = server_.call_timeout;
}

bool ProbeTalk::list_part(ProbeSession& session, PartKind kind) {
  const bool prompts = kind == PartKind::Prompt;
  std::string cursor;
  std::set<std::string, std::less<>> names, cursors;
  for (int page = 0; page < kPagesMax; ++page) {
    ProbeAnswer answer;
    if (!session.ask(prompts ? "prompts/list" : "resources/templates/list", cursor, answer) || !answer.json) return false;
    if (page == 0 && answer.error_code() == "-32601") return true;  // it has none
    const json::Value list = answer.result()[prompts ? "prompts" : "resourceTemplates"];
    if (!list.is_array()) return false;
    bool plain = true;
    list.for_each_element([&](const json::Value& entry) {
      const std::string_view name = entry[prompts ? "name" : "uriTemplate"].string();
      plain = plain && !name.empty() && name.size() <= kUriMax && names.emplace(name).second && report_.parts.size() < kToolsMax;
      if (plain)
        report_.parts.push_back({kind, std::string(name), std::string(entry.raw()), fingerprint(kind, entry), SystemClock().now()});
    });
    if (!plain) return false;
    const json::Value next = answer.result()["nextCursor"];
    if (!next.is_string()) return true;
    if (!cursors.emplace(next.string()).second) return false;
    cursor = "\"cursor\":";
    json::append_quoted(cursor, next.string());
  }
  return false;
}

bool ProbeTalk::list_tools(ProbeSession& session) {
  if (!offers_tools_) {
    pass("tools", "the server offers no tools");
    list_parts(session);
    return true;
  }
  const auto start = SystemClock().mono();
  std::string cursor;
  std::set<std::string> seen;
  for (int page = 0; page < kPagesMax; ++page) {
    ProbeAnswer answer;
    if (auto asked = session.ask("tools/list", cursor, answer); !asked) return transport_failed(asked.error());
    if (refused_by_auth(answer)) return false;
    if (!answer.json || !answer.result()["tools"].is_array()) {
      const std::string why = !answer.json              ? "HTTP " + std::to_string(answer.status) + ": " + answer.problem
                              : answer.error().exists() ? "the server refused: " + quoted(answer.error()["message"].string())
                                                        : "the answer has no list of tools";
      return fail_at("tools", "tools/list failed: " + why, "check the server's log");
    }
    if (!take_page(answer.result())) return false;
    const json::Value next = answer.result()["nextCursor"];
    if (!next.is_string()) {
      pass("tools", std::to_string(report_.tools.size()) + (report_.tools.size() == 1 ? " tool" : " tools"), since(start));
      list_parts(session);
      return true;
    }
    if (!seen.emplace(next.string()).second) {
      return fail_at("tools", "the list of tools runs in a circle: the same page is announced twice", "report it to the server's author");
    }
    cursor = "\"cursor\":";
    json::append_quoted(cursor, next.string());
  }
  return fail_at("tools", "the list of tools has more than " + std::to_string(kPagesMax) + " pages", "report it to the server's author");
}

bool ProbeTalk::take_page(const json::Value& result) {
  bool ok = true;
  result["tools"].for_each_element([&](const json::Value& entry) { ok = ok && take_tool(entry); });
  return ok;
}

bool ProbeTalk::take_tool(const json::Value& entry) {
  const std::string_view name = entry["name"].string();
  const std::string author = "report it to the server's author";
  if (!entry.is_object() || !plain_name(name))
    return fail_at("tools", "a tool has no name, or one that is too long or holds control characters: " + quoted(name), author);
  if (!names_.emplace(name).second) return fail_at("tools", "two tools are named " + quoted(name), author);
  if (report_.tools.size() >= kToolsMax)
    return fail_at("tools", "the server has more than " + std::to_string(kToolsMax) + " tools", author);
  Tool tool;
  tool.server_id = server_.id;
  tool.name = name;
  tool.title = entry["title"].string();
  tool.description = entry["description"].string();
  tool.definition_json = entry.raw();
  tool.fingerprint = fingerprint(entry);
  tool.seen_at = SystemClock().now();
  report_.tools.push_back(std::move(tool));
  return true;
}

}  // namespace callgate::upstream
