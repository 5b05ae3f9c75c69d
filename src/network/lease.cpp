#include "network/lease.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "base/text.h"
#include "network/service.h"
#include "network/subnet.h"
#include "sys/file.h"

namespace crank::network {

namespace {

std::string lease_dir(const std::string& state_dir) { return state_dir + "/leases"; }
std::string hint_path(const std::string& state_dir) { return state_dir + "/next"; }

// Always as long, so that it can be overwritten in place: a reader sees the old or the new one.
std::string format_hint(std::uint32_t offset) {
    char text[16];
    std::snprintf(text, sizeof text, "%010u\n", offset);
    return text;
}

// Offsets inside the subnet that containers may have: in the range, after the subnet's own address,
// before the broadcast.
struct Offsets {
    std::uint32_t first, last, gateway;
    std::uint32_t after(std::uint32_t offset) const {
        std::uint32_t next = offset >= last ? first : offset + 1;
        return next == gateway && first != last ? after(next) : next;
    }
};

Offsets offsets_of(const Pool& pool) {
    auto last = static_cast<std::uint32_t>(pool.subnet.size() - 2);
    Offsets offsets{1, last, pool.gateway.value - pool.subnet.base.value};
    if (pool.range) {
        std::uint32_t begin = pool.range->base.value - pool.subnet.base.value;
        offsets.first = std::max(begin, offsets.first);
        offsets.last = static_cast<std::uint32_t>(
            std::min<std::uint64_t>(begin + pool.range->size() - 1, last));
    }
    if (offsets.first == offsets.gateway && offsets.first < offsets.last) ++offsets.first;
    return offsets;
}

std::uint32_t read_hint(const std::string& state_dir, const Offsets& offsets) {
    auto text = sys::read_file(hint_path(state_dir));
    auto value = text ? parse_int(trim(*text)) : std::nullopt;
    if (!value || *value < offsets.first || *value > offsets.last) return offsets.first;
    return static_cast<std::uint32_t>(*value);
}

Result<> write_hint(const std::string& state_dir, std::uint32_t offset) {
    return sys::write_knob(hint_path(state_dir), format_hint(offset));
}

Error none_is_free(const Pool& pool) {
    return Error(Code::exhausted,
                 "no address is free in " + (pool.range ? *pool.range : pool.subnet).text())
        .with_hint("remove containers that are no longer needed: crank rm");
}

Result<> take_exactly(const std::string& path, std::string_view container_id,
                      const std::string& what) {
    constexpr std::size_t kShownId = 12;
    auto made = sys::make_symlink(std::string(container_id), path);
    if (made || made.error().code() != Code::already_exists) return made;
    std::string holder = sys::read_link(path).value_or("another");
    if (is_service(holder))
        return fail(Error(Code::already_exists, what + ": the address is in use by a service of a "
                                                       "compose project")
                        .with_hint("another address; those of services are the last ones"));
    return fail(Code::already_exists,
                what + ": the address is in use by container " + holder.substr(0, kShownId));
}

}  // namespace

Result<> prepare_leases(const std::string& state_dir) {
    return sys::make_dirs(lease_dir(state_dir));
}

Result<Lease> take_lease(const std::string& state_dir, const Pool& pool,
                         std::string_view container_id) {
    const Offsets offsets = offsets_of(pool);
    // From the look at the hint to its change: two at once would otherwise write it in either
    // order, and a hint that goes back gives out an address that has not rested.
    sys::UniqueFd lock = TRY(sys::lock_file(hint_path(state_dir), sys::LockMode::exclusive));
    const std::uint32_t start = read_hint(state_dir, offsets);
    std::uint32_t offset = start;
    do {
        sys::Ipv4 address{pool.subnet.base.value + offset};
        std::string path = lease_dir(state_dir) + "/" + address.text();
        auto made = sys::make_symlink(std::string(container_id), path);
        if (made) {
            auto noted = write_hint(state_dir, offsets.after(offset));
            // Nobody would give it back.
            if (!noted) {
                (void)sys::remove_file(path);
                return fail(std::move(noted).error());
            }
            return Lease{address, std::move(path)};
        }
        if (made.error().code() != Code::already_exists) return fail(std::move(made).error());
        offset = offsets.after(offset);
    } while (offset != start);
    return fail(none_is_free(pool));
}

Result<Lease> take_last_lease(const std::string& state_dir, const Pool& pool, std::string_view id,
                              const std::vector<std::string>& others) {
    const Offsets offsets = offsets_of(pool);
    for (std::uint32_t offset = offsets.last; offset >= offsets.first; --offset) {
        sys::Ipv4 address{pool.subnet.base.value + offset};
        if (offset == offsets.gateway || std::ranges::find(others, address.text()) != others.end())
            continue;
        std::string path = lease_dir(state_dir) + "/" + address.text();
        auto made = sys::make_symlink(std::string(id), path);
        if (made) return Lease{address, std::move(path)};
        if (made.error().code() != Code::already_exists) return fail(std::move(made).error());
    }
    return fail(none_is_free(pool));
}

Result<Lease> take_wanted_lease(const std::string& state_dir, const Pool& pool,
                                std::string_view container_id, std::string_view wanted) {
    // Docker's rule: the range is for those who do not ask.
    Pool whole(pool.subnet);
    whole.gateway = pool.gateway;
    const Offsets offsets = offsets_of(whole);
    auto address = sys::parse_ipv4(wanted);
    bool inside = address && pool.subnet.contains(*address);
    std::uint32_t offset = inside ? address->value - pool.subnet.base.value : 0;
    if (!inside || offset < offsets.first || offset > offsets.last || offset == offsets.gateway)
        return fail(
            Error(Code::invalid_argument,
                  "--ip " + std::string(wanted) + ": the bridge has no such address for containers")
                .with_hint("from " + sys::Ipv4{pool.subnet.base.value + offsets.first}.text() +
                           " to " + sys::Ipv4{pool.subnet.base.value + offsets.last}.text()));
    std::string path = lease_dir(state_dir) + "/" + address->text();
    TRY(take_exactly(path, container_id, "--ip " + std::string(wanted)));
    return Lease{*address, std::move(path)};
}

Result<Lease6> take_lease6(const std::string& state_dir, const sys::Ipv6Prefix& subnet,
                           const sys::Ipv6& gateway, std::string_view container_id,
                           std::string_view wanted, std::uint32_t offset) {
    if (!wanted.empty()) {
        auto address = sys::parse_ipv6(wanted);
        if (!address || !subnet.contains(*address) || *address == gateway ||
            *address == subnet.base)
            return fail(Error(Code::invalid_argument,
                              "--ip6 " + std::string(wanted) +
                                  ": the network has no such address for containers")
                            .with_hint("one of " + subnet.text()));
        std::string path = lease_dir(state_dir) + "/" + address->text();
        TRY(take_exactly(path, container_id, "--ip6 " + std::string(wanted)));
        return Lease6{*address, std::move(path)};
    }
    constexpr int kTries = 64;
    sys::Ipv6 address = subnet.base.plus(offset);
    for (int i = 0; i < kTries; ++i) {
        std::string path = lease_dir(state_dir) + "/" + address.text();
        bool usable = subnet.contains(address) && address != gateway;
        auto made = usable ? sys::make_symlink(std::string(container_id), path)
                           : fail(Code::already_exists, "");
        if (made) return Lease6{address, std::move(path)};
        if (made.error().code() != Code::already_exists) return fail(std::move(made).error());
        address = address.plus(std::uint64_t{1} << 16);
    }
    return fail(Code::exhausted, "no address is free in " + subnet.text());
}

Result<> drop_lease(const std::string& path, std::string_view container_id) {
    auto owner = sys::read_link(path);
    if (!owner && owner.error().code() == Code::not_found) return {};
    if (TRY(std::move(owner)) != container_id) return {};
    auto removed = sys::remove_file(path);
    if (!removed && removed.error().code() == Code::not_found) return {};
    return removed;
}

bool holds_lease(const std::string& state_dir, const std::string& address, std::string_view id) {
    auto holder = sys::read_link(lease_dir(state_dir) + "/" + address);
    return holder && *holder == id;
}

namespace {

Result<std::vector<std::string>> list_leases(const std::string& state_dir) {
    auto entries = sys::list_dir(lease_dir(state_dir));
    if (!entries && entries.error().code() == Code::not_found) return std::vector<std::string>();
    return entries;
}

}  // namespace

Result<std::string> find_lease(const std::string& state_dir, std::string_view id) {
    for (const std::string& entry : TRY(list_leases(state_dir)))
        if (sys::parse_ipv4(entry) && holds_lease(state_dir, entry, id)) return entry;
    return std::string();
}

Result<std::size_t> count_leases(const std::string& state_dir) {
    std::size_t count = 0;
    for (const std::string& entry : TRY(list_leases(state_dir)))
        if (auto id = sys::read_link(lease_dir(state_dir) + "/" + entry))
            count += is_service(*id) ? 0 : 1;
    return count;
}

Result<std::size_t> drop_dead_leases(const std::string& state_dir,
                                     const std::function<bool(const std::string& id)>& alive) {
    std::size_t dropped = 0;
    for (const std::string& entry : TRY(list_leases(state_dir))) {
        std::string path = lease_dir(state_dir) + "/" + entry;
        auto id = sys::read_link(path);
        if (!id || is_service(*id) || alive(*id)) continue;
        TRY(drop_lease(path, *id));
        ++dropped;
    }
    return dropped;
}

}  // namespace crank::network
