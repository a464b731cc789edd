// Accepting from listening sockets that belong to the acceptor.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "address.h"
#include "engine.h"
#include "sockets.h"

namespace weir {

namespace {

// Per listener and round: a flood of connections must not starve those that are served. Listeners are level-triggered, the
// rest is announced again.
constexpr int kAcceptMost = 64;
constexpr double kPauseMs = 50;
constexpr double kSayEveryMs = 1000;

bool outOfResources(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

int Engine::listen(int fd, int32_t token) {
  if (!isListening(fd)) return EINVAL;
  if (findListener(fd) != nullptr) return EEXIST;
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  const int error = watchListener(fd);
  if (error == 0) listeners_.push_back({fd, token, false, 0});
  return error;
}

void Engine::unlisten(int fd) {
  Listener* listener = findListener(fd);
  if (listener == nullptr) return;
  listeners_.erase(listeners_.begin() + (listener - listeners_.data()));
  // A socket closed before it was unlistened has left the set by itself; its number may be a connection's by now.
  if (isListening(fd)) epoll_ctl(epollFd_, EPOLL_CTL_DEL, fd, nullptr);
}

Engine::Listener* Engine::findListener(int fd) {
  for (Listener& listener : listeners_) {
    if (listener.fd == fd) return &listener;
  }
  return nullptr;
}

// Exclusive: where shards share one socket (unix), a connection need not wake them all.
int Engine::watchListener(int fd) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLEXCLUSIVE;
  event.data.u64 = static_cast<uint32_t>(fd);  // generation 0: not a connection
  return epoll_ctl(epollFd_, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : errno;
}

void Engine::acceptReady() {
  for (const int fd : readyListeners_) {
    Listener* listener = findListener(fd);
    if (listener != nullptr && !listener->paused) acceptFrom(*listener);
  }
  readyListeners_.clear();
}

void Engine::acceptFrom(Listener& listener) {
  // Half of the rows and of a small arena at most: the connections that are there get the other half.
  const int32_t rowsMost = config_.eventRows / 2;
  for (int tries = 0; tries < kAcceptMost && rows_ < rowsMost && pending_.empty(); ++tries) {
    if (arenaUsed_ + kPeerTextMax > config_.arenaBytes / 2) return;
    sockaddr_storage storage;
    auto* peer = reinterpret_cast<sockaddr*>(&storage);
    socklen_t length = sizeof(storage);
    storage.ss_family = AF_UNSPEC;
    const int fd = accept4(listener.fd, peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      if (!admit(listener, fd, peer)) return;
    } else if (wouldBlock(errno)) {
      return;
    } else if (outOfResources(errno)) {
      return exhausted(listener, errno);
    } else if (errno == EBADF || errno == EINVAL || errno == ENOTSOCK) {
      return;  // closed under us: unlisten is on its way
    } else if (errno != EINTR) {
      add(Stat::acceptAborted);
    }
  }
}

// False: out of resources, stop.
bool Engine::admit(Listener& listener, int fd, const sockaddr* peer) {
  const bool overLimit = table::addClient() > config_.maxConnections;
  if (overLimit || !table::holds(fd)) {
    table::dropClient();
    close(fd);
    add(Stat::refusedOverLimit);
    return true;
  }
  Connection& c = table::adopt(fd, config_.shard, Kind::client);
  c.token = listener.token;
  const bool local = peer->sa_family == AF_UNIX || peer->sa_family == AF_UNSPEC;
  if (local) c.flags |= kUnix;
  if (!watch(fd, c)) {
    const int error = errno;
    table::release(c);
    close(fd);
    exhausted(listener, error);
    return false;
  }
  if (!local) setNoDelay(fd);
  add(Stat::accepted);
  add(Stat::open);
  const size_t length = formatPeer(peer, reinterpret_cast<char*>(memory_.mem + arenaUsed_));
  emit(Event::accepted, fd, c.generation.load(std::memory_order_relaxed), listener.token,
       static_cast<int32_t>(arenaUsed_), static_cast<int32_t>(length), portOf(peer));
  arenaUsed_ += kPeerTextMax;
  return true;
}

// Those who wait get a close rather than silence, then accepting pauses: fds come back at the pace of closing connections.
void Engine::exhausted(Listener& listener, int error) {
  add(Stat::acceptExhausted);
  const double now = monotonicMs();
  if (now - listener.saidAtMs >= kSayEveryMs) {
    listener.saidAtMs = now;
    emit(Event::exhausted, listener.fd, 0, error);
  }
  if (error == EMFILE || error == ENFILE) turnAway(listener.fd);
  epoll_ctl(epollFd_, EPOLL_CTL_DEL, listener.fd, nullptr);
  listener.paused = true;
  deadlines_.add({now + kPauseMs, listener.fd, 0});
}

void Engine::turnAway(int listenerFd) {
  if (reserveFd_ < 0) return;
  close(reserveFd_);
  for (int tries = 0; tries < kAcceptMost; ++tries) {
    const int fd = accept4(listenerFd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) break;
    close(fd);
    add(Stat::refusedOverLimit);
  }
  reserveFd_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

void Engine::resumeListener(int fd) {
  if (reserveFd_ < 0) reserveFd_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  Listener* listener = findListener(fd);
  if (listener == nullptr || !listener->paused) return;
  listener->paused = false;
  const int error = watchListener(fd);
  if (error != 0 && outOfResources(error)) {
    listener->paused = true;
    deadlines_.add({monotonicMs() + kPauseMs, fd, 0});
  }
}

}  // namespace weir
