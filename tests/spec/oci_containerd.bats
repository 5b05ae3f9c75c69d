#!/usr/bin/env bats
# containerd by itself, with crank-oci as the runtime of its shim and no other on the PATH.

bats_require_minimum_version 1.5.0
load ../lib/peers

setup_file() {
    crank_setup_file
    box_image
    if can_run >/dev/null 2>&1; then crank save -o "$CRANK_TEST_DIR/box.tar" box; fi
}
setup() { crank_setup; }
teardown() { crank_teardown; }
teardown_file() { crank_teardown_file; }

# Every other runtime is covered by something that cannot be executed; then a containerd whose
# storage, socket and groups are this test's.
# shellcheck disable=SC2016 # run in the world of among_peers
world='
for name in runc crun kata-runtime runsc youki; do
    for place in ${PATH//:/ }; do
        if [ -x "$place/$name" ]; then mount --bind /dev/null "$place/$name"; fi
        if [ -x "$place/$name" ]; then exit 99; fi
    done
done
mkdir -p "$dir/containerd"
cat >"$dir/containerd.toml" <<END
version = 2
root = "$dir/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "/run/containerd.sock"
END
containerd --config "$dir/containerd.toml" >"$dir/containerd.log" 2>&1 &
daemon=$!
until=$((SECONDS + 60))
until ctr --address /run/containerd.sock version >/dev/null 2>&1; do
    if ! kill -0 "$daemon" || [ "$SECONDS" -ge "$until" ]; then
        tail -n 20 "$dir/containerd.log" >&2
        exit 98
    fi
    sleep 0.1
done
ctr() { command ctr --address /run/containerd.sock "$@"; }
start() {
    local id=$1
    shift
    ctr run --runc-binary "$CRANK_BIN/crank-oci" --cgroup "/$group/$id" "$@"
}
ctr image import --all-platforms "$CRANK_TEST_DIR/box.tar" >&2
# what it is given as standard input it would wait for
exec </dev/null
image=$(ctr image ls -q | head -n 1)
'

@test "containerd runs, executes in, pauses, limits, kills and removes containers" {
    require containerd command -v containerd
    require ctr command -v ctr
    # shellcheck disable=SC2016 # run in the world of among_peers
    run -0 --separate-stderr among_peers "$world"'
        start one --rm "$image" one sh -c "echo hello; echo error >&2; exit 7" || echo "code $?"
        echo input | start two --rm "$image" two sh -c "id -u; head -n 1"
        start bee -d --memory-limit 67108864 "$image" bee sleep 1000 >&2
        ctr task ls | awk "\$1 == \"bee\" { print \$3 }"
        ctr task exec --exec-id e1 bee cat /proc/1/comm
        ctr task exec --exec-id e2 --user 1000 bee id -u
        ctr task exec --exec-id e3 bee sh -c "exit 9" || echo "code $?"
        cat /sys/fs/cgroup/memory/$group/bee/memory.limit_in_bytes /sys/fs/cgroup/$group/bee/memory.max 2>/dev/null || true
        ctr task pause bee
        ctr task ls | awk "\$1 == \"bee\" { print \$3 }"
        ctr task exec --exec-id e4 bee true || echo "not while it is paused"
        ctr task resume bee
        ctr task ls | awk "\$1 == \"bee\" { print \$3 }"
        ctr task ps bee | awk "NR == 1 { print \$1 }"
        ctr task kill --signal KILL bee
        until ctr task ls | grep -q "^bee.*STOPPED"; do sleep 0.1; done
        ctr task rm bee >&2 || echo "code $?"
        ctr container rm bee
        # a process that cannot be: what failed reaches the caller, and nothing stays
        { start no --rm "$image" no nosuch 2>&1 || true; } | grep -o "\"nosuch\".*not found"
        ctr container ls -q
        ctr task ls -q
        kill "$daemon"'
    printf '%s\n' hello "code 7" 0 input RUNNING sleep 1000 "code 9" 67108864 PAUSED \
        "not while it is paused" RUNNING PID '"nosuch": executable file not found' >wanted
    diff wanted <(printf '%s\n' "$output")
    # shellcheck disable=SC2154 # set by run
    [[ "$stderr" = *error* ]]
}
