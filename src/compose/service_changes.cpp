// deploy.update_config and rollback_config. x-crank.rollout is the last word where both speak.
#include "compose/service_reader.h"

namespace crank::compose {
namespace {

using Change = Service::Change;
using OnFailure = Change::OnFailure;

class Changes {
public:
    Changes(const Node& service, const std::string& path, const Diagnostics& diagnostics)
        : service_(service), path_(path), diagnostics_(diagnostics) {}

    Result<Change> read(const std::string& config) const {
        Change change;
        for (const std::string& field : {config + ".order", std::string("x-crank.rollout.order")})
            if (const Node* order = at_path(service_, field); order != nullptr && order->is_text())
                change.start_first = order->text == "start-first";
        const Node* node = at_path(service_, config);
        if (node == nullptr || !node->is_map()) return change;
        change.parallelism = number_of(*node, "parallelism").value_or(1);
        change.delay = time_of(*node, "delay");
        change.monitor = time_of(*node, "monitor");
        change.max_failure_ratio = TRY(ratio(*node, config));
        std::string action = node->text_of("failure_action");
        if (action == "pause") change.on_failure = OnFailure::pause;
        if (action == "continue") change.on_failure = OnFailure::go_on;
        if (action == "rollback") change.on_failure = OnFailure::back;
        return change;
    }

    // What of a change is said of x-crank.rollout, too.
    void settle(Change& update, Rollout& rollout) const {
        if (says("revert"))
            update.on_failure = rollout.revert ? OnFailure::back : OnFailure::pause;
        else if (update.on_failure != OnFailure::unsaid)
            rollout.revert = update.on_failure == OnFailure::back;
        // Behind the change there is nothing left to pause: it is watched where it can go back.
        if (!says("watch") && rollout.revert) rollout.watch = update.monitor;
    }

private:
    bool says(std::string_view field) const {
        return at_path(service_, "x-crank.rollout." + std::string(field)) != nullptr;
    }
    // As Swarm takes it.
    Result<double> ratio(const Node& node, const std::string& config) const {
        const Node* given = node.find("max_failure_ratio");
        if (given == nullptr || given->is_null()) return 0;
        if (given->fraction >= 0 && given->fraction <= 1) return given->fraction;
        return diagnostics_.error(given->at, path_ + "." + config + ".max_failure_ratio",
                                  "must be from 0 to 1");
    }

    const Node& service_;
    const std::string& path_;
    const Diagnostics& diagnostics_;
};

}  // namespace

Result<void> read_changes(const Node& service, const std::string& path,
                          const Diagnostics& diagnostics, Service& read) {
    Changes changes(service, path, diagnostics);
    read.update = TRY(changes.read("deploy.update_config"));
    read.rollback = TRY(changes.read("deploy.rollback_config"));
    if (!read.rollback.start_first) read.rollback.start_first = read.update.start_first;
    changes.settle(read.update, read.worker.rollout);
    return {};
}

}  // namespace crank::compose
