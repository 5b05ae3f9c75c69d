#!/usr/bin/env bats
# Where systemd is the first process: scopes of `crank-oci --systemd-cgroup`, and what `crank run`
# lives in. In a virtual machine: VM_SYSTEMD=1 tests/vm/run.sh bats tests/vm/systemd.bats
#
# shellcheck disable=SC2016 # what jq and the containers expand
# shellcheck disable=SC2030,SC2031 # each test has its own output

bats_require_minimum_version 1.5.0
load ../lib/oci

setup_file() {
    [ "$(cat /proc/1/comm)" = systemd ] || { echo "systemd is not the first process" >&2; return 1; }
    oci_setup_file
}
setup() {
    oci_setup
    id=$TEST_ID-$BATS_TEST_NUMBER
    edit '.process.args = ["sleep", "1000"]'
}
teardown() { oci_teardown; }
teardown_file() { common_teardown; }

oci() { crank-oci --systemd-cgroup --root "$CRANK_TEST_DIR/oci" "$@"; }
property() { systemctl show -p "$2" --value "$1"; }
no_unit() { [ "$(property "$1" LoadState)" = not-found ]; }
no_dir() { [ ! -e "$1" ]; }

@test "a container is a scope in the slice that its configuration names, with its limits" {
    local unit=libpod-$id.scope group=/sys/fs/cgroup/machine.slice/libpod-$id.scope
    edit --arg path "machine.slice:libpod:$id" '.linux.cgroupsPath = $path | .linux.resources = {
        memory: {limit: 67108864, swap: 100663296, reservation: 33554432},
        cpu: {quota: 25000, period: 100000, shares: 1024, cpus: "0"}, pids: {limit: 77}}'
    oci create --bundle "$BUNDLE" "$id" </dev/null >/dev/null
    [ "$(property "$unit" ActiveState)" = active ]
    [ "$(property "$unit" Slice)" = machine.slice ]
    [ "$(property "$unit" Description)" = "crank container $id" ]
    [ "$(property "$unit" Delegate)" = yes ]
    [ "$(property "$unit" MemoryMax) $(property "$unit" MemorySwapMax) $(property "$unit" MemoryLow)" = "67108864 33554432 33554432" ]
    [ "$(property "$unit" CPUQuotaPerSecUSec) $(property "$unit" CPUWeight) $(property "$unit" AllowedCPUs)" = "250ms 100 0" ]
    [ "$(property "$unit" TasksMax)" = 77 ]
    oci start "$id"
    # the container's process alone
    [ "$(cat "$group/cgroup.procs")" = "$(oci state "$id" | jq .pid)" ]
    [ "$(cat "$group/memory.max") $(cat "$group/memory.swap.max")" = "67108864 33554432" ]
    [ "$(cat "$group/cpu.max"),$(cat "$group/pids.max"),$(cat "$group/cpuset.cpus")" = "25000 100000,77,0" ]
    # systemd reads everything again, and all of it holds
    systemctl daemon-reload
    [ "$(cat "$group/memory.max"),$(cat "$group/cpu.max"),$(cat "$group/pids.max")" = "67108864,25000 100000,77" ]
    run -1 oci exec "$id" sh -c 'exec 3</dev/tty0'
    run -0 oci exec "$id" sh -c 'true </dev/zero; echo zero'
    [ "$output" = zero ]
    oci delete --force "$id"
    until_true no_unit "$unit"
    no_dir "$group"
}

@test "update tells systemd, so that what it reads again does not undo it" {
    local unit=crank-oci-$id.scope group=/sys/fs/cgroup/system.slice/crank-oci-$id.scope
    oci run --detach --bundle "$BUNDLE" "$id" </dev/null >/dev/null
    oci update --memory 50331648 --pids-limit 33 --cpu-quota 30000 --cpu-period 100000 "$id"
    [ "$(property "$unit" MemoryMax),$(property "$unit" TasksMax)" = 50331648,33 ]
    systemctl daemon-reload
    [ "$(cat "$group/memory.max"),$(cat "$group/pids.max"),$(cat "$group/cpu.max")" = "50331648,33,30000 100000" ]
}

@test "it outlives the unit whose process made it" {
    cat >"/run/systemd/system/maker-$id.service" <<END
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
Environment="PATH=$PATH"
ExecStart=$(command -v crank-oci) --systemd-cgroup --root $CRANK_TEST_DIR/oci run --detach --bundle $BUNDLE $id
END
    systemctl daemon-reload
    systemctl start "maker-$id.service"
    [ "$(property "maker-$id.service" ActiveState)" = inactive ]
    status_is "$id" running
    [ "$(property "crank-oci-$id.scope" ActiveState)" = active ]
    oci kill "$id" KILL
    until_true status_is "$id" stopped
    # nobody is left in it: systemd forgets it, and delete does not mind
    until_true no_unit "crank-oci-$id.scope"
    oci delete "$id"
}

@test "stopping the scope ends the container" {
    oci run --detach --bundle "$BUNDLE" "$id" </dev/null >/dev/null
    systemctl kill --signal=KILL "crank-oci-$id.scope"
    until_true status_is "$id" stopped
}

@test "a create that fails leaves no scope; a name that is taken is said" {
    edit '.process.args = ["no-such-program"]'
    run -1 oci create --bundle "$BUNDLE" "$id" </dev/null
    [[ "$output" = *no-such-program* ]]
    until_true no_unit "crank-oci-$id.scope"
    no_dir "/sys/fs/cgroup/system.slice/crank-oci-$id.scope"
    edit --arg path ":taken:$id" '.process.args = ["sleep", "1000"] | .linux.cgroupsPath = $path'
    systemd-run --quiet --collect --property=DefaultDependencies=no --scope --unit="taken-$id" sleep 1000 &
    until_true test -e "/sys/fs/cgroup/system.slice/taken-$id.scope/cgroup.procs"
    run -1 oci create --bundle "$BUNDLE" "$id" </dev/null
    [[ "$output" = *"cgroup is not empty"* ]]
    systemctl kill --signal=KILL "taken-$id.scope"
    wait
}

@test "a create that is killed leaves nothing behind" {
    local point
    for point in oci.create.claimed oci.create.started; do
        run env CRANK_CRASH_AT="$point" crank-oci --systemd-cgroup --root "$CRANK_TEST_DIR/oci" create --bundle "$BUNDLE" "$id" </dev/null
        [ "$status" -ne 0 ]
        oci list >/dev/null # sweeps
        until_true no_unit "crank-oci-$id.scope"
        until_true no_dir "/sys/fs/cgroup/system.slice/crank-oci-$id.scope"
    done
}

@test "podman's way: a failed unit's name can be used again" {
    local unit=crank-oci-$id.scope
    systemd-run --quiet --property=DefaultDependencies=no --scope --property=MemoryMax=4M --unit="crank-oci-$id" \
        bash -c 'tail /dev/zero' || true
    oci create --bundle "$BUNDLE" "$id" </dev/null >/dev/null
    [ "$(property "$unit" ActiveState)" = active ]
}

engine() { crank --root "$CRANK_TEST_DIR/root" --state "$CRANK_TEST_DIR/state" "$@"; }

@test "what crank run starts lives in one unit, whose controllers systemd leaves on" {
    local unit=crank-containers.service group=/sys/fs/cgroup/system.slice/crank-containers.service
    tar -C "$CRANK_TEST_DIR/rootfs" -c . | engine import - box
    engine run -d --name aa --network none --memory 32m --cpus 0.5 --pids-limit 55 box sleep 1000
    local full
    full=$(engine inspect -f "{{.Id}}" aa)
    [ "$(property "$unit" ActiveState),$(property "$unit" SubState)" = active,exited ]
    [ "$(cat "$group/$full/memory.max"),$(cat "$group/$full/pids.max"),$(cat "$group/$full/cpu.max")" = "33554432,55,50000 100000" ]
    # a unit of its own comes and goes, and systemd reads everything again
    systemd-run --quiet --property=DefaultDependencies=no --property=CPUWeight=50 --scope true
    systemctl daemon-reload
    [ "$(cat "$group/$full/memory.max"),$(cat "$group/$full/pids.max"),$(cat "$group/$full/cpu.max")" = "33554432,55,50000 100000" ]
    [ -n "$(cat "$group/monitors/cgroup.procs")" ]
    # one that is ended for want of memory takes nobody along, and is told
    run -137 engine run --name bb --network none --memory 32m box tail /dev/zero
    [ "$(engine inspect -f '{{.State.Cause}}' bb)" = oom ]
    [ "$(engine inspect -f '{{.State.Running}}' aa)" = true ]
    # the last one gone, the unit stays, and takes the next
    engine rm -f aa bb
    until_true no_dir "$group/$full"
    [ "$(property "$unit" ActiveState)" = active ]
    run -0 engine run --rm --network none --memory 32m box echo again
    [[ "$output" = *again* ]]
}

@test "crank.service: what it brings back outlives it, the gateway too" {
    local top unit=crank-containers.service
    top=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
    export CRANK_ROOT=$CRANK_TEST_DIR/root CRANK_STATE=$CRANK_TEST_DIR/state
    mkdir -p "$BATS_TEST_TMPDIR/shop"
    cd "$BATS_TEST_TMPDIR/shop"
    tar -C "$CRANK_TEST_DIR/rootfs" -c . | crank import - box
    cat >compose.yaml <<END
services:
  web:
    image: box
    command: sh -c 'echo here >/tmp/index.html; exec httpd -f -p 80 -h /tmp'
    ports: ["18080:80"]
END
    crank up -d
    answers() { [ "$(wget -q -O - http://127.0.0.1:18080/)" = here ]; }
    until_true answers
    # as a reboot leaves it
    xargs kill -KILL <"/sys/fs/cgroup/system.slice/$unit/monitors/cgroup.procs"
    kill -KILL "$(crank inspect -f '{{.State.Pid}}' shop-web-1)"
    rm -rf "$CRANK_STATE"
    sed "s|^ExecStart=.*/crank |ExecStart=$CRANK_BIN/crank --root $CRANK_ROOT --state $CRANK_STATE |; s|^Wants=.*|DefaultDependencies=no|; /^After=/d" \
        "$top/src/cli/crank.service.in" >/run/systemd/system/crank.service
    systemctl daemon-reload
    systemctl start crank.service
    until_true answers
    [ "$(property crank.service ActiveState)" = active ]
    systemctl stop crank.service
    answers
    run -0 pgrep -x crank-gateway
    grep -qx "$output" "/sys/fs/cgroup/system.slice/$unit/monitors/cgroup.procs"
    crank down
}
