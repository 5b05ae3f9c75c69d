#include "store/recipe.h"

#include <zstd.h>

#include <vector>

#include "base/text.h"
#include "sys/file.h"

namespace crank::store {

namespace {

constexpr std::size_t kMaxPending = std::size_t{64} << 10;
constexpr int kLevel = 3;

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

Result<> RecipeWriter::write(std::string_view bytes) {
    if (!begun_) {
        begun_ = true;
        TRY(compressor_->write(file_.get(), kRecipeTitle, ZSTD_e_continue));
    }
    return compressor_->write(file_.get(), bytes, ZSTD_e_continue);
}

Result<> RecipeWriter::flush_structure() {
    if (pending_.empty()) return {};
    std::string code, record(1, kRecipeStructure);
    coder_.encode(pending_, code);
    put_varint(record, pending_.size());
    put_varint(record, code.size());
    pending_.clear();
    return write(record + code);
}

Result<> RecipeWriter::structure(Bytes bytes) {
    pending_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return pending_.size() >= kMaxPending ? flush_structure() : Result<>();
}

Result<> RecipeWriter::payload(const std::string& path, std::int64_t size) {
    TRY(flush_structure());
    coder_.payload(static_cast<std::uint64_t>(size));
    std::size_t same = common_prefix(path, path_);
    std::string record(1, kRecipePayload);
    put_varint(record, static_cast<std::uint64_t>(size));
    put_varint(record, same);
    put_varint(record, path.size() - same);
    record.append(path, same);
    path_ = path;
    return write(record);
}

Result<> RecipeWriter::finish() {
    TRY(flush_structure());
    TRY(write({&kRecipeEnd, 1}));
    return compressor_->write(file_.get(), {}, ZSTD_e_end);
}

}  // namespace crank::store
