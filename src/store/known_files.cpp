#include "store/known_files.h"

#include <algorithm>

#include "base/text.h"
#include "store/state.h"
#include "store/tree_path.h"
#include "sys/attributes.h"
#include "sys/file.h"
#include "sys/stream.h"

namespace crank::store {

namespace {

constexpr std::size_t kChunk = std::size_t{64} << 10;
constexpr const char* kImagesOfRepository =
    "SELECT i.layers FROM manifest m JOIN image i ON i.number = m.image "
    "WHERE m.repository = ? ORDER BY m.added DESC LIMIT 8";
constexpr const char* kNewestImages = "SELECT layers FROM image ORDER BY number DESC LIMIT 8";

class OwnedFile : public ByteSource {
public:
    OwnedFile(sys::UniqueFd file, std::int64_t size, const std::string& name)
        : file_(std::move(file)), range_(file_.get(), 0, size, name) {}
    Result<std::size_t> read(std::span<std::uint8_t> out) override { return range_.read(out); }

private:
    sys::UniqueFd file_;
    RangeSource range_;
};

// "./usr//bin/x" as "usr/bin/x"; nothing where it is no file below the tree.
std::optional<std::string> path_below(const std::string& name) {
    std::vector<std::string> parts;
    for (std::string& part : split(name, '/')) {
        if (part == ".." || part.find('\0') != std::string::npos) return std::nullopt;
        if (!part.empty() && part != ".") parts.push_back(std::move(part));
    }
    if (parts.empty() || name.ends_with('/')) return std::nullopt;
    return join(parts, "/");
}

}  // namespace

KnownFiles::KnownFiles(const std::vector<std::string>& trees, std::int64_t most_in_vain)
    : in_vain_left_(most_in_vain), buffer_(kChunk) {
    for (const std::string& path : trees) {
        auto tree = sys::open_dir(path);
        if (!tree || layers_.size() == kMaxLayers) continue;
        order_.push_back(layers_.size());
        layers_.push_back({*std::move(tree), {}});
    }
}

std::optional<KnownFiles::Place> KnownFiles::find(const std::string& name, std::int64_t size,
                                                  const oci::Digest& digest) {
    auto path = path_below(name);
    if (!path) return std::nullopt;
    std::string directory = parent_of(*path);
    if (directory != directory_)
        for (Layer& layer : layers_) layer.directory.reset();
    directory_ = std::move(directory);
    std::string file = name_of(*path);
    for (auto at = order_.begin(); at != order_.end(); ++at) {
        if (!has(layers_[*at], file, size, digest)) continue;
        std::rotate(order_.begin(), at, at + 1);
        return Place{order_.front(), *std::move(path), size};
    }
    return std::nullopt;
}

// What cannot be read is not there.
bool KnownFiles::has(Layer& layer, const std::string& name, std::int64_t size,
                     const oci::Digest& digest) {
    if (!layer.directory) {
        auto opened = sys::open_dir_in_root(layer.tree.get(), directory_);
        layer.directory = opened ? *std::move(opened) : sys::UniqueFd();
    }
    int directory = layer.directory->get();
    if (directory < 0) return false;
    auto attributes = sys::attributes_at(directory, name);
    if (!attributes || !attributes->is_regular() || attributes->size != size) return false;
    if (size > in_vain_left_) return false;
    auto file = sys::open_file_at(directory, name);
    if (!file) return false;
    oci::Hasher hasher;
    while (true) {
        auto n = sys::read_some(file->get(), buffer_, name);
        if (!n) return false;
        if (*n == 0) break;
        hasher.update(std::span(buffer_).first(*n));
    }
    if (hasher.finish() == digest) return true;
    in_vain_left_ -= size;
    return false;
}

Result<std::unique_ptr<ByteSource>> KnownFiles::open(const Place& place) const {
    auto file = TRY(sys::open_file_in_root(layers_[place.layer].tree.get(), place.path));
    return std::make_unique<OwnedFile>(std::move(file), place.size, place.path);
}

Result<KnownFiles> Store::known_files(const std::string& repository) {
    // So that no layer is collected meanwhile.
    if (state_->mode == OpenMode::read_write) TRY(state_->protect_layers());
    std::lock_guard lock(state_->mutex);
    std::vector<std::int64_t> numbers;
    auto add_all = [&](Rows rows) -> Result<> {
        while (TRY(rows.next()))
            for (const std::string& text : split(rows.text(0), ','))
                if (auto number = parse_int(text);
                    number && std::ranges::find(numbers, *number) == numbers.end())
                    numbers.push_back(*number);
        return {};
    };
    TRY(add_all(TRY(state_->db.query(kImagesOfRepository, {repository}))));
    TRY(add_all(TRY(state_->db.query(kNewestImages))));
    std::vector<std::string> trees;
    for (std::int64_t number : numbers) {
        Rows rows =
            TRY(state_->db.query("SELECT 1 FROM layer WHERE number = ? AND damaged = 0", {number}));
        if (TRY(rows.next())) trees.push_back(state_->layer_dir(number) + "/fs");
    }
    return KnownFiles(trees);
}

}  // namespace crank::store
