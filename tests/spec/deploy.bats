#!/usr/bin/env bats
# crank deploy, and plans that are written and carried out later.

# run sets stderr; what containers expand
# shellcheck disable=SC2154,SC2016
bats_require_minimum_version 1.5.0
load ../lib/registry

setup_file() {
    crank_setup_file
    busybox_image
}
setup() {
    crank_setup
    unset COMPOSE_FILE COMPOSE_PROJECT_NAME COMPOSE_PROFILES COMPOSE_ENV_FILES
    mkdir -p "$BATS_TEST_TMPDIR/mail"
    cd "$BATS_TEST_TMPDIR/mail" || return 1
}
teardown() {
    [ -z "${CRANK_GROUPS_BEFORE+set}" ] || crank down -p mail --remove-orphans >/dev/null 2>&1 || true
    crank_teardown
    [ -n "${CRANK_GROUPS_BEFORE+set}" ] || return 0 # skipped
    crank network prune -f >/dev/null
    rm -rf "$CRANK_ROOT/projects"
}
teardown_file() {
    stop_servers
    crank_teardown_file
}

# project [WORD [TAG]]: a worker that is ready once it has said the word, and one beside it.
project() {
    cat >compose.yaml <<END
services:
  web:
    image: ${2:-busybox}
    command: sh -c 'trap "exit 0" TERM; while [ -e /hold ]; do sleep 0.1; done; touch /ready; while :; do sleep 1 & wait \$\$!; done'
    environment: {WORD: ${1:-one}}
    healthcheck: {test: ["CMD", "test", "-e", "/ready"], interval: 100ms, retries: 3}
  db:
    image: busybox
    command: sleep 1000
    init: true
END
}
id_of() { crank inspect --format '{{.Id}}' "$1"; }
word_of() { crank exec "$1" sh -c 'echo $WORD'; }
healthy() { [ "$(crank inspect --format '{{.State.Health.Status}}' "$1")" = healthy ]; }
releases() { crank releases --format '{{.Release}} {{.What}} {{.Status}}'; }

@test "deploy: in the background, and done when all are ready; again: nothing" {
    project
    run -0 --separate-stderr crank deploy
    healthy mail-web-1
    [ "$(releases)" = "1 deploy good" ]
    local id
    id=$(id_of mail-web-1)
    run -0 crank deploy
    [ "$(id_of mail-web-1)" = "$id" ]
    project two
    run -0 --separate-stderr crank deploy --no-deps -t 5 web
    [[ $stderr = *"Container mail-web-1  Recreated"* ]]
    [ "$(word_of mail-web-1)" = two ]
    [ "$(releases | head -n 1)" = "2 deploy good" ]
    run -0 crank rollback
    [ "$(word_of mail-web-1)" = one ]
}

@test "deploy: which images, how many, which containers are made again: as for up" {
    project
    sed -i 's/image: busybox/build: ./' compose.yaml
    printf 'FROM busybox\nCOPY word /word\n' >Dockerfile
    echo one >word
    run -1 --separate-stderr crank deploy --no-build
    [[ $stderr = *"no such image: mail-"*", and --no-build was given"* ]]
    crank deploy --build --scale db=2
    [ "$(crank exec mail-db-2 cat /word)" = one ]
    echo two >word
    crank deploy --build --no-recreate --pull never
    [ "$(crank exec mail-web-1 cat /word)" = one ]
    crank deploy --force-recreate --timeout 5
    [ "$(crank exec mail-web-1 cat /word)" = two ]
    sed -i '/^  db:/,$d' compose.yaml
    run -0 crank deploy -p mail
    [ "$(crank ps -q --filter label=com.docker.compose.service=db | wc -l)" = 1 ]
    crank deploy --remove-orphans
    [ -z "$(crank ps -q --filter label=com.docker.compose.service=db)" ]
    crank down
    crank rmi mail-web mail-db
}

@test "deploy: who does not become ready is an error, and what was there is back" {
    project
    crank deploy
    sed -i 's/touch .ready/true/' compose.yaml
    run -1 --separate-stderr crank deploy --wait-timeout 60
    [[ $stderr = *"the old container of mail-web-1 stays: "*"is unhealthy"* ]]
    healthy mail-web-1
    run -1 --separate-stderr crank deploy --wait-timeout no
    [[ $stderr = *'--wait-timeout: invalid number of seconds "no"'* ]]
}

@test "plan --out and deploy --plan: what was planned, whatever the file says by then" {
    project
    run -2 crank plan --out first.plan
    [[ $output = "create network mail_default: it is not there"* ]]
    [ "$(stat -c %a first.plan)" = 600 ]
    project three
    run -0 --separate-stderr crank deploy --plan first.plan
    [ "$(word_of mail-web-1)" = one ]
    healthy mail-web-1
    [ "$(releases)" = "1 deploy --plan good" ]

    # A part of it, without what it depends on.
    run -2 crank plan --no-deps --out second.plan web
    [ "${#lines[@]}" = 1 ]
    run -0 --separate-stderr crank deploy --plan second.plan -t 5
    [ "$(word_of mail-web-1)" = three ]
    # Nothing is left to do, which is a plan too.
    run -0 crank plan --out third.plan
    run -0 crank deploy --plan third.plan
    [ "$(releases | wc -l)" = 2 ]
}

@test "deploy --plan: the images are those of the plan, whatever their names mean by then" {
    printf 'FROM busybox\nRUN echo old >/said\n' | crank build -q -t said - >/dev/null
    project one said
    crank plan --out old.plan || [ $? = 2 ]
    printf 'FROM busybox\nRUN echo new >/said\n' | crank build -q -t said - >/dev/null
    crank deploy --plan old.plan
    [ "$(crank exec mail-web-1 cat /said)" = old ]
    crank deploy
    [ "$(crank exec mail-web-1 cat /said)" = new ]
    crank down
    crank rmi said
}

@test "deploy --plan: where something else is there by now nothing is done" {
    project
    crank deploy
    project two
    run -2 crank plan --out two.plan
    crank deploy --force-recreate db
    run -0 crank plan --out unused.plan db
    run -2 crank plan
    local id
    id=$(id_of mail-web-1)
    crank up -d --force-recreate --no-deps web # the file's, by another hand
    run -1 --separate-stderr crank deploy --plan two.plan
    [[ $stderr = *'what is there has changed since the plan was made: step 1 was "recreate mail-web-1'*"nothing was done"* ]]
    [[ $stderr = *"hint: crank plan --out FILE"* ]]
    [ "$(id_of mail-web-1)" != "$id" ]

    # The same step, of another container.
    project four
    run -2 crank plan --out four.plan
    project two
    crank up -d --force-recreate --no-deps web
    run -1 --separate-stderr crank deploy --plan four.plan
    [[ $stderr = *'step 1 was "recreate mail-web-1'*"of another container; nothing was done"* ]]
    [ "$(word_of mail-web-1)" = two ]
}

@test "plans that cannot be: images that are not there yet, files that are none, flags beside them" {
    project
    sed -i '0,/image: busybox/s//build: ./' compose.yaml
    printf 'FROM busybox\n' >Dockerfile
    run -1 --separate-stderr crank plan --out no.plan
    [[ $stderr = *"--out: build mail-web: it is not here: what it will be is not known before"* ]]
    [[ $stderr = *"hint: crank compose build web"* ]]
    [ ! -e no.plan ]
    crank compose build -q
    run -2 crank plan --out built.plan
    run -1 --separate-stderr crank plan --build --out no.plan
    [[ $stderr = *"hint: crank compose build web"* ]]

    run -1 --separate-stderr crank deploy --plan absent.plan
    [[ $stderr = *"--plan: "*"absent.plan"* ]]
    run -1 --separate-stderr crank deploy --plan compose.yaml
    [[ $stderr = *"compose.yaml: no plan of this crank"*"hint: crank plan --out FILE"* ]]
    head -c 300 built.plan >half.plan
    run -1 --separate-stderr crank deploy --plan half.plan
    [[ $stderr = *"half.plan: no plan of this crank"* ]]
    run -1 --separate-stderr crank deploy --plan built.plan web
    [[ $stderr = *"--plan: which services is in the plan already"* ]]
    run -1 --separate-stderr crank deploy --plan built.plan --remove-orphans
    [[ $stderr = *"--plan: --remove-orphans is in the plan already"*"hint: crank plan --out FILE, with that"* ]]
    run -1 --separate-stderr crank plan --out /nowhere/no.plan
    [[ $stderr = *"--out: "*"/nowhere"* ]]
    crank rmi mail-web
}

@test "compose build and compose pull: the images alone" {
    mkdir app
    printf 'FROM busybox\nCOPY word /word\nRUN cat /proc/sys/kernel/random/uuid >/uuid\n' >app/Dockerfile
    echo one >app/word
    cat >compose.yaml <<'END'
services:
  web: {build: app}
  again: {build: app, image: mail-web}
  db: {image: "127.0.0.1:9/nothing:1"}
END
    run -0 --separate-stderr crank compose build
    [[ $stderr = *"RUN cat"*"Image mail-web  Built"* ]]
    [ "$(grep -c Built <<<"$stderr")" = 1 ]
    [ -z "$(crank ps -aq)" ]
    local first
    first=$(crank run --rm mail-web cat /uuid)
    run -0 --separate-stderr crank compose -p mail build -q web
    [ "$stderr" = "Image mail-web  Built" ]
    [ "$(crank run --rm mail-web cat /uuid)" = "$first" ]
    run -1 --separate-stderr crank compose build --pull web # nobody has it but this machine
    [[ $stderr = *"services.web.build of mail"*"no such image: busybox, and it cannot be pulled"* ]]
    run -0 --separate-stderr crank compose build --no-cache web
    [ "$(crank run --rm mail-web cat /uuid)" != "$first" ]
    run -0 --separate-stderr crank compose build db
    [ "$stderr" = "no service has a build" ]

    run -1 --separate-stderr crank compose pull
    [[ $stderr = *"service db: "*"127.0.0.1:9"* ]]
    run -0 --separate-stderr crank compose pull --ignore-buildable web
    [ "$stderr" = "every service is built" ]
    run -1 --separate-stderr crank compose build wbe
    [[ $stderr = *'wbe'*"did you mean web"* ]]
    printf 'FROM busybox\nRUN exit 3\n' >app/Dockerfile
    run -1 --separate-stderr crank compose build
    [[ $stderr = *"services.again.build of mail"*"exit code 3"* ]]
    [ "$(crank run --rm mail-web cat /word)" = one ]
    crank rmi mail-web
}

has_registry() { command -v docker-registry; }

@test "compose pull: from a registry, each image once" {
    require docker-registry has_registry
    start_registry open
    local host=${open_HOST:?}
    crank tag busybox "$host/db:1"
    crank push -q "$host/db:1"
    crank tag busybox "$host/tool:1"
    crank push -q "$host/tool:1"
    crank rmi "$host/db:1" "$host/tool:1"
    cat >compose.yaml <<END
services:
  one: {image: "$host/db:1"}
  two: {image: "$host/db:1", pre_start: [{command: x}, {image: "$host/tool:1", command: x}]}
END
    run -0 --separate-stderr crank compose pull
    [ "$(grep -c "Image $host/db:1  Pulled" <<<"$stderr")" = 1 ]
    [ "$(grep -c "Image $host/tool:1  Pulled" <<<"$stderr")" = 1 ]
    run -0 --separate-stderr crank compose pull -q
    [[ $stderr != *"  Pulled"* ]]
    crank image exists "$host/db:1"
    crank rmi "$host/db:1"
    # One that is missing is pulled before anything is started.
    sed -i "s|command: x}|command: 'true'}|g; s|\"$host/db:1\"|busybox|g" compose.yaml
    crank rmi "$host/tool:1"
    run -2 --separate-stderr crank plan
    [ "${lines[0]}" = "pull $host/tool:1: it is not here" ]
    run -0 --separate-stderr crank up -d
    [[ $stderr == *"Image $host/tool:1  Pulled"*"Service two  step 2 of pre_start done"* ]]
    crank down
    crank rmi "$host/tool:1"
    stop_servers
}
