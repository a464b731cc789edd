/*
 * The origin behind every contender: one thread, one epoll, everything served from memory, so that the machine's
 * cores go to the proxy and not to what stands behind it.
 *
 *   GET /small      128 bytes                       GET /head    the request head exactly as it arrived
 *   GET /64k /10m   from a memfd, by sendfile       GET /count   body bytes swallowed since the start
 *   PUT, POST       the body is discarded in the kernel (MSG_TRUNC); answered with its length once it is complete
 *
 * Why not nginx: `return 200` answers before the body has arrived (an early final response, another thing to measure)
 * and discards 4 KiB per read; and the bench must run where nginx is not installed.
 *
 * Only Content-Length framing: a proxy that re-frames an upload gets 501, which the bench reports.
 * Prints `port N` on stdout. Dies with its parent.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_MAX = 16384, OUT_MAX = HEAD_MAX + 1024, FDS_MAX = 65536, EVENTS = 256 };

struct conn {
  size_t head_len;  /* bytes of the next request's head collected so far */
  size_t body_left; /* request body still to come */
  size_t body_len;
  size_t out_off, out_len; /* unsent part of `out` */
  size_t file_left;        /* then this much of the file, ending where the file ends */
  off_t file_off;
  bool wants_out;
  char head[HEAD_MAX];
  char out[OUT_MAX];
};

static struct conn *conns[FDS_MAX];
static int ep, memfd;
static uint64_t swallowed;
static char common[256]; /* the response fields that never change, Date included */
static char small_body[129];
static const size_t file_size = 10u << 20;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void drop(int fd) {
  free(conns[fd]);
  conns[fd] = NULL;
  close(fd);
}

static void interest(int fd, struct conn *c, bool out) {
  if (c->wants_out == out) return;
  struct epoll_event e = {.events = out ? EPOLLOUT : EPOLLIN, .data.fd = fd};
  epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e);
  c->wants_out = out;
}

/* False when the connection is gone. While a response is unsent nothing is read. */
static bool flush(int fd, struct conn *c) {
  while (c->out_off < c->out_len || c->file_left > 0) {
    ssize_t n;
    if (c->out_off < c->out_len) {
      n = send(fd, c->out + c->out_off, c->out_len - c->out_off, MSG_NOSIGNAL | (c->file_left ? MSG_MORE : 0));
      if (n > 0) c->out_off += (size_t)n;
    } else {
      n = sendfile(fd, memfd, &c->file_off, c->file_left);
      if (n > 0) c->file_left -= (size_t)n;
    }
    if (n < 0 && errno == EAGAIN) {
      interest(fd, c, true);
      return true;
    }
    if (n <= 0 && errno != EINTR) {
      drop(fd);
      return false;
    }
  }
  c->out_off = c->out_len = 0;
  interest(fd, c, false);
  return true;
}

static void reply(struct conn *c, const char *status, const char *body, size_t len) {
  int n = snprintf(c->out, OUT_MAX, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n", status, common, len);
  memcpy(c->out + n, body, len);
  c->out_len = (size_t)n + len;
}

static void reply_file(struct conn *c, size_t len) {
  c->out_len = (size_t)snprintf(c->out, OUT_MAX, "HTTP/1.1 200 OK\r\n%sContent-Length: %zu\r\n\r\n", common, len);
  c->file_left = len;
  c->file_off = (off_t)(file_size - len);
}

static void reply_number(struct conn *c, uint64_t number) {
  char text[32];
  reply(c, "200 OK", text, (size_t)snprintf(text, sizeof text, "%llu", (unsigned long long)number));
}

static bool at(const char *head, const char *line) {
  return strncmp(head, line, strlen(line)) == 0;
}

/* The value of a field, or NULL; `head` ends in NUL. */
static const char *field(const char *head, const char *name) {
  size_t len = strlen(name);
  for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n"))
    if (strncasecmp(line + 2, name, len) == 0 && line[2 + len] == ':') return line + 3 + len;
  return NULL;
}

static void answer_get(struct conn *c, size_t head_len) {
  const char *target = c->head + 4;
  if (at(target, "/small ")) reply(c, "200 OK", small_body, 128);
  else if (at(target, "/64k ")) reply_file(c, 65536);
  else if (at(target, "/10m ")) reply_file(c, file_size);
  else if (at(target, "/head ")) reply(c, "200 OK", c->head, head_len);
  else if (at(target, "/count ")) reply_number(c, swallowed);
  else reply(c, "404 Not Found", "", 0);
}

/* `head_len` bytes of c->head are one whole head. */
static void request(struct conn *c, size_t head_len) {
  char kept = c->head[head_len];
  c->head[head_len] = 0;
  if (at(c->head, "GET ")) answer_get(c, head_len);
  else if (field(c->head, "transfer-encoding")) reply(c, "501 Not Implemented", "", 0);
  else {
    const char *length = field(c->head, "content-length");
    c->body_len = c->body_left = length ? strtoull(length, NULL, 10) : 0;
    if (c->body_left == 0) reply_number(c, 0);
  }
  c->head[head_len] = kept;
}

static void swallow(struct conn *c, size_t n) {
  c->body_left -= n;
  swallowed += n;
  if (c->body_left == 0) reply_number(c, c->body_len);
}

/* Takes requests out of the collected bytes until they end or a response is under way. */
static void consume(struct conn *c) {
  while (c->out_len == 0 && c->head_len > 0) {
    size_t used;
    if (c->body_left > 0) {
      used = c->head_len < c->body_left ? c->head_len : c->body_left;
      swallow(c, used);
    } else {
      char *end = memmem(c->head, c->head_len, "\r\n\r\n", 4);
      if (!end) return;
      used = (size_t)(end - c->head) + 4;
      request(c, used);
    }
    memmove(c->head, c->head + used, c->head_len - used);
    c->head_len -= used;
  }
}

static void readable(int fd, struct conn *c) {
  bool in_body = c->body_left > 0;
  ssize_t n = in_body ? recv(fd, NULL, c->body_left < (1u << 20) ? c->body_left : (1u << 20), MSG_TRUNC)
                      : recv(fd, c->head + c->head_len, HEAD_MAX - 1 - c->head_len, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) {
    drop(fd); /* also a head that does not fit: recv of 0 bytes */
    return;
  }
  if (in_body) swallow(c, (size_t)n);
  else {
    c->head_len += (size_t)n;
    consume(c);
  }
  while (c->out_len > 0) {
    if (!flush(fd, c) || c->wants_out) return;
    consume(c);
  }
}

static void writable(int fd, struct conn *c) {
  while (flush(fd, c) && !c->wants_out) {
    consume(c);
    if (c->out_len == 0) return;
  }
}

static void accept_all(int listener) {
  int fd, one = 1;
  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
    if (fd >= FDS_MAX || !(conns[fd] = calloc(1, sizeof(struct conn)))) {
      close(fd);
      continue;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
  }
}

static void prepare(void) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGPIPE, SIG_IGN); /* sendfile knows no MSG_NOSIGNAL */
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  time_t now = time(NULL);
  char date[64];
  strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime(&now));
  snprintf(common, sizeof common, "Server: bench\r\nDate: %s\r\nContent-Type: text/plain\r\nConnection: keep-alive\r\n", date);
  for (int i = 0; i < 128; i++) small_body[i] = (char)('a' + i % 26);
  memfd = memfd_create("body", MFD_CLOEXEC);
  if (memfd < 0 || ftruncate(memfd, (off_t)file_size) < 0) die("memfd");
  unsigned char *bytes = mmap(NULL, file_size, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
  if (bytes == MAP_FAILED) die("mmap");
  for (size_t i = 0; i < file_size; i++) bytes[i] = (unsigned char)((i * 2654435761u) >> 13);
  munmap(bytes, file_size);
}

static int listen_any(void) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof a;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&a, len) < 0 || listen(fd, 4096) < 0) die("listen");
  getsockname(fd, (struct sockaddr *)&a, &len);
  printf("port %d\n", ntohs(a.sin_port));
  fflush(stdout);
  return fd;
}

int main(void) {
  prepare();
  ep = epoll_create1(EPOLL_CLOEXEC);
  int listener = listen_any();
  struct epoll_event e = {.events = EPOLLIN, .data.fd = listener}, events[EVENTS];
  epoll_ctl(ep, EPOLL_CTL_ADD, listener, &e);
  for (;;) {
    int n = epoll_wait(ep, events, EVENTS, -1);
    for (int i = 0; i < n; i++) {
      int fd = events[i].data.fd;
      if (fd == listener) accept_all(fd);
      else if (conns[fd]) (conns[fd]->wants_out ? writable : readable)(fd, conns[fd]);
    }
  }
}
