#!/usr/bin/env bash
# ./dev test: everything that must hold. Each step runs even when an earlier one failed; the last
# line is the sum: "N passed, N failed, N skipped".
#
#   ./dev test                 all steps
#   ./dev test unit spec       these steps only
#   ./dev test --long          the campaigns too
#
# Steps: build unit spec security crash vm lint portable asan tsan (and worlds, fuzz, podman with --long).
set -euo pipefail
# shellcheck source=tools/common.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"

results=$CRANK_TOP/build/test-results
# The transcripts that also run with the sanitizer, which takes twice the time: those in which most of
# what is read was written by others, and most processes end early. --long: all of them.
asan_transcripts=(adopt build build_sources cp health import native networks oci oci_userns
    registry_chunked registry_hostile run run_settings store)
all_steps=(build unit spec security crash vm lint portable asan tsan)
# Every program under test is stopped by its own test; this bounds one that hangs.
unit_timeout=300

record() { printf '%s\t%s\t%s\t%s\n' "$@" >>"$results/steps.tsv"; }

# run_step KIND NAME COMMAND...: KIND is "single" where the step itself is the one test, "counted"
# where it leaves reports with its own counts, "rows" where it records its parts as steps.
#
# Leaves the status in step_status and never fails. It must not be called where bash ignores -e
# (after `if`, or beside && and ||): the step's own commands would lose it too.
run_step() {
    local kind=$1 name=$2 began
    shift 2
    began=$(date +%s)
    say "== $name"
    set +e
    (
        set -e
        "$@"
    )
    step_status=$?
    set -e
    record "$kind" "$name" "$step_status" "$(($(date +%s) - began))"
    if [ "$step_status" != 0 ]; then say "== $name: FAILED ($step_status)"; fi
}

# Transcripts wait more than they compute: meanwhile, behind everything else, the preset of a later
# step is compiled (what fails there fails again, and is shown, in its own step) and the steps run that
# start no container. What they print comes out together, at the end.
beside_steps=(portable lint tsan)
beside=0

begin_beside() {
    local step
    (
        renice -n 10 -p "$BASHPID" >/dev/null
        for step in "$@"; do
            if [ "$step" = asan ]; then
                "$CRANK_TOP/dev" build asan -k 0 >"$results/ahead.log" 2>&1 || true
            fi
        done
        for step in "$@"; do
            if is_beside "$step"; then run_named "$step"; fi
        done
    ) >"$results/beside.log" 2>&1 &
    beside=$!
}

is_beside() {
    local step
    for step in "${beside_steps[@]}"; do
        if [ "$step" = "$1" ]; then return 0; fi
    done
    return 1
}

end_beside() {
    if [ "$beside" = 0 ]; then return 0; fi
    # each step has recorded its own status, if it came to that
    wait "$beside" || record single "steps beside the transcripts" 1 0
    cat "$results/beside.log" >&2
}

# Builds a preset and, where that worked, runs its unit tests.
build_and_unit() {
    run_step single "build $1" build_preset "$1" -k 0
    if [ "$step_status" = 0 ]; then run_step counted "unit $1" unit_tests "$1"; fi
}

unit_tests() {
    local preset=$1 out=$results/$1-unit
    mkdir -p "$out"
    # stdout belongs to the summary line
    GTEST_OUTPUT="xml:$out/" ctest --test-dir "$CRANK_TOP/build/$preset" -j "$(nproc)" \
        --output-on-failure --timeout "$unit_timeout" --no-tests=error \
        --output-junit "$out/ctest.junit" >&2
}

# bats_tests PRESET SUITE [NAME...]: the transcripts of tests/SUITE, or those named, with the programs
# of that preset.
bats_tests() {
    local preset=$1 suite=$2 out=$results/$1-$2 files
    shift 2
    files=$(find "$CRANK_TOP/tests/$suite" -name '*.bats' 2>/dev/null | sort)
    if [ $# -gt 0 ]; then files=$(printf "$CRANK_TOP/tests/$suite/%s.bats\n" "$@"); fi
    if [ -z "$files" ]; then
        say "no $suite tests yet"
        return 0
    fi
    mkdir -p "$out"
    # shellcheck disable=SC2086 # one word a file, and no file of ours has a blank in its name
    CRANK_BIN=$CRANK_TOP/build/$preset/bin CRANK_PRESET=$preset \
        PATH=$CRANK_TOP/build/$preset/bin:$PATH \
        bats --timing --formatter tap --report-formatter junit --output "$out" $files >&2
}

# Where the host has other hierarchies too: the tests of limits and of isolation with the unified one
# alone. An emulated processor is slow, so all of them take --long.
vm_tests() {
    local -a filter=(--filter 'exec|a hog, and inspect|default limit|a node made for a disk')
    if [ "${CRANK_TEST_LONG:-0}" = 1 ]; then filter=(); fi
    CRANK_BIN=$CRANK_TOP/build/dev/bin "$CRANK_TOP/tests/vm/run.sh" bats "${filter[@]}" \
        "$CRANK_TOP/tests/security/limits.bats" "$CRANK_TOP/tests/security/isolation.bats" >&2
}

vm_reboots() {
    CRANK_BIN=$CRANK_TOP/build/dev/bin bats "$CRANK_TOP/tests/vm/reboot.bats" >&2
}

# The worlds that the host is none of: the unified hierarchy without and with systemd, on Debian's
# kernel; with CRANK_TEST_KVM=1 also on that of its backports, which an emulated processor does not
# boot. Emulated, they take an hour or more.
# vm_world KERNEL SYSTEMD FILE...
vm_world() {
    local kernel=$1 systemd=$2
    shift 2
    VM_KERNEL=$kernel VM_SYSTEMD=$systemd VM_SECONDS=5400 VM_KVM=${CRANK_TEST_KVM:-0} \
        CRANK_BIN=$CRANK_TOP/build/dev/bin CRANK_PRESET=dev "$CRANK_TOP/tests/vm/run.sh" \
        env PATH="$CRANK_TOP/build/dev/bin:/usr/sbin:/usr/bin:/sbin:/bin" bats "$@" >&2
}

vm_worlds() {
    local spec=$CRANK_TOP/tests/spec kernel
    local -a kernels=('')
    if [ "${CRANK_TEST_KVM:-0}" = 1 ]; then kernels+=(backports); fi
    for kernel in "${kernels[@]}"; do
        run_step single "v2, Linux ${kernel:-of bookworm}" vm_world "$kernel" 0 \
            "$spec"/{why,limits_told,oci,oci_limits,oci_shared_mounts,worlds}.bats "$CRANK_TOP/tests/security/sandbox.bats"
        run_step single "systemd, Linux ${kernel:-of bookworm}" vm_world "$kernel" 1 \
            "$CRANK_TOP/tests/vm/systemd.bats" "$spec/why.bats"
    done
}

# A sanitizer's finding must fail the test that met it.
sanitizer_options() {
    export ASAN_OPTIONS=${ASAN_OPTIONS:-abort_on_error=0:exitcode=99:detect_stack_use_after_return=1}
    export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1:exitcode=99}
    export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1:exitcode=99}
}

# Every target, as many inputs as CRANK_FUZZ_INPUTS says; what they have shown goes into
# docs/evidence/fuzz.json. What was run on the same code before counts: it may be ended and goes on.
fuzz_campaign() {
    run_step single "build fuzz" build_preset fuzz -k 0
    run_step single "fuzz, ${CRANK_FUZZ_INPUTS:=10000000} inputs a target" \
        python3 "$CRANK_TOP/tests/fuzz/campaign.py" --bin "$CRANK_TOP/build/fuzz/bin" \
        --inputs "$CRANK_FUZZ_INPUTS" --evidence "$CRANK_TOP/docs/evidence/fuzz.json" >&2
}

# The files of podman's suite that take a few minutes in all, where a checkout of it is there.
podman_suite() {
    if [ ! -d "${CRANK_PODMAN_SUITE:-}/test/system" ]; then
        say "skipped: CRANK_PODMAN_SUITE names no checkout of github.com/containers/podman"
        return 0
    fi
    run_step single "podman's suite, the short files" env CRANK_BIN="$CRANK_TOP/build/dev/bin" \
        "$CRANK_TOP/tests/conformance/podman.sh" "$CRANK_PODMAN_SUITE" \
        020-tag 040-ps 065-cp 075-exec 110-history 125-import 140-diff 160-volumes 505-networking-pasta >&2
}

# The compose files that are not kept here, where checkouts of their repositories are there.
compose_files() {
    if [ ! -d "${CRANK_COMPOSE_CHECKOUTS:-}" ]; then
        say "skipped: CRANK_COMPOSE_CHECKOUTS names no checkouts of tests/conformance/compose.sources"
        return 0
    fi
    run_step single "other people's compose files" "$CRANK_TOP/tests/conformance/compose.py" check \
        "$CRANK_COMPOSE_CHECKOUTS" "$CRANK_TOP/build/dev/bin/crank" >&2
}

# Other people's Dockerfiles, beside docker, where checkouts of their repositories are there.
dockerfiles() {
    if [ ! -d "${CRANK_DOCKERFILE_CHECKOUTS:-}" ]; then
        say "skipped: CRANK_DOCKERFILE_CHECKOUTS names no checkouts of tests/conformance/dockerfiles.sources"
        return 0
    fi
    run_step single "other people's Dockerfiles" env CRANK_BIN="$CRANK_TOP/build/dev/bin" \
        "$CRANK_TOP/tests/conformance/dockerfiles.sh" "$CRANK_DOCKERFILE_CHECKOUTS" >&2
}

run_named() {
    case $1 in
        build) run_step single "build dev" build_preset dev -k 0 ;;
        unit) run_step counted "unit dev" unit_tests dev ;;
        spec) run_step counted "spec dev" bats_tests dev spec ;;
        security)
            if [ "${CRANK_TEST_LONG:-0}" = 1 ]; then export CRANK_EVIDENCE=$CRANK_TOP/docs/evidence/races.json; fi
            run_step counted "security dev" bats_tests dev security
            ;;
        crash) run_step counted "crash dev" bats_tests dev crash ;;
        lint)
            # static analysis of everything takes longer than all tests: ./dev lint --all has no bound
            CRANK_LINT_RECORD=$results/steps.tsv CRANK_TIDY_SECONDS=${CRANK_TIDY_SECONDS:-60} \
                run_step rows lint bash "$CRANK_TOP/tools/lint.sh" --all
            ;;
        portable) build_and_unit portable ;;
        asan)
            build_and_unit asan
            if [ "$step_status" = 0 ]; then
                run_step counted "spec asan" bats_tests asan spec "${asan_transcripts[@]}"
            fi
            ;;
        tsan)
            build_and_unit tsan
            # crank has few threads: the transcripts under it are part of the campaigns
            if [ "$step_status" = 0 ] && [ "${CRANK_TEST_LONG:-0}" = 1 ]; then
                run_step counted "spec tsan" bats_tests tsan spec
            fi
            ;;
        vm)
            run_step single "cgroup v2 alone, in a virtual machine" vm_tests
            run_step single "reboots, in a virtual machine" vm_reboots
            ;;
        worlds) vm_worlds ;;
        fuzz) fuzz_campaign ;;
        podman) podman_suite ;;
        compose) compose_files ;;
        dockerfiles) dockerfiles ;;
        *) die "unknown step: $1 (${all_steps[*]} worlds fuzz podman compose dockerfiles)" ;;
    esac
}

main() {
    local -a steps=()
    while [ $# -gt 0 ]; do
        case $1 in
            --long)
                export CRANK_TEST_LONG=1
                asan_transcripts=()
                all_steps+=(worlds fuzz podman compose dockerfiles)
                ;;
            -*) die "unknown flag: $1" ;;
            *) steps+=("$1") ;;
        esac
        shift
    done
    [ "${#steps[@]}" -gt 0 ] || steps=("${all_steps[@]}")
    ensure_packages build test lint
    cd "$CRANK_TOP"
    rm -rf -- "$results"
    mkdir -p "$results"
    sanitizer_options
    # Whatever a tool or a test leaves in the temporary directory goes with it.
    local scratch
    scratch=$(mktemp -d "${TMPDIR:-/tmp}/crank-test.XXXXXX")
    # a test that plays another user must reach its own directory below
    chmod 755 "$scratch"
    # shellcheck disable=SC2064 # the value of now
    trap "rm -rf --one-file-system -- '$scratch'" EXIT
    export TMPDIR=$scratch
    local step
    while [ "${#steps[@]}" -gt 0 ]; do
        step=${steps[0]}
        steps=("${steps[@]:1}")
        # not beside the unit tests: those compute
        case $step in
            spec | security | vm) if [ "$beside" = 0 ]; then begin_beside "${steps[@]}"; fi ;;
        esac
        if [ "$beside" != 0 ] && is_beside "$step"; then continue; fi
        run_named "$step"
    done
    end_beside
    python3 "$CRANK_TOP/tools/test_summary.py" "$results"
}

main "$@"
