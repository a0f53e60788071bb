#pragma once
// What the connections of one loop share: buffers, scratch space, the list of those that want attention. Loop thread only, but `open`.

#include <atomic>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "listener/admission.h"
#include "listener/listener.h"
#include "listener/response_head.h"

namespace callgate::listener {

class Connection;

constexpr std::size_t kSlabBytes = 16 * 1024;
constexpr std::size_t kSlabSlack = 64;  // readable bytes behind every buffer, for scanners that read ahead
constexpr std::size_t kSlabsKept = 64;

struct AddressHash {
  std::size_t operator()(const IpAddress& address) const {
    return std::hash<std::string_view>()({reinterpret_cast<const char*>(address.bytes.data()), address.bytes.size()});
  }
};

struct Peer {
  IpAddress address;
  bool local_socket = false;
};

// Shared by all loops of a listener.
struct Shared {
  Options options;
  AllowedNames names;
  std::atomic<bool> stopping{false};
  std::atomic<std::size_t> open{0};
  std::mutex mutex;
  std::unordered_map<IpAddress, std::size_t, AddressHash> per_address;  // guarded by mutex

  // Counts a connection in, or refuses it. leave() undoes it.
  bool enter(const Peer& peer);
  void leave(const Peer& peer);
};

class Door final : public net::Deferred {
 public:
  Door(std::shared_ptr<Shared> shared_state, const Worker& worker)
      : shared(std::move(shared_state)), loop(*worker.loop), handler(*worker.handler) {}
  ~Door() override;  // the loop is still there, but no longer runs

  std::unique_ptr<char[]> take_slab();
  void give_slab(std::unique_ptr<char[]> slab);
  // Has the connection's attend() called at the end of the batch, out of whatever call is under way now.
  void ask_attention(Connection& connection);
  void drop_attention(Connection& connection);
  void on_batch_end() override;
  void admit(int fd, const Peer& peer);  // takes the descriptor; the peer was counted in already

  const std::shared_ptr<Shared> shared;
  net::Loop& loop;
  Handler& handler;
  std::atomic<std::size_t> open{0};  // connections here or on their way; read by the acceptor
  net::Head head;                    // of the request being read; views into its connection's buffer
  std::string scratch;               // a response head under construction
  DateLine date;
  Connection* first = nullptr;  // all connections here

 private:
  std::vector<std::unique_ptr<char[]>> slabs_;
  std::vector<Connection*> attention_, attending_;
};

}  // namespace callgate::listener
