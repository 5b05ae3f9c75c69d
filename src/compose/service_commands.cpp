// What is run in containers beside their own program: hooks, and the rules of develop.watch.
#include <algorithm>

#include "compose/service_reader.h"

namespace crank::compose {
namespace {

Hook hook_of(const Node& node) {
    Hook hook{.command = texts_of(node, "command"),
              .user = node.text_of("user"),
              .working_dir = node.text_of("working_dir"),
              .at = node.at};
    for (const Field& entry : entries_of(node, "environment"))
        hook.environment.emplace_back(entry.key, entry.value.is_null()
                                                     ? std::nullopt
                                                     : std::optional(scalar_text(entry.value)));
    return hook;
}

struct ActionWord {
    std::string_view word;
    WatchRule::Action action;
};
constexpr ActionWord kActions[] = {
    {"rebuild", WatchRule::Action::rebuild},
    {"restart", WatchRule::Action::restart},
    {"sync", WatchRule::Action::sync},
    {"sync+exec", WatchRule::Action::sync_exec},
    {"sync+restart", WatchRule::Action::sync_restart},
};

}  // namespace

std::vector<Hook> read_hooks(const Node& service, std::string_view field) {
    std::vector<Hook> hooks;
    for (const Node& item : items_of(service, field)) hooks.push_back(hook_of(item));
    return hooks;
}

void inherit(const Service& service, Service& step) {
    for (const Mount& mount : service.mounts)
        if (std::ranges::find(step.mounts, mount.target, &Mount::target) == step.mounts.end())
            step.mounts.push_back(mount);
    using Number = std::optional<std::int64_t> Limits::*;
    for (Number number :
         {&Limits::nano_cpus, &Limits::memory, &Limits::memory_reservation, &Limits::memory_swap,
          &Limits::pids, &Limits::shm_size, &Limits::cpu_shares})
        if (!(step.limits.*number)) step.limits.*number = service.limits.*number;
    if (step.limits.cpuset.empty()) step.limits.cpuset = service.limits.cpuset;
    step.worker.strict_sandbox = service.worker.strict_sandbox;
}

std::vector<WatchRule> read_watch(const Node& service) {
    std::vector<WatchRule> rules;
    const Node* develop = service.find("develop");
    if (develop == nullptr) return rules;
    for (const Node& item : items_of(*develop, "watch")) {
        WatchRule rule{.path = item.text_of("path"),
                       .target = item.text_of("target"),
                       .include = texts_of(item, "include"),
                       .ignore = texts_of(item, "ignore"),
                       .initial_sync = flag_of(item, "initial_sync"),
                       .at = item.at};
        // One of them: the schema has it.
        auto known = std::ranges::find(kActions, item.text_of("action"), &ActionWord::word);
        if (known != std::end(kActions)) rule.action = known->action;
        if (const Node* exec = item.find("exec"); exec != nullptr && exec->is_map())
            rule.exec = hook_of(*exec);
        rules.push_back(std::move(rule));
    }
    return rules;
}

}  // namespace crank::compose
