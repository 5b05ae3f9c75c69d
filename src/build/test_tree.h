// Directory trees for tests.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "sys/file.h"
#include "sys/stream.h"

namespace crank::build {

// A directory that goes with the test.
class TempDir {
public:
    TempDir() : path_(*sys::make_temp_dir("/tmp/crank-build-test.")) {}
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    ~TempDir() { (void)sys::remove_tree(path_); }

    const std::string& path() const { return path_; }
    void file(const std::string& name, const std::string& content = "x", int mode = 0644) const {
        std::filesystem::path at = path_ + "/" + name;
        std::filesystem::create_directories(at.parent_path());
        std::ofstream(at) << content;
        std::filesystem::permissions(at, static_cast<std::filesystem::perms>(mode));
    }
    void dir(const std::string& name, int mode = 0755) const {
        std::filesystem::create_directories(path_ + "/" + name);
        std::filesystem::permissions(path_ + "/" + name, static_cast<std::filesystem::perms>(mode));
    }
    void link(const std::string& name, const std::string& target) const {
        std::filesystem::path at = path_ + "/" + name;
        std::filesystem::create_directories(at.parent_path());
        std::filesystem::create_symlink(target, at);
    }
    std::string read(const std::string& name) const {
        return sys::read_file(path_ + "/" + name).value_or("(none)");
    }

    // "d 755 0:0 app", "f 644 0:0 app/a = x", "l app/b -> a": everything below, sorted.
    std::vector<std::string> list() const {
        std::vector<std::string> lines;
        std::map<std::string, std::filesystem::directory_entry> sorted;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(path_))
            sorted[entry.path().string().substr(path_.size() + 1)] = entry;
        for (const auto& [name, entry] : sorted) lines.push_back(line_of(name, entry));
        return lines;
    }

private:
    static std::string line_of(const std::string& name,
                               const std::filesystem::directory_entry& entry) {
        if (entry.is_symlink())
            return "l " + name + " -> " + std::filesystem::read_symlink(entry.path()).string();
        sys::FileInfo info = *sys::lstat(entry.path());
        std::string mode;
        for (int bits = info.mode & 07777; bits != 0; bits >>= 3)
            mode.insert(mode.begin(), static_cast<char>('0' + (bits & 7)));
        std::string owner = std::to_string(info.uid) + ":" + std::to_string(info.gid);
        if (info.is_dir()) return "d " + mode + " " + owner + " " + name;
        return "f " + mode + " " + owner + " " + name + " = " + *sys::read_file(entry.path());
    }
    std::string path_;
};

}  // namespace crank::build
