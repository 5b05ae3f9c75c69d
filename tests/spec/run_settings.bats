#!/usr/bin/env bats
# crank run: rights, limits and names beyond the usual, as the worker finds them.

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

# inside [FLAG...] -- COMMAND...: in the foreground, without a network
inside() {
    local -a flags=()
    while [ "$1" != -- ]; do
        flags+=("$1")
        shift
    done
    shift
    crank run --rm --network none "${flags[@]}" busybox "$@"
}

# capabilities [FLAG...]: the effective set of root, in hexadecimal
capabilities() { inside "$@" -- sh -c 'grep CapEff /proc/self/status | cut -f2'; }

# has_capability NUMBER SET
has_capability() { (((0x$2 >> $1) & 1)); }

# refuses 'FLAGS|ERROR'...: each ends with 125 and the error's beginning
refuses() {
    local one
    for one in "$@"; do
        # shellcheck disable=SC2086 # words
        run --separate-stderr crank run --rm --network none ${one%%|*} busybox true
        [ "$status" -eq 125 ] || { echo "$one: $status"; return 1; }
        [[ $stderr == "crank run: ${one#*|}"* ]] || { echo "$one: $stderr"; return 1; }
        [ -z "$output" ]
    done
}

@test "capabilities: added and dropped, with and without CAP_, ALL" {
    run capabilities --cap-add net_admin --cap-drop CAP_CHOWN
    has_capability 12 "$output"
    run ! has_capability 0 "$output"
    run capabilities --cap-drop ALL
    [ "$output" = 0000000000000000 ]
    run capabilities --cap-drop ALL --cap-add NET_BIND_SERVICE
    [ "$output" = 0000000000000400 ]
    # what needs one: a network device; the filter opens with it
    run inside -- ip link add dummy0 type dummy
    [ "$status" -ne 0 ]
    inside --cap-add NET_ADMIN -- ip link set lo mtu 1400
    inside --cap-add SYS_ADMIN -- mount -t tmpfs x /tmp
    run inside -- mount -t tmpfs x /tmp
    [ "$status" -ne 0 ]
    # exec has the same, for whomever
    crank run -d --name worker --network none --cap-add NET_ADMIN --cap-drop CHOWN busybox sleep 60
    run crank exec -u 0 worker grep CapEff /proc/self/status
    has_capability 12 "${output##*$'\t'}"
    run ! has_capability 0 "${output##*$'\t'}"
    [ "$(crank inspect -f '{{json .HostConfig.CapAdd}} {{json .HostConfig.CapDrop}}' worker)" = '["NET_ADMIN"] ["CHOWN"]' ]
    refuses "--cap-add NET_ADMN|--cap-add: unknown capability \"NET_ADMN\"" \
        "--cap-add ALL --cap-drop ALL|--cap-add ALL contradicts --cap-drop ALL" \
        "--sandbox strict --cap-add NET_ADMIN|--cap-add with --sandbox strict: "
}

@test "privileged: every capability that crank has, devices, no filter, nothing masked" {
    local own
    own=$(grep CapPrm /proc/self/status | cut -f2)
    run inside --privileged -- sh -c 'grep CapEff /proc/self/status | cut -f2
        grep -E "^(NoNewPrivs|Seccomp):" /proc/self/status
        mkdir /m && mount -t tmpfs x /m && echo mounted
        touch /proc/sys/kernel/domainname && echo writable
        test -c /dev/kmsg && echo device'
    [ "$status" -eq 0 ]
    [ "$output" = "$own"$'\nNoNewPrivs:\t0\nSeccomp:\t0\nmounted\nwritable\ndevice' ]
    run inside -- sh -c 'touch /proc/sys/kernel/domainname; test -c /dev/kmsg'
    [ "$status" -ne 0 ]
    crank run -d --name worker --privileged --network none busybox sleep 60
    [ "$(crank exec worker grep Seccomp: /proc/self/status | tr -d '\t')" = Seccomp:0 ]
    [ "$(crank inspect -f '{{.HostConfig.Privileged}}' worker)" = true ]
    refuses "--privileged --userns=auto|--privileged with --userns=auto: " \
        "--privileged --sandbox strict|--privileged with --sandbox strict: they are opposites"
}

@test "security options: a profile, none, new privileges" {
    cat >profile.json <<'END'
{"defaultAction": "SCMP_ACT_ALLOW",
 "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]},
             {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]}],
 "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28},
              {"names": ["symlink", "symlinkat"], "action": "SCMP_ACT_ERRNO",
               "excludes": {"caps": ["CAP_CHOWN"]}}]}
END
    run inside --security-opt seccomp=profile.json -- sh -c 'ln -s a /b && mkdir /a'
    [ "$status" -ne 0 ]
    [[ $output == *"can't create directory '/a': No space left on device"* ]]
    run inside --security-opt seccomp=profile.json --cap-drop CHOWN -- ln -s a /b
    [[ $output == *"Operation not permitted"* ]]
    # exec has the same filter
    crank run -d --name worker --network none --security-opt seccomp=profile.json busybox sleep 60
    run crank exec worker mkdir /a
    [[ $output == *"No space left on device"* ]]
    run inside --security-opt seccomp=unconfined -- grep Seccomp: /proc/self/status
    [ "$output" = $'Seccomp:\t0' ]
    run inside -- grep NoNewPrivs /proc/self/status
    [ "$output" = $'NoNewPrivs:\t1' ]
    run inside --security-opt no-new-privileges=false -- grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status
    [ "$output" = $'NoNewPrivs:\t0\nSeccomp:\t2' ]
    run inside --security-opt systempaths=unconfined -- grep -c ' /proc/sys ' /proc/mounts
    [ "$output" = 0 ]
    inside --security-opt apparmor=unconfined --security-opt label=disable -- true
    echo '{"defaultAction":"SCMP_ACT_ALOW"}' >bad.json
    refuses "--security-opt seccomp=none.json|--security-opt seccomp: " \
        "--security-opt seccomp=bad.json|linux.seccomp.defaultAction: " \
        "--security-opt apparmor=docker-default|--security-opt \"apparmor=docker-default\": crank puts no AppArmor profile on workers" \
        "--security-opt label=type:x|--security-opt \"label=type:x\": crank puts no SELinux label on workers" \
        "--security-opt nothing=1|--security-opt \"nothing=1\": option \"nothing\" is unknown" \
        "--sandbox strict --security-opt seccomp=unconfined|--security-opt seccomp with --sandbox strict: "
}

@test "groups, limits of processes, kernel settings, the order in which they are killed" {
    run inside -u 1000 --group-add video --group-add 7 -- id -G
    [ "$output" = "1000 7 44" ]
    run inside --ulimit nofile=64:128 --ulimit core=0 -- sh -c 'ulimit -n; ulimit -Hn; ulimit -c'
    [ "$output" = $'64\n128\n0' ]
    run inside --sysctl net.core.somaxconn=77 --sysctl kernel.msgmax=9000 -- cat /proc/sys/net/core/somaxconn /proc/sys/kernel/msgmax
    [ "$output" = $'77\n9000' ]
    run inside --oom-score-adj 300 -- cat /proc/self/oom_score_adj
    [ "$output" = 300 ]
    refuses "--group-add nosuch|--group-add: the image has no group nosuch in /etc/group" \
        "--ulimit nofiles=1|--ulimit \"nofiles=1\": unknown limit \"nofiles\"" \
        "--ulimit nofile=9:1|--ulimit \"nofile=9:1\": the soft limit is above the hard one" \
        "--sysctl kernel.panic=1|--sysctl: sysctl \"kernel.panic\" is a setting of the whole host" \
        "--sysctl net.core|--sysctl \"net.core\": wanted NAME=VALUE" \
        "--oom-score-adj 1001|--oom-score-adj \"1001\": a number from -1000 to 1000"
    run --separate-stderr crank run --rm --network host --sysctl net.core.somaxconn=1 busybox true
    [ "$status" -eq 125 ]
    [[ $stderr == *"belongs to the network namespace, which the container shares with the host"* ]]
}

@test "published ports are of no use without a network, and with the host's: a warning" {
    for network in none host; do
        run -0 --separate-stderr crank run --rm --network "$network" -p 0:8080 busybox echo works
        [ "$output" = works ]
        [[ $stderr == *"published ports are of no use with --network $network"* ]]
    done
}

@test "names: hosts, name servers, domains" {
    run inside --add-host db:10.0.0.7 --add-host six=::2 -- grep -wE 'db|six' /etc/hosts
    [ "$output" = $'10.0.0.7\tdb\n::2\tsix' ]
    run inside --dns 192.0.2.1 --dns-search a.example --dns-option ndots:2 -- cat /etc/resolv.conf
    [ "$output" = $'nameserver 192.0.2.1\nsearch a.example\noptions ndots:2' ]
    # the host's own lines come before
    run inside --dns-option ndots:2 -- tail -n 1 /etc/resolv.conf
    [ "$output" = 'options ndots:2' ]
    run inside --domainname nis.example -- cat /proc/sys/kernel/domainname
    [ "$output" = nis.example ]
    run crank run --rm --add-host me:host-gateway busybox sh -c 'ip route | sed -n "s/default via \([^ ]*\).*/\1/p"; grep "	me$" /etc/hosts | cut -f1'
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = "${lines[1]}" ]
    refuses "--add-host db|--add-host \"db\": wanted NAME:IP" \
        "--add-host db:here|--add-host \"db:here\": \"here\" is no IP address" \
        "--add-host me:host-gateway|--add-host me:host-gateway with --network none: " \
        "--dns name|--dns \"name\": a name server is an IP address"
}

@test "limits: swap, reservation, processors, shares" {
    local group
    crank run -d --name worker --network none --memory 64m --memory-swap 64m --memory-reservation 32m \
        --cpuset-cpus 0 --cpu-shares 512 busybox sleep 60
    run crank inspect -f '{{.HostConfig.MemorySwap}} {{.HostConfig.MemoryReservation}} {{.HostConfig.CpuShares}} {{.HostConfig.CpusetCpus}}' worker
    [ "$output" = "67108864 33554432 512 0" ]
    run crank exec worker grep Cpus_allowed_list /proc/self/status
    [ "$output" = $'Cpus_allowed_list:\t0' ]
    group=$(crank inspect -f '{{.Id}}' worker)
    run cat /sys/fs/cgroup/memory/crank/"$group"/memory.soft_limit_in_bytes /sys/fs/cgroup/cpu/crank/"$group"/cpu.shares
    if [ -d /sys/fs/cgroup/memory ]; then [ "$output" = $'33554432\n512' ]; fi
    refuses "--memory-swap 64m|--memory-swap=64MiB: it is memory and swap together, and needs --memory" \
        "--memory 64m --memory-swap 32m|--memory-swap=32MiB: it is memory and swap together, and below --memory=64MiB" \
        "--memory 64m --memory-reservation 128m|--memory-reservation=128MiB: it is above --memory=64MiB" \
        "--cpuset-cpus 4096|--cpuset-cpus=4096: this host has the CPUs 0" \
        "--cpuset-cpus a|--cpuset-cpus \"a\": wanted a list of numbers" \
        "--cpu-shares 1|--cpu-shares=1: from 2 to 262144"
}

@test "the kept output is as long as --log-opt says" {
    crank run --name worker --network none --log-opt max-size=8k --log-opt max-file=2 busybox \
        sh -c 'for i in $(seq 2000); do echo "line $i of the output"; done' >/dev/null
    local dir
    dir=$CRANK_ROOT/containers/$(crank inspect -f '{{.Id}}' worker)
    [ -f "$dir/log.1" ]
    [ ! -e "$dir/log.2" ]
    [ "$(stat -c %s "$dir/log.1")" -le 8192 ]
    [ "$(crank logs --tail 1 worker)" = "line 2000 of the output" ]
    refuses "--log-opt max-size=1|--log-opt \"max-size=1\": a log's file has at least 4096 bytes" \
        "--log-opt tag=x|--log-opt \"tag=x\": option \"tag\" is not supported" \
        "--log-driver syslog|--log-driver \"syslog\": crank keeps what a worker writes in files of its own"
}

@test "ports: every exposed one" {
    printf 'FROM busybox\nEXPOSE 8000\n' >Dockerfile
    crank build -q -t exposes .
    crank run -d --name worker -P --expose 8001 exposes sleep 60 2>/dev/null
    run crank inspect -f '{{json .HostConfig.PortBindings}}' worker
    [ "$(jq -r 'keys | join(" ")' <<<"$output")" = "8000/tcp 8001/tcp" ]
    [ "$(crank inspect -f '{{.HostConfig.PublishAllPorts}}' worker)" = true ]
    refuses "--expose 8080:80|--expose \"8080:80\": a port of the container alone is wanted"
}

@test "labels from files, annotations, the id in a file, the platform" {
    printf '# comment\nteam=mail\nbare\n' >labels
    crank run -d --name worker --network none --label-file labels -l team=web --cidfile id \
        --annotation a.b=c --platform "linux/$(crank version --format '{{.Arch}}' 2>/dev/null || echo amd64)" \
        --no-healthcheck busybox sleep 60
    [ "$(crank inspect -f '{{json .Config.Labels}}' worker)" = '{"bare":"","team":"web"}' ]
    [ "$(cat id)" = "$(crank inspect -f '{{.Id}}' worker)" ]
    [ "$(crank inspect -f '{{json .HostConfig.Annotations}}' worker)" = '{"a.b":"c"}' ]
    refuses "--cidfile id|--cidfile id: the file exists" \
        "--label-file none|--label-file: " \
        "--annotation a|--annotation \"a\": wanted NAME=VALUE" \
        "--platform linux/s390x|--platform \"linux/s390x\": this machine runs linux/"
    # a start that failed leaves no file
    run -127 crank run --rm --cidfile other --network none busybox nosuch
    [ ! -e other ]
}

@test "--device-cgroup-rule: a device that the worker makes itself" {
    local make='mknod /tmp/zero c 1 12 && head -c 4 /tmp/zero >/dev/null'
    run ! inside -- sh -c "$make"
    # 1:12 is nobody's: it can be made and opened by name, but no driver answers
    run ! inside --device-cgroup-rule 'c 1:12 rmw' -- sh -c "$make"
    [[ $output == *"No such device or address"* ]]
    [[ $output != *"not permitted"* ]]
    crank create --name ruled --device-cgroup-rule 'c 1:12 rmw' --device-cgroup-rule 'b *:* r' busybox true >/dev/null
    run -0 crank inspect -f '{{json .HostConfig.DeviceCgroupRules}}' ruled
    [ "$output" = '["c 1:12 rmw","b *:* r"]' ]
    local one
    for one in "c 1:12|type, numbers and access are wanted" "c 1 rw|type, numbers and access are wanted" \
        "x 1:1 r|the type is a, b or c, not x" "c 1: r|\"\" is no number of a device" \
        "c -1:1 r|\"-1\" is no number of a device" "c 1:1 rx|access is some of r, w and m, not rx"; do
        run ! inside --device-cgroup-rule "${one%%|*}" -- true
        [[ $output == *"--device-cgroup-rule"*"${one%%|*}"*"${one#*|}"* ]] || {
            echo "$one: $output"
            return 1
        }
    done
    run ! inside --sandbox strict --device-cgroup-rule 'c 1:12 r' -- true
    [[ $output == *"--device-cgroup-rule"* ]]
}
