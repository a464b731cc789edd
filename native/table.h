// The connection table: one per process, indexed by fd, so that a connection outlives the shard that serves it.
//
// Who may touch an entry: only the thread of the engine that owns it; one that a stopped engine left (`owner` says so) only
// whoever holds the registry's lock. `generation` and `owner` alone may be read by anybody (to recognise a stale handle).
// Giving an entry up is a release store of `owner`, taking one an acquire load: the kernel may give the same fd to another
// thread as soon as it is closed, so an entry is always cleared first and its fd closed last.
#pragma once
#include <atomic>
#include <cstdint>

namespace weir {

struct Output;

constexpr int kTableSize = 1 << 20;
constexpr int kShards = 256;

// Bit of `owner`: the engine of that shard has stopped, nobody serves the connection until somebody takes it. A later engine with
// the same index is somebody else.
constexpr uint16_t kLeft = 1 << 15;
inline int shardOf(uint16_t owner) { return (owner & ~kLeft) - 1; }

enum class Kind : uint8_t { none, client, upstream };

enum Flag : uint32_t {
  kConnecting = 1 << 0,
  kPaused = 1 << 1,
  kReadable = 1 << 2,        // input may be pending: an edge was seen and not yet read dry
  kWritable = 1 << 3,        // an output edge was seen and not yet used
  kHangup = 1 << 4,          // FIN or RST was announced: a short read does not mean dry, read on to the 0 or the error
  kFailing = 1 << 5,         // broken: `error`, or else SO_ERROR, says how; reported once the input is dry
  kOverflowed = 1 << 6,      // broken by us: nothing more is read
  kPeerEnded = 1 << 7,       // FIN was read
  kShutdownWanted = 1 << 8,  // FIN to be sent when the output queue is empty
  kShutdownDone = 1 << 9,
  kBlockedSaid = 1 << 10,    // a `blocked` row was sent, a `writable` row is owed
  kInReadyRing = 1 << 11,
  kLingering = 1 << 12,      // the handle is dead; natively the last words are still on their way
  kDiscarding = 1 << 13,     // lingering: FIN sent, input is thrown away
  kRelaySource = 1 << 14,
  kRelayTarget = 1 << 15,
  kUnix = 1 << 16,        // a unix socket: how much of the output its peer has is not to be known
  kInFlight = 1 << 17,    // bytes were sent since the peer was last seen to have acknowledged all of them
  kHangupSaid = 1 << 18,  // a `hangup` row was sent
};

// One cache line, all zero bits = free. Idle connections own nothing else.
struct alignas(64) Connection {
  std::atomic<int32_t> generation;
  std::atomic<uint16_t> owner;  // shard + 1, perhaps with kLeft; 0: free
  Kind kind;
  uint8_t error;  // errno of a failed send: output is over, kFailing is set
  uint32_t flags;
  union {
    int32_t relayTo;   // fd, with kRelaySource
    int32_t lingerMs;  // with kLingering
  };
  int32_t relayFrom;  // fd, with kRelayTarget
  union {
    uint32_t discardLeft;  // with kLingering: bytes it may still throw away
    uint32_t relayChunk;   // with kRelaySource: most bytes of the next read
  };
  Output* output;        // null: nothing queued
  uint64_t progress;     // bytes received + bytes the kernel took
  union {
    uint64_t relayLeft;    // with kRelaySource; kUnbounded: until the source ends
    uint64_t lingerTaken;  // with kLingering: `progress` when last looked at
  };
  union {
    uint64_t relayed;      // with kRelaySource
    double lingerUntilMs;  // with kLingering: given up then, unless its output moves before
  };
  int32_t token;  // of the listener that a client came by

  bool has(uint32_t flag) const { return (flags & flag) != 0; }
};
static_assert(sizeof(Connection) == 64);

constexpr uint64_t kUnbounded = UINT64_MAX;

namespace table {

// Maps the table; false if the address space is refused. Idempotent, from any thread.
bool map();
extern Connection* base;

inline bool holds(int fd) { return fd >= 0 && fd < kTableSize; }
inline Connection& at(int fd) { return base[fd]; }

// A fresh fd becomes a connection of `shard`. Its generation is what release left, so it differs from every handle given out before.
Connection& adopt(int fd, int shard, Kind kind);
// Every handle to it dies. The caller closes the fd next.
void release(Connection& connection);
// Its engine stops: it keeps what is true of the connection and forgets what that engine was about to do with it.
void leave(Connection& connection);
// Moves it to another shard's engine under a new generation, which is returned. The caller may not touch it any more, unless it is that engine.
int32_t passOn(Connection& connection, int shard);

// Connections owned by a shard, or left by it.
int count(int shard);
// Highest fd ever adopted.
int highest();
// Clients open in the process. `addClient` counts one more and returns the number, itself included.
int64_t addClient();
void dropClient();

}  // namespace table
}  // namespace weir
