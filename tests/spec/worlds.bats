#!/usr/bin/env bats
# Kernels and surroundings that have less than crank needs, or less than it uses: what can be done
# without is done without, the rest is an error that says so, and nothing is left.
#
# shellcheck disable=SC2016 # what jq and the containers expand
# shellcheck disable=SC2030,SC2031 # each test has its own output

bats_require_minimum_version 1.5.0
load ../lib/oci
load ../lib/without

setup_file() {
    oci_setup_file
    without_setup
}
setup() {
    oci_setup
    id=$TEST_ID-$BATS_TEST_NUMBER
    edit '.process.args = ["echo", "hello"]'
}
teardown() { oci_teardown; }
teardown_file() { common_teardown; }

# run_without CALLS: a container of the bundle's
run_without() {
    timeout 20 "$CRANK_TEST_DIR/without" "${2:-ENOSYS}" "$1" \
        crank-oci --root "$CRANK_TEST_DIR/oci" run --bundle "$BUNDLE" "$id" </dev/null
}

# Numbers from 424 on are the same on every architecture.
@test "what the kernel must have is an error that names the step and what to do, and leaves nothing" {
    require "a filter around a command" can_filter
    while IFS=@ read -r call step; do
        run run_without "$call"
        if [ "$status" -ne 1 ] || [[ "$output" != *"$step: Function not implemented"*"lacks a system call"*"crank doctor"* ]]; then
            echo "without $call: $status $output" >&2
            return 1
        fi
        oci_nothing_left
    done <<'END'
437@mount proc on /proc
435@create the container's process
428,429,430@mount proc on /proc
430@mount proc on /proc
429@mount proc on /proc
436@create the container's process
END
    # as a container's filter that knows nothing of them says it
    run run_without 437 EPERM
    [ "$status" -eq 1 ] && [[ "$output" = *"mount proc on /proc: Operation not permitted"* ]]
}

@test "without Landlock, session keyrings or statx a container runs as with them" {
    require "a filter around a command" can_filter
    local keyctl=250 statx=332
    if [ "$(uname -m)" = aarch64 ]; then keyctl=219 statx=291; fi
    run -0 run_without "444,445,446,$keyctl,$statx"
    [ "$output" = hello ]
}

# read_only COMMAND...: where nobody may write to any hierarchy
read_only() {
    unshare --mount --propagation private bash -c '
        awk '\''$3 == "cgroup" || $3 == "cgroup2" { print $2 }'\'' /proc/mounts | while read -r place; do
            mount -o remount,bind,ro "$place" || exit 125
        done
        exec "$@"' read_only "$@"
}

@test "with hierarchies that are read-only a container is an error that names the group" {
    run -1 read_only crank-oci --root "$CRANK_TEST_DIR/oci" run --bundle "$BUNDLE" "$id" </dev/null
    [[ "$output" = *"/sys/fs/cgroup"*"crank-oci/$id: Read-only file system"* ]]
    oci_nothing_left
}

@test "without any hierarchy a container runs, and one with limits does not" {
    none() {
        unshare --mount --propagation private bash -c '
            umount -R /sys/fs/cgroup && exec "$@"' none "$@"
    }
    run -0 none crank-oci --root "$CRANK_TEST_DIR/oci" run --bundle "$BUNDLE" "$id" </dev/null
    [[ "$output" = *hello* ]]
    edit '.linux.resources.memory = {limit: 33554432}'
    run -1 none crank-oci --root "$CRANK_TEST_DIR/oci" run --bundle "$BUNDLE" "$id" </dev/null
    [[ "$output" = *"linux.resources has limits and this host has no writable cgroups"* ]]
    oci_nothing_left
}
