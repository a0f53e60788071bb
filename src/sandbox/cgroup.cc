#include "sandbox/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <optional>

namespace callgate::sandbox {
namespace {

constexpr std::string_view kLeaf = "/gate";

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

std::string read_text(const std::string& path) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  char piece[4096];
  for (ssize_t got = 0; file.open() && (got = ::read(file.get(), piece, sizeof piece)) > 0;)
    text.append(piece, static_cast<std::size_t>(got));
  return text;
}

bool write_text(const std::string& path, const std::string& text) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return file.open() && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

// The group of this process: the line of `controller`, empty name for version 2.
std::optional<std::string> own_group(const std::string& text, std::string_view controller) {
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    const std::string_view line = std::string_view(text).substr(at, end - at);
    at = end + 1;
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    const std::string names = "," + std::string(line.substr(first + 1, second - first - 1)) + ",";
    if (names == (controller.empty() ? ",," : "," + std::string(controller) + ",") ||
        (!controller.empty() && names.find("," + std::string(controller) + ",") != std::string::npos)) {
      return std::string(line.substr(second + 1));
    }
  }
  return std::nullopt;
}

std::string prefix() { return "callgate-" + std::to_string(::getpid()) + "-"; }

bool can_make(const std::string& base) {
  const std::string probe = base + "/" + prefix() + "probe";
  if (::mkdir(probe.c_str(), 0755) != 0 && errno != EEXIST) return false;
  ::rmdir(probe.c_str());
  return true;
}

// Groups of gates that ended without cleaning up: callgate-<pid>-<n> of a pid that is gone.
void sweep(const std::string& base) {
  DIR* folder = ::opendir(base.c_str());
  if (folder == nullptr) return;
  while (const dirent* entry = ::readdir(folder)) {
    const std::string_view name = entry->d_name;
    if (!name.starts_with("callgate-")) continue;
    int pid = 0;
    const auto [end, error] = std::from_chars(name.data() + 9, name.data() + name.size(), pid);
    if (error != std::errc() || end == name.data() + name.size() || *end != '-' || pid <= 0) continue;
    if (::kill(pid, 0) != 0 && errno == ESRCH) ::rmdir((base + "/" + std::string(name)).c_str());
  }
  ::closedir(folder);
}

bool has_words(const std::string& text, std::initializer_list<std::string_view> words) {
  std::string spaced = " " + text + " ";
  for (char& c : spaced) c = c == '\n' ? ' ' : c;
  for (const auto word : words) {
    if (spaced.find(" " + std::string(word) + " ") == std::string::npos) return false;
  }
  return true;
}

}  // namespace

void Cgroup::kill() const {
  for (const std::string& folder : folders_) (void)write_text(folder + "/cgroup.kill", "1");
}

bool Cgroup::out_of_memory() const {
  for (const std::string& folder : folders_) {
    for (const char* name : {"/memory.events", "/memory.oom_control"}) {  // version 2, version 1
      const std::string text = "\n" + read_text(folder + name);
      const auto at = text.find("\noom_kill ");
      if (at != std::string::npos && text.compare(at + 10, 2, "0\n") != 0) return true;
    }
  }
  return false;
}

bool Cgroup::remove() {
  entrances_.clear();
  while (!folders_.empty()) {
    if (::rmdir(folders_.back().c_str()) != 0 && errno != ENOENT) return false;
    folders_.pop_back();
  }
  return true;
}

Cgroups Cgroups::find(const std::vector<std::string>& roots, const std::string& membership) {
  Cgroups found;
  const std::string groups = read_text(membership);
  found.why_not_ = "no control group file system is mounted";
  for (const std::string& root : roots) {
    if (exists(root + "/cgroup.controllers")) {
      found.find_unified(root, groups);
    } else if (exists(root)) {
      found.find_divided(root, groups);
    }
  }
  if (found.memory()) sweep(found.memory_base_);
  if (found.processes() && found.processes_base_ != found.memory_base_) sweep(found.processes_base_);
  return found;
}

void Cgroups::find_unified(const std::string& root, const std::string& groups) {
  const auto own = own_group(groups, "");
  if (!own) return;
  std::string base = root + (*own == "/" ? "" : *own);
  if (base.ends_with(kLeaf)) {  // where an earlier look has put us
    const std::string parent = base.substr(0, base.size() - kLeaf.size());
    if (has_words(read_text(parent + "/cgroup.subtree_control"), {"memory", "pids"})) base = parent;
  }
  why_not_ = "the gate's own control group is not delegated to it";
  if (!has_words(read_text(base + "/cgroup.controllers"), {"memory", "pids"})) return;
  const std::string control = base + "/cgroup.subtree_control";
  if (!has_words(read_text(control), {"memory", "pids"}) && !write_text(control, "+memory +pids")) {
    // A group with processes of its own cannot have limited groups below it: step aside, but only when nobody else is in it.
    const std::string self = std::to_string(::getpid());
    if (errno != EBUSY || read_text(base + "/cgroup.procs") != self + "\n") return;
    const std::string leaf = base + std::string(kLeaf);
    if (::mkdir(leaf.c_str(), 0755) != 0 && errno != EEXIST) return;
    if (!write_text(leaf + "/cgroup.procs", self) || !write_text(control, "+memory +pids")) return;
  }
  if (!can_make(base)) return;
  unified_ = true;
  memory_base_ = processes_base_ = base;
}

void Cgroups::find_divided(const std::string& root, const std::string& groups) {
  why_not_ = "the control groups are not writable by this user";
  for (const char* controller : {"memory", "pids"}) {
    const auto own = own_group(groups, controller);
    if (!own) continue;
    const std::string mount = root + "/" + controller;
    std::string base = mount + (*own == "/" ? "" : *own);
    if (!exists(base)) base = mount;  // in a container the path may be the host's
    if (!exists(base + "/cgroup.procs") || !can_make(base)) continue;
    (std::string_view(controller) == "memory" ? memory_base_ : processes_base_) = base;
  }
}

Cgroup Cgroups::make(std::uint64_t memory_bytes_max, std::uint32_t processes_max) {
  Cgroup made;
  const std::string name = prefix() + std::to_string(next_++);
  const auto enter = [&](const std::string& base) -> std::string {
    const std::string folder = base + "/" + name;
    if (!made.folders_.empty() && made.folders_.front() == folder) return folder;
    if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST) return {};
    Descriptor entrance(::open((folder + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
    made.folders_.push_back(folder);
    if (!entrance.open()) return {};
    made.entrances_.push_back(std::move(entrance));
    return folder;
  };
  if (memory() && memory_bytes_max > 0) {
    const std::string folder = enter(memory_base_), amount = std::to_string(memory_bytes_max);
    if (!folder.empty()) made.memory_ = write_text(folder + (unified_ ? "/memory.max" : "/memory.limit_in_bytes"), amount);
    if (made.memory_ && unified_) {
      (void)write_text(folder + "/memory.swap.max", "0");
      (void)write_text(folder + "/memory.oom.group", "1");
    } else if (made.memory_) {
      (void)write_text(folder + "/memory.memsw.limit_in_bytes", amount);
    }
  }
  if (processes() && processes_max > 0) {
    const std::string folder = enter(processes_base_);
    // bubblewrap and the supervisor are two of them.
    if (!folder.empty()) made.processes_ = write_text(folder + "/pids.max", std::to_string(processes_max + 2));
  }
  return made;
}

}  // namespace callgate::sandbox
