#!/usr/bin/env bats
# crank run: namespaces of the host and of other containers, addresses that are asked for.

# shellcheck disable=SC2154 # run sets stderr
# shellcheck disable=SC2016 # what stands in single quotes the shell in the container expands
bats_require_minimum_version 1.5.0
load ../lib/crank

setup_file() {
    crank_setup_file
    busybox_image
}
setup() { crank_setup; }
teardown() { crank_teardown; }
teardown_file() { crank_teardown_file; }

# inside [FLAG...] -- COMMAND...: in the foreground
inside() {
    local -a flags=()
    while [ "$1" != -- ]; do
        flags+=("$1")
        shift
    done
    shift
    crank run --rm "${flags[@]}" busybox "$@"
}

# refuses 'FLAGS|ERROR'...: each ends with 125 and the error's beginning
refuses() {
    local one
    for one in "$@"; do
        # shellcheck disable=SC2086 # words
        run --separate-stderr crank run --rm ${one%%|*} busybox true
        [ "$status" -eq 125 ] || { echo "$one: $status"; return 1; }
        [[ $stderr == "crank run: ${one#*|}"* ]] || { echo "$one: $stderr"; return 1; }
        [ -z "$output" ]
    done
}

own() { readlink "/proc/self/ns/$1"; }

@test "namespaces of the host: processes, shared memory, names" {
    run inside --network none --pid host -- sh -c 'readlink /proc/self/ns/pid; cat /proc/'$$'/comm'
    [ "${lines[0]}" = "$(own pid)" ]
    [ "${lines[1]}" = "$(cat /proc/$$/comm)" ]
    local shared=/dev/shm/crank-test-$$
    echo shared >"$shared"
    run inside --network none --ipc host -- sh -c 'readlink /proc/self/ns/ipc; cat '"$shared"
    rm -f "$shared"
    [ "$output" = "$(own ipc)"$'\nshared' ]
    run inside --network none --ipc none -- test -e /dev/shm
    [ "$status" -eq 1 ]
    run inside --network none --ipc private -- readlink /proc/self/ns/ipc
    [ "$output" != "$(own ipc)" ]
    run inside --network none --uts host -- sh -c 'readlink /proc/self/ns/uts; hostname; echo $HOSTNAME'
    [ "$output" = "$(own uts)"$'\n'"$(uname -n)"$'\n'"$(uname -n)" ]
    refuses "--pid private|--pid \"private\": host or container:NAME" \
        "--ipc container:|--ipc \"container:\": host, private, shareable, none or container:NAME" \
        "--uts private|--uts \"private\": host alone" \
        "--uts host -h name|--uts host with a host or domain name: it would be the machine's" \
        "--ipc host --shm-size 1m|--shm-size with --ipc host: " \
        "--pid host --userns=auto|--pid with --userns=auto: " \
        "--pid host --sandbox strict|--pid with --sandbox strict: "
}

@test "with the host's processes a container ends whole: nothing of it goes on" {
    local pid
    run inside --network none --pid host -- sh -c 'sleep 1234 >/dev/null 2>&1 & echo $!'
    pid=$output
    gone() { [ ! -e "/proc/$pid" ]; }
    until_true gone
    crank run -d --name worker --network none --pid host busybox sh -c 'sleep 1235 & echo $!; wait'
    logged() { [ -n "$(crank logs worker)" ]; }
    until_true logged
    pid=$(crank logs worker)
    [ -e "/proc/$pid" ]
    [ "$(crank inspect -f '{{.HostConfig.PidMode}}' worker)" = host ]
    [ "$(crank exec worker readlink /proc/self/ns/pid)" = "$(own pid)" ]
    crank stop -t 1 worker
    until_true gone
}

@test "processes of another container" {
    crank run -d --name first --network none busybox sh -c 'exec sleep 1236'
    run inside --network none --pid container:first -- sh -c 'for p in /proc/[0-9]*/cmdline; do tr "\0" " " <$p; echo; done'
    [[ $output == *"sleep 1236"* ]]
    crank run -d --name second --network none --pid container:first busybox sleep 1237
    [ "$(crank exec first readlink /proc/self/ns/pid)" = "$(crank exec second readlink /proc/self/ns/pid)" ]
    run crank exec first sh -c 'cat /proc/[0-9]*/cmdline | tr "\0" " "'
    [[ $output == *"sleep 1237"* ]]
    # a killed monitor is replaced, in the namespace of its own
    [ "$(crank inspect -f '{{.State.Status}}' second)" = running ]
    # the first process of the namespace takes the others along
    crank rm -f first
    [ "$(crank wait second)" = 137 ]
    refuses "--pid container:nosuch|--pid: no such container: nosuch" \
        "--pid container:second|--pid container:second: the container is not running"
}

@test "shared memory, queues and semaphores of another container" {
    crank run -d --name first --network none --shm-size 8m busybox sh -c 'echo theirs >/dev/shm/file; exec sleep 1238'
    written() { crank exec first test -s /dev/shm/file; }
    until_true written
    run inside --network none --ipc container:first -- sh -c 'cat /dev/shm/file; echo ours >/dev/shm/more; df -k /dev/shm | awk "NR==2 { print \$2 }"'
    [ "$output" = $'theirs\n8192' ]
    [ "$(crank exec first cat /dev/shm/more)" = ours ]
    crank run -d --name second --network none --ipc container:first busybox sleep 1239
    [ "$(crank exec first readlink /proc/self/ns/ipc)" = "$(crank exec second readlink /proc/self/ns/ipc)" ]
    local id
    id=$(crank inspect -f '{{.Id}}' first)
    [ "$(crank inspect -f '{{.HostConfig.IpcMode}}' second)" = "container:$id" ]
    # it goes on without the first, and not again
    crank rm -f first
    [ "$(crank exec second cat /dev/shm/more)" = ours ]
    crank stop -t 0 second
    run ! crank start second
    [[ $output == *"--ipc: no such container: "* ]]
    crank run -d --name none --network none --ipc none busybox sleep 60
    crank run -d --name private --network none --ipc private busybox sleep 60
    crank run -d --name machine --network none --ipc host busybox sleep 60
    crank run -d --name own --network none --userns=auto busybox sleep 60
    crank run -d --name plain --network none busybox sleep 60
    crank create --name ended --network none busybox true
    refuses "--ipc container:nosuch|--ipc: no such container: nosuch" \
        "--ipc container:ended|--ipc container:ended: the container is not running" \
        "--ipc container:none|--ipc container:none: it has no /dev/shm (--ipc none)" \
        "--ipc container:private|--ipc container:private: it keeps them to itself (--ipc private)" \
        "--ipc container:machine|--ipc container:machine: it has those of host itself" \
        "--ipc container:own|--ipc container:own: that container has ids of its own" \
        "--ipc container:plain --shm-size 1m|--shm-size with --ipc container:" \
        "--ipc container:plain --userns=auto|--ipc container: with --userns=auto: " \
        "--ipc container:plain --sandbox strict|--ipc container: with --sandbox strict: " \
        "--ipc other|--ipc \"other\": host, private, shareable, none or container:NAME"
}

@test "the network of another container" {
    crank run -d --name first --network none -h one busybox httpd -f -p 4242 -h /etc
    ready() { crank exec first wget -qO- http://127.0.0.1:4242/group >/dev/null 2>&1; }
    until_true ready
    run inside --network container:first -- sh -c 'wget -qO- http://127.0.0.1:4242/group | head -1; hostname; grep -c one /etc/hosts; cat /etc/hostname'
    [ "$output" = $'root:x:0:\none\n1\none' ]
    crank run -d --name second --network container:first busybox sleep 60
    [ "$(crank exec first readlink /proc/self/ns/net)" = "$(crank exec second readlink /proc/self/ns/net)" ]
    local id
    id=$(crank inspect -f '{{.Id}}' first)
    [ "$(crank inspect -f '{{.HostConfig.NetworkMode}}' second)" = "container:$id" ]
    # it goes on without the first
    crank rm -f first
    [ "$(crank exec second cat /sys/class/net/lo/operstate)" = unknown ]
    refuses "--network container:nosuch|--network: no such container: nosuch" \
        "--network container:|--network container: wants a name behind it" \
        "--network container:second|--network container:second: its network is container:" \
        "--network container:second -p 80|--network container:second: its network is container:" \
        "--network container:x --dns 1.1.1.1|--dns with --network container:x: names are that container's" \
        "--network container:x -h name|--hostname with --network container:x: "
    crank run -d --name third --network none busybox sleep 60
    refuses "--network container:third -p 8000|--publish with --network container: the ports are that container's" \
        "--network container:third --userns=auto|--network container: with --userns=auto: "
}

@test "an address that is asked for" {
    local address
    address=$(inside -- sh -c 'ip -4 -o addr show eth0 | sed "s,.*inet \([^/]*\)/.*,\1,"')
    address=${address%.*}.77
    crank run -d --name first --ip "$address" busybox sleep 60
    [ "$(crank inspect -f '{{.NetworkSettings.IPAddress}}' first)" = "$address" ]
    run crank exec first ip -4 -o addr show eth0
    [[ $output == *" $address/"* ]]
    refuses "--ip $address|--ip $address: the address is in use by container $(crank inspect -f '{{.Id}}' first | cut -c1-12)" \
        "--ip 192.0.2.1|--ip 192.0.2.1: the bridge has no such address for containers" \
        "--ip here|--ip \"here\": no IPv4 address" \
        "--network none --ip $address|--ip is for a container on the bridge"
    crank rm -f first
    inside --ip "$address" -- true
}
