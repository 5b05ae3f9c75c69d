#include "build/tidy.h"

#include <algorithm>

#include "sys/stream.h"
#include "sys/walk.h"

namespace crank::build {

namespace {

constexpr int kMaxDepth = 4096;
constexpr std::string_view kLinkerCache = "var/cache/ldconfig/aux-cache";
// The second is what an overlay inside a user namespace writes (overlayfs.rst, "userxattr").
constexpr const char* kOpaque[] = {"trusted.overlay.opaque", "user.overlay.opaque"};

class Tidy {
public:
    explicit Tidy(TidyReport& report) : report_(report) {}

    // Whether anything is left in the directory. `lower`: the same directory below, -1 where
    // there is none or it is hidden.
    Result<bool> directory(int fd, int lower, const std::string& path, int depth) {
        if (depth > kMaxDepth) return fail(Code::exhausted, path + " is nested too deeply");
        bool any = false;
        for (const sys::DirEntry& entry : TRY(sys::read_dir(fd, path))) {
            std::string below = path.empty() ? entry.name : path + "/" + entry.name;
            if (entry.kind == sys::FileKind::directory) {
                bool kept = TRY(subdirectory(fd, lower, entry.name, below, depth));
                any = any || kept;
            } else if (below == kLinkerCache && entry.kind == sys::FileKind::regular) {
                TRY(sys::remove_at(fd, entry.name));
            } else {
                any = true;
                if (entry.kind == sys::FileKind::regular) note(below);
            }
        }
        return any;
    }

private:
    void note(const std::string& path) {
        std::size_t slash = path.rfind('/');
        if (!path.ends_with(".pyc") || slash == std::string::npos) return;
        std::string_view directory = std::string_view(path).substr(0, slash);
        if (directory == "__pycache__" || directory.ends_with("/__pycache__"))
            report_.bytecode.push_back(path);
    }

    Result<bool> subdirectory(int parent, int lower_parent, const std::string& name,
                              const std::string& path, int depth) {
        sys::UniqueFd fd = TRY(sys::open_dir_at(parent, name));
        sys::UniqueFd lower;
        if (lower_parent >= 0)
            if (auto found = sys::open_dir_at(lower_parent, name)) lower = std::move(*found);
        bool opaque = TRY(settle_opaque(fd.get(), lower.get() >= 0));
        bool any = TRY(directory(fd.get(), opaque ? -1 : lower.get(), path, depth + 1));
        if (any || opaque || !lower) return true;
        if (!TRY(same_metadata(fd.get(), lower.get()))) return true;
        TRY(sys::remove_at(parent, name));
        return false;
    }

    // Whether the directory hides what is below; takes the mark away where it hides nothing.
    static Result<bool> settle_opaque(int fd, bool exists_below) {
        bool opaque = false;
        for (const char* attribute : kOpaque) {
            auto value = TRY(sys::get_xattr_at(fd, "", attribute));
            if (!value || *value != "y") continue;
            if (exists_below)
                opaque = true;
            else
                TRY(sys::remove_xattr(fd, attribute));
        }
        return opaque;
    }

    static Result<std::vector<std::string>> attributes(int fd) {
        std::vector<std::string> names;
        for (std::string& name : TRY(sys::list_xattrs_at(fd, "")))
            if (name.find(".overlay.") == std::string::npos) names.push_back(std::move(name));
        return names;
    }

    static Result<bool> same_metadata(int fd, int lower) {
        sys::Attributes a = TRY(sys::attributes_at(fd, "")), b = TRY(sys::attributes_at(lower, ""));
        if (a.mode != b.mode || a.uid != b.uid || a.gid != b.gid) return false;
        std::vector<std::string> names = TRY(attributes(fd));
        if (names != TRY(attributes(lower))) return false;
        for (const std::string& name : names)
            if (TRY(sys::get_xattr_at(fd, "", name)) != TRY(sys::get_xattr_at(lower, "", name)))
                return false;
        return true;
    }

    TidyReport& report_;
};

}  // namespace

Result<TidyReport> tidy_upper(const std::string& upper, int lower) {
    TidyReport report;
    sys::UniqueFd fd = TRY(sys::open_dir(upper));
    report.empty = !TRY(Tidy(report).directory(fd.get(), lower, "", 0));
    std::ranges::sort(report.bytecode);
    return report;
}

}  // namespace crank::build
