#pragma once
// Keeps libcurl to the addresses that were judged (T-65), whatever it was told or thinks it knows. Inner header of upstream/.

#include <string>
#include <vector>

#include "base/result.h"
#include "model/network.h"

struct sockaddr;

namespace callgate::upstream {

// The addresses of a host the operator named for messages of the gate's own: private ones are fine, link-local ones and metadata services
// are not. Blocking. Unavailable upstream.resolve, notice.address.
Result<std::vector<IpAddress>> judge_own_host(const std::string& host);

// For CURLOPT_RESOLVE: host:port:address,address
std::string resolve_line(const std::string& host, std::uint16_t port, const std::vector<IpAddress>& judged);

// For CURLOPT_OPENSOCKETFUNCTION: a socket, or -1 when the address is none of `judged`.
int open_judged(const std::vector<IpAddress>& judged, const sockaddr* to, int type, int protocol);

}  // namespace callgate::upstream
