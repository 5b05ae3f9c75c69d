#!/usr/bin/env bats
# Monitor and guard of a container are killed at once: the worker goes on, and the next command that
# meets the container starts a monitor that adopts it.

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

watched() { kill -0 "$(monitor_of "$1")" 2>/dev/null && guard_of "$(monitor_of "$1")" >/dev/null; }
unwatched() { ! kill -0 "$(monitor_of "$1")" 2>/dev/null; }
answers() { [ "$(answer "$1")" = "$2" ]; }

# 64 KiB a line of 1 KiB, 160 times a second: 10 MB/s; it answers meanwhile, counts its blocks, and
# ends with 7.
loud='text=$(printf %01000d 0); block=""; i=0
while [ $i -lt 64 ]; do block="$block$text
"; i=$((i + 1)); done
mkdir /tmp/www; echo here >/tmp/www/index.html; httpd -p 8080 -h /tmp/www; n=0
while [ ! -e /tmp/www/end ]; do printf %s "$block"; n=$((n + 1)); echo $n >/tmp/www/count; usleep 5000; done; exit 7'

@test "a worker that logs 10 MB/s loses monitor and guard: it goes on, and the next command adopts it" {
    local id before
    id=$(crank run -d --name loud -p 18474:8080 busybox sh -c "$loud")
    until_true answers 18474 here
    until_true watched "$id"
    kill_monitors "$id"
    # Nobody reads, and it neither dies of that nor waits: no command is typed here.
    local inside
    inside=/proc/$(cut -d' ' -f1 "$CRANK_STATE/containers/$id/state")/root/tmp/www
    before=$(cat "$inside/count")
    # 60 blocks are several times what its pipe holds
    wrote() { [ $(($(cat "$inside/count") - before)) -ge 60 ]; }
    until_true wrote
    [ "$(crank ps --format '{{.Names}} {{.State}}')" = "loud running" ]
    watched "$id" || until_true watched "$id"
    until_true answers 18474 here
    # its log goes on, in whole lines, and says what is missing
    logged() { [ "$(crank logs --tail 1 loud 2>/dev/null | wc -c)" = 1001 ]; }
    until_true logged
    grep -qE ' stderr F crank: [0-9]+ bytes of output are lost: nobody watched$' "$CRANK_ROOT/containers/$id"/log*
    [ "$(crank inspect -f '{{.Warnings}}' loud)" = '[]' ]
    # and once more
    kill_monitors "$id"
    # it may end with the worker, before it has
    crank exec loud touch /tmp/www/end || [ $? = 137 ]
    run -0 crank wait loud
    [ "$output" = 7 ]
    [ "$(crank inspect -f '{{.State.ExitCode}}' loud)" = 7 ]
    # the port is free again
    crank run -d --name again -p 18474:8080 busybox sleep 60
}

@test "whatever command comes first adopts" {
    local id command
    id=$(crank run -d --name orphan --network none busybox sh -c 'echo begun; exec sleep 1000')
    for command in "ps" "ps -aq" "inspect orphan" "logs orphan" "exec orphan true" "why orphan" "info"; do
        until_true watched "$id"
        kill_monitors "$id"
        until_true unwatched "$id"
        # shellcheck disable=SC2086 # words
        run -0 crank $command
        watched "$id" || until_true watched "$id"
    done
    [ "$(crank logs orphan)" = begun ]
    kill_monitors "$id"
    crank stop -t 1 orphan
    [ "$(crank inspect -f '{{.State.ExitCode}} {{.State.Error}}' orphan)" = "143 " ]
}

@test "one that ended while nobody watched: how is found out, and everything is cleaned up" {
    local id
    id=$(crank run -d --name ended busybox sh -c 'while [ ! -e /tmp/end ]; do sleep 0.05; done; exit 9')
    until_true watched "$id"
    local pid
    pid=$(cut -d' ' -f1 "$CRANK_STATE/containers/$id/state")
    kill_monitors "$id"
    touch "/proc/$pid/root/tmp/end"
    while [ -d "/proc/$pid" ]; do sleep 0.02; done
    [ "$(crank ps -a --format '{{.Names}}')" = ended ]
    [ "$(crank inspect -f '{{.State.ExitCode}}' ended)" = 9 ]
    [ -z "$(ls "$CRANK_STATE/network/leases")" ]
    [ -z "$(comm -13 <(printf '%s\n' "$CRANK_GROUPS_BEFORE") <(crank_groups))" ]
    [ ! -e "$CRANK_STATE/containers/$id/plan" ]
    # SIGKILL of the first process is a SIGKILL
    id=$(crank run -d --name killed --network none busybox sleep 1000)
    until_true watched "$id"
    pid=$(cut -d' ' -f1 "$CRANK_STATE/containers/$id/state")
    kill_monitors "$id"
    kill -KILL "$pid"
    while [ -d "/proc/$pid" ]; do sleep 0.02; done
    run -0 crank wait killed
    [ "$output" = 137 ]
}

@test "what the caller has open is neither taken for crank's own nor kept by a monitor" {
    local id pid
    exec 5>held 6>&5 7>&5 8>&5 9>&5
    flock 5
    id=$(crank run -d --name apart --network none busybox sh -c 'while [ ! -e /tmp/end ]; do sleep 0.05; done; exit 9')
    until_true watched "$id"
    pid=$(cut -d' ' -f1 "$CRANK_STATE/containers/$id/state")
    kill_monitors "$id"
    [ "$(crank ps --format '{{.Names}}')" = apart ]
    until_true watched "$id"
    kill_monitors "$id"
    touch "/proc/$pid/root/tmp/end"
    while [ -d "/proc/$pid" ]; do sleep 0.02; done
    [ "$(crank inspect -f '{{.State.ExitCode}}' apart)" = 9 ]
    crank run -d --network none busybox sleep 1000
    exec 5>&- 6>&- 7>&- 8>&- 9>&-
    flock -n held true
}

@test "with --rm, one that ended while nobody watched is removed by the next command" {
    local id pid
    id=$(crank run -d --rm --name gone busybox sleep 1000)
    until_true watched "$id"
    pid=$(cut -d' ' -f1 "$CRANK_STATE/containers/$id/state")
    kill_monitors "$id"
    kill -KILL "$pid"
    while [ -d "/proc/$pid" ]; do sleep 0.02; done
    run -0 crank ps -aq
    [ -z "$output" ]
    [ ! -e "$CRANK_ROOT/containers/$id" ]
    [ ! -e "$CRANK_ROOT/names/gone" ]
    [ ! -e "$CRANK_STATE/containers/$id" ]
}

@test "a published port that another has taken meanwhile stays closed, and inspect says so" {
    local id
    id=$(crank run -d --name ports -p 127.0.0.1:18475:80 -p 127.0.0.1:18476:80 busybox \
        sh -c 'mkdir /www; echo mine >/www/index.html; exec httpd -f -p 80 -h /www')
    until_true answers 18475 mine
    kill_monitors "$id"
    until_true unwatched "$id"
    mkdir -p other
    echo theirs >other/index.html
    busybox httpd -f -p 127.0.0.1:18475 -h "$PWD/other" 3>&- &
    local server=$!
    until_true answers 18475 theirs
    crank ps >/dev/null
    until_true answers 18476 mine
    run -0 crank inspect -f '{{.Warnings}}' ports
    kill "$server"
    [[ $output == *"published port 18475 on 127.0.0.1 is closed: it could not be opened again when the container got a new monitor"* ]]
    [[ $output != *18476* ]]
}

@test "commands at once start one monitor" {
    local id i
    id=$(crank run -d --name one --network none busybox sleep 1000)
    for _ in 1 2 3; do
        until_true watched "$id"
        kill_monitors "$id"
        for i in 1 2 3 4 5 6; do crank ps -q >"out$i" 3>&- & done
        wait
        until_true watched "$id"
        alone() { [ "$(pgrep -x 'crank-monitor|crank-guard' | while read -r pid; do
            find "/proc/$pid/fd" -lname "$CRANK_STATE/containers/$id/plan" 2>/dev/null | grep -q . && echo "$pid"; done | wc -l)" = 2 ]; }
        until_true alone
    done
}

@test "a terminal goes on, too" {
    local id
    id=$(crank run -dt --name tty --network none busybox sh -c 'i=0; while :; do echo line $i; i=$((i + 1)); echo $i >/tmp/n; usleep 2000; done')
    until_true watched "$id"
    local count pid
    pid=$(cut -d' ' -f1 "$CRANK_STATE/containers/$id/state")
    kill_monitors "$id"
    # it is empty for a moment, each time
    written() { count=$(cat "/proc/$pid/root/tmp/n") && [ -n "$count" ]; }
    until_true written
    local before=$count
    fifty_more() { written && [ "$count" -ge $((before + 50)) ]; }
    until_true fifty_more
    crank ps -q >/dev/null
    count=$(crank logs tty | wc -l)
    more() { [ "$(crank logs tty | wc -l)" -gt $((count + 20)) ]; }
    until_true more
    crank stop -t 1 tty
    [ "$(crank inspect -f '{{.State.ExitCode}}' tty)" = 143 ]
}

@test "without an init, too: its pipes are found by what they are" {
    local id
    id=$(crank run -d --init=false --name bare --network none busybox \
        sh -c 'trap "exit 5" TERM; echo one; while [ ! -e /tmp/go ]; do sleep 0.05; done; echo two; while :; do sleep 0.05; done')
    until_true watched "$id"
    kill_monitors "$id"
    until_true unwatched "$id"
    crank ps -q >/dev/null
    crank exec bare touch /tmp/go
    two() { [ "$(crank logs bare)" = $'one\ntwo' ]; }
    until_true two
    crank stop bare
    [ "$(crank inspect -f '{{.State.ExitCode}}' bare)" = 5 ] ||
        [ "$(printf '%s\n6.15\n' "$(uname -r)" | sort -V | head -1)" != 6.15 ]
}

@test "the plan that is kept holds no variable of the worker's" {
    local id
    id=$(crank run -d --name quiet --network none -e TOKEN=canary-7f3a busybox sleep 1000)
    until_true watched "$id"
    [ -s "$CRANK_STATE/containers/$id/plan" ]
    [ "$(stat -c %a "$CRANK_STATE/containers/$id/plan")" = 600 ]
    run ! grep -q canary-7f3a "$CRANK_STATE/containers/$id/plan"
    [ "$(crank exec quiet sh -c 'echo $TOKEN')" = canary-7f3a ]
}
