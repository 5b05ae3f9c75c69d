#!/usr/bin/env bats
# examples/project, from its first start to its end. Its images are built from Debian's Python, from a
# package index and by this machine's compiler.

# shellcheck disable=SC2154 # stderr comes from `run --separate-stderr`
bats_require_minimum_version 1.5.0
load ../lib/build
load ../lib/bases
load ../lib/registry
load ../lib/shop

# Most of the time is pip's and the workers' own, whatever crank was compiled with.
wanted_here() { [ "${CRANK_PRESET:-dev}" = dev ]; }

setup_file() {
    crank_setup_file
    # the tests say why they skip
    is_root && command -v mmdebstrap >/dev/null && wanted_here || return 0
    python_base
    gcc_base
}
setup() {
    crank_setup
    require mmdebstrap command -v mmdebstrap
    wanted_here || skip "the dev preset does this"
    unset COMPOSE_FILE COMPOSE_PROJECT_NAME COMPOSE_PROFILES COMPOSE_ENV_FILES
    EMAIL_PORT=$(free_port) IMAGE_PORT=$(free_port) ECHO_PORT=$(free_port) EMAIL_TOKEN=open-sesame
    export EMAIL_PORT IMAGE_PORT ECHO_PORT EMAIL_TOKEN
    cp -r "$CRANK_SOURCE/examples" "$BATS_TEST_TMPDIR/examples"
    cd "$BATS_TEST_TMPDIR/examples/project" || return 1
    worker=../workers/email-classifier/crank_email_classifier.py
}
teardown() {
    [ -z "${CRANK_GROUPS_BEFORE+set}" ] || crank down -p workers --remove-orphans >/dev/null 2>&1 || true
    shop_teardown
}
teardown_file() { crank_teardown_file; }

healthy() { curl -s --max-time 5 "http://127.0.0.1:$EMAIL_PORT/health" | jq -r .status; }
# label TEXT: what the e-mail classifier calls it.
label() {
    curl -s --max-time 5 -H "Authorization: Bearer $EMAIL_TOKEN" -H 'Content-Type: application/json' \
        -d "{\"text\": \"$1\"}" "http://127.0.0.1:$EMAIL_PORT/classify" | jq -r .label
}
digit() {
    curl -s --max-time 5 --data-binary @../workers/image-classifier-gpu/data/sheet.pgm \
        "http://127.0.0.1:$IMAGE_PORT/classify" | jq -r .label
}
echoed() { curl -s --max-time 5 -d "$1" "http://127.0.0.1:$ECHO_PORT/"; }
status_of() { curl -s -o /dev/null -w '%{http_code}' --max-time 5 "$@"; }
both_answer() {
    label "Please pay the invoice by Friday." >/dev/null
    crank logs workers-email-1 2>&1 | grep -q '"POST /classify HTTP/1.1" 200' &&
        crank logs workers-email-2 2>&1 | grep -q '"POST /classify HTTP/1.1" 200'
}
id_of() { crank inspect --format '{{.Id}}' "$1"; }
kind() { crank inspect --format '{{.Kind}}' "$1"; }
last_release() { crank releases --format '{{.Release}} {{.What}} {{.Status}}' | head -1; }
# nothing_lost TEXT...: under the load since begin_load each request was answered, each by one of these.
nothing_lost() {
    end_load
    [ "$(loaded '["failed"]')" = 0 ] || { cat load.json && false; }
    jq -er --args 'select(.answers) | [.answers | keys[] | fromjson.status] | unique == ($ARGS.positional | sort)' \
        load.json "$@" >/dev/null || { cat load.json && false; }
}

@test "the example project: up, a change, a deploy, one that fails, back, scaled, swapped, down" {
    run -2 --separate-stderr crank plan
    [[ $output == *"build crank-email-classifier: it is not here"* ]]
    [[ $output == *"create workers-image-1 (in a container: x-crank.native.when: macos; here: linux"* ]]
    run -0 --separate-stderr crank up -d --wait
    [ "$(crank ps -q | wc -l)" = 4 ]
    run -0 --separate-stderr crank plan
    [ "$stderr" = "nothing to do" ]

    # all of them answer, with what the file gives them
    [ "$(healthy)" = ok ]
    until_true both_answer
    [ "$(label 'Please find attached the invoice. The amount is due by the 30th.')" = billing ]
    [ "$(label 'qqqq zzzz')" = unsure ]
    [ "$(status_of -H 'Content-Type: application/json' -d '{"text": "x"}' "http://127.0.0.1:$EMAIL_PORT/classify")" = 401 ]
    [ "$(crank inspect workers-email-1 workers-email-2 | grep -c open-sesame)" = 0 ]
    [[ $(digit) =~ ^[0-9]$ ]]
    [ "$(echoed hello)" = hello ]
    [[ $(crank status) == *"workers-echo-1"*"(healthy)"* ]]

    # one line of a source
    echo=$(id_of workers-echo-1)
    begin_load "$EMAIL_PORT" /health 0.05
    sed -i 's/"status": "ok"/"status": "new"/' "$worker"
    run -0 --separate-stderr crank up -d --build
    [ "$(healthy)" = new ]
    [ "$(last_release)" = "2 up good" ]
    nothing_lost ok new
    [ "$(id_of workers-echo-1)" = "$echo" ]

    # one line of a config, which is a release as well
    sed -i 's/"least_confidence": 0.3/"least_confidence": 0/' compose.yaml
    run -0 --separate-stderr crank up -d
    [ "$(label 'qqqq zzzz')" != unsure ]
    [ "$(last_release)" = "3 up good" ]

    # one that never becomes ready: the one before serves all along
    begin_load "$EMAIL_PORT" /health 0.05
    before=$(id_of workers-email-1)
    sed -i 's/    async def health():/&\n        raise HTTPException(503)/' "$worker"
    sed -i 's/timeout: 1m/timeout: 2s/' compose.yaml
    run -1 --separate-stderr crank up -d --build
    [[ $stderr == *"the old container of workers-email-1 stays: container workers-email-1 is not ready in time"* ]]
    [ "$(id_of workers-email-1)" = "$before" ]
    [ "$(last_release)" = "4 up failed" ]
    nothing_lost new

    # back: to the state before the config's change, and no token is needed for that
    begin_load "$EMAIL_PORT" /health 0.05
    EMAIL_TOKEN='' run -0 --separate-stderr crank rollback 2
    [ "$(label 'qqqq zzzz')" = unsure ]
    [ "$(last_release)" = "5 rollback to 2 good" ]
    # more of the same, although the file has the failed change still
    run -0 --separate-stderr crank scale email=3
    [ "$(last_release)" = "6 scale email=3 good" ]
    [ "$(crank ps -q --filter status=running --filter label=com.docker.compose.service=email | wc -l)" = 3 ]
    [ "$(crank inspect --format '{{.Image}}' workers-email-3)" = "$(crank inspect --format '{{.Image}}' workers-email-1)" ]
    run -0 --separate-stderr crank rollback
    [ "$(crank ps -q --filter status=running --filter label=com.docker.compose.service=email | wc -l)" = 2 ]
    nothing_lost new

    # one word, and it is a process; and back
    begin_load "$IMAGE_PORT" /health 0.05
    sed -i 's/when: macos/when: linux/' compose.yaml
    run -0 --separate-stderr crank up -d image
    [ "$(kind workers-image-1)" = native ]
    [[ $(digit) =~ ^[0-9]$ ]]
    sed -i 's/when: linux/when: macos/' compose.yaml
    run -0 --separate-stderr crank up -d image
    [ "$(kind workers-image-1)" = container ]
    nothing_lost ok

    run -0 --separate-stderr crank down -v
    [ -z "$(crank ps -aq)" ]
    [ "$(status_of "http://127.0.0.1:$EMAIL_PORT/health")" = 000 ]
}
