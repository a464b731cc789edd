// The Host of src/io/engine.ts: what a thread or a process can be told that Node has no words for.
#include <sched.h>

#include <cerrno>
#include <vector>

#include "arguments.h"
#include "descriptors.h"
#include "heap_guard.h"
#include "module.h"
#include "pulse.h"

namespace weir {

namespace {

constexpr double kExtraMost = 1ull << 40;

napi_value rangeError(napi_env env, const char* what) {
  napi_throw_range_error(env, "ERR_WEIR_OPTION", what);
  return nullptr;
}

napi_value done(napi_env env, int error, const char* syscall, const std::string& about = "") {
  if (error != 0) throwSystemError(env, error, syscall, about);
  return nullptr;
}

std::string textOf(const Call& call, size_t index) {
  return index < call.count ? readString(call.env, call.values[index]) : std::string();
}

// Numbers that are whole and not negative; false otherwise.
bool readIndexes(const Call& call, size_t index, std::vector<int>* numbers) {
  uint32_t length = 0;
  if (index >= call.count || napi_get_array_length(call.env, call.values[index], &length) != napi_ok) return false;
  for (uint32_t i = 0; i < length; ++i) {
    napi_value element = nullptr;
    double number = -1;
    napi_get_element(call.env, call.values[index], i, &element);
    napi_get_value_double(call.env, element, &number);
    if (!(number >= 0 && number <= INT32_MAX) || number != static_cast<int>(number)) return false;
    numbers->push_back(static_cast<int>(number));
  }
  return true;
}

napi_value fdArray(napi_env env, const int* fds, size_t count) {
  napi_value array = nullptr;
  napi_create_array(env, &array);
  for (size_t i = 0; i < count; ++i) napi_set_element(env, array, static_cast<uint32_t>(i), makeInt(env, fds[i]));
  return array;
}

napi_value pin(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  std::vector<int> cpus;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (!readIndexes(call, 0, &cpus) || cpus.empty()) return rangeError(env, "pin takes the numbers of CPUs");
  for (const int cpu : cpus) {
    if (cpu >= CPU_SETSIZE) return rangeError(env, "pin takes the numbers of CPUs");
    CPU_SET(static_cast<size_t>(cpu), &set);
  }
  return done(env, sched_setaffinity(0, sizeof(set), &set) == 0 ? 0 : errno, "sched_setaffinity");
}

// The first word of the Float64Array that is the first argument; null: it is something else.
double* firstWord(const Call& call) {
  napi_typedarray_type type = napi_int8_array;
  size_t length = 0;
  void* words = nullptr;
  const bool isArray = call.count > 0 && napi_get_typedarray_info(call.env, call.values[0], &type, &length, &words, nullptr,
                                                                  nullptr) == napi_ok;
  return isArray && type == napi_float64_array && length > 0 ? static_cast<double*>(words) : nullptr;
}

napi_value guard(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  double* const alarm = firstWord(call);
  const double extra = call.number(1, -1);
  if (alarm == nullptr) return rangeError(env, "guardHeap takes a Float64Array");
  if (!(extra > 0 && extra <= kExtraMost)) return rangeError(env, "guardHeap takes a number of bytes");
  if (!guardHeap(env, call.values[0], alarm, static_cast<size_t>(extra))) {
    napi_throw_error(env, "ERR_WEIR_GUARDED", "this thread's heap is guarded already");
  }
  return nullptr;
}

napi_value attend(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  double* const heartbeat = firstWord(call);
  uv_loop_t* loop = nullptr;
  if (heartbeat == nullptr) return rangeError(env, "attend takes a Float64Array");
  napi_get_uv_event_loop(env, &loop);
  napi_ref reference = nullptr;
  napi_create_reference(env, call.values[0], 1, &reference);  // as long as the thread lives
  auto* pulse = new Pulse;
  pulse->begin(loop, heartbeat);
  pulse->beat();
  napi_add_env_cleanup_hook(env, [](void* data) {
    auto* ending = static_cast<Pulse*>(data);
    ending->end();
    delete ending;
  }, pulse);
  return nullptr;
}

napi_value hear(napi_env, napi_callback_info) {
  Pulse::hearAll();
  return nullptr;
}

napi_value notify(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const std::string socket = textOf(call, 0);
  const int error = descriptors::notify(socket, textOf(call, 1));
  const bool nobody = error == ECONNREFUSED || error == ENOENT;
  if (error != 0 && !nobody) return done(env, error, "sendto", socket);
  napi_value heard = nullptr;
  napi_get_boolean(env, !nobody, &heard);
  return heard;
}

napi_value sendFds(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const std::string text = textOf(call, 1);
  std::vector<int> fds;
  if (text.empty() || text.size() > descriptors::kTextMost) return rangeError(env, "sendFds takes 1 to 4096 bytes of text");
  if (!readIndexes(call, 2, &fds) || fds.size() > descriptors::kFdsMost) {
    return rangeError(env, "sendFds takes at most 253 descriptors");
  }
  return done(env, descriptors::send(call.int32(0, -1), text, fds), "sendmsg");
}

napi_value receiveFds(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  descriptors::Message message;
  const int error = descriptors::receive(call.int32(0, -1), &message);
  if (error == EAGAIN) return nullptr;
  if (error != 0) return done(env, error, "recvmsg");
  napi_value object = nullptr;
  napi_create_object(env, &object);
  napi_set_named_property(env, object, "text", makeString(env, message.text));
  napi_set_named_property(env, object, "fds", fdArray(env, message.fds.data(), message.fds.size()));
  return object;
}

napi_value socketPair(napi_env env, napi_callback_info) {
  int pair[2];
  const int error = descriptors::makePair(pair);
  return error != 0 ? done(env, error, "socketpair") : fdArray(env, pair, 2);
}

napi_value keepOnExec(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  bool keep = false;
  if (call.count > 1) napi_get_value_bool(env, call.values[1], &keep);
  return done(env, descriptors::keepOnExec(call.int32(0, -1), keep), "fcntl");
}

napi_value closeFd(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  return done(env, descriptors::closeOne(call.int32(0, -1)), "close");
}

}  // namespace

napi_value makeHost(napi_env env) {
  napi_value object = nullptr;
  napi_create_object(env, &object);
  define(env, object, "pin", pin);
  define(env, object, "guardHeap", guard);
  define(env, object, "attend", attend);
  define(env, object, "hear", hear);
  define(env, object, "notify", notify);
  define(env, object, "sendFds", sendFds);
  define(env, object, "receiveFds", receiveFds);
  define(env, object, "socketPair", socketPair);
  define(env, object, "keepOnExec", keepOnExec);
  define(env, object, "closeFd", closeFd);
  return object;
}

}  // namespace weir
