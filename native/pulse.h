// Who lives: a thread that waits for work says so by waiting. libuv notes when a loop goes to sleep and how long it has slept, before any
// callback runs and for any thread to read, so nobody has to wake to be known to live.
#pragma once
#include <uv.h>

#include <cstdint>

namespace weir {

// A thread's loop, the word of shared memory that tells when it was last known to live (monotonic ms), and those that tell how busy it is. Belongs
// to that thread, which adds and removes it; between the two any thread may hear it.
class Pulse {
 public:
  Pulse() = default;
  Pulse(const Pulse&) = delete;
  Pulse& operator=(const Pulse&) = delete;

  // `busy`, null for none: share of the time not spent waiting, smoothed; that time in all, in ms; up to when it is counted (monotonic ms). With
  // none, of a loop that is heard for the same heartbeat already: nothing is heard twice.
  void begin(uv_loop_t* loop, double* heartbeat, double* busy = nullptr);
  // Before the loop or the memory goes. Again: nothing.
  void end();
  // The thread runs, and says so itself.
  void beat();

  // Brings the words of all threads up to date. The time since the oldest heartbeat, in ms.
  static double hearAll();

 private:
  double hear();
  void measure(double nowMs, uint64_t sleptNs);

  uv_loop_t* loop_ = nullptr;
  double* heartbeat_ = nullptr;
  // When it was heard last, and how long it had slept until then: under the lock.
  double heardMs_ = 0;
  uint64_t sleptNs_ = 0;
  double* busy_ = nullptr;
  double beganMs_ = 0;
  uint64_t sleptBeforeNs_ = 0;
};

}  // namespace weir
