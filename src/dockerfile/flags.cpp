#include "dockerfile/flags.h"

#include <algorithm>

#include "base/text.h"
#include "dockerfile/source.h"

namespace crank::dockerfile {

namespace {

std::unexpected<Error> unknown_flag(const std::string& instruction, std::string_view name,
                                    std::initializer_list<FlagSlot> slots) {
    Error error(Code::invalid_argument,
                "unknown flag " + quote_line("--" + std::string(name)) + " of " + instruction);
    std::vector<std::string_view> known;
    for (const FlagSlot& slot : slots) known.push_back(slot.name);
    if (auto guess = did_you_mean(name, known))
        return fail(std::move(error).with_hint("did you mean --" + *guess + "?"));
    if (known.empty()) return fail(std::move(error).with_hint(instruction + " takes no flags"));
    std::string list;
    for (std::string_view flag : known) list += (list.empty() ? "--" : ", --") + std::string(flag);
    return fail(std::move(error).with_hint(instruction + " takes " + list));
}

Result<bool> boolean(const std::string& flag, bool has_value, std::string_view value) {
    std::string word = to_lower(value);
    if (!has_value || word == "true") return true;
    if (word == "false") return false;
    return fail(Code::invalid_argument, flag + " takes true or false, not " + quote_line(value));
}

Result<> store(const FlagSlot& slot, const std::string& flag, bool has_value,
               std::string_view value) {
    if (slot.toggle != nullptr || slot.maybe != nullptr) {
        bool on = TRY(boolean(flag, has_value, value));
        if (slot.toggle != nullptr)
            *slot.toggle = on;
        else
            *slot.maybe = on;
        return {};
    }
    if (!has_value)
        return fail(Error(Code::invalid_argument, flag + " needs a value")
                        .with_hint("write " + flag + "=VALUE"));
    if (slot.list != nullptr)
        slot.list->emplace_back(value);
    else
        *slot.text = value;
    return {};
}

}  // namespace

Result<> take_flags(const std::string& instruction, const std::vector<std::string>& flags,
                    std::initializer_list<FlagSlot> slots) {
    std::vector<std::string_view> seen;
    for (std::string_view flag : flags) {
        std::size_t equals = flag.find('=');
        bool has_value = equals != std::string_view::npos;
        std::string_view name = flag.substr(2, has_value ? equals - 2 : equals);
        const FlagSlot* slot = std::ranges::find(slots, name, &FlagSlot::name);
        if (slot == slots.end()) return unknown_flag(instruction, name, slots);
        std::string shown = "--" + std::string(name);
        if (slot->list == nullptr && std::ranges::count(seen, name) > 0)
            return fail(Code::invalid_argument, shown + " is given twice");
        seen.push_back(slot->name);
        TRY(store(*slot, shown, has_value, has_value ? flag.substr(equals + 1) : ""));
    }
    return {};
}

}  // namespace crank::dockerfile
