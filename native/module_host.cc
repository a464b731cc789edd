// The Host of src/io/host.ts: what a thread or a process can be told that Node has no words for.
#include <sched.h>

#include <cerrno>
#include <vector>

#include "arguments.h"
#include "descriptors.h"
#include "heap_guard.h"
#include "module.h"
#include "pulse.h"
#include "watcher.h"

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

// The first eight bytes of each typed array of an array, which are kept as long as the thread lives; false where it is something else.
bool readWords(const Call& call, size_t index, std::vector<const uint64_t*>* words) {
  uint32_t length = 0;
  if (index >= call.count || napi_get_array_length(call.env, call.values[index], &length) != napi_ok) return false;
  for (uint32_t i = 0; i < length; ++i) {
    napi_value element = nullptr;
    napi_typedarray_type type = napi_int8_array;
    size_t elements = 0;
    void* at = nullptr;
    napi_get_element(call.env, call.values[index], i, &element);
    if (napi_get_typedarray_info(call.env, element, &type, &elements, &at, nullptr, nullptr) != napi_ok) return false;
    const size_t width = type == napi_float64_array ? 8 : type == napi_int32_array ? 4 : 0;
    if (width * elements < sizeof(uint64_t) || reinterpret_cast<uintptr_t>(at) % alignof(uint64_t) != 0) return false;
    napi_ref reference = nullptr;
    napi_create_reference(call.env, element, 1, &reference);
    words->push_back(static_cast<const uint64_t*>(at));
  }
  return true;
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

// The words of the Float64Array that is an argument, `least` at least; null: it is something else.
double* doubles(const Call& call, size_t index, size_t least) {
  napi_typedarray_type type = napi_int8_array;
  size_t length = 0;
  void* words = nullptr;
  const bool isArray = call.count > index && napi_get_typedarray_info(call.env, call.values[index], &type, &length, &words, nullptr,
                                                                      nullptr) == napi_ok;
  return isArray && type == napi_float64_array && length >= least ? static_cast<double*>(words) : nullptr;
}

bool isGiven(const Call& call, size_t index) {
  napi_valuetype type = napi_undefined;
  if (index < call.count) napi_typeof(call.env, call.values[index], &type);
  return type != napi_undefined;
}

// As long as the thread lives.
void keep(const Call& call, size_t index) {
  napi_ref reference = nullptr;
  if (isGiven(call, index)) napi_create_reference(call.env, call.values[index], 1, &reference);
}

napi_value guard(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  double* const alarm = doubles(call, 0, 1);
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
  double* const heartbeat = doubles(call, 0, 1);
  double* const busy = doubles(call, 1, 3);
  uv_loop_t* loop = nullptr;
  if (heartbeat == nullptr || (busy == nullptr && isGiven(call, 1))) {
    return rangeError(env, "attend takes a Float64Array, and one of three words");
  }
  napi_get_uv_event_loop(env, &loop);
  keep(call, 0);
  keep(call, 1);
  auto* pulse = new Pulse;
  pulse->begin(loop, heartbeat, busy);
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

napi_value watch(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  double* const pace = doubles(call, 0, Watcher::kPaceWords);
  napi_valuetype type = napi_undefined;
  if (call.count > 2) napi_typeof(env, call.values[2], &type);
  std::vector<const uint64_t*> words;
  if (pace == nullptr || type != napi_function || !readWords(call, 1, &words)) {
    return rangeError(env, "watch takes three numbers, arrays of shared memory and a function");
  }
  keep(call, 0);
  return Watcher::begin(env, pace, words, call.values[2]);
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
  define(env, object, "watch", watch);
  define(env, object, "notify", notify);
  define(env, object, "sendFds", sendFds);
  define(env, object, "receiveFds", receiveFds);
  define(env, object, "socketPair", socketPair);
  define(env, object, "keepOnExec", keepOnExec);
  define(env, object, "closeFd", closeFd);
  return object;
}

}  // namespace weir
