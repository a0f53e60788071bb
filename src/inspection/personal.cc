// Data about people: addresses, numbers, cards. Numbers are read together with their separators and judged by the rules of each country.

#include <algorithm>
#include <array>
#include <cstring>

#include "inspection/detectors.h"
#include "inspection/national_ids.h"
#include "inspection/packs.h"

namespace callgate::inspection {
namespace {

constexpr std::string_view kLess = "leave it out, or let the gateway redact it";

#define ID_RULE(id, description) \
  { id, description, kLess, Pack::PersonalData, Severity::High, Action::Redact }
constexpr Rule kRules[] = {
    {"personal.email", "e-mail address", kLess, Pack::PersonalData, Severity::Low, Action::Flag},
    {"personal.phone", "telephone number", kLess, Pack::PersonalData, Severity::Low, Action::Flag},
    {"personal.ip-address", "IP address", kLess, Pack::PersonalData, Severity::Info, Action::Flag},
    {"personal.birth-date", "date of birth", kLess, Pack::PersonalData, Severity::Medium, Action::Flag},
    ID_RULE("personal.card", "payment card number"),
    ID_RULE("personal.iban", "international bank account number"),
    ID_RULE("personal.us-ssn", "US social security number"),
    ID_RULE("personal.us-itin", "US taxpayer number"),
    ID_RULE("personal.us-bank-routing", "US bank routing number"),
    ID_RULE("personal.de-tax-id", "German tax number"),
    ID_RULE("personal.fr-nir", "French social security number"),
    ID_RULE("personal.nl-bsn", "Dutch citizen number"),
    ID_RULE("personal.pl-pesel", "Polish national number"),
    ID_RULE("personal.br-cpf", "Brazilian taxpayer number"),
    ID_RULE("personal.in-aadhaar", "Indian Aadhaar number"),
    ID_RULE("personal.in-pan", "Indian permanent account number"),
    ID_RULE("personal.se-personnummer", "Swedish personal number"),
    ID_RULE("personal.no-fodselsnummer", "Norwegian birth number"),
    ID_RULE("personal.dk-cpr", "Danish personal number"),
    ID_RULE("personal.fi-hetu", "Finnish personal number"),
    ID_RULE("personal.be-register", "Belgian national register number"),
    ID_RULE("personal.ch-ahv", "Swiss social security number"),
    ID_RULE("personal.ca-sin", "Canadian social insurance number"),
    ID_RULE("personal.au-tfn", "Australian tax file number"),
    ID_RULE("personal.au-medicare", "Australian Medicare number"),
    ID_RULE("personal.kr-resident", "Korean resident number"),
    ID_RULE("personal.cn-resident", "Chinese resident number"),
    ID_RULE("personal.jp-my-number", "Japanese individual number"),
    ID_RULE("personal.sg-nric", "Singaporean identity number"),
    ID_RULE("personal.za-id", "South African identity number"),
    ID_RULE("personal.tr-identity", "Turkish identity number"),
    ID_RULE("personal.pt-nif", "Portuguese tax number"),
    ID_RULE("personal.uk-nino", "British national insurance number"),
    ID_RULE("personal.uk-nhs", "British NHS number"),
    ID_RULE("personal.es-dni", "Spanish identity number"),
    ID_RULE("personal.es-nie", "Spanish foreigner number"),
    ID_RULE("personal.it-codice-fiscale", "Italian tax code"),
    ID_RULE("personal.mx-curp", "Mexican population registry code"),
    ID_RULE("personal.medical-record", "medical record or insurance number"),
    ID_RULE("personal.passport-number", "passport number"),
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }

std::string lower(std::string_view text) {
  std::string made(text);
  for (char& c : made)
    if (is_upper(c)) c = static_cast<char>(c + 32);
  return made;
}

// Which letters stand beside each other in a text: most words that are not in it are told from that.
class Pairs {
 public:
  void clear() { bits_.fill(0); }
  void add(std::string_view text) {
    for (std::size_t i = 0; i + 1 < text.size(); ++i) bits_[at(text, i) / 64] |= std::uint64_t{1} << (at(text, i) % 64);
  }
  // How much of a word, up to `|`, may be there.
  std::size_t held(std::string_view word) const {
    std::size_t i = 0;
    while (i + 1 < word.size() && word[i + 1] != '|' && (bits_[at(word, i) / 64] >> (at(word, i) % 64) & 1) != 0) ++i;
    return i + 1 < word.size() && word[i + 1] != '|' ? i : i + 1;
  }

 private:
  static std::size_t at(std::string_view text, std::size_t i) {
    return (static_cast<unsigned char>(text[i]) & 31U) << 5 | (static_cast<unsigned char>(text[i + 1]) & 31U);
  }
  std::array<std::uint64_t, 16> bits_{};
};

class PersonalScan {
 public:
  explicit PersonalScan(Workspace& work) : work_(work), text_(work.text()) {
    auto slash = work_.pointer.rfind('/');
    if (slash != std::string::npos) name_ = lower(std::string_view(work_.pointer).substr(slash + 1));
  }
  void run();

 private:
  char at(std::size_t i) const { return i < text_.size() ? text_[i] : '\0'; }
  std::size_t number(std::size_t begin);
  std::size_t code(std::size_t begin);
  void address(std::size_t sign);
  bool judge_number(std::size_t begin, std::string_view shape, std::string_view digits);
  bool phone(std::size_t begin, std::string_view shape, std::string_view digits);
  bool ip(std::size_t begin, std::size_t end);
  std::string_view before(std::size_t begin);
  bool near(std::size_t begin, std::string_view words);
  void report(std::string_view rule, std::size_t begin, std::size_t end, Confidence confidence) {
    work_.report(rule_named(rule), {begin, end}, confidence);
  }
  Workspace& work_;
  std::string_view text_;
  std::string name_, before_;
  Pairs pairs_;  // of before_ and name_
  std::size_t before_of_ = std::string_view::npos, phone_of_ = std::string_view::npos;
  bool phone_named_ = false;
};

// Short words must stand alone: `sin` is not part of `business`.
bool says(std::string_view where, std::string_view word) {
  auto found = where.find(word);
  if (found == std::string_view::npos || word.size() > 4) return found != std::string_view::npos;
  return (found == 0 || !in_class('b', where[found - 1])) &&
         (found + word.size() >= where.size() || !in_class('b', where[found + word.size()]));
}

// What stands shortly before, in lower case; kept while numbers at the same place are judged. Empty where there is no letter.
std::string_view PersonalScan::before(std::size_t begin) {
  if (before_of_ == begin) return before_;
  before_of_ = begin;
  auto from = begin > 48 ? begin - 48 : 0;
  before_.assign(text_.substr(from, begin - from));
  bool letters = false;
  for (char& c : before_) {
    if (is_upper(c)) c = static_cast<char>(c + 32);
    letters = letters || (c >= 'a' && c <= 'z') || static_cast<unsigned char>(c) >= 0x80;
  }
  if (!letters) before_.clear();
  pairs_.clear();
  pairs_.add(before_);
  pairs_.add(name_);
  return before_;
}

// One of the words stands shortly before, or is the name of the member this text belongs to.
bool PersonalScan::near(std::size_t begin, std::string_view words) {
  auto text = before(begin);
  if (text.empty() && name_.empty()) return false;
  if (!work_.spend(16)) return false;
  for (std::size_t begins = 0; begins < words.size();) {
    auto end = begins + pairs_.held(words.substr(begins));
    bool whole = end == words.size() || words[end] == '|';
    auto word = words.substr(begins, end - begins);
    if (whole && (says(text, word) || says(name_, word))) return true;
    while (end < words.size() && words[end] != '|') ++end;
    begins = end + 1;
  }
  return false;
}

void PersonalScan::address(std::size_t sign) {
  auto local_char = [](char c) { return in_class('t', c) || c == '.' || c == '+' || c == '%' || c == '\''; };
  std::size_t begin = sign, end = sign + 1;
  while (begin > 0 && sign - begin < 64 && local_char(text_[begin - 1])) --begin;
  while (begin < sign && !in_class('w', text_[begin])) ++begin;
  while (end < text_.size() && end - sign < 255 && (in_class('b', text_[end]) || text_[end] == '-' || text_[end] == '.')) ++end;
  while (end > sign + 1 && !in_class('b', text_[end - 1])) --end;
  if (begin == sign || begin + 64 < sign) return;
  auto domain = text_.substr(sign + 1, end - sign - 1);
  auto dot = domain.rfind('.');
  if (dot == std::string_view::npos || dot == 0 || domain.find("..") != std::string_view::npos) return;
  auto top = lower(domain.substr(dot + 1));
  if (top.size() < 2 || top.find_first_not_of("abcdefghijklmnopqrstuvwxyz") != std::string::npos) return;
  for (std::string_view file : {"png", "jpg", "jpeg", "gif", "svg", "js", "ts", "css", "json", "md", "html", "py", "local", "internal",
                                "example", "test", "invalid", "localhost"})
    if (top == file) return;
  std::string whole = lower(domain);
  for (std::string_view reserved : {"example.com", "example.org", "example.net"})
    if (whole == reserved || whole.ends_with("." + std::string(reserved))) return;
  auto local = lower(text_.substr(begin, sign - begin));
  if (local == "git" || local == "noreply" || local == "no-reply" || local == "ssh") return;
  if (begin > 2 && text_.substr(begin - 2, 2) == "//") return;  // a URL's user
  report("personal.email", begin, end, Confidence::High);
}

bool PersonalScan::ip(std::size_t begin, std::size_t end) {
  std::size_t parts = 0, value = 0, digits = 0;
  for (std::size_t i = begin; i <= end; ++i) {
    if (i < end && is_digit(text_[i])) {
      value = value * 10 + static_cast<std::size_t>(text_[i] - '0');
      if (++digits > 3) return false;
    } else if (i == end || text_[i] == '.') {
      if (digits == 0 || value > 255) return false;
      ++parts;
      value = digits = 0;
    } else {
      return false;
    }
  }
  if (parts != 4) return false;
  auto text = text_.substr(begin, end - begin);
  bool plain = text.starts_with("127.") || text.starts_with("0.") || text.starts_with("255.") || text.starts_with("192.0.2.") ||
               text.starts_with("198.51.100.") || text.starts_with("203.0.113.");
  if (!plain && work_.tables().options.addresses) report("personal.ip-address", begin, end, Confidence::Medium);
  return true;
}

bool PersonalScan::phone(std::size_t begin, std::string_view shape, std::string_view digits) {
  std::size_t end = begin + shape.size();
  bool plus = begin > 0 && text_[begin - 1] == '+';
  if (plus && digits.size() >= 8 && digits.size() <= 15 && digits[0] != '0') {
    report("personal.phone", begin - 1, end, Confidence::High);
    return true;
  }
  bool opened = begin > 0 && text_[begin - 1] == '(';
  if (opened && (shape == "999) 999-9999" || shape == "999) 999 9999" || shape == "999)999-9999")) {
    report("personal.phone", begin - 1, end, Confidence::High);
    return true;
  }
  if (digits.size() < 7 || digits.size() > 15) return false;
  if (phone_of_ != begin) {
    phone_of_ = begin;
    phone_named_ = near(begin, "phone|tel|mobile|fax|call me|whatsapp|telefon|cell|t\xc3\xa9l\xc3\xa9phone|handy|sms");
  }
  bool named = phone_named_;
  bool american = shape == "999-999-9999" || shape == "999.999.9999" || shape == "9-999-999-9999";
  if (!named && !(american && digits[digits.size() - 10] >= '2' && digits[digits.size() - 7] >= '2')) return false;
  report("personal.phone", begin, end, named ? Confidence::High : Confidence::Low);
  return true;
}

bool PersonalScan::judge_number(std::size_t begin, std::string_view shape, std::string_view digits) {
  std::size_t end = begin + shape.size();
  bool grouped = shape.size() > digits.size();
  if (digits.size() >= 13 && digits.size() <= 19 && card_brand(digits) != CardBrand::None && luhn_holds(digits) &&
      digits.find_first_not_of(digits[0]) != std::string_view::npos) {
    bool named = near(begin, "card|visa|mastercard|amex|pan|payment|credit|debit|cc");
    bool by_four =
        shape == "9999 9999 9999 9999" || shape == "9999-9999-9999-9999" || shape == "9999 999999 99999" || shape == "9999-999999-99999";
    if (!grouped || by_four || named) {
      report("personal.card", begin, end, named || by_four ? Confidence::High : Confidence::Medium);
      return true;
    }
  }
  bool found = false;
  match_numbers(shape, digits, [&](const NationalId& id) {
    bool named = id.weak && near(begin, id.context);
    if (found || (id.weak && !named)) return;
    report(id.rule, begin, end, named || grouped ? Confidence::High : Confidence::Medium);
    found = true;
  });
  if (!found && digits.size() == 18 && !grouped)
    if (auto id = code_id(digits); !id.rule.empty()) {
      report(id.rule, begin, end, Confidence::Medium);
      found = true;
    }
  if (!found && digits.size() == 8 && (shape == "9999-99-99" || shape == "99/99/9999" || shape == "99.99.9999" || shape == "99-99-9999") &&
      near(begin, "date of birth|birth date|birthdate|birthday|born|dob|geburtsdatum|date_of_birth|birth_date")) {
    report("personal.birth-date", begin, end, Confidence::High);
    found = true;
  }
  return found;
}

// Digits with single separators between groups. Longest first: a card may stand before an expiry date.
std::size_t PersonalScan::number(std::size_t begin) {
  constexpr std::size_t kMost = 28;
  struct Group {
    std::uint8_t size, digits;  // from the beginning
  };
  std::array<char, kMost> digits, shape;
  std::array<Group, kMost> ends;
  std::size_t end = begin, most = std::min(text_.size(), begin + 26), count = 0, groups = 0;
  while (end < most) {
    shape[end - begin] = text_[end];
    if (is_digit(text_[end])) {
      shape[end - begin] = '9';
      digits[count++] = text_[end++];
      if (!is_digit(at(end))) ends[groups++] = {static_cast<std::uint8_t>(end - begin), static_cast<std::uint8_t>(count)};
      continue;
    }
    bool separator = text_[end] == ' ' || text_[end] == '-' || text_[end] == '.' || text_[end] == '/' || (text_[end] == ')' && end > begin);
    bool wide = separator && text_[end] == ')' && at(end + 1) == ' ' && is_digit(at(end + 2));
    if (!separator || (!is_digit(at(end + 1)) && !wide)) break;
    if (wide) shape[end + 1 - begin] = ' ';
    end += wide ? 2 : 1;
  }
  if (end < text_.size() && (is_digit(text_[end]) || in_class('w', text_[end]))) {  // runs on: part of something else
    if (groups < 2) {
      while (end < text_.size() && in_class('w', text_[end])) ++end;
      return end;
    }
    --groups;
  }
  for (std::size_t group = groups; group-- > 0;) {
    auto [size, digit_count] = ends[group];
    if (group + 1 == groups && ip(begin, begin + size)) return begin + size;
    if (digit_count < 6) break;
    std::string_view so_far(digits.data(), digit_count), its_shape(shape.data(), size);
    if (judge_number(begin, its_shape, so_far) || phone(begin, its_shape, so_far)) return begin + size;
  }
  return groups == 0 ? end : begin + ends[0].size;
}

// Letters and digits: IBAN (in groups of four, too), codes of countries. Capitals only.
std::size_t PersonalScan::code(std::size_t begin) {
  std::size_t end = begin, digits = 0;
  while (end < text_.size() && (is_digit(text_[end]) || is_upper(text_[end]))) digits += is_digit(text_[end++]);
  bool closed = !in_class('w', at(end));
  std::size_t size = end - begin;
  if (closed && digits >= 4 && size >= 9 && size <= 34) {
    auto id = code_id(text_.substr(begin, size));
    if (!id.rule.empty() && (!id.weak || near(begin, id.context))) {
      report(id.rule, begin, end, Confidence::High);
      return end;
    }
  }
  std::string compact(text_.substr(begin, size));
  if (size == 4 && is_upper(compact[0]) && is_upper(compact[1]) && is_digit(compact[2]) && is_digit(compact[3])) {
    std::size_t last = end;
    while ((at(last) == ' ' || at(last) == '-') && compact.size() < 34) {
      std::size_t group = last + 1;
      while (group < text_.size() && group - last <= 4 && (is_digit(text_[group]) || is_upper(text_[group]))) ++group;
      if (group == last + 1) break;
      compact += text_.substr(last + 1, group - last - 1);
      last = group;
      if (iban_holds(compact) && !in_class('w', at(last))) {
        report("personal.iban", begin, last, Confidence::High);
        return last;
      }
    }
  }
  if (size == 2 && at(end) == ' ' && is_digit(at(end + 1))) {  // AB 12 34 56 C
    compact.clear();
    std::size_t last = begin;
    while (last < text_.size() && compact.size() < 9 && (text_[last] == ' ' || is_digit(text_[last]) || is_upper(text_[last]))) {
      if (text_[last] != ' ') compact.push_back(text_[last]);
      ++last;
    }
    if (compact.size() == 9 && !in_class('w', at(last)) && code_id(compact).rule == "personal.uk-nino") {
      report("personal.uk-nino", begin, last, Confidence::High);
      return last;
    }
  }
  return std::max(end, begin + 1);
}

enum : std::uint8_t { kWord = 1, kDigit = 2, kUpper = 4, kSign = 8 };
constexpr std::array<std::uint8_t, 256> kKinds = [] {
  std::array<std::uint8_t, 256> made{};
  for (int c = 0; c < 256; ++c) {
    std::uint8_t kind = class_holds('w', c) ? kWord : 0;
    if (c >= '0' && c <= '9') kind |= kDigit;
    if (c >= 'A' && c <= 'Z') kind |= kUpper;
    if (c == '@') kind |= kSign;
    made[static_cast<std::size_t>(c)] = kind;
  }
  return made;
}();

// The next digit, capital or `@`, eight bytes at a time: few bytes of a text are one.
std::size_t next_start(std::string_view text, std::size_t i) {
  constexpr std::uint64_t kEach = 0x0101010101010101, kHigh = 0x80 * kEach;
  for (; i + 8 <= text.size(); i += 8) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + i, sizeof word);
    std::uint64_t low = word & ~kHigh;  // in each byte: from `0` to `Z`?
    if (((low + (0x80 - '0') * kEach) & ~(low + (0x7f - 'Z') * kEach) & ~word & kHigh) != 0) break;
  }
  while (i < text.size() && (kKinds[static_cast<unsigned char>(text[i])] & (kDigit | kUpper | kSign)) == 0) ++i;
  return i;
}

void PersonalScan::run() {
  for (std::size_t i = 0; (i = next_start(text_, i)) < text_.size();) {
    std::uint8_t kind = kKinds[static_cast<unsigned char>(text_[i])];
    bool inside = i > 0 && (kKinds[static_cast<unsigned char>(text_[i - 1])] & kWord) != 0;  // of a word
    if (inside && (kind & kSign) == 0) {
      while (i < text_.size() && (kKinds[static_cast<unsigned char>(text_[i])] & (kWord | kSign)) == kWord) ++i;
      continue;
    }
    if ((kind & kSign) != 0) address(i);
    std::size_t next = i + 1;
    if ((kind & kDigit) != 0) {
      std::size_t letters = i;
      while (letters < text_.size() && letters < i + 20 && is_digit(text_[letters])) ++letters;
      bool mixed = letters < text_.size() && is_upper(text_[letters]);
      next = std::max(mixed ? code(i) : number(i), next);
    } else if ((kind & kUpper) != 0 && (is_digit(at(i + 1)) || is_digit(at(i + 2)) || is_digit(at(i + 4)) || is_digit(at(i + 5)) ||
                                        is_digit(at(i + 6)) || (is_upper(at(i + 1)) && at(i + 2) == ' '))) {
      next = code(i);
    }
    i = next;
  }
}

}  // namespace

std::span<const Rule> personal_rules() { return kRules; }

void find_personal(Workspace& work) {
  if (work.level().marks_only || !work.spend(work.text().size() / 4)) return;
  PersonalScan(work).run();
}

}  // namespace callgate::inspection
