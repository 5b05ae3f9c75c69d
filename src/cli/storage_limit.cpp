#include "cli/storage_limit.h"

#include "base/units.h"
#include "cli/output.h"
#include "deploy/releases.h"
#include "engine/lifecycle.h"
#include "store/prune.h"

namespace crank::cli {

Result<std::set<std::string>> images_in_use(const engine::Paths& paths) {
    std::set<std::string> ids;
    for (const engine::Container& container : TRY(engine::list(paths)))
        if (!container.record.image_id.empty()) ids.insert(container.record.image_id);
    // What a rollback needs.
    ids.merge(TRY(deploy::released_images(paths)));
    return ids;
}

Result<> keep_storage_limit(const engine::Paths& paths) {
    engine::Config config = TRY(engine::Config::load(paths.config));
    std::string limit = config.text("storage.max");
    if (limit.empty()) return {};
    store::Store store = TRY(store::Store::open(paths.root, store::OpenMode::read_write));
    store::Pruned gone =
        TRY(store::keep_below(store, TRY(parse_size(limit)), TRY(images_in_use(paths)),
                              {paths.containers(), paths.names()}));
    if (gone.cache_entries != 0 || !gone.images.empty())
        note("storage.max is " + limit + ": removed " + std::to_string(gone.cache_entries) +
             " entries of the build cache and " + std::to_string(gone.images.size()) +
             " images without a name, " + format_size(gone.bytes));
    return {};
}

}  // namespace crank::cli
