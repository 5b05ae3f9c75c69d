#include "store/byte_source.h"

#include <algorithm>
#include <vector>

#include "sys/stream.h"

namespace crank::store {

namespace {

constexpr std::size_t kChunk = std::size_t{256} << 10;

}  // namespace

Result<std::int64_t> ByteSource::skip(std::int64_t count) {
    std::vector<std::uint8_t> scratch(
        static_cast<std::size_t>(std::min<std::int64_t>(count, kChunk)));
    std::int64_t done = 0;
    while (done < count) {
        auto want = static_cast<std::size_t>(
            std::min<std::int64_t>(count - done, static_cast<std::int64_t>(scratch.size())));
        std::size_t n = TRY(read({scratch.data(), want}));
        if (n == 0) break;
        done += static_cast<std::int64_t>(n);
    }
    return done;
}

Result<std::size_t> FdSource::read(std::span<std::uint8_t> out) {
    return sys::read_some(fd_, out, name_);
}

Result<std::size_t> RangeSource::read(std::span<std::uint8_t> out) {
    auto want = std::min<std::int64_t>(end_ - at_, static_cast<std::int64_t>(out.size()));
    if (want <= 0) return 0;
    std::size_t n =
        TRY(sys::read_some_at(fd_, at_, out.first(static_cast<std::size_t>(want)), name_));
    if (n == 0) return fail(Code::corrupt, name_ + " is shorter than it was");
    at_ += static_cast<std::int64_t>(n);
    return n;
}

Result<std::int64_t> RangeSource::skip(std::int64_t count) {
    std::int64_t done = std::min(count, end_ - at_);
    at_ += done;
    return done;
}

Result<std::size_t> TextSource::read(std::span<std::uint8_t> out) {
    std::size_t n = std::min(out.size(), text_.size() - at_);
    std::copy_n(text_.begin() + static_cast<std::ptrdiff_t>(at_), n, out.begin());
    at_ += n;
    return n;
}

Result<std::size_t> HashingSource::read(std::span<std::uint8_t> out) {
    std::size_t n = TRY(inner_.read(out));
    hasher_.update(out.first(n));
    size_ += static_cast<std::int64_t>(n);
    return n;
}

Result<oci::Digest> HashingSource::finish() {
    TRY(copy_all(*this, [](Bytes) -> Result<> { return {}; }));
    return hasher_.finish();
}

Result<std::string> read_all(ByteSource& source, std::size_t limit, const std::string& name) {
    std::string content;
    std::vector<std::uint8_t> chunk(16384);
    while (std::size_t n = TRY(source.read(chunk))) {
        if (content.size() + n > limit)
            return fail(Code::exhausted,
                        name + " is larger than " + std::to_string(limit) + " bytes");
        content.append(reinterpret_cast<const char*>(chunk.data()), n);
    }
    return content;
}

Result<std::int64_t> copy_all(ByteSource& source, const std::function<Result<>(Bytes)>& sink) {
    std::vector<std::uint8_t> chunk(kChunk);
    std::int64_t total = 0;
    while (std::size_t n = TRY(source.read(chunk))) {
        TRY(sink({chunk.data(), n}));
        total += static_cast<std::int64_t>(n);
    }
    return total;
}

}  // namespace crank::store
