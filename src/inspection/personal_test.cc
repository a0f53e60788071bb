#include <gtest/gtest.h>

#include "inspection/inspection.h"
#include "inspection/national_ids.h"

namespace callgate::inspection {
namespace {

const Scanner& scanner() {
  static const auto made = Scanner::create({.packs = {Pack::PersonalData}});
  return **made;
}

std::string names(std::string_view text) {
  Findings findings;
  scanner().scan(text, findings);
  std::string out;
  for (const auto& finding : findings.all())
    out += std::string(finding.rule) + "=" + std::string(text.substr(finding.begin, finding.end - finding.begin)) + ";";
  return out;
}

TEST(PersonalData, FindsWhatPeopleWrite) {
  struct Case {
    std::string_view text, found;
  };
  for (const Case& c : {
           Case{"write to ada.lovelace+x@mail.acme.io.", "personal.email=ada.lovelace+x@mail.acme.io;"},
           Case{"call +49 30 901820 today", "personal.phone=+49 30 901820;"},
           Case{"(415) 867-5309", "personal.phone=(415) 867-5309;"},
           Case{"phone: 020 7946 0958", "personal.phone=020 7946 0958;"},
           Case{"card 4111 1111 1111 1111 exp 12/27", "personal.card=4111 1111 1111 1111;"},
           Case{"4111111111111111", "personal.card=4111111111111111;"},
           Case{"amex 3782-822463-10005", "personal.card=3782-822463-10005;"},
           Case{"IBAN DE89370400440532013000", "personal.iban=DE89370400440532013000;"},
           Case{"GB82 WEST 1234 5698 7654 32 please", "personal.iban=GB82 WEST 1234 5698 7654 32;"},
           Case{"ssn 536-22-8726", "personal.us-ssn=536-22-8726;"},
           Case{"SSN: 536228726", "personal.us-ssn=536228726;"},
           Case{"NINO AB 12 34 56 C", "personal.uk-nino=AB 12 34 56 C;"},
           Case{"AB123456C", "personal.uk-nino=AB123456C;"},
           Case{"Steuer-ID 86095742719", "personal.de-tax-id=86095742719;"},
           Case{"DNI 12345678Z", "personal.es-dni=12345678Z;"},
           Case{"X1234567L", "personal.es-nie=X1234567L;"},
           Case{"RSSMRA85T10A562S", "personal.it-codice-fiscale=RSSMRA85T10A562S;"},
           Case{"BSN: 111222333", "personal.nl-bsn=111222333;"},
           Case{"PESEL 44051401359", "personal.pl-pesel=44051401359;"},
           Case{"111.444.777-35", "personal.br-cpf=111.444.777-35;"},
           Case{"2341 2341 2346", "personal.in-aadhaar=2341 2341 2346;"},
           Case{"11010519491231002X", "personal.cn-resident=11010519491231002X;"},
           Case{"S1234567D", "personal.sg-nric=S1234567D;"},
           Case{"NHS 943 476 5919", "personal.uk-nhs=943 476 5919;"},
           Case{"social insurance 130 692 544", "personal.ca-sin=130 692 544;"},
           Case{"756.9217.0769.85", "personal.ch-ahv=756.9217.0769.85;"},
           Case{"85.07.30-033.28", "personal.be-register=85.07.30-033.28;"},
           Case{"TC kimlik 10000000146", "personal.tr-identity=10000000146;"},
           Case{"TFN 123 456 782", "personal.au-tfn=123 456 782;"},
           Case{"19811228-9874", "personal.se-personnummer=19811228-9874;"},
           Case{"identity number 8001015009087", "personal.za-id=8001015009087;"},
           Case{"date of birth: 1984-02-29", "personal.birth-date=1984-02-29;"},
           Case{"HEGG560427MVZRRL04", "personal.mx-curp=HEGG560427MVZRRL04;"},
       })
    EXPECT_EQ(c.found, names(c.text)) << c.text;
}

TEST(PersonalData, LeavesOtherNumbersAlone) {
  for (std::string_view text : {
           "2026-11-21T09:00:00.000Z",
           "v1.2.3 of 2024-05-12 09:15:00",
           "order 4111111111111112",
           "id 1234567890123456",
           "192.168.1.10:8080",
           "sha 9f86d081884c7d659a2feaa0c55ad015",
           "0.1234567890123456",
           "git@github.com:acme/x.git",
           "logo@2x.png",
           "user@example.com",
           "@types/node@20.1.0",
           "8f14e45f-ceea-467f-a0e6-1234567890ab",
           "000-12-3456",
           "666-12-3456",
           "DE89370400440532013001",
           "12345678A",
           "1700000000000 ms",
           "100,000,000",
           "issue #123456789",
           "port 5432, timeout 300000",
           "ABC123456",
           "RSSMRA85T10A562T",
           "build 111222333 done",
           "amount 9434765919",
           "uuid 12345678-1234-1234-1234-123456789012",
       })
    EXPECT_EQ("", names(text)) << text;
}

TEST(PersonalData, TheNameOfAMemberSaysWhatANumberIs) {
  json::Document document;
  ASSERT_TRUE(document.parse(R"({"customer":{"ssn":"536228726","order":"536228726"}})"));
  Findings findings;
  scanner().scan_value(document.root(), findings);
  ASSERT_EQ(1u, findings.all().size());
  EXPECT_EQ("/customer/ssn", findings.all()[0].where);
  EXPECT_EQ(R"({"customer":{"ssn":"[redacted:personal.us-ssn]","order":"536228726"}})", redact_value(document.root(), findings));
}

TEST(PersonalData, ChecksumsHold) {
  EXPECT_TRUE(luhn_holds("79927398713"));
  EXPECT_FALSE(luhn_holds("79927398710"));
  EXPECT_TRUE(verhoeff_holds("2363"));
  EXPECT_FALSE(verhoeff_holds("2364"));
  EXPECT_TRUE(iban_holds("NL91ABNA0417164300"));
  EXPECT_FALSE(iban_holds("NL91ABNA0417164301"));
  EXPECT_FALSE(iban_holds("NL91ABNA04171643"));
  EXPECT_EQ(CardBrand::Jcb, card_brand("3530111333300000"));
  EXPECT_EQ(CardBrand::None, card_brand("9999999999999999"));
}

TEST(PersonalData, AddressesOfMachinesAreOptional) {
  Findings findings;
  scanner().scan("from 8.8.4.4", findings);
  EXPECT_TRUE(findings.empty());
  auto with = Scanner::create({.packs = {Pack::PersonalData}, .addresses = true});
  (*with)->scan("from 8.8.4.4", findings);
  EXPECT_TRUE(findings.has("personal.ip-address"));
}

}  // namespace
}  // namespace callgate::inspection
