#include "exchange/directory.h"

#include "sys/entry.h"
#include "sys/file.h"
#include "sys/open_flags.h"
#include "sys/stream.h"
#include "sys/walk.h"

namespace crank::exchange {

namespace {

// A whole file, with its descriptor.
class WholeFile : public store::ByteSource {
public:
    WholeFile(sys::UniqueFd fd, std::int64_t size, const std::string& name)
        : fd_(std::move(fd)), range_(fd_.get(), 0, size, name) {}
    Result<std::size_t> read(std::span<std::uint8_t> out) override { return range_.read(out); }
    Result<std::int64_t> skip(std::int64_t count) override { return range_.skip(count); }

private:
    sys::UniqueFd fd_;
    store::RangeSource range_;
};

}  // namespace

Result<std::shared_ptr<const Directory>> Directory::open_path(const std::string& path) {
    auto fd = sys::open(path, sys::kReadOnly | sys::kDirectory | sys::kNonBlock);
    if (fd) return std::shared_ptr<const Directory>(new Directory(path, *std::move(fd)));
    if (fd.error().code() == Code::not_found)
        return fail(Code::not_found, "there is no directory " + path);
    auto info = sys::stat(path);
    if (info && !info->is_dir())
        return fail(Code::failed_precondition, path + " is not a directory");
    return fail(std::move(fd).error());
}

Result<std::shared_ptr<const Directory>> Directory::below(const std::string& path) const {
    auto fd = TRY(sys::open_dir_in_root(fd_.get(), path));
    return std::shared_ptr<const Directory>(new Directory(path_ + "/" + path, std::move(fd)));
}

bool Directory::has(const std::string& path) const {
    return sys::find_in_root(fd_.get(), path).has_value();
}

Result<Files::Opened> Directory::open(const std::string& path) const {
    auto found = sys::find_in_root(fd_.get(), path);
    if (!found && found.error().code() == Code::not_found)
        return fail(Code::corrupt, path_ + " has no file '" + path + "'");
    if (!found) return fail(std::move(found).error());
    // Only now opened for reading: a pipe would have waited, a device done something.
    auto file = sys::reopen_for_reading(found->get(), "'" + path + "' in " + path_);
    if (!file && file.error().code() == Code::invalid_argument)
        return fail(std::move(file).error().with_code(Code::corrupt));
    if (!file) return fail(std::move(file).error());
    auto range = TRY(sys::seekable_range(file->get()));
    std::int64_t size = range ? range->size : 0;
    return Opened{std::make_unique<WholeFile>(*std::move(file), size, path), size};
}

}  // namespace crank::exchange
