// What the requests of serve.h do.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "net/client.h"
#include "oci/image.h"
#include "registry/lane.h"

namespace crank::net {

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
    Result<registry::Fields> login(const registry::Fields& request);
    Result<registry::Fields> logout(const registry::Fields& request);

    struct Document {
        std::string bytes, media_type;
        oci::Digest digest;
    };
    Result<Document> fetch_document(const Target& target, const std::string& name,
                                    const oci::Descriptor* expected);
    Result<Target> place_of(const registry::Fields& request, const std::string& actions);
    Result<registry::Url> start_upload(const Target& target, const std::string& query,
                                       bool& finished);
    Result<> drain();

    Context& context_;
    registry::Lane& lane_;
    Client client_;
    bool uploading_ = false;  // the request's data has not ended
};

}  // namespace crank::net
