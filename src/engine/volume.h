// Volumes: named directories that outlive the containers that use them.
//
// ROOT/volumes/NAME holds `_data`, which is mounted; `volume.json`; and `users`, with a link for
// each container that has it. A link counts while that container's directory exists. A volume
// without `users` is being removed: taking that directory off, which only an empty one lets happen,
// decides between who removes it and who wants it (decision 35).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "engine/paths.h"
#include "engine/record.h"

namespace crank::engine::volumes {

struct Volume {
    std::string name;
    std::int64_t created_ns = 0;  // CLOCK_REALTIME
    std::map<std::string, std::string> labels;
    bool anonymous = false;   // it was made for one container, with a name that nobody chose
    std::string device = {};  // a directory of this machine that it stands for; empty: its own
    bool operator==(const Volume&) const = default;
};

// As Docker's: letters, digits, '_', '.' and '-', a letter or digit first, 2 to 128.
Result<> check_name(std::string_view name);
Result<std::string> random_name();  // of an anonymous one: 64 hexadecimal digits
std::string data_of(const Paths& paths, const Volume& volume);

// Puts into an empty directory, an open one, what a new volume begins with.
using Fill = std::function<Result<>(int data)>;

// Makes it where it is missing, whole or not at all. True: it was made.
Result<bool> create(const Paths& paths, const Volume& wanted);
// The same for a container, which has it from then on. `fill` may be empty; where the volume exists
// and is empty, it is filled as well: a crash leaves what the next one completes.
Result<bool> use(const Paths& paths, const Volume& wanted, const std::string& container,
                 const Fill& fill);
// The container has it no more; best effort, since its going says the same.
void leave(const Paths& paths, const std::string& name, const std::string& container);

// Errors: not_found.
Result<Volume> find(const Paths& paths, const std::string& name);
// By name. What was left half made or half removed is swept on the way.
Result<std::vector<Volume>> list(const Paths& paths);
// Ids of the containers that have it.
Result<std::vector<std::string>> users(const Paths& paths, const std::string& name);
// Of a container that is being removed: it has none any more, and `anonymous` removes those that
// were made for it, unless others have them.
enum class Anonymous : std::uint8_t { kept, removed };
Result<> release(const Paths& paths, const Record& record, Anonymous anonymous);
// Errors: not_found, in_use naming a container.
Result<> remove(const Paths& paths, const std::string& name);

}  // namespace crank::engine::volumes
