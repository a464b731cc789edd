// Listening sockets, made once by the acceptor and kept for the life of the process.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace weir::listeners {

struct Group {
  std::string address;
  std::vector<int> fds;
};

// 0 or an errno.
int open(std::string_view address, int members, int backlog, Group* group);
int close(const Group& group);
// Sockets that somebody else opened, by address, each group in the order of its fds.
std::vector<Group> inherit(std::vector<int> fds);
int extend(Group* group, int members, int backlog);
int steer(const Group& group, const std::vector<double>& weights);

}  // namespace weir::listeners
