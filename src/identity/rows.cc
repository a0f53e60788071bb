#include "identity/rows.h"

#include <fmt/core.h>

#include <cstring>

#include "base/encoding.h"

namespace callgate::identity {

using store::Row;
using store::Transaction;

std::string to_row(const Digest& digest) { return hex_encode(digest); }

Digest digest_from_row(const std::string& hex) {
  Digest digest{};
  auto bytes = hex_decode(hex);
  if (bytes && bytes->size() == digest.size()) std::memcpy(digest.data(), bytes->data(), digest.size());
  return digest;
}

std::string join_words(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text += ' ';
    text += word;
  }
  return text;
}

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    auto end = text.find(' ');
    if (end != 0) words.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return words;
}

Result<void> check_line(std::string_view field, std::string_view text, std::size_t bytes_max) {
  if (text.size() > bytes_max)
    return fail(Code::InvalidArgument, "identity.invalid_text", fmt::format("{} must be at most {} bytes", field, bytes_max));
  for (char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      return fail(Code::InvalidArgument, "identity.invalid_text", fmt::format("{} must not hold control characters or line breaks", field));
  return {};
}

namespace {

bool made_of(std::string_view text, std::string_view also, bool upper) {
  if (text.empty() || text.size() > 64) return false;
  for (char c : text) {
    bool fine =
        (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (upper && c >= 'A' && c <= 'Z') || also.find(c) != std::string_view::npos;
    if (!fine) return false;
  }
  return true;
}

constexpr std::string_view kPrincipalColumns =
    "SELECT id, kind, name, display_name, owner_id, disabled, admin_roles, created_at, removed_at FROM principals";

PrincipalRow principal_from(const Row& row) {
  PrincipalRow read;
  Principal& principal = read.principal;
  principal.id = row.text(0);
  principal.kind = row.text(1) == "user" ? PrincipalKind::User : PrincipalKind::Robot;
  principal.name = row.text(2);
  principal.display_name = row.text(3);
  principal.owner_id = row.text(4);
  principal.disabled = row.integer(5) != 0;
  principal.admin_roles = split_words(row.text(6));
  principal.created_at = time_from_row(row.integer(7));
  read.removed = !row.null(8);
  return read;
}

}  // namespace

bool is_principal_name(std::string_view name) {  // never like an id, so that one text finds one principal
  return made_of(name, "._@-", false) && !name.starts_with("usr_") && !name.starts_with("rob_");
}
bool is_role_name(std::string_view name) { return made_of(name, "._-", true); }

Result<std::vector<PrincipalRow>> read_principals(Transaction& tx) {
  CG_TRY(auto rows, tx.query(std::string(kPrincipalColumns) + " ORDER BY created_at, id"));
  std::vector<PrincipalRow> principals;
  principals.reserve(rows.size());
  for (const Row& row : rows) principals.push_back(principal_from(row));
  return principals;
}

Result<Principal> find_principal(Transaction& tx, std::string_view id_or_name) {
  std::string wanted(id_or_name);
  CG_TRY(auto rows, tx.query(std::string(kPrincipalColumns) + " WHERE (id = ? OR name = ?) AND removed_at IS NULL", {wanted, wanted}));
  if (rows.empty())
    return fail(Code::NotFound, "identity.no_such_principal", fmt::format("no user or robot is called `{}`", wanted.substr(0, 64)));
  return principal_from(rows[0]).principal;
}

Result<std::int64_t> count_owners(Transaction& tx) {
  CG_TRY(auto rows, tx.query("SELECT count(*) FROM principals WHERE kind = 'user' AND disabled = 0 AND removed_at IS NULL "
                             "AND ' ' || admin_roles || ' ' LIKE '% owner %'"));
  return rows.at(0).integer(0);
}

Result<void> check_owner_left(Transaction& tx, std::int64_t owners_before) {
  if (owners_before == 0) return {};
  CG_TRY(auto left, count_owners(tx));
  if (left > 0) return {};
  return fail(Code::Conflict, "identity.last_owner",
              "this is the last enabled user with the admin role `owner`: give the role to another first");
}

}  // namespace callgate::identity
