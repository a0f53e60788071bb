#include "sandbox/egress.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <list>

#include "net/http1.h"
#include "sandbox/egress_request.h"
#include "telemetry/log.h"

namespace callgate::sandbox {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kHeadMax = 16UL * 1024;
constexpr std::size_t kPipeMax = 64UL * 1024;
constexpr int kAddressesMax = 4;
constexpr int kRoundsMax = 32;

using Target = EgressTarget;

std::vector<IpAddress> resolve(const std::string& host) {
  std::vector<IpAddress> found;
  if (const auto literal = IpAddress::parse(host)) return {*literal};
  addrinfo hints{}, *list = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &list) != 0) return found;
  for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
    char text[64] = {};
    if (::getnameinfo(at->ai_addr, at->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) != 0) continue;
    if (const auto address = IpAddress::parse(text)) found.push_back(*address);
  }
  ::freeaddrinfo(list);
  return found;
}

int connect_to(const IpAddress& address, std::uint16_t port) {
  sockaddr_storage where{};
  socklen_t size = 0;
  if (address.v4) {
    auto* four = reinterpret_cast<sockaddr_in*>(&where);
    four->sin_family = AF_INET;
    four->sin_port = htons(port);
    std::memcpy(&four->sin_addr, address.bytes.data() + 12, 4);
    size = sizeof *four;
  } else {
    auto* six = reinterpret_cast<sockaddr_in6*>(&where);
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(port);
    std::memcpy(&six->sin6_addr, address.bytes.data(), 16);
    size = sizeof *six;
  }
  Descriptor made(::socket(address.v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!made.open()) return -1;
  const int on = 1;
  ::setsockopt(made.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(made.get(), reinterpret_cast<sockaddr*>(&where), size) != 0 && errno != EINPROGRESS) return -1;
  return made.release();
}

class Exchange;

class Proxy final : public Egress {
 public:
  Proxy(net::Loop& loop, net::Offload& resolving, EgressRules rules, EgressOptions options)
      : loop_(loop), resolving_(resolving), rules_(std::move(rules)), options_(std::move(options)) {}
  ~Proxy() override;
  Result<void> listen(std::vector<Descriptor> listeners);
  void accept_from(int listener, const std::optional<Target>& fixed);
  void drop(Exchange& exchange);
  net::Loop& loop() { return loop_; }
  net::Offload& resolving() { return resolving_; }
  const EgressRules& rules() const { return rules_; }
  const EgressOptions& options() const { return options_; }

 private:
  struct Door final : net::Watcher {
    Door(Proxy& owner, Descriptor listener, std::optional<Target> target)
        : proxy(owner), fd(std::move(listener)), fixed(std::move(target)) {}
    void on_ready(std::uint32_t) override { proxy.accept_from(fd.get(), fixed); }
    Proxy& proxy;
    Descriptor fd;
    std::optional<Target> fixed;  // empty: the HTTP proxy
  };
  net::Loop& loop_;
  net::Offload& resolving_;
  EgressRules rules_;
  EgressOptions options_;
  std::vector<std::unique_ptr<Door>> doors_;
  std::list<std::unique_ptr<Exchange>> exchanges_;
};

// One connection of the sandbox and the one it leads to.
class Exchange final {
 public:
  Exchange(Proxy& proxy, Descriptor client, std::optional<Target> fixed)
      : proxy_(proxy), client_(*this), server_(*this), timer_([this] { end(); }), direct_(fixed.has_value()) {
    client_.fd = std::move(client);
    if (fixed) target_ = std::move(*fixed);
  }
  ~Exchange() {
    unwatch(client_);
    unwatch(server_);
  }

  void begin() {
    client_.watched = proxy_.loop().watch(client_.fd.get(), client_).has_value();
    proxy_.loop().arm(timer_, proxy_.options().connect_timeout);
    if (direct_) find();
  }

 private:
  friend class Proxy;
  enum class State { Head, Resolving, Connecting, Relaying, Refused, Over };
  struct Side final : net::Watcher {
    explicit Side(Exchange& owner) : exchange(owner) {}
    void on_ready(std::uint32_t) override { exchange.run(); }
    Exchange& exchange;
    Descriptor fd;
    std::string pending;  // read from this side, not yet written to the other
    bool watched = false;
    bool ended = false;  // it sent its last byte
    bool shut = false;   // and the other side was told
  };

  void unwatch(Side& side) {
    if (side.watched) proxy_.loop().unwatch(side.fd.get(), side);
    side.watched = false;
  }
  void end() {
    if (state_ == State::Over) return;
    state_ = State::Over;
    proxy_.drop(*this);
  }

  // 1: something came, 0: nothing now, -1: broken
  static int take(Side& side, std::size_t max) {
    int moved = 0;
    char piece[16384];
    while (!side.ended && side.pending.size() < max) {
      const ssize_t got = ::read(side.fd.get(), piece, std::min(sizeof piece, max - side.pending.size()));
      if (got > 0) {
        side.pending.append(piece, static_cast<std::size_t>(got));
        moved = 1;
      } else if (got == 0) {
        side.ended = true;
        moved = 1;
      } else {
        if (errno == EINTR) continue;
        return errno == EAGAIN ? moved : -1;
      }
    }
    return moved;
  }
  static int give(Side& from, Side& to) {
    int moved = 0;
    std::size_t at = 0;
    while (at < from.pending.size()) {
      const ssize_t sent = ::send(to.fd.get(), from.pending.data() + at, from.pending.size() - at, MSG_NOSIGNAL);
      if (sent < 0) {
        if (errno == EINTR) continue;
        if (errno != EAGAIN) return -1;
        break;
      }
      at += static_cast<std::size_t>(sent);
      moved = 1;
    }
    from.pending.erase(0, at);
    if (from.ended && from.pending.empty() && !from.shut) {
      from.shut = true;
      ::shutdown(to.fd.get(), SHUT_WR);
      moved = 1;
    }
    return moved;
  }

  void run() {
    if (state_ == State::Head) read_head();
    if (state_ == State::Connecting) finish_connecting();
    if (state_ == State::Relaying) relay();
    if (state_ == State::Refused) {  // read on until it has seen the answer
      client_.pending.clear();
      if (take(client_, kPipeMax) < 0 || client_.ended) end();
    }
  }

  void read_head() {
    if (take(client_, kHeadMax) < 0) return end();
    const auto blank = client_.pending.find("\r\n\r\n");
    if (blank == std::string::npos) {
      if (client_.ended || client_.pending.size() >= kHeadMax) end();
      return;
    }
    const std::string head = client_.pending.substr(0, blank + 4);
    client_.pending.erase(0, blank + 4);
    auto request = parse_egress_request(head);
    if (!request) return refuse(400, "the egress proxy takes CONNECT, or requests with an absolute http target");
    target_ = std::move(request->target);
    tunnel_ = request->tunnel;
    client_.pending.insert(0, request->rebuilt);
    find();
  }

  void find() {
    if (!proxy_.rules().allows(target_.host, target_.port)) {
      return refuse(403, "`" + target_.host + ":" + std::to_string(target_.port) + "` is not in this server's network list");
    }
    state_ = State::Resolving;
    auto alive = std::weak_ptr<int>(alive_);
    const bool queued = proxy_.resolving().run([this, alive, host = target_.host, &loop = proxy_.loop()] {
      auto found = resolve(host);
      loop.post([this, alive, found = std::move(found)]() mutable {
        if (!alive.expired()) resolved(found);
      });
    });
    if (!queued) refuse(503, "too many names are being resolved");
  }

  void resolved(const std::vector<IpAddress>& found) {
    std::string why = "`" + target_.host + "` does not resolve";
    for (const IpAddress& address : found) {
      auto judged = proxy_.rules().judge(target_.host, address, proxy_.options().allow_private);
      if (judged && addresses_.size() < kAddressesMax) addresses_.push_back(address);
      if (!judged) why = judged.error().message;
    }
    if (addresses_.empty()) return refuse(found.empty() ? 502 : 403, why);
    connect_next();
  }

  void connect_next() {
    unwatch(server_);
    server_.fd.reset();
    while (next_address_ < addresses_.size()) {
      server_.fd.reset(connect_to(addresses_[next_address_++], target_.port));
      if (!server_.fd.open()) continue;
      state_ = State::Connecting;
      server_.watched = proxy_.loop().watch(server_.fd.get(), server_).has_value();
      if (server_.watched) return finish_connecting();
    }
    refuse(502, "`" + target_.host + ":" + std::to_string(target_.port) + "` cannot be reached");
  }

  void finish_connecting() {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(server_.fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return connect_next();
    sockaddr_storage peer{};
    socklen_t peer_size = sizeof peer;
    if (::getpeername(server_.fd.get(), reinterpret_cast<sockaddr*>(&peer), &peer_size) != 0) return;  // still under way
    state_ = State::Relaying;
    if (tunnel_) server_.pending = "HTTP/1.1 200 Connection established\r\n\r\n";
    relay();
  }

  void relay() {
    int rounds = 0;
    for (int moved = 1; moved != 0;) {
      if (++rounds > kRoundsMax) {  // others have a turn; edge-triggered, so nobody would wake us
        proxy_.loop().post([this, alive = std::weak_ptr<int>(alive_)] {
          if (!alive.expired()) run();
        });
        break;
      }
      moved = 0;
      for (auto [from, to] : {std::pair{&client_, &server_}, {&server_, &client_}}) {
        const int taken = take(*from, kPipeMax);
        const int given = taken < 0 ? -1 : give(*from, *to);
        if (given < 0) return end();
        moved += taken + given;
      }
    }
    if (client_.shut && server_.shut) return end();
    proxy_.loop().arm(timer_, proxy_.options().idle_timeout);
  }

  void refuse(int status, const std::string& why) {
    telemetry::log_warn("egress refused", {{"server", proxy_.options().server},
                                           {"host", target_.host},
                                           {"port", std::to_string(target_.port)},
                                           {"status", std::to_string(status)}});
    if (direct_) {  // no words fit: a reset says it
      const linger now{1, 0};
      ::setsockopt(client_.fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
      return end();
    }
    const std::string body = "callgate: " + why + "\n";
    const std::string answer =
        "HTTP/1.1 " + std::to_string(status) + " " + std::string(net::reason_phrase(status)) +
        "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
        body;
    (void)!::send(client_.fd.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    ::shutdown(client_.fd.get(), SHUT_WR);
    state_ = State::Refused;
    proxy_.loop().arm(timer_, milliseconds(2'000));
    run();
  }

  Proxy& proxy_;
  Side client_, server_;
  net::Timer timer_;
  State state_ = State::Head;
  Target target_;
  bool direct_ = false, tunnel_ = false;
  std::vector<IpAddress> addresses_;
  std::size_t next_address_ = 0;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
  std::list<std::unique_ptr<Exchange>>::iterator place_;
};

Proxy::~Proxy() {
  for (auto& door : doors_) loop_.unwatch(door->fd.get(), *door);
}

Result<void> Proxy::listen(std::vector<Descriptor> listeners) {
  std::vector<std::optional<Target>> targets{std::nullopt};
  for (const EgressName& name : rules_.names()) {
    for (const std::uint16_t port : name.ports) targets.emplace_back(Target{name.host, port});
  }
  if (targets.size() != listeners.size())
    return fail(Code::Internal, "sandbox.start", "the sandbox handed over a wrong number of listeners");
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    auto door = std::make_unique<Door>(*this, std::move(listeners[i]), targets[i]);
    CG_CHECK(loop_.watch(door->fd.get(), *door));
    doors_.push_back(std::move(door));
  }
  return {};
}

void Proxy::accept_from(int listener, const std::optional<Target>& fixed) {
  for (;;) {
    Descriptor client(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!client.open()) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      return;
    }
    if (exchanges_.size() >= options_.connections_max) continue;  // closed at once
    exchanges_.push_back(std::make_unique<Exchange>(*this, std::move(client), fixed));
    Exchange& exchange = *exchanges_.back();
    exchange.place_ = std::prev(exchanges_.end());
    exchange.begin();
  }
}

void Proxy::drop(Exchange& exchange) {
  exchange.alive_.reset();
  exchange.unwatch(exchange.client_);
  exchange.unwatch(exchange.server_);
  loop_.disarm(exchange.timer_);
  auto owned = std::move(*exchange.place_);
  exchanges_.erase(exchange.place_);
  owned->client_.fd.reset();
  owned->server_.fd.reset();
  loop_.bury(std::move(owned));
}

}  // namespace

Result<std::unique_ptr<Egress>> Egress::start(net::Loop& loop, net::Offload& resolving, EgressRules rules,
                                              std::vector<Descriptor> listeners, EgressOptions options) {
  auto proxy = std::make_unique<Proxy>(loop, resolving, std::move(rules), std::move(options));
  CG_CHECK(proxy->listen(std::move(listeners)));
  return proxy;
}

std::vector<std::string> egress_listeners(const EgressRules& rules) {
  if (rules.none() || rules.everything()) return {};
  std::vector<std::string> list{"127.0.0.1 3128"};
  for (const EgressName& name : rules.names()) {
    for (const std::uint16_t port : name.ports) list.push_back(name.address + " " + std::to_string(port));
  }
  return list;
}

}  // namespace callgate::sandbox
