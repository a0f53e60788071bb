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

// A variable is named once, whether its value is secret or not.
Result<void> check_secrets(const Server& server, const std::vector<HeaderValue>& secrets) {
  if (server.kind == ServerKind::Http && !secrets.empty())
    return fail(Code::InvalidArgument, "catalog.invalid_server", "an HTTP server has no environment: send its credentials as headers");
  if (secrets.size() > kHeadersMax)
    return fail(Code::InvalidArgument, "catalog.invalid_server", fmt::format("a server has at most {} secrets", kHeadersMax));
  std::set<std::string> seen;
  for (const std::string& one : server.command.environment) seen.insert(one.substr(0, one.find('=')));
  for (const HeaderValue& secret : secrets) {
    CG_CHECK(check_variable(secret.name, secret.value.reveal()));
    if (!seen.insert(secret.name).second)
      return fail(Code::InvalidArgument, "catalog.invalid_server", fmt::format("the variable `{}` is named twice", secret.name));
  }
  return {};
}

// The secrets that stay must not collide with a plain variable that comes.
Result<void> check_secret_names(const Server& server, const std::vector<std::string>& names) {
  for (const std::string& one : server.command.environment)
    for (const std::string& name : names)
      if (one.substr(0, one.find('=')) == name)
        return fail(Code::InvalidArgument, "catalog.invalid_server",
                    fmt::format("the variable `{}` is a secret already: write the secrets anew without it", name));
  return {};
}

Result<std::vector<SealedHeader>> seal(vault::Vault& vault, Sealed kind, const Server& server, const std::vector<HeaderValue>& values) {
  if (kind == Sealed::Secret) {
    CG_CHECK(check_secrets(server, values));
  } else {
    CG_CHECK(check_headers(values));
    if (server.kind == ServerKind::Stdio && !values.empty())
      return fail(Code::InvalidArgument, "catalog.invalid_server",
                  "a stdio server has no headers: give it its credentials as secret variables");
  }
  std::vector<SealedHeader> sealed;
  for (const HeaderValue& value : values) {
    CG_TRY(auto text, vault.seal(sealed_record(kind, server.id, value.name), value.value));
    sealed.push_back({server.id, value.name, std::move(text)});
  }
  return sealed;
}

Result<Secret> open_environment(vault::Vault& vault, std::span<const SealedHeader> secrets) {
  std::vector<Secret> values;
  std::size_t size = 0;
  for (const SealedHeader& secret : secrets) {
    CG_TRY(Secret value, vault.open(sealed_record(Sealed::Secret, secret.server_id, secret.name), secret.sealed));
    CG_CHECK(check_variable(secret.name, value.reveal()));  // the name is not sealed
    size += secret.name.size() + value.reveal().size() + 2;
    values.push_back(std::move(value));
  }
  std::string text;
  text.reserve(size + 32);
  for (std::size_t i = 0; i < secrets.size(); ++i) (((text += secrets[i].name) += '=') += values[i].reveal()) += '\0';
  return Secret(std::move(text));
}

}  // namespace

Result<vault::Credentials> open_credentials(vault::Vault& vault, std::span<const SealedHeader> headers,
                                            std::span<const SealedHeader> secrets) {
  if (headers.empty() && secrets.empty()) return vault::Credentials();
  CG_TRY(Secret environment, open_environment(vault, secrets));
  std::vector<Secret> values;
  std::size_t size = 0;
  for (const SealedHeader& header : headers) {
    CG_TRY(Secret value, vault.open(sealed_record(Sealed::Header, header.server_id, header.name), header.sealed));
    CG_CHECK(vault::check_header(header.name, value.reveal()));  // the name is not sealed: what was edited by hand must not break the line
    size += header.name.size() + value.reveal().size() + 4;
    values.push_back(std::move(value));
  }
  std::string lines;
  lines.reserve(size + 32);  // grown once and never small: no copy of a secret stays behind
  for (std::size_t i = 0; i < headers.size(); ++i) ((((lines += headers[i].name) += ": ") += values[i].reveal()) += "\r\n");
  return vault::Credentials(Secret(std::move(lines)), std::move(environment));
}

Result<Server> CatalogStore::add_server(Server server, const std::vector<HeaderValue>& headers, const std::vector<HeaderValue>& secrets) {
  CG_CHECK(check_server(server));
  server.id = new_uuid();
  server.version = 1;
  server.created_at = server.updated_at = inner_->clock.now();
  CG_TRY(auto sealed, seal(inner_->vault, Sealed::Header, server, headers));
  CG_TRY(auto sealed_secrets, seal(inner_->vault, Sealed::Secret, server, secrets));
  CG_CHECK(inner_->database.write([&](Transaction& tx) -> Result<void> {
    CG_CHECK(check_policy_exists(tx, server.policy));
    CG_CHECK(settle_slug(tx, server));
    CG_CHECK(insert_server(tx, server));
    CG_CHECK(write_sealed(tx, Sealed::Header, server.id, sealed));
    return write_sealed(tx, Sealed::Secret, server.id, sealed_secrets);
  }));
  server.header_names.clear();
  for (const HeaderValue& header : headers) server.header_names.push_back(header.name);
  server.command.secret_names.clear();
  for (const HeaderValue& secret : secrets) server.command.secret_names.push_back(secret.name);
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

Result<Server> CatalogStore::update_server(const Server& server, const std::optional<std::vector<HeaderValue>>& headers,
                                           const std::optional<std::vector<HeaderValue>>& secrets) {
  CG_CHECK(check_server(server));
  std::vector<SealedHeader> sealed, sealed_secrets;
  if (headers) {
    CG_TRY(sealed, seal(inner_->vault, Sealed::Header, server, *headers));
  }
  if (secrets) {
    CG_TRY(sealed_secrets, seal(inner_->vault, Sealed::Secret, server, *secrets));
  }
  Server updated = server;
  CG_CHECK(inner_->database.write([&](Transaction& tx) -> Result<void> {
    CG_TRY(Server old, find_server(tx, server.id));
    if (old.kind != server.kind)
      return fail(Code::InvalidArgument, "catalog.invalid_server",
                  fmt::format("server `{}` cannot change between a URL and a command: add another server", old.slug));
    if (!secrets) CG_CHECK(check_secret_names(server, old.command.secret_names));
    if (updated.slug.empty()) updated.slug = old.slug;
    if (updated.policy != old.policy) CG_CHECK(check_policy_exists(tx, updated.policy));
    CG_CHECK(settle_slug(tx, updated));
    updated.version = server.version + 1;
    updated.updated_at = inner_->clock.now();
    CG_TRY(bool replaced, replace_server(tx, updated, server.version));
    if (!replaced)
      return fail(Code::Conflict, "catalog.version",
                  fmt::format("server `{}` changed meanwhile: read it again and repeat the change", old.slug));
    if (headers) CG_CHECK(write_sealed(tx, Sealed::Header, old.id, sealed));
    if (secrets) CG_CHECK(write_sealed(tx, Sealed::Secret, old.id, sealed_secrets));
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
  std::vector<SealedHeader> headers, secrets;
  CG_CHECK(inner_->database.read([&](Transaction& tx) -> Result<void> {
    CG_TRY(Server found, find_server(tx, server_id));
    CG_TRY(headers, read_sealed(tx, Sealed::Header, found.id));
    CG_TRY(secrets, read_sealed(tx, Sealed::Secret, found.id));
    return {};
  }));
  return open_credentials(inner_->vault, headers, secrets);
}

}  // namespace callgate::catalog
