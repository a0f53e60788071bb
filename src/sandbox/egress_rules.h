#pragma once
// Which hosts a sandbox may reach: the list as written by the operator, and the judgement over the address a name resolved to. Pure.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/network.h"

namespace callgate::sandbox {

struct EgressEntry {
  std::string host;        // lower case; a name, or an address in its canonical text
  std::uint16_t port = 0;  // 0: any
  bool suffix = false;     // *.host: every name below it, not itself
  bool literal = false;    // host is an address
};

// A name of the list that programs may also connect to directly, without speaking to a proxy: /etc/hosts inside leads to `address`.
struct EgressName {
  std::string host;
  std::string address;  // 127.77.x.y inside the sandbox, or the literal itself
  std::vector<std::uint16_t> ports;
  bool literal = false;
};

class EgressRules {
 public:
  // Errors: InvalidArgument sandbox.network.
  static Result<EgressRules> parse(const std::vector<std::string>& list);
  bool none() const { return !everything_ && entries_.empty(); }
  bool everything() const { return everything_; }  // "*": no proxy, the machine's own network
  bool allows(std::string_view host, std::uint16_t port) const;
  // Link-local and metadata services never; private and loopback only when the list names that very address.
  Result<void> judge(std::string_view host, const IpAddress& address, bool allow_private) const;
  const std::vector<EgressName>& names() const { return names_; }

 private:
  void add_name(const EgressEntry& entry);
  std::vector<EgressEntry> entries_;
  std::vector<EgressName> names_;
  bool everything_ = false;
};

std::string lower_host(std::string_view host);  // lower case, without brackets and a final dot

}  // namespace callgate::sandbox
