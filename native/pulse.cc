#include "pulse.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <vector>

#include "engine.h"

namespace weir {

namespace {

constexpr double kNsPerMs = 1e6;
// Time constant of how busy a thread is: long enough that steering by it settles.
constexpr double kSmoothingMs = 2000;

enum BusyWord { kShare, kTotalMs, kAtMs };

void store(double* word, double value) { std::atomic_ref<double>(*word).store(value, std::memory_order_relaxed); }

std::mutex lock;
std::vector<Pulse*> pulses;

}  // namespace

void Pulse::begin(uv_loop_t* loop, double* heartbeat, double* busy) {
  const std::lock_guard<std::mutex> held(lock);
  loop_ = loop;
  heartbeat_ = heartbeat;
  heardMs_ = beganMs_ = monotonicMs();
  sleptNs_ = sleptBeforeNs_ = uv_metrics_idle_time(loop);
  busy_ = busy;
  if (busy != nullptr) {
    store(busy + kShare, 0);
    store(busy + kTotalMs, 0);
    store(busy + kAtMs, beganMs_);
  }
  const auto same = [=](const Pulse* other) { return other->loop_ == loop && other->heartbeat_ == heartbeat; };
  if (busy != nullptr || std::none_of(pulses.begin(), pulses.end(), same)) pulses.push_back(this);
}

void Pulse::end() {
  const std::lock_guard<std::mutex> held(lock);
  std::erase(pulses, this);
  heartbeat_ = nullptr;
}

void Pulse::beat() {
  if (heartbeat_ != nullptr) store(heartbeat_, monotonicMs());
}

double Pulse::hearAll() {
  const std::lock_guard<std::mutex> held(lock);
  double oldestMs = 0;
  for (Pulse* pulse : pulses) oldestMs = std::max(oldestMs, pulse->hear());
  return oldestMs;
}

// A loop's idle time grows by itself as long as it sleeps. One that is awake and has slept for s since it was heard at t lived at t + s at
// the earliest, which is the moment of its waking if it slept once.
double Pulse::hear() {
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
  if (busy_ != nullptr) measure(nowMs, slept);
  return nowMs - shared.load(std::memory_order_relaxed);
}

// Busy is whatever is not waiting in the loop's poll: reading and sending of the engine included, and a collection, and a wait for a CPU.
void Pulse::measure(double nowMs, uint64_t sleptNs) {
  const double elapsedMs = nowMs - busy_[kAtMs];
  if (elapsedMs <= 0) return;
  const double totalMs = nowMs - beganMs_ - static_cast<double>(sleptNs - sleptBeforeNs_) / kNsPerMs;
  const double moreMs = std::max(0.0, totalMs - busy_[kTotalMs]);
  const double share = std::min(1.0, moreMs / elapsedMs);
  store(busy_ + kShare, busy_[kShare] + (share - busy_[kShare]) * (1 - std::exp(-elapsedMs / kSmoothingMs)));
  store(busy_ + kTotalMs, busy_[kTotalMs] + moreMs);
  store(busy_ + kAtMs, nowMs);
}

}  // namespace weir
