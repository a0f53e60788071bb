// Names: looked up once, off the loop; and every address judged before it is connected to.

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>

#include "upstream/testing/upstream_fixture.h"
#include "upstream/upstream.h"

namespace callgate::upstream {
namespace {

using namespace std::chrono_literals;
using UpstreamTest = UpstreamFixture;

class Names {  // a DNS that the test holds in its hand
 public:
  Upstreams::Options options() {
    Upstreams::Options options;
    options.look_up = [this](const std::string& host) -> Result<std::vector<IpAddress>> {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return !held_; });
      ++asked;
      last = host;
      std::vector<IpAddress> list;
      for (const std::string& text : answer) list.push_back(*IpAddress::parse(text));
      if (list.empty()) return fail(Code::Unavailable, "upstream.resolve", "no such name");
      return list;
    };
    return options;
  }
  void hold(bool held) {
    const std::lock_guard lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }
  std::vector<std::string> answer;
  std::atomic<int> asked{0};
  std::string last;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
};

class UpstreamNames : public UpstreamFixture {
 public:
  void SetUp() override {
    UpstreamFixture::SetUp();
    server.url.host = "refunds.example";
    options = names.options();
    make();
  }
  void TearDown() override {
    names.hold(false);
    UpstreamFixture::TearDown();
  }
  Names names;
};

TEST_F(UpstreamNames, ResolvesOnceForABurstAndTriesEachAddress) {
  names.answer = {"127.0.0.2", "127.0.0.1"};  // nothing listens on the first
  RecordingSink sinks[5];
  names.hold(true);
  for (auto& sink : sinks) send(sink);
  turn();
  EXPECT_EQ(names.asked, 0);
  names.hold(false);
  for (auto& sink : sinks) {
    ASSERT_TRUE(finish(sink));
    EXPECT_EQ(sink.ends, 1) << sink.detail;
  }
  EXPECT_EQ(names.asked, 1);
  EXPECT_EQ(names.last, "refunds.example");
  EXPECT_NE(peer().in.find("Host: refunds.example:" + std::to_string(web->port) + "\r\n"), std::string::npos);
}

TEST_F(UpstreamNames, SaysWhenANameIsUnknown) {
  RecordingSink sink;
  send(sink);
  ASSERT_TRUE(finish(sink));
  EXPECT_EQ(sink.reason, "upstream.resolve");
  EXPECT_FALSE(sink.sent);
}

TEST_F(UpstreamNames, GivesUpOnASlowNameInTime) {
  names.hold(true);
  RecordingSink a, b;
  send(a);
  advance(6s);
  EXPECT_EQ(a.reason, "upstream.connect_timeout");
  EXPECT_FALSE(a.sent);
  EXPECT_EQ(upstreams->stats().open, 0U);
  send(b).cancel();
  b.cancelled();
  names.answer = {"127.0.0.1"};
  names.hold(false);
  run_until([&] { return names.asked == 1; });
  turn();
  EXPECT_TRUE(web->peers.empty());
}

TEST_F(UpstreamNames, SurvivesItsOwnEndWhileANameIsLookedUp) {
  names.hold(true);
  RecordingSink sink;
  send(sink);
  turn();
  sink.cancelled();
  upstreams.reset();
  names.answer = {"127.0.0.1"};
  names.hold(false);
  run_until([&] { return names.asked == 1; });
  turn();
}

TEST_F(UpstreamNames, SurvivesItsOwnEndBetweenAnAnswerAndItsDelivery) {
  names.answer = {"127.0.0.1"};
  RecordingSink sink;
  send(sink);
  std::promise<void> answered;  // the one thread of the offload has posted the answer when it comes to this
  ASSERT_TRUE(offload.run([&] { answered.set_value(); }));
  answered.get_future().wait();
  sink.cancelled();
  upstreams.reset();
  turn();
  EXPECT_TRUE(web->peers.empty());
}

// T-65
TEST_F(UpstreamNames, ConnectsOnlyToAJudgedAddress) {
  struct Case {
    std::vector<std::string> answer;
    bool allow_private;
    bool refused;
  };
  const Case cases[] = {
      {{"127.0.0.1"}, false, true},
      {{"10.0.0.1"}, false, true},
      {{"8.8.8.8", "10.0.0.1"}, false, true},
      {{"::1"}, false, true},
      {{"::ffff:127.0.0.1"}, false, true},
      {{"169.254.169.254"}, true, true},
      {{"127.0.0.1", "169.254.169.254"}, true, true},
      {{"0.0.0.0"}, true, true},
      {{"fd00:ec2::254"}, true, true},
      {{"127.0.0.1"}, true, false},
  };
  for (const Case& c : cases) {
    upstreams->drop_idle();
    web->peers.clear();
    names.answer = c.answer;
    server.allow_private = c.allow_private;
    ++server.version;
    RecordingSink sink;
    send(sink);
    ASSERT_TRUE(finish(sink));
    EXPECT_EQ(sink.reason, c.refused ? "upstream.address_refused" : "") << c.answer[0];
    EXPECT_FALSE(sink.sent);
    EXPECT_EQ(web->peers.empty(), c.refused) << c.answer[0];
    for (const auto& address : c.answer) EXPECT_EQ(sink.message.find(address), std::string::npos) << "addresses are for the log";
  }
}

// T-65
TEST_F(UpstreamNames, IsNotMovedByANameThatChangesItsMind) {
  names.answer = {"127.0.0.1"};
  reply = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
  RecordingSink a, b, c;
  send(a);
  ASSERT_TRUE(finish(a));
  names.answer = {"169.254.169.254"};
  send(b);
  ASSERT_TRUE(finish(b));
  EXPECT_EQ(b.ends, 1) << "the judged address is kept";
  EXPECT_EQ(names.asked, 1);
  clock.advance(31s);
  turn();
  send(c);
  ASSERT_TRUE(finish(c));
  EXPECT_EQ(names.asked, 2);
  EXPECT_EQ(c.reason, "upstream.address_refused");
}

// T-65
TEST_F(UpstreamTest, JudgesLiteralAddressesToo) {
  for (const char* url : {"http://127.0.0.1/", "http://10.1.2.3/", "http://[::1]/", "http://[fe80::1]/", "http://169.254.169.254/",
                          "http://0.0.0.0/", "http://[::ffff:169.254.169.254]/", "http://[64:ff9b::a9fe:a9fe]/", "http://224.0.0.1/"}) {
    server.url = *Url::parse(url);
    server.allow_private = false;
    ++server.version;
    RecordingSink sink;
    send(sink);
    EXPECT_FALSE(sink.over());
    ASSERT_TRUE(finish(sink));
    EXPECT_EQ(sink.reason, "upstream.address_refused") << url;
  }
  EXPECT_EQ(upstreams->stats().connects, 0U);
}

// T-65
TEST(CheckAddress, KnowsWhatIsNeverAllowed) {
  const auto allowed = [](const char* text, bool allow_private) {
    return check_address(*IpAddress::parse(text), allow_private).has_value();
  };
  for (const char* text : {"8.8.8.8", "2606:4700::1111", "64:ff9b::8.8.8.8", "2002:808:808::1"}) {
    EXPECT_TRUE(allowed(text, false)) << text;
    EXPECT_TRUE(allowed(text, true)) << text;
  }
  for (const char* text : {"127.0.0.1", "::1", "10.0.0.1", "172.31.0.1", "192.168.1.1", "100.64.0.1", "fd12::1"}) {
    EXPECT_FALSE(allowed(text, false)) << text;
    EXPECT_TRUE(allowed(text, true)) << text;
  }
  for (const char* text : {"169.254.169.254",
                           "169.254.0.1",
                           "fe80::1",
                           "fd00:ec2::254",
                           "fd20:ce::254",
                           "100.100.100.200",
                           "168.63.129.16",
                           "192.0.0.192",
                           "0.0.0.0",
                           "0.1.2.3",
                           "::",
                           "224.0.0.1",
                           "255.255.255.255",
                           "240.0.0.1",
                           "ff02::1",
                           "192.0.2.1",
                           "2001:db8::1",
                           "64:ff9b::127.0.0.1",
                           "64:ff9b::169.254.169.254",
                           "64:ff9b::168.63.129.16",
                           "2002:7f00:1::",
                           "2002:a00:1::",
                           "2002:a83f:8110::",
                           "::127.0.0.1",
                           "::10.0.0.1"}) {
    EXPECT_FALSE(allowed(text, false)) << text;
    EXPECT_FALSE(allowed(text, true)) << text;
  }
}

}  // namespace
}  // namespace callgate::upstream
