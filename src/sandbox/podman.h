#pragma once
// The other engine: a profile as arguments of rootless `podman run`. No network, read-only root, no capabilities, the same caps. Hosts
// cannot be listed with it: that is refused.

#include <string>
#include <vector>

#include "sandbox/profile.h"

namespace callgate::sandbox {

struct PodmanRun {
  std::string program;
  std::vector<std::string> argv;
  std::vector<std::string> environment;  // podman's own, and the values that argv names
};
// Whether podman can cap memory and processes of a whole container here: rootless it needs the unified control groups.
bool podman_caps_trees();
Result<PodmanRun> podman_run(const Profile& profile, const Prepared& prepared);

}  // namespace callgate::sandbox
