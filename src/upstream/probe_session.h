#pragma once
// The probe's side of MCP: one request, one answer, in either era, over JSON or an event stream. Inner header of upstream/.

#include <chrono>
#include <string>
#include <string_view>

#include "json/document.h"
#include "upstream/probe_http.h"

namespace callgate::upstream {

inline constexpr std::string_view kModern = "2026-07-28";
inline constexpr std::string_view kLegacy = "2025-11-25";

// What came back for one JSON-RPC request. `error` and `result` are handles into `document`.
struct ProbeAnswer {
  int status = 0;
  std::string content_type, session_id, location;
  bool json = false;    // a JSON-RPC answer to our request was there
  std::string problem;  // when not: why, in words
  json::Document document;
  json::Value result() const { return document.root()["result"]; }
  json::Value error() const { return document.root()["error"]; }
  std::string_view error_code() const { return error()["code"].number(); }
};

class ProbeSession {
 public:
  ProbeSession(const Server& server, ProbeLine& client, MonoTime deadline)
      : patience(server.call_timeout), server_(server), client_(client), deadline_(deadline) {}

  std::string era{kModern};            // sent with each request
  std::string session_id;              // legacy only
  bool names_methods = false;          // say Mcp-Method in older requests too: to a server known to want it
  std::chrono::milliseconds patience;  // for one answer

  // `params` holds the members of params without braces, without _meta; may be empty.
  Result<void> ask(std::string_view method, std::string_view params, ProbeAnswer& answer);
  Result<int> notify(std::string_view method);
  void end();  // deletes the session; the outcome does not matter

 private:
  bool modern() const { return era >= kModern; }
  std::chrono::milliseconds time_left() const;
  ProbeRequest request_for(std::string_view method) const;
  void read(const ProbeReply& reply, std::string_view id, ProbeAnswer& answer) const;
  const Server& server_;
  ProbeLine& client_;
  MonoTime deadline_;
  int next_id_ = 1;
};

}  // namespace callgate::upstream
