#pragma once
// A JSON-RPC batch of the one revision that has them (2025-03-26; L10): every member takes the walk as a call of its own (T-09), and
// the answers go back together, or as events of one stream when a member streams. Other revisions refuse batches.

#include <memory>
#include <vector>

#include "gateway/inner.h"
#include "json/document.h"

namespace callgate::gateway {

class Worker;

class Batch final : public listener::ReplyObserver, public PartOwner {
 public:
  static constexpr std::size_t kMembersMax = 50;

  // Takes the request when it is a batch that may be one; otherwise nothing happened, and it is refused as a single message would be.
  static bool begin(Worker& worker, const listener::Request& request, listener::Reply& reply);

  void on_client_gone() override;
  void on_half_close() override {}
  void on_drained() override;

 private:
  Batch(Worker& worker, listener::Reply& reply) : worker_(worker), reply_(&reply) {}
  void run(const listener::Request& request);
  void on_part_head(Part& part, const listener::ResponseHead& head, bool stream) override;
  bool on_part_body(Part& part, std::string_view piece) override;
  void on_part_end(Part& part, bool whole) override;
  void answer();
  void stream(std::string_view events);

  struct Member {
    std::unique_ptr<Part> part;
    int status = 0;
    bool streams = false;
    std::string extra, body;
  };
  Worker& worker_;
  listener::Reply* reply_;
  json::Document document_;
  std::vector<Member> members_;
  std::size_t left_ = 0;
  bool streaming_ = false, starting_ = true, cut_ = false;
  std::unique_ptr<Batch> self_;  // until all is answered
};

}  // namespace callgate::gateway
