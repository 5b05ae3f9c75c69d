#include "registry/auth_file.h"

#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/text.h"
#include "oci/json_reader.h"

namespace crank::registry {

namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr std::size_t kMaxFile = std::size_t{1} << 20;
constexpr const char* kHubKey = "https://index.docker.io/v1/";

// A helper is a part of a program's name.
Result<> check_helper(const std::string& name) {
    for (char c : name)
        if (c == '/' || c == '\0')
            return fail(Code::corrupt, "the credential helper '" + name + "' is no program's name");
    return {};
}

Result<std::optional<Credential>> read_entry(const oci::Json& value, const std::string& path) {
    auto in = TRY(oci::ObjectReader::create(value, path, Code::corrupt));
    Credential out;
    std::string auth, password, token;
    TRY(in.read("auth", auth));
    TRY(in.read("username", out.user));
    TRY(in.read("password", password));
    TRY(in.read("identitytoken", token));
    if (!auth.empty()) {
        auto plain = base64_decode(auth);
        std::size_t colon = plain ? plain->find(':') : std::string::npos;
        if (colon == std::string::npos) return in.bad("auth", "is not base64 of user:password");
        out.user = plain->substr(0, colon);
        password = plain->substr(colon + 1);
        // Docker has written trailing zeros.
        while (password.ends_with('\0')) password.pop_back();
    }
    out.identity_token = !token.empty();
    if (out.identity_token) password = token;
    if (password.empty()) return std::optional<Credential>();
    out.secret = Secret(std::move(password));
    return std::optional(std::move(out));
}

// The bytes of a key as servers and people write them: "https://host/v1/" is "host".
std::string normal_key(std::string key) {
    if (key == kHubKey) return key;
    for (std::string_view scheme : {"https://", "http://"})
        if (key.starts_with(scheme)) {
            key.erase(0, scheme.size());
            return key.substr(0, key.find('/'));
        }
    return key;
}

Result<OrderedJson> parse_ordered(std::string_view json) {
    if (trim(json).empty()) return OrderedJson::object();
    TRY(oci::parse_json(json, Code::corrupt));  // twin keys, depth
    auto out = OrderedJson::parse(json, nullptr, false);
    if (!out.is_object()) return fail(Code::corrupt, "it is no JSON object");
    if (auto auths = out.find("auths");
        auths != out.end() && !auths->is_object() && !auths->is_null())
        return fail(Code::corrupt, "'auths' is not an object");
    return out;
}

std::string text_of(const OrderedJson& json) { return json.dump(1, '\t') + "\n"; }

}  // namespace

Result<AuthFile> parse_auth_file(std::string_view json) {
    AuthFile out;
    if (trim(json).empty()) return out;
    if (json.size() > kMaxFile) return fail(Code::corrupt, "it is larger than 1 MiB");
    auto root = TRY(oci::parse_json(json, Code::corrupt));
    auto in = TRY(oci::ObjectReader::create(root, "", Code::corrupt));
    if (const auto* auths = in.find("auths"); auths != nullptr) {
        if (!auths->is_object()) return in.bad("auths", "is not an object");
        for (const auto& [key, value] : auths->items()) {
            auto entry = TRY(read_entry(value, "auths." + key));
            if (!entry) continue;
            // "host", which a login writes, before an older "https://host/v1/".
            std::string normal = normal_key(key);
            if (normal == key)
                out.entries.insert_or_assign(key, std::move(*entry));
            else
                out.entries.try_emplace(std::move(normal), std::move(*entry));
        }
    }
    TRY(in.read("credsStore", out.store));
    TRY(in.read("credHelpers", out.helpers));
    TRY(check_helper(out.store));
    for (const auto& [host, helper] : out.helpers) TRY(check_helper(helper));
    return out;
}

std::string auth_key(const std::string& domain) { return domain == "docker.io" ? kHubKey : domain; }

std::vector<std::string> auth_keys(const std::string& domain, const std::string& repository) {
    std::vector<std::string> keys;
    for (std::string path = repository; !path.empty();) {
        keys.push_back(domain + "/" + path);
        std::size_t slash = path.rfind('/');
        path.erase(slash == std::string::npos ? 0 : slash);
    }
    keys.push_back(auth_key(domain));
    if (domain == "docker.io")
        for (const char* name : {"docker.io", "index.docker.io", "registry-1.docker.io"})
            keys.emplace_back(name);
    return keys;
}

Result<std::string> with_entry(std::string_view json, const std::string& key,
                               const Credential& credential) {
    OrderedJson root = TRY(parse_ordered(json));
    OrderedJson entry = OrderedJson::object();
    entry["auth"] = base64_encode(credential.user + ":" +
                                  (credential.identity_token ? "" : credential.secret.reveal()));
    if (credential.identity_token) entry["identitytoken"] = credential.secret.reveal();
    root["auths"][key] = std::move(entry);
    return text_of(root);
}

Result<std::string> with_empty_entry(std::string_view json, const std::string& key) {
    OrderedJson root = TRY(parse_ordered(json));
    root["auths"][key] = OrderedJson::object();
    return text_of(root);
}

Result<WithoutEntry> without_entry(std::string_view json, const std::string& key) {
    OrderedJson root = TRY(parse_ordered(json));
    WithoutEntry out;
    if (auto auths = root.find("auths"); auths != root.end() && auths->is_object())
        for (auto entry = auths->begin(); entry != auths->end();) {
            bool meant = normal_key(entry.key()) == normal_key(key);
            out.was_there = out.was_there || meant;
            entry = meant ? auths->erase(entry) : std::next(entry);
        }
    out.json = text_of(root);
    return out;
}

Result<Credential> parse_helper_answer(std::string_view json) {
    auto root = TRY(oci::parse_json(json, Code::corrupt));
    auto in = TRY(oci::ObjectReader::create(root, "", Code::corrupt));
    Credential out;
    std::string secret;
    TRY(in.read("Username", out.user));
    TRY(in.read("Secret", secret));
    if (secret.empty()) return in.bad("Secret", "is missing");
    // docker-credential-helpers: this name says that the secret is a refresh token
    out.identity_token = out.user == "<token>";
    out.secret = Secret(std::move(secret));
    return out;
}

Result<std::string> helper_input(const std::string& key, const Credential& credential) {
    OrderedJson json;
    json["ServerURL"] = key;
    json["Username"] = credential.identity_token ? "<token>" : credential.user;
    json["Secret"] = credential.secret.reveal();
    std::string text = json.dump(-1, ' ', false, OrderedJson::error_handler_t::ignore);
    // What is not UTF-8 was left out: another password.
    auto again = OrderedJson::parse(text, nullptr, false);
    if (again != json)
        return fail(Code::invalid_argument,
                    "the user name or the password is not UTF-8, as a credential helper needs it");
    return text;
}

}  // namespace crank::registry
