// Texts that are only ever hashed: fields with their lengths, so that no two inputs give the same
// text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "oci/digest.h"

namespace crank::build {

class Canonical {
public:
    explicit Canonical(std::string_view kind) : text_(std::string(kind) + "\n") {}
    void add(std::string_view name, std::string_view value) {
        text_ += std::string(name) + ":" + std::to_string(value.size()) + ":";
        text_.append(value);
        text_ += '\n';
    }
    void add(std::string_view name, std::int64_t value) { add(name, std::to_string(value)); }
    oci::Digest digest() const { return oci::Digest::of(text_); }
    const std::string& text() const { return text_; }

private:
    std::string text_;
};

}  // namespace crank::build
