#pragma once
// Writes one reply to the gateway: JSON when nothing came before the answer, else an event stream. Holds everything back until the
// gateway has the handle, and while it asked for a pause; the sink is called with nothing of ours on the stack that could be gone.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/loop.h"
#include "upstream/transport.h"

namespace callgate::bridge {

class ReplyOwner {
 public:
  virtual ~ReplyOwner() = default;
  virtual void on_reply_done() = 0;  // all was said; not called after drop()
};

class ClientReply final : private net::Deferred {
 public:
  ClientReply(net::Loop& loop, upstream::ResponseSink& sink, ReplyOwner& owner);
  void begin_events();                    // 200, even if nothing ever comes
  void notify(std::string_view message);  // one event
  void answer(std::string_view message, int status = 200, std::string_view session_id = {});
  void empty(int status);  // no body
  // Whether what stands behind has recorded this call, or its latest round (the shared endpoint). The head says so; an answer that nobody
  // recorded, under a head that says otherwise, becomes a failure, which the gateway records.
  void note_recorded(bool recorded) { recorded_ = recorded; }
  void fail(Error error, bool sent);
  void finish();  // ends an event stream

  void pause() { paused_ = true; }
  void resume();
  void drop();                         // the client is gone: nothing more is said
  bool over() const { return over_; }  // an end was asked for, or the client is gone
  bool events() const { return events_; }

 private:
  struct Step {
    enum class Kind : std::uint8_t { Events, Notify, Answer, Empty, Fail, Finish } kind;
    std::string text;
    int status = 200;
    std::string session_id;
    std::optional<Error> error;
    bool sent = false;
  };
  void queue(Step step);
  void on_batch_end() override;
  bool take(Step& step);  // false: the sink is done with
  void head(int status, std::string_view content_type, std::string_view session_id = {});
  net::Loop& loop_;
  upstream::ResponseSink* sink_;
  ReplyOwner& owner_;
  std::vector<Step> steps_;
  bool events_ = false, head_sent_ = false, recorded_ = false, said_recorded_ = false, over_ = false, paused_ = false, queued_ = false;
};

}  // namespace callgate::bridge
