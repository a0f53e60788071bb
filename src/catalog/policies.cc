#include <fmt/core.h>

#include "catalog/inner.h"
#include "catalog/rows.h"

namespace callgate::catalog {

using store::Row;
using store::Transaction;

namespace {

constexpr std::size_t kTextMax = 1024 * 1024;
constexpr std::size_t kFailuresTold = 20;
constexpr int kTriesMax = 5;

constexpr std::string_view kColumns =
    "SELECT v.name, v.version, v.text, v.author, v.reason, v.created_at FROM policy_versions v JOIN policies p ON p.name = v.name ";

PolicyVersion version_from(const Row& row) {
  return {row.text(0), row.integer(1), row.text(2), row.text(3), row.text(4), time_from_row(row.integer(5))};
}

tl::unexpected<Error> no_such_policy(std::string_view name) {
  return fail(Code::NotFound, "catalog.no_such_policy", fmt::format("no policy is called `{}`", name.substr(0, 64)));
}

Result<void> check_policy_name(std::string_view name) {
  bool fine = !name.empty() && name.size() <= 64;
  for (char c : name)
    fine = fine && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-');
  if (!fine)
    return fail(Code::InvalidArgument, "catalog.invalid_policy_name", "a policy's name is 1 to 64 letters, digits, `.`, `_` and `-`");
  return {};
}

// The newest version, removed or not, and whether it is removed. Version 0: there was never one.
struct Head {
  std::int64_t version = 0;
  bool removed = false;
};

Result<Head> read_head(Transaction& tx, const std::string& name) {
  CG_TRY(auto rows, tx.query("SELECT newest, removed_at FROM policies WHERE name = ?", {name}));
  if (rows.empty()) return Head();
  return Head{rows[0].integer(0), !rows[0].null(1)};
}

Result<std::optional<PolicyVersion>> read_version(Transaction& tx, const std::string& name, std::int64_t version) {
  CG_TRY(auto rows, tx.query(std::string(kColumns) + "WHERE v.name = ? AND v.version = ?", {name, version}));
  if (rows.empty()) return std::optional<PolicyVersion>();
  return std::optional<PolicyVersion>(version_from(rows[0]));
}

Result<std::shared_ptr<const policy::Policy>> compile_and_test(const PolicyVersion& wanted) {
  auto compiled = policy::Policy::compile(wanted.name, wanted.version, wanted.text);
  if (!compiled.policy) return fail(Code::InvalidArgument, "policy.invalid", policy::format_problems(compiled.problems, wanted.name));
  std::string failures;
  std::size_t count = 0;
  for (const policy::TestResult& result : compiled.policy->run_tests()) {
    if (result.passed || ++count > kFailuresTold) continue;
    failures += fmt::format("{}{}:{}: {}: {}", failures.empty() ? "" : "\n", wanted.name, result.line, result.pointer, result.message);
  }
  if (count > kFailuresTold) failures += fmt::format("\nand {} more", count - kFailuresTold);
  if (count > 0) return fail(Code::InvalidArgument, "policy.tests_failed", std::move(failures));
  return compiled.policy;
}

Result<void> insert_version(Transaction& tx, const PolicyVersion& wanted) {
  CG_CHECK(tx.execute(
      "INSERT INTO policies (name, newest) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET newest = excluded.newest, removed_at = NULL",
      {wanted.name, wanted.version}));
  CG_CHECK(tx.execute("INSERT INTO policy_versions (name, version, text, author, reason, created_at) VALUES (?, ?, ?, ?, ?, ?)",
                      {wanted.name, wanted.version, wanted.text, wanted.author, wanted.reason, to_row(wanted.created_at)}));
  return {};
}

}  // namespace

// Compiling needs the version number, and must not hold the database: so read, compile, then store if nothing came between.
Result<PolicyVersion> CatalogStore::put_policy(std::string_view name, std::string_view text, std::string_view author,
                                               std::string_view reason) {
  CG_CHECK(check_policy_name(name));
  CG_CHECK(check_line("the author", author, 200));
  CG_CHECK(check_line("the reason", reason, 500));
  if (text.size() > kTextMax)
    return fail(Code::TooLarge, "policy.too_large", "a policy document may have at most 1 MiB: split it by server");
  for (int attempt = 0; attempt < kTriesMax; ++attempt) {
    PolicyVersion wanted{std::string(name), 0, std::string(text), std::string(author), std::string(reason), inner_->clock.now()};
    Head head;
    std::optional<PolicyVersion> newest;
    CG_CHECK(inner_->database.read([&](Transaction& tx) -> Result<void> {
      CG_TRY(head, read_head(tx, wanted.name));
      CG_TRY(newest, read_version(tx, wanted.name, head.version));
      return {};
    }));
    if (newest && !head.removed && newest->text == wanted.text) return *newest;
    wanted.version = head.version + 1;
    CG_TRY(auto compiled, compile_and_test(wanted));
    bool stored = false;
    CG_CHECK(inner_->database.write([&](Transaction& tx) -> Result<void> {
      CG_TRY(Head now, read_head(tx, wanted.name));
      if (now.version != head.version || now.removed != head.removed) return {};
      CG_CHECK(insert_version(tx, wanted));
      stored = true;
      return {};
    }));
    if (!stored) continue;
    std::lock_guard lock(inner_->mutex);
    inner_->compiled[{wanted.name, wanted.version}] = compiled;
    return wanted;
  }
  return fail(Code::Conflict, "catalog.version", fmt::format("policy `{}` keeps changing: read it again and repeat the change", name));
}

Result<std::vector<PolicyVersion>> CatalogStore::policies() {
  std::vector<PolicyVersion> all;
  CG_CHECK(inner_->database.read([&](Transaction& tx) -> Result<void> {
    CG_TRY(auto rows, tx.query(std::string(kColumns) + "WHERE v.version = p.newest AND p.removed_at IS NULL ORDER BY v.name"));
    for (const Row& row : rows) all.push_back(version_from(row));
    return {};
  }));
  return all;
}

Result<PolicyVersion> CatalogStore::policy(std::string_view name, std::optional<std::int64_t> version) {
  PolicyVersion found;
  CG_CHECK(inner_->database.read([&](Transaction& tx) -> Result<void> {
    CG_TRY(Head head, read_head(tx, std::string(name)));
    if (head.version == 0 || (head.removed && !version)) return no_such_policy(name);
    CG_TRY(auto read, read_version(tx, std::string(name), version.value_or(head.version)));
    if (!read)
      return fail(Code::NotFound, "catalog.no_such_policy",
                  fmt::format("policy `{}` has no version {}: the newest is {}", name, *version, head.version));
    found = std::move(*read);
    return {};
  }));
  return found;
}

Result<std::vector<PolicyVersion>> CatalogStore::policy_history(std::string_view name) {
  std::vector<PolicyVersion> all;
  CG_CHECK(inner_->database.read([&](Transaction& tx) -> Result<void> {
    CG_TRY(auto rows, tx.query(std::string(kColumns) + "WHERE v.name = ? ORDER BY v.version DESC", {std::string(name)}));
    if (rows.empty()) return no_such_policy(name);
    for (const Row& row : rows) all.push_back(version_from(row));
    return {};
  }));
  return all;
}

Result<PolicyVersion> CatalogStore::rollback_policy(std::string_view name, std::int64_t to, std::string_view author,
                                                    std::string_view reason) {
  CG_TRY(PolicyVersion old, policy(name, to));
  return put_policy(name, old.text, author, reason.empty() ? fmt::format("back to version {}", to) : std::string(reason));
}

Result<void> CatalogStore::remove_policy(std::string_view name) {
  if (inner_->policy_in_use) {
    CG_TRY(bool used, inner_->policy_in_use(name));
    if (used)
      return fail(Code::Conflict, "catalog.policy_in_use",
                  fmt::format("a live grant uses policy `{}`: change or revoke it first", name.substr(0, 64)));
  }
  return inner_->database.write([&](Transaction& tx) -> Result<void> {
    std::string wanted(name);
    CG_TRY(Head head, read_head(tx, wanted));
    if (head.version == 0 || head.removed) return no_such_policy(name);
    CG_TRY(auto users, tx.query("SELECT slug FROM servers WHERE policy = ? ORDER BY slug LIMIT 1", {wanted}));
    if (!users.empty())
      return fail(Code::Conflict, "catalog.policy_in_use",
                  fmt::format("server `{}` uses policy `{}`: give it another first", users[0].text(0), wanted));
    CG_CHECK(tx.execute("UPDATE policies SET removed_at = ? WHERE name = ?", {to_row(inner_->clock.now()), wanted}));
    return {};
  });
}

void CatalogStore::set_policy_in_use(std::function<Result<bool>(std::string_view)> policy_in_use) {
  inner_->policy_in_use = std::move(policy_in_use);
}

}  // namespace callgate::catalog
