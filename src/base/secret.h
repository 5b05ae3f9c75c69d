// A value that cannot be printed by accident.
#pragma once

#include <string>
#include <utility>

namespace crank {

// Holds a secret (a password, a private key). There is no stream operator, no conversion and no
// comparison; reveal() is the one way out and easy to search for. The memory is overwritten when
// the value goes.
class Secret {
public:
    Secret() = default;
    explicit Secret(std::string value) : value_(std::move(value)) {}
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    Secret(Secret&& other) noexcept : value_(std::move(other.value_)) { other.wipe(); }
    Secret& operator=(Secret&& other) noexcept {
        if (this != &other) {
            wipe();
            value_ = std::move(other.value_);
            other.wipe();
        }
        return *this;
    }
    ~Secret() { wipe(); }

    const std::string& reveal() const { return value_; }
    bool empty() const { return value_.empty(); }

private:
    void wipe() {
        // volatile: the compiler may not drop stores to memory that is about to be freed.
        volatile char* p = value_.data();
        for (std::size_t i = 0; i < value_.size(); ++i) p[i] = 0;
        value_.clear();
    }
    std::string value_;
};

}  // namespace crank
