#include "oci/image.h"
#include "oci/json_writer.h"

namespace crank::oci {

namespace {

Json set_of(const std::vector<std::string>& names) {
    Json out = Json::object();
    for (const std::string& name : names) out[name] = Json::object();
    return out;
}

Json to_json(const Platform& platform) {
    Json out{{"architecture", platform.architecture}, {"os", platform.os}};
    put(out, "variant", platform.variant);
    return out;
}

Json to_json(const Descriptor& descriptor) {
    Json out{{"mediaType", descriptor.media_type},
             {"digest", descriptor.digest.str()},
             {"size", descriptor.size}};
    put(out, "annotations", descriptor.annotations);
    if (descriptor.platform) out["platform"] = to_json(*descriptor.platform);
    return out;
}

Json to_json(const Healthcheck& health) {
    Json out = Json::object();
    put(out, "Test", health.test);
    put(out, "Interval", health.interval);
    put(out, "Timeout", health.timeout);
    put(out, "StartPeriod", health.start_period);
    put(out, "StartInterval", health.start_interval);
    put(out, "Retries", health.retries);
    return out;
}

Json to_json(const ContainerConfig& config) {
    Json out = Json::object();
    put(out, "User", config.user);
    if (!config.exposed_ports.empty()) out["ExposedPorts"] = set_of(config.exposed_ports);
    put(out, "Env", config.env);
    put(out, "Entrypoint", config.entrypoint);
    put(out, "Cmd", config.cmd);
    if (!config.volumes.empty()) out["Volumes"] = set_of(config.volumes);
    put(out, "WorkingDir", config.working_dir);
    put(out, "Labels", config.labels);
    put(out, "StopSignal", config.stop_signal);
    put(out, "Shell", config.shell);
    put(out, "OnBuild", config.on_build);
    if (config.healthcheck) out["Healthcheck"] = to_json(*config.healthcheck);
    return out;
}

Json to_json(const HistoryEntry& entry) {
    Json out = Json::object();
    put(out, "created", entry.created);
    put(out, "created_by", entry.created_by);
    put(out, "comment", entry.comment);
    if (entry.empty_layer) out["empty_layer"] = true;
    return out;
}

Json to_json(const std::vector<Descriptor>& descriptors) {
    Json out = Json::array();
    for (const Descriptor& descriptor : descriptors) out.push_back(to_json(descriptor));
    return out;
}

}  // namespace

std::string serialize(const ImageConfig& config) {
    Json out = to_json(config.platform);
    put(out, "created", config.created);
    put(out, "author", config.author);
    if (Json container = to_json(config.config); !container.empty())
        out["config"] = std::move(container);
    Json diff_ids = Json::array();
    for (const Digest& digest : config.diff_ids) diff_ids.push_back(digest.str());
    out["rootfs"] = {{"type", "layers"}, {"diff_ids", std::move(diff_ids)}};
    for (const HistoryEntry& entry : config.history) out["history"].push_back(to_json(entry));
    return text_of(out);
}

std::string serialize(const Manifest& manifest) {
    Json out{{"schemaVersion", 2},
             {"mediaType", manifest.media_type},
             {"config", to_json(manifest.config)},
             {"layers", to_json(manifest.layers)}};
    put(out, "annotations", manifest.annotations);
    return text_of(out);
}

std::string serialize(const Index& index) {
    Json out{{"schemaVersion", 2},
             {"mediaType", index.media_type},
             {"manifests", to_json(index.manifests)}};
    put(out, "annotations", index.annotations);
    return text_of(out);
}

}  // namespace crank::oci
