#include "upstream/probe.h"

#include "upstream/probe_events.h"
#include "upstream/probe_talk.h"
#include "upstream/resolver.h"
#include "upstream/upstream.h"

namespace callgate::upstream {
namespace {

constexpr std::chrono::seconds kProbeMax{60};
constexpr std::chrono::seconds kAlsoMax{10};
constexpr std::chrono::seconds kEventsMax{15};
constexpr const char *kResolve = "resolve", *kConnect = "connect", *kTls = "tls", *kHandshake = "handshake", *kAuth = "auth",
                     *kTools = "tools";

class Probe final : private ProbeTalk {
 public:
  Probe(const Server& server, const vault::Credentials& credentials)
      : ProbeTalk(server, {kResolve, kConnect, kTls, kHandshake, kAuth, kTools}), credentials_(credentials) {}

  ProbeReport run() {
    Addresses addresses;
    report_.ok = resolve(addresses) && talk(addresses);
    if (!report_.ok) {  // half a list is no list
      report_.tools.clear();
      report_.parts.clear();
      report_.kinds_told.clear();
    }
    return std::move(report_);
  }

 private:
  bool resolve(Addresses& addresses);
  bool judge(const Addresses& addresses);
  bool talk(const Addresses& addresses);
  bool shake_hands(ProbeSession& session);
  bool talk_over_events(ProbeClient& client);
  bool transport_failed(const Error& error) override;
  bool refused_by_auth(const ProbeAnswer& answer) override;
  std::string check_endpoint() const override { return "check that " + server_.url.text() + " is the server's MCP endpoint (often /mcp)"; }
  void note_connection();

  const vault::Credentials& credentials_;
  ProbeClient* client_ = nullptr;
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
  const char* where = stage(kHandshake).ok ? kTools : kHandshake;
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
  if (server_.eras.events) return talk_over_events(client);
  ProbeSession session(server_, client, SystemClock().mono() + kProbeMax);
  const bool shaken = shake_hands(session);
  // Servers of 2024-11-05 know no POST at the address of their stream.
  const bool perhaps_older = hello_status_ == 400 || hello_status_ == 404 || hello_status_ == 405;
  if (!shaken && perhaps_older && stage(kAuth).skipped) return talk_over_events(client);
  const bool listed =
      shaken && pass(kAuth, credentials_.header_lines().empty() ? "none asked for" : "credentials accepted") && list_tools(session);
  session.end();
  if (listed && report_.eras.modern) {
    ProbeSession older(server_, client, SystemClock().mono() + kAlsoMax);
    also_legacy(older);
    older.end();
  }
  return listed;
}

// The event stream, the endpoint it names, and the handshake there. What was found before stays the finding when there is no such stream.
bool Probe::talk_over_events(ProbeClient& client) {
  ProbeEvents events(client, server_);
  ProbeAnswer refusal;
  auto opened = events.open(std::min<std::chrono::milliseconds>(kEventsMax, server_.call_timeout));
  if (!opened && server_.eras.events && opened.error().reason != "upstream.endpoint") return transport_failed(opened.error());
  if (!opened) return opened.error().reason == "upstream.endpoint" && fail_at(kHandshake, opened.error().message, check_endpoint());
  note_connection();
  if (server_.url.tls) pass(kTls, client.tls_summary(), client.tls_took().count());
  refusal.status = events.status();
  if (refused_by_auth(refusal)) return false;
  if (!events.named()) {
    if (!server_.eras.events) return false;
    return fail_at(kHandshake, "HTTP " + std::to_string(events.status()) + " and no event stream that begins with an `endpoint` event",
                   check_endpoint() + "; if it speaks streamable HTTP now: " + command("--transport http"));
  }
  ProbeSession session(server_, events, SystemClock().mono() + kProbeMax);
  if (!legacy_hello(session)) return false;
  stage(kHandshake).what += ", over HTTP+SSE";
  report_.eras.events = true;
  return pass(kAuth, credentials_.header_lines().empty() ? "none asked for" : "credentials accepted") && list_tools(session);
}

// server/discover first (2026-07-28). A server that does not know it is asked the older way.
bool Probe::shake_hands(ProbeSession& session) {
  const auto start = SystemClock().mono();
  ProbeAnswer answer;
  auto asked = discover(session, answer);
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

}  // namespace

ProbeReport probe(const Server& server, const vault::Credentials& credentials) { return Probe(server, credentials).run(); }

}  // namespace callgate::upstream
