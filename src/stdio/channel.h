#pragma once
// One stream of whole messages with one server, and how it is had: the pipes of a process here, the two endpoints of HTTP+SSE in sse/.
// Everything above (sessions, ids, who hears what) is the same for both. On the loop of the conversations; nothing is called back from
// inside begin(), write(), stop() or kill().

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/cleared_call.h"
#include "net/loop.h"
#include "stdio/error_log.h"
#include "stdio/ticket.h"

namespace callgate::stdio {

struct Limits;

class ChannelReader {
 public:
  virtual ~ChannelReader() = default;
  virtual bool on_line(std::string_view line) = 0;  // one message; false: read no further until read_on()
  virtual void on_too_long() = 0;
  // Once; nothing comes after it. `unopened`: it never came to be, for this reason, and nothing that was written left.
  virtual void on_gone(const std::string& how, const Error* unopened) = 0;
  // What was written under this number will not be answered: the server said no to it as HTTP does, or it could not be handed over
  // whole. Number 0 is not reported.
  virtual void on_refused(std::int64_t, int /*status*/) {}
  virtual void on_unsent(std::int64_t, const Error&, bool /*sent*/) {}
};

class Channel {
 public:
  virtual ~Channel() = default;
  virtual Result<void> begin(ChannelReader& reader, std::shared_ptr<ErrorLog> log, std::uint64_t number, const ClearedCall& by) = 0;
  // Queues a message that leaves by this clearance; `number`: ours for the request it is, else 0. False: the way out is full or closed, and
  // nothing of it was or will be written.
  virtual bool write(std::string_view message, const ClearedCall& by, std::int64_t number) = 0;
  virtual void read_on() = 0;
  virtual void stop() = 0;  // in order
  virtual void kill() = 0;  // at once, as an answer to misbehaviour
  virtual bool open() const = 0;
};

// Opening may take a while: `opened` is called once, on the loop, and not before open() returned.
class Opener {
 public:
  using Opened = std::function<void(Result<std::unique_ptr<Channel>>)>;
  virtual ~Opener() = default;
  virtual void open(net::Loop& loop, const Limits& limits, const std::shared_ptr<const Spec>& spec, Opened opened) = 0;
};

// A clearance kept beyond its call: the same decision, without the bytes.
inline ClearedCall kept(const ClearedCall& call) { return call.reworded({}, {}, {}, {}); }

}  // namespace callgate::stdio
