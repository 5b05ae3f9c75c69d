#!/usr/bin/env bats
# Requests from service to service: the project's gateway leads each of them at the service's address.

# run sets stderr; begin_load reads load_from and load_to
# shellcheck disable=SC2154,SC2034
bats_require_minimum_version 1.5.0
load ../lib/crank
load ../lib/shop

setup_file() {
    crank_setup_file
    answerer_image
    busybox_image
}
setup() {
    shop_setup
    load_from=shop-asks-1
}
teardown() {
    [ -z "${server:-}" ] || kill "$server"
    shop_teardown
}
teardown_file() { crank_teardown_file; }

# api VERSION [LINES]: a service that nobody outside reaches, and one that asks it.
api() {
    cat >compose.yaml <<END
services:
  api:
    image: answerer
    expose: [8000]
    environment: {VERSION: "$1", DELAY: "${DELAY:-0}"}
${2:-}
  asks: {image: busybox, command: [sleep, "10000"], stop_grace_period: 0s}
END
}
# fetch [PATH [PORT]]: from api, as another container does.
fetch() { from_asks curl -sS --max-time 20 "http://$(lookup api):${2:-8000}/${1:-}"; }
from_asks() { nsenter --net="/proc/$(crank inspect -f '{{.State.Pid}}' shop-asks-1)/ns/net" "$@"; }
says() { [ "$(fetch 2>/dev/null)" = "$1" ]; }
lookup() { crank exec shop-asks-1 nslookup -type=a "$1" | sed -n '/^Name/,$s/^Address: //p'; }
relayed() { sed -n 's/^relayed //p' "$CRANK_STATE"/networks/*/services/*; }
begin() {
    load_to=$(lookup api)
    begin_load 8000
}

@test "changes and rollbacks under load from another container lose no request and reset no connection" {
    local n rounds=5
    [ "${CRANK_TEST_LONG:-0}" = 0 ] || rounds=100
    api v0
    run -0 crank up -d
    until_true says v0
    begin
    for ((n = 1; n <= rounds; n++)); do
        api "v$n"
        run -0 --separate-stderr crank up -d
        says "v$n"
        more_load 1000
        run -0 --separate-stderr crank rollback
        says "v$((n - 1))"
        more_load 1000
        run -0 --separate-stderr crank up -d
    done
    end_load
    [ "$(loaded '["failed"]')" = 0 ] || { cat load.json && false; }
    [ "$(loaded "[\"requests\"] >= 2000 * $rounds")" = True ] || { cat load.json && false; }
    [ "$(loaded '["answers"].keys() >= {"v0", "v1", "v2", "v3", "v4", "v5"}')" = True ]
    run -0 crank plan
    run -0 crank down
    [ -z "$(gateway_pid shop)" ]
}

@test "a request that is under way ends where it began; the client is seen as it is" {
    api v0
    run -0 crank up -d
    until_true says v0
    [ "$(fetch who)" = "$(crank inspect -f '{{.NetworkSettings.Networks.shop_default.IPAddress}}' shop-asks-1)" ]
    fetch slow/2 >answer 3>&- &
    local asked=$!
    until_true is_under_way
    api v1
    run -0 --separate-stderr crank up -d
    wait "$asked"
    [ "$(cat answer)" = v0 ]
    says v1
}
# One more connection than the listener's stands within the container.
is_under_way() { [ -n "$(nsenter --net="/proc/$(crank inspect -f '{{.State.Pid}}' shop-api-1)/ns/net" ss -Htn state established '( sport = :8000 )')" ]; }

@test "who takes its time to listen, or fails, gets nothing: requests wait for it or go to the old one" {
    DELAY=2 api v0
    run -0 crank up -d
    # it does not listen yet
    [ "$(fetch)" = v0 ]
    begin
    DELAY=1 api v1
    run -0 --separate-stderr crank up -d
    says v1
    api v2 '    command: [/answerer]
    x-crank: {rollout: {timeout: 1s}}'
    sed -i 's/DELAY: "0"/DELAY: "600"/' compose.yaml
    run -1 --separate-stderr crank up -d
    [[ $stderr == *"the old container of shop-api-1 stays: container shop-api-1 takes no connection on port 8000"* ]]
    sed -i 's/DELAY: "600"/LISTEN: 127.0.0.1/' compose.yaml
    run -1 --separate-stderr crank up -d
    [[ $stderr == *"container shop-api-1 listens on 127.0.0.1:8000 alone"* ]]
    says v1
    # the old one stops first: who comes waits
    api v3 '    volumes: [data:/data]'
    printf 'volumes: {data: {}}\n' >>compose.yaml
    run -0 --separate-stderr crank up -d
    api v4 '    volumes: [data:/data]'
    printf 'volumes: {data: {}}\n' >>compose.yaml
    run -2 crank plan
    [[ $output == *"(the old one stops first: it writes to /data)"* ]]
    run -0 --separate-stderr crank up -d
    says v4
    run -0 --separate-stderr crank restart -t 0 shop-api-1
    until_true says v4
    end_load
    [ "$(loaded '["failed"]')" = 0 ] || { cat load.json && false; }
    run -0 crank scale api=0
    # refused
    run -7 fetch
    [ -z "$(relayed)" ]
    [ -z "$(gateway_pid shop)" ]
}

@test "ports that the image exposes and those of a probe count; those of a database, and what the file says is none, do not" {
    printf 'FROM answerer\nEXPOSE 8000 5432 9000\n' | crank build -q -t exposing - >/dev/null
    api one '    image: exposing'
    sed -i '0,/image: answerer/{//d}; /expose:/d' compose.yaml
    run -0 crank up -d
    until_true says one
    [ "$(relayed | cut -d' ' -f1 | paste -sd' ')" = "8000 9000" ]
    api one '    x-crank: {probe: "http://:8000/"}'
    sed -i '/expose:/d' compose.yaml
    run -0 crank up -d
    until_true says one
    [ "$(relayed | cut -d' ' -f1)" = 8000 ]
    api one '    ports: [{target: 8000, published: "18951", app_protocol: tcp}]'
    run -0 crank up -d
    until_true says one
    [ -z "$(relayed)" ]
    run -0 crank plan
    # what is published is led by requests at both
    sed -i 's/, app_protocol: tcp//' compose.yaml
    run -0 crank up -d
    until_true says one
    [ "$(relayed | cut -d' ' -f1)" = 8000 ]
    [ "$(curl -s --max-time 20 http://127.0.0.1:18951/)" = one ]
    run -0 crank plan
}

@test "whatever is killed, the gateway too: the next command has requests led again" {
    local place
    api v0
    run -0 crank up -d
    until_true says v0
    for place in deploy.held deploy.led service.ruled deploy.proved; do
        api "$place"
        CRANK_CRASH_AT=$place run -137 crank up -d
        run -0 crank reconcile shop
        until_true says "$(crank inspect -f '{{range .Config.Env}}{{println .}}{{end}}' shop-api-1 | sed -n 's/^VERSION=//p')"
        run -0 crank up -d
        until_true says "$place"
        run -0 crank plan
    done
    kill -KILL "$(gateway_pid shop)"
    until_true no_gateway
    run ! fetch
    run -2 crank plan
    [[ $output == "lead to api: its requests are not led as its ports say" ]]
    run -0 crank up -d
    until_true says deploy.proved
    run -0 crank plan
    CRANK_CRASH_AT=service.released run -137 crank down
    run -0 crank down
    [ -z "$(gateway_pid shop)" ]
}
no_gateway() { [ -z "$(gateway_pid shop)" ]; }

@test "on an internal network, and beside a server that has the port on every address of this machine" {
    api one
    printf 'networks: {default: {internal: true}}\n' >>compose.yaml
    python3 -m http.server 8000 --bind 0.0.0.0 >/dev/null 2>&1 3>&- &
    server=$!
    until_true curl -s -o /dev/null http://127.0.0.1:8000/
    run -0 crank up -d
    until_true says one
    begin
    api two
    printf 'networks: {default: {internal: true}}\n' >>compose.yaml
    run -0 --separate-stderr crank up -d
    says two
    end_load
    [ "$(loaded '["failed"]')" = 0 ] || { cat load.json && false; }
    # nothing else of this machine is there
    run ! fetch / 8001
    run ! from_asks curl -sS --max-time 20 "http://$(crank network inspect -f '{{(index .IPAM.Config 0).Gateway}}' shop_default):8000/"
}
