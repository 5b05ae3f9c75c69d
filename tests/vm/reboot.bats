#!/usr/bin/env bats
# A machine that goes down without a word: what it ran comes back, in order, on the last release that
# ended well; also where it goes down in the middle of a change. Three lives of a virtual machine.
bats_require_minimum_version 1.5.0
load ../lib/common

: "${CRANK_BIN:=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)/build/dev/bin}"
export CRANK_BIN
TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)

setup() { common_setup; }
teardown() { common_teardown; }

# The guest sees what is below the checkout.
live() {
    cd "$TOP" || return 1 # the guest sees it
    VM_SCRATCH=$work/disk run "$TOP/tests/vm/run.sh" bash "$TOP/tests/vm/reboot_guest.sh" "$1" "$work/context"
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "a project and containers come back after a reboot, and after one in the middle of a change" {
    work=$TOP/build/vm/reboot
    rm -rf "$work"
    mkdir -p "$work/context"
    musl-gcc -static -O1 -o "$work/context/answerer" "$TOP/tests/lib/answerer.c"
    printf 'FROM scratch\nCOPY answerer /\nCMD ["/answerer"]\n' >"$work/context/Dockerfile"
    truncate -s 256M "$work/disk"
    mkfs.ext4 -q "$work/disk"
    live deploy
    live back
    live cut
    rm -rf "$work"
}
