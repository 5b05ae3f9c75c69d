# shellcheck shell=bash
# A project `shop` whose service answers HTTP, and requests to it: `load ../lib/crank`, then
# `load ../lib/shop`.

# An empty directory for the project, and nothing of the caller's environment.
shop_setup() {
    crank_setup
    unset COMPOSE_FILE COMPOSE_PROJECT_NAME COMPOSE_PROFILES COMPOSE_ENV_FILES
    mkdir -p "$BATS_TEST_TMPDIR/shop"
    cd "$BATS_TEST_TMPDIR/shop" || return 1
}
# What a project `shop` has left.
shop_teardown() {
    [ -z "${CRANK_GROUPS_BEFORE+set}" ] || crank down -p shop --remove-orphans >/dev/null 2>&1 || true
    crank_teardown
    [ -n "${CRANK_GROUPS_BEFORE+set}" ] || return 0 # skipped
    crank network prune -f >/dev/null
    crank volume prune -a -f >/dev/null
    rm -rf "$CRANK_ROOT/projects"
}

# The image `answerer`, a server that keeps connections and says $VERSION; its program lies in
# $CRANK_TEST_DIR/answerer-context.
answerer_image() {
    is_root && can_run >/dev/null 2>&1 || return 0 # the tests say why they skip
    local context=$CRANK_TEST_DIR/answerer-context
    mkdir -p "$context"
    musl-gcc -static -O1 -o "$context/answerer" "$CRANK_SOURCE/tests/lib/answerer.c"
    printf 'FROM scratch\nCOPY answerer /\nCMD ["/answerer"]\n' >"$context/Dockerfile"
    crank build -q -t answerer "$context" >/dev/null
}

# The same with /busybox, for health checks: the image `answerer-healthy`.
healthy_image() {
    local context=$CRANK_TEST_DIR/answerer-context
    cp /bin/busybox "$context/busybox"
    printf 'FROM answerer\nCOPY busybox /busybox\n' >"$context/Healthy"
    crank build -q -t answerer-healthy -f "$context/Healthy" "$context" >/dev/null
}

# gateway_pid PROJECT: of the process that keeps its gateway; none: it does not run.
gateway_pid() {
    local pid
    pid=$(cut -d' ' -f 1 "$CRANK_STATE/gateways/$1/pid") &&
        ss -Hxlp "src $CRANK_STATE/gateways/$1/control" | grep -q "pid=$pid," && echo "$pid"
}

# begin_load PORT [PATH [PAUSE]]: to $load_to, or this machine; from the network of the container $load_from, if any.
begin_load() {
    local enter=()
    [ -z "${load_from:-}" ] || enter=(nsenter --net="/proc/$(crank inspect -f '{{.State.Pid}}' "$load_from")/ns/net")
    coproc LOAD { exec "${enter[@]}" python3 "$CRANK_SOURCE/tests/lib/load.py" "${load_to:-127.0.0.1}" "$1" "${2:-/}" "${3:-0}" >load.json 2>load.err 3>&-; }
    load_pid=${LOAD_PID:?}
    until_true grep -q begun load.json
}
# more_load NUMBER: until so many more requests have been answered.
more_load() {
    local lines
    lines=$(wc -l <load.json)
    echo "$1" >&"${LOAD[1]}"
    until_true has_lines $((lines + 1))
}
has_lines() { [ "$(wc -l <load.json)" -ge "$1" ]; }
end_load() {
    eval "exec ${LOAD[1]}>&-"
    wait "$load_pid"
    [ -z "$(cat load.err)" ]
}
loaded() { python3 -c 'import json,sys; print(json.loads(open("load.json").readlines()[-1])'"$1"')'; }

# most_at_once RUNNING SINCE: the most containers that ever ran at once, as the events since then say, where so many ran.
most_at_once() {
    crank events --since "$2" --until 0s --filter type=container --format '{{.Action}}' |
        awk -v now="$1" '$1 == "start" { now++ } $1 == "die" { now-- } now > most { most = now } END { print most }'
}
