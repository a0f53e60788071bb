// One record becomes one JSON object with short stable keys (docs/reference/audit.md); fields that do not apply are left out.

#include <charconv>
#include <cstring>

#include "audit/audit.h"
#include "audit/crc32c.h"
#include "audit/escape.h"
#include "audit/segment.h"
#include "base/content_hash.h"

namespace callgate::audit {

namespace {

constexpr std::size_t kShadowMax = 32;

void append_two(char* out, unsigned value) {
  out[0] = static_cast<char>('0' + value / 10);
  out[1] = static_cast<char>('0' + value % 10);
}

// 2026-07-28T09:00:00.000000Z; by hand because it runs for every record.
void append_time(std::string& out, WallTime time) {
  auto day = std::chrono::floor<std::chrono::days>(time);
  std::chrono::year_month_day date(day);
  auto in_day = static_cast<std::uint64_t>((time - day).count());
  auto seconds = static_cast<unsigned>(in_day / 1'000'000);
  auto micros = static_cast<unsigned>(in_day % 1'000'000);
  auto year = static_cast<unsigned>(std::max(0, std::min(9999, static_cast<int>(date.year()))));
  char text[27];
  append_two(text, year / 100);
  append_two(text + 2, year % 100);
  text[4] = '-';
  append_two(text + 5, static_cast<unsigned>(date.month()));
  text[7] = '-';
  append_two(text + 8, static_cast<unsigned>(date.day()));
  text[10] = 'T';
  append_two(text + 11, seconds / 3600);
  text[13] = ':';
  append_two(text + 14, seconds / 60 % 60);
  text[16] = ':';
  append_two(text + 17, seconds % 60);
  text[19] = '.';
  append_two(text + 20, micros / 10'000);
  append_two(text + 22, micros / 100 % 100);
  append_two(text + 24, micros % 100);
  text[26] = 'Z';
  out.append(text, sizeof text);
}

class Fields {
 public:
  explicit Fields(std::string& out) : out_(out) {}

  // `name` is written as it stands: ,"key":
  void text(std::string_view name, std::string_view value, std::size_t bytes_max = kFieldBytesMax) {
    if (value.empty()) return;
    out_.append(name);
    append_text(out_, value, bytes_max);
  }
  void integer(std::string_view name, std::int64_t value) {
    if (value == 0) return;
    out_.append(name);
    number(value);
  }
  void digest(std::string_view name, const std::optional<Digest>& value) {
    if (!value) return;
    constexpr char hex[] = "0123456789abcdef";
    char digits[64];
    for (std::size_t i = 0; i < 32; ++i) {
      digits[2 * i] = hex[(*value)[i] >> 4];
      digits[1 + 2 * i] = hex[(*value)[i] & 15];
    }
    out_.append(name).append("\"").append(content_digest_name()).append(":").append(digits, sizeof digits).append("\"");
  }
  void json(std::string_view name, std::string_view value) {
    if (value.empty()) return;
    out_.append(name);
    append_json(out_, value);
  }
  void shadow(std::span<const ShadowFinding> findings) {
    if (findings.empty()) return;
    out_.append(",\"shadow\":[");
    std::size_t count = std::min(findings.size(), kShadowMax);
    for (std::size_t i = 0; i < count; ++i) {
      out_.append(i == 0 ? "{\"rule\":" : ",{\"rule\":");
      append_text(out_, findings[i].rule, 1024);
      text(",\"message\":", findings[i].message, 1024);
      out_ += '}';
    }
    out_ += ']';
    if (count < findings.size()) integer(",\"shadow_count\":", static_cast<std::int64_t>(findings.size()));
  }

 private:
  void number(std::int64_t value) {
    char digits[24];
    out_.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  }
  std::string& out_;
};

void append_record(std::string& out, const Record& record) {
  out.append("{\"time\":\"");
  append_time(out, record.time);
  out.append("\",\"kind\":\"").append(kind_name(record.kind)).append("\"");
  Fields fields(out);
  fields.text(",\"decision\":", record.decision_id);
  out.append(record.effect == Effect::Allow ? ",\"effect\":\"allow\"" : ",\"effect\":\"deny\"");
  fields.text(",\"reason\":", record.reason);
  fields.text(",\"message\":", record.message, kMessageBytesMax);
  fields.text(",\"principal_id\":", record.principal_id);
  fields.text(",\"principal\":", record.principal_name);
  fields.text(",\"principal_kind\":", record.principal_kind);
  fields.text(",\"grant\":", record.grant_id);
  fields.text(",\"grant_label\":", record.grant_label);
  fields.text(",\"client\":", record.client);
  fields.text(",\"remote\":", record.remote_address);
  fields.text(",\"session\":", record.session_id);
  fields.text(",\"server_id\":", record.server_id);
  fields.text(",\"server\":", record.server_slug);
  fields.text(",\"era\":", record.era);
  fields.text(",\"method\":", record.method);
  fields.text(",\"tool\":", record.tool);
  fields.text(",\"request_id\":", record.request_id);
  fields.text(",\"policy\":", record.policy);
  fields.integer(",\"policy_version\":", record.policy_version);
  fields.text(",\"rule\":", record.rule);
  fields.integer(",\"rule_line\":", record.rule_line);
  fields.shadow(record.shadow);
  fields.text(",\"stated_reason\":", record.stated_reason, kMessageBytesMax);
  fields.json(",\"arguments\":", record.arguments_json);
  fields.integer(",\"status\":", record.upstream_status);
  fields.text(",\"outcome\":", record.outcome);
  fields.digest(",\"result_digest\":", record.result_digest);
  fields.integer(",\"result_bytes\":", static_cast<std::int64_t>(record.result_bytes));
  fields.integer(",\"decide_us\":", record.decide_us);
  fields.integer(",\"upstream_us\":", record.upstream_us);
  fields.integer(",\"total_us\":", record.total_us);
  fields.text(",\"traceparent\":", record.traceparent);
  fields.json(",\"detail\":", record.detail_json);
  out += '}';
}

}  // namespace

std::string_view kind_name(Record::Kind kind) {
  switch (kind) {
    case Record::Kind::Call: return "call";
    case Record::Kind::Intent: return "intent";
    case Record::Kind::Refusal: return "refusal";
    case Record::Kind::Session: return "session";
    case Record::Kind::Admin: return "admin";
    case Record::Kind::Probe: return "probe";
    case Record::Kind::System: return "system";
  }
  return "system";
}

// The frame header is left open in front of each payload: commit fills it in place, so nothing is copied again.
void Batch::add(const Record& record) {
  const std::size_t start = bytes_.size();
  bytes_.append(kFrameHeaderBytes, '\0');
  append_record(bytes_, record);
  std::string_view payload = std::string_view(bytes_).substr(start + kFrameHeaderBytes);
  items_.push_back({static_cast<std::uint32_t>(payload.size()), crc32c(0, payload)});
}

}  // namespace callgate::audit
