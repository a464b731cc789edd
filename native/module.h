#pragma once
#include <node_api.h>

namespace weir {

napi_value createEngine(napi_env env, napi_callback_info info);
napi_value makeHost(napi_env env);

}  // namespace weir
