// Birth, death and the ways in from other threads.
#include "engine.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <ctime>

#include "output.h"

namespace weir {

namespace {

double milliseconds(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

}  // namespace

double monotonicMs() { return milliseconds(CLOCK_MONOTONIC); }

Engine::Engine(const EngineConfig& config, const EngineMemory& memory) : config_(config), memory_(memory) {}

int Engine::open() {
  epollFd_ = epoll_create1(EPOLL_CLOEXEC);
  wakeFd_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  reserveFd_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (epollFd_ < 0 || wakeFd_ < 0 || reserveFd_ < 0) return errno;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = static_cast<uint32_t>(wakeFd_);  // generation 0: not a connection
  if (epoll_ctl(epollFd_, EPOLL_CTL_ADD, wakeFd_, &event) != 0) return errno;
  readClock();
  return 0;
}

Engine::~Engine() {
  if (epollFd_ >= 0) close(epollFd_);
  if (wakeFd_ >= 0) close(wakeFd_);
  if (reserveFd_ >= 0) close(reserveFd_);
  free(relayBuffer_);
}

void Engine::readClock() {
  memory_.clock[0] = monotonicMs();
  memory_.clock[1] = milliseconds(CLOCK_REALTIME);
}

void Engine::beginLife() {
  memory_.live[kLiveRows] = memory_.live[kLiveOps] = 0;
  memory_.live[kLiveCursor] = -1;
}

void Engine::runLeft() {
  const int32_t rows = memory_.live[kLiveOps];
  if (rows > 0) run(rows);
}

void Engine::clearGauges() {
  memory_.stats[static_cast<int>(Stat::open)] = 0;
  memory_.stats[static_cast<int>(Stat::queuedBytes)] = 0;
}

void Engine::postWake() {
  const std::lock_guard<std::mutex> held(inboxLock_);
  wakeWanted_ = true;
  if (!signalled_.exchange(true)) eventfd_write(wakeFd_, 1);
}

void Engine::postParcel(Parcel parcel) {
  const std::lock_guard<std::mutex> held(inboxLock_);
  inbox_.push_back(parcel);
  if (!signalled_.exchange(true)) eventfd_write(wakeFd_, 1);
}

void Engine::inherit(const Connection& c) {
  add(Stat::open);
  if (c.output != nullptr) add(Stat::queuedBytes, static_cast<double>(c.output->bytes));
}

int32_t Engine::take(int fd, int32_t generation) {
  if (generation == 0) return 0;
  if (live(fd, generation) != nullptr) return generation;
  const int32_t fresh = registry::take(fd, generation, config_.shard);
  if (fresh == 0) return 0;
  Connection& c = table::at(fd);
  c.flags |= kPaused | (c.output != nullptr ? kBlockedSaid : 0u);
  inherit(c);
  if (watch(fd, c)) return fresh;
  destroy(fd, c, true);
  return 0;
}

void Engine::openInbox() {
  std::vector<Parcel> parcels;
  bool wake = false;
  {
    const std::lock_guard<std::mutex> held(inboxLock_);
    eventfd_t ignored;
    eventfd_read(wakeFd_, &ignored);
    signalled_.store(false);
    parcels.swap(inbox_);
    wake = wakeWanted_;
    wakeWanted_ = false;
  }
  if (wake) emit(Event::wake, 0, 0);
  for (const Parcel& parcel : parcels) {
    Connection& c = table::at(parcel.fd);
    inherit(c);
    emit(Event::takenOver, parcel.fd, parcel.generation, parcel.tag, flagsOf(parcel.fd, parcel.generation));
    if (!watch(parcel.fd, c)) fail(parcel.fd, c, errno);
  }
}

}  // namespace weir
