#include "host.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "registry.h"

namespace weir {

namespace {

// Rounds per call of the loop: enough to use what became ready meanwhile without the loop's own system calls, few enough
// that timers and messages of the thread do not wait.
constexpr int kRounds = 4;
constexpr double kDeadlineGrainMs = 5;
constexpr int kHandles = 4;

}  // namespace

Host::Host(napi_env env, const EngineConfig& config) : env_(env), config_(config) {}

bool Host::open(napi_value object, const SharedMemory& memory) {
  if (napi_add_async_cleanup_hook(env_, onCleanup, this, &hook_) != napi_ok) return false;
  if (!expose(object, memory)) return false;
  heartbeat_ = memory.heartbeat;
  engine_ = std::make_unique<Engine>(config_, memory.at);
  const int error = engine_->open();
  if (error != 0) {
    napi_throw_error(env_, "ERR_WEIR_ENGINE", strerror(error));
  } else if (!registry::add(config_.shard, engine_.get())) {
    napi_throw_error(env_, "ERR_WEIR_SHARD_TAKEN", "this process has an engine with this shard index");
  } else if (openHandles()) {
    engine_->beginLife();
    pulse_.beat();
    alive_ = true;
    return true;
  } else {
    napi_throw_error(env_, "ERR_WEIR_ENGINE", "the event loop refused the engine");
  }
  stop();
  return false;
}

bool Host::expose(napi_value object, const SharedMemory& memory) {
  for (const SharedMemory::Part& part : memory.parts) {
    if (part.name != nullptr && napi_set_named_property(env_, object, part.name, part.array) != napi_ok) return false;
    keep(part.array);
  }
  napi_value name;
  napi_create_string_utf8(env_, "weir:engine", NAPI_AUTO_LENGTH, &name);
  napi_create_reference(env_, object, 1, &resource_);
  return napi_async_init(env_, object, name, &context_) == napi_ok;
}

bool Host::openHandles() {
  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(env_, &loop) != napi_ok) return false;
  if (uv_poll_init(loop, &poll_, engine_->epollFd()) != 0) return false;
  uv_idle_init(loop, &idle_);
  uv_timer_init(loop, &ticker_);
  uv_timer_init(loop, &deadline_);
  openHandles_ = kHandles;
  poll_.data = idle_.data = ticker_.data = deadline_.data = this;
  if (heartbeat_ != nullptr) pulse_.begin(loop, heartbeat_);
  return true;
}

bool Host::start(napi_value handler) {
  if (napi_create_reference(env_, handler, 1, &handler_) != napi_ok) return false;
  uv_poll_start(&poll_, UV_READABLE, [](uv_poll_t* poll, int, int) { static_cast<Host*>(poll->data)->turn(false); });
  schedule();
  return true;
}

// All batches of a turn are one callback as Node counts them: promise reactions and ticks run at its end. Between a handler and its
// ops they must not run, because one that flushes would write over rows that are still to be read.
void Host::turn(bool force) {
  if (stopped() || !started() || inTurn_ || halted_) return;
  inTurn_ = true;
  napi_handle_scope scope = nullptr;
  napi_open_handle_scope(env_, &scope);
  napi_value resource = nullptr;
  napi_get_reference_value(env_, resource_, &resource);
  napi_callback_scope callback = nullptr;
  if (napi_open_callback_scope(env_, resource, context_, &callback) == napi_ok) {
    rounds(force);
    napi_close_callback_scope(env_, callback);
  } else {
    halt();  // the thread is being terminated
  }
  napi_close_handle_scope(env_, scope);
  inTurn_ = false;
  schedule();
}

// A thread that is being terminated turns its loop once more to close what is open: nothing may be read or relayed then. A response that was
// relayed to its end would be one that nobody knows to be whole.
void Host::rounds(bool force) {
  for (int round = 0; round < kRounds; ++round) {
    if (!mayRunJavaScript()) return halt();
    pulse_.beat();
    const int32_t rows = engine_->collect(force);
    if (rows != kNoBatch && !deliver(rows)) break;
    force = false;
    if (!engine_->busy()) break;
  }
}

// One call into JavaScript. False: there will be no other.
bool Host::deliver(int32_t rows) {
  napi_value handler, resource, count, answer = nullptr;
  napi_get_reference_value(env_, handler_, &handler);
  napi_get_reference_value(env_, resource_, &resource);
  napi_create_int32(env_, rows, &count);
  const napi_status status = napi_call_function(env_, resource, handler, 1, &count, &answer);
  if (stopped()) return false;  // by the handler; its rows have no engine any more
  if (status == napi_ok) {
    int32_t ops = -1;  // not a number: a bad op row
    napi_get_value_int32(env_, answer, &ops);
    engine_->run(ops);
    engine_->endBatch();
    return true;
  }
  napi_value thrown = nullptr;
  if (status == napi_pending_exception && napi_get_and_clear_last_exception(env_, &thrown) == napi_ok &&
      napi_fatal_exception(env_, thrown) == napi_ok && mayRunJavaScript()) {
    return !stopped();
  }
  halt();  // the thread is being terminated: another round would write over rows that its heirs are to read
  return false;
}

// A thread without a handler for uncaught exceptions ends by one, and calls into it fail from then on.
bool Host::mayRunJavaScript() {
  if (stopped()) return true;
  napi_value resource = nullptr;
  bool ignored = false;
  napi_get_reference_value(env_, resource_, &resource);
  return napi_has_named_property(env_, resource, "start", &ignored) == napi_ok;
}

void Host::schedule() {
  if (stopped() || !started() || inTurn_ || halted_) return;
  if (engine_->busy()) {
    uv_idle_start(&idle_, [](uv_idle_t* idle) { static_cast<Host*>(idle->data)->turn(false); });
  } else {
    uv_idle_stop(&idle_);
  }
  if (!engine_->hasDeadline()) return;
  const double first = engine_->firstDeadlineMs();
  if (uv_is_active(reinterpret_cast<uv_handle_t*>(&deadline_)) && deadlineArmedMs_ <= first) return;
  deadlineArmedMs_ = first;
  const double wait = std::max(kDeadlineGrainMs, std::ceil(first - monotonicMs()));
  uv_timer_start(&deadline_, [](uv_timer_t* timer) {
    auto* self = static_cast<Host*>(timer->data);
    self->engine_->expire();
    self->schedule();
  }, static_cast<uint64_t>(wait), 0);
}

void Host::tickEvery(uint64_t ms) {
  if (ms == 0) {
    uv_timer_stop(&ticker_);
    return;
  }
  uv_timer_start(&ticker_, [](uv_timer_t* timer) { static_cast<Host*>(timer->data)->turn(true); }, ms, ms);
}

void Host::halt() {
  halted_ = true;
  uv_poll_stop(&poll_);
  uv_idle_stop(&idle_);
  uv_timer_stop(&ticker_);
  uv_timer_stop(&deadline_);
}

void Host::stop() {
  if (stopped()) return;
  pulse_.end();
  if (alive_) engine_->runLeft();
  registry::remove(config_.shard, engine_.get());
  if (alive_) engine_->clearGauges();
  if (openHandles_ > 0) {
    for (uv_handle_t* handle : {reinterpret_cast<uv_handle_t*>(&poll_), reinterpret_cast<uv_handle_t*>(&idle_),
                                reinterpret_cast<uv_handle_t*>(&ticker_), reinterpret_cast<uv_handle_t*>(&deadline_)}) {
      uv_close(handle, onClosed);
    }
  }
  engine_.reset();  // after uv_close: the loop lets go of the epoll fd before it is closed
  releaseReferences();
}

void Host::onClosed(uv_handle_t* handle) {
  auto* self = static_cast<Host*>(handle->data);
  --self->openHandles_;
  if (self->openHandles_ > 0 || !self->dying_) return;
  napi_remove_async_cleanup_hook(self->hook_);
  delete self;
}

// The environment ends, however it came to that: exit, an uncaught exception, terminate().
void Host::onCleanup(napi_async_cleanup_hook_handle hook, void* data) {
  auto* self = static_cast<Host*>(data);
  self->dying_ = true;
  self->stop();
  if (self->openHandles_ > 0) return;  // onClosed goes on
  napi_remove_async_cleanup_hook(hook);
  delete self;
}

void Host::keep(napi_value value) {
  napi_ref reference = nullptr;
  napi_create_reference(env_, value, 1, &reference);
  kept_.push_back(reference);
}

void Host::releaseReferences() {
  for (napi_ref reference : kept_) napi_delete_reference(env_, reference);
  kept_.clear();
  if (handler_ != nullptr) napi_delete_reference(env_, handler_);
  if (resource_ != nullptr) napi_delete_reference(env_, resource_);
  handler_ = resource_ = nullptr;
  if (context_ != nullptr) napi_async_destroy(env_, context_);
  context_ = nullptr;
}

}  // namespace weir
