#pragma once
// Every setting of Callgate, typed. One table (settings_table.cc) holds key, type, default and text; loading, `config show --origin`,
// docs/reference/config.md and the JSON Schema all come from it. Precedence, highest first: flag, environment (CALLGATE_...),
// project file (.callgate.yaml), user file, system file, default. An unknown key is an error with a suggestion.

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/secret.h"

namespace callgate::config {

struct Settings {
  // the daemon
  std::string data_dir;
  std::string listen = "127.0.0.1:8808";
  std::string public_url;
  std::vector<std::string> hosts;
  std::vector<std::string> origins;
  bool unsafe_plain_listen = false;
  std::int64_t workers = 0;  // 0: one per core
  std::int64_t body_bytes_max = 0;
  std::int64_t connections_max = 0;
  struct Tls {
    std::string certificate, key;
  } tls;
  struct Audit {
    std::string commit;                 // before_reply | before_effect
    std::string sync;                   // process | power
    std::chrono::seconds retention{0};  // 0: for ever
    std::int64_t segment_bytes = 0;
  } audit;
  struct Limits {
    std::chrono::seconds checkpoint_interval{0};
  } limits;
  struct Flows {
    std::chrono::seconds idle{3'600};
  } flows;
  struct Approvals {
    std::chrono::seconds hold{0};
    std::int64_t pending_per_grant = 0, pending = 0;
    bool control_socket = true, elicitation = true;
    std::string webhook, webhook_form;
    std::vector<std::string> mail_to;
  } approvals;
  struct Mail {
    std::string server, from, user, ca;
    Secret password;
  } mail;
  struct Timeouts {
    std::chrono::seconds head{0}, body{0}, idle{0}, write{0};
  } timeouts;
  struct Log {
    std::string level, format;
  } log;
  struct Tools {
    std::string pin = "first_sight";  // off | first_sight | strict
    bool accept_annotations = false;
    std::int64_t accept_wording_below = 0;  // percent
  } tools;
  struct Shared {
    std::int64_t search_above = 0;  // 0: never
  } shared;
  struct Inspection {
    std::int64_t bytes_max = 0;
  } inspection;
  struct Stdio {
    bool remote_registration = false;
  } stdio;
  // the command line
  std::string url;  // empty: the control socket
  Secret token;
  std::string output;

  // Derived once everything is known.
  std::string listen_address;  // without brackets
  std::uint16_t listen_port = 0;
  bool listens_on_loopback() const;
  bool audit_before_effect() const { return audit.commit == "before_effect"; }
  bool audit_power_safe() const { return audit.sync == "power"; }
  std::string base_url() const;  // public_url, else made from listen; no slash at the end
  std::string database_path() const { return data_dir + "/callgate.db"; }
  std::string audit_directory() const { return data_dir + "/audit"; }
  std::string audit_index_path() const { return data_dir + "/audit-index.db"; }
  std::string control_socket() const { return data_dir + "/callgate.sock"; }
};

enum class Type : std::uint8_t { Text, Path, Flag, Number, Bytes, Duration, Texts, Choice };
using Field = std::variant<std::string*, bool*, std::int64_t*, std::chrono::seconds*, std::vector<std::string>*, Secret*>;

struct Setting {
  std::string_view key;
  Type type;
  std::string_view default_text;
  std::string_view choices;  // "a|b" for Choice
  std::string_view doc;      // one or two sentences
  Field (*field)(Settings&);
  bool project_file = true;  // false: a file that comes with a checkout may not set it
};
const std::vector<Setting>& settings_table();
bool is_secret(const Setting& setting);              // it comes from the environment, or a file named there
std::string environment_name(std::string_view key);  // tls.key -> CALLGATE_TLS_KEY

struct Origin {
  std::string key, value, from;  // from: "default", "/etc/callgate/config.yaml:3", "CALLGATE_LISTEN", "--listen"
};

// Everything loading may look at, so that tests need neither files nor environment of the machine.
struct Sources {
  std::function<std::optional<std::string>(const std::string&)> environment;  // getenv
  std::string system_file = "/etc/callgate/config.yaml";
  std::string user_file;                                   // empty: none
  std::string project_file;                                // empty: none
  std::vector<std::pair<std::string, std::string>> flags;  // key, value
  bool root = false;
  static Sources of_process();  // XDG paths, .callgate.yaml up to the repository root
};

struct Loaded {
  Settings settings;
  std::vector<Origin> origins;  // one per key, in table order; secrets as "(set)"
};
Result<Loaded> load(const Sources& sources);

// Judges what only the daemon needs: a plain listener off loopback is refused (T-73), TLS needs both files.
Result<void> check_for_serving(const Settings& settings);

// The closest of `known` to a misspelt word, or empty when none is close.
std::string suggest(std::string_view word, const std::vector<std::string_view>& known);
std::optional<std::int64_t> parse_bytes(std::string_view text);  // 4096, 64KiB, 4MiB, 1GiB

std::string settings_markdown();     // docs/reference/config.md
std::string settings_json_schema();  // for editors

}  // namespace callgate::config
