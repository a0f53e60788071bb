// What servers ask of clients, in both eras, through a whole gate.

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "gateway/elicitation.h"
#include "gateway/testing/gate.h"

namespace callgate::gateway {
namespace {

using testing::Answer;
using testing::Gate;
using testing::ToyUpstream;

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }
std::string event(const std::string& data) { return "data: " + data + "\n\n"; }

const std::string kOpen =
    "version: \"1\"\ndefault: allow\nmethods: {elicitation/create: allow, sampling/createMessage: {limits: [{counter: s, window: hour, "
    "max: 1}]}}\n";
const std::string kLooking =
    "version: \"1\"\ndefault: allow\nmethods: {elicitation/create: {labels: [sink]}}\n"
    "tools: {get_charge: {labels: [private]}, list_charges: {labels: [untrusted]}}\n"
    "flows: [{name: no-leak, after: {labels: [private, untrusted]}, then: {labels: [sink]}}]\n";
const std::string kForm = R"("params":{"message":"Sure?","requestedSchema":{"type":"object","properties":{"ok":{"type":"boolean"}}}}})";
const std::string kQuestion = R"({"jsonrpc":"2.0","id":"q-1","method":"elicitation/create",)" + kForm;
const std::string kAnswer = R"({"jsonrpc":"2.0","id":"q-1","result":{"action":"accept","content":{"ok":true}}})";
const std::string kResult = R"({"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"done"}]}})";
const std::string kCall = R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"get_charge","arguments":{}}})";
const std::string kKey = "AKIAIOSFODNN7EXAMPL3";

Gate::Setup open_setup() {
  Gate::Setup setup;
  setup.policy = kOpen;
  return setup;
}

// A client that has sent kCall and keeps its stream open, and a server that asks on it.
class Asked : public ::testing::Test {
 protected:
  explicit Asked(const Gate::Setup& setup = open_setup()) : gate(setup) {}
  ~Asked() override {
    if (fd >= 0) ::close(fd);
  }
  void ask(const std::string& question) {
    gate.session();
    gate.upstream.script = [this, question](const ToyUpstream::Seen& got, listener::Reply& reply) {
      if (has(got.body, "tools/call")) {
        reply.begin_stream({200, "text/event-stream", {}});
        reply.write(event(question));
        stream = &reply;
      } else {
        answers.push_back(got.body);
        reply.send({202, {}, {}}, {});
      }
    };
    fd = gate.connect();
    std::string raw = "POST /mcp/refunds HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + gate.token +
                      "\r\nAccept: application/json, text/event-stream\r\nMcp-Session-Id: " + gate.session() +
                      "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(kCall.size()) + "\r\n\r\n" + kCall;
    ASSERT_EQ(::send(fd, raw.data(), raw.size(), 0), static_cast<ssize_t>(raw.size()));
    seen = gate.read_some(fd);
  }
  void end() {
    stream->write(event(kResult));
    stream->finish();
    seen += gate.read_some(fd);
  }
  Gate gate;
  int fd = -1;
  listener::Reply* stream = nullptr;
  std::string seen;
  std::vector<std::string> answers;
};

TEST_F(Asked, AQuestionReachesTheClientAndItsAnswerTheServer) {
  ask(kQuestion);
  EXPECT_TRUE(has(seen, kQuestion)) << seen;
  auto records = gate.records();
  EXPECT_TRUE(std::ranges::any_of(records, [](const auto& record) { return has(record, "server.asked"); }));
  Answer posted = gate.post(kAnswer);
  EXPECT_EQ(posted.status, 202) << posted.body;
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0], kAnswer);
  EXPECT_TRUE(has(gate.last_record(), "elicitation/create")) << gate.last_record();
  end();
  EXPECT_TRUE(has(seen, "done"));
}

// T-11, T-50: answers pass once, and only for what was asked.
TEST_F(Asked, AnAnswerIsTakenOnceAndOnlyWhileTheCallIsOpen) {
  ask(kQuestion);
  EXPECT_EQ(gate.post(R"({"jsonrpc":"2.0","id":"q-2","result":{}})").status, 400);
  EXPECT_EQ(gate.post(kAnswer).status, 202);
  EXPECT_EQ(gate.post(kAnswer).status, 400);
  EXPECT_EQ(answers.size(), 1u);
  stream->write(event(R"({"jsonrpc":"2.0","id":"q-9","method":"elicitation/create",)" + kForm));
  gate.turn(10);
  end();
  EXPECT_EQ(gate.post(R"({"jsonrpc":"2.0","id":"q-9","result":{"action":"accept"}})").status, 400);
  EXPECT_EQ(answers.size(), 1u);
}

// T07: what was asked before a rule closed is not answered behind it.
class AskedInAFlow : public Asked {
 protected:
  AskedInAFlow() : Asked(looking()) {}
  static Gate::Setup looking() {
    Gate::Setup setup;
    setup.policy = kLooking;
    return setup;
  }
  void call_in_between(const std::string& tool) {
    gate.upstream.script = [this](const ToyUpstream::Seen& got, listener::Reply& reply) {
      if (has(got.body, "tools/call"))
        return reply.send({200, "application/json", {}}, R"({"jsonrpc":"2.0","id":8,"result":{"content":[]}})");
      answers.push_back(got.body);
      reply.send({202, {}, {}}, {});
    };
    Answer between = gate.call(tool, "{}", "8");
    EXPECT_TRUE(has(between.body, "\"result\"")) << between.body;
  }
  void expect_refused(const std::string& why) {
    Answer refused = gate.post(kAnswer);
    EXPECT_TRUE(has(refused.body, why)) << refused.status << refused.body;
    gate.turn(10);
    ASSERT_EQ(answers.size(), 1u) << "the server is told, so that its call goes on";
    EXPECT_TRUE(has(answers[0], R"("id":"q-1","error")")) << answers[0];
    EXPECT_EQ(gate.post(kAnswer).status, 400) << "once";
    end();
    EXPECT_TRUE(has(seen, "done")) << seen;
  }
};

TEST_F(AskedInAFlow, AnAnswerIsJudgedByWhatWasSeenMeanwhile) {
  ask(kQuestion);
  ASSERT_TRUE(has(seen, "q-1")) << seen;
  call_in_between("list_charges");
  expect_refused("policy.flow");
  bool told = false;
  for (const std::string& record : gate.records())
    told |= has(record, R"("rule":"/flows/0")") && has(record, R"("method":"elicitation/create")") && has(record, R"("effect":"deny")");
  EXPECT_TRUE(told) << gate.last_record();
}

TEST_F(AskedInAFlow, AnAnswerPassesWhileTheRuleIsOpen) {
  ask(kQuestion);
  call_in_between("get_charge");
  EXPECT_EQ(gate.post(kAnswer).status, 202);
  EXPECT_EQ(answers, std::vector<std::string>{kAnswer});
}

TEST_F(AskedInAFlow, AQuestionTooLargeToBeKeptIsRefused) {
  std::string large = kQuestion;
  large.replace(large.find("Sure?"), 5, std::string(70'000, 'x'));
  ask(large);
  gate.turn(10);
  EXPECT_FALSE(has(seen, "xxxx"));
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_TRUE(has(answers[0], "ask for less at once")) << answers[0];
}

TEST_F(Asked, APolicyThatCameMeanwhileIsAskedToo) {
  ask(kQuestion);
  gate.put_policy(kLooking);
  EXPECT_TRUE(has(gate.post(kAnswer).body, "flows.unavailable"));
  gate.turn(10);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_TRUE(has(answers[0], R"("id":"q-1","error")")) << answers[0];
}

// What a client answers is looked through like what it calls with.
class AskedAndInspected : public Asked {
 protected:
  AskedAndInspected() : Asked(inspecting()) {}
  static Gate::Setup inspecting() {
    Gate::Setup setup;
    setup.policy = kOpen + "inspect: {arguments: {secrets: deny, personal_data: redact}}\n";
    return setup;
  }
};

TEST_F(AskedAndInspected, AServerIsToldThatAnAnswerWasRefused) {
  ask(kQuestion);
  ASSERT_TRUE(has(seen, "q-1")) << seen;
  Answer refused = gate.post(R"({"jsonrpc":"2.0","id":"q-1","result":{"action":"accept","content":{"ok":")" + kKey + "\"}}}");
  EXPECT_TRUE(has(refused.body, "inspection.denied")) << refused.body;
  gate.turn(10);
  ASSERT_EQ(answers.size(), 1u) << "its call must not wait for ever";
  EXPECT_TRUE(has(answers[0], R"("id":"q-1","error")")) << answers[0];
  EXPECT_FALSE(has(answers[0], kKey)) << answers[0];
  end();
  EXPECT_TRUE(has(seen, "done")) << seen;
}

TEST_F(AskedAndInspected, AnAnswerThatIsAnErrorIsLookedThroughToo) {
  const auto answer = [](const std::string& text) {
    return R"({"jsonrpc":"2.0","id":"q-1","error":{"code":-32000,"message":"not for )" + text + "\"}}";
  };
  ask(kQuestion);
  EXPECT_EQ(gate.post(answer("anna.berg@berg-und-sohn.de")).status, 202);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0], answer("[redacted:personal.email]"));
  EXPECT_TRUE(has(gate.last_record(), R"("where":"/error/message")")) << gate.last_record();
  stream->write(event(kQuestion));
  gate.turn(10);
  EXPECT_TRUE(has(gate.post(answer(kKey)).body, "inspection.denied"));
  gate.turn(10);
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_FALSE(has(answers[1], kKey)) << answers[1];
  end();
}

// T-50
TEST_F(Asked, AFormThatAsksForASecretIsRefusedInTheClientsPlace) {
  ask(R"({"jsonrpc":"2.0","id":"q-1","method":"elicitation/create","params":{"message":"Log in","requestedSchema":{"type":"object",)"
      R"("properties":{"apiKey":{"type":"string"}}}}})");
  EXPECT_FALSE(has(seen, "Log in")) << seen;
  gate.turn(10);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_TRUE(has(answers[0], R"("id":"q-1","error")")) << answers[0];
  end();
  EXPECT_TRUE(has(gate.records()[gate.records().size() - 2], "elicitation.secret"));
}

TEST_F(Asked, WhatTheClientDidNotDeclareIsAnsweredAsUnsupported) {
  ask(R"({"jsonrpc":"2.0","id":3,"method":"sampling/createMessage","params":{"messages":[],"maxTokens":5}})");
  EXPECT_FALSE(has(seen, "sampling"));
  gate.turn(10);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_TRUE(has(answers[0], "-32601")) << answers[0];
  end();
}

TEST_F(Asked, APingOfTheServerIsAnsweredHere) {
  ask(R"({"jsonrpc":"2.0","id":44,"method":"ping"})");
  EXPECT_FALSE(has(seen, "ping"));
  gate.turn(10);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0], R"({"jsonrpc":"2.0","id":44,"result":{}})");
  end();
}

class AskedUnderAClosedPolicy : public Asked {
 protected:
  AskedUnderAClosedPolicy() : Asked(Gate::Setup{}) {}
};

TEST_F(AskedUnderAClosedPolicy, NothingIsAskedAndTheServerIsToldSo) {
  ask(kQuestion);
  EXPECT_FALSE(has(seen, "elicitation")) << seen;
  gate.turn(10);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_TRUE(has(answers[0], "error")) << answers[0];
  end();
  ASSERT_FALSE(gate.upstream.seen.empty());
  EXPECT_FALSE(has(gate.upstream.seen.front().body, "elicitation")) << "the server was told of a capability it may not use";
}

// ---- 2026-07-28 -------------------------------------------------------------------------------------------------------

std::string modern_body(const std::string& members, const std::string& capabilities) {
  return R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"get_charge","arguments":{"a":1})" + members +
         R"(,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":)" +
         capabilities + "}}}";
}

Answer modern_call(Gate& gate, const std::string& members, const std::string& token = {},
                   const std::string& capabilities = R"({"elicitation":{}})") {
  return gate.post_raw("/mcp/refunds", modern_body(members, capabilities),
                       "Authorization: Bearer " + (token.empty() ? gate.token : token) +
                           "\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
                           "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: get_charge\r\n");
}

void ask_in_answers(Gate& gate) {
  gate.upstream.script = [](const ToyUpstream::Seen& seen, listener::Reply& reply) {
    if (has(seen.body, "requestState")) return reply.send({200, "application/json", {}}, kResult);
    reply.send({200, "application/json", {}},
               R"({"jsonrpc":"2.0","id":7,"result":{"resultType":"input_required","inputRequests":{"ok":{"method":"elicitation/create",)" +
                   kForm + R"(},"requestState":"their-state"}})");
  };
}

std::string state_in(const std::string& body) {
  std::size_t at = body.find("\"requestState\":\"");
  return at == std::string::npos ? std::string() : body.substr(at + 16, body.find('"', at + 16) - at - 16);
}

TEST(AskedInAnswers, TheServersStateGoesOutSealedAndComesBackPlain) {
  Gate gate(open_setup());
  ask_in_answers(gate);
  Answer first = modern_call(gate, "");
  EXPECT_TRUE(has(first.body, "input_required")) << first.body;
  EXPECT_FALSE(has(first.body, "their-state")) << first.body;
  std::string state = state_in(first.body);
  ASSERT_FALSE(state.empty());
  Answer second = modern_call(gate, R"(,"inputResponses":{"ok":{"action":"accept"}},"requestState":")" + state + "\"");
  EXPECT_TRUE(has(second.body, "done")) << second.body;
  EXPECT_TRUE(has(gate.upstream.seen.back().body, R"("requestState":"their-state")")) << gate.upstream.seen.back().body;
}

// A state of another caller, another call, another time, or of nobody opens nothing.
TEST(AskedInAnswers, AStateIsWorthNothingElsewhere) {
  Gate gate(open_setup());
  ask_in_answers(gate);
  std::string state = state_in(modern_call(gate, "").body);
  std::size_t before = gate.upstream.calls();
  identity::NewGrant other;
  other.label = "other";
  other.principal_id = gate.user.id;
  other.servers = {gate.server.id};
  auto minted = gate.mint(other);
  std::string member = R"(,"requestState":")" + state + "\"";
  EXPECT_TRUE(has(modern_call(gate, member, std::string(minted.token.reveal())).body, "-32602"));
  std::string tampered = state;
  tampered[tampered.size() / 2] = tampered[tampered.size() / 2] == 'A' ? 'B' : 'A';
  EXPECT_TRUE(has(modern_call(gate, R"(,"requestState":")" + tampered + "\"").body, "-32602"));
  EXPECT_TRUE(has(modern_call(gate, R"(,"requestState":"their-state")").body, "-32602"));
  EXPECT_TRUE(has(modern_call(gate, R"(,"extra":1)" + member).body, "-32602"));
  gate.advance(std::chrono::minutes(61));
  EXPECT_TRUE(has(modern_call(gate, member).body, "-32602"));
  EXPECT_EQ(gate.upstream.calls(), before);
}

// A server of the older revisions cannot look into what came with the call: the gate does, and judges the question all the same.
TEST(AskedInAnswers, AnAnswerThatCameWithTheCallIsUsedWhereTheServerCouldNotLook) {
  Gate gate(open_setup());
  (void)gate.catalog->put_tools(gate.server.id, {}, Eras{.legacy = true, .modern = false});
  gate.publish();
  ask_in_answers(gate);
  Answer answer = modern_call(gate, R"(,"inputResponses":{"ok":{"action":"accept"},"more":{"action":"accept"}})");
  EXPECT_TRUE(has(answer.body, "done")) << answer.body;
  EXPECT_EQ(gate.upstream.calls(), 2u);
  EXPECT_TRUE(has(gate.upstream.seen.back().body, R"("requestState":"their-state")")) << gate.upstream.seen.back().body;
  auto records = gate.records();
  EXPECT_EQ(std::ranges::count_if(records, [](const auto& record) { return has(record, "server.asked"); }), 1);
  EXPECT_TRUE(has(modern_call(gate, R"(,"inputResponses":{"other":{}})").body, "input_required")) << "that was not asked";
  EXPECT_TRUE(has(modern_call(gate, R"(,"inputResponses":{"ok":5})").body, "input_required")) << "that is no answer";
  gate.put_policy(
      "version: \"1\"\ndefault: allow\nmethods: {elicitation/create: {deny_if: [{conditions: [{path: args.message, op: eq, value: "
      "\"Sure?\"}]}]}}\n");
  EXPECT_TRUE(has(modern_call(gate, R"(,"inputResponses":{"ok":{"action":"accept"}})").body, "error"));
  EXPECT_EQ(gate.upstream.calls(), 5u) << "refused as if it had been shown";
}

TEST(AskedInAnswers, AQuestionThePolicyDoesNotOpenEndsTheCall) {
  Gate gate;
  ask_in_answers(gate);
  Answer answer = modern_call(gate, "");
  EXPECT_FALSE(has(answer.body, "input_required")) << answer.body;
  EXPECT_TRUE(has(answer.body, "error")) << answer.body;
  EXPECT_FALSE(has(gate.upstream.seen.back().body, "elicitation")) << "the server was told of a capability it may not use";
}

TEST(Elicitation, TakesPlainFormsAndLinksOnly) {
  auto check = [](const std::string& params) {
    json::Document document;
    if (!document.parse(params)) return std::string("json");
    auto outcome = check_elicitation(document.root());
    return outcome ? std::string("ok") : std::string(outcome.error().reason);
  };
  auto form = [](const std::string& properties) {
    return R"({"message":"m","requestedSchema":{"type":"object","properties":{)" + properties + "}}}";
  };
  EXPECT_EQ(check(form(R"("city":{"type":"string"},"when":{"type":"string","format":"date"},"n":{"type":"integer"})")), "ok");
  EXPECT_EQ(check(form(R"("pinned":{"type":"boolean"},"tokenize":{"type":"boolean"})")), "ok");
  for (auto name : {"password", "userPassword", "API_KEY", "api key", "secret", "Card-Number", "otp", "pin"})
    EXPECT_EQ(check(form('"' + std::string(name) + R"(":{"type":"string"})")), "elicitation.secret") << name;
  EXPECT_EQ(check(form(R"("x":{"type":"string","title":"Your password"})")), "elicitation.secret");
  EXPECT_EQ(check(form(R"("x":{"type":"object"})")), "elicitation.schema");
  EXPECT_EQ(check(R"({"message":"m"})"), "elicitation.schema");
  auto link = [&](const std::string& url) { return check(R"({"mode":"url","message":"m","url":")" + url + "\"}"); };
  EXPECT_EQ(link("https://example.com/approve?id=1"), "ok");
  EXPECT_EQ(link("http://localhost:8080/x"), "ok");
  for (auto url :
       {"http://example.com/", "javascript:alert(1)", "https://user@example.com/", "https://", "file:///etc/passwd", "https://a b/"})
    EXPECT_EQ(link(url), "elicitation.url") << url;
  EXPECT_EQ(check(R"({"mode":"voice","message":"m"})"), "elicitation.mode");
}

}  // namespace
}  // namespace callgate::gateway
