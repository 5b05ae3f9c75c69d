#!/usr/bin/env bats
# Swarm's words for a change and for the way back: deploy.update_config and rollback_config.

# shellcheck disable=SC2154 # run sets stderr
bats_require_minimum_version 1.5.0
load ../lib/crank
load ../lib/shop

setup_file() {
    crank_setup_file
    answerer_image
}
setup() {
    shop_setup
    port=18981
}
teardown() { shop_teardown; }
teardown_file() { crank_teardown_file; }

# failed PID: a command in the background.
failed() {
    local code=0
    wait "$1" || code=$?
    [ "$code" != 0 ]
}

# web VERSION DEPLOY [VARIABLES]
web() {
    cat >compose.yaml <<END
services:
  web:
    image: answerer
    ports: ["127.0.0.1:$port:8000"]
    environment: {VERSION: "$1"${3:+, $3}}
    deploy: {replicas: 2, $2}
    x-crank: {rollout: {keep_warm: 0s}}
END
}
says() { [ "$(curl -s --max-time 10 "http://127.0.0.1:$port/")" = "$1" ]; }
version_of() { crank inspect -f '{{range .Config.Env}}{{println .}}{{end}}' "$1" | sed -n 's/^VERSION=//p'; }
first_is() { [ "$(version_of shop-web-1)" = "$1" ]; }

@test "delay: the next container waits, whoever interrupts leaves it for the next command; back has its own" {
    web v0 'update_config: {delay: 1h}, rollback_config: {delay: 0s, order: stop-first}'
    crank up -d 2>/dev/null
    until_true says v0
    web v1 'update_config: {delay: 1h}, rollback_config: {delay: 0s, order: stop-first}'
    crank up -d 2>up.err 3>&- &
    local up=$!
    until_true grep -q "Container shop-web-1  Recreated" up.err
    [ "$(version_of shop-web-1)" = v1 ]
    [ "$(version_of shop-web-2)" = v0 ]
    kill -0 "$up"
    kill -INT "$up"
    failed "$up"
    # one is left: nothing is before it
    run -0 --separate-stderr crank up -d
    [ "$stderr" = "Container shop-web-2  Recreated" ]
    run -0 --separate-stderr crank rollback
    [ "$(version_of shop-web-1) $(version_of shop-web-2)" = "v0 v0" ]
}

# Of two containers the first is healthy once, and the other one never.
half() {
    web v1 "$1"
    mkdir -p shared
    rm -rf shared/once
    sed -i 's/image: answerer/image: answerer-healthy/' compose.yaml
    cat >>compose.yaml <<'END'
    volumes: ["./shared:/shared"]
    healthcheck: {test: ["CMD", "/busybox", "mkdir", "/shared/once"], interval: 100ms, retries: 1}
END
}
versions() { echo "$(version_of shop-web-1) $(version_of shop-web-2)"; }

@test "failure_action: pause leaves what is done, rollback and nobody's word go back; monitor watches" {
    healthy_image
    local action
    for action in pause continue; do
        web v0 'update_config: {order: start-first}'
        crank up -d 2>/dev/null
        until_true says v0
        half "update_config: {order: start-first, failure_action: $action}"
        run -1 --separate-stderr crank up -d
        [[ $stderr == *"the old container of shop-web-2 stays: container shop-web-2 is unhealthy"* ]]
        [ "$(versions)" = "v1 v0" ]
        [[ $action = pause || $stderr == *"deploy.update_config.failure_action: a change ends with the first container that fails: 'continue' is as pause"* ]]
        crank down 2>/dev/null
    done
    for action in ', failure_action: rollback' ''; do
        web v0 'update_config: {order: start-first}'
        crank up -d 2>/dev/null
        until_true says v0
        half "update_config: {order: start-first$action}"
        run -1 --separate-stderr crank up -d
        [ "$(versions)" = "v0 v0" ]
        crank down 2>/dev/null
    done
    web v0 'update_config: {monitor: 1s}'
    run -0 --separate-stderr crank up -d
    [[ $stderr == *"watched for 1s: "* ]]
    web v0 'update_config: {failure_action: never}'
    run -1 --separate-stderr crank up -d
    [[ $stderr == *"services.web.deploy.update_config.failure_action: must be one of continue, pause, rollback"* ]]
}
