#include "store/tree_tar.h"

#include <map>
#include <utility>
#include <vector>

#include "store/tar_format.h"
#include "sys/attributes.h"
#include "sys/entry.h"
#include "sys/file.h"
#include "sys/open_flags.h"
#include "sys/stream.h"

namespace crank::store {
namespace {

constexpr std::size_t kBuffer = std::size_t{128} << 10;
constexpr int kMaxDepth = 256;
constexpr char kCapability[] = "security.capability";

class TreeWriter {
public:
    TreeWriter(const TreeTarRequest& request, const Sink& sink)
        : request_(request), sink_(sink), buffer_(kBuffer) {}

    Result<std::int64_t> run() {
        if (request_.name.empty())
            TRY(content_of(request_.entry, "", 0));
        else
            TRY(entry(request_.entry, request_.name, 0));
        const std::vector<std::uint8_t> end(2 * kTarBlock);
        TRY(sink_(end));
        return bytes_;
    }

private:
    Result<> put(std::string_view text) {
        return sink_({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
    }

    Result<> entry(int fd, const std::string& path, int depth) {
        sys::Attributes attributes = TRY(sys::attributes_at(fd, ""));
        if (attributes.is_socket()) {
            if (request_.left_out) request_.left_out(path);
            return {};
        }
        TarEntry out;
        out.path = path;
        out.mode = attributes.mode & 07777;
        out.uid = request_.uid ? request_.uid(attributes.uid) : attributes.uid;
        out.gid = request_.gid ? request_.gid(attributes.gid) : attributes.gid;
        out.mtime = attributes.mtime;
        if (attributes.is_regular()) return file(fd, attributes, std::move(out));
        if (attributes.is_dir()) {
            out.kind = TarKind::dir;
            out.path += "/";
            TRY(put(encode_header(out)));
            return content_of(fd, out.path, depth + 1);
        }
        if (attributes.is_symlink()) {
            out.kind = TarKind::symlink;
            out.mode = 0777;
            out.link = TRY(sys::link_target(fd, path));
        } else if (attributes.is_fifo()) {
            out.kind = TarKind::fifo;
        } else {
            out.kind = attributes.is_char_device() ? TarKind::char_device : TarKind::block_device;
            out.major = attributes.major;
            out.minor = attributes.minor;
        }
        return put(encode_header(out));
    }

    // `prefix` is empty or ends with '/'.
    Result<> content_of(int fd, const std::string& prefix, int depth) {
        if (depth > kMaxDepth)
            return fail(Code::unsupported,
                        prefix.substr(0, 100) + "... is deeper than 256 directories");
        sys::UniqueFd directory =
            TRY_IN(sys::open_at(fd, ".", sys::kReadOnly | sys::kDirectory), "/" + prefix);
        for (const std::string& name : TRY_IN(sys::list_at(directory.get()), "/" + prefix)) {
            auto child = TRY_IN(sys::open_entry(directory.get(), name), "/" + prefix);
            if (!child) continue;  // it has just been removed
            TRY(entry(child->get(), prefix + name, depth));
        }
        return {};
    }

    Result<> file(int fd, const sys::Attributes& attributes, TarEntry out) {
        if (attributes.links > 1) {
            auto [first, inserted] =
                linked_.try_emplace({attributes.device, attributes.inode}, out.path);
            if (!inserted) {
                out.kind = TarKind::hard_link;
                out.link = first->second;
                return put(encode_header(out));
            }
        }
        out.size = attributes.size;
        // The one that Docker's archives have.
        if (auto value = TRY_IN(sys::extended_attribute(fd, kCapability), "/" + out.path))
            out.xattrs[kCapability] = *value;
        TRY(put(encode_header(out)));
        sys::UniqueFd open = TRY_IN(sys::reopen_for_reading(fd, out.path), "/" + out.path);
        for (std::int64_t left = out.size; left > 0;) {
            auto want = static_cast<std::size_t>(
                std::min<std::int64_t>(left, static_cast<std::int64_t>(kBuffer)));
            std::size_t n =
                TRY(sys::read_some(open.get(), std::span(buffer_).first(want), out.path));
            if (n == 0)
                return fail(Code::failed_precondition,
                            "/" + out.path + " shrank while it was read");
            TRY(sink_(std::span(buffer_).first(n)));
            left -= static_cast<std::int64_t>(n);
        }
        bytes_ += out.size;
        const std::vector<std::uint8_t> padding(static_cast<std::size_t>(tar_padding(out.size)));
        return sink_(padding);
    }

    const TreeTarRequest& request_;
    const Sink& sink_;
    std::vector<std::uint8_t> buffer_;
    std::int64_t bytes_ = 0;
    std::map<std::pair<std::uint64_t, std::uint64_t>, std::string> linked_;
};

}  // namespace

Result<std::int64_t> write_tree_tar(const TreeTarRequest& request, const Sink& sink) {
    return TreeWriter(request, sink).run();
}

}  // namespace crank::store
