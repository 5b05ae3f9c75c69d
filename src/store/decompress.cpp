#define ZLIB_CONST
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "store/byte_source.h"
#include "store/decompress_other.h"
#include "sys/stream.h"

namespace crank::store {

namespace {

constexpr std::size_t kChunk = std::size_t{64} << 10;
constexpr int kMaxZstdWindowLog = 27;  // 128 MiB: what the zstd tool takes without asking

// The bytes that were looked at, then the rest.
class PeekedSource : public ByteSource {
public:
    explicit PeekedSource(std::unique_ptr<ByteSource> inner) : inner_(std::move(inner)) {}

    Result<Bytes> peek(std::size_t count) {
        head_.resize(count);
        std::size_t have = 0;
        while (have < count) {
            std::size_t n = TRY(inner_->read({head_.data() + have, count - have}));
            if (n == 0) break;
            have += n;
        }
        head_.resize(have);
        return Bytes(head_);
    }
    Result<std::size_t> read(std::span<std::uint8_t> out) override {
        if (at_ == head_.size()) return inner_->read(out);
        std::size_t n = std::min(out.size(), head_.size() - at_);
        std::memcpy(out.data(), head_.data() + at_, n);
        at_ += n;
        return n;
    }

private:
    std::unique_ptr<ByteSource> inner_;
    std::vector<std::uint8_t> head_;
    std::size_t at_ = 0;
};

class Gunzip : public ByteSource {
public:
    Gunzip(std::unique_ptr<ByteSource> inner, std::string name)
        : inner_(std::move(inner)), name_(std::move(name)), input_(kChunk) {}
    ~Gunzip() override {
        if (ready_) ::inflateEnd(&stream_);
    }

    Result<std::size_t> read(std::span<std::uint8_t> out) override {
        if (!ready_) {
            if (::inflateInit2(&stream_, 15 + 16) != Z_OK)
                return fail(Code::exhausted, "no memory to decompress " + name_);
            ready_ = true;
        }
        stream_.next_out = out.data();
        stream_.avail_out = static_cast<uInt>(std::min<std::size_t>(out.size(), 1u << 30));
        const uInt room = stream_.avail_out;
        while (stream_.avail_out == room) {
            if (stream_.avail_in == 0 && !TRY(refill())) {
                if (between_members_) return 0;
                return fail(Code::corrupt, name_ + " ends inside its gzip stream");
            }
            TRY(step());
        }
        return room - stream_.avail_out;
    }

private:
    Result<bool> refill() {
        std::size_t n = TRY(inner_->read(input_));
        stream_.next_in = input_.data();
        stream_.avail_in = static_cast<uInt>(n);
        return n != 0;
    }
    Result<> step() {
        // What follows a member is another member or damage.
        if (between_members_) {
            ::inflateReset(&stream_);
            between_members_ = false;
        }
        int status = ::inflate(&stream_, Z_NO_FLUSH);
        if (status == Z_STREAM_END) {
            between_members_ = true;
        } else if (status != Z_OK && status != Z_BUF_ERROR) {
            return fail(Code::corrupt, name_ + " is not a valid gzip stream");
        }
        return {};
    }

    std::unique_ptr<ByteSource> inner_;
    std::string name_;
    std::vector<std::uint8_t> input_;
    z_stream stream_{};
    bool ready_ = false, between_members_ = false;
};

class Unzstd : public ByteSource {
public:
    Unzstd(std::unique_ptr<ByteSource> inner, std::string name)
        : inner_(std::move(inner)), name_(std::move(name)), input_(kChunk) {}
    ~Unzstd() override { ::ZSTD_freeDCtx(context_); }

    Result<std::size_t> read(std::span<std::uint8_t> out) override {
        if (context_ == nullptr) {
            context_ = ::ZSTD_createDCtx();
            if (context_ == nullptr)
                return fail(Code::exhausted, "no memory to decompress " + name_);
            ::ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, kMaxZstdWindowLog);
        }
        ZSTD_outBuffer output{out.data(), out.size(), 0};
        while (output.pos == 0) {
            if (buffer_.pos == buffer_.size) {
                std::size_t n = TRY(inner_->read(input_));
                if (n == 0 && frame_done_) return 0;
                if (n == 0) return fail(Code::corrupt, name_ + " ends inside its zstd stream");
                buffer_ = {input_.data(), n, 0};
            }
            std::size_t status = ::ZSTD_decompressStream(context_, &output, &buffer_);
            if (::ZSTD_isError(status) != 0)
                return fail(Code::corrupt,
                            name_ + " is not a valid zstd stream: " + ::ZSTD_getErrorName(status));
            frame_done_ = status == 0;
        }
        return output.pos;
    }

private:
    std::unique_ptr<ByteSource> inner_;
    std::string name_;
    std::vector<std::uint8_t> input_;
    ZSTD_inBuffer buffer_{nullptr, 0, 0};
    ZSTD_DCtx* context_ = nullptr;
    bool frame_done_ = false;
};

class LimitedSource : public ByteSource {
public:
    LimitedSource(std::unique_ptr<ByteSource> inner, std::int64_t limit, std::string name)
        : inner_(std::move(inner)), left_(limit), limit_(limit), name_(std::move(name)) {}
    Result<std::size_t> read(std::span<std::uint8_t> out) override {
        std::size_t n = TRY(inner_->read(out));
        left_ -= static_cast<std::int64_t>(n);
        if (left_ < 0)
            return fail(Code::exhausted,
                        name_ + " decompresses to more than " + std::to_string(limit_) + " bytes");
        return n;
    }

private:
    std::unique_ptr<ByteSource> inner_;
    std::int64_t left_, limit_;
    std::string name_;
};

enum class Format { plain, gzip, zstd, xz, bzip2 };
constexpr std::size_t kMagicBytes = 6;

Format format_of(Bytes head) {
    auto begins = [&](std::initializer_list<std::uint8_t> magic) {
        return head.size() >= magic.size() && std::equal(magic.begin(), magic.end(), head.begin());
    };
    if (begins({0x1f, 0x8b})) return Format::gzip;                 // RFC 1952, 2.3.1
    if (begins({0x28, 0xb5, 0x2f, 0xfd})) return Format::zstd;     // RFC 8878, 3.1.1
    if (begins({0xfd, '7', 'z', 'X', 'Z', 0})) return Format::xz;  // .xz format 1.2.0, 2.1.1.1
    // The size of the blocks, and of the first block the digits of pi, or at the end at once those
    // of its square root.
    if (begins({'B', 'Z', 'h'}) && head.size() == kMagicBytes && head[3] >= '1' && head[3] <= '9' &&
        ((head[4] == 0x31 && head[5] == 0x41) || (head[4] == 0x17 && head[5] == 0x72)))
        return Format::bzip2;
    return Format::plain;
}

}  // namespace

Result<bool> is_compressed(int fd, std::int64_t offset) {
    std::array<std::uint8_t, kMagicBytes> head;
    std::size_t n = TRY(sys::read_some_at(fd, offset, head, "a file"));
    return format_of(std::span(head).first(n)) != Format::plain;
}

Result<std::unique_ptr<ByteSource>> decompress(std::unique_ptr<ByteSource> inner,
                                               std::int64_t limit, std::string name,
                                               Formats accepted) {
    auto peeked = std::make_unique<PeekedSource>(std::move(inner));
    std::unique_ptr<ByteSource> plain;
    Format format = format_of(TRY(peeked->peek(kMagicBytes)));
    switch (format) {
        case Format::gzip: plain = std::make_unique<Gunzip>(std::move(peeked), name); break;
        case Format::zstd: plain = std::make_unique<Unzstd>(std::move(peeked), name); break;
        case Format::plain: plain = std::move(peeked); break;
        case Format::xz:
        case Format::bzip2:
            if (accepted == Formats::of_images)
                return fail(Code::unsupported, name +
                                                   " is compressed with bzip2 or xz, which "
                                                   "registries' images are not");
            plain = format == Format::xz ? make_unxz(std::move(peeked), name)
                                         : make_bunzip2(std::move(peeked), name);
            break;
    }
    return std::make_unique<LimitedSource>(std::move(plain), limit, std::move(name));
}

}  // namespace crank::store
