#pragma once
// What a sandboxed program asks of the egress proxy: `CONNECT host:port`, or one plain request with an absolute http target. Its bytes
// come from code that nobody trusts, so they are read strictly and rebuilt, never passed on. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace callgate::sandbox {

struct EgressTarget {
  std::string host;  // lower case, without brackets
  std::uint16_t port = 0;
};
// host:port or [v6]:port. `otherwise`: the port when none is written; 0: one must be.
std::optional<EgressTarget> parse_egress_target(std::string_view text, std::uint16_t otherwise);

struct EgressRequest {
  EgressTarget target;
  bool tunnel = false;
  std::string rebuilt;  // plain requests: the head to send on, for one exchange; its body follows as it comes
};
// `head` is everything up to and including the empty line.
std::optional<EgressRequest> parse_egress_request(std::string_view head);

}  // namespace callgate::sandbox
