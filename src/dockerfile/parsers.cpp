#include "dockerfile/parsers.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "base/units.h"
#include "dockerfile/flags.h"
#include "dockerfile/source.h"
#include "dockerfile/unicode.h"

namespace crank::dockerfile {

namespace {

std::unexpected<Error> bad(std::string message, std::string hint = {}) {
    Error error(Code::invalid_argument, std::move(message));
    if (!hint.empty()) error = std::move(error).with_hint(std::move(hint));
    return fail(std::move(error));
}

Result<> no_flags(const Node& node) { return take_flags(node.keyword, node.flags, {}); }

CommandLine command_of(const Node& node) { return {.shell = !node.json, .words = node.args}; }

// The one argument of USER, WORKDIR, ...
Result<std::string> only_argument(const Node& node, std::string_view what) {
    TRY(no_flags(node));
    if (node.args.empty()) return bad(node.keyword + " needs " + std::string(what));
    return node.args[0];
}

Result<std::vector<KeyValue>> pairs_of(const Node& node) {
    TRY(no_flags(node));
    if (node.args.empty()) return bad(node.keyword + " needs name=value");
    std::vector<KeyValue> pairs;
    if (node.legacy_pair) {
        pairs.push_back({node.args[0], node.args[1]});
    } else {
        for (const std::string& word : node.args) {
            std::size_t equals = word.find('=');
            pairs.push_back({word.substr(0, equals), word.substr(equals + 1)});
        }
    }
    for (const KeyValue& pair : pairs)
        if (pair.key.empty()) return bad("a name of " + node.keyword + " is empty");
    return pairs;
}

// BuildKit's rule: a letter, then letters, digits, '-', '_' and '.'; case does not matter.
bool is_stage_name(std::string_view name) {
    auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    };
    return !name.empty() && name[0] >= 'a' && name[0] <= 'z' && std::ranges::all_of(name, allowed);
}

Result<std::chrono::nanoseconds> interval_of(std::string_view flag, const std::string& text) {
    if (text.empty()) return std::chrono::nanoseconds{0};
    auto value = parse_duration(text);
    if (!value) {
        return bad("--" + std::string(flag) + " of HEALTHCHECK is no duration: " + quote_line(text),
                   "write it as 30s, 1m30s or 500ms");
    }
    if (value->count() != 0 && *value < std::chrono::milliseconds(1))
        return bad("--" + std::string(flag) + " of HEALTHCHECK must be at least 1ms");
    return *value;
}

struct HealthFlags {
    std::string interval, timeout, start_period, start_interval, retries;
};

Result<> take_health_flags(Healthcheck& out, const HealthFlags& flags) {
    out.interval = TRY(interval_of("interval", flags.interval));
    out.timeout = TRY(interval_of("timeout", flags.timeout));
    out.start_period = TRY(interval_of("start-period", flags.start_period));
    out.start_interval = TRY(interval_of("start-interval", flags.start_interval));
    if (flags.retries.empty()) return {};
    auto retries = parse_int(flags.retries);
    if (!retries || *retries < 0 || *retries > 1'000'000)
        return bad("--retries of HEALTHCHECK must be a number from 0 to 1000000, not " +
                   quote_line(flags.retries));
    out.retries = static_cast<std::uint32_t>(*retries);
    return {};
}

}  // namespace

Result<Body> parse_from(const Node& node) {
    From from;
    TRY(take_flags(node.keyword, node.flags, {{.name = "platform", .text = &from.platform}}));
    bool named = node.args.size() == 3 && to_lower(node.args[1]) == "as";
    if (node.args.size() != 1 && !named)
        return bad("FROM takes an image and, if wanted, a name", "write FROM IMAGE [AS NAME]");
    from.image = node.args[0];
    if (!named) return from;
    from.name = to_lower(node.args[2]);
    if (!is_stage_name(from.name)) {
        return bad("invalid stage name " + quote_line(node.args[2]),
                   "a name begins with a letter and holds letters, digits, '-', '_' and '.'");
    }
    if (from.name == "scratch") return bad("a stage cannot be named scratch");
    return from;
}

Result<Body> parse_run(const Node& node) {
    Run run;
    TRY(take_flags(node.keyword, node.flags,
                   {{.name = "mount", .list = &run.mounts},
                    {.name = "network", .text = &run.network},
                    {.name = "security", .text = &run.security},
                    {.name = "device", .list = &run.devices}}));
    if (node.args.empty() || node.args[0].empty()) return bad("RUN needs a command");
    if (!run.network.empty() && run.network != "default" && run.network != "none" &&
        run.network != "host")
        return bad("--network of RUN is default, none or host, not " + quote_line(run.network));
    if (!run.security.empty() && run.security != "sandbox" && run.security != "insecure")
        return bad("--security of RUN is sandbox or insecure, not " + quote_line(run.security));
    // Checked here as far as it can be before variables are known.
    for (const std::string& mount : run.mounts) {
        TRY(mount_from(mount));
        if (mount.find('$') == std::string::npos) TRY(parse_mount(mount));
    }
    run.command = command_of(node);
    run.heredocs = node.heredocs;
    return run;
}

Result<Body> parse_cmd(const Node& node) {
    TRY(no_flags(node));
    if (node.args.empty() && !node.json)
        return bad("CMD needs a command", "CMD [] takes away that of the base image");
    return Cmd{command_of(node)};
}

Result<Body> parse_entrypoint(const Node& node) {
    TRY(no_flags(node));
    if (node.args.empty() && !node.json)
        return bad("ENTRYPOINT needs a command", "ENTRYPOINT [] takes away that of the base image");
    return Entrypoint{command_of(node)};
}

Result<Body> parse_env(const Node& node) { return Env{TRY(pairs_of(node))}; }

Result<Body> parse_label(const Node& node) { return Label{TRY(pairs_of(node))}; }

Result<Body> parse_arg(const Node& node) {
    TRY(no_flags(node));
    if (node.args.empty()) return bad("ARG needs a name");
    Arg arg;
    for (const std::string& word : node.args) {
        std::size_t equals = word.find('=');
        Arg::Item item{word.substr(0, equals), std::nullopt};
        if (equals != std::string::npos) item.value = word.substr(equals + 1);
        if (item.name.empty()) return bad("a name of ARG is empty");
        arg.items.push_back(std::move(item));
    }
    return arg;
}

Result<Body> parse_workdir(const Node& node) {
    return Workdir{TRY(only_argument(node, "a directory"))};
}

Result<Body> parse_user(const Node& node) { return User{TRY(only_argument(node, "a user"))}; }

Result<Body> parse_stop_signal(const Node& node) {
    return StopSignal{TRY(only_argument(node, "a signal"))};
}

Result<Body> parse_maintainer(const Node& node) {
    return Maintainer{TRY(only_argument(node, "a name"))};
}

Result<Body> parse_expose(const Node& node) {
    TRY(no_flags(node));
    if (node.args.empty()) return bad("EXPOSE needs a port");
    return Expose{node.args};
}

Result<Body> parse_volume(const Node& node) {
    TRY(no_flags(node));
    if (node.args.empty()) return bad("VOLUME needs a path");
    Volume volume;
    for (const std::string& path : node.args) {
        if (trim_space(path).empty()) return bad("a path of VOLUME is empty");
        volume.paths.emplace_back(trim_space(path));
    }
    return volume;
}

Result<Body> parse_shell(const Node& node) {
    TRY(no_flags(node));
    if (!node.json) return bad("SHELL takes a JSON array", "write SHELL [\"/bin/bash\", \"-c\"]");
    if (node.args.empty() || node.args[0].empty()) return bad("SHELL needs a program");
    return Shell{node.args};
}

Result<Body> parse_healthcheck(const Node& node) {
    HealthFlags flags;
    TRY(take_flags(node.keyword, node.flags,
                   {{.name = "interval", .text = &flags.interval},
                    {.name = "timeout", .text = &flags.timeout},
                    {.name = "start-period", .text = &flags.start_period},
                    {.name = "start-interval", .text = &flags.start_interval},
                    {.name = "retries", .text = &flags.retries}}));
    constexpr std::string_view kHint = "write HEALTHCHECK [FLAGS] CMD COMMAND, or HEALTHCHECK NONE";
    if (node.args.empty()) return bad("HEALTHCHECK needs CMD or NONE", std::string(kHint));
    std::string type = to_lower(node.args[0]);
    std::vector<std::string> words(node.args.begin() + 1, node.args.end());
    Healthcheck out;
    if (type == "none") {
        if (!words.empty() || !node.flags.empty())
            return bad("HEALTHCHECK NONE takes no flags and no arguments");
        out.none = true;
        return out;
    }
    if (type != "cmd")
        return bad("unknown type " + quote_line(node.args[0]) + " of HEALTHCHECK",
                   std::string(kHint));
    if (words.empty()) return bad("HEALTHCHECK CMD needs a command");
    out.command = {.shell = !node.json, .words = std::move(words)};
    TRY(take_health_flags(out, flags));
    return out;
}

Result<Body> parse_onbuild(const Node& node) {
    TRY(no_flags(node));
    if (node.args.empty()) return bad("ONBUILD needs an instruction");
    const std::string& keyword = node.args[0];
    if (keyword == "ONBUILD" || keyword == "FROM" || keyword == "MAINTAINER")
        return bad(keyword + " cannot be a trigger of ONBUILD");
    Onbuild out{node.rest};
    for (const Heredoc& doc : node.heredocs) out.trigger += "\n" + doc.content + doc.name;
    // A bad trigger is found here, not in the build that some day stands on this image.
    Node trigger = TRY(parse_node(node.rest, node.escape));
    trigger.heredocs = node.heredocs;
    TRY(parse_instruction(trigger));
    return out;
}

}  // namespace crank::dockerfile
