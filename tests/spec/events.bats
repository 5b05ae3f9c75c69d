#!/usr/bin/env bats
# crank events: what commands and monitors have written, filtered, followed and bounded.

bats_require_minimum_version 1.5.0
load ../lib/crank

setup_file() {
    crank_setup_file
    busybox_image
}
setup() {
    crank_setup
    rm -f "$CRANK_STATE"/events*
}
teardown() { crank_teardown; }
teardown_file() { crank_teardown_file; }

listens() { find "/proc/$1/fd" -lname '*inotify*' | grep -q .; }
past() { crank events --until 0s "$@"; }
actions() { past --format '{{.Action}}' "$@"; }

@test "a container's life, in Docker's words" {
    crank run -d --name told --network none --label tier=web busybox sleep 600 >/dev/null
    crank exec told true
    crank stop -t 0 told >/dev/null
    crank rm told >/dev/null
    run -0 actions
    [ "$output" = "create
start
exec_start: true
kill
die
stop
destroy" ]
    run -0 past --filter event=die
    [[ $output =~ ^[0-9T:.-]+Z\ container\ die\ [0-9a-f]{64}\ \(exitCode=(137|143),\ image=busybox,\ name=told,\ tier=web\)$ ]]
    run -0 past --filter event=start --format json
    [ "$(jq -r '.Type + .Action + .Actor.Attributes.name + .from + .scope' <<<"$output")" = containerstarttoldbusyboxlocal ]
    [ "$(jq '(.timeNano / 1000000000 | floor) == .time' <<<"$output")" = true ]
}

@test "with --rm the monitor tells the end" {
    crank run --rm --name told --network none busybox sh -c 'exit 3' || true
    until_true eval '[ "$(actions | tail -1)" = destroy ]'
    run -0 actions
    [ "$output" = "create
start
die
destroy" ]
    run -0 past --filter event=die --format '{{.Actor.Attributes.exitCode}} {{.Actor.Attributes.name}}'
    [ "$output" = "3 told" ]
}

@test "volumes: made by themselves or with a container, and removed" {
    crank volume create kept >/dev/null
    crank create --name told --network none -v with:/data -v /mine busybox true >/dev/null
    mine=$(crank inspect told | jq -r '.[0].Mounts[] | select(.Destination == "/mine").Name')
    crank start -a told
    crank rm -v told >/dev/null
    crank volume rm kept with >/dev/null
    run -0 past --filter type=volume --format '{{.Action}} {{.Actor.ID}}'
    [ "$(sort <<<"$output")" = "$(printf '%s\n' "create "{"$mine",kept,with} "destroy "{"$mine",kept,with} | sort)" ]
    run -0 past --filter "volume=$mine" --filter event=destroy --format '{{.Actor.Attributes.driver}}'
    [ "$output" = local ]
}

@test "images: tag, untag, delete, build" {
    crank tag busybox other
    crank rmi other >/dev/null
    run -0 past --filter type=image --format '{{.Action}} {{.Actor.Attributes.name}}'
    [ "$output" = "tag other:latest
untag other:latest" ]
}

@test "filters: keys all count, values are alternatives, what is unknown is named" {
    crank run --name one --network none --label a=1 busybox true
    crank run --name two --network none --label a=2 busybox false || true
    [ "$(actions --filter container=one --filter event=create --filter event=die)" = "create
die" ]
    [ "$(past --filter label=a=2 --filter event=die --format '{{.Actor.Attributes.name}}')" = two ]
    [ "$(actions --filter image=busybox --filter event=start | wc -l)" = 2 ]
    [ -z "$(actions --filter type=network)" ]
    run -2 crank events --filter evnet=die
    [[ $output == *"invalid filter 'evnet'"*"did you mean event?"* ]]
    run -2 crank events --filter event
    [[ $output == *"a filter is KEY=VALUE"* ]]
    run -1 crank events --since yesterday
    [[ $output == *'invalid time "yesterday"'* ]]
}

@test "followed: what happens from now on, as it happens" {
    crank run --name before --network none busybox true
    crank events --format '{{.Action}} {{.Actor.Attributes.name}}' >followed 3>&- &
    local pid=$!
    until_true listens "$pid"
    crank run --name after --network none busybox true
    until_true grep -q 'die after' followed
    kill "$pid"
    wait "$pid" || true
    run ! grep -q before followed
    [ "$(head -1 followed)" = "create after" ]
}

@test "the file is bounded, and who follows it misses nothing" {
    crank run --name one --network none busybox true
    crank events --format '{{.Action}}' --filter event=tag --filter event=destroy >followed 3>&- &
    local pid=$!
    until_true listens "$pid"
    local id
    id=$(printf 'f%.0s' {1..64})
    yes "{\"time\":1,\"type\":\"image\",\"action\":\"x\",\"id\":\"$id\",\"attributes\":{}}" |
        head -c 1100000 | sed '$d' >>"$CRANK_STATE/events"
    crank tag busybox turned
    [ -f "$CRANK_STATE/events.1" ]
    [ "$(stat -c %s "$CRANK_STATE/events")" -lt 1000 ]
    crank rm one >/dev/null
    until_true grep -q destroy followed
    kill "$pid"
    wait "$pid" || true
    [ "$(cat followed)" = "tag
destroy" ]
    crank rmi turned >/dev/null
    # what is no event is passed over
    echo 'no event' >>"$CRANK_STATE/events"
    past >/dev/null
}
