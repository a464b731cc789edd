// A connection's beginning and end.
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "address.h"
#include "engine.h"
#include "output.h"
#include "sockets.h"

namespace weir {

// The entry a handle names, if it names a living one of ours.
Connection* Engine::live(int fd, int32_t generation) {
  if (!table::holds(fd)) return nullptr;
  Connection& c = table::at(fd);
  if (c.owner.load(std::memory_order_relaxed) != config_.shard + 1) return nullptr;
  if (c.generation.load(std::memory_order_relaxed) != generation) return nullptr;
  return c.has(kLingering) ? nullptr : &c;
}

int32_t Engine::generationOf(int fd) const {
  if (!table::holds(fd)) return 0;
  const Connection& c = table::at(fd);
  if (c.owner.load(std::memory_order_relaxed) != config_.shard + 1 || c.has(kLingering)) return 0;
  return c.generation.load(std::memory_order_relaxed);
}

double Engine::progress(int fd, int32_t generation) {
  if (generation == 0 || generationOf(fd) != generation) return -1;
  return static_cast<double>(acknowledged(fd, table::at(fd)));
}

// The kernel says that there is room when a third of its buffer is free, and what it took tells nothing of the peer; what the peer
// acknowledged does. The answer never falls. A system call only while something was sent that may not have arrived.
uint64_t Engine::acknowledged(int fd, Connection& c) {
  if (!c.has(kInFlight) || c.has(kUnix)) return c.progress;
  int unacknowledged = 0;
  if (::ioctl(fd, SIOCOUTQ, &unacknowledged) != 0) return c.progress;
  if (unacknowledged == 0) c.flags &= ~kInFlight;
  if (unacknowledged > 0 && c.has(kShutdownDone)) --unacknowledged;  // our FIN counts as a byte behind the others
  return c.progress - std::min(c.progress, static_cast<uint64_t>(unacknowledged));
}

double Engine::queued(int fd, int32_t generation) const {
  if (generation == 0 || generationOf(fd) != generation) return -1;
  const Output* output = table::at(fd).output;
  return output == nullptr ? 0 : static_cast<double>(output->bytes);
}

int32_t Engine::flagsOf(int fd, int32_t generation) const {
  if (generation == 0 || generationOf(fd) != generation) return -1;
  const Connection& c = table::at(fd);
  return (c.has(kPeerEnded) ? kTakenOverEnded : 0) | (c.output != nullptr ? kTakenOverQueued : 0);
}

std::string Engine::peerOf(int fd, int32_t generation) const {
  if (generation == 0 || generationOf(fd) != generation) return {};
  sockaddr_storage storage{};
  auto* peer = reinterpret_cast<sockaddr*>(&storage);
  socklen_t length = sizeof(storage);
  if (getpeername(fd, peer, &length) != 0) return {};
  char text[kPeerTextMax];
  return std::string(text, formatPeer(peer, text)) + " " + std::to_string(portOf(peer));
}

// Once and for all kinds of edges: pausing, resuming and blocking cost no system call.
bool Engine::watch(int fd, const Connection& c) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  const auto generation = static_cast<uint32_t>(c.generation.load(std::memory_order_relaxed));
  event.data.u64 = static_cast<uint64_t>(generation) << 32 | static_cast<uint32_t>(fd);
  return epoll_ctl(epollFd_, EPOLL_CTL_ADD, fd, &event) == 0;
}

void Engine::wantService(int fd, Connection& c) {
  if (c.has(kInReadyRing)) return;
  c.flags |= kInReadyRing;
  ready_.push({fd, c.generation.load(std::memory_order_relaxed)});
}

int Engine::connect(std::string_view text) {
  Address address;
  if (!parseAddress(text, &address)) return -EINVAL;
  add(Stat::connects);
  int error = 0;
  const int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    error = errno;
  } else if (!table::holds(fd)) {
    error = EMFILE;
  } else {
    if (!address.isUnix()) setNoDelay(fd);
    // A unix socket whose backlog is full says EAGAIN: a failure like any other, there is nothing to wait for.
    if (::connect(fd, &address.any, address.length) != 0 && errno != EINPROGRESS) error = errno;
  }
  if (error == 0) {
    Connection& c = table::adopt(fd, config_.shard, Kind::upstream);
    c.flags |= kConnecting | (address.isUnix() ? kUnix : 0u);
    if (watch(fd, c)) {
      add(Stat::open);
      return fd;
    }
    error = errno;
    table::release(c);
  }
  if (fd >= 0) close(fd);
  add(Stat::connectFailures);
  return -error;
}

// False: it failed and is gone.
bool Engine::finishConnect(int fd, Connection& c) {
  const int error = socketError(fd);
  if (error != 0) {
    fail(fd, c, error);
    return false;
  }
  c.flags &= ~(kConnecting | kWritable);
  emit(Event::connected, fd, c.generation.load(std::memory_order_relaxed));
  if (c.output != nullptr) {
    drain(fd, c);
    if (c.output != nullptr) sayBlocked(fd, c);
  } else {
    drained(fd, c);
  }
  return true;
}

// It broke: one row says so, and the handle is dead.
void Engine::fail(int fd, Connection& c, int error) {
  const bool connecting = c.has(kConnecting);
  add(connecting ? Stat::connectFailures : Stat::resets);
  emit(connecting ? Event::connectFailed : Event::reset, fd, c.generation.load(std::memory_order_relaxed), error);
  cancelRelays(c);
  destroy(fd, c, c.has(kOverflowed));
}

void Engine::destroy(int fd, Connection& c, bool withReset) {
  dropOutput(c);
  add(Stat::open, -1);
  table::release(c);
  if (withReset) {
    closeWithReset(fd);
  } else {
    close(fd);
  }
}

void Engine::dropOutput(Connection& c) {
  if (c.output == nullptr) return;
  add(Stat::queuedBytes, -static_cast<double>(c.output->bytes));
  delete c.output;
  c.output = nullptr;
}

}  // namespace weir
