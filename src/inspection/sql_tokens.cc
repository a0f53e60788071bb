#include "inspection/sql_tokens.h"

#include <algorithm>

namespace callgate::inspection {
namespace {

bool word_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80; }
bool digit(char c) { return c >= '0' && c <= '9'; }
bool word_char(char c) { return word_start(c) || digit(c) || c == '$' || c == '#'; }
bool space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'; }

// Where SQL Server may end a word, though its bytes are those of a letter: signs of currency begin an amount of money (`£1DROP`), blanks
// beyond ASCII part. All of Latin-1's signs up to `©`, of U+2000 to U+20CF, and what is scattered.
bool sign_in(std::string_view word) {
  constexpr std::string_view kSigns[] = {"\xd6\x8f",     "\xd8\x8b",     "\xdf\xbe",     "\xe0\xa7\xb2", "\xe0\xa7\xb3",
                                         "\xe0\xa7\xbb", "\xe0\xab\xb1", "\xe0\xaf\xb9", "\xe0\xb8\xbf", "\xe1\x9a\x80",
                                         "\xe1\x9f\x9b", "\xe3\x80\x80", "\xea\xa0\xb8", "\xef\xb7\xbc", "\xef\xb9\xa9",
                                         "\xef\xbc\x84", "\xef\xbf\xa0", "\xef\xbf\xa1", "\xef\xbf\xa5", "\xef\xbf\xa6"};
  for (std::size_t at = 0; at + 1 < word.size(); ++at) {
    auto next = static_cast<unsigned char>(word[at + 1]);
    if (word[at] == '\xc2' && next <= 0xa9) return true;
    if (word[at] == '\xe2' && next <= 0x83) return true;
  }
  return std::any_of(std::begin(kSigns), std::end(kSigns),
                     [&](std::string_view sign) { return word.find(sign) != std::string_view::npos; });
}

std::string lower(std::string_view text) {
  std::string made(text);
  for (char& c : made)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return made;
}

class Tokenizer {
 public:
  Tokenizer(std::string_view text, const SqlReading& reading, std::vector<SqlToken>& out) : text_(text), reading_(reading), out_(out) {}
  bool run();

 private:
  bool mysql() const { return reading_.dialect == SqlDialect::MySql || reading_.dialect == SqlDialect::MariaDb; }
  char at(std::size_t i) const { return i < text_.size() ? text_[i] : '\0'; }
  bool comment(bool& found);
  bool block_comment();
  bool quoted(char close, SqlTokenKind kind);
  bool token();
  bool number();
  bool symbol();
  void add(SqlTokenKind kind, std::string text) { out_.push_back({kind, std::move(text), depth_}); }

  std::string_view text_;
  const SqlReading& reading_;
  std::vector<SqlToken>& out_;
  std::size_t at_ = 0;
  std::uint32_t depth_ = 0;
  bool in_version_comment_ = false;
};

bool Tokenizer::block_comment() {
  bool code = mysql() && (at(at_ + 2) == '!' || (at(at_ + 2) == 'M' && at(at_ + 3) == '!'));
  if (code && reading_.version_comments) {
    if (in_version_comment_) return false;  // nesting them is a trick
    at_ += at(at_ + 2) == '!' ? 3 : 4;
    for (int i = 0; i < 6 && digit(at(at_)); ++i) ++at_;
    in_version_comment_ = true;
    return true;
  }
  int nested = 1;
  bool nests = reading_.dialect == SqlDialect::PostgreSql || reading_.dialect == SqlDialect::TSql;
  at_ += 2;
  while (at_ + 1 < text_.size()) {
    if (text_[at_] == '*' && text_[at_ + 1] == '/') {
      at_ += 2;
      if (--nested == 0) return true;
    } else if (nests && text_[at_] == '/' && text_[at_ + 1] == '*') {
      at_ += 2;
      ++nested;
    } else {
      // Another comment inside ours, where comments do not nest, is read in two ways by two programs.
      if (!nests && text_[at_] == '/' && text_[at_ + 1] == '*') return false;
      ++at_;
    }
  }
  return reading_.dialect == SqlDialect::Sqlite;  // SQLite lets the end of the text close it
}

bool Tokenizer::comment(bool& found) {
  found = true;
  if (text_[at_] == '/' && at(at_ + 1) == '*') return block_comment();
  if (in_version_comment_ && text_[at_] == '*' && at(at_ + 1) == '/') {
    in_version_comment_ = false;
    at_ += 2;
    return true;
  }
  bool dashes = text_[at_] == '-' && at(at_ + 1) == '-' &&
                (!mysql() || at_ + 2 >= text_.size() || space(at(at_ + 2)) || static_cast<unsigned char>(at(at_ + 2)) < 0x20);
  bool hash = text_[at_] == '#' && mysql();
  bool slashes = text_[at_] == '/' && at(at_ + 1) == '/' && reading_.dialect == SqlDialect::Snowflake;
  if (!dashes && !hash && !slashes) {
    found = false;
    return true;
  }
  while (at_ < text_.size() && text_[at_] != '\n') {
    if (text_[at_] == '\r' && at(at_ + 1) != '\n') return false;  // ends the line for some
    if (in_version_comment_ && text_[at_] == '*' && at(at_ + 1) == '/') return false;
    ++at_;
  }
  return true;
}

// From the opening quote; a doubled closing quote stands for itself.
bool Tokenizer::quoted(char close, SqlTokenKind kind) {
  bool escapes = kind == SqlTokenKind::String && ((mysql() && reading_.backslash_escapes) || reading_.dialect == SqlDialect::Snowflake);
  std::string text;
  for (++at_; at_ < text_.size(); ++at_) {
    char c = text_[at_];
    if (c == '\0') return false;
    if (escapes && c == '\\') {
      if (++at_ >= text_.size()) return false;
      text.push_back(text_[at_]);
    } else if (c == close) {
      if (at(at_ + 1) != close) {
        ++at_;
        add(kind, kind == SqlTokenKind::Quoted ? lower(text) : text);
        return true;
      }
      text.push_back(c);
      ++at_;
    } else {
      text.push_back(c);
    }
  }
  return false;
}

bool Tokenizer::symbol() {
  char c = text_[at_];
  if (c == '(') {
    add(SqlTokenKind::Symbol, "(");
    if (++depth_ > 500) return false;
    ++at_;
    return true;
  }
  if (c == ')') {
    if (depth_ == 0) return false;
    --depth_;
    add(SqlTokenKind::Symbol, ")");
    ++at_;
    return true;
  }
  if (c == ':' && at(at_ + 1) == '=') {
    add(SqlTokenKind::Symbol, ":=");
    at_ += 2;
    return true;
  }
  if (std::string_view("+-*/%<>=!~|&^,;.?:@{}[]\\#$").find(c) == std::string_view::npos) return false;
  if (c == '\\') return false;  // client commands
  add(SqlTokenKind::Symbol, std::string(1, c));
  ++at_;
  return true;
}

// `1e0INTO OUTFILE`, `1DROP TABLE`: servers end the number where letters cannot be part of it, and go on. Such text is refused; to MySQL a
// name may begin with digits, unless a fraction or an exponent has begun.
bool Tokenizer::number() {
  std::size_t begin = at_;
  auto digits = [&] {
    while (digit(at(at_)) || (at(at_) == '_' && digit(at(at_ + 1)))) ++at_;
  };
  // `db.7days`, with nothing between; `SELECT .5` is a fraction.
  bool dot = begin > 0 && text_[begin - 1] == '.';
  bool fraction = dot && (begin < 2 || !(word_char(text_[begin - 2]) || text_[begin - 2] == '`' || text_[begin - 2] == '"'));
  bool hex = at(at_) == '0' && (at(at_ + 1) == 'x' || at(at_ + 1) == 'X' || at(at_ + 1) == 'b' || at(at_ + 1) == 'B');
  if (hex) {
    at_ += 2;
    while (digit(at(at_)) || (at(at_) >= 'a' && at(at_) <= 'f') || (at(at_) >= 'A' && at(at_) <= 'F')) ++at_;
  } else {
    digits();
    if (at(at_) == '.') ++at_, fraction = true, digits();
    std::size_t sign = at(at_ + 1) == '+' || at(at_ + 1) == '-' ? 1 : 0;
    if ((at(at_) == 'e' || at(at_) == 'E') && digit(at(at_ + 1 + sign))) at_ += 1 + sign, fraction = true, digits();
    bool suffix = at(at_) == 'f' || at(at_) == 'F' || at(at_) == 'd' || at(at_) == 'D';
    if (suffix && reading_.dialect == SqlDialect::Oracle && !word_char(at(at_ + 1))) ++at_;
  }
  bool goes_on = word_char(at(at_)) && !(at(at_) == '#' && mysql());
  if (goes_on && (!mysql() || fraction)) return false;
  while (goes_on && word_char(at(at_)) && !(at(at_) == '#' && mysql())) ++at_;
  auto text = text_.substr(begin, at_ - begin);
  if (goes_on) add(SqlTokenKind::Word, lower(text));
  else add(SqlTokenKind::Number, std::string(text));
  return true;
}

bool Tokenizer::token() {
  char c = text_[at_];
  auto dialect = reading_.dialect;
  if (c == '\'') return quoted('\'', SqlTokenKind::String);
  if (c == '"') return quoted('"', mysql() && !reading_.ansi_quotes ? SqlTokenKind::String : SqlTokenKind::Quoted);
  if (c == '`' && (mysql() || dialect == SqlDialect::Sqlite)) return quoted('`', SqlTokenKind::Quoted);
  if (c == '[' && (dialect == SqlDialect::TSql || dialect == SqlDialect::Sqlite)) return quoted(']', SqlTokenKind::Quoted);
  if (c == '$' && at(at_ + 1) == '$' && dialect == SqlDialect::Snowflake) {
    auto end = text_.find("$$", at_ + 2);
    if (end == std::string_view::npos) return false;
    add(SqlTokenKind::String, std::string(text_.substr(at_ + 2, end - at_ - 2)));
    at_ = end + 2;
    return true;
  }
  if ((c == 'q' || c == 'Q') && at(at_ + 1) == '\'' && dialect == SqlDialect::Oracle) {
    char open = at(at_ + 2);
    char close = open == '[' ? ']' : open == '(' ? ')' : open == '{' ? '}' : open == '<' ? '>' : open;
    auto end = text_.find(std::string{close, '\''}, at_ + 3);
    if (end == std::string_view::npos) return false;
    add(SqlTokenKind::String, std::string(text_.substr(at_ + 3, end - at_ - 3)));
    at_ = end + 2;
    return true;
  }
  if (c == '@') {
    std::size_t begin = at_++;
    while (at_ < text_.size() && (word_char(text_[at_]) || text_[at_] == '@' || text_[at_] == '.')) ++at_;
    add(SqlTokenKind::Variable, lower(text_.substr(begin, at_ - begin)));
    return true;
  }
  if (word_start(c)) {
    std::size_t begin = at_;
    while (at_ < text_.size() && word_char(text_[at_])) {
      if (text_[at_] == '#' && mysql()) break;
      ++at_;
    }
    auto text = text_.substr(begin, at_ - begin);
    if (dialect == SqlDialect::TSql && sign_in(text)) return false;
    add(SqlTokenKind::Word, lower(text));
    return true;
  }
  if (digit(c)) return number();
  return symbol();
}

bool Tokenizer::run() {
  while (at_ < text_.size()) {
    if (space(text_[at_])) {
      ++at_;
      continue;
    }
    bool found = false;
    if (!comment(found)) return false;
    if (!found && !token()) return false;
  }
  return depth_ == 0 && !in_version_comment_;
}

}  // namespace

bool tokenize_sql(std::string_view text, const SqlReading& reading, std::vector<SqlToken>& out) {
  out.clear();
  return Tokenizer(text, reading, out).run();
}

}  // namespace callgate::inspection
