#!/usr/bin/env bats
# Which project is meant, for every verb of a project: --file, --project-directory, --profile,
# --env-file; and flags of theirs that no other transcript types.

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
    mkdir -p "$BATS_TEST_TMPDIR/mail/there" "$BATS_TEST_TMPDIR/mail/elsewhere"
    cd "$BATS_TEST_TMPDIR/mail" || return 1
    cat >there/shop.yaml <<'END'
name: mail
services:
  web:
    image: busybox
    network_mode: none
    command: sh -c 'trap "exit 0" TERM; while :; do sleep 1 & wait $$!; done'
    environment: {TOKEN: "${TOKEN:-none}"}
    env_file: [given.env]
  extra:
    image: busybox
    network_mode: none
    profiles: [more]
    command: sleep 1000
    stop_grace_period: 0s
END
    echo GIVEN=yes >elsewhere/given.env
    echo TOKEN=file >tokens
}
teardown() {
    crank_teardown
    [ -n "${CRANK_GROUPS_BEFORE+set}" ] || return 0 # skipped
    rm -rf "$CRANK_ROOT/projects" "$CRANK_ROOT/audit"
}
teardown_file() { crank_teardown_file; }

value() { crank inspect --format '{{json .Config.Env}}' mail-web-1 | jq -r '.[]' | grep "^$1="; }

@test "the flags that say which project: every verb of a project has them" {
    run -0 crank config --file there/shop.yaml --project-directory elsewhere --env-file tokens --no-env-resolution --format json
    [ "$(jq -r .services.web.environment.TOKEN <<<"$output")" = file ]
    [ "$(jq -r .services.web.environment.GIVEN <<<"$output")" = null ]
    [[ $(jq -r '.services.web.env_file[0].path' <<<"$output") == */elsewhere/given.env ]]
    run -2 crank plan --file there/shop.yaml --project-directory elsewhere --env-file tokens --no-deps web
    [ "$output" = "create mail-web-1: it is not there" ]
    run -2 crank plan --file there/shop.yaml --project-directory elsewhere --env-file tokens --profile more
    [[ $output == *"create mail-extra-1"* ]]
    crank up -d --file there/shop.yaml --project-directory elsewhere --env-file tokens --profile more --pull never
    [ "$(value TOKEN) $(value GIVEN)" = "TOKEN=file GIVEN=yes" ]
    run -0 crank status --file there/shop.yaml --project-directory elsewhere --env-file tokens --profile more
    [[ $output == *mail-extra-1* && $output == *mail-web-1* ]]
    run -0 crank releases --file there/shop.yaml --project-directory elsewhere --env-file tokens --profile more
    [ -n "$output" ]
    run -0 crank logs --release 1 --file there/shop.yaml --project-directory elsewhere --env-file tokens --profile more
    # another value, which --no-recreate leaves for later
    echo TOKEN=second >tokens
    id=$(crank inspect -f '{{.Id}}' mail-web-1)
    crank up -d --file there/shop.yaml --project-directory elsewhere --env-file tokens --no-recreate web
    [ "$(crank inspect -f '{{.Id}}' mail-web-1)" = "$id" ]
    crank up -d --file there/shop.yaml --project-directory elsewhere --env-file tokens web
    [ "$(value TOKEN)" = TOKEN=second ]
    crank rollback --wait --file there/shop.yaml --project-directory elsewhere --env-file tokens --profile more
    [ "$(value TOKEN)" = TOKEN=file ]
    run -0 crank deploy --file there/shop.yaml --project-directory elsewhere --env-file tokens --profile more
    [ "$(value TOKEN)" = TOKEN=second ]
    run -0 crank rollback --project-name mail
    run -0 crank scale --wait --file there/shop.yaml --project-directory elsewhere --env-file tokens --profile more extra=2
    [ "$(crank ps -q --filter label=com.docker.compose.service=extra | wc -l)" = 2 ]
    run -0 crank scale --project-name mail --no-deps -t 1 extra=1
    [ "$(crank ps -q --filter label=com.docker.compose.service=extra | wc -l)" = 1 ]
    # without the profile its container stays, without the service it is nobody's
    run -2 --separate-stderr crank plan --file there/shop.yaml --project-directory elsewhere --env-file tokens --remove-orphans
    [[ $output != *mail-extra-1* ]]
    sed '/extra:/,$d' there/shop.yaml >there/less.yaml
    run -2 --separate-stderr crank plan --file there/less.yaml --project-directory elsewhere --env-file tokens --remove-orphans
    [[ $output == *"remove mail-extra-1: the compose file has no service extra"* ]]
    crank down --file there/shop.yaml --project-directory elsewhere --env-file tokens --profile more
    [ -z "$(crank ps -aq)" ]
}

@test "the flags that say which project: what locks one, and what tells of it" {
    crank up -d --file there/shop.yaml --project-directory elsewhere --env-file tokens --profile more
    echo TOKEN=second >tokens
    crank up -d --file there/shop.yaml --project-directory elsewhere --env-file tokens
    run -0 --separate-stderr crank releases diff --file there/shop.yaml --project-directory elsewhere --env-file tokens --profile more
    [[ $output == *"web: environment.TOKEN: changed"* ]]
    crank lock --file there/shop.yaml --project-directory elsewhere --env-file tokens --profile more
    run -1 --separate-stderr crank lock --status --project-name other
    run -0 --separate-stderr crank lock --status --project-name mail
    crank unlock --file there/shop.yaml --project-directory elsewhere --env-file tokens --profile more
    run -0 crank audit --file there/shop.yaml --project-directory elsewhere --env-file tokens --profile more --format '{{.What}}'
    [ "$output" = $'up\nup\nlock\nunlock' ]
    run -0 --separate-stderr crank unlock --project-name mail
    # an environment's
    echo 'services: {web: {environment: {TOKEN: other}}}' >there/shop.staging.yaml
    crank up -d --file there/shop.yaml --project-directory elsewhere --env-file tokens --env staging
    run -0 --separate-stderr crank lock --file there/shop.yaml --env staging
    run -0 --separate-stderr crank unlock --file there/shop.yaml --env staging
    run -0 crank audit --file there/shop.yaml --env staging --format '{{.What}}'
    [ "$output" = $'up of mail 2\nlock\nunlock' ]
    [ "$(crank audit --project-name mail-staging --format '{{.What}}')" = "$output" ]
    run -1 --separate-stderr crank releases diff --file there/shop.yaml --env staging
    [[ $stderr == *"project mail-staging: there is one release"* ]]
    run -0 crank scale --file there/shop.yaml --env staging web=2
    [ "$(crank ps -q --filter label=com.docker.compose.project=mail-staging | wc -l)" = 2 ]
    crank down --file there/shop.yaml --project-directory elsewhere --env-file tokens --env staging
    crank down --project-name mail
}

@test "which project: compose build and compose pull" {
    sed -i 's/image: busybox/build: {context: ., args: {TOKEN: "${TOKEN:-none}"}}/' there/shop.yaml
    printf 'FROM busybox\nARG TOKEN\nRUN echo $TOKEN >/token\n' >elsewhere/Dockerfile
    run -0 --separate-stderr crank compose build --file there/shop.yaml --project-directory elsewhere --env-file tokens --profile more
    [[ $stderr = *"Image mail-web  Built"* && $stderr = *"Image mail-extra  Built"* ]]
    [ "$(crank run --rm mail-web cat /token)" = file ]
    run -0 --separate-stderr crank compose pull --file there/shop.yaml --project-directory elsewhere --env-file tokens --profile more
    [ "$stderr" = "every service is built" ]
    crank rmi mail-web mail-extra
}

@test "a project that is not there is named, with the file that was meant" {
    for verb in config plan up status releases rollback down; do
        run ! --separate-stderr crank "$verb" --file nowhere.yaml
        [[ $stderr == *nowhere.yaml* ]]
        run ! --separate-stderr crank "$verb" --file there/shop.yaml --env-file nowhere.env
        [[ $stderr == *nowhere.env* ]]
    done
}

@test "config --models" {
    cat >compose.yaml <<'END'
services: {web: {image: busybox, models: [small]}}
models: {small: {model: ai/small}}
END
    run -0 --separate-stderr crank config --models
    [ "$output" = small ]
}
