#pragma once
// What a text or a JSON value carries that a person would want to know of: credentials, personal data, text that talks to the model,
// dangerous code. Pure: no I/O, no clock, no memory between calls. A Scanner is compiled once and shared by all threads; a Findings
// belongs to one thread and is reused. Detectors label and rank; what happens is decided by policy. Work is bounded: what was not
// looked at is itself a finding (`inspection.cap`), so that policy can refuse. Raw secrets are never kept in a finding.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/document.h"

namespace callgate::inspection {

enum class Severity : std::uint8_t { Info, Low, Medium, High, Critical };
enum class Confidence : std::uint8_t { Low, Medium, High };
enum class Action : std::uint8_t { Flag, Redact, Ask, Deny };  // a rule's own suggestion; policy decides
enum class Pack : std::uint8_t { Inspection, Secrets, SeedSecrets, PersonalData, Poisoning, Code, Vault };

std::string_view severity_name(Severity severity);
std::string_view confidence_name(Confidence confidence);
std::string_view action_name(Action action);
std::string_view pack_name(Pack pack);

// A set of packs.
using PackMask = std::uint8_t;
constexpr PackMask mask_of(Pack pack) { return static_cast<PackMask>(1U << static_cast<unsigned>(pack)); }
inline constexpr std::size_t kPacks = 7;

struct Rule {
  std::string_view id;  // `secrets.github-pat`; static storage
  std::string_view description;
  std::string_view suggestion;  // what to do instead, for the caller
  Pack pack = Pack::Inspection;
  Severity severity = Severity::Medium;
  Action action = Action::Flag;
};

// Every rule of every pack, sorted by id.
std::span<const Rule* const> rules();
const Rule* find_rule(std::string_view id);  // null when there is none

struct Finding {
  std::string_view rule;  // Rule::id
  Pack pack = Pack::Inspection;
  Severity severity = Severity::Medium;
  Confidence confidence = Confidence::Medium;
  std::uint32_t begin = 0, end = 0;  // bytes of the inspected text: of the unescaped string at `where`, or of its key
  bool in_key = false;
  std::string where;   // JSON pointer; empty for a plain text
  std::string masked;  // at most the first four and last two characters of a secret; what was seen, escaped, for labels
  std::string via;     // how it was hidden: `base64`, `base64>gzip`, `joined`; empty when it stood in the open
};

struct Caps {
  std::size_t text_bytes_max = 1024 * 1024;       // of one string
  std::size_t value_bytes_max = 8 * 1024 * 1024;  // of all strings of one value
  std::size_t decoded_bytes_max = 1024 * 1024;    // of everything decoded from one value
  std::size_t findings_max = 256;
  std::uint32_t decode_depth_max = 4;
};

class Workspace;  // buffers of one thread

// What a scan found. Reuse one per thread: nothing is allocated for clean texts once warm.
class Findings {
 public:
  Findings();
  ~Findings();
  Findings(Findings&&) noexcept;
  Findings& operator=(Findings&&) noexcept;

  const std::vector<Finding>& all() const { return items_; }
  bool empty() const { return items_.empty(); }
  bool capped() const { return capped_; }  // something was not looked at; `inspection.cap` says so too
  bool has(std::string_view rule) const;
  Severity worst() const;                       // Info when there is none
  double score(Pack pack) const;                // 0 to 1: how sure it is that there is something, all findings of the pack taken together
  std::uint64_t work() const { return work_; }  // of the last scan, in bytes read and read again: tests hold it against the size
  void clear();                                 // keeps the memory
  void add_cap(std::string_view what);          // nothing was looked at: too large to be handed to a scanner at all

 private:
  friend class Scanner;
  friend class Workspace;
  friend class TextStream;
  void append(Finding&& finding, bool capped);
  void extend(const Finding& finding);
  std::vector<Finding> items_;
  std::unique_ptr<Workspace> workspace_;
  std::uint64_t work_ = 0;
  bool capped_ = false;
};

// Secrets of the vault, by keyed hash: found again in any text, in the open or encoded, without being kept. Cheap to make, and no part of
// a Scanner, so that a new secret costs no compilation. Adding ends before the first scan; then any thread reads.
class KnownSecrets {
 public:
  static constexpr std::size_t kBytesMin = 8;  // shorter ones would be found everywhere
  bool add(std::string_view secret);           // false: too short, or longer than 4096 bytes
  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return count_; }
  bool spaced() const { return spaced_; }  // one of them holds a space, a quote or something else that parts words

 private:
  friend class Workspace;
  enum class Form : std::uint8_t { Open, Reversed, Rot13 };
  bool add_form(std::string_view secret, Form form);
  struct Entry {
    std::uint64_t begins;  // keyed hash of its first kBytesMin bytes
    std::uint64_t whole;   // and of all of it
    std::uint32_t length;
    Form form;
  };
  std::size_t count_ = 0;
  bool spaced_ = false;
  std::vector<Entry> entries_;       // sorted by begins; each secret also backwards and turned by 13 letters
  std::vector<std::uint64_t> seen_;  // a bit for the high bits of each beginning's hash: most places of a text stop here
};

struct ScannerOptions {
  std::vector<Pack> packs{Pack::Secrets, Pack::PersonalData, Pack::Poisoning};
  Caps caps{};
  std::vector<std::string> rules_off{};  // rule ids
  bool addresses = false;                // personal data: IP addresses too
};

class Scanner {
 public:
  // Reasons: inspection.rule (an unknown rule is switched off), inspection.processor (Vectorscan needs SSSE3), inspection.compile.
  static Result<std::shared_ptr<const Scanner>> create(ScannerOptions options);
  ~Scanner();

  // `known` may be null.
  void scan(std::string_view text, Findings& out, const KnownSecrets* known = nullptr) const;
  // Every string and key at any depth, blobs that hold text or compressed text, and all strings joined (a secret cut in two).
  void scan_value(json::Value value, Findings& out, const KnownSecrets* known = nullptr) const;

  struct Tables;

 private:
  friend class Workspace;
  explicit Scanner(std::unique_ptr<const Tables> tables);
  std::unique_ptr<const Tables> tables_;
};

// Text that arrives in pieces, looked at in steps together with the end of what came before; spans count from the start of the stream.
// What lies in the last `held()` bytes may still be completed by what comes: hold those back if findings must stop it.
class TextStream {
 public:
  static constexpr std::size_t kWindow = 4096, kStep = 1024;
  explicit TextStream(const Scanner& scanner, const KnownSecrets* known = nullptr) : scanner_(scanner), known_(known) {}
  void add(std::string_view piece, Findings& out);
  void finish(Findings& out);  // looks at what is left
  std::size_t held() const { return tail_.size(); }

 private:
  void look(Findings& out);
  const Scanner& scanner_;
  const KnownSecrets* known_;
  std::string tail_;
  std::size_t unseen_ = 0;   // bytes at the end of tail_ that no scan has seen
  std::uint64_t start_ = 0;  // where tail_ begins in the stream
  std::vector<std::pair<std::uint32_t, std::string_view>> seen_;
  Findings piece_findings_;
};

// Which findings to cut out; the default is those whose rule says Redact or Deny.
using Choose = std::function<bool(const Finding&)>;
bool redacts_by_default(const Finding& finding);

std::string redact_text(std::string_view text, const Findings& findings, const Choose& choose = redacts_by_default);
// Canonical JSON with the spans replaced by `[redacted:rule]`. The findings must come from scan_value of this very value.
std::string redact_value(json::Value value, const Findings& findings, const Choose& choose = redacts_by_default);

// Where a finding lies, fit for messages and records: names of members that hold a finding themselves are not shown.
std::string shown_place(const Findings& findings, const Finding& finding);

// At most the first four and last two characters, fewer for short ones; never more than a quarter of it.
std::string mask_secret(std::string_view secret);

}  // namespace callgate::inspection
