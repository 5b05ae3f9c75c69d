#!/usr/bin/env bats
# crank create: every flag of run that makes a container is there, and becomes part of it.

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

# shown NAME TEMPLATE
shown() { crank inspect --format "$2" "$1"; }
# has NAME TEMPLATE VALUE
has() {
    local value
    value=$(shown "$1" "$2")
    [ "$value" = "$3" ] || { printf '%s: %s is %s, not %s\n' "$1" "$2" "$value" "$3" >&2 && return 1; }
}

@test "create: variables, files of them, labels, names, and what it runs" {
    printf 'FROM_FILE=file\nGREETING=file\n' >env.list
    printf 'team=mail\n' >labels
    PASSED=on crank create --name made --network none --env-host --env-file env.list --env GREETING=flag \
        --unsetenv PATH --label-file labels --label tier=web --annotation org.example=1 --cidfile id \
        --workdir /tmp --user worker --entrypoint /bin/echo --hostname box --domainname example \
        --quiet --replace --stop-signal INT --stop-timeout 3 --umask 0027 --platform linux busybox hi >/dev/null
    [ "$(cat id)" = "$(shown made '{{.Id}}')" ]
    env=$(shown made '{{json .Config.Env}}')
    for entry in FROM_FILE=file GREETING=flag PASSED=on; do [[ $env == *"\"$entry\""* ]]; done
    [[ $env != *'"PATH='* ]]
    has made '{{.Config.Labels.team}} {{.Config.Labels.tier}}' 'mail web'
    has made '{{.Config.WorkingDir}} {{.Config.User}} {{.Config.Hostname}} {{.Config.Domainname}}' '/tmp worker box example'
    has made '{{json .Config.Entrypoint}} {{json .Config.Cmd}}' '["/bin/echo"] ["hi"]'
    has made '{{.Config.StopSignal}} {{.Config.StopTimeout}}' 'SIGINT 3'
    crank create --name bare --network none --unsetenv-all --init=false --interactive --tty --attach stdout --rm busybox >/dev/null
    [[ $(shown bare '{{json .Config.Env}}') != *GREETING* ]]
    has bare '{{.HostConfig.AutoRemove}} {{.Config.OpenStdin}} {{.Config.Tty}} {{.HostConfig.Init}}' 'true true true false'
    run -125 crank create --detach-keys ctrl-x busybox
    [[ $output == *"--detach-keys"* ]]
    crank create --name sig --sig-proxy=false --network none busybox >/dev/null
    run -125 --separate-stderr crank create --cidfile id busybox
    [[ $stderr == *id* ]]
}

@test "create: limits and priorities" {
    crank create --name made --network none --cpus 0.5 --memory 64m --memory-swap 128m --memory-reservation 32m \
        --cpu-shares 512 --cpuset-cpus 0 --cpuset-mems 0 --shm-size 16m --pids-limit 99 --limits best-effort \
        --ulimit nofile=512:1024 --oom-score-adj 500 --restart on-failure:2 busybox true >/dev/null
    has made '{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}} {{.HostConfig.MemorySwap}}' '500000000 67108864 134217728'
    has made '{{.HostConfig.MemoryReservation}} {{.HostConfig.CpuShares}}' '33554432 512'
    has made '{{.HostConfig.CpusetCpus}} {{.HostConfig.CpusetMems}}' '0 0'
    has made '{{.HostConfig.ShmSize}} {{.HostConfig.PidsLimit}} {{.HostConfig.OomScoreAdj}}' '16777216 99 500'
    has made '{{(index .HostConfig.Ulimits 0).Name}} {{(index .HostConfig.Ulimits 0).Hard}}' 'nofile 1024'
    has made '{{.HostConfig.RestartPolicy.Name}} {{.HostConfig.RestartPolicy.MaximumRetryCount}}' 'on-failure 2'
    run -125 crank create --cpuset-mems x busybox
    [[ $output == *"--cpuset-mems"* ]]
    # what was asked for counts when it starts
    crank start --attach made
    crank rm made
    crank create --name worn --network none --cpuset-mems 0 --oom-score-adj 500 --pids-limit 99 busybox \
        cat /proc/self/oom_score_adj >/dev/null
    [ "$(crank start --attach worn)" = 500 ]
}

@test "create: rights, namespaces and devices" {
    crank create --name made --network none --cap-add NET_ADMIN --cap-drop NET_RAW --security-opt seccomp=unconfined \
        --group-add video --sysctl net.core.somaxconn=99 --device-cgroup-rule 'c 7:* r' --cgroupns host \
        --pid host --ipc host --uts host --read-only --tz UTC busybox true >/dev/null
    has made '{{json .HostConfig.CapAdd}}' '["NET_ADMIN"]'
    [[ $(shown made '{{json .HostConfig.CapDrop}}') == *NET_RAW* ]]
    has made '{{json .HostConfig.SecurityOpt}} {{json .HostConfig.GroupAdd}}' '["seccomp=unconfined"] ["video"]'
    has made '{{index .HostConfig.Sysctls "net.core.somaxconn"}} {{.HostConfig.ReadonlyRootfs}}' '99 true'
    has made '{{.HostConfig.CgroupnsMode}} {{.HostConfig.PidMode}} {{.HostConfig.IpcMode}} {{.HostConfig.UTSMode}}' \
        'host host host host'
    crank create --name given --network none --device /dev/null:/dev/nothing --tmpfs /work:size=1m --read-only busybox \
        sh -c 'echo x >/dev/nothing && touch /work/x && grep -o "/work tmpfs" /proc/mounts; touch /x 2>/dev/null || echo no' >/dev/null
    run -0 crank start --attach given
    [ "$output" = $'/work tmpfs\nno' ]
    crank create --name all --network none --privileged busybox >/dev/null
    has all '{{.HostConfig.Privileged}}' true
    crank create --name own --network none --uidmap 0:200000:65536 --gidmap 0:200000:65536 busybox >/dev/null
    crank create --name sub --network none --userns auto busybox >/dev/null
    crank create --name strict --network none --sandbox strict busybox >/dev/null
    run -125 crank create --gpus two busybox
    [[ $output == *"--gpus"* ]]
    run -125 crank create --runtime nosuch-runtime busybox
    [[ $output == *nosuch-runtime* ]]
}

@test "a root that cannot be changed is so at every start" {
    for flags in --read-only "--sandbox strict"; do
        # shellcheck disable=SC2086 # words
        crank create --name fixed --network none $flags busybox sleep 1000 >/dev/null
        crank start fixed
        run ! crank exec fixed touch /bin/new
        [[ $output == *"Read-only file system"* || $output == *"Permission denied"* ]]
        [[ $(crank exec fixed grep ' / ' /proc/mounts) == *" ro,"* ]]
        crank restart -t 0 fixed
        [[ $(crank exec fixed grep ' / ' /proc/mounts) == *" ro,"* ]]
        crank rm -f fixed
    done
}

@test "create: mounts" {
    mkdir data
    crank create --name made --network none --volume "$PWD/data:/a:ro" --mount "type=bind,src=$PWD/data,dst=/b" busybox \
        sh -c 'ls -d /a /b; touch /b/x; touch /a/y 2>/dev/null || echo no' >/dev/null
    crank create --name from --network none --volumes-from made busybox ls /b >/dev/null
    run -0 crank start --attach made
    [ "$output" = $'/a\n/b\nno' ]
    run -0 crank start --attach from
    [ "$output" = x ]
}

@test "create: networks, names and ports" {
    crank network create --ipv6 --subnet 10.99.7.0/24 --subnet fd00:97::/64 net >/dev/null
    crank create --name made --network net --network-alias web --ip 10.99.7.9 --ip6 fd00:97::9 --add-host db:10.0.0.1 \
        --dns 10.0.0.2 --dns-search example --dns-option ndots:2 --expose 81 --publish 0:80 --publish-all busybox \
        cat /etc/hosts /etc/resolv.conf >/dev/null
    run -0 crank start --attach made
    [[ $output == *$'10.0.0.1\tdb'* && $output == *10.99.7.9* && $output == *"search example"* && $output == *"ndots:2"* ]]
    [[ $(shown made '{{json .HostConfig.PortBindings}}') == *'"80/tcp"'* ]]
    has made '{{.HostConfig.PublishAllPorts}}' true
    crank create --name plain --network none --no-hosts --no-hostname busybox cat /etc/hosts >/dev/null
    run ! crank start --attach plain
    crank rm made plain
    crank network rm net
}

@test "create: its log and its health" {
    crank create --name made --network none --log-driver json-file --log-opt max-size=1m --health-cmd true \
        --health-interval 5s --health-timeout 2s --health-retries 4 --health-start-period 1s \
        --health-start-interval 1s --on-unhealthy restart:2 busybox sleep 100 >/dev/null
    has made '{{.Config.Healthcheck.Interval}} {{.Config.Healthcheck.Timeout}} {{.Config.Healthcheck.Retries}}' \
        '5000000000 2000000000 4'
    has made '{{.Config.Healthcheck.StartPeriod}} {{.Config.Healthcheck.StartInterval}}' '1000000000 1000000000'
    has made '{{index .HostConfig.LogConfig.Config "max-size"}}' 1048576
    crank create --name probed --probe tcp://:80 busybox >/dev/null
    [[ $(shown probed '{{json .Config.Healthcheck}}') == *tcp://:80* ]]
    crank create --name unchecked --network none --no-healthcheck busybox >/dev/null
    [[ $(shown unchecked '{{json .Config}}') != *Healthcheck* ]]
    run -125 crank create --pull sometimes busybox
    [[ $output == *sometimes* ]]
}
