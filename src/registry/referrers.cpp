#include "registry/referrers.h"

#include "base/text.h"
#include "oci/image.h"
#include "oci/json_reader.h"

namespace crank::registry {

namespace {

Result<Referrer> read_referrer(const oci::Json& value, const std::string& path) {
    auto in = TRY(oci::ObjectReader::create(value, path, Code::corrupt));
    Referrer out;
    std::string digest;
    TRY(in.require("digest"));
    TRY(in.read("digest", digest));
    out.digest = TRY_IN(oci::Digest::parse(digest), path);
    TRY(in.read("mediaType", out.media_type));
    TRY(in.read("artifactType", out.artifact_type));
    TRY(in.read("size", out.size));
    if (out.size < 0) return fail(Code::corrupt, path + ": the size is negative");
    TRY(in.read("annotations", out.annotations));
    return out;
}

}  // namespace

Result<std::vector<Referrer>> parse_referrers(std::string_view json) {
    auto read = [&]() -> Result<std::vector<Referrer>> {
        auto root = TRY(oci::parse_json(json, Code::corrupt));
        auto in = TRY(oci::ObjectReader::create(root, "", Code::corrupt));
        std::string type;
        TRY(in.read("mediaType", type));
        if (!type.empty() && type != oci::kMediaTypeIndex)
            return fail(Code::corrupt, "it calls itself '" + type + "'");
        TRY(in.require("manifests"));
        std::vector<Referrer> out;
        TRY(in.each("manifests", [&](const oci::Json& value, const std::string& path) -> Result<> {
            out.push_back(TRY(read_referrer(value, path)));
            return {};
        }));
        return out;
    };
    return TRY_IN(read(), "the list of referrers");
}

std::string referrers_tag(const oci::Digest& subject) {
    std::string tag = subject.str();
    tag[tag.find(':')] = '-';
    return tag;
}

std::string next_page(std::string_view link) {
    while (!link.empty()) {
        std::size_t begin = link.find('<'), end = link.find('>', begin);
        if (begin == std::string_view::npos || end == std::string_view::npos) return "";
        // up to the next address: the parameters of this one
        std::size_t following = std::min(link.find('<', end), link.size());
        std::string parameters = to_lower(link.substr(end, following - end));
        if (parameters.find("rel=\"next\"") != std::string::npos ||
            parameters.find("rel=next") != std::string::npos)
            return std::string(link.substr(begin + 1, end - begin - 1));
        link = link.substr(following);
    }
    return "";
}

}  // namespace crank::registry
