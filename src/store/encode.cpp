#include "store/encode.h"

#include <zlib.h>

#include <array>
#include <thread>

#include "store/byte_source.h"
#include "sys/file.h"
#include "sys/stream.h"

namespace crank::store {

namespace {

constexpr int kLevel = 6, kWindow = 15, kGzip = 16, kMemory = 8;
constexpr std::size_t kBuffer = 256 * 1024;

class Encoder {
public:
    explicit Encoder(int fd) : fd_(fd) {}
    Encoder(const Encoder&) = delete;
    Encoder& operator=(const Encoder&) = delete;
    ~Encoder() {
        if (ready_) ::deflateEnd(&stream_);
    }

    Result<> begin() {
        ready_ = ::deflateInit2(&stream_, kLevel, Z_DEFLATED, kWindow + kGzip, kMemory,
                                Z_DEFAULT_STRATEGY) == Z_OK;
        if (!ready_) return fail(Code::exhausted, "zlib has no memory");
        header_.os = 255;  // unknown: no machine is told from another
        ::deflateSetHeader(&stream_, &header_);
        return {};
    }
    Result<> put(Bytes bytes, int flush) {
        stream_.next_in = const_cast<std::uint8_t*>(bytes.data());
        stream_.avail_in = static_cast<unsigned>(bytes.size());
        do {
            stream_.next_out = out_.data();
            stream_.avail_out = static_cast<unsigned>(out_.size());
            if (::deflate(&stream_, flush) == Z_STREAM_ERROR)
                return fail(Code::internal, "zlib refuses to compress");
            Bytes made = std::span(out_).first(out_.size() - stream_.avail_out);
            hasher_.update(made);
            size_ += static_cast<std::int64_t>(made.size());
            TRY(sys::write_all(fd_, {reinterpret_cast<const char*>(made.data()), made.size()},
                               "a compressed layer"));
        } while (stream_.avail_out == 0);
        return {};
    }
    Encoded finish() { return {hasher_.finish(), size_}; }

private:
    int fd_;
    bool ready_ = false;
    z_stream stream_{};
    gz_header header_{};
    oci::Hasher hasher_;
    std::int64_t size_ = 0;
    std::vector<std::uint8_t> out_ = std::vector<std::uint8_t>(kBuffer);
};

}  // namespace

Result<Encoded> encode_layer(Store& store, const oci::Digest& diff_id, int fd) {
    sys::Pipe pipe = TRY(sys::make_pipe());
    Result<> written;
    // The tar is written by one thread and compressed by another.
    std::jthread writer([&] {
        written = store.write_layer_tar(diff_id, pipe.write.get());
        pipe.write.reset();
    });
    Encoder encoder(fd);
    auto encode = [&]() -> Result<> {
        TRY(encoder.begin());
        std::vector<std::uint8_t> buffer(kBuffer);
        while (std::size_t n = TRY(sys::read_some(pipe.read.get(), buffer, "a layer")))
            TRY(encoder.put(std::span(buffer).first(n), Z_NO_FLUSH));
        return encoder.put({}, Z_FINISH);
    };
    auto encoded = encode();
    pipe.read.reset();  // a writer that still writes ends
    writer.join();
    TRY(std::move(encoded));
    TRY(std::move(written));
    return encoder.finish();
}

}  // namespace crank::store
