#include "store/recipe.h"

#include <zstd.h>

#include <array>
#include <cstring>
#include <vector>

#include "sys/attributes.h"
#include "sys/file.h"
#include "sys/stream.h"

namespace crank::store {

namespace {

constexpr char kStructure = 'S', kPayload = 'P', kEnd = 'E';
constexpr std::size_t kMaxPending = std::size_t{64} << 10;
constexpr std::size_t kMaxRecord = std::size_t{2} << 20;
constexpr int kLevel = 3;

// tag, number (8 bytes), length (8 bytes), both little-endian; then the bytes
using Head = std::array<char, 17>;

void put_number(char* at, std::uint64_t value) {
    for (int i = 0; i < 8; ++i) at[i] = static_cast<char>(value >> (8 * i));
}
std::uint64_t get_number(const char* at) {
    std::uint64_t value = 0;
    for (int i = 7; i >= 0; --i) value = value << 8 | static_cast<unsigned char>(at[i]);
    return value;
}

}  // namespace

struct RecipeWriter::Compressor {
    ZSTD_CCtx* context = ::ZSTD_createCCtx();
    std::vector<char> out = std::vector<char>(::ZSTD_CStreamOutSize());
    ~Compressor() { ::ZSTD_freeCCtx(context); }

    Result<> write(int fd, std::string_view bytes, ZSTD_EndDirective directive) {
        if (context == nullptr) return fail(Code::exhausted, "no memory to compress");
        ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
        while (true) {
            ZSTD_outBuffer output{out.data(), out.size(), 0};
            std::size_t left = ::ZSTD_compressStream2(context, &output, &input, directive);
            if (::ZSTD_isError(left) != 0)
                return fail(Code::internal,
                            std::string("zstd compression: ") + ::ZSTD_getErrorName(left));
            TRY(sys::write_all(fd, {out.data(), output.pos}, "layer recipe"));
            bool done = directive == ZSTD_e_end ? left == 0 : input.pos == input.size;
            if (done) return {};
        }
    }
};

RecipeWriter::RecipeWriter(sys::UniqueFd file)
    : file_(std::move(file)), compressor_(std::make_unique<Compressor>()) {
    ::ZSTD_CCtx_setParameter(compressor_->context, ZSTD_c_compressionLevel, kLevel);
}
RecipeWriter::~RecipeWriter() = default;

Result<> RecipeWriter::record(char tag, std::int64_t number, std::string_view bytes) {
    Head head;
    head[0] = tag;
    put_number(&head[1], static_cast<std::uint64_t>(number));
    put_number(&head[9], bytes.size());
    TRY(compressor_->write(file_.get(), {head.data(), head.size()}, ZSTD_e_continue));
    return compressor_->write(file_.get(), bytes, ZSTD_e_continue);
}

Result<> RecipeWriter::flush_structure() {
    if (pending_.empty()) return {};
    TRY(record(kStructure, 0, pending_));
    pending_.clear();
    return {};
}

Result<> RecipeWriter::structure(Bytes bytes) {
    pending_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return pending_.size() >= kMaxPending ? flush_structure() : Result<>();
}

Result<> RecipeWriter::payload(const std::string& path, std::int64_t size) {
    TRY(flush_structure());
    return record(kPayload, size, path);
}

Result<> RecipeWriter::finish() {
    TRY(flush_structure());
    TRY(record(kEnd, 0, {}));
    return compressor_->write(file_.get(), {}, ZSTD_e_end);
}

namespace {

Result<> read_exactly(ByteSource& source, char* out, std::size_t size) {
    std::size_t have = 0;
    while (have < size) {
        std::size_t n =
            TRY(source.read({reinterpret_cast<std::uint8_t*>(out) + have, size - have}));
        if (n == 0) return fail(Code::corrupt, "the layer's recipe is cut short");
        have += n;
    }
    return {};
}

Result<> replay_payload(int treefd, const std::string& path, std::int64_t size,
                        const std::function<Result<>(Bytes)>& sink) {
    auto file = TRY(sys::open_file_in_root(treefd, path));
    auto attributes = TRY(sys::attributes_at(file.get(), ""));
    if (!attributes.is_regular() || attributes.size != size)
        return fail(Code::corrupt, "the layer's file " + path + " was changed");
    RangeSource content(file.get(), 0, size, path);
    TRY(copy_all(content, sink));
    return {};
}

}  // namespace

Result<> replay_recipe(int recipe_fd, int treefd, const std::function<Result<>(Bytes)>& sink) {
    auto source = TRY(decompress(std::make_unique<FdSource>(recipe_fd, "the layer's recipe"),
                                 INT64_MAX, "the layer's recipe"));
    std::string bytes;
    while (true) {
        Head head;
        TRY(read_exactly(*source, head.data(), head.size()));
        std::uint64_t number = get_number(&head[1]), length = get_number(&head[9]);
        if (length > kMaxRecord) return fail(Code::corrupt, "the layer's recipe is damaged");
        bytes.resize(length);
        TRY(read_exactly(*source, bytes.data(), bytes.size()));
        if (head[0] == kEnd) return {};
        if (head[0] == kStructure) {
            TRY(sink(bytes_of(bytes)));
        } else if (head[0] == kPayload) {
            TRY(replay_payload(treefd, bytes, static_cast<std::int64_t>(number), sink));
        } else {
            return fail(Code::corrupt, "the layer's recipe is damaged");
        }
    }
}

}  // namespace crank::store
