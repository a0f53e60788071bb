#pragma once
// What a server may put before a person (T-50; MCP 2025-11-25 and 2026-07-28, elicitation): forms never ask for secrets, links lead to a
// plain web address. Pure.

#include "base/result.h"
#include "json/document.h"

namespace callgate::gateway {

// `params` of elicitation/create. Errors: Denied elicitation.{mode, schema, secret, url}.
Result<void> check_elicitation(json::Value params);

}  // namespace callgate::gateway
