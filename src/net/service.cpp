#include "net/service.h"

#include <array>
#include <utility>

#include "base/text.h"
#include "net/gunzip.h"
#include "registry/document.h"

namespace crank::net {

namespace {

using registry::field;
using registry::Fields;

constexpr int kMaxIndexes = 4;             // inside each other
constexpr std::int64_t kTold = 64 * 1024;  // bytes after which crank hears how many have come

Fields place_fields(const registry::Endpoint& endpoint) {
    return {{"domain", endpoint.domain},
            {"repository", endpoint.repository},
            {"insecure", endpoint.insecure ? "true" : "false"}};
}

// Where another place may have what this one does not.
bool go_on(const Error& error) {
    return error.code() == Code::not_found || error.code() == Code::failed_precondition ||
           may_pass(error);
}

}  // namespace

Service::Service(Context& context, registry::Lane& lane)
    : context_(context), lane_(lane), client_(context, [&lane](const std::string& text) {
          // A lane that is closed shows at the next answer.
          (void)lane.send(registry::FrameKind::note, registry::shown(text));
      }) {}

Result<Fields> Service::perform(const Fields& request) {
    struct Operation {
        std::string_view name;
        Result<Fields> (Service::*perform)(const Fields&);
        bool uploads = false;
    };
    static constexpr std::array<Operation, 14> kOperations = {{
        {"resolve", &Service::resolve},
        {"blob", &Service::blob},
        {"parts", &Service::parts},
        {"target", &Service::target},
        {"has", &Service::has},
        {"put", &Service::put, true},
        {"resume", &Service::resume},
        {"manifest", &Service::put_manifest, true},
        {"referrers", &Service::referrers},
        {"search", &Service::search},
        {"registries", &Service::registries},
        {"fetch", &Service::fetch},
        {"login", &Service::login},
        {"logout", &Service::logout},
    }};
    std::string name = TRY(field(request, "op"));
    for (const Operation& operation : kOperations) {
        if (operation.name != name) continue;
        uploading_ = operation.uploads;
        auto answer = (this->*operation.perform)(request);
        if (uploading_) TRY(drain());
        return answer;
    }
    return fail(Code::internal, "no operation " + name);
}

// What crank still sends of an upload that has failed.
Result<> Service::drain() {
    while (uploading_) {
        auto frame = TRY(lane_.receive());
        if (!frame) return fail(Code::not_found, "crank is gone");
        uploading_ = frame->kind == registry::FrameKind::data;
    }
    return {};
}

Result<Target> Service::place_of(const Fields& request, const std::string& actions) {
    registry::Endpoint endpoint;
    endpoint.domain = TRY(field(request, "domain"));
    endpoint.repository = TRY(field(request, "repository"));
    endpoint.insecure = TRY(field(request, "insecure")) == "true";
    // They become a part of URLs.
    TRY(oci::Reference::parse(endpoint.domain + "/" + endpoint.repository));
    return client_.open(endpoint, actions);
}

// `name`: a tag or a digest. `expected`: the descriptor that led here, absent for a tag.
Result<Service::Document> Service::fetch_document(const Target& target, const std::string& name,
                                                  const oci::Descriptor* expected) {
    HttpRequest request;
    request.url = target.url("/manifests/" + name);
    request.headers = {"Accept: " + registry::accepted_documents()};
    request.max_body = registry::kMaxDocument;
    request.deadline = std::chrono::seconds(300);
    std::string what = "manifest of " + target.endpoint.repository + " " + name;
    HttpResponse response = TRY_IN(client_.request(target, request), what);
    if (!response.ok()) return fail(status_error(target, response, what));
    Document out{std::move(response.body), to_lower(response.header("content-type")), {}};
    out.media_type = std::string(trim(out.media_type.substr(0, out.media_type.find(';'))));
    out.digest = oci::Digest::of(out.bytes);
    auto differs = [&](const std::string& wanted) {
        return fail(Code::corrupt, what + " arrived with the digest " + out.digest.str() +
                                       " instead of " + wanted);
    };
    if (auto stated = response.header("docker-content-digest");
        !stated.empty() && TRY_IN(oci::Digest::parse(stated), what) != out.digest)
        return differs(stated);
    if (auto digest = oci::Digest::parse(name); digest && *digest != out.digest)
        return differs(name);
    if (expected != nullptr && expected->size != static_cast<std::int64_t>(out.bytes.size()))
        return fail(Code::corrupt, what + " has " + std::to_string(out.bytes.size()) +
                                       " bytes, not the " + std::to_string(expected->size) +
                                       " of its index");
    if (expected != nullptr && expected->media_type != out.media_type)
        return fail(Code::corrupt, what + ": the registry calls it '" + out.media_type +
                                       "', its index '" + expected->media_type + "'");
    return out;
}

Result<Fields> Service::resolve_at(const registry::Endpoint& endpoint,
                                   const oci::Reference& reference, const Fields& request) {
    Target target = TRY(client_.open(endpoint, "pull"));
    auto platform = TRY(registry::parse_platform(TRY(field(request, "platform"))));
    std::string name = reference.digest ? reference.digest->str() : reference.tag;
    Document top = TRY(fetch_document(target, name, nullptr)), document = top;
    for (int depth = 0;; ++depth) {
        auto kind = TRY_IN(registry::classify(document.media_type, document.bytes),
                           "manifest of " + reference.familiar());
        if (kind == registry::DocumentKind::manifest) break;
        if (depth == kMaxIndexes)
            return fail(Code::corrupt,
                        "the indexes of " + reference.familiar() + " are nested too deep");
        auto index = TRY(oci::parse_index(document.bytes));
        auto chosen = TRY_IN(registry::select(index, platform), reference.familiar());
        document = TRY(fetch_document(target, chosen.digest.str(), &chosen));
    }
    auto config = TRY(oci::parse_manifest(document.bytes)).config;
    if (config.size > static_cast<std::int64_t>(registry::kMaxDocument))
        return fail(Code::corrupt,
                    "the configuration of " + reference.familiar() + " is larger than 4 MiB");
    std::string text;
    TRY(client_.blob(target, config.digest, config.size, [&](Bytes bytes) -> Result<> {
        text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        return {};
    }));
    TRY(lane_.send(registry::FrameKind::data, document.bytes));
    TRY(lane_.send(registry::FrameKind::data, text));
    Fields answer = place_fields(endpoint);
    answer["digest"] = top.digest.str();
    answer["media_type"] = document.media_type;
    answer["manifest_size"] = std::to_string(document.bytes.size());
    return answer;
}

Result<Fields> Service::resolve(const Fields& request) {
    std::string typed = TRY(field(request, "reference"));
    auto reference = TRY(oci::Reference::parse(typed));
    return first_of(typed, reference, [&](const auto& endpoint, const auto& candidate) {
        return resolve_at(endpoint, candidate, request);
    });
}

Result<Fields> Service::first_of(const std::string& typed, const oci::Reference& reference,
                                 const AtPlace& ask) {
    const registry::RegistriesConf& conf = context_.settings().conf;
    std::optional<Error> last;
    for (const oci::Reference& candidate : conf.candidates(typed, reference))
        for (const registry::Endpoint& endpoint : TRY(conf.endpoints(candidate))) {
            auto answer = ask(endpoint, candidate);
            if (answer || !go_on(answer.error())) return answer;
            if (last) (void)lane_.send(registry::FrameKind::note, registry::shown(last->text()));
            last = std::move(answer).error();
        }
    if (!last) return fail(Code::not_found, "no registry is named for " + typed);
    return fail(*std::move(last));
}

Result<Fields> Service::blob(const Fields& request) {
    Target target = TRY(place_of(request, "pull"));
    auto digest = TRY(oci::Digest::parse(TRY(field(request, "digest"))));
    auto size = parse_int(TRY(field(request, "size")));
    if (!size || *size < 0) return fail(Code::internal, "the request has no size");
    auto send = [&](Bytes bytes) { return lane_.send(registry::FrameKind::data, bytes); };
    if (!request.contains("unzipped")) {
        TRY(client_.blob(target, digest, *size, send));
        return Fields{};
    }
    Gunzip gunzip("blob " + digest.str(), send);
    Result<> unzipped;
    std::int64_t moved = 0;
    TRY(client_.blob(target, digest, *size, [&](Bytes bytes) -> Result<> {
        moved += static_cast<std::int64_t>(bytes.size());
        if (moved >= kTold)
            TRY(lane_.send(registry::FrameKind::moved, std::to_string(std::exchange(moved, 0))));
        if (unzipped) unzipped = gunzip.feed(bytes);
        // Damage may be the consequence of its being another blob, which is known at its end.
        bool damaged = !unzipped && unzipped.error().code() == Code::corrupt;
        return damaged ? Result<>() : unzipped;
    }));
    TRY(std::move(unzipped));
    TRY(gunzip.finish());
    TRY(lane_.send(registry::FrameKind::moved, std::to_string(moved)));
    return Fields{};
}

Result<Fields> Service::parts(const Fields& request) {
    Target target = TRY(place_of(request, "pull"));
    auto digest = TRY(oci::Digest::parse(TRY(field(request, "digest"))));
    auto size = parse_int(TRY(field(request, "size")));
    if (!size || *size < 0) return fail(Code::internal, "the request has no size");
    auto parts = TRY(registry::parse_ranges(TRY(field(request, "parts")), *size));
    TRY(client_.parts(target, digest, *size, parts,
                      [&](Bytes bytes) { return lane_.send(registry::FrameKind::data, bytes); }));
    return Fields{};
}

Result<Fields> Service::target(const Fields& request) {
    auto reference = TRY(oci::Reference::parse(TRY(field(request, "reference"))));
    // The last is the registry itself, the others mirror it.
    return place_fields(TRY(context_.settings().conf.endpoints(reference)).back());
}

Result<Fields> Service::login(const Fields& request) {
    std::string domain = TRY(field(request, "domain"));
    registry::Credential credential{TRY(field(request, "user")),
                                    Secret(TRY(field(request, "secret"))), false};
    context_.set_credential(domain, credential.user, credential.secret.reveal());
    Target target = TRY(client_.open({domain, "", false, false}, "pull"));
    HttpRequest check;
    check.url = target.base;
    check.url.target = "/v2/";
    HttpResponse response = TRY(client_.request(target, check));
    if (response.status == 401 || response.status == 403)
        return fail(Code::permission_denied,
                    target.base.origin() + " does not accept this user and password");
    if (!response.ok()) return fail(status_error(target, response, "the login"));
    return Fields{{"stored", TRY(context_.keeper().store(domain, credential))}};
}

Result<Fields> Service::logout(const Fields& request) {
    bool erased = TRY(context_.keeper().erase(TRY(field(request, "domain"))));
    return Fields{{"erased", erased ? "true" : "false"}};
}

}  // namespace crank::net
