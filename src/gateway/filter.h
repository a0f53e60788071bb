#pragma once
// What a caller may see, asked alike for listing and calling (D-04, T-40), and the few rewrites of messages the gate makes.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/catalog.h"
#include "identity/identity.h"
#include "json/document.h"
#include "policy/policy.h"
#include "session/revision.h"

namespace callgate::gateway {

struct Visibility {
  const identity::GrantEntry* caller = nullptr;
  const catalog::ServerEntry* server = nullptr;
  const policy::Policy* policy = nullptr;  // null: everything is denied
};

// Hidden by policy or outside the caller's role: not listed, and called it is answered as unknown.
bool visible(const Visibility& who, std::string_view tool);
// Of the client's own headers only mirrored parameters go on, and of those what was judged with the arguments: the ones the tool's schema
// names, each with its own argument's value; of a tool nobody has seen, the ones that repeat an argument under its own name. The name of
// any other could carry what no rule and no inspection has looked at (T-66). Those are dropped: servers do not read them.
bool goes_on(const net::Header& header, const session::Message& message, const catalog::ServerEntry& server);
// True when the catalog knows which of the server's tools may be used and this one is not among them (T-20).
bool unknown_to_catalog(const catalog::ServerEntry& server, std::optional<std::size_t> place);

// The refusal of a tool that unknown_to_catalog() turns away, or that is in doubt. New tools are as unknown as any; one that was approved
// and changed is known to its callers, so they are told (T-47).
Error unknown_tool(const catalog::ServerEntry& server, std::string_view tool);

struct FilterResult {
  std::uint32_t hidden = 0;
  bool catalog_outdated = false;     // the upstream lists a tool the catalog has not seen, or not like this
  std::vector<std::string> changed;  // approved tools among them
};
// Appends the answer to tools/list without what the caller must not see, and without what is not as it was approved. A modern list becomes
// cacheScope private: it is the caller's own.
FilterResult append_filtered_list(std::string& out, json::Value answer, const Visibility& who, session::Era era);

// What a list of prompts or resource templates, or the instructions of a handshake, may show of a server: only what was approved (T-47).
// Nothing: the answer passes as it is.
struct PartsResult {
  std::optional<std::string> answer;
  FilterResult found;
};
PartsResult approved_parts(json::Value answer, std::string_view method, const catalog::ServerEntry& server);
// The refusal of prompts/get, or nothing.
std::optional<Error> unapproved_prompt(const catalog::ServerEntry& server, std::string_view prompt);
// How doubts name a prompt: no tool has a name with a line feed.
std::string doubt_about_prompt(std::string_view prompt);

// Appends the answer to server/discover with the revisions this gate serves instead of the server's own; it is the caller's own too.
void append_discover(std::string& out, json::Value answer);

// One fingerprint of the tools a caller sees at a server: another one means that his list has changed.
Digest seen_tools(const Visibility& who);

// Appends the answer to initialize with tools.listChanged declared: this gate raises it when a policy changes what a caller sees.
void append_initialized(std::string& out, json::Value answer);

// Appends the initialize request without the client capabilities the server may not use here: those the policy does not open, and tasks.
void append_initialize(std::string& out, json::Value request, const Visibility& who);

}  // namespace callgate::gateway
