#include "output.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace weir {

struct Chunk {
  Chunk* next;
  uint32_t start;
  uint32_t end;
  uint32_t capacity;
  uint8_t data[];
};

namespace {

// Small enough not to waste a page on the tail of a head, large enough that a blocked download needs few of them.
constexpr size_t kSmallest = 2048 - sizeof(Chunk);
constexpr size_t kLargest = 65536 - sizeof(Chunk);

Chunk* makeChunk(size_t wanted) {
  const size_t capacity = std::clamp(wanted, kSmallest, kLargest);
  auto* chunk = static_cast<Chunk*>(malloc(sizeof(Chunk) + capacity));
  if (chunk == nullptr) return nullptr;
  chunk->next = nullptr;
  chunk->start = chunk->end = 0;
  chunk->capacity = static_cast<uint32_t>(capacity);
  return chunk;
}

}  // namespace

bool Output::append(const uint8_t* data, size_t length) {
  while (length > 0) {
    if (tail == nullptr || tail->end == tail->capacity) {
      Chunk* chunk = makeChunk(length);
      if (chunk == nullptr) return false;
      (tail == nullptr ? head : tail->next) = chunk;
      tail = chunk;
    }
    const size_t fits = std::min<size_t>(length, tail->capacity - tail->end);
    memcpy(tail->data + tail->end, data, fits);
    tail->end += static_cast<uint32_t>(fits);
    bytes += fits;
    data += fits;
    length -= fits;
  }
  return true;
}

int Output::gather(iovec* spans, int max) const {
  int count = 0;
  for (Chunk* chunk = head; chunk != nullptr && count < max; chunk = chunk->next) {
    spans[count++] = {chunk->data + chunk->start, chunk->end - chunk->start};
  }
  return count;
}

void Output::consume(size_t length) {
  bytes -= length;
  while (length > 0) {
    const size_t here = std::min<size_t>(length, head->end - head->start);
    head->start += static_cast<uint32_t>(here);
    length -= here;
    if (head->start < head->end) return;
    Chunk* spent = head;
    head = head->next;
    if (head == nullptr) tail = nullptr;
    free(spent);
  }
}

Output::~Output() {
  while (head != nullptr) {
    Chunk* next = head->next;
    free(head);
    head = next;
  }
}

}  // namespace weir
