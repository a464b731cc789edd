// Who lives: a thread that waits for work says so by waiting. libuv notes when a loop goes to sleep and how long it has slept, before any
// callback runs and for any thread to read, so nobody has to wake to be known to live.
#pragma once
#include <uv.h>

#include <cstdint>

namespace weir {

// A thread's loop and the word of shared memory that tells when it was last known to live (monotonic ms). Belongs to that thread, which
// adds and removes it; between the two any thread may hear it.
class Pulse {
 public:
  Pulse() = default;
  Pulse(const Pulse&) = delete;
  Pulse& operator=(const Pulse&) = delete;

  void begin(uv_loop_t* loop, double* heartbeat);
  // Before the loop or the memory goes. Again: nothing.
  void end();
  // The thread runs, and says so itself.
  void beat();

  // Brings the words of all threads up to date.
  static void hearAll();

 private:
  void hear();

  uv_loop_t* loop_ = nullptr;
  double* heartbeat_ = nullptr;
  // When it was heard last, and how long it had slept until then: under the lock.
  double heardMs_ = 0;
  uint64_t sleptNs_ = 0;
};

}  // namespace weir
