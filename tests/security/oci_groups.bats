#!/usr/bin/env bats
# What a container with a cgroup mount of its own leaves there: nothing of it may keep its delete from
# working. Each attack has a benign twin.

bats_require_minimum_version 1.5.0
load ../lib/oci

setup_file() { oci_setup_file; }
setup() {
    oci_setup
    id=$TEST_ID-$BATS_TEST_NUMBER
    edit '(.mounts[] | select(.type == "cgroup")).options -= ["ro"]'
    # a hierarchy in which a group costs the kernel little
    groups=/sys/fs/cgroup/freezer
    if [ ! -d "$groups" ]; then groups=/sys/fs/cgroup; fi
}
teardown() { oci_teardown; }
teardown_file() { common_teardown; }

count_groups() { find "$groups/crank-oci/$id" -mindepth 1 -type d | wc -l; }

@test "more groups than anybody needs are removed" {
    sh_bundle "cd $groups; mkdir -p a/b; cd a; for i in \$(seq 1 105); do mkdir \$(seq \${i}000 \${i}099); done; echo made; sleep 60"
    oci create --bundle "$BUNDLE" "$id" >out
    oci start "$id"
    until_true grep -q made out
    [ "$(count_groups)" -gt 10000 ]
    run -0 oci delete --force "$id"
    [ ! -e "$groups/crank-oci/$id" ]
}

@test "groups deeper than any path are removed" {
    cc -static -x c -o "$BUNDLE/rootfs/bin/deep" - <<'C'
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
int main(void) {
    char name[201];
    memset(name, 'x', 200);
    name[200] = 0;
    for (int i = 0; i < 60; ++i)
        if (mkdir(name, 0755) != 0 || chdir(name) != 0) return 1;
    return 0;
}
C
    sh_bundle "cd $groups && deep && echo made; sleep 60"
    oci create --bundle "$BUNDLE" "$id" >out
    oci start "$id"
    until_true grep -q made out
    run -0 oci delete --force "$id"
    [ ! -e "$groups/crank-oci/$id" ]
}

@test "processes that froze themselves in a group of their own end all the same" {
    sh_bundle "cd $groups; mkdir own; sleep 600 & echo \$! >own/cgroup.procs
        echo FROZEN >own/freezer.state 2>/dev/null || echo 1 >own/cgroup.freeze; echo made; sleep 600"
    for shared in no yes; do
        # in the host's pid namespace nobody ends them with the first process
        if [ "$shared" = yes ]; then edit '.linux.namespaces |= map(select(.type != "pid"))'; fi
        oci create --bundle "$BUNDLE" "$id" >out
        oci start "$id"
        until_true grep -q made out
        run -0 oci delete --force "$id"
        [ ! -e "$groups/crank-oci/$id" ]
    done
}

@test "processes that multiply are ended with their groups" {
    edit '.linux.namespaces |= map(select(.type != "pid")) | .linux.resources.pids = {"limit": 60}'
    # shellcheck disable=SC2016 # the container's variable
    sh_bundle 'echo made; again() { while :; do sh -c "sleep 0.01; sleep 0.01" & sleep 0.01; done; }
        for i in 1 2 3 4 5; do setsid sh -c "$(type again | tail -n +2); again" & done; again'
    oci create --bundle "$BUNDLE" "$id" >out 2>/dev/null
    oci start "$id"
    until_true grep -q made out
    run -0 oci delete --force "$id"
    [ ! -e "$groups/crank-oci/$id" ]
}

@test "a container uses groups of its own, and they go with it" {
    sh_bundle "cd $groups; mkdir -p a/b && echo 0 >a/b/cgroup.procs && cat /proc/self/cgroup; rmdir a/b || echo busy"
    run -0 oci run --bundle "$BUNDLE" "$id"
    [[ "$output" = */a/b* && "$output" = *busy* ]]
    [ ! -e "$groups/crank-oci/$id" ]
}
