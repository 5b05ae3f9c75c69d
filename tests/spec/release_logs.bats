#!/usr/bin/env bats
# crank logs --release N: what the containers of a release wrote, whether they are still there or not.

# run sets stderr
# shellcheck disable=SC2154
bats_require_minimum_version 1.5.0
load ../lib/crank
load ../lib/shop

setup_file() {
    crank_setup_file
    is_root && can_run >/dev/null 2>&1 || return 0
    busybox_image
}
setup() { shop_setup; }
teardown() { shop_teardown; }
teardown_file() { crank_teardown_file; }

# web TEXT [COMMAND]: it writes the text and waits.
web() {
    cat >compose.yaml <<END
services:
  web:
    image: busybox
    command: [sh, -c, "echo $1; echo $1 error >&2; ${2:-exec sleep 1000}"]
    stop_grace_period: 0s
    deploy: {replicas: 2}
  other:
    image: busybox
    command: [sh, -c, "echo other; exec sleep 1000"]
    stop_grace_period: 0s
END
}
logs() { crank logs --release "$@" 2>&1 | sort; }
logs_are() { [ "$(logs "${@:2}")" = "$1" ]; }

@test "what a release wrote stays when its containers are replaced, fail, or go with the project" {
    web one
    crank up -d 2>/dev/null
    until_true logs_are "shop-other-1 other
shop-web-1 one
shop-web-1 one error
shop-web-2 one
shop-web-2 one error" 1
    web two
    crank up -d 2>/dev/null
    until_true logs_are "shop-web-1 two
shop-web-1 two error
shop-web-2 two
shop-web-2 two error" 2 web
    # those that are gone, and one that is there still
    logs_are "shop-other-1 other
shop-web-1 one
shop-web-1 one error
shop-web-2 one
shop-web-2 one error" 1
    web three 'exit 3'
    run -1 crank up -d
    [ "$(logs 3 web | grep three)" = "shop-web-1 three
shop-web-1 three error" ]
    # with crank logs' own words
    [ "$(logs 1 -n 1 web | wc -l)" = 2 ]
    run -0 --separate-stderr crank logs --release 1 --since 1h -t other
    [[ ${lines[0]} == "shop-other-1 20"*"Z other" ]]
    run -0 --separate-stderr crank logs --release 1 --until 1h other
    [ -z "$output" ]
    run -0 --separate-stderr crank compose logs --release 1 --no-log-prefix other
    [ "$output" = other ]
    crank rollback 1 2>/dev/null
    until_true logs_are "shop-web-1 one
shop-web-1 one error
shop-web-2 one
shop-web-2 one error" 4 web
    # without its containers, and by its name
    crank down 2>/dev/null
    cd /
    logs_are "shop-web-1 two
shop-web-1 two error
shop-web-2 two
shop-web-2 two error" 2 -p shop web
    cd - >/dev/null
    crank down -v 2>/dev/null
    [ ! -e "$CRANK_ROOT/projects/shop" ]
}

@test "one that runs is followed; what was kept of a killed command's goes" {
    web one
    crank up -d 2>/dev/null
    crank logs --release 1 -f other >followed 2>&1 3>&- &
    local pid=$!
    until_true grep -q '^shop-other-1 other$' followed
    kill -0 "$pid"
    crank stop -t 0 shop-other-1
    wait "$pid"
    # of no release: what a change made that was killed before it ended
    mkdir -p "$CRANK_ROOT/projects/shop/logs/0123456789abcdef"
    web two
    crank up -d 2>/dev/null
    [ ! -e "$CRANK_ROOT/projects/shop/logs/0123456789abcdef" ]
    [ "$(find "$CRANK_ROOT/projects/shop/logs" -mindepth 1 -maxdepth 1 | wc -l)" = 2 ]
}

@test "what is no release, and no service of it" {
    web one
    crank up -d 2>/dev/null
    run -1 --separate-stderr crank logs --release 7
    [ "${stderr_lines[0]}" = "crank logs: no release 7" ]
    [[ ${stderr_lines[1]} == "hint: those that ended well: 1 "* ]]
    run -2 --separate-stderr crank logs --release x
    [ "${stderr_lines[0]}" = "crank logs: --release: invalid number \"x\"" ]
    run -1 --separate-stderr crank logs --release 1 nothing
    [ "${stderr_lines[0]}" = "crank logs: release 1 has no service nothing" ]
    [ "${stderr_lines[1]}" = "hint: its services: other, web" ]
    run -2 --separate-stderr crank logs -p shop web
    [ "${stderr_lines[0]}" = "crank logs: --project-name is for --release" ]
    run -1 --separate-stderr crank logs --release 1 --env nowhere
    [[ ${stderr_lines[0]} == "crank logs: "*nowhere* ]]
    # written by a crank that did not note its containers
    sed -i 's/"containers":\[[^]]*\]/"containers":[]/' "$CRANK_ROOT/projects/shop/releases/1"
    run -1 --separate-stderr crank logs --release 1
    [ "${stderr_lines[0]}" = "crank logs: release 1 does not say which containers it had" ]
}
