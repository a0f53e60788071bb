#include "app/idle_time.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <utility>

namespace callgate::app {

IdleTime::IdleTime() {
  (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), 15);
  const sched_param idle{};
  (void)::sched_setscheduler(0, SCHED_IDLE, &idle);  // of this thread
}

IdleTime::Times IdleTime::times() {
  Times now;
  std::ifstream("/proc/thread-self/schedstat") >> now.ran >> now.waited;
  return now;
}

bool IdleTime::crowded() {
  const Times before = std::exchange(last_, times());
  return last_.waited - before.waited > last_.ran - before.ran;
}

}  // namespace callgate::app
