#include "oci/index_edit.h"

#include "oci/json_reader.h"
#include "oci/json_writer.h"

namespace crank::oci {

Result<std::string> edit_index(std::string_view json, const std::set<std::size_t>& removed,
                               const std::vector<Descriptor>& added) {
    TRY(parse_index(json));
    Json root = TRY_IN(parse_json(json, Code::corrupt), "image index");
    // The canonical form of the new ones.
    Index addition{std::string(kMediaTypeIndex), added, {}};
    Json fresh = TRY(parse_json(serialize(addition), Code::internal));
    Json manifests = Json::array();
    Json& old = root["manifests"];
    for (std::size_t i = 0; i < old.size(); ++i)
        if (!removed.contains(i)) manifests.push_back(std::move(old[i]));
    for (Json& one : fresh["manifests"]) manifests.push_back(std::move(one));
    root["manifests"] = std::move(manifests);
    return text_of(root);
}

}  // namespace crank::oci
