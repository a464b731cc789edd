// Turns an engine's crank from its thread's libuv loop and carries rows to the JavaScript handler.
#pragma once
#include <node_api.h>
#include <uv.h>

#include <memory>

#include "engine.h"
#include "memory.h"
#include "pulse.h"

namespace weir {

class Host {
 public:
  // Made by createEngine, destroyed by the environment's cleanup: JavaScript may hold on to a stopped engine's methods.
  Host(napi_env env, const EngineConfig& config);
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  // Makes the engine and the loop's handles; fills `object`. False: a JavaScript exception is pending.
  bool open(napi_value object, const SharedMemory& memory);
  bool start(napi_value handler);
  void stop();
  bool stopped() const { return engine_ == nullptr; }
  bool started() const { return handler_ != nullptr; }

  // Only while not stopped.
  Engine& engine() { return *engine_; }
  // To be called after anything that may have left work behind, outside of a turn.
  void schedule();
  void tickEvery(uint64_t ms);

 private:
  ~Host() = default;
  bool expose(napi_value object, const SharedMemory& memory);
  bool openHandles();
  void turn(bool force);
  void rounds(bool force);
  bool deliver(int32_t rows);
  bool mayRunJavaScript();
  void halt();
  void keep(napi_value value);
  void releaseReferences();
  static void onCleanup(napi_async_cleanup_hook_handle hook, void* self);
  static void onClosed(uv_handle_t* handle);

  napi_env env_;
  EngineConfig config_;
  std::unique_ptr<Engine> engine_;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  bool alive_ = false;  // the memory is this engine's: the shard index was free, and everything opened
  bool dying_ = false;
  bool inTurn_ = false;
  bool halted_ = false;  // no more JavaScript, and nothing that waits for it: the thread is being terminated

  napi_ref handler_ = nullptr;
  napi_ref resource_ = nullptr;
  std::vector<napi_ref> kept_;
  napi_async_context context_ = nullptr;

  uv_poll_t poll_{};
  uv_idle_t idle_{};
  uv_timer_t ticker_{};
  uv_timer_t deadline_{};
  Pulse pulse_;
  double* heartbeat_ = nullptr;  // null: none
  double deadlineArmedMs_ = 0;
  int openHandles_ = 0;
};

}  // namespace weir
