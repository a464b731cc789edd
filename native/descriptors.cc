#include "descriptors.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "engine.h"
#include "sockets.h"
#include "table.h"

namespace weir::descriptors {

namespace {

constexpr double kWaitMs = 1000;

// Aligned as the kernel wants control messages.
union Control {
  char bytes[CMSG_SPACE(sizeof(int) * kFdsMost)];
  cmsghdr align;
};

// Waits for room until then. False: there is none.
bool waitForRoom(int socket, double untilMs) {
  for (;;) {
    const double leftMs = untilMs - monotonicMs();
    if (leftMs <= 0) return false;
    pollfd wanted{socket, POLLOUT, 0};
    const int ready = poll(&wanted, 1, static_cast<int>(leftMs) + 1);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

void takeFds(msghdr* header, std::vector<int>* fds) {
  for (cmsghdr* part = CMSG_FIRSTHDR(header); part != nullptr; part = CMSG_NXTHDR(header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    const size_t before = fds->size();
    fds->resize(before + count);
    memcpy(fds->data() + before, CMSG_DATA(part), count * sizeof(int));
  }
}

}  // namespace

int send(int socket, std::string_view text, const std::vector<int>& fds) {
  if (text.empty() || text.size() > kTextMost || fds.size() > kFdsMost) return EMSGSIZE;
  Control control{};
  iovec span{const_cast<char*>(text.data()), text.size()};
  msghdr header{};
  header.msg_iov = &span;
  header.msg_iovlen = 1;
  if (!fds.empty()) {
    header.msg_control = control.bytes;
    header.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
    cmsghdr* part = CMSG_FIRSTHDR(&header);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
    memcpy(CMSG_DATA(part), fds.data(), sizeof(int) * fds.size());
  }
  const double untilMs = monotonicMs() + kWaitMs;
  for (;;) {
    const ssize_t sent = sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) return static_cast<size_t>(sent) == text.size() ? 0 : EMSGSIZE;
    if (errno == EINTR) continue;
    if (!wouldBlock(errno)) return errno;
    if (!waitForRoom(socket, untilMs)) return ETIMEDOUT;
  }
}

int receive(int socket, Message* message) {
  char text[kTextMost];
  Control control{};
  iovec span{text, sizeof(text)};
  msghdr header{};
  header.msg_iov = &span;
  header.msg_iovlen = 1;
  header.msg_control = control.bytes;
  header.msg_controllen = sizeof(control.bytes);
  ssize_t got;
  do {
    got = recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return wouldBlock(errno) ? EAGAIN : errno;
  takeFds(&header, &message->fds);
  if (got == 0) return ECONNRESET;
  // Descriptors that this process has no room for are gone: half of what was sent is worse than none.
  const int error = (header.msg_flags & MSG_CTRUNC) ? EMFILE : (header.msg_flags & MSG_TRUNC) ? EMSGSIZE : 0;
  if (error != 0) {
    for (const int fd : message->fds) close(fd);
    message->fds.clear();
    return error;
  }
  message->text.assign(text, static_cast<size_t>(got));
  return 0;
}

int makePair(int pair[2]) { return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0 ? 0 : errno; }

int keepOnExec(int fd, bool keep) {
  const int flags = fcntl(fd, F_GETFD);
  if (flags < 0) return errno;
  return fcntl(fd, F_SETFD, keep ? flags & ~FD_CLOEXEC : flags | FD_CLOEXEC) == 0 ? 0 : errno;
}

int closeOne(int fd) {
  if (table::holds(fd) && table::at(fd).owner.load(std::memory_order_acquire) != 0) return EBUSY;
  return close(fd) == 0 ? 0 : errno;
}

int notify(std::string_view name, std::string_view text) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const bool named = !name.empty() && (name[0] == '/' || (name[0] == '@' && name.size() > 1));
  if (!named || name.size() >= sizeof(address.sun_path)) return EINVAL;
  memcpy(address.sun_path, name.data(), name.size());
  const bool abstract = name[0] == '@';
  if (abstract) address.sun_path[0] = '\0';
  // The length of an abstract name counts: a byte more would be another name.
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + (abstract ? 0 : 1));
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  ssize_t sent;
  do {
    sent = sendto(fd, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&address), length);
  } while (sent < 0 && errno == EINTR);
  const int error = sent < 0 ? errno : 0;
  close(fd);
  return error;
}

}  // namespace weir::descriptors
