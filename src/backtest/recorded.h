#pragma once
// One call as its record tells it (docs/reference/audit.md). Trusts nothing: any bytes give a call or an error, reason backtest.record.

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "json/document.h"
#include "model/entities.h"
#include "model/record.h"

namespace callgate::backtest {

// What was decided about a call. Hidden: answered as if the tool did not exist.
enum class Verdict : std::uint8_t { Allow, Ask, Deny, Hidden };
std::string_view verdict_name(Verdict verdict);

struct RecordedCall {
  std::uint64_t sequence = 0;
  WallTime time{};
  std::string kind, decision, principal_id, principal, grant, grant_label, client, session, server_id, server;
  std::string method, tool, reason, message, rule, policy, stated_reason;
  std::string arguments;  // as captured; empty: the record has none
  std::int64_t policy_version = 0, rule_line = 0;
  PrincipalKind principal_kind = PrincipalKind::User;
  Effect effect = Effect::Allow;
  bool asked = false;  // a person was asked
  struct Finding {
    std::string rule, message;
  };
  std::vector<Finding> shadow;  // what rules in shadow mode would have done

  // Nothing: it was refused before the policy was looked at, or beside it, and no policy would change that.
  std::optional<Verdict> verdict() const;
  bool nothing_sent() const;  // its limits were given back
};

class CallReader {
 public:
  Result<void> read(std::uint64_t sequence, std::string_view payload, RecordedCall& into);

 private:
  json::Document document_;
};

}  // namespace callgate::backtest
