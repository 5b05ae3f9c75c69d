#!/usr/bin/env bats
# x-crank.rollout.canary: the first new container has a part of the requests before it takes its place.

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
    port=18971
}
teardown() { shop_teardown; }
teardown_file() { crank_teardown_file; }

# A command in the background, whose words an earlier one has not said.
begin_up() {
    : >up.err
    crank up -d 2>up.err 3>&- &
    up=$!
}
# failed PID: a command in the background.
failed() {
    local code=0
    wait "$1" || code=$?
    [ "$code" != 0 ]
}

# web VERSION [CANARY [VARIABLES [REPLICAS]]]
web() {
    cat >compose.yaml <<END
services:
  web:
    image: answerer
    ports: ["127.0.0.1:$port:8000"]
    environment: {VERSION: "$1"${3:+, $3}}
    deploy: {replicas: ${4:-1}}
    x-crank: {rollout: {canary: ${2:-{share: 20%, for: 1s\}}}}
END
}
fetch() { curl -s --max-time 10 "http://127.0.0.1:$port/"; }
says() { [ "$(fetch)" = "$1" ]; }
id_of() { crank inspect --format '{{.Id}}' "$1"; }
# How many of 100 requests the version answers.
share_of() {
    local i count=0
    for ((i = 0; i < 100; i++)); do
        if says "$1"; then count=$((count + 1)); fi
    done
    echo $count
}

@test "so many requests reach the canary, of one and of several; what is interrupted goes on with the next command" {
    web v0
    crank up -d 2>/dev/null
    until_true says v0
    local replicas
    for replicas in 1 3; do
        web v0 '' '' "$replicas"
        crank up -d 2>/dev/null
        until_true says v0
        web v1 '{share: 20%, for: 1h}' '' "$replicas"
        run -2 --separate-stderr crank plan
        [[ ${lines[0]} == "recreate shop-web-1 (the new one starts first, with 20% of the requests for 1h0m0s): environment"* ]]
        [ "$(grep -c '%' <<<"$output")" = 1 ]
        begin_up
        until_true grep -q "Container shop-web-1  has 20% of the requests for 1h0m0s" up.err
        [ "$(share_of v1)" = 20 ]
        kill -INT "$up"
        failed "$up"
        web v1 '' '' "$replicas"
        run -0 --separate-stderr crank up -d
        [ "$(share_of v1)" = 100 ]
        [ "$(crank ps -q --filter status=running | wc -l)" = "$replicas" ]
        run -0 crank plan
        crank down 2>/dev/null
    done
}

@test "a canary takes its place after its time, and loses no request; a rollback has none" {
    web v0
    crank up -d 2>/dev/null
    until_true says v0
    begin_load "$port"
    web v1
    run -0 --separate-stderr crank up -d
    [ "$stderr" = "Container shop-web-1  has 20% of the requests for 1s
Container shop-web-1  Recreated" ]
    says v1
    web v2 '{share: 1%, for: 1h}'
    # a change to what was rolled back from is none that is new
    run -0 --separate-stderr crank rollback
    says v0
    end_load
    [ "$(loaded '["failed"]')" = 0 ] || { cat load.json && false; }
    [ "$(loaded '["answers"].keys() == {"v0", "v1"}')" = True ]
}

@test "a canary that answers with errors more often than the others, or ends, goes, and the old one stays" {
    web v0
    crank up -d 2>/dev/null
    until_true says v0
    local before
    before=$(id_of shop-web-1)
    web bad '{share: 50%, for: 1h}' 'STATUS: "500 Oh"'
    begin_up
    until_true eval 'fetch >/dev/null; ! kill -0 '"$up"' 2>/dev/null'
    failed "$up"
    grep -q "the old container of shop-web-1 stays: the canary answered [0-9]* of [0-9]* requests with an error, and the others 0 of [0-9]*" up.err
    says v0
    [ "$(id_of shop-web-1)" = "$before" ]
    [ "$(crank ps -aq | wc -l)" = 1 ]
    # as many errors as may be
    web bad '{share: 50%, for: 1s, errors: 100%}' 'STATUS: "500 Oh"'
    run -0 --separate-stderr crank up -d
    says bad
    web v3 '{share: 50%, for: 1h}'
    begin_up
    until_true grep -q "has 50%" up.err
    crank kill shop-web-1
    failed "$up"
    grep -q "the old container of shop-web-1 stays: the canary exited (137)" up.err
    says bad
}

@test "what is no canary is named, with its place" {
    refused() {
        web v0 "$1"
        run -1 --separate-stderr crank up -d
        [[ $stderr == *"compose.yaml:7:"*"services.web.x-crank.rollout.canary$2"* ]]
    }
    refused '{share: 0%}' ".share: '0%' must be from 1% to 99%"
    refused '{share: 100%}' ".share: '100%' must be from 1% to 99%"
    refused '"10"' ".share: '10' must be from 1% to 99%"
    refused '{share: 10%, errors: 101%}' ".errors: '101%' must be from 0% to 100%"
    refused '{share: 10%, for: soon}' ".for:"
    refused '{for: 1m}' ""
    refused '10%, order: stop-first' ": is beside the old container, which order: stop-first ends before"
    # without a port that the gateway holds there is nothing to share
    cat >compose.yaml <<'END'
services:
  web: {image: answerer, environment: {VERSION: v0}, x-crank: {rollout: {canary: 10%}}}
END
    crank up -d 2>/dev/null
    sed -i 's/v0/v1/' compose.yaml
    run -0 --separate-stderr crank up -d
    [[ $stderr != *"% of the requests"* ]]
}
