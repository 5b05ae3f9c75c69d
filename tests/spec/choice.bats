#!/usr/bin/env bats
# Verbs over all containers, the newest, those of a filter or a file; and what podman's users type.

# shellcheck disable=SC2154 # run sets stderr
# shellcheck disable=SC2016 # what stands in single quotes the shell in the container expands
bats_require_minimum_version 1.5.0
load ../lib/crank

setup_file() {
    crank_setup_file
    busybox_image
}
setup() { crank_setup; }
teardown() { crank_teardown; }
teardown_file() { crank_teardown_file; }

sleeper() { crank run -d --network none --name "$1" "${@:2}" busybox sleep 1000; }
# logs_have NAME TEXT
logs_have() { crank logs "$1" 2>&1 | grep -qF -- "$2"; }
state_of() { crank inspect -f '{{.State.Status}}' "$1"; }

@test "stop --all and --filter: those that run, by their ids; a warning where the signal was not heard" {
    one=$(sleeper one --label tier=web)
    two=$(sleeper two)
    crank create --name idle --network none busybox true >/dev/null
    run -0 --separate-stderr crank stop -t 0 --filter label=tier=web
    [ "$output" = "$one" ]
    [ -z "$stderr" ]
    run -0 --separate-stderr crank stop -t 1 --all
    [ "$output" = "$two" ]
    # its init has the signal, sleep(1) has not
    [ "$(state_of idle)" = created ]
    crank run -d --network none --name deaf --init=false busybox \
        sh -c 'trap "" TERM; while :; do sleep 0.1; done' >/dev/null
    run -0 --separate-stderr crank stop -t 1 deaf
    [ "$stderr" = "warning: container deaf did not end within 1 s of SIGTERM: it was killed" ]
    crank rm one two idle deaf
}

@test "who is meant must be said, and once" {
    sleeper one
    run -2 --separate-stderr crank stop
    [[ ${stderr_lines[0]} == "crank stop: not enough arguments, wanted: CONTAINER [CONTAINER...], or --all"* ]]
    run -2 --separate-stderr crank stop --all one
    [[ ${stderr_lines[0]} == "crank stop: --all and containers by name are alternatives" ]]
    run -2 --separate-stderr crank rm --filter colour=red
    [[ ${stderr_lines[0]} == *'colour'* ]]
    run -1 crank stop nosuch
    run -0 --separate-stderr crank stop --ignore nosuch
    [ -z "$output" ]
    crank rm -f one
}

@test "--latest is the newest container, --cidfile the one in the file" {
    sleeper old
    new=$(sleeper new)
    crank inspect -f '{{.Id}}' old >ids
    run -0 crank inspect --latest -f '{{.Name}}'
    [ "$output" = /new ]
    run -0 crank kill --cidfile ids
    [ "$(state_of new)" = running ]
    run -1 crank stop --cidfile nosuchfile
    [[ $output == *"--cidfile"*"nosuchfile"* ]]
    run -0 crank stop --cidfile nosuchfile --ignore
    run -0 crank stop -t 0 --latest
    [ "$output" = "$new" ]
    run -0 crank wait -l
    [[ $output == 137 || $output == 143 ]]
    run -0 crank rm --all
    run -1 crank logs --latest
    [[ $output == "crank logs: --latest: there is no container"* ]]
}

@test "start --all and --filter, restart --running, pause and unpause --all, kill --all" {
    crank create --name first --network none --restart=always busybox sleep 1000 >/dev/null
    crank create --name second --network none busybox sleep 1000 >/dev/null
    run -0 crank start --filter restart-policy=always
    [ "$output" = "$(crank inspect -f '{{.Id}}' first)" ]
    run -1 crank start --filter restart-policy=sometimes
    [[ $output == *"sometimes"* ]]
    run -0 crank start --all
    [ "$output" = "$(crank inspect -f '{{.Id}}' second)" ]
    run -0 crank pause --all
    [ "${#lines[@]}" = 2 ]
    [ "$(state_of first)" = paused ]
    run -0 crank unpause --all
    [ "${#lines[@]}" = 2 ]
    pid=$(crank inspect -f '{{.State.Pid}}' second)
    run -0 crank restart --filter restart-policy=always -t 0
    run -0 crank restart --running -t 0
    [ "${#lines[@]}" = 2 ]
    [ "$(crank inspect -f '{{.State.Pid}}' second)" != "$pid" ]
    run -0 crank kill --all
    [ "${#lines[@]}" = 2 ]
    crank rm first second
}

@test "rm --all leaves those that run, --force takes them; --time asks first" {
    sleeper running
    crank create --name idle --network none busybox true >/dev/null
    run -0 crank rm --all
    [ "$(crank ps -a --format '{{.Names}}')" = running ]
    crank run -d --name polite --network none --init=false -v "$PWD:/out" busybox \
        sh -c 'trap "echo asked >/out/asked; exit" TERM; echo up; while :; do sleep 0.1; done' >/dev/null
    until_true logs_have polite up
    run -0 crank rm --force --time 5 polite
    [ "$(cat asked)" = asked ]
    run -0 crank rm --force --all
    [ -z "$(crank ps -aq)" ]
}

@test "wait --condition looks for a state, --ignore is -1" {
    crank create --name late --network none busybox sleep 1000 >/dev/null
    crank wait --condition running -i 50ms late >waited 3>&- &
    waiter=$!
    crank start late
    wait "$waiter"
    [ "$(cat waited)" = running ]
    crank kill late
    run -0 crank wait --condition stopped late
    [ "$output" = 137 ]
    run -2 crank wait --condition flying late
    [[ $output == "crank wait: --condition \"flying\": no such state"* ]]
    crank rm late
    run -1 crank wait late
    run -0 crank wait --ignore late
    [ "$output" = -1 ]
}

@test "kill: -HUP as kill(1) has it, and numbers that are none" {
    crank run -d --name heard --network none --init=false busybox \
        sh -c 'trap "echo heard" HUP; echo up; while :; do sleep 0.1; done' >/dev/null
    until_true logs_have heard up
    run -0 crank kill -s -HUP heard
    until_true logs_have heard heard
    run -1 crank kill -s 65 heard
    [[ $output == 'crank kill: unknown signal "65": signals are 1 to 64'* ]]
    run -1 crank kill -s NOSUCH nobody
    [[ $output == 'crank kill: unknown signal "NOSUCH"'* ]]
    crank rm -f heard
}

@test "exists answers in its exit code" {
    crank create --name there --network none busybox true >/dev/null
    crank volume create models >/dev/null
    run -0 crank container exists there
    [ -z "$output" ]
    run -0 crank image exists busybox
    run -0 crank volume exists models
    run -1 crank container exists elsewhere
    [ -z "$output" ]
    run -1 crank image exists nosuch:image
    run -1 crank volume exists nosuch
    run -125 crank image exists Not/AName
    crank volume rm models
    crank rm there
}

@test "tag gives several names, untag takes them away and the image stays" {
    crank tag busybox several:1 several:2 localhost/here:latest
    run -0 crank image exists several:2
    # what podman and buildah call localhost/NAME is meant by NAME
    [ "$(crank inspect -f '{{.Id}}' here)" = "$(crank inspect -f '{{.Id}}' busybox)" ]
    run -0 crank run --rm --network none here true
    run -0 crank untag busybox several:1 here
    run -1 crank image exists several:1
    run -1 crank image exists here
    run -1 crank untag busybox other:1
    [[ $output == "crank untag: image "*" is not called other:1"* ]]
    crank tag busybox "alone:1"
    id=$(crank inspect -f '{{.Id}}' busybox)
    run -0 crank untag "$id"
    [ "$(crank inspect -f '{{.RepoTags}}' "$id")" = "[]" ]
    crank tag "$id" busybox
}

@test "rmi --ignore, and --all" {
    run -1 crank rmi nosuch:1
    run -0 crank rmi --ignore nosuch:1
    crank tag busybox another:1 more:2
    id=$(crank inspect -f '{{.Id}}' busybox)
    run -2 crank rmi --all busybox
    crank save -o kept.tar busybox
    crank create --network none --name user busybox true >/dev/null
    run -1 crank rmi --all
    [[ $output == *"is used by container user"* ]]
    crank rm user
    run -0 crank rmi --all
    [[ $output == *"Deleted: $id" ]]
    [ -z "$(crank images -q)" ]
    crank load -q -i kept.tar
    rm kept.tar
}

@test "ps and images without headings, and sorted" {
    crank create --name zebra --network none --label kind=horse busybox true >/dev/null
    crank create --name ape --network none busybox true >/dev/null
    [ "$(crank ps -a --sort names --format '{{.Names}}')" = $'ape\nzebra' ]
    [ "$(crank ps -a --sort created --format '{{.Names}}')" = $'zebra\nape' ]
    [ "$(crank ps -a --noheading | wc -l)" = 2 ]
    [ "$(crank ps -a --filter name=zebra --format '{{.Label "kind"}}')" = horse ]
    [ "$(crank ps -a --filter 'id=^[0-9a-f]' -q | wc -l)" = 2 ]
    [ "$(crank ps -a --filter status=stopped -q | wc -l)" = 0 ]
    run -2 crank ps --sort colour
    [[ $output == "crank ps: --sort colour: there is no such column"* ]]
    run -0 crank ps -a --format json
    [[ $output != *'"Label":'* ]]
    crank rm ape zebra
    crank tag busybox b/two a/one
    [ "$(crank images --sort repository --noheading --format '{{.Repository}}')" = \
        $'a/one\nb/two\nbusybox' ]
    [ "$(crank images --noheading -q | sort -u | wc -l)" = 1 ]
    crank rmi b/two a/one
}

@test "container inspect and image inspect look at their own kind; inspect finds volumes" {
    crank create --name busy --network none busybox true >/dev/null
    crank volume create busy-volume >/dev/null
    run -0 crank container inspect busy -f '{{.ImageName}}'
    [ "$output" = busybox:latest ]
    run -1 crank container inspect busybox
    [[ $output == *"no such container: busybox"* ]]
    run -1 crank image inspect busy
    [[ $output == *"no such image: busy"* ]]
    run -0 crank inspect -f '{{.Mountpoint}}' busy-volume
    [ "$output" = "$CRANK_ROOT/volumes/busy-volume/_data" ]
    run -1 crank inspect nothing
    [[ $output == *"no such container, image or volume: nothing"* ]]
    # Docker's and podman's spelling
    [ "$(crank inspect -f '{{.ID}}' busy)" = "$(crank inspect -f '{{.Id}}' busy)" ]
    crank rm busy
    crank volume rm busy-volume
}

@test "logs of several containers: each line with its container" {
    crank run --name one --network none busybox echo a >/dev/null
    crank run --name two --network none busybox echo b >/dev/null
    one=$(crank inspect -f '{{.Id}}' one)
    run -0 crank logs one two
    [ "${lines[0]}" = "${one:0:12} a" ]
    run -0 crank logs --names -f two one
    [ "$(sort <<<"$output")" = $'one a\ntwo b' ]
    crank rm one two
}

@test "cp from one container to another, and within one" {
    crank create --name from --network none busybox true >/dev/null
    crank create --name to --network none busybox true >/dev/null
    echo hello >file
    crank cp file from:/tmp/file
    run -0 crank cp from:/tmp/file to:/tmp/other
    run -0 crank cp to:/tmp/other to:/home
    crank cp to:/home/other back
    [ "$(cat back)" = hello ]
    run -1 crank cp from:/nosuch to:/tmp
    [[ $output == *"from:/nosuch"* ]]
    crank rm from to
}

@test "volume export and import, volume rm --all, volume ls without headings" {
    crank volume create one >/dev/null
    crank volume create two >/dev/null
    crank run --rm --network none -v one:/d busybox sh -c 'echo in >/d/file; chown 7:8 /d/file'
    run -0 crank volume export -o one.tar one
    [ "$(tar -tf one.tar | grep -c file)" = 1 ]
    crank volume import two - <one.tar
    [ "$(crank run --rm --network none -v two:/d busybox stat -c '%u:%g' /d/file)" = 7:8 ]
    run -1 crank volume export nosuch
    [[ $output == *"nosuch"* ]]
    crank create --name holder --network none -v two:/d busybox true >/dev/null
    run -0 crank volume rm --all
    [ "$output" = one ]
    [ "$(crank volume ls --noheading | wc -l)" = 1 ]
    [ "$(crank volume ls -q --filter 'name=^.' | wc -l)" = 1 ]
    [ -z "$(crank volume ls -q --filter 'name=^$')" ]
    run -2 crank volume ls --filter 'name=['
    [[ $output == *"--filter name=["* ]]
    run -2 crank volume rm
    crank rm holder
    crank volume rm two
}

@test "diff --format json; events of load and import" {
    crank run --name changed --network none busybox sh -c 'echo x >/new; rm /etc/group'
    run -0 crank diff --format json changed
    [ "$(jq -r '.added[]' <<<"$output")" = /new ]
    [ "$(jq -r '.deleted[]' <<<"$output")" = /etc/group ]
    run -2 crank diff --format yaml changed
    crank rm changed
    since=$(date -u +%Y-%m-%dT%H:%M:%S.%NZ)
    crank save busybox | crank load -q
    tar -cf root.tar -C "$TMPDIR" .
    crank import -q root.tar emptied:1 >/dev/null
    run -0 crank events --since "$since" --until 0s --filter type=image \
        --format '{{.Action}} {{.Actor.Attributes.name}}'
    [ "$output" = $'load busybox:latest\nimport emptied:1' ]
    crank rmi emptied:1
    rm root.tar
}

@test "what can mean two things is refused" {
    sleeper one >/dev/null
    run -2 crank logs --latest one
    [[ $output == *"--latest and containers by name are alternatives"* ]]
    run -2 crank rm -t 3 one
    [[ $output == *"--time is for a container that runs"* ]]
    run -2 crank wait --interval 0 --condition exited one
    [[ $output == *"--interval 0: at least 1ms"* ]]
    crank rm -f one
}

@test "wait --condition of one that goes by itself tells its exit, and no health that never was" {
    crank run -d --rm --name brief --network none busybox sh -c 'sleep 1; exit 3' >/dev/null
    run -0 crank wait --condition exited --interval 10 brief
    [ "$output" = 3 ]
    crank run -d --rm --name brief --network none --health-cmd false busybox sleep 1 >/dev/null
    run -1 crank wait --condition healthy brief
    [[ $output == *"container brief ended before it was healthy"* ]]
    # one that was never started is waited for
    crank create --name later --network none --health-cmd true --health-interval 100ms busybox sleep 60 >/dev/null
    crank wait --condition healthy later >waited 3>&- &
    local waiter=$!
    crank start later
    wait "$waiter"
    [ "$(cat waited)" = healthy ]
    crank rm -f later
}

@test "--replace takes the place once there is an image for it" {
    sleeper mail >/dev/null
    run ! crank run -d --replace --name mail --network none --pull never nosuchimage
    [ "$(state_of mail)" = running ]
    crank run -d --replace --name mail --network none busybox sleep 60 >/dev/null
    [ "$(crank ps -aq | wc -l)" = 1 ]
    crank rm -f mail
}
