#!/usr/bin/env bats
# What keeps one worker from disturbing its neighbours and its host.

bats_require_minimum_version 1.5.0
load ../lib/crank

setup_file() {
    crank_setup_file
    probe_image
}
setup() { crank_setup; }
teardown() { crank_teardown; }
teardown_file() { crank_teardown_file; }

# The first of these files of the container's own cgroup that exists, v1 or v2.
cgroup_file() {
    local path
    for path in "$@"; do
        if [ -e "/sys/fs/cgroup/$path" ]; then echo "/sys/fs/cgroup/$path"; return; fi
    done
    echo "no cgroup has any of: $*" >&2
    return 1
}

at_most() { awk -v value="$1" -v most="$2" 'BEGIN { exit !(value <= most) }'; }

@test "--cpus=0.5 holds two spinning processes to half a core and counts it" {
    local stat
    stat=$(cgroup_file cpu/cpu.stat cpu,cpuacct/cpu.stat cgroup.procs)
    stat=${stat/cgroup.procs/cpu.stat}
    # On a machine that is busy otherwise the processes get less than their half and nothing is to be
    # throttled: then once more, for at most a minute.
    local until=$((SECONDS + 60))
    while true; do
        run -0 --separate-stderr probe --cpus=0.5 -- spin 4 , cat "$stat"
        echo "$output"
        at_most "$(field share <<<"$output")" 0.55
        if [ "$(field nr_throttled <<<"$output")" -gt 0 ]; then break; fi
        [ "$SECONDS" -lt "$until" ]
    done
}

@test "--memory=64m kills a hog, and inspect says so" {
    run -137 crank run --name hog --network none --memory=64m probe hog 256
    [[ $output != *took* ]]
    run -0 --separate-stderr crank inspect --format '{{.State.OOMKilled}}' hog
    [ "$output" = true ]
    run -0 --separate-stderr crank inspect --format '{{.State.ExitCode}}' hog
    [ "$output" = 137 ]
}

@test "--memory leaves a worker alone that stays below it" {
    run -0 --separate-stderr crank run --name modest --network none --memory=64m probe hog 16
    [ "$output" = 'took 16 MiB' ]
    run -0 --separate-stderr crank inspect --format '{{.State.OOMKilled}}' modest
    [ "$output" = false ]
}

# The scheduler's slice of a process in nanoseconds; 0 where the kernel tells none (before 6.12).
slice_of() {
    python3 - "$1" <<'END'
import ctypes, platform, struct, sys
number = {"x86_64": 315, "aarch64": 275}[platform.machine()]
attributes = ctypes.create_string_buffer(48)
if ctypes.CDLL(None, use_errno=True).syscall(number, int(sys.argv[1]), attributes, 48, 0) != 0:
    sys.exit(f"sched_getattr: errno {ctypes.get_errno()}")
print(struct.unpack("IIQiIQQQ", attributes.raw)[5])
END
}

# Decision 17: beside those who take long turns a worker that answers waits for whole turns.
@test "a container's processes ask the scheduler for short turns, those of exec too" {
    local own pid
    own=$(slice_of $$)
    if [ "$own" = 0 ]; then skip "this kernel has no slices of a task's own (Linux 6.12)"; fi
    run -0 crank run -d --name turns --network none probe sleep 60
    run -0 --separate-stderr crank inspect --format '{{.State.Pid}}' turns
    [ "$(slice_of "$output")" = 100000 ]
    run -0 crank exec -d turns /probe sleep 59
    pid=$(pgrep -nf '^/probe sleep 59')
    [ "$(slice_of "$pid")" = 100000 ]
    # what nobody asked it for stays as it was
    [ "$(slice_of $$)" = "$own" ]
}

@test "swap is no way around --memory" {
    run -137 crank run --name swapper --network none --memory=64m probe hog 512
}

@test "a fork bomb is held by the default limit" {
    run -1 --separate-stderr probe -- forks 5000
    echo "$output"
    [[ $output =~ ^([0-9]+)\ EAGAIN$ ]]
    [ "${BASH_REMATCH[1]}" -gt 100 ]
    [ "${BASH_REMATCH[1]}" -lt 5000 ]
}

@test "--pids-limit counts every process" {
    run -1 --separate-stderr probe --pids-limit 20 -- forks 100
    [[ $output =~ ^([0-9]+)\ EAGAIN$ ]]
    # the probe and perhaps an init are among the 20
    [ "${BASH_REMATCH[1]}" -ge 18 ]
    [ "${BASH_REMATCH[1]}" -le 19 ]
}

@test "a process that exec starts counts against the same limits" {
    crank run -d --name full --network none --pids-limit 10 probe sleep 30 >/dev/null
    run -1 --separate-stderr crank exec full /probe forks 100
    [[ $output =~ ^([0-9]+)\ EAGAIN$ ]]
    [ "${BASH_REMATCH[1]}" -le 9 ]
}

@test "a read-only bind mount cannot be written, even by uid 0" {
    mkdir "$CRANK_TEST_DIR/certs"
    echo original >"$CRANK_TEST_DIR/certs/key"
    run -1 --separate-stderr probe -v "$CRANK_TEST_DIR/certs:/x:ro" -- write /x/key stolen
    [ "$output" = EROFS ]
    run -1 --separate-stderr probe -v "$CRANK_TEST_DIR/certs:/x:ro" -- write /x/new stolen
    [ "$output" = EROFS ]
    [ "$(cat "$CRANK_TEST_DIR/certs/key")" = original ]
    [ "$(ls "$CRANK_TEST_DIR/certs")" = key ]
    rm -r "$CRANK_TEST_DIR/certs"
}

@test "a writable bind mount can be written" {
    mkdir "$CRANK_TEST_DIR/data"
    run -0 --separate-stderr probe -v "$CRANK_TEST_DIR/data:/x" -- write /x/file hello
    [ "$output" = ok ]
    [ "$(cat "$CRANK_TEST_DIR/data/file")" = hello ]
    rm -r "$CRANK_TEST_DIR/data"
}

@test "--read-only leaves the image's root alone" {
    run -1 --separate-stderr probe --read-only -- write /file x
    [ "$output" = EROFS ]
    run -0 --separate-stderr probe --read-only --tmpfs /tmp -- write /tmp/file x
    [ "$output" = ok ]
}

@test "what one container writes the next does not see" {
    run -0 --separate-stderr probe -- write /file x
    run -0 --separate-stderr probe -- ls /
    ! grep -qx file <<<"$output"
}
