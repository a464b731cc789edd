// Addresses as the configuration writes them: `ip:port`, `[v6]:port`, `unix:/path`. Never names.
#pragma once
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <string>
#include <string_view>

namespace weir {

struct Address {
  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
    sockaddr_un local;
  };
  socklen_t length = 0;

  Address() : local{} {}
  bool isUnix() const { return any.sa_family == AF_UNIX; }
};

constexpr size_t kPeerTextMax = 48;

bool parseAddress(std::string_view text, Address* address);
std::string formatAddress(const Address& address);
// The IP alone (`unix:` for a unix socket), a v4-mapped v6 address as v4. Writes less than kPeerTextMax bytes, returns how many.
size_t formatPeer(const sockaddr* peer, char* text);
int portOf(const sockaddr* peer);

}  // namespace weir
