#!/usr/bin/env bats
# crank compose logs, exec, stop, ...: docker compose's verbs over the services of a project.

# run sets stderr; what containers expand
# shellcheck disable=SC2154,SC2016
bats_require_minimum_version 1.5.0
load ../lib/crank

setup_file() {
    crank_setup_file
    busybox_image
}
setup() {
    crank_setup
    unset COMPOSE_FILE COMPOSE_PROJECT_NAME COMPOSE_PROFILES COMPOSE_ENV_FILES
    mkdir -p "$BATS_TEST_TMPDIR/shop"
    cd "$BATS_TEST_TMPDIR/shop" || return 1
}
teardown() {
    crank_teardown
    [ -n "${CRANK_GROUPS_BEFORE+set}" ] || return 0 # skipped
    crank network prune -f >/dev/null
    rm -rf "$CRANK_ROOT/projects"
}
teardown_file() { crank_teardown_file; }

# Ends at once on SIGTERM, by status 3; writes its host's name and what it is told.
shop() {
    cat >compose.yaml <<'END'
services:
  web:
    image: busybox
    command: ["sh", "-c", "trap 'exit 3' TERM; trap 'echo told' USR1; echo web of $$HOSTNAME; while :; do sleep 1 & wait $$!; done"]
    deploy: {replicas: 2}
  db:
    image: busybox
    command: ["sh", "-c", "trap 'exit 0' TERM; echo db; while :; do sleep 1 & wait $$!; done"]
END
    crank up -d 2>/dev/null
    until_true logged shop-web-1 web
    until_true logged shop-web-2 web
    until_true logged shop-db-1 db
}
logged() { crank logs "$1" 2>&1 | grep -q -- "$2"; }
status_of() { crank inspect --format '{{.State.Status}}' "$1"; }

@test "compose logs: of all services or of some, with names and without" {
    shop
    run -0 crank compose logs
    [ "$(grep -c '^shop-web-[12] web of ' <<<"$output")" = 2 ]
    [[ $output == *"shop-db-1 db"* ]]
    run -0 crank compose -p shop logs web
    [ "${#lines[@]}" = 2 ]
    run -0 crank compose logs --no-log-prefix --tail 1 db
    [ "$output" = db ]
    # from elsewhere, by its file; -f in front is the file, behind it follows
    cd /
    crank compose -f "$BATS_TEST_TMPDIR/shop/compose.yaml" logs -f db >"$BATS_TEST_TMPDIR/followed" 3>&- &
    until_true grep -q db "$BATS_TEST_TMPDIR/followed"
    crank stop shop-db-1 >/dev/null
    wait "$!"
}

@test "compose exec: the first container or the one of --index, with the command's own flags" {
    shop
    run -0 crank compose exec web sh -c 'echo "$1"; hostname' sh -x
    [ "${lines[0]}" = -x ]
    [ "${lines[1]}" = "$(crank inspect --format '{{.Config.Hostname}}' shop-web-1)" ]
    run -0 crank compose exec -T --index 2 -e A=b web sh -c 'echo $A; hostname'
    [ "${lines[0]}" = b ]
    [ "${lines[1]}" = "$(crank inspect --format '{{.Config.Hostname}}' shop-web-2)" ]
    echo FROM_FILE=yes >variables
    run -0 crank exec --env-file variables shop-db-1 sh -c 'echo $FROM_FILE'
    [ "$output" = yes ]
    run -7 crank compose exec db sh -c 'exit 7'
    run -125 crank compose exec --index 3 web true
    [ "${lines[0]}" = "crank compose exec: service web of project shop has no container 3" ]
    run -125 crank compose exec wbe true
    [ "${lines[0]}" = "crank compose exec: service wbe of project shop has no container" ]
    [ "${lines[1]}" = "hint: services with containers: db, web" ]
    run -125 crank compose exec --index x web true
    [ "${lines[0]}" = 'crank compose exec: --index: invalid number "x"' ]
}

@test "compose stop, start, restart, kill, pause, unpause, wait: all services or some" {
    shop
    run -0 crank compose stop web
    [ "$(status_of shop-web-1) $(status_of shop-web-2) $(status_of shop-db-1)" = "exited exited running" ]
    run -0 crank compose wait web
    [ "$output" = "3
3" ]
    run -0 crank compose start
    [ "$(status_of shop-web-1) $(status_of shop-web-2)" = "running running" ]
    run -0 crank compose pause db
    [ "$(status_of shop-db-1) $(status_of shop-web-1)" = "paused running" ]
    run -0 crank compose unpause
    [ "$(status_of shop-db-1)" = running ]
    until_true logged shop-web-2 web
    run -0 crank compose kill -s USR1 web
    until_true logged shop-web-2 told
    run ! logged shop-db-1 told
    before=$(crank inspect --format '{{.State.Pid}}' shop-db-1)
    run -0 crank compose restart -t 5 db
    [ "$(crank inspect --format '{{.State.Pid}}' shop-db-1)" != "$before" ]
    run -0 crank compose stop -t 5
    [ "$(status_of shop-web-1) $(status_of shop-db-1)" = "exited exited" ]
    # they are still the project's: nothing is made anew
    id=$(crank inspect --format '{{.Id}}' shop-db-1)
    crank up -d 2>/dev/null
    [ "$(crank inspect --format '{{.Id}}' shop-db-1)" = "$id" ]
}

@test "compose cp, top, port, stats and ps" {
    shop
    echo content >file
    run -0 crank compose cp file web:/tmp/copied
    run -0 crank compose exec web cat /tmp/copied
    [ "$output" = content ]
    run ! crank compose exec --index 2 web cat /tmp/copied
    run -0 crank compose cp web:/tmp/copied back
    [ "$(cat back)" = content ]
    run -0 crank compose top db
    [[ $output == shop-db-1*"sleep 1"* && $output != *shop-web-1* ]]
    run -0 crank top --names shop-db-1
    [[ $output == shop-db-1*"sleep 1"* ]]
    run -0 crank compose top
    [[ $output == *shop-db-1* && $output == *shop-web-1* && $output == *shop-web-2* ]]
    run -1 crank compose port db 80
    [[ ${lines[0]} == "crank compose port: "*"80"* ]]
    run -0 crank compose stats --no-stream web
    [[ $output == *shop-web-1* && $output == *shop-web-2* && $output != *shop-db-1* ]]
    run -0 crank compose ps -q
    [ "${#lines[@]}" = 3 ]
    run -0 --separate-stderr crank compose ps -a web
    [[ $output == *shop-web-1*shop-web-2* && $output != *shop-db-1* ]]
    run -0 crank compose ps --services
    [ "$output" = $'db\nweb' ]
    run -1 crank status wbe
    [ "${lines[0]}" = "crank status: no such service: wbe" ]
    [ "${lines[1]}" = "hint: did you mean web?" ]
}

@test "a service in the place of a container, and none at all: the error says what to type" {
    shop
    local verb
    for verb in logs stop restart pause top why; do
        run ! crank $verb web
        [ "${lines[0]}" = "crank $verb: no such container: web" ]
        [[ ${lines[1]} == "hint: it is a service of project shop: crank compose -p shop COMMAND web, or its container shop-web-"* ]]
    done
    for verb in logs stop restart pause top; do
        run ! crank $verb
        [ "${lines[1]}" = "hint: of the services of a compose project: crank compose $verb" ]
    done
    run ! crank stop nobody
    [ "${lines[1]}" = "hint: crank ps -a" ]
    for verb in plan deploy releases rollback lock audit status; do
        run ! crank compose $verb
        [ "${lines[1]}" = "hint: crank $verb" ]
    done
}

@test "compose verbs: what is wrong is named, and help shows their flags" {
    run -1 crank compose -p nobody logs
    [ "${lines[0]}" = "crank compose logs: project nobody has no containers" ]
    [ "${lines[1]}" = "hint: crank up -d" ]
    run -1 crank compose stop
    [[ ${lines[0]} == "crank compose stop: no compose file in $PWD or above" ]]
    run -2 crank compose stop --tmie 3
    [ "${lines[0]}" = "crank compose stop: unknown flag: --tmie" ]
    run -2 crank compose stop --all
    [ "${lines[0]}" = "crank compose stop: --all is not for services" ]
    run -2 crank compose -x stop
    [ "${lines[0]}" = "crank: unknown flag: -x" ]
    run -0 crank compose exec --help
    [ "${lines[0]}" = "Usage: crank compose exec [FLAGS] SERVICE COMMAND [ARG...]" ]
    [[ $output == *"-T, --no-tty"* && $output == *"--index NUMBER"* ]]
}
