#pragma once
// A started process as this room sees it: non-blocking descriptors and a way to end it. The product's comes from sandbox/
// (sandbox_child.cc); tests bring their own. Used on the loop it was started for.

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "model/entities.h"
#include "net/loop.h"
#include "vault/vault.h"

namespace callgate::stdio {

class Child {
 public:
  virtual ~Child() = default;  // whatever still runs is killed, with its tree
  virtual int input() const = 0;
  virtual int output() const = 0;
  virtual int errors() const = 0;  // -1: none
  virtual void close_input() = 0;
  virtual void terminate(std::chrono::milliseconds grace) = 0;  // SIGTERM; after the grace SIGKILL, for the whole tree

  std::function<void(std::string how)> on_exit;  // "exit code 1", "signal 9"; set by the owner; never called inside terminate()
};

// Starting may take a while, so it happens elsewhere: `started` is called once, on the loop, and not before start() returned.
class Starter {
 public:
  using Started = std::function<void(Result<std::unique_ptr<Child>>)>;
  virtual ~Starter() = default;
  virtual void start(net::Loop& loop, const Server& server, const vault::Credentials& credentials, Started started) = 0;
};

}  // namespace callgate::stdio
