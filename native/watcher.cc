#include "watcher.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "engine.h"
#include "pulse.h"

namespace weir {

namespace {

constexpr double kMostWaitMs = 86'400'000;

uint64_t load(const uint64_t* word) {
  return std::atomic_ref<uint64_t>(*const_cast<uint64_t*>(word)).load(std::memory_order_acquire);
}

}  // namespace

napi_value Watcher::begin(napi_env env, const double* pace, const std::vector<const uint64_t*>& words, napi_value look) {
  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return nullptr;
  auto* self = new Watcher(env, pace);
  if (napi_add_async_cleanup_hook(env, onCleanup, self, &self->hook_) != napi_ok) {
    delete self;
    return nullptr;
  }
  uv_timer_init(loop, &self->timer_);
  uv_unref(reinterpret_cast<uv_handle_t*>(&self->timer_));
  self->timer_.data = self;
  for (const uint64_t* word : words) self->words_.push_back({word, load(word)});
  self->calledMs_ = monotonicMs();
  napi_value stop = self->expose(look);
  if (stop != nullptr) self->arm();
  return stop;
}

// From now on the environment's end is ours, too, whatever fails here.
napi_value Watcher::expose(napi_value look) {
  napi_value resource = nullptr, name = nullptr, stop = nullptr;
  napi_create_object(env_, &resource);
  napi_create_string_utf8(env_, "weir:watcher", NAPI_AUTO_LENGTH, &name);
  const auto onStop = [](napi_env env, napi_callback_info info) -> napi_value {
    void* self = nullptr;
    napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &self);
    static_cast<Watcher*>(self)->halt();
    return nullptr;
  };
  const bool made = napi_create_reference(env_, resource, 1, &resource_) == napi_ok &&
                    napi_create_reference(env_, look, 1, &look_) == napi_ok &&
                    napi_async_init(env_, resource, name, &context_) == napi_ok &&
                    napi_create_function(env_, "stop", NAPI_AUTO_LENGTH, onStop, this, &stop) == napi_ok;
  return made ? stop : nullptr;
}

void Watcher::arm() {
  if (halted_) return;
  const double leftMs = calledMs_ + pace_[kMostMs] - monotonicMs();
  const double waitMs = std::min({pace_[kEveryMs], leftMs, kMostWaitMs});
  const double wholeMs = waitMs >= 1 ? std::ceil(waitMs) : 1;  // 1 where it is no number
  uv_timer_start(&timer_, [](uv_timer_t* timer) { static_cast<Watcher*>(timer->data)->look(); },
                 static_cast<uint64_t>(wholeMs), 0);
}

void Watcher::look() {
  const double nowMs = monotonicMs();
  if (sees(nowMs)) {
    calledMs_ = nowMs;
    call();
  }
  arm();
}

// All of it, whatever comes first: what was seen is not news with the next look.
bool Watcher::sees(double nowMs) {
  bool any = nowMs - calledMs_ >= pace_[kMostMs];
  for (Word& word : words_) {
    const uint64_t is = load(word.at);
    any |= is != word.seen;
    word.seen = is;
  }
  return (pace_[kSilentMs] > 0 && Pulse::hearAll() >= pace_[kSilentMs]) || any;
}

void Watcher::call() {
  napi_handle_scope scope = nullptr;
  napi_open_handle_scope(env_, &scope);
  napi_value resource = nullptr, look = nullptr, thrown = nullptr;
  napi_get_reference_value(env_, resource_, &resource);
  napi_get_reference_value(env_, look_, &look);
  napi_callback_scope callback = nullptr;
  if (napi_open_callback_scope(env_, resource, context_, &callback) == napi_ok) {
    const napi_status status = napi_call_function(env_, resource, look, 0, nullptr, nullptr);
    const bool goesOn = status == napi_ok || (status == napi_pending_exception &&
                                              napi_get_and_clear_last_exception(env_, &thrown) == napi_ok &&
                                              napi_fatal_exception(env_, thrown) == napi_ok);
    if (!goesOn) halt();
    napi_close_callback_scope(env_, callback);
  } else {
    halt();  // the thread is being terminated
  }
  napi_close_handle_scope(env_, scope);
}

void Watcher::halt() {
  halted_ = true;
  uv_timer_stop(&timer_);
}

void Watcher::onCleanup(napi_async_cleanup_hook_handle, void* data) {
  auto* self = static_cast<Watcher*>(data);
  self->halt();
  for (const napi_ref reference : {self->resource_, self->look_}) {
    if (reference != nullptr) napi_delete_reference(self->env_, reference);
  }
  if (self->context_ != nullptr) napi_async_destroy(self->env_, self->context_);
  uv_close(reinterpret_cast<uv_handle_t*>(&self->timer_), [](uv_handle_t* timer) {
    auto* closed = static_cast<Watcher*>(timer->data);
    napi_remove_async_cleanup_hook(closed->hook_);
    delete closed;
  });
}

}  // namespace weir
