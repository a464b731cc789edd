#include "table.h"

#include <sys/mman.h>

#include <mutex>

namespace weir::table {

Connection* base = nullptr;

namespace {

std::once_flag mapped;
std::atomic<int> counts[kShards];
std::atomic<int> highestFd{0};
std::atomic<int64_t> clients{0};

int32_t next(int32_t generation) {
  const int32_t bumped = static_cast<int32_t>(static_cast<uint32_t>(generation) + 1);
  return bumped == 0 ? 1 : bumped;
}

void clear(Connection& c) {
  c.kind = Kind::none;
  c.error = 0;
  c.flags = 0;
  c.relayTo = c.relayFrom = -1;
  c.discardLeft = 0;
  c.output = nullptr;
  c.progress = c.relayLeft = c.relayed = 0;
  c.token = 0;
}

void raiseHighest(int fd) {
  int seen = highestFd.load(std::memory_order_relaxed);
  while (fd > seen && !highestFd.compare_exchange_weak(seen, fd, std::memory_order_relaxed)) {
  }
}

}  // namespace

bool map() {
  std::call_once(mapped, [] {
    // Zero pages come with the first touch of an entry: the table costs memory by the highest fd in use, not by its size.
    void* at = mmap(nullptr, sizeof(Connection) * kTableSize, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at != MAP_FAILED) base = static_cast<Connection*>(at);
  });
  return base != nullptr;
}

Connection& adopt(int fd, int shard, Kind kind) {
  Connection& c = at(fd);
  (void)c.owner.load(std::memory_order_acquire);  // pairs with release(): the last tenant's writes are over
  if (c.generation.load(std::memory_order_relaxed) == 0) c.generation.store(1, std::memory_order_relaxed);
  clear(c);
  c.kind = kind;
  counts[shard].fetch_add(1, std::memory_order_relaxed);
  raiseHighest(fd);
  c.owner.store(static_cast<uint16_t>(shard + 1), std::memory_order_release);
  return c;
}

void release(Connection& c) {
  const int shard = shardOf(c.owner.load(std::memory_order_relaxed));
  if (c.kind == Kind::client) dropClient();
  clear(c);
  c.generation.store(next(c.generation.load(std::memory_order_relaxed)), std::memory_order_relaxed);
  counts[shard].fetch_sub(1, std::memory_order_relaxed);
  c.owner.store(0, std::memory_order_release);
}

void leave(Connection& c) {
  c.flags &= kConnecting | kFailing | kOverflowed | kPeerEnded | kShutdownWanted | kShutdownDone | kLingering | kDiscarding |
             kUnix | kInFlight;
  c.relayTo = c.relayFrom = -1;
  c.discardLeft = 0;
  c.relayLeft = c.relayed = 0;
  const uint16_t owner = c.owner.load(std::memory_order_relaxed);
  c.owner.store(static_cast<uint16_t>(owner | kLeft), std::memory_order_release);
}

int32_t passOn(Connection& c, int shard) {
  const int from = shardOf(c.owner.load(std::memory_order_relaxed));
  const int32_t generation = next(c.generation.load(std::memory_order_relaxed));
  c.generation.store(generation, std::memory_order_relaxed);
  counts[from].fetch_sub(1, std::memory_order_relaxed);
  counts[shard].fetch_add(1, std::memory_order_relaxed);
  c.owner.store(static_cast<uint16_t>(shard + 1), std::memory_order_release);
  return generation;
}

int count(int shard) { return counts[shard].load(std::memory_order_relaxed); }
int highest() { return highestFd.load(std::memory_order_relaxed); }
int64_t addClient() { return clients.fetch_add(1, std::memory_order_relaxed) + 1; }
void dropClient() { clients.fetch_sub(1, std::memory_order_relaxed); }

}  // namespace weir::table
