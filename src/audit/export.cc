// Records for other programs. JSON lines carry sequence and chain hash in front; CSV has fixed columns and no cell that a
// spreadsheet would run or a terminal would obey (T-64).

#include <array>

#include "audit/index_inner.h"
#include "audit/record_fields.h"
#include "base/encoding.h"

namespace callgate::audit {

namespace {

constexpr std::array<std::string_view, 28> kColumns = {
    "time",   "kind",          "decision",  "effect",    "reason",  "message",      "principal", "principal_id", "grant",  "client",
    "remote", "session",       "server",    "server_id", "era",     "method",       "tool",      "request_id",   "policy", "policy_version",
    "rule",   "stated_reason", "arguments", "status",    "outcome", "result_bytes", "total_us",  "detail"};

// A spreadsheet takes these for the start of a formula, the full-width forms included.
bool starts_formula(std::string_view cell) {
  if (cell.empty()) return false;
  if (std::string_view("=+-@\t\r\n|%").find(cell[0]) != std::string_view::npos) return true;
  for (std::string_view wide : {"\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0"})
    if (cell.starts_with(wide)) return true;
  return false;
}

void append_cell(std::string& line, std::string_view cell) {
  const bool defuse = starts_formula(cell);
  if (!defuse && cell.find_first_of(",\"\r\n;\t") == std::string_view::npos) {
    line += cell;
    return;
  }
  line += '"';
  if (defuse) line += '\'';
  for (char c : cell) {
    if (c == '"') line += '"';
    line += c;
  }
  line += '"';
}

void append_csv(std::string& line, const Entry& entry) {
  std::array<std::string, kColumns.size()> cells;
  for_each_field(entry.payload, [&](std::string_view key, std::string_view value) {
    for (std::size_t i = 0; i < kColumns.size(); ++i)
      if (kColumns[i] == key) cells[i] = field_text(value, true);
  });
  line += std::to_string(entry.sequence);
  for (const std::string& cell : cells) {
    line += ',';
    append_cell(line, cell);
  }
  line += ',';
  line += hex_encode(entry.hash);
  line += "\r\n";
}

void append_jsonl(std::string& line, const Entry& entry) {
  line += "{\"sequence\":";
  line += std::to_string(entry.sequence);
  line += ",\"hash\":\"";
  line += hex_encode(entry.hash);
  line += "\",";
  line.append(entry.payload, 1);
  line += '\n';
}

}  // namespace

Result<std::uint64_t> export_records(Index& index, const Query& query, Format format, const std::function<bool(std::string_view)>& write) {
  std::uint64_t count = 0;
  std::string line;
  if (format == Format::Csv) {
    line = "sequence";
    for (std::string_view column : kColumns) line.append(",").append(column);
    line += ",hash\r\n";
    if (!write(line)) return count;
  }
  CG_CHECK(index.each(query, [&](const Entry& entry) {
    line.clear();
    if (format == Format::Csv) append_csv(line, entry);
    else append_jsonl(line, entry);
    if (!write(line)) return false;
    ++count;
    return true;
  }));
  return count;
}

}  // namespace callgate::audit
