#include "registry.h"

#include <mutex>

#include "engine.h"
#include "output.h"
#include "sockets.h"
#include "table.h"

namespace weir::registry {

namespace {
std::mutex lock;
Engine* engines[kShards];

// Neither end of it can be gone on with.
bool isEnding(const Connection& c) { return c.has(kConnecting | kFailing | kOverflowed | kLingering); }

// Ends what nobody serves. True: by a reset.
bool end(int fd, Connection& c) {
  // Its last words are the kernel's already: a reset would take them back.
  const bool parting = c.has(kLingering) && c.output == nullptr;
  delete c.output;
  table::release(c);
  if (parting) {
    close(fd);
  } else {
    closeWithReset(fd);
  }
  return !parting;
}

// Calls `visit` for every connection with this owner.
template <typename Visit>
void each(int owner, Visit visit) {
  for (int fd = 0, last = table::highest(); fd <= last; ++fd) {
    Connection& c = table::at(fd);
    if (c.owner.load(std::memory_order_acquire) == owner) visit(fd, c);
  }
}

int leftBy(int shard) { return (shard + 1) | kLeft; }

Connection* left(int fd, int32_t generation) {
  if (!table::holds(fd)) return nullptr;
  Connection& c = table::at(fd);
  const bool named = (c.owner.load(std::memory_order_acquire) & kLeft) != 0 &&
                     c.generation.load(std::memory_order_relaxed) == generation;
  return named ? &c : nullptr;
}

}  // namespace

bool add(int shard, Engine* engine) {
  const std::lock_guard<std::mutex> held(lock);
  if (engines[shard] != nullptr) return false;
  engines[shard] = engine;
  return true;
}

void remove(int shard, Engine* engine) {
  const std::lock_guard<std::mutex> held(lock);
  if (engines[shard] != engine) return;
  engines[shard] = nullptr;
  each(shard + 1, [](int, Connection& c) { table::leave(c); });
}

bool wake(int shard) {
  const std::lock_guard<std::mutex> held(lock);
  if (engines[shard] == nullptr) return false;
  engines[shard]->postWake();
  return true;
}

Delivery deliver(int fd, int shard, int32_t tag) {
  const std::lock_guard<std::mutex> held(lock);
  if (engines[shard] == nullptr) return Delivery::noSuchEngine;
  const int32_t generation = table::passOn(table::at(fd), shard);
  engines[shard]->postParcel({fd, generation, tag});
  return Delivery::done;
}

int32_t take(int fd, int32_t generation, int shard) {
  const std::lock_guard<std::mutex> held(lock);
  Connection* c = left(fd, generation);
  return c == nullptr || isEnding(*c) ? 0 : table::passOn(*c, shard);
}

int resetOwned(int shard) {
  const std::lock_guard<std::mutex> held(lock);
  if (engines[shard] != nullptr) return -1;
  int count = 0;
  each(leftBy(shard), [&](int fd, Connection& c) { count += end(fd, c) ? 1 : 0; });
  return count;
}

bool estate(int shard, std::vector<int32_t>* rows) {
  const std::lock_guard<std::mutex> held(lock);
  if (engines[shard] != nullptr) return false;
  each(leftBy(shard), [&](int fd, Connection& c) {
    if (isEnding(c)) {
      end(fd, c);
      return;
    }
    const int32_t words[kEstateWords] = {fd,
                                         c.generation.load(std::memory_order_relaxed),
                                         static_cast<int32_t>(c.kind),
                                         c.token,
                                         static_cast<int32_t>(static_cast<uint32_t>(c.progress)),
                                         static_cast<int32_t>(static_cast<uint32_t>(c.progress >> 32))};
    rows->insert(rows->end(), words, words + kEstateWords);
  });
  return true;
}

bool resetOne(int fd, int32_t generation) {
  const std::lock_guard<std::mutex> held(lock);
  Connection* c = left(fd, generation);
  if (c == nullptr) return false;
  end(fd, *c);
  return true;
}

}  // namespace weir::registry
