#pragma once
// One client of HTTP+SSE (2024-11-05): an event stream on one worker and POSTs on any. Each POST takes the whole walk as a call of its
// own; what it is answered, and what the server says unasked, goes to the stream. The address of the POSTs holds an id of 256 random
// bits, which is no credential: the POST authenticates as every call does, and must be of the stream's own grant and server (T-60).

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "gateway/inner.h"
#include "net/loop.h"

namespace callgate::gateway {

class Call;
class EventLinks;
class EventPost;
class Worker;

class EventLink final : public std::enable_shared_from_this<EventLink>, public PartOwner {
 public:
  struct Owner {
    std::string grant_id, server_id;
    std::string path;  // of the stream, as the client named it: /sse or /sse/SERVER
    IpAddress remote;
    std::string remote_text;
  };
  EventLink(EventLinks& links, Owner owner);
  ~EventLink() override;
  const Owner& owner() const { return owner_; }
  const std::string& id() const { return id_; }

  // Any thread.
  std::string session() const;
  bool begin_session();  // once: whose initialize fails opens another stream
  void set_session(std::string_view id);
  bool deliver(std::string_view events);  // false: enough waits; see wait()
  // A POST under way: told when the stream is gone, and once, after wait(), when there is room again.
  using Poster = std::shared_ptr<EventPost*>;        // null inside once it is over; looked at on its own loop
  bool join(net::Loop& loop, const Poster& poster);  // false: the stream is gone already
  void leave(const Poster& poster);
  void wait(const Poster& poster);
  void listen();  // the client is ready for what the server says unasked

  // The stream's own worker.
  void attach(Worker& worker, Call& call);
  void room(bool there_is);  // the client's connection takes more, or not
  void touch(WallTime now);  // the session is in use as long as its stream is
  void close(bool by_client);

 private:
  friend class EventLinks;
  class Farewell;
  void pump();
  void open_listener();
  void on_part_head(Part& part, const listener::ResponseHead& head, bool stream) override;
  bool on_part_body(Part& part, std::string_view piece) override;
  void on_part_end(Part& part, bool whole) override;

  EventLinks& links_;
  const Owner owner_;
  std::string id_;
  // Guarded.
  mutable std::mutex mutex_;
  bool open_ = true, beginning_ = false, posted_ = false;
  net::Loop* loop_ = nullptr;
  std::string session_, queue_;
  struct Joined {
    net::Loop* loop;
    Poster poster;
    bool waits = false;
  };
  std::vector<Joined> posts_;
  // The stream's own worker.
  Worker* worker_ = nullptr;
  Call* call_ = nullptr;
  bool room_ = true, listening_ = false, relayed_ = false;
  std::unique_ptr<Part> listener_;
  std::unique_ptr<net::Timer> again_;
  std::chrono::seconds patience_{1};
  MonoTime listened_at_{};
};

// All of the gate. Thread-safe; outlives the workers.
class EventLinks {
 public:
  struct Options {
    std::size_t links_max = 10'000;
    std::size_t per_grant_max = 100;
    std::size_t queue_bytes_max = 16UL * 1024 * 1024;  // of one link; beyond, its client counts as gone
  };
  EventLinks() : EventLinks(Options{}) {}
  explicit EventLinks(const Options& options) : options_(options) {}
  // RateLimited session.too_many_streams.
  Result<std::shared_ptr<EventLink>> open(EventLink::Owner owner);
  std::shared_ptr<EventLink> find(std::string_view id) const;  // null: unknown, or over
  std::size_t size() const;
  const Options& options() const { return options_; }

 private:
  friend class EventLink;
  void forget(const EventLink& link);
  const Options options_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<EventLink>> links_;
  std::unordered_map<std::string, std::size_t> per_grant_;
};

}  // namespace callgate::gateway
