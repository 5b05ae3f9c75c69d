#include "cli/fetch.h"

#include "cli/output.h"
#include "cli/transfer_progress.h"
#include "engine/local/prepare.h"
#include "sys/file.h"
#include "transfer/pull.h"

namespace crank::cli {

Result<std::string> find_crank_net() { return engine::crank_net_path(); }

Result<PullPolicy> parse_pull_policy(std::string_view text, std::string_view flag) {
    if (text == "missing") return PullPolicy::missing;
    if (text == "always") return PullPolicy::always;
    if (text == "never") return PullPolicy::never;
    if (text == "newer") return PullPolicy::newer;
    return fail(Code::usage, "--" + std::string(flag) + "=\"" + std::string(text) +
                                 "\": missing, always, never or newer");
}

Result<> or_what_is_here(Result<> fetched, const std::string& typed, bool here) {
    if (fetched || !here || fetched.error().code() == Code::cancelled) return fetched;
    warn("whether there is a newer " + typed + " is not known: " + fetched.error().text());
    return {};
}

Result<> fetch_into(store::Store& store, const std::string& typed, bool quiet, int cancel_fd) {
    auto reference = oci::Reference::parse(typed);
    if (!reference || reference->domain == "localhost")
        return fail(Error(Code::not_found, "no such image: " + typed)
                        .with_hint("'crank images' lists what is here"));
    transfer::Connection connection{TRY(find_crank_net()), true,
                                    make_transfer_progress(Direction::pull, quiet), cancel_fd};
    auto pulled = transfer::pull(store, connection, typed, "");
    if (pulled) return {};
    Error error = std::move(pulled).error();
    if (error.code() == Code::cancelled) return fail(std::move(error));
    std::string hint = error.hint();
    // "there is none" and "nobody can be asked" are the same to who wants to use it
    bool absent = error.code() == Code::failed_precondition;
    if (absent) error = std::move(error).with_code(Code::not_found);
    error = std::move(error).with_context("no such image: " + typed + ", and it cannot be pulled");
    if (hint.empty()) hint = "crank build, crank load or crank image bootstrap make one";
    return fail(std::move(error).with_hint(hint));
}

Result<> fetch_image(const engine::Paths& paths, const engine::Config& config,
                     const std::string& typed, int cancel_fd, bool quiet) {
    if (engine::local::alias_of(config, typed)) return {};
    store::Store store = TRY(store::Store::open(paths.root, store::OpenMode::read_write));
    return fetch_into(store, typed, quiet, cancel_fd);
}

}  // namespace crank::cli
