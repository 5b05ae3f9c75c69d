// The file system in which one step is executed: the layers below, a new upper directory, and at
// the very bottom a layer of ours that holds nothing but mount points and what crank lends to the
// step. Mounts find their places there, so none has to be made in the layer that is being built.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "build/tidy.h"
#include "runtime/plan.h"
#include "store/store.h"
#include "sys/unique_fd.h"

namespace crank::build {

class Workspace {
public:
    // `parent`: diff ids, lowest first. Removed when it goes, unless committed.
    static Result<Workspace> create(store::Store& store, std::span<const oci::Digest> parent);

    // The merged root, writable. Close it before the step's changes are read in upper.
    Result<sys::UniqueFd> open_merged() const;
    // What lies below the new layer, read-only.
    Result<sys::UniqueFd> open_below() const;
    // Other layers, read-only: the source of COPY --from. Error: failed_precondition (no layer).
    Result<sys::UniqueFd> open_layers(store::Store& store,
                                      std::span<const oci::Digest> diff_ids) const;
    // For the runtime; mounted volatile: a layer is synced when it is committed, or not at all.
    Result<runtime::Rootfs> rootfs() const;

    // Puts an empty directory or a file into the bottom layer; missing parents are made. `path` is
    // absolute in the container. An image that has the path itself hides it.
    Result<> lend_directory(const std::string& path) const;
    Result<> lend_file(const std::string& path, std::string_view content) const;

    // Makes sure that a mount finds its place: in the bottom layer, or where the image hides that
    // in the new one, from which tidy() takes what is still empty. Returns where it is, with the
    // image's links resolved.
    Result<std::string> place_mount(const std::string& path, bool directory);
    // A detached mount of what lies at `path` in other layers: read-only, or writable with what is
    // written lost. Errors: not_found.
    Result<sys::UniqueFd> clone_layers(store::Store& store, std::span<const oci::Digest> diff_ids,
                                       const std::string& path, bool writable) const;

    // For the monitor of a container of it: as long as it has that open, nobody sweeps the
    // directory.
    Result<sys::UniqueFd> hold() const;

    const std::string& upper() const { return staging_.upper(); }
    // A private directory for files of the step's own, absolute.
    std::string scratch() const { return staging_.path() + "/scratch"; }
    std::string mount_point() const { return staging_.path() + "/mnt"; }

    Result<TidyReport> tidy() const;
    // The upper directory as a layer; call tidy() first.
    Result<store::Layer> commit(store::Store& store, const store::CommitOptions& options) &&;

private:
    Workspace(store::Staging staging, store::LayerStack below)
        : staging_(std::move(staging)), below_(std::move(below)) {}
    Result<> prepare();
    Result<sys::UniqueFd> open_read_only(const store::LayerStack& stack) const;
    Result<sys::UniqueFd> open_image() const;
    Result<std::string> new_work() const;
    Result<std::string> new_directory(const char* prefix) const;
    std::string relative(const std::string& path) const;
    std::string bottom() const { return staging_.path() + "/bottom"; }
    std::string nothing() const { return staging_.path() + "/nothing"; }  // an empty lower layer

    store::Staging staging_;
    store::LayerStack below_;
    mutable int works_ = 0;
    std::vector<std::string> places_;  // of mounts, that the image does not have
};

}  // namespace crank::build
