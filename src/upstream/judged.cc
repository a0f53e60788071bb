#include "upstream/judged.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>

#include "upstream/resolver.h"
#include "upstream/upstream.h"

namespace callgate::upstream {
namespace {

std::optional<IpAddress> address_of(const sockaddr* from) {
  char text[INET6_ADDRSTRLEN] = {};
  const void* raw = from->sa_family == AF_INET ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(from)->sin_addr)
                                               : static_cast<const void*>(&reinterpret_cast<const sockaddr_in6*>(from)->sin6_addr);
  if ((from->sa_family != AF_INET && from->sa_family != AF_INET6) || ::inet_ntop(from->sa_family, raw, text, sizeof text) == nullptr)
    return std::nullopt;
  return IpAddress::parse(text);
}

}  // namespace

Result<std::vector<IpAddress>> judge_own_host(const std::string& host) {
  Addresses addresses;
  if (auto literal = IpAddress::parse(host)) addresses = {*literal};
  else {
    CG_TRY(addresses, look_up(host));
  }
  for (const IpAddress& address : addresses)
    if (!check_address(address, true))
      return fail(Code::Unavailable, "notice.address", "the host `" + host + "` leads to an address that is never used");
  return addresses;
}

std::string resolve_line(const std::string& host, std::uint16_t port, const std::vector<IpAddress>& judged) {
  std::string line = (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port) + ":";
  for (std::size_t i = 0; i < judged.size(); ++i)
    line += (i == 0 ? "" : ",") + (judged[i].v4 ? judged[i].text() : "[" + judged[i].text() + "]");
  return line;
}

int open_judged(const std::vector<IpAddress>& judged, const sockaddr* to, int type, int protocol) {
  const auto address = address_of(to);
  if (!address || std::find(judged.begin(), judged.end(), *address) == judged.end()) return -1;
  return ::socket(to->sa_family, type | SOCK_CLOEXEC, protocol);
}

}  // namespace callgate::upstream
