/*
 * The floor: a byte relay that parses nothing. One upstream connection for each client connection, one epoll, one
 * read and one write per message. What it costs is what the kernel costs any user-space proxy; what a real proxy
 * costs beyond it is its own work. Not a proxy to use: no half-close, no timeouts, no limits.
 *
 *   floor UPSTREAM_PORT      listens on 127.0.0.1, prints `port N`, dies with its parent
 *
 * Law: while bytes for one side are pending, the other side is not read; so at most one buffer is pending a direction.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 65536, FDS_MAX = 65536, EVENTS = 256 };

struct side {
  int peer;          /* 0: this fd is not relayed */
  unsigned interest; /* what epoll watches it for */
  char *pending;     /* bytes for this side that its socket did not take */
  size_t off, len;
};

static struct side sides[FDS_MAX];
static char buffer[BUFFER];
static int ep;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void watch(int fd, unsigned interest) {
  if (sides[fd].interest == interest) return;
  sides[fd].interest = interest;
  struct epoll_event e = {.events = interest, .data.fd = fd};
  epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e);
}

static void close_pair(int fd) {
  int pair[2] = {fd, sides[fd].peer};
  for (int i = 0; i < 2; i++) {
    free(sides[pair[i]].pending);
    sides[pair[i]] = (struct side){0};
    close(pair[i]);
  }
}

/* A batch may hold an event for an fd closed and accepted again meanwhile: then recv says EAGAIN and nothing happens. */
static void readable(int fd) {
  ssize_t got = recv(fd, buffer, BUFFER, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    close_pair(fd);
    return;
  }
  int peer = sides[fd].peer;
  struct side *to = &sides[peer];
  ssize_t sent = send(peer, buffer, (size_t)got, MSG_NOSIGNAL);
  if (sent == got) return;
  if (sent < 0 && errno != EAGAIN) {
    close_pair(fd);
    return;
  }
  if (sent < 0) sent = 0;
  if (!to->pending && !(to->pending = malloc(BUFFER))) die("malloc");
  to->off = 0;
  to->len = (size_t)(got - sent);
  memcpy(to->pending, buffer + sent, to->len);
  watch(fd, sides[fd].interest & ~EPOLLIN);
  watch(peer, to->interest | EPOLLOUT);
}

/* Also the end of connect(): the client is read only from then on. */
static void writable(int fd) {
  struct side *to = &sides[fd];
  while (to->len > 0) {
    ssize_t sent = send(fd, to->pending + to->off, to->len, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) return;
    if (sent < 0) {
      close_pair(fd);
      return;
    }
    to->off += (size_t)sent;
    to->len -= (size_t)sent;
  }
  watch(fd, (to->interest & ~EPOLLOUT) | EPOLLIN);
  watch(to->peer, sides[to->peer].interest | EPOLLIN);
}

static void adopt(int fd, int peer, unsigned interest) {
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  sides[fd] = (struct side){.peer = peer, .interest = interest};
  struct epoll_event e = {.events = interest, .data.fd = fd};
  epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
}

static void accept_all(int listener, const struct sockaddr_in *upstream) {
  int client;
  while ((client = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
    int up = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (up < 0) {
      close(client);
      continue;
    }
    if (client >= FDS_MAX || up >= FDS_MAX ||
        (connect(up, (const struct sockaddr *)upstream, sizeof *upstream) < 0 && errno != EINPROGRESS)) {
      close(up);
      close(client);
      continue;
    }
    adopt(client, up, 0);
    adopt(up, client, EPOLLOUT);
  }
}

int main(int argc, char **argv) {
  if (argc != 2) return fprintf(stderr, "usage: floor UPSTREAM_PORT\n"), 2;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);

  struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct sockaddr_in upstream = here;
  upstream.sin_port = htons((unsigned short)atoi(argv[1]));
  socklen_t len = sizeof here;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listener < 0 || bind(listener, (struct sockaddr *)&here, len) < 0 || listen(listener, 4096) < 0) die("listen");
  getsockname(listener, (struct sockaddr *)&here, &len);
  printf("port %d\n", ntohs(here.sin_port));
  fflush(stdout);

  ep = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event e = {.events = EPOLLIN, .data.fd = listener}, events[EVENTS];
  epoll_ctl(ep, EPOLL_CTL_ADD, listener, &e);
  for (;;) {
    int n = epoll_wait(ep, events, EVENTS, -1);
    for (int i = 0; i < n; i++) {
      int fd = events[i].data.fd;
      if (fd == listener) accept_all(fd, &upstream);
      else {
        unsigned what = events[i].events;
        if (sides[fd].peer && (what & EPOLLOUT)) writable(fd);
        if (sides[fd].peer && (what & (EPOLLIN | EPOLLHUP | EPOLLERR))) readable(fd);
      }
    }
  }
}
