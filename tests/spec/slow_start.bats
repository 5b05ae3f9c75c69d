#!/usr/bin/env bats
# A worker that takes long to become ready: whoever waits for it sees that it goes on.

# run sets stderr; what until_true evaluates
# shellcheck disable=SC2154,SC2016
bats_require_minimum_version 1.5.0
load ../lib/crank
load ../lib/shop

setup_file() {
    crank_setup_file
    is_root && can_run >/dev/null 2>&1 || return 0
    answerer_image
    healthy_image
    # it answers once its model is there
    printf 'FROM answerer-healthy\nENTRYPOINT ["/busybox", "sh", "-c", "n=0; until test -e /shared/model; do n=$((n + 1)); echo loading part $n; /busybox sleep 1; done; exec /answerer"]\nCMD []\n' |
        crank build -q -t loading -f - . >/dev/null
}
setup() {
    shop_setup
    port=18983
    mkdir shared
}
teardown() { shop_teardown; }
teardown_file() { crank_teardown_file; }

# web VERSION [LINE...]
web() {
    cat >compose.yaml <<END
services:
  web:
    image: loading
    volumes: ["./shared:/shared:ro"]
    ports: ["127.0.0.1:$port:8000"]
    environment: {VERSION: "$1"}
END
    shift
    [ $# = 0 ] || printf '    %s\n' "$@" >>compose.yaml
}
says() { [ "$(curl -s --max-time 10 "http://127.0.0.1:$port/")" = "$1" ]; }
up_in_background() {
    : >up.err
    crank up -d "$@" 2>up.err 3>&- &
    up=$!
}
# goes_on PATTERN: the command says so, and then does what it was to do.
goes_on() {
    until_true grep -qE "$1" up.err || { cat up.err && false; }
    kill -0 "$up"
    touch shared/model
    wait "$up" || { cat up.err && false; }
}

@test "a port that takes no connection yet: which, how long of which time, and what the worker wrote last" {
    touch shared/model
    web v0
    crank up -d 2>/dev/null
    until_true says v0
    rm shared/model
    web v1 'x-crank: {rollout: {timeout: 90s}}'
    up_in_background
    goes_on '^Container shop-web-1  Waiting 5s of 1m30s: it takes no connection on port 8000 yet; it wrote: loading part [0-9]+$'
    until_true says v1
}

@test "a health check that has not succeeded: what it said last, in the time of --wait" {
    web v0 'healthcheck: {test: ["CMD", "/busybox", "sh", "-c", "test -e /shared/model || { echo no model; exit 4; }"], interval: 200ms, retries: 1000}'
    up_in_background --wait --wait-timeout 100
    goes_on '^Container shop-web-1  Waiting 5s of 1m40s: its health check has not succeeded: exit code 4, "no model"; it wrote: loading part [0-9]+$'
}

@test "a dependency, and a step before the start, are waited for as long as it takes" {
    local waits='until test -e /shared/model; do /busybox sleep 0.1; done'
    web v0 'depends_on: {model: {condition: service_completed_successfully}}'
    cat >>compose.yaml <<END
  model:
    image: loading
    volumes: ["./shared:/shared:ro"]
    entrypoint: [/busybox, sh, -c, "$waits"]
END
    up_in_background
    goes_on '^Container shop-model-1  Waiting 5s: it has not ended$'
    crank down 2>/dev/null
    rm shared/model
    web v0 "pre_start: [{command: [], entrypoint: [/busybox, sh, -c, '$waits']}]"
    up_in_background
    goes_on '^Container [^ ]+  Waiting 5s: service web: step 1 of pre_start has not ended$'
}
