#include "sys/pattern.h"

#include <regex.h>

namespace crank::sys {

struct Pattern::Compiled {
    regex_t expression{};
    bool valid = false;
};

void Pattern::Release::operator()(Compiled* compiled) const {
    if (compiled->valid) ::regfree(&compiled->expression);
    delete compiled;
}

Pattern::Pattern(std::unique_ptr<Compiled, Release> compiled) : compiled_(std::move(compiled)) {}

Result<Pattern> Pattern::create(const std::string& text) {
    std::unique_ptr<Compiled, Release> compiled(new Compiled);
    int error = ::regcomp(&compiled->expression, text.c_str(), REG_EXTENDED | REG_NOSUB);
    if (error != 0) {
        char why[256] = "";
        ::regerror(error, &compiled->expression, why, sizeof why);
        return fail(Code::usage, "\"" + text + "\" is no regular expression: " + why);
    }
    compiled->valid = true;
    return Pattern(std::move(compiled));
}

bool Pattern::matches(const std::string& text) const {
    return ::regexec(&compiled_->expression, text.c_str(), 0, nullptr, 0) == 0;
}

}  // namespace crank::sys
