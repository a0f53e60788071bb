// PostgreSQL by PostgreSQL's own grammar (libpg_query 15). What is newer than the grammar does not parse, and so is not read-only.

#include <pg_query.h>

#include <algorithm>

#include "inspection/sql_tokens.h"
#include "json/document.h"

namespace callgate::inspection {
namespace {

constexpr std::uint32_t kDepthMax = 1000;

struct Kind {
  std::string_view node, kind;
};
// Statements by their node; anything else is called after its node.
constexpr Kind kKinds[] = {{"SelectStmt", "select"},
                           {"InsertStmt", "insert"},
                           {"UpdateStmt", "update"},
                           {"DeleteStmt", "delete"},
                           {"MergeStmt", "merge"},
                           {"VariableShowStmt", "show"},
                           {"ExplainStmt", "explain"},
                           {"CopyStmt", "copy"},
                           {"TruncateStmt", "truncate"},
                           {"DropStmt", "drop"},
                           {"CreateStmt", "create"},
                           {"CreateTableAsStmt", "create"},
                           {"AlterTableStmt", "alter"},
                           {"GrantStmt", "grant"},
                           {"TransactionStmt", "transaction"},
                           {"VariableSetStmt", "set"},
                           {"DoStmt", "do"},
                           {"CallStmt", "call"},
                           {"PrepareStmt", "prepare"},
                           {"ExecuteStmt", "execute"},
                           {"LockStmt", "lock"},
                           {"VacuumStmt", "vacuum"},
                           {"IndexStmt", "create"},
                           {"ViewStmt", "create"},
                           {"CreateFunctionStmt", "create"},
                           {"GrantRoleStmt", "grant"},
                           {"NotifyStmt", "notify"},
                           {"ListenStmt", "listen"}};

std::string kind_of(std::string_view node) {
  for (const Kind& kind : kKinds)
    if (kind.node == node) return std::string(kind.kind);
  std::string made;
  for (char c : node.substr(0, node.ends_with("Stmt") ? node.size() - 4 : node.size())) {
    if (c >= 'A' && c <= 'Z') {
      if (!made.empty()) made.push_back('_');
      c = static_cast<char>(c + 32);
    }
    made.push_back(c);
  }
  if (made.starts_with("create_")) return "create";
  if (made.starts_with("alter_")) return "alter";
  if (made.starts_with("drop_")) return "drop";
  return made.empty() ? "unknown" : made;
}

class Walk {
 public:
  Walk(SqlStatement& statement, std::vector<std::string>& functions) : statement_(statement), functions_(functions) {}

  void against(std::string why) {
    statement_.reads_only = false;
    if (statement_.why.empty()) statement_.why = std::move(why);
  }

  void node(json::Value value, std::uint32_t depth) {
    if (depth > kDepthMax) return against("is nested too deep");
    value.for_each_member([&](std::string_view key, json::Value child) { member(key, child, depth); });
    value.for_each_element([&](json::Value child) { node(child, depth + 1); });
  }

 private:
  void member(std::string_view key, json::Value child, std::uint32_t depth) {
    if (key == "FuncCall") call(child);
    else if (key == "A_Indirection")
      child["indirection"].for_each_element([&](json::Value part) { field(part["String"]["sval"].string()); });
    else if (key == "intoClause") against("writes a table with INTO");
    else if (key == "lockingClause") against("locks rows");
    else if (key.ends_with("Stmt") && key[0] < 'a' && key != "SelectStmt" && child.is_object())
      against("holds another statement: " + kind_of(key));
    node(child, depth + 1);
  }

  // (argument).function is a call, too.
  void field(std::string_view name) {
    if (sql_function_acts(name, SqlDialect::PostgreSql)) against("calls " + std::string(name));
  }

  void call(json::Value call) {
    std::string name;
    call["funcname"].for_each_element([&](json::Value part) { name = part["String"]["sval"].string(); });  // the last part counts
    for (char& c : name)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    if (name.empty()) return against("calls something without a name");
    if (std::find(functions_.begin(), functions_.end(), name) == functions_.end()) functions_.push_back(name);
    if (sql_function_acts(name, SqlDialect::PostgreSql)) against("calls " + name);
  }

  SqlStatement& statement_;
  std::vector<std::string>& functions_;
};

bool executes(json::Value explain) {
  bool found = false;
  explain["options"].for_each_element([&](json::Value option) {
    auto element = option["DefElem"];
    if (element["defname"].string() != "analyze") return;
    auto argument = element["arg"];
    auto word = argument["String"]["sval"].string();
    bool off = word == "off" || word == "false" || word == "0" || argument["Boolean"]["boolval"].is(json::Kind::False);
    if (argument["Integer"].exists()) off = !argument["Integer"]["ival"].exists();
    found = found || !off;
  });
  return found;
}

void judge(json::Value statement, SqlAnalysis& out) {
  SqlStatement made;
  made.kind = "unknown";
  statement.for_each_member([&](std::string_view node, json::Value body) {
    made.kind = kind_of(node);
    Walk walk(made, out.functions);
    if (node == "SelectStmt") {
      made.reads_only = true;
      walk.node(body, 0);
    } else if (node == "VariableShowStmt") {
      made.reads_only = true;
    } else if (node == "ExplainStmt") {
      made.reads_only = true;
      json::Value inner = body["query"];
      if (executes(body)) {
        if (!inner["SelectStmt"].exists()) walk.against("explains by running it");
        walk.node(inner, 0);
      }
    } else {
      walk.node(body, 0);
      if (made.why.empty()) made.why = "is " + made.kind;
      made.reads_only = false;
    }
  });
  out.statements.push_back(std::move(made));
}

}  // namespace

SqlAnalysis analyze_postgres(std::string_view text) {
  SqlAnalysis out;
  if (text.find('\0') != std::string_view::npos) return out;
  // The grammar recurses; what no person writes is not handed to it.
  std::size_t open = 0, deepest = 0;
  for (char c : text) {
    open += c == '(' || c == '[';
    if ((c == ')' || c == ']') && open > 0) --open;
    deepest = std::max(deepest, open);
  }
  if (deepest > 200) return out;
  std::string terminated(text);
  PgQueryParseResult parsed = pg_query_parse(terminated.c_str());
  if (!parsed.error && parsed.parse_tree) {
    json::Document tree;
    json::Caps caps;
    caps.bytes_max = 64 * 1024 * 1024;
    caps.depth_max = 4 * kDepthMax;
    caps.values_max = 4'000'000;
    caps.members_max = 100'000;
    if (tree.parse(parsed.parse_tree, caps)) {
      out.understood = true;
      tree.root()["stmts"].for_each_element([&](json::Value statement) { judge(statement["stmt"], out); });
    }
  }
  pg_query_free_parse_result(parsed);
  return out;
}

}  // namespace callgate::inspection
