#include "base/undo.h"

namespace crank {

Undo::Undo(Undo&& other) noexcept : steps_(std::move(other.steps_)) { other.steps_.clear(); }

Undo::~Undo() {
    while (!steps_.empty()) {
        auto step = std::move(steps_.back());
        steps_.pop_back();
        (void)step();
    }
}

Error Undo::run(Error first) {
    while (!steps_.empty()) {
        auto step = std::move(steps_.back());
        steps_.pop_back();
        if (auto result = step(); !result) first = std::move(first).with_cleanup(result.error());
    }
    return first;
}

}  // namespace crank
