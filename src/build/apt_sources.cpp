// Where the host's apt gets its packages from: one-line and deb822 style (sources.list(5)).
#include "build/apt_sources.h"

#include <algorithm>

#include "base/text.h"
#include "build/bootstrap.h"
#include "build/pip_config.h"
#include "sys/file.h"

namespace crank::build {

namespace {

constexpr std::size_t kMaxSources = 1 << 20;

bool is_uri(std::string_view text) {
    return text.starts_with("http://") || text.starts_with("https://") || text.starts_with("file:");
}

bool has(const std::vector<std::string>& list, std::string_view item) {
    return std::ranges::find(list, item) != list.end();
}

// "deb [arch=amd64] http://mirror/debian bookworm main"
void add_one_line(std::string_view line, std::vector<AptSource>& sources) {
    std::string text(line.substr(0, line.find('#')));
    if (std::size_t open = text.find('['); open != std::string::npos)
        if (std::size_t close = text.find(']', open); close != std::string::npos)
            text.erase(open, close - open + 1);
    std::vector<std::string> fields = words(text);
    if (fields.size() < 4 || fields[0] != "deb" || !is_uri(fields[1])) return;
    std::vector<std::string> components(fields.begin() + 3, fields.end());
    if (has(components, "main")) sources.push_back({fields[1], fields[2]});
}

struct Stanza {
    std::string types, uris, suites, components, enabled;
};

void add_stanza(const Stanza& stanza, std::vector<AptSource>& sources) {
    if (!has(words(stanza.types), "deb") || !has(words(stanza.components), "main")) return;
    if (to_lower(trim(stanza.enabled)) == "no") return;
    for (const std::string& uri : words(stanza.uris))
        for (const std::string& suite : words(stanza.suites))
            if (is_uri(uri)) sources.push_back({uri, suite});
}

void add_deb822(std::string_view text, std::vector<AptSource>& sources) {
    Stanza stanza;
    std::string* field = nullptr;
    auto field_of = [&](std::string_view name) -> std::string* {
        std::string lower = to_lower(trim(name));
        if (lower == "types") return &stanza.types;
        if (lower == "uris") return &stanza.uris;
        if (lower == "suites") return &stanza.suites;
        if (lower == "components") return &stanza.components;
        return lower == "enabled" ? &stanza.enabled : nullptr;
    };
    for (const std::string& line : split(text, '\n')) {
        if (line.starts_with('#')) continue;
        if (trim(line).empty()) {
            add_stanza(stanza, sources);
            stanza = {};
            field = nullptr;
        } else if (line[0] == ' ' || line[0] == '\t') {
            if (field != nullptr) *field += " " + line;
        } else if (std::size_t colon = line.find(':'); colon != std::string::npos) {
            field = field_of(std::string_view(line).substr(0, colon));
            if (field != nullptr) *field = line.substr(colon + 1);
        }
    }
    add_stanza(stanza, sources);
}

bool is_deb822(std::string_view text) {
    for (const std::string& line : split(text, '\n')) {
        std::string_view content = trim(line);
        if (content.empty() || content[0] == '#') continue;
        return to_lower(content).starts_with("types:") || !content.starts_with("deb");
    }
    return false;
}

}  // namespace

std::vector<AptSource> parse_apt_sources(std::string_view text) {
    std::vector<AptSource> sources;
    if (is_deb822(text))
        add_deb822(text, sources);
    else
        for (const std::string& line : split(text, '\n')) add_one_line(line, sources);
    return sources;
}

std::vector<AptSource> host_apt_sources() {
    std::vector<std::string> files{"/etc/apt/sources.list"};
    constexpr const char* kDirectory = "/etc/apt/sources.list.d";
    if (auto names = sys::list_dir(kDirectory))
        for (const std::string& name : *names)
            if (name.ends_with(".list") || name.ends_with(".sources"))
                files.push_back(std::string(kDirectory) + "/" + name);
    std::vector<AptSource> all;
    for (const std::string& file : files)
        if (auto text = sys::read_file(file, kMaxSources))
            std::ranges::move(parse_apt_sources(*text), std::back_inserter(all));
    return all;
}

std::vector<AptSource> sources_for(std::span<const AptSource> all, std::string_view suite) {
    std::vector<AptSource> chosen;
    // The suite itself first, and once: what a second mirror has is the same.
    for (std::string_view suffix : {"", "-updates", "-security"}) {
        std::string name = std::string(suite) + std::string(suffix);
        auto found = std::ranges::find(all, name, &AptSource::suite);
        if (found != all.end()) chosen.push_back(*found);
        if (suffix.empty() && chosen.empty()) return {};
    }
    return chosen;
}

std::optional<std::string> mirror_in(std::string_view text, std::string_view suite) {
    std::vector<AptSource> sources = parse_apt_sources(text);
    auto found = std::ranges::find(sources, suite, &AptSource::suite);
    if (found == sources.end()) return std::nullopt;
    return found->uri;
}

Result<std::string> host_mirror(std::string_view suite) {
    std::vector<AptSource> sources = sources_for(host_apt_sources(), suite);
    if (sources.empty())
        return fail(Error(Code::not_found, "no mirror with " + std::string(suite) +
                                               " main is configured in /etc/apt")
                        .with_hint("crank image bootstrap --mirror URL"));
    return sources.front().uri;
}

}  // namespace crank::build
