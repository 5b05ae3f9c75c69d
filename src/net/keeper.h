// The part of crank-net that keeps the user's secrets: a process of its own, beside the one that
// reads what registries send. It reads the files and starts the helpers that hold credentials and
// client certificates, and answers questions for single hosts; the other one has neither files nor
// programs (sandbox.h).
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/error.h"
#include "net/http.h"
#include "registry/auth_file.h"
#include "registry/lane.h"

namespace crank::net {

// The end that asks. Used by several threads, which wait for each other.
class Keeper {
public:
    // Starts it: this program once more. It ends with this process.
    static Result<Keeper> start();

    // Errors of all four: those of credentials.h and trust.h; internal where it has ended.
    Result<std::optional<registry::Credential>> credential(const std::string& domain,
                                                           const std::string& repository);
    Result<TlsTrust> trust(const std::string& domain);
    // Where it was stored: a path, or a helper's name.
    Result<std::string> store(const std::string& domain, const registry::Credential& credential);
    // Whether there was one.
    Result<bool> erase(const std::string& domain);

private:
    explicit Keeper(sys::UniqueFd socket);
    Result<registry::Fields> ask(const registry::Fields& question, std::string* data = nullptr);

    struct State;
    std::shared_ptr<State> state_;
};

// `crank-net keeper`: answers on descriptor 3 until it is closed.
Result<> serve_keeper();

}  // namespace crank::net
