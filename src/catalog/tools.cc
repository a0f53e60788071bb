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

}  // namespace

Result<void> CatalogStore::put_tools(std::string_view server_id, const std::vector<Tool>& tools, std::optional<Eras> eras) {
  CG_CHECK(check_tools(tools));
  return inner_->database.write([&](Transaction& tx) -> Result<void> {
    CG_TRY(Server server, find_server(tx, server_id));
    if (eras)
      CG_CHECK(tx.execute(
          "UPDATE servers SET speaks_legacy = ?, speaks_modern = ?, kind = CASE kind WHEN 'stdio' THEN kind ELSE ? END WHERE id = ?",
          {std::int64_t{eras->legacy}, std::int64_t{eras->modern}, std::string(eras->events ? "sse" : "http"), server.id}));
    CG_CHECK(tx.execute("DELETE FROM tools WHERE server_id = ?", {server.id}));
    for (const Tool& tool : tools)
      CG_CHECK(tx.execute(
          "INSERT INTO tools (server_id, name, title, description, definition_json, fingerprint, seen_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
          {server.id, tool.name, tool.title, tool.description, tool.definition_json, hex_encode(tool.fingerprint), to_row(tool.seen_at)}));
    return {};
  });
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
