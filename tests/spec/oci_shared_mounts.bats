#!/usr/bin/env bats
# Containers without a mount namespace of their own (decision 32).
#
# shellcheck disable=SC2016 # what jq and the containers expand
# shellcheck disable=SC2030,SC2031 # each test has its own output

bats_require_minimum_version 1.5.0
load ../lib/oci

setup_file() {
    oci_setup_file
    echo inside >"$CRANK_TEST_DIR/rootfs/etc/place"
}
setup() {
    oci_setup
    id=$TEST_ID-$BATS_TEST_NUMBER
    edit '.linux.namespaces |= map(select(.type != "mount"))'
}
teardown() { oci_teardown; }
teardown_file() { common_teardown; }

# Not everything is: a kernel before 6.15 cannot.
can_share() {
    local major minor
    IFS=. read -r major minor _ <<<"$(uname -r)"
    [ "$major" -gt 6 ] || { [ "$major" -eq 6 ] && [ "${minor%%[!0-9]*}" -ge 15 ]; }
}

mounts() { sort /proc/self/mountinfo; }

@test "without a mount namespace a container has its root and mounts, and the host none of them" {
    require "Linux 6.15" can_share
    local before
    before=$(mounts)
    edit '.process.args = ["sleep", "100"]'
    oci create --bundle "$BUNDLE" "$id" </dev/null >/dev/null
    [ "$(mounts)" = "$before" ]
    oci start "$id"
    pid=$(oci state "$id" | jq .pid)
    [ "$(readlink "/proc/$pid/ns/mnt")" = "$(readlink /proc/self/ns/mnt)" ]
    [ "$(cat "/proc/$pid/root/etc/place")" = inside ]
    # of a new /proc: the container's own processes; and a new /dev
    [ "$(readlink "/proc/$pid/root/proc/1/exe")" = /bin/busybox ]
    [ -c "/proc/$pid/root/dev/null" ]
    [ ! -e "$CRANK_TEST_DIR/rootfs/dev/null" ]
    [ "$(mounts)" = "$before" ]
    # by a kill too, nothing stays
    kill -KILL "$pid"
    until_true status_is "$id" stopped
    [ "$(mounts)" = "$before" ]
}

@test "it is masked, read-only and bound as with one; exec has the container's root" {
    require "Linux 6.15" can_share
    mkdir -p "$CRANK_TEST_DIR/data"
    echo data >"$CRANK_TEST_DIR/data/file"
    edit --arg data "$CRANK_TEST_DIR/data" '.process.args = ["sleep", "100"] | .root.readonly = true |
        .mounts += [{destination: "/tmp", type: "bind", source: $data, options: ["rbind", "ro", "rprivate"]}]'
    oci run --detach --bundle "$BUNDLE" "$id" </dev/null >/dev/null
    run -0 oci exec "$id" sh -c 'cat /etc/place /tmp/file; wc -c </proc/timer_list; pwd
        touch /x; touch /tmp/x; echo 1 >/proc/sys/kernel/panic; true'
    [[ "$output" = "inside"*"data"*"0"*"/"*"/x: Read-only"*"/tmp/x: Read-only"*"panic: Read-only"* ]]
    [ ! -e "$CRANK_TEST_DIR/data/x" ]
    # nothing of the host's
    run -0 oci exec "$id" ls /etc
    [ "$output" = place ]
}

@test "its root is not left: by chroot, by a user namespace, by the mount namespace's own entrance" {
    require "Linux 6.15" can_share
    musl-gcc -static -O1 -o "$CRANK_TEST_DIR/rootfs/bin/leave" -x c - <<'END'
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
static void look(const char *how) {
    struct stat place;
    printf("%s: %s\n", how, stat("etc/place", &place) == 0 ? "inside" : strerror(errno));
}
int main(void) {
    int here = open("/", O_RDONLY | O_DIRECTORY);
        printf("chroot %d\n", chroot("/tmp"));
    if (fchdir(here) != 0) return 1;
    for (int i = 0; i < 64; i++)
        if (chdir("..") != 0) return 2;
    look("above");
    printf("user namespace: %s\n", unshare(CLONE_NEWUSER) == 0 ? "made" : strerror(errno));
    if (fchdir(here) != 0) return 3;
    int own = open("proc/self/ns/mnt", O_RDONLY);
    printf("mount namespace: %s\n", own < 0 ? "no such" : setns(own, CLONE_NEWNS) == 0 ? "entered" : strerror(errno));
    return 0;
}
END
    edit '.process.args = ["leave"] | .process.capabilities |= map_values(. + ["CAP_SYS_CHROOT"])'
    run -0 oci run --bundle "$BUNDLE" "$id" </dev/null
    [[ "$output" = *"chroot 0"*"above: inside"*"user namespace: Operation not permitted"*"mount namespace: Operation not permitted"* ]]
}

@test "what would lead out of it, or would be the host's, is refused by name" {
    local before filter wanted
    before=$(mounts)
    cp "$BUNDLE/config.json" good.json
    while IFS=@ read -r filter wanted; do
        jq "$filter" good.json >"$BUNDLE/config.json"
        run -1 oci create --bundle "$BUNDLE" "$id" </dev/null
        if [[ "$output" != *"$wanted"* ]]; then
            echo "$filter: $output, not $wanted" >&2
            return 1
        fi
    done <<'END'
.process.capabilities.bounding += ["CAP_SYS_ADMIN"]@process.capabilities: CAP_SYS_ADMIN needs a mount namespace
.linux.rootfsPropagation = "rshared"@linux.rootfsPropagation: 'rshared' needs a mount namespace
.mounts += [{destination: "/tmp", type: "bind", source: "/tmp", options: ["bind", "rslave"]}]@mounts: the propagation of /tmp needs a mount namespace
.linux.namespaces |= map(select(.type != "uts"))@would be the host's: there is no UTS namespace
END
    [ "$(mounts)" = "$before" ]
    if can_share; then
        cp good.json "$BUNDLE/config.json"
        edit '.process.args = ["sleep", "100"]'
        oci run --detach --bundle "$BUNDLE" "$id" </dev/null >/dev/null
        run -255 oci exec --cap CAP_SYS_ADMIN "$id" true
        [[ "$output" = *"CAP_SYS_ADMIN needs a mount namespace"* ]]
    fi
}

@test "a kernel that cannot do it says so, and leaves nothing" {
    if can_share; then skip "Linux 6.15 can"; fi
    local before
    before=$(mounts)
    run -1 oci create --bundle "$BUNDLE" "$id" </dev/null
    [[ "$output" = *"for a container without a mount namespace (Linux 6.15)"*"not supported"* ]]
    [ "$(mounts)" = "$before" ]
}
