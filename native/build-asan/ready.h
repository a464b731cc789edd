// Connections with work to do, first in first out. A connection is in it at most once (kInReadyRing).
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace weir {

struct Ready {
  int32_t fd;
  int32_t generation;
};

class ReadyRing {
 public:
  bool empty() const { return head_ == tail_; }
  size_t size() const { return tail_ - head_; }

  void push(Ready item) {
    if (size() == slots_.size()) grow();
    slots_[tail_++ & (slots_.size() - 1)] = item;
  }

  Ready pop() { return slots_[head_++ & (slots_.size() - 1)]; }

 private:
  void grow() {
    std::vector<Ready> larger(slots_.size() * 2);
    const size_t count = size();
    for (size_t i = 0; i < count; ++i) larger[i] = slots_[(head_ + i) & (slots_.size() - 1)];
    slots_.swap(larger);
    head_ = 0;
    tail_ = count;
  }

  std::vector<Ready> slots_ = std::vector<Ready>(256);
  size_t head_ = 0;
  size_t tail_ = 0;
};

}  // namespace weir
