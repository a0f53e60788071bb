// The immutable Catalog, and how a fresh one is made from what is stored.
#include <algorithm>

#include "base/encoding.h"
#include "catalog/credentials.h"
#include "catalog/inner.h"
#include "catalog/rows.h"
#include "telemetry/log.h"

namespace callgate::catalog {

using store::Row;
using store::Transaction;
using PolicyPointer = std::shared_ptr<const policy::Policy>;

Catalog::Catalog(std::vector<ServerEntry> servers, std::vector<PolicyPointer> policies)
    : servers_(std::move(servers)), policies_(std::move(policies)) {
  by_name_.reserve(servers_.size() * 2);
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    by_name_.emplace(servers_[i].server.id, i);
    by_name_.emplace(servers_[i].server.slug, i);
  }
  for (const PolicyPointer& policy : policies_)
    if (policy) policy_by_name_.emplace(policy->name(), policy.get());
}

const ServerEntry* Catalog::server(std::string_view id_or_slug) const {
  auto found = by_name_.find(id_or_slug);
  return found == by_name_.end() ? nullptr : &servers_[found->second];
}

const policy::Policy* Catalog::policy(std::string_view name) const {
  auto found = policy_by_name_.find(name);
  return found == policy_by_name_.end() ? nullptr : found->second;
}

std::optional<std::size_t> ServerEntry::place_of(std::string_view tool) const {
  auto at = std::lower_bound(tool_names.begin(), tool_names.end(), tool);
  if (at == tool_names.end() || *at != tool) return std::nullopt;
  return static_cast<std::size_t>(at - tool_names.begin());
}

namespace {

template <class T> const T* beside(const std::vector<std::shared_ptr<const T>>& values, std::optional<std::size_t> place) {
  return place && *place < values.size() ? values[*place].get() : nullptr;
}

}  // namespace

const schema::Schema* ServerEntry::input_schema(std::optional<std::size_t> place) const { return beside(input_schemas, place); }
const ToolText* ServerEntry::text(std::string_view tool) const { return beside(texts, place_of(tool)); }

const Digest* ServerEntry::fingerprint(std::string_view tool) const {
  auto place = place_of(tool);
  return place && *place < fingerprints.size() ? &fingerprints[*place] : nullptr;
}

std::string_view ServerEntry::risk(std::optional<std::size_t> place) const {
  return place && *place < risks.size() ? risk::class_name(risks[*place]) : std::string_view();
}

const ServerEntry::Held* ServerEntry::held_tool(std::string_view tool) const {
  auto at = std::lower_bound(held.begin(), held.end(), tool, [](const Held& one, std::string_view name) { return one.name < name; });
  return at != held.end() && at->name == tool ? &*at : nullptr;
}

const Digest* ServerEntry::PinnedParts::find(std::string_view name) const {
  auto at = std::lower_bound(approved.begin(), approved.end(), name, [](const auto& one, std::string_view n) { return one.first < n; });
  return at != approved.end() && at->first == name ? &at->second : nullptr;
}

const ServerEntry::Held* ServerEntry::PinnedParts::find_held(std::string_view name) const {
  auto at = std::lower_bound(held.begin(), held.end(), name, [](const Held& one, std::string_view n) { return one.name < n; });
  return at != held.end() && at->name == name ? &*at : nullptr;
}

CatalogStore::CatalogStore() = default;
CatalogStore::~CatalogStore() = default;

Result<std::unique_ptr<CatalogStore>> CatalogStore::open(store::Database& database, vault::Vault& vault, const Clock& clock) {
  CG_CHECK(database.migrate(migrations()));
  std::unique_ptr<CatalogStore> opened(new CatalogStore());
  opened->inner_ = std::make_unique<Inner>(database, vault, clock);
  return opened;
}

namespace {

// One moment of everything a snapshot needs; texts of policies only where they are not compiled yet.
struct Stored {
  std::vector<Server> servers;
  std::vector<SealedHeader> headers, secrets;
  store::Rows tools;  // server_id, name, fingerprint, and of its pin: fingerprint, rejected, risk
  store::Rows parts;  // server_id, name, kind, fingerprint, and of its pin: fingerprint, rejected
  store::Rows seen;   // id, pin, seen_at, parts_seen: of all servers
  struct Definition {
    std::string fingerprint, name, json;
  };
  std::vector<Definition> fresh_tools;  // of which nothing is made yet
  store::Rows policies;                 // name, newest
  std::vector<PolicyVersion> fresh;
};

PolicyPointer compile(const PolicyVersion& version) {
  auto compiled = policy::Policy::compile(version.name, version.version, version.text);
  if (!compiled.policy)
    telemetry::log_error("a stored policy does not compile, what needs it is denied",
                         {{"policy", version.name}, {"version", std::to_string(version.version)}});
  return compiled.policy;
}

using SchemaPointer = std::shared_ptr<const schema::Schema>;

// A schema that cannot be compiled checks nothing: the policy still judges every call, and the server validates for itself.
SchemaPointer compile_schema(const std::string& definition) {
  json::Document document;
  if (!document.parse(definition) || !document.root()["inputSchema"].is_object()) return nullptr;
  auto compiled = schema::Schema::compile(document.root()["inputSchema"]);
  return compiled ? *compiled : nullptr;
}

risk::Class classify(const std::string& definition) {
  json::Document document;
  if (!document.parse(definition)) return risk::Class::Financial;
  return risk::classify(document.root()).risk;
}

std::unordered_map<std::string_view, std::vector<const Row*>> tools_by_server(const store::Rows& rows) {
  std::unordered_map<std::string_view, std::vector<const Row*>> tools;
  for (const Row& row : rows) tools[row.text(0)].push_back(&row);
  // By bytes, whatever the database's order is.
  for (auto& [server, list] : tools)
    std::sort(list.begin(), list.end(), [](const Row* a, const Row* b) { return a->text(1) < b->text(1); });
  return tools;
}

// What is served, with what is made of it, and what is held.
template <class Known> void take_tools(ServerEntry& entry, const std::vector<const Row*>& rows, Pin pin, const Known& known_tools) {
  for (const Row* row : rows) {
    Standing standing = standing_of(row->text(2), row->text(3), row->text(4));
    if (pin != Pin::Off && standing != Standing::Approved) {
      entry.held.push_back({row->text(1), digest_from_row(row->text(2)), !row->text(3).empty()});
      continue;
    }
    entry.tool_names.push_back(row->text(1));
    entry.fingerprints.push_back(digest_from_row(row->text(2)));
    auto known = known_tools.find(row->text(2));
    auto made = known == known_tools.end() ? typename Known::mapped_type() : known->second;
    entry.risks.push_back(risk::parse_class(row->text(5)).value_or(made.risk));
    entry.input_schemas.push_back(std::move(made.schema));
    entry.texts.push_back(std::move(made.text));
  }
}

// By bytes of their names, as tools_by_server() gives them.
void take_parts(ServerEntry& entry, const std::vector<const Row*>& rows, Pin pin) {
  for (const Row* row : rows) {
    auto kind = parse_part(row->text(2));
    if (!kind || *kind == PartKind::Tool) continue;
    auto& parts = entry.parts[static_cast<std::size_t>(*kind) - 1];
    Standing standing = standing_of(row->text(3), row->text(4), row->text(5));
    if (pin == Pin::Off || standing == Standing::Approved) parts.approved.emplace_back(row->text(1), digest_from_row(row->text(3)));
    else parts.held.push_back({row->text(1), digest_from_row(row->text(3)), !row->text(4).empty()});
  }
}

std::unordered_map<std::string_view, std::span<const SealedHeader>> by_server(const std::vector<SealedHeader>& sealed) {
  std::unordered_map<std::string_view, std::span<const SealedHeader>> spans;
  for (std::size_t begin = 0, end = 0; begin < sealed.size(); begin = end) {
    while (end < sealed.size() && sealed[end].server_id == sealed[begin].server_id) ++end;
    spans.emplace(sealed[begin].server_id, std::span(sealed).subspan(begin, end - begin));
  }
  return spans;
}

void open_into(ServerEntry& entry, vault::Vault& vault, std::span<const SealedHeader> headers, std::span<const SealedHeader> secrets) {
  auto credentials = open_credentials(vault, headers, secrets);
  if (credentials) {
    entry.credentials = std::move(*credentials);
    return;
  }
  entry.credentials_unreadable = true;
  telemetry::log_error("credentials of a server cannot be opened, calls to it are refused",
                       {{"server", entry.server.slug}, {"reason", std::string(credentials.error().reason)}});
}

// All of them, and the definitions of those of which nothing is made yet.
template <class Known> Result<void> read_tools(Transaction& tx, Stored& stored, Known& known_tools) {
  CG_TRY(
      stored.tools,
      tx.query("SELECT t.server_id, t.name, t.fingerprint, p.fingerprint, p.rejected, p.risk FROM tools t LEFT JOIN pins p ON p.server_id "
               "= t.server_id AND p.kind = 'tool' AND p.name = t.name"));
  CG_TRY(stored.parts,
         tx.query("SELECT t.server_id, t.name, t.kind, t.fingerprint, p.fingerprint, p.rejected FROM parts t LEFT JOIN pins p "
                  "ON p.server_id = t.server_id AND p.kind = t.kind AND p.name = t.name"));
  CG_TRY(stored.seen, tx.query("SELECT id, pin, seen_at, parts_seen FROM servers"));
  for (const Row& row : stored.tools) {
    if (known_tools.contains(row.text(2))) continue;
    CG_TRY(auto definitions, tx.query("SELECT definition_json FROM tools WHERE server_id = ? AND name = ?", {row.text(0), row.text(1)}));
    known_tools.emplace(row.text(2), typename Known::mapped_type());
    if (!definitions.empty()) stored.fresh_tools.push_back({row.text(2), row.text(1), definitions[0].text(0)});
  }
  return {};
}

// What each server shows, as far as its pins let it be served.
class Shown {
 public:
  template <class Effective>
  Shown(const Stored& stored, Effective&& effective) : tools_(tools_by_server(stored.tools)), parts_(tools_by_server(stored.parts)) {
    for (const Row& row : stored.seen) pins_[row.text(0)] = {effective(row.text(1)), row.integer(2) > 0, row.text(3)};
  }

  template <class Known> void take(ServerEntry& entry, const Known& known) const {
    auto found = pins_.find(entry.server.id);
    const Pinned pinned = found == pins_.end() ? Pinned() : found->second;
    const bool strict = pinned.pin == Pin::Strict, off = pinned.pin == Pin::Off;
    // Nobody has seen what a new server shows: at first sight that is what will be approved, so calls need not wait for the probe.
    entry.pinned = strict || (!off && pinned.seen);
    for (PartKind kind : kOtherParts)
      entry.parts[static_cast<std::size_t>(kind) - 1].pinned =
          strict || (!off && pinned.told.find(part_name(kind)) != std::string_view::npos);
    if (auto tools = tools_.find(entry.server.id); tools != tools_.end()) take_tools(entry, tools->second, pinned.pin, known);
    if (auto parts = parts_.find(entry.server.id); parts != parts_.end()) take_parts(entry, parts->second, pinned.pin);
  }

 private:
  struct Pinned {
    Pin pin = Pin::Strict;
    bool seen = false;        // ever
    std::string_view told{};  // kinds of other parts that were
  };
  std::unordered_map<std::string_view, std::vector<const Row*>> tools_, parts_;
  std::unordered_map<std::string_view, Pinned> pins_;
};

}  // namespace

Result<std::shared_ptr<const Catalog>> CatalogStore::catalog() {
  std::map<Inner::Version, PolicyPointer> known;
  decltype(Inner::known_tools) known_tools;
  {
    std::lock_guard lock(inner_->mutex);
    known = inner_->compiled;
    known_tools = inner_->known_tools;
  }
  Stored stored;
  CG_CHECK(inner_->database.read([&](Transaction& tx) -> Result<void> {
    CG_TRY(stored.servers, read_servers(tx));
    CG_TRY(stored.headers, read_sealed(tx, Sealed::Header, {}));
    CG_TRY(stored.secrets, read_sealed(tx, Sealed::Secret, {}));
    CG_CHECK(read_tools(tx, stored, known_tools));
    CG_TRY(stored.policies, tx.query("SELECT name, newest FROM policies WHERE removed_at IS NULL ORDER BY name"));
    for (const Row& row : stored.policies) {
      if (known.contains({row.text(0), row.integer(1)})) continue;
      CG_TRY(auto texts, tx.query("SELECT text FROM policy_versions WHERE name = ? AND version = ?", {row.text(0), row.integer(1)}));
      if (!texts.empty()) stored.fresh.push_back({row.text(0), row.integer(1), texts[0].text(0), {}, {}, {}});
    }
    return {};
  }));
  for (auto& tool : stored.fresh_tools)
    known_tools[tool.fingerprint] = {compile_schema(tool.json), make_tool_text(tool.name, tool.json), classify(tool.json)};
  for (const PolicyVersion& version : stored.fresh) known[{version.name, version.version}] = compile(version);

  std::vector<PolicyPointer> policies;
  std::unordered_map<std::string_view, PolicyPointer> by_name;
  std::map<Inner::Version, PolicyPointer> kept;  // only what is current: old versions are compiled again when rolled back to
  for (const Row& row : stored.policies) {
    Inner::Version key{row.text(0), row.integer(1)};
    PolicyPointer compiled = known[key];
    kept.emplace(std::move(key), compiled);
    if (!compiled) continue;
    by_name.emplace(row.text(0), compiled);
    policies.push_back(std::move(compiled));
  }
  {
    std::lock_guard lock(inner_->mutex);
    inner_->compiled = std::move(kept);
    decltype(Inner::known_tools) current;  // fingerprints no server shows any more are forgotten
    for (const Row& row : stored.tools) current.emplace(row.text(2), known_tools[row.text(2)]);
    inner_->known_tools = std::move(current);
  }

  const Shown shown(stored, [this](const std::string& pin) { return inner_->effective(parse_pin(pin).value_or(Pin::Strict)); });
  auto headers = by_server(stored.headers);
  auto secrets = by_server(stored.secrets);
  std::vector<ServerEntry> entries;
  entries.reserve(stored.servers.size());
  for (Server& server : stored.servers) {
    ServerEntry entry;
    entry.server = std::move(server);
    if (auto found = by_name.find(entry.server.policy); found != by_name.end()) entry.policy = found->second;
    shown.take(entry, known_tools);
    const auto sealed = [&entry](const auto& all) {
      auto found = all.find(entry.server.id);
      return found == all.end() ? std::span<const SealedHeader>() : found->second;
    };
    open_into(entry, inner_->vault, sealed(headers), sealed(secrets));
    entries.push_back(std::move(entry));
  }
  return std::make_shared<const Catalog>(std::move(entries), std::move(policies));
}

}  // namespace callgate::catalog
