#!/usr/bin/env bats
# Secrets of a compose file: files in memory, whose they are, when they are read, and where else their
# values lie.

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
    printf one >key.pem
}
teardown() {
    crank_teardown
    [ -n "${CRANK_GROUPS_BEFORE+set}" ] || return 0 # skipped
    crank network prune -f >/dev/null
    rm -rf "$CRANK_ROOT/projects"
}
teardown_file() { crank_teardown_file; }

# web [LINE...]: a service with the user worker (1000) and the secrets that a line names.
web() {
    cat >compose.yaml <<'END_OF_FILE'
services:
  web:
    image: busybox
    command: sh -c 'trap "exit 0" TERM; while :; do sleep 1 & wait $$!; done'
    network_mode: none
    user: worker
END_OF_FILE
    printf '    %s\n' "$@" >>compose.yaml
    printf 'secrets: {token: {environment: TOKEN}, key: {file: ./key.pem}}\n' >>compose.yaml
}
inside() { crank exec mail-web-1 "$@"; }
owner_of() { inside stat -c '%u:%g %a' "$1"; }
holds() { [ "$(inside cat "$1")" = "$2" ]; }
ran_again() { [ "$(crank inspect --format '{{.RestartCount}} {{.State.Running}}' mail-web-1)" = "$1 true" ]; }

@test "a secret lies in memory, is read-only and its worker's alone, whoever that is" {
    web 'secrets: [token, key, {source: key, target: /etc/app/key.pem, uid: "1234", gid: "77", mode: 0440}, {source: token, target: wide, mode: 0444}]'
    TOKEN=s3cret run -0 --separate-stderr crank up -d
    [[ $stderr != *warning* ]]
    [ "$(inside id -u)" = 1000 ]
    holds /run/secrets/token s3cret
    holds /run/secrets/key one
    holds /run/secrets/wide s3cret
    [ "$(owner_of /run/secrets/token)|$(owner_of /run/secrets/key)" = "1000:1000 400|1000:1000 400" ]
    [ "$(owner_of /run/secrets/wide)|$(owner_of /etc/app/key.pem)" = "1000:1000 444|1234:77 440" ]
    local file
    for file in /run/secrets/token /run/secrets/key /etc/app/key.pem; do
        run -0 inside grep " $file " /proc/mounts
        [[ $output == "tmpfs $file tmpfs ro,nosuid,nodev,noexec,"* ]]
    done
    run ! inside cat /etc/app/key.pem
    # What inspect tells of it has no source.
    run -0 crank inspect --format '{{range .Mounts}}{{.Type}} {{.Source}}{{.Destination}} {{.RW}}|{{end}}' mail-web-1
    [[ $output == *"tmpfs /run/secrets/token false|"* ]]
    crank down

    # Another worker: an image's, a number, root, in a service that stays as it was otherwise.
    sed -i 's/user: worker/user: "4000:4001"/' compose.yaml
    TOKEN=s3cret crank up -d
    [ "$(owner_of /run/secrets/token)" = "4000:4001 400" ]
    holds /run/secrets/token s3cret
    sed -i '/user:/d' compose.yaml
    TOKEN=s3cret crank up -d
    [ "$(owner_of /run/secrets/token)" = "0:0 400" ]
    crank down
}

@test "ids of its own and the strict sandbox: the worker of there has it" {
    web 'secrets: [token, {source: key, uid: "1", gid: "2", mode: 0444}]' 'userns_mode: auto'
    TOKEN=s3cret crank up -d
    [ "$(inside awk 'NR == 1 { print ($2 > 0) }' /proc/self/uid_map)" = 1 ]
    [ "$(owner_of /run/secrets/token)|$(owner_of /run/secrets/key)" = "1000:1000 400|1:2 444" ]
    holds /run/secrets/token s3cret
    crank restart -t 5 mail-web-1
    holds /run/secrets/token s3cret
    crank down
    web 'secrets: [token]' 'x-crank: {sandbox: strict}'
    TOKEN=s3cret crank up -d
    holds /run/secrets/token s3cret
    crank down
    # An id that the container does not have.
    web 'secrets: [{source: key, uid: "70000"}]' 'userns_mode: auto'
    TOKEN=s3cret run -1 --separate-stderr crank up -d
    [[ $stderr == *"secret /run/secrets/key: its owner 70000 does not exist in the container, whose ids end at 65535"* ]]
    [ -z "$(crank ps -aq)" ]
    web 'secrets: [{source: key, gid: wheel}]'
    TOKEN=s3cret run -1 --separate-stderr crank up -d
    [[ $stderr == *'compose.yaml:7:14: services.web.secrets.key.gid "wheel": a number is wanted'* ]]
    crank down
}

@test "each start reads a file anew; what is no file, or gone, or too large is an error that names it" {
    web 'secrets: [key]' 'restart: always'
    TOKEN=x crank up -d
    holds /run/secrets/key one
    printf two >key.pem
    holds /run/secrets/key one
    crank restart -t 5 mail-web-1
    holds /run/secrets/key two
    # By its restart policy, too.
    printf three >key.pem
    kill -KILL "$(crank inspect --format '{{.State.Pid}}' mail-web-1)"
    until_true ran_again 1
    until_true holds /run/secrets/key three
    rm key.pem
    crank stop -t 5 mail-web-1
    run ! crank start mail-web-1
    [[ $output == *"secret /run/secrets/key: $PWD/key.pem does not exist"*"start the container again"* ]]
    printf four >key.pem
    crank start mail-web-1
    holds /run/secrets/key four
    crank down

    rm key.pem
    TOKEN=x run -1 --separate-stderr crank up -d
    [[ $stderr == *"secrets.key: $PWD/key.pem does not exist"* ]]
    mkdir key.pem
    TOKEN=x run -1 --separate-stderr crank up -d
    [[ $stderr == *"secret /run/secrets/key: $PWD/key.pem is no regular file"*"$PWD/key.pem:/run/secrets/key:ro"* ]]
    rmdir key.pem
    head -c 1048577 /dev/zero >key.pem
    TOKEN=x run -1 --separate-stderr crank up -d
    [[ $stderr == *"secret /run/secrets/key: "*"key.pem"*1048576* ]]
    head -c 1048576 /dev/zero >key.pem
    TOKEN=x crank up -d
    [ "$(inside stat -c %s /run/secrets/key)" = 1048576 ]
    crank down
    [ -z "$(crank ps -aq)" ]
}

# files_with WORD: those of crank's that hold it, with their modes and owners.
files_with() { grep -rlaF -- "$1" "$CRANK_ROOT" "$CRANK_STATE" | xargs -r stat -c '%n %a %u' | sed "s|^$CRANK_ROOT/||" | sort; }

@test "a value is printed nowhere; on the disk are the release's, and what a later start reads, for root alone" {
    web 'secrets: [token]'
    TOKEN=canary-7d31 run -2 --separate-stderr crank plan
    local all=$output$stderr
    TOKEN=canary-7d31 run -0 --separate-stderr crank --debug up -d
    all+=$output$stderr
    holds /run/secrets/token canary-7d31
    local verb
    for verb in "inspect mail-web-1" "logs mail-web-1" "ps -a --no-trunc" "releases --format json" "audit --format json" \
        "status" "events --since 1h --until 0s" "diff mail-web-1" "config" "releases diff"; do
        # shellcheck disable=SC2086 # a verb and its words
        TOKEN=canary-7d31 run --separate-stderr crank $verb
        all+=$output$stderr
    done
    TOKEN=another-52c0 run -2 --separate-stderr crank plan
    [[ $output == *"contents./run/secrets/token: changed"* ]]
    all+=$output$stderr
    [[ $all != *canary-7d31* && $all != *another-52c0* ]]
    # What is executed is an event: the value is looked for out here.
    run -0 inside sh -c 'cat /proc/1/environ /proc/1/cmdline /proc/self/environ | tr "\0" "\n"'
    [[ $output == *PATH=* && $output != *canary-7d31* ]]

    run -0 files_with canary-7d31
    [ "${#lines[@]}" -eq 2 ]
    [[ ${lines[0]} == "projects/mail/files/"*" 400 0" ]]
    [ "${lines[1]}" = "projects/mail/releases/1 600 0" ]
    [ "$(stat -c '%a %u' "$CRANK_ROOT/projects/mail")" = "700 0" ]
    crank down
    run -0 files_with canary-7d31
    [ "$output" = "projects/mail/releases/1 600 0" ]
    crank down -v
    run files_with canary-7d31
    [ -z "$output" ]
}

@test "a file's value is on no disk because of crank" {
    printf canary-91b2 >key.pem
    web 'secrets: [key]'
    TOKEN=x crank up -d
    holds /run/secrets/key canary-91b2
    run files_with canary-91b2
    [ -z "$output" ]
    crank down
}

@test "a build's secret from a variable is in no file, before and after" {
    cat >compose.yaml <<'END_OF_FILE'
services:
  web:
    build:
      context: .
      dockerfile_inline: |
        FROM busybox
        RUN --mount=type=secret,id=token wc -c </run/secrets/token >/size; ls -ln /run/secrets >/whose
      secrets: [token]
secrets: {token: {environment: TOKEN}}
END_OF_FILE
    TOKEN=canary-c7f2 run -0 --separate-stderr crank compose build
    run -0 crank run --rm --network none mail-web cat /size /whose
    [[ $output == "11"$'\n'* ]]
    run files_with canary-c7f2
    [ -z "$output" ]
    crank rmi mail-web >/dev/null
}

@test "after a reboot, a rollback and a killed start it is there again" {
    web 'secrets: [token]' 'environment: {VERSION: "1"}'
    TOKEN=s3cret crank up -d 2>/dev/null
    local pid
    pid=$(crank inspect --format '{{.State.Pid}}' mail-web-1)
    kill_monitors "$(crank inspect --format '{{.Id}}' mail-web-1)"
    kill -KILL "$pid"
    gone() { [ ! -d "/proc/$pid" ]; }
    until_true gone
    rm -rf "$CRANK_STATE"
    # Without the variable of then.
    run -0 crank reconcile mail
    holds /run/secrets/token s3cret
    sed -i 's/VERSION: "1"/VERSION: "2"/' compose.yaml
    TOKEN=changed crank up -d 2>/dev/null
    holds /run/secrets/token changed
    run -0 crank rollback
    holds /run/secrets/token s3cret
    [ "$(owner_of /run/secrets/token)" = "1000:1000 400" ]
    crank down
    # A start that is killed leaves nothing that the next one does not sweep.
    TOKEN=s3cret CRANK_CRASH_AT=run.recorded run ! crank up -d
    TOKEN=s3cret crank up -d
    holds /run/secrets/token s3cret
    crank down
}
