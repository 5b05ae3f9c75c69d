#include "net/keeper.h"

#include <cstdlib>

#include "base/text.h"
#include "net/credentials.h"
#include "net/trust.h"
#include "sys/child.h"
#include "sys/confine.h"
#include "sys/signals.h"
#include "sys/stream_pair.h"
#include "sys/system.h"

namespace crank::net {

using registry::field;
using registry::Fields;
using registry::FrameKind;

namespace {

constexpr int kSocket = 3;

struct Answerer {
    registry::Lane& lane;
    CredentialPlaces places;
    std::string home;

    Result<Fields> credential(const Fields& question) {
        auto found = TRY(find_credential(places, TRY(field(question, "domain")),
                                         TRY(field(question, "repository"))));
        if (!found) return Fields{{"found", "false"}};
        return Fields{{"found", "true"},
                      {"user", found->user},
                      {"secret", found->secret.reveal()},
                      {"token", found->identity_token ? "true" : "false"}};
    }

    // Texts of a few MiB: as data, whose frames have no names.
    Result<Fields> trust(const Fields& question) {
        TlsTrust trust = TRY(trust_for(TRY(field(question, "domain")), home));
        TRY(lane.send(FrameKind::data, trust.authorities));
        TRY(lane.send(FrameKind::data, trust.certificate));
        TRY(lane.send(FrameKind::data, trust.key));
        return Fields{{"authorities", std::to_string(trust.authorities.size())},
                      {"certificate", std::to_string(trust.certificate.size())}};
    }

    Result<Fields> store(const Fields& question) {
        registry::Credential credential{TRY(field(question, "user")),
                                        Secret(TRY(field(question, "secret"))), false};
        return Fields{
            {"where", TRY(store_credential(places, TRY(field(question, "domain")), credential))}};
    }

    Result<Fields> erase(const Fields& question) {
        bool erased = TRY(erase_credential(places, TRY(field(question, "domain"))));
        return Fields{{"erased", erased ? "true" : "false"}};
    }

    Result<Fields> answer(const Fields& question) {
        std::string name = TRY(field(question, "op"));
        if (name == "credential") return credential(question);
        if (name == "trust") return trust(question);
        if (name == "store") return store(question);
        if (name == "erase") return erase(question);
        return fail(Code::internal, "the keeper knows no " + name);
    }
};

Result<std::size_t> size_of(const Fields& fields, const std::string& name) {
    auto size = parse_int(TRY(field(fields, name)));
    if (!size || *size < 0) return fail(Code::internal, "the keeper's answer is malformed");
    return static_cast<std::size_t>(*size);
}

}  // namespace

struct Keeper::State {
    explicit State(sys::UniqueFd socket) : lane(std::move(socket)) {}
    std::mutex mutex;
    registry::Lane lane;
};

Keeper::Keeper(sys::UniqueFd socket) : state_(std::make_shared<State>(std::move(socket))) {}

Result<Keeper> Keeper::start() {
    auto [ours, theirs] = TRY(sys::make_stream_pair());
    sys::SpawnRequest request;
    request.path = "/proc/self/exe";
    request.args = {"crank-net", "keeper"};
    request.env = sys::environment();
    request.fds = {{theirs.get(), kSocket}};
    // Its pidfd may go: the keeper ends when the socket or this process does.
    TRY(sys::spawn(request)).release();
    return Keeper(std::move(ours));
}

Result<Fields> Keeper::ask(const Fields& question, std::string* data) {
    std::lock_guard lock(state_->mutex);
    auto gone = [] {
        return fail(Code::internal, "the part of crank-net that keeps secrets ended");
    };
    if (!state_->lane.send(FrameKind::request, registry::encode(question))) return gone();
    while (true) {
        auto frame = TRY(state_->lane.receive());
        if (!frame) return gone();
        if (frame->kind == FrameKind::data && data != nullptr) data->append(frame->text());
        if (frame->kind != FrameKind::result) continue;
        Fields answer = TRY(registry::decode(frame->text()));
        if (auto error = registry::error_of(answer)) return fail(*std::move(error));
        return answer;
    }
}

Result<std::optional<registry::Credential>> Keeper::credential(const std::string& domain,
                                                               const std::string& repository) {
    Fields answer =
        TRY(ask({{"op", "credential"}, {"domain", domain}, {"repository", repository}}));
    if (TRY(field(answer, "found")) == "false") return std::optional<registry::Credential>();
    return std::optional(registry::Credential{TRY(field(answer, "user")),
                                              Secret(TRY(field(answer, "secret"))),
                                              TRY(field(answer, "token")) == "true"});
}

Result<TlsTrust> Keeper::trust(const std::string& domain) {
    std::string data;
    Fields answer = TRY(ask({{"op", "trust"}, {"domain", domain}}, &data));
    std::size_t authorities = TRY(size_of(answer, "authorities"));
    std::size_t certificate = TRY(size_of(answer, "certificate"));
    if (authorities + certificate > data.size())
        return fail(Code::internal, "the keeper's answer is too short");
    TlsTrust trust;
    trust.authorities = data.substr(0, authorities);
    trust.certificate = data.substr(authorities, certificate);
    trust.key = data.substr(authorities + certificate);
    return trust;
}

Result<std::string> Keeper::store(const std::string& domain,
                                  const registry::Credential& credential) {
    return field(TRY(ask({{"op", "store"},
                          {"domain", domain},
                          {"user", credential.user},
                          {"secret", credential.secret.reveal()}})),
                 "where");
}

Result<bool> Keeper::erase(const std::string& domain) {
    return TRY(field(TRY(ask({{"op", "erase"}, {"domain", domain}})), "erased")) == "true";
}

Result<> serve_keeper() {
    TRY(sys::end_with_parent());
    TRY(sys::confine_process());
    sys::ignore_broken_pipe();
    registry::Lane lane{sys::UniqueFd(kSocket)};
    const char* home = std::getenv("HOME");
    Answerer answerer{lane, TRY(CredentialPlaces::of_environment()), home != nullptr ? home : ""};
    return registry::serve(lane, [&](const Fields& question) { return answerer.answer(question); });
}

}  // namespace crank::net
