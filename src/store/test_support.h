// What the unit tests of this room share.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "store/layer_tar.h"
#include "store/store.h"
#include "store/tar_format.h"

namespace crank::store::test {

// The value, or a failed test with the error's text.
template <class T>
T must(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().text());
    return *std::move(result);
}
inline void must(Result<> result) {
    if (!result) throw std::runtime_error(result.error().text());
}
template <class T>
Code code_of(const Result<T>& result) {
    if (result) throw std::runtime_error("no error");
    return result.error().code();
}
template <class T>
std::string text_of(const Result<T>& result) {
    return result ? "no error" : result.error().text();
}

class TempDir {
public:
    TempDir();
    ~TempDir();
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    const std::string& path() const { return path_; }
    std::string operator/(const std::string& name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

// Device nodes, owners and trusted attributes need root; says so and skips elsewhere.
#define SKIP_UNLESS_ROOT()                \
    if (!::crank::store::test::is_root()) \
    GTEST_SKIP() << "needs root: owners, device nodes and trusted.* attributes"
bool is_root();

void write(const std::string& path, const std::string& content, unsigned mode = 0644);
std::string read(const std::string& path);
// "path kind mode uid:gid size-or-target" for everything in the tree, sorted, without times.
std::vector<std::string> listing(const std::string& tree);

// A tar of such entries; `content` is the file's (entry.size follows from it).
struct Item {
    TarEntry entry;
    std::string content;
};
Item file(const std::string& path, const std::string& content);
Item dir(const std::string& path);
Item symlink(const std::string& path, const std::string& target);
Item hard_link(const std::string& path, const std::string& target);
Item device(const std::string& path, TarKind kind, unsigned major, unsigned minor);
std::string tar_of(const std::vector<Item>& items);
// The tar that the store writes of a layer.
std::string tar_again(Store& store, const Layer& layer);
std::string gzip(const std::string& content);
std::string zstd(const std::string& content);

// Commits a layer with one file and adds an image of it.
oci::Digest add_layer(Store& store, const std::string& name, const std::string& content);
std::string config_of(const std::vector<oci::Digest>& diff_ids, const std::string& author = "");
Image add_image(Store& store, const std::string& tag, const std::string& content);

// Runs `body` in a child process that is killed at the crash point, or at its end where `point` is
// empty; returns whether a signal ended it. A body that fails ends the test.
bool killed_at(const std::string& point, const std::function<void()>& body);

// Runs each in a process of its own, all at once; one that fails ends the test.
void run_at_once(const std::vector<std::function<void()>>& bodies);
// In a mount namespace of this process's own, which must be one that goes away.
void mount_small_tmpfs(const std::string& path, const std::string& options);

// How many entries stand in the store's l/ and tmp/.
std::size_t count(const std::string& directory);

}  // namespace crank::store::test
