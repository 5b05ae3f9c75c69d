#!/usr/bin/env bats
# System calls of `crank-oci` and `crank` that fail, one at a time. With ./dev test --long it is every call of
# every command.
bats_require_minimum_version 1.5.0
load ../lib/oci

: "${CRANK_FAULT_SEED:=1}"

setup() {
    require "root, for namespaces and cgroups" is_root
    require "crank-oci" can_oci
    require strace command -v strace
    require "a kernel that lets strace trace" strace -o /dev/null true
    common_setup
}
teardown() { common_teardown; }

@test "whatever call fails, the commands after it work and nothing is left" {
    local -a how=(--seconds 30)
    if [ "${CRANK_TEST_LONG:-0}" = 1 ]; then how=(--all); fi
    run -0 python3 "$CRANK_SOURCE/tests/crash/faults.py" --bin "$CRANK_BIN" --seed "$CRANK_FAULT_SEED" "${how[@]}"
    printf '# %s\n' "${lines[-1]}" >&3
}

@test "whatever call of run, exec, kill, stop or rm fails, no worker is lost, nothing is said to have succeeded that has not, and nothing is left" {
    local -a how=(--seconds 30)
    if [ "${CRANK_TEST_LONG:-0}" = 1 ]; then how=(--all); fi
    run -0 python3 "$CRANK_SOURCE/tests/crash/faults.py" --bin "$CRANK_BIN" --of run --seed "$CRANK_FAULT_SEED" "${how[@]}"
    printf '# %s\n' "${lines[-1]}" >&3
}
