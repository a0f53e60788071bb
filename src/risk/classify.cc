#include <algorithm>
#include <array>
#include <span>

#include "risk/words.h"

namespace callgate::risk {
namespace {

using enum Class;

constexpr std::size_t kWordsMax = 400;     // of one description
constexpr std::uint32_t kFieldsMax = 200;  // parameters looked at
constexpr std::size_t kEvidenceMax = 12;

// Parameters that hold a program rather than a value.
constexpr std::string_view kPrograms[] = {
    "bash",  "cmd",        "code",    "command", "commands", "cypher",  "expression", "function", "gremlin", "javascript", "pipeline",
    "plsql", "powershell", "program", "python",  "script",   "scripts", "shell",      "sparql",   "sql",     "statement",  "statements"};
// Those that are never an ordinary value, even of a tool that says it reads.
constexpr std::string_view kBarePrograms[] = {"bash",       "cmd",    "command", "commands", "cypher",    "gremlin",
                                              "powershell", "script", "shell",   "sql",      "statement", "statements"};
constexpr std::string_view kLanguages[] = {"sql",   "cypher", "influxql", "flux",       "gremlin", "sparql", "mutation",
                                           "plsql", "tsql",   "nosql",    "javascript", "python",  "bash",   "powershell"};
constexpr std::string_view kSwitches[] = {"cascade", "confirm", "dry_run", "dryrun", "force", "overwrite", "delete_existing", "if_exists"};
constexpr std::string_view kChoices[] = {"action", "method", "mode", "operation", "op", "verb", "command"};
// Before the verb of a sentence that says what a tool is for.
constexpr std::string_view kPreambles[] = {"tool",     "this",  "a",     "the",  "use",   "used",    "to",    "for",    "allows", "allow",
                                           "you",      "lets",  "let",   "can",  "will",  "enables", "when",  "please", "be",     "able",
                                           "users",    "it",    "also",  "mcp",  "helps", "agents",  "agent", "is",     "an",     "api",
                                           "function", "first", "start", "here", "in",    "order",   "that"};

// Words that only look until they are said of such a thing: `report_bug`, `check_in_guest`, `capture_payment`.
struct Pair {
  std::string_view verb;
  std::array<std::string_view, 9> things;
};
constexpr Pair kPairs[] = {
    {"capture", {"authorization", "charge", "charges", "funds", "order", "payment", "payments"}},
    {"check", {"in", "out"}},
    {"display", {"alert", "message", "notification", "popup"}},
    {"extract", {"archive", "tar", "tarball", "zip"}},
    {"provide", {"answer", "feedback", "input", "response"}},
    {"receive", {"message", "messages"}},
    {"report", {"abuse", "bug", "comment", "issue", "player", "post", "problem", "spam", "user"}},
    {"return", {"book", "device", "item", "items", "order", "product", "vehicle"}},
    {"show", {"alert", "dialog", "message", "notification", "popup", "toast"}},
    {"watch", {"issue", "project", "repo", "repository", "thread", "topic"}},
};
constexpr std::string_view kPrepositions[] = {"as", "at", "by", "for", "from", "in", "into", "of", "on", "to", "with"};

template <class List> bool in(const List& list, std::string_view word) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

std::string cleaned(std::string_view text) {
  std::string out;
  for (char c : text.substr(0, 60)) out.push_back(c >= 0x20 && c < 0x7f ? c : '?');
  return out;
}

// `runs a search query`, `executes the query`: a question, put in words of doing.
bool asks(const std::vector<TextWord>& words, std::size_t at) {
  std::string_view verb = words[at].text;
  if (!verb.starts_with("run") && !verb.starts_with("execute") && !verb.starts_with("perform") && !verb.starts_with("make")) return false;
  for (std::size_t i = at + 1; i < words.size() && i < at + 6 && !words[i].opens; ++i)
    for (std::string_view thing : {"query", "queries", "search", "searches", "aggregation", "aggregations", "lookup", "analysis"})
      if (words[i].text == thing) return true;
  return false;
}

// What follows is what the action is done to: `Download a file`, not `Download links of a file`.
bool has_object(const std::vector<TextWord>& words, std::size_t at) {
  constexpr std::string_view kBefore[] = {"a",        "all", "an",  "and", "any", "existing", "into",
                                          "multiple", "new", "one", "or",  "the", "to",       "your"};
  return at + 1 < words.size() && in(kBefore, words[at + 1].text);
}

// Said of what goes in or comes out, not of what is done.
bool harmless(std::string_view word) {
  constexpr std::string_view kWords[] = {"accepted", "accepts", "generates", "handled",   "handles",  "processed", "provides",
                                         "rejected", "rejects", "requested", "return",    "returns",  "resolved",  "resolves",
                                         "sorted",   "sorts",   "supports",  "validated", "validates"};
  return in(kWords, word);
}

class Judge {
 public:
  explicit Judge(json::Value definition) : definition_(definition) {}
  Classification run();

 private:
  struct Said {
    std::optional<Class> risk;
    void raise(Class to) {
      if (!risk || *risk < to) risk = to;
    }
  };
  void note(std::string_view where, std::string_view what, Class says) { evidence_.push_back({std::string(where), cleaned(what), says}); }
  void say(Said& said, const Verb& verb, std::string_view where, std::string_view word) {
    said.raise(verb.says);
    note(where, word, verb.says);
  }
  void name(std::string_view text, Said& said);
  void sentence_verbs(const std::vector<TextWord>& words, Said& said, bool reads_by_name);
  void description(std::string_view text, Said& said, bool reads_by_name);
  void parameters(json::Value schema, Said& raised, bool reads);
  void parameter(std::string_view key, json::Value schema, Said& raised, bool reads);
  void choices(std::string_view where, json::Value values, Said& raised);
  void annotations(Said& raised);
  Class decide(const Said& by_name, const Said& by_text, Said& raised);

  json::Value definition_;
  std::vector<Evidence> evidence_;
  std::vector<std::string> name_;
  bool money_ = false, language_ = false, name_is_vague_ = false, queries_ = false;
};

// The action a name names: `delete_user`, `user.delete`, `search_and_replace`. A word that may be a thing counts where no other verb is.
void Judge::name(std::string_view text, Said& said) {
  name_ = name_words(text);
  std::vector<std::size_t> sure, maybe;
  for (std::size_t i = 0; i < name_.size(); ++i) {
    money_ |= money_word(name_[i]);
    const Verb* verb = find_verb(name_[i]);
    if (verb == nullptr) continue;
    bool first = i == 0;
    if (!base_form(name_[i])) continue;  // get_failed_builds, mongodb-logs
    if (first || !verb->thing) sure.push_back(i);
    else maybe.push_back(i);
  }
  for (std::size_t i = 0; i + 1 < name_.size(); ++i)
    for (const Pair& pair : kPairs)
      if (name_[i] == pair.verb && i == (sure.empty() ? i : sure.front()) && in(pair.things, name_[i + 1])) {
        said.raise(Write);
        note("/name", std::string(pair.verb) + " " + name_[i + 1], Write);
      }
  const auto verb_at = [&](std::size_t i) { return find_verb(name_[i]); };
  if (sure.empty()) {
    if (maybe.empty()) return;
    // Nothing is certain: `account_transfer`, `issue_list`; the last word weighs most, and the description may know better.
    say(said, *verb_at(maybe.back()), "/name", name_[maybe.back()]);
    name_is_vague_ = maybe.back() > 0 && maybe.back() + 1 == name_.size();
    return;
  }
  std::size_t lead = sure.front();
  // `list_delete`: the first word was the thing.
  bool lead_is_thing = verb_at(lead)->thing && verb_at(lead)->says == Read && sure.size() > 1 && sure.back() == name_.size() - 1 &&
                       !in(kPrepositions, name_[name_.size() - 2]);
  // `order_get`, `message_list`: the verb stands at the end.
  bool verb_last = verb_at(lead)->thing && name_.size() > 1 && lead == 0 && !in(kPrepositions, name_[name_.size() - 2]) &&
                   (sure.back() == name_.size() - 1 || (!maybe.empty() && maybe.back() == name_.size() - 1 && name_.back() == "list")) &&
                   sure.back() != lead;
  if (verb_at(lead)->says != Read && !verb_last) {
    say(said, *verb_at(lead), "/name", name_[lead]);
    for (std::size_t i : sure)
      if (i != lead && verb_at(i)->says > *said.risk) say(said, *verb_at(i), "/name", name_[i]);
    return;
  }
  if (lead_is_thing || verb_last) {
    say(said, *verb_at(sure.back()), "/name", name_[sure.back()]);
    return;
  }
  say(said, *verb_at(lead), "/name", name_[lead]);
  for (std::size_t i = lead + 1; i < name_.size(); ++i)  // get_or_create
    if (links_words(name_[i - 1]) && find_verb(name_[i]) != nullptr) say(said, *find_verb(name_[i]), "/name", name_[i]);
}

// The verb each sentence begins with, and those joined to it: `Creates or updates`, `List, create, close`.
void Judge::sentence_verbs(const std::vector<TextWord>& words, Said& said, bool reads_by_name) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!words[i].opens) continue;
    std::size_t at = i;
    while (at < words.size() && at < i + 6 && (in(kPreambles, words[at].text) || words[at].text.ends_with("ly"))) ++at;
    if (at >= words.size()) break;
    const Verb* verb = find_verb(words[at].text);
    if (verb == nullptr || words[at].text.ends_with("ing") || words[at].text.ends_with("ed")) continue;
    bool first_sentence = i == 0;
    bool base = base_form(words[at].text);
    if (asks(words, at)) {
      queries_ |= first_sentence;
      said.raise(Read);
      continue;
    }
    // Later sentences tell what else happens, or how to use the tool: only what is no thing counts there. Of a tool whose name says that
    // it reads, `Log label names` is no action but a thing.
    bool action = first_sentence ? !(verb->thing && reads_by_name && !has_object(words, at))
                                 : !verb->thing && !base && !harmless(words[at].text) && (verb->says != Read || !said.risk);
    if (action) say(said, *verb, "/description", words[at].text);
    if (!first_sentence) continue;
    for (std::size_t j = at + 1; j < words.size() && !words[j].opens; ++j) {
      const Verb* joined = find_verb(words[j].text);
      if (joined == nullptr || base_form(words[j].text) != base || words[j].text.ends_with("ed") || words[j].text.ends_with("ing"))
        continue;
      bool linked =
          links_words(words[j - 1].text) || (words[j].follows_mark && (!base || j - at <= 1 || find_verb(words[j - 1].text) != nullptr));
      if (linked && (!joined->thing || (verb->says != Read && j < at + 4))) say(said, *joined, "/description", words[j].text);
    }
  }
}

void Judge::description(std::string_view text, Said& said, bool reads_by_name) {
  std::vector<TextWord> words = text_words(text, kWordsMax);
  sentence_verbs(words, said, reads_by_name);
  language_ |= text.find("SELECT ") != text.npos;  // an example in the language itself
  for (std::size_t i = 0; i < words.size(); ++i) {
    money_ |= money_word(words[i].text) && i < 30 && !reads_by_name && said.risk != Read;
    language_ |= in(kLanguages, words[i].text) || words[i].text.ends_with("sql");
    if (words[i].text == "irreversible" || words[i].text == "irreversibly" || words[i].text == "destructive") {
      bool denied = i > 0 && (words[i - 1].text == "non" || words[i - 1].text == "not" || words[i - 1].text == "no");
      if (!denied) said.raise(Destructive), note("/description", words[i].text, Destructive);
    }
    // `it creates`, `which deletes`, `will be overwritten`
    bool subject =
        i > 0 && (words[i - 1].text == "it" || words[i - 1].text == "which" || words[i - 1].text == "that" || words[i - 1].text == "tool");
    bool future = i > 1 && words[i - 1].text == "be" && words[i - 2].text == "will";
    if (!subject && !future) continue;
    const Verb* verb = find_verb(words[i].text);
    if (verb == nullptr || verb->says == Read || base_form(words[i].text) || words[i].text.ends_with("ing")) continue;
    if ((verb->thing && !future) || harmless(words[i].text)) continue;
    if (future || (!reads_by_name && words[i].text.back() == 's')) say(said, *verb, "/description", words[i].text);
  }
}

void Judge::choices(std::string_view where, json::Value values, Said& raised) {
  values.for_each_element([&](json::Value value) {
    std::string text(value.string());
    for (const std::string& word : name_words(text)) {
      const Verb* verb = find_verb(word);
      if (verb == nullptr || !base_form(word)) continue;
      if (verb->says != Read) say(raised, *verb, where, text);
      return;  // the first verb of a value is its action
    }
  });
}

void Judge::parameter(std::string_view key, json::Value schema, Said& raised, bool reads) {
  std::string where = "/inputSchema/properties/" + cleaned(key);
  std::string low;
  for (const std::string& word : name_words(key)) low += (low.empty() ? "" : "_") + word;
  const auto words = name_words(key);
  if (in(kChoices, low)) choices(where, schema["enum"], raised);
  if (in(kSwitches, low) && !(reads && low != "overwrite" && low != "delete_existing")) {
    raised.raise(Write);
    note(where, key, Write);
  }
  bool program = false;
  for (const std::string& word : words)
    program |= in(reads ? std::span<const std::string_view>(kBarePrograms) : std::span<const std::string_view>(kPrograms), word);
  // `query` holds a program when the tool speaks of a language that can write.
  bool text = !schema["type"].exists() || schema["type"].string() == "string";
  if (!program && text && (low == "query" || low == "q" || low == "raw_sql" || low == "rawsql")) {
    for (const TextWord& word : text_words(schema["description"].string(), 60)) program |= in(kLanguages, word.text);
    program |= language_;
  }
  if (program && text && !schema["enum"].exists()) {
    raised.raise(Execute);
    note(where, std::string(key) + " holds a program", Execute);
  }
}

void Judge::parameters(json::Value schema, Said& raised, bool reads) {
  std::uint32_t seen = 0;
  schema["properties"].for_each_member([&](std::string_view key, json::Value member) {
    if (++seen <= kFieldsMax) parameter(key, member, raised, reads);
  });
}

// A hint may raise; that a tool calls itself harmless is no evidence.
void Judge::annotations(Said& raised) {
  json::Value hints = definition_["annotations"];
  if (hints["readOnlyHint"].is(json::Kind::False)) {
    raised.raise(Write);
    note("/annotations/readOnlyHint", "says that it writes", Write);
  }
  if (hints["destructiveHint"].is(json::Kind::True) && !hints["readOnlyHint"].is(json::Kind::True)) {
    raised.raise(Destructive);
    note("/annotations/destructiveHint", "says that it destroys", Destructive);
  }
}

Class Judge::decide(const Said& by_name, const Said& by_text, Said& raised) {
  Class risk = Read;
  if (!by_name.risk && !by_text.risk && !raised.risk) {
    risk = money_ ? Financial : Destructive;
    note("/name", "no word says what it does: the highest class that is plausible", risk);
    return risk;
  }
  if (name_is_vague_ && by_name.risk == Write && by_text.risk == Read) return std::max(Read, raised.risk.value_or(Read));
  risk = std::max({by_name.risk.value_or(Read), by_text.risk.value_or(Read), raised.risk.value_or(Read)});
  // Neither a verb in the name nor in the text, only a parameter: that is what it does at least.
  if (!by_name.risk && !by_text.risk && risk < Execute) risk = Execute;
  return risk;
}

Classification Judge::run() {
  Said by_name, by_text, raised;
  name(definition_["name"].string(), by_name);
  if (!by_name.risk) {
    // A title is a second name.
    std::string_view title =
        definition_["title"].is_string() ? definition_["title"].string() : definition_["annotations"]["title"].string();
    for (const std::string& word : name_words(title)) money_ |= money_word(word);
  }
  bool reads_by_name = by_name.risk == Read;
  description(definition_["description"].string(), by_text, reads_by_name);
  bool reads = by_name.risk.value_or(by_text.risk.value_or(Write)) == Read && by_text.risk.value_or(Read) == Read;
  for (const std::string& word : name_) language_ |= in(kLanguages, word);
  for (const std::string& word : name_) queries_ |= word == "query" || word == "aggregate";
  parameters(definition_["inputSchema"], raised, reads);
  if (language_ && queries_) {
    raised.raise(Execute);
    note("/description", "takes a query in a language that can write", Execute);
  }
  annotations(raised);
  Classification out;
  out.known = by_name.risk || by_text.risk || raised.risk;
  out.risk = decide(by_name, by_text, raised);
  bool read_only = out.risk == Read;
  if (money_ && out.known) {
    note("/name", "is about payments", Financial);
    out.risk = Financial;
  }
  out.severity = money_ && read_only ? Severity::Medium : severity_of(out.risk);
  std::stable_sort(evidence_.begin(), evidence_.end(), [](const Evidence& a, const Evidence& b) { return a.says > b.says; });
  if (evidence_.size() > kEvidenceMax) evidence_.resize(kEvidenceMax);
  out.evidence = std::move(evidence_);
  return out;
}

constexpr std::array<std::string_view, 5> kClasses{"read", "write", "execute", "destructive", "financial"};

}  // namespace

std::string_view class_name(Class risk) { return kClasses[static_cast<std::size_t>(risk)]; }

std::optional<Class> parse_class(std::string_view name) {
  auto at = std::find(kClasses.begin(), kClasses.end(), name);
  if (at == kClasses.end()) return std::nullopt;
  return static_cast<Class>(at - kClasses.begin());
}

std::string_view severity_name(Severity severity) {
  constexpr std::array<std::string_view, 4> kNames{"low", "medium", "high", "critical"};
  return kNames[static_cast<std::size_t>(severity)];
}

Severity severity_of(Class risk) {
  constexpr std::array<Severity, 5> kBy{Severity::Low, Severity::Medium, Severity::High, Severity::Critical, Severity::Critical};
  return kBy[static_cast<std::size_t>(risk)];
}

Classification classify(json::Value definition) { return Judge(definition).run(); }

}  // namespace callgate::risk
