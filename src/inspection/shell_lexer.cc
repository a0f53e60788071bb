#include "inspection/shell_lexer.h"

#include <algorithm>

namespace callgate::inspection {
namespace {

bool name_char(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }
bool blank(char c) { return c == ' ' || c == '\t'; }

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}
  ShellScript run();

 private:
  struct Here {
    std::string end;
    bool strip;
    bool quoted;
  };
  char at(std::size_t i) const { return i < text_.size() ? text_[i] : '\0'; }
  bool starts(std::string_view what) const { return text_.substr(at_, what.size()) == what; }
  void word();
  void dollar(ShellWord& word);
  void single_quoted(ShellWord& word);
  void ansi_quoted(ShellWord& word);
  void double_quoted(ShellWord& word);
  void backquoted(ShellWord& word);
  std::string_view balanced(char open, char close);  // from after the opening one; at_ ends behind the closing one
  bool redirect();
  void operator_or_newline();
  void end_command(bool pipes);
  void add(ShellWord word);
  void here_bodies();
  void collect(std::string_view inside);

  std::string_view text_;
  std::size_t at_ = 0;
  ShellScript out_;
  ShellCommand now_;
  bool pipes_ = false, group_ = false;
  std::vector<Here> heres_;
  std::string pending_redirect_;
  bool in_for_ = false;
  std::string reserved_;  // the reserved word this command began with
};

std::string_view Lexer::balanced(char open, char close) {
  std::size_t begin = at_, depth = 1;
  while (at_ < text_.size()) {
    char c = text_[at_];
    if (c == '\\') {
      ++at_;
    } else if (c == '\'' && close != '}') {
      auto end = text_.find('\'', at_ + 1);
      at_ = end == std::string_view::npos ? text_.size() : end;
    } else if (c == '"') {
      for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_)
        if (text_[at_] == '\\') ++at_;
    } else if (c == open) {
      ++depth;
    } else if (c == close && --depth == 0) {
      auto inside = text_.substr(begin, at_ - begin);
      ++at_;
      return inside;
    }
    ++at_;
  }
  at_ = text_.size();
  out_.broken = true;
  return text_.substr(std::min(begin, text_.size()));
}

// The substitutions in text that is expanded like a string in double quotes.
void Lexer::collect(std::string_view inside) {
  if (inside.find("$(") == std::string_view::npos && inside.find('`') == std::string_view::npos) return;
  Lexer inner(inside);
  ShellWord ignored;
  while (inner.at_ < inside.size()) {
    char c = inside[inner.at_];
    if (c == '\\') inner.at_ += 2;
    else if (c == '$') inner.dollar(ignored);
    else if (c == '`') inner.backquoted(ignored);
    else ++inner.at_;
  }
  for (auto& text : inner.out_.substitutions) out_.substitutions.push_back(std::move(text));
}

void Lexer::dollar(ShellWord& word) {
  std::size_t begin = at_++;
  char c = at(at_);
  if (c == '(' && at(at_ + 1) == '(') {
    at_ += 2;
    collect(balanced('(', ')'));
    if (at(at_) == ')') ++at_;
  } else if (c == '(') {
    ++at_;
    out_.substitutions.emplace_back(balanced('(', ')'));
  } else if (c == '{') {
    ++at_;
    collect(balanced('{', '}'));  // ${x:-$(...)} runs what is in it
  } else if (name_char(c)) {
    while (name_char(at(at_))) ++at_;
  } else if (c != '\0' && std::string_view("@*#?$!-").find(c) != std::string_view::npos) {
    ++at_;
  } else {
    word.text.push_back('$');
    return;
  }
  word.expands = true;
  word.text.append(text_.substr(begin, at_ - begin));
}

void Lexer::single_quoted(ShellWord& word) {
  auto end = text_.find('\'', at_ + 1);
  if (end == std::string_view::npos) out_.broken = true;
  word.text.append(text_.substr(at_ + 1, (end == std::string_view::npos ? text_.size() : end) - at_ - 1));
  word.quoted = true;
  at_ = end == std::string_view::npos ? text_.size() : end + 1;
}

// $'...' with its escapes undone.
void Lexer::ansi_quoted(ShellWord& word) {
  word.quoted = true;
  for (at_ += 2; at_ < text_.size() && text_[at_] != '\''; ++at_) {
    if (text_[at_] != '\\') {
      word.text.push_back(text_[at_]);
      continue;
    }
    char c = at(++at_);
    if (c == 'x' || (c >= '0' && c <= '7')) {
      bool hex = c == 'x';
      int value = 0;
      std::size_t digits = 0, most = hex ? 2 : 3;
      if (hex) ++at_;
      auto digit = [&](char d) {
        return d >= '0' && d <= (hex ? '9' : '7') ? d - '0' : hex && (d | 0x20) >= 'a' && (d | 0x20) <= 'f' ? (d | 0x20) - 'a' + 10 : -1;
      };
      for (; digits < most && digit(at(at_)) >= 0; ++digits, ++at_) value = value * (hex ? 16 : 8) + digit(at(at_));
      --at_;
      word.text.push_back(static_cast<char>(value));
    } else {
      word.text.push_back(c == 'n' ? '\n' : c == 't' ? '\t' : c);
    }
  }
  if (at_ >= text_.size()) out_.broken = true;
  else ++at_;
}

void Lexer::double_quoted(ShellWord& word) {
  word.quoted = true;
  for (++at_; at_ < text_.size() && text_[at_] != '"';) {
    char c = text_[at_];
    if (c == '\\' && at_ + 1 < text_.size() && std::string_view("$`\"\\\n").find(text_[at_ + 1]) != std::string_view::npos) {
      if (text_[at_ + 1] != '\n') word.text.push_back(text_[at_ + 1]);
      at_ += 2;
    } else if (c == '$') {
      dollar(word);
    } else if (c == '`') {
      backquoted(word);
    } else {
      word.text.push_back(c);
      ++at_;
    }
  }
  if (at_ >= text_.size()) out_.broken = true;
  else ++at_;
}

void Lexer::backquoted(ShellWord& word) {
  std::string inside;
  std::size_t begin = at_;
  for (++at_; at_ < text_.size() && text_[at_] != '`'; ++at_) {
    if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
    inside.push_back(text_[at_]);
  }
  if (at_ >= text_.size()) out_.broken = true;
  else ++at_;
  out_.substitutions.push_back(inside);
  word.expands = true;
  word.text.append(text_.substr(begin, at_ - begin));
}

void Lexer::word() {
  ShellWord word;
  while (at_ < text_.size()) {
    char c = text_[at_];
    if (blank(c) || c == '\n' || c == '\r' || std::string_view(";&|()<>").find(c) != std::string_view::npos) {
      // <(...) and >(...) inside a word
      if ((c == '<' || c == '>') && at(at_ + 1) == '(') {
        at_ += 2;
        out_.substitutions.emplace_back(balanced('(', ')'));
        word.expands = true;
        word.text += c == '<' ? "<(...)" : ">(...)";
        continue;
      }
      if (c == '(' && at(at_ + 1) == ')' && !word.text.empty() && now_.words.empty()) {  // f() { ... }
        out_.functions.push_back(word.text);
        at_ += 2;
        return;
      }
      break;
    }
    if (c == '\\') {
      if (at(at_ + 1) == '\n') {
        at_ += 2;
        continue;
      }
      word.quoted = true;
      if (at_ + 1 < text_.size()) word.text.push_back(text_[at_ + 1]);
      at_ += 2;
    } else if (c == '\'') {
      single_quoted(word);
    } else if (c == '"') {
      double_quoted(word);
    } else if (c == '$' && at(at_ + 1) == '\'') {
      ansi_quoted(word);
    } else if (c == '$' && at(at_ + 1) == '"') {
      ++at_;
      double_quoted(word);
    } else if (c == '$') {
      dollar(word);
    } else if (c == '`') {
      backquoted(word);
    } else {
      word.glob = word.glob || c == '*' || c == '?' || c == '[';
      word.text.push_back(c);
      ++at_;
    }
  }
  add(std::move(word));
}

constexpr int kBracesMax = 6;            // pairs in one word
constexpr std::size_t kWordsOfOne = 64;  // alternatives of one word

// {a,b} as the shell would: every alternative a word. `whole` is false when there are more than fit.
std::vector<std::string> braces(const std::string& text, int pairs, bool& whole) {
  auto open = text.find('{');
  if (open == std::string::npos) return {text};
  auto close = text.find('}', open);
  auto comma = text.find(',', open);
  if (close == std::string::npos || comma == std::string::npos || comma > close || text.find('{', open + 1) < close ||
      (open > 0 && text[open - 1] == '$'))
    return {text};
  std::vector<std::string> out;
  if (pairs > kBracesMax) return whole = false, std::vector{text};
  std::string inside = text.substr(open + 1, close - open - 1);
  for (std::size_t begin = 0; begin <= inside.size();) {
    if (out.size() > kWordsOfOne) return whole = false, out;
    auto end = std::min(inside.find(',', begin), inside.size());
    for (auto& rest : braces(text.substr(0, open) + inside.substr(begin, end - begin) + text.substr(close + 1), pairs + 1, whole))
      out.push_back(std::move(rest));
    begin = end + 1;
  }
  return out;
}

void Lexer::add(ShellWord word) {
  if (!pending_redirect_.empty()) {
    bool here = pending_redirect_ == "<<" || pending_redirect_ == "<<-";
    if (here) heres_.push_back({word.text, pending_redirect_ == "<<-", word.quoted});
    if (pending_redirect_ == "<<<") now_.input += word.text;
    now_.redirects.push_back({pending_redirect_, std::move(word)});
    pending_redirect_.clear();
    return;
  }
  constexpr std::string_view kReserved[] = {"if",   "then", "else", "elif", "fi",   "do",       "done", "while", "until",
                                            "esac", "{",    "}",    "!",    "time", "function", "[[",   "]]",    "coproc"};
  if (now_.words.empty() && !word.quoted && !word.expands) {
    if (std::find(std::begin(kReserved), std::end(kReserved), word.text) != std::end(kReserved)) {
      if (word.text == "[[") now_.words.push_back({"test"});
      reserved_ = word.text;
      return;
    }
    if (reserved_ == "time" && word.text == "-p") return;
    if (word.text == "for" || word.text == "select" || word.text == "case") in_for_ = true;
  }
  if (now_.words.size() == 1 && word.text == "{" && !word.quoted && (reserved_ == "function" || reserved_ == "coproc")) {
    out_.functions.push_back(now_.words[0].text);  // the word before was but a name
    now_.words.clear();
    return;
  }
  auto equals = word.text.find('=');
  if (now_.words.empty() && equals != std::string::npos && equals > 0 &&
      std::all_of(word.text.begin(), word.text.begin() + static_cast<std::ptrdiff_t>(equals - (word.text[equals - 1] == '+' ? 1 : 0)),
                  name_char)) {
    now_.assignments.push_back(word.text + (at(at_) == '(' ? "(" : ""));
    return;
  }
  if (!word.quoted && !word.expands && word.text.find(',') != std::string::npos) {
    bool whole = true;
    for (auto& part : braces(word.text, 1, whole)) now_.words.push_back({part, false, false, word.glob});
    out_.broken = out_.broken || !whole;
    return;
  }
  now_.words.push_back(std::move(word));
}

bool Lexer::redirect() {
  std::size_t digits = at_;
  while (at(digits) >= '0' && at(digits) <= '9') ++digits;
  if (digits > at_ && at(digits) != '<' && at(digits) != '>') return false;
  for (std::string_view op : {"&>>", "&>", "<<<", "<<-", "<<", "<&", "<>", ">>", ">&", ">|", "<", ">"}) {
    if (text_.substr(digits, op.size()) != op || (digits > at_ && op[0] == '&')) continue;
    if ((op == "<" || op == ">") && at(digits + 1) == '(') return false;  // a substitution
    at_ = digits + op.size();
    pending_redirect_ = op;
    return true;
  }
  return false;
}

void Lexer::end_command(bool pipes) {
  pending_redirect_.clear();
  bool anything = !now_.words.empty() || !now_.assignments.empty() || !now_.redirects.empty();
  // `for x in a b` and `case x in` run nothing themselves.
  if (in_for_) {
    anything = false;
    if (now_.words.size() > 1 && now_.words[0].text != "case") {
      std::string loop = now_.words[1].text;
      for (std::size_t i = 3; i < now_.words.size(); ++i) loop += (i == 3 ? "=" : " ") + now_.words[i].text;
      out_.loops.push_back(std::move(loop));
    }
  }
  in_for_ = false;
  reserved_.clear();
  if (anything) {
    now_.piped = pipes_;
    now_.after_group = pipes_ && group_;
    out_.commands.push_back(std::move(now_));
  }
  pipes_ = pipes && (anything || pipes_);
  group_ = pipes && !anything;
  if (group_) pipes_ = true;
  now_ = {};
}

void Lexer::here_bodies() {
  for (const Here& here : heres_) {
    std::string body;
    while (at_ < text_.size()) {
      auto end = std::min(text_.find('\n', at_), text_.size());
      auto line = text_.substr(at_, end - at_);
      at_ = std::min(end + 1, text_.size());
      auto bare = line;
      while (here.strip && bare.starts_with('\t')) bare.remove_prefix(1);
      if (bare.ends_with('\r')) bare.remove_suffix(1);
      if (bare == here.end) break;
      body.append(line).push_back('\n');
    }
    if (!here.quoted) collect(body);
    for (auto command = out_.commands.rbegin(); command != out_.commands.rend(); ++command)
      if (std::any_of(command->redirects.begin(), command->redirects.end(),
                      [&](const auto& r) { return r.op.starts_with("<<") && r.target.text == here.end; })) {
        command->input += body;
        break;
      }
  }
  heres_.clear();
}

void Lexer::operator_or_newline() {
  char c = text_[at_];
  if (c == '\n') {
    ++at_;
    end_command(false);
    here_bodies();
    return;
  }
  if (c == '|' && at(at_ + 1) != '|') {
    at_ += at(at_ + 1) == '&' ? 2 : 1;
    return end_command(true);
  }
  if (c == '(' || c == ')') {
    // Subshell, or the pattern of a case; either way what follows begins anew. Its output may still be piped on.
    bool pipes = pipes_ && c == '(';
    ++at_;
    end_command(false);
    pipes_ = pipes;
    return;
  }
  ++at_;
  if (at(at_) == c || (c == ';' && at(at_) == '&')) ++at_;
  end_command(false);
}

ShellScript Lexer::run() {
  while (at_ < text_.size()) {
    char c = text_[at_];
    if (blank(c) || c == '\r') {
      ++at_;
    } else if (c == '\\' && at(at_ + 1) == '\n') {
      at_ += 2;
    } else if (c == '#' &&
               (at_ == 0 || blank(text_[at_ - 1]) || std::string_view("\n;&|(").find(text_[at_ - 1]) != std::string_view::npos)) {
      while (at_ < text_.size() && text_[at_] != '\n') ++at_;
    } else if (redirect()) {
      continue;
    } else if (c == '&' && at(at_ + 1) == '>') {
      redirect();
    } else if ((c == '<' || c == '>') && at(at_ + 1) == '(') {
      word();
    } else if (std::string_view(";&|()\n").find(c) != std::string_view::npos) {
      operator_or_newline();
    } else if (c == '<' || c == '>') {
      ++at_;
    } else {
      word();
    }
    if (out_.commands.size() > 2000) {
      out_.broken = true;
      break;
    }
  }
  end_command(false);
  here_bodies();
  return std::move(out_);
}

}  // namespace

std::string replace_all(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  for (std::size_t at = 0;;) {
    auto found = text.find(from, at);
    out += text.substr(at, found - at);
    if (found == std::string_view::npos) return out;
    out += to;
    at = found + from.size();
  }
}

ShellScript lex_shell(std::string_view text) {
  if (text.find("IFS") == std::string_view::npos) return Lexer(text).run();
  // $IFS is a blank by another name.
  std::string plain(text);
  for (std::string_view name : {"${IFS}", "$IFS$9", "$IFS"}) plain = replace_all(plain, name, " ");
  return Lexer(plain).run();
}

}  // namespace callgate::inspection
