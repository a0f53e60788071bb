#include "catalog/rows.h"

namespace callgate::catalog {
namespace {

// Times are microseconds since 1970; fingerprints are hex; a command is JSON (command_rows.cc).
// Versions of a removed policy stay: recorded decisions name them.
constexpr store::Migration kMigrations[] = {{"catalog", 1, R"sql(
CREATE TABLE servers (
  id TEXT PRIMARY KEY,
  slug TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  url TEXT NOT NULL,
  policy TEXT NOT NULL,
  disabled BIGINT NOT NULL,
  allow_private BIGINT NOT NULL,
  tls_verify BIGINT NOT NULL,
  tls_ca_pem TEXT NOT NULL,
  capture TEXT NOT NULL,
  connect_timeout_ms BIGINT NOT NULL,
  call_timeout_ms BIGINT NOT NULL,
  response_bytes_max BIGINT NOT NULL,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX servers_policy ON servers (policy);
CREATE TABLE server_headers (
  server_id TEXT NOT NULL REFERENCES servers (id) ON DELETE CASCADE,
  position BIGINT NOT NULL,
  name TEXT NOT NULL,
  sealed TEXT NOT NULL,
  PRIMARY KEY (server_id, position)
);
CREATE TABLE tools (
  server_id TEXT NOT NULL REFERENCES servers (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  title TEXT NOT NULL,
  description TEXT NOT NULL,
  definition_json TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  seen_at BIGINT NOT NULL,
  PRIMARY KEY (server_id, name)
);
CREATE TABLE policies (
  name TEXT PRIMARY KEY,
  newest BIGINT NOT NULL,
  removed_at BIGINT
);
CREATE TABLE policy_versions (
  name TEXT NOT NULL REFERENCES policies (name),
  version BIGINT NOT NULL,
  text TEXT NOT NULL,
  author TEXT NOT NULL,
  reason TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (name, version)
);
)sql"},
                                            {"catalog", 2, R"sql(
ALTER TABLE servers ADD COLUMN kind TEXT NOT NULL DEFAULT 'http';
ALTER TABLE servers ADD COLUMN command TEXT NOT NULL DEFAULT '';
ALTER TABLE servers ADD COLUMN speaks_legacy BIGINT NOT NULL DEFAULT 0;
ALTER TABLE servers ADD COLUMN speaks_modern BIGINT NOT NULL DEFAULT 0;
CREATE TABLE server_secrets (
  server_id TEXT NOT NULL REFERENCES servers (id) ON DELETE CASCADE,
  position BIGINT NOT NULL,
  name TEXT NOT NULL,
  sealed TEXT NOT NULL,
  PRIMARY KEY (server_id, position)
);
)sql"},
                                            // What was seen before pins came counts as approved.
                                            {"catalog", 3, R"sql(
ALTER TABLE servers ADD COLUMN pin TEXT NOT NULL DEFAULT 'default';
ALTER TABLE servers ADD COLUMN seen_at BIGINT NOT NULL DEFAULT 0;
CREATE TABLE pins (
  server_id TEXT NOT NULL REFERENCES servers (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  definition_json TEXT NOT NULL DEFAULT '',
  fingerprint TEXT NOT NULL DEFAULT '',
  rejected TEXT NOT NULL DEFAULT '',
  risk TEXT NOT NULL DEFAULT '',
  decided_by TEXT NOT NULL DEFAULT '',
  reason TEXT NOT NULL DEFAULT '',
  decided_at BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (server_id, kind, name)
);
INSERT INTO pins (server_id, kind, name, definition_json, fingerprint, decided_by, decided_at)
  SELECT server_id, 'tool', name, definition_json, fingerprint, 'first sight', seen_at FROM tools;
UPDATE servers SET seen_at = updated_at WHERE id IN (SELECT server_id FROM tools);
)sql"},
                                            {"catalog", 4, "ALTER TABLE servers ADD COLUMN labels TEXT NOT NULL DEFAULT '';"},
                                            // Which kinds the server told about, by name: only what was told is held back when it differs.
                                            {"catalog", 5, R"sql(
ALTER TABLE servers ADD COLUMN parts_seen TEXT NOT NULL DEFAULT '';
CREATE TABLE parts (
  server_id TEXT NOT NULL REFERENCES servers (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  definition_json TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  seen_at BIGINT NOT NULL,
  PRIMARY KEY (server_id, kind, name)
);
)sql"}};

}  // namespace

std::span<const store::Migration> migrations() { return kMigrations; }

}  // namespace callgate::catalog
