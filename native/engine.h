// One engine: an epoll set, the rows it exchanges with its thread's TypeScript, and the connections it owns.
// It knows no N-API and no libuv: host.cc turns its crank. Everything but postWake and postParcel is for the owning thread.
//
//     collect(): epoll → flags on connections → ready ring → one bounded step each → event rows
//     run(rows): op rows → the kernel; what comes of them is a pending row, first in the next batch
#pragma once
#include <sys/epoll.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "deadlines.h"
#include "protocol.h"
#include "ready.h"
#include "registry.h"
#include "table.h"

struct iovec;
struct sockaddr;

namespace weir {

struct EngineConfig {
  int shard;
  uint32_t arenaBytes;
  uint32_t ownBytes;
  uint32_t readBytes;
  uint64_t queueCap;
  int64_t maxConnections;
  int32_t eventRows;
  int32_t opRows;
};

// Memory that belongs to JavaScript; the host keeps it alive as long as the engine runs. What was made for a life of a shard outlives it.
struct EngineMemory {
  uint8_t* mem;
  int32_t* events;
  int32_t* ops;
  int32_t* live;
  double* clock;
  double* stats;
};

constexpr int32_t kNoBatch = -1;

class Engine {
 public:
  Engine(const EngineConfig& config, const EngineMemory& memory);
  // Connections stay in the table, in nobody's epoll set.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // 0 or an errno.
  int open();
  int epollFd() const { return epollFd_; }

  // Fills the event table and reads the clock; the number of rows, or kNoBatch.
  int32_t collect(bool evenIfEmpty);
  void run(int32_t rows);
  // This life begins: nothing is under way.
  void beginLife();
  // The rows of the last batch were handled, and their ops ran.
  void endBatch() { memory_.live[kLiveRows] = 0; }
  // The thread has ended or will: what TypeScript decided and did not live to have run is done.
  void runLeft();
  // The gauges of an engine that serves nobody any more.
  void clearGauges();
  // There is work that no epoll event will announce.
  bool busy() const { return !ready_.empty() || !pending_.empty() || pollFull_; }
  void readClock();

  int connect(std::string_view address);
  int32_t generationOf(int fd) const;
  double progress(int fd, int32_t generation);
  double queued(int fd, int32_t generation) const;
  int32_t flagsOf(int fd, int32_t generation) const;
  // `ip port`; empty: no such handle, or its peer is gone.
  std::string peerOf(int fd, int32_t generation) const;
  // A connection that a stopped engine left becomes ours: the new generation, or 0.
  int32_t take(int fd, int32_t generation);
  int listen(int fd, int32_t token);
  void unlisten(int fd);

  bool hasDeadline() const { return !deadlines_.empty(); }
  double firstDeadlineMs() const { return deadlines_.first().atMs; }
  void expire();

  // From any thread, with the registry's lock held.
  void postWake();
  void postParcel(Parcel parcel);

 private:
  struct Row {
    int32_t words[kEventWords];
  };
  struct Listener {
    int fd;
    int32_t token;
    bool paused;
    double saidAtMs;  // last `exhausted` row
  };

  // tick.cc
  void poll();
  void noteEdge(int fd, int32_t generation, uint32_t edges);
  void deliverPending();
  void serveReady();
  void serve(int fd, Connection& c);
  bool receive(int fd, Connection& c);
  static bool owesHangup(const Connection& c);
  bool settleFailure(int fd, Connection& c);
  bool arenaHasRoom() const;
  void emit(Event kind, int fd, int32_t generation, int32_t a = 0, int32_t b = 0, int32_t c = 0, int32_t d = 0);
  void openInbox();
  void inherit(const Connection& c);

  // connection.cc
  Connection* live(int fd, int32_t generation);
  uint64_t acknowledged(int fd, Connection& c);
  bool watch(int fd, const Connection& c);
  void wantService(int fd, Connection& c);
  bool finishConnect(int fd, Connection& c);
  void fail(int fd, Connection& c, int error);
  void destroy(int fd, Connection& c, bool withReset);
  void dropOutput(Connection& c);

  // send.cc
  int32_t runSends(int32_t row, int32_t rows);
  void transmit(int fd, Connection& c, iovec* spans, int count);
  size_t offer(int fd, Connection& c, iovec* spans, int count);
  void enqueue(int fd, Connection& c, const uint8_t* data, size_t length);
  void sayBlocked(int fd, Connection& c);
  void drain(int fd, Connection& c);
  void drained(int fd, Connection& c);
  void breakOutput(int fd, Connection& c, int error);

  // ops.cc
  void runOp(const int32_t* op, int fd, Connection& c);
  void resume(int fd, Connection& c);
  void shutdownOutput(int fd, Connection& c);
  void handover(const int32_t* op, int fd, Connection& c);

  // linger.cc
  void closeGracefully(int fd, Connection& c, int32_t lingerMs);
  void linger(int fd, Connection& c);
  bool discard(int fd, Connection& c);
  void planLook(int fd, const Connection& c, double now);
  void lookAt(int fd, Connection& c, double now);

  // relay.cc
  void startRelay(const int32_t* op, int fd, Connection& c);
  void stopRelay(int fd, Connection& c);
  bool pump(int fd, Connection& c);
  bool canTake(const Connection& target) const;
  bool pumpOnce(int fd, Connection& c, Connection& target, int64_t* budget);
  void sayRelayDone(int fd, const Connection& c, RelayEnd how, uint64_t bytes);
  void endRelay(int fd, Connection& c, RelayEnd how);
  void cancelRelays(Connection& c);
  bool forward(int fd, Connection& target, size_t length);
  void breakRelayInto(Connection& target);

  // accept.cc
  Listener* findListener(int fd);
  int watchListener(int fd);
  void acceptReady();
  void acceptFrom(Listener& listener);
  bool admit(Listener& listener, int fd, const sockaddr* peer);
  void exhausted(Listener& listener, int error);
  void turnAway(int listenerFd);
  void resumeListener(int fd);

  void add(Stat stat, double by = 1) {
    double& cell = memory_.stats[static_cast<int>(stat)];
    const std::atomic_ref<double> shared(cell);
    shared.store(shared.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }

  const EngineConfig config_;
  const EngineMemory memory_;
  int epollFd_ = -1;
  int wakeFd_ = -1;
  int reserveFd_ = -1;  // given up for a moment to accept and close when fds run out

  int32_t rows_ = 0;
  uint32_t arenaUsed_ = 0;
  bool anyRead_ = false;
  bool collecting_ = false;
  bool pollFull_ = false;
  bool inboxSignalled_ = false;
  ReadyRing ready_;
  std::vector<Row> pending_;
  size_t pendingFrom_ = 0;
  std::vector<Listener> listeners_;
  std::vector<int> readyListeners_;
  Deadlines deadlines_;
  uint8_t* relayBuffer_ = nullptr;

  std::mutex inboxLock_;
  std::vector<Parcel> inbox_;
  std::atomic<bool> signalled_{false};
  bool wakeWanted_ = false;
};

double monotonicMs();

}  // namespace weir
