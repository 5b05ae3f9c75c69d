#!/usr/bin/env bats
# crank plan, up and down: a compose project's containers.

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
}
teardown() {
    crank_teardown
    [ -n "${CRANK_GROUPS_BEFORE+set}" ] || return 0 # skipped
    crank network prune -f >/dev/null
    crank volume prune -a -f >/dev/null
    rm -rf "$CRANK_ROOT/projects"
    [ -z "$(ls "$CRANK_STATE/networks" 2>/dev/null)" ]
}
teardown_file() { crank_teardown_file; }

# Ends at once on SIGTERM: a shell that waits for its child.
worker() { printf "sh -c 'trap \"exit 0\" TERM; echo %s; while :; do sleep 1 & wait \$\$!; done'" "$1"; }

two_services() {
    cat >compose.yaml <<END
services:
  web:
    image: busybox
    command: $(worker web)
    depends_on: {db: {condition: service_healthy}}
    environment: {TOKEN: ${TOKEN:-first}}
  db:
    image: busybox
    command: $(worker db)
    healthcheck: {test: ["CMD", "test", "-e", "/bin/sh"], interval: 100ms}
    volumes: ["data:/data"]
volumes: {data: {labels: {team: mail}}}
END
}
id_of() { crank inspect --format '{{.Id}}' "$1"; }
label() { crank inspect --format "{{index .Config.Labels \"com.docker.compose.$2\"}}" "$1"; }
running() { [ "$(crank inspect --format '{{.State.Running}}' "$1")" = true ]; }
logged() { crank logs "$1" 2>&1 | grep -q -- "$2"; }

@test "from nothing: plan, up -d in the order of dependencies, nothing to do, down" {
    two_services
    run -2 --separate-stderr crank plan
    [ "${lines[0]}" = "create network mail_default: it is not there" ]
    [ "${lines[1]}" = "create volume mail_data: it is not there" ]
    [ "${lines[2]}" = "create mail-db-1: it is not there" ]
    [ "${lines[3]}" = "wait for db to be healthy: web depends on it" ]
    [ "${lines[4]}" = "create mail-web-1: it is not there" ]
    [ -z "$(crank ps -aq)" ]

    run -0 --separate-stderr crank up -d
    [ -z "$output" ]
    [ "$stderr" = "Network mail_default  Created
Volume mail_data  Created
Container mail-db-1  Started
Service db  Healthy
Container mail-web-1  Started" ]
    [ "$(label mail-web-1 project) $(label mail-web-1 service)" = "mail web" ]
    [ "$(label mail-web-1 container-number) $(label mail-web-1 oneoff)" = "1 False" ]
    [ "$(label mail-web-1 depends_on)" = "db:service_healthy:false" ]
    [ "$(label mail-web-1 project.working_dir)" = "$PWD" ]
    [ "$(label mail-web-1 project.config_files)" = "$PWD/compose.yaml" ]
    [ "$(crank volume inspect --format '{{.Labels.team}}' mail_data)" = mail ]
    # By the service's name, on the project's network.
    run -0 crank exec mail-web-1 nslookup db
    [[ $output = *"Address"* ]]

    run -0 --separate-stderr crank plan
    [ -z "$output" ]
    [ "$stderr" = "nothing to do" ]
    local before
    before=$(id_of mail-web-1)
    run -0 --separate-stderr crank up -d
    [ -z "$stderr" ]
    [ "$(id_of mail-web-1)" = "$before" ]

    run -0 --separate-stderr crank down
    [ "$stderr" = "Container mail-web-1  Removed
Container mail-db-1  Removed
Network mail_default  Removed" ]
    [ -z "$(crank ps -aq)" ]
    [ "$(crank volume ls -q)" = mail_data ]
    [ "$(ls "$CRANK_ROOT/projects/mail")" = $'down\nlock\nlogs\nreleases' ]
    run -0 crank down -v
    [ ! -e "$CRANK_ROOT/projects/mail" ]
    [ -z "$(crank volume ls -q)" ]
}

@test "a change is planned field by field, a variable's value is not told, and only that service is made again" {
    two_services
    crank up -d
    local db web
    db=$(id_of mail-db-1) web=$(id_of mail-web-1)
    TOKEN=s3cret two_services
    sed -i 's/echo web/echo other/; s/^  web:/&\n    labels: {t: s3cret, u: "${TOKEN}"}\n    mem_limit: 64m/' compose.yaml
    TOKEN=s3cret run -2 --separate-stderr crank plan
    [[ ${lines[1]} = "recreate mail-web-1 (the new one starts first): command[2]: changed; environment.TOKEN: changed; labels.t: added; labels.u: added; mem_limit: added: 67108864"* ]]
    [[ $output != *s3cret* ]]
    [[ $output != *other* ]]
    export TOKEN=s3cret
    crank up -d
    [ "$(id_of mail-db-1)" = "$db" ]
    [ "$(id_of mail-web-1)" != "$web" ]
    until_true logged mail-web-1 other
    run -1 crank inspect "$web"
    [ "$(crank ps -aq | wc -l)" = 2 ]
    # An image of the same name that is another.
    printf 'FROM busybox\nLABEL a=b\n' | crank build -q -t busybox-of-mail - >/dev/null
    sed -i 's/image: busybox$/image: busybox-of-mail/' compose.yaml
    run -2 crank plan
    [[ $output = *"recreate mail-db-1 (the old one stops first: it writes to /data): image: busybox -> busybox-of-mail"* ]]
    crank up -d
    printf 'FROM busybox\nLABEL a=c\n' | crank build -q -t busybox-of-mail - >/dev/null
    run -2 crank plan
    [[ $output = *"recreate mail-db-1 (the old one stops first: it writes to /data): image busybox-of-mail: "*" -> "* ]]
    crank down -v
    crank rmi busybox-of-mail
}

@test "a service without image and build is an error with its line, and nothing is made" {
    printf 'services:\n  web: {command: x}\n' >compose.yaml
    run -1 --separate-stderr crank up -d
    [[ $stderr = "crank up: compose.yaml:2:"*": services.web: has neither an image nor a build context"* ]]
    run -1 crank plan
    [ -z "$(crank ps -aq)" ]
}

@test "a dependency that fails: not healthy, no check, an exit code; what depends on it is not started" {
    cat >compose.yaml <<END
services:
  web: {image: busybox, command: sleep 100, depends_on: {db: {condition: service_healthy}}}
  db:
    image: busybox
    init: true
    command: $(worker db)
    healthcheck: {test: ["CMD", "false"], interval: 50ms, retries: 1}
END
    run -1 --separate-stderr crank up -d
    [[ $stderr = *"crank up: dependency failed to start: container mail-db-1 is unhealthy"* ]]
    run -1 crank inspect mail-web-1
    sed -i '/healthcheck/d' compose.yaml
    run -1 --separate-stderr crank up -d
    [[ $stderr = *"container mail-db-1 has no healthcheck configured"* ]]
    cat >compose.yaml <<END
services:
  web: {image: busybox, command: sleep 100, depends_on: {db: {condition: service_completed_successfully}}}
  db: {image: busybox, command: sh -c 'exit 3'}
END
    run -1 --separate-stderr crank up -d
    [[ $stderr = *"dependency failed to start: container mail-db-1 did not complete successfully: exit 3"* ]]
    [[ $stderr = *"crank why mail-db-1"* ]]
    run -1 crank inspect mail-web-1
    # One that is not required is a warning.
    sed -i 's/service_completed_successfully/&, required: false/; s/sleep 100/"true"/' compose.yaml
    run -0 --separate-stderr crank up -d
    [[ $stderr = *"warning: dependency failed to start: container mail-db-1 did not complete"*"(it is not required)"* ]]
    crank down
}

@test "a job that others wait for runs once; a service that has ended is started again" {
    cat >compose.yaml <<END
services:
  web: {image: busybox, command: "true", depends_on: {job: {condition: service_completed_successfully}}}
  job: {image: busybox, command: sh -c 'echo done'}
END
    crank up -d
    [ "$(crank wait mail-web-1)" = 0 ]
    run -2 --separate-stderr crank plan
    [ "${lines[1]}" = "start mail-web-1: it has ended with exit code 0" ]
    [ "${#lines[@]}" = 2 ]
    local id
    id=$(id_of mail-web-1)
    run -0 --separate-stderr crank up -d
    [[ $stderr = *"Container mail-web-1  Started"* ]]
    [ "$(id_of mail-web-1)" = "$id" ]
    crank down
}

@test "--wait: ready is 0; an unhealthy one, one that ended, and the time that ran out are errors" {
    two_services
    run -0 crank up --wait
    [ "$(crank inspect --format '{{.State.Health.Status}}' mail-db-1)" = healthy ]
    cat >compose.yaml <<END
services:
  web:
    image: busybox
    command: $(worker web)
    healthcheck: {test: ["CMD", "false"], interval: 50ms, retries: 2}
END
    run -1 --separate-stderr crank up --wait --remove-orphans
    [[ $stderr = *"stays: container mail-web-1 is unhealthy"* ]]
    crank down
    run -1 --separate-stderr crank up --wait
    [[ $stderr = *"crank up: service web: container mail-web-1 is unhealthy"* ]]
    sed -i 's/interval: 50ms/interval: 1h/' compose.yaml
    crank down
    run -1 --separate-stderr crank up --wait --wait-timeout 1
    [[ $stderr = *"is not ready in time"* ]] || [[ $stderr = *"is unhealthy"* ]]
    crank down
    printf 'services:\n  web: {image: busybox, command: sh -c "exit 4"}\n' >compose.yaml
    run -1 --separate-stderr crank up --wait
    [[ $stderr = *"container mail-web-1 exited (4)"* ]]
    crank down
}

@test "a new container that does not become ready leaves the old one as it was" {
    cat >compose.yaml <<END
services:
  web:
    image: busybox
    command: $(worker web)
    healthcheck: {test: ["CMD", "true"], interval: 50ms, retries: 1}
END
    crank up --wait
    local id
    id=$(id_of mail-web-1)
    sed -i 's/"true"/"false"/' compose.yaml
    run -1 --separate-stderr crank up -d
    [[ $stderr = *"the old container of mail-web-1 stays: container mail-web-1 is unhealthy"* ]]
    [ "$(id_of mail-web-1)" = "$id" ]
    running mail-web-1
    [ "$(crank ps -aq | wc -l)" = 1 ]
    # Nor where the command was killed before it was proved.
    CRANK_CRASH_AT=deploy.made run -137 crank up -d
    [ "$(crank ps -q | wc -l)" = 2 ]
    run -2 crank plan
    [ "$output" = "finish the change of mail-web-1: the command that began it did not end it" ]
    run -1 --separate-stderr crank up -d
    [[ $stderr = *"the old container of mail-web-1 stays: container mail-web-1 is unhealthy"* ]]
    [ "$(id_of mail-web-1)" = "$id" ]
    [ "$(crank ps -aq | wc -l)" = 1 ]
    # Nor one that cannot be started at all, which the old one had to make way for.
    sed -i 's/"false"/"true"/; s/command: .*/command: no-such-program/; s/^    image.*/&\n    ports: ["127.0.0.1::80"]/' compose.yaml
    run -1 --separate-stderr crank up -d
    [[ $stderr = *"container mail-web-1: "*"no-such-program"* ]]
    [ "$(id_of mail-web-1)" = "$id" ]
    running mail-web-1
    crank down
}

@test "a new container for which the old one had to stop first proves itself too, or the old one comes back" {
    cat >compose.yaml <<END
services:
  web:
    image: busybox
    command: $(worker web)
    restart: always
    volumes: ["data:/data"]
volumes: {data: {}}
END
    crank up -d
    local id
    id=$(id_of mail-web-1)
    sed -i 's/command: .*/command: sh -c "sleep 0.1; exit 3"/' compose.yaml
    run -1 --separate-stderr crank up -d
    [[ $stderr = *"the old container of mail-web-1 comes back: container mail-web-1 "* ]]
    [ "$(id_of mail-web-1)" = "$id" ]
    running mail-web-1
    # why, since nothing of the new one is left to be asked
    sed -i 's/command: .*/command: sh -c "echo no model; echo in sight >\&2; exit 3"/' compose.yaml
    run -1 --separate-stderr crank up -d
    [[ $stderr = *"the last that it wrote, before it was removed:"*"| no model"*"| in sight"* ]]
    [[ $stderr = *"hint: crank up again once it is mended; crank why mail-web-1 tells of the one that is there now"* ]]
    sed -i 's/command: .*/command: sh -c "exit 4"/' compose.yaml
    run -1 --separate-stderr crank up -d
    [[ $stderr = *"it wrote nothing; it was removed"* ]]
    [ "$(crank ps -aq | wc -l)" = 1 ]
    run -0 crank releases
    [[ ${lines[1]} = *failed* && ${lines[4]} = *good* ]]
    # A job may end, and one that did not run has no place to keep.
    sed -i 's/command: .*/command: "true"/; s/restart: .*/restart: "no"/' compose.yaml
    crank stop mail-web-1 >/dev/null
    crank up -d
    crank down
}

@test "plan --build: what is built leads to containers that are made again, and what is not known is said so" {
    mkdir built
    printf 'FROM busybox\nCOPY file /file\n' >built/Dockerfile
    echo one >built/file
    printf 'services:\n  web:\n    build: built\n    command: %s\n' "$(worker web)" >compose.yaml
    crank up -d --build
    # the same once more
    run -2 --separate-stderr crank plan --build
    [ "$output" = "build mail-web: it is to be built" ]
    # a label is known beforehand
    printf 'LABEL a=b\n' >>built/Dockerfile
    run -2 --separate-stderr crank plan --build
    [[ ${lines[1]} == "recreate mail-web-1"*": image mail-web: "*" -> "* ]]
    # what a step leaves is not
    echo two >built/file
    run -2 --separate-stderr crank plan --build
    [[ ${lines[1]} == "recreate mail-web-1"*": image mail-web: is built again"* ]]
    id=$(id_of mail-web-1)
    crank up -d --build
    [ "$(id_of mail-web-1)" != "$id" ]
    printf 'FORM busybox\n' >built/Dockerfile
    run ! --separate-stderr crank plan --build
    [[ $stderr == *"services.web.build of mail"*"FORM"* ]]
    crank down
    crank rmi -f mail-web
}

@test "driver_opts of a volume: a directory of this machine, as volume create -o takes it" {
    mkdir kept
    cat >compose.yaml <<END
services: {web: {image: busybox, command: touch /data/made, network_mode: none, volumes: ["data:/data"]}}
volumes: {data: {driver: local, driver_opts: {type: none, o: bind, device: ./kept}}}
END
    crank up -d
    made() { [ -e kept/made ]; }
    until_true made
    # another directory is another volume
    mkdir other
    sed -i 's,\./kept,./other,' compose.yaml
    run ! --separate-stderr crank up -d
    [[ $stderr == *"volume mail_data was made with other driver_opts"*"crank volume rm mail_data"* ]]
    crank down
    crank volume rm mail_data >/dev/null
    [ -e kept/made ]
    sed -i 's,type: none,type: nfs,' compose.yaml
    run ! --separate-stderr crank plan
    [[ $stderr == *"volumes.data.driver_opts: --opt type=nfs: crank mounts directories of this machine alone"* ]]
    sed -i 's,driver: local,driver: other,' compose.yaml
    run ! --separate-stderr crank plan
    [[ $stderr == *"volumes.data: crank's volumes are directories of this machine: no other driver"* ]]
}

@test "a port in use is an error that names who has it" {
    crank run -d --name holder -p 127.0.0.1::80 busybox sleep 100 >/dev/null
    local port
    port=$(crank port holder 80/tcp)
    printf 'services:\n  web: {image: busybox, command: sleep 9, ports: ["%s:80"]}\n' "$port" >compose.yaml
    run -1 --separate-stderr crank up -d
    [[ $stderr = *"services.web.ports: port ${port##*:} is published by container holder"* ]]
    run -1 crank inspect mail-web-1
    crank down
}

@test "status: services and their containers, those that are missing, the last release" {
    two_services
    crank up -d
    crank rm -f mail-web-1 >/dev/null
    run -0 --separate-stderr crank status --format '{{.Service}}|{{.Name}}|{{.Status}}'
    [[ ${lines[0]} = "db|mail-db-1|Up "*"(healthy)" ]]
    [ "${lines[1]}" = "web||not there" ]
    [[ $stderr = "release 1: up by "*" ago" ]]
    [ "$(crank status -q)" = "$(id_of mail-db-1)" ]
    cd / || return 1
    run -0 crank status -p mail
    [[ $output = *"mail-db-1"* ]]
    run -0 crank status -p nobody
    [ "${#lines[@]}" = 1 ]
    run -1 crank status
    crank down -v -p mail
}

@test "a name that is no project's is an error, and what belongs to no project stays" {
    crank run -d --name alone busybox sleep 100 >/dev/null
    crank volume create mine >/dev/null
    crank network create ours >/dev/null
    two_services
    local name verb
    for name in . _ - '' Mail ..; do
        for verb in "down -v" "up -d" plan status releases rollback config; do
            # shellcheck disable=SC2086 # a verb and its flags
            run -1 --separate-stderr crank $verb --project-name="$name"
            [[ $stderr = *"invalid project name \"$name\": must consist only of lowercase alphanumeric characters"* ]]
        done
    done
    COMPOSE_PROJECT_NAME=. run -1 --separate-stderr crank down -v
    [[ $stderr = *'invalid project name ".": must'* ]]
    cd / || return 1
    run -1 crank down -v -p .
    running alone
    [ "$(crank volume ls -q)" = mine ]
    crank network inspect ours >/dev/null
    crank rm -f alone >/dev/null
    crank network rm ours >/dev/null
}

@test "down -v: volumes that are external or no longer in the file stay; without a file all that are the project's go" {
    cat >compose.yaml <<END
services:
  web: {image: busybox, command: $(worker web), volumes: ["data:/data", "kept:/kept", "old:/old"]}
  tool: {image: busybox, command: "true", profiles: [tools], volumes: ["tools:/tools"]}
volumes: {data: , kept: , old: , tools: }
END
    crank up -d
    crank up -d tool
    sed -i 's/, "old:[^]]*//; s/^volumes:.*/volumes: {data: , kept: {external: true, name: mail_kept}, tools: }/' compose.yaml
    run -0 --separate-stderr crank down -v
    [[ $stderr = *"warning: volume mail_old stays: the compose file does not declare it (crank volume rm mail_old)"* ]]
    [ "$(crank volume ls -q | sort | tr '\n' ' ')" = "mail_kept mail_old " ]
    # A file that cannot be read does not say which are external.
    echo '  - x: [' >compose.yaml
    run -1 --separate-stderr crank down -v -p mail
    [[ $stderr = *"which volumes of project mail are to stay: "* ]]
    [ "$(crank volume ls -q | wc -l)" = 2 ]
    cd / || return 1
    crank down -v -p mail
    [ -z "$(crank volume ls -q)" ]
}

@test "one container at a time: a volume of the image, another's volumes, another's network" {
    printf 'FROM busybox\nVOLUME /state\n' | crank build -q -t mail-state - >/dev/null
    cat >compose.yaml <<END
services:
  db: {image: mail-state, command: $(worker db)}
  from: {image: busybox, command: $(worker db), volumes_from: [db]}
  reads: {image: busybox, command: $(worker db), volumes_from: ["db:ro"]}
  net: {image: busybox, command: $(worker db), network_mode: "service:db"}
END
    crank up -d
    sed -i 's/echo db/echo other/' compose.yaml
    run -2 crank plan
    [[ $output = *"recreate mail-db-1 (the old one stops first: it writes to /state): "* ]]
    [[ $output = *"recreate mail-from-1 (the old one stops first: it writes to volumes of db): "* ]]
    [[ $output = *"recreate mail-reads-1 (the new one starts first): "* ]]
    [[ $output = *"recreate mail-net-1 (the old one stops first: it has the network of service:db): "* ]]
    crank up -d
    until_true logged mail-net-1 other
    crank down -v
    crank rmi mail-state
}

@test "one that its restart policy starts again and again is not ready: the old one stays, --wait fails" {
    cat >compose.yaml <<END
services:
  web:
    image: busybox
    restart: always
    command: $(worker one)
END
    crank up -d
    local id
    id=$(id_of mail-web-1)
    # It runs at the first look, and after half a second as well.
    sed -i 's/command:.*/command: sh -c "sleep 0.1; exit 3"/' compose.yaml
    run -1 --separate-stderr crank up -d
    [[ $stderr = *"the old container of mail-web-1 stays: container mail-web-1 "* ]]
    [ "$(id_of mail-web-1)" = "$id" ]
    running mail-web-1
    [ "$(crank ps -aq | wc -l)" = 1 ]
    crank down
    run -1 --separate-stderr crank up --wait
    [[ $stderr = *"service web: container mail-web-1 "* ]]
    crank down
}

@test "an image that another service of the file builds is built, and not pulled" {
    mkdir app
    printf 'FROM busybox\nLABEL a=b\n' >app/Dockerfile
    cat >compose.yaml <<END
services:
  first: {image: nobody.invalid/app, command: sleep 100, init: true}
  second: {image: "nobody.invalid/app:latest", build: app, command: sleep 100, init: true}
END
    run -2 crank plan --pull always
    [[ ${lines[0]} = "build nobody.invalid/app: it is not here" ]]
    [[ $output != *pull* ]]
    run -0 crank up -d first
    [ "$(crank ps --format '{{.Names}}')" = mail-first-1 ]
    crank up -d
    crank down
    crank rmi nobody.invalid/app
}

@test "a renamed service with a published port: its orphan makes way first" {
    crank run -d --name holder -p 127.0.0.1::80 busybox sleep 100 >/dev/null
    local port
    port=$(crank port holder 80/tcp)
    crank rm -f holder >/dev/null
    printf 'services:\n  web: {image: busybox, command: sleep 100, init: true, ports: ["%s:80"]}\n' "$port" >compose.yaml
    crank up -d
    sed -i 's/^  web:/  www:/' compose.yaml
    run -0 --separate-stderr crank up -d --remove-orphans
    [ "$(crank ps -a --format '{{.Names}}')" = mail-www-1 ]
    running mail-www-1
    crank down
}

@test "what is started from an image of a project's container is not the project's" {
    two_services
    crank up -d
    crank commit -q mail-web-1 of-web >/dev/null
    project_of() { crank inspect "$1" | jq -r '.[0].Config.Labels["com.docker.compose.project"]'; }
    [ "$(project_of mail-web-1) $(project_of of-web)" = "mail null" ]
    # As other tools build them.
    printf 'FROM busybox\nLABEL com.docker.compose.project=mail com.docker.compose.service=web own=1\n' |
        crank build -q -t labelled - >/dev/null
    local image
    for image in of-web labelled; do
        crank run -d --name "from-$image" "$image" sleep 100 >/dev/null
        [ "$(project_of "from-$image")" = null ]
    done
    [ "$(crank inspect --format '{{.Config.Labels.own}}' from-labelled)" = 1 ]
    run -0 crank plan
    crank down -v
    running from-of-web
    running from-labelled
    crank rm -f -t 0 from-of-web from-labelled >/dev/null
    crank rmi of-web labelled
}

@test "a new container that is not proved leaves no volume behind, and takes none of the old one's" {
    printf 'FROM busybox\nVOLUME /state\n' | crank build -q -t mail-state - >/dev/null
    cat >compose.yaml <<END
services:
  web:
    image: mail-state
    command: $(worker one)
    x-crank: {rollout: {order: start-first}}
END
    crank up -d
    crank exec mail-web-1 sh -c 'echo kept >/state/file'
    local before
    before=$(crank volume ls -q)
    printf 'FROM busybox\nVOLUME /state /more\n' | crank build -q -t mail-state - >/dev/null
    sed -i 's/command:.*/command: sh -c "exit 3"/' compose.yaml
    run -1 --separate-stderr crank up -d
    [[ $stderr = *"the old container of mail-web-1 stays: "* ]]
    [ "$(crank volume ls -q)" = "$before" ]
    [ "$(crank exec mail-web-1 cat /state/file)" = kept ]
    crank down -v
    [ -z "$(crank volume ls -q)" ]
    crank rmi mail-state
    crank prune -f >/dev/null
}

@test "--scale and deploy.replicas: the lowest free numbers, and the highest go" {
    cat >compose.yaml <<END
services:
  web:
    image: busybox
    command: $(worker web)
    deploy: {replicas: 2}
END
    crank up -d
    [ "$(crank ps --format '{{.Names}}' | sort | tr '\n' ' ')" = "mail-web-1 mail-web-2 " ]
    crank rm -f mail-web-1 >/dev/null
    run -2 crank plan
    [ "$output" = "create mail-web-1: it is not there" ]
    crank up -d --scale web=3
    [ "$(crank ps -q | wc -l)" = 3 ]
    run -0 --separate-stderr crank up -d --scale web=1
    [ "$(crank ps --format '{{.Names}}')" = mail-web-1 ]
    run -1 --separate-stderr crank up -d --scale wbe=1
    [[ $stderr = *"no such service: wbe"*"did you mean web?"* ]]
    run -1 --separate-stderr crank up -d --scale web
    [[ $stderr = *"--scale web: SERVICE=NUMBER is wanted"* ]]
    crank down
}

@test "scale: what it wants, and what there is to scale" {
    cat >compose.yaml <<'END'
services:
  web: {image: busybox, command: sleep 1000, depends_on: [db]}
  db: {image: busybox, command: sleep 1000}
END
    run -1 --separate-stderr crank scale
    run -1 --separate-stderr crank scale web
    [[ $stderr == *"web: SERVICE=NUMBER is wanted, from 0 to "*"web=3"* ]]
    run -1 --separate-stderr crank scale web=-1
    run -1 --separate-stderr crank scale web=2
    [[ $stderr == *"project mail has no release that ended well"*"crank up -d --scale web=2"* ]]
    crank up -d 2>/dev/null
    run -1 --separate-stderr crank scale wbe=2
    [[ $stderr == *"no such service: wbe"*"did you mean web?"* ]]
    # what it depends on is there again, unless nobody wants that
    crank rm -f mail-db-1 >/dev/null
    run -0 --separate-stderr crank scale --no-deps web=2 -t 0
    [ "$(crank ps --format '{{.Names}}' | sort | paste -sd' ')" = "mail-web-1 mail-web-2" ]
    run -0 --separate-stderr crank scale web=1 -t 0
    [ "$(crank ps --format '{{.Names}}' | sort | paste -sd' ')" = "mail-db-1 mail-web-1" ]
    # what is there already is no release
    run -0 --separate-stderr crank scale web=1
    [ "$(crank releases --format '{{.Release}} {{.What}} {{.Status}}' | head -1)" = "3 scale web=1 good" ]
    crank down -t 0 2>/dev/null
    run -1 --separate-stderr crank scale web=1
    [[ $stderr == *"project mail is down"*"crank up -d --scale web=1"* ]]
}

@test "orphans are named, and removed by --remove-orphans; -p alone finds a project without its file" {
    two_services
    crank up -d
    printf 'services:\n  other: {image: busybox, command: sleep 100, init: true}\n' >compose.yaml
    run -0 --separate-stderr crank up -d
    [[ $stderr = *"warning: containers of services that the compose file does not have: "*"mail-"*"--remove-orphans"* ]]
    running mail-db-1
    run -0 crank up -d --remove-orphans
    run -1 crank inspect mail-db-1
    running mail-other-1
    cd / || return 1
    run -1 crank down
    run -0 --separate-stderr crank down -p mail -t 1 -v
    [[ $stderr = *"Container mail-other-1  Removed"* ]]
    [ -z "$(crank ps -aq)" ]
}

@test "what a service says reaches its container" {
    mkdir conf && echo from-a-file >conf/app.ini
    cat >compose.yaml <<END
services:
  web:
    image: busybox
    command: $(worker web)
    user: worker
    working_dir: /home
    hostname: front
    environment: {A: "1", GREETING: }
    labels: {team: mail}
    cap_drop: [ALL]
    cap_add: [NET_BIND_SERVICE]
    read_only: true
    tmpfs: ["/scratch:size=1m"]
    ulimits: {nofile: {soft: 100, hard: 200}}
    sysctls: {net.core.somaxconn: "77"}
    extra_hosts: ["elsewhere:10.1.2.3"]
    deploy: {resources: {limits: {memory: 64m, pids: 50, cpus: "0.5"}}}
    stop_signal: INT
    stop_grace_period: 2500ms
    restart: on-failure:2
    shm_size: 2m
    logging: {driver: json-file, options: {max-size: 1m}}
    volumes:
      - ./made/here:/bind
      - data:/data:ro
      - {type: tmpfs, target: /t, tmpfs: {size: 65536, mode: 0700}}
    networks: {front: {aliases: [www]}, back: {ipv4_address: 10.97.3.9}}
    secrets: [token, {source: key, target: key.pem, uid: "1000", gid: "1000", mode: 0400}]
    configs: [{source: app, target: /etc/app.ini}, {source: inline, target: /etc/inline}, {source: inline, target: top}]
  peer:
    image: busybox
    command: $(worker peer)
    networks: [front]
networks:
  front: {internal: true}
  back: {ipam: {config: [{subnet: 10.97.3.0/24}]}}
volumes: {data: }
secrets: {token: {environment: TOKEN}, key: {environment: TOKEN}}
configs: {app: {file: ./conf/app.ini}, inline: {content: "x=1"}}
END
    TOKEN=s3cret run -0 --separate-stderr crank up -d
    [[ $stderr != *warning* ]]
    inside() { crank exec mail-web-1 "$@"; }
    [ "$(inside id -un) $(inside pwd) $(inside hostname)" = "worker /home front" ]
    [ "$(inside sh -c 'echo $A${GREETING-none}')" = 1none ]
    [ "$(inside sh -c 'ulimit -n; ulimit -Hn' | tr '\n' ' ')" = "100 200 " ]
    [ "$(inside cat /proc/sys/net/core/somaxconn)" = 77 ]
    inside grep -q 'elsewhere' /etc/hosts
    [ "$(inside cat /run/secrets/token)" = s3cret ]
    [ "$(inside stat -c '%u:%g %a' /run/secrets/key.pem)" = "1000:1000 400" ]
    [ "$(inside cat /run/secrets/key.pem)" = s3cret ]
    [ "$(inside cat /etc/app.ini) $(inside cat /etc/inline) $(inside cat /top)" = "from-a-file x=1 x=1" ]
    [ "$(inside stat -c %a /t)" = 700 ]
    [ -d made/here ]
    run ! inside touch /data/x
    run ! inside touch /x
    inside ip address show | grep -q 10.97.3.9
    crank exec mail-peer-1 nslookup www
    crank exec mail-peer-1 nslookup web
    crank inspect mail-web-1 >whole.json
    [ "$(jq -c '.[0].HostConfig | [.Memory, .PidsLimit, .NanoCpus, .ShmSize]' whole.json)" = '[67108864,50,500000000,2097152]' ]
    [ "$(jq -r '.[0].HostConfig.RestartPolicy | "\(.Name):\(.MaximumRetryCount)"' whole.json)" = on-failure:2 ]
    [ "$(jq -r '.[0].Config | "\(.StopSignal) \(.StopTimeout) \(.Labels.team)"' whole.json)" = "SIGINT 3 mail" ]
    # The secret is in no file that others could read, and a change of it is one of the service.
    [ "$(stat -c %a "$CRANK_ROOT/projects/mail")" = 700 ]
    [[ $(cat whole.json) != *s3cret* ]]
    TOKEN=s3cret run -0 crank plan
    TOKEN=other run -2 --separate-stderr crank plan
    [[ $output = *"contents./run/secrets/token: changed"* ]]
    [[ $output != *other* ]]
    TOKEN=s3cret crank down -v
    run -1 --separate-stderr crank up -d
    [[ $stderr = *"secrets.token: the variable TOKEN is not set"* ]]
}

@test "what crank up does nothing with is a warning with its line; what it cannot do is an error" {
    cat >compose.yaml <<'END'
services:
  web:
    image: busybox
    command: "true"
    platform: linux/amd64
END
    run -0 --separate-stderr crank up -d
    [[ $stderr = *"warning: compose.yaml:5:5: services.web.platform: crank up does nothing with this field yet"* ]]
    run -0 --separate-stderr crank config -q
    [[ $stderr != *platform* ]]
    crank down
    printf 'services:\n  web: {image: busybox, networks: [n]}\nnetworks: {n: {external: true, name: nowhere}}\n' >compose.yaml
    run -1 --separate-stderr crank up -d
    [[ $stderr = *"network nowhere declared as external, but could not be found"*"crank network create nowhere"* ]]
    printf 'services:\n  web: {image: nobody.invalid/x, pull_policy: never}\n' >compose.yaml
    run -1 --separate-stderr crank up -d
    [[ $stderr = *"service web: no such image: nobody.invalid/x, and it is not to be pulled"* ]]
    printf 'services:\n  web: {image: busybox, ulimits: {nothing: 5}}\n' >compose.yaml
    run -1 --separate-stderr crank up -d
    [[ $stderr = *"compose.yaml:2:34: services.web.ulimits: "* ]]
    [ -z "$(crank ps -aq)" ]
    crank down
}

@test "build: the image is built where it is missing or --build says so, and a change of it is one" {
    mkdir app
    printf 'FROM busybox\nARG WHO\nCOPY words /words\nRUN echo $WHO >/who\nCMD ["sh", "-c", "cat /words /who; sleep 100"]\n' >app/Dockerfile
    echo one >app/words
    cat >compose.yaml <<'END'
services:
  web:
    build: {context: app, args: {WHO: me}}
    init: true
END
    run -2 crank plan
    [[ $output = "build mail-web: it is not here"* ]]
    run -1 --separate-stderr crank up -d --no-build
    [[ $stderr = *"service web: no such image: mail-web, and --no-build was given"* ]]
    run -0 crank up -d
    until_true logged mail-web-1 me
    logged mail-web-1 one
    run -0 crank plan
    echo two >app/words
    local id
    id=$(id_of mail-web-1)
    crank up -d
    [ "$(id_of mail-web-1)" = "$id" ]
    run -0 --separate-stderr crank up -d --build
    [[ $stderr = *"Image mail-web  Built"*"Container mail-web-1  Recreated"* ]]
    until_true logged mail-web-1 two
    # Nothing has changed: the same bits, the same container.
    id=$(id_of mail-web-1)
    crank up -d --build
    [ "$(id_of mail-web-1)" = "$id" ]
    printf 'FROM busybox\nRUN exit 9\n' >app/Dockerfile
    run -1 --separate-stderr crank up -d --build
    [[ $stderr = *"services.web.build of mail"* ]]
    [ "$(id_of mail-web-1)" = "$id" ]
    running mail-web-1
    # A program that is not there is no exit code of up's.
    printf 'FROM busybox\nRUN ["/nowhere"]\n' >app/Dockerfile
    run -1 crank up -d --build
    crank down
    crank rmi mail-web
}

@test "build: hosts, limits and /dev/shm of its steps, and stages that are always built" {
    mkdir app
    cat >app/Dockerfile <<'END'
FROM busybox AS base
RUN ulimit -n >/limit; grep one.test /etc/hosts >/hosts; df -k /dev/shm | tail -n 1 >/shm
FROM base AS again
RUN cat /proc/sys/kernel/random/uuid >/uuid
END
    cat >compose.yaml <<'END'
services:
  web:
    build:
      context: app
      extra_hosts: ["one.test=192.0.2.7"]
      ulimits: {nofile: {soft: 321, hard: 654}}
      shm_size: 3m
      no_cache_filter: again
    command: sh -c 'cat /limit /hosts /shm /uuid; sleep 100'
    init: true
END
    crank up -d
    until_true logged mail-web-1 321
    logged mail-web-1 192.0.2.7
    [[ $(crank logs mail-web-1) =~ [[:space:]]3072[[:space:]] ]]
    local before
    before=$(crank run --rm mail-web cat /uuid)
    run -0 --separate-stderr crank compose build
    [[ $stderr = *"CACHED"*"RUN ulimit"* ]]
    [ "$(crank run --rm mail-web cat /uuid)" != "$before" ]

    sed -i 's/soft: 321/soft: 999/' compose.yaml
    run -1 --separate-stderr crank up -d --build
    [[ $stderr = *"build.ulimits"*999* ]]
    sed -i 's/soft: 999, hard: 654/soft: 3, hard: 6/; s/192.0.2.7/nowhere/' compose.yaml
    run -1 --separate-stderr crank up -d --build
    [[ $stderr = *"build.extra_hosts"*nowhere* ]]
}

@test "in the foreground: every line behind its container's name, Ctrl-C stops all, 130" {
    cat >compose.yaml <<END
services:
  web:
    image: busybox
    command: $(worker "from web")
    depends_on: [database]
  database:
    image: busybox
    command: $(worker "from db")
  quiet:
    image: busybox
    command: $(worker "not shown")
    attach: false
END
    crank up >out 2>err 3>&- &
    local pid=$!
    until_true grep -q '^web-1       | from web$' out
    until_true grep -q '^database-1  | from db$' out
    kill -INT "$pid"
    local code=0
    wait "$pid" || code=$?
    [ "$code" = 130 ]
    grep -q 'Gracefully stopping' err
    grep -q '^web-1 exited with code 0$' err
    run ! grep -q 'not shown' out
    [ "$(crank inspect --format '{{.State.Running}}' mail-web-1)" = false ]
    [ "$(crank inspect --format '{{.State.Running}}' mail-database-1)" = false ]
    [ "$(crank inspect --format '{{.State.Running}}' mail-quiet-1)" = false ]
    crank down
}

@test "--exit-code-from: the tests' exit code is up's, and the others are stopped" {
    cat >compose.yaml <<END
services:
  db:
    image: busybox
    command: $(worker db)
  tests: {image: busybox, command: sh -c 'echo tested; exit 7', depends_on: [db]}
END
    run -7 --separate-stderr crank up --exit-code-from tests
    [[ $output = *"tests-1  | tested"* ]]
    [ "$(crank inspect --format '{{.State.Running}}' mail-db-1)" = false ]
    run -1 --separate-stderr crank up -d --exit-code-from tests
    [[ $stderr = *"are for the foreground"* ]]
    run -1 --separate-stderr crank up --exit-code-from test
    [[ $stderr = *"no such service: test"*"did you mean tests?"* ]]
    run -1 --separate-stderr crank up --exit-code-from tests db
    [[ $stderr = *"--exit-code-from: service tests is not selected"* ]]
    # Whether its lines are shown or not.
    sed -i "s/, depends_on: .db./, attach: false&/" compose.yaml
    run -7 --separate-stderr crank up --exit-code-from tests
    [[ $output != *tested* ]]
    # Without a name it is the first that ends.
    run -7 --separate-stderr crank up --abort-on-container-exit
    [ "$(crank inspect --format '{{.State.Running}}' mail-db-1)" = false ]
    crank down
}

@test "up --no-start --wait is an error: nothing would ever be ready" {
    two_services
    run -1 --separate-stderr timeout 20 crank up --no-start --wait
    [[ $stderr = *"--no-start and --wait exclude each other"* ]]
    [ -z "$(crank ps -aq)" ]
}

@test "a container's own volume goes on in the next one; down keeps it and down -v does not" {
    cat >compose.yaml <<END
services:
  web:
    image: busybox
    command: $(worker web)
    volumes: [/own]
END
    crank up -d
    crank exec mail-web-1 sh -c 'echo kept >/own/file'
    sed -i 's/echo web/echo again/' compose.yaml
    crank up -d
    [ "$(crank exec mail-web-1 cat /own/file)" = kept ]
    [ "$(crank volume ls -q | wc -l)" = 1 ]
    crank down -v
    [ -z "$(crank volume ls -q)" ]
}

@test "--no-start, --force-recreate, --no-recreate, a selection, --no-deps, profiles" {
    two_services
    run -0 --separate-stderr crank up --no-start
    [[ $stderr = *"Container mail-web-1  Created"* ]]
    [ -z "$(crank ps -q)" ]
    run -2 crank plan
    [[ $output = *"start mail-db-1: it was never started"* ]]
    crank up -d
    local id
    id=$(id_of mail-web-1)
    run -0 --separate-stderr crank up -d --force-recreate --no-deps web
    [[ $stderr = "Container mail-web-1  Recreated" ]]
    [ "$(id_of mail-web-1)" != "$id" ]
    sed -i 's/echo web/echo x/' compose.yaml
    run -0 crank plan --no-recreate
    run -1 crank plan --no-recreate --force-recreate
    crank down -v
    printf '  debug: {image: busybox, command: "true", profiles: [debug]}\n' >extra.yaml
    sed -i '/^volumes/,$d' compose.yaml
    sed -i '/volumes:/d' compose.yaml
    cat extra.yaml >>compose.yaml
    run -2 crank plan
    [[ $output != *debug* ]]
    crank up -d debug
    [ "$(crank ps -a --format '{{.Names}}')" = mail-debug-1 ]
    crank up -d db
    [ "$(crank ps -aq | wc -l)" = 2 ]
    run -1 --separate-stderr crank up -d dbb
    [[ $stderr = *"no such service: dbb"*"did you mean db?"* ]]
    crank down
    [ -z "$(crank ps -aq)" ]
}

@test "two that change a project at once: the second says which is at it; a network of somebody else's is not taken" {
    two_services
    mkdir -p "$CRANK_ROOT/projects/mail"
    python3 -c 'import fcntl, sys, time
f = open(sys.argv[1], "w"); fcntl.flock(f, fcntl.LOCK_EX); open("held", "w"); time.sleep(600)' "$CRANK_ROOT/projects/mail/lock" 3>&- &
    local holder=$!
    until_true test -e held
    run -1 --separate-stderr crank up -d
    kill "$holder"
    wait "$holder" || true
    [[ $stderr = *"another command is changing the project mail: "*"python3 -c import fcntl"*" (pid $holder)"*"try again when it has ended"* ]]
    crank network create mail_default >/dev/null
    run -1 --separate-stderr crank up -d
    [[ $stderr = *"network mail_default exists, and no project made it"* ]]
    crank network rm mail_default
    crank up -d
    printf 'networks: {default: {internal: true}}\n' >>compose.yaml
    run -1 --separate-stderr crank up -d
    [[ $stderr = *"network mail_default was made in another way"*"crank down, then crank up"* ]]
    crank down
}

# change TEXT: what web prints, and thereby the service.
change() { sed -i "s/echo [a-z0-9]*; while/echo $1; while/" compose.yaml; }

@test "each change is a release; rollback goes to the last good one, whole, and then further back" {
    cat >compose.yaml <<END
services:
  web:
    image: mail-web
    command: $(worker one)
    secrets: [token]
    env_file: [settings]
secrets: {token: {environment: TOKEN}}
END
    echo "MODE='a\$b'" >settings
    printf 'FROM busybox\nLABEL v=1\n' | crank build -q -t mail-web - >/dev/null
    run -0 --separate-stderr crank releases
    [ "${#lines[@]}" = 1 ]
    run -1 --separate-stderr crank rollback
    [[ $stderr = *"there is no release to go back to"*"there is none that ended well"* ]]
    export TOKEN=first
    crank up -d
    crank up -d # no change, no release
    local first
    first=$(crank images -q --no-trunc mail-web)
    # Everything changes: the image's bits under the same name, the file, a variable, a secret.
    printf 'FROM busybox\nLABEL v=2\n' | crank build -q -t mail-web - >/dev/null
    change two
    echo 'MODE=z' >settings
    TOKEN=second crank up -d
    run -0 crank releases --format '{{.Release}} {{.What}} {{.Status}}'
    [ "$output" = $'2 up good\n1 up good' ]
    # A failing one is in the list, and is not gone back to.
    printf 'FROM busybox\nLABEL v=3\n' | crank build -q -t mail-web - >/dev/null
    sed 's/command: .*/command: no-such-program/' compose.yaml >bad.yaml
    TOKEN=second run -1 crank up -d -f bad.yaml -p mail
    run -0 crank releases --format '{{.Release}} {{.Status}}'
    [ "${lines[0]}" = "3 failed" ]
    crank prune -f >/dev/null # what a release needs stays
    unset TOKEN
    rm settings
    run -1 --separate-stderr crank rollback 9
    [[ $stderr = *"no release 9"*"those that ended well: 1, 2"* ]]
    run -0 --separate-stderr crank rollback 1 -p mail
    [[ $stderr = *"rollback of mail to release 1"*"Container mail-web-1  Recreated"* ]]
    [ "$(crank inspect --format '{{.Image}}' mail-web-1)" = "$first" ]
    [ "$(crank exec mail-web-1 sh -c 'cat /run/secrets/token; echo " $MODE"')" = 'first a$b' ]
    until_true logged mail-web-1 one
    # As it is: again changes nothing.
    local id
    id=$(id_of mail-web-1)
    crank rollback 1 -p mail
    [ "$(id_of mail-web-1)" = "$id" ]
    run -0 crank releases -p mail --format '{{.Release}} {{.What}} {{.Status}}'
    [ "${lines[0]}" = "4 rollback to 1 good" ]
    # Before release 1 there is nothing.
    run -1 --separate-stderr crank rollback -p mail
    [[ $stderr = *"there is no release to go back to"* ]]
    run -1 --separate-stderr crank rollback one -p mail
    [[ $stderr = *'"one" is no release: a number is wanted'* ]]
    # down keeps them, down -v does not.
    crank down -p mail
    run -0 crank releases -p mail
    [ "${#lines[@]}" -gt 1 ]
    run -0 crank rollback 2 -p mail
    until_true logged mail-web-1 two
    crank down -v -p mail
    [ ! -e "$CRANK_ROOT/projects/mail" ]
    crank rmi mail-web
    crank prune -f >/dev/null
}

@test "a rollback without an argument: the last good one before what is there" {
    cat >compose.yaml <<END
services:
  web:
    image: busybox
    command: $(worker one)
END
    crank up -d
    change two
    crank up -d
    change three
    crank up -d
    crank rollback
    until_true logged mail-web-1 two
    crank rollback
    until_true logged mail-web-1 one
    run -0 crank releases --format '{{.What}}'
    [ "${lines[0]}" = "rollback to 1" ]
    crank down -v
}

@test "a rollback never goes to what was rolled back from, nor to a mere start; a selection is a whole release" {
    cat >compose.yaml <<END
services:
  web:
    image: busybox
    command: $(worker one)
  db:
    image: busybox
    command: $(worker stays)
END
    crank up -d
    # Only web, but the release has both.
    change two
    crank up -d web
    run -0 crank releases --format '{{.Images}}'
    [[ ${lines[0]} = *"db=busybox@"*"web=busybox@"* ]]
    # A start of what there was: not what a rollback is for.
    crank stop mail-web-1 >/dev/null
    crank up -d web
    run -0 --separate-stderr crank rollback
    [[ $stderr = *"rollback of mail to release 1,"* ]]
    until_true logged mail-web-1 one
    change three
    crank up -d
    run -0 --separate-stderr crank rollback
    [[ $stderr = *"rollback of mail to release 1,"* ]]
    until_true logged mail-web-1 one
    running mail-db-1
    crank down -v
}

@test "kill -9 at each step of a change: the next up ends it, with one container and nothing to do" {
    cat >compose.yaml <<END
services:
  web:
    image: busybox
    command: $(worker zero)
    volumes: [data:/data]
volumes: {data: }
END
    crank up -d
    local place text=a
    for place in deploy.stopped deploy.aside deploy.made deploy.proved; do
        text=${text}a
        change "$text"
        CRANK_CRASH_AT=$place run -137 crank up -d
        run -0 crank up -d
        [ "$(crank ps -a --format '{{.Names}}')" = mail-web-1 ]
        running mail-web-1
        until_true logged mail-web-1 "^$text\$"
        run -0 crank plan
    done
    # The file as it was before: the container has its name again.
    change "${text}b"
    CRANK_CRASH_AT=deploy.aside run -137 crank up -d
    change "$text"
    run -2 crank plan
    [[ $output = "rename mail-web-1: it is called "*"_mail-web-1"*"start mail-web-1: "* ]]
    crank up -d
    [ "$(crank ps --format '{{.Names}}')" = mail-web-1 ]
    crank down -v
}

@test "a release that cannot be read keeps prune from removing what it may need, and is named" {
    two_services
    crank up -d
    crank down
    local release=$CRANK_ROOT/projects/mail/releases/1
    cp "$release" kept
    echo '{' >"$release"
    run ! --separate-stderr crank image prune -a -f
    [[ $stderr == *"projects/mail/releases/1"* ]]
    crank inspect busybox >/dev/null
    cp kept "$release"
    crank image prune -a -f
    crank inspect busybox >/dev/null
}

@test "post_start runs in the container before it gets what comes, pre_stop before it is stopped" {
    hooks() {
        cat >compose.yaml <<END
services:
  web:
    image: busybox
    command: $(worker "$1")
    volumes: ["./data:/data"]
    post_start:
      - {command: [sh, -c, 'echo started \$\$WHAT as \$\$(id -u) in \$\$(pwd) >>/data/log'], environment: {WHAT: $1}, user: "1000", working_dir: /tmp}
      - {command: [sh, -c, "${2:-true}"]}
    pre_stop: [{command: [sh, -c, 'echo stopping $1 >>/data/log']}]
END
    }
    mkdir -m 777 data
    hooks one
    crank up -d
    [ "$(cat data/log)" = "started one as 1000 in /tmp" ]
    # that of the container that is there, whatever the file says by now
    hooks two
    crank up -d
    [ "$(cat data/log)" = $'started one as 1000 in /tmp\nstopping one\nstarted two as 1000 in /tmp' ]
    # one that fails: the old container comes back
    hooks three 'echo no such luck; exit 3'
    run -1 --separate-stderr crank up -d
    [[ $stderr == *"container mail-web-1: post_start: 'sh -c echo no such luck; exit 3' ended with exit code 3: no such luck"* ]]
    running mail-web-1
    until_true logged mail-web-1 '^two$'
    rm compose.yaml
    : >data/log
    crank down -p mail
    [ "$(cat data/log)" = "stopping two" ]
    # one that fails to stop it keeps nobody from it; a program that is not there
    hooks four
    sed -i 's/pre_stop: .*/pre_stop: [{command: [\/no\/such]}]/' compose.yaml
    crank up -d
    run -0 --separate-stderr crank down
    [[ $stderr == *"warning: container mail-web-1: pre_stop: "*"/no/such"* ]]
    [ -z "$(crank ps -aq)" ]
    hooks five 'sleep 600'
    printf '    x-crank: {rollout: {timeout: 1s}}\n' >>compose.yaml
    run -1 --separate-stderr crank up -d
    [[ $stderr == *"post_start: 'sh -c sleep 600' did not end within 1000 ms"* ]]
}
