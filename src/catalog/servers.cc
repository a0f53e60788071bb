#include <fmt/core.h>

#include <set>

#include "catalog/credentials.h"
#include "catalog/inner.h"
#include "catalog/rows.h"

namespace callgate::catalog {

using store::Transaction;

namespace {

constexpr std::size_t kHeadersMax = 32;
constexpr int kSlugTriesMax = 10'000;

Result<void> check_policy_exists(Transaction& tx, const std::string& policy) {
  if (policy.empty()) return {};
  CG_TRY(auto rows, tx.query("SELECT name FROM policies WHERE name = ? AND removed_at IS NULL", {policy}));
  if (rows.empty())
    return fail(Code::InvalidArgument, "catalog.no_such_policy",
                fmt::format("no policy is called `{}`: store it first", policy.substr(0, 64)));
  return {};
}

Result<bool> slug_taken(Transaction& tx, const std::string& slug, const std::string& by_other_than) {
  CG_TRY(auto rows, tx.query("SELECT id FROM servers WHERE slug = ? AND id <> ?", {slug, by_other_than}));
  return !rows.empty();
}

Result<void> settle_slug(Transaction& tx, Server& server) {
  if (!server.slug.empty()) {
    CG_CHECK(check_slug(server.slug));
    CG_TRY(bool taken, slug_taken(tx, server.slug, server.id));
    if (taken)
      return fail(Code::Conflict, "catalog.duplicate_slug", fmt::format("another server has the slug `{}`: choose another", server.slug));
    return {};
  }
  std::string base = slug_from(server.name);
  for (int number = 1; number < kSlugTriesMax; ++number) {
    server.slug = number == 1 ? base : fmt::format("{}-{}", base, number);
    CG_TRY(bool taken, slug_taken(tx, server.slug, server.id));
    if (!taken) return {};
  }
  return fail(Code::Conflict, "catalog.duplicate_slug", fmt::format("too many servers are called `{}`: name a slug", base));
}

Result<void> check_headers(const std::vector<HeaderValue>& headers) {
  if (headers.size() > kHeadersMax)
    return fail(Code::InvalidArgument, "catalog.invalid_server", fmt::format("a server has at most {} headers", kHeadersMax));
  std::set<std::string> seen;
  for (const HeaderValue& header : headers) {
    CG_CHECK(vault::check_header(header.name, header.value.reveal()));
    if (!seen.insert(lower_case(header.name)).second)
      return fail(Code::InvalidArgument, "catalog.duplicate_header", fmt::format("the header `{}` is named twice", header.name));
  }
  return {};
}

Result<std::vector<SealedHeader>> seal(vault::Vault& vault, const std::string& server_id, const std::vector<HeaderValue>& headers) {
  CG_CHECK(check_headers(headers));
  std::vector<SealedHeader> sealed;
  for (const HeaderValue& header : headers) {
    CG_TRY(auto text, vault.seal(header_record(server_id, header.name), header.value));
    sealed.push_back({server_id, header.name, std::move(text)});
  }
  return sealed;
}

}  // namespace

Result<vault::Credentials> open_credentials(vault::Vault& vault, std::span<const SealedHeader> headers) {
  if (headers.empty()) return vault::Credentials();
  std::vector<Secret> values;
  std::size_t size = 0;
  for (const SealedHeader& header : headers) {
    CG_TRY(Secret value, vault.open(header_record(header.server_id, header.name), header.sealed));
    CG_CHECK(vault::check_header(header.name, value.reveal()));  // the name is not sealed: what was edited by hand must not break the line
    size += header.name.size() + value.reveal().size() + 4;
    values.push_back(std::move(value));
  }
  std::string lines;
  lines.reserve(size + 32);  // grown once and never small: no copy of a secret stays behind
  for (std::size_t i = 0; i < headers.size(); ++i) ((((lines += headers[i].name) += ": ") += values[i].reveal()) += "\r\n");
  return vault::Credentials(Secret(std::move(lines)));
}

Result<Server> CatalogStore::add_server(Server server, const std::vector<HeaderValue>& headers) {
  CG_CHECK(check_server(server));
  server.id = new_uuid();
  server.version = 1;
  server.created_at = server.updated_at = inner_->clock.now();
  CG_TRY(auto sealed, seal(inner_->vault, server.id, headers));
  CG_CHECK(inner_->database.write([&](Transaction& tx) -> Result<void> {
    CG_CHECK(check_policy_exists(tx, server.policy));
    CG_CHECK(settle_slug(tx, server));
    CG_CHECK(insert_server(tx, server));
    return write_headers(tx, server.id, sealed);
  }));
  server.header_names.clear();
  for (const HeaderValue& header : headers) server.header_names.push_back(header.name);
  return server;
}

Result<std::vector<Server>> CatalogStore::servers() {
  std::vector<Server> all;
  CG_CHECK(inner_->database.read([&](Transaction& tx) -> Result<void> {
    CG_TRY(all, read_servers(tx));
    return {};
  }));
  return all;
}

Result<Server> CatalogStore::server(std::string_view id_or_slug) {
  Server found;
  CG_CHECK(inner_->database.read([&](Transaction& tx) -> Result<void> {
    CG_TRY(found, find_server(tx, id_or_slug));
    return {};
  }));
  return found;
}

Result<Server> CatalogStore::update_server(const Server& server, const std::optional<std::vector<HeaderValue>>& headers) {
  CG_CHECK(check_server(server));
  std::vector<SealedHeader> sealed;
  if (headers) {
    CG_TRY(sealed, seal(inner_->vault, server.id, *headers));
  }
  Server updated = server;
  CG_CHECK(inner_->database.write([&](Transaction& tx) -> Result<void> {
    CG_TRY(Server old, find_server(tx, server.id));
    if (updated.slug.empty()) updated.slug = old.slug;
    if (updated.policy != old.policy) CG_CHECK(check_policy_exists(tx, updated.policy));
    CG_CHECK(settle_slug(tx, updated));
    updated.version = server.version + 1;
    updated.updated_at = inner_->clock.now();
    CG_TRY(bool replaced, replace_server(tx, updated, server.version));
    if (!replaced)
      return fail(Code::Conflict, "catalog.version",
                  fmt::format("server `{}` changed meanwhile: read it again and repeat the change", old.slug));
    if (headers) CG_CHECK(write_headers(tx, old.id, sealed));
    CG_TRY(updated, find_server(tx, old.id));
    return {};
  }));
  return updated;
}

Result<void> CatalogStore::remove_server(std::string_view id_or_slug) {
  return inner_->database.write([&](Transaction& tx) -> Result<void> {
    CG_TRY(Server found, find_server(tx, id_or_slug));
    CG_CHECK(tx.execute("DELETE FROM servers WHERE id = ?", {found.id}));  // headers and tools go with it
    return {};
  });
}

Result<vault::Credentials> CatalogStore::credentials(std::string_view server_id) {
  std::vector<SealedHeader> headers;
  CG_CHECK(inner_->database.read([&](Transaction& tx) -> Result<void> {
    CG_TRY(Server found, find_server(tx, server_id));
    CG_TRY(headers, read_headers(tx, found.id));
    return {};
  }));
  return open_credentials(inner_->vault, headers);
}

}  // namespace callgate::catalog
