#include "store/layer_tar.h"

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "store/overlay.h"
#include "store/tar_format.h"
#include "sys/stream.h"

namespace crank::store {

namespace {

constexpr std::size_t kBuffer = std::size_t{256} << 10;

// Collects, hashes and hands on.
class Output {
public:
    explicit Output(const Sink& sink) : sink_(sink) { buffer_.reserve(kBuffer); }

    Result<> append(std::string_view text) {
        buffer_.insert(buffer_.end(), text.begin(), text.end());
        return buffer_.size() >= kBuffer ? flush() : Result<>();
    }
    Result<> zeros(std::int64_t count) {
        buffer_.insert(buffer_.end(), static_cast<std::size_t>(count), std::uint8_t{0});
        return {};
    }
    // Exactly `size` bytes of the file, which `also` sees too.
    Result<> append_file(int fd, std::int64_t size, const std::string& shown, FileHasher* also) {
        while (size > 0) {
            if (buffer_.size() >= kBuffer) TRY(flush());
            std::size_t old = buffer_.size();
            auto want = static_cast<std::size_t>(
                std::min<std::int64_t>(size, static_cast<std::int64_t>(kBuffer - old)));
            buffer_.resize(old + want);
            std::size_t n = TRY(sys::read_some(fd, std::span(buffer_).subspan(old), shown));
            buffer_.resize(old + n);
            if (also != nullptr) also->update(Bytes(buffer_).subspan(old));
            if (n == 0) return fail(Code::failed_precondition, shown + " shrank while it was read");
            size -= static_cast<std::int64_t>(n);
        }
        return {};
    }
    Result<> flush() {
        hasher_.update(buffer_);
        bytes_ += static_cast<std::int64_t>(buffer_.size());
        if (sink_) TRY(sink_(buffer_));
        buffer_.clear();
        return {};
    }
    oci::Digest digest() { return hasher_.finish(); }
    std::int64_t bytes() const { return bytes_; }

private:
    const Sink& sink_;
    oci::Hasher hasher_;
    std::vector<std::uint8_t> buffer_;
    std::int64_t bytes_ = 0;
};

class Writer {
public:
    Writer(std::string tree, const Sink& sink, const FileObserver& observer)
        : tree_(std::move(tree)), output_(sink), observer_(observer) {}

    Result<LayerTarStats> run() {
        auto root = TRY(sys::open_dir(tree_));
        TRY(directory(root.get(), ""));
        TRY(output_.zeros(2 * kTarBlock));
        TRY(output_.flush());
        stats_.digest = output_.digest();
        stats_.tar_bytes = output_.bytes();
        return stats_;
    }

private:
    std::string shown(const std::string& path) const { return tree_ + "/" + path; }

    // `prefix` is empty or ends with '/'.
    Result<> directory(int dirfd, const std::string& prefix) {
        auto names = TRY_IN(sys::list_at(dirfd), shown(prefix));
        for (const std::string& name : names) {
            if (name.starts_with(kWhiteoutPrefix))
                return fail(Code::invalid_argument,
                            shown(prefix + name) +
                                " would read as a deleted file: names in a layer may not begin "
                                "with '.wh.'");
            TRY_IN(entry(dirfd, prefix, name), shown(prefix + name));
        }
        return {};
    }

    Result<> entry(int dirfd, const std::string& prefix, const std::string& name) {
        auto attributes = TRY(sys::attributes_at(dirfd, name));
        if (attributes.is_socket()) return {};
        if (is_whiteout(attributes)) return marker(prefix + std::string(kWhiteoutPrefix) + name);
        TarEntry out;
        out.path = prefix + name;
        out.mode = attributes.mode & 07777;
        out.uid = attributes.uid;
        out.gid = attributes.gid;
        out.mtime = attributes.mtime;
        if (attributes.is_regular()) return file(dirfd, name, attributes, std::move(out));
        if (attributes.is_dir()) return subdirectory(dirfd, name, std::move(out));
        if (attributes.is_symlink()) {
            out.kind = TarKind::symlink;
            out.mode = 0777;
            out.link = TRY(sys::read_link_at(dirfd, name));
        } else if (attributes.is_fifo()) {
            out.kind = TarKind::fifo;
        } else {
            out.kind = attributes.is_char_device() ? TarKind::char_device : TarKind::block_device;
            out.major = attributes.major;
            out.minor = attributes.minor;
        }
        return header(out);
    }

    Result<> file(int dirfd, const std::string& name, const sys::Attributes& attributes,
                  TarEntry out) {
        if (attributes.links > 1) {
            auto [first, inserted] =
                linked_.try_emplace({attributes.device, attributes.inode}, First{out.path, {}});
            if (!inserted) {
                out.kind = TarKind::hard_link;
                out.link = first->second.path;
                if (first->second.hash)
                    observer_({out.path, attributes.inode, *first->second.hash});
                return header(out);
            }
        }
        out.size = attributes.size;
        out.xattrs = TRY(xattrs(dirfd, name));
        TRY(header(out));
        stats_.file_bytes += out.size;
        if (out.size == 0) return {};
        TRY(content(dirfd, name, attributes, out));
        return output_.zeros(tar_padding(out.size));
    }

    Result<> content(int dirfd, const std::string& name, const sys::Attributes& attributes,
                     const TarEntry& out) {
        auto fd = TRY(sys::open_file_at(dirfd, name));
        if (!observer_ || !is_shareable(out.path, out.size))
            return output_.append_file(fd.get(), out.size, shown(out.path), nullptr);
        FileHasher hasher(identity_of(out));
        TRY(output_.append_file(fd.get(), out.size, shown(out.path), &hasher));
        TreeFile seen{out.path, attributes.inode, hasher.finish()};
        if (attributes.links > 1) linked_[{attributes.device, attributes.inode}].hash = seen.hash;
        observer_(std::move(seen));
        return {};
    }

    Result<> subdirectory(int dirfd, const std::string& name, TarEntry out) {
        out.kind = TarKind::dir;
        out.path += "/";
        out.xattrs = TRY(xattrs(dirfd, name));
        TRY(header(out));
        for (const char* key : kOpaqueXattrs)
            if (TRY(sys::get_xattr_at(dirfd, name, key)) == "y") {
                TRY(marker(out.path + std::string(kOpaqueMarker)));
                break;
            }
        auto fd = TRY(sys::open_dir_at(dirfd, name));
        return directory(fd.get(), out.path);
    }

    Result<std::map<std::string, std::string>> xattrs(int dirfd, const std::string& name) {
        std::map<std::string, std::string> out;
        for (const std::string& key : TRY(sys::list_xattrs_at(dirfd, name))) {
            if (key.ends_with(".overlay.redirect") || key.ends_with(".overlay.metacopy"))
                return fail(Code::unsupported,
                            "the overlay file system was mounted with "
                            "redirect_dir or metacopy (" +
                                key + ")");
            if (!is_content_xattr(key)) continue;
            if (key.find('=') != std::string::npos)
                return fail(Code::invalid_argument,
                            "the name of the extended attribute '" + key + "' holds a '='");
            if (auto value = TRY(sys::get_xattr_at(dirfd, name, key))) out[key] = *value;
        }
        return out;
    }

    Result<> marker(std::string path) {
        TarEntry out;
        out.path = std::move(path);
        return header(out);
    }

    Result<> header(const TarEntry& out) {
        ++stats_.entries;
        return output_.append(encode_header(out));
    }

    struct First {
        std::string path;
        std::optional<FileHash> hash;  // where it is shared
    };
    std::string tree_;
    Output output_;
    const FileObserver& observer_;
    LayerTarStats stats_;
    std::map<std::pair<std::uint64_t, std::uint64_t>, First> linked_;  // by device and inode
};

}  // namespace

Result<LayerTarStats> write_layer_tar(const std::string& tree, const Sink& sink,
                                      const FileObserver& observer) {
    return Writer(tree, sink, observer).run();
}

}  // namespace crank::store
