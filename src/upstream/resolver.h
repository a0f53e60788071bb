#pragma once
// Names to addresses, off the loop. Questions for one name are asked once and answered together; answers are kept for 30 s so that a burst
// of connects does not ask again. Addresses come unjudged: the connection judges them each time it uses them (T-65), so the address that
// was judged is the address that is connected to, whatever the name says a moment later. Inner header of upstream/.

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "model/network.h"
#include "net/loop.h"
#include "net/offload.h"

namespace callgate::upstream {

using Addresses = std::vector<IpAddress>;
using Lookup = std::function<Result<Addresses>(const std::string& host)>;  // blocking; any thread

// getaddrinfo. Error: Unavailable upstream.resolve.
Result<Addresses> look_up(const std::string& host);

class Resolver {
 public:
  class Waiter {
   public:
    virtual void on_resolved(const Result<Addresses>& answer) = 0;

   protected:
    ~Waiter() = default;
  };

  Resolver(net::Loop& loop, net::Offload& offload, Lookup lookup);
  ~Resolver();
  const Addresses* cached(const std::string& host) const;          // null: ask
  Result<void> resolve(const std::string& host, Waiter& waiter);   // the answer comes later, on the loop
  void forget(const std::string& host, Waiter& waiter);            // no answer wanted any more
  void prefer(const std::string& host, const IpAddress& address);  // it worked: try it first next time
  void drop(const std::string& host) { cache_.erase(host); }       // none of them worked
  void clear() { cache_.clear(); }

 private:
  struct Mailbox;
  struct Kept {
    Addresses addresses;
    MonoTime until;
  };
  void answer(const std::string& host, const Result<Addresses>& addresses);
  net::Loop& loop_;
  net::Offload& offload_;
  Lookup lookup_;
  std::shared_ptr<Mailbox> mailbox_;
  std::unordered_map<std::string, Kept> cache_;
  std::unordered_map<std::string, std::vector<Waiter*>> waiting_;
};

}  // namespace callgate::upstream
