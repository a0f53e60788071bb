#include <fmt/core.h>

#include <cstring>
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

Result<Pins> read_pins(Transaction& tx, const std::string& server_id) {
  Pins pins;
  CG_TRY(auto rows,
         tx.query("SELECT name, fingerprint, rejected, definition_json FROM pins WHERE server_id = ? AND kind = 'tool'", {server_id}));
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

// Which of the tools seen are the first, the same as ever, new or changed; and what that means under the server's setting.
class Sighter {
 public:
  Sighter(Transaction& tx, const Server& server, Pin pin, std::int64_t now) : tx_(tx), server_(server), pin_(pin), now_(now) {}

  Result<void> read() {
    CG_TRY(pins_, read_pins(tx_, server_.id));
    CG_TRY(auto before, tx_.query("SELECT name, fingerprint FROM tools WHERE server_id = ?", {server_.id}));
    for (const Row& row : before) before_.emplace(row.text(0), row.text(1));
    CG_TRY(auto rows, tx_.query("SELECT seen_at FROM servers WHERE id = ?", {server_.id}));
    first_ = rows.empty() || rows[0].integer(0) == 0;
    return {};
  }

  Result<void> judge(const Tool& tool, const risk::ChangeRanker* ranker, const PinRules& rules) {
    std::string seen = hex_encode(tool.fingerprint);
    auto before = before_.find(tool.name);
    bool fresh = before == before_.end() || before->second != seen;
    sighting_.changed = sighting_.changed || fresh;
    const Pinned pinned = pins_.contains(tool.name) ? pins_[tool.name] : Pinned();
    Standing standing = standing_of(seen, pinned.fingerprint, pinned.rejected);
    if (standing == Standing::Approved) return {};
    if (pin_ == Pin::Off || (first_ && pin_ == Pin::FirstSight)) return approve(tool, pin_ == Pin::Off ? "pins off" : "first sight");
    if (standing == Standing::Changed && ranker != nullptr) {
      json::Document old_definition, new_definition;
      if (old_definition.parse(pinned.definition) && new_definition.parse(tool.definition_json) &&
          harmless(ranker->rank(old_definition.root(), new_definition.root()), rules)) {
        sighting_.accepted.push_back(tool.name);
        return approve(tool, "rule");
      }
    }
    if (fresh) sighting_.held.push_back(tool.name);
    return {};
  }

  Sighting finish(std::size_t count) {
    sighting_.changed = sighting_.changed || count != before_.size();
    return std::move(sighting_);
  }

 private:
  Result<void> approve(const Tool& tool, std::string_view by) {
    Tool mine = tool;
    mine.server_id = server_.id;
    return write_pin(tx_, mine, by, "", now_);
  }

  Transaction& tx_;
  const Server& server_;
  Pin pin_;
  std::int64_t now_;
  bool first_ = false;
  Pins pins_;
  std::unordered_map<std::string, std::string> before_;
  Sighting sighting_;
};

}  // namespace

Result<Sighting> CatalogStore::put_tools(std::string_view server_id, const std::vector<Tool>& tools, std::optional<Eras> eras) {
  CG_CHECK(check_tools(tools));
  const PinRules& rules = inner_->pin_rules;
  std::shared_ptr<const risk::ChangeRanker> ranker;  // without one no rule accepts anything
  if (rules.accept_annotations || rules.accept_wording_below > 0) ranker = inner_->ranker().value_or(nullptr);
  Sighting sighting;
  CG_CHECK(inner_->database.write([&](Transaction& tx) -> Result<void> {
    CG_TRY(Server server, find_server(tx, server_id));
    std::int64_t now = to_row(inner_->clock.now());
    CG_TRY(Pin pin, read_pin(tx, server.id));
    Sighter sighter(tx, server, inner_->effective(pin), now);
    CG_CHECK(sighter.read());
    for (const Tool& tool : tools) CG_CHECK(sighter.judge(tool, ranker.get(), rules));
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
      Tool tool{row.text(0), row.text(1), row.text(2), row.text(3), row.text(4), {}, time_from_row(row.integer(6))};
      auto fingerprint = hex_decode(row.text(5));  // damaged: stays zero and so equals no tool
      if (fingerprint && fingerprint->size() == tool.fingerprint.size())
        std::memcpy(tool.fingerprint.data(), fingerprint->data(), fingerprint->size());
      all.push_back(std::move(tool));
    }
    return {};
  }));
  return all;
}

}  // namespace callgate::catalog
