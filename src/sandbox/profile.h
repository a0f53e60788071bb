#pragma once
// From a profile to what bubblewrap and the supervisor are told. Everything is checked here, before anything is started.

#include <string>
#include <vector>

#include "sandbox/descriptor.h"
#include "sandbox/egress_rules.h"
#include "sandbox/sandbox.h"

namespace callgate::sandbox {

inline constexpr const char* kInsideHome = "/home/sandbox";
inline constexpr const char* kBubblewrap = "/usr/bin/bwrap";  // a fixed path: never one from an environment

// A profile that passed: paths resolved, the command found.
struct Prepared {
  std::string command;                   // absolute path of the executable
  std::vector<std::string> environment;  // complete
  std::string workspace, home;           // resolved, or empty
  std::vector<std::string> read_only;    // resolved
  EgressRules egress;
  std::string directory;  // where the command starts
};
Result<Prepared> prepare(const Profile& profile, const LauncherOptions& options);

// Whose rights a server gets when the gate is root: its writable folder's owner, or a user of its own. Root only when the files demand it.
struct Owner {
  unsigned uid = 0, gid = 0;  // 0: the gate's own
  std::string why_root;       // not empty: it stays root, and this is why, with the fix
};
Owner choose_owner(const Profile& profile, const Prepared& prepared);

// What becomes visible, as arguments for bubblewrap. Descriptors it names are numbered from `first_fd` in the order of `files`.
struct View {
  std::vector<std::string> arguments;  // without the program itself and the command after `--`
  std::vector<Descriptor> files;
};
Result<View> make_view(const Profile& profile, const Prepared& prepared, int first_fd);

}  // namespace callgate::sandbox
