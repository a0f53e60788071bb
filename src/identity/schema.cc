#include "identity/rows.h"

namespace callgate::identity {
namespace {

// Times are microseconds since 1970; digests are hex. Removed principals stay as rows: their revoked grants still name them.
constexpr store::Migration kMigrations[] = {{"identity", 1, R"sql(
CREATE TABLE token_key (
  id BIGINT PRIMARY KEY CHECK (id = 1),
  proof TEXT NOT NULL
);
CREATE TABLE principals (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('user', 'robot')),
  name TEXT NOT NULL,
  display_name TEXT NOT NULL,
  owner_id TEXT REFERENCES principals (id),
  disabled BIGINT NOT NULL,
  admin_roles TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  removed_at BIGINT
);
CREATE UNIQUE INDEX principals_name ON principals (name) WHERE removed_at IS NULL;
CREATE TABLE roles (
  name TEXT PRIMARY KEY,
  description TEXT NOT NULL
);
CREATE TABLE role_permissions (
  role TEXT NOT NULL REFERENCES roles (name) ON DELETE CASCADE,
  position BIGINT NOT NULL,
  tool_position BIGINT NOT NULL,
  server TEXT NOT NULL,
  tool TEXT NOT NULL,
  PRIMARY KEY (role, position, tool_position)
);
CREATE TABLE grants (
  id TEXT PRIMARY KEY,
  label TEXT NOT NULL,
  principal_id TEXT NOT NULL REFERENCES principals (id),
  policy TEXT NOT NULL,
  role TEXT NOT NULL,
  deny_as TEXT NOT NULL,
  networks TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  revoked_at BIGINT,
  revoked_why TEXT NOT NULL,
  last_used_at BIGINT,
  token_last4 TEXT NOT NULL,
  token_hmac TEXT NOT NULL UNIQUE,
  previous_hmac TEXT,
  overlap_until BIGINT,
  note TEXT NOT NULL,
  version BIGINT NOT NULL
);
CREATE INDEX grants_label ON grants (label);
CREATE INDEX grants_principal ON grants (principal_id);
CREATE INDEX grants_policy ON grants (policy);
CREATE TABLE grant_servers (
  grant_id TEXT NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
  server_id TEXT NOT NULL,
  PRIMARY KEY (grant_id, server_id)
);
CREATE TABLE api_tokens (
  id TEXT PRIMARY KEY,
  principal_id TEXT NOT NULL REFERENCES principals (id),
  label TEXT NOT NULL,
  last4 TEXT NOT NULL,
  hmac TEXT NOT NULL UNIQUE,
  created_at BIGINT NOT NULL,
  expires_at BIGINT,
  revoked_at BIGINT
);
CREATE TABLE setup_codes (
  hmac TEXT PRIMARY KEY,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
)sql"}};

}  // namespace

std::span<const store::Migration> migrations() { return kMigrations; }

}  // namespace callgate::identity
