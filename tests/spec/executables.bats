#!/usr/bin/env bats
# What the executables are made of. The sanitizer presets link what they need, so the crank that
# ships is looked at where it is built as it ships.

bats_require_minimum_version 1.5.0
load ../lib/common

setup() { common_setup; }
teardown() { common_teardown; }

needed() { readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort; }

@test "crank depends on glibc alone" {
    case ${CRANK_PRESET:-dev} in asan | tsan) skip "sanitizers link their own libraries" ;; esac
    run needed "$CRANK_BIN/crank"
    [ "$status" -eq 0 ]
    for library in $output; do
        case $library in
            libc.so.6 | ld-linux-*) ;;
            *)
                echo "crank needs $library"
                return 1
                ;;
        esac
    done
}

@test "crank-shim is static and at most 300 kB" {
    [ -z "$(needed "$CRANK_BIN/crank-shim")" ]
    run -0 readelf -l "$CRANK_BIN/crank-shim" --wide
    [[ "$output" != *INTERP* ]]
    [ "$(stat -c %s "$CRANK_BIN/crank-shim")" -le 300000 ]
}

@test "a file of the source tree is not named with its place on the building machine" {
    for program in crank crank-shim; do
        run grep -c -F "$(cd "$BATS_TEST_DIRNAME/../.." && pwd)" "$CRANK_BIN/$program"
        [ "$output" = 0 ]
    done
}
