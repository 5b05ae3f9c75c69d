#include "registry/challenge.h"

#include <algorithm>

#include "base/text.h"
#include "oci/json_reader.h"

namespace crank::registry {

namespace {

constexpr std::size_t kMaxHeader = 8192, kMaxChallenges = 16, kMaxToken = 65536;

bool is_token_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

class Reader {
public:
    explicit Reader(std::string_view text) : rest_(text) {}

    bool at_end() const { return rest_.empty(); }
    void skip_blanks(bool commas) {
        while (!rest_.empty() &&
               (rest_[0] == ' ' || rest_[0] == '\t' || (commas && rest_[0] == ',')))
            rest_.remove_prefix(1);
    }
    bool take(char c) {
        if (!rest_.starts_with(c)) return false;
        rest_.remove_prefix(1);
        return true;
    }
    std::string token() {
        auto end = std::ranges::find_if_not(rest_, is_token_character);
        std::string out(rest_.begin(), end);
        rest_.remove_prefix(out.size());
        return out;
    }
    Result<std::string> quoted() {
        std::string out;
        while (!rest_.empty()) {
            char c = rest_[0];
            rest_.remove_prefix(1);
            if (c == '"') return out;
            if (c == '\\' && !rest_.empty()) {
                c = rest_[0];
                rest_.remove_prefix(1);
            }
            if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) break;
            out += c;
        }
        return fail(Code::corrupt, "the registry's WWW-Authenticate header has a broken text");
    }
    // Whether `name = ` follows: a parameter and not the next challenge's scheme.
    bool is_parameter() const {
        auto end = std::ranges::find_if_not(rest_, is_token_character);
        std::string_view after(end, rest_.end());
        while (after.starts_with(' ')) after.remove_prefix(1);
        return end != rest_.begin() && after.starts_with('=') && !after.starts_with("==");
    }

private:
    std::string_view rest_;
};

void set(Challenge& challenge, const std::string& name, std::string value) {
    std::string* field = name == "realm"     ? &challenge.realm
                         : name == "service" ? &challenge.service
                         : name == "scope"   ? &challenge.scope
                         : name == "error"   ? &challenge.error
                                             : nullptr;
    if (field != nullptr) *field = std::move(value);
}

}  // namespace

Result<std::vector<Challenge>> parse_challenges(std::string_view header) {
    if (header.size() > kMaxHeader)
        return fail(Code::corrupt, "the registry's WWW-Authenticate header is longer than 8 KiB");
    std::vector<Challenge> out;
    Reader in(header);
    for (in.skip_blanks(true); !in.at_end(); in.skip_blanks(true)) {
        if (!out.empty() && in.is_parameter()) {
            std::string name = to_lower(in.token());
            in.skip_blanks(false);
            (void)in.take('=');
            in.skip_blanks(false);
            std::string value = in.take('"') ? TRY(in.quoted()) : in.token();
            set(out.back(), name, std::move(value));
            continue;
        }
        std::string scheme = to_lower(in.token());
        if (scheme.empty() || out.size() == kMaxChallenges)
            return fail(Code::corrupt, "the registry's WWW-Authenticate header is malformed");
        out.push_back({std::move(scheme), {}, {}, {}, {}});
        in.skip_blanks(false);
    }
    return out;
}

Result<Token> parse_token(std::string_view text) {
    auto read = [&]() -> Result<Token> {
        auto json = TRY(oci::parse_json(text, Code::corrupt));
        auto in = TRY(oci::ObjectReader::create(json, "", Code::corrupt));
        Token token;
        TRY(in.read("access_token", token.text));
        TRY(in.read("token", token.text));
        TRY(in.read("expires_in", token.seconds));
        bool printable =
            std::ranges::all_of(token.text, [](char c) { return c > 0x20 && c < 0x7f; });
        if (token.text.empty() || token.text.size() > kMaxToken || !printable)
            return in.bad("token", "is no token");
        token.seconds = std::clamp(token.seconds, 0, 3600);
        return token;
    };
    return TRY_IN(read(), "the answer of the registry's token service");
}

std::string percent_encode(std::string_view text) {
    std::string out;
    for (char c : text) {
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '.' || c == '_' || c == '~';
        auto byte = static_cast<std::uint8_t>(c);
        out += plain ? std::string(1, c) : "%" + to_hex(std::span(&byte, 1));
    }
    return out;
}

}  // namespace crank::registry
