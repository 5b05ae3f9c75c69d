#include "exchange/archive.h"
#include "exchange/archive_index.h"
#include "exchange/layout.h"
#include "registry/document.h"

namespace crank::exchange {

Result<std::vector<Loaded>> load(store::Store& store, int fd) {
    auto load_from = [&]() -> Result<std::vector<Loaded>> {
        store::Staging spool = TRY(store.stage());
        auto archive = TRY(ArchiveIndex::read(fd, spool.path(), "the archive"));
        Selection everything{Selection::Count::all, {}, registry::host_platform()};
        auto images = TRY(read_archive(archive, everything));
        for (IncomingImage& image : images) forget_made_manifest(image);
        return take_in(store, std::move(images));
    };
    return TRY_IN(load_from(), "loading an image");
}

}  // namespace crank::exchange
