#!/usr/bin/env bats
# pre_start of a compose file: steps in containers of their own before a service's container starts.

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
    mkdir -p "$BATS_TEST_TMPDIR/mail/seen"
    cd "$BATS_TEST_TMPDIR/mail" || return 1
    chmod 777 seen
    : >seen/log
    chmod 666 seen/log
}
teardown() {
    crank_teardown
    [ -n "${CRANK_GROUPS_BEFORE+set}" ] || return 0 # skipped
    crank network prune -f >/dev/null
    crank volume prune -a -f >/dev/null
    rm -rf "$CRANK_ROOT/projects"
}
teardown_file() { crank_teardown_file; }

# Ends at once on SIGTERM.
trap='trap "exit 0" TERM'
waits='while :; do sleep 1 & wait $$!; done'

# web VERSION STEPS [LINE...]: writes what it does into seen/log, by a mount that is its steps' too.
web() {
    cat >compose.yaml <<END_OF_FILE
services:
  web:
    image: busybox
    command: sh -c '$trap; echo "web $1" >>/seen/log; $waits'
    environment: {VERSION: "$1"}
    volumes: ["./seen:/seen"]
    x-crank: {rollout: {order: ${order:-start-first}, keep_warm: 0s}}
    pre_start: $2
END_OF_FILE
    shift 2
    [ $# -eq 0 ] || printf '    %s\n' "$@" >>compose.yaml
}
# says WORD: a step that writes it.
says() { printf "{command: [sh, -c, 'echo \"%s \$\$VERSION\" >>/seen/log']}" "$1"; }
log() { paste -sd, seen/log; }
# The container has been started, and has come so far, once it has said so.
logged() { [ "$(log)" = "$1" ]; }
# The same of what containers beside each other say, in any order.
logged_all() { [ "$(sort seen/log | paste -sd,)" = "$1" ]; }
id_of() { crank inspect --format '{{.Id}}' "$1"; }
containers() { crank ps -a --format '{{.Names}}' | sort | paste -sd' '; }

@test "steps run one after the other before the container, each in one of its own, which goes" {
    web 1 "[$(says migrate), $(says seed)]"
    run -2 --separate-stderr crank plan
    [ "${lines[-1]}" = "create mail-web-1 (after 2 steps of pre_start): it is not there" ]
    run -0 --separate-stderr crank up -d
    [ "$stderr" = "Network mail_default  Created
Service web  step 1 of pre_start done
Service web  step 2 of pre_start done
Container mail-web-1  Started" ]
    until_true logged "migrate 1,seed 1,web 1"
    [ "$(containers)" = mail-web-1 ]
    run -0 crank plan
    crank down
}

@test "a step has its service's image, environment, user, networks, volumes and secrets, or its own" {
    mkdir other
    printf 'FROM busybox\nRUN echo other >/which\nUSER worker\n' >other/Dockerfile
    crank build -q -t other:1 other >/dev/null
    cat >compose.yaml <<END_OF_FILE
services:
  web:
    image: busybox
    command: sh -c '$trap; $waits'
    environment: {A: service, B: service}
    user: worker
    hostname: front
    volumes: ["data:/data", "./seen:/seen"]
    secrets: [token]
    depends_on: {db: {condition: service_healthy}}
    ports: ["127.0.0.1:18377:80"]
    pre_start:
      - command: [sh, -c, 'id -u; echo \$\$A \$\$B; hostname; cat /run/secrets/token; echo; nslookup db >/dev/null && echo found']
        environment: {B: step}
        volumes: ["more:/more"]
        entrypoint: [sh, -c, 'exec "\$\$@" >/seen/first 2>&1', x]
      - image: other:1
        command: [sh, -c, 'cat /which; id -u; touch /data/made; pwd']
        user: root
        working_dir: /tmp
        entrypoint: [sh, -c, 'exec "\$\$@" >/seen/second 2>&1', x]
  db:
    image: busybox
    command: sh -c '$trap; $waits'
    healthcheck: {test: ["CMD", "true"], interval: 100ms}
volumes: {data: , more: }
secrets: {token: {environment: TOKEN}}
END_OF_FILE
    chmod 777 seen
    TOKEN=s3cret run -0 --separate-stderr crank up -d --no-deps
    TOKEN=s3cret run -0 --separate-stderr crank up -d
    [ "$(cat seen/second)" = $'other\n0\n/tmp' ]
    crank exec mail-web-1 test -e /data/made
    run -0 cat seen/first
    [ "${lines[0]}|${lines[1]}|${lines[2]}|${lines[3]}" = "1000|service step|front|s3cret" ]
    [[ $output == *found* ]]
    crank volume inspect mail_more >/dev/null
    TOKEN=s3cret run -0 crank plan
    crank down -v
    crank rmi other:1 >/dev/null
}

@test "a step that fails: nothing is started, the error names it, its code and its last lines; then it goes on" {
    web 1 "[$(says first), {command: [sh, -c, 'echo one; echo two >&2; exit 3']}, $(says never)]"
    cat >>compose.yaml <<'END_OF_FILE'
  after:
    image: busybox
    command: sleep 1000
    depends_on: [web]
END_OF_FILE
    run -1 --separate-stderr crank up -d
    [[ $stderr == *"service web: step 2 of pre_start ('sh -c echo one; echo two >&2; exit 3') ended with exit code 3"* ]]
    [[ $stderr == *"| one"*"| two"* ]]
    [ "$(log)" = "first 1" ]
    [ -z "$(containers)" ]
    run -0 crank releases --format '{{.Status}}'
    [ "$output" = failed ]
    web 1 '[{command: [/nowhere/migrate]}]'
    run -1 --separate-stderr crank up -d
    [[ $stderr == *"service web: step 1 of pre_start: "*"/nowhere/migrate"* ]]
    web 1 '[{image: nobody.invalid/x, command: ["true"], pull_policy: never}]' 'pull_policy: never'
    run -1 --separate-stderr crank up -d
    [[ $stderr == *"service web: no such image: nobody.invalid/x, and it is not to be pulled"* ]]
    web 1 '[{command: ["true"], networks: [nowhere]}]'
    run -1 --separate-stderr crank up -d
    [[ $stderr == *"services.web.networks: 'nowhere' is not declared under networks"* ]]
    [ -z "$(containers)" ]
    web 1 "[$(says first)]"
    crank up -d
    until_true logged "first 1,first 1,web 1"
    crank down
}

@test "what succeeded runs again for another configuration alone; per_replica before each container" {
    each=$(says each)
    web 1 "[$(says once), ${each%\}}, per_replica: true}]" 'scale: 2'
    crank up -d
    until_true logged_all "each 1,each 1,once 1,web 1,web 1"
    : >seen/log
    crank up -d
    crank restart -t 5 mail-web-1
    until_true logged "web 1"
    : >seen/log
    crank scale web=3
    until_true logged "each 1,web 1"
    : >seen/log
    # started again, and made again where it was removed
    crank stop -t 5 mail-web-2
    crank rm -f mail-web-3
    run -2 crank plan --scale web=3
    [ "$output" = "start mail-web-2: it has ended with exit code 0
create mail-web-3 (after 1 step of pre_start): it is not there" ]
    crank up -d --scale web=3
    until_true logged_all "each 1,web 1,web 1"
    : >seen/log
    crank up -d --scale web=1
    crank up -d --scale web=1 --force-recreate
    until_true logged "once 1,each 1,web 1"
    : >seen/log
    # With --no-start nothing runs; the start after it has them.
    crank down
    crank up --no-start --scale web=1
    [ -z "$(log)" ]
    crank up -d --scale web=1
    until_true logged "once 1,each 1,web 1"
    crank down
}

@test "a change: they run beside the old container, or after it has stopped; where one fails it goes on" {
    local order first
    web 1 "[$(says before)]"
    crank up -d
    until_true logged "before 1,web 1"
    first=$(id_of mail-web-1)
    web 2 "[$(says before), {command: [sh, -c, 'exit 4']}]"
    run -2 crank plan
    [[ $output == "recreate mail-web-1 (the new one starts first) (after 2 steps of pre_start): "* ]]
    run -1 --separate-stderr crank up -d
    [[ $stderr == *"service web: step 2 of pre_start"*"exit code 4; it wrote nothing"* ]]
    [ "$(id_of mail-web-1)" = "$first" ]
    [ "$(log)" = "before 1,web 1,before 2" ]
    [ "$(containers)" = mail-web-1 ]
    web 2 "[$(says before)]"
    run -0 crank up -d
    until_true logged "before 1,web 1,before 2,before 2,web 2"
    [ "$(id_of mail-web-1)" != "$first" ]
    # Back: what the release before had to do is done again.
    run -0 crank rollback
    until_true logged "before 1,web 1,before 2,before 2,web 2,before 1,web 1"
    : >seen/log
    first=$(id_of mail-web-1)
    order=stop-first
    web 3 "[$(says before), {command: ['false']}]"
    run -1 --separate-stderr crank up -d
    [ "$(id_of mail-web-1)" = "$first" ]
    until_true logged "before 3,web 1"
    [ "$(crank inspect --format '{{.State.Running}}' mail-web-1)" = true ]
    crank down
}

@test "interrupted it leaves no step, and killed none that the next command does not remove" {
    web 1 "[{command: [sh, -c, 'echo begun >>/seen/log; exec sleep 1000']}]"
    crank up -d >up.log 2>&1 3>&- &
    local up=$!
    until_true logged begun
    [ "$(containers)" = mail-web-pre-start-1 ]
    kill -INT "$up"
    wait "$up" || true
    grep -q interrupted up.log
    [ -z "$(containers)" ]

    : >seen/log
    run ! env CRANK_CRASH_AT=deploy.pre_start crank up -d
    [ "$(containers)" = mail-web-pre-start-1 ]
    crank down
    [ -z "$(containers)" ]
    : >seen/log
    run ! env CRANK_CRASH_AT=deploy.pre_start crank up -d
    until_true logged begun # it goes on by itself
    : >seen/log
    web 1 "[$(says again)]"
    crank up -d
    until_true logged "again 1,web 1"
    [ "$(containers)" = mail-web-1 ]
    crank down
}

@test "after a reboot they do not run again; a release has the images of then" {
    mkdir other
    printf 'FROM busybox\nRUN echo one >/which\n' >other/Dockerfile
    crank build -q -t other:1 other >/dev/null
    web 1 "[{image: 'other:1', command: [sh, -c, 'cat /which >>/seen/log']}]"
    crank up -d
    until_true logged "one,web 1"
    printf 'FROM busybox\nRUN echo two >/which\n' >other/Dockerfile
    crank build -q -t other:1 other >/dev/null
    local pid
    pid=$(crank inspect --format '{{.State.Pid}}' mail-web-1)
    kill_monitors "$(id_of mail-web-1)"
    kill -KILL "$pid"
    gone() { [ ! -d "/proc/$pid" ]; }
    until_true gone
    rm -rf "$CRANK_STATE"
    : >seen/log
    run -0 crank reconcile mail
    until_true logged "web 1"
    web 2 "[{image: 'other:1', command: [sh, -c, 'cat /which >>/seen/log']}]"
    crank up -d
    until_true logged "web 1,two,web 2"
    run -0 crank rollback
    until_true logged "web 1,two,web 2,one,web 1"
    crank down -v
    crank rmi -f other:1 >/dev/null
    crank image prune -f >/dev/null
}

@test "steps of services that do not depend on each other run side by side" {
    # Each waits for the other's.
    web 1 "[{command: [sh, -c, 'touch /seen/web; until [ -e /seen/peer ]; do sleep 0.1; done']}]"
    cat >>compose.yaml <<END_OF_FILE
  peer:
    image: busybox
    command: sh -c '$trap; $waits'
    volumes: ["./seen:/seen"]
    pre_start: [{command: [sh, -c, 'touch /seen/peer; until [ -e /seen/web ]; do sleep 0.1; done']}]
END_OF_FILE
    run -0 timeout 60 "$CRANK_BIN/crank" up -d
    [ "$(containers)" = "mail-peer-1 mail-web-1" ]
    crank down
}

@test "a native worker has none" {
    web 1 "[$(says no)]"
    sed -i 's/x-crank: .*/x-crank: {native: {command: sleep 1000}}/' compose.yaml
    run -1 --separate-stderr crank up -d
    [[ $stderr == *"services.web.pre_start: its steps are containers: "*"x-crank.native.setup"* ]]
}
