#include "engine/gpu/request.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "engine/csv.h"

namespace crank::engine::gpu {
namespace {

std::unexpected<Error> bad(std::string_view text, const std::string& why) {
    return fail(
        Error(Code::invalid_argument, "--gpus '" + std::string(text) + "': " + why)
            .with_hint("--gpus all, --gpus 2, --gpus '\"device=0,1\"', --gpus device=GPU-UUID"));
}

Result<> read_count(GpuRequest& request, std::string_view text, const std::string& value) {
    if (value == "all" || value == "-1") return {};
    auto count = parse_int(value);
    if (!count) return bad(text, "\"" + value + "\" is no number and not all");
    if (*count < 1) return bad(text, "at least 1 GPU, or none by leaving --gpus out");
    request.count = static_cast<std::size_t>(*count);
    return {};
}

// Those of NVIDIA's documentation ("Driver Capabilities"), and the word that dockerd puts there.
Result<> read_capabilities(GpuRequest& request, std::string_view text, const std::string& value) {
    constexpr std::array<std::string_view, 8> kKnown{"all",      "compute", "display", "gpu",
                                                     "graphics", "ngx",     "utility", "video"};
    for (const std::string& word : split(value, ',')) {
        if (std::ranges::find(kKnown, word) == kKnown.end())
            return bad(text, "unknown capability \"" + word + "\" (" +
                                 "compute, utility, graphics, video, display, ngx, all)");
        if (word != "gpu") request.capabilities.push_back(word);
    }
    return {};
}

Result<> read_ids(GpuRequest& request, std::string_view text, const std::string& value) {
    for (const std::string& id : split(value, ',')) {
        if (id.empty()) return bad(text, "device= names no device");
        request.ids.push_back(id);
    }
    return {};
}

Result<> read_field(GpuRequest& request, std::string_view text, const std::string& key,
                    const std::string& value) {
    if (key == "count") return read_count(request, text, value);
    if (key == "device") return read_ids(request, text, value);
    if (key == "capabilities") return read_capabilities(request, text, value);
    if (key == "driver") {
        if (value != "nvidia" && value != "amd" && value != "intel" && value != "cdi")
            return bad(text, "unknown driver \"" + value + "\" (nvidia, amd, intel, cdi)");
        if (value != "cdi") request.vendor = value;
        return {};
    }
    if (key == "options") return bad(text, "options= is not supported: no driver reads any");
    return bad(text, "unknown field \"" + key + "\" (count, device, driver, capabilities)");
}

bool is_absolute(std::string_view path) {
    return path.starts_with('/') &&
           ("/" + std::string(path) + "/").find("/../") == std::string::npos;
}

bool are_permissions(std::string_view text) {
    return !text.empty() && text.size() <= 3 &&
           text.find_first_not_of("rwm") == std::string_view::npos;
}

}  // namespace

Result<GpuRequest> parse_gpus(std::string_view text) {
    GpuRequest request;
    bool counted = false;
    Result<std::vector<std::string>> read = csv_fields(text);
    if (!read) return bad(text, read.error().message());
    const std::vector<std::string>& fields = *read;
    for (std::size_t i = 0; i < fields.size(); ++i) {
        const std::string& field = fields[i];
        std::size_t equals = field.find('=');
        if (field.empty()) return bad(text, "a field is empty");
        // As docker reads it: the number may stand alone.
        std::string key = equals == std::string::npos ? "count" : field.substr(0, equals);
        std::string value = equals == std::string::npos ? field : field.substr(equals + 1);
        // Without its quotes the shell's or docker's "device=0,1" comes as two fields.
        if (equals == std::string::npos && i > 0 && !request.ids.empty())
            return bad(text, "\"" + field + "\" is no field: several devices need quotes, " +
                                 "'\"device=0,1\"'");
        if (key == "count") {
            if (counted) return bad(text, "the number is given twice");
            counted = true;
        }
        TRY(read_field(request, text, key, value));
    }
    if (counted && !request.ids.empty()) return bad(text, "either a number or device=, not both");
    return request;
}

Result<PathDevice> parse_device(std::string_view text) {
    auto bad_device = [&](const std::string& why) {
        return fail(Error(Code::invalid_argument, "--device '" + std::string(text) + "': " + why)
                        .with_hint("--device /dev/fuse, --device /dev/x:/dev/y:rw, "
                                   "--device nvidia.com/gpu=0"));
    };
    std::vector<std::string> parts = split(text, ':');
    if (parts.size() > 3) return bad_device("wanted is HOST[:CONTAINER][:rwm]");
    PathDevice device{parts[0], parts[0]};
    if (parts.size() == 3) {
        device.container = parts[1];
        device.permissions = parts[2];
    } else if (parts.size() == 2) {
        (are_permissions(parts[1]) ? device.permissions : device.container) = parts[1];
    }
    if (!is_absolute(device.host)) return bad_device("the path on the host must be absolute");
    if (!is_absolute(device.container) || device.container == "/")
        return bad_device("the path in the container must be absolute");
    if (!are_permissions(device.permissions))
        return bad_device("\"" + device.permissions + "\" are no letters of rwm");
    return device;
}

}  // namespace crank::engine::gpu
