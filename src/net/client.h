// The distribution API (OCI distribution-spec 1.1) as its client sees it: where a registry is, who
// asks, what is tried again.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/error.h"
#include "net/http.h"
#include "net/keeper.h"
#include "registry/challenge.h"
#include "registry/chunked.h"
#include "registry/registries_conf.h"

namespace crank::net {

struct Settings {
    bool tls_verify = true;
    registry::RegistriesConf conf;
    std::chrono::milliseconds retry_base{500};  // before the first repetition

    // From the environment and from the files that it names. Errors: those of the files.
    static Result<Settings> of_environment(bool tls_verify);
};

// A repository and the right to use it.
struct Target {
    registry::Endpoint endpoint;
    registry::Url base;  // origin of the API
    TlsTrust trust;
    bool insecure = false;         // plain http and unknown certificates were asked for
    std::string actions = "pull";  // "pull", "pull,push"
    std::string also;  // a scope beside it: of the repository that a blob is mounted from

    registry::Url url(const std::string& path) const;  // below /v2/REPOSITORY
    std::string scope() const;
};

// What the clients of one process share.
class Context {
public:
    Context(Settings settings, Keeper keeper)
        : settings_(std::move(settings)), keeper_(std::move(keeper)) {}
    const Settings& settings() const { return settings_; }
    Keeper& keeper() { return keeper_; }
    // In place of what the files say.
    void set_credential(const std::string& domain, const std::string& user, std::string secret);

private:
    friend class Client;
    struct Given {
        std::string user, secret;
    };
    Settings settings_;
    Keeper keeper_;
    std::mutex mutex_;  // guards what is below; held while a token is fetched
    std::map<std::string, Given> given_;
    std::map<std::string, std::string> authorizations_;
    std::map<std::string, Target> hosts_;
};

class Receiver;  // of a blob

// Used by one thread.
class Client {
public:
    using Note = std::function<void(const std::string&)>;
    Client(Context& context, Note note) : context_(context), note_(std::move(note)) {}

    Result<Target> open(const registry::Endpoint& endpoint, const std::string& actions);
    // With redirects (GET and HEAD), authentication and repetitions. Any status may come back that
    // no repetition could cure.
    Result<HttpResponse> request(const Target& target, HttpRequest request);
    // Without repetitions.
    Result<HttpResponse> once(const Target& target, HttpRequest request);
    // A blob, verified: `sink` has all of it once this has succeeded. Resumes where a transfer
    // broke off. Errors: corrupt (digest, size), not_found, permission_denied, io (given up), the
    // sink's.
    using Sink = std::function<Result<>(Bytes)>;
    Result<> blob(const Target& target, const oci::Digest& digest, std::int64_t size,
                  const Sink& sink);
    // Parts of a blob, in order and apart, many in one request where the registry does that. Only
    // their place and length are proven. Errors as blob(); unsupported: the registry sends no
    // parts, or not so many.
    Result<> parts(const Target& target, const oci::Digest& digest, std::int64_t size,
                   std::vector<registry::BlobRange> parts, const Sink& sink);

    // Before repetition number `attempt`, as long as the backoff or `response` says; says `why`.
    // Errors: exhausted (the server asks for too long a wait).
    Result<> pause(int attempt, const std::string& why, const HttpResponse* response);

private:
    struct Answer {
        HttpResponse response;
        bool own_origin = true;  // no other host has answered
    };
    Result<> receive(const Target& target, const oci::Digest& digest, Receiver& receiver);
    Result<Answer> follow(const Target& target, HttpRequest request);
    Result<std::string> authorize(const Target& target, const HttpResponse& refusal);
    Result<std::string> fetch_token(const Target& target, const registry::Challenge& challenge,
                                    std::optional<registry::Credential> credential);
    Result<std::optional<registry::Credential>> credential_for(const Target& target);
    Result<Target> locate(const registry::Endpoint& endpoint);

    Context& context_;
    Note note_;
    Http http_;
    bool several_ = true;  // false: a registry has refused to send several parts at once
};

// What a status other than success means; `what` names the object: "manifest x".
Error status_error(const Target& target, const HttpResponse& response, const std::string& what);

}  // namespace crank::net
