#pragma once
// What there is: servers, their tools as last seen, and policies with all their versions.
// On the data path an immutable Catalog answers; CatalogStore keeps what is durable.

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "catalog/pins.h"
#include "catalog/tool_text.h"
#include "model/entities.h"
#include "policy/policy.h"
#include "schema/schema.h"
#include "store/database.h"
#include "vault/vault.h"

namespace callgate::risk {
struct Change;
}

namespace callgate::catalog {

struct ServerEntry {
  Server server;
  vault::Credentials credentials;
  std::shared_ptr<const policy::Policy> policy;                      // the server's default; null: none
  bool credentials_unreadable = false;                               // the vault could not open them: calls are refused
  std::vector<std::string> tool_names;                               // sorted; as last seen by a probe
  std::vector<std::shared_ptr<const schema::Schema>> input_schemas;  // beside tool_names; null: none, or none that can be checked
  std::vector<std::shared_ptr<const ToolText>> texts;                // beside tool_names; null: nothing is known of it
  std::vector<Digest> fingerprints;                                  // beside tool_names
  // Where the tool stands in these; nothing: it is not among them. A call asks once.
  std::optional<std::size_t> place_of(std::string_view tool) const;
  const schema::Schema* input_schema(std::optional<std::size_t> place) const;  // null: nothing to check against
  const schema::Schema* input_schema(std::string_view tool) const { return input_schema(place_of(tool)); }
  const Digest* fingerprint(std::string_view tool) const;  // null: no probe has seen it
  const ToolText* text(std::string_view tool) const;

  // Pins. What is held is not among tool_names.
  struct Held {
    std::string name;
    Digest fingerprint{};  // as last seen
    bool changed = false;  // was approved, and is another now
  };
  bool pinned = false;             // only what is pinned is served; false: the server was never seen, or pins are off
  std::vector<risk::Class> risks;  // beside tool_names
  std::vector<Held> held;          // by name
  const Held* held_tool(std::string_view tool) const;
  std::string_view risk(std::optional<std::size_t> place) const;  // class by name; empty: nothing is known of the tool
  std::string_view risk(std::string_view tool) const { return risk(place_of(tool)); }

  // Prompts, resource templates and instructions: what was approved of each kind.
  struct PinnedParts {
    bool pinned = false;                                   // only what is approved is passed on
    std::vector<std::pair<std::string, Digest>> approved;  // by name
    std::vector<Held> held;                                // by name
    const Digest* find(std::string_view name) const;
    const Held* find_held(std::string_view name) const;
  };
  std::array<PinnedParts, kOtherParts.size()> parts;
  const PinnedParts& parts_of(PartKind kind) const { return parts[static_cast<std::size_t>(kind) - 1]; }
};

// Immutable; shared by all threads. Look-ups do not allocate.
class Catalog {
 public:
  Catalog(std::vector<ServerEntry> servers, std::vector<std::shared_ptr<const policy::Policy>> policies);
  Catalog(const Catalog&) = delete;
  Catalog& operator=(const Catalog&) = delete;
  const ServerEntry* server(std::string_view id_or_slug) const;
  const policy::Policy* policy(std::string_view name) const;  // null: no such policy
  const std::vector<ServerEntry>& servers() const { return servers_; }
  const std::vector<std::shared_ptr<const policy::Policy>>& policies() const { return policies_; }

 private:
  std::vector<ServerEntry> servers_;
  std::vector<std::shared_ptr<const policy::Policy>> policies_;
  std::unordered_map<std::string_view, std::size_t> by_name_;  // ids and slugs
  std::unordered_map<std::string_view, const policy::Policy*> policy_by_name_;
};

// URL or command, limits, names, as add_server() and update_server() judge them; InvalidArgument catalog.invalid_server.
Result<void> check_server(const Server& server);

struct PolicyVersion {
  std::string name;
  std::int64_t version = 0;
  std::string text;  // the document as written, comments included
  std::string author, reason;
  WallTime created_at{};
};

// A credential by name: a header of an HTTP server, a variable of a stdio server's environment.
struct HeaderValue {
  std::string name;
  Secret value;
};

class CatalogStore {
 public:
  static Result<std::unique_ptr<CatalogStore>> open(store::Database& database, vault::Vault& vault, const Clock& clock);

  // id, times, version are filled in; slug from name when empty. secrets: of a stdio server's environment.
  Result<Server> add_server(Server server, const std::vector<HeaderValue>& headers, const std::vector<HeaderValue>& secrets = {});
  Result<std::vector<Server>> servers();
  Result<Server> server(std::string_view id_or_slug);
  // Edits everything but id, kind and created_at; `version` must match. headers, secrets: nothing = unchanged, else the whole new set.
  Result<Server> update_server(const Server& server, const std::optional<std::vector<HeaderValue>>& headers,
                               const std::optional<std::vector<HeaderValue>>& secrets = std::nullopt);
  Result<void> remove_server(std::string_view id_or_slug);
  Result<vault::Credentials> credentials(std::string_view server_id);

  // Replaces the set, and what is known of the server's eras. No new version: that is for what people change. Pins decide what is served.
  Result<Sighting> put_tools(std::string_view server_id, const std::vector<Tool>& tools, std::optional<Eras> eras = std::nullopt);
  Result<std::vector<Tool>> tools(std::string_view server_id);  // empty id: of all servers

  // Replaces what is known of these kinds; what a server said nothing about stays as it was.
  Result<Sighting> put_parts(std::string_view server_id, const std::vector<Part>& parts, const std::vector<PartKind>& kinds);
  Result<Sighting> put_seen(std::string_view server_id, const Seen& seen);  // both

  // As tools(), with what was approved. Decisions: NotFound catalog.no_tool; Conflict catalog.tool_changed when it is another by now.
  Result<std::vector<PinnedTool>> pinned_tools(std::string_view server_id, PartKind kind = PartKind::Tool);
  Result<PinnedTool> pinned_tool(std::string_view server_id, std::string_view name, PartKind kind = PartKind::Tool);
  Result<void> approve_tool(std::string_view server_id, std::string_view name, const Decision& decision, PartKind kind = PartKind::Tool);
  Result<void> reject_tool(std::string_view server_id, std::string_view name, const Decision& decision, PartKind kind = PartKind::Tool);
  Result<void> set_tool_risk(std::string_view server_id, std::string_view name, std::optional<risk::Class> risk);  // nothing: as told
  Result<risk::Change> compare(const PinnedTool& tool);  // approved against seen; without an approved one, everything is new
  Result<Pin> pin(std::string_view server_id);
  Result<void> set_pin(std::string_view server_id, Pin pin);
  void set_pin_rules(const PinRules& rules);  // once at start, before other threads

  // Checks the document (and runs its tests) before anything is stored; refuses with pointer and line (T-29).
  // Same text as the newest: no new version.
  Result<PolicyVersion> put_policy(std::string_view name, std::string_view text, std::string_view author, std::string_view reason);
  Result<std::vector<PolicyVersion>> policies();  // newest of each
  Result<PolicyVersion> policy(std::string_view name, std::optional<std::int64_t> version);
  Result<std::vector<PolicyVersion>> policy_history(std::string_view name);  // newest first
  Result<PolicyVersion> rollback_policy(std::string_view name, std::int64_t to, std::string_view author,
                                        std::string_view reason);  // a new version with the old text
  Result<void> remove_policy(std::string_view name);               // Conflict while a server or live grant uses it

  // Policies that did not change are not compiled again. A policy this version cannot compile is left out: what needs it is denied.
  Result<std::shared_ptr<const Catalog>> catalog();  // a fresh snapshot

  // Asked by remove_policy, outside any transaction: does a live grant name this policy? Set once at start, before other threads.
  void set_policy_in_use(std::function<Result<bool>(std::string_view policy)> policy_in_use);
  ~CatalogStore();

 private:
  CatalogStore();
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

}  // namespace callgate::catalog
