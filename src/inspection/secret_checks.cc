#include "inspection/secret_checks.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "inspection/token_shape.h"

namespace callgate::inspection {
namespace {

constexpr std::string_view kBase62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

// Words that stand for a secret, lower case.
constexpr std::string_view kStandIns[] = {
    "example", "xxxx",         "your",       "changeme", "change_me", "change-me", "placeholder", "redacted", "dummy", "insert",
    "replace", "....",         "****",       "sample",   "foobar",    "notreal",   "not_real",    "fake",     "todo",  "<",
    ">",       "abcdefghijkl", "token_here", "key_here", "enter_",    "my_secret", "mysecret",    "-here",    "_here"};

constexpr std::string_view kReferences[] = {
    "process.env", "os.environ", "getenv",    "env[",        "env.",   "secrets.", "vault:", "config.",  "settings.", "params.",
    "self.",       "this.",      "var.",      "data.",       "local.", "module.",  "ssm:",   "arn:aws:", "!ref",      "op://",
    "secretref",   "keyvault",   "valuefrom", "import.meta", "sm://",  "bws://",   "ref+",   "!sub"};

std::string lower(std::string_view text) {
  std::string made(text);
  for (char& c : made)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return made;
}

}  // namespace

double entropy_bits(std::string_view text) {
  if (text.empty()) return 0;
  std::array<std::uint32_t, 256> counts{};
  for (char c : text) ++counts[static_cast<unsigned char>(c)];
  double bits = 0, size = static_cast<double>(text.size());
  for (auto count : counts)
    if (count) bits -= count / size * std::log2(count / size);
  return bits;
}

bool looks_like_placeholder(std::string_view value) {
  if (value.empty()) return true;
  std::string text = lower(value);
  for (auto word : kStandIns)
    if (text.find(word) != std::string::npos) return true;
  if (value.starts_with('%') && (value.ends_with('%') || value.size() < 4)) return true;
  std::size_t run = 1;
  for (std::size_t i = 1; i < value.size(); ++i) {
    run = value[i] == value[i - 1] ? run + 1 : 1;
    if (run >= 8) return true;
  }
  return false;
}

bool looks_like_sample(std::string_view token) {
  std::string text = lower(token);
  for (std::string_view word : {"example", "xxxx", "your", "redacted", "placeholder", "..."})
    if (text.find(word) != std::string::npos) return true;
  std::size_t run = 1;
  for (std::size_t i = 1; i < token.size(); ++i) {
    run = token[i] == token[i - 1] ? run + 1 : 1;
    if (run >= 10) return true;
  }
  return false;
}

bool looks_like_reference(std::string_view value) {
  if (value.empty()) return true;
  if (value.find("${") != std::string_view::npos || value.find("{{") != std::string_view::npos ||
      value.find("$(") != std::string_view::npos)
    return true;
  char first = value.front();
  if (first == '$' || first == '@' || first == '&' || (first == '{' && value.ends_with('}')) || (first == '[' && value.ends_with(']')))
    return true;
  std::string text = lower(value.substr(0, 64));
  for (auto word : kReferences)
    if (text.find(word) != std::string::npos) return true;
  // A path: at least two slashes between plain words.
  if ((first == '/' || first == '.' || first == '~') && value.find('/', 1) != std::string_view::npos &&
      value.find('+') == std::string_view::npos)
    return true;
  return text.starts_with("http://") || text.starts_with("https://") || text.starts_with("file:");
}

// Runs of letters are long in words, parted by - _ . or a capital; in random text they are short.
bool looks_like_words(std::string_view value) {
  std::size_t letters = 0, digits = 0, runs = 0, after_digit = 0;
  char before = 0;
  for (char c : value) {
    bool lower_case = c >= 'a' && c <= 'z', upper = c >= 'A' && c <= 'Z';
    if (lower_case || upper) {
      ++letters;
      after_digit += before >= '0' && before <= '9';
      bool goes_on = (lower_case && ((before >= 'a' && before <= 'z') || (before >= 'A' && before <= 'Z'))) ||
                     (upper && before >= 'A' && before <= 'Z');
      runs += !goes_on;
    } else if (c >= '0' && c <= '9') {
      ++digits;
    } else if (std::string_view("-_. /:").find(c) == std::string_view::npos) {
      return false;
    }
    before = c;
  }
  return letters > 0 && letters >= runs * 4 && digits * 4 <= letters && after_digit <= 1;
}

std::string rot13(std::string text) {
  for (char& c : text)
    if (in_class('a', c) || in_class('U', c)) c = static_cast<char>((c | 0x20) > 'm' ? c - 13 : c + 13);
  return text;
}

bool has_digit_and_letter(std::string_view value) {
  bool digit = false, letter = false;
  for (char c : value) {
    digit = digit || (c >= '0' && c <= '9');
    letter = letter || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  }
  return digit && letter;
}

std::string base62_crc(std::string_view body) {
  auto sum = crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  std::string digits(6, '0');
  for (int i = 5; i >= 0; --i) {
    digits[static_cast<std::size_t>(i)] = kBase62[sum % 62];
    sum /= 62;
  }
  return digits;
}

bool base62_crc_holds(std::string_view token) {
  auto mark = token.find('_');
  if (mark == std::string_view::npos || token.size() < mark + 7) return false;
  auto body = token.substr(mark + 1, token.size() - mark - 7);
  return base62_crc(body) == token.substr(token.size() - 6);
}

std::optional<std::string> decode_base64(std::string_view text, std::size_t bytes_max) {
  while (text.ends_with('=')) text.remove_suffix(1);
  if (text.size() % 4 == 1 || text.size() / 4 * 3 > bytes_max) return {};
  std::string out;
  out.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  int held = 0;
  for (char c : text) {
    int digit = c >= 'A' && c <= 'Z'   ? c - 'A'
                : c >= 'a' && c <= 'z' ? c - 'a' + 26
                : c >= '0' && c <= '9' ? c - '0' + 52
                : c == '+' || c == '-' ? 62
                : c == '/' || c == '_' ? 63
                                       : -1;
    if (digit < 0) return {};
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    held += 6;
    if (held >= 8) {
      held -= 8;
      out.push_back(static_cast<char>(bits >> held & 0xff));
    }
  }
  return out;
}

// Valid UTF-8 with hardly any control character. Random bytes are not, compressed ones neither.
bool looks_like_text(std::string_view bytes) {
  if (bytes.empty()) return false;
  std::size_t controls = 0;
  for (std::size_t i = 0; i < bytes.size();) {
    auto byte = static_cast<unsigned char>(bytes[i]);
    if (byte < 0x80) {
      if (byte == 0) return false;
      controls += (byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t' && byte != 0x1b) || byte == 0x7f;
      ++i;
      continue;
    }
    std::size_t size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    if (byte < 0xc2 || byte > 0xf4) return false;
    if (i + size > bytes.size()) return i > 0 && bytes.size() - i < size;  // cut by the caller's peek
    for (std::size_t k = 1; k < size; ++k)
      if ((static_cast<unsigned char>(bytes[i + k]) & 0xc0) != 0x80) return false;
    i += size;
  }
  return controls * 20 <= bytes.size();
}

}  // namespace callgate::inspection
