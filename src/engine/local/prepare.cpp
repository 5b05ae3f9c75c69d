#include "engine/local/prepare.h"

#include "base/text.h"
#include "engine/bottom_layer.h"
#include "engine/local/host_devices.h"
#include "engine/local/layer_view.h"
#include "engine/sweep.h"
#include "oci/reference.h"
#include "oci/runtime_spec.h"
#include "oci/users.h"
#include "runtime/host.h"
#include "sys/capabilities.h"
#include "sys/file.h"
#include "sys/landlock.h"
#include "sys/system.h"

namespace crank::engine::local {
namespace {

constexpr std::size_t kMaxUserFile = std::size_t{1} << 20;

Result<std::string> file_or_empty(const store::LayerStack& layers, std::string_view path) {
    Result<std::string> text = read_in_layers(layers, path, kMaxUserFile);
    if (!text && text.error().code() == Code::not_found) return "";
    return text;
}

struct Users {
    oci::UserEntry worker;
    std::vector<std::uint32_t> added_groups;
};

Result<oci::UserFiles> user_files(const Image& image) {
    return oci::UserFiles{TRY(file_or_empty(image.stored.layers, "/etc/passwd")),
                          TRY(file_or_empty(image.stored.layers, "/etc/group"))};
}

const std::string& named_user(const Image& image, const RunOptions& options) {
    return !options.user.empty() ? options.user : image.stored.config.config.user;
}

Result<Users> find_users(const Image& image, const RunOptions& options) {
    oci::UserFiles files = TRY(user_files(image));
    Users users{TRY(oci::resolve_user(named_user(image, options), files)), {}};
    for (const std::string& group : options.settings.group_add)
        users.added_groups.push_back(
            TRY_IN(oci::resolve_user("0:" + group, files), "--group-add").gid);
    return users;
}

oci::SeccompWorld seccomp_world(const runtime::HostFacts& host, const std::string& release) {
    std::vector<std::string> parts = split(release, '.');
    auto number = [&](std::size_t i) {
        std::string text = i < parts.size() ? parts[i] : "";
        text = text.substr(0, text.find_first_not_of("0123456789"));
        return static_cast<int>(parse_int(text).value_or(0));
    };
    return {.architecture = host.architecture,
            .capabilities = {},
            .kernel_major = number(0),
            .kernel_minor = number(1)};
}

Result<> check_binds(const RunOptions& options) {
    for (const BindMount& mount : options.binds) {
        if (mount.volume) continue;  // made by the start
        if (Result<sys::FileInfo> source = sys::stat(mount.source); !source) {
            if (source.error().code() != Code::not_found) return fail(std::move(source).error());
            return fail(Error(Code::not_found, "--volume " + mount.source + ":" +
                                                   mount.destination + ": " + mount.source +
                                                   " does not exist")
                            .with_hint("mkdir -p " + mount.source));
        }
    }
    return {};
}

unsigned cpus_with_own_files(const runtime::HostFacts& host) {
    bool has = sys::exists("/sys/devices/system/cpu/cpu0/thermal_throttle");
    return has ? static_cast<unsigned>(host.cpus) : 0;
}

// The version of its interface.
Result<int> require_landlock() {
    if (int version = sys::landlock_version(); version > 0) return version;
    return fail(
        Error(Code::unsupported,
              "--sandbox strict cannot be applied: this kernel has no Landlock, or does not "
              "use it (Linux 5.13; `lsm=` on the kernel's command line)")
            .with_hint("--sandbox default starts the worker without it"));
}

// Files that are not there have nothing to say; others that cannot be read must not be passed over.
Result<std::string> subordinate_ids(const char* path) {
    constexpr std::size_t kMaxSize = std::size_t{1} << 20;
    Result<std::string> text = sys::read_file(path, kMaxSize);
    if (!text && text.error().code() == Code::not_found) return "";
    return text;
}

Result<ids::Pool> pool_of(const Config& config) {
    return ids::choose_pool(config.text("userns.range"), TRY(subordinate_ids("/etc/subuid")),
                            TRY(subordinate_ids("/etc/subgid")));
}

std::uint32_t size_of(const RunOptions& options) {
    return options.userns && options.userns->size != 0 ? options.userns->size : ids::kDefaultSize;
}

// Taken from no pool, and not out of it: there is nothing to give back, and what --userns=auto
// gives a container is no other one's.
Result<std::optional<ids::Lease>> named_ids(const StartRequest& request) {
    const auto& wanted = request.options.userns;
    if (!wanted || !wanted->named) return std::optional<ids::Lease>();
    // Where there is no pool, there are no ids of it.
    Result<ids::Pool> pool = pool_of(request.config);
    if (pool && pool->meets(*wanted->named)) {
        auto ids = [&](std::uint32_t first) {
            return std::to_string(first) + " to " +
                   std::to_string(first + pool->unit * pool->blocks - 1);
        };
        std::string groups = pool->gid == pool->uid ? "" : ", groups " + ids(pool->gid);
        return fail(
            Error(Code::invalid_argument,
                  "--uidmap and --gidmap name ids that --userns=auto gives to containers: " +
                      ids(pool->uid) + groups + " (" + pool->source + ")")
                .with_hint("name others, or leave the choice to --userns=auto"));
    }
    return std::optional(ids::Lease{*wanted->named, 0, 0});
}

// Paths below the store's root are given relative to it: mount(2) takes a page of options.
std::string relative_to(const std::string& base, const std::string& path) {
    if (path.starts_with(base + "/")) return path.substr(base.size() + 1);
    return path;
}

}  // namespace

std::optional<std::string> alias_of(const Config& config, const std::string& typed) {
    std::optional<std::string> target = config.alias(typed);
    if (target) return target;
    Result<oci::Reference> reference = oci::Reference::parse(typed);
    return reference ? config.alias(reference->familiar()) : std::nullopt;
}

Result<oci::UserEntry> worker_of(const Image& image, const RunOptions& options) {
    return oci::resolve_user(named_user(image, options), TRY(user_files(image)));
}

Result<Image> find_or_fetch(const StartRequest& request) {
    const std::string& typed = request.options.image;
    Result<Image> found = find_image(request.paths, request.config, typed);
    bool wanted = !found && found.error().code() == Code::not_found && request.fetch_image &&
                  !alias_of(request.config, typed);
    if (!wanted) return found;
    TRY(request.fetch_image(typed));
    return find_image(request.paths, request.config, typed);
}

Result<Image> find_image(const Paths& paths, const Config& config, const std::string& typed) {
    std::string wanted = typed, alias;
    if (auto target = alias_of(config, typed)) wanted = alias = *target;
    Result<store::Store> store = store::Store::open(paths.root, store::OpenMode::read_only);
    if (!store) {
        if (store.error().code() != Code::not_found) return fail(std::move(store).error());
        return fail(Error(Code::not_found, "no such image: " + typed)
                        .with_hint("crank build, crank load or crank image bootstrap make one"));
    }
    Result<store::Image> stored = store->find(wanted);
    if (!stored) {
        Error error = std::move(stored).error();
        if (!alias.empty())
            error = std::move(error).with_context(typed + " stands for " + alias +
                                                  " (alias in the configuration)");
        return fail(std::move(error));
    }
    store::Pin pin = TRY(store->pin(*stored));
    return Image{std::move(*stored), typed, alias, std::move(pin)};
}

Result<runtime::HostFacts> host_for_containers() {
    runtime::HostFacts host = TRY(runtime::probe_host());
    if (!host.root)
        return fail(Error(Code::permission_denied, "starting a container needs root")
                        .with_hint("sudo crank run ..., or a plain process: crank run --native -- "
                                   "COMMAND"));
    return host;
}

Result<Prepared> prepare(const StartRequest& request, const runtime::HostFacts& host, Image image,
                         const std::string& id, const std::optional<ids::Lease>& ids) {
    TRY(check_binds(request.options));
    Users users = TRY(find_users(image, request.options));
    sys::KernelInfo kernel = sys::kernel_info();
    const std::string& network_of = request.options.settings.network_of;
    SpecRequest wanted{.image = image.stored.config,
                       .options = request.options,
                       .host = host,
                       .user = std::move(users.worker),
                       .id = id,
                       .files_dir = request.paths.monitor(network_of.empty() ? id : network_of),
                       .own_files_dir = request.paths.monitor(id),
                       .host_name = kernel.host_name,
                       .ids = ids ? std::optional(ids->range) : std::nullopt,
                       .held = TRY(sys::permitted_capabilities()),
                       .added_groups = std::move(users.added_groups),
                       .seccomp_world = seccomp_world(host, kernel.release),
                       .masked_cpus = cpus_with_own_files(host)};
    SpecResult made = TRY(make_spec(wanted));
    int landlock = made.confinement ? TRY(require_landlock()) : 0;
    if (request.options.settings.privileged) TRY(add_host_devices(made.spec));
    made.spec.process.console_rows = request.rows;
    made.spec.process.console_columns = request.columns;
    runtime::Rootfs rootfs = rootfs_of(request.paths, image.stored.layers, id,
                                       request.options.settings, request.options.remove);
    bool wants_devices = !request.options.gpus.empty() || !request.options.devices.empty();
    std::string plain = wants_devices ? oci::serialize(made.spec) : "";
    Devices devices = TRY(add_devices(request, host, image.stored, made));
    return Prepared{
        host, std::move(image), std::move(made), std::move(rootfs), landlock, std::move(devices),
        ids,  std::move(plain)};
}

runtime::Rootfs rootfs_of(const Paths& paths, const store::LayerStack& layers,
                          const std::string& id, const Settings& settings, bool throw_away) {
    runtime::Rootfs rootfs{
        .base = layers.base, .lower = layers_below(layers, settings), .throw_away = throw_away};
    // Also under --read-only: without an upper directory overlayfs wants two lower ones, and a
    // mount point that the image lacks could not be made.
    rootfs.upper = relative_to(rootfs.base, paths.container(id) + "/upper");
    rootfs.work = relative_to(rootfs.base, paths.container(id) + "/work");
    return rootfs;
}

Result<std::optional<ids::Lease>> lease_ids(const StartRequest& request, const std::string& id) {
    if (!wants_own_ids(request.options)) return std::nullopt;
    if (auto named = TRY(named_ids(request))) return named;
    ids::Pool pool = TRY(pool_of(request.config));
    return TRY(ids::take(place_of(request.paths), pool, size_of(request.options), id));
}

Result<std::optional<ids::Lease>> imagine_ids(const StartRequest& request) {
    if (!wants_own_ids(request.options)) return std::nullopt;
    if (auto named = TRY(named_ids(request))) return named;
    ids::Pool pool = TRY(pool_of(request.config));
    return ids::Lease{pool.range_at(0, size_of(request.options)), 0, 0};
}

}  // namespace crank::engine::local
