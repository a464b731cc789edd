// Bytes from one connection to another without waking TypeScript.
//
// A source is read only while its target's queue is empty, so what a relay holds is at most one read, and a slow target
// stops its source by the peer's own flow control. A tunnel is two relays, one each way.
//
// Large reads are cheap (on loopback 512 KiB at a time cost 0.6 of what 64 KiB do), but what a target does not take of one
// sits in its queue. So the size of the reads follows the target: doubled when it took everything, halved when not.
// Splicing through a 1 MiB pipe was tried in this very loop and cost more (285 to 317 ms of CPU per GiB, this 234 to 263).
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "engine.h"
#include "output.h"
#include "sockets.h"

namespace weir {

namespace {

constexpr uint32_t kLeastChunk = 32 * 1024;
constexpr uint32_t kFirstChunk = 64 * 1024;
constexpr uint32_t kMostChunk = 512 * 1024;
// Bytes one source may move before the others have their turn.
constexpr int64_t kRelayTurn = 1024 * 1024;

uint64_t bytesWanted(const int32_t* op) {
  if (op[5] == -1 && op[6] == -1) return kUnbounded;
  return static_cast<uint64_t>(static_cast<uint32_t>(op[6])) << 32 | static_cast<uint32_t>(op[5]);
}

}  // namespace

void Engine::startRelay(const int32_t* op, int fd, Connection& c) {
  Connection* target = live(op[3], op[4]);
  if (target == &c || c.has(kRelaySource)) return add(Stat::badOps);
  if (target == nullptr) {
    add(Stat::staleOps);
    c.flags |= kPaused;
    if (owesHangup(c)) wantService(fd, c);
    return sayRelayDone(fd, c, RelayEnd::broken, 0);
  }
  if (target->has(kRelayTarget | kShutdownWanted)) return add(Stat::badOps);
  c.flags = (c.flags & ~kPaused) | kRelaySource;
  c.relayTo = op[3];
  c.relayLeft = bytesWanted(op);
  c.relayed = 0;
  c.relayChunk = kFirstChunk;
  target->flags |= kRelayTarget;
  target->relayFrom = fd;
  if (c.has(kReadable)) wantService(fd, c);  // whatever becomes of the relay: a source that was paused is not any more
  if (target->error != 0) return endRelay(fd, c, RelayEnd::broken);
  if (c.relayLeft == 0) return endRelay(fd, c, RelayEnd::complete);
  if (c.has(kPeerEnded)) return endRelay(fd, c, RelayEnd::ended);
}

void Engine::stopRelay(int fd, Connection& c) {
  if (c.has(kRelaySource)) endRelay(fd, c, RelayEnd::stopped);
}

bool Engine::canTake(const Connection& target) const { return target.output == nullptr && !target.has(kConnecting); }

// Moves a bounded amount. False: the source is gone.
bool Engine::pump(int fd, Connection& c) {
  if (relayBuffer_ == nullptr) relayBuffer_ = static_cast<uint8_t*>(malloc(kMostChunk));
  if (relayBuffer_ == nullptr) {
    fail(fd, c, ENOMEM);
    return false;
  }
  Connection& target = table::at(c.relayTo);
  int64_t budget = kRelayTurn;
  while (budget > 0 && c.has(kRelaySource) && c.has(kReadable) && canTake(target)) {
    if (!pumpOnce(fd, c, target, &budget)) return false;
  }
  // Out of turn, or the relay is over and what follows is for TypeScript; a full target wakes its source when it has drained.
  const bool more = c.has(kReadable) && !c.has(kPaused | kPeerEnded);
  if (more && (!c.has(kRelaySource) || canTake(target))) wantService(fd, c);
  return true;
}

bool Engine::pumpOnce(int fd, Connection& c, Connection& target, int64_t* budget) {
  const size_t most = std::min({c.relayLeft, static_cast<uint64_t>(c.relayChunk), config_.queueCap});
  ssize_t got;
  do {
    got = recv(fd, relayBuffer_, most, 0);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && !wouldBlock(errno)) {
    fail(fd, c, c.error != 0 ? c.error : errno);
    return false;
  }
  if (got <= 0) {
    c.flags &= ~kReadable;
    if (got < 0 || (c.error != 0 && c.error != EPIPE)) return true;
    c.flags |= kPeerEnded;
    endRelay(fd, c, RelayEnd::ended);
    return true;
  }
  const auto length = static_cast<size_t>(got);
  if (length < most && !c.has(kHangup)) c.flags &= ~kReadable;
  c.progress += length;
  c.relayed += length;
  if (c.relayLeft != kUnbounded) c.relayLeft -= length;
  *budget -= got;
  add(Stat::bytesIn, static_cast<double>(length));
  add(Stat::bytesRelayed, static_cast<double>(length));
  if (!forward(c.relayTo, target, length)) {
    c.relayChunk = std::max(c.relayChunk / 2, kLeastChunk);
  } else if (length == c.relayChunk) {
    c.relayChunk = std::min(c.relayChunk * 2, kMostChunk);
  }
  if (c.has(kRelaySource) && c.relayLeft == 0) endRelay(fd, c, RelayEnd::complete);
  return true;
}

// Gives the target the front of the relay buffer; true if it took everything at once. TypeScript is not told of a queue that
// only a relay fills.
bool Engine::forward(int fd, Connection& target, size_t length) {
  iovec span{relayBuffer_, length};
  const size_t sent = offer(fd, target, &span, 1);
  if (sent < length && target.error == 0) enqueue(fd, target, relayBuffer_ + sent, length - sent);
  return sent == length;
}

void Engine::endRelay(int fd, Connection& c, RelayEnd how) {
  Connection& target = table::at(c.relayTo);
  target.flags &= ~kRelayTarget;
  target.relayFrom = -1;
  c.flags &= ~kRelaySource;
  c.relayTo = -1;
  if (how == RelayEnd::broken || how == RelayEnd::stopped) c.flags |= kPaused;
  if (owesHangup(c)) wantService(fd, c);
  sayRelayDone(fd, c, how, c.relayed);
}

void Engine::sayRelayDone(int fd, const Connection& c, RelayEnd how, uint64_t bytes) {
  emit(Event::relayDone, fd, c.generation.load(std::memory_order_relaxed), static_cast<int32_t>(how),
       static_cast<int32_t>(static_cast<uint32_t>(bytes)), static_cast<int32_t>(static_cast<uint32_t>(bytes >> 32)));
}

// The connection goes away: as a source its relay ends in silence, as a target it is broken.
void Engine::cancelRelays(Connection& c) {
  if (c.has(kRelaySource)) {
    Connection& target = table::at(c.relayTo);
    target.flags &= ~kRelayTarget;
    target.relayFrom = -1;
    c.flags &= ~kRelaySource;
    c.relayTo = -1;
  }
  breakRelayInto(c);
}

void Engine::breakRelayInto(Connection& target) {
  if (target.has(kRelayTarget)) endRelay(target.relayFrom, table::at(target.relayFrom), RelayEnd::broken);
}

}  // namespace weir
