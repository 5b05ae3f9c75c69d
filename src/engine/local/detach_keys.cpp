#include "engine/local/detach_keys.h"

#include "base/text.h"

namespace crank::engine::local {
namespace {

constexpr std::string_view kControl = "ctrl-", kOthers = "@[\\]^_";

// As Docker has them: a letter or one of @ [ \ ] ^ _ behind "ctrl-", or one character.
int code_of(std::string_view key) {
    if (key.size() == 1) return static_cast<unsigned char>(key[0]);
    if (key.size() != kControl.size() + 1 || !key.starts_with(kControl)) return -1;
    char c = key.back();
    bool letter = c >= 'a' && c <= 'z';
    if (!letter && kOthers.find(c) == std::string_view::npos) return -1;
    return c & 0x1f;
}

}  // namespace

Result<DetachKeys> DetachKeys::parse(std::string_view text) {
    DetachKeys keys;
    if (text.empty()) return keys;
    for (const std::string& key : split(text, ',')) {
        int code = code_of(key);
        if (code < 0)
            return fail(Error(Code::invalid_argument, "--detach-keys: no key \"" + key +
                                                          "\" in \"" + std::string(text) + "\"")
                            .with_hint("one character, or ctrl- and a letter: ctrl-p,ctrl-q"));
        keys.keys_ += static_cast<char>(code);
    }
    return keys;
}

std::string DetachKeys::pass(std::string_view input) {
    std::string out;
    for (char c : input) {
        if (detached_) break;
        if (!keys_.empty() && c != keys_[seen_] && seen_ > 0) {
            out += keys_.substr(0, seen_);
            seen_ = 0;
        }
        if (keys_.empty() || c != keys_[seen_])
            out += c;
        else
            detached_ = ++seen_ == keys_.size();
    }
    return out;
}

}  // namespace crank::engine::local
