#pragma once
// A message of the gate's own to a webhook the operator named: one POST of JSON, and no more is read than whether it was taken. The
// address is judged like a server's (T-65), private ones are fine; no redirect is followed. Blocking; for the worker pool.

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/network.h"

namespace callgate::upstream {

// Unavailable notice.refused with the status, or what the transport says. Never names more of the URL than its host: paths are secrets.
Result<void> send_notice(const Url& to, std::string_view json);

}  // namespace callgate::upstream
