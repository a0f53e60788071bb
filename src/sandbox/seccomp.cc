#include "sandbox/seccomp.h"

#include <fcntl.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <initializer_list>
#include <memory>

namespace callgate::sandbox {
namespace {

constexpr std::uint64_t kNamespaceFlags = 0x7E020080;  // CLONE_NEW{TIME,NS,CGROUP,UTS,IPC,USER,PID,NET}

// Refused with EPERM, as if the caller were not allowed to; names that this kernel or architecture lacks are skipped.
constexpr std::array kRefused = {
    // into other processes
    "ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_getfd", "process_madvise", "move_pages", "migrate_pages",
    // other views of the file system
    "mount", "umount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "open_tree_attr", "fsopen", "fsconfig", "fsmount",
    "fspick", "mount_setattr", "open_by_handle_at", "name_to_handle_at", "fanotify_init", "quotactl", "quotactl_fd", "statmount",
    "listmount",
    // namespaces
    "unshare", "setns",
    // code and state in the kernel
    "bpf", "perf_event_open", "userfaultfd", "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "keyctl",
    "add_key", "request_key", "lookup_dcookie", "memfd_secret", "modify_ldt", "iopl", "ioperm", "vm86", "vm86old", "uselib", "ustat",
    "sysfs", "_sysctl", "nfsservctl", "vserver", "afs_syscall",
    // the machine
    "reboot", "swapon", "swapoff", "acct", "syslog", "vhangup", "settimeofday", "stime", "clock_settime", "clock_settime64",
    "clock_adjtime", "clock_adjtime64", "adjtimex", "sethostname", "setdomainname", "set_mempolicy", "mbind", "set_mempolicy_home_node"};

// Refused as if the kernel had never heard of them: callers have another way, whose arguments a filter can see.
constexpr std::array kUnknown = {"clone3",    "io_uring_setup", "io_uring_enter",  "io_uring_register",
                                 "fchmodat2", "openat2",        "map_shadow_stack"};

class Filter {
 public:
  Filter() : context_(seccomp_init(SCMP_ACT_ALLOW), &seccomp_release) {}
  bool made() const { return context_ != nullptr && failed_ == 0; }
  int failed() const { return failed_; }

  void refuse(const char* name, int number, std::initializer_list<scmp_arg_cmp> when = {}) {
    const int call = seccomp_syscall_resolve_name(name);
    if (call == __NR_SCMP_ERROR || context_ == nullptr) return;
    const int result = seccomp_rule_add_array(context_.get(), SCMP_ACT_ERRNO(static_cast<std::uint32_t>(number)), call,
                                              static_cast<unsigned>(when.size()), when.begin());
    if (result != 0 && result != -EDOM) failed_ = -result;
  }
  int write_to(int fd) { return seccomp_export_bpf(context_.get(), fd); }

 private:
  std::unique_ptr<void, decltype(&seccomp_release)> context_;
  int failed_ = 0;
};

scmp_arg_cmp has(unsigned argument, std::uint64_t mask, std::uint64_t bits) { return {argument, SCMP_CMP_MASKED_EQ, mask, bits}; }
scmp_arg_cmp is(unsigned argument, std::uint64_t value) { return {argument, SCMP_CMP_MASKED_EQ, 0xffffffff, value}; }

void refuse_sockets(Filter& filter) {
  // Local, IPv4, IPv6, and the netlink of addresses and routes: nothing else. Ranges between the allowed ones.
  filter.refuse("socket", EAFNOSUPPORT, {{0, SCMP_CMP_LT, AF_UNIX, 0}});
  filter.refuse("socket", EAFNOSUPPORT, {{0, SCMP_CMP_GT, AF_NETLINK, 0}});
  for (unsigned family = AF_INET + 1; family < AF_NETLINK; ++family) {
    if (family != AF_INET6) filter.refuse("socket", EAFNOSUPPORT, {is(0, family)});
  }
  filter.refuse("socket", EAFNOSUPPORT, {is(0, AF_NETLINK), {2, SCMP_CMP_NE, 0, 0}});
  filter.refuse("socketpair", EAFNOSUPPORT, {{0, SCMP_CMP_NE, AF_UNIX, 0}});
}

// A set-id file written into a shared workspace would carry the gate's rights to whoever runs it outside.
void refuse_set_id(Filter& filter) {
  for (const std::uint64_t bit : {std::uint64_t{S_ISUID}, std::uint64_t{S_ISGID}}) {
    for (const auto& [name, mode] : {std::pair{"chmod", 1U},
                                     {"fchmod", 1U},
                                     {"fchmodat", 2U},
                                     {"mkdir", 1U},
                                     {"mkdirat", 2U},
                                     {"mknod", 1U},
                                     {"mknodat", 2U},
                                     {"creat", 1U}}) {
      filter.refuse(name, EPERM, {has(mode, bit, bit)});
    }
    filter.refuse("open", EPERM, {has(1, O_CREAT, O_CREAT), has(2, bit, bit)});
    filter.refuse("openat", EPERM, {has(2, O_CREAT, O_CREAT), has(3, bit, bit)});
    filter.refuse("open", EPERM, {has(1, O_TMPFILE, O_TMPFILE), has(2, bit, bit)});
    filter.refuse("openat", EPERM, {has(2, O_TMPFILE, O_TMPFILE), has(3, bit, bit)});
  }
}

}  // namespace

Result<Descriptor> seccomp_filter() {
  Filter filter;
  for (const char* name : kRefused) filter.refuse(name, EPERM);
  for (const char* name : kUnknown) filter.refuse(name, ENOSYS);
  for (int bit = 0; bit < 32; ++bit) {
    const std::uint64_t flag = 1ULL << bit;
    if ((kNamespaceFlags & flag) != 0) filter.refuse("clone", EPERM, {has(0, flag, flag)});
  }
  // Other personalities switch protections off; 0, and asking for the present one (all bits), are fine.
  for (int bit = 0; bit < 31; ++bit) filter.refuse("personality", EPERM, {has(0, 0x80000000U | (1U << bit), 1U << bit)});
  filter.refuse("ioctl", EPERM, {is(1, 0x5412)});  // TIOCSTI: types into a terminal
  filter.refuse("ioctl", EPERM, {is(1, 0x541C)});  // TIOCLINUX
  refuse_sockets(filter);
  refuse_set_id(filter);
  if (!filter.made()) {
    return fail(Code::Unavailable, "sandbox.missing", "cannot build the system call filter: install libseccomp 2.5 or newer",
                errno_text(filter.failed()));
  }
  Descriptor file(static_cast<int>(::memfd_create("callgate-filter", MFD_CLOEXEC)));
  if (!file.open() || filter.write_to(file.get()) != 0 || ::lseek(file.get(), 0, SEEK_SET) != 0) {
    return fail(Code::Unavailable, "sandbox.start", "cannot write the system call filter: raise the limit of open files",
                errno_text(errno));
  }
  return file;
}

}  // namespace callgate::sandbox
