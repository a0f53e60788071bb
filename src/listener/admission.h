#pragma once
// What is looked at in a head before its body is read: method, Host and Origin allow-lists (T-64: DNS rebinding), content coding (T-12).

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/http1.h"

namespace callgate::listener {

// Which names this door answers to. Loopback names and the bound address pass with any port (port mappings, tunnels): an address or
// `localhost` in Host cannot be the work of a rebound DNS name. A configured host without a port passes with any.
class AllowedNames {
 public:
  AllowedNames() = default;
  AllowedNames(const std::string& bound_address, std::uint16_t port, std::vector<std::string> hosts, std::vector<std::string> origins);
  bool host(std::string_view value) const;
  // Absent passes before this is asked. `null` never does. Else: configured, or a loopback origin on our own port, or the origin that
  // the (allowed) Host names, so that the console works behind a port mapping; over TLS only as https.
  bool origin(std::string_view value, std::string_view host, bool tls) const;

 private:
  std::vector<std::string> hosts_, origins_, loopback_origins_;
};

// `names` null: the Unix control socket, where file permissions and peer credentials stand in for names.
Result<void> admit_head(const net::Head& head, const AllowedNames* names, bool tls, std::size_t body_bytes_max);

int status_of(const Error& error);

}  // namespace callgate::listener
