#include "engine/volume_options.h"

#include "base/text.h"
#include "engine/options.h"

namespace crank::engine::volumes {
namespace {

struct Asked {
    std::string type, device;
    std::vector<std::string> words;  // of o=
};

Error bad(const std::string& what, const std::string& why) {
    return Error(Code::invalid_argument, "--opt " + what + ": " + why);
}

Result<Asked> read(const std::vector<std::string>& options) {
    Asked asked;
    for (const std::string& text : options) {
        std::size_t equals = text.find('=');
        std::string key = text.substr(0, equals);
        std::string value = equals == std::string::npos ? "" : text.substr(equals + 1);
        if (value.empty()) return fail(bad(text, "KEY=VALUE is wanted"));
        if (key == "type")
            asked.type = value;
        else if (key == "device")
            asked.device = value;
        else if (key == "o")
            asked.words = split(value, ',');
        else
            return fail(bad(text, "crank has no such option").with_hint("type, device, o"));
    }
    return asked;
}

Result<> check_words(const std::vector<std::string>& words, bool& bind) {
    for (const std::string& word : words) {
        if (word == "bind" || word == "rbind")
            bind = true;
        else if (word != "rw")
            return fail(Error(Code::unsupported, "--opt o=" + word + ": bind, rbind and rw alone")
                            .with_hint(word == "ro" ? "-v NAME:PATH:ro" : "leave it out"));
    }
    return {};
}

}  // namespace

Result<std::string> device_in(const std::vector<std::string>& options) {
    Asked asked = TRY(read(options));
    if (options.empty()) return "";
    if (asked.type == "tmpfs")
        return fail(Error(Code::unsupported,
                          "--opt type=tmpfs: nobody holds memory that outlives its container")
                        .with_hint("crank run --tmpfs PATH:size=SIZE"));
    bool bind = asked.type == "bind";
    if (!bind && asked.type != "none" && !asked.type.empty())
        return fail(
            Error(Code::unsupported,
                  "--opt type=" + asked.type + ": crank mounts directories of this machine alone")
                .with_hint("mount it, and --opt type=none --opt o=bind --opt device=DIRECTORY"));
    TRY(check_words(asked.words, bind));
    if (!bind) return fail(bad("type=none", "o=bind is missing"));
    if (asked.device.empty()) return fail(bad("o=bind", "device=DIRECTORY is missing"));
    if (!asked.device.starts_with('/'))
        return fail(bad("device=" + asked.device, "an absolute path is wanted"));
    return clean_path(asked.device);
}

}  // namespace crank::engine::volumes
