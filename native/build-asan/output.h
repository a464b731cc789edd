// What a socket did not take: a list of chunks that exists only while there is something in it.
#pragma once
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>

namespace weir {

struct Chunk;

struct Output {
  Chunk* head = nullptr;
  Chunk* tail = nullptr;
  uint64_t bytes = 0;

  // Copies. False: out of memory, what was copied before stays.
  bool append(const uint8_t* data, size_t length);
  // Fills at most `max` spans from the front; returns how many.
  int gather(iovec* spans, int max) const;
  // Drops `length` bytes from the front.
  void consume(size_t length);
  ~Output();
};

}  // namespace weir
