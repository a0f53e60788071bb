#include "risk/steering.h"

#include <algorithm>

#include "risk/words.h"

namespace callgate::risk {
namespace {

constexpr std::size_t kWordsMax = 2'000;

template <class List> bool in(const List& list, std::string_view word) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

// Whom a description has no business to speak to or of.
constexpr std::string_view kAddressed[] = {"agent", "ai",  "assistant", "chatbot", "claude",   "copilot",
                                           "gpt",   "llm", "model",     "system",  "important"};
constexpr std::string_view kOrders[] = {"always",       "before",      "disregard", "ensure",   "first", "forget",   "forward",
                                        "ignore",       "immediately", "instead",   "must",     "never", "override", "please",
                                        "prerequisite", "remember",    "secretly",  "silently", "todo",  "urgent",   "whenever"};
constexpr std::string_view kSecrecy[] = {"comment", "disclose", "mention", "notify", "private", "reveal", "tell", "inform"};
constexpr std::string_view kPossessive[] = {"all", "his", "her", "my", "our", "their"};
constexpr std::string_view kCollects[] = {
    "chat",      "context",     "conversation", "conversations", "cookie",       "cookies",    "credential", "credentials",
    "env",       "environment", "history",      "id_rsa",        "instructions", "memory",     "messages",   "password",
    "passwords", "prompt",      "prompts",      "reasoning",     "secret",       "secrets",    "ssh",        "system",
    "telemetry", "thoughts",    "token",        "tokens",        "tools",        "transcript", "verbatim",   "debug",
    "summary",   "metadata",    "diagnostics",  "analytics",     "feedback",     "session"};
constexpr std::string_view kStop[] = {"about", "after",   "also",  "been",  "before",  "being",    "both",     "does",   "each",   "from",
                                      "have",  "into",    "more",  "must",  "only",    "other",    "over",     "some",   "such",   "than",
                                      "that",  "their",   "them",  "then",  "there",   "these",    "they",     "this",   "those",  "tool",
                                      "used",  "uses",    "using", "value", "values",  "when",     "where",    "which",  "while",  "will",
                                      "with",  "without", "would", "your",  "default", "optional", "required", "return", "returns"};

// A mail address, a link, a home directory, a long number, something in capitals and brackets.
struct Marks {
  bool mail = false, link = false, path = false, number = false, markup = false;
};

bool digit(char c) { return c >= '0' && c <= '9'; }
bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

Marks marks_of(std::string_view text) {
  Marks marks;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    char before = i > 0 ? text[i - 1] : ' ', after = i + 1 < text.size() ? text[i + 1] : ' ';
    if (c == '@' && (letter(before) || digit(before)) && (letter(after) || digit(after)) && text.find('.', i) != text.npos)
      marks.mail = true;
    if (c == ':' && text.substr(i).starts_with("://")) marks.link = true;
    if (c == '~' && after == '/') marks.path = true;
    if (c == '<' && (letter(after) || after == '!' || after == '/') && text.find('>', i) != text.npos) marks.markup = true;
    if (c == '[' && (after == '/' || (after >= 'A' && after <= 'Z')) && text.find(']', i) != text.npos) marks.markup = true;
    if (!digit(c) || digit(before) || before == '.') continue;
    std::size_t end = i;
    while (end < text.size() && digit(text[end])) ++end;
    if (end - i >= 6) marks.number = true;
  }
  for (std::string_view place : {".ssh", "/etc/", ".env", "/home/", "id_rsa", ".aws/"}) marks.path |= text.find(place) != text.npos;
  return marks;
}

class Sum {
 public:
  explicit Sum(Steering& out) : out_(out) {}
  void add(double weight, const char* why) {
    if (weight <= 0) return;
    rest_ *= 1 - weight;
    out_.danger = 1 - rest_;
    if (weight >= 0.1) out_.reasons.emplace_back(why);
  }

 private:
  Steering& out_;
  double rest_ = 1;
};

// Sentences that begin with an order, as `Delete the file ...` or `Please send ...`.
struct Orders {
  unsigned sentences = 0, acting = 0, words = 0, addressed = 0, secrecy = 0, possessive = 0;
};

Orders orders_of(const std::vector<TextWord>& words) {
  Orders orders;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i].text;
    orders.words += in(kOrders, word);
    orders.addressed += in(kAddressed, word);
    orders.possessive += in(kPossessive, word);
    bool negated = i > 0 && (words[i - 1].text == "not" || words[i - 1].text == "never" || words[i - 1].text == "don't" ||
                             words[i - 1].text == "without");
    orders.secrecy += (negated && in(kSecrecy, word)) || word == "private";
    if (!words[i].opens) continue;
    ++orders.sentences;
    const Verb* verb = find_verb(word == "please" && i + 1 < words.size() ? words[i + 1].text : word);
    orders.acting += verb != nullptr && verb->says != Class::Read && base_form(verb->word) && words[i].text == word &&
                     (word == "please" || base_form(word));
  }
  return orders;
}

double novelty_of(const std::vector<TextWord>& words, const Vocabulary& known, unsigned& content) {
  unsigned fresh = 0;
  content = 0;
  for (const TextWord& word : words) {
    if (word.text.size() < 4 || in(kStop, word.text)) continue;
    ++content;
    bool seen = known.contains(word.text) ||
                (word.text.ends_with("s") && known.contains(std::string_view(word.text).substr(0, word.text.size() - 1))) ||
                known.contains(word.text + "s");
    fresh += !seen;
  }
  return content == 0 ? 0 : double(fresh) / content;
}

}  // namespace

void add_words(Vocabulary& vocabulary, std::string_view text) {
  for (TextWord& word : text_words(text, kWordsMax)) vocabulary.insert(std::move(word.text));
  for (std::string& word : name_words(text.substr(0, 200))) vocabulary.insert(std::move(word));
}

Steering judge_text(std::string_view added, const Vocabulary& known) {
  Steering out;
  std::vector<TextWord> words = text_words(added, kWordsMax);
  if (words.empty()) return out;
  Marks marks = marks_of(added);
  Orders orders = orders_of(words);
  unsigned content = 0;
  double novelty = novelty_of(words, known, content);
  Sum sum(out);
  sum.add(marks.mail ? 0.4 : 0, "names a mail address");
  sum.add(marks.link ? 0.15 : 0, "names a link");
  sum.add(marks.path ? 0.3 : 0, "names a private file");
  sum.add(marks.number ? 0.2 : 0, "names an account or a number");
  sum.add(marks.markup ? 0.25 : 0, "holds markup");
  sum.add(std::min(0.35, 0.12 * orders.words), "gives orders");
  sum.add(std::min(0.3, 0.15 * orders.addressed), "speaks to the model");
  sum.add(orders.secrecy > 0 ? 0.4 : 0, "asks to keep something from the user");
  sum.add(std::min(0.2, 0.1 * orders.possessive), "asks for somebody's things");
  sum.add(std::min(0.25, 0.12 * orders.acting), "asks for an action");
  // Text about other things than the tool was about, and enough of it to be a sentence.
  if (content >= 4) sum.add(0.5 * std::max(0.0, novelty - 0.4) * std::min(1.0, content / 8.0), "is about something else than the tool was");
  return out;
}

Steering judge_parameter(std::string_view name, std::string_view description, bool required) {
  Steering out;
  Sum sum(out);
  unsigned hits = 0;
  for (const std::string& word : name_words(name)) hits += in(kCollects, word);
  unsigned told = 0;
  for (const TextWord& word : text_words(description, 200)) told += in(kCollects, word.text) || in(kAddressed, word.text);
  Marks marks = marks_of(description);
  sum.add(required ? 0.2 : 0.05, "has to be given");
  sum.add(hits > 0 ? 0.3 : 0, "is named after what the model knows");
  sum.add(std::min(0.6, 0.3 * told), "asks for what the model knows");
  sum.add(marks.path ? 0.4 : 0, "asks for a private file");
  return out;
}

}  // namespace callgate::risk
