#include <array>

#include "store/recipe.h"
#include "store/recipe_code.h"
#include "sys/attributes.h"
#include "sys/file.h"
#include "sys/stream.h"

namespace crank::store {

namespace {

using Sink = std::function<Result<>(Bytes)>;

constexpr std::size_t kMaxRecord = std::size_t{2} << 20;
constexpr std::size_t kChunk = std::size_t{64} << 10;

std::unexpected<Error> damaged() { return fail(Code::corrupt, "the layer's recipe is damaged"); }

// The numbers and texts of a recipe.
class Reader {
public:
    explicit Reader(ByteSource& source) : source_(source) {}

    // At least `size` bytes from here, which stay.
    Result<std::string_view> peek(std::size_t size) {
        buffer_.erase(0, at_);
        at_ = 0;
        while (buffer_.size() < size) {
            std::size_t have = buffer_.size();
            buffer_.resize(std::max(size, kChunk));
            auto room = std::span(buffer_).subspan(have);
            std::size_t n =
                TRY(source_.read({reinterpret_cast<std::uint8_t*>(room.data()), room.size()}));
            buffer_.resize(have + n);
            if (n == 0) return fail(Code::corrupt, "the layer's recipe is cut short");
        }
        return std::string_view(buffer_);
    }
    Result<std::string_view> text(std::size_t size) {
        if (size > kMaxRecord) return damaged();
        if (buffer_.size() - at_ < size) TRY(peek(size));
        std::string_view out = std::string_view(buffer_).substr(at_, size);
        at_ += size;
        return out;
    }
    Result<char> tag() { return TRY(text(1)).front(); }
    Result<std::uint64_t> number() {
        std::string bytes;
        do bytes += TRY(tag());
        while ((static_cast<unsigned char>(bytes.back()) & 0x80U) != 0 && bytes.size() < 10);
        std::string_view view = bytes;
        return take_varint(view);
    }

private:
    ByteSource& source_;
    std::string buffer_;
    std::size_t at_ = 0;
};

Result<> replay_payload(int treefd, const std::string& path, std::int64_t size, const Sink& sink) {
    auto file = TRY(sys::open_file_in_root(treefd, path));
    auto attributes = TRY(sys::attributes_at(file.get(), ""));
    if (!attributes.is_regular() || attributes.size != size)
        return fail(Code::corrupt, "the layer's file " + path + " was changed");
    RangeSource content(file.get(), 0, size, path);
    TRY(copy_all(content, sink));
    return {};
}

// Of store formats up to 6: a tag, two numbers of 8 bytes, little endian, plain bytes.
Result<> replay_old(Reader& reader, int treefd, const Sink& sink) {
    while (true) {
        char tag = TRY(reader.tag());
        std::array<std::uint64_t, 2> numbers{};
        std::string_view bytes = TRY(reader.text(16));
        for (std::size_t i = 16; i-- > 0;)
            numbers[i / 8] = numbers[i / 8] << 8 | static_cast<unsigned char>(bytes[i]);
        std::string text(TRY(reader.text(numbers[1])));
        if (tag == 'E') return {};
        if (tag == 'S') {
            TRY(sink(bytes_of(text)));
        } else if (tag == 'P') {
            TRY(replay_payload(treefd, text, static_cast<std::int64_t>(numbers[0]), sink));
        } else {
            return damaged();
        }
    }
}

Result<> replay_new(Reader& reader, int treefd, const Sink& sink) {
    StructureCoder coder;
    std::string path, structure;
    while (true) {
        char tag = TRY(reader.tag());
        if (tag == kRecipeEnd) return {};
        if (tag == kRecipeStructure) {
            std::size_t count = TRY(reader.number()), size = TRY(reader.number());
            if (count > kMaxRecord) return damaged();
            structure.clear();
            TRY(coder.decode(TRY(reader.text(size)), count, structure));
            TRY(sink(bytes_of(structure)));
        } else if (tag == kRecipePayload) {
            std::uint64_t size = TRY(reader.number());
            std::size_t same = TRY(reader.number()), own = TRY(reader.number());
            if (same > path.size()) return damaged();
            path.resize(same);
            path += TRY(reader.text(own));
            coder.payload(size);
            TRY(replay_payload(treefd, path, static_cast<std::int64_t>(size), sink));
        } else {
            return damaged();
        }
    }
}

}  // namespace

Result<> replay_recipe(ByteSource& recipe, int treefd, const Sink& sink) {
    Reader reader(recipe);
    std::string_view begin = TRY(reader.peek(kRecipeTitle.size()));
    if (!begin.starts_with(kRecipeTitle)) return replay_old(reader, treefd, sink);
    TRY(reader.text(kRecipeTitle.size()));
    return replay_new(reader, treefd, sink);
}

}  // namespace crank::store
