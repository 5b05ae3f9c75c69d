#!/usr/bin/env bats
# What a worker sees and reaches from inside its container, with nothing but defaults.

bats_require_minimum_version 1.5.0
load ../lib/crank

setup_file() {
    crank_setup_file
    probe_image
}
setup() { crank_setup; }
teardown() { crank_teardown; }
teardown_file() { crank_teardown_file; }

# Fails with the first line of standard input that no pattern (extended, whole line) matches.
only() {
    local line pattern
    while IFS= read -r line; do
        for pattern in "$@"; do
            if [[ $line =~ ^($pattern)$ ]]; then continue 2; fi
        done
        echo "not expected: $line" >&2
        return 1
    done
}

# JSON list of policy/paths.json, without the paths that exist once per CPU.
policy_paths() {
    jq -r ".$1[].path | select(contains(\"{\") | not)" "$CRANK_SOURCE/policy/paths.json"
}

@test "only the container's own processes are visible" {
    run -0 --separate-stderr probe -- ls /proc
    local -a pids
    mapfile -t pids < <(printf '%s\n' "$output" | grep -x '[0-9]*')
    # the init, if there is one, and the probe
    [ "${#pids[@]}" -ge 1 ]
    [ "${#pids[@]}" -le 2 ]
    run -0 --separate-stderr probe -- cat /proc/1/comm
    only probe 'crank-(init|shim)' <<<"$output"
}

@test "a process of the host cannot be signalled or looked at by its pid" {
    sleep 60 &
    local victim=$!
    run -1 --separate-stderr probe -- cat "/proc/$victim/status"
    [ "$output" = ENOENT ]
    kill "$victim"
}

@test "no mount of the host is visible" {
    run -0 --separate-stderr probe -- cat /proc/self/mountinfo
    # field 5 is the mount point
    awk '{ print $5 }' <<<"$output" | only / \
        '/proc(/.*)?' '/sys(/firmware|/devices/.*|/fs/cgroup(/.*)?)?' \
        '/dev(/pts|/shm|/mqueue|/console|/null|/zero|/full|/random|/urandom|/tty)?' \
        '/etc/(hosts|hostname|resolv\.conf)' \
        '/(run|sbin|dev)/[^/]*init'
    # nothing mounted later on the host comes in, and nothing mounted inside goes out
    ! grep -E ' (shared|master):[0-9]+ ' <<<"$output"
}

@test "a mount made on the host later does not appear inside" {
    crank run -d --name sleeper --network none probe sleep 30 >/dev/null
    mkdir -p "$CRANK_TEST_DIR/later"
    mount -t tmpfs later-tmpfs "$CRANK_TEST_DIR/later"
    run -0 --separate-stderr crank exec sleeper /probe cat /proc/self/mountinfo
    umount "$CRANK_TEST_DIR/later"
    [[ $output != *later-tmpfs* ]]
}

@test "a shared mount of the host does not stay shared when it is bound" {
    local source=$CRANK_TEST_DIR/shared
    mkdir "$source"
    mount -t tmpfs shared-tmpfs "$source"
    mount --make-shared "$source"
    run --separate-stderr probe -v "$source:/x" -- cat /proc/self/mountinfo
    umount "$source"
    rmdir "$source"
    [ "$status" -eq 0 ]
    grep -q ' /x ' <<<"$output"
    ! grep -E ' (shared|master):[0-9]+ ' <<<"$output"
}

@test "the root holds the image's files and the usual mount points, nothing else" {
    run -0 --separate-stderr probe -- ls /
    only probe proc sys dev etc run tmp '\.dockerenv' <<<"$output"
}

@test "/dev holds the standard nodes and no device of the host" {
    run -0 --separate-stderr probe -- nodes /dev
    only 'null c 1:3' 'zero c 1:5' 'full c 1:7' 'random c 1:8' 'urandom c 1:9' 'tty c 5:0' \
        'console c [0-9:]+' '(ptmx|fd|stdin|stdout|stderr|core) l' 'ptmx c 5:2' \
        '(pts|shm|mqueue) d' <<<"$output"
    local node
    for node in 'null c 1:3' 'zero c 1:5' 'full c 1:7' 'random c 1:8' 'urandom c 1:9' 'tty c 5:0'; do
        grep -qx "$node" <<<"$output"
    done
}

@test "a node made for a disk of the host cannot be opened" {
    local disk
    disk=$(awk 'NR > 2 && $1 != "" { print $1 ":" $2; exit }' /proc/partitions)
    require "a disk in /proc/partitions" test -n "$disk"
    run --separate-stderr probe --tmpfs /tmp -- block-node /tmp/disk "$disk"
    only EPERM EACCES <<<"$output"
}

@test "masked paths read as empty" {
    local path
    for path in $(policy_paths masked); do
        [ -e "$path" ] || continue
        if [ -d "$path" ]; then
            run -0 --separate-stderr probe -- ls "$path"
        else
            run -0 --separate-stderr probe -- cat "$path"
        fi
        [ -z "$output" ] || { echo "$path is not masked" >&2; return 1; }
    done
}

@test "throttling counters of every cpu are masked" {
    local path
    for path in /sys/devices/system/cpu/cpu[0-9]*/thermal_throttle; do
        [ -d "$path" ] || continue
        run -0 --separate-stderr probe -- ls "$path"
        [ -z "$output" ]
    done
}

@test "read-only paths cannot be written" {
    run --separate-stderr probe -- write /proc/sys/kernel/hostname x
    only EROFS <<<"$output"
    if [ -e /proc/sysrq-trigger ]; then
        run --separate-stderr probe -- open-for-writing /proc/sysrq-trigger
        only EROFS <<<"$output"
    fi
    # the others are directories: their mount must say so
    run -0 --separate-stderr probe -- cat /proc/self/mountinfo
    local path
    for path in $(policy_paths readonly); do
        [ -e "$path" ] || continue
        awk -v path="$path" '$5 == path && $6 ~ /(^|,)ro(,|$)/ { found = 1 } END { exit !found }' \
            <<<"$output" || { echo "$path is writable" >&2; return 1; }
    done
}

@test "/sys and the cgroups are read-only" {
    run -0 --separate-stderr probe -- cat /proc/self/mountinfo
    awk '$5 == "/sys" || $5 ~ "^/sys/fs/cgroup" { if ($6 !~ /(^|,)ro(,|$)/) bad = bad " " $5 }
        END { if (bad) { print "writable:" bad; exit 1 } }' <<<"$output"
}

@test "uid 0 has the default capabilities and no more" {
    run -0 --separate-stderr probe -- cat /proc/self/status
    local set
    for set in CapEff CapPrm CapBnd; do
        [ "$(field "$set" <<<"$output")" = 00000000a80425fb ]
    done
    for set in CapInh CapAmb; do
        [ "$(field "$set" <<<"$output")" = 0000000000000000 ]
    done
}

@test "another user has no capability in effect" {
    run -0 --separate-stderr probe -u 1000:1000 -- cat /proc/self/status
    [ "$(field Uid <<<"$output")" = 1000 ]
    [ "$(field Gid <<<"$output")" = 1000 ]
    [ "$(field CapEff <<<"$output")" = 0000000000000000 ]
    [ "$(field CapPrm <<<"$output")" = 0000000000000000 ]
    [ "$(field CapAmb <<<"$output")" = 0000000000000000 ]
    # no group of whoever called crank
    [[ $(grep '^Groups:' <<<"$output") =~ ^Groups:[[:space:]]*(1000)?[[:space:]]*$ ]]
}

@test "no new privileges, and a filter is in force" {
    run -0 --separate-stderr probe -- cat /proc/self/status
    [ "$(field NoNewPrivs <<<"$output")" = 1 ]
    [ "$(field Seccomp <<<"$output")" = 2 ]
}

@test "every process of the container is confined, its init and what exec starts too" {
    crank run -d --name confined --network none probe sleep 30 >/dev/null
    run -0 --separate-stderr crank exec confined /probe cat /proc/1/status , cat /proc/self/status
    [ "$(grep -c '^NoNewPrivs:.*1$' <<<"$output")" = 2 ]
    [ "$(grep -c '^Seccomp:.*2$' <<<"$output")" = 2 ]
    [ "$(grep -c '^CapBnd:.*00000000a80425fb$' <<<"$output")" = 2 ]
}

@test "calls that reach past the container are refused" {
    run -0 --separate-stderr probe -- attempts
    only 'clone3 ENOSYS' '[a-z-]+ EPERM' <<<"$output"
}

@test "it has namespaces of its own" {
    local kind paths=()
    for kind in mnt pid uts ipc net cgroup; do paths+=("/proc/self/ns/$kind"); done
    run -0 --separate-stderr probe -- links "${paths[@]}"
    local -a inside
    mapfile -t inside <<<"$output"
    [ "${#inside[@]}" -eq 6 ]
    local i
    for i in "${!paths[@]}"; do
        [ "${inside[i]}" != "$(readlink "${paths[i]}")" ] ||
            { echo "${paths[i]} is the host's" >&2; return 1; }
    done
}

@test "it has a host name of its own" {
    run -0 --separate-stderr probe -- hostname
    [ "$output" != "$(uname -n)" ]
    [[ $output =~ ^[0-9a-f]{12}$ ]]
}

@test "without a network there is only lo" {
    run -0 --separate-stderr probe -- ls /sys/class/net
    [ "$output" = lo ]
}

@test "no descriptor above 2 is open" {
    exec 7</etc/passwd
    run -0 --separate-stderr probe -- descriptors
    exec 7<&-
    [ -z "$output" ]
}

@test "exec passes no descriptor either" {
    crank run -d --name quiet --network none probe sleep 30 >/dev/null
    exec 7</etc/passwd
    run -0 --separate-stderr crank exec quiet /probe descriptors
    exec 7<&-
    [ -z "$output" ]
}

@test "the environment is the image's, not the caller's" {
    export CRANK_TEST_CANARY=host LD_PRELOAD_CANARY=host
    run -0 --separate-stderr probe -- environment
    only 'PATH=[^:=]+(:[^:=]+)*' 'HOSTNAME=[0-9a-f]{12}' 'HOME=/(root)?' 'TERM=.*' <<<"$output"
    run -0 --separate-stderr probe -e SAID=yes -- environment
    grep -qx SAID=yes <<<"$output"
}

@test "the cgroup looks like the root of all" {
    run -0 --separate-stderr probe -- cat /proc/self/cgroup
    only '[0-9]+:[^:]*:/' <<<"$output"
}

@test "no process shows the host's crank, nor lets its program be written" {
    crank run -d --name target --network none probe sleep 30 >/dev/null
    # EACCES is the best answer
    run --separate-stderr crank exec target /probe links /proc/1/exe /proc/self/exe
    [ "${#lines[@]}" -eq 2 ]
    [ "${lines[1]}" = /probe ]
    local crank_path shim_path
    crank_path=$(readlink -f "$(command -v crank)")
    shim_path=$(dirname "$crank_path")/crank-shim
    [[ $output != *"$crank_path"* && $output != *"$shim_path"* ]]
    # even uid 0 inside gets no writable descriptor of what runs as process 1
    run -1 --separate-stderr crank exec target /probe open-for-writing /proc/1/exe
    only ETXTBSY EACCES EPERM EROFS <<<"$output"
}

@test "an entrypoint of /proc/self/exe reaches nothing of the host" {
    local crank_path before
    crank_path=$(readlink -f "$(command -v crank)")
    before=$(sha256sum "$crank_path" "$(dirname "$crank_path")/crank-shim")
    run crank run --rm --network none --entrypoint /proc/self/exe probe --help
    [[ $output != *Usage:*crank* ]]
    [ "$(sha256sum "$crank_path" "$(dirname "$crank_path")/crank-shim")" = "$before" ]
}
