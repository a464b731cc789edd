// Graceful close: the peer shall be able to read our last words.
//
// Closing a socket with unread input sends a reset, and a reset makes the peer's kernel throw away what its program has
// not read yet (RFC 9112 section 9.6). So: flush, send FIN, read and drop what still arrives, close at the peer's FIN.
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "engine.h"
#include "output.h"
#include "sockets.h"

namespace weir {

namespace {

// What was under way when we stopped listening: two socket buffers as large as the kernel makes them, and some more.
// What comes beyond that waits in the kernel, and its sender with it: one that reads sees our FIN and stops, one that
// does not costs us no further work until its time is over.
constexpr uint32_t kDiscardMost = 16 << 20;
constexpr size_t kDiscardStep = 64 * 1024;
constexpr int32_t kFlushMs = 1000;
// While output is queued, whether the peer takes of it is looked at this many times per linger: one that stands still is given up a
// look late at most.
constexpr int kLooks = 4;

}  // namespace

void Engine::closeGracefully(int fd, Connection& c, int32_t lingerMs) {
  if (lingerMs < 0) return add(Stat::badOps);
  cancelRelays(c);
  if (c.has(kConnecting | kFailing)) return destroy(fd, c, c.has(kOverflowed));
  c.flags &= ~(kPaused | kShutdownWanted | kBlockedSaid);
  c.flags |= kLingering;
  c.discardLeft = lingerMs > 0 ? kDiscardMost : 0;
  c.lingerMs = lingerMs > 0 ? lingerMs : kFlushMs;
  c.lingerTaken = acknowledged(fd, c);
  const double now = monotonicMs();
  c.lingerUntilMs = now + c.lingerMs;
  const int32_t generation = c.generation.load(std::memory_order_relaxed);
  linger(fd, c);
  if (c.generation.load(std::memory_order_relaxed) == generation) planLook(fd, c, now);
}

// One step towards the end; may destroy the connection.
void Engine::linger(int fd, Connection& c) {
  if (c.output != nullptr) {
    if (c.has(kFailing)) destroy(fd, c, true);
    return;  // drain comes with the next edge of output
  }
  if (c.has(kPeerEnded)) return destroy(fd, c, false);
  if (!c.has(kDiscarding)) {
    if (c.discardLeft == 0) return destroy(fd, c, false);
    c.flags |= kDiscarding;
    c.lingerUntilMs = monotonicMs() + c.lingerMs;
    if (!c.has(kShutdownDone)) ::shutdown(fd, SHUT_WR);
    c.flags |= kShutdownDone | kReadable;
  }
  // After its FIN what is left is in our kernel already: it is read to the end.
  const bool listening = c.discardLeft > 0 || c.has(kHangup);
  if (c.has(kReadable) && listening && !discard(fd, c)) return destroy(fd, c, false);
}

// False: no need to wait any longer.
bool Engine::discard(int fd, Connection& c) {
  uint8_t scratch[4096];
  for (size_t step = 0; step < kDiscardStep;) {
    const ssize_t got = recv(fd, scratch, sizeof(scratch), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && wouldBlock(errno)) {
      c.flags &= ~kReadable;
      return true;
    }
    if (got <= 0) return false;
    add(Stat::bytesIn, static_cast<double>(got));
    c.discardLeft -= std::min(c.discardLeft, static_cast<uint32_t>(got));
    if (c.discardLeft == 0 && !c.has(kHangup)) return true;
    step += static_cast<size_t>(got);
  }
  wantService(fd, c);
  return true;
}

// Exactly one deadline is planned for every lingering connection.
void Engine::planLook(int fd, const Connection& c, double now) {
  const double look = now + static_cast<double>(c.lingerMs) / kLooks;
  const double at = c.output == nullptr ? c.lingerUntilMs : std::min(c.lingerUntilMs, look);
  deadlines_.add({at, fd, c.generation.load(std::memory_order_relaxed)});
}

// Is the peer still taking what is queued, or its time over? May destroy the connection.
void Engine::lookAt(int fd, Connection& c, double now) {
  if (c.output != nullptr) {
    const int32_t generation = c.generation.load(std::memory_order_relaxed);
    // The kernel announces room when a third of its buffer is free, which may be megabytes and minutes away: ask it.
    drain(fd, c);
    const uint64_t taken = acknowledged(fd, c);
    if (taken != c.lingerTaken) c.lingerUntilMs = now + c.lingerMs;
    c.lingerTaken = taken;
    linger(fd, c);
    if (c.generation.load(std::memory_order_relaxed) != generation) return;
  }
  if (now < c.lingerUntilMs) return planLook(fd, c, now);
  add(Stat::lingerTimeouts);
  // A plain close would tell a peer that we stopped reading nothing until its next byte finds no socket.
  destroy(fd, c, c.output != nullptr || c.discardLeft == 0);
}

// Deadlines that are over: lingering connections and listeners that paused.
void Engine::expire() {
  const double now = monotonicMs();
  while (hasDeadline() && deadlines_.first().atMs <= now) {
    const Deadline due = deadlines_.take();
    if (due.generation == 0) {
      resumeListener(due.fd);
      continue;
    }
    Connection& c = table::at(due.fd);
    const bool ours = c.owner.load(std::memory_order_relaxed) == config_.shard + 1 &&
                      c.generation.load(std::memory_order_relaxed) == due.generation;
    if (ours && c.has(kLingering)) lookAt(due.fd, c, now);
  }
}

}  // namespace weir
