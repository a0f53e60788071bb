#include "upstream/probe.h"

#include <algorithm>
#include <set>

#include "json/writer.h"
#include "upstream/fingerprint.h"
#include "upstream/probe_session.h"
#include "upstream/resolver.h"
#include "upstream/upstream.h"

namespace callgate::upstream {
namespace {

constexpr std::chrono::seconds kProbeMax{60};
constexpr std::chrono::seconds kDiscoverMax{10};
constexpr int kPagesMax = 100;
constexpr std::size_t kToolsMax = 10'000;
constexpr std::size_t kNameMax = 128;
constexpr std::size_t kTextMax = 64 * 1024;
constexpr const char* kStageNames[] = {"resolve", "connect", "tls", "handshake", "auth", "tools"};
enum : std::size_t { kResolve, kConnect, kTls, kHandshake, kAuth, kTools };

// A text of the server's inside one of ours: printable ASCII, short.
std::string quoted(std::string_view text) {
  std::string out = "`";
  for (const char c : text.substr(0, 160)) out.push_back(c >= 0x20 && c < 0x7f && c != '`' ? c : '?');
  return out + (text.size() > 160 ? "...`" : "`");
}

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

class Probe {
 public:
  Probe(const Server& server, const vault::Credentials& credentials) : server_(server), credentials_(credentials) {
    for (const char* name : kStageNames) {
      report_.stages.emplace_back();
      report_.stages.back().name = name;
      report_.stages.back().skipped = true;
    }
  }

  ProbeReport run() {
    Addresses addresses;
    report_.ok = resolve(addresses) && talk(addresses);
    if (!report_.ok) report_.tools.clear();  // half a list is no list
    return std::move(report_);
  }

 private:
  Stage& stage(std::size_t which) { return report_.stages[which]; }
  bool pass(std::size_t which, std::string what, std::int64_t took_ms = 0) {
    Stage& at = stage(which);
    at.ok = true;
    at.skipped = false;
    at.what = std::move(what);
    at.took_ms = took_ms;
    return true;
  }
  bool fail_at(std::size_t which, std::string why, std::string fix) {
    Stage& at = stage(which);
    at.ok = at.skipped = false;
    at.why = std::move(why);
    at.fix = std::move(fix);
    return false;
  }
  // A server that is not stored yet is added, one that is is edited.
  std::string command(std::string_view option) const {
    if (server_.id.empty()) return "callgate server add ... " + std::string(option);
    return "callgate server edit " + server_.slug + " " + std::string(option);
  }
  static std::int64_t since(MonoTime start) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(SystemClock().mono() - start).count();
  }

  bool resolve(Addresses& addresses);
  bool judge(const Addresses& addresses);
  bool talk(const Addresses& addresses);
  bool shake_hands(ProbeSession& session);
  bool modern_hello(const ProbeAnswer& answer);
  bool legacy_hello(ProbeSession& session);
  bool transport_failed(const Error& error);
  bool refused_by_auth(const ProbeAnswer& answer);
  bool list_tools(ProbeSession& session);
  bool take_page(const json::Value& result);
  bool take_tool(const json::Value& entry);
  void note_connection();

  const Server& server_;
  const vault::Credentials& credentials_;
  ProbeReport report_;
  ProbeClient* client_ = nullptr;
  std::set<std::string, std::less<>> names_;
  bool offers_tools_ = true;
};

bool Probe::resolve(Addresses& addresses) {
  const auto start = SystemClock().mono();
  if (const auto literal = IpAddress::parse(server_.url.host)) {
    addresses = {*literal};
  } else {
    auto found = look_up(server_.url.host);
    if (!found) {
      return fail_at(kResolve, "the name `" + server_.url.host + "` has no address: " + found.error().detail,
                     "check the spelling, or that this machine's DNS knows it (getent hosts " + server_.url.host + ")");
    }
    addresses = std::move(*found);
  }
  if (!judge(addresses)) return false;
  const std::int64_t took = since(start);
  return pass(kResolve,
              addresses.front().text() + (addresses.size() > 1 ? " and " + std::to_string(addresses.size() - 1) + " more" : "") + " in " +
                  std::to_string(took) + " ms",
              took);
}

bool Probe::judge(const Addresses& addresses) {
  for (const IpAddress& address : addresses) {
    if (check_address(address, server_.allow_private)) continue;
    const std::string who = "`" + server_.url.host + "` leads to " + address.text();
    if (check_address(address, true)) {
      return fail_at(
          kResolve,
          who + ", a " + (address.loopback() ? "loopback" : "private") + " address; those are refused unless the server may use them",
          "if this is meant: " + command("--allow-private"));
    }
    return fail_at(kResolve, who + ", which is link-local, reserved or a cloud metadata service; such an address is never allowed",
                   "use the server's public or private address");
  }
  return true;
}

void Probe::note_connection() {
  if (client_->peer_address().empty()) return;
  if (stage(kConnect).skipped) {
    pass(kConnect,
         client_->peer_address() + " port " + std::to_string(server_.url.port) + " in " + std::to_string(client_->connect_took().count()) +
             " ms",
         client_->connect_took().count());
  }
}

bool Probe::transport_failed(const Error& error) {
  note_connection();
  const std::string& why = error.message;
  if (error.reason == "upstream.connect" || error.reason == "upstream.connect_timeout") {
    return fail_at(
        kConnect, "cannot connect to " + server_.url.authority() + ": " + why,
        "check that the server runs and listens on port " + std::to_string(server_.url.port) + ", and that no firewall is between");
  }
  if (error.reason == "upstream.tls") {
    return fail_at(kTls, "TLS failed: " + why,
                   "if it uses a private certificate authority: " + command("--tls-ca CA.pem") + "; otherwise renew its certificate");
  }
  if (server_.url.tls && stage(kTls).skipped) pass(kTls, client_->tls_summary(), client_->tls_took().count());
  const std::size_t where = stage(kHandshake).ok ? kTools : kHandshake;
  if (error.reason == "upstream.timeout")
    return fail_at(where, why, "check the server's log, or allow it more time: " + command("--call-timeout 120s"));
  if (error.reason == "upstream.too_large")
    return fail_at(where, why, "ask for smaller answers there, or raise `response_bytes_max` of this server");
  return fail_at(where, why, "check that " + server_.url.text() + " is the server's MCP endpoint, and its log");
}

bool Probe::refused_by_auth(const ProbeAnswer& answer) {
  if (answer.status != 401 && answer.status != 403) return false;
  report_.auth_required = true;
  const bool sent_some = !credentials_.header_lines().empty();
  const std::string status = "the server answered " + std::to_string(answer.status);
  const std::string name = server_.slug.empty() ? "NAME" : server_.slug;
  fail_at(kAuth,
          status + (sent_some ? ": it does not accept the credentials that are stored for it"
                              : ": it wants credentials, and none are stored for it"),
          "callgate server edit " + name + " --header 'Authorization: Bearer ...'");
  return true;
}

bool Probe::talk(const Addresses& addresses) {
  ProbeClient client(server_, credentials_, addresses);
  client_ = &client;
  ProbeSession session(server_, client, SystemClock().mono() + kProbeMax);
  const bool shaken = shake_hands(session);
  const bool listed =
      shaken && pass(kAuth, credentials_.header_lines().empty() ? "none asked for" : "credentials accepted") && list_tools(session);
  session.end();
  return listed;
}

// server/discover first (2026-07-28). A server that does not know it is asked the older way.
bool Probe::shake_hands(ProbeSession& session) {
  const auto start = SystemClock().mono();
  ProbeAnswer answer;
  session.patience = std::min<std::chrono::milliseconds>(kDiscoverMax, server_.call_timeout);
  auto asked = session.ask("server/discover", "", answer);
  session.patience = server_.call_timeout;
  // Some older servers hang or hang up when they do not know a method.
  const bool silent = !asked && (asked.error().reason == "upstream.timeout" || asked.error().reason == "upstream.reset");
  if (!asked && !silent) return transport_failed(asked.error());
  note_connection();
  if (server_.url.tls) pass(kTls, client_->tls_summary(), client_->tls_took().count());
  if (refused_by_auth(answer)) return false;
  if (answer.status >= 300 && answer.status < 400) {
    return fail_at(kHandshake, "the server redirects to " + quoted(answer.location) + "; redirects are never followed",
                   "register it with its final URL: callgate server add NAME URL");
  }
  bool ok = false;
  if (!silent && answer.json && answer.result()["supportedVersions"].is_array()) {
    ok = modern_hello(answer);
  } else {
    if (answer.json && answer.error_code() == "-32021") {
      return fail_at(kHandshake,
                     "the server wants a client capability that the gate does not offer: " + quoted(answer.error()["message"].string()),
                     "ask the server's author for a mode without it");
    }
    ok = legacy_hello(session);
  }
  if (ok) stage(kHandshake).took_ms = since(start);
  return ok;
}

bool Probe::modern_hello(const ProbeAnswer& answer) {
  const json::Value result = answer.result();
  result["supportedVersions"].for_each_element([&](const json::Value& version) {
    if (plain_name(version.string()) && report_.protocol_versions.size() < 32) report_.protocol_versions.emplace_back(version.string());
  });
  const auto& versions = report_.protocol_versions;
  if (std::find(versions.begin(), versions.end(), kModern) == versions.end()) {
    return fail_at(kHandshake, "the server answers server/discover, but does not support revision " + std::string(kModern),
                   "update the server");
  }
  const json::Value info = result["_meta"]["io.modelcontextprotocol/serverInfo"];
  report_.server_name = cut(info["name"].string());
  report_.server_version = cut(info["version"].string());
  report_.instructions = cut(result["instructions"].string());
  offers_tools_ = result["capabilities"]["tools"].exists();
  return pass(kHandshake, std::string(kModern) + ", server " + quoted(report_.server_name + " " + report_.server_version));
}

bool Probe::legacy_hello(ProbeSession& session) {
  session.era = kLegacy;
  std::string params;
  json::Writer writer(params);
  writer.begin_object().member("protocolVersion", kLegacy).key("capabilities").begin_object().end_object();
  writer.key("clientInfo").begin_object().member("name", "callgate").member("version", CALLGATE_VERSION).end_object().end_object();
  ProbeAnswer answer;
  if (auto asked = session.ask("initialize", std::string_view(params).substr(1, params.size() - 2), answer); !asked)
    return transport_failed(asked.error());
  if (refused_by_auth(answer)) return false;
  const std::string check_url = "check that " + server_.url.text() + " is the server's MCP endpoint (often /mcp)";
  if (!answer.json) {
    return fail_at(kHandshake, "HTTP " + std::to_string(answer.status) + " and no MCP answer: " + answer.problem, check_url);
  }
  const std::string version(answer.result()["protocolVersion"].string());
  if (version.empty()) {
    return fail_at(kHandshake, "the server refused initialize: " + quoted(answer.error()["message"].string()), check_url);
  }
  if (version != "2025-11-25" && version != "2025-06-18" && version != "2025-03-26" && version != "2024-11-05") {
    return fail_at(kHandshake, "the server chose protocol revision " + quoted(version) + ", which is not known here",
                   "update the server or the gate");
  }
  if (!plain_session_id(answer.session_id)) {
    return fail_at(kHandshake, "the server gave a session id with characters that are not allowed in one",
                   "report it to the server's author");
  }
  session.era = version;
  session.session_id = answer.session_id;
  report_.protocol_versions = {version};
  report_.server_name = cut(answer.result()["serverInfo"]["name"].string());
  report_.server_version = cut(answer.result()["serverInfo"]["version"].string());
  report_.instructions = cut(answer.result()["instructions"].string());
  offers_tools_ = answer.result()["capabilities"]["tools"].exists();
  auto told = session.notify("notifications/initialized");
  if (!told) return transport_failed(told.error());
  if (*told >= 400) {
    return fail_at(kHandshake, "the server answered HTTP " + std::to_string(*told) + " to notifications/initialized",
                   "check the server's log");
  }
  return pass(kHandshake, version + ", server " + quoted(report_.server_name + " " + report_.server_version));
}

bool Probe::list_tools(ProbeSession& session) {
  if (!offers_tools_) return pass(kTools, "the server offers no tools");
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
      return fail_at(kTools, "tools/list failed: " + why, "check the server's log");
    }
    if (!take_page(answer.result())) return false;
    const json::Value next = answer.result()["nextCursor"];
    if (!next.is_string())
      return pass(kTools, std::to_string(report_.tools.size()) + (report_.tools.size() == 1 ? " tool" : " tools"), since(start));
    if (!seen.emplace(next.string()).second) {
      return fail_at(kTools, "the list of tools runs in a circle: the same page is announced twice", "report it to the server's author");
    }
    cursor = "\"cursor\":";
    json::append_quoted(cursor, next.string());
  }
  return fail_at(kTools, "the list of tools has more than " + std::to_string(kPagesMax) + " pages", "report it to the server's author");
}

bool Probe::take_page(const json::Value& result) {
  bool ok = true;
  result["tools"].for_each_element([&](const json::Value& entry) { ok = ok && take_tool(entry); });
  return ok;
}

bool Probe::take_tool(const json::Value& entry) {
  const std::string_view name = entry["name"].string();
  const std::string author = "report it to the server's author";
  if (!entry.is_object() || !plain_name(name))
    return fail_at(kTools, "a tool has no name, or one that is too long or holds control characters: " + quoted(name), author);
  if (!names_.emplace(name).second) return fail_at(kTools, "two tools are named " + quoted(name), author);
  if (report_.tools.size() >= kToolsMax) return fail_at(kTools, "the server has more than " + std::to_string(kToolsMax) + " tools", author);
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

}  // namespace

ProbeReport probe(const Server& server, const vault::Credentials& credentials) { return Probe(server, credentials).run(); }

}  // namespace callgate::upstream
