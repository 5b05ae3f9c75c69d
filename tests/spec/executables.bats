#!/usr/bin/env bats
# What the executables are made of. The sanitizer presets link what they need, so the crank that
# ships is looked at where it is built as it ships.

bats_require_minimum_version 1.5.0
load ../lib/common

setup() { common_setup; }
teardown() { common_teardown; }

needed() { readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort; }

@test "crank is static, at an address of its own each time, and loads no code" {
    case ${CRANK_PRESET:-dev} in asan | tsan) skip "sanitizers link their own libraries" ;; esac
    [ -z "$(needed "$CRANK_BIN/crank")" ]
    run -0 readelf --file-header --program-headers --wide "$CRANK_BIN/crank"
    [[ "$output" != *INTERP* ]]
    grep -q "Type:.*DYN" <<<"$output"
    grep -q GNU_RELRO <<<"$output"
    run ! grep -c "GNU_STACK.* RWE" <<<"$output"
    run -0 readelf --dynamic "$CRANK_BIN/crank"
    grep -q "FLAGS.*NOW" <<<"$output"
}

@test "crank-shim is static and at most 300 kB" {
    [ -z "$(needed "$CRANK_BIN/crank-shim")" ]
    run -0 readelf -l "$CRANK_BIN/crank-shim" --wide
    [[ "$output" != *INTERP* ]]
    [ "$(stat -c %s "$CRANK_BIN/crank-shim")" -le 300000 ]
}

@test "crank-gateway is static, so that it opens nothing once it is confined" {
    case ${CRANK_PRESET:-dev} in asan | tsan) skip "sanitizers link their own libraries" ;; esac
    [ -z "$(needed "$CRANK_BIN/crank-gateway")" ]
    run -0 readelf --file-header --program-headers --wide "$CRANK_BIN/crank-gateway"
    [[ "$output" != *INTERP* ]]
    grep -q "Type:.*DYN" <<<"$output"
    grep -q GNU_RELRO <<<"$output"
}

@test "a file of the source tree is not named with its place on the building machine" {
    for program in crank crank-shim crank-gateway; do
        run grep -c -F "$(cd "$BATS_TEST_DIRNAME/../.." && pwd)" "$CRANK_BIN/$program"
        [ "$output" = 0 ]
    done
}
