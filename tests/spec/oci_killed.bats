#!/usr/bin/env bats
# A `create` that was killed, whose shim has not cleaned up yet: the groups have the id in their path,
# and the id may be another container's by the time at which they are removed.

bats_require_minimum_version 1.5.0
load ../lib/oci

setup_file() { oci_setup_file; }
setup() {
    oci_setup
    id=$TEST_ID-$BATS_TEST_NUMBER
    starter=
    edit '.process.args = ["sleep", "100"]'
}
teardown() {
    exec 7>&-
    if [ -n "$starter" ]; then kill -CONT "$starter" 2>/dev/null || true; fi
    oci_teardown
}
teardown_file() { common_teardown; }

# A create is killed by its hook, which has stopped its shim before.
create_is_killed() {
    cat >kill-create <<END
#!/bin/sh
pgrep -P "\$PPID" -x crank-starter >$PWD/starter
kill -STOP "\$(cat $PWD/starter)"
kill -KILL "\$PPID"
END
    chmod +x kill-create
    edit --arg hook "$PWD/kill-create" '.hooks.createRuntime = [{path: $hook}]'
    run -137 oci create --bundle "$BUNDLE" "$id"
    edit 'del(.hooks)'
    starter=$(cat starter)
}
groups_of() { find /sys/fs/cgroup -mindepth 2 -type d -path "*crank-oci/$id"; }

# Whether it has gone to sleep and looked again more often than a create takes.
keeps_looking() { [ "$(awk '/^voluntary/ { print $2 }' "/proc/$1/status")" -gt 100 ]; }
# Reaped or not.
has_ended() { ! grep -q '^State:.[^ZX]' "/proc/$1/status" 2>/dev/null; }

@test "the next create of the id waits until the shim of a killed one has removed its groups" {
    create_is_killed
    crank-oci --root oci create --bundle "$BUNDLE" "$id" 3>&- &
    local next=$!
    until_true keeps_looking "$next"
    [ ! -e "oci/$id/state.json" ]
    kill -CONT "$starter"
    wait "$next"
    has_ended "$starter"
    [ -n "$(groups_of)" ]
    oci start "$id"
    status_is "$id" running
}

@test "so does the delete of one that was killed when it had been recorded" {
    run -137 env CRANK_CRASH_AT=oci.create.recorded crank-oci --root oci create --bundle "$BUNDLE" "$id"
    until_true status_is "$id" stopped
    # as its shim, which holds the file until it ends
    exec 7<"oci/$id/groups"
    flock -x 7
    crank-oci --root oci delete --force "$id" 7>&- 3>&- &
    local delete=$!
    until_true keeps_looking "$delete"
    [ -e "oci/$id/state.json" ]
    exec 7>&-
    wait "$delete"
    oci_nothing_left
}

@test "a shim that does not end is named; others' containers go on; it removes nothing that is not its own" {
    create_is_killed
    run -1 oci delete --force "$id"
    [[ "$output" = *"the crank-starter of a create of container \"$id\" that was killed has not cleaned up yet"* ]]
    [[ "$output" = *"is that process stopped? crank oci delete --force $id once it has ended"* ]]
    oci create --bundle "$BUNDLE" "$id-other"
    oci delete --force "$id-other"
    # somebody forgets it by hand, and the groups are the next container's
    rm -r "oci/$id"
    local -a groups
    mapfile -t groups < <(groups_of)
    [ "${#groups[@]}" -gt 0 ]
    kill -CONT "$starter"
    until_true has_ended "$starter"
    rmdir "${groups[@]}" # fails where one is gone
}
