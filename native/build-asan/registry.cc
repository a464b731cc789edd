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
}  // namespace

bool add(int shard, Engine* engine) {
  const std::lock_guard<std::mutex> held(lock);
  if (engines[shard] != nullptr) return false;
  engines[shard] = engine;
  return true;
}

void remove(int shard, Engine* engine) {
  const std::lock_guard<std::mutex> held(lock);
  if (engines[shard] == engine) engines[shard] = nullptr;
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

int resetOwned(int shard) {
  const std::lock_guard<std::mutex> held(lock);
  if (engines[shard] != nullptr) return -1;
  int count = 0;
  for (int fd = 0, last = table::highest(); fd <= last; ++fd) {
    Connection& c = table::at(fd);
    if (c.owner.load(std::memory_order_acquire) != shard + 1) continue;
    // Its last words are the kernel's already: a reset would take them back.
    const bool parting = c.has(kLingering) && c.output == nullptr;
    delete c.output;
    table::release(c);
    if (parting) {
      close(fd);
    } else {
      closeWithReset(fd);
      ++count;
    }
  }
  return count;
}

}  // namespace weir::registry
