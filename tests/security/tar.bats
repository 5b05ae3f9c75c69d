#!/usr/bin/env bats
# Layers that other readers of tar archives understand otherwise, or that attack.

bats_require_minimum_version 1.5.0
load ../lib/common

setup() { common_setup; }
teardown() { common_teardown; }

@test "archives become what other readers make of them, or are refused" {
    require "root, for owners and devices" is_root
    require bsdtar command -v bsdtar
    run python3 "$BATS_TEST_DIRNAME/tar_differential.py" "$CRANK_BIN/import_layer" \
        "$CRANK_TEST_DIR/scratch"
    echo "$output"
    [ "$status" -eq 0 ]
    # at least 400 archives, and enough of them are taken that the comparison says something
    [ "$(awk '/archives/ { sum += $2 } END { print sum }' <<<"$output")" -ge 400 ]
    [ "$(awk '/taken/ { sum += $4 } END { print sum }' <<<"$output")" -ge 150 ]
}
