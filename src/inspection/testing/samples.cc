#include "inspection/testing/samples.h"

#include <charconv>

#include "base/encoding.h"
#include "inspection/secret_checks.h"
#include "inspection/token_shape.h"

namespace callgate::inspection::testing {
namespace {

struct Dice {
  std::uint64_t state;
  std::uint32_t next() {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::uint32_t>(state >> 33);
  }
};

std::string pick(char letter, std::size_t size, Dice& dice) {
  std::string all;
  for (int c = 33; c < 127; ++c)
    if (in_class(letter, static_cast<char>(c)) && c != '%' && c != '~') all.push_back(static_cast<char>(c));
  std::string out;
  while (out.size() < size) out.push_back(all[dice.next() % all.size()]);
  // Never only letters, never only digits where both may be: some rules ask for a mixture.
  if (size >= 4 && in_class(letter, '7')) out[size / 2] = '7';
  if (size >= 4 && in_class(letter, 'b')) out[size / 3] = 'b';
  if (size >= 4 && in_class(letter, 'K')) out[size / 4] = 'K';
  return out;
}

}  // namespace

std::string sample(std::string_view shape, unsigned seed) {
  Dice dice{seed * 7919u + 17};
  if (shape.starts_with('~')) shape.remove_prefix(1);
  std::string out;
  while (!shape.empty()) {
    if (shape.front() != '[') {
      out.push_back(shape.front() == '^' ? ' ' : shape.front());
      shape.remove_prefix(1);
      continue;
    }
    auto close = shape.find(']');
    std::size_t least = 0;
    std::from_chars(shape.data() + 2, shape.data() + close, least);
    out += pick(shape[1], least, dice);
    shape.remove_prefix(close + 1);
  }
  return out;
}

std::string base62(std::size_t size, unsigned seed) {
  Dice dice{seed * 104729u + 3};
  return pick('b', size, dice);
}

std::string checked_token(std::string_view prefix, unsigned seed) {
  std::string body = base62(30, seed);
  return std::string(prefix) + body + base62_crc(body);
}

std::string jwt(unsigned seed) {
  auto part = [](std::string_view text) {
    std::string made = base64_encode(text);
    while (made.ends_with('=')) made.pop_back();
    return made;
  };
  return part("{\"alg\":\"HS256\",\"typ\":\"JWT\"}") + "." + part("{\"sub\":\"1234\",\"name\":\"someone\"}") + "." + base62(43, seed);
}

}  // namespace callgate::inspection::testing
