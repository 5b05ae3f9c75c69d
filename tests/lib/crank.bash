# shellcheck shell=bash
# For the .bats files that start containers: `load ../lib/crank`. One image root and one state
# directory serve a file's tests; after each test nothing of it may be left on the host.
#
#   setup_file()    { crank_setup_file; probe_image; }
#   setup()         { crank_setup; }
#   teardown()      { crank_teardown; }
#   teardown_file() { crank_teardown_file; }
# shellcheck source=tests/lib/common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

CRANK_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
: "${CRANK_LEFT_DEADLINE:=5}" # seconds until nothing may be left

can_run() { crank run --help; }

crank_setup_file() {
    common_setup
    export TMPDIR=$CRANK_TEST_DIR/tmp
    mkdir -p "$TMPDIR"
}

crank_setup() {
    require "root, for namespaces and cgroups" is_root
    require "crank run" can_run
    cd "$CRANK_TEST_DIR" || return 1
    CRANK_GROUPS_BEFORE=$(crank_groups)
}

# Removes the test's containers, then waits until nothing is left; what is left is named and fails
# the test.
crank_teardown() {
    cd / || return 1
    # what the last `run` saw, for whoever reads a failure
    if [ -z "${BATS_TEST_COMPLETED:-}" ]; then printf '%s\n' "${output:-}" "${stderr:-}" >&2; fi
    [ -n "${CRANK_GROUPS_BEFORE+set}" ] || return 0 # skipped
    local ids left until=$((SECONDS + CRANK_LEFT_DEADLINE))
    ids=$(crank ps --all --quiet) || return 1
    # shellcheck disable=SC2086 # one word an id
    if [ -n "$ids" ]; then crank rm --force $ids >/dev/null || return 1; fi
    while left=$(crank_left) && [ -n "$left" ]; do
        if [ "$SECONDS" -ge "$until" ]; then
            printf 'left behind after %s s:\n%s\n' "$CRANK_LEFT_DEADLINE" "$left" >&2
            return 1
        fi
        sleep 0.1
    done
}

crank_teardown_file() {
    if is_root; then crank_drop_bridge; fi
    common_teardown
}

# The bridge of a state directory stays, as it should on a host; this directory goes.
crank_drop_bridge() {
    local device
    device=$(ip -json link show type bridge |
        jq -r --arg owner "crank $CRANK_STATE/network" \
            '.[] | select(.ifalias == $owner) | .ifname') || return 1
    [ -n "$device" ] || return 0
    ip link delete "$device"
    nft delete table ip "crank_$device"
}

# Cgroups of containers (an id is hexadecimal), whoever started them.
crank_groups() {
    find /sys/fs/cgroup -mindepth 2 -type d -path '*crank*' -regextype posix-extended \
        -regex '.*[0-9a-f]{12,64}(\.scope)?' 2>/dev/null | sort
}

# One line for each thing of this test that is still there.
crank_left() {
    local file
    # a mount, in the host's mount namespace or in one that somebody holds
    grep -lsF -- "$CRANK_TEST_DIR" /proc/[0-9]*/mountinfo | sed 's/^/mounts: /' | head -5
    for file in /proc/[0-9]*; do
        crank_process_left "$file"
    done
    # a group that was not there before the test and holds nobody
    comm -13 <(printf '%s\n' "$CRANK_GROUPS_BEFORE") <(crank_groups) | while read -r file; do
        if [ -d "$file" ] && ! grep -qs . "$file/cgroup.procs"; then echo "cgroup: $file"; fi
    done
    find "$CRANK_STATE/containers" "$CRANK_ROOT/containers" "$CRANK_STATE/network/leases" \
        "$TMPDIR" -mindepth 1 -maxdepth 1 2>/dev/null | sed 's/^/file: /'
}

# A process of crank's that has one of the test's files open.
crank_process_left() {
    local name
    read -r name 2>/dev/null <"$1/comm" || return 0
    case $name in crank*) ;; *) return 0 ;; esac
    if find "$1/fd" "$1/cwd" -lname "$CRANK_TEST_DIR*" 2>/dev/null | grep -q .; then
        echo "process: $1 ($name)"
    fi
}

# The image `probe`: tests/security/probe.cpp as a static program, and nothing else.
probe_image() {
    is_root && can_run >/dev/null 2>&1 || return 0 # the tests say why they skip
    local context=$CRANK_TEST_DIR/probe-context
    mkdir -p "$context"
    musl-gcc -static -O1 -Wall -Wextra -x c++ -fno-exceptions -fno-rtti \
        -fno-threadsafe-statics "$CRANK_SOURCE/tests/security/probe.cpp" -o "$context/probe"
    cat >"$context/Dockerfile" <<'END'
FROM scratch
COPY probe /probe
ENTRYPOINT ["/probe"]
END
    crank build -q -t probe "$context" >/dev/null
}

# The image `busybox`: a shell and the usual tools, and the users root and worker (1000).
busybox_image() {
    is_root && can_run >/dev/null 2>&1 || return 0 # the tests say why they skip
    local context=$CRANK_TEST_DIR/busybox-context name
    mkdir -p "$context/root/bin" "$context/root/etc" "$context/root/tmp" \
        "$context/root/home/worker"
    cp /bin/busybox "$context/root/bin/busybox"
    for name in $(/bin/busybox --list); do
        [ "$name" = busybox ] || ln -s busybox "$context/root/bin/$name"
    done
    printf 'root:x:0:0:root:/root:/bin/sh\nworker:x:1000:1000::/home/worker:/bin/sh\n' \
        >"$context/root/etc/passwd"
    printf 'root:x:0:\nworker:x:1000:\nvideo:x:44:worker\n' >"$context/root/etc/group"
    cat >"$context/Dockerfile" <<'END'
FROM scratch
COPY root /
ENV PATH=/bin GREETING=hello
CMD ["sh"]
END
    crank build -q -t busybox "$context" >/dev/null
}

# probe [FLAG...] -- COMMAND...: runs the probe in a throw-away container without a network.
probe() {
    local -a flags=()
    while [ "$1" != -- ]; do
        flags+=("$1")
        shift
    done
    shift
    crank run --rm --network none "${flags[@]}" probe "$@"
}

# field NAME: the value of a line "NAME: value" or "NAME value" on standard input.
field() { awk -v name="$1" '{ key = $1; sub(/:$/, "", key) } key == name { print $2; exit }'; }

# monitor_of ID: the pid of a container's monitor; guard_of MONITOR: that of its guard.
monitor_of() { cut -d' ' -f3 "$CRANK_STATE/containers/$1/state"; }
guard_of() { pgrep -P "$1" -x crank-guard; }

# answer PORT: what a worker answers through its published port.
answer() { curl -sf --max-time 5 "http://127.0.0.1:$1/"; }

# kill_monitors ID: a container's monitor, and the guard that would take its place, at once.
kill_monitors() {
    local monitor guard=""
    monitor=$(monitor_of "$1")
    until guard=$(guard_of "$monitor"); do sleep 0.02; done
    kill -STOP "$monitor"
    kill -KILL "$guard" "$monitor"
}

# until_true COMMAND...: waits for it, ten seconds at most.
until_true() {
    local end=$((SECONDS + 10))
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.05
    done
}
