#!/usr/bin/env bats
# Around releases: what changed between them, who locked a project, who did what to it.

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
    if mountpoint -q "$CRANK_ROOT/audit/mail"; then umount "$CRANK_ROOT/audit/mail"; fi
    crank_teardown
    [ -n "${CRANK_GROUPS_BEFORE+set}" ] || return 0 # skipped
    crank network prune -f >/dev/null
    rm -rf "$CRANK_ROOT/projects" "$CRANK_ROOT/audit"
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
id_of() { crank inspect --format '{{.Id}}' "$1"; }
digest_of() { crank inspect --format '{{.Image}}' "$1"; }
word_of() { crank exec "$1" sh -c 'echo $WORD'; }
audit() { crank audit --format '{{.By}}|{{.What}}|{{.Release}}|{{.Status}}|{{.Message}}'; }

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
    [[ $stderr = *"from release 1 (up by root, "*"to release 1 "*"nothing"* && -z $output ]]

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
    [[ $stderr = *"from release 1 (up by root, "*"to release 2 "* ]]
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
    run ! --separate-stderr crank diff 987654321 # a shorter one may be the beginning of an id
    [[ $stderr = *"no such container: 987654321"*"hint: between releases of a project: crank releases diff"* ]]
    crank down -v --remove-orphans
    crank rmi mail-web
}

@test "lock: who changes the project is told who keeps it, when and why; nothing is changed, and it comes back" {
    crank up -d
    local id verb
    id=$(id_of mail-web-1)
    run -1 --separate-stderr crank lock --status
    [[ $stderr = *"project mail is not locked"* && -z $output ]]
    SUDO_USER=ann run -0 --separate-stderr crank lock -m $'the database\nmoves'
    [[ $stderr = *"project mail is locked: up, deploy, scale, rollback and down refuse until crank unlock -p mail"* ]]
    run -0 --separate-stderr crank lock --status -p mail
    [[ $output = "project mail is locked by ann "*" ago ("*" UTC): the database moves" ]]
    run -0 --separate-stderr crank status
    [[ $stderr = *"locked by ann "*": the database moves"* ]]
    project two
    for verb in "up -d" deploy "scale web=2" rollback "rollback 1" down "down -v"; do
        # shellcheck disable=SC2086 # words
        run -1 --separate-stderr crank $verb
        [[ $stderr = *"project mail is locked by ann "*": the database moves"*"hint: crank unlock -p mail; --ignore-lock goes on all the same"* ]] ||
            [[ $verb = rollback && $stderr = *"there is no release to go back to"* ]]
    done
    [ "$(id_of mail-web-1)" = "$id" ]
    run -1 --separate-stderr crank lock --reason "mine too"
    [[ $stderr = *"project mail is locked by ann "*": the database moves already"* ]]
    run -2 --separate-stderr crank plan # which changes nothing
    [[ $stderr = *"locked by ann "*": the database moves"* ]]
    crank compose restart web

    # What is to be there comes back all the same.
    crank rm -f mail-web-1
    run -0 --separate-stderr crank reconcile mail
    [ "$(word_of mail-web-1)" = one ]

    # Although it is locked, if somebody says so.
    run -0 --separate-stderr crank up -d --ignore-lock
    [[ $stderr = *"warning: project mail is locked by ann "*"(--ignore-lock)"* ]]
    [ "$(word_of mail-web-1)" = two ]
    run -0 --separate-stderr crank scale --ignore-lock web=2
    run -0 --separate-stderr crank rollback --ignore-lock
    run -0 --separate-stderr crank deploy --ignore-lock --scale web=1
    # With the project itself the lock does not go.
    run -0 --separate-stderr crank down -v --ignore-lock
    run -1 --separate-stderr crank up -d
    [[ $stderr = *"project mail is locked by ann "* ]]
    run -0 --separate-stderr crank unlock --message "it has moved"
    [[ $stderr = *"project mail is unlocked; it was locked by ann "* ]]
    run -0 --separate-stderr crank unlock
    [[ $stderr = *"project mail is not locked"* ]]
    crank up -d
    crank down
}

@test "lock: before there is a project, beside a command at work, and one that cannot be read keeps it locked" {
    run -0 --separate-stderr crank lock
    [[ $stderr = *"it has no release yet"* ]]
    run -1 --separate-stderr crank up -d
    [[ $stderr = *"project mail is locked by root "*" UTC)"* ]]
    echo '{' >"$CRANK_ROOT/projects/mail/locked"
    run -1 --separate-stderr crank up -d
    [[ $stderr = *"project mail is locked, and "*"projects/mail/locked: no record of who has locked it"*"hint: crank unlock -p mail"* ]]
    run -1 --separate-stderr crank lock --status
    run -0 --separate-stderr crank status
    [[ $stderr = *"no record of who has locked it"* ]]
    crank unlock
    # Nobody is changing it once it is locked.
    mkdir -p "$CRANK_ROOT/projects/mail"
    exec 7>>"$CRANK_ROOT/projects/mail/lock"
    flock -x 7
    run -1 --separate-stderr crank lock
    exec 7>&-
    [[ $stderr = *"another command is changing the project mail"* ]]
    [ ! -e "$CRANK_ROOT/projects/mail/locked" ]
    run -1 --separate-stderr crank lock --status -m x
    [[ $stderr = *"--status locks nothing, and takes no --message"* ]]
    run -1 --separate-stderr crank up -d -m "$(printf '%01001d' 0)"
    [[ $stderr = *"--message: more than 1000 bytes"* ]]
    [ -z "$(crank ps -aq)" ]
}

@test "audit: who did what, why, from which release to which, and how it ended" {
    run -0 crank audit
    [ "${#lines[@]}" = 1 ] # headings
    SUDO_USER=ann crank up -d -m "the first one"
    crank up -d # nothing to do, nothing to tell
    project two
    crank deploy --message "another word"
    crank rollback -m "it was worse"
    crank scale -m busy web=2
    crank lock -m frozen
    run -1 crank deploy
    crank unlock
    crank compose stop web
    crank compose start
    crank compose logs web >/dev/null # changes nothing
    sed -i 's/image: busybox/image: nowhere/' compose.yaml
    run -1 --separate-stderr crank deploy --pull never -m "a typing error"
    project two
    crank down -m "the end"
    diff - <(audit) <<'END'
ann|up|- -> 1|good|the first one
root|deploy|1 -> 2|good|another word
root|rollback to 1|2 -> 3|good|it was worse
root|scale web=2|3 -> 4|good|busy
root|lock|4|good|frozen
root|deploy|4|failed|
root|unlock|4|good|
root|compose stop web|4|good|
root|compose start|4|good|
root|deploy|4|failed|a typing error
root|down|4 -> -|good|the end
END
    run -0 crank audit --format '{{.User}} {{.Uid}} {{.SudoUser}}' --tail 11
    [ "${lines[0]}" = "root 0 ann" ]
    [ "${lines[1]}" = "root 0 " ]
    run -0 crank audit -n 2 --format '{{.Error}}'
    [[ ${lines[0]} = *"no such image: nowhere"* ]]
    run -0 crank audit --format json
    [ "$(jq -r 'select(.What == "lock") | .Message' <<<"$output")" = frozen ]
    [[ $(crank releases --format '{{.Release}} {{.By}} {{.Message}}') = *$'2 root another word\n1 ann the first one' ]]
    run -1 --separate-stderr crank audit --tail no
    [[ $stderr = *'--tail: invalid number "no"'* ]]

    # It stays when the project goes with all that it has.
    crank up -d
    crank down -v
    [ -z "$(crank releases --format '{{.Release}}')" ]
    [ "$(audit | tail -n 2)" = $'root|up|- -> 5|good|\nroot|down -v|5 -> -|good|' ]
    [ "$(stat -c %a "$CRANK_ROOT/audit/mail")" = 600 ]
}

@test "audit: a command that was killed, what went back by itself, and reconcile" {
    crank up -d
    project two
    CRANK_CRASH_AT=deploy.made run ! crank up -d -m "cut short"
    [ "$(audit | tail -n 1)" = "root|up|1|not ended|cut short" ]
    crank reconcile mail
    [ "$(audit | tail -n 1)" = "root|reconcile|1|good|" ]
    crank reconcile mail # nothing to do
    [ "$(audit | wc -l)" = 3 ]
    # One service is changed, and the next one fails.
    sed -i -e 's/WORD: one/WORD: two/' -e '/^  db:/,$s/sleep 1000/sh -c "exit 3"/' compose.yaml
    sed -i 's/^  db:/  db:\n    depends_on: [web]/' compose.yaml
    crank lock # which holds off no undoing
    run -1 --separate-stderr crank up -d --ignore-lock
    [ "$(audit | tail -n 2)" = $'root|up|1 -> 2|failed|\nroot|back to release 1|1|good|' ]
    [ "$(word_of mail-web-1)" = one ]
    crank unlock
    crank down
}

@test "audit: where nothing can be written the command goes on, and says so" {
    crank up -d
    mount --bind /dev/full "$CRANK_ROOT/audit/mail"
    project two
    run -0 --separate-stderr crank deploy
    [ "$(grep -c "warning: nothing was written for crank audit: " <<<"$stderr")" = 1 ]
    [[ $stderr = *"No space left on device"* ]]
    [ "$(word_of mail-web-1)" = two ]
    run -0 --separate-stderr crank lock
    run -0 --separate-stderr crank unlock
    umount "$CRANK_ROOT/audit/mail"
    crank down
    [ "$(audit)" = $'root|up|- -> 1|good|\nroot|down|2 -> -|good|' ]
}
