#pragma once
// What the gate and the small supervisor inside the sandbox (inside/init.cc) say to each other. Plain data only: the supervisor is a
// program of its own, linked with nothing else. The plan is a sealed memory file of entries: one letter, text, NUL. The control
// channel is a SOCK_SEQPACKET pair that no other process of the sandbox ever holds.

namespace callgate::sandbox::plan {

constexpr int kControlFd = 3;
constexpr int kPlanFd = 4;
constexpr int kFirstFreeFd = 5;  // filter, files and directories for bubblewrap

// Entries
constexpr char kOuterArgument = 'b';  // argv of bubblewrap; the first is its path
constexpr char kArgument = 'a';       // argv of the command
constexpr char kEnvironment = 'e';    // its environment
constexpr char kPath = 'p';           // what execve gets
constexpr char kLimit = 'r';          // `resource value`, decimal
constexpr char kListen = 'l';         // `a.b.c.d port`: listeners to hand to the gate; their presence asks for a network namespace
constexpr char kAddress = 'i';        // an address of its own for the loopback device
constexpr char kDirectory = 'd';      // working directory, when bubblewrap does not set it

// From the gate
constexpr char kGo = 'G';
constexpr char kTerminate = 'T';
constexpr char kKill = 'K';

// To the gate
constexpr char kListeners = 'L';  // carries the descriptors
constexpr char kReady = 'R';      // the kernel adds the supervisor's pid as the gate sees it
constexpr char kStarted = 'S';
constexpr char kFailed = 'E';  // value: errno; what: the step
constexpr char kExited = 'X';  // value: exit code; signal
struct Report {
  char kind = 0;
  int value = 0;
  int signal = 0;
  char what[52] = {};
};

constexpr int kListenersMax = 128;

}  // namespace callgate::sandbox::plan
