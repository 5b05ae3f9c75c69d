// ADD and COPY.
#include <algorithm>

#include "dockerfile/flags.h"
#include "dockerfile/parsers.h"
#include "dockerfile/source.h"

namespace crank::dockerfile {

namespace {

// The word `<<name` stands for the first here-document of that name.
Result<InlineFile> inline_file(const Node& node, const Heredoc& word) {
    auto doc = std::ranges::find(node.heredocs, word.name, &Heredoc::name);
    if (doc == node.heredocs.end())
        return fail(Code::invalid_argument, "no here-document for <<" + word.name);
    if (word.name.find('/') != std::string::npos || word.name == "." || word.name == "..") {
        return fail(Code::invalid_argument,
                    "the here-document's name " + quote_line(word.name) + " cannot name a file");
    }
    return InlineFile{doc->name, doc->text(), doc->expand};
}

Result<> take_sources(const Node& node, Transfer& transfer) {
    if (node.args.size() < 2) {
        std::string what = node.args.empty() ? " needs a source and a destination"
                                             : " has one argument and needs a source and a "
                                               "destination";
        return fail(Error(Code::invalid_argument, node.keyword + what)
                        .with_hint("write " + node.keyword + " SOURCE... DESTINATION"));
    }
    transfer.dest = node.args.back();
    if (TRY(heredoc_of_word(transfer.dest)))
        return fail(Code::invalid_argument, "a here-document cannot be the destination");
    for (std::size_t i = 0; i + 1 < node.args.size(); ++i) {
        const std::string& word = node.args[i];
        auto doc = node.heredocs.empty() ? std::nullopt : TRY(heredoc_of_word(word));
        if (doc)
            transfer.files.push_back(TRY(inline_file(node, *doc)));
        else if (word.empty())
            return fail(Code::invalid_argument, "a source is empty");
        else
            transfer.sources.push_back(word);
    }
    return {};
}

}  // namespace

Result<Body> parse_add(const Node& node) {
    Add add;
    TRY(take_flags(node.keyword, node.flags,
                   {{.name = "chown", .text = &add.chown},
                    {.name = "chmod", .text = &add.chmod},
                    {.name = "link", .toggle = &add.link},
                    {.name = "keep-git-dir", .maybe = &add.keep_git_dir},
                    {.name = "checksum", .text = &add.checksum},
                    {.name = "unpack", .maybe = &add.unpack},
                    {.name = "exclude", .list = &add.excludes}}));
    TRY(take_sources(node, add));
    return add;
}

Result<Body> parse_copy(const Node& node) {
    Copy copy;
    TRY(take_flags(node.keyword, node.flags,
                   {{.name = "chown", .text = &copy.chown},
                    {.name = "chmod", .text = &copy.chmod},
                    {.name = "from", .text = &copy.from},
                    {.name = "link", .toggle = &copy.link},
                    {.name = "parents", .toggle = &copy.parents},
                    {.name = "exclude", .list = &copy.excludes}}));
    if (copy.from.find('$') != std::string::npos) {
        return fail(Error(Code::invalid_argument, "--from may not hold variables")
                        .with_hint("name a stage with FROM ... AS NAME, where variables may stand, "
                                   "and use its name"));
    }
    TRY(take_sources(node, copy));
    return copy;
}

}  // namespace crank::dockerfile
