#!/usr/bin/env bats
# Values that a compose file's schema lets pass and no container could be made with.

# run sets stderr
# shellcheck disable=SC2154
bats_require_minimum_version 1.5.0
load ../lib/crank
load ../lib/shop

setup_file() {
    crank_setup_file
    busybox_image
}
setup() { shop_setup; }
teardown() { shop_teardown; }
teardown_file() { crank_teardown_file; }

# refused FIELD MESSAGE HINT: plan and up with that line of the service, which is the fifth; what
# comes before it in the file is not begun.
refused() {
    local verb
    cat >compose.yaml <<END
services:
  db: {image: busybox, command: sleep 1000, init: true}
  web:
    image: busybox
    $1
    depends_on: [db]
END
    for verb in plan "up -d" deploy; do
        # shellcheck disable=SC2086 # with its flags
        run -1 --separate-stderr crank $verb
        if [[ $stderr != *"compose.yaml:5:"*": services.web.$2"*"$3"* ]]; then
            printf 'missing: %s\n%s\n' "$2" "$stderr" >&2
            return 1
        fi
    done
    [ -z "$(crank ps -aq)" ]
    [ -z "$(crank network ls -q --filter label=com.docker.compose.project=shop)" ]
}

@test "a value that no container can be made with is named with its line before anything is begun" {
    refused "restart: alwais" 'restart: --restart="alwais": no such policy' unless-stopped
    refused "cap_add: [NET_ADMN]" 'cap_add: --cap-add: unknown capability "NET_ADMN"' CAP_NET_ADMIN
    refused "cap_drop: [NET_RWA]" 'cap_drop: --cap-drop: unknown capability "NET_RWA"' CAP_NET_RAW
    refused "stop_signal: SIGTREM" 'stop_signal: no such signal: "SIGTREM"' SIGTERM
    refused "ulimits: {nofle: 100}" 'ulimits: --ulimit "nofle=100:100": unknown limit' nofile
    refused "sysctls: {kernel.pid_max: 1}" 'sysctls: sysctl "kernel.pid_max" is a setting of the whole host'
    refused "logging: {driver: sislog}" 'logging: --log-driver "sislog"' json-file
    refused "logging: {options: {max-size: 10 megs}}" "logging: --log-opt max-size: invalid size '10 megs'"
    refused "security_opt: [secomp=unconfined]" 'security_opt: --security-opt "secomp=unconfined"' seccomp
    refused "dns: [nine]" 'dns: --dns "nine": a name server is an IP address'
    refused "expose: [http]" "expose: --expose: invalid port 'http/tcp'"
    refused 'volumes: ["./data:data"]' "volumes: the target data is no absolute path"
    refused "cpus: -1" "cpus: must be a number of processors such as 0.5, not -1"
    refused "pre_start: [{command: 'true', restart: alwais}]" "pre_start[0]"
    refused 'x-crank: {probe: "http://:http/"}' "x-crank.probe"
}

@test "a network that cannot be made is named with its line; what is on it is not begun" {
    cat >compose.yaml <<'END'
services:
  web: {image: busybox, networks: [back]}
networks:
  back:
    ipam: {config: [{subnet: 10.2.0.0/240}]}
END
    run -1 --separate-stderr crank plan
    [[ $stderr = *"compose.yaml:"*": networks.back: --subnet: invalid subnet '10.2.0.0/240'"* ]]
    sed -i 's/ipam: .*/driver: overlay/' compose.yaml
    run -1 --separate-stderr crank up -d
    [[ $stderr = *"compose.yaml:"*': networks.back: network driver "overlay" is not supported'* ]]
    [ -z "$(crank network ls -q --filter label=com.docker.compose.project=shop)" ]
}

@test "a wrong value in a change leaves what runs, and is no release" {
    cat >compose.yaml <<'END'
services:
  db: {image: busybox, command: sleep 1000, init: true}
  web: {image: busybox, command: sleep 1000, init: true}
END
    crank up -d
    local id
    id=$(crank inspect --format '{{.Id}}' shop-db-1)
    sed -i 's/sleep 1000/sleep 2000/; s/  web: {/  web: {restart: alwais, /' compose.yaml
    run -1 --separate-stderr crank deploy
    [[ $stderr = *"compose.yaml:3:"*"services.web.restart"* ]]
    [ "$(crank inspect --format '{{.Id}}' shop-db-1)" = "$id" ]
    [ "$(crank releases --format '{{.Release}} {{.Status}}')" = "1 good" ]
}
