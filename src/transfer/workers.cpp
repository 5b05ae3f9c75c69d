#include "transfer/workers.h"

#include <algorithm>
#include <atomic>
#include <thread>

namespace crank::transfer {

Result<> work_off(Session& session, std::size_t count,
                  const std::function<Result<>(Channel&, std::size_t)>& job) {
    std::vector<Result<>> results(count);
    std::atomic<std::size_t> next = 0;
    std::atomic<bool> failed = false;
    auto work = [&](Channel& channel) {
        for (std::size_t i = next++; i < count && !failed; i = next++) {
            results[i] = job(channel, i);
            if (!results[i]) failed = true;
        }
    };
    {
        std::vector<std::jthread> threads;
        std::size_t others = std::min(session.channels().size(), count);
        for (std::size_t i = 1; i < others; ++i)
            threads.emplace_back([&, i] { work(*session.channels()[i]); });
        if (count > 0) work(session.first());
    }
    // What was only broken off because of another failure says nothing.
    for (bool cancelled : {false, true})
        for (Result<>& result : results)
            if (!result && (result.error().code() == Code::cancelled) == cancelled)
                return fail(std::move(result).error());
    return {};
}

}  // namespace crank::transfer
