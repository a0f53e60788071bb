// Answers for the differential test of the founding document's patterns. Reads frames (32-bit little-endian length, bytes) of code from
// standard input and answers each with one frame of JSON: what validate_code and scan_for_secrets say of it.

#include <cstdint>
#include <cstdio>
#include <string>

#include "inspection/seed.h"
#include "json/writer.h"

namespace {

bool read_frame(std::string& bytes) {
  std::uint8_t head[4];
  if (std::fread(head, 1, 4, stdin) != 4) return false;
  bytes.resize(std::size_t(head[0]) | std::size_t(head[1]) << 8 | std::size_t(head[2]) << 16 | std::size_t(head[3]) << 24);
  return std::fread(bytes.data(), 1, bytes.size(), stdin) == bytes.size();
}

}  // namespace

int main() {
  using namespace callgate;
  std::string code;
  while (read_frame(code)) {
    std::string answer;
    json::Writer out(answer);
    out.begin_object().key("validation").raw(inspection::validation_json(inspection::validate_code(code, {.web_app = true})));
    out.key("secrets").begin_array();
    for (const auto& secret : inspection::scan_for_secrets(code))
      out.begin_object().member("type", secret.type).member("value", secret.value).member("line", std::int64_t{secret.line}).end_object();
    out.end_array().end_object();
    std::uint8_t head[4];
    for (int i = 0; i < 4; ++i) head[i] = static_cast<std::uint8_t>(answer.size() >> (8 * i));
    std::fwrite(head, 1, 4, stdout);
    std::fwrite(answer.data(), 1, answer.size(), stdout);
  }
  return 0;
}
