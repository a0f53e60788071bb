// The pools of one loop, and what their connections share.

#include <algorithm>
#include <limits>

#include "base/same_bytes.h"
#include "upstream/connection.h"

namespace callgate::upstream {
namespace {

constexpr std::int64_t kNoVersion = std::numeric_limits<std::int64_t>::min();
constexpr std::size_t kReadBuffer = 64 * 1024;
constexpr std::size_t kHeadBuffer = 16 * 1024;  // reserved, so that a head with credentials is not left behind by a reallocation

std::chrono::milliseconds sweep_every(const Upstreams::Options& options) {
  return std::max(options.idle_timeout / 4, std::chrono::milliseconds(20));
}

// Our own lines end as lines do, or the credentials would be glued to them.
bool whole_lines(std::string_view lines) { return lines.empty() || (lines.ends_with("\r\n") && !lines.starts_with("\r\n")); }

}  // namespace

Dock::Dock(net::Loop& loop_in, net::Offload& offload_in, const Upstreams::Options& options_in)
    : loop(loop_in),
      options(options_in),
      resolver(loop_in, offload_in, options_in.look_up),
      read_buffer(kReadBuffer),
      ahead(new char[kAheadBytes]),
      sweeper([this] { sweep(); }),
      self(std::make_shared<Dock*>(this)) {
  head_buffer.reserve(kHeadBuffer);
}

Dock::~Dock() {
  *self = nullptr;
  while (!connections.empty()) {
    Connection& connection = *connections.back();
    connection.cancel();
    connection.close();
  }
}

Pool& Dock::pool_for(const Server& server) {
  if (last_pool == nullptr || !same_text(last_pool->first, server.id)) last_pool = &*pools.try_emplace(server.id).first;
  Pool& pool = last_pool->second;
  if (pool.authority.empty() || pool.version != server.version) {
    close_idle(pool);
    pool.version = server.version;
    pool.authority = server.url.authority();
  }
  return pool;
}

Connection& Dock::add(Pool& pool) {
  auto connection = std::make_unique<Connection>(*this, pool);
  connection->index = connections.size();
  connections.push_back(std::move(connection));
  return *connections.back();
}

void Dock::bury(Connection& connection) {
  if (connection.pending) {
    std::replace(pending.begin(), pending.end(), &connection, static_cast<Connection*>(nullptr));
    std::replace(running.begin(), running.end(), &connection, static_cast<Connection*>(nullptr));
    connection.pending = false;
  }
  const std::size_t at = connection.index;
  std::unique_ptr<Connection> grave = std::move(connections[at]);
  if (at + 1 != connections.size()) {
    connections[at] = std::move(connections.back());
    connections[at]->index = at;
  }
  connections.pop_back();
  loop.bury(std::move(grave));
}

void Dock::settle_later(Connection& connection) {
  if (connection.pending) return;
  connection.pending = true;
  pending.push_back(&connection);
  if (pending.size() > 1) return;
  loop.post([dock = self] {
    if (*dock != nullptr) (*dock)->run_pending();
  });
}

void Dock::run_pending() {
  running.swap(pending);
  for (std::size_t i = 0; i < running.size(); ++i) {
    Connection* connection = std::exchange(running[i], nullptr);
    if (connection == nullptr) continue;
    connection->pending = false;
    connection->settle();
  }
  running.clear();
}

bool Dock::keep(Connection& connection) {
  Pool& pool = connection.pool();
  if (connection.version() != pool.version || pool.idle.size() >= options.idle_per_server_max) return false;
  pool.idle.push_back(&connection);
  connection.idle_since = loop.now();
  ++idle_count;
  if (!sweeper.armed()) loop.arm(sweeper, sweep_every(options));
  return true;
}

Connection* Dock::take_idle(Pool& pool) {
  if (pool.idle.empty()) return nullptr;
  Connection* connection = pool.idle.back();
  pool.idle.pop_back();
  --idle_count;
  return connection;
}

void Dock::close_idle(Pool& pool) {
  while (!pool.idle.empty()) pool.idle.back()->close();
}

void Dock::sweep() {
  for (auto& [id, pool] : pools) {
    // Used last, kept last: the oldest are in front.
    while (!pool.idle.empty() && pool.idle.front()->idle_since + options.idle_timeout <= loop.now()) pool.idle.front()->close();
  }
  if (idle_count > 0) loop.arm(sweeper, sweep_every(options));
}

Result<std::shared_ptr<net::TlsContext>> Dock::tls_for(const Server& server) {
  const std::string key = (server.tls_verify ? "verify " : "trust ") + server.tls_ca_pem;
  const auto found = tls_contexts.find(key);
  if (found != tls_contexts.end()) return found->second;
  CG_TRY(auto context, net::TlsContext::client(server.tls_ca_pem, server.tls_verify));
  tls_contexts.emplace(key, context);
  return context;
}

struct Upstreams::Inner : Dock {
  using Dock::Dock;
};

Upstreams::Upstreams(net::Loop& loop, net::Offload& offload, const Options& options)
    : inner_(std::make_unique<Inner>(loop, offload, options)) {}

Upstreams::~Upstreams() = default;

Exchange& Upstreams::send(const Target& target, const ClearedCall& call, ResponseSink& sink) {
  Dock& dock = *inner_;
  Pool& pool = dock.pool_for(*target.server);
  if (!whole_lines(call.head()) || (target.credentials != nullptr && !whole_lines(target.credentials->header_lines().reveal()))) {
    Connection& refused = dock.add(pool);
    refused.refuse(sink, {Code::Internal, "upstream.request", "the request could not be composed", "header lines without CRLF"});
    return refused;
  }
  while (Connection* idle = dock.take_idle(pool)) {
    if (!idle->reuse(target, call, sink)) continue;
    ++dock.reuses;
    return *idle;
  }
  Connection& connection = dock.add(pool);
  if (pool.open >= dock.options.connections_per_server_max) {
    connection.refuse(sink, {Code::Unavailable, "upstream.busy", "server `" + target.server->slug + "` is busy: try again in a moment",
                             std::to_string(pool.open) + " connections"});
  } else {
    connection.open(target, call, sink);
  }
  return connection;
}

void Upstreams::drop_idle() {
  Dock& dock = *inner_;
  dock.last_pool = nullptr;
  for (auto at = dock.pools.begin(); at != dock.pools.end();) {
    dock.close_idle(at->second);
    // What is in use now is not kept afterwards: no send() can have this version.
    at->second.version = kNoVersion;
    at = at->second.open == 0 ? dock.pools.erase(at) : std::next(at);
  }
  dock.resolver.clear();
  dock.tls_contexts.clear();
}

Upstreams::Stats Upstreams::stats() const {
  Stats stats;
  for (const auto& [id, pool] : inner_->pools) stats.open += pool.open;
  stats.idle = inner_->idle_count;
  stats.connects = inner_->connects;
  stats.reuses = inner_->reuses;
  return stats;
}

}  // namespace callgate::upstream
