#!/usr/bin/env bats
# Swarm's words for a change and for the way back: deploy.update_config and rollback_config.

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

# web VERSION DEPLOY [REPLICAS]
web() {
    cat >compose.yaml <<END
services:
  web:
    image: answerer
    ports: ["127.0.0.1:$port:8000"]
    environment: {VERSION: "$1"}
    deploy: {replicas: ${3:-2}, $2}
    x-crank: {rollout: {keep_warm: 0s}}
END
}
# The same, and each container takes the next number at its first check: it is healthy where
# shared/good-NUMBER exists, and unhealthy where shared/bad-NUMBER does.
checked() {
    web "$@"
    sed -i 's/image: answerer/image: answerer-healthy/' compose.yaml
    cat >>compose.yaml <<'END'
    volumes: ["./shared:/shared"]
    healthcheck: {test: ["CMD", "/busybox", "sh", "/shared/check"], interval: 100ms, retries: 1}
END
    mkdir -p shared
    cat >shared/check <<'END'
if ! test -e /mine; then
    n=1
    while ! /busybox mkdir /shared/taken-$n 2>/dev/null; do n=$((n + 1)); done
    echo $n >/mine
fi
read n </mine
until test -e /shared/good-$n || test -e /shared/bad-$n; do /busybox sleep 0.05; done
test -e /shared/good-$n
END
}
# outcomes good|bad...: of the checks of the first container that asks, of the second...
outcomes() {
    local n=0 one
    rm -rf shared/taken-* shared/good-* shared/bad-*
    for one; do
        n=$((n + 1))
        touch "shared/$one-$n"
    done
}
says() { [ "$(curl -s --max-time 10 "http://127.0.0.1:$port/")" = "$1" ]; }
version_of() { crank inspect -f '{{range .Config.Env}}{{println .}}{{end}}' "$1" | sed -n 's/^VERSION=//p'; }
# Of all containers of the service, in the order of their numbers.
versions() {
    local name
    for name in $(crank ps -a --format '{{.Names}}' | grep '^shop-web-' | sort); do version_of "$name"; done | paste -sd' '
}
# How many containers run a version.
running() {
    local id count=0
    for id in $(crank ps -q); do
        if [ "$(version_of "$id")" = "$1" ]; then count=$((count + 1)); fi
    done
    echo "$count"
}
runs() { [ "$(running "$2")" = "$1" ]; }
# The project runs v0 in so many containers, which nothing has checked yet.
begin_with() {
    checked v0 "$1" "$2"
    outcomes good good good good
    crank up -d --wait 2>up.err || { cat up.err && false; }
    until_true says v0
}
up_in_background() {
    : >up.err
    crank up -d 2>up.err 3>&- &
    up=$!
}

@test "delay: the next container waits, whoever interrupts leaves it for the next command; back has its own" {
    web v0 'update_config: {delay: 1h}, rollback_config: {delay: 0s, order: stop-first}'
    crank up -d 2>/dev/null
    until_true says v0
    web v1 'update_config: {delay: 1h}, rollback_config: {delay: 0s, order: stop-first}'
    up_in_background
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

@test "parallelism: so many are started, prove themselves together and take their place, and no request is lost" {
    healthy_image
    # DEPLOY, then how many are new at a time
    local deploy new
    while read -r new deploy; do
        begin_with "update_config: {order: start-first, $deploy}" 4
        begin_load "$port"
        outcomes
        checked v1 "update_config: {order: start-first, $deploy}" 4
        run -2 --separate-stderr crank plan
        [ "$(grep -c 'at once with the one before' <<<"$output")" = "$((4 - 4 / new))" ]
        local since
        since=$(date -u +%FT%T.%NZ)
        up_in_background
        until_true runs "$new" v1
        # none takes its place before all have proved themselves
        [ "$new" = 1 ] || touch shared/good-1
        until_true test -e "shared/taken-$new"
        [ "$(running v0)" = 4 ]
        run ! grep -q Recreated up.err
        touch shared/good-{1,2,3,4}
        wait "$up" || { cat up.err && false; }
        [ "$(versions)" = "v1 v1 v1 v1" ]
        [ "$(most_at_once 4 "$since")" = "$((4 + new))" ]
        [ "$(cat up.err)" = "$(printf 'Container shop-web-%d  Recreated\n' 1 2 3 4)" ]
        end_load
        [ "$(loaded '["failed"]')" = 0 ] || { cat load.json && false; }
        crank down 2>/dev/null
    done <<'END'
2 parallelism: 2
4 parallelism: 0
1 parallelism: 1
END
}

@test "parallelism: all of a batch are switched to before the first of the old ones ends" {
    healthy_image
    # the old ones' last command, which the test ends
    local hook='    pre_stop: [{command: ["/busybox", "sh", "-c", "until test -e /shared/stop; do /busybox sleep 0.05; done"]}]'
    checked v0 'update_config: {parallelism: 0, order: start-first}' 3
    echo "$hook" >>compose.yaml
    outcomes good good good
    crank up -d --wait 2>up.err || { cat up.err && false; }
    outcomes good good good
    checked v1 'update_config: {parallelism: 0, order: start-first}' 3
    up_in_background
    only_v1() { for _ in {1..12}; do says v1 || return 1; done; }
    until_true only_v1
    runs 3 v0
    [ ! -s up.err ]
    touch shared/stop
    wait "$up" || { cat up.err && false; }
    [ "$(running v0)" = 0 ]
    rm shared/stop
}

@test "parallelism: the delay is between batches, and the old ones stop together where they must stop first" {
    web v0 'update_config: {parallelism: 2, delay: 1h, order: stop-first}' 4
    crank up -d 2>/dev/null
    until_true says v0
    web v1 'update_config: {parallelism: 2, delay: 1h, order: stop-first}' 4
    up_in_background
    until_true grep -q "Container shop-web-2  Recreated" up.err
    [ "$(versions)" = "v1 v1 v0 v0" ]
    kill -INT "$up"
    failed "$up"
    [ "$(versions)" = "v1 v1 v0 v0" ]
    run -0 --separate-stderr crank up -d
    [ "$stderr" = "Container shop-web-3  Recreated
Container shop-web-4  Recreated" ]
    run -0 crank plan
}

@test "a batch that is interrupted or killed: the old ones go on, and the next command ends it" {
    healthy_image
    begin_with 'update_config: {parallelism: 2, order: start-first}' 4
    outcomes
    checked v1 'update_config: {parallelism: 2, order: start-first}' 4
    up_in_background
    until_true runs 2 v1
    kill -INT "$up"
    failed "$up"
    [ "$(versions)" = "v0 v0 v0 v0" ]
    [ "$(crank ps -aq | wc -l)" = 4 ]
    local place version
    for place in deploy.aside deploy.made deploy.batch deploy.led deploy.proved; do
        version=v-${place#deploy.}
        outcomes
        touch shared/good-{1..9}
        checked "$version" 'update_config: {parallelism: 2, order: start-first}' 4
        CRANK_CRASH_AT=$place run -137 crank up -d
        run -0 crank up -d
        [ "$(versions)" = "$version $version $version $version" ]
        [ "$(crank ps -aq | wc -l)" = 4 ]
        run -0 crank plan
    done
}

@test "failure_action: pause leaves what is done, rollback and nobody's word go back; monitor watches" {
    healthy_image
    local action
    for action in pause rollback ''; do
        begin_with 'update_config: {order: start-first}' 2
        outcomes good bad good
        checked v1 "update_config: {order: start-first${action:+, failure_action: $action}}" 2
        run -1 --separate-stderr crank up -d
        [[ $stderr == *"the old container of shop-web-2 stays: container shop-web-2 is unhealthy"* ]]
        if [ "$action" = pause ]; then [ "$(versions)" = "v1 v0" ]; else [ "$(versions)" = "v0 v0" ]; fi
        crank down 2>/dev/null
    done
    web v0 'update_config: {monitor: 1s}'
    run -0 --separate-stderr crank up -d
    [[ $stderr == *"watched for 1s: "* ]]
    # nothing goes back, so nothing looks whether it has to
    web v1 'update_config: {monitor: 1s, failure_action: pause}'
    run -0 --separate-stderr crank up -d
    [[ $stderr != *"watched"* ]]
    web v0 'update_config: {failure_action: never}'
    run -1 --separate-stderr crank up -d
    [[ $stderr == *"services.web.deploy.update_config.failure_action: must be one of continue, pause, rollback"* ]]
}

@test "failure_action: continue replaces the others all the same, and the change has failed" {
    healthy_image
    begin_with 'update_config: {order: start-first}' 3
    outcomes good bad good
    checked v1 'update_config: {order: start-first, failure_action: continue}' 3
    cat >>compose.yaml <<'END'
  other: {image: answerer, depends_on: [web]}
END
    run -1 --separate-stderr crank up -d
    [[ $stderr == *"warning: 1 of 3 containers of service web has failed, and the change goes on: the old container of shop-web-2 stays: container shop-web-2 is unhealthy"* ]]
    [[ $stderr == *"Container shop-web-3  Recreated"*"Container shop-other-1  Started"* ]]
    [ "${stderr_lines[-1]}" = "crank up: 1 of 3 containers of service web has failed" ]
    [ "$(versions)" = "v1 v0 v1" ]
    [[ $(crank releases --format '{{.Status}}' | head -1) == failed ]]
    # what is left is the next command's
    outcomes good
    run -0 --separate-stderr crank up -d
    [ "$(versions)" = "v1 v1 v1" ]
}

@test "max_failure_ratio: so many may fail, and where one more does the change has" {
    healthy_image
    begin_with 'update_config: {order: start-first}' 4
    outcomes good bad good good
    checked v1 'update_config: {order: start-first, max_failure_ratio: 0.25}' 4
    run -0 --separate-stderr crank up -d
    [[ $stderr == *"warning: 1 of 4 containers of service web has failed, and the change goes on: the old container of shop-web-2 stays"* ]]
    [ "$(versions)" = "v1 v0 v1 v1" ]
    run -2 --separate-stderr crank plan
    [[ $output == "recreate shop-web-2 "* ]]
    crank down 2>/dev/null
    local action
    for action in pause rollback; do
        begin_with 'update_config: {order: start-first}' 4
        outcomes good bad bad good
        checked v1 "update_config: {order: start-first, max_failure_ratio: 0.25, failure_action: $action}" 4
        run -1 --separate-stderr crank up -d
        [[ $stderr == *"1 of 4 containers of service web has failed, and the change goes on"* ]]
        [[ $stderr == *"the old container of shop-web-3 stays: container shop-web-3 is unhealthy"* ]]
        if [ "$action" = pause ]; then [ "$(versions)" = "v1 v0 v0 v0" ]; else [ "$(versions)" = "v0 v0 v0 v0" ]; fi
        [ "$(crank ps -aq | wc -l)" = 4 ]
        crank down 2>/dev/null
    done
}

@test "max_failure_ratio of a batch: where more fail than may none of it takes its place" {
    healthy_image
    begin_with 'update_config: {order: start-first}' 4
    outcomes good bad bad good
    checked v1 'update_config: {order: start-first, parallelism: 0, max_failure_ratio: 0.25, failure_action: pause}' 4
    run -1 --separate-stderr crank up -d
    [ "$(versions)" = "v0 v0 v0 v0" ]
    [[ $stderr != *Recreated* ]]
    [ "$(crank ps -aq | wc -l)" = 4 ]
    outcomes good bad bad good
    checked v1 'update_config: {order: start-first, parallelism: 0, max_failure_ratio: 0.5, failure_action: pause}' 4
    run -0 --separate-stderr crank up -d
    [ "$(versions | tr ' ' '\n' | sort | paste -sd' ')" = "v0 v0 v1 v1" ]
    [[ $stderr == *"2 of 4 containers of service web have failed, and the change goes on"* ]]
}

@test "monitor: one that ends while others are replaced has failed, too" {
    local action
    for action in pause rollback; do
        web v0 ''
        crank up -d 2>/dev/null
        until_true says v0
        web v1 "update_config: {monitor: 1h, delay: 1h, failure_action: $action}"
        up_in_background
        until_true grep -q "Container shop-web-1  Recreated" up.err
        kill -KILL "$(crank inspect -f '{{.State.Pid}}' shop-web-1)"
        failed "$up"
        grep -q "crank up: container shop-web-1 exited (137) after it had taken its place" up.err
        if [ "$action" = pause ]; then [ "$(versions)" = "v1 v0" ]; else [ "$(versions)" = "v0 v0" ]; fi
        crank down 2>/dev/null
    done
    # behind the change: of two one may
    web v0 ''
    crank up -d 2>/dev/null
    web v1 'update_config: {monitor: 1h, max_failure_ratio: 0.5}'
    crank up -d 2>/dev/null
    kill -KILL "$(crank inspect -f '{{.State.Pid}}' shop-web-1)"
    until_true eval '[ "$(crank inspect -f "{{.State.Status}}" shop-web-1)" = exited ]'
    kill -KILL "$(crank inspect -f '{{.State.Pid}}' shop-web-2)"
    until_true eval '[ "$(versions)" = "v0 v0" ]'
}

@test "rollback_config: the way back has its own parallelism, action, ratio and monitor" {
    healthy_image
    # ACTION, then whether it ends well, and what runs then
    local code expected back
    while read -r code expected back; do
        begin_with "update_config: {order: start-first}, rollback_config: {$back}" 4
        outcomes good good good good
        checked v1 "update_config: {order: start-first}" 4
        crank up -d 2>/dev/null
        outcomes good bad good good
        run "-$code" --separate-stderr crank rollback
        [ "$(versions)" = "${expected//,/ }" ]
        [[ $stderr == *"the old container of shop-web-2 stays: container shop-web-2 is unhealthy"* ]]
        crank down 2>/dev/null
    done <<'END'
1 v0,v1,v1,v1 failure_action: pause
1 v0,v1,v0,v0 failure_action: continue
0 v0,v1,v0,v0 failure_action: pause, max_failure_ratio: 0.25
1 v1,v1,v1,v1 delay: 0s
END
    begin_with 'update_config: {order: start-first}, rollback_config: {parallelism: 2, monitor: 1h, failure_action: pause}' 4
    outcomes good good good good
    checked v1 'update_config: {order: start-first}' 4
    crank up -d 2>/dev/null
    outcomes
    local since back
    since=$(date -u +%FT%T.%NZ)
    : >back.err
    crank rollback 2>back.err 3>&- &
    back=$!
    until_true runs 2 v0
    touch shared/good-{1..4}
    until_true grep -q "Container shop-web-4  Recreated" back.err
    [ "$(versions)" = "v0 v0 v0 v0" ]
    [ "$(most_at_once 4 "$since")" = 6 ]
    # it waits whether they go on
    kill -KILL "$(crank inspect -f '{{.State.Pid}}' shop-web-3)"
    failed "$back"
    grep -q "container shop-web-3 exited (137) after it had taken its place" back.err
}

@test "what is no change is named, with its place" {
    refused() {
        web v0 "$1"
        run -1 --separate-stderr crank up -d
        [[ $stderr == *"compose.yaml:6:"*"services.web.deploy.$2"* ]]
    }
    refused 'update_config: {parallelism: -1}' 'update_config.parallelism: must be 0 or more, not -1'
    refused 'update_config: {parallelism: some}' 'update_config.parallelism: must be a whole number'
    refused 'rollback_config: {parallelism: -2}' 'rollback_config.parallelism: must be 0 or more, not -2'
    refused 'update_config: {max_failure_ratio: -0.1}' 'update_config.max_failure_ratio: must be from 0 to 1'
    refused 'update_config: {max_failure_ratio: 1.5}' 'update_config.max_failure_ratio: must be from 0 to 1'
    refused 'rollback_config: {max_failure_ratio: 2}' 'rollback_config.max_failure_ratio: must be from 0 to 1'
    refused 'update_config: {monitor: -1s}' 'update_config.monitor: must be a duration such as 1m30s'
    refused 'update_config: {delay: -1s}' 'update_config.delay: must be a duration such as 1m30s'
    refused 'rollback_config: {failure_action: rollback}' 'rollback_config.failure_action: must be one of continue, pause'
}
