#!/usr/bin/env bats
# What becomes of a container of a project whose health check fails.

# run sets stderr
# shellcheck disable=SC2154
bats_require_minimum_version 1.5.0
load ../lib/crank
load ../lib/shop

setup_file() {
    crank_setup_file
    answerer_image
    healthy_image
}
setup() { shop_setup; }
teardown() { shop_teardown; }
teardown_file() { crank_teardown_file; }

# project REPLICAS [FIELD]: ill where there is a file /ill, and silent too where there is a file /mute.
project() {
    cat >compose.yaml <<END
services:
  web:
    image: answerer-healthy
    environment: {VERSION: one}
    ports: ["18000:8000"]
    healthcheck: {test: [CMD, /busybox, sh, -c, "! test -e /mute && ! test -e /ill"], interval: 100ms, retries: 2}
    deploy: {replicas: $1}
    ${2:-}
END
    crank deploy
}
touched() { crank exec "shop-web-$1" /busybox touch "/$2"; }
is() { [ "$(crank inspect --format '{{.State.Health.Status}}' "shop-web-$1")" = "$2" ]; }
# More than there are containers: none of them goes to one that is silent.
all_answer() {
    local i
    for ((i = 0; i < 10; i++)); do [ "$(curl -sf -m 3 http://127.0.0.1:18000/)" = one ] || return 1; done
}

@test "one that is unhealthy gets no requests while others are well, and gets them again once it is well" {
    project 2
    touched 2 mute
    until_true is 2 unhealthy
    all_answer
    crank exec shop-web-2 /busybox rm /mute
    until_true is 2 healthy
    touched 1 mute
    until_true is 1 unhealthy
    all_answer
    # The gateway's process is killed: the next one learns it, too.
    kill -KILL "$(pgrep -P "$(gateway_pid shop)")"
    until_true all_answer
    # Where none is well they are asked all the same.
    crank exec shop-web-1 /busybox rm /mute
    touched 1 ill
    touched 2 ill
    until_true is 2 unhealthy
    all_answer
}

@test "x-crank.on_unhealthy: started again, so often at most, and why says so; another word is an error with its line" {
    project 1 'x-crank: {on_unhealthy: restart:1}'
    touched 1 ill
    gave_up() { crank why shop-web-1 | tr -s ' \n' ' ' | grep -q "had been restarted for that once in a row, and --on-unhealthy=restart:1 gives up"; }
    until_true gave_up
    [ "$(crank inspect --format '{{.State.Status}}' shop-web-1)" = exited ]
    sed -i 's/restart:1/reboot/' compose.yaml
    run -1 --separate-stderr crank deploy
    [[ $stderr = *'compose.yaml:8:'*': services.web.x-crank.on_unhealthy: --on-unhealthy "reboot": no such action'* ]]
}

@test "ready and live are asked apart: who is not ready is passed over and goes on, who does not live is started again" {
    project 1 'x-crank: {on_unhealthy: restart:1, probe: {interval: 100ms, timeout: 300ms, live: {url: "http://:8000/", retries: 2}}}'
    streak() { [ "$(crank inspect --format '{{.State.Health.FailingStreak}}' shop-web-1)" -ge "$1" ]; }
    touched 1 ill
    until_true streak 6
    is 1 unhealthy
    [ "$(crank inspect --format '{{.RestartCount}}' shop-web-1)" = 0 ]
    crank exec shop-web-1 /busybox rm /ill
    until_true is 1 healthy
    touched 1 mute
    gave_up() { crank why shop-web-1 | tr -s ' \n' ' ' | grep -q "its live probe failed 2 times in a row (last: exit code .*); it had been restarted for that once in a row, and --on-unhealthy=restart:1 gives up"; }
    until_true gave_up
    [ "$(crank inspect --format '{{.State.Status}}' shop-web-1)" = exited ]
}
