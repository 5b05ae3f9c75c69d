// A stack of clean-up steps, run last in first out unless committed.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/error.h"

namespace crank {

class Undo {
public:
    Undo() = default;
    Undo(const Undo&) = delete;
    Undo& operator=(const Undo&) = delete;
    Undo(Undo&& other) noexcept;
    Undo& operator=(Undo&&) = delete;
    ~Undo();  // runs what is left and drops its errors; prefer run()

    void add(std::function<Result<>()> step) { steps_.push_back(std::move(step)); }
    // The change is complete: nothing will be undone.
    void commit() { steps_.clear(); }
    // Undoes everything and returns `first` with every clean-up error attached.
    Error run(Error first);
    bool empty() const { return steps_.empty(); }

private:
    std::vector<std::function<Result<>()>> steps_;
};

}  // namespace crank
