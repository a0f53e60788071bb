#pragma once
// A sink that writes down what it was told, and checks that it is told things in order and never after the end.

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "upstream/upstream.h"

namespace callgate {

// Tests may send what no room has cleared; the product has one Clearance, in gateway/.
class Clearance {
 public:
  static ClearedCall make(std::string_view method, std::string_view head, std::string_view body, const CallContext& context = {}) {
    return {method, head, body, context};
  }
};

namespace upstream {

class RecordingSink final : public ResponseSink {
 public:
  int heads = 0, ends = 0, errors = 0, status = 0;
  std::string body, content_type, location, session, reason, message, detail;
  Code code = Code::Internal;
  bool sent = false, recorded = false;
  std::size_t pieces = 0;
  std::function<void()> after_head, after_body, after_end, after_error;

  bool over() const { return ends + errors > 0; }
  void cancelled() { quiet_ = true; }  // nothing may come from now on

  void on_head(const net::Head& head) override {
    check();
    ++heads;
    status = head.status;
    content_type = head.header("content-type");
    location = head.header("location");
    session = head.header("mcp-session-id");
    recorded = !head.header("callgate-recorded").empty();
    if (after_head) after_head();
  }
  void on_body(std::string_view piece) override {
    check();
    EXPECT_EQ(heads, 1);
    EXPECT_FALSE(piece.empty());
    ++pieces;
    body += piece;
    if (after_body) after_body();
  }
  void on_end() override {
    check();
    EXPECT_EQ(heads, 1);
    ++ends;
    if (after_end) after_end();
  }
  void on_error(const Error& error, bool was_sent) override {
    check();
    ++errors;
    code = error.code;
    reason = error.reason;
    message = error.message;
    detail = error.detail;
    sent = was_sent;
    if (after_error) after_error();
  }

 private:
  void check() {
    EXPECT_FALSE(quiet_) << "called after cancel()";
    EXPECT_EQ(ends + errors, 0) << "called after the end";
  }
  bool quiet_ = false;
};

}  // namespace upstream
}  // namespace callgate
