// The `--flags` of one instruction, checked against those it knows.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace crank::dockerfile {

// Where a flag's value goes. The pointed-to values must outlive take_flags().
struct FlagSlot {
    std::string_view name;                     // without "--"
    std::string* text = nullptr;               // --name=value, at most once
    std::vector<std::string>* list = nullptr;  // --name=value, any number of times
    bool* toggle = nullptr;                    // --name, --name=true, --name=false
    std::optional<bool>* maybe = nullptr;      // as toggle, and tells whether it was given
};

// Error: invalid_argument (unknown flag, with a did-you-mean as hint; given twice; a value missing
// or not a boolean). `instruction` is named in errors.
Result<> take_flags(const std::string& instruction, const std::vector<std::string>& flags,
                    std::initializer_list<FlagSlot> slots);

}  // namespace crank::dockerfile
