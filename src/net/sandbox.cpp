#include "net/sandbox.h"

#include <cstdlib>
#include <string>
#include <vector>

#include "policy/policy.h"
#include "sys/confine.h"
#include "sys/landlock.h"

namespace crank::net {

namespace {

constexpr std::uint64_t kMemory = std::uint64_t{2} << 30;

// Single files of /etc: shadow, keys and the credentials of others lie there too.
std::vector<std::string> readable_paths() {
    std::vector<std::string> paths = {
        // authorities
        "/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/pki/tls/certs", "/etc/pki/ca-trust",
        "/etc/ca-certificates", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates",
        // resolver (resolv.conf is a link to one of the last three on many hosts)
        "/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf",
        "/etc/services", "/etc/protocols", "/etc/localtime", "/run/systemd/resolve",
        "/run/resolvconf", "/run/NetworkManager/resolv.conf",
        // the resolver's plug-ins and what they link
        "/etc/ld.so.cache", "/lib", "/lib64", "/usr/lib", "/usr/lib64",
        // the allocator and OpenSSL count processors and take random bytes
        "/sys/devices/system/cpu", "/proc/sys/vm/overcommit_memory", "/dev/urandom"};
    for (const char* name : {"SSL_CERT_FILE", "SSL_CERT_DIR"})
        if (const char* value = std::getenv(name); value != nullptr && *value != '\0')
            paths.emplace_back(value);
    return paths;
}

}  // namespace

Result<> enter_sandbox() {
    TRY(sys::confine_process());
    if (sys::is_sanitized()) return {};
    TRY(sys::limit_memory(kMemory));
    TRY(sys::drop_capabilities());
    // Before the filter, which refuses Landlock's own calls.
    TRY(sys::restrict_files(readable_paths()));
    auto program = policy::network_seccomp_program();
    return sys::install_filter(program.data(), static_cast<std::uint16_t>(program.size()));
}

}  // namespace crank::net
