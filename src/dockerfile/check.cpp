#include "dockerfile/check.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/text.h"

namespace crank::dockerfile {
namespace {

bool is_lower(std::string_view text) {
    return std::ranges::none_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
}
bool is_upper(std::string_view text) {
    return std::ranges::none_of(text, [](char c) { return c >= 'a' && c <= 'z'; });
}

// As BuildKit has it: a word of the name, and no word that says it is no secret.
bool names_a_secret(std::string_view name) {
    constexpr std::string_view kSecret[] = {"apikey", "auth",  "credential", "credentials",
                                            "key",    "token", "password",   "pword",
                                            "passwd", "secret"};
    std::vector<std::string> words = split(to_lower(name), '_');
    if (std::ranges::find(words, "public") != words.end()) return false;
    return std::ranges::any_of(words, [&](const std::string& word) {
        return std::ranges::find(kSecret, word) != std::end(kSecret);
    });
}

// What a stage has come to, as far as a rule looks back.
struct StageSeen {
    bool shell = false, absolute_workdir = false;
    std::array<const Node*, 3> last{};  // CMD, ENTRYPOINT, HEALTHCHECK
};
constexpr std::array<std::string_view, 3> kOnce = {"CMD", "ENTRYPOINT", "HEALTHCHECK"};

class Checker {
public:
    explicit Checker(const Ast& ast) : ast_(ast) {}

    std::vector<Warning> run() {
        count_cases();
        for (const Node& node : ast_.nodes) {
            check_case(node);
            if (node.keyword == "FROM") check_from(node);
            if (node.keyword == "WORKDIR") check_workdir(node);
            if (node.keyword == "SHELL") stage_.shell = true;
            if (node.keyword == "EXPOSE") check_expose(node);
            if (node.keyword == "ENV" || node.keyword == "ARG") check_secrets(node);
            if (node.legacy_pair)
                say(node, rule::kLegacyKeyValueFormat,
                    node.keyword + " with a blank instead of '=': write " + node.keyword +
                        " NAME=VALUE");
            check_once(node);
        }
        return std::move(found_);
    }

private:
    void say(const Node& node, std::string_view rule, std::string text) {
        // Some speak of an earlier line.
        auto at = std::ranges::upper_bound(found_, node.span.line, {},
                                           [](const Warning& one) { return one.span.line; });
        found_.insert(at, {ast_.file, node.span, std::move(text), rule});
    }

    void count_cases() {
        std::size_t upper = 0;
        for (const Node& node : ast_.nodes) upper += is_upper(node.written_keyword) ? 1 : 0;
        mostly_upper_ = 2 * upper >= ast_.nodes.size();
    }

    void check_case(const Node& node) {
        const std::string& word = node.written_keyword;
        if (mostly_upper_ ? is_upper(word) : is_lower(word)) return;
        say(node, rule::kConsistentInstructionCasing,
            word + " is written " + (mostly_upper_ ? "in small letters" : "in capitals") +
                ", most of the file's instructions are not");
    }

    void check_from(const Node& node) {
        stage_ = {};
        for (const std::string& flag : node.flags) check_platform(node, flag);
        name_.clear();
        if (node.args.empty()) return;
        stage_.absolute_workdir = with_workdir_.contains(to_lower(node.args[0]));
        if (node.args.size() != 3) return;
        const std::string &as = node.args[1], &name = node.args[2];
        name_ = to_lower(name);
        if (is_upper(node.written_keyword) != is_upper(as))
            say(node, rule::kFromAsCasing,
                node.written_keyword + " and " + as + " are not written in the same letters");
        if (!is_lower(name))
            say(node, rule::kStageNameCasing,
                "the name of the stage is " + to_lower(name) + ", however " + quote_line(name) +
                    " is written");
        if (name_ == "scratch" || name_ == "context")
            say(node, rule::kReservedStageName,
                name_ + " has a meaning of its own, which a stage of that name hides");
    }

    void check_platform(const Node& node, std::string_view flag) {
        constexpr std::string_view kFlag = "--platform=";
        if (!flag.starts_with(kFlag)) return;
        std::string_view value = flag.substr(kFlag.size());
        if (value == "$TARGETPLATFORM" || value == "${TARGETPLATFORM}")
            say(node, rule::kRedundantTargetPlatform,
                "the target's platform is what FROM takes anyway: leave --platform out");
        else if (!value.contains('$'))
            say(node, rule::kFromPlatform,
                "--platform=" + std::string(value) +
                    " builds for this platform alone; "
                    "crank build --platform says it where it is wanted");
    }

    void check_workdir(const Node& node) {
        if (node.args.empty()) return;
        const std::string& path = node.args[0];
        bool absolute = path.starts_with('/') || path.starts_with('$');
        if (absolute) stage_.absolute_workdir = true;
        if (absolute && !name_.empty()) with_workdir_.insert(name_);
        if (!absolute && !stage_.absolute_workdir)
            say(node, rule::kWorkdirRelativePath,
                "where " + quote_line(path) + " lies depends on the base image: begin it with /");
    }

    void check_expose(const Node& node) {
        for (const std::string& port : node.args) {
            std::size_t slash = port.find('/');
            if (slash != std::string::npos && !is_lower(std::string_view(port).substr(slash)))
                say(node, rule::kExposeProtoCasing,
                    "the protocol of " + port + " is written in small letters");
        }
    }

    void check_secrets(const Node& node) {
        std::size_t step = node.legacy_pair ? 2 : 1;
        for (std::size_t i = 0; i < node.args.size(); i += step) {
            std::string name = node.args[i].substr(0, node.args[i].find('='));
            if (names_a_secret(name))
                say(node, rule::kSecrets,
                    node.keyword + " " + quote_line(name) +
                        " would be in the image for everybody who has it: RUN "
                        "--mount=type=secret,id=NAME");
        }
    }

    // CMD, ENTRYPOINT: the last one counts, and a shell in between takes the signals.
    void check_once(const Node& node) {
        const auto* found = std::ranges::find(kOnce, node.keyword);
        if (found == kOnce.end()) return;
        const Node*& last = stage_.last[static_cast<std::size_t>(found - kOnce.begin())];
        if (last != nullptr)
            say(*last, rule::kMultipleInstructions,
                node.keyword + " on line " + std::to_string(node.span.line) +
                    " takes this one's place");
        last = &node;
        if (node.keyword != "HEALTHCHECK" && !node.json && !stage_.shell)
            say(node, rule::kJsonArgs,
                node.keyword + " runs below a shell, which keeps signals from it: write it as " +
                    node.keyword + " [\"PROGRAM\", \"ARG\"]");
    }

    const Ast& ast_;
    bool mostly_upper_ = true;
    StageSeen stage_;
    std::string name_;                    // of the stage
    std::set<std::string> with_workdir_;  // stages that have an absolute one
    std::vector<Warning> found_;
};

}  // namespace

std::vector<Warning> check_syntax(const Ast& ast) { return Checker(ast).run(); }

bool CheckSettings::skips(std::string_view rule) const {
    return skip_all || std::ranges::find(skip, rule) != skip.end();
}

Result<CheckSettings> parse_check(std::string_view directive) {
    CheckSettings settings;
    for (const std::string& part : split(directive, ';')) {
        std::size_t equals = part.find('=');
        std::string key(trim(part.substr(0, equals)));
        std::string value(equals == std::string::npos ? "" : trim(part.substr(equals + 1)));
        if (key == "skip" && value == "all") settings.skip_all = true;
        for (const std::string& name : split(key == "skip" ? value : "", ','))
            if (!trim(name).empty()) settings.skip.emplace_back(trim(name));
        if (key != "skip" && key != "error" && key != "experimental" && !key.empty())
            return fail(Error(Code::invalid_argument, "# check=" + std::string(directive) +
                                                          ": unknown key " + quote_line(key))
                            .with_hint("# check=skip=RULE,RULE"));
    }
    return settings;
}

}  // namespace crank::dockerfile
