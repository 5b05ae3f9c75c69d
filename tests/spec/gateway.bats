#!/usr/bin/env bats
# Published ports of a project are held by its gateway: a change of a service drops no request.

# run sets stderr; what containers expand
# shellcheck disable=SC2154,SC2016
bats_require_minimum_version 1.5.0
load ../lib/crank
load ../lib/registry
load ../lib/shop

setup_file() {
    crank_setup_file
    busybox_image
    answerer_image
}
setup() {
    crank_setup
    port=$(free_port) port2=$(free_port)
    require "python3" command -v python3
    unset COMPOSE_FILE COMPOSE_PROJECT_NAME COMPOSE_PROFILES COMPOSE_ENV_FILES
    mkdir -p "$BATS_TEST_TMPDIR/shop"
    cd "$BATS_TEST_TMPDIR/shop" || return 1
}
teardown() { shop_teardown; }
teardown_file() { crank_teardown_file; }

# $1: what it says; $2: more lines of the service.
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
says() { [ "$(curl -s --max-time 5 "http://127.0.0.1:$port/")" = "$1" ]; }
id_of() { crank inspect --format '{{.Id}}' "$1"; }
ended() { ! kill -0 "$1" 2>/dev/null; }

@test "a published port is the gateway's: plan, up, ps, port, status, the client's address, down" {
    web one
    run -2 --separate-stderr crank plan
    [ "${lines[1]}" = "publish 127.0.0.1:$port: nothing holds it for web:8000" ]
    run -0 --separate-stderr crank up -d
    [[ $stderr == *"Port 127.0.0.1:$port  Published"* ]]
    # at once: what comes waits for the worker
    run -0 curl -s --max-time 20 "http://127.0.0.1:$port/"
    [ "$output" = one ]
    [ "$(curl -s "http://127.0.0.1:$port/who")" = 127.0.0.1 ]
    [ "$(crank ps --format '{{.Ports}}')" = "127.0.0.1:$port->8000/tcp" ]
    [ "$(crank port shop-web-1)" = "8000/tcp -> 127.0.0.1:$port" ]
    [[ $(crank status) == *"127.0.0.1:$port->8000/tcp"* ]]
    run -0 crank plan
    pid=$(gateway_pid shop)
    run -0 crank down
    until_true ended "$pid"
    run ! curl -s --max-time 5 "http://127.0.0.1:$port/"
    # and nobody else has it
    [ -z "$(ss -Hltn 'sport = :'"$port")" ]
}

@test "changes and rollbacks under load lose no request, kept connections or new" {
    web v0
    crank up -d 2>/dev/null
    until_true says v0
    begin_load "$port"
    # --long: a hundred of each
    local blocks=1 block
    [ "${CRANK_TEST_LONG:-0}" != 1 ] || blocks=20
    for ((block = 0; block < blocks; block++)); do
        for n in 1 2 3 4 5; do
            web "v$n"
            run -0 --separate-stderr crank up -d
            says "v$n"
            more_load 1000
        done
        for n in 4 3 2 1 0; do
            run -0 --separate-stderr crank rollback
            says "v$n"
            more_load 1000
        done
    done
    end_load
    [ "$(loaded '["failed"]')" = 0 ] || { cat load.json && false; }
    [ "$(loaded '["requests"]')" -ge $((blocks * 10 * 1000)) ]
    echo "$(loaded '["requests"]') requests, $((blocks * 5)) changes and as many rollbacks" | sed 's/^/# /' >&3
    [ "$(loaded '["answers"].keys() >= {"v0", "v5"}')" = True ]
}

@test "where the old container stops first, what comes waits" {
    web v0 '    volumes: ["data:/data"]
volumes: {data: {}}'
    crank up -d 2>/dev/null
    until_true says v0
    begin_load "$port"
    for n in 1 2 3; do
        web "v$n" '    volumes: ["data:/data"]
volumes: {data: {}}'
        run -2 crank plan
        [[ $output == *"(the old one stops first: it writes to /data)"* ]]
        run -0 --separate-stderr crank up -d
        says "v$n"
    done
    end_load
    [ "$(loaded '["failed"]')" = 0 ] || { cat load.json && false; }
    [ "$(loaded '["answers"].keys() >= {"v0", "v3"}')" = True ]
}

@test "one that ends, that never listens or listens to itself alone is not led to: the old one stays" {
    web good
    crank up -d 2>/dev/null
    until_true says good
    begin_load "$port"
    web bad
    sed -i 's/VERSION: "bad"/VERSION: "bad", FAIL: "1"/' compose.yaml
    run -1 --separate-stderr crank up -d
    [[ $stderr == *"the old container of shop-web-1 stays: container shop-web-1 exited (3)"* ]]
    says good
    sed -i 's/FAIL: "1"/LISTEN: 127.0.0.1/' compose.yaml
    run -1 --separate-stderr crank up -d
    [[ $stderr == *"the old container of shop-web-1 stays: container shop-web-1 listens on 127.0.0.1:8000 alone: it must listen on 0.0.0.0, or nobody reaches it"* ]]
    says good
    sed -i 's/LISTEN: 127.0.0.1/DELAY: "600"/' compose.yaml
    printf '    x-crank: {rollout: {timeout: 1s}}\n' >>compose.yaml
    run -1 --separate-stderr crank up -d
    [[ $stderr == *"container shop-web-1 takes no connection on port 8000"* ]]
    says good
    end_load
    [ "$(loaded '["failed"]')" = 0 ] || { cat load.json && false; }
    [ "$(loaded '["answers"].keys() == {"good"}')" = True ]
}

@test "what is under way ends in its time: a slow request is waited for, and cut after the grace" {
    begin_slow() {
        curl -sf --max-time 60 "http://127.0.0.1:$port/slow/$1" >slow 3>&- &
        slow=$!
        until_true eval 'ss -Htn state established "dport = :'"$port"'" | grep -q .'
    }
    web old
    crank up -d 2>/dev/null
    until_true says old
    begin_slow 3
    web new '    x-crank: {rollout: {drain: 30s}}'
    run -0 --separate-stderr crank up -d
    [[ $stderr != *"were cut"* ]]
    wait $slow
    [ "$(cat slow)" = old ]
    says new
    begin_slow 60
    web newest '    x-crank: {rollout: {drain: 10ms}}'
    run -0 --separate-stderr crank up -d
    [[ $stderr == *"did not end within 10 ms and were cut"* ]]
    wait $slow && return 1
    says newest
}

@test "replicas share a port, come and go" {
    web one '    deploy: {replicas: 2}'
    crank up -d 2>/dev/null
    until_true says one
    [ "$(crank ps -q | wc -l)" = 2 ]
    begin_load "$port"
    run -0 crank up -d --scale web=3
    run -0 crank up -d --scale web=1
    end_load
    [ "$(loaded '["failed"]')" = 0 ] || { cat load.json && false; }
    run -0 crank up -d --scale web=0
    run ! curl -s --max-time 5 "http://127.0.0.1:$port/"
}

@test "a port that somebody has is an error before there is a container" {
    python3 -m http.server --bind 127.0.0.1 "$port" >/dev/null 2>&1 3>&- &
    server=$!
    until_true eval 'curl -s "http://127.0.0.1:$port/" >/dev/null'
    web one
    run -1 --separate-stderr crank up -d
    kill $server
    [[ $stderr == *"services.web.ports: port $port on 127.0.0.1 is in use by python3"* ]]
    [ -z "$(crank ps -aq)" ]
    # by another project's
    wait $server || true
    run -0 crank up -d
    mkdir other
    sed 's/VERSION: "one"/VERSION: "two"/' compose.yaml >other/compose.yaml
    run -1 --separate-stderr crank up -d -f other/compose.yaml -p other
    [[ $stderr == *"services.web.ports: port $port is published by container shop-web-1"* ]]
    says one
    run -125 --separate-stderr crank run -d -p "127.0.0.1:$port:80" busybox true
    [[ $stderr == *"port $port is published by container shop-web-1"* ]]
    crank down -p other 2>/dev/null
}

@test "two services that publish one port, and one that publishes it twice, are errors" {
    cat >compose.yaml <<END
services:
  a: {image: answerer, ports: ["$port:8000"]}
  b: {image: answerer, ports: ["$port:8000"]}
END
    run -1 --separate-stderr crank up -d
    [[ ${stderr_lines[0]} == "crank up: services a and b both publish port $port" ]]
    [ -z "$(crank ps -aq)" ]
}

@test "a gateway that was killed is started again, by the next command" {
    web one
    crank up -d 2>/dev/null
    until_true says one
    before=$(id_of shop-web-1)
    keeper=$(gateway_pid shop)
    server=$(cat "/proc/$keeper/task/$keeper/children")
    kill -KILL "$keeper"
    # the end of the one is the end of the other, a moment later
    until_true ended "${server% }"
    run -2 crank plan
    [ "$output" = "publish 127.0.0.1:$port: nothing holds it for web:8000" ]
    run -0 crank up -d
    says one
    [ "$(id_of shop-web-1)" = "$before" ]
}

two_are_there() { [ "$(crank ps -aq | wc -l)" = 2 ]; }
# kill_server KEEPER: the process that serves; the one that keeps it starts another.
kill_server() { kill -KILL "$(cat "/proc/$1/task/$1/children")"; }

@test "what serves a project's ports may be killed: another takes its place, also in the middle of a change" {
    local keeper n up
    web one
    crank up -d 2>/dev/null
    until_true says one
    keeper=$(gateway_pid shop)
    kill_server "$keeper"
    # nobody is refused: what comes waits for the next one
    says one
    for n in 1 2 3; do
        web "v$n"
        # so long the old one and the new one are there
        sed -i "s/VERSION: \"v$n\"/VERSION: \"v$n\", DELAY: \"1\"/" compose.yaml
        crank up -d 2>up.err 3>&- &
        up=$!
        until_true two_are_there
        kill_server "$keeper"
        wait "$up" || { cat up.err && false; }
        until_true says "v$n"
    done
    [ "$(gateway_pid shop)" = "$keeper" ]
    run -0 crank plan
}

@test "a command that is killed in the middle of a change loses no request, and reconcile or the next one ends it" {
    local place n=0 order
    for order in start-first stop-first; do
        for place in led aside made proved; do
            web "v$n" "    x-crank: {rollout: {order: $order}}"
            crank up -d 2>/dev/null
            until_true says "v$n"
            begin_load "$port"
            n=$((n + 1))
            web "v$n" "    x-crank: {rollout: {order: $order}}"
            CRANK_CRASH_AT=deploy.$place run -137 crank up -d
            run -0 crank up -d
            says "v$n"
            n=$((n + 1))
            web "v$n" "    x-crank: {rollout: {order: $order}}"
            CRANK_CRASH_AT=deploy.$place run -137 crank up -d
            run -0 --separate-stderr crank reconcile shop
            # as the last release that ended well has it
            until_true says "v$((n - 1))"
            end_load
            [ "$(loaded '["failed"]')" = 0 ] || { echo "$order $place" && cat load.json && false; }
            [ "$(crank ps -a --filter status=running --format '{{.Names}}')" = shop-web-1 ]
        done
    done
}

@test "what a killed command left led to nobody is led again, by whoever comes next" {
    web one '    volumes: ["data:/data"]
volumes: {data: {}}'
    crank up -d 2>/dev/null
    until_true says one
    cp compose.yaml before.yaml
    web two '    volumes: ["data:/data"]
volumes: {data: {}}'
    CRANK_CRASH_AT=deploy.led run -137 crank up -d
    curl -s --max-time 30 "http://127.0.0.1:$port/" >held 3>&- &
    held=$!
    cp before.yaml compose.yaml
    run -2 crank plan
    [ "$output" = "lead to web: what comes is led to nobody" ]
    run -0 crank reconcile shop
    wait $held
    [ "$(cat held)" = one ]
    run -0 crank plan
}

@test "a worker that takes its time to listen: what comes waits, and a replica gets its share once it answers" {
    web slow
    sed -i 's/VERSION: "slow"/VERSION: "slow", DELAY: "2"/' compose.yaml
    run -0 --separate-stderr crank up -d
    [ "$(curl -s --max-time 30 "http://127.0.0.1:$port/")" = slow ]
    begin_load "$port"
    run -0 --separate-stderr crank up -d --scale web=2
    run -0 --separate-stderr crank restart -t 0 shop-web-1
    until_true says slow
    end_load
    [ "$(loaded '["failed"]')" = 0 ] || { cat load.json && false; }
}

@test "the worker's own port may change, and the port of the host" {
    web one
    crank up -d 2>/dev/null
    until_true says one
    sed -i 's/'"$port"':8000/'"$port"':9000/; s/VERSION: "one"/VERSION: "two", PORT: "9000"/' compose.yaml
    run -0 --separate-stderr crank up -d
    until_true says two
    sed -i 's/'"$port"':9000/'"$port2"':9000/; s/"two"/"three"/' compose.yaml
    run -0 --separate-stderr crank up -d
    [ "$(curl -s --max-time 20 "http://127.0.0.1:$port2/")" = three ]
    run ! curl -s --max-time 5 "http://127.0.0.1:$port/"
    # one that fails has its port back
    sed -i 's/'"$port2"':9000/'"$port"':9000/; s/"three"/"four", FAIL: "1"/' compose.yaml
    run -1 --separate-stderr crank up -d
    [ "$(curl -s --max-time 20 "http://127.0.0.1:$port2/")" = three ]
}

@test "reconcile: a project that was taken down stays so, one that hangs holds up no other" {
    web one
    crank up -d 2>/dev/null
    crank down 2>/dev/null
    run -0 --separate-stderr crank reconcile
    [ -z "$(crank ps -aq)" ]
    # nor does a change that fails afterwards bring it back
    web two
    sed -i 's/VERSION: "two"/FAIL: "1"/' compose.yaml
    printf '    depends_on: {job: {condition: service_completed_successfully}}\n  job: {image: answerer, environment: {FAIL: "1"}}\n' >>compose.yaml
    run -1 --separate-stderr crank up -d
    run -0 --separate-stderr crank reconcile shop
    [ -z "$(crank ps -aq)" ]
    mkdir other
    sed 's/DELAY/X/' >other/compose.yaml <<END
services:
  web: {image: busybox, command: sleep 600, depends_on: {job: {condition: service_completed_successfully}}}
  job: {image: busybox, command: sh -c 'test ! -e /hang/on || sleep 600', volumes: ["$PWD/hang:/hang"]}
END
    mkdir hang
    crank up -d -f other/compose.yaml -p other 2>/dev/null
    web one
    crank up -d 2>/dev/null
    crank rm -f -t 0 other-web-1 other-job-1 shop-web-1
    touch hang/on
    crank reconcile 2>/dev/null 3>&- &
    all=$!
    until_true says one
    kill $all
    wait $all || true
    crank down -p other -t 0 2>/dev/null
}

@test "a change that fails half-way is undone: what it had changed is as the last good release has it" {
    two() {
        cat >compose.yaml <<END
services:
  web: {image: answerer, ports: ["127.0.0.1:$port:8000"], environment: {VERSION: "$1"}}
  job: {image: answerer, depends_on: [web], environment: {VERSION: "$1"${2:-}}, x-crank: {rollout: {revert: ${3:-true}}}}
END
    }
    two one
    crank up -d 2>/dev/null
    until_true says one
    begin_load "$port"
    two two ', FAIL: "1"'
    run -1 --separate-stderr crank up -d
    [[ $stderr == *"Container shop-web-1  Recreated"*"back to release 1"*"Container shop-web-1  Recreated"*"the old container of shop-job-1 stays"* ]]
    says one
    [ "$(crank releases --format '{{.Release}} {{.Status}}')" = $'2 failed\n1 good' ]
    end_load
    [ "$(loaded '["failed"]')" = 0 ] || { cat load.json && false; }
    two two ', FAIL: "1"' false
    run -1 --separate-stderr crank up -d
    [[ $stderr != *"back to release"* ]]
    says two
}

@test "a change that turns out bad in its watch is rolled back, when its command is long gone" {
    web one '    restart: always
    x-crank: {rollout: {watch: 60s}}'
    crank up -d 2>/dev/null
    until_true says one
    web two '    restart: always
    x-crank: {rollout: {watch: 60s}}'
    run -0 --separate-stderr crank up -d
    [[ $stderr == *"watched for 1m"*": where a container fails the release before comes back"* ]]
    says two
    # what somebody does with it is no failure
    crank restart -t 0 shop-web-1 2>/dev/null
    until_true says two
    kill -KILL "$(crank inspect --format '{{.State.Pid}}' shop-web-1)"
    until_true says one
    until_true eval '[[ $(crank releases --format "{{.What}}" | head -1) == "rollback to 1: container shop-web-1 "* ]]'
    # nobody goes back from there
    kill -KILL "$(crank inspect --format '{{.State.Pid}}' shop-web-1)"
    until_true says one
    [ "$(crank releases --format '{{.Release}}' | wc -l)" = 3 ]
    run -1 --separate-stderr crank reconcile --watch 1m
    [[ $stderr == *"--watch is for one project"* ]]
    run -1 --separate-stderr crank reconcile --watch soon shop
    [[ $stderr == *"--watch"*"soon"* ]]
}

@test "a container that was started again is found at its new address, and nobody at its old one" {
    web one '    restart: always'
    crank up -d 2>/dev/null
    until_true says one
    # another takes its address meanwhile, and its port
    address=$(crank inspect --format '{{.NetworkSettings.IPAddress}}' shop-web-1)
    crank stop -t 0 shop-web-1 2>/dev/null
    crank run -d --name guest --network shop_default --ip "$address" -e VERSION=guest answerer >/dev/null
    curl -s --max-time 20 "http://127.0.0.1:$port/" >held 3>&- &
    held=$!
    crank start shop-web-1
    wait $held
    [ "$(cat held)" = one ]
    says one
    [ "$(crank inspect --format '{{.NetworkSettings.IPAddress}}' shop-web-1)" != "$address" ]
    crank rm -f guest
}

@test "a container that ends by itself is waited for while its restart policy starts it again" {
    web one '    restart: always'
    crank up -d 2>/dev/null
    until_true says one
    for n in 1 2 3; do
        # what can be asked again is, once
        begin_load "$port"
        kill -KILL "$(crank inspect --format '{{.State.Pid}}' shop-web-1)"
        until_true eval '[ "$(crank inspect --format "{{.RestartCount}}" shop-web-1)" = '"$n"' ]'
        until_true says one
        end_load
        [ "$(loaded '["failed"]')" = 0 ] || { cat load.json "$CRANK_STATE/gateways/shop/log" && false; }
    done
    # one that stays ended is soon told so
    crank stop -t 0 shop-web-1 2>/dev/null
    [ "$(curl -s -o said -w '%{http_code}' --max-time 30 "http://127.0.0.1:$port/")" = 503 ]
    grep -q 'no backend of web:8000 is running\|no backend of web:8000 came in time' said
}

@test "mode: host has its container publish, and the way there and back" {
    web one
    sed -i 's/ports: .*/ports: [{target: 8000, published: "'"$port"'", host_ip: 127.0.0.1, mode: host}]/' compose.yaml
    crank up -d 2>/dev/null
    until_true says one
    # the gateway has it inside alone
    ss -Hltnp "sport = :$port" | grep -q crank-monitor
    web two
    run -2 crank plan
    [[ ${lines[0]} == *"(the old one stops first: it publishes port $port itself)"* ]]
    run -0 crank up -d
    until_true says two
    ss -Hltnp "sport = :$port" | grep -q crank-gateway
    sed -i 's/ports: .*/ports: [{target: 8000, published: "'"$port"'", host_ip: 127.0.0.1, mode: host}]/' compose.yaml
    run -0 crank up -d
    until_true says two
    ss -Hltnp "sport = :$port" | grep -q crank-monitor
}

@test "a TCP port of no HTTP is led to as it is" {
    cat >compose.yaml <<END
services:
  echo:
    image: busybox
    command: nc -ll -p 8000 -e cat
    ports: [{target: 8000, published: "$port", host_ip: 127.0.0.1, app_protocol: tcp}]
END
    crank up -d 2>/dev/null
    talks() {
        python3 -c 'import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5)
s.sendall(b"hello\n"); s.shutdown(socket.SHUT_WR)
assert s.makefile().read() == "hello\n"' "$port" 2>/dev/null
    }
    until_true talks
}
