#pragma once
// Rewriting of single values in canonical JSON: ids, progress tokens and subscription ids are ours towards a process and the caller's own
// towards the caller, and nothing else of a message changes. Pure. Inner header of stdio/.

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "json/document.h"

namespace callgate::stdio {

inline constexpr std::string_view kSubscriptionId = "io.modelcontextprotocol/subscriptionId";

struct Replacement {
  json::Value value;      // inside `whole`; one that does not exist is passed over
  std::string_view with;  // canonical JSON
};

// Appends the bytes of `whole` with the values replaced. Both must be of the same document.
void append_replaced(std::string& out, json::Value whole, std::initializer_list<Replacement> replacements);

// One of our own numbers as a process gives it back: a whole number, or the same digits as text, for some servers turn one into the other.
std::optional<std::int64_t> own_number(json::Value value);

// {"jsonrpc":"2.0","id":ID,"result":RESULT}
void append_result(std::string& out, std::string_view id, std::string_view result);

}  // namespace callgate::stdio
