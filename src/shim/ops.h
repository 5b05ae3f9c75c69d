// The single operations, grouped by subject. Each returns 0 or an errno.
#pragma once

#include <stdint.h>

#include "shim/child.h"
#include "shim/plan_view.h"

namespace crank::shim {

// ops_mount.cpp
struct Root {
    int fd = -1;      // the container's root directory while it is being built
    int bind = -1;    // of open_bind
    int mask = -1;    // the empty directory over the first one that is hidden; others get it too
    int mounts = -1;  // the mount namespace that all this is done in, where it is left again
};
int isolate_mounts(const Op& op, Root& root);
int mount_overlay(const PlanView& plan, const Op& op);
int open_root(const PlanView& plan, const Op& op, Root& root);
int change_root(const Op& op);
int attach_root(const Op& op, Root& root);
int make_dir(const PlanView& plan, const Op& op, const Root& root);
int mount_fs(const PlanView& plan, const Op& op, const Root& root);
int open_bind(const PlanView& plan, const Op& op, Root& root);
int attach_mount(const PlanView& plan, const Op& op, const Root& root);
int make_node(const PlanView& plan, const Op& op, const Root& root);
int make_link(const PlanView& plan, const Op& op, const Root& root);
int mask_path(const PlanView& plan, const Op& op, Root& root);
int readonly_path(const PlanView& plan, const Op& op, const Root& root);
int enter_root(Root& root);
int copy_root(const PlanView& plan, const Op& op, Root& root);
int enter_copy(const Root& root);
int make_root_readonly();

// locker.cpp
int lock_mounts(const ChildIo& io, Root& root);

// ops_process.cpp
int write_file(const char* path, const char* content);
int loopback_up();
int wait_gate(int fd);
int change_dir(const char* path);
// `master`: left open there, close-on-exec, where it is not null.
int open_terminal(const PlanView& plan, const Op& op, int socket, int* master);
int connect_stdio(const PlanView& plan, const Op& op, const ChildIo& io);
int give_output(const Op& op, const ChildIo& io);
int set_bounding(uint64_t keep);
int set_user(const PlanView& plan, const Op& op);
int become_mapped_root(const Op& op);
int raise_limit(const Op& op);
int set_capabilities(uint64_t effective, uint64_t permitted, uint64_t inheritable);
int set_ambient(uint64_t mask);
int set_seccomp(const PlanView& plan, const Op& op, const ChildIo& io);
int execute(const PlanView& plan, const Op& op);

// ops_hand_over.cpp
int bind_root(const PlanView& plan, const Op& op);
int bind_descriptor(const PlanView& plan, const Op& op);
int set_propagation(const PlanView& plan, const Op& op, const Root& root);
int report_reached(const ChildIo& io, uint32_t op);
int await_start(const PlanView& plan, const Op& op, ChildIo& io);
int find_program(const PlanView& plan, const Op& op);

// ops_landlock.cpp
int enter_landlock(const PlanView& plan, const Op& op);

// home.cpp
int find_home(const Op& op);
// "HOME=..." as find_home left it; empty before.
char* found_home();

// init.cpp: returns 0 in the worker's process; the init itself never returns.
int become_init(const PlanView& plan, const ChildIo& io);

}  // namespace crank::shim
