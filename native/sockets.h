// Small calls on sockets, with their reasons.
#pragma once
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace weir {

inline int getFlag(int fd, int level, int option) {
  int value = -1;
  socklen_t length = sizeof(value);
  return getsockopt(fd, level, option, &value, &length) == 0 ? value : -1;
}

inline void setFlag(int fd, int level, int option, int value) { setsockopt(fd, level, option, &value, sizeof(value)); }

// Heads and bodies are gathered into one sendmsg; what is left for Nagle to delay is always wanted now. (Fails on unix sockets.)
inline void setNoDelay(int fd) { setFlag(fd, IPPROTO_TCP, TCP_NODELAY, 1); }

inline int socketError(int fd) {
  int error = 0;
  socklen_t length = sizeof(error);
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

// RST instead of FIN, unsent data dropped.
inline void closeWithReset(int fd) {
  const linger now{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  close(fd);
}

inline bool isListening(int fd) { return getFlag(fd, SOL_SOCKET, SO_ACCEPTCONN) == 1; }

inline bool wouldBlock(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

}  // namespace weir
