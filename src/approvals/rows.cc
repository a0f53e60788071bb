#include "approvals/rows.h"

#include <cstring>

#include "base/encoding.h"

namespace callgate::approvals {

using store::Row;
using store::Transaction;
using store::Value;

namespace {

// Times are microseconds since 1970; digests are hex; lists are lines.
constexpr store::Migration kMigrations[] = {{"approvals", 1, R"sql(
CREATE TABLE approvals (
  id TEXT PRIMARY KEY,
  binding TEXT NOT NULL,
  state TEXT NOT NULL,
  grant_id TEXT NOT NULL,
  principal_id TEXT NOT NULL,
  server_id TEXT NOT NULL,
  method TEXT NOT NULL,
  tool TEXT NOT NULL,
  policy TEXT NOT NULL,
  policy_version BIGINT NOT NULL,
  fingerprint TEXT NOT NULL,
  call_digest TEXT NOT NULL,
  principal_name TEXT NOT NULL,
  principal_kind TEXT NOT NULL,
  owner_id TEXT NOT NULL,
  grant_label TEXT NOT NULL,
  client TEXT NOT NULL,
  server_slug TEXT NOT NULL,
  stated_reason TEXT NOT NULL,
  decision_id TEXT NOT NULL,
  call_json TEXT NOT NULL,
  leaves TEXT NOT NULL,
  message TEXT NOT NULL,
  rules TEXT NOT NULL,
  roles TEXT NOT NULL,
  approvers BIGINT NOT NULL,
  expires_s BIGINT NOT NULL,
  self BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  decided_at BIGINT,
  executed_at BIGINT,
  repeatable BIGINT NOT NULL,
  vary TEXT NOT NULL,
  uses BIGINT NOT NULL
);
CREATE INDEX approvals_state ON approvals (state);
CREATE INDEX approvals_created ON approvals (created_at);
CREATE INDEX approvals_tool ON approvals (server_id, tool, executed_at);
CREATE INDEX approvals_grant ON approvals (grant_id, created_at);
CREATE TABLE approval_votes (
  approval_id TEXT NOT NULL REFERENCES approvals (id) ON DELETE CASCADE,
  position BIGINT NOT NULL,
  principal_id TEXT NOT NULL,
  name TEXT NOT NULL,
  roles TEXT NOT NULL,
  yes BIGINT NOT NULL,
  note TEXT NOT NULL,
  voted_at BIGINT NOT NULL,
  PRIMARY KEY (approval_id, principal_id)
);
)sql"}};

constexpr std::string_view kColumns =
    "id, state, grant_id, principal_id, server_id, method, tool, policy, policy_version, fingerprint, call_digest, principal_name, "
    "principal_kind, owner_id, grant_label, client, server_slug, stated_reason, decision_id, call_json, leaves, message, rules, roles, "
    "approvers, expires_s, self, created_at, expires_at, decided_at, executed_at, repeatable, vary, uses";

std::string lines(const std::vector<std::string>& list) {
  std::string out;
  for (const std::string& one : list) (out += out.empty() ? "" : "\n") += one;
  return out;
}

std::vector<std::string> from_lines(const std::string& text) {
  std::vector<std::string> list;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = std::min(text.find('\n', at), text.size());
    list.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return list;
}

Digest digest_from(const std::string& hex) {
  Digest digest{};
  auto bytes = hex_decode(hex);
  if (bytes && bytes->size() == digest.size()) std::memcpy(digest.data(), bytes->data(), digest.size());
  return digest;
}

State state_from(std::string_view text) {
  for (State state : {State::Pending, State::Approved, State::Denied, State::Executed})
    if (text == state_name(state)) return state;
  return State::Expired;  // what cannot be read is good for nothing
}

Value time_or_null(const std::optional<WallTime>& time) { return time ? Value(to_row(*time)) : Value(nullptr); }

Approval approval_from(const Row& row) {
  Approval out;
  Proposal& p = out.proposal;
  std::size_t at = 0;
  auto text = [&] { return row.text(at++); };
  auto number = [&] { return row.integer(at++); };
  auto time = [&]() -> std::optional<WallTime> {
    std::optional<WallTime> read;
    if (!row.null(at)) read = time_from_row(row.integer(at));
    ++at;
    return read;
  };
  out.id = text();
  out.state = state_from(text());
  p.binding.grant_id = text(), p.binding.principal_id = text(), p.binding.server_id = text();
  p.binding.method = text(), p.binding.tool = text(), p.binding.policy = text();
  p.binding.policy_version = number();
  p.binding.fingerprint = digest_from(text()), p.binding.call = digest_from(text());
  p.principal_name = text(), p.principal_kind = text(), p.owner_id = text(), p.grant_label = text();
  p.client = text(), p.server_slug = text(), p.stated_reason = text(), p.decision_id = text();
  p.call_json = text(), p.leaves = text(), p.message = text();
  p.rules = from_lines(text()), p.roles = from_lines(text());
  p.approvers = static_cast<std::uint32_t>(number());
  p.expires = std::chrono::seconds(number());
  p.self = number() != 0;
  out.created_at = time_from_row(number()), out.expires_at = time_from_row(number());
  out.decided_at = time(), out.executed_at = time();
  out.repeatable = number() != 0;
  out.vary = from_lines(text());
  out.uses = number();
  return out;
}

}  // namespace

std::span<const store::Migration> migrations() { return kMigrations; }

std::string_view state_name(State state) {
  switch (state) {
    case State::Pending: return "pending";
    case State::Approved: return "approved";
    case State::Denied: return "denied";
    case State::Expired: return "expired";
    case State::Executed: return "executed";
  }
  return "expired";
}

Result<std::vector<Approval>> read(Transaction& tx, std::string_view where, std::span<const Value> values) {
  std::string sql = "SELECT " + std::string(kColumns) + " FROM approvals " + std::string(where);
  CG_TRY(auto rows, tx.query(sql, values));
  std::vector<Approval> out;
  for (const Row& row : rows) {
    out.push_back(approval_from(row));
    CG_TRY(auto votes, tx.query("SELECT principal_id, name, roles, yes, note, voted_at FROM approval_votes WHERE approval_id = ? ORDER BY "
                                "position",
                                {out.back().id}));
    for (const Row& vote : votes)
      out.back().votes.push_back(
          {vote.text(0), vote.text(1), from_lines(vote.text(2)), vote.integer(3) != 0, vote.text(4), time_from_row(vote.integer(5))});
  }
  return out;
}

Result<void> insert(Transaction& tx, const Approval& a) {
  const Proposal& p = a.proposal;
  std::vector<Value> values{a.id,
                            p.binding.digest(),
                            std::string(state_name(a.state)),
                            p.binding.grant_id,
                            p.binding.principal_id,
                            p.binding.server_id,
                            p.binding.method,
                            p.binding.tool,
                            p.binding.policy,
                            p.binding.policy_version,
                            hex_encode(p.binding.fingerprint),
                            hex_encode(p.binding.call),
                            p.principal_name,
                            p.principal_kind,
                            p.owner_id,
                            p.grant_label,
                            p.client,
                            p.server_slug,
                            p.stated_reason,
                            p.decision_id,
                            p.call_json,
                            p.leaves,
                            p.message,
                            lines(p.rules),
                            lines(p.roles),
                            std::int64_t{p.approvers},
                            std::int64_t{p.expires.count()},
                            std::int64_t{p.self},
                            to_row(a.created_at),
                            to_row(a.expires_at),
                            time_or_null(a.decided_at),
                            time_or_null(a.executed_at),
                            std::int64_t{a.repeatable},
                            lines(a.vary),
                            a.uses};
  std::string sql = "INSERT INTO approvals (id, binding, " + std::string(kColumns.substr(4)) + ") VALUES (?";
  for (std::size_t i = 1; i < values.size(); ++i) sql += ", ?";
  CG_CHECK(tx.execute(sql + ")", values));
  return {};
}

Result<void> insert_vote(Transaction& tx, const std::string& id, const Vote& vote) {
  CG_TRY(auto count, tx.query("SELECT COUNT(*) FROM approval_votes WHERE approval_id = ?", {id}));
  CG_CHECK(tx.execute(
      "INSERT INTO approval_votes (approval_id, position, principal_id, name, roles, yes, note, voted_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      {id, count[0].integer(0), vote.principal_id, vote.name, lines(vote.roles), std::int64_t{vote.yes}, vote.note, to_row(vote.at)}));
  return {};
}

Result<bool> advance(Transaction& tx, const Approval& a, State from) {
  CG_TRY(auto rows,
         tx.execute("UPDATE approvals SET state = ?, expires_at = ?, decided_at = ?, executed_at = ?, repeatable = ?, vary = ?, "
                    "uses = ? WHERE id = ? AND state = ?",
                    {std::string(state_name(a.state)), to_row(a.expires_at), time_or_null(a.decided_at), time_or_null(a.executed_at),
                     std::int64_t{a.repeatable}, lines(a.vary), a.uses, a.id, std::string(state_name(from))}));
  return rows == 1;
}

}  // namespace callgate::approvals
