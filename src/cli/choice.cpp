#include "cli/choice.h"

#include <algorithm>

#include "base/text.h"
#include "cli/output.h"
#include "cli/ps_filter.h"
#include "engine/lifecycle.h"
#include "sys/file.h"

namespace crank::cli {
namespace {

constexpr std::size_t kMaxCidFile = 4096;

// What a verb's table lacks was not given.
bool is_on(const Invocation& invocation, std::string_view flag) {
    return invocation.arguments.knows(flag) && invocation.arguments.on(flag);
}
std::vector<std::string> values(const Invocation& invocation, std::string_view flag) {
    if (!invocation.arguments.knows(flag)) return {};
    return invocation.arguments.values(flag);
}

Result<std::vector<std::string>> ids_of_files(const Invocation& invocation) {
    std::vector<std::string> ids;
    for (const std::string& path : values(invocation, "cidfile")) {
        Result<std::string> text = sys::read_file(path, kMaxCidFile);
        if (!text && is_on(invocation, "ignore") && text.error().code() == Code::not_found)
            continue;
        if (!text) return fail(std::move(text).error().with_context("--cidfile"));
        ids.emplace_back(trim(*text));
    }
    return ids;
}

Error nobody(const Invocation& invocation) {
    std::string ways;
    for (std::string_view flag : {"all", "running", "latest", "filter", "cidfile"})
        if (invocation.arguments.knows(flag))
            ways += (ways.empty() ? "" : ", ") + ("--" + std::string(flag));
    return {Code::usage, "not enough arguments, wanted: CONTAINER [CONTAINER...], or " + ways};
}

class Choice {
public:
    Choice(Invocation& invocation, std::string_view verb, const Suits& suits, Presence presence,
           Order order)
        : invocation_(invocation), verb_(verb), suits_(suits), presence_(presence), order_(order) {
        if (presence_ == Presence::wanted && is_on(invocation_, "ignore"))
            presence_ = Presence::may_be_absent;
    }

    Result<int> perform(const ChosenAction& action) {
        filters_ = TRY(parse_ps_filters(values(invocation_, "filter")));
        names_ = invocation_.arguments.words();
        std::vector<std::string> from_files = TRY(ids_of_files(invocation_));
        bool all = is_on(invocation_, "all") || is_on(invocation_, "running");
        bool latest = is_on(invocation_, "latest");
        if ((all || latest) && !names_.empty())
            return fail(Error(Code::usage, std::string(all ? "--all" : "--latest") +
                                               " and containers by name are alternatives")
                            .with_hint("leave one of them out"));
        names_.insert(names_.end(), from_files.begin(), from_files.end());
        bool filtered = !values(invocation_, "filter").empty();
        if (!names_.empty()) return perform_named(action, filtered);
        if (!all && !latest && !filtered) {
            if (!values(invocation_, "cidfile").empty()) return 0;
            return fail(nobody(invocation_));
        }
        return perform_found(action, latest);
    }

private:
    Result<int> perform_named(const ChosenAction& action, bool filtered) {
        int code = 0;
        for (const std::string& name : names_)
            if (Result<> done = named(action, name, filtered); !done) tell(done.error(), code);
        return code;
    }
    Result<> named(const ChosenAction& action, const std::string& name, bool filtered) {
        Result<engine::Container> container = engine::find(invocation_.paths, name);
        bool absent = !container && container.error().code() == Code::not_found;
        if (absent && presence_ != Presence::wanted) {
            if (presence_ == Presence::told_as_minus_one) print_line("-1");
            return {};
        }
        if (!container) return fail(std::move(container).error());
        if (filtered) {
            std::vector<engine::Container> one{*container};
            TRY(filter_containers(invocation_.paths, filters_, one));
            if (one.empty()) return {};
        }
        return action({std::move(*container), name});
    }

    Result<int> perform_found(const ChosenAction& action, bool latest) {
        std::vector<engine::Container> found = TRY(engine::list(invocation_.paths));
        TRY(filter_containers(invocation_.paths, filters_, found));
        if (latest && found.empty())
            return fail(
                Error(Code::not_found, "--latest: there is no container").with_hint("crank ps -a"));
        // The newest is meant whatever it does: the verb says what is wrong with that.
        if (latest) found.resize(1);
        if (order_ == Order::oldest_first) std::ranges::reverse(found);
        int code = 0;
        for (engine::Container& container : found) {
            if (!latest && !suits_(container.state)) continue;
            std::string id = container.record.id;
            Result<> done = action({std::move(container), id});
            if (!done && (latest || still_suits(id))) tell(done.error(), code);
        }
        return code;
    }

    // Of all, one that ends or is removed meanwhile is none any more.
    bool still_suits(const std::string& id) const {
        Result<engine::Container> now = engine::find(invocation_.paths, id);
        return now ? suits_(now->state) : now.error().code() != Code::not_found;
    }

    void tell(const Error& error, int& code) const {
        report(verb_, error, invocation_.debug);
        code = 1;
    }

    Invocation& invocation_;
    std::string_view verb_;
    const Suits& suits_;
    Presence presence_;
    Order order_;
    Filters filters_;
    std::vector<std::string> names_;
};

}  // namespace

bool any_state(const engine::State&) { return true; }
bool lives(const engine::State& state) {
    return state.status == engine::Status::running || state.status == engine::Status::restarting;
}
bool is_ended(const engine::State& state) {
    return state.status == engine::Status::exited || state.status == engine::Status::created;
}

Result<int> for_each_chosen(Invocation& invocation, std::string_view verb, const Suits& suits,
                            const ChosenAction& action, Presence presence, Order order) {
    return Choice(invocation, verb, suits, presence, order).perform(action);
}

Result<engine::Container> choose_one(Invocation& invocation, std::vector<std::string>& words) {
    if (is_on(invocation, "latest")) {
        if (!words.empty())
            return fail(Error(Code::usage, "--latest and containers by name are alternatives")
                            .with_hint("leave one of them out"));
        std::vector<engine::Container> all = TRY(engine::list(invocation.paths));
        if (!all.empty()) return std::move(all.front());
        return fail(
            Error(Code::not_found, "--latest: there is no container").with_hint("crank ps -a"));
    }
    if (words.empty())
        return fail(Code::usage, "not enough arguments, wanted: CONTAINER, or --latest");
    std::string name = words.front();
    words.erase(words.begin());
    return engine::find(invocation.paths, name);
}

}  // namespace crank::cli
