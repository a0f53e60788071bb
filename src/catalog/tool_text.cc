#include "catalog/tool_text.h"

#include <algorithm>

#include "json/document.h"

namespace callgate::catalog {
namespace {

constexpr std::size_t kTextBytesMax = 16 * 1024;  // of one tool, whatever it tells
constexpr int kParameterDepthMax = 4;

std::uint64_t hash_of(std::string_view word) {  // FNV-1a: the same on every machine, and only ever compared with itself
  std::uint64_t hash = 14695981039346656037ull;
  for (char c : word) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  return hash;
}

std::string_view singular(std::string& word) {
  std::size_t size = word.size();
  if (size > 4 && word.ends_with("ies")) word.resize(size - 2), word.back() = 'y';
  else if (size > 3 && word.back() == 's' && word[size - 2] != 's' && word[size - 2] != 'u') word.pop_back();
  return word;
}

class Counter {
 public:
  void add(std::string_view text, std::uint32_t weight) {
    text = text.substr(0, left_);
    left_ -= text.size();
    for (std::uint64_t hash : words_of(text)) words_.push_back({hash, weight});
  }
  void add_parameters(json::Value schema, int depth) {
    if (depth > kParameterDepthMax) return;
    schema["properties"].for_each_member([&](std::string_view name, json::Value about) {
      add(name, 1);
      add(about["description"].string(), 1);
      add_parameters(about, depth + 1);
    });
  }
  void finish(ToolText& text) {
    std::ranges::sort(words_, {}, &ToolText::Word::hash);
    for (const ToolText::Word& word : words_) {
      text.length += word.weight;
      if (!text.words.empty() && text.words.back().hash == word.hash) text.words.back().weight += word.weight;
      else text.words.push_back(word);
    }
  }

 private:
  std::vector<ToolText::Word> words_;
  std::size_t left_ = kTextBytesMax;
};

}  // namespace

std::uint32_t ToolText::weight(std::uint64_t word) const {
  auto found = std::ranges::lower_bound(words, word, {}, &Word::hash);
  return found != words.end() && found->hash == word ? found->weight : 0;
}

std::vector<std::uint64_t> words_of(std::string_view text) {
  std::vector<std::uint64_t> words;
  std::string word;
  auto end_word = [&] {
    if (!word.empty()) words.push_back(hash_of(singular(word)));
    word.clear();
  };
  bool after_lower = false;
  for (char c : text) {
    bool upper = c >= 'A' && c <= 'Z', lower = c >= 'a' && c <= 'z', other = (c >= '0' && c <= '9') || (c & 0x80) != 0;
    if ((!upper && !lower && !other) || (upper && after_lower)) end_word();
    if (upper || lower || other) word += upper ? static_cast<char>(c + 32) : c;
    after_lower = lower;
  }
  end_word();
  return words;
}

std::shared_ptr<const ToolText> make_tool_text(std::string_view name, std::string definition) {
  auto text = std::make_shared<ToolText>();
  Counter counter;
  counter.add(name, 3);
  json::Document document;
  if (document.parse(definition)) {
    json::Value tool = document.root();
    counter.add(tool["title"].string(), 2);
    counter.add(tool["annotations"]["title"].string(), 2);
    counter.add(tool["description"].string(), 1);
    counter.add_parameters(tool["inputSchema"], 1);
  }
  counter.finish(*text);
  text->definition = std::move(definition);
  return text;
}

}  // namespace callgate::catalog
