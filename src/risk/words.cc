// The vocabulary: what actions are called in the names and descriptions of tools.
#include "risk/words.h"

#include <algorithm>
#include <array>

namespace callgate::risk {
namespace {

using enum Class;

// By hand. `true`: as often a thing as an action.
constexpr Verb kVerbs[] = {
    // Looks and tells.
    {"access", Read, true},
    {"aggregate", Read},
    {"analyze", Read},
    {"audit", Read, true},
    {"browse", Read},
    {"calculate", Read},
    {"capture", Read},
    {"check", Read},
    {"classify", Read},
    {"compare", Read},
    {"compute", Read, true},
    {"count", Read, true},
    {"decode", Read},
    {"describe", Read},
    {"detect", Read},
    {"determine", Read},
    {"diagnose", Read},
    {"diff", Read, true},
    {"discover", Read},
    {"display", Read, true},
    {"enumerate", Read},
    {"estimate", Read, true},
    {"examine", Read},
    {"explain", Read},
    {"explore", Read},
    {"extract", Read},
    {"fetch", Read},
    {"filter", Read, true},
    {"find", Read},
    {"geocode", Read},
    {"get", Read},
    {"hash", Read, true},
    {"identify", Read},
    {"inspect", Read},
    {"introspect", Read},
    {"investigate", Read},
    {"lint", Read},
    {"list", Read, true},
    {"load", Write, true},
    {"locate", Read},
    {"look", Read, true},
    {"lookup", Read},
    {"match", Read, true},
    {"measure", Read, true},
    {"monitor", Read, true},
    {"obtain", Read},
    {"observe", Read},
    {"parse", Read},
    {"peek", Read},
    {"ping", Read},
    {"poll", Read},
    {"predict", Read},
    {"preview", Read, true},
    {"provide", Read},
    {"query", Read, true},
    {"rank", Read, true},
    {"read", Read},
    {"recall", Read},
    {"receive", Read},
    {"recognize", Read},
    {"recommend", Read},
    {"render", Read},
    {"report", Read, true},
    {"retrieve", Read},
    {"return", Read},
    {"scan", Read, true},
    {"scrape", Read},
    {"search", Read},
    {"select", Write},
    {"show", Read},
    {"suggest", Read},
    {"summarize", Read},
    {"tail", Read, true},
    {"translate", Read},
    {"view", Read, true},
    {"watch", Read, true},
    // Changes something, or may.
    {"accept", Write},
    {"acknowledge", Write},
    {"activate", Write},
    {"add", Write},
    {"adjust", Write},
    {"allocate", Write},
    {"allow", Write},
    {"annotate", Write},
    {"append", Write},
    {"apply", Write},
    {"approve", Write},
    {"archive", Write, true},
    {"ask", Write},
    {"assign", Write},
    {"attach", Write},
    {"authorize", Write},
    {"block", Write, true},
    {"book", Write, true},
    {"bookmark", Write, true},
    {"branch", Write, true},
    {"change", Write, true},
    {"click", Write, true},
    {"clone", Write, true},
    {"close", Write},
    {"comment", Write, true},
    {"commit", Write, true},
    {"combine", Write},
    {"complete", Write},
    {"compose", Write},
    {"configure", Write},
    {"confirm", Write},
    {"connect", Write},
    {"convert", Write},
    {"copy", Write, true},
    {"create", Write},
    {"customize", Write},
    {"decline", Write},
    {"define", Write},
    {"delegate", Write, true},
    {"deprecate", Write},
    {"dismiss", Write},
    {"dispatch", Write},
    {"download", Write, true},
    {"draft", Write, true},
    {"drag", Write},
    {"draw", Write},
    {"duplicate", Write, true},
    {"edit", Write},
    {"email", Write, true},
    {"enable", Write},
    {"encode", Write},
    {"enroll", Write},
    {"escalate", Write},
    {"exchange", Write, true},
    {"export", Write, true},
    {"extend", Write},
    {"fill", Write},
    {"fix", Write, true},
    {"flag", Write, true},
    {"follow", Write},
    {"fork", Write, true},
    {"format", Write, true},
    {"forward", Write, true},
    {"generate", Write},
    {"go", Write, true},
    {"grant", Write, true},
    {"handle", Write, true},
    {"hide", Write},
    {"highlight", Write, true},
    {"hover", Write},
    {"import", Write, true},
    {"increment", Write},
    {"index", Write, true},
    {"ingest", Write},
    {"init", Write},
    {"initialize", Write},
    {"initiate", Write},
    {"insert", Write},
    {"install", Write},
    {"invite", Write, true},
    {"issue", Write, true},
    {"join", Write, true},
    {"label", Write, true},
    {"launch", Write, true},
    {"leave", Write, true},
    {"like", Write, true},
    {"link", Write, true},
    {"lock", Write, true},
    {"log", Write, true},
    {"login", Write, true},
    {"make", Write},
    {"manage", Write},
    {"mark", Write, true},
    {"mask", Write, true},
    {"merge", Write},
    {"message", Write, true},
    {"migrate", Write},
    {"modify", Write},
    {"mount", Write, true},
    {"move", Write},
    {"mutate", Write},
    {"mute", Write},
    {"navigate", Write},
    {"notify", Write},
    {"open", Write, true},
    {"optimize", Write},
    {"organize", Write},
    {"paste", Write, true},
    {"patch", Write, true},
    {"pause", Write, true},
    {"persist", Write},
    {"pin", Write, true},
    {"place", Write, true},
    {"play", Write, true},
    {"populate", Write},
    {"post", Write, true},
    {"press", Write, true},
    {"process", Write, true},
    {"promote", Write},
    {"propose", Write},
    {"protect", Write},
    {"provision", Write},
    {"publish", Write},
    {"push", Write},
    {"put", Write},
    {"react", Write},
    {"rearrange", Write},
    {"record", Write, true},
    {"redo", Write},
    {"refresh", Write},
    {"register", Write, true},
    {"reject", Write},
    {"release", Write, true},
    {"rename", Write},
    {"renew", Write},
    {"reopen", Write},
    {"reorder", Write},
    {"reply", Write, true},
    {"reprioritize", Write},
    {"request", Write, true},
    {"rerun", Write},
    {"reschedule", Write},
    {"resend", Write},
    {"reserve", Write, true},
    {"resize", Write},
    {"resolve", Write},
    {"respond", Write},
    {"restore", Write},
    {"resume", Write, true},
    {"retry", Write},
    {"review", Write, true},
    {"rotate", Write},
    {"route", Write, true},
    {"save", Write},
    {"scale", Write, true},
    {"schedule", Write, true},
    {"scroll", Write},
    {"send", Write},
    {"set", Write, true},
    {"setup", Write, true},
    {"share", Write, true},
    {"sign", Write, true},
    {"snooze", Write},
    {"sort", Write, true},
    {"spawn", Write},
    {"star", Write, true},
    {"start", Write, true},
    {"stop", Write, true},
    {"store", Write, true},
    {"submit", Write},
    {"subscribe", Write},
    {"suspend", Write},
    {"switch", Write, true},
    {"sync", Write, true},
    {"synchronize", Write},
    {"tag", Write, true},
    {"take", Write, true},
    {"tap", Write, true},
    {"toggle", Write},
    {"touch", Write},
    {"track", Write, true},
    {"transform", Write},
    {"transition", Write, true},
    {"type", Write, true},
    {"unarchive", Write},
    {"unassign", Write},
    {"unblock", Write},
    {"undelete", Write},
    {"undo", Write},
    {"unlock", Write},
    {"unmute", Write},
    {"unpin", Write},
    {"unroute", Write},
    {"unstar", Write},
    {"unsubscribe", Write},
    {"update", Write, true},
    {"upgrade", Write, true},
    {"upload", Write, true},
    {"upsert", Write},
    {"validate", Write},
    {"verify", Write},
    {"vote", Write, true},
    {"vacuum", Write, true},
    {"wait", Write, true},
    {"write", Write},
    // Runs what is handed to it.
    {"automate", Execute},
    {"bash", Execute, true},
    {"build", Execute, true},
    {"call", Execute, true},
    {"compile", Execute},
    {"debug", Execute, true},
    {"deploy", Execute},
    {"eval", Execute},
    {"evaluate", Execute},
    {"exec", Execute},
    {"execute", Execute},
    {"inject", Execute},
    {"invoke", Execute},
    {"orchestrate", Execute},
    {"perform", Execute},
    {"reboot", Execute},
    {"restart", Execute},
    {"run", Execute, true},
    {"shell", Execute, true},
    {"simulate", Execute},
    {"terminal", Execute, true},
    {"test", Execute, true},
    {"trigger", Execute, true},
    // Takes away.
    {"abort", Destructive},
    {"ban", Destructive, true},
    {"cancel", Destructive},
    {"cleanup", Destructive, true},
    {"clear", Destructive},
    {"deactivate", Destructive},
    {"delete", Destructive},
    {"deprovision", Destructive},
    {"deregister", Destructive},
    {"destroy", Destructive},
    {"detach", Destructive},
    {"disable", Destructive},
    {"discard", Destructive},
    {"disconnect", Destructive},
    {"drop", Destructive, true},
    {"empty", Destructive, true},
    {"erase", Destructive},
    {"evict", Destructive},
    {"expire", Destructive},
    {"flush", Destructive},
    {"forget", Destructive},
    {"kick", Destructive, true},
    {"kill", Destructive},
    {"nuke", Destructive},
    {"overwrite", Destructive},
    {"prune", Destructive},
    {"purge", Destructive},
    {"remove", Destructive},
    {"replace", Destructive},
    {"reset", Destructive, true},
    {"revert", Destructive},
    {"revoke", Destructive},
    {"rollback", Destructive, true},
    {"shred", Destructive},
    {"shutdown", Destructive, true},
    {"teardown", Destructive, true},
    {"terminate", Destructive},
    {"trash", Destructive, true},
    {"truncate", Destructive},
    {"undeploy", Destructive},
    {"uninstall", Destructive},
    {"unlink", Destructive},
    {"unpublish", Destructive},
    {"unregister", Destructive},
    {"wipe", Destructive},
    // Moves money.
    {"buy", Financial},
    {"charge", Financial, true},
    {"checkout", Financial, true},
    {"deposit", Financial, true},
    {"invoice", Financial, true},
    {"pay", Financial},
    {"payout", Financial, true},
    {"purchase", Financial, true},
    {"refund", Financial, true},
    {"sell", Financial},
    {"tip", Financial, true},
    {"trade", Financial, true},
    {"transfer", Financial, true},
    {"withdraw", Financial},
};

constexpr std::string_view kMoney[] = {"charge",   "charges",  "chargeback", "invoice", "invoices",    "payment",   "payments",
                                       "payout",   "payouts",  "refund",     "refunds", "purchase",    "purchases", "payroll",
                                       "paycheck", "checkout", "wallet",     "wallets", "withdrawals", "withdrawal"};

bool upper(char c) { return c >= 'A' && c <= 'Z'; }
bool digit(char c) { return c >= '0' && c <= '9'; }
bool letter(char c) { return upper(c) || (c >= 'a' && c <= 'z') || (static_cast<unsigned char>(c) & 0x80) != 0; }
char lower(char c) { return upper(c) ? static_cast<char>(c + 32) : c; }

const Verb* exactly(std::string_view word) {
  static const auto sorted = [] {
    std::array<const Verb*, std::size(kVerbs)> all{};
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = &kVerbs[i];
    std::sort(all.begin(), all.end(), [](const Verb* a, const Verb* b) { return a->word < b->word; });
    return all;
  }();
  auto at =
      std::lower_bound(sorted.begin(), sorted.end(), word, [](const Verb* verb, std::string_view wanted) { return verb->word < wanted; });
  return at != sorted.end() && (*at)->word == word ? *at : nullptr;
}

const Verb* either_spelling(std::string_view word) {
  if (const Verb* verb = exactly(word)) return verb;
  if (auto at = word.rfind("is"); at != std::string_view::npos && at + 3 == word.size() && at > 2) {  // initialise
    std::string other(word);
    other[at + 1] = 'z';
    return exactly(other);
  }
  return word == "analyse" ? exactly("analyze") : nullptr;
}

// `stem` and the endings an English verb of that form has without it.
const Verb* by_stem(std::string_view stem) {
  if (stem.size() < 2) return nullptr;
  if (const Verb* verb = either_spelling(stem)) return verb;
  if (const Verb* verb = either_spelling(std::string(stem) + "e")) return verb;
  if (stem.back() == 'i') return either_spelling(std::string(stem.substr(0, stem.size() - 1)) + "y");                    // applied, queries
  if (stem.size() > 3 && stem.back() == stem[stem.size() - 2]) return either_spelling(stem.substr(0, stem.size() - 1));  // running
  return nullptr;
}

}  // namespace

const Verb* find_verb(std::string_view word) {
  if (const Verb* verb = either_spelling(word)) return verb;
  if (word.ends_with("ies")) return by_stem(word.substr(0, word.size() - 2));
  if (word.ends_with("es"))
    if (const Verb* verb = by_stem(word.substr(0, word.size() - 2))) return verb;
  if (word.ends_with("s")) return either_spelling(word.substr(0, word.size() - 1));
  if (word.ends_with("ed")) return by_stem(word.substr(0, word.size() - 2));
  if (word.ends_with("ing")) return by_stem(word.substr(0, word.size() - 3));
  return nullptr;
}

bool base_form(std::string_view word) { return either_spelling(word) != nullptr; }

bool money_word(std::string_view word) { return std::find(std::begin(kMoney), std::end(kMoney), word) != std::end(kMoney); }

bool links_words(std::string_view word) { return word == "and" || word == "or" || word == "then" || word == "also"; }

std::vector<std::string> name_words(std::string_view name) {
  std::vector<std::string> words;
  std::string word;
  const auto flush = [&] {
    if (!word.empty()) words.push_back(std::move(word));
    word.clear();
  };
  for (std::size_t i = 0; i < name.size(); ++i) {
    char c = name[i];
    if (!letter(c) && !digit(c)) {
      flush();
      continue;
    }
    // fooBar, and the last capital of HTTPServer
    bool starts = upper(c) && i > 0 && (!upper(name[i - 1]) || (i + 1 < name.size() && letter(name[i + 1]) && !upper(name[i + 1])));
    if (starts) flush();
    word.push_back(lower(c));
  }
  flush();
  return words;
}

std::vector<TextWord> text_words(std::string_view text, std::size_t words_max) {
  std::vector<TextWord> words;
  bool opens = true, mark = false, gap = false;  // gap: white space since the last word
  for (std::size_t i = 0; i < text.size() && words.size() < words_max;) {
    char c = text[i];
    if (letter(c) || digit(c)) {
      TextWord word{{}, opens, mark};
      for (; i < text.size() && (letter(text[i]) || digit(text[i]) || text[i] == '_' || text[i] == '\''); ++i)
        word.text.push_back(lower(text[i]));
      words.push_back(std::move(word));
      opens = mark = gap = false;
      continue;
    }
    bool ends = i + 1 >= text.size() || text[i + 1] == ' ' || text[i + 1] == '\n';
    if (c == '\n' || c == ';' || ((c == '.' || c == '!' || c == '?' || c == ':') && ends)) opens = true;
    if ((c == '-' || c == '*') && (gap || opens)) opens = true;  // a dash between words, an item of a list
    if (c == ',' || c == '/' || c == '(') mark = true;
    if (c == ' ') gap = true;
    ++i;
  }
  return words;
}

}  // namespace callgate::risk
