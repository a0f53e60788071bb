#pragma once
// The proof that every room said yes. upstream/ sends nothing else; only gateway/clearance.cc can make one.

#include <string_view>

namespace callgate {

// On whose behalf a call is sent: what a transport needs that is not in the bytes. Views as long-lived as the call.
struct CallContext {
  bool modern = false;            // the era of the bytes: 2026-07-28 and later, or a stateful revision
  std::string_view principal_id;  // sessions towards a server are never shared between principals
  std::string_view grant_id;
  std::string_view session;   // legacy: the session as the transport named it on initialize; empty before, and where it keeps none
  std::string_view revision;  // legacy: as negotiated; empty before
  std::string_view remote;    // the caller's address as records show it
  std::string_view reason;    // why the caller says it calls; empty when it says nothing in a header
};

class ClearedCall {
 public:
  ClearedCall(ClearedCall&&) noexcept = default;
  ClearedCall& operator=(ClearedCall&&) noexcept = default;
  ClearedCall(const ClearedCall&) = delete;
  ClearedCall& operator=(const ClearedCall&) = delete;
  std::string_view method() const { return method_; }  // HTTP method: POST, GET, DELETE
  std::string_view head() const { return head_; }      // our own header lines, each with CRLF; no Host, no framing, no credentials
  std::string_view body() const { return body_; }      // canonical bytes; empty for GET and DELETE
  const CallContext& context() const { return context_; }

  // The same clearance in the words of another revision, for a transport that translates. What it says must follow from this call:
  // its handshake, its own bytes in the other era, or the client's judged answer to what the server asked during it.
  ClearedCall reworded(std::string_view method, std::string_view head, std::string_view body, const CallContext& context) const {
    return {method, head, body, context};
  }

 private:
  friend class Clearance;
  ClearedCall(std::string_view method, std::string_view head, std::string_view body, const CallContext& context)
      : method_(method), head_(head), body_(body), context_(context) {}
  std::string_view method_, head_, body_;
  CallContext context_;
};

}  // namespace callgate
