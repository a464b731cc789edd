// The engines of the process by shard index: how threads reach one another. One lock, never on the request path.
#pragma once
#include <cstdint>

namespace weir {

class Engine;

// A connection on its way to another engine.
struct Parcel {
  int32_t fd;
  int32_t generation;
  int32_t tag;
};

namespace registry {

// False: an engine with this index lives.
bool add(int shard, Engine* engine);
void remove(int shard, Engine* engine);
bool wake(int shard);

enum class Delivery { done, noSuchEngine };
// Moves the entry to that shard's engine, or leaves it with the caller.
Delivery deliver(int fd, int shard, int32_t tag);

// Resets every connection of a shard that has no engine, and closes those that lingered with nothing left to send.
// How many were reset; -1: it has an engine.
int resetOwned(int shard);

}  // namespace registry
}  // namespace weir
