#pragma once
// One HTTP exchange whose answer may be a long event stream; blocking, called from many threads. Connections are kept and reused.
// Follows no redirect and uses no proxy from the environment: the token goes to the gate only. Inner header of cli/.

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace callgate::cli {

struct StreamHead {
  int status = 0;
  std::string content_type, session_id;
};

struct StreamRequest {
  std::string method, url;
  std::string unix_socket;           // empty: over the network
  std::vector<std::string> headers;  // "Name: value"
  std::string_view body;
  long timeout_ms = 0;                                                      // 0: none
  std::function<bool(const StreamHead&, std::string_view piece)> on_piece;  // false ends it
  std::function<bool()> cancelled;                                          // asked about once a second and at every piece
};

struct StreamOutcome {
  StreamHead head;
  bool unsent = false;  // nobody was reached: it may be tried again
  std::string failure;  // why it broke off; empty: it ended, or on_piece ended it
};

class StreamHttp {
 public:
  StreamHttp();
  ~StreamHttp();
  StreamOutcome perform(const StreamRequest& request);

 private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

}  // namespace callgate::cli
