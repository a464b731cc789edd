#include "listeners.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <mutex>

#include "address.h"
#include "sockets.h"

namespace weir::listeners {

namespace {

// Which file a unix listener made, so that closing it does not remove somebody else's.
struct SocketFile {
  int fd;
  dev_t device;
  ino_t inode;
};
std::mutex filesLock;
std::vector<SocketFile> files;

int makeSocket(const Address& address, bool shared, int* fd) {
  *fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (*fd < 0) return errno;
  if (address.isUnix()) return 0;
  setFlag(*fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (address.any.sa_family == AF_INET6) setFlag(*fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (shared) setFlag(*fd, SOL_SOCKET, SO_REUSEPORT, 1);
  return 0;
}

// SO_REUSEPORT would let us join another process of the same user on a port and take part of its connections unasked.
// A bind without it finds out.
int probe(const Address& address) {
  int fd;
  int error = makeSocket(address, false, &fd);
  if (error == 0 && bind(fd, &address.any, address.length) != 0) error = errno;
  if (fd >= 0) ::close(fd);
  return error;
}

// `dual`: a v6 socket that takes v4 too, as its group does that somebody else opened.
int openMember(Address* address, int backlog, bool dual, Group* group) {
  int fd;
  int error = makeSocket(*address, true, &fd);
  if (fd < 0) return error;
  group->fds.push_back(fd);
  if (dual) setFlag(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (bind(fd, &address->any, address->length) != 0) return errno;
  if (::listen(fd, backlog) != 0) return errno;
  // Port 0 became a port: the next members join it.
  socklen_t length = sizeof(address->local);
  if (!address->isUnix() && getsockname(fd, &address->any, &length) != 0) return errno;
  return 0;
}

// A socket file nobody listens on is left over from a process that died: it may go. Anything else may not.
int removeStaleFile(const Address& address) {
  struct stat file;
  if (lstat(address.local.sun_path, &file) != 0) return errno == ENOENT ? 0 : errno;
  if (!S_ISSOCK(file.st_mode)) return EADDRINUSE;
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  const int error = connect(fd, &address.any, address.length) == 0 ? 0 : errno;
  ::close(fd);
  if (error != ECONNREFUSED) return error == EACCES || error == EPERM ? error : EADDRINUSE;
  return unlink(address.local.sun_path) == 0 ? 0 : errno;
}

int openUnix(Address* address, int backlog, Group* group) {
  int error = removeStaleFile(*address);
  if (error == 0) error = openMember(address, backlog, false, group);
  struct stat file;
  if (error == 0 && lstat(address->local.sun_path, &file) == 0) {
    const std::lock_guard<std::mutex> held(filesLock);
    files.push_back({group->fds[0], file.st_dev, file.st_ino});
  }
  return error;
}

int openTcp(Address* address, int members, int backlog, Group* group) {
  const bool anyPort = (address->any.sa_family == AF_INET ? address->v4.sin_port : address->v6.sin6_port) == 0;
  int error = anyPort ? 0 : probe(*address);
  for (int i = 0; i < members && error == 0; ++i) error = openMember(address, backlog, false, group);
  return error;
}

// As ListenerGroup has it; empty: nothing a configuration could name (an abstract unix socket, another family).
std::string localAddress(int fd) {
  Address address;
  socklen_t length = sizeof(address.local);
  if (getFlag(fd, SOL_SOCKET, SO_TYPE) != SOCK_STREAM || getsockname(fd, &address.any, &length) != 0) return {};
  const int family = address.any.sa_family;
  if (family == AF_UNIX) return length > offsetof(sockaddr_un, sun_path) && address.local.sun_path[0] != '\0' ? formatAddress(address) : "";
  return family == AF_INET || family == AF_INET6 ? formatAddress(address) : "";
}

void removeFile(int fd, const Address& address) {
  const std::lock_guard<std::mutex> held(filesLock);
  for (size_t i = 0; i < files.size(); ++i) {
    if (files[i].fd != fd) continue;
    struct stat file;
    const bool same = lstat(address.local.sun_path, &file) == 0 && file.st_dev == files[i].device &&
                      file.st_ino == files[i].inode;
    if (same) unlink(address.local.sun_path);
    files.erase(files.begin() + static_cast<std::ptrdiff_t>(i));
    return;
  }
}

}  // namespace

int open(std::string_view text, int members, int backlog, Group* group) {
  Address address;
  if (!parseAddress(text, &address)) return EINVAL;
  const int error = address.isUnix() ? openUnix(&address, backlog, group) : openTcp(&address, members, backlog, group);
  if (error != 0) {
    for (const int fd : group->fds) ::close(fd);
    group->fds.clear();
    return error;
  }
  group->address = formatAddress(address);
  return 0;
}

int close(const Group& group) {
  Address address;
  if (!parseAddress(group.address, &address)) return EINVAL;
  for (const int fd : group.fds) {
    if (!isListening(fd)) return EBADF;  // never close what is not ours: the number may be a connection's by now
  }
  for (const int fd : group.fds) {
    if (address.isUnix()) removeFile(fd, address);
    ::close(fd);
  }
  return 0;
}

std::vector<Group> inherit(std::vector<int> fds) {
  std::sort(fds.begin(), fds.end());
  fds.erase(std::unique(fds.begin(), fds.end()), fds.end());
  std::vector<Group> groups;
  for (const int fd : fds) {
    const std::string address = isListening(fd) ? localAddress(fd) : "";
    if (address.empty()) continue;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    const auto known = std::find_if(groups.begin(), groups.end(), [&](const Group& g) { return g.address == address; });
    if (known == groups.end()) {
      groups.push_back({address, {fd}});
    } else {
      known->fds.push_back(fd);
    }
  }
  return groups;
}

// A program that steers the group stays in force: the new members, last in order, get nothing until the next one.
int extend(Group* group, int members, int backlog) {
  if (group->fds.empty() || !isListening(group->fds[0])) return EBADF;
  Address address;
  socklen_t length = sizeof(address.local);
  if (getsockname(group->fds[0], &address.any, &length) != 0) return errno;
  address.length = length;
  if (address.isUnix() || getFlag(group->fds[0], SOL_SOCKET, SO_REUSEPORT) != 1) return 0;
  const bool dual = address.any.sa_family == AF_INET6 && getFlag(group->fds[0], IPPROTO_IPV6, IPV6_V6ONLY) == 0;
  Group made;
  int error = 0;
  for (int i = 0; i < members && error == 0; ++i) error = openMember(&address, backlog, dual, &made);
  if (error != 0) {
    for (const int fd : made.fds) ::close(fd);
    return error;
  }
  group->fds.insert(group->fds.end(), made.fds.begin(), made.fds.end());
  return 0;
}

// Classic BPF: draw 32 random bits, walk a ladder of thresholds, answer the member's index. Members have the order in
// which they began to listen. Attaching to one replaces the program of the whole group, atomically.
int steer(const Group& group, const std::vector<double>& weights) {
  double total = 0;
  size_t last = 0;
  if (weights.size() != group.fds.size()) return EINVAL;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (!std::isfinite(weights[i]) || weights[i] < 0) return EINVAL;
    if (weights[i] > 0) last = i;
    total += weights[i];
  }
  if (!(total > 0) || !std::isfinite(total)) return EINVAL;
  if (weights.size() == 1) return 0;

  std::vector<sock_filter> program;
  program.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_RANDOM)));
  double below = 0;
  for (size_t i = 0; i < last; ++i) {
    if (weights[i] == 0) continue;
    below += weights[i];
    const auto threshold = static_cast<uint32_t>(std::min(below / total * 4294967296.0, 4294967295.0));
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, threshold, 1, 0));
    program.push_back(BPF_STMT(BPF_RET | BPF_K, static_cast<uint32_t>(i)));
  }
  program.push_back(BPF_STMT(BPF_RET | BPF_K, static_cast<uint32_t>(last)));
  const sock_fprog attached{static_cast<unsigned short>(program.size()), program.data()};
  const int status = setsockopt(group.fds[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &attached, sizeof(attached));
  return status == 0 ? 0 : errno;
}

}  // namespace weir::listeners
