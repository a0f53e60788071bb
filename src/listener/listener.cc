#include "listener/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "listener/door.h"
#include "net/file_limit.h"
#include "net/tcp.h"

namespace callgate::listener {
namespace {

constexpr std::chrono::milliseconds kAcceptRetry{100};

// A descriptor on its way to another loop.
struct Socket {
  explicit Socket(int descriptor) : fd(descriptor) {}
  ~Socket() {
    if (fd >= 0) ::close(fd);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd;
};

tl::unexpected<Error> cannot_listen(const std::string& where, const std::string& advice) {
  return fail(Code::Unavailable, "listener.open", "cannot listen on `" + where + "`" + advice, std::strerror(errno));
}

IpAddress address_of(const sockaddr_storage& from) {
  IpAddress address;
  if (from.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(from);
    address.v4 = true;
    address.bytes[10] = address.bytes[11] = 0xff;
    std::memcpy(&address.bytes[12], &v4.sin_addr, 4);
  } else if (from.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(from);
    std::memcpy(address.bytes.data(), &v6.sin6_addr, 16);
    address.v4 = IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr);
  }
  return address;
}

Result<int> open_tcp(const Options& options, std::uint16_t& port) {
  sockaddr_storage address{};
  socklen_t size = 0;
  auto& v4 = reinterpret_cast<sockaddr_in&>(address);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(address);
  if (::inet_pton(AF_INET, options.address.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(options.port);
    size = sizeof v4;
  } else if (::inet_pton(AF_INET6, options.address.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(options.port);
    size = sizeof v6;
  } else {
    return fail(Code::InvalidArgument, "listener.address",
                "`" + options.address + "` is not an IP address to listen on, such as 127.0.0.1");
  }
  const std::string where = options.address + ":" + std::to_string(options.port);
  Socket socket(::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.fd < 0) return cannot_listen(where, "");
  const int on = 1, off = 0;
  ::setsockopt(socket.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const auto bound_to = IpAddress::parse(options.address);
  net::prepare_tcp(socket.fd, bound_to && bound_to->loopback());
  if (address.ss_family == AF_INET6) {
    ::setsockopt(socket.fd, IPPROTO_IPV6, IPV6_V6ONLY, options.address == "::" ? &off : &on, sizeof on);
  }
  if (::bind(socket.fd, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(socket.fd, SOMAXCONN) != 0) {
    const bool taken = errno == EADDRINUSE;
    return cannot_listen(where, taken ? ": another process does; stop it or choose another port" : "; choose another address or port");
  }
  socklen_t got = sizeof address;
  ::getsockname(socket.fd, reinterpret_cast<sockaddr*>(&address), &got);
  port = ntohs(address.ss_family == AF_INET ? v4.sin_port : v6.sin6_port);
  return std::exchange(socket.fd, -1);
}

Result<int> open_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return fail(Code::InvalidArgument, "listener.address", "the control socket path `" + path + "` is too long; use one below 108 bytes");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const auto* const name = reinterpret_cast<const sockaddr*>(&address);
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) == 0) {
    if (!S_ISSOCK(facts.st_mode)) return cannot_listen(path, ": something else is there; remove it");
    Socket probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(probe.fd, name, sizeof address) == 0) return cannot_listen(path, ": another process does; stop it first");
    ::unlink(path.c_str());  // left over by a process that is gone
  }
  Socket socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  // Nobody can connect before listen(): the mode is right by then.
  if (socket.fd < 0 || ::bind(socket.fd, name, sizeof address) != 0 || ::chmod(path.c_str(), 0600) != 0 || ::listen(socket.fd, 64) != 0) {
    return cannot_listen(path, "; the folder must exist and be writable");
  }
  return std::exchange(socket.fd, -1);
}

bool same_user(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && (peer.uid == ::geteuid() || peer.uid == 0);
}

}  // namespace

struct Listener::Inner final : net::Watcher {
  std::shared_ptr<Shared> shared = std::make_shared<Shared>();
  std::vector<std::shared_ptr<Door>> doors;  // tasks on their way hold them weakly
  net::Loop* loop = nullptr;
  int fd = -1;  // loop thread only, once watched
  std::uint16_t port = 0;
  net::Timer retry{[this] { accept_all(); }};
  std::shared_ptr<Inner*> self = std::make_shared<Inner*>(this);

  void on_ready(std::uint32_t) override { accept_all(); }

  void accept_all() {
    while (fd >= 0) {
      sockaddr_storage from{};
      socklen_t size = sizeof from;
      const int accepted = ::accept4(fd, reinterpret_cast<sockaddr*>(&from), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (accepted >= 0 && net::among_last(accepted)) {
        ::close(accepted);
      } else if (accepted >= 0) {
        welcome(accepted, from);
      } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        // They stay in the backlog; edge triggering would not tell of them again.
        loop->arm(retry, kAcceptRetry);
        return;
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        return;
      } else if (errno != EINTR && errno != ECONNABORTED && errno != EPROTO && errno != EPERM) {
        loop->arm(retry, kAcceptRetry);
        return;
      }
    }
  }

  void welcome(int accepted, const sockaddr_storage& from) {
    Socket socket(accepted);
    const bool local = !shared->options.unix_path.empty();
    const Peer peer{address_of(from), local};
    if (local && !same_user(accepted)) {
      const Error error{Code::Forbidden, "listener.peer", "only the user the gate runs as may use the control socket", {}};
      doors.front()->handler.refused(peer.address, {}, error, 403);
      return;
    }
    if (!shared->enter(peer)) {
      const Error error{Code::RateLimited, "listener.connections", "too many connections; close some and try again", {}};
      doors.front()->handler.refused(peer.address, {}, error, 503);
      return;
    }
    const auto least = std::min_element(doors.begin(), doors.end(), [](const auto& a, const auto& b) {
      return a->open.load(std::memory_order_relaxed) < b->open.load(std::memory_order_relaxed);
    });
    (*least)->open.fetch_add(1, std::memory_order_relaxed);
    if (&(*least)->loop == loop) {
      (*least)->admit(std::exchange(socket.fd, -1), peer);
      return;
    }
    auto parcel = std::make_shared<Socket>(std::exchange(socket.fd, -1));
    (*least)->loop.post([weak = std::weak_ptr<Door>(*least), parcel, peer] {
      if (const auto door = weak.lock()) door->admit(std::exchange(parcel->fd, -1), peer);
    });
  }

  void close_socket() {
    if (fd < 0) return;
    loop->disarm(retry);
    loop->unwatch(fd, *this);
    ::close(std::exchange(fd, -1));
    if (!shared->options.unix_path.empty()) ::unlink(shared->options.unix_path.c_str());
  }
};

Listener::Listener() : inner_(std::make_unique<Inner>()) {}

Listener::~Listener() {
  *inner_->self = nullptr;
  inner_->close_socket();
}

Result<std::unique_ptr<Listener>> Listener::open(const Options& options, std::vector<Worker> workers) {
  if (workers.empty()) return fail(Code::Internal, "listener.open", "a listener needs at least one worker");
  std::unique_ptr<Listener> listener(new Listener());
  Inner& in = *listener->inner_;
  in.loop = workers.front().loop;
  in.shared->options = options;
  if (options.unix_path.empty()) {
    CG_TRY(in.fd, open_tcp(options, in.port));
  } else {
    CG_TRY(in.fd, open_unix(options.unix_path));
  }
  in.shared->names = AllowedNames(options.address, in.port, options.hosts, options.origins);
  for (const Worker& worker : workers) in.doors.push_back(std::make_shared<Door>(in.shared, worker));
  CG_CHECK(in.loop->watch(in.fd, in));
  return listener;
}

std::uint16_t Listener::port() const { return inner_->port; }

void Listener::stop_accepting() {
  inner_->shared->stopping.store(true, std::memory_order_relaxed);
  inner_->loop->post([weak = std::weak_ptr<Inner*>(inner_->self)] {
    const auto self = weak.lock();
    if (self != nullptr && *self != nullptr) (*self)->close_socket();
  });
}

std::size_t Listener::connections() const { return inner_->shared->open.load(std::memory_order_relaxed); }

}  // namespace callgate::listener
