#!/usr/bin/env bats
# crank run --native: a plain process under the same verbs.

# shellcheck disable=SC2154 # run sets stderr
# shellcheck disable=SC2016 # what stands in single quotes the worker's shell expands
bats_require_minimum_version 1.5.0
load ../lib/crank

setup_file() { crank_setup_file; }
setup() {
    require "crank run" can_run
    cd "$CRANK_TEST_DIR" || return 1
    # shellcheck disable=SC2034 # crank_left compares with it
    CRANK_GROUPS_BEFORE=$(crank_groups)
}
teardown() { crank_teardown; }
teardown_file() { common_teardown; }

@test "it runs here, as who I am, with my environment, and its exit code is crank's" {
    MINE=yes run --separate-stderr crank run --rm --native -e GIVEN=1 -- \
        sh -c 'echo "$MINE$GIVEN $(id -u) $(pwd) $(umask)"; echo err >&2; exit 6'
    [ "$status" -eq 6 ]
    [ "$output" = "yes1 $(id -u) $PWD $(umask)" ]
    [ "$stderr" = err ]
    run crank run --rm --native -w /usr -- pwd
    [ "$output" = /usr ]
    run bash -c 'echo word | crank run --rm -i --native -- cat'
    [ "$output" = word ]
}

@test "the same verbs: ps, logs, inspect, stop, wait, rm" {
    id=$(crank run -d --native --name plain -l app=gpu -- \
        sh -c 'trap "echo bye; exit 0" TERM; echo up; while :; do sleep 0.1; done')
    [[ $id =~ ^[0-9a-f]{64}$ ]]
    [ "$(crank ps --format '{{.Names}} {{.Image}} {{.Kind}} {{.Labels}}')" = "plain native native app=gpu" ]
    until [ "$(crank logs plain)" = up ]; do sleep 0.05; done
    [ "$(crank inspect -f '{{.State.Running}} {{.Kind}}' plain)" = "true native" ]
    crank stop plain
    [ "$(crank wait plain)" = 0 ]
    [[ $(crank logs plain) == *bye* ]]
    crank rm plain
    [ -z "$(crank ps -aq)" ]
}

@test "its children end with it" {
    crank run -d --native --name parent -- sh -c 'sleep 4242 & sleep 4242 & wait' >/dev/null
    until [ "$(pgrep -cfx 'sleep 4242')" -eq 2 ]; do sleep 0.05; done
    crank rm -f parent
    [ "$(pgrep -cfx 'sleep 4242')" -eq 0 ]
}

@test "what only a container can have is an error; a published port is ignored aloud" {
    run --separate-stderr crank run --native -v /a:/b -- true
    [ "$status" -eq 125 ]
    [[ $stderr == "crank run: --volume with --native: "* ]]
    run --separate-stderr crank run --native --read-only -- true
    [ "$status" -eq 125 ]
    run --separate-stderr crank run --rm --native -p 80:80 -- echo fine
    [ "$status" -eq 0 ]
    [ "$output" = fine ]
    [[ $stderr == "warning: --publish is ignored with --native"* ]]
    run --separate-stderr crank run --native
    [ "$status" -eq 125 ]
    run -127 --separate-stderr crank run --native -- no-such-program
    crank run -d --native --name plain -- sleep 1000 >/dev/null
    run --separate-stderr crank exec plain true
    [ "$status" -eq 125 ]
    [ "${stderr_lines[0]}" = "crank exec: plain is a native worker: there is no container to execute in" ]
}

@test "another user than root can" {
    require "root, to become nobody" is_root
    mkdir -p nobody && chown 65534:65534 nobody
    run as_nobody env HOME="$PWD/nobody" crank --root "$PWD/nobody/root" --state "$PWD/nobody/state" \
        run --rm --native -- id -u
    [ "$output" = 65534 ]
    rm -rf nobody
}
