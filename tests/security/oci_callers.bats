#!/usr/bin/env bats
# What the caller of a command has, and what others have: neither is the container's. Each attack has
# a benign twin.

bats_require_minimum_version 1.5.0
load ../lib/oci

setup_file() { oci_setup_file; }
setup() {
    oci_setup
    id=$TEST_ID-$BATS_TEST_NUMBER
}
teardown() { oci_teardown; }
teardown_file() { common_teardown; }

sleeper() {
    edit '.process.args = ["sleep", "600"]'
    oci create --bundle "$BUNDLE" "$id" && oci start "$id"
}

@test "exec does not hand the caller's session keyring on" {
    # "put COMMAND...": a key into a new session keyring, then the command; "look": whether it is there
    cc -static -x c -o "$BUNDLE/rootfs/bin/keys" - <<'C'
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char** argv) {
    if (argc > 2 && strcmp(argv[1], "put") == 0) {
        if (syscall(SYS_keyctl, 1, NULL) < 0) return 3;
        if (syscall(SYS_add_key, "user", "bats-secret", "s", 1, -3) < 0) return 4;
        execvp(argv[2], argv + 2);
        return 5;
    }
    puts(syscall(SYS_keyctl, 10, -3, "user", "bats-secret", 0) < 0 ? "nothing" : "found");
    return 0;
}
C
    sleeper
    local keys=$CRANK_TEST_DIR/rootfs/bin/keys
    run -0 "$keys" put crank-oci --root "$CRANK_TEST_DIR/oci" exec "$id" keys look
    [ "$output" = nothing ]
    # the benign twin: the caller itself has it
    run -0 "$keys" put "$keys" look
    [ "$output" = found ]
}

@test "exec gives its process the container's score for the out-of-memory killer" {
    edit '.process.oomScoreAdj = 321'
    sleeper
    run -0 oci exec "$id" cat /proc/self/oom_score_adj
    [ "$output" = 321 ]
    jq '.process | .args = ["cat", "/proc/self/oom_score_adj"] | .oomScoreAdj = 432' "$BUNDLE/config.json" >process.json
    run -0 oci exec --process process.json "$id"
    [ "$output" = 432 ]
}

@test "a create that was killed before it looked takes no group of others along" {
    sleep 100 3>&- &
    local other=$! group=/sys/fs/cgroup/pids/crank-oci/$TEST_ID-other point
    [ -d /sys/fs/cgroup/pids ] || group=/sys/fs/cgroup/crank-oci/$TEST_ID-other
    mkdir -p "$group"
    echo "$other" >"$group/cgroup.procs"
    edit --arg path "/crank-oci/$TEST_ID-other" '.process.args = ["true"] | .linux.cgroupsPath = $path'
    for point in oci.create.marked oci.create.configured; do
        run -137 env CRANK_CRASH_AT=$point crank-oci --root "$CRANK_TEST_DIR/oci" create --bundle "$BUNDLE" "$id"
        oci list
        kill -0 "$other"
        [ ! -e "oci/$id" ]
    done
    kill "$other" && wait "$other" || true
    # the benign twin: what it has made itself goes
    run -137 env CRANK_CRASH_AT=oci.create.started crank-oci --root "$CRANK_TEST_DIR/oci" create --bundle "$BUNDLE" "$id"
    oci create --bundle "$BUNDLE" "$id-b" && oci delete --force "$id-b"
    [ ! -e "$group" ]
}

@test "exec --cgroup with a controller that the host lacks is an error" {
    require "cgroup v1" test -d /sys/fs/cgroup/pids
    sleeper
    run -255 oci exec --cgroup nosuch:/ "$id" true
    [[ "$output" = *'this host has no cgroup v1 controller "nosuch"'* ]]
    run -255 oci exec --cgroup pids,nosuch:/below "$id" true
    [[ "$output" = *'this host has no cgroup v1 controller "nosuch"'* ]]
    # the benign twin
    mkdir "/sys/fs/cgroup/pids/crank-oci/$id/below"
    run -0 oci exec --cgroup pids:/below "$id" cat /proc/self/cgroup
    [[ "$output" = *pids:*/below* ]]
}

@test "who connects to the start socket and goes away does not end the container" {
    edit '.process.args = ["echo", "started"]'
    oci create --bundle "$BUNDLE" "$id" >out
    local pid
    pid=$(oci state "$id" | jq .pid)
    # it hears of the connection once its other end is closed
    kill -STOP "$pid"
    python3 -c 'import socket, sys
for kind in [socket.SOCK_SEQPACKET, socket.SOCK_STREAM]:
    try:
        for _ in range(3):
            s = socket.socket(socket.AF_UNIX, kind)
            s.connect(sys.argv[1])
            s.close()
        sys.exit(0)
    except OSError as error:
        last = error
sys.exit(str(last))' "oci/$id/start"
    kill -CONT "$pid"
    sleep 0.3
    status_is "$id" created
    oci start "$id"
    until_true grep -q started out
}

@test "a descriptor that the caller lacks is closed, and no other takes its number" {
    # shellcheck disable=SC2016 # the container's variables
    sh_bundle 'for i in 3 4 5 6; do if [ -e /proc/self/fd/$i ]; then echo "$i: $(cat <&$i)"; fi; done'
    echo three >three && echo five >five
    run -0 oci run --preserve-fds 3 --bundle "$BUNDLE" "$id" 3<three 4<&- 5<five 6<three
    [ "$output" = "3: three
5: five" ]
    sleeper
    # shellcheck disable=SC2016 # the container's variable
    run -0 oci exec --preserve-fds 2 "$id" sh -c 'cat <&4; test ! -e /proc/self/fd/3' 3<&- 4<five
    [ "$output" = five ]
}
