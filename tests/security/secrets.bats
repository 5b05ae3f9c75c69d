#!/usr/bin/env bats
# Secrets of a compose file against who shares the container with the worker, and against an image
# that has made other plans for their places.

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
    mkdir -p "$BATS_TEST_TMPDIR/mail"
    cd "$BATS_TEST_TMPDIR/mail" || return 1
    printf canary-4e1f >key.pem
}
teardown() {
    crank_teardown
    [ -n "${CRANK_GROUPS_BEFORE+set}" ] || return 0 # skipped
    rm -rf "$CRANK_ROOT/projects"
}
teardown_file() { crank_teardown_file; }

# web IMAGE [LINE...]
web() {
    cat >compose.yaml <<END_OF_FILE
services:
  web:
    image: $1
    command: sleep 1000
    init: true
    network_mode: none
    user: worker
    secrets: [token, key]
END_OF_FILE
    shift
    [ $# -eq 0 ] || printf '    %s\n' "$@" >>compose.yaml
    printf 'secrets: {token: {environment: TOKEN}, key: {file: ./key.pem}}\n' >>compose.yaml
}
as() {
    local user=$1
    shift
    crank exec --user "$user" mail-web-1 "$@"
}

@test "a worker's secret against other users of its container, and against its root" {
    web busybox
    TOKEN=canary-83ba crank up -d
    [ "$(as worker cat /run/secrets/token /run/secrets/key)" = canary-83bacanary-4e1f ]
    local user file way
    for user in 1001 1001:1000 65534; do
        for file in token key; do
            run ! as "$user" cat "/run/secrets/$file"
            [[ $output == *"Permission denied"* ]]
        done
        # nor by way of a process of the worker's
        run ! as "$user" cat /proc/1/root/run/secrets/token
        run ! as "$user" grep -q canary /proc/1/environ
    done
    # Nobody changes it, gives it away, takes its place or makes its mount another.
    for user in 0 worker; do
        for way in 'echo x >/run/secrets/token' 'echo x >>/run/secrets/token' 'chmod 644 /run/secrets/token' \
            'chown 1001 /run/secrets/token' 'rm -f /run/secrets/token' 'mv /run/secrets/token /tmp/t' \
            'ln /run/secrets/token /tmp/t' 'mount -o remount,rw /run/secrets/token' 'umount /run/secrets/token'; do
            run ! as "$user" sh -c "$way"
        done
    done
    [ "$(as worker stat -c '%u:%g %a' /run/secrets/token)" = "1000:1000 400" ]
    [ "$(as worker cat /run/secrets/token)" = canary-83ba ]
    # The host's file is as it was, and apart.
    printf canary-9999 >key.pem
    [ "$(as worker cat /run/secrets/key)" = canary-4e1f ]

    # Neither the layer of the container nor another mount namespace has it.
    local id
    id=$(crank inspect --format '{{.Id}}' mail-web-1)
    run ! grep -rqaF canary- "$CRANK_ROOT/containers/$id" "$CRANK_STATE"
    run -0 crank cp mail-web-1:/run/secrets/token "$BATS_TEST_TMPDIR/copy"
    crank kill mail-web-1
    run crank cp mail-web-1:/run/secrets/token "$BATS_TEST_TMPDIR/ended"
    run ! grep -qaF canary- "$BATS_TEST_TMPDIR/ended"
    crank down
}

@test "an image that has links where secrets are to be gets none to lead out of it" {
    mkdir context outside
    printf 'FROM busybox\nRUN mkdir -p /run /etc/elsewhere && ln -s /etc/elsewhere /run/secrets && ln -s %s /etc/elsewhere/token\n' \
        "$PWD/outside/file" >context/Dockerfile
    echo mine >outside/file
    crank build -q -t linked context >/dev/null
    web linked
    TOKEN=canary-83ba crank up -d
    [ "$(as worker cat /run/secrets/token)" = canary-83ba ]
    [ "$(cat outside/file)" = mine ]
    crank down
    crank rmi linked >/dev/null
}
