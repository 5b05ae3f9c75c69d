#!/usr/bin/env bats
# Filters that ask a supervisor, and the flags of filters.

bats_require_minimum_version 1.5.0
load ../lib/oci

setup_file() { oci_setup_file; }
setup() {
    oci_setup
    id=$TEST_ID-$BATS_TEST_NUMBER
    cat >supervisor.py <<'END'
# Takes one listener and answers every mkdir with EPERM but that of /tmp/allowed; prints what came.
import array, ctypes, fcntl, json, os, socket, struct, sys
server = socket.socket(socket.AF_UNIX); server.bind(sys.argv[1]); server.listen()
print("ready", flush=True)
for _ in range(int(sys.argv[2])):
    connection, _ = server.accept()
    text, control, _, _ = connection.recvmsg(1 << 16, 64)
    listener = array.array("i", control[0][2])[0]
    state = json.loads(text)
    print(json.dumps(state), flush=True)
    NOTIF, RESP = 0xc0502100, 0xc0182101
    while True:
        buffer = bytearray(80)
        try: fcntl.ioctl(listener, NOTIF, buffer)
        except OSError: break
        ident, pid, _, nr, _, _, a0 = struct.unpack_from("QIIiIQQ", buffer)
        with open("/proc/%d/mem" % pid, "rb", 0) as memory:
            memory.seek(a0)
            path = memory.read(64).split(b"\0")[0]
        allowed = path == b"/tmp/allowed"
        answer = struct.pack("QqiI", ident, 0, 0 if allowed else -1, 1 if allowed else 0)
        try: fcntl.ioctl(listener, RESP, bytearray(answer))
        except OSError: pass
        print("asked", path.decode(), flush=True)
END
}
teardown() {
    [ -z "${supervisor:-}" ] || kill "$supervisor" 2>/dev/null || true
    rm -f "$CRANK_TEST_DIR/socket"
    oci_teardown
}
teardown_file() { common_teardown; }

filter() {
    edit --arg path "$PWD/socket" '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW",
        "listenerPath": $path, "listenerMetadata": "meta", "flags": ["SECCOMP_FILTER_FLAG_LOG"],
        "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]} | .root.readonly = false'
}

supervise() { # TIMES
    rm -f said
    python3 supervisor.py socket "$1" >said 3>&- &
    supervisor=$!
    until_true grep -q ready said
}

@test "a supervisor decides, for the program and for what is executed beside it" {
    filter
    supervise 2
    sh_bundle 'mkdir /tmp/allowed && echo one; mkdir /tmp/other 2>/dev/null || echo denied; exec sleep 100'
    rm -rf rootfs/tmp/allowed rootfs/tmp/other
    oci create --bundle "$BUNDLE" --pid-file pid "$id" >out
    oci start "$id"
    until_true grep -q denied out
    [ "$(cat out)" = "one
denied" ]
    [ -d rootfs/tmp/allowed ] && [ ! -d rootfs/tmp/other ]
    sed -n 2p said | jq -e --argjson pid "$(cat pid)" --arg id "$id" --arg bundle "$BUNDLE" \
        '.fds == ["seccompFd"] and .pid == $pid and .metadata == "meta" and .state.id == $id and
         .state.pid == $pid and .state.bundle == $bundle and .ociVersion == .state.ociVersion'
    oci delete --force "$id"
    until_true grep -q "asked /tmp/other" said
    # exec has a filter and a listener of its own
    edit '.process.args = ["sleep", "100"]'
    kill "$supervisor" || true
    rm -f socket
    supervise 1
    oci create --bundle "$BUNDLE" "$id"
    oci start "$id"
    until_true grep -q '"pid"' said
    kill "$supervisor"
    rm -f socket
    supervise 1
    run -1 oci exec "$id" mkdir /tmp/other
    until_true grep -q "asked /tmp/other" said
    sed -n 2p said | jq -e '.state.status == "running" and .pid != .state.pid'
}

@test "without a supervisor there is no container" {
    filter
    sh_bundle 'touch /tmp/ran'
    rm -f rootfs/tmp/ran socket
    run -1 oci run --bundle "$BUNDLE" "$id"
    [[ "$output" = *"linux.seccomp.listenerPath"*"hint: the program that answers SCMP_ACT_NOTIFY must listen at $PWD/socket"* ]]
    [ ! -e rootfs/tmp/ran ]
    # no path at all: the kernel would answer ENOSYS in its place
    edit 'del(.linux.seccomp.listenerPath, .linux.seccomp.listenerMetadata)'
    run -1 oci run --bundle "$BUNDLE" "$id"
    [[ "$output" = *"SCMP_ACT_NOTIFY needs a listenerPath to ask"* ]]
    [ ! -e rootfs/tmp/ran ]
    # the benign twin
    filter
    supervise 1
    run -0 oci run --bundle "$BUNDLE" "$id"
    [ -e rootfs/tmp/ran ]
    rm -f rootfs/tmp/ran
}

@test "a filter that would swallow its own listener is refused before anything is made" {
    local call
    filter
    edit '.linux.seccomp.syscalls = [{"names": ["sendmsg"], "action": "SCMP_ACT_NOTIFY"}]'
    run -1 oci run --bundle "$BUNDLE" "$id"
    [[ "$output" = *"does not allow the call sendmsg"* ]]
    for call in sendmsg read; do
        edit --arg call "$call" '.linux.seccomp.syscalls = [{"names": [$call], "action": "SCMP_ACT_ERRNO"},
            {"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]'
        run -1 oci run --bundle "$BUNDLE" "$id"
        [[ "$output" = *"SCMP_ACT_NOTIFY needs a filter that lets the listener be handed over"*"does not allow the call $call"* ]]
    done
    edit '.linux.seccomp.syscalls = [] | .linux.seccomp.defaultAction = "SCMP_ACT_NOTIFY"'
    run -1 oci run --bundle "$BUNDLE" "$id"
    [[ "$output" = *"does not allow the call sendmsg"* ]]
}

@test "flags: what the kernel knows is passed on, what it does not is refused" {
    sh_bundle 'grep "^Seccomp:" /proc/self/status | tr -d "\t"'
    edit '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "flags":
        ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"]}'
    run -0 oci run --bundle "$BUNDLE" "$id"
    [ "$output" = Seccomp:2 ]
    edit '.linux.seccomp.flags = ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]'
    run -1 oci run --bundle "$BUNDLE" "$id"
    [[ "$output" = *"is for a filter with SCMP_ACT_NOTIFY"* ]]
    edit '.linux.seccomp.flags = ["SECCOMP_FILTER_FLAG_NONE_SUCH"]'
    run -1 oci run --bundle "$BUNDLE" "$id"
    [[ "$output" = *"linux.seccomp.flags: unknown flag 'SECCOMP_FILTER_FLAG_NONE_SUCH'"* ]]
    edit '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/no/such/socket"}'
    run -0 oci run --bundle "$BUNDLE" "$id"
    # whoever is there gets it all the same
    edit --arg path "$PWD/socket" '.linux.seccomp.listenerPath = $path'
    supervise 1
    run -0 oci run --bundle "$BUNDLE" "$id"
    until_true grep -q seccompFd said
    edit '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "listenerMetadata": "x"}'
    run -1 oci run --bundle "$BUNDLE" "$id"
    [[ "$output" = *"listenerMetadata' stands without a listenerPath"* ]]
}
