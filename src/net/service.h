// What the requests of serve.h do.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "net/client.h"
#include "oci/image.h"
#include "registry/lane.h"

namespace crank::net {

class LaneUpload;

class Service {
public:
    Service(Context& context, registry::Lane& lane);

    // Answers with everything but the result's frame.
    Result<registry::Fields> perform(const registry::Fields& request);

private:
    Result<registry::Fields> resolve(const registry::Fields& request);
    Result<registry::Fields> resolve_at(const registry::Endpoint& endpoint,
                                        const oci::Reference& reference,
                                        const registry::Fields& request);
    Result<registry::Fields> blob(const registry::Fields& request);
    Result<registry::Fields> parts(const registry::Fields& request);
    Result<registry::Fields> target(const registry::Fields& request);
    Result<registry::Fields> has(const registry::Fields& request);
    Result<registry::Fields> put(const registry::Fields& request);
    Result<registry::Fields> put_manifest(const registry::Fields& request);
    Result<registry::Fields> referrers(const registry::Fields& request);
    Result<registry::Fields> referrers_at(const registry::Endpoint& endpoint,
                                          const oci::Reference& reference);
    Result<std::optional<std::vector<std::string>>> listed_referrers(const Target& target,
                                                                     const std::string& subject);
    // Asks the places that `typed` may mean, one after the other, until one has it.
    using AtPlace = std::function<Result<registry::Fields>(const registry::Endpoint& endpoint,
                                                           const oci::Reference& candidate)>;
    Result<registry::Fields> first_of(const std::string& typed, const oci::Reference& reference,
                                      const AtPlace& ask);
    // service_search.cpp
    Result<registry::Fields> search(const registry::Fields& request);
    Result<registry::Fields> registries(const registry::Fields& request);
    Result<std::optional<std::string>> searched(const Target& target, const std::string& term,
                                                const std::string& limit);
    Result<std::vector<std::string>> catalogue(const Target& target);
    Result<registry::Fields> login(const registry::Fields& request);
    Result<registry::Fields> logout(const registry::Fields& request);
    // service_fetch.cpp
    Result<registry::Fields> fetch(const registry::Fields& request);
    Result<> fetch_once(registry::Url url, std::int64_t most, bool& begun);

    struct Document {
        std::string bytes, media_type;
        oci::Digest digest;
    };
    Result<Document> fetch_document(const Target& target, const std::string& name,
                                    const oci::Descriptor* expected);
    Result<Target> place_of(const registry::Fields& request, const std::string& actions);
    Result<> drain();

    // service_upload.cpp
    struct Upload {
        std::string digest;
        registry::Url place;     // where it goes on
        std::int64_t least = 0;  // bytes that the registry wants in a PATCH
        std::int64_t sent = 0;   // bytes, of which the registry may have fewer
        bool finished = false;   // the blob is there already
    };
    Result<registry::Fields> resume(const registry::Fields& request);
    Result<Upload> start_upload(const Target& target, const std::string& query);
    static Result<registry::Url> place_of_upload(const Target& target, const registry::Url& from,
                                                 const HttpResponse& response);
    void cancel(const Target& target, const Upload& upload);
    Result<HttpResponse> send(const Target& target, HttpRequest request, LaneUpload& data,
                              std::int64_t size);
    Result<> send_whole(const Target& target, LaneUpload& data, std::int64_t size);
    Result<> send_chunks(const Target& target, LaneUpload& data, std::int64_t at,
                         std::int64_t size);
    std::unexpected<Error> refused(const Target& target, const HttpResponse& response,
                                   std::int64_t size);
    registry::Url closing_url() const;

    Context& context_;
    registry::Lane& lane_;
    Client client_;
    bool uploading_ = false;               // the request's data has not ended
    std::optional<Upload> broken_;         // the last upload, as long as it has not succeeded
    std::optional<HttpResponse> refusal_;  // its last answer, where another may follow
    std::map<std::string, std::int64_t> largest_;  // bytes that an origin takes at once
};

}  // namespace crank::net
