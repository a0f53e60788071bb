// audit why, policy test-from: one recorded call, told in words, and made a test of.
#include <unistd.h>

#include <cstdio>

#include "cli/output.h"
#include "cli/policy_words.h"
#include "cli/session.h"

namespace callgate::cli {
namespace {

void print_line(Session& session, std::string_view title, std::string text) {
  if (!text.empty()) session.out(std::string(title) + std::string(title.size() < 10 ? 10 - title.size() : 1, ' ') + text + "\n");
}

std::string outcome_of(json::Value judged) {
  std::string out(judged["effect"].string());
  if (auto rule = judged["rule"].string(); !rule.empty()) out += " by " + std::string(rule) + " (line " + cell_text(judged["line"]) + ")";
  out += ", version " + cell_text(judged["version"]) + " of " + std::string(judged["policy"].string());
  if (!judged["sure"].is(json::Kind::True)) {
    out += "; not sure, the record does not hold ";
    bool first = true;
    judged["doubts"].for_each_element([&](json::Value doubt) {
      out += (first ? "" : ", ") + std::string(doubt["path"].string()) + " for " + std::string(doubt["rule"].string());
      first = false;
    });
  }
  return terminal_safe(out);
}

int why(Session& session, const Args& args) {
  auto answer = session.call("GET", "/audit/" + encoded(args.text("RECORD")) + "/why");
  if (!answer) return session.fail_with(answer.error());
  if (!answer->ok()) return session.fail_with(*answer);
  json::Value root = answer->root();
  if (!session.human()) return show_one(session, root, "decision", {});
  std::string who = std::string(root["principal"].string());
  if (auto label = root["grant_label"].string(); !label.empty()) who += ", grant " + std::string(label);
  std::string what = std::string(root["tool"].string().empty() ? root["method"].string() : root["tool"].string());
  if (auto server = root["server"].string(); !server.empty()) what += " on " + std::string(server);
  print_line(session, "call", terminal_safe(cell_text(root["decision"]) + " at " + cell_text(root["time"])));
  print_line(session, "who", terminal_safe(who));
  print_line(session, "what", terminal_safe(what));
  print_line(session, "outcome", terminal_safe(root["sentence"].string()));
  print_line(session, "told", terminal_safe(root["message"].string()));
  json::Value then = root["then"], now = root["now"];
  if (auto text = then["text"].string(); !text.empty()) {
    auto from = text.find_first_not_of(' ');
    print_line(session, "line", terminal_safe(from == std::string_view::npos ? text : text.substr(from)));
  }
  if (then.is_object()) print_steps(session, then["steps"]);
  else if (auto policy = root["policy"].string(); !policy.empty())
    session.note("version " + cell_text(root["version"]) + " of policy " + terminal_safe(policy) + " can no longer be read");
  if (now.is_object()) print_line(session, "now", outcome_of(now));
  print_line(session, "next", terminal_safe(root["advice"].string()));
  return kOk;
}

// Beside the file and then in its place, so that a full disk leaves the old one.
bool replace_file(const std::string& path, std::string_view text) {
  std::string beside = path + ".new";
  std::FILE* file = std::fopen(beside.c_str(), "wb");
  if (!file) return false;
  bool good = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  good = std::fflush(file) == 0 && good && ::fsync(::fileno(file)) == 0;
  good = std::fclose(file) == 0 && good;
  if (good && std::rename(beside.c_str(), path.c_str()) == 0) return true;
  ::unlink(beside.c_str());
  return false;
}

int test_from(Session& session, const Args& args) {
  std::string file = args.text("--file"), text;
  if (args.given("--write") && (file.empty() || file == "-")) return session.usage("--write needs the --file to write into");
  if (!file.empty()) {
    auto read = read_text(file);
    if (!read) return session.fail_with(read.error());
    text = std::move(*read);
  }
  std::string body;
  json::Writer out(body);
  out.begin_object();
  if (!text.empty()) out.member("text", std::string_view(text));
  put_texts(out, args, {{"--policy", "policy"}, {"--expect", "expect"}});
  out.end_object();
  auto answer = session.call("POST", "/audit/" + encoded(args.text("RECORD")) + "/test", body);
  if (!answer) return session.fail_with(answer.error());
  if (!answer->ok()) return session.fail_with(*answer);
  json::Value root = answer->root();
  if (auto why_not = root["disagrees"].string(); !why_not.empty())
    session.note("the policy does not decide like that: " + terminal_safe(why_not));
  if (args.given("--write") && !session.dry_run) {
    if (!replace_file(file, root["document"].string())) {
      session.error("cannot write `" + file + "`", "check the path and the free space; nothing was changed");
      return kFailed;
    }
    session.note("added to the tests of " + terminal_safe(file));
  }
  if (!session.human()) return show_one(session, root, "entry", {});
  session.out("- " + terminal_safe(root["entry"].string()) + "\n");
  return kOk;
}

}  // namespace

void add_why_commands(std::vector<Command>& commands) {
  commands.push_back({"audit why",
                      "why a recorded call ended as it did, and what the policy of today would say",
                      {"callgate audit why dec_...", "callgate audit why 1042"},
                      {positional("RECORD", "decision id or sequence number")},
                      why});
  commands.push_back({"policy test-from",
                      "a recorded decision as an entry of a document's tests",
                      {"callgate policy test-from 1042", "callgate policy test-from 1042 --file refunds.yaml --write",
                       "callgate policy test-from 1042 --file refunds.yaml --expect allow --write"},
                      {positional("RECORD", "decision id or sequence number"),
                       {"--policy", "for this policy; default: the one that decided", Takes::One, false, "POLICY"},
                       {"--file", "for this draft", Takes::One, false, "FILE"},
                       flag("--write", "put it into that file; comments stay"),
                       {"--expect", "what should be; default: as it was decided", Takes::One, false, "EFFECT", "allow|deny|ask"}},
                      test_from,
                      "Refused when the record does not hold all of the arguments: what was left out or masked never becomes a test."});
}

}  // namespace callgate::cli
