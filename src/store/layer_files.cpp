#include "store/layer_files.h"

#include <zstd.h>

#include <set>

#include "base/text.h"
#include "store/description.h"
#include "store/each_file.h"
#include "sys/file.h"
#include "sys/stream.h"

namespace crank::store {

namespace {

constexpr std::string_view kHead = "crank files 1\n";
constexpr std::size_t kRecord = 12;
constexpr std::size_t kMaxPath = 0xffff;
constexpr std::size_t kMaxBytes = std::size_t{1} << 30;  // of a list, decompressed
constexpr int kLevel = 3;

template <class T>
void put(std::string& out, T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i) out += static_cast<char>(value >> (8 * i));
}
template <class T>
T get(std::string_view bytes, std::size_t at) {
    T value = 0;
    for (std::size_t i = sizeof(T); i-- > 0;)
        value = static_cast<T>(value << 8 | static_cast<unsigned char>(bytes[at + i]));
    return value;
}

}  // namespace

Result<> write_layer_files(int dirfd, const std::vector<LayerFile>& files) {
    std::string out(kHead), before;
    for (const LayerFile& file : files) {
        if (file.path.size() > kMaxPath) continue;  // longer than any path that can be opened
        std::size_t same = common_prefix(file.path, before);
        put(out, file.hash);
        put(out, static_cast<std::uint16_t>(same));
        put(out, static_cast<std::uint16_t>(file.path.size() - same));
        out.append(file.path, same);
        before = file.path;
    }
    std::string packed(::ZSTD_compressBound(out.size()), '\0');
    std::size_t size =
        ::ZSTD_compress(packed.data(), packed.size(), out.data(), out.size(), kLevel);
    if (::ZSTD_isError(size) != 0)
        return fail(Code::internal, std::string("zstd compression: ") + ::ZSTD_getErrorName(size));
    auto file = TRY(sys::create_file_at(dirfd, "files", 0600));
    return sys::write_all(file.get(), {packed.data(), size}, "files");
}

Result<std::vector<LayerFile>> read_layer_files(int dirfd) {
    std::vector<LayerFile> files;
    const std::string shown = "a layer's list of files";
    auto source = open_description(dirfd, "files", shown);
    if (!source && source.error().code() == Code::not_found) return files;
    std::string bytes = TRY(read_all(*TRY(std::move(source)), kMaxBytes, shown));
    auto damaged = [] { return fail(Code::corrupt, "a layer's list of files is damaged"); };
    if (!bytes.starts_with(kHead)) return damaged();
    for (std::size_t at = kHead.size(); at < bytes.size();) {
        if (bytes.size() - at < kRecord) return damaged();
        LayerFile next;
        next.hash = get<FileHash>(bytes, at);
        std::size_t same = get<std::uint16_t>(bytes, at + 8);
        std::size_t own = get<std::uint16_t>(bytes, at + 10);
        at += kRecord;
        if (bytes.size() - at < own ||
            (same > 0 && (files.empty() || files.back().path.size() < same)))
            return damaged();
        if (same > 0) next.path = files.back().path.substr(0, same);
        next.path.append(bytes, at, own);
        at += own;
        files.push_back(std::move(next));
    }
    return files;
}

Result<std::vector<LayerFile>> list_tree(int layerfd) {
    std::vector<LayerFile> files;
    std::set<std::uint64_t> seen;
    auto tree = TRY(sys::open_dir_at(layerfd, "fs"));
    TRY(each_file(tree.get(), "",
                  [&](int dirfd, const std::string& name, const std::string& path,
                      const sys::Attributes& attributes) -> Result<> {
                      if (is_shareable(path, attributes.size) &&
                          seen.insert(attributes.inode).second)
                          files.push_back({path, TRY(hash_of_file(dirfd, name))});
                      return {};
                  }));
    return files;
}

}  // namespace crank::store
