#!/usr/bin/env bats
# Secrets and configs of a service that runs natively: files of its own, in memory, while it runs.

# run sets stderr; what workers expand
# shellcheck disable=SC2016,SC2154
bats_require_minimum_version 1.5.0
load ../lib/crank
load ../lib/shop

setup_file() {
    crank_setup_file
    answerer_image
    # Where no machine has a disk.
    CRANK_STATE_ON_DISK=$CRANK_STATE
    CRANK_STATE=$(mktemp -d /dev/shm/crank-state.XXXXXX)
    export CRANK_STATE CRANK_STATE_ON_DISK
}
setup() {
    shop_setup
    program=$CRANK_TEST_DIR/answerer-context/answerer
    printf one >key.pem
    printf '{"page": 1}' >settings.json
}
teardown() { shop_teardown; }
teardown_file() {
    crank_teardown_file
    rm -rf "$CRANK_STATE"
}

# A worker that says what is in its secret `token`; $1: VERSION; further ones: lines of the service.
web() {
    cat >compose.yaml <<END
services:
  web:
    ports: ["127.0.0.1:18971:8000"]
    environment: {RELEASE: "$1"}
    x-crank:
      native:
        command: [sh, -c, 'VERSION=\$\$(cat \$\$SECRETS_DIR/token) exec $program']
        environment: {LISTEN: 127.0.0.1}
END
    shift
    printf '    %s\n' "${@:-secrets: [token]}" >>compose.yaml
    cat >>compose.yaml <<'END'
secrets: {token: {environment: TOKEN}, key: {file: ./key.pem}}
configs: {settings: {file: ./settings.json}, greeting: {content: "hello"}}
END
}
says() { [ "$(curl -s --max-time 10 http://127.0.0.1:18971/)" = "$1" ]; }
pid_of() { crank inspect --format '{{.State.Pid}}' "$1"; }
variable() { tr '\0' '\n' <"/proc/$(pid_of shop-web-1)/environ" | sed -n "s/^$1=//p"; }
frozen() { crank ps -q --no-trunc --filter status=paused; }
ran_again() { [ "$(crank inspect --format '{{.RestartCount}} {{.State.Running}}' shop-web-1)" = "$1 true" ]; }

@test "a native worker has its secrets and configs as files of its own, which go with it" {
    web 1 'secrets: [token, {source: key, target: /etc/app/key.pem, mode: 0444}]' \
        'configs: [settings, {source: greeting, target: /etc/greeting.txt}]' 'restart: always'
    TOKEN=s3cret run -0 --separate-stderr crank up -d
    [[ $stderr == *"services.web.secrets: a native worker goes without (x-crank.native): what a container has at /etc/app/key.pem it finds at \$SECRETS_DIR/key.pem"* ]]
    [[ $stderr == *"whatever uid, gid and mode say, \$SECRETS_DIR/key.pem is the worker's own"* ]]
    [[ $stderr == *"services.web.configs: "*"what a container has at /etc/greeting.txt it finds at \$CONFIGS_DIR/greeting.txt"* ]]
    until_true says s3cret
    local secrets configs
    secrets=$(variable SECRETS_DIR)
    configs=$(variable CONFIGS_DIR)
    [ "$(crank inspect --format '{{.Config.Env}}' shop-web-1 | grep -c "SECRETS_DIR=$secrets")" = 1 ]
    [ "$(stat -f -c %T "$secrets")" = tmpfs ]
    [ "$(stat -c '%a %u' "$secrets" "$secrets/token" "$secrets/key.pem" | tr '\n' '|')" = "700 0|400 0|400 0|" ]
    [ "$(ls "$secrets")" = $'key.pem\ntoken' ]
    [ "$(cat "$secrets/key.pem")" = one ]
    # a config is the file that it is made of, as a container's is
    [ "$(cat "$configs/greeting.txt")" = hello ]
    printf '{"page": 2}' >settings.json
    [ "$(cat "$configs/settings")" = '{"page": 2}' ]

    # Each start reads a file anew: by its restart policy, by a person.
    printf two >key.pem
    [ "$(cat "$secrets/key.pem")" = one ]
    kill -KILL "$(pid_of shop-web-1)"
    until_true ran_again 1
    until_true says s3cret
    [ "$(variable SECRETS_DIR)" = "$secrets" ]
    [ "$(cat "$secrets/key.pem")" = two ]
    printf three >key.pem
    crank restart -t 5 shop-web-1
    [ "$(cat "$secrets/key.pem")" = three ]
    [ "$(cat "$configs/greeting.txt")" = hello ]
    crank stop -t 5 shop-web-1
    [ ! -e "$secrets" ]
    [ ! -e "$configs" ]
    rm key.pem
    run ! crank start shop-web-1
    [[ $output == *"secret key.pem: $PWD/key.pem does not exist"* ]]
    [ ! -e "$secrets/token" ]
    printf four >key.pem
    crank start shop-web-1
    until_true says s3cret
    [ "$(cat "$secrets/key.pem")" = four ]
    crank down 2>/dev/null
    [ ! -e "$secrets" ]
}

@test "a native worker's secret is there after a rollback, frozen or not" {
    web 1
    TOKEN=first crank up -d 2>/dev/null
    until_true says first
    local first
    first=$(pid_of shop-web-1)
    web 2
    TOKEN=second run -0 --separate-stderr crank up -d
    says second
    # one that stands still keeps its own
    [ "$(pid_of "$(frozen)")" = "$first" ]
    [ "$(cat "$(tr '\0' '\n' <"/proc/$first/environ" | sed -n 's/^SECRETS_DIR=//p')/token")" = first ]
    run -0 --separate-stderr crank rollback
    [ "$(pid_of shop-web-1)" = "$first" ]
    [ "$(cat "$(variable SECRETS_DIR)/token")" = first ]
    crank rm -f "$(frozen)"
    web 2
    TOKEN=second run -0 --separate-stderr crank up -d
    crank rm -f "$(frozen)"
    run -0 --separate-stderr crank rollback
    says first
    [ "$(pid_of shop-web-1)" != "$first" ]
}

# Without ports: a machine that starts again has no gateway either.
sleeper() {
    cat >compose.yaml <<'END'
services:
  web:
    x-crank: {native: {command: [sleep, "1000"]}}
    secrets: [token]
secrets: {token: {environment: TOKEN}}
END
}
holds() { [ "$(cat "$(variable SECRETS_DIR)/token")" = "$1" ]; }

@test "a native worker's secret is there after a reboot, and goes with the worker where its monitor was killed" {
    sleeper
    TOKEN=s3cret crank up -d 2>/dev/null
    until_true holds s3cret
    local pid secrets
    pid=$(pid_of shop-web-1)
    gone() { [ ! -d "/proc/$pid" ]; }
    kill_monitors "$(crank inspect --format '{{.Id}}' shop-web-1)"
    holds s3cret
    kill -KILL "$pid"
    until_true gone
    find "$CRANK_STATE" -mindepth 1 -delete
    # without the variable of then
    run -0 crank reconcile shop
    until_true holds s3cret
    pid=$(pid_of shop-web-1)
    secrets=$(variable SECRETS_DIR)
    kill_monitors "$(crank inspect --format '{{.Id}}' shop-web-1)"
    # the next command has another one adopt it
    run -0 crank ps
    kill -KILL "$pid"
    until_true gone
    no_secret() { [ ! -e "$secrets" ]; }
    until_true no_secret
    crank down 2>/dev/null
    [ -z "$(find "$CRANK_STATE" -name token)" ]
}

# files_with WORD: those of crank's that hold it.
files_with() { grep -rlaF -- "$1" "$CRANK_ROOT" "$CRANK_STATE" | sed "s|^$CRANK_ROOT/||" | sort; }

@test "a native worker's secret is printed nowhere, in no environment, and on no disk but where each start reads it" {
    sleeper
    TOKEN=canary-40fe run -2 --separate-stderr crank plan
    local all=$output$stderr verb
    TOKEN=canary-40fe run -0 --separate-stderr crank --debug up -d
    all+=$output$stderr
    for verb in "inspect shop-web-1" "logs shop-web-1" "ps -a --no-trunc" "releases --format json" \
        "audit --format json" "status" "events --since 1h --until 0s" "config"; do
        # shellcheck disable=SC2086 # a verb and its words
        TOKEN=canary-40fe run --separate-stderr crank $verb
        all+=$output$stderr
    done
    TOKEN=another-77aa run -2 --separate-stderr crank plan
    [[ $output == *"contents./run/secrets/token: changed"* ]]
    all+=$output$stderr
    [[ $all != *canary-40fe* && $all != *another-77aa* ]]
    local secrets
    secrets=$(variable SECRETS_DIR)
    run -0 cat "/proc/$(pid_of shop-web-1)/environ" "/proc/$(pid_of shop-web-1)/cmdline"
    [[ $output == *"SECRETS_DIR=$secrets"* && $output != *canary-40fe* ]]
    run -0 files_with canary-40fe
    [ "${lines[0]}" = "$secrets/token" ]
    [[ ${lines[1]} == projects/shop/files/* ]]
    [ "${lines[2]}" = projects/shop/releases/1 ]
    [ "${#lines[@]}" = 3 ]
    crank down
    run -0 files_with canary-40fe
    [ "$output" = projects/shop/releases/1 ]
}

@test "where crank's state is on a disk, a native worker with secrets is an error, and nothing is written there" {
    require "a disk below TMPDIR" test "$(stat -f -c %T "$CRANK_TEST_DIR")" != tmpfs
    printf canary-c1c1 >key.pem
    web 1 'secrets: [key]' 'configs: [settings]'
    TOKEN=x CRANK_STATE=$CRANK_STATE_ON_DISK run -1 --separate-stderr crank up -d
    [[ $stderr == *"container shop-web-1: a native worker's secrets lie in memory alone, and $CRANK_STATE_ON_DISK is on a disk"* ]]
    [[ $stderr == *"CRANK_STATE (or --state), a directory of a tmpfs"* ]]
    run grep -rlF canary-c1c1 "$CRANK_ROOT" "$CRANK_STATE_ON_DISK"
    [ -z "$output" ]
    # Configs are no secrets.
    web 1 'configs: [settings]'
    sed -i 's/VERSION=.*SECRETS_DIR.token)/VERSION=$$(cat $$CONFIGS_DIR\/settings)/' compose.yaml
    CRANK_STATE=$CRANK_STATE_ON_DISK run -0 --separate-stderr crank up -d
    until_true says '{"page": 1}'
    CRANK_STATE=$CRANK_STATE_ON_DISK crank down
}

@test "what a native worker's secret cannot be is an error that names it" {
    web 1 'secrets: [token, {source: key, target: /etc/token}]'
    TOKEN=x run -1 --separate-stderr crank up -d
    [[ $stderr == *"compose.yaml:9:22: services.web.secrets: two of them would be the one file \$SECRETS_DIR/token of a native worker"* ]]
    web 1 'secrets: [{source: key, target: token}]'
    rm key.pem
    mkdir key.pem
    TOKEN=x run -1 --separate-stderr crank up -d
    [[ $stderr == *"secret token: $PWD/key.pem is no regular file"*"a native worker sees the host's directories where they are"* ]]
    rmdir key.pem
    head -c 1048577 /dev/zero >key.pem
    TOKEN=x run -1 --separate-stderr crank up -d
    [[ $stderr == *"secret token: "*1048576* ]]
    [ -z "$(crank ps -aq)" ]
    [ -z "$(find "$CRANK_STATE" -name secrets)" ]
}
