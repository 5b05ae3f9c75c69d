#include "build/image_config.h"

#include <algorithm>
#include <chrono>

#include "base/text.h"
#include "base/units.h"

namespace crank::build {

namespace {

namespace df = dockerfile;

void add_sorted(std::vector<std::string>& list, const std::vector<std::string>& items) {
    list.insert(list.end(), items.begin(), items.end());
    std::ranges::sort(list);
    list.erase(std::unique(list.begin(), list.end()), list.end());
}

std::string quoted_list(const std::vector<std::string>& words) {
    std::vector<std::string> quoted;
    for (const std::string& word : words) quoted.push_back("\"" + word + "\"");
    return "[" + join(quoted, " ") + "]";
}

std::string pairs_text(const std::vector<df::KeyValue>& pairs) {
    std::vector<std::string> texts;
    for (const df::KeyValue& pair : pairs) texts.push_back(pair.key + "=" + pair.value);
    return join(texts, " ");
}

// Changes `config` as the step's body says.
struct Apply {
    ConfigState& state;
    const std::string& name;
    oci::ContainerConfig& config = state.image.config;

    void operator()(const df::RunStep&) const {}
    void operator()(const df::TransferStep&) const {}
    void operator()(const df::Arg&) const {}
    void operator()(const df::Env& env) const {
        df::Environment all = df::Environment::from_list(config.env);
        for (const df::KeyValue& pair : env.pairs) all.set(pair.key, pair.value);
        config.env = all.to_list();
    }
    void operator()(const df::Label& label) const {
        for (const df::KeyValue& pair : label.pairs) config.labels[pair.key] = pair.value;
    }
    void operator()(const df::WorkdirStep& workdir) const { config.working_dir = workdir.path; }
    void operator()(const df::User& user) const { config.user = user.user; }
    void operator()(const df::CommandStep& command) const {
        if (name == "CMD") {
            config.cmd = command.argv;
            state.own_cmd = true;
        } else {
            config.entrypoint = command.argv;
            if (!state.own_cmd) config.cmd.clear();
        }
    }
    void operator()(const df::HealthcheckStep& check) const {
        config.healthcheck = oci::Healthcheck{.test = check.test,
                                              .interval = check.interval.count(),
                                              .timeout = check.timeout.count(),
                                              .start_period = check.start_period.count(),
                                              .start_interval = check.start_interval.count(),
                                              .retries = static_cast<int>(check.retries)};
    }
    void operator()(const df::Expose& expose) const {
        add_sorted(config.exposed_ports, expose.ports);
    }
    void operator()(const df::Shell& shell) const { config.shell = shell.words; }
    void operator()(const df::StopSignal& signal) const { config.stop_signal = signal.signal; }
    void operator()(const df::Volume& volume) const { add_sorted(config.volumes, volume.paths); }
    void operator()(const df::Onbuild& onbuild) const {
        config.on_build.push_back(onbuild.trigger);
    }
    void operator()(const df::Maintainer& maintainer) const {
        state.image.author = maintainer.name;
    }
};

// The text after the instruction's name.
struct Text {
    const df::Step& step;
    const df::LoweredStage& stage;

    std::string operator()(const df::RunStep& run) const {
        std::vector<df::KeyValue> args = stage.arguments(step);
        std::string prefix;
        if (!args.empty()) {
            prefix = "|" + std::to_string(args.size()) + " ";
            for (const df::KeyValue& arg : args) prefix += arg.key + "=" + arg.value + " ";
        }
        return prefix + join(run.argv, " ");
    }
    std::string operator()(const df::TransferStep& transfer) const {
        std::string text;
        if (!transfer.chown.empty()) text += "--chown=" + transfer.chown + " ";
        std::vector<std::string> sources = transfer.sources;
        for (const df::InlineFile& file : transfer.files) sources.push_back("<<" + file.name);
        return text + join(sources, " ") + " " + transfer.dest;
    }
    std::string operator()(const df::Env& env) const { return pairs_text(env.pairs); }
    std::string operator()(const df::Label& label) const { return pairs_text(label.pairs); }
    std::string operator()(const df::Arg& arg) const {
        std::vector<std::string> texts;
        for (const auto& item : arg.items)
            texts.push_back(item.value ? item.name + "=" + *item.value : item.name);
        return join(texts, " ");
    }
    std::string operator()(const df::WorkdirStep& workdir) const { return workdir.path; }
    std::string operator()(const df::User& user) const { return user.user; }
    std::string operator()(const df::CommandStep& command) const {
        return quoted_list(command.argv);
    }
    std::string operator()(const df::HealthcheckStep& check) const {
        return quoted_list(check.test);
    }
    std::string operator()(const df::Expose& expose) const { return join(expose.ports, " "); }
    std::string operator()(const df::Shell& shell) const { return quoted_list(shell.words); }
    std::string operator()(const df::StopSignal& signal) const { return signal.signal; }
    std::string operator()(const df::Volume& volume) const { return quoted_list(volume.paths); }
    std::string operator()(const df::Onbuild& onbuild) const { return onbuild.trigger; }
    std::string operator()(const df::Maintainer& maintainer) const { return maintainer.name; }
};

}  // namespace

std::string time_text(std::int64_t epoch) {
    using std::chrono::system_clock;
    std::string text = format_time(system_clock::time_point(std::chrono::seconds(epoch)));
    std::size_t dot = text.find('.');
    return text.substr(0, dot) + "Z";
}

std::string created_by(const dockerfile::Step& step, const dockerfile::LoweredStage& stage) {
    return step.name + " " + std::visit(Text{step, stage}, step.body);
}

void apply_step(ConfigState& state, const dockerfile::Step& step,
                const dockerfile::LoweredStage& stage, bool made_layer, std::int64_t epoch) {
    std::visit(Apply{state, step.name}, step.body);
    state.image.history.push_back(oci::HistoryEntry{.created = time_text(epoch),
                                                    .created_by = created_by(step, stage),
                                                    .comment = "",
                                                    .empty_layer = !made_layer});
}

}  // namespace crank::build
