// Descriptors between processes, and the datagrams of sd_notify(3). Errors are errnos; 0 is none.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace weir::descriptors {

constexpr size_t kTextMost = 4096;
constexpr size_t kFdsMost = 253;  // the kernel's own bound of one message

int send(int socket, std::string_view text, const std::vector<int>& fds);

struct Message {
  std::string text;
  std::vector<int> fds;
};
// EAGAIN: nothing is there. ECONNRESET: and nothing will, the other side is closed.
int receive(int socket, Message* message);

int makePair(int pair[2]);
int keepOnExec(int fd, bool keep);
// EBUSY: it is a connection of the table.
int closeOne(int fd);

// ECONNREFUSED or ENOENT: nobody listens.
int notify(std::string_view socket, std::string_view text);

}  // namespace weir::descriptors
