#!/usr/bin/env bats
# As worlds.bats, of `crank run`.

bats_require_minimum_version 1.5.0
load ../lib/crank
load ../lib/without

setup_file() {
    crank_setup_file
    busybox_image
    without_setup
}
setup() { crank_setup; }
teardown() { crank_teardown; }
teardown_file() { crank_teardown_file; }

# run_without ERROR CALLS
run_without() {
    run timeout 20 "$CRANK_TEST_DIR/without" "$1" "$2" \
        crank run --rm --network none busybox echo hello </dev/null
}

# Numbers from 424 on are the same on every architecture.
@test "what the kernel must have for crank run is an error that names the step and crank doctor" {
    require "a filter around a command" can_filter
    while IFS=@ read -r call step; do
        run_without ENOSYS "$call"
        if [ "$status" -ne 125 ] || [[ "$output" != *"crank run: $step"*": Function not implemented"*"lacks a system call"*"crank doctor"* ]]; then
            echo "without $call: $status $output" >&2
            return 1
        fi
    done <<'END'
437@mount proc on /proc
435@create the container's process
428,429,430@open the mount at
429@mount proc on /proc
430@mount proc on /proc
436@create the container's process
442@set the attributes of the mount of
END
    [ -z "$(crank ps -aq)" ]
}

@test "a filter that denies what it does not know is an error of crank run, and no bug" {
    require "a filter around a command" can_filter
    local call
    for call in 428,429,430 429 430 435 436 437 442; do
        run_without EPERM "$call"
        if [ "$status" -ne 125 ] || [[ "$output" != "crank run: "*": Operation not permitted"* ]]; then
            echo "without $call: $status $output" >&2
            return 1
        fi
    done
    [ -z "$(crank ps -aq)" ]
}

@test "without pidfd_send_signal, Landlock or io_uring crank run runs as with them" {
    require "a filter around a command" can_filter
    run_without ENOSYS 424,425,426,427,444,445,446
    [ "$status" -eq 0 ]
    [ "$output" = hello ]
}
