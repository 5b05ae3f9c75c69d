// policy_generate DIRECTORY OUTPUT: turns policy/*.json into constants for embedded.cpp. Runs when
// crank is built, so that nothing is read, parsed or compiled when it runs.
#include <cstdio>
#include <fstream>
#include <sstream>

#include "policy/document.h"

namespace crank::policy {
namespace {

Result<std::string> read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream content;
    content << file.rdbuf();
    if (!file || !content) return fail(Code::io, "cannot read " + path);
    return content.str();
}

void emit_paths(std::ostream& out, const char* name, const std::vector<std::string>& paths) {
    out << "inline constexpr std::string_view " << name << "[] = {\n";
    for (const std::string& path : paths) out << "    \"" << path << "\",\n";
    out << "};\n";
}

// Reads `name` of `directory` and parses it; errors name the file.
template <class Document>
Result<Document> load(const std::string& directory, const char* name,
                      Result<Document> (*parse)(std::string_view)) {
    std::string file = directory + "/" + name;
    std::string text = TRY(read(file));
    return TRY_IN(parse(text), file);
}

Result<> generate(const std::string& directory, const std::string& output) {
    auto capabilities = TRY(load(directory, "capabilities.json", parse_capabilities));
    auto paths = TRY(load(directory, "paths.json", parse_paths));

    std::ofstream out(output, std::ios::binary | std::ios::trunc);
    out << "// Generated from policy/*.json by policy_generate; edit those.\n";
    out << "inline constexpr CapabilitySet kDefaultCapabilities = " << capabilities.defaults
        << "u;\n";
    emit_paths(out, "kMaskedPaths", paths.masked);
    emit_paths(out, "kMaskedCpuPaths", paths.masked_cpu);
    emit_paths(out, "kReadonlyPaths", paths.readonly);
    out.close();
    if (!out) return fail(Code::io, "cannot write " + output);
    return {};
}

}  // namespace
}  // namespace crank::policy

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: policy_generate DIRECTORY OUTPUT\n");
        return 2;
    }
    if (auto done = crank::policy::generate(argv[1], argv[2]); !done) {
        std::fprintf(stderr, "policy_generate: %s\n", done.error().text().c_str());
        std::remove(argv[2]);
        return 1;
    }
    return 0;
}
