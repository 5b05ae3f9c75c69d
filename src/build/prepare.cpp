#include "build/prepare.h"

#include "build/bootstrap.h"
#include "sys/file.h"

namespace crank::build {

namespace {

constexpr std::size_t kMaxDockerfile = std::size_t{16} << 20;

struct NamedText {
    std::string name;  // as shown in messages
    std::string path;  // empty: it came as text
    std::string text;
};

Result<NamedText> read_dockerfile(const BuildRequest& request) {
    if (request.dockerfile_text) return NamedText{"Dockerfile", "", *request.dockerfile_text};
    std::string path = request.dockerfile;
    if (path.empty()) path = request.context + "/Dockerfile";
    std::string name = request.dockerfile.empty() ? "Dockerfile" : request.dockerfile;
    auto text = sys::read_file(path, kMaxDockerfile);
    if (text) return NamedText{name, path, std::move(*text)};
    if (text.error().code() != Code::not_found) return fail(std::move(text).error());
    if (request.dockerfile.empty())
        return fail(Error(Code::not_found, "there is no Dockerfile in " + request.context)
                        .with_hint("name it with -f, or give the directory that holds it"));
    return fail(Error(Code::not_found, "there is no file " + request.dockerfile)
                    .with_hint("a path given with -f is relative to the current directory"));
}

std::string base_name(const std::string& name) { return name.substr(name.rfind('/') + 1); }

dockerfile::Platform platform_of(const BuildRequest& request) {
    dockerfile::Platform platform;
    if (!request.host.architecture.empty()) platform.architecture = request.host.architecture;
    return platform;
}

std::optional<std::string> alias_of(const oci::Reference& reference, const BuildRequest& request) {
    for (const auto& [from, to] : request.aliases) {
        auto parsed = oci::Reference::parse(from);
        if (parsed && *parsed == reference) return to;
    }
    return std::nullopt;
}

Error no_such_image(Error error, const std::string& written, bool aliased) {
    if (error.code() != Code::not_found) return error;
    if (aliased || written == kBootstrapAlias)
        return std::move(error).with_hint("crank image bootstrap");
    return std::move(error).with_hint("crank load -i FILE, or build it first");
}

}  // namespace

Result<Prepared> prepare(const BuildRequest& request) {
    Prepared prepared;
    for (const std::string& tag : request.tags) {
        oci::Reference reference = TRY(oci::Reference::parse(tag));
        if (reference.digest)
            return fail(Code::invalid_argument, "a tag cannot hold a digest: " + tag);
        prepared.tags.push_back(std::move(reference));
    }
    NamedText file = TRY(read_dockerfile(request));
    prepared.file = TRY(dockerfile::parse(file.text, base_name(file.name)));
    dockerfile::BuildOptions options;
    options.build_args = request.build_args;
    options.target = request.target;
    for (const auto& [name, context] : request.contexts) options.contexts[name] = context.image;
    options.build_platform = options.target_platform = platform_of(request);
    prepared.spec = TRY(dockerfile::lower(prepared.file, options));
    if (!request.context.empty())
        prepared.context = TRY(SourceTree::open_context(
            request.context, {.dockerfile = file.path, .named = request.ignore_file}));
    if (prepared.spec.source_date_epoch)
        prepared.epoch = *prepared.spec.source_date_epoch;
    else if (request.source_date_epoch)
        prepared.epoch = *request.source_date_epoch;
    return prepared;
}

Result<BaseImage> find_base(const std::string& written, const BuildRequest& request,
                            store::Store& store) {
    BaseImage base;
    base.shown = written;
    std::string name = written;
    if (auto reference = oci::Reference::parse(written)) {
        if (auto alias = alias_of(*reference, request)) {
            base.alias = written;
            base.shown = name = *alias;
        }
    }
    auto image = store.find(name);
    bool missing = !image && image.error().code() == Code::not_found;
    // An id is no name that a registry knows.
    bool named = !written.starts_with("sha256:");
    if (request.fetch_image && named && base.alias.empty() && (missing || request.pull)) {
        TRY(request.fetch_image(written));
        image = store.find(name);
    }
    if (!image) return fail(no_such_image(std::move(image).error(), written, !base.alias.empty()));
    base.image = std::move(*image);
    return base;
}

}  // namespace crank::build
