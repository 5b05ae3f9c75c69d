// What moves while a command runs, told to whoever shows it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace crank {

// What happens to a blob or a layer. `name`: the first 12 digits, or whatever else tells them
// apart.
struct Progress {
    enum class Kind : std::uint8_t {
        begun,     // total: its bytes; 0: nobody knows
        moved,     // bytes: so many more
        finished,  // it is here, or there
        present,   // nothing had to be moved
        note,      // name: a line for the user
    } kind = Kind::note;
    std::string name;
    std::int64_t bytes = 0, total = 0;
};
using ProgressSink = std::function<void(const Progress&)>;

}  // namespace crank
