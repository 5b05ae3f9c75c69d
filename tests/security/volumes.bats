#!/usr/bin/env bats
# Volumes, top and groups: what an image or a container says of itself chooses nothing of the host's.

# shellcheck disable=SC2154 # run sets stderr
# shellcheck disable=SC2016 # what stands in single quotes the shell in the container expands
bats_require_minimum_version 1.5.0
load ../lib/build

setup_file() {
    crank_setup_file
    box_image
}
setup() {
    crank_setup
    require "busybox" command -v busybox
    CANARY=$CRANK_TEST_DIR/canary
    mkdir -p "$CANARY"
    echo untouched >"$CANARY/file"
}
teardown() {
    [ "$(cat "$CANARY/file")" = untouched ]
    [ "$(ls "$CANARY")" = file ]
    crank_teardown
    rm -rf "${CANARY:?}"
}
teardown_file() { crank_teardown_file; }

@test "a volume's content is copied out without following its links (CVE-2023-0778, CVE-2020-1726)" {
    crank run --name linked --network none -v planted:/v box sh -c \
        "ln -s $CANARY /v/dir; ln -s $CANARY/file /v/file; echo own >/v/own"
    mkdir out
    crank cp linked:/v out/
    [ -L out/v/dir ] && [ -L out/v/file ]
    run ! --separate-stderr crank cp -L linked:/v/file out/followed
    [ ! -e out/followed ]
    [ "$(cat out/v/own)" = own ]
    # what lies in the volume already is not replaced by the image's
    crank rm linked
    dockerfile <<'END'
FROM box
RUN mkdir /v && echo image >/v/own
END
    crank build -q -t other . >/dev/null
    run -0 --separate-stderr crank run --rm --network none -v planted:/v other cat /v/own
    [ "$output" = own ]
    crank volume rm planted
    rm -rf out
}

@test "top executes nothing of the container's (CVE-2022-1227)" {
    dockerfile <<END
FROM box
RUN rm -f /bin/ps && printf '#!/bin/sh\\necho executed >/executed\\n' >/bin/ps && chmod +x /bin/ps
END
    crank build -q -t trapped . >/dev/null
    crank run -d --name trapped --network none -e "PATH=/bin" trapped sleep 600 >/dev/null
    run -0 crank top trapped
    [[ "$output" == *"sleep 600"* ]]
    run -0 crank top trapped -eo pid,args
    run ! crank exec trapped test -e /executed
}

@test "a container with ids of its own lies below crank's groups, and so does what exec starts (CVE-2025-47291)" {
    local pid id group
    id=$(crank run -d --name mapped --network none --userns auto --memory 64m box sleep 600)
    pid=$(crank inspect --format '{{.State.Pid}}' mapped)
    group=$(grep -E ':(memory|):' "/proc/$pid/cgroup" | head -1 | cut -d: -f3)
    [[ "$group" == */"$id" ]]
    crank exec -d mapped sleep 61173
    until_true pgrep -f 'sleep 61173' >/dev/null
    for pid in $(pgrep -f 'sleep 61173'); do grep -q "/$id" "/proc/$pid/cgroup"; done
    # it cannot make a group outside of it
    run ! crank exec mapped sh -c 'mkdir /sys/fs/cgroup/memory/x || mkdir /sys/fs/cgroup/x'
}
