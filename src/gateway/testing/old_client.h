#pragma once
// A client of HTTP+SSE (2024-11-05) for tests: one stream, and POSTs on connections of their own.

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "gateway/testing/gate.h"

namespace callgate::gateway::testing {

inline const std::string kInitialize =
    R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2024-11-05","capabilities":{"elicitation":{}},"clientInfo":{"name":"old","version":"1"}}})";
inline const std::string kInitialized = R"({"jsonrpc":"2.0","method":"notifications/initialized"})";

class OldClient {
 public:
  explicit OldClient(Gate& gate, std::string token = {}) : gate_(gate), token_(token.empty() ? gate.token : std::move(token)) {
    stream_ = gate_.connect();
    const std::string head =
        "GET /sse/refunds HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + token_ + "\r\nAccept: text/event-stream\r\n\r\n";
    ::send(stream_, head.data(), head.size(), MSG_NOSIGNAL);
    const std::string opened = read();
    const std::size_t at = opened.find("data: ");
    if (at != std::string::npos) address = opened.substr(at + 6, opened.find('\n', at) - at - 6);
    head_ = opened;
  }
  ~OldClient() { leave(); }
  void leave() {
    if (stream_ >= 0) ::close(std::exchange(stream_, -1));
    gate_.turn(5);
  }
  std::string read(int turns = 20) { return gate_.read_some(stream_, turns); }
  Answer post(const std::string& body, const std::string& extra = {}) {
    return gate_.post_raw(address, body, "Authorization: Bearer " + token_ + "\r\nContent-Type: application/json\r\n" + extra);
  }
  std::string open() {
    EXPECT_EQ(post(kInitialize).status, 202);
    const std::string hello = read();
    EXPECT_NE(hello.find(R"("id":0,"result":{"protocolVersion")"), std::string::npos) << hello;
    EXPECT_EQ(post(kInitialized).status, 202);
    read();  // the session's own stream is open behind it
    return hello;
  }
  // Opens a session, and keeps what the server would say unasked: its side of the session's own stream.
  void open_keeping(listener::Reply*& kept) {
    EXPECT_EQ(post(kInitialize).status, 202);
    read();
    gate_.upstream.script = [&kept](const ToyUpstream::Seen& seen, listener::Reply& reply) {
      if (seen.method != "GET") return reply.send({202, {}, {}}, {});
      reply.begin_stream({200, "text/event-stream", {}});
      kept = &reply;
    };
    EXPECT_EQ(post(kInitialized).status, 202);
    gate_.turn(20);
  }
  bool ended() {
    char byte = 0;
    gate_.turn(3);
    return ::recv(stream_, &byte, 1, MSG_DONTWAIT) == 0;
  }
  int stream() const { return stream_; }
  const std::string& head() const { return head_; }
  std::string address;

 private:
  Gate& gate_;
  std::string token_, head_;
  int stream_ = -1;
};

}  // namespace callgate::gateway::testing
