#pragma once
// The proof that every room said yes. upstream/ sends nothing else; only gateway/clearance.cc can make one.

#include <string_view>

namespace callgate {

class ClearedCall {
 public:
  ClearedCall(ClearedCall&&) noexcept = default;
  ClearedCall& operator=(ClearedCall&&) noexcept = default;
  ClearedCall(const ClearedCall&) = delete;
  ClearedCall& operator=(const ClearedCall&) = delete;
  std::string_view method() const { return method_; }  // HTTP method: POST, GET, DELETE
  std::string_view head() const { return head_; }      // our own header lines, each with CRLF; no Host, no framing, no credentials
  std::string_view body() const { return body_; }      // canonical bytes; empty for GET and DELETE

 private:
  friend class Clearance;
  ClearedCall(std::string_view method, std::string_view head, std::string_view body) : method_(method), head_(head), body_(body) {}
  std::string_view method_, head_, body_;
};

}  // namespace callgate
