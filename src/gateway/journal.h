// What the process that serves tells the one that keeps, so that one that serves after it can be
// told again: requests of crank that are in force, word by word, and the descriptors that came with
// them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "gateway/control_request.h"
#include "sys/unique_fd.h"

namespace crank::gateway {

// A packet. `keep`: the request is in force, in place of what the key had before; `forget`: nothing
// of the key is; `serves`: whoever comes is served from now on; `all`: that was all that is kept.
struct JournalEntry {
    enum class Kind : char { keep = '+', forget = '-', serves = '!', all = '.' };
    Kind kind = Kind::serves;
    std::string key = {}, request = {};
    bool operator==(const JournalEntry&) const = default;
};
inline constexpr std::size_t kMaxJournalEntry = kMaxRequest + 2048;
std::string packet_of(const JournalEntry& entry);
// Nothing: it is malformed. What keeps does not trust what serves, which reads what strangers send.
std::optional<JournalEntry> parse_entry(std::string_view packet);
// The descriptor goes along where there is one. Errors: as sys::send_packet().
Result<> send_entry(int socket, const JournalEntry& entry, int descriptor = -1);

// The side that serves.
class Journal {
public:
    // Its socket: packets, the other end is the keeper's.
    explicit Journal(sys::UniqueFd socket) : socket_(std::move(socket)) {}

    // What was in force, in the order in which it is done again. Until the last one it blocks.
    using Perform = std::function<void(std::string_view, std::vector<sys::UniqueFd>)>;
    Result<> replay(const Perform& perform);
    // An end of the keeper is the end of this process, too: nothing is said of it here.
    void keep(std::string key, std::string_view request, int descriptor = -1);
    void forget(std::string key);
    void serves();

private:
    sys::UniqueFd socket_;
};

// Their order is that in which they are done again: who comes finds a route, and the loop sees the
// end of a container before it sees who comes.
inline std::string route_key(const std::string& target) { return "1 route " + target; }
inline std::string watch_key(const std::string& backend) { return "2 watch " + backend; }
inline std::string listen_key(const std::string& id) { return "3 listen " + id; }

}  // namespace crank::gateway
