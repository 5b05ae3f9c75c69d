#include "build/step_mounts.h"

#include <algorithm>
#include <cstdlib>

#include "base/secret.h"
#include "build/cache_mounts.h"
#include "build/canonical.h"
#include "build/copy.h"
#include "sys/file.h"
#include "sys/memory_mount.h"
#include "sys/stream.h"
#include "sys/walk.h"

namespace crank::build {

namespace {

namespace df = dockerfile;
using Type = df::Mount::Type;

class Preparation {
public:
    Preparation(Workspace& workspace, const BuildRequest& request, store::Store& store)
        : workspace_(workspace), request_(request), store_(store) {}

    Result<> add(const df::Mount& mount, const MountSource& source) {
        switch (mount.type) {
            case Type::bind: return add_bind(mount, source);
            case Type::cache: return add_cache(mount, source);
            case Type::tmpfs: return add_tmpfs(mount);
            case Type::secret: return add_secret(mount);
            case Type::ssh: return add_agent(mount);
        }
        return {};
    }
    StepMounts take() {
        // What lies inside of another comes behind it.
        std::ranges::sort(out_.mounts, {}, [](const oci::Mount& mount) {
            return std::pair(mount.destination, mount.source);
        });
        return std::move(out_);
    }

private:
    Result<> add_made(sys::UniqueFd fd, const df::Mount& mount, bool read_only) {
        bool directory = TRY(sys::attributes_at(fd.get(), "")).is_dir();
        std::string name = workspace_.scratch() + "/mount" + std::to_string(out_.made.size());
        out_.mounts.push_back({TRY(workspace_.place_mount(mount.target, directory)),
                               "bind",
                               name,
                               {"bind", "nodev", read_only ? "ro" : "rw", "rprivate"}});
        out_.made.emplace(name, std::move(fd));
        return {};
    }

    Result<> add_bind(const df::Mount& mount, const MountSource& source) {
        auto fd = workspace_.clone_layers(store_, source.layers, source.path, !mount.read_only);
        if (!fd && fd.error().code() == Code::not_found)
            return fail(Code::not_found,
                        mount.source + " does not exist in " +
                            (mount.from.empty() ? "the build context" : mount.from));
        return add_made(TRY(std::move(fd)), mount, mount.read_only);
    }

    Result<> add_cache(const df::Mount& mount, const MountSource& source) {
        oci::Digest begins;
        if (!mount.from.empty()) begins = content_of(source);
        CacheDirectory cache =
            TRY(open_cache_directory(store_.root(), mount, begins, request_.cancel_fd));
        if (cache.fresh) {
            if (!mount.from.empty()) TRY(fill(cache, source));
            TRY(keep_cache_directory(cache));
        }
        out_.locks.push_back(std::move(cache.lock));
        out_.mounts.push_back({TRY(workspace_.place_mount(mount.target, true)),
                               "bind",
                               cache.path,
                               {"bind", "nodev", mount.read_only ? "ro" : "rw", "rprivate"}});
        return {};
    }

    Result<> fill(const CacheDirectory& cache, const MountSource& source) {
        sys::UniqueFd root = TRY(workspace_.open_layers(store_, source.layers));
        SourceTree tree(std::move(root), {}, SourceTree::Metadata::kept, "the source of the cache");
        std::vector<std::string> all{source.path == "/" ? "." : source.path};
        auto selection = TRY(tree.select(all, {}, {}));
        df::TransferStep step;
        step.dest = "/";
        sys::UniqueFd into = TRY(sys::open_dir(cache.path));
        return copy_into(
            {.root = into.get(), .tree = &tree, .selection = selection, .step = &step});
    }

    Result<> add_tmpfs(const df::Mount& mount) {
        oci::Mount made{TRY(workspace_.place_mount(mount.target, true)),
                        "tmpfs",
                        "tmpfs",
                        {"nosuid", "nodev", "mode=1777"}};
        if (mount.size) made.options.push_back("size=" + std::to_string(*mount.size));
        out_.mounts.push_back(std::move(made));
        return {};
    }

    Result<std::optional<Secret>> read_secret(const std::string& id) const {
        auto given = request_.secrets.find(id);
        if (given == request_.secrets.end()) return std::nullopt;
        if (given->second.value) return Secret(*given->second.value);
        if (given->second.file.empty()) {
            const char* value = std::getenv(given->second.env.c_str());
            return Secret(value == nullptr ? "" : value);
        }
        auto content = sys::read_file(given->second.file, kMaxSecret);
        if (!content) return fail(std::move(content).error().with_context("secret " + id));
        return Secret(std::move(*content));
    }

    Result<> add_secret(const df::Mount& mount) {
        auto secret = TRY(read_secret(mount.id));
        if (!secret) {
            if (!mount.required) return {};
            return fail(Error(Code::not_found, "the step needs the secret " + mount.id)
                            .with_hint("crank build --secret id=" + mount.id + ",src=FILE"));
        }
        if (!mount.env.empty()) {
            if (secret->reveal().find('\0') != std::string::npos)
                return fail(Code::invalid_argument,
                            "secret " + mount.id + " holds a NUL and cannot be a variable");
            out_.env.push_back(mount.env + "=" + secret->reveal());
        }
        if (mount.target.empty()) return {};
        sys::MemoryFile file{.content = secret->reveal(),
                             .mode = mount.mode.value_or(0400),
                             .uid = mount.uid.value_or(0),
                             .gid = mount.gid.value_or(0)};
        return add_made(TRY(sys::mount_memory_file(workspace_.mount_point(), file)), mount, true);
    }

    Result<> add_agent(const df::Mount& mount) {
        auto given = request_.agents.find(mount.id);
        if (given == request_.agents.end()) {
            if (!mount.required) return {};
            return fail(Error(Code::not_found, "the step needs the ssh agent " + mount.id)
                            .with_hint("crank build --ssh " + mount.id));
        }
        std::string number = std::to_string(out_.relays.size());
        std::string agent = given->second.front();
        if (!is_socket(agent)) {
            std::string directory = workspace_.scratch() + "/keys" + number;
            TRY(sys::make_dir(directory, 0700));
            out_.agents.push_back(TRY(OwnAgent::start(directory, given->second)));
            agent = out_.agents.back().socket();
        }
        std::string path = workspace_.scratch() + "/agent" + number;
        out_.relays.push_back(TRY(AgentRelay::open(path, agent, mount.mode.value_or(0600),
                                                   mount.uid.value_or(0), mount.gid.value_or(0))));
        out_.mounts.push_back({TRY(workspace_.place_mount(mount.target, false)),
                               "bind",
                               path,
                               {"bind", "ro", "rprivate"}});
        if (out_.relays.size() == 1) out_.env.push_back("SSH_AUTH_SOCK=" + mount.target);
        return {};
    }

    static bool is_socket(const std::string& path) {
        auto info = sys::stat(path);
        return info && !info->is_regular() && !info->is_dir();
    }

    Workspace& workspace_;
    const BuildRequest& request_;
    store::Store& store_;
    StepMounts out_;
};

}  // namespace

Result<StepMounts> prepare_mounts(const RunOp& op, std::span<const MountSource> sources,
                                  Workspace& workspace, const BuildRequest& request,
                                  store::Store& store) {
    Preparation preparation(workspace, request, store);
    for (std::size_t i = 0; i < op.mounts.size(); ++i)
        TRY_IN(preparation.add(op.mounts[i], sources[i]),
               "--mount=type=" + std::string(df::mount_type_name(op.mounts[i].type)));
    return preparation.take();
}

oci::Digest content_of(const MountSource& source) {
    if (source.tree != nullptr) return digest_of(source.selection);
    Canonical text("crank-mount-source-v1");
    for (const oci::Digest& layer : source.layers) text.add("layer", layer.str());
    text.add("path", source.path);
    return text.digest();
}

}  // namespace crank::build
