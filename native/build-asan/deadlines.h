// A heap of deadlines. Entries are never removed early: what they were for is found dead by its generation when they come up.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

namespace weir {

struct Deadline {
  double atMs;
  int32_t fd;
  int32_t generation;  // 0: a listener that pauses
};

class Deadlines {
 public:
  bool empty() const { return heap_.empty(); }
  const Deadline& first() const { return heap_.front(); }

  void add(Deadline deadline) {
    heap_.push_back(deadline);
    std::push_heap(heap_.begin(), heap_.end(), later);
  }

  Deadline take() {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    const Deadline first = heap_.back();
    heap_.pop_back();
    return first;
  }

 private:
  static bool later(const Deadline& a, const Deadline& b) { return a.atMs > b.atMs; }
  std::vector<Deadline> heap_;
};

}  // namespace weir
