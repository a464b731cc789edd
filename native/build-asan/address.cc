#include "address.h"

#include <arpa/inet.h>

#include <cstddef>
#include <cstring>

namespace weir {

namespace {

constexpr std::string_view kUnixPrefix = "unix:";

bool parsePort(std::string_view text, in_port_t* port) {
  if (text.empty() || text.size() > 5) return false;
  unsigned value = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return false;
    value = value * 10 + static_cast<unsigned>(digit - '0');
  }
  if (value > 65535) return false;
  *port = htons(static_cast<in_port_t>(value));
  return true;
}

bool parseUnix(std::string_view path, Address* address) {
  if (path.empty() || path.size() >= sizeof(address->local.sun_path) || path.find('\0') != path.npos) return false;
  address->local = {};
  address->local.sun_family = AF_UNIX;
  memcpy(address->local.sun_path, path.data(), path.size());
  address->length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return true;
}

bool parseIp(int family, std::string_view host, void* into) {
  char text[INET6_ADDRSTRLEN];
  if (host.size() >= sizeof(text)) return false;
  memcpy(text, host.data(), host.size());
  text[host.size()] = '\0';
  return inet_pton(family, text, into) == 1;
}

}  // namespace

bool parseAddress(std::string_view text, Address* address) {
  if (text.starts_with(kUnixPrefix)) return parseUnix(text.substr(kUnixPrefix.size()), address);
  if (text.starts_with('[')) {
    const size_t close = text.find("]:");
    if (close == text.npos) return false;
    address->v6 = {};
    address->v6.sin6_family = AF_INET6;
    address->length = sizeof(sockaddr_in6);
    return parseIp(AF_INET6, text.substr(1, close - 1), &address->v6.sin6_addr) &&
           parsePort(text.substr(close + 2), &address->v6.sin6_port);
  }
  const size_t colon = text.find(':');
  if (colon == text.npos) return false;
  address->v4 = {};
  address->v4.sin_family = AF_INET;
  address->length = sizeof(sockaddr_in);
  return parseIp(AF_INET, text.substr(0, colon), &address->v4.sin_addr) &&
         parsePort(text.substr(colon + 1), &address->v4.sin_port);
}

std::string formatAddress(const Address& address) {
  if (address.isUnix()) return std::string(kUnixPrefix) + address.local.sun_path;
  char ip[INET6_ADDRSTRLEN];
  if (address.any.sa_family == AF_INET) {
    inet_ntop(AF_INET, &address.v4.sin_addr, ip, sizeof(ip));
    return std::string(ip) + ":" + std::to_string(ntohs(address.v4.sin_port));
  }
  inet_ntop(AF_INET6, &address.v6.sin6_addr, ip, sizeof(ip));
  return "[" + std::string(ip) + "]:" + std::to_string(ntohs(address.v6.sin6_port));
}

size_t formatPeer(const sockaddr* peer, char* text) {
  const void* ip = nullptr;
  int family = peer->sa_family;
  if (family == AF_INET) {
    ip = &reinterpret_cast<const sockaddr_in*>(peer)->sin_addr;
  } else if (family == AF_INET6) {
    const in6_addr* v6 = &reinterpret_cast<const sockaddr_in6*>(peer)->sin6_addr;
    const bool mapped = IN6_IS_ADDR_V4MAPPED(v6);
    family = mapped ? AF_INET : AF_INET6;
    ip = mapped ? static_cast<const void*>(v6->s6_addr + 12) : v6;
  } else {
    memcpy(text, kUnixPrefix.data(), kUnixPrefix.size());
    return kUnixPrefix.size();
  }
  inet_ntop(family, ip, text, kPeerTextMax);
  return strlen(text);
}

int portOf(const sockaddr* peer) {
  if (peer->sa_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in*>(peer)->sin_port);
  if (peer->sa_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6*>(peer)->sin6_port);
  return 0;
}

}  // namespace weir
