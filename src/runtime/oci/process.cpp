#include "runtime/oci/process.h"

#include <algorithm>

#include "policy/capability.h"

namespace crank::runtime::oci_verbs {
namespace {

std::string_view name_of_variable(std::string_view entry) {
    return entry.substr(0, entry.find('='));
}

void keep_last_values(std::vector<std::string>& env) {
    std::vector<std::string> kept;
    for (auto entry = env.rbegin(); entry != env.rend(); ++entry) {
        bool seen = std::ranges::any_of(kept, [&](const std::string& later) {
            return name_of_variable(later) == name_of_variable(*entry);
        });
        if (!seen) kept.push_back(*entry);
    }
    std::erase(kept, "HOME=");
    env.assign(kept.rbegin(), kept.rend());
}

// Those that are taken out of the list.
template <class Keep>
std::vector<std::string> take_out(std::vector<std::string>& names, Keep&& keep) {
    std::vector<std::string> out;
    std::ranges::copy_if(names, std::back_inserter(out),
                         [&](const std::string& name) { return !keep(name); });
    std::erase_if(names, [&](const std::string& name) { return !keep(name); });
    return out;
}

}  // namespace

std::vector<std::string> prepare_process(oci::Process& process) {
    std::vector<std::string> warnings;
    keep_last_values(process.env);
    oci::CapabilitySets& sets = process.capabilities;
    std::vector<std::string> unknown;
    for (auto* set :
         {&sets.bounding, &sets.effective, &sets.permitted, &sets.inheritable, &sets.ambient})
        for (auto& name : take_out(*set, [](const std::string& word) {
                 return policy::capability_number(word).has_value();
             }))
            if (std::ranges::find(unknown, name) == unknown.end()) unknown.push_back(name);
    for (const auto& name : unknown)
        warnings.push_back("process.capabilities: ignoring unknown or unavailable capability " +
                           name);
    for (const auto& name : take_out(sets.ambient, [&](const std::string& word) {
             auto in = [&](const auto& set) { return std::ranges::find(set, word) != set.end(); };
             return in(sets.permitted) && in(sets.inheritable);
         }))
        warnings.push_back("process.capabilities: can't raise ambient capability " + name +
                           ": it is not among the permitted and inheritable ones");
    return warnings;
}

}  // namespace crank::runtime::oci_verbs
