#!/usr/bin/env bats
# The same digests in another environment: an override file and a project of its own.

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
    cat >compose.yaml <<'END'
services:
  web:
    build: .
    network_mode: none
    init: true
    command: sleep 1000
    environment: {WORD: base, OVER: "${OVER:-no}"}
  db:
    image: mail-db
    network_mode: none
    init: true
    command: sleep 1000
END
    version 1
    echo 'services: {web: {environment: {WORD: staging}}}' >compose.staging.yaml
}
teardown() {
    [ -z "${CRANK_GROUPS_BEFORE+set}" ] || crank down -p mail-staging >/dev/null 2>&1 || true
    [ -z "${CRANK_GROUPS_BEFORE+set}" ] || crank down -p mail >/dev/null 2>&1 || true
    crank_teardown
    [ -n "${CRANK_GROUPS_BEFORE+set}" ] || return 0 # skipped
    crank network prune -f >/dev/null
    rm -rf "$CRANK_ROOT/projects" "$CRANK_ROOT/audit"
    crank rmi -f mail-web mail-db >/dev/null 2>&1 || true
}
teardown_file() { crank_teardown_file; }

# version N: what web's source and the image that db is called by are now.
version() {
    printf 'FROM busybox\nLABEL v=%s\n' "$1" | tee Dockerfile | crank build -q -t mail-db - >/dev/null
}
digest_of() { crank inspect --format '{{.Image}}' "$1"; }
word_of() { crank exec "$1" sh -c 'echo $WORD $OVER'; }

@test "deploy --env: the digests that run, whatever is built and called so by now, under the environment's file" {
    crank deploy
    local web db
    web=$(digest_of mail-web-1)
    db=$(digest_of mail-db-1)
    version 2
    crank compose build -q
    # An override file that is always read is this environment's no more.
    echo 'services: {web: {environment: {OVER: "yes"}}}' >compose.override.yaml
    run -2 --separate-stderr crank plan --env staging
    [ "$output" = $'create mail-staging-db-1: it is not there\ncreate mail-staging-web-1: it is not there' ]
    run -0 --separate-stderr crank deploy --env staging -m "to be tried"
    [[ $stderr != *Built* && $stderr != *Pulled* ]]
    [ "$(digest_of mail-staging-web-1) $(digest_of mail-staging-db-1)" = "$web $db" ]
    [ "$(word_of mail-staging-web-1)" = "staging no" ]
    [ "$(word_of mail-web-1)" = "base no" ] # is left alone
    run -0 crank releases --env staging --format '{{.Release}} {{.What}} {{.Message}} {{.Images}}'
    [[ $output = "1 deploy of mail 1 to be tried "*"web=mail-web@$(cut -c 8-19 <<<"$web")"* ]]
    [[ $output = *"db=mail-db@$(cut -c 8-19 <<<"$db")"* ]]
    run -0 --separate-stderr crank deploy --env staging
    [ "$(crank releases --env staging --format '{{.Release}}')" = 1 ] # nothing to do
    run -0 crank plan --env staging

    # Which digest runs where, once the base has moved on.
    crank deploy
    [ "$(digest_of mail-web-1)" != "$web" ]
    run -0 crank releases --all-envs --format '{{.Project}} {{.Service}} {{.Digest}} {{.Running}} {{.Release}}'
    diff - <(printf '%s\n' "$output") <<END
mail db $(digest_of mail-db-1) 1/1 2
mail web $(digest_of mail-web-1) 1/1 2
mail-staging db $db 1/1 1
mail-staging web $web 1/1 1
END
    # Another environment, from the one where it was tried; and from a project by its name.
    echo 'services: {web: {environment: {WORD: production}}}' >compose.production.yml
    run -0 --separate-stderr crank deploy --env production --from staging
    [ "$(digest_of mail-production-web-1)" = "$web" ]
    [ "$(crank releases --env production --format '{{.What}}')" = "deploy of mail-staging 1" ]
    run -0 --separate-stderr crank deploy --env production --from mail
    [ "$(digest_of mail-production-web-1)" = "$(digest_of mail-web-1)" ]
    # Back, as in every project; what was rolled back to is not built here either.
    run -0 --separate-stderr crank rollback --env production
    [ "$(digest_of mail-production-web-1)" = "$web" ]
    # And the base itself, from another.
    run -0 --separate-stderr crank up -d --from staging
    [ "$(digest_of mail-web-1)" = "$web" ]
    [ "$(word_of mail-web-1)" = "base yes" ]
    [ "$(crank releases --format '{{.What}}' | head -n 1)" = "up of mail-staging 1" ]
    crank stop mail-staging-db-1
    run -0 crank releases --all-envs
    [[ ${lines[0]} = "PROJECT "*"DIGEST "*"RUNNING "* && $output = *"mail-staging "*" db "*" 0/1 "* ]]
    crank down
    crank down --env production
    crank down -p mail-staging
}

@test "deploy --env: networks and ports of its own; a port that the base has is an error that names who has it" {
    cat >compose.yaml <<'END'
services:
  web:
    image: busybox
    init: true
    command: sh -c 'mkdir /www && echo $$WORD >/www/index.html && exec httpd -f -p 8000 -h /www'
    environment: {WORD: base}
    ports: ["127.0.0.1:18961:8000"]
END
    crank deploy
    [ "$(answer 18961)" = base ]
    run -1 --separate-stderr crank deploy --env staging
    [[ $stderr = *"port 18961 is published by container mail-web-1"*'hint: ports: !override ["18962:8000"] in the environment'* ]]
    [ "$(answer 18961)" = base ]
    echo 'services: {web: {environment: {WORD: staging}, ports: !override ["127.0.0.1:18962:8000"]}}' >compose.staging.yaml
    crank deploy --env staging
    [ "$(answer 18961) $(answer 18962)" = "base staging" ]
    [ -n "$(crank network ls -q --filter name=mail-staging_default)" ]
    crank down --env staging
    [ "$(answer 18961)" = base ]
    crank down
    crank network prune -f >/dev/null
}

@test "deploy --env: what the project is called, and which files count" {
    version 1
    crank deploy -p post
    echo 'name: quality' >compose.qa.yaml
    # the environment's own name, and a project as the source that is called otherwise than the file
    crank deploy --env qa --from post
    [ "$(word_of quality-web-1)" = "base no" ]
    run -0 --separate-stderr crank status --env qa
    [[ $output = *quality-web-1* ]]
    crank down --env qa
    run -0 --separate-stderr crank deploy --env qa --from post -p other
    [ "$(digest_of other-web-1)" = "$(digest_of post-web-1)" ]
    crank down -p other
    # beside a file that is named, with its ending or the other one
    mv compose.yaml shop.yaml
    mv compose.staging.yaml shop.staging.yml
    run -0 --separate-stderr crank deploy -f shop.yaml --env staging --from post web
    [ "$(word_of mail-staging-web-1)" = "staging no" ]
    [ -z "$(crank ps -q --filter name=mail-staging-db)" ]
    run -0 crank config -f shop.yaml --env staging --format json
    [ "$(jq -r '.name, .services.web.environment.WORD' <<<"$output")" = $'mail-staging\nstaging' ]
    crank down -f shop.yaml --env staging
    export COMPOSE_PROJECT_NAME=post
    run -0 --separate-stderr crank deploy -f shop.yaml --env staging
    [ "$(word_of post-staging-web-1)" = "staging no" ]
    crank down -f shop.yaml --env staging
    crank down -f shop.yaml
}

@test "deploy --env: what cannot be had is an error that says so, and nothing is done" {
    run -1 --separate-stderr crank deploy --env stagin
    [[ $stderr = *"environment stagin: there is no "*"/mail/compose.stagin.yaml"*"hint: write there what differs from compose.yaml"* ]]
    run -1 --separate-stderr crank deploy --env ../staging
    [[ $stderr = *'"../staging" is no name of an environment'* ]]
    run -1 --separate-stderr crank deploy --env staging
    [[ $stderr = *"project mail has no release that ended well: there is no image to take"*"hint: crank deploy -p mail, or --from another"* ]]
    run -1 --separate-stderr crank deploy --env staging --from nowhere
    [[ $stderr = *"--from nowhere: there is no such environment, and no project of that name has a release"* ]]
    crank deploy
    cat >compose.staging.yaml <<'END'
services: {web: {environment: {WORD: staging}}, extra: {image: busybox, command: sleep 1}}
END
    run -1 --separate-stderr crank deploy --env staging
    [[ $stderr = *"service extra: release 1 of mail has no image of it"*"hint: services of it: "*"name those to deploy"* ]]
    echo 'services: {web: {network_mode: !reset null, x-crank: {native: {command: sleep 1000}}}}' >compose.staging.yaml
    run -1 --separate-stderr crank deploy --env staging
    [[ $stderr = *"service web runs natively: it has no image to take"* ]]
    echo 'services: {db: {image: "postgres:17"}}' >compose.staging.yaml
    run -2 --separate-stderr crank plan --env staging db
    [[ $stderr = *"warning: service db: the file says postgres:17; taken is mail-db@"* ]]
    [ "$output" = "create mail-staging-db-1: it is not there" ]
    echo 'name: mail' >compose.staging.yaml
    run -1 --separate-stderr crank deploy --env staging
    [[ $stderr = *"compose.staging.yaml: name: mail is the project of "*"hint: another name, or none: mail-staging"* ]]
    echo 'services: {}' >compose.staging.yaml
    for flags in --build "--pull always"; do
        # shellcheck disable=SC2086 # words
        run -1 --separate-stderr crank deploy --env staging $flags
        [[ $stderr = *"--env takes images as they run elsewhere: nothing is built or pulled"* ]]
    done
    run -1 --separate-stderr crank deploy --from mail
    [[ $stderr = *"the images of project mail are its own already"* ]]
    run -1 --separate-stderr crank compose build --env staging
    [[ $stderr = *"environment staging takes the images of another: there is nothing to build"*"hint: crank deploy --env staging"* ]]
    run -1 --separate-stderr crank dev --env staging
    [[ $stderr = *"environment staging takes the images of another: there is nothing to develop"* ]]
    run -1 --separate-stderr crank compose pull --env staging
    [[ $stderr = *"environment staging takes the images of another: there is nothing to pull"* ]]
    run -1 --separate-stderr crank deploy -f - --env staging <compose.yaml
    [[ $stderr = *"the file of environment staging lies beside the compose file, and that is standard input"* ]]
    run -2 crank plan --out next.plan --env staging --from mail
    run -1 --separate-stderr crank deploy --plan next.plan --env staging
    [[ $stderr = *"--plan: --env is in the plan already"* ]]
    [ -z "$(crank ps -aq --filter label=com.docker.compose.project=mail-staging)" ]
    crank deploy --plan next.plan
    [ "$(digest_of mail-staging-web-1)" = "$(digest_of mail-web-1)" ]
    crank down --env staging
    crank down
    run -1 --separate-stderr crank deploy --env staging
    [[ $stderr = *"project mail is down: nothing runs there that could be taken"* ]]
}
