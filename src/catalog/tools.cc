#include <fmt/core.h>

#include <unordered_set>

#include "base/encoding.h"
#include "catalog/inner.h"
#include "catalog/rows.h"

namespace callgate::catalog {

using store::Row;
using store::Transaction;

namespace {

constexpr std::size_t kToolsMax = 20'000;

Result<void> check_tools(const std::vector<Tool>& tools) {
  if (tools.size() > kToolsMax)
    return fail(Code::TooLarge, "catalog.too_many_tools", fmt::format("a server may have at most {} tools", kToolsMax));
  std::unordered_set<std::string_view> seen;
  for (const Tool& tool : tools) {
    if (tool.name.empty()) return fail(Code::InvalidArgument, "catalog.invalid_tool", "a tool has no name: the server must name it");
    if (!seen.insert(tool.name).second)
      return fail(Code::InvalidArgument, "catalog.duplicate_tool",
                  fmt::format("the server lists the tool `{}` twice", tool.name.substr(0, 64)));
  }
  return {};
}

struct Pinned {
  std::string fingerprint, rejected, definition;
};
using Pins = std::unordered_map<std::string, Pinned>;

Result<Pins> read_pins(Transaction& tx, const std::string& server_id, PartKind kind) {
  Pins pins;
  CG_TRY(auto rows, tx.query("SELECT name, fingerprint, rejected, definition_json FROM pins WHERE server_id = ? AND kind = ?",
                             {server_id, std::string(part_name(kind))}));
  for (const Row& row : rows) pins[row.text(0)] = {row.text(1), row.text(2), row.text(3)};
  return pins;
}

// Never what takes more, tells the model something, hides something or claims to be harmless.
bool harmless(const risk::Change& change, const PinRules& rules) {
  using risk::Traits;
  for (Traits trait : {Traits::SchemaWidened, Traits::SchemaNarrowed, Traits::NewInstructions, Traits::HiddenCharacters,
                       Traits::CollectsContext, Traits::RiskRaised, Traits::ClaimsLess, Traits::OutputChanged})
    if (risk::has(change.traits, trait)) return false;
  if (risk::has(change.traits, Traits::AnnotationsOnly)) return rules.accept_annotations && change.danger < 0.3;
  return risk::has(change.traits, Traits::WordingOnly) && change.danger < rules.accept_wording_below;
}

bool contains_word(std::string_view list, std::string_view word) {
  for (std::size_t at = list.find(word); at != std::string_view::npos; at = list.find(word, at + 1))
    if ((at == 0 || list[at - 1] == ' ') && (at + word.size() == list.size() || list[at + word.size()] == ' ')) return true;
  return false;
}

// Which of what a server shows of one kind is the first, the same as ever, new or changed; and what that means under the server's setting.
class Sighter {
 public:
  Sighter(Transaction& tx, const Server& server, Pin pin, std::int64_t now, PartKind kind)
      : tx_(tx), server_(server), pin_(pin), now_(now), kind_(kind) {}

  Result<void> read() {
    const bool tools = kind_ == PartKind::Tool;
    const std::string kind(part_name(kind_));
    CG_TRY(pins_, read_pins(tx_, server_.id, kind_));
    CG_TRY(auto before, tools ? tx_.query("SELECT name, fingerprint FROM tools WHERE server_id = ?", {server_.id})
                              : tx_.query("SELECT name, fingerprint FROM parts WHERE server_id = ? AND kind = ?", {server_.id, kind}));
    for (const Row& row : before) before_.emplace(row.text(0), row.text(1));
    CG_TRY(auto rows, tx_.query("SELECT seen_at, parts_seen FROM servers WHERE id = ?", {server_.id}));
    first_ = rows.empty() || (tools ? rows[0].integer(0) == 0 : !contains_word(rows[0].text(1), kind));
    return {};
  }

  Result<void> judge(const Part& part, const risk::ChangeRanker* ranker, const PinRules& rules) {
    std::string seen = hex_encode(part.fingerprint);
    auto before = before_.find(part.name);
    bool fresh = before == before_.end() || before->second != seen;
    sighting_.changed = sighting_.changed || fresh;
    const Pinned pinned = pins_.contains(part.name) ? pins_[part.name] : Pinned();
    Standing standing = standing_of(seen, pinned.fingerprint, pinned.rejected);
    if (standing == Standing::Approved) return {};
    if (pin_ == Pin::Off || (first_ && pin_ == Pin::FirstSight))
      return write_pin(tx_, server_.id, part, pin_ == Pin::Off ? "pins off" : "first sight", "", now_);
    const bool by_rule = standing == Standing::Changed && ranker != nullptr && part.kind != PartKind::Instructions;
    if (by_rule) {
      json::Document old_definition, new_definition;
      if (old_definition.parse(pinned.definition) && new_definition.parse(part.definition_json) &&
          harmless(ranker->rank(old_definition.root(), new_definition.root()), rules)) {
        sighting_.accepted.push_back(part.name);
        return write_pin(tx_, server_.id, part, "rule", "", now_);
      }
    }
    if (fresh) sighting_.held.push_back(part.name);
    return {};
  }

  Sighting finish(std::size_t count) {
    sighting_.changed = sighting_.changed || count != before_.size();
    return std::move(sighting_);
  }

 private:
  Transaction& tx_;
  const Server& server_;
  Pin pin_;
  std::int64_t now_;
  PartKind kind_;
  bool first_ = false;
  Pins pins_;
  std::unordered_map<std::string, std::string> before_;
  Sighting sighting_;
};

}  // namespace

Result<Sighting> CatalogStore::put_tools(std::string_view server_id, const std::vector<Tool>& tools, std::optional<Eras> eras) {
  CG_CHECK(check_tools(tools));
  const PinRules& rules = inner_->pin_rules;
  auto ranker = inner_->ranker_for_rules();
  Sighting sighting;
  CG_CHECK(inner_->database.write([&](Transaction& tx) -> Result<void> {
    CG_TRY(Server server, find_server(tx, server_id));
    std::int64_t now = to_row(inner_->clock.now());
    CG_TRY(Pin pin, read_pin(tx, server.id));
    Sighter sighter(tx, server, inner_->effective(pin), now, PartKind::Tool);
    CG_CHECK(sighter.read());
    for (const Tool& tool : tools)
      CG_CHECK(sighter.judge({PartKind::Tool, tool.name, tool.definition_json, tool.fingerprint, {}}, ranker.get(), rules));
    sighting = sighter.finish(tools.size());
    if (eras)
      CG_CHECK(tx.execute(
          "UPDATE servers SET speaks_legacy = ?, speaks_modern = ?, kind = CASE kind WHEN 'stdio' THEN kind ELSE ? END WHERE id = ?",
          {std::int64_t{eras->legacy}, std::int64_t{eras->modern}, std::string(eras->events ? "sse" : "http"), server.id}));
    CG_CHECK(tx.execute("UPDATE servers SET seen_at = ? WHERE id = ?", {now, server.id}));
    CG_CHECK(tx.execute("DELETE FROM tools WHERE server_id = ?", {server.id}));
    for (const Tool& tool : tools)
      CG_CHECK(tx.execute(
          "INSERT INTO tools (server_id, name, title, description, definition_json, fingerprint, seen_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
          {server.id, tool.name, tool.title, tool.description, tool.definition_json, hex_encode(tool.fingerprint), to_row(tool.seen_at)}));
    return {};
  }));
  return sighting;
}

Result<Sighting> CatalogStore::put_parts(std::string_view server_id, const std::vector<Part>& parts, const std::vector<PartKind>& kinds) {
  auto ranker = inner_->ranker_for_rules();
  Sighting all;
  CG_CHECK(inner_->database.write([&](Transaction& tx) -> Result<void> {
    CG_TRY(Server server, find_server(tx, server_id));
    const std::int64_t now = to_row(inner_->clock.now());
    CG_TRY(Pin pin, read_pin(tx, server.id));
    CG_TRY(auto rows, tx.query("SELECT parts_seen FROM servers WHERE id = ?", {server.id}));
    std::string told = rows.empty() ? std::string() : rows[0].text(0);
    for (PartKind kind : kinds) {
      const std::string name(part_name(kind));
      Sighter sighter(tx, server, inner_->effective(pin), now, kind);
      CG_CHECK(sighter.read());
      CG_CHECK(tx.execute("DELETE FROM parts WHERE server_id = ? AND kind = ?", {server.id, name}));
      std::size_t count = 0;
      for (const Part& part : parts) {
        if (part.kind != kind) continue;
        ++count;
        CG_CHECK(sighter.judge(part, ranker.get(), inner_->pin_rules));
        CG_CHECK(tx.execute("INSERT INTO parts (server_id, kind, name, definition_json, fingerprint, seen_at) VALUES (?, ?, ?, ?, ?, ?)",
                            {server.id, name, part.name, part.definition_json, hex_encode(part.fingerprint), to_row(part.seen_at)}));
      }
      Sighting sighting = sighter.finish(count);
      all.changed |= sighting.changed;
      for (const std::string& held : sighting.held) all.held.push_back(name + " " + held);
      for (const std::string& accepted : sighting.accepted) all.accepted.push_back(name + " " + accepted);
      if (!contains_word(told, name)) told += (told.empty() ? "" : " ") + name;
    }
    CG_CHECK(tx.execute("UPDATE servers SET parts_seen = ? WHERE id = ?", {told, server.id}));
    return {};
  }));
  return all;
}

Result<Sighting> CatalogStore::put_seen(std::string_view server_id, const Seen& seen) {
  CG_TRY(Sighting all, put_tools(server_id, seen.tools, seen.eras));
  CG_TRY(Sighting others, put_parts(server_id, seen.parts, seen.kinds));
  all.changed |= others.changed;
  all.held.insert(all.held.end(), others.held.begin(), others.held.end());
  all.accepted.insert(all.accepted.end(), others.accepted.begin(), others.accepted.end());
  return all;
}

Result<std::vector<Tool>> CatalogStore::tools(std::string_view server_id) {
  std::vector<Tool> all;
  CG_CHECK(inner_->database.read([&](Transaction& tx) -> Result<void> {
    std::vector<store::Value> values;
    if (!server_id.empty()) {
      CG_TRY(Server server, find_server(tx, server_id));
      values.emplace_back(server.id);
    }
    CG_TRY(
        auto rows,
        tx.query(
            fmt::format(
                "SELECT server_id, name, title, description, definition_json, fingerprint, seen_at FROM tools {} ORDER BY server_id, name",
                values.empty() ? "" : "WHERE server_id = ?"),
            values));
    for (const Row& row : rows) {
      all.push_back(
          {row.text(0), row.text(1), row.text(2), row.text(3), row.text(4), digest_from_row(row.text(5)), time_from_row(row.integer(6))});
    }
    return {};
  }));
  return all;
}

}  // namespace callgate::catalog
