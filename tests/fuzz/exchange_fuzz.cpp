// What other engines hand over: tar-split's records, a daemon's answers, storage.conf, and names of
// sources as people write them. The first byte picks the reader.
#include <memory>
#include <string>
#include <string_view>

#include "exchange/files.h"
#include "exchange/http.h"
#include "exchange/source.h"
#include "exchange/storage_conf.h"
#include "fuzz_support.h"
#include "store/tar_split.h"

using namespace crank;
using namespace crank::exchange;
using crank::fuzz::require;
using crank::store::TextSource;

namespace {

// All of it; nothing where it is not sound. It must not be more than came in.
std::optional<std::string> drain(store::ByteSource& source, std::size_t most) {
    std::string out;
    std::uint8_t buffer[333];
    while (true) {
        auto n = source.read(buffer);
        if (!n) return std::nullopt;
        if (*n == 0) return out;
        out.append(reinterpret_cast<const char*>(buffer), *n);
        require(out.size() <= most);
    }
}

void tar_split(std::string_view text) {
    auto open = [](const std::string& path) -> Result<store::TarSplitFile> {
        if (path != "f") return fail(Code::corrupt, "no file");
        return store::TarSplitFile{std::make_unique<TextSource>("content"), 7};
    };
    auto joined =
        store::join_tar_split(std::make_unique<TextSource>(std::string(text)), open, "it");
    // A record that is a file's is longer than the file.
    (void)drain(*joined, text.size());
}

void http(std::string_view text) {
    auto answer = HttpAnswer::begin(std::make_unique<TextSource>(std::string(text)), "it");
    if (!answer) return;
    require((*answer)->status() >= 100 && (*answer)->status() <= 599);
    auto body = drain(**answer, text.size());
    // Its bytes stand in the text, in their order.
    if (!body) return;
    std::size_t at = 0;
    for (char c : *body) {
        at = text.find(c, at);
        require(at != std::string_view::npos);
        ++at;
    }
}

void storage_conf(std::string_view text) {
    auto conf = parse_storage_conf(text, {{"HOME", "/root"}});
    if (!conf) return;
    for (const std::string* path : {&conf->driver, &conf->root, &conf->rootless_root})
        require(path->find('\0') == std::string::npos);
}

void source(std::string_view text) {
    auto source = parse_source(text);
    if (!source || !*source) return;
    // What a person wrote is what is opened: no part of it gets lost.
    require((*source)->path.size() + (*source)->name.size() + (*source)->driver.size() <=
            text.size());
    require(text.find((*source)->path) != std::string_view::npos);
    require(text.find((*source)->name) != std::string_view::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    switch (input.byte() % 4) {
        case 0: tar_split(input.rest()); break;
        case 1: http(input.rest()); break;
        case 2: storage_conf(input.rest()); break;
        default: source(input.rest());
    }
    return 0;
}
