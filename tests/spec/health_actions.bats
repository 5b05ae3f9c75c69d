#!/usr/bin/env bats
# What follows when a worker is unhealthy, and probes from outside its image.

# shellcheck disable=SC2154 # run sets stderr
# shellcheck disable=SC2016 # what stands in single quotes the worker's shell expands
bats_require_minimum_version 1.5.0
load ../lib/crank

setup_file() {
    crank_setup_file
    busybox_image
}
setup() { crank_setup; }
teardown() { crank_teardown; }
teardown_file() { crank_teardown_file; }

field_of() { crank inspect -f "{{.$2}}" "$1"; }
has() { [ "$(field_of "$1" "$2")" = "$3" ]; }
healthy() { has "$1" State.Health.Status healthy; }
unhealthy() { has "$1" State.Health.Status unhealthy; }
log_of() { crank inspect "$1" | jq -r ".[0].State.Health.Log$2"; }
# ill NAME FLAG...: a worker whose check fails from the beginning
ill() {
    local name=$1
    shift
    crank run -d --name "$name" --network none --health-interval 100ms --health-retries 2 \
        --health-cmd 'echo "no model"; exit 4' "$@" busybox sleep 600 >/dev/null
}

@test "--on-unhealthy stop: it is stopped, stays so, and says why" {
    ill mail --on-unhealthy stop --restart always
    until_true has mail State.Status exited
    has mail State.Cause unhealthy
    run -0 crank why mail
    [[ $output == *'its health check failed 2 times in a row (last: exit code 4, "no model"), and --on-unhealthy=stop ended it'* ]]
    [[ $(crank ps -a) == *"Exited ("*"): unhealthy, ended"* || $(crank ps -a) == *"unhealthy, ended"* ]]
    sleep 0.5
    has mail State.Status exited
    has mail HostConfig.OnUnhealthy.Action stop
}

@test "--on-unhealthy kill sends SIGKILL" {
    crank run -d --name mail --network none --health-interval 100ms --health-retries 1 \
        --health-cmd false --on-unhealthy kill busybox sh -c 'trap "" TERM; sleep 600' >/dev/null
    until_true has mail State.Status exited
    has mail State.ExitCode 137
    has mail State.Cause unhealthy
}

@test "--on-unhealthy restart: so many times in a row, further apart each time, and then it says why it gave up" {
    ill mail --on-unhealthy restart:2
    until_true has mail RestartCount 1
    [[ $(crank why mail) == *"unhealthy"* ]]
    until_true has mail State.Cause unhealthy
    until_true eval 'has mail State.Status exited && [[ $(crank why mail) == *"gives up"* ]]'
    has mail RestartCount 2
    run -0 crank why mail
    [[ $output == *'it had been restarted for that 2 times in a row, and --on-unhealthy=restart:2 gives up after that'* ]]
    [[ $(crank inspect -f '{{.State.Why}}' mail) == *"gives up after that"* ]]
    has mail HostConfig.OnUnhealthy.MaximumRestarts 2
    # who starts it again begins a new row
    crank start mail
    until_true has mail RestartCount 1
    crank stop -t 0 mail
    has mail State.Status exited
}

@test "a worker that a restart cures goes on" {
    crank run -d --name mail --network none --health-interval 100ms --health-retries 1 \
        --health-cmd 'test -e /cured' --on-unhealthy restart busybox \
        sh -c 'if [ -e /again ]; then touch /cured; fi; touch /again; exec sleep 600' >/dev/null
    until_true healthy mail
    has mail RestartCount 1
    [[ $(crank why mail) == *"it was unhealthy and started again once in a row"* ]]
}

@test "crank stop ends one that is about to be restarted" {
    ill mail --on-unhealthy restart
    until_true has mail State.Status restarting
    crank stop -t 0 mail
    has mail State.Status exited
    sleep 1.5
    has mail State.Status exited
}

@test "--probe http:// asks for a path, from the container's network, at its own address" {
    crank run -d --name web --probe http://:8080/up --health-interval 100ms --health-retries 1 busybox \
        sh -c 'mkdir /www; echo fine >/www/up; httpd -p 8080 -h /www; sleep 600' >/dev/null
    until_true healthy web
    local address
    address=$(field_of web NetworkSettings.IPAddress)
    [ "$(log_of web '[-1].Output')" = "GET /up of $address:8080: 200 OK" ]
    [ "$(crank inspect -f '{{json .Config.Healthcheck.Test}}' web)" = '["PROBE","http://:8080/up"]' ]
    crank exec web rm /www/up
    until_true unhealthy web
    [[ $(log_of web '[-1].Output') == "GET /up of $address:8080: 404 Not Found"* ]]
}

@test "--probe: a worker that listens on 127.0.0.1 alone is told so; without a network that is where it is asked" {
    crank run -d --name shy --probe http://:8080/ --health-interval 100ms --health-retries 1 busybox \
        sh -c 'mkdir /www; echo x >/www/index.html; httpd -p 127.0.0.1:8080 -h /www; sleep 600' >/dev/null
    until_true unhealthy shy
    until_true eval '[[ $(log_of shy "[-1].Output") == *"on 127.0.0.1 something listens: the worker must listen on 0.0.0.0"* ]]'
    crank run -d --name alone --network none --probe tcp://:8080 --health-interval 100ms busybox \
        sh -c 'httpd -p 8080; sleep 600' >/dev/null
    until_true healthy alone
    [ "$(log_of alone '[-1].Output')" = "connected to 127.0.0.1:8080" ]
}

@test "--probe: one that never answers, one that is no web server" {
    crank run -d --name mute --network none --probe http://:8080/ --health-timeout 300ms --health-interval 100ms \
        --health-retries 1 busybox \
        sh -c 'mkfifo /open; exec 3<>/open; while :; do nc -l -p 8080 <&3 >/dev/null; done' >/dev/null
    until_true unhealthy mute
    until_true eval '[[ $(log_of mute "[-1].Output") == "Health check exceeded timeout (300ms): 127.0.0.1:8080 gave no answer" ]]'
    crank run -d --name other --network none --probe http://:8080/ --health-interval 100ms --health-retries 1 busybox \
        sh -c 'while :; do echo +PONG | nc -l -p 8080; done' >/dev/null
    until_true eval '[[ $(log_of other "[-1].Output") == *"this is no answer of HTTP: +PONG"* ]]'
}

# serve_tls DIR DAYS: a worker's certificate, and openssl's little web server in a native worker
serve_tls() {
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$1/key.pem" -out "$1/cert.pem" -subj /CN=mail \
        -days 2 2>/dev/null
}

@test "--probe tls:// and https:// speak TLS, and an expired certificate is ill" {
    require "openssl" command -v openssl
    mkdir -p tls
    serve_tls "$PWD/tls"
    crank run -d --native --name good --probe https://:18843/ --health-interval 100ms --health-retries 1 -- \
        openssl s_server -accept 127.0.0.1:18843 -www -quiet -key "$PWD/tls/key.pem" -cert "$PWD/tls/cert.pem" >/dev/null
    until_true healthy good
    [[ $(log_of good '[-1].Output') == "GET / of 127.0.0.1:18843: 200 "* ]]
    crank run -d --native --name shake --probe tls://:18844 --health-interval 100ms --health-retries 1 -- \
        openssl s_server -accept 127.0.0.1:18844 -www -quiet -key "$PWD/tls/key.pem" -cert "$PWD/tls/cert.pem" >/dev/null
    until_true healthy shake
    [[ $(log_of shake '[-1].Output') == "TLS with 127.0.0.1:18844: TLSv1."*", its certificate is valid until "* ]]
    openssl x509 -in tls/cert.pem -signkey tls/key.pem -days -1 -out tls/old.pem 2>/dev/null ||
        skip "this openssl makes no expired certificates"
    crank run -d --native --name old --probe tls://:18845 --health-interval 100ms --health-retries 1 -- \
        openssl s_server -accept 127.0.0.1:18845 -www -quiet -key "$PWD/tls/key.pem" -cert "$PWD/tls/old.pem" >/dev/null
    until_true eval '[[ $(log_of old "[-1].Output") == *"its certificate has expired"* ]]'
    crank run -d --native --name plain --probe tls://:18846 --health-interval 100ms --health-retries 1 -- \
        busybox httpd -f -p 127.0.0.1:18846 >/dev/null
    until_true eval '[[ $(log_of plain "[-1].Output") == *"it does not speak TLS"* ]]'
}

@test "a native worker has the same check" {
    mkdir here
    crank run -d --native --name plain -w "$PWD/here" -e KEY=value --health-interval 100ms --health-retries 1 \
        --health-cmd 'pwd; echo $KEY; test -e ready' -- sleep 600 >/dev/null
    until_true unhealthy plain
    touch here/ready
    until_true healthy plain
    [ "$(log_of plain '[-1].Output')" = "$PWD/here"$'\n'value ]
    crank run -d --native --name hangs --health-timeout 300ms --health-interval 100ms --health-retries 1 \
        --health-cmd 'sleep 18151 & (setsid sleep 18152 &); sleep 18153; true' -- sleep 600 >/dev/null
    until_true unhealthy hangs
    crank stop -t 0 hangs plain
    until_true eval '! pgrep -f "^sleep 4815" >/dev/null'
}

@test "a stop that is under way is left its time" {
    crank run -d --name mail --network none --health-interval 100ms --health-retries 1 --on-unhealthy kill \
        --health-cmd 'test ! -e /draining' busybox \
        sh -c 'trap "touch /draining; sleep 2; exit 7" TERM; while :; do sleep 0.1; done' >/dev/null
    until_true healthy mail
    run -0 crank stop -t 30 mail
    has mail State.ExitCode 7
}
