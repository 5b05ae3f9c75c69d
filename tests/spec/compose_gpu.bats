#!/usr/bin/env bats
# Services that have GPUs: which one each container gets, and changes where there is none to spare.

# run sets stderr; what until_true evaluates
# shellcheck disable=SC2154,SC2016
bats_require_minimum_version 1.5.0
load ../lib/crank
load ../lib/shop

setup_file() {
    crank_setup_file
    answerer_image
}
setup() {
    shop_setup
    port=18984
    mkdir cdi
    crank config set cdi.dirs "$PWD/cdi"
}
teardown() {
    crank config unset cdi.dirs 2>/dev/null || true
    shop_teardown
}
teardown_file() { crank_teardown_file; }

# gpus NUMBER: this machine has so many, each of which says its number in $GPU.
gpus() {
    local n
    {
        printf 'cdiVersion: "0.5.0"\nkind: nvidia.com/gpu\ndevices:\n'
        for ((n = 0; n < $1; n++)); do
            printf '  - {name: "%s", containerEdits: {env: [GPU=%s]}}\n' "$n" "$n"
        done
        printf '  - {name: all, containerEdits: {env: [GPU=all]}}\n'
    } >cdi/nvidia.yaml
}
# web VERSION REPLICAS GPUS [ROLLOUT]
web() {
    cat >compose.yaml <<END
services:
  web:
    image: answerer
    ports: ["127.0.0.1:$port:8000"]
    environment: {VERSION: "$1"}
    deploy: {replicas: $2, resources: {reservations: {devices: [{driver: nvidia, $3, capabilities: [gpu]}]}}}
    x-crank: {rollout: {keep_warm: 5m, ${4:-timeout: 20s}}}
END
}
says() { [ "$(curl -s --max-time 10 "http://127.0.0.1:$port/")" = "$1" ]; }
# Which GPU each container of the service has, in the order of their numbers.
had() {
    local name
    for name in $(crank ps --filter status=running --format '{{.Names}}' | grep '^shop-web-' | sort); do
        tr '\0' '\n' <"/proc/$(pgrep -P "$(crank inspect -f '{{.State.Pid}}' "$name")")/environ" | sed -n 's/^GPU=//p'
    done | paste -sd' '
}
plan_says() {
    run -2 --separate-stderr crank plan
    [[ $output == *"$1"* ]] || { echo "$output" && false; }
}

@test "containers that ask for so many get those that fewest have; a change starts first on what is spare" {
    gpus 3
    web v0 2 'count: 1'
    crank up -d --wait 2>/dev/null
    [ "$(had)" = "0 1" ]
    begin_load "$port"
    web v1 2 'count: 1'
    plan_says 'recreate shop-web-1 (the new one starts first): '
    crank up -d --wait 2>/dev/null
    # the third, and then the one that the first has left
    [ "$(had)" = "2 0" ]
    more_load 50
    end_load
    [ "$(loaded '["failed"]')" = 0 ]
    # each keeps its own, also where the other one's is free when it starts
    crank stop -t 0 shop-web-1 shop-web-2 >/dev/null
    crank start shop-web-2 shop-web-1 >/dev/null
    [ "$(had)" = "2 0" ]
}

@test "none to spare: the plan says so, the old one stops first, what comes waits, and it comes back where the new one fails" {
    gpus 1
    web v0 1 'count: 1'
    crank up -d --wait 2>/dev/null
    local gpus_of why='(the old one stops first: it has 1 of nvidia.com/gpu=0, and there is none to spare)'
    begin_load "$port"
    web v1 1 'count: 1'
    plan_says "recreate shop-web-1 $why: "
    crank up -d --wait 2>/dev/null
    until_true says v1
    [ "$(had)" = 0 ]
    web v2 1 'count: 1'
    sed -i '/image:/a \    command: ["/none"]' compose.yaml
    run -1 --separate-stderr crank up -d --wait
    until_true says v1
    [ "$(had)" = 0 ]
    more_load 50
    end_load
    [ "$(loaded '["failed"]')" = 0 ]
    # all of them, and one by its name, cannot be had twice either
    for gpus_of in 'count: all' 'device_ids: ["0"]'; do
        web v3 1 "$gpus_of"
        plan_says 'the old one stops first: it has 1 of nvidia.com/gpu='
    done
    # who says that both have room gets it
    web v3 1 'count: 1' 'order: start-first'
    plan_says 'recreate shop-web-1 (the new one starts first): '
    crank up -d --wait 2>/dev/null
    until_true says v3
    # nothing stays frozen with a GPU's memory
    [ "$(crank ps -q | wc -l)" = 1 ]
}

@test "a change that gives a service a GPU starts first; another project's container has what is not spare" {
    gpus 2
    web v0 1 'count: 1'
    sed -i '/deploy:/d' compose.yaml
    crank up -d --wait 2>/dev/null
    web v1 1 'count: 1'
    plan_says 'recreate shop-web-1 (the new one starts first): '
    crank up -d --wait 2>/dev/null
    [ "$(had)" = 0 ]
    crank run -d --name other --network none --gpus device=1 answerer >/dev/null
    web v2 1 'count: 1'
    plan_says 'it has 1 of nvidia.com/gpu=0, nvidia.com/gpu=1, and there is none to spare'
    crank rm -f other >/dev/null
    plan_says 'recreate shop-web-1 (the new one starts first): '
}

@test "a native worker that uses the GPU: which one nobody can tell it, so the old one stops first" {
    gpus 2
    cp "$CRANK_TEST_DIR/answerer-context/answerer" .
    native() {
        web "$1" 1 'count: 1'
        sed -i 's/x-crank: {/x-crank: {native: {command: ['"${PWD//\//\\/}"'\/answerer]}, /' compose.yaml
    }
    native v0
    crank up -d --wait 2>/dev/null
    until_true says v0
    begin_load "$port"
    native v1
    plan_says '(the old one stops first: it uses the GPU, and nobody can give a process another one)'
    crank up -d --wait 2>/dev/null
    until_true says v1
    web v2 1 'count: 1'
    plan_says '(the old one stops first: it uses the GPU, and nobody knows which)'
    crank up -d --wait 2>/dev/null
    until_true says v2
    more_load 50
    end_load
    [ "$(loaded '["failed"]')" = 0 ]
}
