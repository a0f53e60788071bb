#pragma once
// Texts made to cost much: long runs, near-matches, nested and unclosed forms, encodings in encodings. Made by code, of any size, for the
// tests and the bench of what should stay linear.

#include <string>
#include <string_view>
#include <vector>

namespace callgate::inspection::testing {

struct Hostile {
  std::string_view name;
  std::string text;
};

// Each at least `size` bytes, and hardly more; encodings in encodings as deep as fits.
std::vector<Hostile> hostile_texts(std::size_t size);

// What people send: prose, JSON, code, a log, a table, numbers. Exactly `size` bytes; `turn` says what comes first.
std::string plain_text(std::size_t size, std::size_t turn);

}  // namespace callgate::inspection::testing
