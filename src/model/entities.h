#pragma once
// The nouns every room shares, as plain structs. Words: shared glossary in docs/reference/words.md.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/crypto.h"
#include "model/network.h"

namespace callgate {

enum class PrincipalKind : std::uint8_t { User, Robot };

struct Principal {
  std::string id;  // usr_... or rob_...
  PrincipalKind kind = PrincipalKind::User;
  std::string name;  // unique, [a-z0-9._@-]
  std::string display_name;
  std::string owner_id;  // robots: the user who answers for it
  bool disabled = false;
  std::vector<std::string> admin_roles;  // what it may do in the admin API: owner, admin, auditor, approver ...; empty for most
  WallTime created_at{};
};

// A named set of (server, tool) permissions. A grant with a role sees and calls only what some permission covers.
struct Permission {
  std::string server;              // slug or glob
  std::vector<std::string> tools;  // names or globs
};
struct Role {
  std::string name;
  std::string description;
  std::vector<Permission> permissions;
};

enum class DenyAs : std::uint8_t { Error, Result, Auto };  // JSON-RPC error -32603, or an isError result; auto: by client name

struct Grant {
  std::string id;  // grt_...
  std::string label;
  std::string principal_id;
  std::vector<std::string> servers;  // server ids; "*" = every server
  std::string policy;                // policy name; empty: the server's own; neither: everything is denied
  std::string role;                  // empty: no narrowing
  DenyAs deny_as = DenyAs::Error;
  std::vector<IpRange> networks;  // empty: from anywhere
  WallTime created_at{};
  WallTime expires_at{};
  std::optional<WallTime> revoked_at;
  std::optional<WallTime> last_used_at;
  std::string token_last4;
  Digest token_hmac{};
  std::optional<Digest> previous_hmac;  // after a rotation, until overlap_until
  std::optional<WallTime> overlap_until;
  std::string note;
  std::int64_t version = 1;
};

enum class Capture : std::uint8_t { None, Keys, Redacted, Full };  // how much of the arguments a record keeps

// How a server is reached: at a URL, or as a command run in a sandbox that speaks over its standard input and output.
enum class ServerKind : std::uint8_t { Http, Stdio };

// Which eras the last probe saw the server speak. Neither: never probed, so the client's era is mirrored.
struct Eras {
  bool legacy = false, modern = false;
  bool events = false;  // only over the two endpoints of 2024-11-05 (HTTP+SSE): the URL is that of its event stream
};

enum class Mount : std::uint8_t { None, ReadOnly, ReadWrite };

// A stdio server's command and what it may touch. Never passed through a shell.
struct Command {
  std::vector<std::string> argv;                        // argv[0] is looked up in the sandbox's PATH
  std::vector<std::string> environment;                 // NAME=value, not secret
  std::vector<std::string> secret_names;                // further variables by name; the values stay in the vault
  std::string workspace;                                // absolute path; empty: none is bound
  Mount workspace_access = Mount::ReadOnly;             // bound at the same path, and the working directory
  std::vector<std::string> readable;                    // further directories it may read: where its code lies, if not in /usr
  std::vector<std::string> network;                     // hosts it may reach, `host` or `host:port`; empty: no network at all; "*": all
  bool shared = false;                                  // one process for all sessions, instead of one each
  std::string image;                                    // run in rootless podman from this image; empty: in bubblewrap
  bool confined = true;                                 // false only when the operator said so in words
  std::size_t memory_bytes_max = 1024UL * 1024 * 1024;  // the whole tree
  std::uint32_t processes_max = 128;
  std::chrono::seconds cpu_seconds_max{0};  // 0: no cap
};

struct Server {
  std::string id;    // UUID, part of the URL
  std::string slug;  // unique, [a-z0-9-]{1,64}, part of the URL
  std::string name;
  ServerKind kind = ServerKind::Http;
  Url url;          // Http
  Command command;  // Stdio
  Eras eras;
  std::string policy;  // default policy for grants that name none
  bool disabled = false;
  bool allow_private = false;  // may resolve to private or loopback addresses (T-65); link-local never
  bool tls_verify = true;
  std::string tls_ca_pem;  // extra trust anchor, empty: system store
  Capture capture = Capture::Redacted;
  std::vector<std::string> header_names;  // static credentials by name; the values stay in the vault
  std::vector<std::string> labels;        // what all its tools are to the rules over sequences: private, untrusted, sink ...
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds call_timeout{60'000};     // to the response head, and between pieces of a stream
  std::size_t response_bytes_max = 16 * 1024 * 1024;  // of one JSON body, or one SSE event
  std::int64_t version = 1;
  WallTime created_at{};
  WallTime updated_at{};
};

// What the last probe saw of one tool.
struct Tool {
  std::string server_id;
  std::string name;
  std::string title;
  std::string description;
  std::string definition_json;  // the whole tools/list entry, canonical
  Digest fingerprint{};         // over name, title, description, schemas, annotations
  WallTime seen_at{};
};

}  // namespace callgate
