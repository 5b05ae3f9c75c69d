#include "deploy/certificates.h"

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "deploy/json_fields.h"
#include "oci/digest.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/system.h"

namespace crank::deploy {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kRecord = ".json";
constexpr std::size_t kMaxFile = std::size_t{1} << 16;
constexpr std::int64_t kNanoseconds = 1'000'000'000, kDay = 86'400;

std::int64_t now() { return sys::wall_clock_ns() / kNanoseconds; }

// Names that a certificate can carry (pki/identity.h): others that the service has are left out.
bool is_host_name(const std::string& text) {
    auto good = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
    };
    return !text.empty() && std::ranges::all_of(text, good) && !text.starts_with('-') &&
           !text.starts_with('.');
}

// How others on its networks, and on this machine, call it.
std::vector<std::string> names_of(const compose::Service& service) {
    std::set<std::string> names = {service.name, service.container_name, service.hostname};
    for (const compose::ServiceNetwork& network : service.networks)
        names.insert(network.aliases.begin(), network.aliases.end());
    std::erase_if(names, [](const std::string& name) { return !is_host_name(name); });
    names.insert(service.worker.certificate->dns.begin(), service.worker.certificate->dns.end());
    return {names.begin(), names.end()};
}

std::vector<std::string> words_for(const compose::Service& service, const oci::Owner& owner) {
    const compose::Certificate& wanted = *service.worker.certificate;
    std::vector<std::string> words = {wanted.name, "--days=" + std::to_string(wanted.days)};
    // Without root the files are the caller's, and cannot be another's.
    if (sys::effective_uid() == 0) words.push_back("--uid=" + std::to_string(owner.uid));
    for (const std::string& name : names_of(service)) words.push_back("--dns=" + name);
    return words;
}

// Whom the directory trusts; empty where there is none.
std::string trusted_by(const std::string& directory) {
    Result<std::string> certificate = sys::read_file(directory + "/ca.pem", kMaxFile);
    return certificate ? oci::Digest::of(*certificate).hex() : "";
}

// "crank certs issue: WHAT" and "hint: ..." as crank-net prints them.
Error said(const std::string& printed) {
    std::string what = "no certificate was made", hint;
    for (const std::string& line : split(printed, '\n')) {
        constexpr std::string_view kHint = "hint: ";
        if (line.starts_with(kHint))
            hint = line.substr(kHint.size());
        else if (std::size_t colon = line.find(": "); colon != std::string::npos)
            what = line.substr(colon + 2);
    }
    return Error(Code::failed_precondition, what).with_hint(hint);
}

}  // namespace

std::string authority_directory(const std::string& configured) {
    if (!configured.empty()) return configured;
    const char* home = std::getenv("HOME");
    return home != nullptr && *home == '/' ? std::string(home) + "/.crank/ca" : "";
}

Result<Certificates::Made> Certificates::read(const std::string& service) const {
    std::string path = directory_of(service) + std::string(kRecord);
    Json json = Json::parse(TRY(sys::read_file(path, kMaxFile)), nullptr, false);
    if (!json.is_object()) return fail(Code::corrupt, path + " is no record of a certificate");
    Made made{.authority = text_at(json, "authority"),
              .trusted = text_at(json, "trusted"),
              .at = number_at(json, "at"),
              .days = number_at(json, "days"),
              .words = {}};
    for (const Json& word : part_at(json, "words"))
        if (word.is_string()) made.words.push_back(word.get<std::string>());
    return made;
}

// A clock that was set back makes none too old.
bool Certificates::is_good(const std::string& service, const Made& made) const {
    std::int64_t age = now() - made.at;
    return age < made.days * kDay * 2 / 3 && trusted_by(directory_of(service)) == made.trusted;
}

Result<> Certificates::make(const std::string& service, Made made) const {
    if (made.authority.empty())
        return fail(Error(Code::not_found, "there is no home directory with an authority in it")
                        .with_hint("crank config set certs.authority DIR"));
    if (trusted_by(made.authority).empty())
        return fail(Error(Code::not_found, "there is no authority in " + made.authority)
                        .with_hint("crank certs init --dir " + made.authority));
    TRY(sys::make_dirs(dir_, 0700));
    std::string directory = directory_of(service);
    sys::SpawnRequest request{
        .path = TRY(engine::crank_net_path()),
        .args = {"crank-net", "certs", "issue", "--ca=" + made.authority, "--dir=" + directory},
        .env = sys::environment(),
        .working_dir = "/"};
    request.args.insert(request.args.end(), made.words.begin(), made.words.end());
    made.at = now();
    sys::CommandOutput output = TRY(sys::run_command(request));
    if (output.status.shell_code() != 0) return fail(said(output.err));
    made.trusted = trusted_by(directory);
    Json json = {{"authority", made.authority},
                 {"trusted", made.trusted},
                 {"at", made.at},
                 {"days", made.days},
                 {"words", made.words}};
    return sys::write_file_atomic(directory + std::string(kRecord), json.dump() + "\n", 0600,
                                  sys::Sync::yes);
}

Result<std::string> Certificates::keep(const compose::Service& service,
                                       const oci::Owner& owner) const {
    std::string directory = directory_of(service.name);
    Made wanted{.authority = authority_,
                .trusted = {},
                .at = 0,
                .days = service.worker.certificate->days,
                .words = words_for(service, owner)};
    if (Result<Made> made = read(service.name); made && made->words == wanted.words) {
        // An authority that is kept elsewhere by now has nothing against what it made.
        std::string trusted = trusted_by(authority_);
        bool same = trusted.empty() || trusted == made->trusted;
        if (same && is_good(service.name, *made)) return directory;
    }
    TRY_IN(make(service.name, std::move(wanted)),
           "services." + service.name + ".x-crank.certificate");
    return directory;
}

Result<std::vector<std::string>> Certificates::renew() const {
    std::vector<std::string> renewed;
    if (!sys::exists(dir_)) return renewed;
    Result<> first;
    for (const std::string& name : TRY(sys::list_dir(dir_))) {
        if (!name.ends_with(kRecord)) continue;
        std::string service = name.substr(0, name.size() - kRecord.size());
        Result<Made> made = read(service);
        if (!made || is_good(service, *made)) continue;
        Result<> done = make(service, std::move(*made));
        if (done)
            renewed.push_back(service);
        else if (first)
            first = fail(std::move(done.error()).with_context("service " + service));
    }
    TRY(std::move(first));
    return renewed;
}

void Certificates::keep_only(const std::set<std::string>& services) const {
    Result<std::vector<std::string>> all = sys::list_dir(dir_);
    if (!all) return;
    for (const std::string& name : *all) {
        bool record = name.ends_with(kRecord);
        std::string service = record ? name.substr(0, name.size() - kRecord.size()) : name;
        if (!services.contains(service)) (void)sys::remove_tree(dir_ + "/" + name);
    }
}

}  // namespace crank::deploy
