#!/usr/bin/env bats
# Whether a new container is reached at its ports and answers there, the first one of its service too.

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

# project ENVIRONMENT [FIELD]: of the answerer, which listens on 8000 unless the environment says else.
project() {
    cat >compose.yaml <<END
services:
  web:
    image: ${image:-answerer}
    environment: {VERSION: one, $1}
    ports: ["18000:8000"${more_ports:-}]
    ${2:-}
END
}
statuses() { crank releases --format '{{.Release}} {{.Status}}' | paste -sd' '; }

@test "deploy of a worker that listens to itself alone fails and names the address, also the first time" {
    project "LISTEN: 127.0.0.1"
    run -1 --separate-stderr crank deploy
    [[ $stderr = *"service web: container shop-web-1 listens on 127.0.0.1:8000 alone: it must listen on 0.0.0.0"* ]]
    [ "$(statuses)" = "1 failed" ]
    # Mended, it is the first good one.
    project ""
    crank deploy
    [ "$(answer 18000)" = one ]
    [ "$(statuses)" = "2 good 1 failed" ]
}

@test "deploy of a worker that listens on another port fails once its time is over" {
    project "PORT: 9000" "x-crank: {rollout: {timeout: 1s}}"
    run -1 --separate-stderr crank deploy
    [[ $stderr = *"service web: container shop-web-1 takes no connection on port 8000"* ]]
    # It is no better by itself.
    run -1 --separate-stderr crank deploy
    [[ $stderr = *"takes no connection on port 8000"* ]]
    run -1 --separate-stderr crank up --wait --wait-timeout 1
    [[ $stderr = *"takes no connection on port 8000"* ]]
    # Without waiting what comes waits for the worker.
    crank up -d
}

@test "deploy waits for a worker that takes its time until it listens" {
    project "DELAY: 1.5"
    run -0 --separate-stderr crank deploy
    crank logs shop-web-1 2>&1 | grep -q listening
    [ "$(answer 18000)" = one ]
    [ "$(statuses)" = "1 good" ]
}

@test "a port that is never used, beside one that is, or of a worker whose health check is content, is warned of" {
    more_ports=', "18001:9229"' project ""
    run -0 --separate-stderr crank deploy
    [[ $stderr = *"container shop-web-1 takes no connection on port 9229, which it publishes"* ]]
    [[ $stderr != *"port 8000"* ]]
    [ "$(answer 18000)" = one ]
    crank down
    image=answerer-healthy project "PORT: 9000" \
        'healthcheck: {test: [CMD, /busybox, wget, -qO-, "http://127.0.0.1:9000/"], interval: 1s}'
    run -0 --separate-stderr crank deploy
    [[ $stderr = *"container shop-web-1 takes no connection on port 8000, which it publishes"* ]]
}

@test "one that takes connections and answers none is not led to where the old one speaks HTTP" {
    project "" "x-crank: {rollout: {timeout: 2s, keep_warm: 0s}}"
    crank deploy
    project "MUTE: 1000" "x-crank: {rollout: {timeout: 2s, keep_warm: 0s}}"
    sed -i 's/VERSION: one/VERSION: two/' compose.yaml
    run -1 --separate-stderr crank deploy
    [[ $stderr = *"the old container of shop-web-1 stays: container shop-web-1 takes connections on port 8000, and answers no request"* ]]
    [ "$(answer 18000)" = one ]
    [ "$(statuses)" = "2 failed 1 good" ]
    # One that needs a while is waited for: a model that is loaded behind the listener.
    sed -i 's/MUTE: 1000/MUTE: 2/; s/timeout: 2s/timeout: 1m/' compose.yaml
    : >answers
    while [ ! -e stop ]; do curl -sf -m 1 http://127.0.0.1:18000/ || echo lost; done >>answers 3>&- &
    local asking=$!
    crank deploy
    [ "$(answer 18000)" = two ]
    touch stop
    wait "$asking"
    run ! grep lost answers
    [ "$(sort -u answers | paste -sd' ')" = "one two" ]
}

@test "one whose probe does not pass in time: the error has what the probe said last" {
    project "" "x-crank: {probe: 'http://:8000/', rollout: {timeout: 2s, keep_warm: 0s}}"
    crank deploy
    project "STATUS: 503 Not yet" "x-crank: {probe: 'http://:8000/', rollout: {timeout: 2s, keep_warm: 0s}}"
    run -1 --separate-stderr crank deploy
    [[ $stderr = *"container shop-web-1 is not ready in time, and its health check says: GET / of "*":8000: 503 Not yet"* ]]
    [ "$(statuses)" = "2 failed 1 good" ]
}
