#include "store/decompress_other.h"

#include <bzlib.h>
#include <lzma.h>

#include <algorithm>
#include <vector>

namespace crank::store {

namespace {

constexpr std::size_t kChunk = std::size_t{64} << 10;
constexpr std::uint64_t kMaxMemory = std::uint64_t{128} << 20;  // xz -9 takes 65 MiB

class Unxz : public ByteSource {
public:
    Unxz(std::unique_ptr<ByteSource> inner, std::string name)
        : inner_(std::move(inner)), name_(std::move(name)), input_(kChunk) {}
    ~Unxz() override { ::lzma_end(&stream_); }

    Result<std::size_t> read(std::span<std::uint8_t> out) override {
        if (!ready_ && ::lzma_stream_decoder(&stream_, kMaxMemory, LZMA_CONCATENATED) != LZMA_OK)
            return fail(Code::exhausted, "no memory to decompress " + name_);
        ready_ = true;
        stream_.next_out = out.data();
        stream_.avail_out = out.size();
        while (stream_.avail_out == out.size() && !out.empty() && !done_) {
            if (stream_.avail_in == 0 && !ended_) {
                stream_.next_in = input_.data();
                stream_.avail_in = TRY(inner_->read(input_));
                ended_ = stream_.avail_in == 0;
            }
            TRY(step());
        }
        return out.size() - stream_.avail_out;
    }

private:
    Result<> step() {
        switch (::lzma_code(&stream_, ended_ ? LZMA_FINISH : LZMA_RUN)) {
            case LZMA_OK: return {};
            case LZMA_STREAM_END: done_ = true; return {};
            case LZMA_MEM_ERROR:
            case LZMA_MEMLIMIT_ERROR:
                return fail(Code::exhausted,
                            name_ + " needs more than 128 MiB of memory to decompress");
            case LZMA_BUF_ERROR: return fail(Code::corrupt, name_ + " ends inside its xz stream");
            default: return fail(Code::corrupt, name_ + " is not a valid xz stream");
        }
    }

    std::unique_ptr<ByteSource> inner_;
    std::string name_;
    std::vector<std::uint8_t> input_;
    lzma_stream stream_ = LZMA_STREAM_INIT;
    bool ready_ = false, ended_ = false, done_ = false;
};

class Bunzip2 : public ByteSource {
public:
    Bunzip2(std::unique_ptr<ByteSource> inner, std::string name)
        : inner_(std::move(inner)), name_(std::move(name)), input_(kChunk) {}
    ~Bunzip2() override { stop(); }

    Result<std::size_t> read(std::span<std::uint8_t> out) override {
        stream_.next_out = reinterpret_cast<char*>(out.data());
        stream_.avail_out = static_cast<unsigned>(std::min<std::size_t>(out.size(), 1U << 30));
        const unsigned room = stream_.avail_out;
        while (stream_.avail_out == room && room > 0) {
            if (stream_.avail_in == 0) {
                stream_.next_in = reinterpret_cast<char*>(input_.data());
                stream_.avail_in = static_cast<unsigned>(TRY(inner_->read(input_)));
                if (stream_.avail_in == 0 && !running_) return 0;
                if (stream_.avail_in == 0)
                    return fail(Code::corrupt, name_ + " ends inside its bzip2 stream");
            }
            TRY(step());
        }
        return room - stream_.avail_out;
    }

private:
    Result<> step() {
        if (!running_ && ::BZ2_bzDecompressInit(&stream_, 0, 0) != BZ_OK)
            return fail(Code::exhausted, "no memory to decompress " + name_);
        running_ = true;
        int status = ::BZ2_bzDecompress(&stream_);
        // What follows a stream is another one or damage.
        if (status == BZ_STREAM_END)
            stop();
        else if (status != BZ_OK)
            return fail(Code::corrupt, name_ + " is not a valid bzip2 stream");
        return {};
    }
    void stop() {
        if (running_) ::BZ2_bzDecompressEnd(&stream_);
        running_ = false;
    }

    std::unique_ptr<ByteSource> inner_;
    std::string name_;
    std::vector<std::uint8_t> input_;
    bz_stream stream_{};
    bool running_ = false;
};

}  // namespace

std::unique_ptr<ByteSource> make_unxz(std::unique_ptr<ByteSource> inner, std::string name) {
    return std::make_unique<Unxz>(std::move(inner), std::move(name));
}

std::unique_ptr<ByteSource> make_bunzip2(std::unique_ptr<ByteSource> inner, std::string name) {
    return std::make_unique<Bunzip2>(std::move(inner), std::move(name));
}

}  // namespace crank::store
