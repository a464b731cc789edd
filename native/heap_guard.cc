#include "heap_guard.h"

#include <algorithm>
#include <atomic>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include <v8.h>
#pragma GCC diagnostic pop

namespace weir {

namespace {

// What the callback that was there before gets to work in, once ours has nothing more to give.
constexpr size_t kLastResortBytes = 4 << 20;
// A table that doubles is one allocation as large as the heap that holds it, and V8 aborts the process where that does not fit: measured
// with a Map at 128, 256 and 512 MiB, always with half as much room, never with as much. No table is larger than this.
constexpr size_t kTableMost = 1 << 30;

struct Guard {
  v8::Isolate* isolate;
  std::atomic_ref<double> alarm;
  size_t extraBytes;
  bool given = false;
  bool installed = true;
};

thread_local Guard* guard = nullptr;

// V8 asks the callback added last, and that one alone: Node's own, which ends a worker with ERR_WORKER_OUT_OF_MEMORY, has its turn
// when ours was removed. V8 reads nothing of its list after this returns.
size_t nearLimit(void* data, size_t currentBytes, size_t) {
  auto* self = static_cast<Guard*>(data);
  self->alarm.store(1, std::memory_order_relaxed);
  if (!self->given) {
    self->given = true;
    return currentBytes + std::max(self->extraBytes, std::min(currentBytes, kTableMost));
  }
  self->installed = false;
  self->isolate->RemoveNearHeapLimitCallback(nearLimit, 0);
  return currentBytes + kLastResortBytes;
}

void onCleanup(void* data) {
  auto* self = static_cast<Guard*>(data);
  if (self->installed) self->isolate->RemoveNearHeapLimitCallback(nearLimit, 0);
  guard = nullptr;
  delete self;
}

}  // namespace

bool guardHeap(napi_env env, napi_value keep, double* alarm, size_t extraBytes) {
  if (guard != nullptr) return false;
  napi_ref reference = nullptr;
  napi_create_reference(env, keep, 1, &reference);  // as long as the thread lives
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  guard = new Guard{isolate, std::atomic_ref<double>(*alarm), extraBytes};
  isolate->AddNearHeapLimitCallback(nearLimit, guard);
  napi_add_env_cleanup_hook(env, onCleanup, guard);
  return true;
}

}  // namespace weir
