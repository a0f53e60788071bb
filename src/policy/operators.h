#pragma once
// The operators of conditions: their names, the constants they take, and how they judge one value. Typed and exact:
// no text is ever read as a number, no number as text. Constants are prepared once; judging does not allocate.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/decimal.h"
#include "base/result.h"
#include "inspection/sql.h"
#include "policy/document.h"
#include "policy/paths.h"
#include "policy/typed.h"

namespace re2 {
class RE2;
}

namespace callgate::policy {

enum class Op : std::uint8_t {
  Eq,
  Neq,
  In,
  NotIn,
  Lt,
  Lte,
  Gt,
  Gte,
  Contains,
  Matches,
  Glob,
  StartsWith,
  EndsWith,
  Exists,
  LengthLte,
  LengthGte,
  PathWithin,
  UrlHostIn,
  CidrIn,
  EmailDomainIn,
  CommandIs,
  SqlIs,
};

// Names in the order of Op.
std::span<const std::string_view> op_names();
std::string_view op_name(Op op);
std::optional<Op> find_op(std::string_view name);

// What a condition comes to. Missing and Mistyped are not False: a rule decides what they mean for it.
enum class Truth : std::uint8_t { False, Missing, Mistyped, True };

// The value as a machine word; nothing when it is none.
std::optional<std::int64_t> whole_number(const Decimal& value);

struct Constant {
  std::vector<std::string> strings;  // sorted for in, not_in; else as written
  std::vector<Decimal> numbers;      // sorted
  bool has_true = false, has_false = false, has_null = false;
  bool has_bool() const { return has_true || has_false; }
  std::uint64_t count = 0;  // length_*
  bool wanted = true;       // exists
  std::shared_ptr<const re2::RE2> pattern;
  std::size_t pattern_size = 0;                   // in RE2's steps
  std::string base, home;                         // path_within: where relative paths and `~` lead; empty: they are unclear
  bool ignore_case = false, file_server = false;  // path_within
  std::vector<HostPattern> hosts;
  std::vector<IpRange> ranges;
  std::vector<CommandWords> commands;
  bool analysis = false;  // sql_is: read_only; command_is: safe
  inspection::SqlDialect dialect = inspection::SqlDialect::PostgreSql;
  std::vector<std::string> shown;  // for messages, as the author wrote them

  Constant();
  ~Constant();
  Constant(Constant&&) noexcept;
  Constant& operator=(Constant&&) noexcept;
};

// Reads `value` for `op`. Reason policy.value, message with the fix. `value` may be null only for exists.
Result<Constant> prepare(Op op, const Node* value);

Truth judge(Op op, const Constant& constant, const Seen& seen);

// `*` any run of bytes, `?` one byte, anything else itself. Linear in practice: for names, not for arguments.
bool glob_match(std::string_view pattern, std::string_view text);
bool is_glob(std::string_view text);

}  // namespace callgate::policy
