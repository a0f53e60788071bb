#pragma once
// Puts texts one behind the other: the room is made once and every piece is copied in place, which for literals is a few moves. For
// heads and other text that is written on every call. No errors; throws only what std::string does when memory runs out.

#include <cstring>
#include <string>
#include <string_view>

namespace callgate {

template <class... Text> inline void append(std::string& out, const Text&... texts) {
  const std::size_t before = out.size();
  out.resize(before + (std::string_view(texts).size() + ...));
  char* at = out.data() + before;
  const auto put = [&at](std::string_view text) {
    std::memcpy(at, text.data(), text.size());
    at += text.size();
  };
  (put(std::string_view(texts)), ...);
}

}  // namespace callgate
