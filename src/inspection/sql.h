#pragma once
// What a piece of SQL would do: every statement of it, common table expressions, functions with effects of their own. PostgreSQL is read by
// its own parser (libpg_query), the others by a strict tokenizer. Fails closed: what is not understood is not read-only. A user-defined
// function may write and no parser can know; `functions` lists what is called. Thread-safe, pure, no I/O. Used by the operator `sql_is`.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace callgate::inspection {

enum class SqlDialect : std::uint8_t { PostgreSql, MySql, MariaDb, Sqlite, TSql, Oracle, Snowflake };
std::optional<SqlDialect> parse_sql_dialect(
    std::string_view name);  // postgresql, postgres, mysql, mariadb, sqlite, tsql, oracle, snowflake

struct SqlStatement {
  std::string kind;  // select, insert, update, delete, create, explain, show, ...; `unknown`
  bool reads_only = false;
  std::string why;  // what makes it more than a read: `writes inside WITH`, `calls pg_read_file`; empty when it only reads
};

struct SqlAnalysis {
  bool understood = false;  // false: too long, unterminated, not SQL of this dialect. Then nothing else counts
  std::vector<SqlStatement> statements;
  std::vector<std::string> functions;  // lower case, without schema, each once

  bool read_only() const;                                  // understood, at least one statement, and each reads only
  bool only(const std::vector<std::string>& kinds) const;  // understood, and each statement is of one of these kinds and hides no other
  std::string why() const;                                 // the first reason against read_only
};

inline constexpr std::size_t kSqlBytesMax = 128 * 1024;
SqlAnalysis analyze_sql(std::string_view text, SqlDialect dialect);

}  // namespace callgate::inspection
