#!/usr/bin/env bats
# Services of a project are started, and replaced, side by side where none of them waits for the other.

# shellcheck disable=SC2154 # run sets stderr
bats_require_minimum_version 1.5.0
load ../lib/crank
load ../lib/shop

setup_file() {
    crank_setup_file
    answerer_image
    is_root && can_run >/dev/null 2>&1 || return 0 # the tests say why they skip
    healthy_image
}
setup() {
    shop_setup
    mkdir -p shared
    echo services: >compose.yaml
    port=18961
}
teardown() { shop_teardown; }
teardown_file() { crank_teardown_file; }

# service NAME [VERSION [MORE]]: healthy once shared/good-NAME-VERSION is there, and unhealthy once bad-... is.
service() {
    cat >>compose.yaml <<END
  $1:
    image: answerer-healthy
    environment: {VERSION: "${2:-v0}"}
    volumes: ["./shared:/shared:ro"]
    healthcheck:
      test: ["CMD", "/busybox", "sh", "-c", "until test -e /shared/good-$1-${2:-v0} || test -e /shared/bad-$1-${2:-v0}; do /busybox sleep 0.05; done; test -e /shared/good-$1-${2:-v0}"]
      interval: 100ms
      retries: 1
    stop_grace_period: 1s
    x-crank: {rollout: {keep_warm: 0s}}
${3:+    $3}
END
}
# behind NAME OTHER: starts once the other is healthy.
behind() {
    printf '  %s: {image: answerer, depends_on: {%s: {condition: service_healthy}}}\n' "$1" "$2" >>compose.yaml
}
up_in_background() {
    : >up.err
    crank up -d 2>up.err 3>&- &
    up=$!
}
failed() {
    local code=0
    wait "$1" || code=$?
    [ "$code" != 0 ]
}
version_of() { crank inspect -f '{{range .Config.Env}}{{println .}}{{end}}' "$1" | sed -n 's/^VERSION=//p'; }
runs() { [ "$(crank inspect -f '{{.State.Status}}' "$1" 2>/dev/null)" = running ]; }
is_healthy() { [ "$(crank inspect -f '{{.State.Health.Status}}' "$1")" = healthy ]; }
is_there() { crank inspect "$1" >/dev/null 2>&1; }
# So many containers run.
run_at_once() { [ "$(crank ps -q | wc -l)" = "$1" ]; }

@test "a service that waits keeps no other from its start; each is told of when it is done" {
    service slow1
    behind a1 slow1
    service slow2
    behind a2 slow2
    up_in_background
    until_true runs shop-slow1-1
    until_true runs shop-slow2-1
    touch shared/good-slow2-v0
    until_true runs shop-a2-1
    run ! is_there shop-a1-1
    touch shared/good-slow1-v0
    wait "$up"
    runs shop-a1-1
    [ "$(grep -v '^Network' up.err)" = "Container shop-slow1-1  Started
Container shop-slow2-1  Started
Service slow2  Healthy
Container shop-a2-1  Started
Service slow1  Healthy
Container shop-a1-1  Started" ]
    run -0 crank plan
}

@test "the first that fails ends the start, whoever else still waits, and the next command does the rest" {
    service slow1
    behind a1 slow1
    service slow2
    behind a2 slow2
    up_in_background
    until_true runs shop-slow1-1
    touch shared/bad-slow2-v0
    failed "$up"
    grep -q "crank up: dependency failed to start: container shop-slow2-1 is unhealthy" up.err
    runs shop-slow1-1
    run ! is_there shop-a1-1
    run ! is_there shop-a2-1
    rm shared/bad-slow2-v0
    touch shared/good-slow{1,2}-v0
    until_true is_healthy shop-slow2-1
    run -0 --separate-stderr crank up -d
    runs shop-a1-1
    runs shop-a2-1
}

# Of two services v0 runs, and v1 is to.
two_change() {
    local version name
    for version in v0 v1; do
        echo services: >compose.yaml
        for name in a b; do service "$name" "$version"; done
        [ "$version" = v1 ] || { touch shared/good-{a,b}-v0 && crank up -d --wait 2>/dev/null; }
    done
}
versions() { echo "$(version_of shop-a-1) $(version_of shop-b-1)"; }

@test "services are replaced side by side, and whoever interrupts it leaves all as they were" {
    two_change
    up_in_background
    until_true run_at_once 4
    kill -INT "$up"
    failed "$up"
    grep -q "crank up: interrupted" up.err
    [ "$(versions)" = "v0 v0" ]
    run_at_once 2
    [ "$(crank ps -aq | wc -l)" = 2 ]
    up_in_background
    until_true run_at_once 4
    touch shared/good-b-v1
    until_true grep -q "Container shop-b-1  Recreated" up.err
    [ "$(versions)" = "v1 v1" ] # the name is the new one's already
    run_at_once 3
    touch shared/good-a-v1
    wait "$up"
    [ "$(cat up.err)" = "Container shop-b-1  Recreated
Container shop-a-1  Recreated" ]
    run_at_once 2
    run -0 crank plan
}

@test "where one fails, the other that has not proved itself makes way for the old one again" {
    two_change
    up_in_background
    until_true run_at_once 4
    touch shared/bad-a-v1
    failed "$up"
    grep -q "the old container of shop-a-1 stays: container shop-a-1 is unhealthy" up.err
    [ "$(versions)" = "v0 v0" ]
    [ "$(crank ps -aq | wc -l)" = 2 ]
}

@test "kill -9 while several are replaced: the next command ends it" {
    local place
    for place in deploy.made deploy.led deploy.proved; do
        two_change
        touch shared/good-{a,b}-v1
        CRANK_CRASH_AT=$place run -137 crank up -d
        run -0 crank up -d
        [ "$(versions)" = "v1 v1" ]
        [ "$(crank ps -aq | wc -l)" = 2 ]
        run -0 crank plan
        crank down 2>/dev/null
        rm shared/good-*
    done
}

@test "so many services are replaced at a time as there are processors, four at least and sixteen at most" {
    local most=$(($(nproc) < 4 ? 4 : $(nproc) > 16 ? 16 : $(nproc))) i since
    for ((i = 0; i <= most; i++)); do service "s$i"; touch "shared/good-s$i-v0"; done
    crank up -d --wait 2>/dev/null
    echo services: >compose.yaml
    for ((i = 0; i <= most; i++)); do service "s$i" v1; done
    since=$(date -u +%FT%T.%NZ)
    up_in_background
    until_true run_at_once $((2 * most + 1))
    for ((i = 0; i <= most; i++)); do touch "shared/good-s$i-v1"; done
    wait "$up"
    [ "$(most_at_once $((most + 1)) "$since")" = $((2 * most + 1)) ]
    [ "$(grep -c Recreated up.err)" = $((most + 1)) ]
}

@test "more of a service: all are started, prove themselves side by side, and no request is lost" {
    service web v0 "ports: [\"127.0.0.1:$port:8000\"]"
    touch shared/good-web-v0
    crank up -d --wait 2>/dev/null
    begin_load "$port"
    rm shared/good-web-v0
    sed -i 's/retries: 1/retries: 1000/' compose.yaml
    crank scale web=4 2>scale.err 3>&- &
    local scale=$!
    until_true run_at_once 4
    run ! grep -q Started scale.err
    touch shared/good-web-v0
    wait "$scale"
    [ "$(sort scale.err)" = "$(printf 'Container shop-web-%d  Started\n' 2 3 4)" ]
    end_load
    [ "$(loaded '["failed"]')" = 0 ] || { cat load.json && false; }
}
