#include "transfer/repair.h"

#include <set>

namespace crank::transfer {

namespace {

bool is_wanted(const store::Damage& damage) { return damage.layer && !damage.repaired; }

// "host/a/b@sha256:..." of the manifests that are the image's own: an index would be resolved for
// this machine, which need not be the one that the image is for.
Result<std::vector<std::string>> places(store::Store& store, const oci::Digest& image) {
    std::vector<std::string> out;
    for (const store::Store::Manifest& manifest : TRY(store.manifests_of(image)))
        if (oci::Digest::of(manifest.json) == manifest.digest)
            out.push_back(manifest.repository + "@" + manifest.digest.str());
    return out;
}

class Repairer {
public:
    Repairer(store::Store& store, const Connection& connection)
        : store_(store), connection_(connection) {}

    Result<> damage(store::Damage& damage) {
        for (const oci::Digest& image : damage.image_ids)
            for (const std::string& place : TRY(places(store_, image))) {
                if (TRY(is_here(damage))) return {};
                TRY(ask(place));
            }
        TRY(is_here(damage));
        return {};
    }
    std::vector<std::string> reasons;

private:
    // Damaged, it would not be found.
    Result<bool> is_here(store::Damage& damage) {
        damage.repaired = TRY(store_.find_layer(*damage.layer)).has_value();
        return damage.repaired;
    }
    Result<> ask(const std::string& place) {
        if (!asked_.insert(place).second) return {};
        auto pulled = pull(store_, connection_, place, "");
        if (pulled) return {};
        if (pulled.error().code() == Code::cancelled) return fail(std::move(pulled).error());
        reasons.push_back(place + ": " + pulled.error().text());
        return {};
    }

    store::Store& store_;
    const Connection& connection_;
    std::set<std::string> asked_;
};

}  // namespace

Result<bool> can_repair(store::Store& store, const store::VerifyReport& report) {
    for (const store::Damage& damage : report.damage) {
        if (!is_wanted(damage)) continue;
        for (const oci::Digest& image : damage.image_ids)
            if (!TRY(places(store, image)).empty()) return true;
    }
    return false;
}

Result<std::vector<std::string>> repair(store::Store& store, const Connection& connection,
                                        store::VerifyReport& report) {
    Repairer repairer(store, connection);
    for (store::Damage& damage : report.damage)
        if (is_wanted(damage)) TRY(repairer.damage(damage));
    return std::move(repairer.reasons);
}

}  // namespace crank::transfer
