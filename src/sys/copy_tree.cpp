#include "sys/copy_tree.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "sys/attributes.h"
#include "sys/file.h"
#include "sys/stream.h"

namespace crank::sys {
namespace {

constexpr int kMostDepth = 1024;
constexpr mode_t kModeBits = 07777;

class TreeCopy {
public:
    explicit TreeCopy(int top) : top_(top), buffer_(std::size_t{128} << 10) {}

    Result<> directory(int from, int to, const std::string& path, int depth) {
        if (depth > kMostDepth)
            return fail(Code::exhausted, path + ": more than 1024 directories deep");
        for (const std::string& name : TRY(list_at(from))) {
            std::string inner = path.empty() ? name : path + "/" + name;
            TRY_IN(entry(from, to, name, inner, depth), "copying " + inner);
        }
        // Last: what was made in it has changed its times.
        return finish(from, "", to, "");
    }

private:
    Result<> entry(int from, int to, const std::string& name, const std::string& path, int depth) {
        Attributes info = TRY(attributes_at(from, name));
        if (info.is_socket()) return {};
        if (info.is_dir()) {
            TRY(make_dir_at(to, name, 0700));
            UniqueFd source = TRY(open_dir_at(from, name));
            UniqueFd made = TRY(open_dir_at(to, name));
            return directory(source.get(), made.get(), path, depth + 1);
        }
        if (info.links > 1) {
            auto [seen, is_new] = seen_.try_emplace({info.device, info.inode}, path);
            if (!is_new) return hard_link_at(top_, seen->second, to, name);
        }
        if (info.is_regular())
            TRY(content(from, to, name, info.size));
        else if (info.is_symlink())
            TRY(make_symlink_at(TRY(read_link_at(from, name)), to, name));
        else
            TRY(make_node_at(to, name, info.mode, info.major, info.minor));
        return finish(from, name, to, name);
    }

    Result<> content(int from, int to, const std::string& name, std::int64_t size) {
        UniqueFd source = TRY(open_file_at(from, name));
        UniqueFd made = TRY(create_file_at(to, name, 0600));
        TRY(copy_bytes(source.get(), made.get(), size, buffer_, name));
        return {};
    }

    static Result<> finish(int from, const std::string& name, int to, const std::string& made) {
        Attributes info = TRY(attributes_at(from, name));
        TRY(set_owner_at(to, made, info.uid, info.gid));
        // After the owner: chown(2) clears the set-user-id bits, and capabilities of files.
        if (!info.is_symlink()) TRY(set_mode_at(to, made, info.mode & kModeBits));
        for (const std::string& key : TRY(list_xattrs_at(from, name))) {
            if (key.starts_with("trusted.overlay.") || key.starts_with("user.overlay.")) continue;
            if (auto value = TRY(get_xattr_at(from, name, key)))
                TRY(set_xattr_at(to, made, key, *value));
        }
        return set_mtime_at(to, made, info.mtime, info.mtime_ns);
    }

    int top_;  // of the copy
    std::vector<std::uint8_t> buffer_;
    std::map<std::pair<std::uint64_t, std::uint64_t>, std::string> seen_;  // files of several names
};

}  // namespace

Result<> copy_tree(int from, int to) { return TreeCopy(to).directory(from, to, "", 0); }

}  // namespace crank::sys
