// Looks at shared memory for a thread that sleeps. A look costs a fraction of what waking JavaScript does, and that happens only if there is something to see.
#pragma once
#include <node_api.h>
#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace weir {

class Watcher {
 public:
  static constexpr size_t kPaceWords = 3;

  // Looks until the environment ends or the function that is returned is called; keeps nobody alive. `pace` and `words` must stay: the thread sets
  // the pace at any time (see Host.watch of src/io/host.ts), any thread the words. Null: it could not begin.
  static napi_value begin(napi_env env, const double* pace, const std::vector<const uint64_t*>& words, napi_value look);

  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

 private:
  enum PaceWord { kEveryMs, kMostMs, kSilentMs };
  struct Word {
    const uint64_t* at;
    uint64_t seen;
  };

  Watcher(napi_env env, const double* pace) : env_(env), pace_(pace) {}
  ~Watcher() = default;
  napi_value expose(napi_value look);
  void arm();
  void look();
  bool sees(double nowMs);
  void call();
  void halt();
  static void onCleanup(napi_async_cleanup_hook_handle hook, void* data);

  const napi_env env_;
  const double* const pace_;
  std::vector<Word> words_;
  double calledMs_ = 0;
  bool halted_ = false;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  napi_async_context context_ = nullptr;
  napi_ref resource_ = nullptr;
  napi_ref look_ = nullptr;
  uv_timer_t timer_{};
};

}  // namespace weir
