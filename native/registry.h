// The engines of the process by shard index: how threads reach one another. One lock, never on the request path.
#pragma once
#include <cstdint>
#include <vector>

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
// Takes the engine out of reach of other threads and leaves its connections to whoever takes them.
void remove(int shard, Engine* engine);
bool wake(int shard);

enum class Delivery { done, noSuchEngine };
// Moves the entry to that shard's engine, or leaves it with the caller.
Delivery deliver(int fd, int shard, int32_t tag);

// Gives a connection that a stopped engine left, and that can go on, to that shard's engine, which is the caller. The new generation; 0: not to be had.
int32_t take(int fd, int32_t generation, int shard);

// Resets every connection that a shard without an engine left, and closes those that lingered with nothing left to send.
// How many were reset; -1: it has an engine.
int resetOwned(int shard);
// Rows of kEstateWords of those that can go on; the others are ended as above. False: the shard has an engine.
bool estate(int shard, std::vector<int32_t>* rows);
// False: nobody left such a connection.
bool resetOne(int fd, int32_t generation);

}  // namespace registry
}  // namespace weir
