#!/usr/bin/env bats
# crank config: a project's compose files as one.
bats_require_minimum_version 1.5.0
load ../lib/crank

setup_file() { crank_setup_file; }
setup() {
    mkdir -p "$BATS_TEST_TMPDIR/mail"
    cd "$BATS_TEST_TMPDIR/mail" || return 1
    unset COMPOSE_FILE COMPOSE_PROJECT_NAME COMPOSE_PROFILES COMPOSE_ENV_FILES
    cat >compose.yaml <<'EOF'
services:
  web:
    build: ./web
    ports: ["${PORT:-8080}:80"]
    depends_on: [db]
    environment: {HOST_NAME: "$$HOSTNAME"}
  db:
    image: postgres:16
    volumes: ["data:/var/lib/postgresql/data"]
  debug:
    image: busybox
    profiles: [debug]
volumes:
  data:
  unused:
EOF
}
teardown() {
    if [ -z "${BATS_TEST_COMPLETED:-}" ]; then printf '%s\n' "${output:-}" "${stderr:-}" >&2; fi
}
teardown_file() { crank_teardown_file; }

@test "the file whole: defaults, absolute paths, long forms; JSON and YAML say the same" {
    run -0 --separate-stderr crank config --format json
    [ -z "$stderr" ]
    printf '%s' "$output" >whole.json
    [ "$(jq -r .name whole.json)" = mail ]
    [ "$(jq -r .services.web.build.context whole.json)" = "$PWD/web" ]
    [ "$(jq -c '.services.web.ports' whole.json)" = '[{"mode":"ingress","protocol":"tcp","published":"8080","target":80}]' ]
    [ "$(jq -c '.services.web.depends_on' whole.json)" = '{"db":{"condition":"service_started","required":true}}' ]
    [ "$(jq -r '.services.web.environment.HOST_NAME' whole.json)" = '$$HOSTNAME' ]
    [ "$(jq -r '.networks.default.name' whole.json)" = mail_default ]
    [ "$(jq -c '.volumes | keys' whole.json)" = '["data"]' ]
    run -0 crank config
    [ "${lines[0]}" = "name: mail" ]
    printf '%s\n' "$output" >whole.yaml
    diff <(crank config --format json) <(crank config -f whole.yaml --format json)
}

@test "--services, --images, --volumes, --networks and --profiles are lists" {
    run -0 crank config --services
    [ "$output" = $'db\nweb' ]
    run -0 crank config --services --profile debug
    [ "$output" = $'db\ndebug\nweb' ]
    run -0 crank config --images
    [ "$output" = $'postgres:16\nmail-web' ]
    run -0 crank config --volumes
    [ "$output" = data ]
    run -0 crank config --networks
    [ "$output" = default ]
    run -0 crank config --profiles
    [ "$output" = debug ]
    COMPOSE_PROFILES=debug run -0 crank config --services
    [[ $output == *debug* ]]
}

@test "files: -f as often as there are, the override file, COMPOSE_FILE, stdin, a directory above" {
    echo 'services: {db: {image: "postgres:17"}}' >compose.override.yaml
    run -0 crank config --images
    [ "${lines[0]}" = postgres:17 ]
    run -0 crank config -f compose.yaml --images
    [ "${lines[0]}" = postgres:16 ]
    run -0 crank config -f compose.yaml -f compose.override.yaml --images
    [ "${lines[0]}" = postgres:17 ]
    COMPOSE_FILE=compose.yaml run -0 crank config --images
    [ "${lines[0]}" = postgres:16 ]
    run -0 crank config -f - --images <<<'services: {a: {image: from-stdin}}'
    [ "$output" = from-stdin ]
    mkdir -p deep/er && cd deep/er
    run -0 crank config --images
    [ "${lines[0]}" = postgres:17 ]
    mkdir -p "$BATS_TEST_TMPDIR/empty" && cd "$BATS_TEST_TMPDIR/empty"
    run ! crank config
    [[ ${lines[0]} == "crank config: no compose file in $PWD or above" ]]
}

@test "variables: .env, --env-file, the environment, --no-interpolate" {
    echo PORT=1001 >.env
    echo PORT=1002 >other.env
    port() { crank config --format json "$@" | jq -r '.services.web.ports[0].published'; }
    [ "$(port)" = 1001 ]
    [ "$(port --env-file other.env)" = 1002 ]
    [ "$(PORT=1003 port)" = 1003 ]
    run -0 crank config --no-interpolate
    [[ $output == *'"${PORT:-8080}:80"'* ]]
    [[ $output == *'$$HOSTNAME'* && $output != *'$$$$'* ]]
    echo 'services: {a: {image: "a:${TAG:?which one}"}}' >required.yaml
    run ! crank config -f required.yaml
    [ "$output" = "crank config: required.yaml:1:23: services.a.image: required variable TAG is missing a value: which one" ]
    echo 'services: {a: {image: "a${NO}"}}' >unset.yaml
    run -0 --separate-stderr crank config -f unset.yaml
    [ "$stderr" = 'warning: The "NO" variable is not set. Defaulting to a blank string.' ]
}

@test "what is wrong has a place, and a field that crank has nothing for is a warning" {
    printf 'services:\n  a:\n    image: a\n    prots: ["80:80"]\n' >bad.yaml
    run -1 crank config -q -f bad.yaml
    [ "${lines[0]}" = "crank config: bad.yaml:4:5: services.a.prots: unknown field; did you mean ports?" ]
    printf 'services:\n  a:\n    image: a\n    isolation: x\n' >warned.yaml
    run -0 --separate-stderr crank config -q -f warned.yaml
    [ -z "$output" ]
    [ "$stderr" = "warning: warned.yaml:4:5: services.a.isolation: crank reads this field and does nothing with it yet" ]
}

@test "config of services: these and what they depend on; other words may have been meant as settings" {
    cat >>compose.yaml <<'EOF'
networks: {back: {}}
EOF
    printf 'services: {db: {networks: [back]}, other: {image: o}}\n' >compose.override.yaml
    run -0 crank config web --format json
    [ "$(jq -c '.services | keys' <<<"$output")" = '["db","web"]' ]
    [ "$(jq -c '.networks | keys' <<<"$output")" = '["back","default"]' ]
    run -0 crank config db --format json
    [ "$(jq -c '[.services, .networks, .volumes] | map(keys)' <<<"$output")" = '[["db"],["back"],["data"]]' ]
    run -0 crank config other --format json
    [ "$(jq -c '[.networks | keys, .volumes]' <<<"$output")" = '[["default"],null]' ]
    # a service that is named is wanted whatever its profile
    run -0 crank config debug --services
    [ "$output" = debug ]
    run -0 crank config web --images
    [ "$output" = $'postgres:16\nmail-web' ]
    run -1 crank config wbe
    [ "${lines[0]}" = "crank config: no such service: wbe" ]
    [ "${lines[1]}" = "hint: did you mean web? crank's own settings: crank config get|set|unset|list" ]
    run -1 crank config gett x
    [ "${lines[0]}" = "crank config: no such service: gett" ]
    [[ ${lines[1]} == "hint: services: web, db, other; crank's own settings: "* ]]
    run -0 crank config list
    run -0 crank config --help
    [[ $output == *"Settings of crank's own: crank config get, set, unset and list."* ]]
    run -2 crank config --format xml
    [ "${lines[0]}" = 'crank config: unsupported format "xml": yaml or json' ]
    run -2 crank config --services --volumes
    [ "${lines[0]}" = "crank config: --services and --volumes exclude each other" ]
    run -2 crank config --no-normalize
    [ "${lines[0]}" = "crank config: --no-normalize is not supported yet" ]
}

@test "--hash tells whether a service has changed, of one, of several, of all" {
    run -0 crank config --hash web
    [[ $output =~ ^"web "[0-9a-f]{64}$ ]]
    web=$output
    run -0 crank config --hash db,web
    [[ ${lines[0]} == "db "* ]]
    [ "${lines[1]}" = "$web" ]
    run -0 crank config --hash '*'
    [ "${#lines[@]}" -eq 2 ]
    printf 'services: {db: {user: "5"}}\n' >compose.override.yaml
    run -0 crank config --hash '*'
    [ "${lines[1]}" = "$web" ]
    run ! crank config --hash nobody
    [ "${lines[0]}" = "crank config: no such service: nobody" ]
}

@test "--variables: what the files want to know; --environment: what they are told" {
    printf 'services: {db: {image: "postgres:${TAG:?which}", user: "${WHO:+x${NAME}}", labels: {a: $$NO}}}\n' \
        >compose.override.yaml
    run -0 --separate-stderr crank config --variables
    [ "${lines[0]}" = "NAME   REQUIRED   DEFAULT VALUE   ALTERNATE VALUE" ]
    [[ ${lines[1]} == "NAME   false "* ]]
    [[ ${lines[2]} == "PORT   false      8080 "* ]]
    [[ ${lines[3]} == "TAG    true "* ]]
    [[ ${lines[4]} == 'WHO    false '*' x${NAME}' ]]
    [ "${#lines[@]}" -eq 5 ]
    run -0 crank config --variables --format json
    [ "$(jq -c .TAG <<<"$output")" = '{"alternate":"","default":"","name":"TAG","required":true}' ]
    echo FROM_FILE=1 >.env
    TAG=1 FROM_ENV=2 run -0 crank config --environment
    [[ $output == *$'\nFROM_ENV=2\nFROM_FILE=1\n'* ]]
    [[ $output == *$'\nCOMPOSE_PROJECT_NAME=mail\n'* ]]
    run ! crank config --environment
    [[ $output == *"required variable TAG is missing a value: which"* ]]
}

@test "PWD is the working directory, also where no shell says so" {
    echo 'services: {a: {image: i, labels: {here: "${PWD}"}}}' >pwd.yaml
    run -0 env -u PWD crank config -f pwd.yaml --format json
    [ "$(jq -r .services.a.labels.here <<<"$output")" = "$PWD" ]
}

@test "-o writes to a file, whole or not at all" {
    run -0 crank config -o out.yaml
    [ -z "$output" ]
    diff out.yaml <(crank config)
    echo old >kept.yaml
    run ! crank config -f none.yaml -o kept.yaml
    [ "$(cat kept.yaml)" = old ]
    run ! crank config -o .
    [[ $output == *"is a directory"* ]]
    run -0 crank config --services -o services.txt
    [ "$(cat services.txt)" = $'db\nweb' ]
}

@test "what crank run refuses of its flags crank plan refuses of a service, with file and line" {
    refused() {
        printf 'services:\n  a:\n    image: a\n    %s\n  b: {image: b}\n' "$1" >bad.yaml
        run ! crank plan -f bad.yaml
        [ "${lines[0]}" = "crank plan: bad.yaml:$2" ]
    }
    refused 'oom_score_adj: 2000' "4:20: services.a.oom_score_adj: must be from -1000 to 1000, not 2000"
    refused 'dns_search: ["a b"]' "4:18: services.a.dns_search: 'a b': one word is wanted"
    refused 'stop_grace_period: 9999h' "4:24: services.a.stop_grace_period: must be 1000000s at most"
    refused $'hostname: h\n    network_mode: service:b' \
        "4:15: services.a.hostname: with network_mode: service:b names are that container's"
    [ "${lines[1]}" = "hint: leave out hostname" ]
    refused "domainname: $(printf 'd%.0s' {1..65})" "4:17: services.a.domainname: more than 64 characters"
}

@test "crank compose: flags before the command, and what other words are called here" {
    mkdir -p elsewhere
    cp compose.yaml elsewhere/file.yaml
    run -0 crank compose -f elsewhere/file.yaml --profile debug config --services
    [ "$output" = $'db\ndebug\nweb' ]
    run -0 crank compose --file=elsewhere/file.yaml -pshop --project-directory . config --format json
    [ "$(jq -r '.name + " " + .services.web.build.context' <<<"$output")" = "shop $PWD/web" ]
    echo PORT=77 >given.env
    run -0 crank compose --env-file given.env config --format json
    [ "$(jq -r '.services.web.ports[0].published' <<<"$output")" = 77 ]
    run -2 crank compose -x config
    [ "${lines[0]}" = "crank: unknown flag: -x" ]
    [[ ${lines[1]} == *"stand -f, -p, --profile, --env, --env-file, --project-directory" ]]
    run -2 crank compose --dry-run up
    [ "${lines[0]}" = "crank: crank compose --dry-run is not supported yet" ]
    [ "${lines[1]}" = "hint: crank plan" ]
    run -2 crank compose -f
    [ "${lines[0]}" = "crank: flag -f wants a value" ]
    run -2 crank compose -f compose.yaml
    [ "${lines[0]}" = "crank: crank compose wants one of build|pull|config|down|ps|scale|up|watch" ]
    [ "${lines[1]}" = "hint: crank compose --help" ]
    run -0 crank compose --help
    [ "${lines[0]}" = "Usage: crank compose [FLAGS] COMMAND ..." ]
    [[ $output == *$'\n  logs        print what services have written\n'* ]]
    [[ $output == *$'\n  images      crank config --images\n'* ]]
    run -0 crank help compose
    [ "${lines[0]}" = "Usage: crank compose [FLAGS] COMMAND ..." ]
    run -0 crank compose up --help
    [[ ${lines[0]} == "Usage: crank up "* ]]
    run -2 crank compose -f compose.yaml ls
    [ "${lines[0]}" = 'crank: no command "compose ls"' ]
    [ "${lines[1]}" = "hint: crank ps --filter label=com.docker.compose.project" ]
    run -2 crank compose rm web
    [ "${lines[1]}" = "hint: of a service web of the project shop: crank rm shop-web-1" ]
    run -2 crank compose restrat
    [ "${lines[1]}" = "hint: did you mean crank compose restart?" ]
    run -2 crank compose upp
    [[ ${lines[1]} == "hint: did you mean crank compose up?" ]]
}

@test "a bomb of aliases is refused at once" {
    {
        echo 'x-a: &a [x, x, x, x, x, x, x, x, x]'
        before=a
        for name in b c d e f g h; do
            echo "x-$name: &$name [*$before, *$before, *$before, *$before, *$before, *$before, *$before, *$before, *$before]"
            before=$name
        done
        echo 'services: {a: {image: a}}'
    } >bomb.yaml
    run ! timeout 10 crank config -q -f bomb.yaml
    [[ ${lines[0]} == *"bomb.yaml:"*"the file holds more than 100000 values" ]]
}
