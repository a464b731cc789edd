// The memory an engine shares with TypeScript: its own, or views over what was made for this life of a shard and outlives it.
#pragma once
#include <node_api.h>

#include <vector>

#include "engine.h"

namespace weir {

struct SharedMemory {
  struct Part {
    const char* name;  // as the engine object has it; null: only kept alive
    napi_value array;
  };
  EngineMemory at{};
  double* heartbeat = nullptr;  // not given: null
  std::vector<Part> parts;
};

// Reads `memory`, `stats` and `heartbeat` of the options. False: a RangeError that names the option is pending.
bool openMemory(napi_env env, napi_value options, const EngineConfig& config, SharedMemory* memory);

}  // namespace weir
