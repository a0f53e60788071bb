#pragma once
// Every field name a document may hold, once: the compiler checks against these tables, and a test holds the JSON Schema
// and the reference to them.

#include <array>
#include <string_view>

namespace callgate::policy {

inline constexpr std::array<std::string_view, 10> kDocumentFields{"version", "default", "mode",      "require_reason", "hide",
                                                                  "methods", "inspect", "all_tools", "tools",          "tests"};
inline constexpr std::array<std::string_view, 6> kAllToolsFields{"description", "require", "deny_if", "ask", "limits", "inspect"};
inline constexpr std::array<std::string_view, 7> kToolFields{"description", "allow", "require", "deny_if", "ask", "limits", "inspect"};
inline constexpr std::array<std::string_view, 6> kInspectFields{"description", "arguments", "results", "rules", "confidence", "mode"};
inline constexpr std::array<std::string_view, 4> kRequireFields{"description", "conditions", "on_deny", "mode"};
inline constexpr std::array<std::string_view, 5> kDenyIfFields{"description", "conditions", "on_deny", "mode", "on_missing"};
inline constexpr std::array<std::string_view, 7> kAskFields{"description", "conditions", "approvers", "expires",
                                                            "on_ask",      "on_missing", "mode"};
inline constexpr std::array<std::string_view, 3> kApproverFields{"role", "min", "self"};
inline constexpr std::array<std::string_view, 10> kLimitFields{"description", "counter",   "window",         "kind",    "max",
                                                               "scope",       "increment", "increment_from", "on_deny", "mode"};
inline constexpr std::array<std::string_view, 12> kConditionFields{"path", "op",  "value", "base",   "ignore_case", "dialect",
                                                                   "any",  "all", "none",  "all_of", "any_of",      "not"};
inline constexpr std::array<std::string_view, 15> kTestFields{"description", "call",    "args",      "expect", "rule",
                                                              "message",     "finding", "principal", "grant",  "server",
                                                              "session",     "risk",    "reason",    "at",     "repeat"};
inline constexpr std::array<std::string_view, 4> kTestPrincipalFields{"id", "name", "kind", "owner"};
inline constexpr std::array<std::string_view, 3> kTestGrantFields{"id", "label", "role"};
inline constexpr std::array<std::string_view, 3> kTestServerFields{"id", "slug", "name"};
inline constexpr std::array<std::string_view, 2> kTestSessionFields{"id", "client"};

// Parts of the format that this version cannot honour. A document that uses one is refused, never run without it.
inline constexpr std::array<std::string_view, 1> kLaterFields{"redact"};

}  // namespace callgate::policy
