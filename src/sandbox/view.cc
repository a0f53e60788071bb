#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>

#include "sandbox/inside_image.h"
#include "sandbox/profile.h"
#include "sandbox/seccomp.h"

namespace callgate::sandbox {
namespace {

// The parts of /etc that programs cannot do without. No passwords, no keys, no host names of the machine.
constexpr std::array kEtc{"/etc/alternatives",
                          "/etc/ld.so.cache",
                          "/etc/ld.so.conf",
                          "/etc/ld.so.conf.d",
                          "/etc/localtime",
                          "/etc/timezone",
                          "/etc/ssl/certs",
                          "/etc/ssl/openssl.cnf",
                          "/etc/ca-certificates",
                          "/etc/pki/tls/certs",
                          "/etc/pki/ca-trust/extracted",
                          "/etc/mime.types",
                          "/etc/protocols",
                          "/etc/services",
                          "/etc/os-release",
                          "/etc/debian_version",
                          "/etc/locale.alias",
                          "/etc/python3",
                          "/etc/python3.11",
                          "/etc/magic",
                          "/etc/fonts"};

constexpr std::string_view kPasswd =
    "sandbox:x:1000:1000:sandbox:/home/sandbox:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n";
constexpr std::string_view kGroup = "sandbox:x:1000:\nnogroup:x:65534:\n";
constexpr std::string_view kNames = "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n";

class Builder {
 public:
  explicit Builder(int first_fd) : next_fd_(first_fd) {}

  template <class... Words> void add(Words&&... words) { (view.arguments.emplace_back(std::forward<Words>(words)), ...); }

  std::string pass(Descriptor file) {
    view.files.push_back(std::move(file));
    return std::to_string(next_fd_++);
  }

  Result<void> add_file(std::string_view content, const char* where, const char* permissions) {
    CG_TRY(Descriptor file, memory_file("callgate-sandbox", content));
    add("--perms", permissions, "--ro-bind-data", pass(std::move(file)), where);
    return {};
  }

  // Opened here and compared, so that what was checked is what is bound, whatever is renamed meanwhile.
  Result<void> bind_folder(const std::string& path, bool writable) {
    Descriptor folder(::open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    char now[PATH_MAX] = {};
    const std::string link = "/proc/self/fd/" + std::to_string(folder.get());
    const ssize_t size = folder.open() ? ::readlink(link.c_str(), now, sizeof now - 1) : -1;
    if (size < 0 || path != std::string_view(now, static_cast<std::size_t>(size))) {
      return fail(Code::InvalidArgument, "sandbox.workspace", "folder `" + path + "` moved while it was looked at: try again",
                  errno_text(errno));
    }
    add(writable ? "--bind-fd" : "--ro-bind-fd", pass(std::move(folder)), path);
    return {};
  }

  View view;

 private:
  int next_fd_;
};

void add_system(Builder& builder) {
  builder.add("--ro-bind", "/usr", "/usr");
  for (const char* name : {"/bin", "/sbin", "/lib", "/lib64", "/lib32", "/libx32"}) {
    struct stat about {};
    if (::lstat(name, &about) != 0) continue;
    if (S_ISLNK(about.st_mode)) {
      char target[PATH_MAX] = {};
      if (::readlink(name, target, sizeof target - 1) > 0) builder.add("--symlink", target, name);
    } else {
      builder.add("--ro-bind", name, name);
    }
  }
  for (const char* name : kEtc) builder.add("--ro-bind-try", name, name);
}

std::string hosts_file(const Prepared& prepared) {
  std::string text = "127.0.0.1 localhost\n::1 localhost\n127.0.1.1 sandbox\n";
  for (const EgressName& name : prepared.egress.names()) {
    if (!name.literal) text += name.address + " " + name.host + "\n";
  }
  return text;
}

void add_scratch(Builder& builder, const Profile& profile, const Prepared& prepared) {
  const auto tmpfs = [&](const char* where, const char* permissions) {
    builder.add("--perms", permissions);
    if (profile.scratch_bytes_max > 0) builder.add("--size", std::to_string(profile.scratch_bytes_max));
    builder.add("--tmpfs", where);
  };
  tmpfs("/dev/shm", "1777");
  builder.add("--remount-ro", "/dev");
  tmpfs("/tmp", "1777");
  builder.add("--symlink", "/tmp", "/var/tmp");
  if (prepared.home.empty()) tmpfs(kInsideHome, "0700");
}

// Whether this process may become that user: in a container's user namespace there may be few, or only one.
bool user_exists(unsigned uid) {
  std::FILE* map = std::fopen("/proc/self/uid_map", "re");
  unsigned inside = 0, outside = 0, count = 0;
  bool found = false;
  while (map != nullptr && std::fscanf(map, "%u %u %u", &inside, &outside, &count) == 3) {
    found = found || (uid >= inside && uid - inside < count);
  }
  if (map != nullptr) std::fclose(map);
  return found;
}

// A user id that nobody else on the machine has, the same for one server at each start; else nobody's; 0: there is no other.
unsigned user_of(std::string_view server) {
  constexpr unsigned kFirst = 1'900'000'000, kCount = 100'000'000, kNobody = 65534;  // a range left free by all conventions
  std::uint32_t hash = 2166136261U;
  for (const char c : server) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  const unsigned own = kFirst + hash % kCount;
  return user_exists(own) ? own : user_exists(kNobody) ? kNobody : 0;
}

// Every folder on the way lets this user through, and the last one has these rights for it.
bool may_use(const std::string& path, unsigned uid, unsigned rights) {
  for (std::size_t at = path.find('/', 1);; at = path.find('/', at + 1)) {
    const bool last = at == std::string::npos;
    struct stat about {};
    if (::stat(path.substr(0, at).c_str(), &about) != 0) return false;
    const unsigned wanted = last ? rights : 01U;
    const unsigned given = about.st_uid == uid ? (about.st_mode >> 6) & 07 : about.st_mode & 07;
    if ((given & wanted) != wanted) return false;
    if (last) return true;
  }
}

}  // namespace

Owner choose_owner(const Profile& profile, const Prepared& prepared) {
  if (::geteuid() != 0 || !profile.confined) return {};
  const unsigned own = user_of(profile.name);
  if (own == 0) return {};  // root of a namespace of one user is no root
  Owner owner{own, own, {}};
  const auto consider = [&](const std::string& path, unsigned rights) {
    struct stat about {};
    if (path.empty() || ::stat(path.c_str(), &about) != 0) return;
    if ((about.st_mode & rights) != rights && about.st_uid != 0) {
      owner.uid = about.st_uid;
      owner.gid = about.st_gid;
    }
    if (!may_use(path, owner.uid, rights)) {
      owner.why_root = "runs with root's user id, because only root can use `" + path + "`: give the folder to the user it is for";
    }
  };
  for (const std::string& tree : prepared.read_only) consider(tree, 05);
  consider(prepared.home, 07);
  consider(prepared.workspace, profile.access == Access::ReadWrite ? 07 : 05);  // the last word
  if (!owner.why_root.empty()) owner.uid = owner.gid = 0;
  return owner;
}

Result<View> make_view(const Profile& profile, const Prepared& prepared, int first_fd) {
  Builder builder(first_fd);
  const bool own_network = prepared.egress.none();
  builder.add("--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup", "--disable-userns");
  if (own_network) builder.add("--unshare-net");  // with listed hosts the supervisor has made one already
  builder.add("--uid", "1000", "--gid", "1000", "--hostname", "sandbox", "--cap-drop", "ALL");
  builder.add("--die-with-parent", "--new-session", "--as-pid-1");
  add_system(builder);
  CG_CHECK(builder.add_file(kPasswd, "/etc/passwd", "0444"));
  CG_CHECK(builder.add_file(kGroup, "/etc/group", "0444"));
  CG_CHECK(builder.add_file(kNames, "/etc/nsswitch.conf", "0444"));
  CG_CHECK(builder.add_file(hosts_file(prepared), "/etc/hosts", "0444"));
  if (prepared.egress.everything()) builder.add("--ro-bind-try", "/etc/resolv.conf", "/etc/resolv.conf");
  builder.add("--proc", "/proc", "--remount-ro", "/proc", "--dev", "/dev");
  add_scratch(builder, profile, prepared);
  for (const std::string& tree : prepared.read_only) CG_CHECK(builder.bind_folder(tree, false));
  if (!prepared.home.empty()) CG_CHECK(builder.bind_folder(prepared.home, true));
  if (!prepared.workspace.empty()) CG_CHECK(builder.bind_folder(prepared.workspace, profile.access == Access::ReadWrite));
  CG_TRY(Descriptor supervisor, inside_image());
  builder.add("--perms", "0555", "--file", builder.pass(std::move(supervisor)), "/.supervisor");
  CG_TRY(Descriptor filter, seccomp_filter());
  builder.add("--seccomp", builder.pass(std::move(filter)));
  builder.add("--remount-ro", "/", "--chdir", prepared.directory);
  return std::move(builder.view);
}

}  // namespace callgate::sandbox
