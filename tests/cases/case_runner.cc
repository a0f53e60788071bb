// Runs text cases: stories a product manager can read, against a whole gate in one process. Format: tests/cases/README.md
//   case_runner [-v] FILE.case ...      last line: N passed, N failed

#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <stdexcept>

#include "gateway/testing/gate.h"
#include "json/document.h"
#include "json/writer.h"

namespace callgate::gateway::testing {
namespace {

class Failed : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Line {
  int number;
  std::string text;
};

std::string first_word(const std::string& text) { return text.substr(0, text.find(' ')); }
std::string after_word(const std::string& text) {
  std::size_t space = text.find(' ');
  return space == std::string::npos ? std::string() : text.substr(text.find_first_not_of(' ', space));
}

class Story {
 public:
  explicit Story(bool verbose) : verbose_(verbose) { setup_.options.approval_hold = std::chrono::milliseconds(0); }

  void run(const std::vector<Line>& lines) {
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const Line& first = lines[i];
      std::string block;
      while (i + 1 < lines.size() && lines[i + 1].text.starts_with("  ")) block += lines[++i].text.substr(2) + "\n";
      line_ = first.number;
      step(first.text, block);
    }
  }
  int line() const { return line_; }

 private:
  Gate& gate() {
    if (!gate_) gate_ = std::make_unique<Gate>(setup_);
    return *gate_;
  }
  void expect(bool truth, const std::string& what) const {
    if (!truth) throw Failed(what + "\n    answer: " + answer_.body.substr(0, 600));
  }

  void step(const std::string& text, const std::string& block) {
    std::string word = first_word(text), rest = after_word(text);
    if (word == "policy") return set_policy(block);
    if (word == "tools") return set_tools(rest);
    if (word == "call") return make_call(rest);
    if (word == "list") {
      answer_ = gate().post(R"({"jsonrpc":"2.0","id":2,"method":"tools/list"})");
      return;
    }
    if (word == "send") {
      answer_ = gate().post(rest);
      return;
    }
    if (word == "answers") return set_answer(rest);
    if (word == "advance") return gate().advance(*parse_duration(rest));
    if (word == "deny_as") return set_deny_as(rest);
    if (word == "revoke") return revoke();
    if (word == "approve" || word == "deny") return decide(word == "approve", rest);
    if (word == "waiting") return expect_waiting(rest);
    if (word == "allowed")
      return expect(answer_.body.find("\"result\"") != std::string::npos && answer_.body.find("\"isError\":true") == std::string::npos,
                    "expected the call to be allowed");
    if (word == "refused") return expect_refused(rest);
    if (word == "unknown")
      return expect(answer_.body.find("\"code\":-32602,\"message\":\"Unknown tool: ") != std::string::npos, "expected an unknown tool");
    if (word == "status")
      return expect(answer_.status == std::stoi(rest), "expected HTTP status " + rest + ", got " + std::to_string(answer_.status));
    if (word == "says") return expect(answer_.body.find(rest) != std::string::npos, "expected the answer to say " + rest);
    if (word == "never") return expect(answer_.body.find(after_word(rest)) == std::string::npos, "must not " + rest);
    if (word == "unrecorded") return expect(gate().last_record().find(rest) == std::string::npos, "the record must not hold " + rest);
    if (word == "recorded") return expect(gate().last_record().find(rest) != std::string::npos, "the record must hold " + rest);
    if (word == "sent") return expect(gate().upstream.seen.back().body.find(rest) != std::string::npos, "the server must have got " + rest);
    if (word == "listed") return expect_listed(rest);
    if (word == "rule") return expect(answer_.body.find("\"rule\":\"" + rest + "\"") != std::string::npos, "expected rule " + rest);
    if (word == "upstream") return expect_upstream(rest);
    if (word == "audit") return expect_audit(rest);
    throw Failed("unknown step `" + word + "`");
  }

  // answers {json}, or answers TEXT as the one text of a result
  void set_answer(const std::string& rest) {
    std::string& result = gate().upstream.result;
    if (rest.starts_with('{')) result = rest;
    else {
      result = R"({"content":[{"type":"text","text":)";
      json::append_quoted(result, rest);
      result += "}]}";
    }
  }

  void set_policy(const std::string& block) {
    if (gate_) gate_->put_policy(block);
    else setup_.policy = block;
  }

  void set_tools(const std::string& names) {
    std::istringstream words(names);
    gate().upstream.tools.assign(std::istream_iterator<std::string>(words), {});
    std::vector<Tool> tools;
    for (const std::string& name : gate().upstream.tools) {
      Tool tool;
      tool.server_id = gate().server.id;
      tool.name = name;
      tool.definition_json = "{}";
      tools.push_back(tool);
    }
    if (!gate().catalog->put_tools(gate().server.id, tools)) throw Failed("tools could not be set");
    gate().publish();
  }

  // call TOOL {json}; a name with spaces stands in quotes
  void make_call(const std::string& rest) {
    bool quoted = rest.starts_with('"');
    std::size_t end = quoted ? rest.find('"', 1) : std::min(rest.find(' '), rest.size());
    std::string tool = quoted ? rest.substr(1, end - 1) : rest.substr(0, end);
    std::string arguments = after_word(rest.substr(std::min(end, rest.size() - 1)));
    answer_ = gate().call(tool, arguments.empty() ? "{}" : arguments, std::to_string(++id_));
    if (verbose_) std::printf("  %d: %s\n     %d %s\n", line_, rest.c_str(), answer_.status, answer_.body.c_str());
  }

  void set_deny_as(const std::string& form) {
    auto grant = gate().identity->grant(gate().grant.grant.id);
    grant->deny_as = form == "result" ? DenyAs::Result : form == "auto" ? DenyAs::Auto : DenyAs::Error;
    if (!gate().identity->update_grant(*grant)) throw Failed("deny_as could not be set");
    gate().publish();
  }

  void revoke() {
    if (!gate().identity->revoke(gate().grant.grant.id, "story")) throw Failed("the grant could not be revoked");
    gate().publish();
  }

  // Somebody else, who may, decides about everything that waits.
  void decide(bool yes, const std::string& note) {
    auto waiting = gate().approvals->list(false, 100);
    if (!waiting || waiting->empty()) throw Failed("nothing waits for a person");
    for (const auto& approval : *waiting)
      if (auto done = gate().approvals->decide(approval.id, {"usr_boss", "boss", {"admin"}, true}, {yes, note, {}, {}}); !done)
        throw Failed(done.error().message);
  }

  void expect_waiting(const std::string& count) {
    std::size_t waiting = gate().approvals->pending();
    expect(waiting == std::stoul(count), "expected " + count + " calls to wait, it is " + std::to_string(waiting));
  }

  // refused CODE ["message"]
  void expect_refused(const std::string& rest) {
    std::string code = first_word(rest), message = after_word(rest);
    expect(answer_.body.find("\"error\":{\"code\":" + code + ",") != std::string::npos, "expected a refusal with code " + code);
    if (!message.empty()) expect(answer_.body.find("\"message\":" + message) != std::string::npos, "expected the message " + message);
  }

  void expect_listed(const std::string& names) {
    json::Document document;
    if (!document.parse(answer_.body)) throw Failed("the list cannot be read");
    std::string listed;
    document.root()["result"]["tools"].for_each_element(
        [&](json::Value tool) { listed += (listed.empty() ? "" : " ") + std::string(tool["name"].string()); });
    expect(listed == names, "expected the tools `" + names + "`, got `" + listed + "`");
  }

  // upstream saw N calls
  void expect_upstream(const std::string& rest) {
    auto wanted = static_cast<std::size_t>(std::stoul(after_word(rest)));
    expect(gate().upstream.calls() == wanted,
           "expected the upstream to have seen " + std::to_string(wanted) + " calls, it saw " + std::to_string(gate().upstream.calls()));
  }

  // audit key=value ...   on the newest record
  void expect_audit(const std::string& rest) {
    std::string record = gate().last_record();
    std::istringstream words(rest);
    for (std::string word; words >> word;) {
      std::size_t equals = word.find('=');
      std::string key = word.substr(0, equals), value = word.substr(equals + 1);
      bool found = record.find("\"" + key + "\":\"" + value + "\"") != std::string::npos ||
                   record.find("\"" + key + "\":" + value) != std::string::npos;
      if (!found) throw Failed("expected " + word + " in the newest record: " + record);
    }
  }

  bool verbose_;
  Gate::Setup setup_;
  std::unique_ptr<Gate> gate_;
  Answer answer_;
  int line_ = 0, id_ = 10;
};

bool run_file(const std::string& path, bool verbose) {
  std::ifstream file(path);
  std::vector<Line> lines;
  std::string text;
  for (int number = 1; std::getline(file, text); ++number)
    if (!text.empty() && text[0] != '#') lines.push_back({number, text});
  Story story(verbose);
  try {
    if (lines.empty()) throw Failed("no steps");
    story.run(lines);
  } catch (const std::exception& failure) {
    std::printf("FAILED %s:%d: %s\n", path.c_str(), story.line(), failure.what());
    return false;
  }
  std::printf("ok     %s\n", path.c_str());
  return true;
}

}  // namespace
}  // namespace callgate::gateway::testing

int main(int argc, char** argv) {
  int passed = 0, failed = 0;
  bool verbose = false;
  for (int i = 1; i < argc; ++i) {
    std::string argument = argv[i];
    if (argument == "-v") verbose = true;
    else if (callgate::gateway::testing::run_file(argument, verbose)) ++passed;
    else ++failed;
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 && passed > 0 ? 0 : 1;
}
