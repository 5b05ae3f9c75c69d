#!/usr/bin/env bats
# The monitor of a container is killed: another takes its place, and nobody notices.

bats_require_minimum_version 1.5.0
load ../lib/crank

setup_file() {
    crank_setup_file
    busybox_image
}
setup() { crank_setup; }
teardown() { crank_teardown; }
teardown_file() { crank_teardown_file; }

# changed ID PID: another monitor than that one is recorded, and it has a guard
changed() {
    local now
    now=$(monitor_of "$1")
    [ "$now" != "$2" ] && kill -0 "$now" && guard_of "$now" >/dev/null
}

# 64 KiB a line of 1 KiB, 160 times a second: 10 MB/s; it answers meanwhile, and ends with 7.
loud='text=$(printf %01000d 0); block=""; i=0
while [ $i -lt 64 ]; do block="$block$text
"; i=$((i + 1)); done
mkdir /tmp/www; echo here >/tmp/www/index.html; httpd -p 8080 -h /tmp/www
while [ ! -e /tmp/www/end ]; do printf %s "$block"; usleep 5000; done; exit 7'

@test "a worker that logs 10 MB/s goes on, answers, and its exit status is known" {
    local id monitor before
    id=$(crank run -d --name loud -p 18473:8080 busybox sh -c "$loud")
    until_true answer 18473
    for _ in 1 2 3; do
        monitor=$(monitor_of "$id")
        until_true guard_of "$monitor"
        before=$(crank logs --tail 1 loud)
        kill -KILL "$monitor"
        [ "$(crank ps --format '{{.Names}}')" = loud ]
        until_true changed "$id" "$monitor"
        [ "$(answer 18473)" = here ]
        # it is logged still, and whole lines
        until_true test "$(crank logs --tail 1 loud | wc -c)" = 1001
        [ "${#before}" = 1000 ]
    done
    # it may end with the worker, before it has
    crank exec loud touch /tmp/www/end || [ $? = 137 ]
    run -0 crank wait loud
    [ "$output" = 7 ]
    [ "$(crank inspect loud | jq -r '.[0].State.ExitCode')" = 7 ]
    # the port is free again
    crank run -d --name again -p 18473:8080 busybox sleep 60
}

@test "nothing of what is written while there is no monitor is lost" {
    local id monitor
    id=$(crank run -d --name lines --network none busybox sh -c 'i=0; while [ $i -lt 3000 ]; do i=$((i + 1)); echo $i; done; sleep 60')
    monitor=$(monitor_of "$id")
    until_true guard_of "$monitor"
    kill -STOP "$monitor"
    sleep 0.1
    kill -KILL "$monitor"
    until_true changed "$id" "$monitor"
    last() { [ "$(crank logs --tail 1 lines)" = 3000 ]; }
    until_true last
    crank stop -t 1 lines
    [ "$(crank inspect lines | jq -r '.[0].State.ExitCode')" = 143 ]
}

@test "a guard that is killed is replaced" {
    local id monitor guard
    id=$(crank run -d --name guarded --network none busybox sleep 60)
    monitor=$(monitor_of "$id")
    until_true guard_of "$monitor"
    guard=$(guard_of "$monitor")
    kill -KILL "$guard"
    replaced() { [ -n "$(guard_of "$monitor")" ] && [ "$(guard_of "$monitor")" != "$guard" ]; }
    until_true replaced
    [ "$(monitor_of "$id")" = "$monitor" ]
    crank rm -f guarded
    ! kill -0 "$(guard_of "$monitor")" 2>/dev/null
}

@test "a worker without an init: how it ended is known all the same" {
    local id monitor
    id=$(crank run -d --native --name plain -- sh -c 'while [ ! -e end ]; do sleep 0.05; done; exit 9' 2>&1) ||
        skip "no native workers here: $id"
    monitor=$(monitor_of "$id")
    until_true guard_of "$monitor"
    kill -KILL "$monitor"
    until_true changed "$id" "$monitor"
    touch end
    run -0 crank wait plain
    # Linux 6.15 tells whoever holds the process's descriptor; before that nobody but its parent
    if [ "$(printf '%s\n6.15\n' "$(uname -r)" | sort -V | head -1)" = 6.15 ]; then
        [ "$output" = 9 ]
    fi
}

@test "an idle container costs its monitor, guard and init at most 0.4 MB" {
    local id monitor sum=0 pid
    id=$(crank run -d --name idle --network none busybox sleep 60)
    monitor=$(monitor_of "$id")
    until_true guard_of "$monitor"
    for pid in "$monitor" "$(guard_of "$monitor")" "$(cut -d' ' -f1 "$CRANK_STATE/containers/$id/state")"; do
        sum=$((sum + $(awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup")))
    done
    echo "PSS of monitor, guard and init: $sum kB"
    [ "$sum" -le 400 ]
}
