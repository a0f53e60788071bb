#include "config/settings.h"

namespace callgate::config {

namespace {

std::vector<Setting> main_settings() {
  return {
      {"data_dir", Type::Path, "", "",
       "Where keys, databases and the audit journal live. Empty: $XDG_DATA_HOME/callgate, or /var/lib/callgate for root.",
       [](Settings& s) -> Field { return &s.data_dir; }},
      {"listen", Type::Text, "127.0.0.1:8808", "", "Address and port for clients. Port 0 takes any free one.",
       [](Settings& s) -> Field { return &s.listen; }},
      {"public_url", Type::Text, "", "",
       "How clients reach this gate, as in https://gate.example.com. Empty: made from `listen`. Used in setup lines and as an allowed "
       "Host.",
       [](Settings& s) -> Field { return &s.public_url; }},
      {"hosts", Type::Texts, "", "", "Host header values to accept beside loopback names, the bound address and public_url.",
       [](Settings& s) -> Field { return &s.hosts; }},
      {"origins", Type::Texts, "", "", "Origin header values to accept from browsers. `null` is never accepted.",
       [](Settings& s) -> Field { return &s.origins; }},
      {"unsafe_plain_listen", Type::Flag, "false", "",
       "Allow a listener without TLS off loopback: grants then cross the network in clear text. Only behind a TLS proxy on a private link.",
       [](Settings& s) -> Field { return &s.unsafe_plain_listen; }, false},
      {"workers", Type::Number, "0", "", "Network threads. 0: one per core.", [](Settings& s) -> Field { return &s.workers; }},
      {"body_bytes_max", Type::Bytes, "4MiB", "", "Largest request body.", [](Settings& s) -> Field { return &s.body_bytes_max; }},
      {"connections_max", Type::Number, "20000", "", "Open client connections; more are closed at once.",
       [](Settings& s) -> Field { return &s.connections_max; }},
      {"tls.certificate", Type::Path, "", "", "PEM file with the certificate chain. Empty: plain HTTP.",
       [](Settings& s) -> Field { return &s.tls.certificate; }},
      {"tls.key", Type::Path, "", "", "PEM file with the private key.", [](Settings& s) -> Field { return &s.tls.key; }},
      {"audit.commit", Type::Choice, "before_reply", "before_reply|before_effect",
       "When a call's record must be on disk: before its reply leaves, or before the server is called at all.",
       [](Settings& s) -> Field { return &s.audit.commit; }},
      {"audit.sync", Type::Choice, "process", "process|power",
       "What a committed record survives: the end of the process, or loss of power (one disk flush per group of calls).",
       [](Settings& s) -> Field { return &s.audit.sync; }},
      {"audit.retention", Type::Duration, "", "", "How long records are kept, as in 90d. Empty: for ever.",
       [](Settings& s) -> Field { return &s.audit.retention; }},
      {"audit.segment_bytes", Type::Bytes, "64MiB", "", "Size at which the journal starts its next file.",
       [](Settings& s) -> Field { return &s.audit.segment_bytes; }},
      {"limits.checkpoint_interval", Type::Duration, "10s", "", "How often counters are written to the database and their ledger is cut.",
       [](Settings& s) -> Field { return &s.limits.checkpoint_interval; }},
      {"shared.search_above", Type::Number, "0", "",
       "At the shared endpoint /mcp, a grant that sees more tools than this gets search_tools and call_tool instead of the whole list. 0: "
       "always the list.",
       [](Settings& s) -> Field { return &s.shared.search_above; }},
      {"stdio.remote_registration", Type::Flag, "false", "",
       "Let admins add and change servers that are commands over the network too. A command runs on this machine; off, only the control "
       "socket may name one.",
       [](Settings& s) -> Field { return &s.stdio.remote_registration; }, false},
  };
}

std::vector<Setting> approval_settings() {
  return {
      {"approvals.hold", Type::Duration, "200s", "",
       "How long the answer to a call that needs approval is held open before the caller is told to come back. 0s: not at all.",
       [](Settings& s) -> Field { return &s.approvals.hold; }},
      {"approvals.pending_per_grant", Type::Number, "5", "", "Calls of one grant that may wait for approval; more are refused.",
       [](Settings& s) -> Field { return &s.approvals.pending_per_grant; }},
      {"approvals.pending", Type::Number, "200", "", "Calls of all grants that may wait for approval; more are refused.",
       [](Settings& s) -> Field { return &s.approvals.pending; }},
      {"approvals.control_socket", Type::Flag, "true", "",
       "Let whoever may use the control socket decide about calls. Turn it off where agents run as the gate's user: then only API "
       "tokens decide.",
       [](Settings& s) -> Field { return &s.approvals.control_socket; }, false},
      {"approvals.elicitation", Type::Flag, "false", "",
       "Where a client can show its user a link (URL elicitation), show the one to the approval when the answer is held open no longer. "
       "For "
       "clients with a person in front; others turn links down by themselves.",
       [](Settings& s) -> Field { return &s.approvals.elicitation; }},
      {"approvals.webhook", Type::Text, "", "",
       "URL that is told when a call begins to wait for approval. Its path is a secret: it is shown as (set), and never logged.",
       [](Settings& s) -> Field { return &s.approvals.webhook; }, false},
      {"approvals.webhook_form", Type::Choice, "json", "json|slack",
       "What the webhook gets: a JSON object with all facts, or {\"text\": ...}.",
       [](Settings& s) -> Field { return &s.approvals.webhook_form; }},
      {"approvals.mail_to", Type::Texts, "", "", "Addresses that get a mail when a call begins to wait for approval. Needs `mail.server`.",
       [](Settings& s) -> Field { return &s.approvals.mail_to; }, false},
      {"mail.server", Type::Text, "", "",
       "Mail server for notices: smtp://host:port (STARTTLS, port 587 when none is named) or smtps://host:port (465). Without TLS nothing "
       "is "
       "sent, but to a server on loopback when `mail.ca` is empty.",
       [](Settings& s) -> Field { return &s.mail.server; }, false},
      {"mail.from", Type::Text, "", "", "Sender of mail, a plain address such as gate@example.com.",
       [](Settings& s) -> Field { return &s.mail.from; }, false},
      {"mail.user", Type::Text, "", "", "Login at the mail server. Empty: none.", [](Settings& s) -> Field { return &s.mail.user; }, false},
      {"mail.password", Type::Text, "", "",
       "Its password. Only from CALLGATE_MAIL_PASSWORD or the file named by CALLGATE_MAIL_PASSWORD_FILE, never from a settings file.",
       [](Settings& s) -> Field { return &s.mail.password; }, false},
      {"mail.ca", Type::Path, "", "", "PEM file with certificates to trust for the mail server beside the system's.",
       [](Settings& s) -> Field { return &s.mail.ca; }, false},
  };
}

std::vector<Setting> edge_settings() {
  return {
      {"timeouts.head", Type::Duration, "10s", "", "For a whole request head to arrive.",
       [](Settings& s) -> Field { return &s.timeouts.head; }},
      {"timeouts.body", Type::Duration, "30s", "", "For a whole request body to arrive.",
       [](Settings& s) -> Field { return &s.timeouts.body; }},
      {"timeouts.idle", Type::Duration, "75s", "", "Between two requests on one connection.",
       [](Settings& s) -> Field { return &s.timeouts.idle; }},
      {"timeouts.write", Type::Duration, "60s", "", "Without progress while a client does not read.",
       [](Settings& s) -> Field { return &s.timeouts.write; }},
      {"log.level", Type::Choice, "info", "debug|info|warn|error", "Least serious log line to print.",
       [](Settings& s) -> Field { return &s.log.level; }},
      {"log.format", Type::Choice, "logfmt", "logfmt|json", "Form of log lines on stderr.",
       [](Settings& s) -> Field { return &s.log.format; }},
      {"url", Type::Text, "", "", "Command line: the gate to talk to. Empty: the control socket in data_dir.",
       [](Settings& s) -> Field { return &s.url; }, false},
      {"token", Type::Text, "", "",
       "Command line: API token (cga_...). Only from CALLGATE_TOKEN or the file named by CALLGATE_TOKEN_FILE, never from a settings file.",
       [](Settings& s) -> Field { return &s.token; }, false},
      {"output", Type::Choice, "table", "table|wide|json|jsonl|yaml|name", "Command line: form of results.",
       [](Settings& s) -> Field { return &s.output; }},
  };
}

std::vector<Setting> tool_settings() {
  return {
      {"flows.idle", Type::Duration, "1h", "",
       "How long after its last call a session is over for the rules over sequences: what it has seen is forgotten then.",
       [](Settings& s) -> Field { return &s.flows.idle; }},
      {"tools.pin", Type::Choice, "first_sight", "off|first_sight|strict",
       "Which tools of a server may be used, where the server itself says nothing: whatever it shows; what its first list showed, later "
       "ones "
       "as approved; or only what was approved.",
       [](Settings& s) -> Field { return &s.tools.pin; }},
      {"tools.accept_annotations", Type::Flag, "false", "",
       "Approve a changed tool by itself when only annotations and titles changed and none makes it look more harmless.",
       [](Settings& s) -> Field { return &s.tools.accept_annotations; }},
      {"tools.accept_wording_below", Type::Number, "0", "",
       "Approve a changed tool by itself when only descriptions changed and the change ranks below this danger, in percent. 0: never.",
       [](Settings& s) -> Field { return &s.tools.accept_wording_below; }},
      {"inspection.bytes_max", Type::Bytes, "2MiB", "",
       "Largest arguments or answer that an inspection looks through. What is larger is a finding of its own, inspection.cap. Answers up "
       "to "
       "this size are held in memory whole.",
       [](Settings& s) -> Field { return &s.inspection.bytes_max; }},
  };
}

}  // namespace

const std::vector<Setting>& settings_table() {
  static const std::vector<Setting> table = [] {
    std::vector<Setting> all = main_settings();
    for (const auto& more : {approval_settings(), tool_settings(), edge_settings()}) all.insert(all.end(), more.begin(), more.end());
    return all;
  }();
  return table;
}

bool is_secret(const Setting& setting) {
  Settings any;
  return std::holds_alternative<Secret*>(setting.field(any));
}

std::string environment_name(std::string_view key) {
  std::string name = "CALLGATE_";
  for (char c : key) name += c == '.' ? '_' : (c >= 'a' && c <= 'z') ? static_cast<char>(c - 'a' + 'A') : c;
  return name;
}

namespace {

std::string_view type_name(Type type) {
  switch (type) {
    case Type::Text: return "text";
    case Type::Path: return "path";
    case Type::Flag: return "true or false";
    case Type::Number: return "number";
    case Type::Bytes: return "bytes (64KiB, 4MiB)";
    case Type::Duration: return "duration (90s, 15m, 30d)";
    case Type::Texts: return "list of texts";
    case Type::Choice: return "one of";
  }
  return "text";
}

void append_json_text(std::string& out, std::string_view text) {
  out += '"';
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

std::string schema_of(const Setting& setting) {
  std::string out = "{\"description\":";
  append_json_text(out, setting.doc);
  switch (setting.type) {
    case Type::Flag: out += ",\"type\":\"boolean\""; break;
    case Type::Number: out += ",\"type\":\"integer\",\"minimum\":0"; break;
    case Type::Bytes: out += ",\"type\":[\"integer\",\"string\"]"; break;
    case Type::Texts: out += ",\"type\":\"array\",\"items\":{\"type\":\"string\"}"; break;
    case Type::Choice: {
      out += ",\"enum\":[";
      std::string_view rest = setting.choices;
      for (bool first = true; !rest.empty(); first = false) {
        auto bar = rest.find('|');
        if (!first) out += ',';
        append_json_text(out, rest.substr(0, bar));
        rest = bar == std::string_view::npos ? std::string_view() : rest.substr(bar + 1);
      }
      out += ']';
      break;
    }
    default: out += ",\"type\":\"string\""; break;
  }
  return out + "}";
}

}  // namespace

std::string settings_markdown() {
  std::string out =
      "# Settings\n\n"
      "Generated from the table in `src/config/settings_table.cc`; a test compares the two.\n\n"
      "Highest first: command line flag, environment, `.callgate.yaml` of the project, user file "
      "(`$XDG_CONFIG_HOME/callgate/config.yaml`),\n"
      "system file (`/etc/callgate/config.yaml`), default. `callgate config show --origin` prints where each value comes from.\n"
      "In files a dot is one level: `audit.commit` is `audit: {commit: ...}`. Unknown keys are refused.\n\n"
      "| key | type | default | environment | meaning |\n|---|---|---|---|---|\n";
  for (const auto& setting : settings_table()) {
    std::string type(type_name(setting.type));
    if (setting.type == Type::Choice) {
      type.clear();
      for (char c : setting.choices) type += c == '|' ? std::string(", ") : std::string(1, c);
    }
    out += "| `" + std::string(setting.key) + "` | " + type + " | " +
           (setting.default_text.empty() ? std::string("(empty)") : "`" + std::string(setting.default_text) + "`") + " | `" +
           environment_name(setting.key) + "` | " + std::string(setting.doc) + (setting.project_file ? "" : " Not from a project file.") +
           " |\n";
  }
  return out;
}

std::string settings_json_schema() {
  std::string out =
      "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"title\":\"Callgate settings\",\"type\":\"object\","
      "\"additionalProperties\":false,\"properties\":{";
  std::string group;
  bool first = true, first_in_group = true;
  auto close_group = [&] {
    if (!group.empty()) out += "}}";
    group.clear();
  };
  for (const auto& setting : settings_table()) {
    if (is_secret(setting)) continue;
    auto dot = setting.key.find('.');
    std::string head(dot == std::string_view::npos ? std::string_view() : setting.key.substr(0, dot));
    if (head != group) {
      close_group();
      if (!head.empty()) {
        if (!first) out += ',';
        first = false;
        append_json_text(out, head);
        out += ":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{";
        group = head;
        first_in_group = true;
      }
    }
    if (group.empty() ? !first : !first_in_group) out += ',';
    first = first_in_group = false;
    append_json_text(out, dot == std::string_view::npos ? setting.key : setting.key.substr(dot + 1));
    out += ':' + schema_of(setting);
  }
  close_group();
  return out + "}}";
}

}  // namespace callgate::config
