#include "store/description.h"

#include <zstd.h>

#include <algorithm>
#include <bit>

#include "sys/attributes.h"
#include "sys/file.h"
#include "sys/link.h"
#include "sys/stream.h"

namespace crank::store {

namespace {

constexpr std::int64_t kMost = std::int64_t{16} << 20;  // bytes, decompressed
constexpr std::int64_t kDiskBlock = 4096;
constexpr int kLevel = 3;
constexpr std::string_view kBase = ".base", kNew = ".new";

std::string with(const std::string& name, std::string_view suffix) {
    return name + std::string(suffix);
}

// That stands for itself.
Result<std::string> read_whole(int dirfd, const std::string& name) {
    auto file = TRY(sys::open_file_at(dirfd, name));
    auto source = TRY(decompress(std::make_unique<FdSource>(file.get(), name), kMost, name));
    return read_all(*source, static_cast<std::size_t>(kMost), name);
}

Result<std::size_t> checked(std::size_t status, const char* doing) {
    if (::ZSTD_isError(status) == 0) return status;
    return fail(Code::corrupt, std::string(doing) + ": " + ::ZSTD_getErrorName(status));
}

Result<std::string> difference(const std::string& text, const std::string& base) {
    std::unique_ptr<ZSTD_CCtx, decltype(&::ZSTD_freeCCtx)> context(::ZSTD_createCCtx(),
                                                                   &::ZSTD_freeCCtx);
    if (!context) return fail(Code::exhausted, "no memory to compress");
    // All of the base is to be in reach from everywhere.
    int window = std::clamp(static_cast<int>(std::bit_width(text.size() + base.size())), 16, 27);
    for (auto [parameter, value] : {std::pair{ZSTD_c_compressionLevel, kLevel},
                                    {ZSTD_c_windowLog, window},
                                    {ZSTD_c_enableLongDistanceMatching, 1},
                                    {ZSTD_c_checksumFlag, 1}})
        TRY(checked(::ZSTD_CCtx_setParameter(context.get(), parameter, value), "zstd"));
    TRY(checked(::ZSTD_CCtx_refPrefix(context.get(), base.data(), base.size()), "zstd"));
    std::string out(::ZSTD_compressBound(text.size()), '\0');
    out.resize(TRY(
        checked(::ZSTD_compress2(context.get(), out.data(), out.size(), text.data(), text.size()),
                "zstd compression")));
    return out;
}

Result<std::string> whole(const std::string& packed, const std::string& base,
                          const std::string& shown) {
    auto size = ::ZSTD_getFrameContentSize(packed.data(), packed.size());
    if (size > static_cast<std::uint64_t>(kMost)) return fail(Code::corrupt, shown + " is damaged");
    std::unique_ptr<ZSTD_DCtx, decltype(&::ZSTD_freeDCtx)> context(::ZSTD_createDCtx(),
                                                                   &::ZSTD_freeDCtx);
    if (!context) return fail(Code::exhausted, "no memory to decompress " + shown);
    TRY(checked(::ZSTD_DCtx_refPrefix(context.get(), base.data(), base.size()), "zstd"));
    std::string out(size, '\0');
    auto got =
        ::ZSTD_decompressDCtx(context.get(), out.data(), out.size(), packed.data(), packed.size());
    if (TRY_IN(checked(got, "not a valid zstd stream"), shown) != size)
        return fail(Code::corrupt, shown + " is damaged");
    return out;
}

// Nothing: the other layer has none, or it cannot have another name.
Result<bool> link_base(int layerfd, const std::string& name, int otherfd) {
    for (const std::string& from : {with(name, kBase), name}) {
        auto outcome = TRY(sys::try_link_at(otherfd, from, layerfd, with(name, kBase)));
        if (outcome != sys::LinkOutcome::missing) return outcome == sys::LinkOutcome::made;
    }
    return false;
}

std::int64_t on_disk(std::int64_t size) { return (size + kDiskBlock - 1) / kDiskBlock; }

// Whether `name` is the difference now.
Result<bool> try_difference(int layerfd, const std::string& name) {
    auto base = read_whole(layerfd, with(name, kBase));
    auto text = read_whole(layerfd, name);
    if (!base || !text) return false;
    std::string packed = TRY(difference(*text, *base));
    auto before = TRY(sys::attributes_at(layerfd, name));
    if (on_disk(static_cast<std::int64_t>(packed.size())) >= on_disk(before.size)) return false;
    auto file = TRY(sys::create_file_at(layerfd, with(name, kNew), 0600));
    TRY(sys::write_all(file.get(), packed, name));
    TRY(sys::rename_at(layerfd, with(name, kNew), layerfd, name));
    return true;
}

}  // namespace

Result<std::unique_ptr<ByteSource>> open_description(int layerfd, const std::string& name,
                                                     const std::string& shown) {
    auto file = TRY(sys::open_file_at(layerfd, name));
    auto base = sys::open_file_at(layerfd, with(name, kBase));
    if (!base && base.error().code() != Code::not_found) return fail(std::move(base).error());
    if (!base) {
        // It goes with the source.
        struct OwnedSource : FdSource {
            OwnedSource(sys::UniqueFd fd, std::string name)
                : FdSource(fd.get(), std::move(name)), owned(std::move(fd)) {}
            sys::UniqueFd owned;
        };
        return decompress(std::make_unique<OwnedSource>(std::move(file), shown), INT64_MAX, shown);
    }
    std::string packed = TRY(sys::read_all(file.get(), static_cast<std::size_t>(kMost), shown));
    std::string other = TRY_IN(read_whole(layerfd, with(name, kBase)), shown);
    return std::make_unique<TextSource>(TRY(whole(packed, other, shown)));
}

Result<> keep_difference(int layerfd, const std::string& name, int otherfd) {
    auto before = sys::attributes_at(layerfd, name);
    if (!before && before.error().code() == Code::not_found) return {};
    if (on_disk(TRY(std::move(before)).size) < 2) return {};
    if (!TRY(link_base(layerfd, name, otherfd))) return {};
    if (!TRY(try_difference(layerfd, name))) TRY(sys::remove_at(layerfd, with(name, kBase)));
    return {};
}

}  // namespace crank::store
