#pragma once
// What runs in a bridge: actors, each living on one loop and named by an address, so that a call that waits on one loop can be answered
// from another. An actor is told things directly on its own loop, and by Loop::post from elsewhere; one that is gone hears nothing.
// Internal to this room.

#include <functional>
#include <memory>
#include <unordered_map>

#include "bridge/shared.h"
#include "net/loop.h"
#include "upstream/transport.h"

namespace callgate::bridge {

class Core;

class Actor {
 public:
  explicit Actor(Core& core);
  virtual ~Actor() = default;
  Actor(const Actor&) = delete;
  Actor& operator=(const Actor&) = delete;
  Core& core() { return core_; }
  Address address() const;
  // The session asked for in Core::want_session is there, or is not.
  virtual void on_session(const Result<std::shared_ptr<ServerSession>>&) {}
  // The GET stream it waits for is open, or there will be none.
  virtual void on_stream_open() {}
  // It leaves the table: exchanges below are cancelled and the hub forgets it now, for the memory is freed later.
  virtual void on_removed() {}

 protected:
  void end();  // out of the table at once, freed when the batch is over

 private:
  Core& core_;
  std::uint64_t id_;
};

// The part of a Bridge that its actors see. Lives on the loop.
class Core : public std::enable_shared_from_this<Core> {
 public:
  Core(net::Loop& loop, upstream::Transport& below, std::shared_ptr<Hub> hub)
      : loop_(loop), below_(below), hub_(std::move(hub)), sweep_([this] { sweep(); }) {}
  net::Loop& loop() { return loop_; }
  upstream::Transport& below() { return below_; }
  Hub& hub() { return *hub_; }
  std::uint64_t id() const { return id_; }
  MonoTime now() const { return loop_.clock().mono(); }

  bool live() const { return live_; }
  void open();   // known to the hub from now on
  void close();  // all actors end without a word

  template <class T, class... Args> T& add(Args&&... args) {
    auto made = std::make_unique<T>(*this, std::forward<Args>(args)...);
    T& actor = *made;
    actors_.emplace(actor.address().actor, std::move(made));
    return actor;
  }
  Actor* find(std::uint64_t actor);
  void remove(std::uint64_t actor);
  std::size_t size() const { return actors_.size(); }

  // fn(T&) on the actor's own loop, at once when that is this one. T is what lives at that address.
  template <class T, class Fn> void tell(Address to, Fn fn) {
    if (to.core == id_) {
      if (Actor* actor = find(to.actor)) fn(static_cast<T&>(*actor));
      return;
    }
    hub_->post(to.core, [actor = to.actor, fn = std::move(fn)](Core& core) mutable {
      if (Actor* found = core.find(actor)) fn(static_cast<T&>(*found));
    });
  }

 private:
  net::Loop& loop_;
  upstream::Transport& below_;
  std::shared_ptr<Hub> hub_;
  std::uint64_t id_ = 0;
  bool live_ = true;
  void sweep();  // what nobody used for long
  std::unordered_map<std::uint64_t, std::unique_ptr<Actor>> actors_;
  net::Timer sweep_;
};

}  // namespace callgate::bridge
