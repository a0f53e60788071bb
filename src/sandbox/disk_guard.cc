#include "sandbox/disk_guard.h"

#include <sys/statvfs.h>

#include <algorithm>

#include "telemetry/log.h"

namespace callgate::sandbox {

using std::chrono::milliseconds;

std::uint64_t free_space(const std::vector<Descriptor>& folders) {
  std::uint64_t least = ~std::uint64_t{0};
  for (const Descriptor& folder : folders) {
    struct statvfs about {};
    if (::fstatvfs(folder.get(), &about) != 0) continue;
    least = std::min(least, std::uint64_t{about.f_bavail} * about.f_frsize);
  }
  return least;
}

DiskGuard::DiskGuard(net::Loop& loop, net::Offload& looking, std::shared_ptr<Tree> tree, std::vector<Descriptor> folders, Options options)
    : loop_(loop),
      looking_(looking),
      tree_(std::move(tree)),
      folders_(std::make_shared<const std::vector<Descriptor>>(std::move(folders))),
      options_(std::move(options)),
      timer_([this] { look(); }) {
  loop_.arm(timer_, pause(options_.free_now, options_.free_min));
}

milliseconds DiskGuard::pause(std::uint64_t free_now, std::uint64_t free_min) {
  constexpr std::uint64_t kBytesPerMillisecond = 4UL * 1024 * 1024;  // 4 GB/s: the page cache takes it faster than a disk
  const std::uint64_t spare = free_now > free_min ? free_now - free_min : 0;
  return std::clamp(milliseconds(static_cast<std::int64_t>(std::min(spare, std::uint64_t{1} << 40) / kBytesPerMillisecond)),
                    milliseconds(20), milliseconds(5'000));
}

void DiskGuard::look() {
  const bool queued = looking_.run([this, folders = folders_, alive = std::weak_ptr<int>(alive_), &loop = loop_] {
    const std::uint64_t free_now = free_space(*folders);
    loop.post([this, alive, free_now] {
      if (!alive.expired()) seen(free_now);
    });
  });
  if (!queued) loop_.arm(timer_, milliseconds(1'000));
}

void DiskGuard::seen(std::uint64_t free_now) {
  if (free_now >= options_.free_min) return loop_.arm(timer_, pause(free_now, options_.free_min));
  telemetry::log_warn("stdio server ended: the disk it writes to is nearly full",
                      {{"server", options_.server}, {"free_bytes", std::to_string(free_now)}});
  tree_->kill("the disk it writes to is nearly full");
}

}  // namespace callgate::sandbox
