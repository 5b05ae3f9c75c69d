// Ids and names of containers, and the directories that stand for them.
//
// A name is taken by creating the symbolic link names/NAME -> ID exclusively: the kernel decides
// who was first, nothing is scanned and no lock is held.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "engine/paths.h"
#include "sys/unique_fd.h"

namespace crank::engine {

inline constexpr std::size_t kIdLength = 64;       // hex digits
inline constexpr std::size_t kShortIdLength = 12;  // as tables and `run` show it

Result<std::string> random_id();
// "quiet_crane"
Result<std::string> random_name();
bool is_id(std::string_view text);  // all 64 digits

// A container's directory, name and state directory, taken together. They are given back when it
// goes out of scope unless kept.
class Reservation {
public:
    // `name` empty: one is made up. Errors: already_exists naming the holder.
    static Result<Reservation> make(const Paths& paths, const std::string& name);
    Reservation(Reservation&&) noexcept = default;
    Reservation& operator=(Reservation&&) = delete;
    ~Reservation();

    const std::string& id() const { return id_; }
    const std::string& name() const { return name_; }
    // The container's directories stay. The lock stays too, until this object goes: it says that
    // whoever starts the container lives.
    void keep() { kept_ = true; }

private:
    explicit Reservation(const Paths& paths) : paths_(paths) {}
    Result<> make_directory();
    Result<> take_name(const std::string& name);

    Paths paths_;
    std::string id_, name_;
    sys::UniqueFd lock_;
    bool kept_ = false;
};

// Takes the name for the container. Errors: already_exists naming the holder.
Result<> take_name(const Paths& paths, const std::string& id, const std::string& name);

// The id for a name, an id or a prefix of ids. Errors: not_found, invalid_argument (several).
Result<std::string> resolve(const Paths& paths, std::string_view name_or_id);

// Whether a container's directory is locked by the command that is starting it. True also where
// that cannot be found out: who believes the contrary removes the container.
bool is_being_started(const Paths& paths, const std::string& id);

}  // namespace crank::engine
