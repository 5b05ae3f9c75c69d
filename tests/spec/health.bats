#!/usr/bin/env bats
# Health checks in containers: Docker's rules, kept by the container's monitor.

# shellcheck disable=SC2154 # run sets stderr
# shellcheck disable=SC2016 # what stands in single quotes the worker's shell expands
bats_require_minimum_version 1.5.0
load ../lib/crank

setup_file() {
    crank_setup_file
    busybox_image
}
setup() { crank_setup; }
teardown() { crank_teardown; }
teardown_file() { crank_teardown_file; }

# checked NAME FLAG...: a worker that sleeps, probed every 100 ms
checked() {
    local name=$1
    shift
    crank run -d --name "$name" --network none --health-interval 100ms "$@" busybox sleep 600 >/dev/null
}
health() { crank inspect -f '{{.State.Health.Status}}' "$1"; }
is() { [ "$(health "$1")" = "$2" ]; }
log_of() { crank inspect "$1" | jq -r ".[0].State.Health.Log$2"; }

@test "a worker becomes healthy: ps, inspect, filters, events" {
    checked mail --health-cmd 'test -e /ready'
    is mail starting
    [[ $(crank ps --format '{{.Status}}') == "Up "*" (health: starting)" ]]
    [ "$(crank ps -q --filter health=starting --format '{{.Names}}' | wc -l)" = 1 ]
    crank exec mail touch /ready
    until_true is mail healthy
    [[ $(crank ps --format '{{.Status}}') == "Up "*" (healthy)" ]]
    [ "$(crank ps --filter health=healthy --format '{{.Names}}')" = mail ]
    [ -z "$(crank ps -q --filter health=none)" ]
    [ "$(log_of mail '[-1].ExitCode')" = 0 ]
    [[ $(log_of mail '[-1].Start') =~ ^20[0-9-]+T[0-9:]+\.[0-9]{9}Z$ ]]
    last_event() { [ "$(crank events --until 0s --filter container=mail --format "{{.Action}}" | tail -1)" = "health_status: healthy" ]; }
    until_true last_event
    [ "$(crank inspect -f '{{json .Config.Healthcheck}}' mail)" = '{"Test":["CMD-SHELL","test -e /ready"],"Interval":100000000}' ]
}

@test "it becomes unhealthy after so many failures in a row, and recovers" {
    checked mail --health-retries 2 --health-cmd 'test ! -e /ill && echo fine || { echo "no answer"; exit 3; }'
    until_true is mail healthy
    crank exec mail touch /ill
    until_true is mail unhealthy
    [ "$(crank inspect -f '{{.State.Status}}' mail)" = running ]
    [ "$(crank inspect mail | jq '.[0].State.Health.FailingStreak >= 2')" = true ]
    [ "$(log_of mail '[-1].ExitCode')" = 3 ]
    [ "$(log_of mail '[-1].Output')" = "no answer" ]
    [[ $(crank why mail) == *"and is unhealthy: its health check ("*") failed "*"last with exit code 3, \"no answer\""*"crank healthcheck run mail"* ]]
    crank exec mail rm /ill
    until_true is mail healthy
    [ "$(crank inspect -f '{{.State.Health.FailingStreak}}' mail)" = 0 ]
    # the event comes after the state
    told() {
        [ "$(crank events --until 0s --filter container=mail --format '{{.Action}}' | grep '^health_status' | tail -3 | paste -sd' ')" = \
            "health_status: healthy health_status: unhealthy health_status: healthy" ]
    }
    until_true told
}

@test "failures of the start period do not count; it is probed more often meanwhile" {
    crank run -d --name slow --network none --health-cmd 'test -e /ready' --health-retries 1 \
        --health-interval 300s --health-start-period 300s --health-start-interval 50ms busybox sleep 600 >/dev/null
    until_true eval '[ "$(log_of slow " | length")" = 5 ]'
    is slow starting
    [ "$(crank inspect -f '{{.State.Health.FailingStreak}}' slow)" = 0 ]
    crank exec slow touch /ready
    until_true is slow healthy
    # from here on the interval counts
    local last
    last=$(log_of slow '[-1].Start')
    sleep 0.5
    [ "$(log_of slow '[-1].Start')" = "$last" ]
}

@test "a probe that hangs is killed with all that came of it, wherever that has gone" {
    checked mail --health-timeout 500ms --health-retries 1 \
        --health-cmd 'echo begun; sleep 4711 & (setsid sleep 4712 &); setsid sh -c "sleep 4713; true" & sleep 4714; true'
    until_true is mail unhealthy
    [ "$(log_of mail '[0].ExitCode')" = -1 ]
    [[ $(log_of mail '[0].Output') == "Health check exceeded timeout (500ms): begun"* ]]
    # between two probes there is none
    none() {
        run -0 crank top mail -o pid,args
        [[ $output == *"sleep 600"* && $output != *"sleep 471"* ]]
    }
    until_true none
}

@test "a probe is the worker's user, in its group, with its rights, filter and variables" {
    crank run -d --name mail --network none -u worker -e KEY=value -w /tmp --health-interval 100ms \
        --health-cmd 'id; pwd; echo $KEY; cat /proc/self/cgroup; grep -E "^(Cap|Seccomp|NoNewPrivs)" /proc/self/status' \
        busybox sleep 600 >/dev/null
    until_true is mail healthy
    log_of mail '[-1].Output' >probed
    crank exec mail sh -c 'id; pwd; echo $KEY; cat /proc/self/cgroup; grep -E "^(Cap|Seccomp|NoNewPrivs)" /proc/self/status' >executed
    diff <(sed '/^$/d' probed) executed
    grep -q '^uid=1000(worker)' probed
    grep -qx 'CapInh:.0000000000000000' probed
}

@test "output is cut at 4096 bytes, the last five results are kept, and one that never stops writing is bounded" {
    checked mail --health-cmd 'i=0; while [ $i -lt 1000 ]; do echo 0123456789; i=$((i + 1)); done'
    until_true eval '[ "$(log_of mail " | length")" = 5 ]'
    [ "$(log_of mail '[-1].Output' | tr -d '\n' | wc -c)" -le 4100 ]
    [[ $(log_of mail '[-1].Output') == *... ]]
    sleep 0.5
    [ "$(log_of mail ' | length')" = 5 ]
    checked loud --health-timeout 1s --health-retries 1 --health-cmd 'yes'
    until_true is loud unhealthy
}

@test "--health-interval=disable: healthcheck run alone checks it" {
    crank run -d --name mail --network none --health-interval disable --health-retries 1 \
        --health-cmd 'echo probed >>/probed; test -e /ready' busybox sleep 600 >/dev/null
    run -1 crank healthcheck run mail
    is mail unhealthy
    crank exec mail touch /ready
    crank healthcheck run mail
    is mail healthy
    # nobody else has
    [ "$(crank exec mail cat /probed)" = "probed
probed" ]
    [ "$(crank inspect mail | jq '.[0].Config.Healthcheck.Interval')" = null ]
}

@test "a pause stops the probes" {
    checked mail --health-retries 1 --health-cmd 'test ! -e /ill'
    until_true is mail healthy
    crank pause mail
    local last
    sleep 0.3
    last=$(log_of mail '[-1].Start')
    sleep 0.6
    [ "$(log_of mail '[-1].Start')" = "$last" ]
    is mail healthy
    [[ $(crank ps --format '{{.Status}}') == *"(Paused)" ]]
    crank unpause mail
    until_true eval '[ "$(log_of mail "[-1].Start")" != "$last" ]'
    is mail healthy
}

@test "a monitor that is killed, and one that adopts, go on with it" {
    local id monitor
    id=$(crank run -d --name mail --network none --health-interval 100ms --health-retries 1 \
        --health-cmd 'test -e /ready' busybox sleep 600)
    until_true is mail unhealthy
    monitor=$(monitor_of "$id")
    until_true guard_of "$monitor"
    kill -KILL "$monitor"
    crank exec mail touch /ready
    until_true is mail healthy
    monitor=$(monitor_of "$id")
    until_true guard_of "$monitor"
    kill -KILL "$(guard_of "$monitor")" "$monitor" 2>/dev/null || true
    crank exec mail rm /ready
    until_true is mail unhealthy
}

@test "a container that is started again begins anew; one that ended keeps the last results" {
    checked mail --health-retries 1 --health-cmd 'test -e /ready'
    until_true is mail unhealthy
    crank stop -t 0 mail
    is mail unhealthy
    [ "$(crank inspect -f '{{.State.Status}}' mail)" = exited ]
    [[ $(crank ps -a --format '{{.Status}}') != *ealth* ]]
    crank start mail
    crank exec mail touch /ready
    until_true is mail healthy
    crank restart -t 0 mail
    [ "$(log_of mail ' | map(select(.ExitCode == 0 or .ExitCode == 1)) | length')" -le 5 ]
    until_true is mail healthy
}

@test "healthcheck run: 0, 1 and 125" {
    crank run -d --name mail --network none --health-interval 1h \
        --health-cmd 'test -e /ready || { echo no; exit 9; }' busybox sleep 600 >/dev/null
    run -1 --separate-stderr crank healthcheck run mail
    [ "$output" = starting ]
    [ "$stderr" = no ]
    run -1 crank healthcheck run mail
    run -1 --separate-stderr crank healthcheck run mail
    [ "$output" = unhealthy ]
    crank exec mail touch /ready
    run -0 crank healthcheck run mail
    [ -z "$output" ]
    is mail healthy
    [ "$(log_of mail ' | length')" = 4 ]
    crank pause mail
    run -125 crank healthcheck run mail
    [[ $output == *"container mail is paused"*"crank unpause mail"* ]]
    crank unpause mail
    crank stop -t 0 mail
    run -125 crank healthcheck run mail
    [[ $output == *"container mail is not running"*"crank why mail"* ]]
    crank run -d --name plain --network none busybox sleep 600
    run -125 crank healthcheck run plain
    [[ $output == *"container plain has no health check"*"--health-cmd"* ]]
    run -125 crank healthcheck run nobody
    [[ $output == *"no such container: nobody"* ]]
}

@test "wait --condition: until it is healthy, or it has ended" {
    checked mail --health-cmd 'test -e /ready'
    crank wait --condition healthy mail >waited 3>&- &
    local waiter=$!
    sleep 0.3
    kill -0 "$waiter"
    crank exec mail touch /ready
    wait "$waiter"
    [ "$(cat waited)" = healthy ]
    crank run -d --name short --network none --health-cmd true busybox sleep 1
    run ! crank wait --condition unhealthy short
    [[ $output == *"container short ended before it was unhealthy"*"crank why short"* ]]
    run ! crank wait --condition ill mail
    [[ $output == *'--condition "ill": no such state'*"healthy, unhealthy, paused"* ]]
    crank run -d --name plain --network none busybox sleep 600
    run ! crank wait --condition healthy plain
    [[ $output == *"container plain has no health check"* ]]
}

@test "an image's check: what the command line says stands above it, field by field" {
    printf '%s\n' 'FROM busybox' \
        'HEALTHCHECK --interval=100ms --timeout=9s --start-period=1s --start-interval=70ms --retries=4 CMD ["test", "-e", "/ready"]' |
        crank build -q -t checked - >/dev/null
    [ "$(crank inspect -f '{{json .Config.Healthcheck}}' checked)" = \
        '{"Test":["CMD","test","-e","/ready"],"Interval":100000000,"Timeout":9000000000,"StartPeriod":1000000000,"StartInterval":70000000,"Retries":4}' ]
    crank run -d --name mail --network none --health-retries 2 checked sh -c 'touch /ready; sleep 600' >/dev/null
    [ "$(crank inspect -f '{{json .Config.Healthcheck}}' mail)" = \
        '{"Test":["CMD","test","-e","/ready"],"Interval":100000000,"Timeout":9000000000,"StartPeriod":1000000000,"StartInterval":70000000,"Retries":2}' ]
    until_true is mail healthy
    crank run -d --name off --network none --no-healthcheck checked sleep 600 >/dev/null
    [ "$(crank inspect off | jq '.[0].State.Health, .[0].Config.Healthcheck' | sort -u)" = null ]
    printf 'FROM checked\nHEALTHCHECK NONE\n' | crank build -q -t unchecked - >/dev/null
    crank run -d --name none --network none unchecked sleep 600 >/dev/null
    [ "$(crank inspect none | jq '.[0].State.Health')" = null ]
    # a program that is not there is a failure, not an error of crank's
    crank run -d --name absent --network none --health-interval 100ms --health-retries 1 \
        --health-cmd '["no-such-program"]' busybox sleep 600 >/dev/null
    until_true is absent unhealthy
    [ "$(log_of absent '[-1].ExitCode')" = 127 ]
    crank rm -f mail off none absent >/dev/null
    crank rmi checked unchecked
}

@test "what is wrong is named" {
    local -a cases=(
        '--health-interval 30|--health-interval "30": no duration'
        '--health-interval 10us|--health-interval "10us": from 1ms to 720h'
        '--health-timeout -1s|--health-timeout "-1s": no duration'
        '--health-start-period soon|--health-start-period "soon": no duration'
        '--health-start-interval x|--health-start-interval "x": no duration'
        '--health-retries many|--health-retries "many": a number'
        '--health-retries -1|--health-retries "-1": a number'
        '--no-healthcheck --health-cmd true|--no-healthcheck conflicts with --health-*'
        '--no-healthcheck --on-unhealthy stop|--no-healthcheck conflicts with'
        '--health-cmd true --probe http://:80|--health-cmd and --probe are two checks'
        '--on-unhealthy reboot|--on-unhealthy "reboot": no such action'
        '--on-unhealthy stop:3|only restart takes a number of times'
        '--on-unhealthy restart:0|the number of times is from 1 to 1000'
        '--rm --health-cmd true --on-unhealthy restart|cannot specify both --on-unhealthy=restart and --rm'
        '--probe http://|--probe "http://": a port is wanted'
        '--probe http://example.org:80|"example.org" is no IP address'
        '--probe ftp://:21|wanted http://, https://, tcp:// or tls://'
        '--probe tcp://:99999|a port is a number from 1 to 65535'
        '--probe tcp://:80/x|a path is for http:// and https://'
    )
    local entry
    for entry in "${cases[@]}"; do
        # shellcheck disable=SC2086 # words
        run -125 --separate-stderr crank run ${entry%%|*} busybox true
        [[ $stderr == *"${entry#*|}"* ]] || { echo "${entry%%|*}: $stderr"; false; }
    done
    run -125 --separate-stderr crank run --health-cmd ' ' busybox true
    [[ $stderr == *"a command is wanted"*"--no-healthcheck"* ]]
    run -0 --separate-stderr crank run --rm --network none --health-retries 3 busybox true
    [[ $stderr == "warning: there is no health check that --health-* and --on-unhealthy could apply to"* ]]
}

@test "a container without a health check starts nothing and keeps nothing of it" {
    local id
    id=$(crank run -d --name plain --network none busybox sleep 600)
    sleep 0.3
    [ ! -e "$CRANK_STATE/containers/$id/health" ]
    [ ! -e "$CRANK_STATE/containers/$id/health.lock" ]
    ! grep -aq 'healthcheck' "$CRANK_STATE/containers/$id/plan"
}
