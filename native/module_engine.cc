// createEngine and the methods of what it returns.
#include <cmath>

#include "arguments.h"
#include "host.h"
#include "module.h"

namespace weir {

namespace {

struct Option {
  const char* name;
  double least;
  double most;
  double value;
};

bool readOption(napi_env env, napi_value options, Option* option) {
  napi_value value = nullptr;
  napi_get_named_property(env, options, option->name, &value);
  const bool read = napi_get_value_double(env, value, &option->value) == napi_ok;
  if (read && option->value >= option->least && option->value <= option->most) return true;
  napi_throw_range_error(env, "ERR_WEIR_OPTION", (std::string("engine option out of range: ") + option->name).c_str());
  return false;
}

bool readConfig(napi_env env, napi_value options, EngineConfig* config) {
  constexpr double kMemMost = 1 << 30;  // spans are int32
  Option shard{"shard", 0, kShards - 1, 0};
  Option arena{"arenaBytes", 64 * 1024, kMemMost, 0};
  Option own{"ownBytes", 0, kMemMost - 1, 0};
  Option read{"readBytes", 1, kMemMost, 0};
  Option cap{"queueCap", 1, kMemMost, 0};
  Option connections{"maxConnections", 0, INFINITY, 0};
  Option events{"eventRows", 64, 1 << 20, 0};
  Option ops{"opRows", 64, 1 << 20, 0};
  for (Option* option : {&shard, &arena, &own, &read, &cap, &connections, &events, &ops}) {
    if (!readOption(env, options, option)) return false;
  }
  if (read.value > arena.value) {
    napi_throw_range_error(env, "ERR_WEIR_OPTION", "engine option out of range: readBytes");
    return false;
  }
  *config = {static_cast<int>(shard.value),
             static_cast<uint32_t>(arena.value),
             static_cast<uint32_t>(own.value),
             static_cast<uint32_t>(read.value),
             static_cast<uint64_t>(cap.value),
             static_cast<int64_t>(std::min(connections.value, 1e15)),
             static_cast<int32_t>(events.value),
             static_cast<int32_t>(ops.value)};
  return true;
}

// The host of a method's engine, or null with an exception where it was stopped.
Host* running(const Call& call) {
  auto* host = static_cast<Host*>(call.data);
  if (!host->stopped()) return host;
  napi_throw_error(call.env, "ERR_WEIR_STOPPED", "the engine was stopped");
  return nullptr;
}

napi_value start(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Host* host = running(call);
  if (host == nullptr) return nullptr;
  napi_valuetype type = napi_undefined;
  if (call.count > 0) napi_typeof(env, call.values[0], &type);
  if (type != napi_function || host->started()) {
    napi_throw_type_error(env, "ERR_WEIR_START", "start takes a function, once");
    return nullptr;
  }
  host->start(call.values[0]);
  return nullptr;
}

napi_value stop(napi_env env, napi_callback_info info) {
  static_cast<Host*>(Call(env, info).data)->stop();
  return nullptr;
}

napi_value flush(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Host* host = running(call);
  if (host == nullptr) return nullptr;
  host->engine().run(call.int32(0, -1));
  host->schedule();
  return nullptr;
}

napi_value connect(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Host* host = running(call);
  if (host == nullptr) return nullptr;
  char text[160];  // a longer one is no address
  size_t length = 0;
  if (call.count == 0 || napi_get_value_string_utf8(env, call.values[0], text, sizeof(text), &length) != napi_ok) {
    length = 0;
  }
  return makeInt(env, host->engine().connect({text, length}));
}

napi_value generationOf(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  auto* host = static_cast<Host*>(call.data);
  return makeInt(env, host->stopped() ? 0 : host->engine().generationOf(call.int32(0, -1)));
}

napi_value progress(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  auto* host = static_cast<Host*>(call.data);
  napi_value result = nullptr;
  const double value = host->stopped() ? -1 : host->engine().progress(call.int32(0, -1), call.int32(1));
  napi_create_double(env, value, &result);
  return result;
}

napi_value queued(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  auto* host = static_cast<Host*>(call.data);
  napi_value result = nullptr;
  const double value = host->stopped() ? -1 : host->engine().queued(call.int32(0, -1), call.int32(1));
  napi_create_double(env, value, &result);
  return result;
}

napi_value flagsOf(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  auto* host = static_cast<Host*>(call.data);
  return makeInt(env, host->stopped() ? -1 : host->engine().flagsOf(call.int32(0, -1), call.int32(1)));
}

napi_value peerOf(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  auto* host = static_cast<Host*>(call.data);
  const std::string peer = host->stopped() ? "" : host->engine().peerOf(call.int32(0, -1), call.int32(1));
  return peer.empty() ? nullptr : makeString(env, peer);
}

napi_value take(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Host* host = running(call);
  if (host == nullptr) return nullptr;
  return makeInt(env, host->engine().take(call.int32(0, -1), call.int32(1)));
}

napi_value tickEvery(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Host* host = running(call);
  if (host == nullptr) return nullptr;
  const double ms = call.number(0);
  host->tickEvery(ms > 0 ? static_cast<uint64_t>(std::ceil(std::min(ms, 86'400'000.0))) : 0);
  return nullptr;
}

napi_value listen(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Host* host = running(call);
  if (host == nullptr) return nullptr;
  const int error = host->engine().listen(call.int32(0, -1), call.int32(1));
  if (error != 0) throwSystemError(env, error, "listen", "");
  return nullptr;
}

napi_value unlisten(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  auto* host = static_cast<Host*>(call.data);
  if (!host->stopped()) host->engine().unlisten(call.int32(0, -1));
  return nullptr;
}

napi_value wake(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const int shard = call.int32(0, -1);
  napi_value result = nullptr;
  napi_get_boolean(env, shard >= 0 && shard < kShards && registry::wake(shard), &result);
  return result;
}

}  // namespace

napi_value createEngine(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  EngineConfig config;
  SharedMemory memory;
  napi_valuetype type = napi_undefined;
  if (call.count > 0) napi_typeof(env, call.values[0], &type);
  if (type != napi_object) {
    napi_throw_type_error(env, "ERR_WEIR_OPTION", "createEngine takes options");
    return nullptr;
  }
  if (!readConfig(env, call.values[0], &config) || !openMemory(env, call.values[0], config, &memory)) return nullptr;
  napi_value object = nullptr;
  napi_create_object(env, &object);
  auto* host = new Host(env, config);  // owned by the environment's cleanup
  if (!host->open(object, memory)) return nullptr;
  napi_set_named_property(env, object, "arenaBytes", makeInt(env, static_cast<int32_t>(config.arenaBytes)));
  define(env, object, "start", start, host);
  define(env, object, "stop", stop, host);
  define(env, object, "flush", flush, host);
  define(env, object, "connect", connect, host);
  define(env, object, "generationOf", generationOf, host);
  define(env, object, "progress", progress, host);
  define(env, object, "queued", queued, host);
  define(env, object, "flagsOf", flagsOf, host);
  define(env, object, "peerOf", peerOf, host);
  define(env, object, "take", take, host);
  define(env, object, "tickEvery", tickEvery, host);
  define(env, object, "listen", listen, host);
  define(env, object, "unlisten", unlisten, host);
  define(env, object, "wake", wake, host);
  return object;
}

}  // namespace weir
