// Output: straight to the kernel, and what it does not take into the connection's queue.
#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>
#include <new>

#include "engine.h"
#include "output.h"
#include "sockets.h"

namespace weir {

namespace {

constexpr int kSpans = 64;

// A message this small is cheaper copied together than described to the kernel piece by piece.
constexpr size_t kCopyMost = 4096;

ssize_t sendBytes(int fd, const void* data, size_t length) {
  ssize_t sent;
  do {
    sent = send(fd, data, length, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  return sent;
}

ssize_t sendSpans(int fd, iovec* spans, int count) {
  if (count == 1) return sendBytes(fd, spans[0].iov_base, spans[0].iov_len);
  size_t total = 0;
  for (int i = 0; i < count; ++i) total += spans[i].iov_len;
  if (total <= kCopyMost) {
    uint8_t together[kCopyMost];
    uint8_t* at = together;
    for (int i = 0; i < count; ++i) {
      memcpy(at, spans[i].iov_base, spans[i].iov_len);
      at += spans[i].iov_len;
    }
    return sendBytes(fd, together, total);
  }
  msghdr message{};
  message.msg_iov = spans;
  message.msg_iovlen = static_cast<size_t>(count);
  ssize_t sent;
  do {
    sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  return sent;
}

}  // namespace

// Runs the sends to one connection that begin at `row`; returns the first row after them.
int32_t Engine::runSends(int32_t row, int32_t rows) {
  const int32_t* first = memory_.ops + row * kOpWords;
  const int fd = first[1];
  Connection* c = live(fd, first[2]);
  const int64_t limit = static_cast<int64_t>(config_.arenaBytes) + config_.ownBytes;
  iovec spans[kSpans];
  int count = 0;
  for (; row < rows; ++row) {
    const int32_t* op = memory_.ops + row * kOpWords;
    if (op[0] != static_cast<int32_t>(Op::send) || op[1] != fd || op[2] != first[2]) break;
    const int64_t from = op[3];
    const int64_t length = op[4];
    if (c == nullptr) {
      add(table::holds(fd) ? Stat::staleOps : Stat::badOps);
    } else if (from < 0 || length < 0 || from + length > limit || c->has(kShutdownWanted)) {
      add(Stat::badOps);
    } else if (length > 0) {
      uint8_t* at = memory_.mem + from;
      iovec* last = count > 0 ? &spans[count - 1] : nullptr;
      if (last != nullptr && static_cast<uint8_t*>(last->iov_base) + last->iov_len == at) {
        last->iov_len += static_cast<size_t>(length);
      } else if (count < kSpans) {
        spans[count++] = {at, static_cast<size_t>(length)};
      } else {
        break;
      }
    }
  }
  if (count > 0) transmit(fd, *c, spans, count);
  return row;
}

void Engine::transmit(int fd, Connection& c, iovec* spans, int count) {
  if (c.error != 0) return;  // it is broken, its reset row is on the way
  size_t sent = c.output == nullptr && !c.has(kConnecting) ? offer(fd, c, spans, count) : 0;
  for (int i = 0; i < count && c.error == 0; ++i) {
    if (sent >= spans[i].iov_len) {
      sent -= spans[i].iov_len;
      continue;
    }
    enqueue(fd, c, static_cast<uint8_t*>(spans[i].iov_base) + sent, spans[i].iov_len - sent);
    sent = 0;
  }
  if (c.output != nullptr && !c.has(kConnecting)) sayBlocked(fd, c);
}

// What the kernel takes now. A failure leaves `error`.
size_t Engine::offer(int fd, Connection& c, iovec* spans, int count) {
  const ssize_t took = sendSpans(fd, spans, count);
  if (took < 0) {
    if (!wouldBlock(errno)) breakOutput(fd, c, errno);
    return 0;
  }
  c.progress += static_cast<uint64_t>(took);
  c.flags |= kInFlight;
  add(Stat::bytesOut, static_cast<double>(took));
  return static_cast<size_t>(took);
}

void Engine::enqueue(int fd, Connection& c, const uint8_t* data, size_t length) {
  const uint64_t queued = c.output == nullptr ? 0 : c.output->bytes;
  bool fits = queued + length <= config_.queueCap;
  if (fits && c.output == nullptr) c.output = new (std::nothrow) Output();
  fits = fits && c.output != nullptr && c.output->append(data, length);
  if (c.output != nullptr) add(Stat::queuedBytes, static_cast<double>(c.output->bytes - queued));
  if (fits) return;
  add(Stat::overflows);
  breakOutput(fd, c, ENOBUFS);
  c.flags |= kOverflowed;
}

void Engine::sayBlocked(int fd, Connection& c) {
  if (c.has(kBlockedSaid | kLingering)) return;
  c.flags |= kBlockedSaid;
  emit(Event::blocked, fd, c.generation.load(std::memory_order_relaxed), static_cast<int32_t>(c.output->bytes));
}

// Gives the kernel what is queued, as far as it goes.
void Engine::drain(int fd, Connection& c) {
  iovec spans[kSpans];
  while (c.output->bytes > 0) {
    const int count = c.output->gather(spans, kSpans);
    size_t offered = 0;
    for (int i = 0; i < count; ++i) offered += spans[i].iov_len;
    const size_t took = offer(fd, c, spans, count);
    if (took == 0) return;
    c.output->consume(took);
    add(Stat::queuedBytes, -static_cast<double>(took));
    if (took < offered) return;
  }
  dropOutput(c);
  drained(fd, c);
}

// Whatever waited for an empty queue.
void Engine::drained(int fd, Connection& c) {
  if (c.has(kBlockedSaid)) {
    c.flags &= ~kBlockedSaid;
    emit(Event::writable, fd, c.generation.load(std::memory_order_relaxed));
  }
  if (c.has(kShutdownWanted)) shutdownOutput(fd, c);
  if (c.has(kRelayTarget)) wantService(c.relayFrom, table::at(c.relayFrom));
}

// Sending failed. What the peer sent before is still delivered: the reset row follows when the input is dry.
void Engine::breakOutput(int fd, Connection& c, int error) {
  dropOutput(c);
  c.error = static_cast<uint8_t>(error);
  c.flags |= kFailing | kReadable | kHangup;
  breakRelayInto(c);
  wantService(fd, c);
}

}  // namespace weir
