#include <algorithm>

#include "oci/image.h"
#include "oci/json_reader.h"

namespace crank::oci {

namespace {

constexpr std::size_t kMaxLayers = 127;  // Docker's limit: what overlayfs took in one page

// Docker's names for the same documents (distribution: manifest v2, schema 2).
constexpr std::string_view kDockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
constexpr std::string_view kDockerIndex =
    "application/vnd.docker.distribution.manifest.list.v2+json";

Result<Digest> digest_of(const Json& value, const std::string& path, Code code) {
    auto text = TRY(text_of(value, path, code));
    auto digest = Digest::parse(text);
    if (!digest) {
        Code kind = digest.error().code() == Code::unsupported ? Code::unsupported : code;
        return fail(std::move(digest).error().with_code(kind).with_context("'" + path + "'"));
    }
    return *digest;
}

Result<> read_platform(ObjectReader& in, Platform& out) {
    TRY(in.read("architecture", out.architecture));
    TRY(in.read("os", out.os));
    return in.read("variant", out.variant);
}

Result<Descriptor> read_descriptor(const Json& value, const std::string& path, Code code) {
    auto in = TRY(ObjectReader::create(value, path, code));
    Descriptor out;
    TRY(in.require("mediaType"));
    TRY(in.read("mediaType", out.media_type));
    out.digest = TRY(digest_of(*TRY(in.require("digest")), in.path_of("digest"), code));
    TRY(in.require("size"));
    TRY(in.read("size", out.size));
    if (out.size < 0) return in.bad("size", "is negative");
    TRY(in.read("annotations", out.annotations));
    TRY(in.object("platform", [&](ObjectReader& platform) -> Result<> {
        return read_platform(platform, out.platform.emplace());
    }));
    return out;
}

Result<> read_healthcheck(ObjectReader& in, Healthcheck& out) {
    TRY(in.read("Test", out.test));
    TRY(in.read("Interval", out.interval));
    TRY(in.read("Timeout", out.timeout));
    TRY(in.read("StartPeriod", out.start_period));
    TRY(in.read("StartInterval", out.start_interval));
    TRY(in.read("Retries", out.retries));
    bool negative = std::min({out.interval, out.timeout, out.start_period, out.start_interval}) < 0;
    if (negative || out.retries < 0) return in.bad("Interval", "or another field is negative");
    return {};
}

Result<> read_container_config(ObjectReader& in, ContainerConfig& out) {
    TRY(in.read("User", out.user));
    TRY(in.read_set("ExposedPorts", out.exposed_ports));
    TRY(in.read("Env", out.env));
    TRY(in.read("Entrypoint", out.entrypoint));
    TRY(in.read("Cmd", out.cmd));
    TRY(in.read_set("Volumes", out.volumes));
    TRY(in.read("WorkingDir", out.working_dir));
    TRY(in.read("Labels", out.labels));
    TRY(in.read("StopSignal", out.stop_signal));
    TRY(in.read("Shell", out.shell));
    TRY(in.read("OnBuild", out.on_build));
    return in.object("Healthcheck", [&](ObjectReader& health) -> Result<> {
        return read_healthcheck(health, out.healthcheck.emplace());
    });
}

Result<> read_history(ObjectReader& in, std::vector<HistoryEntry>& out) {
    return in.each("history", [&](const Json& value, const std::string& path) -> Result<> {
        auto entry = TRY(ObjectReader::create(value, path, in.code()));
        HistoryEntry& history = out.emplace_back();
        TRY(entry.read("created", history.created));
        TRY(entry.read("created_by", history.created_by));
        TRY(entry.read("comment", history.comment));
        return entry.read("empty_layer", history.empty_layer);
    });
}

Result<> read_rootfs(ObjectReader& in, std::vector<Digest>& diff_ids) {
    std::string type;
    TRY(in.read("type", type));
    if (type != "layers") return in.bad("type", "is not 'layers'");
    TRY(in.each("diff_ids", [&](const Json& value, const std::string& path) -> Result<> {
        diff_ids.push_back(TRY(digest_of(value, path, in.code())));
        return {};
    }));
    if (diff_ids.size() > kMaxLayers) return in.bad("diff_ids", "has more than 127 layers");
    return {};
}

Result<> check_version(ObjectReader& in, std::string_view expected, std::string_view docker,
                       std::string& media_type) {
    int version = 0;
    TRY(in.read("schemaVersion", version));
    if (version != 2) return in.bad("schemaVersion", "is not 2");
    media_type = expected;
    TRY(in.read("mediaType", media_type));
    if (media_type != expected && media_type != docker)
        return in.bad("mediaType", "is '" + media_type + "', not '" + std::string(expected) + "'");
    return {};
}

// A document that is both a manifest and an index means one image to one reader and another to the
// next (CVE-2021-41190).
Result<> refuse_field(ObjectReader& in, std::string_view name, std::string_view kind) {
    if (in.find(name) != nullptr) return in.bad(name, "may not stand in " + std::string(kind));
    return {};
}

}  // namespace

Result<ImageConfig> parse_image_config(std::string_view json) {
    Json root = TRY_IN(parse_json(json, Code::corrupt), "image configuration");
    auto read = [&]() -> Result<ImageConfig> {
        auto in = TRY(ObjectReader::create(root, "", Code::corrupt));
        ImageConfig out;
        TRY(in.read("created", out.created));
        TRY(in.read("author", out.author));
        TRY(in.require("architecture"));
        TRY(in.require("os"));
        TRY(read_platform(in, out.platform));
        TRY(in.object("config", [&](ObjectReader& config) {
            return read_container_config(config, out.config);
        }));
        TRY(in.require("rootfs"));
        TRY(in.object("rootfs",
                      [&](ObjectReader& rootfs) { return read_rootfs(rootfs, out.diff_ids); }));
        TRY(read_history(in, out.history));
        return out;
    };
    return TRY_IN(read(), "image configuration");
}

Result<Manifest> parse_manifest(std::string_view json) {
    Json root = TRY_IN(parse_json(json, Code::corrupt), "image manifest");
    auto read = [&]() -> Result<Manifest> {
        auto in = TRY(ObjectReader::create(root, "", Code::corrupt));
        Manifest out;
        TRY(check_version(in, kMediaTypeManifest, kDockerManifest, out.media_type));
        TRY(refuse_field(in, "manifests", "an image manifest"));
        TRY(refuse_field(in, "fsLayers", "an image manifest"));
        const Json* config = TRY(in.require("config"));
        out.config = TRY(read_descriptor(*config, "config", Code::corrupt));
        TRY(in.each("layers", [&](const Json& value, const std::string& path) -> Result<> {
            out.layers.push_back(TRY(read_descriptor(value, path, Code::corrupt)));
            return {};
        }));
        if (out.layers.size() > kMaxLayers) return in.bad("layers", "has more than 127 layers");
        TRY(in.read("annotations", out.annotations));
        return out;
    };
    return TRY_IN(read(), "image manifest");
}

Result<Index> parse_index(std::string_view json) {
    Json root = TRY_IN(parse_json(json, Code::corrupt), "image index");
    auto read = [&]() -> Result<Index> {
        auto in = TRY(ObjectReader::create(root, "", Code::corrupt));
        Index out;
        TRY(check_version(in, kMediaTypeIndex, kDockerIndex, out.media_type));
        TRY(refuse_field(in, "layers", "an image index"));
        TRY(refuse_field(in, "config", "an image index"));
        TRY(in.require("manifests"));
        TRY(in.each("manifests", [&](const Json& value, const std::string& path) -> Result<> {
            out.manifests.push_back(TRY(read_descriptor(value, path, Code::corrupt)));
            return {};
        }));
        TRY(in.read("annotations", out.annotations));
        return out;
    };
    return TRY_IN(read(), "image index");
}

}  // namespace crank::oci
