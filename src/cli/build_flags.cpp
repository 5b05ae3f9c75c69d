#include "cli/build_flags.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "base/units.h"
#include "dockerfile/instructions.h"
#include "engine/local/spec.h"
#include "engine/settings.h"
#include "sys/file.h"

namespace crank::cli {

namespace {

Error misused(const std::string& flag, const std::string& text, const std::string& why,
              std::string example) {
    return Error(Code::usage, "--" + flag + " " + text + ": " + why).with_hint(std::move(example));
}

constexpr const char* kSecretExample = "crank build --secret id=token,src=token.txt .";
constexpr const char* kSshExample = "crank build --ssh default .";

Result<Variables> fields_of(const std::string& flag, const std::string& text, const char* example) {
    Variables fields;
    for (const std::string& field : TRY(dockerfile::csv_fields(text))) {
        std::size_t equals = field.find('=');
        if (equals == std::string::npos)
            return fail(misused(flag, text, "\"" + field + "\" has no value", example));
        fields[to_lower(field.substr(0, equals))] = field.substr(equals + 1);
    }
    return fields;
}

Result<> check_secret_file(const std::string& id, const std::string& path) {
    auto info = sys::stat(path);
    if (!info) {
        return fail(Error(Code::not_found, "secret " + id + ": there is no file " + path)
                        .with_hint("crank build --secret id=" + id + ",src=FILE|env=NAME"));
    }
    if (!info->is_dir() && info->size <= static_cast<std::int64_t>(build::kMaxSecret)) return {};
    std::string why = info->is_dir() ? " is a directory" : " is larger than 500 KiB";
    return fail(Code::invalid_argument, "secret " + id + ": " + path + why);
}

Result<> read_secret(const std::string& text, const Variables& environment,
                     build::BuildRequest& request) {
    Variables fields = TRY(fields_of("secret", text, kSecretExample));
    std::string id, file, env, type;
    for (auto& [key, value] : fields) {
        if (key == "id")
            id = value;
        else if (key == "src" || key == "source")
            file = value;
        else if (key == "env")
            env = value;
        else if (key == "type" && (value == "file" || value == "env"))
            type = value;
        else
            return fail(misused("secret", text, "unknown key or value: " + key, kSecretExample));
    }
    if (id.empty()) return fail(misused("secret", text, "it has no id", kSecretExample));
    // docker build: the source of type=env is a variable's name.
    if (type == "env" && env.empty()) env = std::exchange(file, "");
    if (!file.empty() && !env.empty())
        return fail(misused("secret", text, "it is a file or a variable", kSecretExample));
    if (file.empty() && env.empty()) (environment.contains(id) && type != "file" ? env : file) = id;
    if (!file.empty()) TRY(check_secret_file(id, file));
    request.secrets[id] = {file, env};
    return {};
}

}  // namespace

Result<> read_secrets(const Texts& flags, const Variables& environment,
                      build::BuildRequest& request) {
    for (const std::string& text : flags) TRY(read_secret(text, environment, request));
    return {};
}

Result<> read_agents(const Texts& flags, const Variables& environment,
                     build::BuildRequest& request) {
    for (const std::string& text : flags) {
        std::size_t equals = text.find('=');
        std::string id = text.substr(0, equals);
        if (id.empty()) return fail(misused("ssh", text, "it has no id", kSshExample));
        Texts paths;
        if (equals != std::string::npos)
            for (const std::string& path : split(text.substr(equals + 1), ','))
                if (!path.empty()) paths.push_back(path);
        auto agent = environment.find("SSH_AUTH_SOCK");
        if (paths.empty() && (agent == environment.end() || agent->second.empty()))
            return fail(Error(Code::not_found, "--ssh " + text +
                                                   ": no agent runs: SSH_AUTH_SOCK "
                                                   "is not set")
                            .with_hint("eval $(ssh-agent); ssh-add"));
        if (paths.empty()) paths.push_back(agent->second);
        for (const std::string& path : paths)
            if (!sys::exists(path))
                return fail(Code::not_found, "--ssh " + text + ": there is no file " + path);
        request.agents[id] = std::move(paths);
    }
    return {};
}

Result<BuildOutput> read_output(const Texts& flags) {
    using Kind = BuildOutput::Kind;
    constexpr const char* kExample = "crank build --output type=local,dest=out .";
    BuildOutput output;
    if (flags.empty()) return output;
    const std::string& text = flags.front();
    if (flags.size() > 1)
        return fail(misused("output", flags[1], "there is one already", kExample));
    if (text.find('=') == std::string::npos) {
        output.kind = text == "-" ? Kind::tar : Kind::directory;
        output.dest = text == "-" ? "" : text;
        return output;
    }
    Variables fields = TRY(fields_of("output", text, kExample));
    std::string type = std::exchange(fields["type"], "");
    constexpr std::pair<std::string_view, Kind> kKinds[] = {
        {"local", Kind::directory}, {"tar", Kind::tar},     {"oci", Kind::oci},
        {"docker", Kind::docker},   {"image", Kind::store}, {"registry", Kind::store}};
    const auto* kind = std::ranges::find(kKinds, type, &std::pair<std::string_view, Kind>::first);
    if (kind == std::end(kKinds))
        return fail(misused("output", text, "types are local, tar, oci, docker, image and registry",
                            kExample));
    output.kind = kind->second;
    output.dest = std::exchange(fields["dest"], "");
    if (output.dest == "-") output.dest.clear();
    if (output.kind == Kind::store) {
        output.push = std::exchange(fields["push"], "") == "true" || type == "registry";
        for (const std::string& name : split(std::exchange(fields["name"], ""), ','))
            if (!name.empty()) output.names.push_back(name);
    }
    for (const auto& [key, value] : fields)
        if (!value.empty())
            return fail(misused("output", text, "type=" + type + " takes no " + key, kExample));
    if (output.kind == Kind::directory && output.dest.empty())
        return fail(misused("output", text, "type=local needs dest=DIRECTORY", kExample));
    if (output.kind == Kind::store && !output.dest.empty())
        return fail(misused("output", text, "type=image takes no dest", kExample));
    // docker build --output type=docker without a file is its store.
    if (output.kind == Kind::docker && output.dest.empty()) output.kind = Kind::store;
    return output;
}

namespace {

Result<> read_number(const Arguments& arguments, const std::string& flag,
                     std::optional<std::int64_t>& into) {
    auto text = arguments.find(flag);
    if (!text) return {};
    into = parse_int(*text);
    if (into && *into > 0) return {};
    return fail(Error(Code::invalid_argument, "--" + flag + ": invalid number \"" + *text + "\"")
                    .with_hint("--" + flag + " 1024"));
}

Result<> read_size(const Arguments& arguments, const std::string& flag,
                   std::optional<std::int64_t>& into) {
    auto text = arguments.find(flag);
    if (!text) return {};
    if (flag == "memory-swap" && *text == "-1")
        into = -1;
    else
        into = TRY_IN(parse_size(*text), "--" + flag);
    return {};
}

Result<> read_resources(const Arguments& arguments, oci::Resources& resources) {
    TRY(read_size(arguments, "memory", resources.memory_limit));
    TRY(read_size(arguments, "memory-swap", resources.memory_swap));
    if (resources.memory_swap && !resources.memory_limit)
        return fail(Error(Code::usage, "--memory-swap without --memory: what would be swapped?")
                        .with_hint("--memory SIZE --memory-swap SIZE"));
    std::optional<std::int64_t> shares, period;
    TRY(read_number(arguments, "cpu-shares", shares));
    if (shares) resources.cpu_shares = static_cast<std::uint64_t>(*shares);
    TRY(read_number(arguments, "cpu-quota", resources.cpu_quota));
    TRY(read_number(arguments, "cpu-period", period));
    if (period) resources.cpu_period = static_cast<std::uint64_t>(*period);
    if (auto text = arguments.find("cpuset-cpus"))
        resources.cpuset_cpus = TRY(engine::parse_cpu_set("--cpuset-cpus", *text));
    if (auto text = arguments.find("cpuset-mems"))
        resources.cpuset_mems = TRY(engine::parse_cpu_set("--cpuset-mems", *text));
    return {};
}

}  // namespace

Result<> add_host(const std::string& text, build::BuildRequest::StepSettings& steps) {
    engine::ExtraHost host = TRY(engine::parse_extra_host(text));
    steps.hosts.push_back({std::move(host.name), std::move(host.address)});
    return {};
}

Result<> add_ulimits(const Texts& texts, build::BuildRequest::StepSettings& steps) {
    engine::Settings settings;
    for (const std::string& text : texts) {
        engine::Ulimit limit = TRY(engine::parse_ulimit(text));
        std::erase_if(settings.ulimits, [&](const auto& old) { return old.name == limit.name; });
        settings.ulimits.push_back(std::move(limit));
    }
    steps.rlimits = engine::local::rlimits_of(settings);
    return {};
}

Result<> read_steps(const Arguments& arguments, build::BuildRequest::StepSettings& steps) {
    for (const std::string& text : arguments.values("add-host")) TRY(add_host(text, steps));
    TRY(add_ulimits(arguments.values("ulimit"), steps));
    TRY(read_size(arguments, "shm-size", steps.shm_size));
    if (steps.shm_size && *steps.shm_size == 0)
        return fail(Error(Code::invalid_argument, "--shm-size=0: nothing would fit into it")
                        .with_hint("leave it out: 64m"));
    return read_resources(arguments, steps.resources);
}

std::vector<std::string> read_stages(const Texts& flags) {
    Texts stages;
    for (const std::string& text : flags)
        for (const std::string& name : split(text, ','))
            if (!name.empty()) stages.push_back(to_lower(name));
    return stages;
}

}  // namespace crank::cli
