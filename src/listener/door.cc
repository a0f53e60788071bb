#include "listener/door.h"

#include <algorithm>
#include <utility>

#include "listener/connection.h"

namespace callgate::listener {

bool Shared::enter(const Peer& peer) {
  if (open.load(std::memory_order_relaxed) >= options.connections_max) return false;
  if (!peer.local_socket) {
    const std::lock_guard lock(mutex);
    std::size_t& count = per_address[peer.address];
    if (count >= options.connections_per_address_max) {
      if (count == 0) per_address.erase(peer.address);
      return false;
    }
    ++count;
  }
  open.fetch_add(1, std::memory_order_relaxed);
  return true;
}

void Shared::leave(const Peer& peer) {
  open.fetch_sub(1, std::memory_order_relaxed);
  if (peer.local_socket) return;
  const std::lock_guard lock(mutex);
  const auto found = per_address.find(peer.address);
  if (found != per_address.end() && --found->second == 0) per_address.erase(found);
}

Door::~Door() {
  while (first != nullptr) {
    Connection* const connection = first;
    connection->close();  // handed to the loop's graves
  }
}

std::unique_ptr<char[]> Door::take_slab() {
  if (slabs_.empty()) return std::unique_ptr<char[]>(new char[kSlabBytes + kSlabSlack]);
  std::unique_ptr<char[]> slab = std::move(slabs_.back());
  slabs_.pop_back();
  return slab;
}

void Door::give_slab(std::unique_ptr<char[]> slab) {
  if (slabs_.size() < kSlabsKept) slabs_.push_back(std::move(slab));
}

void Door::ask_attention(Connection& connection) {
  if (connection.wants_attention_) return;
  connection.wants_attention_ = true;
  attention_.push_back(&connection);
  loop.defer(*this);
}

void Door::on_batch_end() {
  attending_.swap(attention_);
  for (std::size_t i = 0; i < attending_.size(); ++i) {
    Connection* const next = std::exchange(attending_[i], nullptr);
    if (next == nullptr) continue;
    next->wants_attention_ = false;
    next->attend();
  }
  attending_.clear();
}

void Door::drop_attention(Connection& connection) {
  if (!connection.wants_attention_) return;
  connection.wants_attention_ = false;
  std::replace(attention_.begin(), attention_.end(), &connection, static_cast<Connection*>(nullptr));
  std::replace(attending_.begin(), attending_.end(), &connection, static_cast<Connection*>(nullptr));
}

void Door::admit(int fd, const Peer& peer) {
  std::unique_ptr<net::ByteStream> stream;
  if (shared->options.tls && !peer.local_socket) {
    auto made = net::ByteStream::tls_server(fd, *shared->options.tls);
    if (made) stream = std::move(*made);
  } else {
    stream = net::ByteStream::plain(fd);
  }
  auto connection = stream ? std::make_unique<Connection>(*this, std::move(stream), peer) : nullptr;
  if (connection == nullptr || !connection->start()) {
    shared->leave(peer);
    open.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  connection->next_ = first;
  if (first != nullptr) first->previous_ = connection.get();
  first = connection.release();
}

}  // namespace callgate::listener
