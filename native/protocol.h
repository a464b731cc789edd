// The words of event and op rows. The law is src/io/engine.ts; module.cc exports these numbers and a test compares them.
#pragma once
#include <cstdint>

namespace weir {

constexpr int kEventWords = 8;
constexpr int kOpWords = 8;

// Words of LIVE: where the thread is, for those who look once it is dead.
constexpr int kLiveWords = 32;
constexpr int kLiveRows = 0;
constexpr int kLiveCursor = 1;
constexpr int kLiveOps = 2;

enum class Event : int32_t {
  accepted = 1,
  connected = 2,
  connectFailed = 3,
  data = 4,
  end = 5,
  reset = 6,
  blocked = 7,
  writable = 8,
  relayDone = 9,
  wake = 10,
  takenOver = 11,
  exhausted = 12,
  hangup = 13,
};

enum class RelayEnd : int32_t { complete = 0, ended = 1, broken = 2, stopped = 3 };

enum class Op : int32_t {
  send = 1,
  pause = 2,
  resume = 3,
  shutdown = 4,
  close = 5,
  reset = 6,
  relay = 7,
  relayStop = 8,
  handover = 9,
};

// Words of a row of what a stopped shard left: fd, generation, kind, token, progress (low, high).
constexpr int kEstateWords = 6;

// FLAG bits of a takenOver row and of flagsOf.
constexpr int32_t kTakenOverEnded = 1;
constexpr int32_t kTakenOverQueued = 2;

// Order of ENGINE_STATS.
#define WEIR_STATS(X) \
  X(accepted)         \
  X(refusedOverLimit) \
  X(acceptExhausted)  \
  X(acceptAborted)    \
  X(connects)         \
  X(connectFailures)  \
  X(bytesIn)          \
  X(bytesOut)         \
  X(bytesRelayed)     \
  X(resets)           \
  X(staleEvents)      \
  X(staleOps)         \
  X(badOps)           \
  X(overflows)        \
  X(lingerTimeouts)   \
  X(open)             \
  X(queuedBytes)      \
  X(ticks)            \
  X(events)

enum class Stat : int {
#define WEIR_STAT_NAME(name) name,
  WEIR_STATS(WEIR_STAT_NAME)
#undef WEIR_STAT_NAME
      count
};

}  // namespace weir
