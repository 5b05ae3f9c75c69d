#include "exchange/import.h"
#include "exchange/incoming.h"
#include "store/tar_reader.h"
#include "sys/file.h"
#include "sys/open_flags.h"
#include "sys/stream.h"

namespace crank::exchange {

namespace {

using store::ByteSource;

constexpr std::int64_t kMaxRoot = std::int64_t{1} << 40;

// The bytes of a regular file, to be read as often as needed.
struct Input {
    sys::UniqueFd spooled;
    int fd = -1;
    std::int64_t begin = 0, size = 0;

    std::unique_ptr<ByteSource> open(const std::string& name) const {
        return std::make_unique<store::RangeSource>(fd, begin, size, name);
    }
};

Result<Input> input_of(const RootRequest& request, const std::string& spool) {
    Input out;
    if (auto range = TRY(sys::seekable_range(request.fd))) {
        out.fd = request.fd;
        out.begin = range->position;
        out.size = range->size - range->position;
        return out;
    }
    out.spooled =
        TRY(sys::open(spool + "/root", sys::kReadWrite | sys::kCreate | sys::kExclusive, 0600));
    store::FdSource pipe(request.fd, request.shown);
    out.size = TRY(store::copy_all(pipe, [&](store::Bytes bytes) {
        return sys::write_all(out.spooled.get(),
                              {reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                              request.shown);
    }));
    out.fd = out.spooled.get();
    return out;
}

// Reads all of it: the digest of the tar, which must be a root file system's.
Result<oci::Digest> examine(std::unique_ptr<ByteSource> plain, const std::string& shown) {
    store::HashingSource hashed(*plain);
    store::TarReader reader(hashed, {}, shown);
    std::int64_t entries = 0;
    bool layout = false, archive = false;
    while (auto entry = TRY(reader.next())) {
        std::string_view path = entry->path;
        if (path.starts_with("./")) path.remove_prefix(2);
        layout = layout || path == "oci-layout";
        archive = archive || path == "manifest.json";
        ++entries;
    }
    if (layout || archive)
        return fail(Error(Code::failed_precondition,
                          shown + " is an archive of images, not a root file system")
                        .with_hint("crank load, or crank import " +
                                   std::string(layout ? "oci-archive:" : "docker-archive:") +
                                   "FILE"));
    if (entries == 0) return fail(Code::corrupt, shown + " holds no files");
    return hashed.finish();
}

}  // namespace

Result<Loaded> import_root(store::Store& store, RootRequest request) {
    store::Staging spool = TRY(store.stage());
    Input input = TRY(input_of(request, spool.path()));
    const std::string& shown = request.shown;
    oci::Digest diff_id =
        TRY(examine(TRY(store::decompress(input.open(shown), kMaxRoot, shown)), shown));
    request.config.diff_ids = {diff_id};
    IncomingImage image = TRY(incoming(oci::serialize(request.config)));
    image.layers.push_back(
        {shown,
         [&]() -> Result<std::unique_ptr<ByteSource>> { return input.open(shown); },
         {},
         input.size});
    if (request.name) image.tags = {request.name->str()};
    std::vector<IncomingImage> images;
    images.push_back(std::move(image));
    return TRY(take_in(store, std::move(images), request.progress)).at(0);
}

}  // namespace crank::exchange
