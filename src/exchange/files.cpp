#include "exchange/files.h"

namespace crank::exchange {

Result<std::string> Files::text(const std::string& path, std::int64_t limit) const {
    Opened file = TRY(open(path));
    if (file.size > limit)
        return fail(Code::corrupt, "'" + path + "' in " + name() + " is larger than " +
                                       std::to_string(limit >> 20) + " MiB");
    return store::read_all(*file.bytes, static_cast<std::size_t>(limit), path);
}

store::OpenTarSplitFile contents_of(std::shared_ptr<const Files> tree) {
    return [tree = std::move(tree)](const std::string& path) -> Result<store::TarSplitFile> {
        Files::Opened file = TRY(tree->open(path));
        return store::TarSplitFile{std::move(file.bytes), file.size};
    };
}

}  // namespace crank::exchange
