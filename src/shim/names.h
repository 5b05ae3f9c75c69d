// Names of containers, looked up in the links that say them (network/names.h), and the file in a
// container's state directory that says which networks it is on. Lines, the first word of each:
//   port NUMBER           where its resolver listens
//   ask                   what is no container's name is asked of others
//   network NAME DIR      a network: its name in lower case, and its directory
//   drop PATH             what is unlinked at the end, where it leads to the container
// It is replaced whole, so each look finds the networks of that moment. No allocation.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace crank::shim {

inline constexpr uint32_t kMostFound = 32;
struct Found {
    bool known = false;    // it is the name of a container, or a service's
    bool service = false;  // the latter
    uint32_t count4 = 0, count6 = 0;
    uint8_t v4[kMostFound][4];
    uint8_t v6[kMostFound][16];
};

// The addresses of all containers that have the name, also with its network's behind a dot, in the
// first of the networks that knows it. Where it is a service's, it means that one's address alone.
// `name` as in Question: plain.
void find_name(const char* networks_file, const char* name, Found& found);
// "mail.front" for "10.205.0.2". False: no container of these networks has that address.
bool find_address(const char* networks_file, const char* address, char* name, size_t capacity);
bool asks_others(const char* networks_file);

// Whether a service of these networks leads to the container (network/service.h), which is asked
// before its names are dropped.
bool is_led_to(const char* networks_file, const char* id);

// What the file says is to be dropped, where it still leads to `id`. The directory of a name goes
// with its last link.
void drop_links(const char* networks_file, const char* id);

}  // namespace crank::shim
