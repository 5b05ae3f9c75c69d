#!/usr/bin/env bats
# What a change replaces stays frozen for x-crank.rollout.keep_warm: a rollback has it go on.

# run sets stderr; what until_true evaluates
# shellcheck disable=SC2154,SC2016
bats_require_minimum_version 1.5.0
load ../lib/crank
load ../lib/network
load ../lib/shop

setup_file() {
    crank_setup_file
    answerer_image
    busybox_image
}
setup() {
    shop_setup
    port=18961
}
teardown() { shop_teardown; }
teardown_file() { crank_teardown_file; }

# web VERSION [LINES]
web() {
    cat >compose.yaml <<END
services:
  web:
    image: answerer
    ports: ["127.0.0.1:$port:8000"]
    environment: {VERSION: "$1"}
${2:-}
END
}
says() { [ "$(curl -s --max-time 10 "http://127.0.0.1:$port/")" = "$1" ]; }
id_of() { crank inspect --format '{{.Id}}' "$1"; }
frozen() { crank ps -q --no-trunc --filter status=paused; }
none_frozen() { [ -z "$(frozen)" ]; }

@test "a rollback, and a change to what was just there, have the same container go on; no request is lost" {
    web v0
    crank up -d 2>/dev/null
    until_true says v0
    local first second
    first=$(id_of shop-web-1)
    begin_load "$port"
    web v1
    run -0 --separate-stderr crank up -d
    [ "$stderr" = "Container shop-web-1  Recreated" ]
    second=$(id_of shop-web-1)
    [ "$(frozen)" = "$first" ]
    run -0 --separate-stderr crank status
    [[ $output == *"_shop-web-1 "*"kept frozen, for a rollback"* ]]
    run -0 crank plan
    for _ in 1 2 3; do
        run -0 --separate-stderr crank rollback
        says v0
        [ "$(id_of shop-web-1)" = "$first" ]
        [ "$(frozen)" = "$second" ]
        run -2 --separate-stderr crank plan
        [[ $output == "recreate shop-web-1 (the one that was kept frozen goes on): environment"* ]]
        run -0 --separate-stderr crank up -d
        says v1
        [ "$(id_of shop-web-1)" = "$second" ]
        [ "$(frozen)" = "$first" ]
    done
    # one is kept: the last
    web v2
    run -0 --separate-stderr crank up -d
    says v2
    [ "$(frozen)" = "$second" ]
    [ "$(crank ps -aq | wc -l)" = 2 ]
    # made again is made again
    run -0 --separate-stderr crank up -d --force-recreate
    [ "$(id_of shop-web-1)" != "$second" ]
    end_load
    [ "$(loaded '["failed"]')" = 0 ] || { cat load.json && false; }
    run -0 crank down
    [ -z "$(crank ps -aq)" ]
}

@test "replicas are kept each; who is frozen is found by no name of the service" {
    web v0 '    deploy: {replicas: 2}
  asks: {image: busybox, command: [sleep, "1000"], stop_grace_period: 0s}'
    crank up -d 2>/dev/null
    until_true says v0
    local before after
    before=$(crank ps -q --no-trunc --filter name=shop-web | sort)
    web v1 '    deploy: {replicas: 2}
  asks: {image: busybox, command: [sleep, "1000"], stop_grace_period: 0s}'
    run -0 --separate-stderr crank up -d
    [ "$(frozen | sort)" = "$before" ]
    after=$(crank exec shop-asks-1 nslookup -type=a tasks.web | grep -c '^Address: 10')
    [ "$after" = 2 ]
    run -0 --separate-stderr crank rollback
    says v0
    [ "$(printf '%s\n' "$(id_of shop-web-1)" "$(id_of shop-web-2)" | sort)" = "$before" ]
    [ "$(crank exec shop-asks-1 nslookup -type=a tasks.web | grep -c '^Address: 10')" = 2 ]
    # fewer: what was kept of the others goes
    run -0 --separate-stderr crank scale web=1
    [ "$(frozen | wc -l)" = 1 ]
}

@test "what may not be frozen is not: keep_warm: 0s, a volume that it writes to, no HTTP; and the time ends" {
    rollout() { echo "    x-crank: {rollout: {keep_warm: $1}}"; }
    web v0 "$(rollout 0s)"
    crank up -d 2>/dev/null
    until_true says v0
    web v1 "$(rollout 0s)"
    run -0 --separate-stderr crank up -d
    none_frozen
    web v2 '    volumes: [data:/data]
    x-crank: {rollout: {order: start-first}}
volumes: {data: {}}'
    run -0 --separate-stderr crank up -d
    # the one before had none
    [ "$(frozen | wc -l)" = 1 ]
    web v3 '    volumes: [data:/data]
    x-crank: {rollout: {order: start-first}}
volumes: {data: {}}'
    run -0 --separate-stderr crank up -d
    says v3
    none_frozen
    web v4 "$(rollout 1s)"
    run -0 --separate-stderr crank up -d
    web v5 "$(rollout 1s)"
    run -0 --separate-stderr crank up -d
    until_true none_frozen
    says v5
    until_true eval '[ "$(crank ps -aq | wc -l)" = 1 ]'
    web v6 "$(rollout soon)"
    run -1 --separate-stderr crank up -d
    [[ $stderr == *"services.web.x-crank.rollout.keep_warm:"*"soon"* ]]
}

@test "one that cannot go on is replaced: killed while it was frozen, or unhealthy" {
    web v0
    crank up -d 2>/dev/null
    until_true says v0
    web v1
    run -0 --separate-stderr crank up -d
    crank kill "$(frozen)"
    until_true none_frozen
    run -0 --separate-stderr crank rollback
    says v0
    [ "$(frozen | wc -l)" = 1 ]
    crank down 2>/dev/null
    mkdir -p shared
    touch shared/well
    health='    volumes: ["./shared:/shared:ro"]
    healthcheck: {test: ["CMD", "/busybox", "test", "-e", "/shared/well"], interval: 100ms, retries: 1}'
    healthy_image
    web v0 "$health"
    sed -i 's/image: answerer/image: answerer-healthy/' compose.yaml
    run -0 --separate-stderr crank up -d --wait
    web v1
    run -0 --separate-stderr crank up -d
    rm shared/well
    run -1 --separate-stderr crank rollback
    [[ $stderr == *"the container of shop-web-1 that was kept: it is not healthy: another is started"* ]]
    says v1
    run -0 crank plan
    run -0 crank down
    [ -z "$(crank ps -aq)" ]
}

@test "whatever is killed: the next command goes on, and down leaves nothing" {
    local place
    for place in warm.labelled warm.frozen; do
        web v0
        crank up -d 2>/dev/null
        until_true says v0
        web v1
        CRANK_CRASH_AT=$place run -137 crank up -d
        says v1
        run -0 --separate-stderr crank up -d
        says v1
        [ "$(crank ps -q --filter status=running | wc -l)" = 1 ]
        run -0 crank plan
        run -0 crank down
        [ -z "$(crank ps -aq)" ]
    done
    for place in warm.thawed deploy.thawed; do
        web v0
        crank up -d 2>/dev/null
        until_true says v0
        web v1
        run -0 --separate-stderr crank up -d
        CRANK_CRASH_AT=$place run -137 crank rollback
        says v1
        run -0 --separate-stderr crank up -d
        says v1
        run -0 crank plan
        run -0 --separate-stderr crank rollback
        says v0
        run -0 crank down
        [ -z "$(crank ps -aq)" ]
    done
}

cached() { python3 "$CRANK_SOURCE/tests/lib/cached.py" "$@"; }
is_cached() { [ "$(cached "$1")" = "$2" ]; }
cooling() { pgrep -f -- "$CRANK_ROOT .*reconcile --cool shop$" >/dev/null; }
not_cooling() { ! cooling; }

@test "what may not be frozen starts anew from memory: its files stay in the page cache, in its time" {
    local size=$((3 << 20)) data
    mkdir loads
    head -c $size /dev/urandom >loads/model
    printf 'FROM answerer\nCOPY model /model\n' >loads/Dockerfile
    crank build -q -t loads loads >/dev/null
    # it writes to a volume: both at once are not safe
    web v0 '    volumes: ["./shared:/shared"]'
    sed -i 's/image: answerer/image: loads/' compose.yaml
    crank up -d 2>/dev/null
    until_true says v0
    data=$(find "$CRANK_ROOT" -path '*/fs/model' -size "${size}c")
    [ -n "$data" ]
    cat "$data" >/dev/null
    web v1 '    volumes: ["./shared:/shared"]'
    crank up -d 2>/dev/null
    until_true says v1
    none_frozen
    until_true cooling
    # whatever wants its memory
    until [ "$(cached --forget "$data")" = 0 ]; do sleep 0.05; done
    until_true is_cached "$data" "$size"
    run -0 --separate-stderr crank rollback
    until_true says v0
    crank down 2>/dev/null
    until_true not_cooling
    # nobody asks for it, and what runs has the same files
    web v3 $'    volumes: ["./shared:/shared"]\n    x-crank: {rollout: {keep_warm: 0s}}'
    crank up -d 2>/dev/null
    web v4 $'    volumes: ["./shared:/shared"]'
    crank up -d 2>/dev/null
    until_true says v4
    not_cooling
}

@test "a label of the file makes no container one that was replaced" {
    web v0 '    labels: {com.docker.compose.crank-warm-until: "9999999999999999999"}'
    crank up -d 2>/dev/null
    until_true says v0
    run -0 crank plan
    run -0 crank down
    [ -z "$(crank ps -aq)" ]
}

@test "reconcile --cool ends what is over, and names what is wrong" {
    web v0
    crank up -d 2>/dev/null
    until_true says v0
    run -0 crank reconcile --cool shop
    run -1 --separate-stderr crank reconcile --cool
    [[ $stderr == *"--cool is for one project"* ]]
}

# native VERSION [LINES [MORE]]: the same service, as a process of this machine; MORE of x-crank.native
native() {
    web "$1" "    x-crank:
      native:
        command: [$CRANK_TEST_DIR/answerer-context/answerer]
        environment: {LISTEN: 127.0.0.1}
        ${3:-}
${2:-}"
}
pid_of() { crank inspect --format '{{.State.Pid}}' "$1"; }
port_of() { tr '\0' '\n' <"/proc/$(pid_of "$1")/environ" | sed -n 's/^PORT=//p'; }

@test "a native worker is kept as a container is: the same process goes on, also over the kinds; no request is lost" {
    native v0
    crank up -d 2>/dev/null
    until_true says v0
    local first second first_port
    first=$(pid_of shop-web-1)
    first_port=$(port_of shop-web-1)
    begin_load "$port"
    native v1
    run -0 --separate-stderr crank up -d
    [ "$stderr" = "Container shop-web-1  Recreated" ]
    second=$(pid_of shop-web-1)
    [ "$(pid_of "$(frozen)")" = "$first" ]
    run -0 --separate-stderr crank status
    [[ $output == *"_shop-web-1 "*"native"*"kept frozen, for a rollback"* ]]
    # nobody else is given the port of one that stands still
    [ "$(port_of shop-web-1)" != "$first_port" ]
    run -0 crank plan
    for _ in 1 2; do
        run -0 --separate-stderr crank rollback
        says v0
        [ "$(pid_of shop-web-1)" = "$first" ]
        [ "$(port_of shop-web-1)" = "$first_port" ]
        [ "$(pid_of "$(frozen)")" = "$second" ]
        run -2 --separate-stderr crank plan
        [[ $output == "recreate shop-web-1 (the one that was kept frozen goes on) (natively: x-crank.native): environment"* ]]
        run -0 --separate-stderr crank up -d
        says v1
        [ "$(pid_of shop-web-1)" = "$second" ]
    done
    # a container takes its place, and gives it back
    web v2
    run -0 --separate-stderr crank up -d
    says v2
    [ "$(pid_of "$(frozen)")" = "$second" ]
    local third
    third=$(id_of shop-web-1)
    run -0 --separate-stderr crank rollback
    says v1
    [ "$(pid_of shop-web-1)" = "$second" ]
    [ "$(frozen)" = "$third" ]
    run -0 --separate-stderr crank up -d
    says v2
    [ "$(id_of shop-web-1)" = "$third" ]
    [ "$(crank ps -aq | wc -l)" = 2 ]
    end_load
    [ "$(loaded '["failed"]')" = 0 ] || { cat load.json && false; }
    run -0 crank down
    [ -z "$(crank ps -aq)" ]
    [ ! -e "/proc/$second" ]
}

@test "of a native release that is kept the directory stays, and the process goes on in it" {
    built() {
        mkdir -p src
        cp "$CRANK_TEST_DIR/answerer-context/answerer" src/answerer
        echo "$1" >src/version
        native "$1" '' 'directory: src'
        sed -i 's/command: .*/command: [.\/answerer]/' compose.yaml
    }
    built v0
    crank up -d 2>/dev/null
    until_true says v0
    local first directory
    first=$(pid_of shop-web-1)
    directory=$(readlink "/proc/$first/cwd")
    built v1
    run -0 --separate-stderr crank up -d --build
    says v1
    [ "$(pid_of "$(frozen)")" = "$first" ]
    # no release needs it any more, and the next change looks at what nobody needs
    rm -r "$CRANK_ROOT/projects/shop/releases"
    run -0 --separate-stderr crank up -d --scale web=2
    says v1
    [ -x "$directory/answerer" ]
    # made from the same source again, it is the same release
    built v0
    run -0 --separate-stderr crank up -d --build
    says v0
    [ "$(pid_of shop-web-1)" = "$first" ]
    [ "$(readlink "/proc/$first/cwd")" = "$directory" ]
    # at its end the directory goes, too
    built v1
    sed -i 's/      native:/      rollout: {keep_warm: 0s}\n      native:/' compose.yaml
    rm -r "$CRANK_ROOT/projects/shop/releases"
    run -0 --separate-stderr crank up -d --build
    says v1
    none_frozen
    [ ! -e "/proc/$first" ]
    [ ! -e "$directory" ]
}

@test "a native worker is not kept that has a device, writes to a directory, or whose time is over" {
    mkdir data
    local lines all=('    gpus: all' '    devices: [/dev/null]' '    volumes: [./data:/data]')
    for lines in "${all[@]}"; do
        native v0 "$lines"
        crank up -d 2>/dev/null
        until_true says v0
        native v1 "$lines"
        sed -i 's/      native:/      rollout: {order: start-first}\n      native:/' compose.yaml
        run -0 --separate-stderr crank up -d
        says v1
        none_frozen
        crank down 2>/dev/null
    done
    native v0 '    volumes: [./data:/data:ro]'
    crank up -d 2>/dev/null
    until_true says v0
    local first
    first=$(pid_of shop-web-1)
    native v1
    sed -i 's/      native:/      rollout: {keep_warm: 1s}\n      native:/' compose.yaml
    run -0 --separate-stderr crank up -d
    until_true none_frozen
    says v1
    until_true eval '[ "$(crank ps -aq | wc -l)" = 1 ]'
    [ ! -e "/proc/$first" ]
}

@test "a native worker that cannot go on is replaced: killed while it was frozen, or by a killed command" {
    native v0
    crank up -d 2>/dev/null
    until_true says v0
    native v1
    run -0 --separate-stderr crank up -d
    crank kill "$(frozen)"
    until_true none_frozen
    run -0 --separate-stderr crank rollback
    says v0
    [ "$(frozen | wc -l)" = 1 ]
    crank rm -f "$(frozen)"
    none_frozen
    crank down 2>/dev/null
    local place
    for place in warm.labelled warm.frozen warm.thawed deploy.thawed; do
        native v0
        crank up -d 2>/dev/null
        until_true says v0
        native v1
        if [[ $place == *thawed ]]; then
            run -0 --separate-stderr crank up -d
            CRANK_CRASH_AT=$place run -137 crank rollback
        else
            CRANK_CRASH_AT=$place run -137 crank up -d
        fi
        says v1
        run -0 --separate-stderr crank up -d
        says v1
        run -0 crank plan
        [ "$(crank ps -q --filter status=running | wc -l)" = 1 ]
        run -0 crank down
        [ -z "$(crank ps -aq)" ]
    done
}
