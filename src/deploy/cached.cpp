#include "deploy/cached.h"

#include "base/text.h"
#include "deploy/desired.h"
#include "deploy/native_releases.h"
#include "deploy/warm.h"
#include "engine/local/prepare.h"
#include "oci/digest.h"
#include "sys/file.h"
#include "sys/system.h"

namespace crank::deploy {
namespace {

std::string directory(const engine::Paths& paths, const std::string& project) {
    return paths.gateway(project) + "/cached";
}

// Of which a container is made: an image's id, a native release's.
std::string made_of(const engine::Record& record) {
    return record.kind == engine::Kind::native ? label_of(record.labels, kNativeLabel)
                                               : record.image_id;
}

Result<std::vector<std::string>> directories_of(const World& world, const engine::Record& record) {
    if (record.kind == engine::Kind::native) {
        auto releases = TRY(NativeReleases::of(world.paths, world.desired.project,
                                               label_of(record.labels, kServiceLabel)));
        return std::vector{releases.directory_of(made_of(record))};
    }
    engine::local::Image image =
        TRY(engine::local::find_image(world.paths, world.config, record.image_id));
    std::vector<std::string> all;
    for (const std::string& layer : image.stored.layers.lower)
        all.push_back(image.stored.layers.base + "/" + layer);
    return all;
}

}  // namespace

void keep_cached(const World& world, const engine::Record& old, const engine::Record& next,
                 std::int64_t seconds) {
    std::string id = made_of(old);
    if (seconds <= 0 || id.empty() || id == made_of(next) || is_memory_short()) return;
    auto directories = directories_of(world, old);
    if (!directories) return;
    constexpr std::int64_t kSecond = 1'000'000'000;
    std::string text = std::to_string(sys::wall_clock_ns() + seconds * kSecond);
    for (const std::string& one : *directories) text += "\n" + one;
    std::string dir = directory(world.paths, world.desired.project);
    if (!sys::make_dirs(dir, 0700)) return;
    (void)sys::write_file_atomic(dir + "/" + oci::Digest::of(id).hex(), text, 0600, sys::Sync::no);
}

std::vector<Cached> list_cached(const engine::Paths& paths, const std::string& project) {
    std::vector<Cached> all;
    std::string dir = directory(paths, project);
    for (const std::string& name : sys::list_dir(dir).value_or(std::vector<std::string>())) {
        std::vector<std::string> lines = split(sys::read_file(dir + "/" + name).value_or(""), '\n');
        if (lines.empty()) continue;
        Cached one{.name = name, .until_ns = parse_int(lines.front()).value_or(0)};
        one.directories.assign(lines.begin() + 1, lines.end());
        all.push_back(std::move(one));
    }
    return all;
}

void forget_cached(const engine::Paths& paths, const std::string& project, const Cached& cached) {
    (void)sys::remove_file(directory(paths, project) + "/" + cached.name);
}

}  // namespace crank::deploy
