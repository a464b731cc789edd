#include "pulse.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <vector>

#include "engine.h"

namespace weir {

namespace {

constexpr double kNsPerMs = 1e6;

std::mutex lock;
std::vector<Pulse*> pulses;

}  // namespace

void Pulse::begin(uv_loop_t* loop, double* heartbeat) {
  const std::lock_guard<std::mutex> held(lock);
  loop_ = loop;
  heartbeat_ = heartbeat;
  heardMs_ = monotonicMs();
  sleptNs_ = uv_metrics_idle_time(loop);
  pulses.push_back(this);
}

void Pulse::end() {
  const std::lock_guard<std::mutex> held(lock);
  std::erase(pulses, this);
  heartbeat_ = nullptr;
}

void Pulse::beat() {
  if (heartbeat_ == nullptr) return;
  std::atomic_ref<double>(*heartbeat_).store(monotonicMs(), std::memory_order_relaxed);
}

void Pulse::hearAll() {
  const std::lock_guard<std::mutex> held(lock);
  for (Pulse* pulse : pulses) pulse->hear();
}

// A loop's idle time grows by itself as long as it sleeps. One that is awake and has slept for s since it was heard at t lived at t + s at
// the earliest, which is the moment of its waking if it slept once.
void Pulse::hear() {
  const double nowMs = monotonicMs();
  const uint64_t before = uv_metrics_idle_time(loop_);
  for (const uint64_t at = uv_hrtime(); uv_hrtime() == at;) {
  }
  const uint64_t slept = uv_metrics_idle_time(loop_);
  const double sinceMs = static_cast<double>(slept - sleptNs_) / kNsPerMs;
  const double livedMs = slept > before ? nowMs : std::min(nowMs, heardMs_ + sinceMs);
  const std::atomic_ref<double> shared(*heartbeat_);
  if (slept > sleptNs_ && livedMs > shared.load(std::memory_order_relaxed)) shared.store(livedMs, std::memory_order_relaxed);
  heardMs_ = nowMs;
  sleptNs_ = slept;
}

}  // namespace weir
