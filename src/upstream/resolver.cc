#include "upstream/resolver.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <mutex>

namespace callgate::upstream {
namespace {

constexpr std::chrono::seconds kKeepFor{30};
constexpr std::size_t kAddressesMax = 16;  // of one answer; a longer one is refused, not cut: every address must be judged

IpAddress from_sockaddr(const sockaddr* from) {
  IpAddress address;
  if (from->sa_family == AF_INET) {
    address.v4 = true;
    address.bytes[10] = address.bytes[11] = 0xff;
    std::memcpy(address.bytes.data() + 12, &reinterpret_cast<const sockaddr_in*>(from)->sin_addr, 4);
    return address;
  }
  std::memcpy(address.bytes.data(), &reinterpret_cast<const sockaddr_in6*>(from)->sin6_addr, 16);
  // Through text, so that ::ffff:a.b.c.d is folded in one place only.
  return IpAddress::parse(address.text()).value_or(address);
}

}  // namespace

Result<Addresses> look_up(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
  if (error != 0) {
    return fail(Code::Unavailable, "upstream.resolve", "the server's name is not known to DNS: check the spelling of its URL",
                ::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
  Addresses addresses;
  for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
    if (at->ai_family != AF_INET && at->ai_family != AF_INET6) continue;
    const IpAddress address = from_sockaddr(at->ai_addr);
    if (std::find(addresses.begin(), addresses.end(), address) == addresses.end()) addresses.push_back(address);
  }
  if (addresses.empty() || addresses.size() > kAddressesMax) {
    return fail(Code::Unavailable, "upstream.resolve", "DNS gave no usable answer for the server's name: check its records",
                std::to_string(addresses.size()) + " addresses");
  }
  return addresses;
}

// Outlives the resolver while a lookup is under way.
struct Resolver::Mailbox {
  std::mutex mutex;
  net::Loop* loop = nullptr;     // guarded by mutex; null when the resolver is gone
  Resolver* resolver = nullptr;  // used on the loop only
};

Resolver::Resolver(net::Loop& loop, net::Offload& offload, Lookup lookup)
    : loop_(loop), offload_(offload), lookup_(lookup ? std::move(lookup) : Lookup(&look_up)), mailbox_(std::make_shared<Mailbox>()) {
  mailbox_->loop = &loop;
  mailbox_->resolver = this;
}

Resolver::~Resolver() {
  const std::lock_guard lock(mailbox_->mutex);
  mailbox_->loop = nullptr;
  mailbox_->resolver = nullptr;
}

const Addresses* Resolver::cached(const std::string& host) const {
  const auto found = cache_.find(host);
  return found == cache_.end() || found->second.until <= loop_.now() ? nullptr : &found->second.addresses;
}

Result<void> Resolver::resolve(const std::string& host, Waiter& waiter) {
  auto& waiters = waiting_[host];
  waiters.push_back(&waiter);
  if (waiters.size() > 1) return {};
  const bool queued = offload_.run([host, lookup = lookup_, mailbox = mailbox_] {
    Result<Addresses> addresses = lookup(host);
    const std::lock_guard lock(mailbox->mutex);
    if (mailbox->loop == nullptr) return;
    mailbox->loop->post([host, addresses = std::move(addresses), mailbox] {
      if (mailbox->resolver != nullptr) mailbox->resolver->answer(host, addresses);
    });
  });
  if (queued) return {};
  waiting_.erase(host);
  return fail(Code::Unavailable, "upstream.resolve", "too many names are being looked up: try again in a moment", "offload queue is full");
}

void Resolver::forget(const std::string& host, Waiter& waiter) {
  const auto found = waiting_.find(host);
  // The entry stays while the question is out, or a second one would be asked beside it.
  if (found != waiting_.end()) std::replace(found->second.begin(), found->second.end(), &waiter, static_cast<Waiter*>(nullptr));
}

void Resolver::prefer(const std::string& host, const IpAddress& address) {
  const auto found = cache_.find(host);
  if (found == cache_.end()) return;
  const auto at = std::find(found->second.addresses.begin(), found->second.addresses.end(), address);
  if (at != found->second.addresses.end()) std::rotate(found->second.addresses.begin(), at, at + 1);
}

void Resolver::answer(const std::string& host, const Result<Addresses>& addresses) {
  if (addresses) cache_[host] = Kept{*addresses, loop_.now() + kKeepFor};
  const auto found = waiting_.find(host);
  if (found == waiting_.end()) return;
  auto& waiters = found->second;
  for (std::size_t i = 0; i < waiters.size(); ++i) {
    Waiter* waiter = std::exchange(waiters[i], nullptr);
    if (waiter != nullptr) waiter->on_resolved(addresses);
  }
  waiting_.erase(host);
}

}  // namespace callgate::upstream
