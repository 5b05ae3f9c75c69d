#!/usr/bin/env bats
# Flags that no other transcript types, a verb or two in each test.

# shellcheck disable=SC2154 # run sets stderr
bats_require_minimum_version 1.5.0
load ../lib/crank

setup_file() {
    crank_setup_file
    busybox_image
}
setup() { crank_setup; }
teardown() { crank_teardown; }
teardown_file() { crank_teardown_file; }

sleeper() { crank run -d --network none --name "$1" "${@:2}" busybox sleep 1000; }
state_of() { crank inspect -f '{{.State.Status}}' "$1"; }

@test "pause, unpause and restart: the newest, the one in a file, those of a filter" {
    sleeper old --cidfile id --label tier=web >/dev/null
    new=$(sleeper new)
    run -0 crank pause --latest
    [ "$output" = "$new" ]
    [ "$(state_of new) $(state_of old)" = "paused running" ]
    run -0 crank unpause --latest
    [ "$(state_of new)" = running ]
    run -0 crank pause --cidfile id
    [ "$(state_of old)" = paused ]
    run -0 crank unpause --cidfile id
    [ "$(state_of old)" = running ]
    run -0 crank pause --filter label=tier=web
    [ "$(state_of new) $(state_of old)" = "running paused" ]
    run -0 crank unpause --filter label=tier=web
    [ "$(state_of old)" = running ]
    pid=$(crank inspect -f '{{.State.Pid}}' old)
    run -0 crank restart -t 0 --cidfile id
    [ "$(crank inspect -f '{{.State.Pid}}' old)" != "$pid" ]
    run -1 crank restart --cidfile nosuch
    [[ $output == *"--cidfile"*nosuch* ]]
}

@test "stats --no-trunc, diff --latest, exists and ps --external" {
    id=$(sleeper one)
    run -0 crank stats --no-stream --no-trunc --format '{{.ID}}' one
    [ "$output" = "$id" ]
    run -0 crank stats --no-stream --format '{{.ID}}' one
    [ "$output" = "${id:0:12}" ]
    crank exec one touch /tmp/made
    run -0 crank diff --latest
    [[ $output == *"A /tmp/made"* ]]
    run -0 crank container exists --external one
    run -1 crank container exists --external two
    run -0 crank ps --external -q --no-trunc
    [ "$output" = "$id" ]
}

@test "logs --since, inspect --type" {
    crank run --name early --network none busybox echo first
    run -0 crank logs --since 1h early
    [ "$output" = first ]
    run -0 crank logs --since "$(date -u -d '+1 hour' +%Y-%m-%dT%H:%M:%SZ)" early
    [ -z "$output" ]
    run ! crank logs --since tomorrow early
    [[ $output == *"--since"*tomorrow* ]]
    run -0 crank inspect --type container -f '{{.Name}}' early
    [ "$output" = /early ]
    run -0 crank inspect --type image -f '{{.Id}}' busybox
    [[ $output == sha256:* ]]
    run -1 crank inspect --type image early
    run -1 crank inspect --type container busybox
}

@test "run --detach-keys, --stop-signal and --cpuset-mems; update of processors" {
    run -125 crank run --rm --network none --detach-keys ctrl-p busybox true
    [[ $output == *"a worker in the foreground is not left"*"crank attach --detach-keys"* ]]
    run -0 crank run --rm --network none --detach-keys "" busybox echo stays
    [ "$output" = stays ]
    crank run -d --name polite --network none --init=false --stop-signal USR1 busybox \
        sh -c 'trap "echo asked; exit 0" USR1; echo up; while :; do sleep 0.1; done' >/dev/null
    up() { crank logs polite | grep -q up; }
    until_true up
    crank stop -t 5 polite
    run -0 crank logs polite
    [ "${lines[1]}" = asked ]
    run -0 crank run --rm --network none --cpuset-mems 0 busybox grep Mems_allowed_list /proc/self/status
    [[ $output == *$'\t0' ]]
    run -125 crank run --rm --network none --cpuset-mems 4000 busybox true
    sleeper busy --cpu-shares 512 --cpuset-cpus 0 --cpuset-mems 0 >/dev/null
    run -0 crank update --cpu-shares 2048 --cpuset-cpus 0 --cpuset-mems 0 busy
    [ "$(crank inspect -f '{{.HostConfig.CpuShares}} {{.HostConfig.CpusetCpus}} {{.HostConfig.CpusetMems}}' busy)" = "2048 0 0" ]
    run ! crank update --cpu-shares many busy
    [[ $output == *"--cpu-shares"* ]]
}

@test "networks: attachable ones, an IPv6 address of its own, leaving by force" {
    run -0 crank network create --attachable --ipv6 --subnet 10.99.8.0/24 --subnet fd00:98::/64 net
    crank run -d --name two busybox sleep 1000 >/dev/null
    run -0 crank network connect --ip6 fd00:98::7 net two
    [[ $(crank exec two ip -6 addr) == *fd00:98::7* ]]
    run ! crank network connect --ip6 fd00:99::7 net two
    run -0 crank network disconnect --force net two
    [[ $(crank exec two ip -6 addr) != *fd00:98::7* ]]
    crank rm -f two
    crank network rm net
}

@test "volume create --ignore, config list --all" {
    run -0 crank volume create --ignore twice
    run -0 crank volume create --ignore twice
    [ "$output" = twice ]
    crank volume rm twice
    run -0 crank --config "$PWD/config" config list
    [ -z "$output" ]
    run -0 crank --config "$PWD/config" config list --all
    [[ $output == *storage.max* ]]
}

@test "import --platform: what the image is for" {
    mkdir -p tree
    tar -C tree -cf root.tar .
    run -0 crank import --platform linux/arm64 root.tar armed
    run -0 crank inspect --type image -f '{{.Architecture}}' armed
    [ "$output" = arm64 ]
    run ! crank import --platform x/y/z/w root.tar armed
    crank rmi armed
}

@test "certs init and certs issue: crank hands them to crank-net" {
    run -0 crank certs init
    run -0 crank certs issue mail
    [ "${lines[0]}" = "$HOME/.crank/certs/cert.pem" ]
    openssl verify -CAfile "$HOME/.crank/certs/ca.pem" "$HOME/.crank/certs/cert.pem"
    run -0 crank certs init --dir authority
    run -0 crank certs issue mail --ca authority --dir issued --uid 0 --dns mail.internal --days 2
    openssl verify -verify_hostname mail.internal -CAfile authority/ca.pem issued/cert.pem
    run ! openssl x509 -checkend $((3 * 86400)) -noout -in issued/cert.pem
    rm -r "$HOME/.crank" authority issued
    run ! crank certs issue mail
    [[ $output == *"crank certs init"* ]]
}
