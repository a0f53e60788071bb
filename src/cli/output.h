#pragma once
// Results as table, JSON, YAML or names. Everything that came from elsewhere is made harmless for a terminal first (T-64): control
// characters, escape sequences, bidirectional overrides and invisible characters are shown, not obeyed. Inner header of cli/.

#include <string>
#include <string_view>
#include <vector>

#include "cli/session.h"

namespace callgate::cli {

struct Column {
  std::string_view title;
  std::string_view path;  // "record.principal"; members joined with dots
  bool wide = false;      // only with -o wide
};

std::string terminal_safe(std::string_view text);        // for text; a line break becomes \n
std::string terminal_safe_lines(std::string_view text);  // the same, but line breaks stay
std::string json_safe(std::string_view json);            // JSON text stays JSON: \uXXXX
json::Value at_path(json::Value value, std::string_view path);
std::string cell_text(json::Value value);  // lists joined with commas, null as nothing
std::string yaml_of(json::Value value);
std::string pretty_json(json::Value value);                                           // two spaces, one member a line
std::string table_of(const std::vector<std::vector<std::string>>& rows, bool color);  // first row: titles

// A list answer {"items": [...]} in the session's form; `name` is the path printed with -o name.
int show_list(Session& session, const Answer& answer, std::string_view name, const std::vector<Column>& columns);
// One object; `lines` are the columns of the human form.
int show_one(Session& session, json::Value value, std::string_view name, const std::vector<Column>& lines);

}  // namespace callgate::cli
