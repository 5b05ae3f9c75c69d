#include "net/serve.h"

#include <thread>

#include "base/text.h"
#include "net/keeper.h"
#include "net/sandbox.h"
#include "net/service.h"
#include "sys/confine.h"
#include "sys/signals.h"

namespace crank::net {

namespace {

constexpr int kFirstLane = 3, kMaxLanes = 16;

// Until the other end is closed; the lane is then of no use, and there is nobody to tell.
void serve_lane(Context& context, int descriptor) {
    registry::Lane lane{sys::UniqueFd(descriptor)};
    Service service(context, lane);
    (void)registry::serve(
        lane, [&](const registry::Fields& request) { return service.perform(request); });
}

struct Prepared {
    Settings settings;
    Keeper keeper;
};

// All that needs files and programs, then the sandbox; threads come after it.
Result<Prepared> prepare(bool tls_verify) {
    Settings settings = TRY(Settings::of_environment(tls_verify));
    Keeper keeper = TRY(Keeper::start());
    TRY(enter_sandbox());
    return Prepared{std::move(settings), std::move(keeper)};
}

}  // namespace

Result<> serve_registry(const std::vector<std::string>& words) {
    int lanes = 0;
    bool tls_verify = true;
    for (const std::string& word : words) {
        if (word == "--tls-verify=false") {
            tls_verify = false;
        } else if (word.starts_with("--lanes=")) {
            lanes = static_cast<int>(parse_int(word.substr(8)).value_or(0));
        } else {
            return fail(Code::usage, "unknown word " + word);
        }
    }
    if (lanes < 1 || lanes > kMaxLanes)
        return fail(Error(Code::usage, "crank-net registry is started by crank")
                        .with_hint("crank pull --help"));
    TRY(sys::end_with_parent());
    sys::ignore_broken_pipe();
    auto prepared = prepare(tls_verify);
    if (!prepared) {
        // On every lane: whichever crank asks first.
        for (int i = 0; i < lanes; ++i)
            (void)registry::Lane(sys::UniqueFd(kFirstLane + i))
                .send(registry::FrameKind::result,
                      registry::encode(registry::fields_of(prepared.error())));
        return {};
    }
    Context context(std::move(prepared->settings), std::move(prepared->keeper));
    std::vector<std::jthread> threads;
    for (int i = 0; i < lanes; ++i)
        threads.emplace_back([&context, i] { serve_lane(context, kFirstLane + i); });
    return {};
}

}  // namespace crank::net
