// What the addon exports: createEngine, the listeners, the process-wide duties, and its own idea of the protocol's numbers.
#include "module.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstring>

#include "arguments.h"
#include "listeners.h"
#include "protocol.h"
#include "registry.h"
#include "table.h"
#include "uv.h"

namespace weir {

void throwSystemError(napi_env env, int error, const char* syscall, const std::string& address) {
  const std::string code = uv_err_name(-error);
  const std::string about = std::string(syscall) + " " + code + ": " + uv_strerror(-error);
  napi_value object = nullptr;
  napi_create_error(env, makeString(env, code), makeString(env, address.empty() ? about : about + ": " + address), &object);
  napi_set_named_property(env, object, "errno", makeInt(env, -error));
  napi_set_named_property(env, object, "syscall", makeString(env, syscall));
  if (!address.empty()) napi_set_named_property(env, object, "address", makeString(env, address));
  napi_throw(env, object);
}

namespace {

std::vector<double> readNumbers(napi_env env, napi_value array) {
  uint32_t length = 0;
  std::vector<double> numbers;
  if (napi_get_array_length(env, array, &length) != napi_ok) return numbers;
  for (uint32_t i = 0; i < length; ++i) {
    napi_value element = nullptr;
    double number = -1;
    napi_get_element(env, array, i, &element);
    napi_get_value_double(env, element, &number);
    numbers.push_back(number);
  }
  return numbers;
}

listeners::Group readGroup(napi_env env, napi_value object) {
  listeners::Group group;
  napi_value address = nullptr, fds = nullptr;
  if (napi_get_named_property(env, object, "address", &address) != napi_ok) return group;
  if (napi_get_named_property(env, object, "fds", &fds) != napi_ok) return group;
  group.address = readString(env, address);
  for (const double fd : readNumbers(env, fds)) group.fds.push_back(static_cast<int>(fd));
  return group;
}

napi_value writeGroup(napi_env env, const listeners::Group& group) {
  napi_value object = nullptr, fds = nullptr;
  napi_create_object(env, &object);
  napi_create_array(env, &fds);
  for (uint32_t i = 0; i < group.fds.size(); ++i) napi_set_element(env, fds, i, makeInt(env, group.fds[i]));
  napi_set_named_property(env, object, "address", makeString(env, group.address));
  napi_set_named_property(env, object, "fds", fds);
  return object;
}

napi_value openListener(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const std::string address = call.count > 0 ? readString(env, call.values[0]) : "";
  listeners::Group group;
  const int members = call.int32(1);
  const int error =
      members < 1 || members > kShards ? EINVAL : listeners::open(address, members, call.int32(2, 511), &group);
  if (error != 0) {
    throwSystemError(env, error, "listen", address);
    return nullptr;
  }
  return writeGroup(env, group);
}

napi_value inheritListeners(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  std::vector<int> fds;
  for (const double fd : readNumbers(env, call.values[0])) fds.push_back(static_cast<int>(fd));
  napi_value groups = nullptr;
  uint32_t index = 0;
  napi_create_array(env, &groups);
  for (const listeners::Group& group : listeners::inherit(fds)) napi_set_element(env, groups, index++, writeGroup(env, group));
  return groups;
}

napi_value extendListener(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  listeners::Group group = readGroup(env, call.values[0]);
  const int members = call.int32(1, -1);
  const bool tooMany = members < 0 || members + group.fds.size() > kShards;
  const int error = tooMany ? EINVAL : listeners::extend(&group, members, call.int32(2, 511));
  if (error == 0) return writeGroup(env, group);
  throwSystemError(env, error, "listen", group.address);
  return nullptr;
}

napi_value closeListener(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const listeners::Group group = readGroup(env, call.values[0]);
  const int error = listeners::close(group);
  if (error != 0) throwSystemError(env, error, "close", group.address);
  return nullptr;
}

napi_value steerListener(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const listeners::Group group = readGroup(env, call.values[0]);
  const int error = listeners::steer(group, readNumbers(env, call.values[1]));
  if (error != 0) throwSystemError(env, error, "setsockopt", group.address);
  return nullptr;
}

napi_value raiseFdLimit(napi_env env, napi_callback_info) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const rlim_t wanted = std::min<rlim_t>(limit.rlim_max, kTableSize);
  if (wanted > limit.rlim_cur) {
    rlimit raised{wanted, limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit.rlim_cur = wanted;
  }
  return makeInt(env, static_cast<int32_t>(std::min<rlim_t>(limit.rlim_cur, INT32_MAX)));
}

napi_value countConnections(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  napi_valuetype type = napi_undefined;
  if (call.count > 0) napi_typeof(env, call.values[0], &type);
  int sum = 0;
  if (type == napi_number) {
    const int shard = call.int32(0, -1);
    sum = shard >= 0 && shard < kShards ? table::count(shard) : 0;
  } else {
    for (int shard = 0; shard < kShards; ++shard) sum += table::count(shard);
  }
  return makeInt(env, sum);
}

napi_value resetOwned(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const int shard = call.int32(0, -1);
  const int count = shard >= 0 && shard < kShards ? registry::resetOwned(shard) : 0;
  if (count < 0) napi_throw_error(env, "ERR_WEIR_SHARD_ALIVE", "this shard's engine has not stopped");
  return makeInt(env, std::max(count, 0));
}

napi_value estate(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const int shard = call.int32(0, -1);
  std::vector<int32_t> rows;
  if (shard >= 0 && shard < kShards && !registry::estate(shard, &rows)) {
    napi_throw_error(env, "ERR_WEIR_SHARD_ALIVE", "this shard's engine has not stopped");
    return nullptr;
  }
  void* words = nullptr;
  napi_value buffer = nullptr, array = nullptr;
  napi_create_arraybuffer(env, rows.size() * sizeof(int32_t), &words, &buffer);
  if (!rows.empty()) memcpy(words, rows.data(), rows.size() * sizeof(int32_t));
  napi_create_typedarray(env, napi_int32_array, rows.size(), buffer, 0, &array);
  return array;
}

napi_value resetOne(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  napi_value result = nullptr;
  napi_get_boolean(env, registry::resetOne(call.int32(0, -1), call.int32(1)), &result);
  return result;
}

napi_value makeLayout(napi_env env) {
  napi_value layout = nullptr, stats = nullptr;
  napi_create_object(env, &layout);
  napi_create_array(env, &stats);
  uint32_t index = 0;
#define WEIR_STAT_NAME(name) napi_set_element(env, stats, index++, makeString(env, #name));
  WEIR_STATS(WEIR_STAT_NAME)
#undef WEIR_STAT_NAME
  napi_set_named_property(env, layout, "stats", stats);
  napi_set_named_property(env, layout, "eventWords", makeInt(env, kEventWords));
  napi_set_named_property(env, layout, "opWords", makeInt(env, kOpWords));
  napi_set_named_property(env, layout, "liveWords", makeInt(env, kLiveWords));
  napi_set_named_property(env, layout, "estateWords", makeInt(env, kEstateWords));
  napi_set_named_property(env, layout, "lastEvent", makeInt(env, static_cast<int>(Event::hangup)));
  napi_set_named_property(env, layout, "lastOp", makeInt(env, static_cast<int>(Op::handover)));
  return layout;
}

napi_value initialise(napi_env env, napi_value exports) {
  if (!table::map()) {
    throwSystemError(env, ENOMEM, "mmap", "");
    return nullptr;
  }
  napi_value listeners = nullptr, connections = nullptr;
  napi_create_object(env, &listeners);
  define(env, listeners, "open", openListener);
  define(env, listeners, "close", closeListener);
  define(env, listeners, "steer", steerListener);
  define(env, listeners, "inherit", inheritListeners);
  define(env, listeners, "extend", extendListener);
  napi_create_object(env, &connections);
  define(env, connections, "raiseFdLimit", raiseFdLimit);
  define(env, connections, "count", countConnections);
  define(env, connections, "resetOwned", resetOwned);
  define(env, connections, "estate", estate);
  define(env, connections, "resetOne", resetOne);
  define(env, exports, "createEngine", createEngine);
  napi_set_named_property(env, exports, "listeners", listeners);
  napi_set_named_property(env, exports, "connections", connections);
  napi_set_named_property(env, exports, "host", makeHost(env));
  napi_set_named_property(env, exports, "version", makeString(env, WEIR_VERSION));
  napi_set_named_property(env, exports, "layout", makeLayout(env));
  return exports;
}

}  // namespace
}  // namespace weir

NAPI_MODULE_INIT() { return weir::initialise(env, exports); }
