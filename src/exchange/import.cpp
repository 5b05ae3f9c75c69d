#include "exchange/import.h"

#include "exchange/archive_index.h"
#include "exchange/containers_storage.h"
#include "exchange/directory.h"
#include "exchange/docker_daemon.h"
#include "exchange/layout.h"
#include "registry/document.h"
#include "sys/file.h"
#include "sys/open_flags.h"
#include "sys/stream.h"

namespace crank::exchange {

namespace {

using store::Store;
using Images = std::vector<IncomingImage>;

// An archive's file, and the room where it is spread out if it is compressed.
struct OpenArchive {
    static Result<OpenArchive> open(Store& store, const std::string& path) {
        auto file = sys::open_file(path);
        if (!file && file.error().code() == Code::not_found)
            return fail(Code::not_found, "there is no file " + path);
        OpenArchive out{TRY(std::move(file)), TRY(store.stage()), {}};
        out.files = TRY(ArchiveIndex::read(out.file.get(), out.spool.path(), path));
        return out;
    }
    sys::UniqueFd file;
    store::Staging spool;
    std::shared_ptr<const ArchiveIndex> files;
};

class Importer {
public:
    Importer(Store& store, const ImportRequest& request)
        : store_(store),
          request_(request),
          selection_{Selection::Count::one, request.source.name,
                     request.platform.value_or(registry::host_platform())} {}

    Result<Loaded> run() {
        const std::string& path = request_.source.path;
        switch (request_.source.transport) {
            case Transport::oci:
                return take(TRY(read_layout(TRY(Directory::open_path(path)), selection_)));
            case Transport::dir:
                return take(TRY(read_skopeo_dir(TRY(Directory::open_path(path)), selection_)));
            case Transport::oci_archive: {
                OpenArchive archive = TRY(OpenArchive::open(store_, path));
                return take(TRY(read_layout(archive.files, selection_)));
            }
            case Transport::docker_archive: {
                OpenArchive archive = TRY(OpenArchive::open(store_, path));
                return take(TRY(read_docker_archive(archive.files, selection_)));
            }
            case Transport::containers_storage: return from_storage();
            case Transport::docker_daemon: return from_docker();
        }
        return fail(Code::internal, "an unknown transport");
    }

    Result<std::size_t> run_all(const EachImported& each) {
        const Source& source = request_.source;
        if (source.transport == Transport::docker_daemon) return all_of_docker(each);
        if (source.transport == Transport::containers_storage) return all_of_storage(each);
        return fail(Code::usage, "--all is for docker:// and containers-storage:");
    }

private:
    Result<Loaded> from_storage() {
        const Source& source = request_.source;
        if (source.name.empty()) return fail(no_image_named());
        auto storage = TRY(readable(ContainersStorage::open(source.path, source.driver)));
        return from_storage(storage, *TRY(storage.find(source.name)));
    }
    Result<Loaded> from_storage(const ContainersStorage& storage,
                                const ContainersStorage::Image& image) {
        auto read = [&]() -> Result<Loaded> {
            Images images;
            images.push_back(TRY(storage.read(image)));
            return take(std::move(images));
        };
        return readable(read());
    }
    // Files of the container's other users belong to other users here, where podman has no root.
    template <class T>
    static Result<T> readable(Result<T> result) {
        if (result || result.error().code() != Code::permission_denied) return result;
        return fail(std::move(result).error().with_hint("podman save NAME | crank load"));
    }
    Result<std::size_t> all_of_storage(const EachImported& each) {
        auto storage =
            TRY(readable(ContainersStorage::open(request_.source.path, request_.source.driver)));
        std::size_t nameless = 0;
        for (const ContainersStorage::Image& image : storage.images()) {
            if (image.names.empty())
                ++nameless;
            else
                each(image.names.front(), from_storage(storage, image));
        }
        return nameless;
    }

    Result<Loaded> from_docker() {
        const std::string& name = request_.source.name;
        if (name.empty()) return fail(no_image_named());
        auto docker = TRY(DockerDaemon::find());
        DockerDaemon::Image image = TRY(docker.inspect(name));
        return from_docker(docker, name, asked_for(image));
    }
    // All of the answer first, then what is in it: an archive that breaks off is none.
    Result<Loaded> from_docker(const DockerDaemon& docker, const std::string& name,
                               const std::vector<std::string>& tags) {
        store::Staging spool = TRY(store_.stage());
        std::string path = spool.path() + "/docker";
        sys::UniqueFd file =
            TRY(sys::open(path, sys::kReadWrite | sys::kCreate | sys::kExclusive, 0600));
        TRY(docker.save(name, file.get(), request_.progress));
        auto copy = TRY(sys::open_file(path));
        auto files = TRY(ArchiveIndex::read(copy.get(), spool.path(), "the archive of Docker"));
        // The archive has one image, whatever it calls it.
        Selection selection = selection_;
        selection.name.clear();
        auto images = TRY(read_archive(files, selection));
        // Nothing but what was asked for is named here.
        for (IncomingImage& incoming : images) {
            incoming.tags = tags;
            forget_made_manifest(incoming);
        }
        return take(std::move(images));
    }
    // The name that was typed, where it is one and not an id.
    std::vector<std::string> asked_for(const DockerDaemon::Image& image) const {
        auto typed = oci::Reference::parse(request_.source.name);
        for (const std::string& tag : image.tags) {
            auto reference = oci::Reference::parse(tag);
            if (typed && reference && *typed == *reference) return {typed->str()};
        }
        return {};
    }
    Result<std::size_t> all_of_docker(const EachImported& each) {
        auto docker = TRY(DockerDaemon::find());
        std::size_t nameless = 0;
        for (const DockerDaemon::Image& image : TRY(docker.list())) {
            std::vector<std::string> tags;
            for (const std::string& tag : image.tags)
                if (auto reference = oci::Reference::parse(tag)) tags.push_back(reference->str());
            if (tags.empty())
                ++nameless;
            else
                each(image.tags.front(), from_docker(docker, image.tags.front(), tags));
        }
        return nameless;
    }

    static Error no_image_named() {
        return Error(Code::usage, "it names no image").with_hint("--all takes every one");
    }

    Result<Loaded> take(Images images) {
        if (request_.name) images.at(0).tags = {request_.name->str()};
        return TRY(take_in(store_, std::move(images), request_.progress)).at(0);
    }

    Store& store_;
    const ImportRequest& request_;
    Selection selection_;
};

}  // namespace

Result<Loaded> import_image(Store& store, const ImportRequest& request) {
    return Importer(store, request).run();
}

Result<std::size_t> import_all(Store& store, const ImportRequest& request,
                               const EachImported& each) {
    return Importer(store, request).run_all(each);
}

}  // namespace crank::exchange
