#!/usr/bin/env bats
# Records that are cut short or absent: commands that meet them say so, and neither crash nor hang. With
# ./dev test --long at many lengths.
bats_require_minimum_version 1.5.0
load ../lib/crank

setup() {
    require "root, for namespaces and cgroups" is_root
    require "crank run" can_run
    common_setup
    mkdir -p scratch
}
teardown() { common_teardown; }

@test "whatever record is cut short or absent, no command crashes or hangs, and the container can be removed" {
    local lengths=4
    if [ "${CRANK_TEST_LONG:-0}" = 1 ]; then lengths=200; fi
    run -0 python3 "$CRANK_SOURCE/tests/crash/half_written.py" --bin "$CRANK_BIN" --scratch scratch --lengths "$lengths"
    printf '# %s\n' "${lines[-1]}" >&3
}

# What the test goes by must itself be able to fail.
@test "a command that dies of a record, or fails without a word, is found" {
    mkdir bin
    printf '#!/bin/sh\ncase " $* " in *" why "*) kill -SEGV $$ ;; *" logs "*) exit 3 ;; esac\nexec %s/crank "$@"\n' \
        "$CRANK_BIN" >bin/crank
    chmod +x bin/crank
    run -0 python3 -c 'import os, sys
sys.path.insert(0, sys.argv[1])
import fault_run, faults, half_written
os.mkdir("planted")
world = fault_run.make_world(faults.World, faults.Failure)("bin", os.path.abspath("planted"))
for verb in "why", "logs":
    try:
        half_written.call(world, verb, "nosuch")
    except half_written.Broken as broken:
        print(broken)
world.drop()' "$CRANK_SOURCE/tests/crash"
    [ "${lines[-2]}" = "why nosuch: status -11: " ]
    [ "${lines[-1]}" = "logs nosuch: status 3 without a word" ]
}
