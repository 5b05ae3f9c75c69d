#include "pki/authority_dir.h"

#include "base/crash_point.h"
#include "base/text.h"
#include "base/undo.h"
#include "sys/file.h"
#include "sys/owned_file.h"

namespace crank::pki {
namespace {

constexpr mode_t kPublic = 0444;
constexpr mode_t kPrivate = 0400;
constexpr mode_t kOthers = 0077;
constexpr std::size_t kMaxPem = 64 << 10;

struct Place {
    std::string parent;
    std::string name;
    std::string hidden(std::string_view what) const {
        return parent + "/." + name + std::string(what);
    }
};

// Splits `directory` into its parent and its name, neither of them empty.
Result<Place> place_of(std::string directory) {
    while (directory.size() > 1 && directory.back() == '/') directory.pop_back();
    const std::size_t slash = directory.rfind('/');
    Place place = slash == std::string::npos
                      ? Place{".", directory}
                      : Place{directory.substr(0, slash), directory.substr(slash + 1)};
    if (place.name.empty() || place.name == "." || place.name == "..")
        return fail(Code::invalid_argument, "no directory for an authority: \"" + directory + "\"");
    return place;
}

Result<> refuse_what_exists(const std::string& directory) {
    for (const auto* file : {kAuthorityCertificate, kAuthorityKey})
        if (sys::exists(directory + "/" + file))
            return fail(
                Error(Code::already_exists, "an authority exists in " + directory + " and is kept")
                    .with_hint("crank certs issue NAME --dir DIR"));
    auto entries = sys::list_dir(directory);
    if (!entries && entries.error().code() == Code::not_found) return {};
    if (!TRY(std::move(entries)).empty())
        return fail(Error(Code::already_exists, "directory " + directory + " is not empty")
                        .with_hint("choose another with --dir"));
    return {};
}

Result<> fill(const std::string& directory, const Authority& authority) {
    TRY(sys::make_dir(directory, 0700));
    sys::UniqueFd dir = TRY(sys::open_dir(directory));
    const std::string certificate = TRY(authority.certificate_pem());
    const Secret key = TRY(authority.key_pem());
    TRY(sys::write_new_file_at(dir.get(), kAuthorityKey, key.reveal(), kPrivate, std::nullopt));
    TRY(sys::write_new_file_at(dir.get(), kAuthorityCertificate, certificate, kPublic,
                               std::nullopt));
    return sys::sync(dir.get(), directory);
}

}  // namespace

Result<> save_authority(const std::string& directory, const Authority& authority) {
    const Place place = TRY(place_of(directory));
    TRY(refuse_what_exists(directory));
    TRY(sys::make_dirs(place.parent, 0755));
    sys::UniqueFd lock = TRY(sys::lock_file(place.hidden(".lock"), sys::LockMode::exclusive));
    const std::string fresh = place.hidden(".new");
    TRY(sys::remove_tree(fresh));  // what a killed command left; the lock says it is nobody's
    if (auto filled = fill(fresh, authority); !filled) {
        Undo undo;
        undo.add([&] { return sys::remove_tree(fresh); });
        return fail(undo.run(std::move(filled).error()));
    }
    TRY(refuse_what_exists(directory));  // again: another command may have held the lock
    crash_point("pki.authority.before_switch");
    TRY(sys::rename(fresh, directory));  // the switch; replaces at most an empty directory
    crash_point("pki.authority.after_switch");
    sys::UniqueFd parent = TRY(sys::open_dir(place.parent));
    return sys::sync(parent.get(), place.parent);
}

Result<Authority> load_authority(const std::string& directory) {
    const std::string certificate_path = directory + "/" + kAuthorityCertificate;
    const std::string key_path = directory + "/" + kAuthorityKey;
    for (const auto& path : {certificate_path, key_path}) {
        auto info = sys::stat(path);
        if (!info && info.error().code() == Code::not_found)
            return fail(Error(Code::not_found, "no authority in " + directory)
                            .with_hint("crank certs init"));
        if (!info) return fail(std::move(info).error());
    }
    if ((TRY(sys::stat(key_path)).mode & kOthers) != 0)
        return fail(Error(Code::failed_precondition, "others can read the key " + key_path)
                        .with_hint("chmod 0400 " + shell_quote(key_path)));
    const std::string certificate = TRY(sys::read_file(certificate_path, kMaxPem));
    const Secret key(TRY(sys::read_file(key_path, kMaxPem)));
    return TRY_IN(Authority::from_pem(certificate, key), "authority in " + directory);
}

}  // namespace crank::pki
