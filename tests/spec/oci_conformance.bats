#!/usr/bin/env bats
# What runtime-spec 1.2.1 and 1.3 added, and what runc's and crun's callers give on the command line.
#
# shellcheck disable=SC2016 # what jq and the containers expand
# shellcheck disable=SC2030,SC2031 # each test has its own output

bats_require_minimum_version 1.5.0
load ../lib/oci

setup_file() { oci_setup_file; }
setup() {
    oci_setup
    id=$TEST_ID-$BATS_TEST_NUMBER
}
teardown() {
    ip link del "crk0-$$" 2>/dev/null || true
    ip netns del "$id" 2>/dev/null || true
    oci_teardown
}
teardown_file() { common_teardown; }

# A pair of devices; the container is given the first. The name is this process's own.
make_device() {
    device=crk0-$$
    require "a veth pair" ip link add "$device" mtu 1400 address 02:00:5e:00:53:01 type veth peer name "crk1-$$"
}

@test "netDevices: a device of the host's moves in, with its addresses, and is up" {
    make_device
    ip address add 10.77.0.2/24 broadcast 10.77.0.254 dev "$device"
    ip address add fd00:77::2/64 dev "$device" nodad
    ip address add 127.77.0.1/8 scope host dev "$device"
    # a device that is up gives its link-local address away with the move, and gets another
    ip link set "$device" up
    sh_bundle 'ip address show dev eth7'
    edit --arg device "$device" '.linux.netDevices = {($device): {"name": "eth7"}}'
    run -0 oci run --bundle "$BUNDLE" "$id"
    [[ "$output" = *"eth7@"*",UP"*" mtu 1400 "* ]]
    [[ "$output" = *"link/ether 02:00:5e:00:53:01"* ]]
    [[ "$output" = *"inet 10.77.0.2/24 brd 10.77.0.254 scope global eth7"* ]]
    [[ "$output" = *"inet6 fd00:77::2/64 scope global"* ]]
    # of global scope alone
    [[ "$output" != *127.77.0.1* ]]
    # it went with the container's namespace
    until_true no_link "$device"
}

no_link() { ! ip link show "$1" 2>/dev/null; }

@test "netDevices: by its own name, by a template, into a namespace that stays, before the hooks" {
    ip netns add "$id"
    ip -n "$id" link add eth0 type veth peer name peer0
    make_device
    # shellcheck disable=SC2016 # the hook's variable
    hook='test -n "$(ip netns exec '"$id"' ip -o link show eth1)" && echo hook saw it >'"$CRANK_TEST_DIR/hook"
    edit --arg device "$device" --arg netns "/run/netns/$id" --arg hook "$hook" \
        '.linux.netDevices = {($device): {"name": "eth%d"}} |
         .linux.namespaces |= map(if .type == "network" then .path = $netns else . end) |
         .hooks.createRuntime = [{"path": "/bin/sh", "args": ["sh", "-c", $hook], "env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]}] |
         .process.args = ["ip", "link", "show", "dev", "eth1"]'
    run -0 oci run --bundle "$BUNDLE" "$id"
    [[ "$output" = *"eth1@"*"mtu 1400 "* ]]
    [ "$(cat hook)" = "hook saw it" ]
    # whoever made the namespace has it now
    ip -n "$id" link show eth1
    run -1 ip link show "$device"
}

@test "netDevices: what cannot be moved is an error that names it, and nothing is left" {
    make_device
    local case
    for case in '{"nosuch-0": {}}|linux.netDevices.nosuch-0: no network device nosuch-0' \
        '{"DEV": {"name": "lo"}}|linux.netDevices.DEV: move network device DEV: there is a device named lo already' \
        '{"DEV": {"name": "a/b"}}|linux.netDevices.DEV.name: '"'a/b'"' is no name of a network device' \
        '{"DEV": {"name": "a%s"}}|linux.netDevices.DEV.name: '"'a%s'"' is no name of a network device' \
        '{"DEV": {"name": "x0"}, "eth9": {"name": "x0"}}|two devices are to be named x0' \
        '{"a-name-that-is-too-long": {}}|is no name of a network device'; do
        case=${case//DEV/$device}
        edit --argjson devices "${case%%|*}" '.linux.netDevices = $devices'
        run -1 oci create --bundle "$BUNDLE" "$id"
        [[ "$output" = *"${case#*|}"* ]]
        oci_nothing_left
        ip link show "$device"
    done
    # the host's own namespace, by absence and by its path
    edit --arg device "$device" '.linux.netDevices = {($device): {}} |
        .linux.namespaces |= map(select(.type != "network"))'
    run -1 oci create --bundle "$BUNDLE" "$id"
    [[ "$output" = *"linux.netDevices: the container has no network namespace"* ]]
    edit '.linux.namespaces += [{"type": "network", "path": "/proc/1/ns/net"}]'
    if [ "$(readlink /proc/1/ns/net)" = "$(readlink /proc/self/ns/net)" ]; then
        run -1 oci create --bundle "$BUNDLE" "$id"
        [[ "$output" = *"network namespace is the host's"* ]]
    fi
    ip link show "$device"
}

# cpus_of: the list in the output of a `grep Cpus_allowed_list`.
cpus_of() { sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' <<<"$output"; }

@test "execCPUAffinity binds what exec starts, and nothing else does" {
    require "two processors" test "$(nproc --all)" -ge 2
    all=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/1/status)
    edit '.process.args = ["sleep", "100"] | .process.execCPUAffinity = {"initial": "0", "final": "1"}'
    # the caller's own binding is no matter of the container's
    taskset -c 0 crank-oci --root "$CRANK_TEST_DIR/oci" run --detach --bundle "$BUNDLE" "$id" </dev/null >/dev/null 2>&1
    run -0 grep Cpus_allowed_list "/proc/$(oci state "$id" | jq .pid)/status"
    [ "$(cpus_of)" = "$all" ]
    run -0 oci exec "$id" grep Cpus_allowed_list /proc/self/status
    [ "$(cpus_of)" = 1 ]
    # a process of its own says it itself
    printf '{"args": ["grep", "Cpus_allowed_list", "/proc/self/status"], "cwd": "/", "execCPUAffinity": {"final": "0"}}' >process.json
    run -0 oci exec --process process.json "$id"
    [ "$(cpus_of)" = 0 ]
    printf '{"args": ["grep", "Cpus_allowed_list", "/proc/self/status"], "cwd": "/"}' >process.json
    run -0 taskset -c 0 crank-oci --root "$CRANK_TEST_DIR/oci" exec --process process.json "$id"
    [ "$(cpus_of)" = "$all" ]
    # what cannot be
    printf '{"args": ["true"], "cwd": "/", "execCPUAffinity": {"final": "0-x"}}' >process.json
    run -255 oci exec --process process.json "$id"
    [[ "$output" = *"process.execCPUAffinity.final: '0-x' is no list of processors"* ]]
    printf '{"args": ["true"], "cwd": "/", "execCPUAffinity": {"final": "8191"}}' >process.json
    run -255 oci exec --process process.json "$id"
    [[ "$output" = *"run on the processors 8191 (process.execCPUAffinity.final): Invalid argument"* ]]
    printf '{"args": ["true"], "cwd": "/", "execCPUAffinity": {"initial": "8191"}}' >process.json
    run -255 oci exec --process process.json "$id"
    [[ "$output" = *"process.execCPUAffinity.initial: '8191'"* ]]
    edit '.process.execCPUAffinity = {"initial": "zero"}'
    run -1 oci create --bundle "$BUNDLE" "$id-2"
    [[ "$output" = *"process.execCPUAffinity.initial: 'zero' is no list of processors"* ]]
}

# Takes a pidfd at the socket $1, writes which process it is of to $2, and ends that process when
# there is a $2.end.
take_pidfd() {
    python3 - "$1" "$2" <<'END' 3>&- &
import array, os, re, signal, socket, sys, time
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(1)
connection, _ = listener.accept()
_, ancillary, _, _ = connection.recvmsg(64, socket.CMSG_SPACE(4))
fd = array.array("i", ancillary[0][2][:4])[0]
pid = re.search(r"^Pid:\s*(\d+)", open(f"/proc/self/fdinfo/{fd}").read(), re.M)[1]
with open(sys.argv[2] + ".new", "w") as out:
    out.write(pid)
os.rename(sys.argv[2] + ".new", sys.argv[2])
while not os.path.exists(sys.argv[2] + ".end"):
    time.sleep(0.05)
signal.pidfd_send_signal(fd, signal.SIGKILL)
END
    until_true test -S "$1"
}

@test "--pidfd-socket hands a pidfd of the process over: create, run, exec" {
    edit '.process.args = ["sleep", "100"]'
    take_pidfd "$PWD/create.sock" created
    oci create --bundle "$BUNDLE" --pid-file pid --pidfd-socket "$PWD/create.sock" "$id"
    until_true test -s created
    [ "$(cat created)" = "$(cat pid)" ]
    touch created.end
    until_true status_is "$id" stopped
    oci delete "$id"
    take_pidfd "$PWD/run.sock" started
    oci run --detach --bundle "$BUNDLE" --pid-file pid --pidfd-socket "$PWD/run.sock" "$id" </dev/null >/dev/null 2>&1
    until_true test -s started
    [ "$(cat started)" = "$(cat pid)" ]
    status_is "$id" running
    touch started.end
    until_true status_is "$id" stopped
    oci delete "$id"
    oci run --detach --bundle "$BUNDLE" "$id" </dev/null >/dev/null 2>&1
    take_pidfd "$PWD/exec.sock" joined
    touch joined.end
    run -137 oci exec --pid-file pid --pidfd-socket "$PWD/exec.sock" "$id" sleep 100
    [ "$(cat joined)" = "$(cat pid)" ]
    status_is "$id" running
    # nobody there: nothing stays
    run -255 oci exec --pidfd-socket "$PWD/none.sock" "$id" sleep 100
    [[ "$output" = *"--pidfd-socket"*"none.sock"* ]]
    [ "$(oci ps --format json "$id" | jq length)" = 1 ]
    run -1 oci create --bundle "$BUNDLE" --pidfd-socket "$PWD/none.sock" "$id-2"
    [[ "$output" = *"--pidfd-socket"*"none.sock"* ]]
    run -1 oci state "$id-2"
}

@test "--config names the configuration; --no-pivot is taken" {
    sh_bundle 'echo from the other'
    mkdir "$BUNDLE/etc"
    mv "$BUNDLE/config.json" "$BUNDLE/etc/other.json"
    run -0 oci run --bundle "$BUNDLE" --config etc/other.json --no-pivot "$id"
    [ "$output" = "from the other" ]
    run -0 oci run --bundle "$BUNDLE" --config "$BUNDLE/etc/other.json" "$id"
    run -1 oci run --bundle "$BUNDLE" --config nosuch.json "$id"
    [[ "$output" = *"$BUNDLE/nosuch.json: No such file"* ]]
    [[ "$output" != *"oci spec"* ]]
}

@test "delete --regex takes all whose ids match" {
    edit '.process.args = ["sleep", "100"]'
    local name
    for name in a b ab; do oci create --bundle "$BUNDLE" "$id-$name"; done
    run -1 oci delete --regex "$id-(a"
    [[ "$output" = *"\"$id-(a\" is no regular expression: "* ]]
    run -1 oci delete --regex "^$id-x"
    [[ "$output" = *"no container's id matches \"^$id-x\""* ]]
    oci delete --force --regex "^$id-x"
    oci delete --force --regex "^$id-.\$"
    [ "$(oci list --quiet)" = "$id-ab" ]
}

@test "exec --ignore-paused waits in a paused container until it is resumed" {
    edit '.process.args = ["sleep", "100"]'
    oci run --detach --bundle "$BUNDLE" "$id" </dev/null >/dev/null 2>&1
    oci pause "$id"
    run -255 oci exec "$id" true
    [[ "$output" = *"cannot exec in a paused container"* ]]
    oci exec --ignore-paused "$id" echo awake >out 3>&- &
    local exec=$!
    sleep 0.5
    [ ! -s out ]
    oci resume "$id"
    wait "$exec"
    [ "$(cat out)" = awake ]
}

@test "SCHED_DEADLINE: what the kernel refuses without a reason has one" {
    local case
    for case in '{"deadline": 20000000}|requires `runtime`' \
        '{"runtime": 10000000}|requires `deadline`' \
        '{"runtime": 0, "deadline": 20000000}|runtime must be greater than 0' \
        '{"runtime": 1023, "deadline": 20000000}|runtime 1023 must be between 1024 and 9223372036854775807' \
        '{"runtime": 30000000, "deadline": 20000000}|runtime 30000000 must be <= deadline 20000000' \
        '{"runtime": 1000000, "deadline": 20000000, "period": 2000000}|deadline 20000000 must be <= period 2000000'; do
        edit --argjson values "${case%%|*}" '.process.scheduler = {"policy": "SCHED_DEADLINE"} + $values'
        run -1 oci run --bundle "$BUNDLE" "$id"
        [[ "$output" = *"process.scheduler: sched_setattr: \`SCHED_DEADLINE\` ${case#*|}"* ]]
    done
    # others need none of these
    edit '.process.scheduler = {"policy": "SCHED_BATCH", "nice": 3} | .process.args = ["cut", "-d ", "-f19", "/proc/self/stat"]'
    run -0 oci run --bundle "$BUNDLE" "$id"
    [ "$output" = 3 ]
}

@test "a real-time scheduler works where a new group has no share of real time (cgroup v1)" {
    sh_bundle 'cut -d " " -f 41 /proc/self/stat'
    edit '.process.scheduler = {"policy": "SCHED_FIFO", "priority": 10}'
    run -0 oci run --bundle "$BUNDLE" "$id"
    # SCHED_FIFO
    [ "${lines[0]}" = 1 ]
    # what the configuration says goes first
    require "real-time group scheduling of cgroup v1" test -e /sys/fs/cgroup/cpu/cpu.rt_runtime_us
    edit '.linux.resources.cpu.realtimeRuntime = 1000 | .process.args = ["sleep", "100"]'
    oci run --detach --bundle "$BUNDLE" "$id" </dev/null >/dev/null 2>&1
    [ "$(cat "/sys/fs/cgroup/cpu/crank-oci/$id/cpu.rt_runtime_us")" = 1000 ]
}

@test "crun's annotations: the caller's groups, and calls that do not exist" {
    sh_bundle 'sed -n "s/^Groups:[[:space:]]*//p" /proc/self/status'
    edit '.annotations = {"run.oci.keep_original_groups": "1"}'
    run -0 setpriv --groups 7,8 crank-oci --root "$CRANK_TEST_DIR/oci" run --bundle "$BUNDLE" "$id"
    [ "${output% }" = "7 8" ]
    edit 'del(.annotations)'
    run -0 setpriv --groups 7,8 crank-oci --root "$CRANK_TEST_DIR/oci" run --bundle "$BUNDLE" "$id"
    [ "${output% }" = "" ]
    edit '.process.args = ["true"] | .linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["no_such_call"], "action": "SCMP_ACT_ERRNO"}]}'
    oci run --bundle "$BUNDLE" "$id"
    edit '.annotations = {"run.oci.seccomp_fail_unknown_syscall": "1"}'
    run -1 oci run --bundle "$BUNDLE" "$id"
    [[ "$output" = *"linux.seccomp: there is no system call no_such_call"* ]]
    # whoever passes an image's annotations on is told which he must not
    crank-oci features | jq -e '.potentiallyUnsafeConfigAnnotations == ["run.oci.keep_original_groups"] and
        .linux.netDevices.enabled and .ociVersionMax == "1.3.0"'
}

@test "spec --rootless is for a user namespace, and runs" {
    rm "$BUNDLE/config.json"
    crank-oci spec --rootless --bundle "$BUNDLE"
    jq -e '(.linux.namespaces | any(.type == "user")) and .linux.uidMappings == [{"containerID": 0, "hostID": 0, "size": 1}]' "$BUNDLE/config.json"
    edit '.process.terminal = false | .process.rlimits = [] | .process.args = ["cat", "/proc/self/uid_map"]'
    run -0 oci run --bundle "$BUNDLE" "$id"
    read -r inside outside size <<<"$output"
    [ "$inside $outside $size" = "0 0 1" ]
}

@test "names, logs and texts that engines look for" {
    # two sources of one name
    edit '.domainname = "a" | .linux.sysctl = {"kernel.domainname": "b"}'
    run -1 oci run --bundle "$BUNDLE" "$id"
    [[ "$output" = *"'domainname' and linux.sysctl kernel.domainname say two things"* ]]
    # a log that cannot be written
    run -1 crank-oci --log /nosuch/log list
    [[ "$output" = *"--log: "*"/nosuch/log: No such file or directory"* ]]
    # /dev/ptmx leads to the container's own terminals, whoever lists it as a device
    edit 'del(.domainname, .linux.sysctl) | .linux.devices = [{"path": "/dev/ptmx", "type": "c", "major": 5, "minor": 2}] |
        .process.args = ["readlink", "/dev/ptmx"]'
    run -0 oci run --bundle "$BUNDLE" "$id"
    [ "$output" = pts/ptmx ]
    # the state's order is runc's
    oci create --bundle "$BUNDLE" "$id"
    [[ "$(oci list --format json)" = '[{"ociVersion":"1.3.0","id":"'$id'","pid":'*',"status":"created","bundle":"'*'","rootfs":"'*'","created":"'*'"}]' ]]
    # by the names that they look for
    ln -s "$CRANK_BIN/crank-oci" runc
    ln -s "$CRANK_BIN/crank-oci" crun
    run -0 ./runc --version
    [[ "$output" = "crank-oci version "* ]]
    run -0 ./crun exec --help
    [[ "$output" = "Usage: crun [OPTION...] exec CONTAINER cmd"* ]]
    run -0 ./runc --root "$CRANK_TEST_DIR/oci" list --quiet
    [ "$output" = "$id" ]
}

@test "a hook that a signal ended: which one" {
    # shellcheck disable=SC2016 # the hook's variable
    edit '.hooks.createRuntime = [{"path": "/bin/sh", "args": ["sh", "-c", "kill -SEGV $$"]}]'
    run -1 oci create --bundle "$BUNDLE" "$id"
    [[ "$output" = *"createRuntime hook was ended by signal 11 (segmentation fault) (/bin/sh)"* ]]
}

@test "delete --force ends what somebody froze in a group of his own (cgroup v1)" {
    require "the v1 freezer" test -e /sys/fs/cgroup/freezer/cgroup.procs
    edit '.process.args = ["sleep", "100"]'
    oci run --detach --bundle "$BUNDLE" "$id" </dev/null >/dev/null 2>&1
    local other=/sys/fs/cgroup/freezer/$id-other
    mkdir "$other"
    oci state "$id" | jq .pid >"$other/tasks"
    echo FROZEN >"$other/freezer.state"
    oci delete --force "$id"
    rmdir "$other"
}

@test "update --pids-limit 0 is the least there is, as with runc" {
    edit '.process.args = ["sleep", "100"]'
    oci run --detach --bundle "$BUNDLE" "$id" </dev/null >/dev/null 2>&1
    oci update --pids-limit 0 "$id"
    local dir=/sys/fs/cgroup
    if [ -d $dir/pids ]; then dir=$dir/pids; fi
    [ "$(cat "$dir/crank-oci/$id/pids.max")" = 1 ]
}

@test "a startContainer hook runs under a filter that asks: what would be asked does not exist" {
    # a supervisor that takes the listener and answers nothing
    python3 - "$PWD/agent.sock" <<'END' 3>&- &
import socket, sys, time
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(1)
connection, _ = listener.accept()
kept = connection.recvmsg(4096, socket.CMSG_SPACE(4))
time.sleep(2)
END
    until_true test -S agent.sock
    sh_bundle 'cat /tmp/told'
    edit --arg path "$PWD/agent.sock" '.root.readonly = false |
        .linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": $path,
            "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_NOTIFY"}]} |
        .hooks.startContainer = [{"path": "/bin/sh",
            "args": ["sh", "-c", "mkdir /tmp/x 2>/tmp/told; true"]}]'
    run -0 oci run --bundle "$BUNDLE" "$id"
    [[ "$output" = *"Function not implemented"* ]]
}

@test "a container that was created and not started ends by a signal" {
    edit '.process.args = ["sleep", "100"]'
    oci create --bundle "$BUNDLE" "$id" </dev/null >/dev/null 2>&1
    oci kill "$id" TERM
    until_true status_is "$id" stopped
    oci delete "$id"
}

@test "what waits to be started holds nothing of the host's open" {
    edit '.process.args = ["sleep", "100"]'
    oci create --bundle "$BUNDLE" --pid-file pid "$id" </dev/null >/dev/null 2>&1
    local fd
    for fd in "/proc/$(cat pid)/fd"/*; do
        case ${fd##*/}:$(readlink "$fd") in
            *:/dev/null | *:pipe:* | *:socket:*) ;;
            *)
                echo "$fd is $(readlink "$fd")" >&2
                return 1
                ;;
        esac
    done
    oci start "$id"
    status_is "$id" running
}

@test "update --memory -1 takes the limit of memory and swap along (cgroup v1)" {
    local dir=/sys/fs/cgroup/memory
    require "v1's memory group with swap" test -e $dir/memory.memsw.limit_in_bytes
    edit '.process.args = ["sleep", "100"] | .linux.resources.memory = {"limit": 33554432, "swap": 67108864}'
    oci run --detach --bundle "$BUNDLE" "$id" </dev/null >/dev/null 2>&1
    oci update --memory -1 "$id"
    [ "$(cat "$dir/crank-oci/$id/memory.limit_in_bytes")" = "$(cat $dir/memory.limit_in_bytes)" ]
    [ "$(cat "$dir/crank-oci/$id/memory.memsw.limit_in_bytes")" = "$(cat $dir/memory.memsw.limit_in_bytes)" ]
}

@test "regular pipes belong to the user and group of the process" {
    edit '.process.user = {"uid": 12, "gid": 34} | .process.args = ["stat", "-Lc", "%u:%g", "/proc/self/fd/1"]'
    run -0 oci run --bundle "$BUNDLE" "$id"
    [ "$output" = 12:34 ]
}
