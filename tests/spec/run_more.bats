#!/usr/bin/env bats
# Flags of run and create that change what a worker finds, and what its caller sees.

# shellcheck disable=SC2154 # run sets stderr
# shellcheck disable=SC2016 # what stands in single quotes the shell in the container expands
bats_require_minimum_version 1.5.0
load ../lib/crank

setup_file() {
    crank_setup_file
    busybox_image
}
setup() { crank_setup; }
teardown() { crank_teardown; }
teardown_file() { crank_teardown_file; }

@test "--replace removes who has the name, and nobody else" {
    crank run -d --network none --name web busybox sleep 1000 >/dev/null
    first=$(crank inspect -f '{{.Id}}' web)
    run -0 crank run --replace --network none --name web busybox echo second
    [ "$output" = second ]
    [ "$(crank inspect -f '{{.Id}}' web)" != "$first" ]
    run -0 crank create --replace --network none --name web busybox true
    [ "$(crank ps -aq | wc -l)" = 1 ]
    run -125 crank run --replace busybox true
    [[ $output == *"--replace wants a name"* ]]
    crank rm web
}

@test "--attach chooses what is shown; of standard input alone the id is printed" {
    run -0 --separate-stderr crank run -a stderr --rm --network none busybox sh -c 'echo out; echo err >&2'
    [ -z "$output" ] || [ "$output" = "" ]
    [ "$stderr" = err ]
    run -0 --separate-stderr crank run --attach stdin --name reader --network none busybox cat <<<word
    [ "$output" = "$(crank inspect -f '{{.Id}}' reader)" ]
    [ "$(crank logs reader)" = word ]
    run -125 crank run -a stdout -d busybox true
    [[ $output == *"cannot specify both --attach and --detach"* ]]
    run -125 crank run -a nothing busybox true
    [[ $output == *'--attach "nothing": stdin, stdout or stderr'* ]]
    crank rm reader
}

@test "--sig-proxy=false: a signal ends crank, and the worker goes on" {
    crank run --sig-proxy=false --name on --network none busybox sleep 1000 3>&- &
    pid=$!
    running() { [ "$(crank inspect -f '{{.State.Status}}' on 2>/dev/null)" = running ]; }
    until_true running
    kill -TERM "$pid"
    run wait "$pid"
    running
    crank rm -f on
}

@test "-e NAME* passes on all variables that begin so, and a file can say it too" {
    export PASSED=one PASSED_ON=two OTHERS=three
    run -0 crank run --rm --network none -e 'PASSED*' -e 'OTH*RS' busybox sh -c 'echo "$PASSED,$PASSED_ON,$OTHERS"; env | grep OTH || echo none'
    [ "$output" = $'one,two,\nnone' ]
    printf 'PASSED*\nOTH*RS\n' >"$CRANK_TEST_DIR/variables"
    run -0 crank run --rm --network none --env-file "$CRANK_TEST_DIR/variables" busybox sh -c 'echo "$PASSED,$PASSED_ON,$OTHERS"'
    [ "$output" = one,two, ]
    crank run -d --name entered --network none busybox sleep 60
    run -0 crank exec -e 'PASSED_*' entered sh -c 'echo "$PASSED,$PASSED_ON"'
    [ "$output" = ,two ]
    run -125 crank run --rm --network none -e '=*' busybox true
    [[ $output == *'--env "=*": a name is wanted'* ]]
}

@test "--env-host, --unsetenv and --unsetenv-all" {
    export OF_MINE=here
    run -0 crank run --rm --network none --env-host -e A=1 busybox sh -c 'echo "$OF_MINE $A"'
    [ "$output" = "here 1" ]
    run -0 crank run --rm --network none --unsetenv GREETING busybox sh -c 'echo "<$GREETING>"'
    [ "$output" = "<>" ]
    run -0 crank run --rm --network none --unsetenv-all -e ONLY=this busybox /bin/env
    [[ $output != *GREETING* && $output != *HOSTNAME* && $output == *ONLY=this* ]]
}

@test "--entrypoint takes a list of words" {
    run -0 crank run --rm --network none --entrypoint '["echo", "a b", "c"]' busybox d
    [ "$output" = "a b c d" ]
    run -125 crank run --rm --entrypoint '["echo"' busybox
    [[ $output == *"no list of words as JSON has it"* ]]
}

@test "--umask counts for what run and exec start" {
    run -0 crank run --rm --network none --umask 0077 busybox sh -c umask
    [ "$output" = 0077 ]
    crank run -d --name masked --network none --umask 027 busybox sleep 1000 >/dev/null
    run -0 crank exec masked sh -c umask
    [ "$output" = 0027 ]
    run -125 crank run --umask 89 busybox true
    [[ $output == *'--umask "89": an octal number to 0777'* ]]
    crank rm -f masked
}

@test "--tz is a zone of this machine's" {
    if [ ! -e /usr/share/zoneinfo/America/New_York ]; then skip "no time zones on this machine"; fi
    run -0 crank run --rm --network none --tz America/New_York busybox date -d @1600000000 +%H:%M
    [ "$output" = 08:26 ]
    run -0 crank run --rm --network none --tz local busybox true
    run -125 crank run --rm --tz Nowhere/AtAll busybox true
    [[ $output == *"--tz Nowhere/AtAll: no such time zone"* ]]
    run -125 crank run --rm --tz ../../../etc/passwd busybox true
    [[ $output == *"no such time zone"* ]]
}

@test "--cgroupns host: the machine's cgroups are seen" {
    own=$(readlink /proc/self/ns/cgroup)
    run -0 crank run --rm --network none --cgroupns host busybox readlink /proc/self/ns/cgroup
    [ "$output" = "$own" ]
    run -0 crank run --rm --network none --cgroupns private busybox readlink /proc/self/ns/cgroup
    [ "$output" != "$own" ]
    run -125 crank run --cgroupns shared busybox true
    [[ $output == *'--cgroupns "shared": host or private'* ]]
}

@test "--no-hosts and --no-hostname leave the image's files" {
    run -0 crank run --rm --network none --no-hosts --no-hostname busybox ls /etc
    [[ $output != *hosts* && $output != *hostname* && $output == *resolv.conf* ]]
    run -125 crank run --rm --no-hosts --add-host a:1.2.3.4 busybox true
    [[ $output == *"--no-hosts with --add-host"* ]]
}

@test "--log-driver: crank's own log by any of its names, or none" {
    crank run --name kept --network none --log-driver k8s-file busybox echo line
    [ "$(crank logs kept)" = line ]
    [ "$(crank inspect -f '{{.HostConfig.LogConfig.Type}}' kept)" = k8s-file ]
    [[ $(cat "$(crank inspect -f '{{.HostConfig.LogConfig.Path}}' kept)") == *" stdout F line" ]]
    run -0 crank run --name bare --network none --log-driver none busybox echo line
    [ "$output" = line ]
    run -1 crank logs bare
    [[ $output == "crank logs: container bare keeps no log: it was made with --log-driver none"* ]]
    run -0 crank start -a bare
    [ "$output" = line ]
    run -125 crank run --log-driver syslog busybox true
    [[ $output == *'--log-driver "syslog"'* ]]
    crank rm kept bare
}

@test "a name may be written as inspect writes it, and -q pulls without a word" {
    crank create --name /slash --network none busybox true >/dev/null
    run -0 crank rm slash
    run -125 --separate-stderr crank run -q --pull never nosuch:image
    [[ $stderr == "crank run: no such image: nosuch:image"* ]]
}
