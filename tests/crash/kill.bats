#!/usr/bin/env bats
# kill -9 at random moments of pull, load, build, tag, rmi and prune. With ./dev test --long there
# are 500 of them, and what they have shown goes into docs/evidence/crash-kill.json.
bats_require_minimum_version 1.5.0
load ../lib/build

: "${CRANK_CRASH_SEED:=1}"

setup() {
    require "root, for namespaces and cgroups" is_root
    require docker-registry command -v docker-registry
    common_setup
    export TMPDIR=$CRANK_TEST_DIR/tmp
    mkdir -p "$TMPDIR" scratch
}
teardown() { common_teardown; }

# Says what was done, and how long it took.
campaign() {
    python3 "$CRANK_SOURCE/tests/crash/kill.py" --bin "$CRANK_BIN" --scratch scratch \
        --seed "$CRANK_CRASH_SEED" "$@" >said
    sed 's/^/# /' said >&3
}

@test "killed at any moment, no command damages an image or leaves a tag on half of one" {
    if [ "${CRANK_TEST_LONG:-0}" = 1 ]; then
        campaign --kills 500 --seconds 10800 --evidence "$CRANK_SOURCE/docs/evidence/crash-kill.json"
    else
        campaign --kills 20
    fi
}

# ended PID: waits until it has.
ended() {
    for _ in {1..600}; do
        if ! [ -d "/proc/$1" ]; then return 0; fi
        sleep 0.02
    done
    return 1
}

# The monitor of a RUN step whose build is killed at its start goes on for a moment: it mounts the
# step's directory, starts the program, sees that its caller is gone and ends it.
@test "a killed build's directory stays until its container's monitor has ended" {
    require strace command -v strace
    small_context
    cp "$(command -v busybox)" context/busybox
    printf 'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "true"]\n' \
        >context/Dockerfile
    strace -f -qq -o /dev/null -e trace=clone3 -e inject=clone3:delay_enter=700000 \
        crank build -q -t app context >/dev/null 2>&1 &
    local tracer=$! builder="" monitor="" held
    for _ in {1..600}; do
        builder=$(pgrep -P "$tracer" -x crank || true)
        if [ -n "$builder" ]; then monitor=$(pgrep -P "$builder" -x crank-monitor || true); fi
        if [ -n "$monitor" ]; then break; fi
        sleep 0.02
    done
    [ -n "$monitor" ]
    kill -STOP "$monitor"
    kill -9 "$builder"
    ended "$builder"
    crank tag app app:held
    held=$(ls "$CRANK_ROOT/tmp")
    kill -CONT "$monitor"
    ended "$monitor"
    [ -n "$held" ]
    run -0 crank tag app app:free
    [ -z "$(ls "$CRANK_ROOT/tmp")" ]
    wait "$tracer" || true
}

# What the campaigns go by must itself be able to fail.
@test "the check of the campaigns finds each fault that is planted" {
    small_context
    found() {
        run python3 -c 'import pathlib, sys
sys.path.insert(0, sys.argv[1])
import soundness
crank = soundness.Crank(sys.argv[2], sys.argv[3], "state")
for problem in [*soundness.damage(crank), *soundness.store_problems(pathlib.Path(sys.argv[3]))]:
    print(problem)' "$CRANK_SOURCE/tests/crash" "$CRANK_BIN/crank" "$CRANK_ROOT"
        [ "$status" -eq 0 ]
    }
    found
    [ -z "$output" ]

    mkdir -p "$CRANK_ROOT/l/99/fs"
    found
    [ "$output" = "l/99 belongs to no layer" ]
    rmdir "$CRANK_ROOT/l/99/fs" "$CRANK_ROOT/l/99"

    mv "$CRANK_ROOT/l/1" moved
    found
    [[ $output == *"layer 1 has no tree"* ]]
    [[ $output == *"counts as damaged"* ]]
    mv moved "$CRANK_ROOT/l/1"
    found
    [ -z "$output" ]

    printf 'other bytes' >"$(find "$CRANK_ROOT/l/1/fs" -type f)"
    found
    [[ $output == *"damaged: file file of layer sha256:"* ]]
}

small_context() {
    mkdir context
    printf 'FROM scratch\nCOPY file /file\n' >context/Dockerfile
    printf content >context/file
    crank build -q -t app context >/dev/null
}
