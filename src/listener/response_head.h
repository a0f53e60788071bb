#pragma once
// Response heads are always written by us, from fixed parts: nothing a peer sent is copied into them.

#include <string>

#include "base/clock.h"
#include "listener/listener.h"

namespace callgate::listener {

// The Date line, formatted once a second.
class DateLine {
 public:
  std::string_view at(const Clock& clock, MonoTime now);

 private:
  std::string line_;
  MonoTime made_{};
};

enum class BodyFraming { Length, Chunked, UntilClose };
struct HeadFacts {
  BodyFraming framing = BodyFraming::Length;
  std::size_t length = 0;
  bool close = false;           // Connection: close
  bool say_keep_alive = false;  // to an HTTP/1.0 client that asked for it
  std::string_view date_line;
};

void append_response_head(std::string& out, const ResponseHead& head, const HeadFacts& facts);
std::string error_body(const Error& error);

}  // namespace callgate::listener
