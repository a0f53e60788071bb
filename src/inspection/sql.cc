#include "inspection/sql.h"

#include <algorithm>

#include "inspection/sql_tokens.h"

namespace callgate::inspection {
namespace {

using Tokens = std::vector<SqlToken>;

// One statement between semicolons.
class Judge {
 public:
  Judge(const SqlToken* begin, const SqlToken* end, SqlDialect dialect, std::vector<std::string>& functions)
      : begin_(begin), end_(end), dialect_(dialect), functions_(functions) {}

  SqlStatement run() {
    made_.reads_only = true;
    const SqlToken* verb = first_verb(begin_);
    made_.kind = verb ? kind(verb) : "unknown";
    if (dialect_ == SqlDialect::Snowflake) chain();
    if (!verb) against("does not begin with a verb");
    else decide(verb);
    return std::move(made_);
  }

 private:
  bool mysql() const { return dialect_ == SqlDialect::MySql || dialect_ == SqlDialect::MariaDb; }
  const SqlToken* next(const SqlToken* token, int by = 1) const { return end_ - token > by ? token + by : nullptr; }
  bool next_is(const SqlToken* token, std::string_view word) const {
    auto after = next(token);
    return after && after->is(word);
  }
  void against(std::string why) {
    made_.reads_only = false;
    if (made_.why.empty()) made_.why = std::move(why);
  }
  const SqlToken* first_verb(const SqlToken* at) const {
    while (at < end_ && at->symbol("(")) ++at;
    return at < end_ && at->kind == SqlTokenKind::Word ? at : nullptr;
  }
  std::string kind(const SqlToken* verb) const {
    if (verb->text == "desc") return "describe";
    return verb->text == "with" || verb->text == "table" || verb->text == "values" ? "select" : verb->text;
  }
  void chain();
  void decide(const SqlToken* verb);
  void query(const SqlToken* from);
  void explain(const SqlToken* verb);
  void pragma(const SqlToken* verb);
  void word(const SqlToken* token);
  void call(const SqlToken* name);

  const SqlToken* begin_;
  const SqlToken* end_;
  SqlDialect dialect_;
  std::vector<std::string>& functions_;
  SqlStatement made_;
};

constexpr std::string_view kWrites[] = {"insert",   "update",    "delete",  "merge",     "replace",    "drop",        "alter",   "create",
                                        "truncate", "exec",      "execute", "call",      "grant",      "revoke",      "deny",    "backup",
                                        "restore",  "shutdown",  "kill",    "dbcc",      "bulk",       "waitfor",     "handler", "load",
                                        "rename",   "lock",      "unlock",  "prepare",   "deallocate", "attach",      "detach",  "vacuum",
                                        "reindex",  "copy",      "put",     "remove",    "unload",     "undrop",      "begin",   "commit",
                                        "rollback", "savepoint", "use",     "set",       "declare",    "reconfigure", "open",    "fetch",
                                        "close",    "do",        "install", "uninstall", "purge",      "reset",       "flush",   "upsert"};

bool writes(std::string_view word) { return std::find(std::begin(kWrites), std::end(kWrites), word) != std::end(kWrites); }

// Reserved words of T-SQL that begin a statement and act.
bool begins_statement(std::string_view word) {
  constexpr std::string_view kWords[] = {"checkpoint", "raiserror", "revert", "save", "setuser", "updatetext", "while", "writetext"};
  return std::find(std::begin(kWords), std::end(kWords), word) != std::end(kWords);
}

void Judge::call(const SqlToken* name) {
  if (std::find(functions_.begin(), functions_.end(), name->text) == functions_.end()) functions_.push_back(name->text);
  if (sql_function_acts(name->text, dialect_)) against("calls " + name->text);
  if (mysql() && name->text == "last_insert_id" && next(name, 2) && !next(name, 2)->symbol(")")) against("sets last_insert_id");
}

// Inside a query: what makes it more.
void Judge::word(const SqlToken* token) {
  const std::string& text = token->text;
  bool after_dot = token > begin_ && token[-1].symbol(".");
  if (after_dot && text == "nextval") against("takes a sequence number");
  if (after_dot) return;
  if (text == "into" && !(token > begin_ && token[-1].is("interval"))) against("writes with INTO");
  if (text == "for" && (next_is(token, "update") || next_is(token, "share") || next_is(token, "no") || next_is(token, "key")))
    against("locks rows");
  if (text == "lock" && next_is(token, "in")) against("locks rows");
  if (text == "next" && next_is(token, "value")) against("takes a sequence number");
  if ((text == "nextval" || text == "procedure") && mysql()) against("uses " + text);
  // Hints stand in parentheses, parted by commas or blanks.
  if (dialect_ == SqlDialect::TSql && token->depth > 0 && (text == "updlock" || text == "xlock" || text == "tablockx"))
    against("locks rows");
  // `/` is a line of its own to the client of Oracle.
  if (dialect_ == SqlDialect::Oracle && token > begin_ && token[-1].symbol("/") && writes(text))
    against("holds another statement: " + text);
  bool called = next(token) && next(token)->symbol("(");
  bool opens = token == begin_ || token[-1].symbol("(") || token[-1].symbol(")") || token[-1].is("as");
  if (writes(text) && opens && !(called && (text == "replace" || text == "insert" || text == "truncate")) && text != "set" &&
      text != "do") {
    // `)` may end a common table expression, after which the verb of the whole stands.
    bool verb = text == "insert" || text == "update" || text == "delete" || text == "merge" || text == "replace";
    if (verb || !token[-1].is("as")) against("writes inside a query: " + text);
  }
  // Statements need no semicolon between them there.
  if (dialect_ == SqlDialect::TSql && (writes(text) || begins_statement(text)) && !called && text != "set" && text != "open" &&
      text != "close" && !(token > begin_ && token[-1].symbol(",")) && !(token > begin_ && token[-1].is("as")))
    against("holds another statement: " + text);
}

// `SHOW TABLES ->> DROP ...`: Snowflake runs one statement after the other, whatever the first one is.
void Judge::chain() {
  for (const SqlToken* token = begin_ + 1; token < end_; ++token) {
    if (!token->symbol(">") || !token[-1].symbol(">")) continue;
    const SqlToken* verb = first_verb(token + 1);
    bool reads = verb && (verb->is("select") || verb->is("with") || verb->is("show") || verb->is("describe") || verb->is("desc"));
    if (!reads) against("holds another statement" + (verb ? ": " + verb->text : std::string()));
  }
}

void Judge::query(const SqlToken* from) {
  for (const SqlToken* token = from; token < end_; ++token) {
    if (token->symbol(":=")) against("assigns a variable");
    if (token->kind == SqlTokenKind::Word) word(token);
    bool name = token->kind == SqlTokenKind::Word || token->kind == SqlTokenKind::Quoted;
    if (name && next(token) && next(token)->symbol("(")) call(token);
    if (name && next(token) && next(token)->symbol(".") && sql_package_acts(token->text, dialect_))
      against("uses the package " + token->text);
    if (token->kind == SqlTokenKind::Variable && dialect_ == SqlDialect::TSql && next(token) &&
        (next(token)->symbol("=") || (next(token, 2) && next(token, 2)->symbol("=") && next(token)->kind == SqlTokenKind::Symbol &&
                                      std::string_view("+-*/%&|^").find(next(token)->text) != std::string_view::npos)) &&
        token > begin_ && (token[-1].is("select") || token[-1].symbol(",")))
      against("assigns a variable");
  }
}

// EXPLAIN of anything only reads, unless it runs it.
void Judge::explain(const SqlToken* verb) {
  if (dialect_ == SqlDialect::Sqlite) return;
  const SqlToken* at = verb + 1;
  bool runs = verb->is("analyze");
  for (; at < end_; ++at) {
    if (at->is("analyze")) runs = true;
    else if (at->is("format") && next(at) && next(at)->symbol("=")) at += 2;
    else if (!at->is("extended") && !at->is("partitions") && !at->is("verbose")) break;
  }
  if (at >= end_) return against("explains nothing");
  if (at->is("for") && next_is(at, "connection")) return;
  if (!runs) {
    if (dialect_ == SqlDialect::Oracle) against("writes the plan table");
    return;
  }
  if (!at->is("select") && !at->is("with") && !at->is("table") && !at->is("values") && !at->symbol("("))
    return against("explains by running it");
  query(at);
}

void Judge::pragma(const SqlToken* verb) {
  constexpr std::string_view kReading[] = {"table_info",        "table_xinfo",      "table_list",      "index_list",      "index_info",
                                           "index_xinfo",       "foreign_key_list", "database_list",   "collation_list",  "function_list",
                                           "module_list",       "pragma_list",      "compile_options", "integrity_check", "quick_check",
                                           "foreign_key_check", "page_count",       "freelist_count",  "data_version",    "schema_version",
                                           "user_version",      "application_id",   "encoding",        "page_size",       "journal_mode",
                                           "foreign_keys",      "synchronous",      "cache_size",      "auto_vacuum",     "stats"};
  constexpr std::string_view kTakesName[] = {"table_info",  "table_xinfo",      "table_list",      "index_list",  "index_info",
                                             "index_xinfo", "foreign_key_list", "integrity_check", "quick_check", "foreign_key_check"};
  const SqlToken* name = verb + 1;
  if (name + 2 < end_ && name[1].symbol(".")) name += 2;
  if (name >= end_) return against("is an empty PRAGMA");
  bool reads = std::find(std::begin(kReading), std::end(kReading), name->text) != std::end(kReading);
  bool takes = std::find(std::begin(kTakesName), std::end(kTakesName), name->text) != std::end(kTakesName);
  if (!reads) return against("sets " + name->text);
  if (name + 1 < end_ && !(takes && (name[1].symbol("(") || name[1].symbol("=")))) against("sets " + name->text);
}

void Judge::decide(const SqlToken* verb) {
  const std::string& text = verb->text;
  if (text == "select" || text == "values" || text == "with" || (text == "table" && mysql())) {
    query(verb);
    if (text == "with") {
      // The verb of the whole: the first one outside parentheses.
      const SqlToken* main = nullptr;
      for (const SqlToken* token = verb + 1; token < end_ && !main; ++token) {
        bool candidate = token->is("select") || token->is("values") || token->is("table") || writes(token->text);
        bool begins = token[-1].symbol(")") && token->depth == verb->depth;
        if (token->kind == SqlTokenKind::Word && candidate && begins) main = token;
        if (begins && token->symbol("(")) return;  // a query in parentheses; judged above
      }
      if (!main || writes(main->text)) against("writes after WITH");
    }
    return;
  }
  // To SQL Server these are procedures of that name, and the next statement may follow.
  bool explains = text == "explain" || ((text == "describe" || text == "desc") && dialect_ != SqlDialect::Sqlite);
  if (explains && dialect_ != SqlDialect::TSql) return explain(verb);
  if (text == "analyze" && dialect_ == SqlDialect::MariaDb && next(verb) && !next_is(verb, "table") && !next_is(verb, "local") &&
      !next_is(verb, "no_write_to_binlog"))
    return explain(verb);
  if (text == "show" && dialect_ != SqlDialect::Sqlite && dialect_ != SqlDialect::TSql) {
    query(verb + 1);
    return;
  }
  if (text == "help" && mysql()) return;
  if ((text == "list" || text == "ls") && dialect_ == SqlDialect::Snowflake) return;
  if (text == "pragma" && dialect_ == SqlDialect::Sqlite) return pragma(verb);
  against("is " + made_.kind);
}

SqlAnalysis analyze_tokens(std::string_view text, const SqlReading& reading) {
  SqlAnalysis out;
  Tokens tokens;
  if (!tokenize_sql(text, reading, tokens)) return out;
  out.understood = true;
  const SqlToken* all = tokens.data();
  std::size_t begin = 0;
  for (std::size_t at = 0; at <= tokens.size(); ++at) {
    if (at < tokens.size() && !(all[at].symbol(";") && all[at].depth == 0)) {
      if (all[at].symbol(";")) out.understood = false;
      continue;
    }
    if (at > begin) out.statements.push_back(Judge(all + begin, all + at, reading.dialect, out.functions).run());
    begin = at + 1;
  }
  return out;
}

bool mysql_like(SqlDialect dialect) { return dialect == SqlDialect::MySql || dialect == SqlDialect::MariaDb; }

}  // namespace

std::optional<SqlDialect> parse_sql_dialect(std::string_view name) {
  if (name == "postgresql" || name == "postgres") return SqlDialect::PostgreSql;
  if (name == "mysql") return SqlDialect::MySql;
  if (name == "mariadb") return SqlDialect::MariaDb;
  if (name == "sqlite") return SqlDialect::Sqlite;
  if (name == "tsql") return SqlDialect::TSql;
  if (name == "oracle") return SqlDialect::Oracle;
  if (name == "snowflake") return SqlDialect::Snowflake;
  return {};
}

bool SqlAnalysis::read_only() const {
  return understood && !statements.empty() &&
         std::all_of(statements.begin(), statements.end(), [](const SqlStatement& s) { return s.reads_only; });
}

bool SqlAnalysis::only(const std::vector<std::string>& kinds) const {
  if (!understood || statements.empty()) return false;
  return std::all_of(statements.begin(), statements.end(), [&](const SqlStatement& statement) {
    bool named = std::find(kinds.begin(), kinds.end(), statement.kind) != kinds.end();
    return named && (statement.reads_only || statement.why == "is " + statement.kind);
  });
}

std::string SqlAnalysis::why() const {
  if (!understood) return "is not understood";
  if (statements.empty()) return "holds no statement";
  for (const SqlStatement& statement : statements)
    if (!statement.reads_only) return statement.why;
  return {};
}

SqlAnalysis analyze_sql(std::string_view text, SqlDialect dialect) {
  if (text.size() > kSqlBytesMax) return {};
  if (dialect == SqlDialect::PostgreSql) return analyze_postgres(text);
  SqlReading reading{.dialect = dialect};
  SqlAnalysis out = analyze_tokens(text, reading);
  if (!mysql_like(dialect) || !out.understood) return out;
  // What the server makes of it depends on its version and mode: what any reading would do counts.
  auto try_reading = [&](const SqlReading& other) {
    if (!out.understood) return;
    SqlAnalysis again = analyze_tokens(text, other);
    if (!again.understood) out = {};
    for (SqlStatement& statement : again.statements) {
      bool known = std::any_of(out.statements.begin(), out.statements.end(), [&](const SqlStatement& mine) {
        return mine.kind == statement.kind && mine.reads_only == statement.reads_only && mine.why == statement.why;
      });
      if (!known && out.understood) out.statements.push_back(std::move(statement));
    }
  };
  if (text.find("/*!") != std::string_view::npos || text.find("/*M!") != std::string_view::npos)
    try_reading({.dialect = dialect, .version_comments = false});
  if (text.find('\\') != std::string_view::npos) try_reading({.dialect = dialect, .backslash_escapes = false});
  if (text.find('"') != std::string_view::npos) try_reading({.dialect = dialect, .ansi_quotes = true});
  return out;
}

}  // namespace callgate::inspection
