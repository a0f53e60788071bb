#pragma once
// A call in one canonical form, and the difference between two. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "json/document.h"

namespace callgate::approvals {

// Members sorted by name, numbers as they were written: key order does not make another call, 1 and 1.0 do (a server may see a difference).
void append_sorted(std::string& out, json::Value value);

// One line per scalar or empty container: JSON pointer, tab, kind, tab, digest of the value under `salt`. Sorted as the call is.
std::string leaves_of(json::Value sorted, std::string_view salt);
// The same shape: equal pointers and kinds, and equal values except below the pointers in `vary`.
bool same_shape(std::string_view leaves, std::string_view other, const std::vector<std::string>& vary);
bool has_leaf(std::string_view leaves, std::string_view pointer);

struct FieldChange {
  std::string pointer;
  std::string before, after;  // JSON text, cut after 400 bytes; empty: not there
};
// What differs, by leaf. `before` and `after` are JSON as shown; the leaves tell masked values apart.
struct Shown {
  std::string_view json, leaves;
};
std::vector<FieldChange> changes(const Shown& before, const Shown& after);

// Indented JSON in which every character that cannot be seen, or that turns text around, is written as \uXXXX. Still the same JSON.
std::string visible_json(std::string_view json);
// Any text in one line, shown the same way; bytes that are no UTF-8 as \xNN.
std::string visible_text(std::string_view text);
// Words about texts that look like something else: letters of two scripts in one word, invisible characters. Empty: none.
std::vector<std::string> suspicious(std::string_view json);

}  // namespace callgate::approvals
