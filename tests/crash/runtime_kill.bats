#!/usr/bin/env bats
# kill -9 at random moments of run, create, start, exec, kill, stop, delete and rm: of the command, the
# shim or monitor, its guard, the init or the worker. With ./dev test --long there are 1,000 of them, and
# what they have shown goes into docs/evidence/runtime-kill.json.
bats_require_minimum_version 1.5.0
load ../lib/crank

: "${CRANK_CRASH_SEED:=1}"

setup() {
    require "root, for namespaces and cgroups" is_root
    require "crank run" can_run
    require "crank-oci" command -v crank-oci
    common_setup
    mkdir -p scratch
}
teardown() { common_teardown; }

# Says what was done, and how long it took.
campaign() {
    python3 "$CRANK_SOURCE/tests/crash/runtime_kill.py" --bin "$CRANK_BIN" --scratch scratch \
        --seed "$CRANK_CRASH_SEED" "$@" >said
    sed 's/^/# /' said >&3
}

@test "whoever is killed at any moment, the commands after it work and nothing is left" {
    if [ "${CRANK_TEST_LONG:-0}" = 1 ]; then
        campaign --kills 1000 --seconds 7200 --evidence "$CRANK_SOURCE/docs/evidence/runtime-kill.json"
    else
        campaign --kills 30
    fi
}

# What the campaign goes by must itself be able to fail.
@test "the check of the campaign finds what is planted" {
    run python3 -c 'import os, subprocess, sys
sys.path.insert(0, sys.argv[1])
import fault_run, faults
os.mkdir("planted")
world = fault_run.make_world(faults.World, faults.Failure)(sys.argv[2], os.path.abspath("planted"))
world.before = fault_run.groups()
world.nothing_left()  # the one that made the image may be ending
group = "/sys/fs/cgroup/" + [n for n in os.listdir("/sys/fs/cgroup") if os.path.isdir("/sys/fs/cgroup/%s/crank" % n)][0]
group += "/crank/" + "ab" * 32
os.mkdir(group)
print("cgroup " + group in world.left())
os.rmdir(group)
open(world.state + "/network/leases/10.0.0.1", "w").close()
print("10.0.0.1" in [found.rpartition("/")[2] for found in world.left()])
os.unlink(world.state + "/network/leases/10.0.0.1")
world.nothing_left()
sleeper = subprocess.Popen(["unshare", "-m", "sh", "-c", "mount -t tmpfs planted-fs planted; exec sleep 100"])
while not any(found.startswith("mount, in process") for found in world.left()):
    pass
sleeper.kill()
sleeper.wait()
world.drop()' "$CRANK_SOURCE/tests/crash" "$CRANK_BIN"
    [ "$status" -eq 0 ]
    [ "$output" = $'True\nTrue' ]
}
