#!/usr/bin/env bats
# The command line itself: what is printed where, and what bad input gets.

# shellcheck disable=SC2154 # run sets stderr
bats_require_minimum_version 1.5.0
load ../lib/common

setup() { common_setup; }
teardown() { common_teardown; }

@test "version and help are data on stdout" {
    run --separate-stderr crank version
    [ "$status" -eq 0 ]
    [[ $output == "crank version "* ]]
    [ -z "$stderr" ]
    run --separate-stderr crank --version
    [[ $output == "crank version "* ]]
    run --separate-stderr crank --help
    [ "$status" -eq 0 ]
    [[ $output == *"run               start a worker"* ]]
    for verb in $(crank --help | awk '/^  [a-z]/ && !/--/ { print $1 }' | sort -u); do
        case $verb in compose | config | container | healthcheck | image | certs | network | volume) continue ;; esac
        run --separate-stderr crank "$verb" --help
        [ "$status" -eq 0 ]
        [[ $output == "Usage: crank $verb"* ]]
        [[ $output == *"Examples:"* ]] || [ "$verb" = version ] || [ "$verb" = info ]
    done
}

@test "an unknown command gets a suggestion and exit code 2" {
    run --separate-stderr crank rnu
    [ "$status" -eq 2 ]
    [ -z "$output" ]
    [ "${stderr_lines[0]}" = 'crank: no command "rnu"' ]
    [ "${stderr_lines[1]}" = "hint: did you mean crank run?" ]
}

@test "a command of Docker's that is missing is named" {
    run --separate-stderr crank manifest x
    [ "$status" -eq 2 ]
    [ "${stderr_lines[0]}" = "crank: crank manifest is not supported yet" ]
    [ "${stderr_lines[1]}" = "hint: crank inspect shows an image, crank push sends it" ]
}

@test "an unknown flag gets a suggestion; 2, and 125 where the worker's own codes are passed on" {
    run --separate-stderr crank ps --quite
    [ "$status" -eq 2 ]
    [ "${stderr_lines[0]}" = "crank ps: unknown flag: --quite" ]
    [ "${stderr_lines[1]}" = "hint: did you mean --quiet?" ]
    run --separate-stderr crank run --detahc x
    [ "$status" -eq 125 ]
    [ "${stderr_lines[1]}" = "hint: did you mean --detach?" ]
    run --separate-stderr crank exec
    [ "$status" -eq 125 ]
}

@test "a flag of Docker's that is missing is named" {
    run --separate-stderr crank run --link db x
    [ "$status" -eq 125 ]
    [ "${stderr_lines[0]}" = "crank run: --link is not supported yet" ]
    [ "${stderr_lines[1]}" = "hint: crank network create NAME, and --network NAME for both" ]
}

@test "malformed values name the flag, the text and what is wrong" {
    local -a cases=(
        "--memory 1x|--memory: invalid size '1x'"
        "--memory -1|--memory: "
        "--cpus two|--cpus: "
        "--pids-limit many|--pids-limit: invalid number \"many\""
        "-p 99999:80|--publish: invalid port '99999:80'"
        "-p 80:80/sctp|--publish: "
        "-v a:b:c:d|--volume \"a:b:c:d\": wanted HOST:CONTAINER[:ro]"
        "-v -name:/data|--volume \"-name:/data\": invalid volume name \"-name\": 2 to 128 letters"
        "--mount type=bind,dst=/data|--mount \"type=bind,dst=/data\": source is missing"
        "--volumes-from :ro|--volumes-from \":ro\": wanted CONTAINER[:ro]"
        "-v /a:relative|--volume \"/a:relative\": the path in the container must be absolute"
        "--tmpfs run|--tmpfs \"run\": the path in the container must be absolute"
        "--name a/b|invalid name \"a/b\""
        "--hostname a_/|invalid host name \"a_/\""
        "--network a,b=c|--network \"a,b=c\": a wants a value"
        "-e =x|--env \"=x\": a name is wanted"
        "--limits loose|--limits=\"loose\": strict or best-effort"
        "--stop-timeout soon|--stop-timeout: invalid number of seconds \"soon\""
        "--detach=maybe|invalid value \"maybe\" for --detach: true or false"
        "-v /a:/x -v /b:/x|duplicate mount point: /x"
    )
    for one in "${cases[@]}"; do
        # shellcheck disable=SC2086 # words
        run --separate-stderr crank run ${one%%|*} image
        [ "$status" -eq 125 ] || { echo "$one: $status"; return 1; }
        [[ $stderr == "crank run: ${one#*|}"* ]] || { echo "$one: $stderr"; return 1; }
        [ -z "$output" ]
    done
}

@test "a missing image is named" {
    require "root, to start containers" is_root
    run --separate-stderr crank run no-such-image
    [ "$status" -eq 125 ]
    [[ $stderr == *"no such image: no-such-image"* ]]
    run --separate-stderr crank inspect nothing
    [ "$status" -eq 1 ]
    [ "${stderr_lines[0]}" = "crank inspect: no such container, image or volume: nothing" ]
    [ "$output" = "[]" ]
}

@test "containers that do not exist" {
    for verb in logs stop wait rm kill; do
        run --separate-stderr crank "$verb" nothing
        [ "$status" -eq 1 ]
        [ "${stderr_lines[0]}" = "crank $verb: no such container: nothing" ]
    done
    run --separate-stderr crank exec nothing true
    [ "$status" -eq 125 ]
    run crank rm -f nothing
    [ "$status" -eq 0 ]
}

@test "without root and without subordinate ids it says what he lacks" {
    require "root, to become nobody" is_root
    mkdir nobody
    chown 65534:65534 nobody
    run --separate-stderr as_nobody env HOME=/nonexistent \
        crank --root "$PWD/nobody/root" --state "$PWD/nobody/state" run --pull never image
    [ "$status" -eq 125 ]
    [ "${stderr_lines[0]}" = "warning: user nobody has no subordinate ids: nobody exists in containers but root (crank doctor)" ]
    [ "${stderr_lines[1]}" = "crank run: no such image: image" ]
}

@test "GPUs: says what was looked for where there is none" {
    require "root, to start containers" is_root
    if [ -e /dev/nvidiactl ]; then skip "this host has an NVIDIA driver"; fi
    printf 'FROM scratch\nLABEL a=b\n' | crank build -q -t empty - >/dev/null
    run --separate-stderr crank run --gpus all empty true
    [ "$status" -eq 125 ]
    [[ $stderr == *"NVIDIA's driver is not loaded: there is no /proc/driver/nvidia/version"* ]]
    [[ $stderr == *"crank run --native -- COMMAND"* ]]
}

@test "the configuration: set, get, list, unset; unknown keys and values" {
    crank config set publish.address 0.0.0.0
    crank config set build.host-trust true
    crank config set alias.python:3.11-slim localhost/crank/python:3.11-slim
    [ "$(crank config get publish.address)" = 0.0.0.0 ]
    run crank config list
    [ "${lines[0]}" = "alias.python:3.11-slim=localhost/crank/python:3.11-slim" ]
    [ "$(crank info --format '{{index .Configuration "alias.python:3.11-slim"}}')" = \
        localhost/crank/python:3.11-slim ]
    [ "$(jq -r '."build.host-trust" | type' "$HOME/.config/crank/config.json")" = boolean ]
    crank config unset publish.address
    [ "$(crank config get publish.address)" = 127.0.0.1 ]
    run --separate-stderr crank config set publish.adress x
    [ "$status" -eq 1 ]
    [ "${stderr_lines[1]}" = "hint: did you mean publish.address?" ]
    run --separate-stderr crank config set build.host-trust maybe
    [ "$status" -eq 1 ]
    [[ $stderr == *"neither true nor false"* ]]
    echo '{"x": 1}' >"$HOME/.config/crank/config.json"
    run --separate-stderr crank ps
    [ "$status" -eq 0 ]
    run --separate-stderr crank info
    [ "$status" -eq 1 ]
    [[ $stderr == *"configuration $HOME/.config/crank/config.json: "* ]]
}

@test "templates: fields, functions and what is wrong with them" {
    [ "$(crank version --format '{{.Os}}')" = linux ]
    [ "$(crank version --format '{{.Client.Version}}')" = "$(crank version --format '{{.Server.Version}}')" ]
    crank version --format json | jq -e .Version >/dev/null
    run --separate-stderr crank version --format '{{.Verison}}'
    [ "$status" -eq 2 ]
    [ "${stderr_lines[0]}" = 'crank version: --format: no field "Verison" in .Verison' ]
    [ "${stderr_lines[1]}" = "hint: did you mean .Version?" ]
}

@test "a reader that goes away ends the output quietly" {
    run bash -c 'crank --help | head -1'
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq 1 ]
}
