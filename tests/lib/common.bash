# shellcheck shell=bash
# For every .bats file: `load ../lib/common`. A test gets its own image root, state directory and
# scratch directory, all below one directory that goes with the test.

# The programs under test; ./dev test sets CRANK_BIN to the preset's.
: "${CRANK_BIN:=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/build/dev/bin}"
export PATH="$CRANK_BIN:$PATH"

common_setup() {
    CRANK_TEST_DIR=$(mktemp -d "${TMPDIR:-/tmp}/crank-bats.XXXXXX")
    export CRANK_TEST_DIR
    export CRANK_ROOT=$CRANK_TEST_DIR/root CRANK_STATE=$CRANK_TEST_DIR/state
    export HOME=$CRANK_TEST_DIR/home NO_COLOR=1 LC_ALL=C.UTF-8 TZ=UTC
    mkdir -p "$HOME"
    cd "$CRANK_TEST_DIR" || return 1
}

common_teardown() {
    cd / || return 1
    if [ -n "${CRANK_TEST_DIR:-}" ]; then rm -rf --one-file-system -- "$CRANK_TEST_DIR"; fi
}

# require WHAT COMMAND...: the test needs what COMMAND proves. Without it the test is skipped with
# that reason, and with CRANK_TEST_STRICT=1 it fails.
require() {
    local what=$1
    shift
    if "$@" >/dev/null 2>&1; then return 0; fi
    if [ "${CRANK_TEST_STRICT:-0}" = 1 ]; then
        echo "this host lacks: $what (CRANK_TEST_STRICT=1)" >&2
        return 1
    fi
    skip "this host lacks: $what"
}

is_root() { [ "$(id -u)" = 0 ]; }

# as_nobody COMMAND...: as user and group 65534, who can come to CRANK_TEST_DIR and to `crank` on the
# PATH: a copy, where the checkout lies in a home that is its owner's alone.
as_nobody() {
    local -a become=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    local programs=$CRANK_BIN
    chmod go+x "$CRANK_TEST_DIR"
    if ! "${become[@]}" test -x "$CRANK_BIN/crank"; then
        programs=$CRANK_TEST_DIR/programs
        mkdir -p "$programs"
        cp -u "$CRANK_BIN/crank" "$CRANK_BIN/crank-shim" "$CRANK_BIN/crank-net" \
            "$CRANK_BIN/crank-gateway" "$programs"
    fi
    PATH=$programs:$PATH "${become[@]}" "$@"
}
