// Work that changes what a thread has of its own: namespaces, root and working directory.
#pragma once

#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "base/error.h"

namespace crank::sys {

// Runs `work`, which returns a Result, on a thread of its own and waits for its end. That there may
// be no more threads is an error like any other, where std::thread throws.
template <typename Work>
auto on_own_thread(Work work) -> decltype(work()) {
    std::optional<decltype(work())> result;
    try {
        std::thread([&] { result.emplace(work()); }).join();
    } catch (const std::system_error& error) {
        return fail(Error::from_errno(error.code().value(), "start a thread"));
    }
    return std::move(*result);
}

}  // namespace crank::sys
