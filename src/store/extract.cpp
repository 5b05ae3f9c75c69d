#include "store/extract.h"

#include <array>
#include <memory>
#include <string_view>

#include "store/byte_source.h"
#include "store/tar_reader.h"
#include "store/unpack.h"
#include "sys/attributes.h"
#include "sys/file.h"
#include "sys/stream.h"

namespace crank::store {

namespace {

constexpr std::int64_t kMaxArchive = std::int64_t{64} << 30;  // bytes, decompressed

Result<std::unique_ptr<ByteSource>> open_archive(int fd, const std::string& name) {
    std::int64_t size = TRY(sys::attributes_at(fd, "")).size;
    return decompress(std::make_unique<RangeSource>(fd, 0, size, name), kMaxArchive, name);
}

}  // namespace

Result<bool> is_tar_archive(int fd, const std::string& name) {
    std::array<std::uint8_t, 1> first;
    if (TRY(sys::read_some_at(fd, 0, first, name)) == 0) return false;
    auto source = open_archive(fd, name);
    if (!source) {
        if (source.error().code() == Code::unsupported) return fail(std::move(source).error());
        return false;
    }
    TarReader reader(**source, {}, name);
    auto entry = reader.next();
    // What the reader refuses on purpose is an archive all the same: extracting says why.
    if (!entry) {
        if (entry.error().code() == Code::corrupt) return false;
        if (entry.error().code() == Code::unsupported) return true;
        return fail(std::move(entry).error());
    }
    return entry->has_value();
}

Result<> extract_tar(int fd, const std::string& name, const std::string& directory) {
    auto source = TRY(open_archive(fd, name));
    TarReader reader(*source, {}, name);
    sys::UniqueFd root = TRY(sys::open_dir(directory));
    Unpacker unpacker(root.get(), [](const std::string&, std::int64_t) { return Result<>(); }, {});
    TRY(unpacker.run(reader));
    return {};
}

}  // namespace crank::store
