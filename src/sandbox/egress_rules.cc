#include "sandbox/egress_rules.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace callgate::sandbox {
namespace {

constexpr std::size_t kEntriesMax = 48;  // each may take two listeners

tl::unexpected<Error> refuse(const std::string& entry, const char* why) {
  return fail(Code::InvalidArgument, "sandbox.network",
              "network entry `" + entry + "` " + why + ": write `host`, `host:port`, `*.host` or an address");
}

bool good_name(std::string_view name) {
  if (name.empty() || name.size() > 253 || name.front() == '.' || name.front() == '-') return false;
  if (name.find("..") != std::string_view::npos) return false;
  const bool letters = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
  });
  const auto last = name.substr(name.rfind('.') == std::string_view::npos ? 0 : name.rfind('.') + 1);
  return letters && !std::all_of(last.begin(), last.end(), [](char c) { return c >= '0' && c <= '9'; });  // 010.1 is no name
}

// Where clouds hand out credentials to whoever asks from inside; some lie in ranges that are otherwise fine to use.
bool metadata_service(const IpAddress& address) {
  for (const char* text : {"169.254.169.254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"}) {
    if (const auto known = IpAddress::parse(text); known && *known == address) return true;
  }
  return false;
}

// 6to4, NAT64 and Teredo carry an IPv4 address that nobody looked at.
bool transition(const IpAddress& address) {
  static const std::array kRanges{*IpRange::parse("2002::/16"), *IpRange::parse("64:ff9b::/96"), *IpRange::parse("64:ff9b:1::/48"),
                                  *IpRange::parse("2001::/32"), *IpRange::parse("::/96")};
  return !address.v4 && std::any_of(kRanges.begin(), kRanges.end(), [&](const IpRange& range) { return range.contains(address); });
}

Result<EgressEntry> parse_entry(const std::string& text) {
  EgressEntry entry;
  std::string_view rest = text;
  if (rest.starts_with("*.")) {
    entry.suffix = true;
    rest.remove_prefix(2);
  }
  std::string_view port;
  if (const auto colon = rest.rfind(':');
      colon != std::string_view::npos && (rest.front() == '[' ? rest[colon - 1] == ']' : rest.find(':') == colon)) {
    port = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), entry.port);
    if (error != std::errc() || end != port.data() + port.size() || entry.port == 0)
      return refuse(text, "has a port that is no number from 1 to 65535");
  }
  entry.host = lower_host(rest);
  if (const auto address = IpAddress::parse(entry.host)) {
    if (entry.suffix) return refuse(text, "puts `*.` before an address");
    entry.literal = true;
    entry.host = address->text();
  } else if (!good_name(entry.host)) {
    return refuse(text, "is no host name and no address");
  }
  if (entry.suffix && entry.host.find('.') == std::string::npos) return refuse(text, "covers a whole top-level domain");
  return entry;
}

}  // namespace

std::string lower_host(std::string_view host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (!host.empty() && host.back() == '.') host.remove_suffix(1);
  std::string out(host);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

Result<EgressRules> EgressRules::parse(const std::vector<std::string>& list) {
  EgressRules rules;
  if (list.size() > kEntriesMax) {
    return fail(Code::InvalidArgument, "sandbox.network",
                "the network list has more than " + std::to_string(kEntriesMax) + " entries: use `*.host` to cover several");
  }
  for (const std::string& text : list) {
    if (text == "*") {
      if (list.size() > 1) return refuse(text, "stands beside others");
      rules.everything_ = true;
      return rules;
    }
    CG_TRY(EgressEntry entry, parse_entry(text));
    rules.add_name(entry);
    rules.entries_.push_back(std::move(entry));
  }
  return rules;
}

void EgressRules::add_name(const EgressEntry& entry) {
  if (entry.suffix || (entry.literal && entry.host.find(':') != std::string::npos)) return;  // only through the proxy
  if (entry.literal && entry.host.starts_with("127.")) return;                               // would be the sandbox's own
  auto at = std::find_if(names_.begin(), names_.end(), [&](const EgressName& name) { return name.host == entry.host; });
  if (at == names_.end()) {
    EgressName name;
    name.host = entry.host;
    name.literal = entry.literal;
    name.address = entry.literal ? entry.host : "127.77.0." + std::to_string(names_.size() + 1);
    at = names_.insert(names_.end(), std::move(name));
  }
  for (const std::uint16_t port : entry.port != 0 ? std::vector<std::uint16_t>{entry.port} : std::vector<std::uint16_t>{443, 80}) {
    if (std::find(at->ports.begin(), at->ports.end(), port) == at->ports.end()) at->ports.push_back(port);
  }
}

bool EgressRules::allows(std::string_view host, std::uint16_t port) const {
  std::string name = lower_host(host);
  const auto address = IpAddress::parse(name);
  if (address) name = address->text();
  return std::any_of(entries_.begin(), entries_.end(), [&](const EgressEntry& entry) {
    if (entry.port != 0 && entry.port != port) return false;
    if (!entry.suffix) return entry.host == name;
    return !address && name.size() > entry.host.size() + 1 && name.ends_with(entry.host) &&
           name[name.size() - entry.host.size() - 1] == '.';
  });
}

Result<void> EgressRules::judge(std::string_view host, const IpAddress& address, bool allow_private) const {
  const auto no = [&](const char* what) {
    return fail(Code::Denied, "sandbox.egress", "`" + lower_host(host) + "` leads to " + what, address.text());
  };
  if (address.link_local() || metadata_service(address))
    return no("a link-local address or a cloud's metadata service, which is never allowed");
  if (address.special() || transition(address)) {
    if (!address.loopback()) return no("a reserved address, which is never allowed");
  }
  const std::string text = address.text();
  const auto asked = IpAddress::parse(lower_host(host));  // a name never borrows what an address was allowed
  const bool named = asked && *asked == address && std::any_of(entries_.begin(), entries_.end(), [&](const EgressEntry& entry) {
                       return entry.literal && entry.host == text;
                     });
  if (!named && !allow_private && (address.loopback() || address.private_range())) {
    return no("a private or loopback address: list the address itself to allow it");
  }
  return {};
}

}  // namespace callgate::sandbox
