#include "inspection/national_ids.h"

#include <algorithm>
#include <array>
#include <string>

namespace callgate::inspection {
namespace {

int digit(std::string_view text, std::size_t at) { return text[at] - '0'; }
int number(std::string_view text, std::size_t at, std::size_t size) {
  int value = 0;
  for (std::size_t i = at; i < at + size; ++i) value = value * 10 + digit(text, i);
  return value;
}
bool date(int month, int day) { return month >= 1 && month <= 12 && day >= 1 && day <= 31; }
bool one_digit_only(std::string_view digits) { return digits.find_first_not_of(digits[0]) == std::string_view::npos; }

int weighted(std::string_view digits, std::initializer_list<int> weights) {
  int sum = 0;
  std::size_t at = 0;
  for (int weight : weights) sum += weight * digit(digits, at++);
  return sum;
}

int mod97(std::string_view text) {  // letters count as 10 to 35
  int rest = 0;
  for (char c : text) rest = c <= '9' ? (rest * 10 + (c - '0')) % 97 : (rest * 100 + (c - 'A' + 10)) % 97;
  return rest;
}

// -- by country. `d` are the digits only.

bool us_ssn(std::string_view d) {
  int area = number(d, 0, 3);
  return area != 0 && area != 666 && area < 900 && number(d, 3, 2) != 0 && number(d, 5, 4) != 0 && !one_digit_only(d) && d != "123456789" &&
         d != "078051120";
}

bool de_tax(std::string_view d) {
  if (d[0] == '0') return false;
  std::array<int, 10> seen{};
  for (std::size_t i = 0; i < 10; ++i) ++seen[static_cast<std::size_t>(digit(d, i))];
  if (std::none_of(seen.begin(), seen.end(), [](int count) { return count == 2 || count == 3; })) return false;
  int product = 10;
  for (std::size_t i = 0; i < 10; ++i) {
    int sum = (digit(d, i) + product) % 10;
    product = (sum == 0 ? 10 : sum) * 2 % 11;
  }
  int check = 11 - product;
  return (check == 10 ? 0 : check) == digit(d, 10);
}

bool fr_nir(std::string_view d) {
  int sex = digit(d, 0), month = number(d, 3, 2);
  if ((sex != 1 && sex != 2) || !((month >= 1 && month <= 12) || (month >= 20 && month <= 42) || month >= 50)) return false;
  long long body = 0;
  for (std::size_t i = 0; i < 13; ++i) body = body * 10 + digit(d, i);
  return 97 - static_cast<int>(body % 97) == number(d, 13, 2);
}

bool nl_bsn(std::string_view d) { return !one_digit_only(d) && (weighted(d, {9, 8, 7, 6, 5, 4, 3, 2}) - digit(d, 8)) % 11 == 0; }

bool pl_pesel(std::string_view d) {
  int month = number(d, 2, 2) % 20;
  return date(month, number(d, 4, 2)) && (10 - weighted(d, {1, 3, 7, 9, 1, 3, 7, 9, 1, 3}) % 10) % 10 == digit(d, 10);
}

bool br_cpf(std::string_view d) {
  if (one_digit_only(d)) return false;
  auto check = [](int sum) { return sum % 11 < 2 ? 0 : 11 - sum % 11; };
  return check(weighted(d, {10, 9, 8, 7, 6, 5, 4, 3, 2})) == digit(d, 9) &&
         check(weighted(d, {11, 10, 9, 8, 7, 6, 5, 4, 3, 2})) == digit(d, 10);
}

bool in_aadhaar(std::string_view d) { return d[0] >= '2' && !one_digit_only(d) && verhoeff_holds(d); }
bool se_personal(std::string_view d) {
  auto ten = d.substr(d.size() - 10);
  return date(number(ten, 2, 2), number(ten, 4, 2) % 60) && luhn_holds(ten);
}
bool no_birth(std::string_view d) {
  int first = 11 - weighted(d, {3, 7, 6, 1, 8, 9, 4, 5, 2}) % 11, second = 11 - weighted(d, {5, 4, 3, 2, 7, 6, 5, 4, 3, 2}) % 11;
  return date(number(d, 2, 2), number(d, 0, 2) % 40) && (first == 11 ? 0 : first) == digit(d, 9) &&
         (second == 11 ? 0 : second) == digit(d, 10);
}
bool dk_cpr(std::string_view d) { return date(number(d, 2, 2), number(d, 0, 2)); }
bool be_register(std::string_view d) {
  if (!date(number(d, 2, 2) % 20, std::max(1, number(d, 4, 2)))) return false;
  long long body = 0;
  for (std::size_t i = 0; i < 9; ++i) body = body * 10 + digit(d, i);
  int check = number(d, 9, 2);
  return 97 - static_cast<int>(body % 97) == check || 97 - static_cast<int>((2'000'000'000 + body) % 97) == check;
}
bool ch_ahv(std::string_view d) {
  return d.starts_with("756") && (10 - weighted(d, {1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3}) % 10) % 10 == digit(d, 12);
}
bool ca_sin(std::string_view d) { return d[0] != '0' && d[0] != '8' && luhn_holds(d); }
bool au_tfn(std::string_view d) { return !one_digit_only(d) && weighted(d, {1, 4, 3, 7, 5, 8, 6, 9, 10}) % 11 == 0; }
bool au_medicare(std::string_view d) { return d[0] >= '2' && d[0] <= '6' && weighted(d, {1, 3, 7, 9, 1, 3, 7, 9}) % 10 == digit(d, 8); }
bool kr_resident(std::string_view d) {
  return date(number(d, 2, 2), number(d, 4, 2)) && d[6] >= '1' && d[6] <= '8' &&
         (11 - weighted(d, {2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5}) % 11) % 10 == digit(d, 12);
}
bool jp_number(std::string_view d) {
  int rest = weighted(d, {6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2}) % 11;
  return (rest <= 1 ? 0 : 11 - rest) == digit(d, 11);
}
bool za_id(std::string_view d) { return date(number(d, 2, 2), number(d, 4, 2)) && (d[10] == '0' || d[10] == '1') && luhn_holds(d); }
bool tr_identity(std::string_view d) {
  int odd = digit(d, 0) + digit(d, 2) + digit(d, 4) + digit(d, 6) + digit(d, 8),
      even = digit(d, 1) + digit(d, 3) + digit(d, 5) + digit(d, 7);
  int sum = odd + even + digit(d, 9);
  return d[0] != '0' && ((odd * 7 - even) % 10 + 10) % 10 == digit(d, 9) && sum % 10 == digit(d, 10);
}
bool pt_nif(std::string_view d) {
  int rest = weighted(d, {9, 8, 7, 6, 5, 4, 3, 2}) % 11;
  return d[0] != '0' && (rest < 2 ? 0 : 11 - rest) == digit(d, 8);
}
bool us_routing(std::string_view d) { return !one_digit_only(d) && weighted(d, {3, 7, 1, 3, 7, 1, 3, 7, 1}) % 10 == 0; }
bool uk_nhs(std::string_view d) {
  int check = 11 - weighted(d, {10, 9, 8, 7, 6, 5, 4, 3, 2}) % 11;
  return (check == 11 ? 0 : check) == digit(d, 9) && !one_digit_only(d);
}
bool any_digits(std::string_view d) { return !one_digit_only(d); }

struct NumberRule {
  std::string_view rule, shapes;  // shapes separated by |
  bool (*holds)(std::string_view);
  std::string_view strong_shapes;  // these need no words around them
  std::string_view context;
};

constexpr NumberRule kNumbers[] = {
    {"personal.us-ssn", "999-99-9999|999 99 9999|999999999", us_ssn, "999-99-9999", "ssn|social security|social_security|taxpayer"},
    {"personal.us-itin", "999-99-9999", [](std::string_view d) { return d[0] == '9' && number(d, 3, 2) >= 50; }, "", "itin|taxpayer"},
    {"personal.de-tax-id", "99999999999|99 999 999 999", de_tax, "99 999 999 999", "steuer|idnr|tax id|tin|tax_id|identifikationsnummer"},
    {"personal.fr-nir", "999999999999999|9 99 99 99 999 999 99", fr_nir, "999999999999999|9 99 99 99 999 999 99", ""},
    {"personal.nl-bsn", "999999999|9999.99.999", nl_bsn, "9999.99.999", "bsn|burgerservice|sofi"},
    {"personal.pl-pesel", "99999999999", pl_pesel, "", "pesel"},
    {"personal.br-cpf", "999.999.999-99|99999999999", br_cpf, "999.999.999-99", "cpf"},
    {"personal.in-aadhaar", "9999 9999 9999|9999-9999-9999|999999999999", in_aadhaar, "9999 9999 9999", "aadhaar|aadhar|uidai"},
    {"personal.se-personnummer", "999999-9999|99999999-9999|999999999999", se_personal, "99999999-9999",
     "personnummer|personal number|ssn"},
    {"personal.no-fodselsnummer", "99999999999|999999 99999", no_birth, "999999 99999",
     "f\xc3\xb8"
     "dsel|fodsel|personnummer|national id"},
    {"personal.dk-cpr", "999999-9999|9999999999", dk_cpr, "", "cpr|personnummer"},
    {"personal.be-register", "99.99.99-999.99|99999999999", be_register, "99.99.99-999.99",
     "rijksregister|national register|registre national|insz|niss"},
    {"personal.ch-ahv", "999.9999.9999.99|9999999999999", ch_ahv, "999.9999.9999.99|9999999999999", ""},
    {"personal.ca-sin", "999-999-999|999 999 999|999999999", ca_sin, "", "sin|social insurance|assurance sociale"},
    {"personal.au-tfn", "999 999 999|999999999", au_tfn, "", "tfn|tax file"},
    {"personal.au-medicare", "9999 99999 9|9999999999", au_medicare, "9999 99999 9", "medicare"},
    {"personal.kr-resident", "999999-9999999", kr_resident, "999999-9999999", ""},
    {"personal.jp-my-number", "999999999999|9999 9999 9999", jp_number, "",
     "my number|mynumber|\xe3\x83\x9e\xe3\x82\xa4\xe3\x83\x8a\xe3\x83\xb3\xe3\x83\x90\xe3\x83\xbc|individual number"},
    {"personal.za-id", "9999999999999", za_id, "", "south african id|id number|identity number|sa id"},
    {"personal.tr-identity", "99999999999", tr_identity, "", "kimlik|tckn|tc no"},
    {"personal.pt-nif", "999999999|999 999 999", pt_nif, "", "nif|contribuinte"},
    {"personal.uk-nhs", "999 999 9999|9999999999|999-999-9999", uk_nhs, "", "nhs"},
    {"personal.us-bank-routing", "999999999", us_routing, "", "routing|aba"},
    {"personal.medical-record", "999999|9999999|99999999|999999999|9999999999", any_digits, "",
     "mrn|medical record|patient id|patient_id|health insurance"},
    {"personal.passport-number", "999999999|99999999", any_digits, "", "passport"},
};

bool listed(std::string_view shapes, std::string_view shape) {
  while (!shapes.empty()) {
    auto bar = std::min(shapes.find('|'), shapes.size());
    if (shapes.substr(0, bar) == shape) return true;
    shapes.remove_prefix(std::min(shapes.size(), bar + 1));
  }
  return false;
}

// -- letters and digits

std::string pattern_of(std::string_view token) {
  std::string out;
  for (char c : token) out.push_back(c >= '0' && c <= '9' ? '9' : c >= 'A' && c <= 'Z' ? 'A' : '?');
  return out;
}

bool it_fiscal(std::string_view t) {
  static constexpr int kOdd[] = {1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23};
  int sum = 0;
  for (std::size_t i = 0; i < 15; ++i) {
    int value = t[i] <= '9' ? t[i] - '0' : t[i] - 'A';
    sum += i % 2 == 0 ? kOdd[value] : value;
  }
  return 'A' + sum % 26 == t[15] && std::string_view("ABCDEHLMPRST").find(t[8]) != std::string_view::npos;
}

bool uk_nino(std::string_view t) {
  constexpr std::string_view kNever = "DFIQUV";
  auto pair = t.substr(0, 2);
  if (kNever.find(t[0]) != std::string_view::npos || kNever.find(t[1]) != std::string_view::npos || t[1] == 'O') return false;
  for (std::string_view never : {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"})
    if (pair == never) return false;
  return t[8] >= 'A' && t[8] <= 'D';
}

bool es_letter(int value, char letter) { return "TRWAGMYFPDXBNJZSQVHLCKE"[value % 23] == letter; }

bool sg_nric(std::string_view t) {
  int sum = weighted(t.substr(1), {2, 7, 6, 5, 4, 3, 2}) + (t[0] == 'T' || t[0] == 'G' ? 4 : t[0] == 'M' ? 3 : 0);
  if (t[0] == 'S' || t[0] == 'T') return "JZIHGFEDCBA"[sum % 11] == t[8];
  if (t[0] == 'F' || t[0] == 'G') return "XWUTRQPNMLK"[sum % 11] == t[8];
  return t[0] == 'M' && "XWUTRQPNJLK"[10 - sum % 11] == t[8];
}

bool cn_resident(std::string_view t) {
  int year = number(t, 6, 4);
  if (year < 1900 || year > 2100 || !date(number(t, 10, 2), number(t, 12, 2))) return false;
  return "10X98765432"[weighted(t, {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2}) % 11] == t[17];
}

bool mx_curp(std::string_view t) {
  constexpr std::string_view kOrder = "0123456789ABCDEFGHIJKLMN\x01OPQRSTUVWXYZ";
  int sum = 0;
  for (std::size_t i = 0; i < 17; ++i) sum += static_cast<int>(kOrder.find(t[i])) * static_cast<int>(18 - i);
  return date(number(t, 6, 2), number(t, 8, 2)) && (t[10] == 'H' || t[10] == 'M' || t[10] == 'X') && (10 - sum % 10) % 10 == t[17] - '0';
}

bool fi_hetu(std::string_view t) {  // without its century sign
  int value = number(t, 0, 6) * 1000 + number(t, 6, 3);
  return date(number(t, 2, 2), number(t, 0, 2)) && "0123456789ABCDEFHJKLMNPRSTUVWXY"[value % 31] == t[9];
}

struct IbanLength {
  char country[3];
  std::uint8_t size;
};
constexpr IbanLength kIban[] = {{"AD", 24}, {"AE", 23}, {"AL", 28}, {"AT", 20}, {"AZ", 28}, {"BA", 20}, {"BE", 16}, {"BG", 22}, {"BH", 22},
                                {"BR", 29}, {"BY", 28}, {"CH", 21}, {"CR", 22}, {"CY", 28}, {"CZ", 24}, {"DE", 22}, {"DK", 18}, {"DO", 28},
                                {"EE", 20}, {"EG", 29}, {"ES", 24}, {"FI", 18}, {"FO", 18}, {"FR", 27}, {"GB", 22}, {"GE", 22}, {"GI", 23},
                                {"GL", 18}, {"GR", 27}, {"GT", 28}, {"HR", 21}, {"HU", 28}, {"IE", 22}, {"IL", 23}, {"IQ", 23}, {"IS", 26},
                                {"IT", 27}, {"JO", 30}, {"KW", 30}, {"KZ", 20}, {"LB", 28}, {"LC", 32}, {"LI", 21}, {"LT", 20}, {"LU", 20},
                                {"LV", 21}, {"LY", 25}, {"MC", 27}, {"MD", 24}, {"ME", 22}, {"MK", 19}, {"MR", 27}, {"MT", 31}, {"MU", 30},
                                {"NL", 18}, {"NO", 15}, {"PK", 24}, {"PL", 28}, {"PS", 29}, {"PT", 25}, {"QA", 29}, {"RO", 24}, {"RS", 22},
                                {"SA", 24}, {"SC", 31}, {"SE", 24}, {"SI", 19}, {"SK", 24}, {"SM", 27}, {"ST", 25}, {"SV", 28}, {"TL", 23},
                                {"TN", 24}, {"TR", 26}, {"UA", 29}, {"VA", 22}, {"VG", 24}, {"XK", 20}};

}  // namespace

bool luhn_holds(std::string_view digits) {
  int sum = 0;
  bool twice = false;
  for (auto at = digits.rbegin(); at != digits.rend(); ++at, twice = !twice) {
    int value = *at - '0';
    if (twice) value = value > 4 ? value * 2 - 9 : value * 2;
    sum += value;
  }
  return !digits.empty() && sum % 10 == 0;
}

bool iban_holds(std::string_view compact) {
  if (compact.size() < 15 || compact.size() > 34) return false;
  auto country = std::find_if(std::begin(kIban), std::end(kIban), [&](const IbanLength& one) { return compact.starts_with(one.country); });
  if (country == std::end(kIban) || country->size != compact.size() || compact[2] > '9' || compact[3] > '9') return false;
  for (char c : compact)
    if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z')) return false;
  return mod97(std::string(compact.substr(4)) + std::string(compact.substr(0, 4))) == 1;
}

bool verhoeff_holds(std::string_view digits) {
  static constexpr std::uint8_t kPermute[8][10] = {
      {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 5, 7, 6, 2, 8, 3, 0, 9, 4}, {5, 8, 0, 3, 7, 9, 6, 1, 4, 2}, {8, 9, 1, 6, 0, 4, 3, 5, 2, 7},
      {9, 4, 5, 3, 1, 2, 6, 8, 7, 0}, {4, 2, 8, 6, 5, 7, 3, 9, 0, 1}, {2, 7, 9, 3, 8, 0, 6, 4, 1, 5}, {7, 0, 4, 6, 9, 1, 3, 2, 5, 8}};
  auto multiply = [](int a, int b) {  // the dihedral group of the pentagon
    if (a < 5) return b < 5 ? (a + b) % 5 : 5 + (a + b - 5) % 5;
    return b < 5 ? 5 + (a - 5 - b + 5) % 5 : (a - b + 5) % 5;
  };
  int check = 0;
  for (std::size_t i = 0; i < digits.size(); ++i) check = multiply(check, kPermute[i % 8][digits[digits.size() - 1 - i] - '0']);
  return check == 0;
}

CardBrand card_brand(std::string_view d) {
  auto size = d.size();
  if (size < 12) return CardBrand::None;
  int two = number(d, 0, 2), three = number(d, 0, 3), four = number(d, 0, 4);
  if (d[0] == '4' && (size == 13 || size == 16 || size == 19)) return CardBrand::Visa;
  if (size == 16 && ((two >= 51 && two <= 55) || (four >= 2221 && four <= 2720))) return CardBrand::Mastercard;
  if (size == 15 && (two == 34 || two == 37)) return CardBrand::Amex;
  if (size == 16 && (four == 6011 || two == 65 || (three >= 644 && three <= 649))) return CardBrand::Discover;
  if (size == 14 && (two == 36 || two == 38 || (three >= 300 && three <= 305))) return CardBrand::Diners;
  if (size == 16 && four >= 3528 && four <= 3589) return CardBrand::Jcb;
  if (size >= 16 && size <= 19 && two == 62) return CardBrand::UnionPay;
  if (size == 16 && four >= 2200 && four <= 2204) return CardBrand::Mir;
  if (size <= 19 && (four == 5018 || four == 5020 || four == 5038 || four == 6304 || four == 6759 || four == 6761 || four == 6763))
    return CardBrand::Maestro;
  return CardBrand::None;
}

std::uint64_t numbers_of(std::size_t size, std::size_t digits) {
  static_assert(std::size(kNumbers) <= 64);
  struct Bits {
    std::array<std::uint64_t, 32> by_size{}, by_digits{};
  };
  static constexpr Bits kBits = [] {
    Bits made;
    for (std::size_t i = 0; i < std::size(kNumbers); ++i)
      for (std::string_view left = kNumbers[i].shapes; !left.empty();) {
        auto bar = std::min(left.find('|'), left.size());
        std::size_t count = 0;
        for (char c : left.substr(0, bar)) count += c == '9';
        made.by_size.at(bar) |= std::uint64_t{1} << i;
        made.by_digits.at(count) |= std::uint64_t{1} << i;
        left.remove_prefix(std::min(left.size(), bar + 1));
      }
    return made;
  }();
  return size < 32 && digits < 32 ? kBits.by_size[size] & kBits.by_digits[digits] : 0;
}

NationalId number_id(std::size_t index, std::string_view shape, std::string_view digits) {
  const NumberRule& rule = kNumbers[index];
  if (!listed(rule.shapes, shape) || !rule.holds(digits)) return {};
  return {rule.rule, !listed(rule.strong_shapes, shape), rule.context};
}

NationalId code_id(std::string_view token) {
  std::string pattern = pattern_of(token);
  if (pattern == "AAAAAA99A99A999A" && it_fiscal(token)) return {"personal.it-codice-fiscale"};
  if (pattern == "AA999999A" && uk_nino(token)) return {"personal.uk-nino"};
  if (pattern == "99999999A" && es_letter(number(token, 0, 8), token[8])) return {"personal.es-dni", true, "dni|nif|nie|documento"};
  if (pattern == "A9999999A" && token[0] >= 'X' && token[0] <= 'Z' &&
      es_letter((token[0] - 'X') * 10'000'000 + number(token, 1, 7), token[8]))
    return {"personal.es-nie"};
  if (pattern == "A9999999A" && sg_nric(token)) return {"personal.sg-nric"};
  if ((pattern == "99999999999999999A" || pattern == "999999999999999999") && cn_resident(token)) return {"personal.cn-resident"};
  if (pattern.size() == 18 && pattern.starts_with("AAAA999999AAAAAA") && pattern[17] == '9' && mx_curp(token)) return {"personal.mx-curp"};
  if (pattern == "AAAAA9999A" && std::string_view("ABCFGHLJPT").find(token[3]) != std::string_view::npos)
    return {"personal.in-pan", true, "pan|permanent account"};
  if (pattern == "9999999999" || (pattern == "999999999A" && fi_hetu(token)))
    return pattern.back() == 'A' ? NationalId{"personal.fi-hetu", true, "hetu|henkil|personal identity"} : NationalId{};
  if (iban_holds(token)) return {"personal.iban"};
  return {};
}

}  // namespace callgate::inspection
