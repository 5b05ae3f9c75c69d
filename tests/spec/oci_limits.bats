#!/usr/bin/env bats
# Limits of the OCI verbs: what is written where, `update`, and groups below the container's.

bats_require_minimum_version 1.5.0
load ../lib/oci

setup_file() { oci_setup_file; }
setup() {
    oci_setup
    id=$TEST_ID-$BATS_TEST_NUMBER
}
teardown() { oci_teardown; }
teardown_file() { common_teardown; }

on_v1() { [ -d /sys/fs/cgroup/memory ]; }
on_v2() { [ -f /sys/fs/cgroup/cgroup.controllers ]; }

# value CONTROLLER FILE: of the container's group.
value() {
    if on_v2; then cat "/sys/fs/cgroup/crank-oci/$id/$2"; else cat "/sys/fs/cgroup/$1/crank-oci/$id/$2"; fi
}

running() {
    edit '.process.args = ["sleep", "100"]'
    oci run --detach --bundle "$BUNDLE" "$id"
}

@test "v1: memory, its swap, reservation, swappiness and killer; processor and processes" {
    on_v1 || skip "this host has cgroup v2"
    edit '.linux.resources += {"memory": {"limit": 134217728, "swap": 268435456, "reservation": 67108864,
            "disableOOMKiller": true, "swappiness": 33, "kernelTCP": 33554432},
        "cpu": {"shares": 512, "quota": 50000, "period": 100000, "burst": 10000}, "pids": {"limit": 50}}'
    running
    [ "$(value memory memory.limit_in_bytes)" = 134217728 ]
    [ "$(value memory memory.memsw.limit_in_bytes)" = 268435456 ]
    [ "$(value memory memory.soft_limit_in_bytes)" = 67108864 ]
    [ "$(value memory memory.swappiness)" = 33 ]
    [ "$(value memory memory.kmem.tcp.limit_in_bytes)" = 33554432 ]
    value memory memory.oom_control | grep -q "oom_kill_disable 1"
    [ "$(value cpu cpu.shares)" = 512 ]
    [ "$(value cpu cpu.cfs_quota_us)" = 50000 ]
    [ "$(value cpu cpu.cfs_burst_us)" = 10000 ]
    [ "$(value pids pids.max)" = 50 ]
}

@test "v2: the same limits in its words" {
    on_v2 || skip "this host has cgroup v1; the guest has v2"
    edit '.linux.resources += {"memory": {"limit": 134217728, "swap": 268435456, "reservation": 67108864},
        "cpu": {"shares": 1024, "quota": 50000, "period": 100000, "cpus": "0"}, "pids": {"limit": 50},
        "unified": {"memory.high": "100000000"}}'
    running
    [ "$(value "" memory.max)" = 134217728 ]
    [ "$(value "" memory.low)" = 67108864 ]
    [ "$(value "" memory.high)" = 99999744 ]
    [ "$(value "" cpu.max)" = "50000 100000" ]
    [ "$(value "" cpu.weight)" = 100 ]
    oci update --cpu-period 200000 "$id"
    [ "$(value "" cpu.max)" = "50000 200000" ]
    oci update --cpu-quota 60000 "$id"
    [ "$(value "" cpu.max)" = "60000 200000" ]
    run -1 oci update --memory-swap 1g "$id"
    [[ "$output" = *"swap is memory and swap together: it needs a limit"* ]]
    [ "$(value "" cpuset.cpus)" = 0 ]
    [ "$(value "" pids.max)" = 50 ]
    run -1 oci run --bundle "$BUNDLE" "$id"
    edit '.linux.resources.memory.swap = 1000000'
    run -1 oci run --bundle "$BUNDLE" "$id-2"
    [[ "$output" = *"memory and swap together, is below the limit"* ]]
    edit '.linux.resources.memory.swap = 268435456 | .linux.resources.unified = {"foo.bar": "1"}'
    run -1 oci run --bundle "$BUNDLE" "$id-2"
    [[ "$output" = *"this host's cgroup v2 has no controller 'foo'"* ]]
    edit 'del(.linux.resources.unified) | .linux.resources.memory.swappiness = 10'
    run -1 oci run --bundle "$BUNDLE" "$id-2"
    [[ "$output" = *"linux.resources.memory.swappiness: cgroup v2 has no such limit"* ]]
}

@test "v1: processors are limited, in groups that were never given any" {
    on_v1 || skip "this host has cgroup v2"
    edit '.linux.resources.cpu = {"cpus": "0", "mems": "0"} | .linux.cgroupsPath = "crank-oci/'"$id"'-a/b/c"'
    sh_bundle 'grep Cpus_allowed_list /proc/self/status | tr -d "\t"'
    run -0 oci run --bundle "$BUNDLE" "$id"
    [ "$output" = Cpus_allowed_list:0 ]
    rmdir "/sys/fs/cgroup/"*"/crank-oci/$id-a/b" "/sys/fs/cgroup/"*"/crank-oci/$id-a"
    edit '.linux.resources.cpu = {"cpus": "99"} | del(.linux.cgroupsPath)'
    run -1 oci run --bundle "$BUNDLE" "$id"
    [[ "$output" = *"apply cpuset.cpus = 99"* ]]
    [ ! -e "/sys/fs/cgroup/cpuset/crank-oci/$id" ]
}

@test "v1: realtime, which the groups above must have first" {
    on_v1 || skip "this host has cgroup v2"
    [ -f /sys/fs/cgroup/cpu/cpu.rt_runtime_us ] || skip "this kernel has no realtime groups"
    local probe=/sys/fs/cgroup/cpu/$id-probe rc=0
    mkdir "$probe"
    echo 100000 >"$probe/cpu.rt_runtime_us" || rc=1
    rmdir "$probe"
    [ "$rc" = 0 ] || skip "other groups of this host have all the realtime"
    edit '.linux.resources.cpu = {"realtimeRuntime": 1000, "realtimePeriod": 100000} | .process.args = ["sleep", "100"]'
    oci run --detach --bundle "$BUNDLE" "$id"
    oci run --detach --bundle "$BUNDLE" "$id-2"
    [ "$(value cpu cpu.rt_runtime_us)" = 1000 ]
    [ "$(value cpu cpu.rt_period_us)" = 100000 ]
    [ "$(cat /sys/fs/cgroup/cpu/crank-oci/cpu.rt_runtime_us)" -ge 20000 ]
    edit '.linux.resources.cpu = {"realtimeRuntime": 990000, "realtimePeriod": 1000000}'
    run -1 oci run --bundle "$BUNDLE" "$id-3"
    [[ "$output" = *"cpu.rt_runtime_us"* ]]
}

@test "v1: I/O is throttled by device" {
    on_v1 || skip "this host has cgroup v2"
    local device
    device=$(lsblk -dno MAJ:MIN 2>/dev/null | tr -d ' ' | grep -m1 -v '^7:') || device=$(tr ':' ' ' </sys/class/block/vda/dev | tr ' ' ':')
    edit --argjson major "${device%:*}" --argjson minor "${device#*:}" '.linux.resources.blockIO = {
        "throttleReadBpsDevice": [{"major": $major, "minor": $minor, "rate": 1048576}],
        "throttleWriteIOPSDevice": [{"major": $major, "minor": $minor, "rate": 100}]}'
    running
    [ "$(value blkio blkio.throttle.read_bps_device)" = "$device 1048576" ]
    [ "$(value blkio blkio.throttle.write_iops_device)" = "$device 100" ]
    # exec is limited as well
    run -0 oci exec "$id" grep blkio /proc/self/cgroup
    [[ "$output" = *":/"* ]]
    oci delete --force "$id"
    [ ! -e "/sys/fs/cgroup/blkio/crank-oci/$id" ]
}

@test "what this host has no controller for is an error" {
    edit '.process.args = ["true"] | .linux.resources.hugepageLimits = [{"pageSize": "2MB", "limit": 2097152}]'
    if grep -q ' - cgroup .*hugetlb' /proc/self/mountinfo || grep -qs hugetlb /sys/fs/cgroup/unified/cgroup.controllers || { on_v2 && grep -q hugetlb /sys/fs/cgroup/cgroup.controllers; }; then
        run -0 oci run --bundle "$BUNDLE" "$id"
    else
        run -1 oci run --bundle "$BUNDLE" "$id"
        [[ "$output" = *"hugetlb.2MB"*"this host"*"hugetlb"* ]]
    fi
    edit '.linux.resources.hugepageLimits = [{"pageSize": "../x", "limit": 1}]'
    run -1 oci run --bundle "$BUNDLE" "$id"
    [[ "$output" = *"hugepageLimits[0].pageSize' is not a size like 2MB"* ]]
    edit 'del(.linux.resources.hugepageLimits) | .linux.resources.unified = {"../x": "1"}'
    run -1 oci run --bundle "$BUNDLE" "$id"
    [[ "$output" = *"names '../x', which is no file of a cgroup"* ]]
    if on_v1; then
        edit '.linux.resources.unified = {"memory.high": "1"}'
        run -1 oci run --bundle "$BUNDLE" "$id"
        [[ "$output" = *"linux.resources.unified: invalid configuration: 'memory.high': this host has the controller in a cgroup v1 hierarchy"* ]]
    fi
}

@test "update: processors of a container that never had a cpuset, and back when one limit fails" {
    running
    oci exec --detach "$id" sleep 100
    local before
    before=$(value cpu "$(on_v2 && echo cpu.weight || echo cpu.shares)")
    oci update --cpuset-cpus 0 --cpu-shares 200 --cpu-burst 0 "$id"
    [ "$(value cpuset cpuset.cpus)" = 0 ]
    run -0 oci exec "$id" sh -c 'grep Cpus_allowed_list /proc/1/status /proc/self/status'
    [ "$(grep -c $'\t0$' <<<"$output")" = 2 ]
    [ "$(value cpuset cgroup.procs | wc -l)" = "$(oci ps --format json "$id" | jq length)" ]
    run -1 oci update --cpu-shares 300 --cpuset-cpus 99 "$id"
    [[ "$output" = *cpuset.cpus* ]]
    if on_v1; then [ "$(value cpu cpu.shares)" = 200 ]; fi
    [ -n "$before" ]
    oci delete --force "$id"
    [ ! -e "/sys/fs/cgroup/cpuset/crank-oci/$id" ]
}

@test "update: a limit below what is used is refused where that is asked for" {
    edit '.linux.resources.memory = {"limit": 134217728}'
    running
    echo '{"memory": {"limit": 4096, "checkBeforeUpdate": true}}' >resources
    run -1 oci update --resources resources "$id"
    [[ "$output" = *"memory.limit: the container uses "*" bytes, more than the new limit of 4096"* ]]
    echo '{"memory": {"limit": 67108864, "swap": 67108864, "checkBeforeUpdate": true}, "blockIO": {}}' >resources
    run -0 oci update --resources resources "$id"
    run -1 oci update --blkio-weight 5 "$id"
    [[ "$output" = *"--blkio-weight is not from 10 to 1000"* ]]
}

@test "a group that is there is taken when it is empty and not frozen" {
    local dir=/sys/fs/cgroup/crank-oci/$id
    local freeze=$dir/cgroup.freeze frozen=1 thawed=0
    if on_v1; then
        dir=/sys/fs/cgroup/freezer/crank-oci/$id
        freeze=$dir/freezer.state frozen=FROZEN thawed=THAWED
    fi
    mkdir -p "$dir"
    echo "$frozen" >"$freeze"
    run -1 oci create --bundle "$BUNDLE" "$id"
    [[ $output == *"linux.cgroupsPath: the container's cgroup unexpectedly frozen: $dir"* ]]
    [ -d "$dir" ]
    echo "$thawed" >"$freeze"
    sleep 100 3>&- &
    local other=$!
    echo "$other" >"$dir/cgroup.procs"
    run -1 oci create --bundle "$BUNDLE" "$id"
    [[ $output == *"the container's cgroup is not empty: $dir already has processes in it"* ]]
    mkdir "$dir/below"
    echo "$other" >"$dir/below/cgroup.procs"
    run -1 oci create --bundle "$BUNDLE" "$id"
    [[ $output == *"the container's cgroup is not empty: $dir/below already has processes in it"* ]]
    kill -0 "$other"
    kill "$other"
    wait "$other" || true
    rmdir "$dir/below"
    running
    oci delete --force "$id"
}

@test "exec --cgroup: a group below, never above" {
    running
    local dir=/sys/fs/cgroup/memory/crank-oci/$id bad
    if on_v2; then dir=/sys/fs/cgroup/crank-oci/$id; fi
    mkdir "$dir/below"
    if on_v1; then
        run -0 oci exec --cgroup memory:below "$id" cat /proc/self/cgroup
        grep -q ':memory:.*/below$' <<<"$output"
        if grep -q ':pids:.*/below$' <<<"$output"; then false; fi
        run -0 oci exec --cgroup ./below "$id" cat /proc/self/cgroup
        grep -q ':memory:.*/below$' <<<"$output"
        if grep -q ':pids:.*/below$' <<<"$output"; then false; fi
        run -255 oci exec --cgroup pids:below "$id" true
        [[ "$output" = *"join cgroup"*"below"* ]]
        run -255 oci exec --cgroup none-such "$id" true
        [[ "$output" = *"there is no group \"none-such\" below the container's"* ]]
    fi
    for bad in ../x ./../x below/.. a/../../b; do
        run -255 oci exec --cgroup "$bad" "$id" true
        [[ "$output" = *"--cgroup \"$bad\": \`..\` components are not allowed"* ]]
    done
    # what lives below is the container's as well
    oci exec --detach --cgroup "$(on_v1 && echo memory:)below" "$id" sleep 100
    oci pause "$id"
    oci resume "$id"
    [ "$(oci ps --format json "$id" | jq length)" = 2 ]
    mkdir "$dir/below/deep"
    oci delete --force "$id"
    [ ! -e "$dir" ]
}

@test "without a cgroup namespace a container sees its own group alone" {
    edit '.linux.namespaces |= map(select(.type != "cgroup")) | .linux.resources.pids = {"limit": 77}'
    if on_v1; then
        sh_bundle 'cat /sys/fs/cgroup/pids/pids.max; ls -d /sys/fs/cgroup/pids/*/ 2>/dev/null; if touch /sys/fs/cgroup/x; then exit 1; fi 2>/dev/null'
    else
        sh_bundle 'cat /sys/fs/cgroup/pids.max; ls -d /sys/fs/cgroup/*/ 2>/dev/null; if mkdir /sys/fs/cgroup/x; then exit 1; fi 2>/dev/null'
    fi
    run -0 oci run --bundle "$BUNDLE" "$id"
    [ "$output" = 77 ]
}
