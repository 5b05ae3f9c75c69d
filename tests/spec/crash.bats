#!/usr/bin/env bats
# kill -9 at any moment: the next command finds the old state or the new, and nothing is left.

# shellcheck disable=SC2154 # run sets stderr
bats_require_minimum_version 1.5.0
load ../lib/crank

setup_file() {
    crank_setup_file
    busybox_image
}
setup() { crank_setup; }
teardown() { crank_teardown; }
teardown_file() { crank_teardown_file; }

# killed_after SECONDS COMMAND...: starts it, kills it with SIGKILL
killed_after() {
    local delay=$1
    shift
    "$@" >/dev/null 2>&1 3>&- &
    local pid=$!
    sleep "$delay"
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
}

@test "run killed at any moment leaves its name free and nothing behind" {
    for i in $(seq 0 2 40); do
        killed_after "0.0$(printf '%02d' "$i")" crank run --rm --name victim busybox true
        # it may have been killed when its worker was already running, alone from then on
        crank rm -f victim
        crank run --rm --name victim --network none busybox true
    done
    [ -z "$(crank ps -aq)" ]
}

@test "run -d killed at any moment leaves a running container or none" {
    for i in $(seq 0 4 60); do
        killed_after "0.0$(printf '%02d' "$i")" crank run -d --name half busybox sleep 1000
        crank rm -f half
        [ -z "$(crank ps -aq)" ]
    done
}

@test "stop and rm killed at any moment can be typed again" {
    for i in 0 1 2 5 10 20 40; do
        crank run -d --name half busybox sleep 1000 >/dev/null
        killed_after "0.0$(printf '%02d' "$i")" crank stop half
        crank stop half
        killed_after "0.0$(printf '%02d' "$i")" crank rm half
        crank rm -f half
        [ -z "$(crank ps -aq)" ]
    done
}

looked_often() { [ "$(awk '/^voluntary/ { print $2 }' "/proc/$1/status")" -gt 20 ]; }

@test "rm -f of one that is still being started waits for that, however often it has to look" {
    run -137 env CRANK_CRASH_AT=run.recorded crank run -d --name half --network none busybox sleep 1000
    # as a process does that the killed command has forked and that is not crank-shim yet
    exec 7<"$CRANK_ROOT/containers/$(readlink "$CRANK_ROOT/names/half")"
    flock -x 7
    run -1 crank rm half 7>&-
    [[ "$output" = *"container half is being started"* ]]
    crank rm -f half 7>&- 3>&- &
    local rm=$!
    until_true looked_often "$rm"
    exec 7>&-
    wait "$rm"
    [ -z "$(crank ps -aq)" ]
}

# $id: the one that is not $1.
another_than() {
    id=$(find "$CRANK_ROOT/containers" -mindepth 1 -maxdepth 1 -regex '.*/[0-9a-f]*' ! -name "$1" -printf '%f\n')
    [ -n "$id" ]
}
has_record() { another_than "$1" && [ -s "$CRANK_ROOT/containers/$id/container.json" ]; }
# run, for a while, after the first of the system calls $1: $2 microseconds.
held_at() {
    require strace command -v strace
    require "a kernel that lets strace trace" strace -o /dev/null true
    first=$(crank run -d --native --name first -- sleep 1000)
    strace -qq -o /dev/null -e "trace=$1" -e "inject=$1:delay_exit=$2:when=1" \
        crank run -d --native --name second -- sleep 1000 >/dev/null 3>&- &
    maker=$!
}

@test "a container that is just being made is not swept by a command that looks meanwhile" {
    held_at mkdir,mkdirat 2000000
    until_true another_than "$first"
    run -0 crank ps -a
    wait "$maker"
    run -0 crank ps -a --format '{{.Names}}'
    [ "$output" = "second"$'\n'"first" ]
    crank rm -f first second
}

@test "one that gets to run while another command looks at it is not taken for what a killed start left" {
    held_at rename,renameat,renameat2 1500000
    until_true has_record "$first"
    # it finds no state yet, and goes on when the other has come to its end
    run -0 strace -qq -o /dev/null -P "$CRANK_STATE/containers/$id/state" -e trace=open,openat \
        -e inject=open,openat:delay_exit=4000000:when=1 crank ps -a
    wait "$maker"
    run -0 crank ps -a --format '{{.Names}} {{.State}}'
    [ "$output" = "second running"$'\n'"first running" ]
    crank rm -f first second
}

@test "with --rm, what a killed monitor left is removed by rm -f" {
    id=$(crank run -d --rm --name orphan busybox sleep 1000)
    kill_monitors "$id"
    crank rm -f orphan
    [ -z "$(crank ps -aq)" ]
}

@test "after a reboot a container is shown as ended, and its exit is still known" {
    crank run -d --name lost --network none busybox sleep 1000 >/dev/null
    crank run --name ended --network none busybox sh -c 'exit 3' || true
    [ "$(crank inspect -f '{{.State.ExitCode}}' ended)" = 3 ]
    # whoever looks keeps it, once its monitor is gone
    ended=$(crank inspect -f '{{.Id}}' ended)
    kept() { crank ps -a >/dev/null && [ -s "$CRANK_ROOT/containers/$ended/exit" ]; }
    until_true kept
    # what a reboot does
    crank exec lost true
    pid=$(crank inspect -f '{{.State.Pid}}' lost)
    kill -KILL "$pid"
    while [ -d "/proc/$pid" ]; do sleep 0.05; done
    sleep 0.2
    rm -rf "$CRANK_STATE/containers"
    [ "$(crank inspect -f '{{.State.ExitCode}}' ended)" = 3 ]
    [ "$(crank inspect -f '{{.State.ExitCode}} {{.State.Error}}' lost)" = \
        "255 the machine was restarted while it ran" ]
    [ -z "$(crank ps -q)" ]
    crank rm lost ended
}

@test "the foreground killed: the worker goes on and can be stopped" {
    crank run --name alone --network none busybox sleep 1000 >/dev/null 3>&- &
    local pid=$!
    until [ "$(crank ps --format '{{.State}}')" = running ]; do sleep 0.05; done
    kill -KILL "$pid"
    wait "$pid" 2>/dev/null || true
    [ "$(crank exec alone echo alive)" = alive ]
    crank stop -t 1 alone
}

@test "two runs of one name at once: one wins, the other names it" {
    crank run --rm --name twin --network none busybox sleep 1 >out1 2>err1 3>&- &
    local one=$! first=0 second=0
    crank run --rm --name twin --network none busybox sleep 1 >out2 2>err2 3>&- || second=$?
    wait "$one" || first=$?
    [ $((first + second)) -eq 125 ]
    grep -qh 'the name "twin" is in use by container' err1 err2
}
