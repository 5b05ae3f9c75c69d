// One container takes another's place: for who looks again and again. Internal.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "base/error.h"
#include "base/undo.h"
#include "deploy/apply.h"
#include "deploy/canary.h"
#include "deploy/proof.h"
#include "deploy/traffic.h"
#include "deploy/warm.h"

namespace crank::deploy {

// In the order of its functions. Whatever fails, give_up() makes it as it was: the old container
// has its own name, and runs where it ran.
class Replacing {
public:
    Replacing(const World& world, Traffic& traffic, const Warm& warm, const Step& step)
        : world_(world), traffic_(traffic), warm_(warm), step_(step) {}
    Replacing(const Replacing&) = delete;
    Replacing& operator=(const Replacing&) = delete;

    // The old one stops, where it must before the new one starts, and makes way under another name.
    Result<void> make_way();
    // The new one is started, or the one that was kept frozen goes on.
    Result<void> start();
    // True: the new one has proved itself, and was a canary where it is to be one.
    Result<bool> look();
    // It gets what comes, and the old one nothing new. From here on nothing is given up.
    Result<void> take_place();
    // What goes through the old one ends, then it does, or stays frozen.
    Result<void> end_old();
    // `error`, with what else failed.
    Error give_up(Error error) { return undo_.run(std::move(error)); }

    const Step& step() const { return step_; }
    const std::string& id() const { return id_; }  // of the new one
    bool is_canary() const { return canary_.has_value(); }

private:
    bool has_to_prove_itself() const;
    Result<bool> try_canary();
    void keep_apart();
    Result<void> prepare_late() const;
    std::unexpected<Error> failed(Error error) const;
    std::string what() const;

    const World& world_;
    Traffic& traffic_;
    const Warm& warm_;
    const Step& step_;
    std::string id_, old_id_;
    bool ran_ = false, proved_ = false;
    std::set<std::uint16_t> ports_;  // on which the old one answered
    std::optional<Proof> proof_;
    std::optional<CanaryTrial> canary_;
    Undo undo_;
};

// A container that came to nothing goes, with the volumes that were made for it. Those that it took
// over the old one has still, and they stay.
Result<void> discard(const engine::Paths& paths, const std::string& id);
// One that is there, with its post_start hooks; it gets what comes.
Result<void> start_again(const World& world, const Traffic& traffic, const std::string& service,
                         const std::string& id);

}  // namespace crank::deploy
