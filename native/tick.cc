// One round: what is ready → rows.
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "engine.h"
#include "sockets.h"

namespace weir {

namespace {

constexpr int kPollMax = 256;
// Rows one connection can yield in one step, with something to spare: connected, writable, hangup, data, end, reset, relayDone.
constexpr int32_t kRowsPerStep = 8;
constexpr uint32_t kAlign = 16;
// What the first read of a round must find, when the texts of accepted peers have used some of a small arena.
constexpr uint32_t kLeastRead = 1024;

}  // namespace

int32_t Engine::collect(bool evenIfEmpty) {
  rows_ = 0;
  arenaUsed_ = 0;
  anyRead_ = false;
  collecting_ = true;
  deliverPending();
  poll();
  if (inboxSignalled_) {
    inboxSignalled_ = false;
    openInbox();
  }
  acceptReady();
  serveReady();
  collecting_ = false;
  if (rows_ == 0 && !evenIfEmpty) return kNoBatch;
  memory_.live[kLiveCursor] = -1;
  memory_.live[kLiveRows] = rows_;
  readClock();
  add(Stat::ticks);
  add(Stat::events, rows_);
  return rows_;
}

void Engine::poll() {
  epoll_event events[kPollMax];
  const int count = epoll_wait(epollFd_, events, kPollMax, 0);
  pollFull_ = count == kPollMax;
  for (int i = 0; i < count; ++i) {
    const int fd = static_cast<int32_t>(events[i].data.u64);
    const int32_t generation = static_cast<int32_t>(events[i].data.u64 >> 32);
    if (generation != 0) {
      noteEdge(fd, generation, events[i].events);
    } else if (fd == wakeFd_) {
      inboxSignalled_ = true;
    } else {
      readyListeners_.push_back(fd);
    }
  }
}

void Engine::noteEdge(int fd, int32_t generation, uint32_t edges) {
  Connection& c = table::at(fd);
  if (c.owner.load(std::memory_order_relaxed) != config_.shard + 1 ||
      c.generation.load(std::memory_order_relaxed) != generation) {
    add(Stat::staleEvents);
    return;
  }
  if (edges & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) c.flags |= kReadable;
  if (edges & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) c.flags |= kHangup;
  if (edges & EPOLLERR) c.flags |= kFailing;
  // Every edge of input carries EPOLLOUT too: it means something only to those who wait for it.
  if ((edges & (EPOLLOUT | EPOLLHUP | EPOLLERR)) && (c.output != nullptr || c.has(kConnecting))) c.flags |= kWritable;
  const bool idle = c.has(kPaused) && !c.has(kWritable | kFailing | kRelaySource | kLingering) && !owesHangup(c);
  if (!idle) wantService(fd, c);
}

// Rows that came of ops: they are first in the batch, so `blocked` is seen before more data of its source.
void Engine::deliverPending() {
  while (pendingFrom_ < pending_.size() && rows_ < config_.eventRows) {
    const Row& row = pending_[pendingFrom_++];
    const auto kind = static_cast<Event>(row.words[0]);
    const bool ofLiving = kind == Event::blocked || kind == Event::writable || kind == Event::relayDone;
    if (ofLiving && live(row.words[1], row.words[2]) == nullptr) {
      add(Stat::staleEvents);
      continue;
    }
    std::copy_n(row.words, kEventWords, memory_.events + rows_++ * kEventWords);
  }
  if (pendingFrom_ == pending_.size()) {
    pending_.clear();
    pendingFrom_ = 0;
  }
}

void Engine::emit(Event kind, int fd, int32_t generation, int32_t a, int32_t b, int32_t c, int32_t d) {
  const Row row{{static_cast<int32_t>(kind), fd, generation, a, b, c, d, 0}};
  if (collecting_ && rows_ < config_.eventRows && pending_.empty()) {
    std::copy_n(row.words, kEventWords, memory_.events + rows_++ * kEventWords);
  } else {
    pending_.push_back(row);
  }
}

bool Engine::arenaHasRoom() const {
  const uint32_t left = config_.arenaBytes - arenaUsed_;
  return left >= config_.readBytes || (!anyRead_ && left >= kLeastRead);
}

// One step for each that was ready when the round began: whoever has more to read waits behind the others.
void Engine::serveReady() {
  for (size_t count = ready_.size(); count > 0; --count) {
    if (rows_ + kRowsPerStep > config_.eventRows || !arenaHasRoom() || !pending_.empty()) return;
    const Ready item = ready_.pop();
    Connection& c = table::at(item.fd);
    if (c.owner.load(std::memory_order_relaxed) != config_.shard + 1 ||
        c.generation.load(std::memory_order_relaxed) != item.generation) {
      continue;
    }
    c.flags &= ~kInReadyRing;
    serve(item.fd, c);
  }
}

void Engine::serve(int fd, Connection& c) {
  if (c.has(kOverflowed)) return fail(fd, c, c.error);
  if (c.has(kConnecting) && (!c.has(kWritable) || !finishConnect(fd, c))) return;
  if (c.has(kWritable)) {
    c.flags &= ~kWritable;
    if (c.output != nullptr) drain(fd, c);
  }
  if (c.has(kLingering)) return linger(fd, c);
  if (owesHangup(c)) {
    c.flags |= kHangupSaid;
    emit(Event::hangup, fd, c.generation.load(std::memory_order_relaxed));
  }
  if (c.has(kReadable) && !c.has(kPaused | kPeerEnded)) {
    const bool alive = c.has(kRelaySource) ? pump(fd, c) : receive(fd, c);
    if (!alive) return;
  }
  if (c.has(kFailing)) settleFailure(fd, c);
}

// The peer ends its side, and nobody reads up to that. Of one that broke the reset row tells.
bool Engine::owesHangup(const Connection& c) {
  return c.has(kPaused) && c.has(kHangup) && !c.has(kHangupSaid | kPeerEnded | kFailing | kConnecting);
}

// One bounded read. False: the connection is gone.
bool Engine::receive(int fd, Connection& c) {
  const uint32_t most = std::min(config_.readBytes, config_.arenaBytes - arenaUsed_);
  ssize_t got;
  do {
    got = recv(fd, memory_.mem + arenaUsed_, most, 0);
  } while (got < 0 && errno == EINTR);
  const int32_t generation = c.generation.load(std::memory_order_relaxed);
  if (got > 0) {
    emit(Event::data, fd, generation, static_cast<int32_t>(arenaUsed_), static_cast<int32_t>(got));
    arenaUsed_ = std::min(config_.arenaBytes, (arenaUsed_ + static_cast<uint32_t>(got) + kAlign - 1) & ~(kAlign - 1));
    anyRead_ = true;
    c.progress += static_cast<uint64_t>(got);
    add(Stat::bytesIn, static_cast<double>(got));
    // A short read means dry (a later byte makes a new edge), unless the end was announced with it.
    if (static_cast<uint32_t>(got) == most || c.has(kHangup)) {
      wantService(fd, c);
    } else {
      c.flags &= ~kReadable;
    }
    return true;
  }
  c.flags &= ~kReadable;
  if (got < 0) {
    if (wouldBlock(errno)) return true;
    fail(fd, c, c.error != 0 ? c.error : errno);
    return false;
  }
  // After a reset that a send ran into first, recv says 0 without any FIN; EPIPE alone says that the FIN came before the reset.
  if (c.error != 0 && c.error != EPIPE) return true;
  c.flags |= kPeerEnded;
  emit(Event::end, fd, generation);
  return true;
}

// Reports a break once nothing is left to be read first; one that is not read, paused or the source of a relay whose target
// takes nothing, does not wait for that. False: gone.
bool Engine::settleFailure(int fd, Connection& c) {
  const bool held = c.has(kPaused | kPeerEnded) || (c.has(kRelaySource) && !canTake(table::at(c.relayTo)));
  if (c.has(kReadable) && !held) return true;
  const int error = c.error != 0 ? c.error : socketError(fd);
  if (error == 0) {
    c.flags &= ~kFailing;
    return true;
  }
  fail(fd, c, error);
  return false;
}

}  // namespace weir
