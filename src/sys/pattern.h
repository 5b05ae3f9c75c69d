// POSIX extended regular expressions (regex(7)).
#pragma once

#include <memory>
#include <string>

#include "base/error.h"

namespace crank::sys {

class Pattern {
public:
    // usage: what the library says is wrong with the text.
    static Result<Pattern> create(const std::string& text);
    bool matches(const std::string& text) const;  // anywhere in it

private:
    struct Compiled;
    struct Release {
        void operator()(Compiled* compiled) const;
    };
    explicit Pattern(std::unique_ptr<Compiled, Release> compiled);
    std::unique_ptr<Compiled, Release> compiled_;
};

}  // namespace crank::sys
