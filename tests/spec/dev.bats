#!/usr/bin/env bats
# crank dev: a project that follows its sources.

# run sets stderr; what containers expand
# shellcheck disable=SC2154,SC2016
bats_require_minimum_version 1.5.0
load ../lib/crank
load ../lib/registry
load ../lib/shop

setup_file() {
    crank_setup_file
    busybox_image
    answerer_image
}
setup() {
    crank_setup
    port=$(free_port)
    require "python3" command -v python3
    unset COMPOSE_FILE COMPOSE_PROJECT_NAME COMPOSE_PROFILES COMPOSE_ENV_FILES
    mkdir -p "$BATS_TEST_TMPDIR/shop"
    cd "$BATS_TEST_TMPDIR/shop" || return 1
    told=$BATS_TEST_TMPDIR/told
    web_context web
}
teardown() {
    # what it said, for whoever reads a failure
    [ -n "${BATS_TEST_COMPLETED:-}" ] || [ ! -e "${told:-}" ] || cat "$told" >&2
    if [ -n "${dev:-}" ]; then kill -KILL "$dev" 2>/dev/null || true; fi
    shop_teardown
}
teardown_file() { crank_teardown_file; }

# A context whose worker says what is in its file `version`.
web_context() {
    mkdir -p "$1"
    cp "$CRANK_TEST_DIR/answerer-context/answerer" "$1"
    printf '%s\n' 'FROM busybox' 'COPY . /app' \
        'CMD ["sh", "-c", "VERSION=$(cat /app/version) exec /app/answerer"]' >"$1/Dockerfile"
    printf '*.log\nskipped\n' >"$1/.dockerignore"
    echo v0 >"$1/version"
}
# $1: more lines of the service.
project() {
    cat >compose.yaml <<END
services:
  web:
    build: web
    ports: ["127.0.0.1:$port:8000"]
    stop_grace_period: 1s
${1:-}
END
}
begin_dev() {
    : >"$told" # another one's may lie there
    crank dev "$@" >"$told" 2>&1 3>&- &
    dev=$!
    until_true watching
}
watching() { grep -q '^watching ' "$told" || ! kill -0 "$dev" 2>/dev/null; }
end_dev() {
    kill -INT "$dev"
    wait "$dev"
    dev=
}
# Lines that it has printed so far of which this is a part; tells N TEXT: there are so many.
lines_with() { grep -c -e "$1" "$told" || true; }
tells() { [ "$(lines_with "$2")" = "$1" ]; }
says() { [ "$(curl -s --max-time 5 "http://127.0.0.1:$port/")" = "$1" ]; }
inside() { [ "$(crank exec "${3:-shop-web-1}" cat "$1" 2>/dev/null)" = "$2" ]; }
absent() { ! crank exec shop-web-1 test -e "$1"; }
id_of() { crank inspect --format '{{.Id}}' "$1"; }
# What it is told at once: a burst, however slow the machine.
at_once() {
    kill -STOP "$dev"
    "$@"
    kill -CONT "$dev"
}

@test "each save of a build's context is built and switched to; Ctrl-C leaves the project running" {
    project
    begin_dev
    grep -q '^watching web (Ctrl-C ends it, and the project goes on)$' "$told"
    says v0
    echo v1 >web/version
    until_true says v1
    grep -q '^web/version: rebuilding web$' "$told"
    until_true grep -qE '^shop-web-1: switched, [0-9]+ ms after the save$' "$told"
    # as editors save: another file takes its place
    echo v2 >web/version.new
    mv web/version.new web/version
    until_true says v2
    until_true tells 2 'switched, '
    rm web/version
    echo v3 >web/version
    until_true says v3
    end_dev
    grep -q '^nothing is watched any more; project shop goes on (crank down ends it)$' "$told"
    says v3
    echo v4 >web/version
    run -0 --separate-stderr crank plan
    [ "$stderr" = "nothing to do" ]
    [ "$(crank ps -a --format '{{.Names}}')" = shop-web-1 ]
}

@test "many files at once are one change; what is left out, scratch files and reading are none" {
    project
    begin_dev
    many() { for n in 1 2 3 4 5 6 7 8 9; do echo "$n" >"web/file$n"; done; }
    at_once many
    until_true tells 1 'switched, '
    grep -q '^web/file1 and 8 more: rebuilding web$' "$told"
    nothing() {
        echo x >web/debug.log
        mkdir web/skipped web/.git
        echo x >web/skipped/file
        echo x >web/.git/index
        echo x >web/.version.swp
        echo x >web/passing
        rm web/passing
        cat web/version >/dev/null
    }
    at_once nothing
    # a new directory with what is in it, also later
    mkdir -p web/new/deep
    echo one >web/new/deep/file
    until_true inside /app/new/deep/file one
    run ! grep -qE 'debug|skipped|swp|passing|index' "$told"
    echo two >web/new/deep/file
    until_true inside /app/new/deep/file two
    rm -r web/new
    until_true absent /app/new
    # the same bits are no change
    until_true tells 4 'switched, '
    touch web/version
    until_true grep -q '^web: as before: nothing to switch$' "$told"
    end_dev
    tells 4 'switched, '
}

@test "under load no request is lost" {
    project '    deploy: {replicas: 2}'
    begin_dev
    says v0
    begin_load "$port"
    local n
    for n in 1 2 3 4 5; do
        echo "v$n" >web/version
        until_true tells $((2 * n)) 'switched, '
    done
    end_load
    [ "$(loaded '["failed"]')" = 0 ] || { cat load.json && false; }
    [ "$(loaded '["answers"].keys() >= {"v0", "v1", "v2", "v3", "v4", "v5"}')" = True ]
    # as many as there are
    crank scale web=1 2>/dev/null
    echo v6 >web/version
    until_true says v6
    until_true tells 11 'switched, '
    end_dev
    [ "$(crank ps -a --format '{{.Names}}')" = shop-web-1 ]
}

@test "a build that fails and a release that does not become ready are said, and the old one goes on" {
    project
    begin_dev
    local id
    id=$(id_of shop-web-1)
    echo 'RUN echo broken >&2; exit 7' >>web/Dockerfile
    until_true grep -q '^what ran before goes on; the next save tries again$' "$told"
    grep -q '^crank dev: services.web.build of shop: Dockerfile:4: RUN: the command ended with exit code 7$' "$told"
    says v0
    [ "$(id_of shop-web-1)" = "$id" ]
    sed -i '$d' web/Dockerfile
    until_true grep -q '^web: as before: nothing to switch$' "$told"
    sed -i 's/^CMD.*/CMD ["false"]/' web/Dockerfile
    until_true tells 2 'what ran before goes on'
    grep -q 'the old container of shop-web-1 stays' "$told"
    says v0
    [ "$(id_of shop-web-1)" = "$id" ]
    web_context web
    echo v1 >web/version
    until_true says v1
    end_dev
    # nothing of it is a release, and who ends it right behind a change ends the change with it
    [ "$(crank releases --format '{{.Release}} {{.Status}}')" = "2 good
1 good" ]
    [ "$(crank ps -a --format '{{.Names}}')" = shop-web-1 ]
}

@test "develop.watch: sync, its owner, ignore and include; files that go; initial_sync" {
    mkdir -p files/deep files/left
    echo a >files/a.txt
    echo b >files/deep/b.txt
    echo c >files/left/c.txt
    echo conf >one.conf
    sed -i '/^CMD/i RUN mkdir -p /data && chown worker:worker /data' web/Dockerfile
    project '    develop:
      watch:
        - {path: files, action: sync, target: /data, ignore: left, include: "**/*.txt", initial_sync: true}
        - {path: one.conf, action: sync, target: /etc/}
        - {path: web, action: rebuild}'
    begin_dev
    grep -q '^shop-web-1: 2 files copied$' "$told"
    inside /data/a.txt a
    inside /data/deep/b.txt b
    absent /data/left
    absent /etc/one.conf
    local id
    id=$(id_of shop-web-1)
    echo a2 >files/a.txt
    until_true inside /data/a.txt a2
    until_true grep -qE '^files/a.txt: shop-web-1: 1 file copied, [0-9]+ ms after the save$' "$told"
    # as the directory's owner, and as the file's that is there
    crank exec shop-web-1 chown worker:video /data/a.txt
    mkdir -p files/more/er
    echo n >files/more/er/new.txt
    echo a3 >files/a.txt
    until_true inside /data/a.txt a3
    until_true inside /data/more/er/new.txt n
    [ "$(crank exec shop-web-1 stat -c '%U:%G' /data/a.txt)" = worker:video ]
    [ "$(crank exec shop-web-1 stat -c '%U:%G' /data/more/er)" = worker:worker ]
    [ "$(crank exec shop-web-1 stat -c '%U:%G' /data/more/er/new.txt)" = worker:worker ]
    ln -s /etc/passwd files/link.txt
    until_true crank exec shop-web-1 test -L /data/link.txt
    echo conf2 >one.conf
    until_true inside /etc/one.conf conf2
    # what goes here goes there
    quietly() {
        rm files/deep/b.txt
        rm -r files/more
        echo x >files/left/c.txt
        echo x >files/other.md
    }
    at_once quietly
    until_true absent /data/deep/b.txt
    until_true absent /data/more/er/new.txt
    absent /data/left
    absent /data/other.md
    [ "$(id_of shop-web-1)" = "$id" ]
    tells 0 rebuilding
    # a new container has the files again
    echo v1 >web/version
    until_true says v1
    until_true inside /data/a.txt a3
    end_dev
}

@test "develop.watch: restart, sync+restart and sync+exec" {
    mkdir -p settings code hooks
    echo v0 >code/version
    project '    develop:
      watch:
        - {path: settings, action: restart}
        - {path: code, action: sync+restart, target: /app}
        - {path: hooks, action: sync+exec, target: /hooks, exec: {command: sh -c "cat /hooks/* >/seen; id -u >>/seen", user: root}}'
    begin_dev
    local id started
    id=$(id_of shop-web-1)
    started() { crank inspect --format '{{.State.StartedAt}}' shop-web-1; }
    started=$(started)
    echo x >settings/any
    until_true grep -qE '^settings/any: web started again, [0-9]+ ms after the save$' "$told"
    [ "$(started)" != "$started" ]
    echo v1 >code/version
    until_true says v1
    until_true tells 2 'started again, '
    echo hook >hooks/one
    until_true inside /seen "hook
0"
    until_true grep -q "^shop-web-1: 'sh -c cat /hooks/" "$told"
    [ "$(id_of shop-web-1)" = "$id" ]
    # a command that fails is said, with what it printed
    end_dev
    sed -i 's,exec: {command: .*,exec: {command: sh -c "echo no luck; exit 3"}},' compose.yaml
    begin_dev
    echo again >hooks/one
    until_true grep -q "container shop-web-1: 'sh -c echo no luck; exit 3' ended with exit code 3: no luck" "$told"
    inside /hooks/one again
    end_dev
}

@test "the compose file and the ignore file are read again when they change" {
    project
    begin_dev
    project '    environment: {MORE: "1"}'
    until_true grep -q '^compose.yaml: read again$' "$told"
    until_true tells 1 'switched, '
    [ "$(crank exec shop-web-1 sh -c 'echo $MORE')" = 1 ]
    # what cannot be read changes nothing
    echo '    nonsense: [' >>compose.yaml
    until_true grep -q '^project shop stays as it was read before$' "$told"
    echo v1 >web/version
    until_true says v1
    project
    until_true tells 2 '^compose.yaml: read again$'
    until_true tells 3 'switched, '
    # patterns of the ignore file hold from now on
    echo secret >>web/.dockerignore
    until_true tells 1 '^web/.dockerignore: read again$'
    until_true tells 4 'switched, '
    echo x >web/secret
    echo v2 >web/version
    until_true says v2
    absent /app/secret
    grep -q '^web/version: rebuilding web$' "$told"
    end_dev
}

@test "what the compose file names is read again when it changes: env_file, extends, include" {
    mkdir more
    echo MORE=1 >more/settings.env
    printf 'services:\n  base:\n    environment: {BASE: "1"}\n' >more/base.yaml
    printf 'services:\n  side: {image: busybox, command: sleep 1000, init: true, environment: {SIDE: "1"}}\n' >more/side.yaml
    project '    env_file: more/settings.env
    extends: {file: more/base.yaml, service: base}
include: [more/side.yaml]'
    begin_dev
    [ "$(crank exec shop-web-1 sh -c 'echo $MORE $BASE')" = "1 1" ]
    echo MORE=2 >more/settings.env
    until_true tells 1 '^more/settings.env: read again$'
    until_true tells 1 'switched, '
    sed -i 's/"1"/"2"/' more/base.yaml
    until_true tells 1 '^more/base.yaml: read again$'
    until_true tells 2 'switched, '
    [ "$(crank exec shop-web-1 sh -c 'echo $MORE $BASE')" = "2 2" ]
    local side
    side=$(id_of shop-side-1)
    sed -i 's/"1"/"2"/' more/side.yaml
    until_true tells 1 '^more/side.yaml: read again$'
    changed() { [ "$(id_of shop-side-1)" != "$side" ]; }
    until_true changed
    end_dev
}

@test "a native worker's directory is made again and switched to, under load" {
    rm web/Dockerfile
    project '    x-crank:
      probe: {url: "tcp://:8000", interval: 100ms, retries: 300}
      native:
        directory: web
        command: [sh, -c, "VERSION=$$(cat version) exec ./answerer"]
        environment: {LISTEN: 127.0.0.1}'
    sed -i 's/build: web/image: answerer/' compose.yaml
    begin_dev
    says v0
    [ "$(crank inspect --format '{{.Kind}}' shop-web-1)" = native ]
    begin_load "$port"
    for n in 1 2; do
        echo "v$n" >web/version
        until_true says "v$n"
        until_true tells "$n" 'switched, '
    done
    end_load
    [ "$(loaded '["failed"]')" = 0 ] || { cat load.json && false; }
    end_dev
}

@test "services that are named, those they depend on, and those that are made of a build" {
    web_context base
    printf 'FROM base\nCOPY . /web\nCMD ["sh", "-c", "cat /app/version; sleep 1000"]\n' >web/Dockerfile
    cat >compose.yaml <<'END'
services:
  base: {build: base, command: [sleep, "1000"], stop_grace_period: 0s}
  web:
    build: {context: web, additional_contexts: {base: "service:base"}}
    stop_grace_period: 0s
    depends_on: [db]
  again: {image: shop-web, command: [sleep, "1000"], stop_grace_period: 0s}
  db: {image: busybox, command: [sleep, "1000"], stop_grace_period: 0s}
END
    crank compose build base 2>/dev/null
    begin_dev web
    grep -q '^watching web ' "$told"
    [ "$(crank ps --format '{{.Names}}' | sort | paste -sd' ')" = "shop-db-1 shop-web-1" ]
    echo x >base/version
    echo x >web/more
    until_true tells 1 'shop-web-1: switched, '
    tells 0 base/version
    end_dev
    begin_dev
    grep -q '^watching base, web ' "$told"
    echo v1 >base/version
    until_true tells 1 'shop-base-1: switched, '
    until_true tells 1 'shop-web-1: switched, '
    until_true tells 1 'shop-again-1: switched, '
    inside /app/version v1
    end_dev
}

@test "changes in a row are one release; rollback goes to what development began with, and further" {
    project
    local before
    before=$(nameless)
    crank up -d --build 2>/dev/null
    echo begun >web/version
    begin_dev
    for n in 1 2 3; do
        echo "v$n" >web/version
        until_true tells "$n" 'switched, '
    done
    # a switch is told of before the release is good
    until_true releases_are "3 dev: web/version good
2 dev good
1 up good"
    # images that a change replaced are gone, those of the two releases before are not
    until_true nameless_are $((before + 2))
    crank rollback 2>/dev/null
    says begun
    # the sources are still what they are
    echo v4 >web/version
    until_true says v4
    until_true newest_is "5 dev: web/version good"
    end_dev
    # another session's changes are further ones
    echo v5 >web/version
    begin_dev
    says v5
    end_dev
    newest_is "5 dev: begun again good"
    run -0 --separate-stderr crank rollback 1
    says v0
}
releases() { crank releases --format '{{.Release}} {{.What}} {{.Status}}'; }
releases_are() { [ "$(releases)" = "$1" ]; }
newest_is() { [ "$(releases | head -n 1)" = "$1" ]; }
nameless() { crank images --filter dangling=true -q | wc -l; }
nameless_are() { [ "$(nameless)" = "$1" ]; }

@test "--no-up, --down, a project that is down, and another command's turn" {
    project
    run -1 --separate-stderr crank dev --no-up
    [[ $stderr == *"project shop has no containers"*"without --no-up crank dev starts it"* ]]
    [ -z "$(crank ps -aq)" ]
    crank up -d --build 2>/dev/null
    local id
    id=$(id_of shop-web-1)
    echo v1 >web/version
    begin_dev --no-up
    [ "$(id_of shop-web-1)" = "$id" ]
    until_true says v0
    echo v2 >web/version
    until_true says v2
    # whoever takes it down means it
    until_true crank down 2>/dev/null
    echo v3 >web/version
    until_true grep -q '^project shop is down: nothing is done (crank up -d)$' "$told"
    [ -z "$(crank ps -aq)" ]
    end_dev
    # another command's turn is waited for
    begin_dev --down
    exec 9<"$CRANK_ROOT/projects/shop/lock"
    flock 9
    echo v4 >web/version
    until_true grep -q '^another command changes project shop: it is waited for$' "$told"
    says v3
    exec 9<&-
    until_true says v4
    end_dev
    [ -z "$(crank ps -aq)" ]
    [ "$(lines_with 'goes on')" = 0 ]
}

@test "what is wrong is named before anything is started" {
    printf 'services:\n  web: {image: busybox}\n' >compose.yaml
    run -1 --separate-stderr crank dev
    [[ $stderr == *"there is nothing to watch in project shop"*"build: DIRECTORY of a service, or its develop.watch"* ]]
    project
    run -1 --separate-stderr crank dev wbe
    [[ $stderr == *"no such service: wbe"*"did you mean web?"* ]]
    run -1 --separate-stderr crank dev --nup
    [[ $stderr == *"unknown flag"* ]]
    run -1 --separate-stderr crank dev --dry-run
    [[ $stderr == *"crank plan --build"* ]]
    project '    develop: {watch: [{path: no/where, action: rebuild}]}'
    run -1 --separate-stderr crank dev
    [[ $stderr == *"services.web: develop.watch[0]: there is no directory $PWD/no"* ]]
    project '    develop: {watch: [{path: web, action: rebuild, ignore: "[a"}]}'
    run -1 --separate-stderr crank dev
    [[ $stderr == *"services.web: develop.watch[0]: ignore: pattern"* ]]
    project '    develop: {watch: [{path: web, action: sync+exec, target: /a}]}'
    run -1 --separate-stderr crank dev
    [[ $stderr == *"compose.yaml:"*"develop.watch: the action sync+exec wants exec.command"* ]]
    sed -i '/develop/d; s/build: web/build: gone/' compose.yaml
    run -1 --separate-stderr crank dev
    [[ $stderr == *"services.web: build.context: there is no directory $PWD/gone"* ]]
    [ -z "$(crank ps -aq)" ]
}

@test "what a rule cannot do is a warning: left out by the ignore file, a service without sources" {
    mkdir web/skipped
    project '    develop: {watch: [{path: web/skipped, action: sync, target: /a}]}
  db: {image: busybox, command: [sleep, "1000"], stop_grace_period: 0s}'
    begin_dev web db
    grep -q 'services.web.develop.watch\[0\]: .*/web/skipped is left out by the ignore file' "$told"
    grep -q 'service db has neither build: nor develop.watch' "$told"
    end_dev
}

@test "the kernel's limit of watched directories is named with the remedy, and nothing is started" {
    require "user namespaces" unshare --user --map-root-user true
    mkdir -p web/a/b/c/d
    project
    run -1 --separate-stderr unshare --user --map-root-user sh -c \
        'echo 4 >/proc/sys/user/max_inotify_watches; exec crank dev'
    [[ $stderr == *"user.max_inotify_watches is 4, and so many directories are watched"* ]]
    [[ $stderr == *"sysctl user.max_inotify_watches=524288, or have .dockerignore leave directories out"* ]]
    [ -z "$(crank ps -aq)" ]
}

@test "which project: the flags of a project's verbs; without what it depends on, and images kept" {
    mkdir there
    cat >there/shop.yaml <<END
name: shop
services:
  web:
    build: web
    ports: ["127.0.0.1:$port:8000"]
    environment: {TOKEN: "\${TOKEN:-none}"}
    profiles: [more]
    depends_on: [db]
  db: {image: busybox, command: [sleep, "1000"], stop_grace_period: 0s}
END
    echo TOKEN=one >tokens
    local before
    begin_dev --file there/shop.yaml --project-directory . --env-file tokens --profile more \
        --no-deps --quiet --prune=false --time 1 web
    [ "$(crank ps --format '{{.Names}}')" = shop-web-1 ]
    token() { [ "$(crank exec shop-web-1 sh -c 'echo $TOKEN')" = "$1" ]; }
    token one
    before=$(nameless)
    for n in 1 2; do
        echo "kept$n" >web/version
        until_true says "kept$n"
        until_true tells "$n" 'switched, '
    done
    echo TOKEN=two >tokens
    until_true token two
    end_dev
    [ "$(nameless)" -ge $((before + 2)) ]
    crank down -p shop 2>/dev/null
    # by its name, and in docker compose's other word for seconds
    begin_dev --file there/shop.yaml --project-directory . --project-name other --timeout 1 web
    [ "$(crank ps --format '{{.Names}}' | sort | paste -sd' ')" = "other-db-1 other-web-1" ]
    kill -INT "$dev"
    wait "$dev"
    dev=
    crank down -p other 2>/dev/null
}

@test "docker compose's words: compose watch, and up --watch says what it is here" {
    project
    crank compose -f compose.yaml watch --quiet --prune >"$told" 2>&1 3>&- &
    dev=$!
    until_true watching
    echo v1 >web/version
    until_true says v1
    end_dev
    run -1 --separate-stderr crank up --watch
    [[ $stderr == *"crank dev"* ]]
    run -0 crank compose --help
    [[ $output == *"watch are crank compose build and pull"* ]]
}
