#include "gateway/sandbox.h"

#include "policy/policy.h"
#include "sys/confine.h"
#include "sys/landlock.h"

namespace crank::gateway {

Result<> enter_sandbox() {
    TRY(sys::confine_process());
    if (sys::is_sanitized()) return {};
    TRY(sys::drop_capabilities());
    // Before the filter, which refuses Landlock's own calls.
    TRY(sys::restrict_files({}));
    auto program = policy::gateway_seccomp_program();
    return sys::install_filter(program.data(), static_cast<std::uint16_t>(program.size()));
}

}  // namespace crank::gateway
