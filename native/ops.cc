// Op rows: checked word by word, then done. A row that names a dead handle or words out of bounds is counted and dropped.
#include <sys/epoll.h>
#include <sys/socket.h>

#include "engine.h"
#include "output.h"
#include "sockets.h"

namespace weir {

void Engine::run(int32_t rows) {
  memory_.live[kLiveOps] = 0;
  if (rows < 0 || rows > config_.opRows) return add(Stat::badOps);
  for (int32_t row = 0; row < rows;) {
    const int32_t* op = memory_.ops + row * kOpWords;
    if (op[0] == static_cast<int32_t>(Op::send)) {
      row = runSends(row, rows);
      continue;
    }
    ++row;
    if (op[0] < static_cast<int32_t>(Op::send) || op[0] > static_cast<int32_t>(Op::handover) || !table::holds(op[1])) {
      add(Stat::badOps);
    } else if (Connection* c = live(op[1], op[2])) {
      runOp(op, op[1], *c);
    } else {
      add(Stat::staleOps);
    }
  }
}

void Engine::runOp(const int32_t* op, int fd, Connection& c) {
  switch (static_cast<Op>(op[0])) {
    case Op::pause:
      c.flags |= kPaused;
      if (owesHangup(c)) wantService(fd, c);
      return;
    case Op::resume:
      return resume(fd, c);
    case Op::shutdown:
      c.flags |= kShutdownWanted;
      if (c.output == nullptr && !c.has(kConnecting)) shutdownOutput(fd, c);
      return;
    case Op::close:
      return closeGracefully(fd, c, op[3]);
    case Op::reset:
      cancelRelays(c);
      return destroy(fd, c, true);
    case Op::relay:
      return startRelay(op, fd, c);
    case Op::relayStop:
      return stopRelay(fd, c);
    case Op::handover:
      return handover(op, fd, c);
    case Op::send:
      return;  // runSends took it
  }
}

void Engine::resume(int fd, Connection& c) {
  c.flags &= ~kPaused;
  if (c.has(kReadable) && !c.has(kPeerEnded)) wantService(fd, c);
}

void Engine::shutdownOutput(int fd, Connection& c) {
  if (c.has(kShutdownDone)) return;
  c.flags |= kShutdownDone;
  ::shutdown(fd, SHUT_WR);
}

void Engine::handover(const int32_t* op, int fd, Connection& c) {
  const int shard = op[3];
  if (shard < 0 || shard >= kShards || c.has(kConnecting | kFailing | kRelaySource | kRelayTarget)) {
    return add(Stat::badOps);
  }
  const double queued = c.output == nullptr ? 0 : static_cast<double>(c.output->bytes);
  const uint32_t before = c.flags;
  // The other epoll set announces anew what is readable or writable.
  c.flags &= ~(kInReadyRing | kReadable | kWritable | kHangup | kHangupSaid | kBlockedSaid);
  c.flags |= kPaused | (c.output != nullptr ? kBlockedSaid : 0u);
  epoll_ctl(epollFd_, EPOLL_CTL_DEL, fd, nullptr);
  // Nobody there (it ended a moment ago): it comes back to us.
  using registry::Delivery;
  if (registry::deliver(fd, shard, op[4]) == Delivery::noSuchEngine &&
      registry::deliver(fd, config_.shard, op[4]) == Delivery::noSuchEngine) {
    c.flags = before;
    add(Stat::resets);
    return destroy(fd, c, true);
  }
  add(Stat::open, -1);
  add(Stat::queuedBytes, -queued);
}

}  // namespace weir
