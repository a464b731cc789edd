// Reading JavaScript arguments and options.
#pragma once
#include <node_api.h>

#include <string>

namespace weir {

struct Call {
  napi_env env;
  size_t count = 4;
  napi_value values[4] = {};
  void* data = nullptr;

  Call(napi_env environment, napi_callback_info info) : env(environment) {
    napi_get_cb_info(env, info, &count, values, nullptr, &data);
  }

  int32_t int32(size_t index, int32_t otherwise = 0) const {
    int32_t value = otherwise;
    if (index < count) napi_get_value_int32(env, values[index], &value);
    return value;
  }

  double number(size_t index, double otherwise = 0) const {
    double value = otherwise;
    if (index < count) napi_get_value_double(env, values[index], &value);
    return value;
  }
};

inline std::string readString(napi_env env, napi_value value) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) return {};
  std::string text(length, '\0');
  napi_get_value_string_utf8(env, value, text.data(), length + 1, &length);
  return text;
}

inline napi_value makeInt(napi_env env, int32_t value) {
  napi_value result = nullptr;
  napi_create_int32(env, value, &result);
  return result;
}

inline napi_value makeString(napi_env env, const std::string& text) {
  napi_value result = nullptr;
  napi_create_string_utf8(env, text.data(), text.size(), &result);
  return result;
}

inline void define(napi_env env, napi_value object, const char* name, napi_callback callback, void* data = nullptr) {
  napi_value function = nullptr;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, data, &function);
  napi_set_named_property(env, object, name, function);
}

// An Error with the `code` of an errno (`EADDRINUSE`), `errno` (negative, as Node has it), `syscall` and `address`.
void throwSystemError(napi_env env, int error, const char* syscall, const std::string& address);

}  // namespace weir
