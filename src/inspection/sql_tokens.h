#pragma once
// Cuts SQL into tokens the way one dialect does. Internal to this room.

#include <string>
#include <string_view>
#include <vector>

#include "inspection/sql.h"

namespace callgate::inspection {

enum class SqlTokenKind : std::uint8_t { Word, Quoted, String, Number, Symbol, Variable };

struct SqlToken {
  SqlTokenKind kind;
  std::string text;         // words in lower case; quoted identifiers without their quotes, lower case; symbols as they are
  std::uint32_t depth = 0;  // of parentheses before it
  bool is(std::string_view word) const { return kind == SqlTokenKind::Word && text == word; }
  bool symbol(std::string_view sign) const { return kind == SqlTokenKind::Symbol && text == sign; }
};

// How a text may be read; where readings differ, all of them must be harmless.
struct SqlReading {
  SqlDialect dialect = SqlDialect::MySql;
  bool backslash_escapes = true;  // MySQL without NO_BACKSLASH_ESCAPES
  bool version_comments = true;   // /*!50000 ... */ is code
  bool ansi_quotes = false;       // "x" is a name, not a string
};

// False: unterminated, unbalanced, a byte that belongs nowhere.
bool tokenize_sql(std::string_view text, const SqlReading& reading, std::vector<SqlToken>& out);

// By name, without schema, lower case: has effects beyond reading tables, or reaches files, network or other sessions.
bool sql_function_acts(std::string_view name, SqlDialect dialect);
bool sql_package_acts(std::string_view name, SqlDialect dialect);  // before the dot: utl_http.request

// PostgreSQL's own parser.
SqlAnalysis analyze_postgres(std::string_view text);

}  // namespace callgate::inspection
