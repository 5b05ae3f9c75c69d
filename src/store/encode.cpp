#include "store/encode.h"

#include <zlib.h>
#include <zstd.h>

#include <memory>
#include <thread>

#include "oci/image.h"
#include "store/byte_source.h"
#include "sys/file.h"
#include "sys/stream.h"

namespace crank::store {

namespace {

constexpr int kLevel = 6, kWindow = 15, kGzip = 16, kMemory = 8;
constexpr int kZstdLevel = 3;
constexpr std::size_t kBuffer = 256 * 1024;

// Where the compressed bytes go.
class Output {
public:
    explicit Output(int fd) : fd_(fd) {}
    Result<> put(Bytes made) {
        hasher_.update(made);
        size_ += static_cast<std::int64_t>(made.size());
        return sys::write_all(fd_, {reinterpret_cast<const char*>(made.data()), made.size()},
                              "a compressed layer");
    }
    Encoded finish() { return {hasher_.finish(), size_}; }

private:
    int fd_;
    oci::Hasher hasher_;
    std::int64_t size_ = 0;
};

class Encoder {
public:
    Encoder() = default;
    Encoder(const Encoder&) = delete;
    Encoder& operator=(const Encoder&) = delete;
    virtual ~Encoder() = default;
    virtual Result<> put(Bytes bytes, Output& output) = 0;
    virtual Result<> end(Output& output) = 0;
};

class Gzip : public Encoder {
public:
    ~Gzip() override {
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
    Result<> put(Bytes bytes, Output& output) override {
        return compress(bytes, Z_NO_FLUSH, output);
    }
    Result<> end(Output& output) override { return compress({}, Z_FINISH, output); }

private:
    Result<> compress(Bytes bytes, int flush, Output& output) {
        stream_.next_in = const_cast<std::uint8_t*>(bytes.data());
        stream_.avail_in = static_cast<unsigned>(bytes.size());
        do {
            stream_.next_out = out_.data();
            stream_.avail_out = static_cast<unsigned>(out_.size());
            if (::deflate(&stream_, flush) == Z_STREAM_ERROR)
                return fail(Code::internal, "zlib refuses to compress");
            TRY(output.put(std::span(out_).first(out_.size() - stream_.avail_out)));
        } while (stream_.avail_out == 0);
        return {};
    }

    bool ready_ = false;
    z_stream stream_{};
    gz_header header_{};
    std::vector<std::uint8_t> out_ = std::vector<std::uint8_t>(kBuffer);
};

class Zstd : public Encoder {
public:
    ~Zstd() override { ::ZSTD_freeCCtx(context_); }
    Result<> begin() {
        bool ready =
            context_ != nullptr &&
            ::ZSTD_isError(
                ::ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, kZstdLevel)) == 0 &&
            ::ZSTD_isError(::ZSTD_CCtx_setParameter(context_, ZSTD_c_checksumFlag, 1)) == 0;
        if (!ready) return fail(Code::exhausted, "libzstd has no memory");
        return {};
    }
    Result<> put(Bytes bytes, Output& output) override {
        return compress(bytes, ZSTD_e_continue, output);
    }
    Result<> end(Output& output) override { return compress({}, ZSTD_e_end, output); }

private:
    Result<> compress(Bytes bytes, ZSTD_EndDirective directive, Output& output) {
        ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
        while (true) {
            ZSTD_outBuffer out{out_.data(), out_.size(), 0};
            std::size_t left = ::ZSTD_compressStream2(context_, &out, &in, directive);
            if (::ZSTD_isError(left) != 0)
                return fail(Code::internal, std::string("libzstd refuses to compress: ") +
                                                ::ZSTD_getErrorName(left));
            TRY(output.put(std::span(out_).first(out.pos)));
            bool done = directive == ZSTD_e_end ? left == 0 : in.pos == in.size;
            if (done) return {};
        }
    }

    ZSTD_CCtx* context_ = ::ZSTD_createCCtx();
    std::vector<std::uint8_t> out_ = std::vector<std::uint8_t>(kBuffer);
};

template <class Kind>
Result<std::unique_ptr<Encoder>> start() {
    auto encoder = std::make_unique<Kind>();
    TRY(encoder->begin());
    return std::unique_ptr<Encoder>(std::move(encoder));
}

}  // namespace

std::string_view encoder_version(Compression compression) {
    return compression == Compression::gzip ? "gzip-1" : "zstd-1";
}

std::string_view layer_media_type(Compression compression) {
    return compression == Compression::gzip ? oci::kMediaTypeLayerGzip : oci::kMediaTypeLayerZstd;
}

std::optional<Compression> compression_of(std::string_view media_type) {
    if (media_type.ends_with("gzip")) return Compression::gzip;
    if (media_type.ends_with("zstd")) return Compression::zstd;
    return std::nullopt;
}

Result<Encoded> encode_layer(Store& store, const oci::Digest& diff_id, int fd,
                             Compression compression) {
    auto encoder = TRY(compression == Compression::gzip ? start<Gzip>() : start<Zstd>());
    sys::Pipe pipe = TRY(sys::make_pipe());
    Result<> written;
    // The tar is written by one thread and compressed by another.
    std::jthread writer([&] {
        written = store.write_layer_tar(diff_id, pipe.write.get());
        pipe.write.reset();
    });
    Output output(fd);
    auto encode = [&]() -> Result<> {
        std::vector<std::uint8_t> buffer(kBuffer);
        while (std::size_t n = TRY(sys::read_some(pipe.read.get(), buffer, "a layer")))
            TRY(encoder->put(std::span(buffer).first(n), output));
        return encoder->end(output);
    };
    auto encoded = encode();
    pipe.read.reset();  // a writer that still writes ends
    writer.join();
    TRY(std::move(encoded));
    TRY(std::move(written));
    return output.finish();
}

}  // namespace crank::store
