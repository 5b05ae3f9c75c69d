#include "net/trust.h"

#include <cstdlib>
#include <vector>

#include "sys/file.h"

namespace crank::net {

namespace {

constexpr std::size_t kMaxFile = std::size_t{4} << 20;

Result<> read_directory(const std::string& directory, TlsTrust& trust) {
    auto names = sys::list_dir(directory);
    if (!names) return {};
    for (const std::string& name : *names) {
        std::string path = directory + "/" + name;
        if (name.ends_with(".crt")) {
            trust.authorities += TRY(sys::read_file(path, kMaxFile)) + "\n";
        } else if (name.ends_with(".cert")) {
            std::string key = path.substr(0, path.size() - 5) + ".key";
            if (!sys::exists(key))
                return fail(Code::failed_precondition, path + " has no key beside it");
            trust.certificate = TRY(sys::read_file(path, kMaxFile));
            trust.key = TRY(sys::read_file(key, kMaxFile));
        }
    }
    return {};
}

std::string system_authorities() {
    const char* file = std::getenv("SSL_CERT_FILE");
    auto text = sys::read_file(
        file != nullptr && *file != '\0' ? file : "/etc/ssl/certs/ca-certificates.crt");
    return text ? *text : "";
}

}  // namespace

Result<TlsTrust> trust_for(const std::string& domain, const std::string& home) {
    TlsTrust trust;
    std::vector<std::string> places = {"/etc/containers/certs.d/", "/etc/docker/certs.d/"};
    if (!home.empty())
        for (const char* place : {"/.config/containers/certs.d/", "/.config/docker/certs.d/"})
            places.push_back(home + place);
    for (const std::string& place : places) TRY(read_directory(place + domain, trust));
    if (!trust.authorities.empty() || std::getenv("SSL_CERT_FILE") != nullptr)
        trust.authorities += system_authorities();
    return trust;
}

}  // namespace crank::net
