#pragma once
// The MCP half of a probe: stages, handshakes of both eras, the list of tools. What the server wrote is never followed or used as a name
// of anything; texts of its own appear quoted, cut and cleaned. Base of the probes of upstream/ and stdio/.

#include <initializer_list>
#include <set>
#include <string>
#include <string_view>

#include "upstream/probe.h"
#include "upstream/probe_session.h"

namespace callgate::upstream {

// A text of the server's inside one of ours: printable ASCII, short.
std::string quoted(std::string_view text);

class ProbeTalk {
 public:
  ProbeTalk(const Server& server, std::initializer_list<const char*> stages);
  virtual ~ProbeTalk() = default;

 protected:
  Stage& stage(std::string_view name);
  bool pass(std::string_view name, std::string what, std::int64_t took_ms = 0);
  bool fail_at(std::string_view name, std::string why, std::string fix);
  // A server that is not stored yet is added, one that is is edited.
  std::string command(std::string_view option) const;
  static std::int64_t since(MonoTime start);

  Result<void> discover(ProbeSession& session, ProbeAnswer& answer);  // with little patience: older servers may not answer at all
  bool modern_hello(const ProbeAnswer& answer);
  bool legacy_hello(ProbeSession& session);
  void also_legacy(ProbeSession& session);  // finds out, and says nothing when not; the session is the caller's to end
  bool list_tools(ProbeSession& session);
  void list_parts(ProbeSession& session);  // a list that cannot be had is left out: the server serves its tools all the same
  bool list_part(ProbeSession& session, PartKind kind);
  void take_hello(const json::Value& result);
  bool take_page(const json::Value& result);
  bool take_tool(const json::Value& entry);

  virtual bool transport_failed(const Error& error) = 0;  // records the failed stage; false
  virtual bool refused_by_auth(const ProbeAnswer&) { return false; }
  virtual std::string check_endpoint() const = 0;  // what to do when there is no MCP answer

  const Server& server_;
  ProbeReport report_;
  std::set<std::string, std::less<>> names_;
  bool offers_tools_ = true, offers_prompts_ = false, offers_resources_ = false;
  int hello_status_ = 0;      // HTTP status of an initialize that had no MCP answer
  bool only_modern_ = false;  // the server said which revisions it speaks, and no older one is among them
};

}  // namespace callgate::upstream
