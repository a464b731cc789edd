#include "memory.h"

#include <cmath>
#include <string>

#include "arguments.h"

namespace weir {

namespace {

constexpr double kPage = 4096;

bool outOfRange(napi_env env, const std::string& option) {
  napi_throw_range_error(env, "ERR_WEIR_OPTION", ("engine option out of range: " + option).c_str());
  return false;
}

// One of the arrays that live in the engine's memory.
struct Region {
  const char* name;
  napi_typedarray_type type;
  const char* constructor;
  size_t length;
  size_t width;
  void** data;
  double from = 0;

  double end() const { return from + static_cast<double>(length * width); }
};

bool isGiven(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  napi_typeof(env, value, &type);
  return type != napi_undefined;
}

// The length of a SharedArrayBuffer; -1 of anything else.
double sharedBytes(napi_env env, napi_value buffer) {
  napi_value global = nullptr, constructor = nullptr, length = nullptr;
  bool shared = false;
  napi_get_global(env, &global);
  napi_get_named_property(env, global, "SharedArrayBuffer", &constructor);
  if (napi_instanceof(env, buffer, constructor, &shared) != napi_ok || !shared) return -1;
  double bytes = -1;
  napi_get_named_property(env, buffer, "byteLength", &length);
  napi_get_value_double(env, length, &bytes);
  return bytes;
}

bool place(napi_env env, napi_value memory, double bytes, Region* region, double step) {
  napi_value offset = nullptr;
  double from = -1;
  napi_get_named_property(env, memory, region->name, &offset);
  if (napi_get_value_double(env, offset, &from) != napi_ok) return false;
  region->from = from;
  return from >= 0 && std::fmod(from, step) == 0 && region->end() <= bytes;
}

napi_value makeView(napi_env env, napi_value buffer, const Region& region) {
  napi_value global = nullptr, constructor = nullptr, view = nullptr;
  napi_value words[3] = {buffer, nullptr, nullptr};
  napi_get_global(env, &global);
  napi_get_named_property(env, global, region.constructor, &constructor);
  napi_create_double(env, region.from, &words[1]);
  napi_create_double(env, static_cast<double>(region.length), &words[2]);
  napi_typedarray_type type = napi_int8_array;
  size_t length = 0;
  const bool made = napi_new_instance(env, constructor, 3, words, &view) == napi_ok &&
                    napi_get_typedarray_info(env, view, &type, &length, region.data, nullptr, nullptr) == napi_ok &&
                    type == region.type && length == region.length;
  return made ? view : nullptr;
}

bool viewGiven(napi_env env, napi_value given, std::vector<Region>& regions, SharedMemory* memory) {
  napi_valuetype type = napi_undefined;
  napi_typeof(env, given, &type);
  if (type != napi_object) return outOfRange(env, "memory");
  napi_value buffer = nullptr;
  napi_get_named_property(env, given, "buffer", &buffer);
  const double bytes = sharedBytes(env, buffer);
  if (bytes < 0) return outOfRange(env, "memory.buffer");
  for (Region& region : regions) {
    const double step = region.type == napi_uint8_array ? kPage : 8;
    if (!place(env, given, bytes, &region, step)) return outOfRange(env, std::string("memory.") + region.name);
  }
  for (const Region& one : regions) {
    for (const Region& other : regions) {
      const bool overlap = &one != &other && one.from < other.end() && other.from < one.end();
      if (overlap) return outOfRange(env, std::string("memory.") + one.name);
    }
  }
  for (const Region& region : regions) {
    napi_value view = makeView(env, buffer, region);
    if (view == nullptr) return outOfRange(env, std::string("memory.") + region.name);
    memory->parts.push_back({region.name, view});
  }
  return true;
}

bool makeOwn(napi_env env, const Region& region, SharedMemory* memory) {
  napi_value buffer = nullptr, array = nullptr;
  if (napi_create_arraybuffer(env, region.length * region.width, region.data, &buffer) != napi_ok) return false;
  if (napi_create_typedarray(env, region.type, region.length, buffer, 0, &array) != napi_ok) return false;
  memory->parts.push_back({region.name, array});
  return true;
}

// A Float64Array of the options: `length` long, or at least one word for 0.
bool readDoubles(napi_env env, napi_value array, size_t length, double** data) {
  napi_typedarray_type type = napi_int8_array;
  size_t is = 0;
  void* at = nullptr;
  if (napi_get_typedarray_info(env, array, &type, &is, &at, nullptr, nullptr) != napi_ok) return false;
  *data = static_cast<double*>(at);
  return type == napi_float64_array && (length == 0 ? is > 0 : is == length);
}

}  // namespace

bool openMemory(napi_env env, napi_value options, const EngineConfig& config, SharedMemory* memory) {
  const auto words = [](int32_t rows) { return static_cast<size_t>(rows) * kEventWords; };
  const size_t memBytes = static_cast<size_t>(config.arenaBytes) + config.ownBytes;
  EngineMemory& at = memory->at;
  std::vector<Region> regions = {
      {"mem", napi_uint8_array, "Uint8Array", memBytes, 1, reinterpret_cast<void**>(&at.mem)},
      {"events", napi_int32_array, "Int32Array", words(config.eventRows), 4, reinterpret_cast<void**>(&at.events)},
      {"ops", napi_int32_array, "Int32Array", words(config.opRows), 4, reinterpret_cast<void**>(&at.ops)},
      {"live", napi_int32_array, "Int32Array", kLiveWords, 4, reinterpret_cast<void**>(&at.live)},
  };
  const Region clock{"clock", napi_float64_array, "Float64Array", 2, 8, reinterpret_cast<void**>(&at.clock)};
  napi_value given = nullptr, stats = nullptr, heartbeat = nullptr;
  napi_get_named_property(env, options, "memory", &given);
  napi_get_named_property(env, options, "stats", &stats);
  napi_get_named_property(env, options, "heartbeat", &heartbeat);
  if (!readDoubles(env, stats, static_cast<size_t>(Stat::count), &at.stats)) return outOfRange(env, "stats");
  memory->parts.push_back({nullptr, stats});
  if (isGiven(env, heartbeat)) {
    if (!readDoubles(env, heartbeat, 0, &memory->heartbeat)) return outOfRange(env, "heartbeat");
    memory->parts.push_back({nullptr, heartbeat});
  }
  if (isGiven(env, given)) return viewGiven(env, given, regions, memory) && makeOwn(env, clock, memory);
  regions.push_back(clock);
  for (const Region& region : regions) {
    if (makeOwn(env, region, memory)) continue;
    napi_throw_error(env, "ERR_WEIR_ENGINE", "no memory for the engine");
    return false;
  }
  return true;
}

}  // namespace weir
