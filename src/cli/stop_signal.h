#pragma once
// SIGTERM and SIGINT as a readable descriptor, for as long as this lives. One at a time. Inner header of cli/.

namespace callgate::cli {

class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;
  int fd() const { return pipe_[0]; }

 private:
  int pipe_[2] = {-1, -1};
};

}  // namespace callgate::cli
