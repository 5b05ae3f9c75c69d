#include "sys/lock_holder.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cstdio>

#include "base/text.h"
#include "sys/file.h"

namespace crank::sys {

std::optional<pid_t> holder_in(std::string_view locks, unsigned major, unsigned minor,
                               unsigned long inode) {
    char file[64];
    (void)std::snprintf(file, sizeof file, "%02x:%02x:%lu", major, minor, inode);
    for (const std::string& line : split(locks, '\n')) {
        // "1: FLOCK  ADVISORY  WRITE 708 08:02:1234 0 EOF"; who waits has "->" behind the number.
        std::vector<std::string> words = split(line, ' ');
        std::erase(words, "");
        if (words.size() < 6 || words[1] != "FLOCK" || words[5] != file) continue;
        auto pid = parse_int(words[4]);
        if (pid && *pid > 0) return static_cast<pid_t>(*pid);
    }
    return std::nullopt;
}

std::optional<LockHolder> lock_holder(const std::string& path) {
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0) return std::nullopt;
    auto pid = holder_in(read_file("/proc/locks").value_or(""), major(info.st_dev),
                         minor(info.st_dev), info.st_ino);
    if (!pid) return std::nullopt;
    std::string text = read_file("/proc/" + std::to_string(*pid) + "/cmdline").value_or("");
    if (text.ends_with('\0')) text.pop_back();
    // Who locked it may have left the descriptor to another.
    if (text.empty()) return std::nullopt;
    return LockHolder{.pid = *pid, .command = split(text, '\0')};
}

}  // namespace crank::sys
