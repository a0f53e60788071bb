#pragma once
// One request to the shared endpoint while it is being answered: passed on to one server, gathered from all, or answered here.
// Inner header of gateway/.

#include <set>
#include <string>
#include <vector>

#include "gateway/hub.h"
#include "json/writer.h"
#include "session/jsonrpc.h"
#include "session/sse.h"

namespace callgate::gateway {

class Hub::Question final : public upstream::Exchange, public net::Deferred, public PartOwner {
 public:
  Question(Hub& hub, Worker& worker, const ClearedCall& call, upstream::ResponseSink& sink);

  void pause() override { paused_ = true; }
  void resume() override;
  void cancel() override;
  void set_timeout(std::chrono::milliseconds) override {}  // the inner calls have their own
  void on_batch_end() override;                            // the start

  std::size_t slot = 0;  // in the hub's list

 private:
  enum class Mode : std::uint8_t { Pass, Gather, Listen };
  struct Subscription {  // to resources of one server
    std::string slug;
    std::set<std::string> uris, honoured;  // as the server names them
    std::unique_ptr<session::SseReader> events;
    bool open = false, settled = false;  // settled: it said what it honours, or will not
    int failures = 0;
    MonoTime again_at{};
  };
  struct Member {  // one server of a gathering
    const catalog::ServerEntry* server = nullptr;
    std::vector<std::string> items;
    bool failed = false, streams = false;
    std::string text;
    int pages = 0;
  };

  // hub_question.cc
  Result<void> find_caller();
  void start();
  void pass(const catalog::ServerEntry& server, std::string_view parameter, std::string_view inner_value);
  void ask(const catalog::ServerEntry& server, std::size_t position, const std::string& body, std::string_view name);
  void answer(std::string_view body);
  void answer_error(int code, std::string_view message);
  void discover();
  const catalog::ServerEntry* usable(std::string_view slug) const;  // null: not for this caller
  void route();
  void route_by(json::Value shared, std::string_view parameter, bool uri);
  void complete_reference();
  void end();
  std::string pass_body(std::string_view parameter, std::string_view inner_value) const;
  void call(std::string_view shared_name);

  // hub_listen.cc
  void listen();
  void subscribe(std::size_t position);
  void tell(std::string_view data);
  void acknowledge_when_settled();
  void heard(std::size_t position, std::string_view data);
  void subscription_over(std::size_t position);
  void look_again();
  Part* part_of(std::size_t position);

  // hub_search.cc
  bool searching();
  void list_search();
  void search();
  void call_found();

  // hub_gather.cc
  void gather(std::string_view list);
  void ask_page(std::size_t position, std::string_view cursor);
  void take_page(std::size_t position);
  std::string shared_item(const catalog::ServerEntry& server, json::Value item) const;
  void finish_gathering();
  // What a server calls by its own names, in the names of the shared endpoint.
  void append_shared(std::string& out, json::Value message) const;
  void relay(std::string_view event_data);

  void on_part_head(Part& part, const listener::ResponseHead& head, bool stream) override;
  bool on_part_body(Part& part, std::string_view piece) override;
  void on_part_end(Part& part, bool whole) override;

  Hub& hub_;
  Worker& worker_;
  upstream::ResponseSink* sink_;
  std::string grant_id_, body_, http_method_;
  InnerCaller caller_;
  json::Document document_;
  session::Message message_;
  Mode mode_ = Mode::Pass;
  const catalog::ServerEntry* server_ = nullptr;  // Pass
  json::Value arguments_;                         // of the tool that is called
  std::vector<std::unique_ptr<Part>> parts_;
  std::vector<Member> members_;  // Gather
  std::string list_;             // the member of the result that is gathered
  std::size_t left_ = 0;
  bool paused_ = false, starting_ = false, stream_ = false;
  std::string text_;  // an answer that comes whole
  session::SseReader events_{4 * 1024 * 1024};
  std::unique_ptr<net::Timer> timer_;  // Listen
  std::uint64_t epoch_ = 0;
  Digest seen_{};
  std::vector<Subscription> subscriptions_;
  bool tools_wanted_ = false, acknowledged_ = false;
  MonoTime acknowledge_by_{};
  std::string held_;  // news before the acknowledgement
};

}  // namespace callgate::gateway
