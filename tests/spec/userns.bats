#!/usr/bin/env bats
# Containers with ids of their own: `crank run --userns=auto`.

bats_require_minimum_version 1.5.0
load ../lib/crank

setup_file() {
    crank_setup_file
    busybox_image
}
setup() { crank_setup; }
teardown() { crank_teardown; }
teardown_file() { crank_teardown_file; }

# first_id NAME: the host's id that is 0 in the container.
first_id() { crank inspect --format '{{index .HostConfig.IDMappings.UidMap 0}}' "$1" | cut -d: -f2; }

@test "--userns=auto: root inside is nobody outside, on both sides of a volume" {
    mkdir data && echo mine >data/roots && echo theirs >data/workers && chown 1000:1000 data/workers
    run -0 crank run --rm --userns=auto -v "$PWD/data:/data" busybox sh -c '
        id -u; tr -s " " </proc/self/uid_map; stat -c "%u:%g %n" /bin/busybox /etc/hosts /data/*
        touch /data/made /made && chown 1000:1000 /data/made /made; stat -c %u:%g /made
        cat /proc/sys/net/ipv4/ping_group_range | tr "\t" " "'
    [ "${lines[0]}" = 0 ]
    [[ "${lines[1]}" =~ ^\ 0\ ([0-9]+)\ 65536$ ]]
    [ "${BASH_REMATCH[1]}" -ge 65536 ]
    [ "${lines[*]:2}" = "0:0 /bin/busybox 0:0 /etc/hosts 0:0 /data/roots 1000:1000 /data/workers 1000:1000 0 65535" ]
    [ "$(stat -c %u:%g data/made)" = 1000:1000 ]
    # and without it
    run -0 crank run --rm --userns=host busybox sh -c 'tr -s " " </proc/self/uid_map'
    [ "$output" = " 0 0 4294967295" ]
}

@test "--uidmap and --gidmap: the ids that were named, after a restart too" {
    crank run -d --name mapped --uidmap 0:200000:2000 busybox sleep 100
    run -0 crank exec mapped sh -c 'tr -s " " </proc/self/uid_map; tr -s " " </proc/self/gid_map'
    [ "$output" = " 0 200000 2000
 0 200000 2000" ]
    pid=$(crank inspect --format '{{.State.Pid}}' mapped)
    [ "$(awk '/^Uid/ { print $2 }' "/proc/$pid/status")" = 200000 ]
    [ "$(crank inspect --format '{{.HostConfig.UsernsMode}}' mapped)" = private ]
    # they are of no pool, and nothing is kept for them
    [ ! -d "$CRANK_ROOT/ids" ] || [ -z "$(find "$CRANK_ROOT/ids" -type l)" ]
    crank restart -t 0 mapped
    [ "$(first_id mapped)" = 200000 ]
    run -0 crank exec mapped sh -c 'tr -s " " </proc/self/uid_map'
    [ "$output" = " 0 200000 2000" ]
    crank rm -f mapped
    run -0 crank run --rm --uidmap 0:300000:1000 --gidmap 0:400000:1000 busybox sh -c \
        'tr -s " " </proc/self/uid_map; tr -s " " </proc/self/gid_map; stat -c %u:%g /bin/busybox'
    [ "$output" = " 0 300000 1000
 0 400000 1000
0:0" ]
    local case flags
    for case in "--uidmap 1:100000:5|a map begins with the container's 0" \
        "--uidmap 0:100000|more than one map is not supported|--uidmap 1:5:6" \
        "--uidmap 0:x:5|wanted CONTAINER:HOST:SIZE" \
        "--userns auto|which ids are meant?|--gidmap 0:5:6"; do
        IFS='|' read -r flags expected more <<<"$case"
        # shellcheck disable=SC2086 # one word each
        run -125 crank run --rm $flags $more busybox true
        [[ $output == *"$expected"* ]]
    done
}

@test "--uidmap: ids of the pool of --userns=auto, the strict sandbox and a native worker refuse it" {
    crank --config config.json config set userns.range 500000:65536
    for map in 0:565535:10 0:490000:10001 0:510000:5; do
        run -125 crank --config config.json run --rm --uidmap "$map" busybox true
        [[ $output == *"name ids that --userns=auto gives to containers: 500000 to 565535 (userns.range)"* ]]
        [[ $output == *"leave the choice to --userns=auto"* ]]
    done
    # groups count too; beside the pool is beside it
    run -125 crank --config config.json run --rm --uidmap 0:300000:10 --gidmap 0:500000:10 busybox true
    [[ $output == *"--userns=auto gives to containers"* ]]
    crank --config config.json run --rm --uidmap 0:490000:10000 busybox true
    # root inside would be root outside
    run -125 crank run --rm --sandbox strict --uidmap 0:0:65536 busybox true
    [[ $output == *"--sandbox strict with --uidmap or --gidmap"*"--userns=auto"* ]]
    run -125 crank run --native --uidmap 0:200000:10 -- true
    [[ $output == *"--uidmap and --gidmap with --native: the worker has the ids of the one who starts it"* ]]
    run -125 crank run --native --userns=auto -- true
    [[ $output == *"--userns with --native"* ]]
}

@test "processes of the container have its ids on the host; ps and inspect name them" {
    crank run -d --name mapped --userns=auto --user worker busybox sleep 100
    crank run -d --name plain busybox sleep 100
    first=$(first_id mapped)
    pid=$(crank inspect --format '{{.State.Pid}}' mapped)
    worker=$(cat "/proc/$pid/task/$pid/children")
    [ "$(awk '/^Uid/ { print $2 }' "/proc/${worker% }/status")" = $((first + 1000)) ]
    [ "$(crank ps --format '{{.Names}} {{.UserNS}}' | sort)" = "mapped $first:65536
plain host" ]
    [ "$(crank inspect --format '{{.HostConfig.UsernsMode}}' mapped plain)" = "auto
host" ]
    crank rm -f mapped plain
}

@test "exec, logs, input, terminals and published ports" {
    crank run -d --name web --userns=auto -p 0:8080 --user worker --tmpfs /tmp:mode=1777 busybox \
        sh -c 'echo started >/dev/stdout; echo hello >/tmp/index.html; exec httpd -f -p 8080 -h /tmp'
    until_true sh -c 'crank logs web | grep -q started'
    port=$(crank inspect --format '{{(index (index .NetworkSettings.Ports "8080/tcp") 0).HostPort}}' web)
    until_true curl -fs "http://127.0.0.1:$port/" -o page
    [ "$(cat page)" = hello ]
    run -0 crank exec web sh -c 'id -u; echo out >/dev/stdout'
    [ "$output" = "1000
out" ]
    run -0 crank exec --user root web sh -c 'id -u; touch /root-made && stat -c %u /root-made
        ping -c 1 -W 2 127.0.0.1 >/dev/null && echo pong'
    [ "$output" = "0
0
pong" ]
    [ "$(echo in | crank exec -i web cat /dev/stdin)" = in ]
    crank rm -f web
    run -0 crank run --rm -t --userns=auto --user worker busybox sh -c 'test -t 1 && echo out >/dev/tty'
    [ "$output" = $'out\r' ]
}

@test "no two containers have the same ids, and they come back with the container" {
    for i in 1 2 3 4; do crank run -d --name "c$i" --userns=auto busybox sleep 100 & done
    wait
    firsts=$(for i in 1 2 3 4; do first_id "c$i"; done | sort -u | wc -l)
    [ "$firsts" = 4 ]
    [ "$(find "$CRANK_ROOT/ids" -type l | wc -l)" = 4 ]
    crank stop -t 0 c1
    # not before it is removed
    [ "$(find "$CRANK_ROOT/ids" -type l | wc -l)" = 4 ]
    crank rm c1
    crank rm -f c2 c3 c4
    [ "$(find "$CRANK_ROOT/ids" -type l | wc -l)" = 0 ]
    # a start that fails, and --rm
    run -127 crank run --rm --userns=auto busybox /no/such
    run -0 crank run --rm --userns=auto busybox true
    until_true sh -c '[ -z "$(find "$CRANK_ROOT/ids" -type l)" ]'
}

@test "killed at any point of its start, the next container takes the ids over" {
    echo '{"userns.range": "3000000:1024"}' >config.json
    for point in ids.take.linked ids.take.before_hint; do
        run -137 env CRANK_CRASH_AT=$point crank --config config.json run --name lost \
            --userns=auto:size=1024 busybox true
        # the one who would have them is no more, once it is swept
        run -0 crank --config config.json ps -a
        run -0 crank --config config.json run --rm --userns=auto:size=1024 busybox true
    done
}

@test "userns.range: where it ends, what is too large, and who has which" {
    echo '{"userns.range": "3000000:2048"}' >config.json
    crank --config config.json run -d --name one --userns=auto:size=1000 busybox sleep 100
    crank --config config.json run -d --name two --userns=auto:size=1000 busybox sleep 100
    [ "$( (first_id one; first_id two) | sort | tr '\n' ' ')" = "3000000 3001024 " ]
    run -125 crank --config config.json run --rm --userns=auto:size=1000 busybox true
    [[ "$output" == *"all ids of userns.range are taken by containers"*"crank rm"* ]]
    run -125 crank --config config.json run --rm --userns=auto busybox true
    [[ "$output" == *"65536 ids are more than there are in userns.range"*"auto:size=2048"* ]]
    echo '{"userns.range": "4000000:2048"}' >config.json
    run -125 crank --config config.json run --rm --userns=auto:size=1000 busybox true
    [[ "$output" == *"the ids for --userns=auto have changed"*"has some of the old ones"* ]]
    crank rm -f one two
    run -0 crank --config config.json run --rm --userns=auto:size=1000 busybox true
    run -125 crank --config config.json run --rm --userns=auto:size=1000 --user 5000 busybox true
    [[ "$output" == *"user or group 5000 does not exist in its user namespace"*"auto:size=5001"* ]]
}

@test "malformed and unsupported modes are named" {
    run -125 crank run --rm --userns=autp busybox true
    [[ "$output" == *'--userns="autp": no such mode'*"auto:size=N"* ]]
    run -125 crank run --rm --userns=auto:size=0 busybox true
    [[ "$output" == *"a size is a number from 1 to 4194304"* ]]
    run -125 crank run --rm --userns=keep-id busybox true
    [[ "$output" == *"not supported yet"* ]]
    run -125 crank run --rm --sandbox strict --userns=host busybox true
    [[ "$output" == *"--sandbox strict with --userns=host"*"--sandbox default"* ]]
}

@test "a volume that cannot be mapped is an error that names it; noidmap starts it" {
    run -125 crank run --rm --userns=auto -v /proc/sys:/data busybox true
    [[ "$output" == *"the ids of the mount of /proc/sys cannot be mapped"*"noidmap"* ]]
    run -0 crank run --rm --userns=auto -v /proc/sys:/data:ro,noidmap busybox true
}

@test "no network, the host's network, a device, and what --explain says" {
    run -0 crank run --rm --userns=auto --network none busybox sh -c 'ip link | grep -c "lo:"'
    [ "$output" = 1 ]
    run -0 crank run --rm --userns=auto --network host busybox sh -c 'readlink /proc/self/ns/net'
    [ "$output" = "$(readlink /proc/self/ns/net)" ]
    run -0 crank run --rm --userns=auto --device /dev/zero:/dev/mine busybox sh -c \
        'stat -c %u /dev/mine; head -c 3 /dev/mine | wc -c'
    [ "$output" = "0
3" ]
    run -0 crank run --explain --userns=auto busybox true
    [[ "$output" == *"their ids mapped"*"enter the new user namespace"*"lock the mounts"* ]]
    [ -z "$(find "$CRANK_ROOT/ids" -type l 2>/dev/null)" ]
}
