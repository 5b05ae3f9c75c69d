#!/usr/bin/env bats
# Limits without root, where a part of cgroup v2 was given to the user. In a virtual machine:
# tests/vm/run.sh bats tests/vm/delegation.bats, and with VM_SYSTEMD=1 his own systemd too.

# shellcheck disable=SC2154 # run sets stderr
# shellcheck disable=SC2016 # what root's shell and the shell in the container expand
bats_require_minimum_version 1.5.0
load ../lib/crank
load ../lib/rootless

GROUPS_DIR=/sys/fs/cgroup
MANAGER=/user.slice/user-$USER_ID.slice/user@$USER_ID.service

setup_file() {
    [ -e "$GROUPS_DIR/cgroup.controllers" ] || { echo "this is not cgroup v2 alone" >&2; return 1; }
    user_setup_file
    # Where the checkout is mounted in the guest a user's namespace does not see its path.
    export USER_PROGRAMS=$CRANK_TEST_DIR/programs
    mkdir -p "$USER_PROGRAMS"
    cp -u "$CRANK_BIN"/crank{,-shim,-net} "$USER_PROGRAMS"
    as_user crank build -q -t busybox "$USER_DIR/context"
}
setup() { user_setup; }
teardown() { user_teardown; }
teardown_file() { user_teardown_file; }

has_systemd() { [ "$(cat /proc/1/comm)" = systemd ]; }

# give PATH: a group with controllers, the user's.
give() {
    local dir=$GROUPS_DIR$1 at=$GROUPS_DIR part
    for part in ${1//\// }; do
        echo "+memory +pids +cpu" >"$at/cgroup.subtree_control"
        at+=/$part
        mkdir -p "$at"
    done
    chown "$USER_ID" "$dir" "$dir/cgroup.procs" "$dir/cgroup.subtree_control" "$dir/cgroup.threads"
}
# in_group PATH COMMAND...: the user's command begins there
in_group() {
    local group=$1
    shift
    BEFORE="echo \$\$ >$GROUPS_DIR$group/cgroup.procs" as_user "$@"
}
no_dir() { [ ! -e "$1" ]; }

# limited RUN_AS...: all that limits are, in the group PLACE.
limited() {
    local id
    id=$("$@" crank run -d --name limited --network none --memory 64m --pids-limit 50 --cpus 0.5 busybox sleep 600)
    local group=$GROUPS_DIR$PLACE/$id
    [ "$(cat "$group/memory.max"),$(cat "$group/pids.max"),$(cat "$group/cpu.max")" = "67108864,50,50000 100000" ]
    run -0 "$@" crank exec limited cat /proc/self/cgroup
    [ "$output" = "0::/" ]
    [ "$(wc -l <"$group/cgroup.procs")" -ge 1 ]
    [ "$("$@" crank stats --no-stream --format '{{.MemUsage}}' limited | grep -c 64MiB)" = 1 ]
    "$@" crank update --memory 48m --memory-swap 96m limited
    [ "$(cat "$group/memory.max")" = 50331648 ]
    "$@" crank pause limited
    [ "$(cat "$group/cgroup.freeze")" = 1 ]
    "$@" crank unpause limited
    # a device is opened by nobody's leave: there is no program, and no node
    run "$@" crank exec limited sh -c 'mknod /x b 254 0'
    [ "$status" -ne 0 ]
    "$@" crank rm -f limited
    until_true no_dir "$group"
    run "$@" crank run --name eater --network none --memory 32m busybox sh -c 'x=x; while :; do x=$x$x; done'
    [ "$status" -ne 0 ]
    [ "$("$@" crank inspect --format '{{.State.OOMKilled}}' eater)" = true ]
    "$@" crank rm eater
}

@test "limits in a group that was given to the caller" {
    give /given
    PLACE=/given/crank limited in_group /given
    # his other processes of that group went into one of their own
    run -0 in_group /given/crank-callers crank run --rm --network none --memory 64m busybox echo again
    [ "$output" = again ]
    # a monitor that starts it again finds the place
    in_group /given crank run -d --name again --network none --memory 64m --restart on-failure:2 busybox false
    until_true restarted again 2
    in_group /given crank rm again
}
restarted() { [ "$(in_group /given crank inspect --format '{{.RestartCount}} {{.State.Running}}' "$1")" = "$2 false" ]; }

@test "what was not given on is an error, and the rest is applied" {
    mkdir -p "$GROUPS_DIR/part"
    give /part/own
    echo "-cpu" >"$GROUPS_DIR/part/cgroup.subtree_control"
    run -125 --separate-stderr in_group /part/own crank run --rm --network none --cpus 0.5 busybox true
    [[ "$stderr" == *"--cpus=0.5 cannot be applied: this host has no usable cpu cgroup controller"* ]]
    run -0 in_group /part/own crank run --rm --network none --memory 64m busybox true
    run -0 --separate-stderr in_group /part/own crank run --rm --network none --cpus 0.5 --limits best-effort busybox true
}

@test "where nothing was given a limit is the error that it was" {
    run -125 --separate-stderr as_user crank run --rm --network none --memory 64m busybox true
    [[ "$stderr" == *"--memory=64MiB cannot be applied"*"hint: limits take root"* ]]
    run -0 as_user crank run --rm --network none busybox true
}

@test "with his own systemd they lie in its unit" {
    has_systemd || skip "systemd is not the first process"
    mount --bind "$USER_DIR/etc/passwd" /etc/passwd
    mount --bind "$USER_DIR/etc/group" /etc/group
    install -d -o "$USER_ID" -g "$USER_ID" -m 700 "/run/user/$USER_ID"
    systemctl mask --runtime "user-runtime-dir@$USER_ID.service"
    mkdir -p "/run/systemd/system/user@.service.d"
    printf '[Unit]\nRequires=\nAfter=\n[Service]\nPAMName=\nEnvironment=XDG_RUNTIME_DIR=/run/user/%%i\nDelegate=cpu memory pids\n' \
        >"/run/systemd/system/user@.service.d/test.conf"
    systemctl daemon-reload
    systemctl start "user@$USER_ID.service"
    mkdir -p "$GROUPS_DIR$MANAGER/app.slice/caller.scope"
    RUNTIME_DIR=/run/user/$USER_ID PLACE=$MANAGER/app.slice/crank-containers.service \
        limited in_group "$MANAGER/app.slice/caller.scope"
    [ "$(cat "$GROUPS_DIR$MANAGER/app.slice/crank-containers.service/cgroup.procs")" = "" ]
    systemctl stop "user@$USER_ID.service"
    umount /etc/passwd /etc/group
}
