#include "build/rootfs.h"

#include <array>

#include "base/text.h"
#include "build/copy.h"
#include "sys/file.h"
#include "sys/stream.h"
#include "sys/walk.h"

namespace crank::build {

namespace {

// The machine's own, times, and caches that hold either.
constexpr std::array kRemovedFiles{"etc/resolv.conf",
                                   "etc/hostname",
                                   "etc/machine-id",
                                   "var/lib/dbus/machine-id",
                                   "var/cache/ldconfig/aux-cache",
                                   "var/cache/apt/pkgcache.bin",
                                   "var/cache/apt/srcpkgcache.bin",
                                   "var/cache/debconf/config.dat-old",
                                   "var/cache/debconf/templates.dat-old",
                                   "var/lib/dpkg/status-old",
                                   "var/lib/dpkg/available-old",
                                   "var/lib/dpkg/lock",
                                   "var/lib/dpkg/lock-frontend",
                                   "var/lib/dpkg/triggers/Lock",
                                   "var/cache/apt/archives/lock",
                                   "var/lib/apt/lists/lock",
                                   "var/lib/apt/daily_lock",
                                   "etc/.pwd.lock",
                                   "etc/apt/sources.list"};
// What lies in them; the directories themselves stay. /dev comes from the runtime, and an image
// with device nodes cannot be unpacked without rights.
constexpr std::array kEmptiedDirectories{"dev", "run", "tmp", "var/tmp", "var/lib/apt/lists"};
constexpr std::size_t kMaxStatus = std::size_t{64} << 20;

// Logs hold times and nothing else of use; the directories are needed (apt refuses to work
// without /var/log/apt).
Result<> remove_logs(const std::string& directory) {
    for (const std::string& name : TRY(sys::list_dir(directory))) {
        std::string path = directory + "/" + name;
        if (TRY(sys::lstat(path)).is_dir())
            TRY(remove_logs(path));
        else
            TRY(sys::remove_file(path));
    }
    return {};
}

std::string sources_text(std::string_view suite) {
    std::string name(suite);
    std::string keyring = "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n";
    return "Types: deb\nURIs: http://deb.debian.org/debian\nSuites: " + name + " " + name +
           "-updates\nComponents: main\n" + keyring +
           "\nTypes: deb\nURIs: http://deb.debian.org/debian-security\nSuites: " + name +
           "-security\nComponents: main\n" + keyring;
}

// So that `apt-get install` in a RUN leaves no archives and fetches no translations, as in the
// official images. mmdebstrap itself could not work with it.
constexpr std::string_view kAptOptions =
    "APT::Keep-Downloaded-Packages \"false\";\n"
    "Acquire::Languages \"none\";\n";

// `#!/usr/local/bin/python` is what scripts for the official image say.
Result<> link_python(const std::string& root) {
    std::string target = TRY_IN(sys::read_link(root + "/usr/bin/python3"), "python3 of the image");
    target = "/usr/bin/" + target.substr(target.rfind('/') + 1);
    for (const std::string& name :
         {std::string("python"), std::string("python3"), target.substr(target.rfind('/') + 1)})
        TRY(sys::make_symlink(target, root + "/usr/local/bin/" + name));
    return {};
}

// "3.11.2-6+deb12u8" -> "3.11.2"
std::string upstream(std::string_view version) {
    if (std::size_t colon = version.find(':'); colon != std::string_view::npos)
        version.remove_prefix(colon + 1);
    return std::string(version.substr(0, version.find_first_of("-+~")));
}

}  // namespace

RootfsFacts read_dpkg_status(std::string_view status) {
    RootfsFacts facts;
    std::string package;
    for (const std::string& line : split(status, '\n')) {
        if (line.starts_with("Package: ")) {
            package = line.substr(9);
            ++facts.packages;
        } else if (line.starts_with("Version: ") && package == "python3-minimal") {
            facts.python_version = upstream(std::string_view(line).substr(9));
        }
    }
    return facts;
}

Result<RootfsFacts> clean_rootfs(const std::string& root, std::string_view suite) {
    RootfsFacts facts =
        read_dpkg_status(TRY(sys::read_file(root + "/var/lib/dpkg/status", kMaxStatus)));
    if (facts.python_version.empty())
        return fail(Code::failed_precondition, "the image holds no package python3");
    for (const char* name : kRemovedFiles) {
        auto removed = sys::remove_file(root + "/" + name);
        if (!removed && removed.error().code() != Code::not_found)
            return fail(std::move(removed).error());
    }
    for (const char* directory : kEmptiedDirectories) {
        std::string path = root + "/" + directory;
        if (!sys::exists(path)) continue;
        for (const std::string& name : TRY(sys::list_dir(path)))
            TRY(sys::remove_tree(path + "/" + name));
    }
    TRY(remove_logs(root + "/var/log"));
    TRY(sys::write_file_atomic(root + "/etc/apt/sources.list.d/debian.sources", sources_text(suite),
                               0644, sys::Sync::no));
    TRY(sys::write_file_atomic(root + "/etc/apt/apt.conf.d/90crank", kAptOptions, 0644,
                               sys::Sync::no));
    TRY(link_python(root));
    return facts;
}

}  // namespace crank::build
