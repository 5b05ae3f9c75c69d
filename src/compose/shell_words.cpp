#include <algorithm>
#include <utility>

#include "compose/short_forms.h"

namespace crank::compose {
namespace {

class Splitter {
public:
    explicit Splitter(std::string_view text) : text_(text) {}

    Result<ShellWords> split() {
        for (at_ = 0; at_ < text_.size(); at_++) {
            char c = text_[at_];
            bool after_dollar = std::exchange(after_dollar_, c == '$' && quote_ == 0);
            if (c == '\\' && quote_ != '\'') {
                if (!escape()) return fail(Code::invalid_argument, "ends with a backslash");
            } else if (quote_ != 0) {
                inside(c);
            } else if (c == '"' || c == '\'') {
                quote_ = c;
                quoted_ = true;
            } else if (c == '(' || c == ')') {
                if (c == ')' || !after_dollar)
                    return fail(Code::invalid_argument,
                                std::string("'") + c + "' is a shell's: write [sh, -c, ...]");
                quote_ = ')';
                word_ += c;
            } else if (std::string_view(" \t\r\n").find(c) != std::string_view::npos) {
                end_word();
            } else if (std::string_view(";&|<>").find(c) != std::string_view::npos) {
                return cut();
            } else {
                if (c == '`') quote_ = c;
                word_ += c;
            }
        }
        if (quote_ != 0)
            return fail(Code::invalid_argument,
                        std::string("the quote ") + quote_ + " does not end");
        end_word();
        return std::move(found_);
    }

private:
    // In what a shell would run, it stays as it is.
    bool escape() {
        if (++at_ == text_.size()) return false;
        char c = text_[at_];
        bool kept = quote_ == '`' || quote_ == ')';
        if (kept) word_ += '\\';
        word_ += kept || (c != 't' && c != 'n') ? c : c == 't' ? '\t' : '\n';
        quoted_ = true;
        return true;
    }
    void inside(char c) {
        bool ends = c == quote_;
        if (!ends || c == '`' || c == ')') word_ += c;
        if (ends) quote_ = 0;
    }
    void end_word() {
        if (quoted_ || !word_.empty()) found_.words.push_back(std::move(word_));
        word_.clear();
        quoted_ = false;
    }
    // "2>&1": the number is part of what is left out.
    ShellWords cut() {
        bool number = text_[at_] == '>' && !quoted_ && !word_.empty() &&
                      std::ranges::all_of(word_, [](char c) { return c >= '0' && c <= '9'; });
        found_.rest = text_.substr(number ? at_ - word_.size() : at_);
        if (!number) end_word();
        return std::move(found_);
    }

    std::string_view text_;
    std::size_t at_ = 0;
    ShellWords found_;
    std::string word_;
    bool quoted_ = false;  // part of the word is
    bool after_dollar_ = false;
    char quote_ = 0;  // that ends what is being read; ')' of "$("
};

}  // namespace

Result<ShellWords> shell_words(std::string_view text) { return Splitter(text).split(); }

}  // namespace crank::compose
