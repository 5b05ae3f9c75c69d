// Compose files, .env files and what is made of them. The input is files separated by form feeds:
// .env, compose.yaml, a second file over it, and others that these can include and extend.
#include <map>
#include <string>

#include "compose/load.h"
#include "compose/write.h"
#include "fuzz_support.h"

using namespace crank;
using namespace crank::compose;
using crank::fuzz::require;

namespace {

class Memory : public Files {
public:
    std::map<std::string, std::string> texts;

    Result<std::string> read(const std::string& path) override {
        auto known = texts.find(path);
        if (known == texts.end()) return fail(Code::not_found, path + " does not exist");
        return known->second;
    }
    bool exists(const std::string& path) override { return texts.contains(path); }
};

Result<Project> read(Memory& files, Variables variables) {
    LoadOptions options{.files = {"/p/compose.yaml"},
                        .directory = "/p",
                        .profiles = {"debug"},
                        .environment = {{"SET", "value"}, {"EMPTY", ""}},
                        .home = "/home",
                        .variables = variables};
    if (files.exists("/p/over.yaml")) options.files.push_back("/p/over.yaml");
    Diagnostics diagnostics;
    auto project = load(options, files, diagnostics);
    if (!project) require(!project.error().text().empty());
    require(diagnostics.warnings().size() <= 200);
    return project;
}

// What is printed is a compose file of the same meaning.
void check_printed(const Project& project) {
    std::string printed = to_json(printable(project, Format::yaml), Dollars::doubled);
    if (printed.size() > kMaxFiles * 1024) return;
    Memory files;
    files.texts["/p/compose.yaml"] = printed;
    auto again = read(files, Variables::replaced);
    if (again) require(again->name == project.name);
    files.texts["/p/compose.yaml"] = to_yaml(printable(project, Format::yaml), Dollars::doubled);
    auto yaml = read(files, Variables::replaced);
    require(again.has_value() == yaml.has_value());
    if (!again) return;
    require(to_json(printable(*again, Format::yaml), Dollars::kept) ==
            to_json(printable(*yaml, Format::yaml), Dollars::kept));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    Memory files;
    for (const char* name :
         {"/p/.env", "/p/compose.yaml", "/p/over.yaml", "/p/a.yaml", "/p/b.yaml"})
        if (!input.empty()) files.texts[name] = std::string(input.until('\f'));
    auto project = read(files, Variables::replaced);
    if (project) check_printed(*project);
    (void)read(files, Variables::kept);
    return 0;
}
