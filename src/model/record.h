#pragma once
// One line of the audit journal, as views: the journal serialises it at once. Fields that do not apply stay empty.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/clock.h"
#include "base/crypto.h"

namespace callgate {

enum class Effect : std::uint8_t { Allow, Deny, Ask };  // ask: a person decides; whoever does not know it must treat it as deny

struct ShadowFinding {  // what a rule in shadow mode would have done
  std::string_view rule;
  std::string_view message;
};

struct Record {
  enum class Kind : std::uint8_t {
    Call,     // a request or notification on the data path, complete: decision and outcome
    Intent,   // written before the upstream is called when audit.commit = before_effect
    Refusal,  // refused before a caller was known: framing, Host, authentication
    Session,  // opened, closed, expired
    Admin,    // a change through REST or CLI
    Probe,
    System,    // start, stop, recovery, retention
    Approval,  // a call was put before a person, or goes on because one said yes
  };
  Kind kind = Kind::Call;
  WallTime time{};
  std::string_view decision_id;  // dec_...; joins intent, call, error data and logs
  std::string_view principal_id, principal_name;
  std::string_view principal_kind;  // user | robot
  std::string_view grant_id, grant_label;
  std::string_view client;  // self-reported client name and version: display only
  std::string_view remote_address;
  std::string_view session_id;  // a short digest of it, never the id itself
  std::string_view server_id, server_slug;
  std::string_view era;     // protocol revision
  std::string_view method;  // JSON-RPC method or HTTP line for refusals
  std::string_view tool;
  std::string_view request_id;  // JSON-RPC id, canonical
  Effect effect = Effect::Allow;
  std::string_view reason;   // slug of the refusal, or outcome slug: ok, upstream.error, upstream.timeout, client.gone ...
  std::string_view message;  // what the caller was told
  std::string_view rule;     // JSON pointer into the policy document
  std::uint32_t rule_line = 0;
  std::string_view policy;
  std::int64_t policy_version = 0;
  std::span<const ShadowFinding> shadow;
  std::string_view stated_reason;   // the caller's reason string (B-08)
  std::string_view arguments_json;  // already reduced to the server's capture level; empty: none
  int upstream_status = 0;
  std::string_view outcome;  // result | error | tool_error | none
  std::optional<Digest> result_digest;
  std::string_view result;  // instead of its digest: what is to be hashed, perhaps with others at commit; until then it must stay
  std::uint64_t result_bytes = 0;
  std::uint32_t decide_us = 0;
  std::uint32_t upstream_us = 0;
  std::uint32_t total_us = 0;
  std::string_view traceparent;
  std::string_view detail_json;  // extra facts as a JSON object (admin changes, batch positions); empty: none
};

}  // namespace callgate
