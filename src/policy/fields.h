#pragma once
// Every field name a document may hold, once: the compiler checks against these tables, and a test holds the JSON Schema
// and the reference to them.

#include <array>
#include <string_view>

namespace callgate::policy {

inline constexpr std::array<std::string_view, 13> kDocumentFields{"version",      "default",   "mode",      "require_reason", "hide",
                                                                  "methods",      "inspect",   "all_tools", "tools",          "flows",
                                                                  "flow_session", "spotlight", "tests"};
inline constexpr std::array<std::string_view, 7> kAllToolsFields{"description", "require", "deny_if", "ask", "limits", "labels", "inspect"};
inline constexpr std::array<std::string_view, 8> kToolFields{"description", "allow",  "require", "deny_if",
                                                             "ask",         "limits", "labels",  "inspect"};
inline constexpr std::array<std::string_view, 3> kLabelFields{"description", "label", "conditions"};
inline constexpr std::array<std::string_view, 14> kFlowFields{"description", "name",    "after",  "then",   "same",
                                                              "calls_max",   "labels",  "tools",  "action", "approvers",
                                                              "expires",     "on_deny", "on_ask", "mode"};
inline constexpr std::array<std::string_view, 3> kFlowAfterFields{"labels", "tools", "within"};
inline constexpr std::array<std::string_view, 3> kFlowThenFields{"labels", "tools", "conditions"};
inline constexpr std::array<std::string_view, 6> kInspectFields{"description", "arguments", "results", "rules", "confidence", "mode"};
inline constexpr std::array<std::string_view, 4> kRequireFields{"description", "conditions", "on_deny", "mode"};
inline constexpr std::array<std::string_view, 5> kDenyIfFields{"description", "conditions", "on_deny", "mode", "on_missing"};
inline constexpr std::array<std::string_view, 7> kAskFields{"description", "conditions", "approvers", "expires",
                                                            "on_ask",      "on_missing", "mode"};
inline constexpr std::array<std::string_view, 3> kApproverFields{"role", "min", "self"};
inline constexpr std::array<std::string_view, 10> kLimitFields{"description", "counter",   "window",         "kind",    "max",
                                                               "scope",       "increment", "increment_from", "on_deny", "mode"};
inline constexpr std::array<std::string_view, 14> kConditionFields{"path",    "op",  "value", "base", "home",   "ignore_case", "opener",
                                                                   "dialect", "any", "all",   "none", "all_of", "any_of",      "not"};
inline constexpr std::array<std::string_view, 16> kTestFields{"description", "after",   "call",      "args",  "expect", "rule",
                                                              "message",     "finding", "principal", "grant", "server", "session",
                                                              "risk",        "reason",  "at",        "repeat"};
inline constexpr std::array<std::string_view, 3> kTestAfterFields{"call", "args", "server"};
inline constexpr std::array<std::string_view, 4> kTestPrincipalFields{"id", "name", "kind", "owner"};
inline constexpr std::array<std::string_view, 3> kTestGrantFields{"id", "label", "role"};
inline constexpr std::array<std::string_view, 4> kTestServerFields{"id", "slug", "name", "labels"};
inline constexpr std::array<std::string_view, 5> kTestSessionFields{"id", "client", "labels", "tools", "calls"};

// Parts of the format that this version cannot honour. A document that uses one is refused, never run without it.
inline constexpr std::array<std::string_view, 1> kLaterFields{"redact"};

}  // namespace callgate::policy
