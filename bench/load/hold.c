/*
 * Opens COUNT keep-alive connections, makes one request on each and checks its answer, then holds them idle.
 *
 *   hold PORT COUNT
 *
 * Says `held N` once all are idle, or `failed REASON` and exits 1. Every line on stdin is answered with `alive N`, the
 * connections the server has not closed. At the end of stdin it resets them all (no TIME_WAIT is left) and exits.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { AT_ONCE = 64, BODY = 128, ANSWER_MAX = 4096, EVENTS = 256, FDS_MAX = 65536 };

struct conn {
  bool open, answered;
  size_t len;
  char *answer; /* held only until the answer is complete */
};

static struct conn conns[FDS_MAX];
static int ep, target, opened, answered, alive;
static struct sockaddr_in server = {.sin_family = AF_INET};
static char request[128];

static void fail(const char *what) {
  printf("failed %s after %d of %d connections (%s)\n", what, answered, target, strerror(errno));
  exit(1);
}

static void open_next(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 || fd >= FDS_MAX) fail("to open a socket");
  if (connect(fd, (struct sockaddr *)&server, sizeof server) < 0 && errno != EINPROGRESS) fail("to connect");
  conns[fd] = (struct conn){.open = true, .answer = malloc(ANSWER_MAX)};
  struct epoll_event e = {.events = EPOLLOUT, .data.fd = fd};
  epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
  opened++;
  alive++;
}

static void connected(int fd) {
  size_t len = strlen(request);
  if (send(fd, request, len, MSG_NOSIGNAL) != (ssize_t)len) fail("to send");
  struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP, .data.fd = fd};
  epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e);
}

static void lost(int fd) {
  conns[fd].open = false;
  close(fd);
  alive--;
}

static bool complete(const struct conn *c) {
  char *end = memmem(c->answer, c->len, "\r\n\r\n", 4);
  return end && c->len == (size_t)(end - c->answer) + 4 + BODY;
}

static void readable(int fd) {
  struct conn *c = &conns[fd];
  char byte;
  if (c->answered) { /* nothing is due any more: whatever comes is the end of it */
    if (recv(fd, &byte, 1, 0) >= 0 || errno != EAGAIN) lost(fd);
    return;
  }
  ssize_t n = recv(fd, c->answer + c->len, ANSWER_MAX - c->len, 0);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) fail("to read an answer");
  c->len += (size_t)n;
  if (c->len >= 12 && memcmp(c->answer, "HTTP/1.1 200", 12) != 0) fail("to get a 200");
  if (!complete(c)) return;
  free(c->answer);
  c->answered = true;
  if (++answered < target) {
    if (opened < target) open_next();
  } else {
    printf("held %d\n", answered);
    fflush(stdout);
  }
}

static void command(void) {
  char line[64];
  if (read(0, line, sizeof line) > 0) {
    printf("alive %d\n", alive);
    fflush(stdout);
    return;
  }
  struct linger reset = {.l_onoff = 1};
  for (int fd = 0; fd < FDS_MAX; fd++)
    if (conns[fd].open) {
      setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
      close(fd);
    }
  exit(0);
}

int main(int argc, char **argv) {
  if (argc != 3) return fprintf(stderr, "usage: hold PORT COUNT\n"), 2;
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  server.sin_port = htons((unsigned short)atoi(argv[1]));
  target = atoi(argv[2]);
  snprintf(request, sizeof request, "GET /small HTTP/1.1\r\nHost: 127.0.0.1:%s\r\n\r\n", argv[1]);
  ep = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event e = {.events = EPOLLIN, .data.fd = 0}, events[EVENTS];
  epoll_ctl(ep, EPOLL_CTL_ADD, 0, &e);
  while (opened < AT_ONCE && opened < target) open_next();
  for (;;) {
    int n = epoll_wait(ep, events, EVENTS, -1);
    for (int i = 0; i < n; i++) {
      int fd = events[i].data.fd;
      if (fd == 0) command();
      else if (conns[fd].open) (events[i].events & EPOLLOUT ? connected : readable)(fd);
    }
  }
}
