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
    "version, created_at, updated_at, kind, command, speaks_legacy, speaks_modern, labels FROM servers";

std::string_view to_row(Capture capture) {
  switch (capture) {
    case Capture::None: return "none";
    case Capture::Keys: return "keys";
    case Capture::Redacted: return "redacted";
    case Capture::Full: return "full";
  }
  return "none";
}

std::string_view table_of(Sealed kind) { return kind == Sealed::Header ? "server_headers" : "server_secrets"; }

Capture capture_from(const std::string& text) {
  if (text == "keys") return Capture::Keys;
  if (text == "redacted") return Capture::Redacted;
  return text == "full" ? Capture::Full : Capture::None;
}

std::string labels_to_row(const Server& server) {
  std::string text;
  for (const std::string& label : server.labels) (text += text.empty() ? "" : " ") += label;
  return text;
}

std::vector<std::string> labels_from(const std::string& text) {
  std::vector<std::string> labels;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = std::min(text.find(' ', at), text.size());
    labels.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return labels;
}

Server server_from(const Row& row) {
  Server server;
  server.id = row.text(0);
  server.slug = row.text(1);
  server.name = row.text(2);
  server.policy = row.text(4);
  server.disabled = row.integer(5) != 0;
  // A damaged address or command is never guessed at.
  if (row.text(16) == "stdio") {
    server.kind = ServerKind::Stdio;
    auto command = command_from_row(row.text(17));
    if (command) server.command = std::move(*command);
    else server.disabled = true;
  } else {
    auto url = Url::parse(row.text(3));
    if (url) server.url = *url;
    if (!url || (row.text(16) != "http" && row.text(16) != "sse")) server.disabled = true;
  }
  server.eras = {row.integer(18) != 0, row.integer(19) != 0, row.text(16) == "sse"};
  server.eras.legacy |= server.eras.events;  // nothing newer goes over it, probed or not
  server.allow_private = row.integer(6) != 0;
  server.tls_verify = row.integer(7) != 0;
  server.tls_ca_pem = row.text(8);
  server.capture = capture_from(row.text(9));
  server.connect_timeout = std::chrono::milliseconds(row.integer(10));
  server.call_timeout = std::chrono::milliseconds(row.integer(11));
  server.response_bytes_max = static_cast<std::size_t>(row.integer(12));
  server.version = row.integer(13);
  server.labels = labels_from(row.text(20));
  server.created_at = time_from_row(row.integer(14));
  server.updated_at = time_from_row(row.integer(15));
  return server;
}

std::string kind_to_row(const Server& server) {
  if (server.kind == ServerKind::Stdio) return "stdio";
  return server.eras.events ? "sse" : "http";
}

// In the order of the columns from slug to response_bytes_max, the command, the kind and the labels.
std::vector<Value> editable(const Server& server) {
  return {server.slug,
          server.name,
          server.kind == ServerKind::Http ? server.url.text() : std::string(),
          server.policy,
          std::int64_t{server.disabled},
          std::int64_t{server.allow_private},
          std::int64_t{server.tls_verify},
          server.tls_ca_pem,
          std::string(to_row(server.capture)),
          std::int64_t{server.connect_timeout.count()},
          std::int64_t{server.call_timeout.count()},
          static_cast<std::int64_t>(server.response_bytes_max),
          server.kind == ServerKind::Stdio ? command_to_row(server.command) : std::string(),
          kind_to_row(server),
          labels_to_row(server)};
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
  CG_TRY(auto secrets, tx.query("SELECT server_id, name FROM server_secrets ORDER BY server_id, position"));
  for (const Row& secret : secrets) {
    auto found = by_id.find(secret.text(0));
    if (found != by_id.end()) servers[found->second].command.secret_names.push_back(secret.text(1));
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
  CG_TRY(auto secrets, tx.query("SELECT name FROM server_secrets WHERE server_id = ? ORDER BY position", {server.id}));
  for (const Row& secret : secrets) server.command.secret_names.push_back(secret.text(0));
  return server;
}

Result<void> insert_server(Transaction& tx, const Server& server) {
  std::vector<Value> values = editable(server);
  values.insert(values.end(), {server.id, server.version, to_row(server.created_at), to_row(server.updated_at)});
  CG_CHECK(tx.execute(
      "INSERT INTO servers (slug, name, url, policy, disabled, allow_private, tls_verify, tls_ca_pem, capture, connect_timeout_ms, "
      "call_timeout_ms, response_bytes_max, command, kind, labels, id, version, created_at, updated_at) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      values));
  return {};
}

Result<bool> replace_server(Transaction& tx, const Server& server, std::int64_t version) {
  std::vector<Value> values = editable(server);
  values.insert(values.end(), {server.version, to_row(server.updated_at), server.id, version});
  CG_TRY(auto changed,
         tx.execute(
             "UPDATE servers SET slug = ?, name = ?, url = ?, policy = ?, disabled = ?, allow_private = ?, tls_verify = ?, tls_ca_pem = ?, "
             "capture = ?, connect_timeout_ms = ?, call_timeout_ms = ?, response_bytes_max = ?, command = ?, kind = ?, labels = ?, version "
             "= ?, "
             "updated_at = ? WHERE id = ? AND version = ?",
             values));
  return changed == 1;
}

std::string sealed_record(Sealed kind, std::string_view server_id, std::string_view name) {
  if (kind == Sealed::Header) return fmt::format("server:{}:header:{}", server_id, lower_case(name));
  return fmt::format("server:{}:environment:{}", server_id, name);
}

Result<std::vector<SealedHeader>> read_sealed(Transaction& tx, Sealed kind, std::string_view server_id) {
  std::vector<Value> values;
  if (!server_id.empty()) values.emplace_back(std::string(server_id));
  CG_TRY(auto rows, tx.query(fmt::format("SELECT server_id, name, sealed FROM {} {} ORDER BY server_id, position", table_of(kind),
                                         server_id.empty() ? "" : "WHERE server_id = ?"),
                             values));
  std::vector<SealedHeader> sealed;
  sealed.reserve(rows.size());
  for (const Row& row : rows) sealed.push_back({row.text(0), row.text(1), row.text(2)});
  return sealed;
}

Result<void> write_sealed(Transaction& tx, Sealed kind, std::string_view server_id, const std::vector<SealedHeader>& sealed) {
  CG_CHECK(tx.execute(fmt::format("DELETE FROM {} WHERE server_id = ?", table_of(kind)), {std::string(server_id)}));
  for (std::size_t i = 0; i < sealed.size(); ++i)
    CG_CHECK(tx.execute(fmt::format("INSERT INTO {} (server_id, position, name, sealed) VALUES (?, ?, ?, ?)", table_of(kind)),
                        {std::string(server_id), static_cast<std::int64_t>(i), sealed[i].name, sealed[i].sealed}));
  return {};
}

}  // namespace callgate::catalog
