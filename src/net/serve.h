// `crank-net registry`: serves requests of crank's on the lanes it was started with
// (registry/lane.h), one thread each, until they are closed.
//
// Requests ("op") and what they answer with besides "error.*":
//   resolve   reference, platform -> digest, media_type, domain, repository, insecure,
//             manifest_size; data: the manifest's bytes, then the configuration's
//   blob      domain, repository, insecure, digest, size -> data: the blob's bytes, verified
//   parts     (place), digest, size, parts: "begin-end,begin-end" -> data: these bytes of the blob,
//             one after the other; nothing proves them but their length
//   target    reference -> domain, repository, insecure: where it is pushed to
//   has       (place), digest, from -> present: "true", "mounted" or "false"
//   put       (place), digest, size, offset, attempt; then data from there and an end -> {}
//   resume    (place), digest -> offset: from where the put that failed last goes on
//   manifest  (place), tag, media_type; then data and an end -> digest
//   referrers reference -> digest, pages: sizes "12,345"; data: the pages of the list
//   search    domain, term, limit -> kind: "search" or "catalog", pages: sizes; data: the pages
//   registries -> domains: whom a search without a registry asks
//   login     domain, user, secret -> stored: where
//   logout    domain -> erased: "true" or "false"
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace crank::net {

// `words`: --lanes=N and perhaps --tls-verify=false. Lane I is descriptor 3 + I.
Result<> serve_registry(const std::vector<std::string>& words);

}  // namespace crank::net
