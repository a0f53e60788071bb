// Approvals of tools: what is served, what is held, and who said so.
#include "catalog/pins.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/encoding.h"
#include "catalog/inner.h"
#include "catalog/rows.h"

namespace callgate::catalog {

using store::Row;
using store::Transaction;

namespace {

constexpr std::array<std::string_view, 4> kPins{"default", "off", "first_sight", "strict"};

// What was seen of a kind, beside what was decided about it.
std::string joined(PartKind kind) {
  const bool tool = kind == PartKind::Tool;
  return fmt::format(
      "SELECT t.server_id, t.name, {}, t.definition_json, t.fingerprint, t.seen_at, p.definition_json, p.fingerprint, p.rejected, p.risk, "
      "p.decided_by, p.reason, p.decided_at FROM {} t LEFT JOIN pins p ON p.server_id = t.server_id AND p.kind = '{}' AND p.name = t.name "
      "WHERE {}",
      tool ? "t.title, t.description" : "'', ''", tool ? "tools" : "parts", part_name(kind),
      tool ? std::string("1 = 1") : fmt::format("t.kind = '{}'", part_name(kind)));
}

risk::Class told(const std::string& definition) {
  json::Document document;
  if (!document.parse(definition)) return risk::Class::Financial;
  return risk::classify(document.root()).risk;
}

void read_texts(Tool& tool) {
  json::Document document;
  if (!document.parse(tool.definition_json)) return;
  tool.title = document.root()["title"].string();
  tool.description = document.root()["description"].string();
}

PinnedTool tool_from(const Row& row, PartKind kind) {
  PinnedTool tool;
  tool.kind = kind;
  tool.seen = {
      row.text(0), row.text(1), row.text(2), row.text(3), row.text(4), digest_from_row(row.text(5)), time_from_row(row.integer(6))};
  if (kind != PartKind::Tool) read_texts(tool.seen);
  tool.pinned_json = row.text(7);
  tool.standing = standing_of(row.text(5), row.text(8), row.text(9));
  auto set = risk::parse_class(row.text(10));
  tool.risk_set = set.has_value();
  tool.risk = set ? *set : kind == PartKind::Tool ? told(row.text(4)) : risk::Class::Read;
  tool.decided_by = row.text(11);
  tool.reason = row.text(12);
  tool.decided_at = time_from_row(row.integer(13));
  return tool;
}

Result<PinnedTool> find_tool(Transaction& tx, const Server& server, std::string_view name, PartKind kind) {
  CG_TRY(auto rows, tx.query(joined(kind) + " AND t.server_id = ? AND t.name = ?", {server.id, std::string(name)}));
  if (rows.empty())
    return fail(
        Code::NotFound, "catalog.no_tool",
        fmt::format("server `{0}` has no such {1}; `callgate server probe {0}` reads its list again", server.slug, part_name(kind)));
  return tool_from(rows[0], kind);
}

// What is decided about is what was looked at.
Result<void> check_same(const PinnedTool& tool, const Decision& decision) {
  if (decision.fingerprint.empty() || decision.fingerprint == hex_encode(tool.seen.fingerprint)) return {};
  return fail(Code::Conflict, "catalog.tool_changed", "it is another by now: look at it again with `callgate tool diff`");
}

}  // namespace

std::string_view standing_name(Standing standing) {
  constexpr std::array<std::string_view, 4> kNames{"approved", "new", "changed", "rejected"};
  return kNames[static_cast<std::size_t>(standing)];
}

std::string_view pin_name(Pin pin) { return kPins[static_cast<std::size_t>(pin)]; }

std::optional<Pin> parse_pin(std::string_view name) {
  auto at = std::find(kPins.begin(), kPins.end(), name);
  if (at == kPins.end()) return std::nullopt;
  return static_cast<Pin>(at - kPins.begin());
}

Standing standing_of(const std::string& seen, const std::string& approved, const std::string& rejected) {
  if (!approved.empty() && seen == approved) return Standing::Approved;
  if (!rejected.empty() && seen == rejected) return Standing::Rejected;
  return approved.empty() ? Standing::New : Standing::Changed;
}

Digest digest_from_row(const std::string& hex) {
  Digest digest{};
  auto bytes = hex_decode(hex);
  if (bytes && bytes->size() == digest.size()) std::memcpy(digest.data(), bytes->data(), digest.size());
  return digest;
}

Result<void> write_pin(Transaction& tx, const std::string& server_id, const Part& part, std::string_view by, std::string_view reason,
                       std::int64_t at) {
  CG_CHECK(
      tx.execute("INSERT INTO pins (server_id, kind, name, definition_json, fingerprint, decided_by, reason, decided_at) "
                 "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (server_id, kind, name) DO UPDATE SET definition_json = "
                 "excluded.definition_json, fingerprint = excluded.fingerprint, rejected = '', decided_by = excluded.decided_by, "
                 "reason = excluded.reason, decided_at = excluded.decided_at",
                 {server_id, std::string(part_name(part.kind)), part.name, part.definition_json, hex_encode(part.fingerprint),
                  std::string(by), std::string(reason), at}));
  return {};
}

Result<Pin> read_pin(Transaction& tx, const std::string& server_id) {
  CG_TRY(auto rows, tx.query("SELECT pin FROM servers WHERE id = ?", {server_id}));
  return rows.empty() ? Pin::Strict : parse_pin(rows[0].text(0)).value_or(Pin::Strict);
}

Result<Pin> CatalogStore::pin(std::string_view server_id) {
  Pin pin = Pin::Strict;
  CG_CHECK(inner_->database.read([&](Transaction& tx) -> Result<void> {
    CG_TRY(Server server, find_server(tx, server_id));
    CG_TRY(pin, read_pin(tx, server.id));
    return {};
  }));
  return pin;
}

Result<void> CatalogStore::set_pin(std::string_view server_id, Pin pin) {
  return inner_->database.write([&](Transaction& tx) -> Result<void> {
    CG_TRY(Server server, find_server(tx, server_id));
    CG_CHECK(tx.execute("UPDATE servers SET pin = ? WHERE id = ?", {std::string(pin_name(pin)), server.id}));
    return {};
  });
}

void CatalogStore::set_pin_rules(const PinRules& rules) { inner_->pin_rules = rules; }

Result<std::shared_ptr<const risk::ChangeRanker>> CatalogStore::Inner::ranker() {
  std::lock_guard lock(mutex);
  if (!change_ranker) {
    CG_TRY(change_ranker, risk::ChangeRanker::create());
  }
  return change_ranker;
}

Result<std::vector<PinnedTool>> CatalogStore::pinned_tools(std::string_view server_id, PartKind kind) {
  std::vector<PinnedTool> all;
  CG_CHECK(inner_->database.read([&](Transaction& tx) -> Result<void> {
    std::vector<store::Value> values;
    if (!server_id.empty()) {
      CG_TRY(Server server, find_server(tx, server_id));
      values.emplace_back(server.id);
    }
    CG_TRY(auto servers, tx.query("SELECT id, pin FROM servers"));
    CG_TRY(auto rows,
           tx.query(fmt::format("{}{} ORDER BY t.server_id, t.name", joined(kind), values.empty() ? "" : " AND t.server_id = ?"), values));
    std::unordered_map<std::string_view, bool> free;  // servers whose tools are served whatever they are
    for (const Row& row : servers) free.emplace(row.text(0), inner_->effective(parse_pin(row.text(1)).value_or(Pin::Strict)) == Pin::Off);
    for (const Row& row : rows) {
      PinnedTool tool = tool_from(row, kind);
      tool.served = tool.standing == Standing::Approved || free[row.text(0)];
      all.push_back(std::move(tool));
    }
    return {};
  }));
  return all;
}

Result<PinnedTool> CatalogStore::pinned_tool(std::string_view server_id, std::string_view name, PartKind kind) {
  PinnedTool tool;
  CG_CHECK(inner_->database.read([&](Transaction& tx) -> Result<void> {
    CG_TRY(Server server, find_server(tx, server_id));
    CG_TRY(tool, find_tool(tx, server, name, kind));
    CG_TRY(Pin pin, read_pin(tx, server.id));
    tool.served = tool.standing == Standing::Approved || inner_->effective(pin) == Pin::Off;
    return {};
  }));
  return tool;
}

Result<void> CatalogStore::approve_tool(std::string_view server_id, std::string_view name, const Decision& decision, PartKind kind) {
  return inner_->database.write([&](Transaction& tx) -> Result<void> {
    CG_TRY(Server server, find_server(tx, server_id));
    CG_TRY(PinnedTool tool, find_tool(tx, server, name, kind));
    CG_CHECK(check_same(tool, decision));
    const Part part{kind, tool.seen.name, tool.seen.definition_json, tool.seen.fingerprint, {}};
    return write_pin(tx, server.id, part, decision.by, decision.reason, to_row(inner_->clock.now()));
  });
}

// What was approved before stays approved: should the server show it again, it is served.
Result<void> CatalogStore::reject_tool(std::string_view server_id, std::string_view name, const Decision& decision, PartKind kind) {
  return inner_->database.write([&](Transaction& tx) -> Result<void> {
    CG_TRY(Server server, find_server(tx, server_id));
    CG_TRY(PinnedTool tool, find_tool(tx, server, name, kind));
    CG_CHECK(check_same(tool, decision));
    std::string seen = hex_encode(tool.seen.fingerprint);
    std::int64_t now = to_row(inner_->clock.now());
    CG_CHECK(
        tx.execute("INSERT INTO pins (server_id, kind, name, rejected, decided_by, reason, decided_at) VALUES (?, ?, ?, ?, ?, ?, ?) "
                   "ON CONFLICT (server_id, kind, name) DO UPDATE SET rejected = excluded.rejected, decided_by = excluded.decided_by, "
                   "reason = excluded.reason, decided_at = excluded.decided_at",
                   {server.id, std::string(part_name(kind)), tool.seen.name, seen, decision.by, decision.reason, now}));
    CG_CHECK(tx.execute(
        "UPDATE pins SET fingerprint = '', definition_json = '' WHERE server_id = ? AND kind = ? AND name = ? AND fingerprint = ?",
        {server.id, std::string(part_name(kind)), tool.seen.name, seen}));
    return {};
  });
}

Result<void> CatalogStore::set_tool_risk(std::string_view server_id, std::string_view name, std::optional<risk::Class> risk) {
  return inner_->database.write([&](Transaction& tx) -> Result<void> {
    CG_TRY(Server server, find_server(tx, server_id));
    CG_TRY(PinnedTool tool, find_tool(tx, server, name, PartKind::Tool));
    CG_CHECK(
        tx.execute("INSERT INTO pins (server_id, kind, name, risk) VALUES (?, 'tool', ?, ?) ON CONFLICT (server_id, kind, name) DO UPDATE "
                   "SET risk = excluded.risk",
                   {server.id, tool.seen.name, std::string(risk ? risk::class_name(*risk) : "")}));
    return {};
  });
}

Result<risk::Change> CatalogStore::compare(const PinnedTool& tool) {
  CG_TRY(auto ranker, inner_->ranker());
  json::Document before, after;
  CG_CHECK(after.parse(tool.seen.definition_json));
  CG_CHECK(before.parse(tool.pinned_json.empty() ? std::string("{}") : tool.pinned_json));
  return ranker->rank(before.root(), after.root());
}

}  // namespace callgate::catalog
