// image diff, image tree, image analyze.
#include <map>
#include <nlohmann/json.hpp>

#include "base/units.h"
#include "cli/format.h"
#include "cli/output.h"
#include "cli/shown.h"
#include "cli/verbs.h"
#include "oci/reference.h"
#include "store/contents.h"

namespace crank::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr Flag kDiffFlags[] = {
    {"format", 0, FlagKind::value, "FORMAT", "table, json, or a template: {{.Change}} {{.Path}}"},
};
constexpr Column kDiffColumns[] = {
    {"Change", ""}, {"Path", "PATH"}, {"Before", "BEFORE"}, {"After", "AFTER"}};
constexpr std::string_view kDiffExamples[] = {"crank image diff app:1.0 app:1.1"};
constexpr std::string_view kTreeExamples[] = {"crank image tree",
                                              "crank image tree crank-email-classifier"};
constexpr std::string_view kAnalyzeExamples[] = {"crank image analyze crank-email-classifier"};

Result<store::Store> open_store(const Invocation& invocation) {
    Result<store::Store> store =
        store::Store::open(invocation.paths.root, store::OpenMode::read_only);
    if (store || store.error().code() != Code::not_found) return store;
    return fail(Error(Code::not_found, "there are no images yet")
                    .with_hint("crank build, crank pull or crank load make one"));
}

std::string name_of(const store::Image& image) {
    if (image.tags.empty()) return image.id.short_hex();
    Result<oci::Reference> reference = oci::Reference::parse(image.tags.front());
    return reference ? reference->familiar() : image.tags.front();
}

// Docker's letters.
const char* letter(store::Change change) {
    switch (change) {
        case store::Change::added: return "A";
        case store::Change::removed: return "D";
        case store::Change::changed: return "C";
    }
    return "";
}

Result<int> perform_diff(Invocation& invocation) {
    store::Store store = TRY(open_store(invocation));
    const std::vector<std::string>& names = invocation.arguments.words();
    store::Image from = TRY(store.find(names[0])), to = TRY(store.find(names[1]));
    std::vector<Json> rows;
    for (const store::PathChange& change : TRY(store::compare(store, from, to)))
        rows.push_back({{"Change", letter(change.change)},
                        {"Path", "/" + change.path},
                        {"Before", format_size(change.before)},
                        {"After", format_size(change.after)}});
    print(TRY(format_list(invocation.arguments.value("format"), kDiffColumns, rows)));
    return 0;
}

void print_history(const std::vector<store::TagChange>& history, const std::string& tag) {
    for (std::size_t i = 1; i < history.size(); ++i) {
        auto until = history[i].to ? *history[i].to : history[i].from;
        std::int64_t ns =
            std::chrono::duration_cast<std::chrono::nanoseconds>(until.time_since_epoch()).count();
        print_line("  before: " + tag + " was " + history[i].image.short_hex() + " until " +
                   time_text(ns) + (history[i].present ? "" : " (gone)"));
    }
}

Result<int> perform_tree(Invocation& invocation) {
    store::Store store = TRY(open_store(invocation));
    std::vector<store::Image> images = TRY(store.list());
    std::map<oci::Digest, std::vector<std::string>> users;
    for (const store::Image& image : images)
        for (const oci::Digest& layer : image.config.diff_ids)
            users[layer].push_back(name_of(image));
    if (!invocation.arguments.words().empty())
        images = {TRY(store.find(invocation.arguments.words()[0]))};
    for (const store::Image& image : images) {
        print_line(name_of(image) + "  " + image.id.short_hex() + "  " + format_size(image.size));
        for (const oci::Digest& digest : image.config.diff_ids) {
            auto layer = TRY(store.find_layer(digest));
            std::string line = "  " + digest.short_hex() + "  " +
                               (layer ? format_size(layer->size) : std::string("damaged"));
            std::string separator = "  also in ";
            for (const std::string& user : users[digest]) {
                if (user == name_of(image)) continue;
                line += separator + user;
                separator = ", ";
            }
            print_line(line);
        }
        for (const std::string& tag : image.tags) {
            oci::Reference reference = TRY(oci::Reference::parse(tag));
            print_history(TRY(store.history(reference)), reference.familiar());
        }
    }
    return 0;
}

void print_paths(const std::string& title, const std::vector<store::SizedPath>& paths) {
    constexpr std::size_t kMost = 10;
    if (paths.empty()) return;
    print_line(title);
    for (std::size_t i = 0; i < paths.size() && i < kMost; ++i)
        print_line("  " + format_size(paths[i].size) + "  /" + paths[i].path + "  (layer " +
                   std::to_string(paths[i].layer) + ")");
    if (paths.size() > kMost) print_line("  and " + std::to_string(paths.size() - kMost) + " more");
}

Result<int> perform_analyze(Invocation& invocation) {
    store::Store store = TRY(open_store(invocation));
    store::Image image = TRY(store.find(invocation.arguments.words()[0]));
    store::Analysis found = TRY(store::analyze(store, image));
    print_line(name_of(image) + ": " + format_size(found.visible) +
               " in files that a container "
               "sees, " +
               std::to_string(image.config.diff_ids.size()) + " layers");
    print_paths("Biggest files:", found.biggest);
    print_paths("Replaced or deleted by a later layer, " + format_size(found.hidden_size) + ":",
                found.hidden);
    if (!found.twice.empty())
        print_line("The same content more than once, " + format_size(found.twice_size) + ":");
    for (std::size_t i = 0; i < found.twice.size() && i < 10; ++i) {
        std::string line = "  " + format_size(found.twice[i].front().size);
        for (const store::SizedPath& path : found.twice[i]) line += "  /" + path.path;
        print_line(line);
    }
    if (!found.caches.empty()) print_line("Caches:");
    for (const auto& [kind, size] : found.caches)
        print_line("  " + format_size(size) + "  " + kind);
    return 0;
}

}  // namespace

constinit const Verb kImageDiff = {
    .name = "image diff",
    .summary = "show how the files of two images differ",
    .group = Group::images,
    .syntax = {.flags = kDiffFlags,
               .min_words = 2,
               .max_words = 2,
               .arguments = "IMAGE OTHER-IMAGE"},
    .examples = kDiffExamples,
    .rights = Rights::ids,
    .perform = perform_diff,
};
constinit const Verb kImageTree = {
    .name = "image tree",
    .summary = "show layers, who shares them, and what tags named before",
    .group = Group::images,
    .syntax = {.max_words = 1, .arguments = "[IMAGE]"},
    .examples = kTreeExamples,
    .rights = Rights::ids,
    .perform = perform_tree,
};
constinit const Verb kImageAnalyze = {
    .name = "image analyze",
    .summary = "show what is big in an image, there in vain or twice",
    .group = Group::images,
    .syntax = {.min_words = 1, .max_words = 1, .arguments = "IMAGE"},
    .examples = kAnalyzeExamples,
    .rights = Rights::ids,
    .perform = perform_analyze,
};

}  // namespace crank::cli
