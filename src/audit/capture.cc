// Arguments as far as a server's capture level lets them into the record. What looks like a credential goes at every level.

#include <charconv>

#include "audit/audit.h"
#include "audit/escape.h"
#include "audit/masking.h"
#include "model/captured.h"

namespace callgate::audit {

namespace {

constexpr std::size_t kEnumBytesMax = 24;

// usd, read_only, GET: words of one case without digits. Names, mails, ids and passwords rarely look like that.
bool enum_like(std::string_view text) {
  if (text.empty() || text.size() > kEnumBytesMax) return false;
  bool lower = false, upper = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c >= 'a' && c <= 'z') lower = true;
    else if (c >= 'A' && c <= 'Z') upper = true;
    else if (i == 0 || (c != '_' && c != '-')) return false;
  }
  return lower != upper;
}

// A whole number of 13 to 19 digits whose check digit is right is most likely the number of a payment card.
bool card_number(std::string_view digits) {
  if (digits.size() < 13 || digits.size() > 19) return false;
  unsigned sum = 0;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    char c = digits[digits.size() - 1 - i];
    if (c < '0' || c > '9') return false;
    unsigned value = static_cast<unsigned>(c - '0') * (i % 2 == 0 ? 1 : 2);
    sum += value > 9 ? value - 9 : value;
  }
  return sum % 10 == 0;
}

// Text that imitates the marks below: kept as it is, it would be read back as something it was not.
bool reads_as_reduced(std::string_view text) {
  const Captured as = read_captured(text);
  return as.kind != Captured::Kind::Value && as.kind != Captured::Kind::Anything && text.front() == '<' && text.back() == '>' &&
         (as.kind != Captured::Kind::Text || as.size != Captured::kUnknownSize);
}

class Capturer {
 public:
  Capturer(std::string& out, Capture level) : out_(out), level_(level) {}

  void value(const json::Value& value) {
    switch (value.kind()) {
      case json::Kind::Object: return object(value);
      case json::Kind::Array: return array(value);
      case json::Kind::String: return string(value.string());
      case json::Kind::Number: return number(value.number());
      default:
        if (level_ == Capture::Keys) quoted(value.kind() == json::Kind::Null ? "<null>" : "<boolean>");
        else out_.append(value.raw());
    }
  }

 private:
  void object(const json::Value& value) {
    out_ += '{';
    bool first = true;
    value.for_each_member([&](std::string_view key, const json::Value& member) {
      if (!first) out_ += ',';
      first = false;
      masked(key);
      out_ += ':';
      const bool hide = level_ != Capture::Full && sensitive_key(key) && !member.is(json::Kind::Null);
      if (hide) quoted("<secret>");
      else this->value(member);
    });
    out_ += '}';
  }

  void array(const json::Value& value) {
    if (level_ == Capture::Keys) return counted("\"<array, ", value.size(), " elements>\"");
    out_ += '[';
    bool first = true;
    value.for_each_element([&](const json::Value& element) {
      if (!first) out_ += ',';
      first = false;
      this->value(element);
    });
    out_ += ']';
  }

  void string(std::string_view text) {
    if (level_ == Capture::Full && !reads_as_reduced(text)) return masked(text);
    if (level_ == Capture::Redacted && enum_like(text)) return quoted(text);
    counted("\"<string, ", text.size(), " bytes>\"");
  }

  void number(std::string_view literal) {
    if (level_ == Capture::Keys) return quoted("<number>");
    if (level_ == Capture::Redacted && card_number(literal)) return counted("\"<number, ", literal.size(), " digits>\"");
    out_.append(literal);
  }

  void masked(std::string_view text) {
    if (!may_hold_secret(text)) return quoted(text);
    scratch_.clear();
    append_masked(scratch_, text);
    quoted(scratch_);
  }

  void counted(std::string_view before, std::size_t count, std::string_view behind) {
    char digits[20];
    out_.append(before).append(digits, std::to_chars(digits, digits + sizeof digits, count).ptr).append(behind);
  }

  void quoted(std::string_view text) { append_text(out_, text, kJsonBytesMax); }

  std::string& out_;
  std::string scratch_;
  Capture level_;
};

}  // namespace

void capture_arguments(std::string& out, const json::Value& arguments, Capture level) {
  if (level == Capture::None || !arguments.exists()) return;
  Capturer(out, level).value(arguments);
}

}  // namespace callgate::audit
