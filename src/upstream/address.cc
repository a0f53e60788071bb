#include <algorithm>
#include <array>

#include "upstream/upstream.h"

namespace callgate::upstream {
namespace {

constexpr std::string_view kReason = "upstream.address_refused";

// Where clouds hand out credentials to whoever asks from inside. Some lie in ranges that are otherwise fine to use.
bool metadata_service(const IpAddress& address) {
  static const std::array<IpAddress, 6> kServices = [] {
    std::array<IpAddress, 6> list;
    std::size_t at = 0;
    for (const char* text : {"169.254.169.254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"}) {
      list[at++] = IpAddress::parse(text).value_or(IpAddress{});
    }
    return list;
  }();
  return std::find(kServices.begin(), kServices.end(), address) != kServices.end();
}

IpAddress v4_at(const IpAddress& from, std::size_t at) {
  IpAddress address;
  address.v4 = true;
  address.bytes[10] = address.bytes[11] = 0xff;
  std::copy_n(from.bytes.begin() + static_cast<std::ptrdiff_t>(at), 4, address.bytes.begin() + 12);
  return address;
}

// 6to4, NAT64 and v4-compatible addresses to anything inside: there is no honest reason, whatever allow_private says.
bool transition_to_inside(const IpAddress& address) {
  if (address.v4) return false;
  static const IpRange kSixToFour = *IpRange::parse("2002::/16");
  static const IpRange kNat64 = *IpRange::parse("64:ff9b::/96");
  const bool six_to_four = kSixToFour.contains(address);
  if (!six_to_four && !kNat64.contains(address)) return false;
  return address.loopback() || address.link_local() || address.private_range() || metadata_service(v4_at(address, six_to_four ? 2 : 12));
}

}  // namespace

Result<void> check_address(const IpAddress& address, bool allow_private) {
  if (address.link_local() || metadata_service(address) || transition_to_inside(address)) {
    return fail(Code::Unavailable, kReason,
                "the server's address is link-local or a cloud metadata service, which is never allowed: use another address",
                address.text());
  }
  if (address.special()) {
    return fail(Code::Unavailable, kReason,
                "the server's address is unspecified, multicast or reserved, which is never allowed: use another address", address.text());
  }
  if (!allow_private && (address.loopback() || address.private_range())) {
    return fail(Code::Unavailable, kReason,
                std::string("the server's address is ") + (address.loopback() ? "loopback" : "private") +
                    ": an administrator can allow it with --allow-private",
                address.text());
  }
  return {};
}

}  // namespace callgate::upstream
