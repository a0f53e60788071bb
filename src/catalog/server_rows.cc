#include <fmt/core.h>

#include <unordered_map>

#include "catalog/rows.h"

namespace callgate::catalog {

using store::Row;
using store::Transaction;
using store::Value;

namespace {

constexpr std::string_view kColumns =
    "SELECT id, slug, name, url, policy, disabled, allow_private, tls_verify, tls_ca_pem, capture, connect_timeout_ms, call_timeout_ms, "
    "response_bytes_max, "
    "version, created_at, updated_at FROM servers";

std::string_view to_row(Capture capture) {
  switch (capture) {
    case Capture::None: return "none";
    case Capture::Keys: return "keys";
    case Capture::Redacted: return "redacted";
    case Capture::Full: return "full";
  }
  return "none";
}

Capture capture_from(const std::string& text) {
  if (text == "keys") return Capture::Keys;
  if (text == "redacted") return Capture::Redacted;
  return text == "full" ? Capture::Full : Capture::None;
}

Server server_from(const Row& row) {
  Server server;
  server.id = row.text(0);
  server.slug = row.text(1);
  server.name = row.text(2);
  auto url = Url::parse(row.text(3));
  server.policy = row.text(4);
  server.disabled = row.integer(5) != 0 || !url;  // a damaged address is never guessed at
  if (url) server.url = *url;
  server.allow_private = row.integer(6) != 0;
  server.tls_verify = row.integer(7) != 0;
  server.tls_ca_pem = row.text(8);
  server.capture = capture_from(row.text(9));
  server.connect_timeout = std::chrono::milliseconds(row.integer(10));
  server.call_timeout = std::chrono::milliseconds(row.integer(11));
  server.response_bytes_max = static_cast<std::size_t>(row.integer(12));
  server.version = row.integer(13);
  server.created_at = time_from_row(row.integer(14));
  server.updated_at = time_from_row(row.integer(15));
  return server;
}

// In the order of the columns from slug to response_bytes_max.
std::vector<Value> editable(const Server& server) {
  return {server.slug,
          server.name,
          server.url.text(),
          server.policy,
          std::int64_t{server.disabled},
          std::int64_t{server.allow_private},
          std::int64_t{server.tls_verify},
          server.tls_ca_pem,
          std::string(to_row(server.capture)),
          std::int64_t{server.connect_timeout.count()},
          std::int64_t{server.call_timeout.count()},
          static_cast<std::int64_t>(server.response_bytes_max)};
}

}  // namespace

Result<std::vector<Server>> read_servers(Transaction& tx) {
  CG_TRY(auto rows, tx.query(std::string(kColumns) + " ORDER BY slug"));
  CG_TRY(auto headers, tx.query("SELECT server_id, name FROM server_headers ORDER BY server_id, position"));
  std::vector<Server> servers;
  servers.reserve(rows.size());
  std::unordered_map<std::string_view, std::size_t> by_id;
  for (const Row& row : rows) {
    servers.push_back(server_from(row));
    by_id.emplace(row.text(0), servers.size() - 1);
  }
  for (const Row& header : headers) {
    auto found = by_id.find(header.text(0));
    if (found != by_id.end()) servers[found->second].header_names.push_back(header.text(1));
  }
  return servers;
}

Result<Server> find_server(Transaction& tx, std::string_view id_or_slug) {
  std::string wanted(id_or_slug);
  CG_TRY(auto rows, tx.query(std::string(kColumns) + " WHERE id = ? OR slug = ?", {wanted, wanted}));
  if (rows.empty())
    return fail(Code::NotFound, "catalog.no_such_server", fmt::format("no server has the id or slug `{}`", wanted.substr(0, 64)));
  Server server = server_from(rows[0]);
  CG_TRY(auto headers, tx.query("SELECT name FROM server_headers WHERE server_id = ? ORDER BY position", {server.id}));
  for (const Row& header : headers) server.header_names.push_back(header.text(0));
  return server;
}

Result<void> insert_server(Transaction& tx, const Server& server) {
  std::vector<Value> values = editable(server);
  values.insert(values.end(), {server.id, server.version, to_row(server.created_at), to_row(server.updated_at)});
  CG_CHECK(tx.execute(
      "INSERT INTO servers (slug, name, url, policy, disabled, allow_private, tls_verify, tls_ca_pem, capture, connect_timeout_ms, "
      "call_timeout_ms, response_bytes_max, id, version, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      values));
  return {};
}

Result<bool> replace_server(Transaction& tx, const Server& server, std::int64_t version) {
  std::vector<Value> values = editable(server);
  values.insert(values.end(), {server.version, to_row(server.updated_at), server.id, version});
  CG_TRY(auto changed,
         tx.execute(
             "UPDATE servers SET slug = ?, name = ?, url = ?, policy = ?, disabled = ?, allow_private = ?, tls_verify = ?, tls_ca_pem = ?, "
             "capture = ?, connect_timeout_ms = ?, call_timeout_ms = ?, response_bytes_max = ?, version = ?, updated_at = ? "
             "WHERE id = ? AND version = ?",
             values));
  return changed == 1;
}

std::string header_record(std::string_view server_id, std::string_view name) {
  return fmt::format("server:{}:header:{}", server_id, lower_case(name));
}

Result<std::vector<SealedHeader>> read_headers(Transaction& tx, std::string_view server_id) {
  std::vector<Value> values;
  if (!server_id.empty()) values.emplace_back(std::string(server_id));
  CG_TRY(auto rows, tx.query(fmt::format("SELECT server_id, name, sealed FROM server_headers {} ORDER BY server_id, position",
                                         server_id.empty() ? "" : "WHERE server_id = ?"),
                             values));
  std::vector<SealedHeader> headers;
  headers.reserve(rows.size());
  for (const Row& row : rows) headers.push_back({row.text(0), row.text(1), row.text(2)});
  return headers;
}

Result<void> write_headers(Transaction& tx, std::string_view server_id, const std::vector<SealedHeader>& headers) {
  CG_CHECK(tx.execute("DELETE FROM server_headers WHERE server_id = ?", {std::string(server_id)}));
  for (std::size_t i = 0; i < headers.size(); ++i)
    CG_CHECK(tx.execute("INSERT INTO server_headers (server_id, position, name, sealed) VALUES (?, ?, ?, ?)",
                        {std::string(server_id), static_cast<std::int64_t>(i), headers[i].name, headers[i].sealed}));
  return {};
}

}  // namespace callgate::catalog
