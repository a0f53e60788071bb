#include <fmt/core.h>

#include "identity/rows.h"

namespace callgate::identity {

using store::Row;
using store::Transaction;

namespace {

constexpr std::size_t kServersMax = 10'000;
constexpr std::size_t kNetworksMax = 100;

constexpr std::string_view kColumns =
    "SELECT id, label, principal_id, policy, role, deny_as, networks, created_at, expires_at, revoked_at, last_used_at, token_last4, "
    "token_hmac, "
    "previous_hmac, overlap_until, note, version FROM grants";

std::optional<WallTime> optional_time(const Row& row, std::size_t column) {
  if (row.null(column)) return std::nullopt;
  return time_from_row(row.integer(column));
}

std::vector<IpRange> networks_from(const std::string& text) {
  std::vector<IpRange> networks;
  for (const std::string& word : split_words(text)) {
    auto range = IpRange::parse(word);
    networks.push_back(range ? *range : IpRange{});  // damaged: `::/128`, from where nobody connects, so still a restriction
  }
  return networks;
}

DenyAs deny_as_from(const std::string& text) {
  if (text == "result") return DenyAs::Result;
  return text == "auto" ? DenyAs::Auto : DenyAs::Error;
}

Grant grant_from(const Row& row) {
  Grant grant;
  grant.id = row.text(0);
  grant.label = row.text(1);
  grant.principal_id = row.text(2);
  grant.policy = row.text(3);
  grant.role = row.text(4);
  grant.deny_as = deny_as_from(row.text(5));
  grant.networks = networks_from(row.text(6));
  grant.created_at = time_from_row(row.integer(7));
  grant.expires_at = time_from_row(row.integer(8));
  grant.revoked_at = optional_time(row, 9);
  grant.last_used_at = optional_time(row, 10);
  grant.token_last4 = row.text(11);
  grant.token_hmac = digest_from_row(row.text(12));
  if (!row.null(13)) grant.previous_hmac = digest_from_row(row.text(13));
  grant.overlap_until = optional_time(row, 14);
  grant.note = row.text(15);
  grant.version = row.integer(16);
  return grant;
}

Result<void> read_servers_of(Transaction& tx, Grant& grant) {
  CG_TRY(auto rows, tx.query("SELECT server_id FROM grant_servers WHERE grant_id = ? ORDER BY server_id", {grant.id}));
  for (const Row& row : rows) grant.servers.push_back(row.text(0));
  return {};
}

tl::unexpected<Error> invalid(std::string message) { return fail(Code::InvalidArgument, "identity.invalid_grant", std::move(message)); }

}  // namespace

std::string networks_to_row(const std::vector<IpRange>& networks) {
  std::vector<std::string> words;
  for (const IpRange& range : networks) words.push_back(range.text());
  return join_words(words);
}

std::string_view deny_as_to_row(DenyAs deny_as) {
  switch (deny_as) {
    case DenyAs::Error: return "error";
    case DenyAs::Result: return "result";
    case DenyAs::Auto: return "auto";
  }
  return "error";
}

Result<std::vector<Grant>> read_grants(Transaction& tx, std::optional<WallTime> revoked_after) {
  std::string sql(kColumns);
  std::vector<store::Value> values;
  if (revoked_after) {
    sql += " WHERE revoked_at IS NULL OR revoked_at > ?";
    values.emplace_back(to_row(*revoked_after));
  }
  CG_TRY(auto rows, tx.query(sql + " ORDER BY id", values));
  CG_TRY(auto servers, tx.query("SELECT grant_id, server_id FROM grant_servers ORDER BY grant_id, server_id"));
  std::vector<Grant> grants;
  grants.reserve(rows.size());
  std::size_t at = 0;
  for (const Row& row : rows) {  // both lists are sorted by grant: one walk over each
    Grant& grant = grants.emplace_back(grant_from(row));
    while (at < servers.size() && servers[at].text(0) < grant.id) ++at;
    for (; at < servers.size() && servers[at].text(0) == grant.id; ++at) grant.servers.push_back(servers[at].text(1));
  }
  return grants;
}

Result<Grant> find_grant(Transaction& tx, std::string_view id_or_label) {
  std::string wanted(id_or_label);
  CG_TRY(auto rows, tx.query(std::string(kColumns) + " WHERE id = ?", {wanted}));
  if (rows.empty()) {  // a label in use comes before the same label on revoked grants
    CG_TRY(rows, tx.query(std::string(kColumns) + " WHERE label = ? AND revoked_at IS NULL LIMIT 2", {wanted}));
    if (rows.empty()) {
      CG_TRY(rows, tx.query(std::string(kColumns) + " WHERE label = ? LIMIT 2", {wanted}));
    }
  }
  if (rows.empty())
    return fail(Code::NotFound, "identity.no_such_grant", fmt::format("no grant has the id or label `{}`", wanted.substr(0, 64)));
  if (rows.size() > 1)
    return fail(Code::Conflict, "identity.ambiguous_label",
                fmt::format("several grants have the label `{}`: use the id", wanted.substr(0, 100)));
  Grant grant = grant_from(rows[0]);
  CG_CHECK(read_servers_of(tx, grant));
  return grant;
}

Result<void> write_grant_servers(Transaction& tx, const Grant& grant) {
  CG_CHECK(tx.execute("DELETE FROM grant_servers WHERE grant_id = ?", {grant.id}));
  for (const std::string& server : grant.servers)
    CG_CHECK(tx.execute("INSERT INTO grant_servers (grant_id, server_id) VALUES (?, ?)", {grant.id, server}));
  return {};
}

Result<void> check_grant(Transaction& tx, const Grant& grant) {
  if (grant.label.empty()) return invalid("a grant needs a label, such as the client and machine it is for");
  if (grant.label.starts_with("grt_")) return invalid("a label must not begin with `grt_`, as ids do");
  CG_CHECK(check_line("the label", grant.label, 100));
  CG_CHECK(check_line("the note", grant.note, 2'000));
  if (!grant.policy.empty() && !is_role_name(grant.policy))
    return invalid("the policy name may hold letters, digits, `.`, `_` and `-` only");
  if (grant.servers.empty()) return invalid("name at least one server, or `*` for every server");
  if (grant.servers.size() > kServersMax) return invalid("too many servers: use `*` and a role");
  for (const std::string& server : grant.servers) {
    if (server.empty()) return invalid("a server id is empty");
    CG_CHECK(check_line("a server id", server, 64));
  }
  if (grant.networks.size() > kNetworksMax) return invalid(fmt::format("at most {} networks", kNetworksMax));
  if (!grant.role.empty()) CG_CHECK(find_role(tx, grant.role));
  return {};
}

}  // namespace callgate::identity
