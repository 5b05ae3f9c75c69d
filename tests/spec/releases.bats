#!/usr/bin/env bats
# What changed between releases.

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
    unset COMPOSE_FILE COMPOSE_PROJECT_NAME COMPOSE_PROFILES COMPOSE_ENV_FILES SUDO_USER
    mkdir -p "$BATS_TEST_TMPDIR/mail"
    cd "$BATS_TEST_TMPDIR/mail" || return 1
    project one
}
teardown() {
    crank_teardown
    [ -n "${CRANK_GROUPS_BEFORE+set}" ] || return 0 # skipped
    crank network prune -f >/dev/null
    rm -rf "$CRANK_ROOT/projects"
}
teardown_file() { crank_teardown_file; }

# project WORD [IMAGE]
project() {
    cat >compose.yaml <<END
services:
  web:
    image: ${2:-busybox}
    network_mode: none
    init: true
    command: sleep 1000
    environment: {WORD: $1}
  db:
    image: busybox
    network_mode: none
    init: true
    command: sleep 1000
END
}
digest_of() { crank inspect --format '{{.Image}}' "$1"; }

@test "releases diff: images by digest, numbers, fields without their values, services that came and went" {
    run -1 --separate-stderr crank releases diff
    [[ $stderr = *"project mail: there is no release"*"hint: crank plan compares"* ]]
    printf 'FROM busybox\nLABEL v=1\n' | crank build -q -t mail-web - >/dev/null
    project one mail-web
    cat >>compose.yaml <<'END'
    secrets: [token]
secrets: {token: {environment: TOKEN}}
END
    TOKEN=first crank up -d
    local first second
    first=$(digest_of mail-web-1)
    run -1 --separate-stderr crank releases diff
    [[ $stderr = *"there is one release, and none before it"* ]]
    run -0 --separate-stderr crank releases diff 1
    [[ $stderr = *"from release 1 (up by "*"to release 1 "*"nothing"* && -z $output ]]

    # Another image under the same name, a variable, a secret, a limit, a service more and one less.
    printf 'FROM busybox\nLABEL v=2\n' | crank build -q -t mail-web - >/dev/null
    sed -i -e 's/WORD: one/WORD: hidden/' -e 's/^  db:/  queue:/' -e 's/^    init: true/&\n    mem_limit: 50m/' compose.yaml
    TOKEN=second crank up -d --remove-orphans --scale web=2
    second=$(digest_of mail-web-1)
    run -0 --separate-stderr crank releases diff
    diff - <(printf '%s\n' "$output") <<END
db: removed: busybox@$(digest_of mail-queue-1 | cut -c 8-19), 1 container
queue: added: busybox@$(digest_of mail-queue-1 | cut -c 8-19), 1 container
web: image: mail-web@$(cut -c 8-19 <<<"$first") -> mail-web@$(cut -c 8-19 <<<"$second")
web: containers: 1 -> 2
web: environment.WORD: changed
web: mem_limit: added: 52428800
variable TOKEN of secrets and configs: changed
END
    [[ $stderr = *"from release 1 (up by "*"to release 2 "* ]]
    # Back again: another direction, and by number.
    crank rollback
    run -0 --separate-stderr crank releases diff
    [[ $output = *"web: containers: 2 -> 1"* && $output = *"web: mem_limit: removed: 52428800"* ]]
    run -0 --separate-stderr crank releases diff 2 # with what is there now
    [[ $output = *"web: containers: 2 -> 1"* && $stderr = *"to release 3 (rollback to 1 "* ]]
    run -0 --separate-stderr crank releases diff 3 1 -p mail
    [ "$output" = "" ]

    run -0 --separate-stderr crank releases diff 1 2 --format json
    [ "$(jq -r '.services[] | select(.service == "web") | .change, .from.digest, .to.digest, .to.containers' <<<"$output")" \
        = "changed"$'\n'"$first"$'\n'"$second"$'\n2' ]
    [ "$(jq -r '.from.release, .to.release, .project[0]' <<<"$output")" \
        = $'1\n2\nvariable TOKEN of secrets and configs: changed' ]
    [ "$(jq -r '.services[] | select(.service == "db") | .change, .to' <<<"$output")" = $'removed\nnull' ]
    [[ $output != *hidden* && $output != *second* ]]
    run -0 crank releases diff 1 2 --format '{{len .services}}'
    [ "$output" = 3 ]

    run -1 --separate-stderr crank releases diff 1 9
    [[ $stderr = *"project mail: no release 9"*"hint: those kept: 1, 2, 3 (crank releases)"* ]]
    run -1 --separate-stderr crank releases diff web
    [[ $stderr = *'"web" is no release: a number is wanted'* ]]
    run ! --separate-stderr crank diff
    [[ $stderr = *"hint: between releases of a project: crank releases diff"* ]]
    run ! --separate-stderr crank diff 3
    [[ $stderr = *"no such container: 3"*"hint: between releases of a project: crank releases diff"* ]]
    crank down -v --remove-orphans
    crank rmi mail-web
}
