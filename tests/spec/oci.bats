#!/usr/bin/env bats
# The OCI verbs on a bundle: what runc's callers rely on.

bats_require_minimum_version 1.5.0
load ../lib/oci

setup_file() { oci_setup_file; }
setup() {
    oci_setup
    id=$TEST_ID-$BATS_TEST_NUMBER
}
teardown() { oci_teardown; }
teardown_file() { common_teardown; }

@test "run passes input, output and exit code, and deletes the container" {
    sh_bundle 'cat; echo to stderr >&2; exit 3'
    run -3 --separate-stderr oci run --bundle "$BUNDLE" "$id" <<<hello
    [ "$output" = hello ]
    [ "$stderr" = "to stderr" ]
    oci_nothing_left
    # by the other name, and with a signal
    sh_bundle 'kill -9 $$; sleep 9'
    edit '.linux.namespaces |= map(select(.type != "pid"))'
    run -137 crank oci --root "$CRANK_TEST_DIR/oci" run --bundle "$BUNDLE" "$id"
}

@test "create, start, kill, delete: each status, by state and list" {
    sh_bundle 'echo started; exec sleep 100'
    edit '.annotations = {"org.example.key": "value"}'
    oci create --bundle "$BUNDLE" --pid-file pid "$id" >out
    [ ! -s out ]
    oci state "$id" | jq -e --arg bundle "$BUNDLE" --argjson pid "$(cat pid)" --arg id "$id" \
        '.status == "created" and .bundle == $bundle and .pid == $pid and .id == $id and
         .annotations["org.example.key"] == "value" and (.rootfs | endswith("/rootfs")) and
         (.created | fromdateiso8601? // true) and .owner == "root" and .ociVersion == "1.3.0"'
    oci start "$id"
    until_true grep -q started out
    status_is "$id" running
    run -0 oci list
    [[ "${lines[0]}" = "ID "*STATUS*BUNDLE*CREATED*OWNER ]]
    [[ "${lines[1]}" = "$id "*running* ]]
    [ "$(oci list --quiet)" = "$id" ]
    oci list --format json | jq -e '.[0].status == "running"'
    run -1 oci delete "$id"
    [[ "$output" = *"cannot delete container \"$id\" that is not stopped: it is running"* ]]
    oci kill "$id" KILL
    until_true status_is "$id" stopped
    oci state "$id" | jq -e '.pid == 0'
    oci delete "$id"
    run -1 oci state "$id"
    [[ "$output" = *"container \"$id\" does not exist"* ]]
    oci_nothing_left
}

@test "the caller's child subreaper gets the container's first process" {
    sh_bundle 'exit 5'
    cat >reap.py <<'END'
import ctypes, os, subprocess, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
oci = sys.argv[1:4]
subprocess.run(oci + ["create", "--bundle", sys.argv[4], "--pid-file", "pid", sys.argv[5]], check=True)
pid = int(open("pid").read())
subprocess.run(oci + ["start", sys.argv[5]], check=True)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
    run -0 python3 reap.py crank-oci --root "$CRANK_TEST_DIR/oci" "$BUNDLE" "$id"
    [ "$output" = 5 ]
}

@test "wrong states and unknown ids are errors of their own" {
    edit '.process.args = ["sleep", "100"]'
    oci create --bundle "$BUNDLE" "$id"
    run -1 oci create --bundle "$BUNDLE" "$id"
    [[ "$output" = *"container \"$id\" already exists"*"hint: crank oci delete $id"* ]]
    status_is "$id" created
    oci start "$id"
    run -1 oci start "$id"
    [[ "$output" = *"cannot start container \"$id\": it is running"* ]]
    run -1 oci resume "$id"
    [[ "$output" = *"cannot resume container \"$id\": it is running"* ]]
    oci kill "$id" 9
    until_true status_is "$id" stopped
    local verb
    for verb in start pause update kill; do
        run -1 oci $verb "$id"
        [[ "$output" = *"$id"* ]]
    done
    [[ "$output" = *"container not running"* ]]
    run -255 oci exec "$id" true
    [[ "$output" = *"cannot exec in a stopped container"* ]]
    for verb in start state kill delete pause resume ps update "events --stats"; do
        # shellcheck disable=SC2086 # words
        run -1 oci $verb no-such-id
        [[ "$output" = *'container "no-such-id" does not exist'* ]]
    done
    run -255 oci exec no-such-id true
    [[ "$output" = *'container "no-such-id" does not exist'* ]]
    run -0 oci delete --force no-such-id
}

@test "bad bundles and documents name the file, the field or the line, and leave nothing" {
    local bad
    run -1 oci create --bundle /no/such "$id"
    [[ "$output" = *"opening the bundle"*"/no/such"* ]]
    mkdir empty
    run -1 oci create --bundle empty "$id"
    [[ "$output" = *"empty/config.json"*"hint: crank oci spec --bundle"* ]]
    cp "$BUNDLE/config.json" good.json
    printf '{\n "ociVersion": "1.2.0",\n "root" }\n' >"$BUNDLE/config.json"
    run -1 oci create --bundle "$BUNDLE" "$id"
    [[ "$output" = *"config.json"*"line 3, column"* ]]
    while IFS=@ read -r filter bad; do
        jq "$filter" good.json >"$BUNDLE/config.json"
        run -1 oci create --bundle "$BUNDLE" "$id" </dev/null
        if [[ "$output" != *"$bad"* ]]; then
            echo "$filter: $output, not $bad" >&2
            return 1
        fi
        oci_nothing_left
    done <<'END'
.root.path = "nowhere"@root.path
.root.path = "/"@is the host's own root
del(.root)@'root.path' is missing
.process.args = []@process.args is empty
.process.cwd = "x"@'process.cwd' is not an absolute path
.process.args = ["nosuch"]@exec: "nosuch": executable file not found in $PATH
.process.args = ["/nosuch"]@exec: "/nosuch": no such file
.process.args = ["/etc"]@exec: "/etc"
.process.rlimits = [{"type":"RLIMIT_X","soft":1,"hard":1}]@unknown limit 'RLIMIT_X'
.process.apparmorProfile = "x"@'process.apparmorProfile' is not supported
.process.selinuxLabel = "x"@'process.selinuxLabel' is not supported
.linux.mountLabel = "x"@'linux.mountLabel' is not supported
.linux.seccomp = {"defaultAction":"SCMP_ACT_NOTIFY"}@SCMP_ACT_NOTIFY needs a listenerPath
.linux.namespaces += [{"type":"user"}]@a new user namespace needs linux.uidMappings and linux.gidMappings
.linux.namespaces += [{"type":"pid"}]@stands twice: pid
.linux.namespaces |= map(if .type == "network" then .path = "/no/ns" else . end)@/no/ns
.linux.cgroupsPath = "a/../../b"@without . and ..
.linux.cgroupsPath = "slice:a:b"@--cgroup-manager=cgroupfs
.linux.resources.memory.limit = 1@before it could be started
.linux.resources.unified = {"a":"b"}@cgroup v
.linux.sysctl = {"kernel.panic":"1"}@is a setting of the whole host
.linux.rootfsPropagation = "x"@unknown value 'x'
.mounts += [{"destination":"/x","type":"bind","source":"/no/such","options":["bind"]}]@/no/such
.mounts += [{"destination":"/x","type":"nosuchfs","source":"x"}]@mount nosuchfs on /x
.mounts += [{"destination":"/x","type":"tmpfs","options":["tmpcopyup"]}]@'tmpcopyup' of /x is not supported
.process.scheduler = {"policy":"SCHED_X"}@process.scheduler.policy: unknown value 'SCHED_X'
.hooks.prestart = [{"path":"x"}]@'hooks.prestart[0].path' is not an absolute path
.hooks.prestart = [{"path":"/bin/true","timeout":0}]@'hooks.prestart[0].timeout'
END
}

@test "fields of a newer specification are ignored with a warning" {
    edit '.process.args = ["true"] | .future = 1 | .linux.resources.cpu.future = 2'
    run -0 --separate-stderr oci --log log --log-format json run --bundle "$BUNDLE" "$id"
    [ -z "$stderr" ]
    jq -se 'map(select(.level == "warning" and (.time | length) > 10).msg) |
        (.[0] | contains("'"'future'"'")) and (.[1] | contains("linux.resources.cpu.future"))' log ||
        jq -se 'map(.msg) | any(contains("linux.resources.cpu.future"))' log
}

@test "errors go to the log in either format, and to standard error" {
    run -1 oci --log log --log-format json state no-such
    [[ "$output" = 'crank-oci state: container "no-such" does not exist' ]]
    jq -e '.level == "error" and .msg == "container \"no-such\" does not exist" and (.time | test("Z$"))' log
    run -1 oci --log text.log state no-such
    grep -q 'level=error msg="container \\"no-such\\" does not exist"' text.log
    run -1 oci --log-format yaml state no-such
    [[ "$output" = *'--log-format "yaml" is neither text nor json'* ]]
    run -1 oci --systemd-cgroup state no-such
    [[ "$output" = *'container "no-such" does not exist'* ]]
    edit '.linux.cgroupsPath = "system.slice:crank:x"'
    run -1 oci create --bundle "$BUNDLE" "$id"
    [[ "$output" = *"names a scope of systemd's, and --systemd-cgroup is not given"*"hint: "*cgroupfs* ]]
    if [ -d /sys/fs/cgroup/memory ]; then
        run -1 oci --systemd-cgroup create --bundle "$BUNDLE" "$id"
        [[ "$output" = *"--systemd-cgroup needs cgroup version 2"*"hint: "*cgroupfs* ]]
    fi
    run -1 oci checkpoint x
    [[ "$output" = *"checkpoints are not supported"* ]]
    run -1 oci crate x
    [[ "$output" = *'no command "crate"'*"did you mean crank-oci create?"* ]]
    run -1 oci create --no-subreaper x
    [[ "$output" = *"--no-subreaper is not supported yet"* ]]
}

@test "exec joins: user, directory, variables, capabilities, exit code, pid file" {
    edit '.process.args = ["sleep", "100"]'
    oci run --detach --bundle "$BUNDLE" "$id"
    run -7 oci exec --user 1000:1001 --additional-gids 5 --cwd /tmp --env A=b "$id" \
        sh -c 'echo "$(id -u):$(id -g):$(id -G) $(pwd) $A"; exit 7'
    [ "$output" = "1000:1001:1001 5 /tmp b" ]
    run -0 oci exec --cap CAP_SYS_TIME "$id" sh -c 'grep CapEff /proc/self/status'
    [ $((0x${output##*[!0-9a-f]} >> 25 & 1)) = 1 ]
    run -0 oci exec "$id" sh -c 'grep CapEff /proc/self/status'
    [ $((0x${output##*[!0-9a-f]} >> 25 & 1)) = 0 ]
    jq '.process | .args = ["sleep", "200"]' "$BUNDLE/config.json" >process.json
    oci exec --process process.json --detach --pid-file pid "$id"
    [ "$(tr '\0' ' ' <"/proc/$(cat pid)/cmdline")" = "sleep 200 " ]
    oci ps --format json "$id" | jq -e --argjson pid "$(cat pid)" 'length == 2 and any(. == $pid)'
    run -0 oci ps "$id"
    [[ "${lines[0]}" = UID*PID*CMD ]]
    [ "${#lines[@]}" = 3 ]
    run -255 oci exec "$id" nosuch
    [[ "$output" = *'exec: "nosuch": executable file not found in $PATH'* ]]
    run -255 oci exec --process /no/such "$id"
    [[ "$output" = *"--process"*"/no/such"* ]]
    run -255 oci exec --user name "$id" true
    [[ "$output" = *'user "name" is not a number'* ]]
    run -255 oci exec "$id"
    [[ "$output" = *"no command given"* ]]
}

@test "pause and resume freeze and thaw; kill ends what is frozen" {
    sh_bundle 'i=0; while :; do i=$((i + 1)); echo $i >/tmp/count; done'
    edit '.mounts += [{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}]'
    oci run --detach --bundle "$BUNDLE" "$id"
    oci pause "$id"
    status_is "$id" paused
    run -255 oci exec "$id" true
    [[ "$output" = *"cannot exec in a paused container"* ]]
    run -1 oci pause "$id"
    oci resume "$id"
    status_is "$id" running
    oci pause "$id"
    oci kill "$id" KILL
    until_true status_is "$id" stopped
}

@test "update and events: limits change and are told" {
    edit '.process.args = ["sleep", "100"] | .linux.resources.pids.limit = 30 |
        .linux.resources.memory.limit = 67108864 | .linux.resources.cpu.shares = 0'
    oci run --detach --bundle "$BUNDLE" "$id"
    oci events --stats "$id" | jq -e '.type == "stats" and .data.memory.usage.limit == 67108864 and
        .data.pids.limit == 30 and .data.pids.current >= 1 and .data.cpu.usage.total > 0'
    oci update --memory 128m --pids-limit 40 "$id"
    echo '{"cpu": {"quota": 50000, "period": 100000}, "memory": {"limit": 0}}' |
        oci update --resources - "$id"
    oci events --stats "$id" |
        jq -e '.data.memory.usage.limit == 134217728 and .data.pids.limit == 40'
    # what cannot be applied is put back as a whole
    run -1 oci update --pids-limit 50 --memory 1 "$id"
    [[ "$output" = *memory* ]]
    oci events --stats "$id" |
        jq -e '.data.memory.usage.limit == 134217728 and .data.pids.limit == 40'
    run -1 oci update --kernel-memory 0 "$id"
    [[ "$output" = *"--kernel-memory is not supported yet"* ]]
    run -1 oci update --memory x "$id"
    [[ "$output" = *'--memory "x" is not a number'* ]]
    run -1 oci update --resources - "$id" <<<'{"memory": 3}'
    [[ "$output" = *"--resources"*"'memory' is not an object"* ]]
}

@test "a terminal goes to the console socket" {
    edit '.process.terminal = true | .process.args = ["sh", "-c", "tty; stty size; sleep 100"] |
        .process.consoleSize = {"height": 30, "width": 90}'
    cat >console.py <<'END'
import array, os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind("tty.sock")
server.listen(1)
open("ready", "w").close()
connection = server.accept()[0]
name, ancillary, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(4))
fd = array.array("i", ancillary[0][2])[0]
text = b""
while text.count(b"\n") < 2:
    text += os.read(fd, 4096)
sys.stdout.write(text.decode().replace("\r", ""))
END
    python3 console.py >out &
    until_true test -e ready
    oci create --bundle "$BUNDLE" --console-socket tty.sock "$id"
    oci start "$id"
    wait $!
    [ "$(cat out)" = "$(printf '/dev/pts/0\n30 90')" ]
    run -1 oci create --bundle "$BUNDLE" "$id-b"
    [[ "$output" = *"there is no --console-socket"* ]]
    run -1 oci create --bundle "$BUNDLE" --console-socket /no/such "$id-b"
    [[ "$output" = *"--console-socket"*"/no/such"* ]]
    run -255 oci exec --console-socket tty.sock "$id" true
    [[ "$output" = *"the process has no terminal"* ]]
}

@test "without a console socket run and exec copy the terminal themselves" {
    sh_bundle 'read line; echo "got $line"; tty; stty size 2>&1; exit 3'
    edit '.process.terminal = true'
    run -3 oci run --bundle "$BUNDLE" "$id" <<<hello
    # no terminal of the caller's: lines end as lines; the inner one echoes
    [[ "$output" = "$(printf 'hello\ngot hello\n/dev/pts/0\n')"* ]]
    cat >terminal.py <<'END'
import os, pty, sys, termios, fcntl, struct
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 90, 0, 0))
    os.execvp(sys.argv[1], sys.argv[1:])
text = b""
os.write(fd, b"typed\r")
try:
    while data := os.read(fd, 4096):
        text += data
except OSError:
    pass
sys.stdout.write(text.decode().replace("\r\n", "\n"))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
    run -3 python3 terminal.py crank-oci --root "$CRANK_TEST_DIR/oci" run --bundle "$BUNDLE" "$id"
    [[ "$output" = *"$(printf 'typed\ngot typed\n/dev/pts/0\n30 90')" ]]
    oci_nothing_left
    run -1 oci run --detach --bundle "$BUNDLE" "$id"
    [[ "$output" = *"there is no --console-socket"* ]]
    sh_bundle 'exec sleep 100'
    edit '.process.terminal = false'
    oci run --detach --bundle "$BUNDLE" "$id"
    run -4 oci exec --tty "$id" sh -c 'tty; exit 4' </dev/null
    [[ "$output" = /dev/pts/* ]]
}

@test "HOME comes from the container's passwd, and of each variable the last value stays" {
    printf 'root:x:0:0::/root:/bin/sh\nbroken\nworker:x:1000:1000::/home/worker:' >passwd
    edit --arg file "$PWD/passwd" '.process.args = ["env"] |
        .process.env = ["PATH=/bin", "A=1", "A=2", "HOME=/x", "HOME="] |
        .mounts += [{destination: "/etc/passwd", type: "bind", source: $file, options: ["bind", "ro"]}]'
    run -0 oci run --bundle "$BUNDLE" "$id"
    [ "$(sort <<<"$output")" = "$(printf 'A=2\nHOME=/root\nPATH=/bin')" ]
    edit '.process.env = ["HOME=/mine"]'
    run -0 oci run --bundle "$BUNDLE" "$id"
    [ "$output" = HOME=/mine ]
    edit '.process.env = [] | .process.args = ["sleep", "100"]'
    oci run --detach --bundle "$BUNDLE" "$id"
    [ "$(oci exec --user 1000 "$id" /bin/env)" = HOME=/home/worker ]
    [ "$(oci exec --user 77 "$id" /bin/env)" = HOME=/ ]
}

@test "capabilities that cannot be had are left out with a warning" {
    edit '.process.args = ["grep", "Cap", "/proc/self/status"] | .process.capabilities = {
        bounding: ["CAP_KILL", "CAP_CHOWN", "CAP_X"], permitted: ["CAP_KILL", "CAP_CHOWN"],
        effective: [], inheritable: ["CAP_KILL"], ambient: ["CAP_KILL", "CAP_CHOWN"]}'
    run -0 --separate-stderr oci run --bundle "$BUNDLE" "$id"
    [[ "$stderr" = *"ignoring unknown or unavailable capability CAP_X"* ]]
    [[ "$stderr" = *"can't raise ambient capability CAP_CHOWN: "* ]]
    [[ "$output" = *"CapAmb:"*"0000000000000020"* ]]
    edit '.process.args = ["sleep", "100"]'
    oci run --detach --bundle "$BUNDLE" "$id" 2>/dev/null
    # exec adds to what it may do, not to what it inherits
    run -0 --separate-stderr oci exec --cap CAP_AUDIT_WRITE "$id" grep Cap /proc/self/status
    grep -q 'CapInh:.0000000000000020' <<<"$output"
    grep -q 'CapBnd:.0000000020000021' <<<"$output"
    grep -q 'CapAmb:.0000000000000020' <<<"$output"
    run -255 oci exec --cap CAP_X "$id" true
    [[ "$output" = *'--cap: unknown capability "CAP_X"'* ]]
}

@test "a configuration without a process can be created; its start says that nothing was started" {
    edit 'del(.process)'
    oci create --bundle "$BUNDLE" "$id" </dev/null >/dev/null 2>&1
    status_is "$id" created
    run -0 --separate-stderr oci start "$id"
    [[ "$stderr" = *"level=warning"*"has no 'process' in its configuration: nothing was started, and it has stopped"* ]]
    status_is "$id" stopped
    run -1 oci start "$id"
    [[ "$output" = *'cannot start container "'"$id"'": it is stopped'* ]]
    oci delete "$id"
}

@test "memory policies and personalities hold for exec too; bad ones are named" {
    require "memory policies of the kernel" test -e /proc/self/numa_maps
    local bad
    edit '.process.args = ["sleep", "100"] | .linux.personality = {domain: "LINUX32"} |
        .linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_STATIC_NODES"]}'
    oci run --detach --bundle "$BUNDLE" "$id"
    run -0 oci exec "$id" sh -c 'uname -m; head -n 1 /proc/self/numa_maps'
    [[ "${lines[0]}" = i686 && "${lines[1]}" = *"bind=static:0 "* ]]
    oci delete --force "$id"
    cp "$BUNDLE/config.json" good.json
    while IFS=@ read -r filter bad; do
        jq ".linux.memoryPolicy = $filter" good.json >"$BUNDLE/config.json"
        run -1 oci create --bundle "$BUNDLE" "$id" </dev/null
        if [[ "$output" != *"$bad"* ]]; then
            echo "$filter: $output, not $bad" >&2
            return 1
        fi
    done <<'END'
{}@invalid memory policy mode ''
{"mode":"BIND"}@invalid memory policy mode 'BIND'
{"mode":"MPOL_BIND","nodes":"0","flags":["x"]}@invalid memory policy flag 'x'
{"mode":"MPOL_BIND","nodes":"0-9999"}@invalid memory policy node '0-9999'
{"mode":"MPOL_BIND","nodes":"1-0"}@invalid memory policy node '1-0'
{"mode":"MPOL_DEFAULT","nodes":"0-7"}@this mode requires 0 nodes but got 8
END
}

@test "a mount may lie in an earlier one, ro is of the mount alone, and a tmpfs keeps its directory's mode" {
    mkdir -p tree/sub "$CRANK_TEST_DIR/rootfs/kept"
    chmod 710 "$CRANK_TEST_DIR/rootfs/kept"
    mount -t tmpfs tmpfs tree/sub
    edit --arg tree "$PWD/tree" --arg root "$CRANK_TEST_DIR/rootfs" '
        .process.args = ["sh", "-c", "stat -c %a /kept; test -d /again && echo again;
            touch /tree/a 2>&1; touch /tree/sub/a && echo below; touch /all/sub/a 2>&1; touch /dev/x 2>&1"] |
        .mounts |= map(if .destination == "/dev" then .options += ["ro"] else . end) |
        .mounts += [
            {destination: "/kept", type: "tmpfs", source: "tmpfs"},
            {destination: "/tree", source: $tree, options: ["rbind", "ro"]},
            {destination: "/all", source: $tree, options: ["rbind", "rro"]},
            {destination: "/first", type: "tmpfs", source: "tmpfs"},
            {destination: "/again", source: ($root + "/first"), options: ["bind"]}]'
    run oci run --bundle "$BUNDLE" "$id"
    umount tree/sub
    rmdir "$CRANK_TEST_DIR/rootfs/kept"
    [ "${lines[0]}" = 710 ]
    [[ "$output" = *"touch: /tree/a: Read-only file system"* ]]
    [[ "$output" = *again*below*"touch: /dev/x: Read-only file system"* ]]
    [[ "$output" = *"touch: /all/sub/a: Read-only file system"* ]]
}

@test "devices need a rule of their own; paths are hidden once" {
    edit '.process.args = ["sh", "-c", "cat /dev/zap 2>&1; mount | grep -c /tmp/x; stat -c %d /tmp/x /tmp/y"] |
        .linux.devices = [{path: "/dev/zap/", type: "c", major: 1, minor: 11}] |
        .mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs"},
            {destination: "/tmp/x", type: "tmpfs", source: "tmpfs"},
            {destination: "/tmp/y", type: "tmpfs", source: "tmpfs"}] |
        .linux.maskedPaths = ["/tmp/x", "/tmp/y", "/tmp/x"]'
    run -0 oci run --bundle "$BUNDLE" "$id"
    [[ "${lines[0]}" = *"Operation not permitted"* ]]
    [ "${lines[1]}" = 2 ]
    [ "${lines[2]}" = "${lines[3]}" ]
}

@test "without a process-id namespace KILL ends all of it, also after its first process" {
    sh_bundle 'sleep 100 & sleep 101 & echo ready; exec sleep 102'
    edit '.linux.namespaces |= map(select(.type != "pid"))'
    oci run --detach --bundle "$BUNDLE" --pid-file pid "$id" >out
    until_true grep -q ready out
    local processes
    processes=$(oci ps --format json "$id" | jq length)
    [ "$processes" = 3 ]
    kill -9 "$(cat pid)"
    until_true status_is "$id" stopped
    oci kill "$id" KILL
    until_true eval '[ "$(oci ps --format json "$id")" = "[]" ]'
    run -1 oci kill "$id" 0
    [[ "$output" = *"container not running"* ]]
    run -1 oci --root "$PWD/no-root" list
    [[ "$output" = *"--root"*"no-root"* ]]
}

@test "descriptors are handed on by number; activated sockets are announced" {
    sh_bundle 'cat <&5; ls /proc/self/fd | tr "\\n" " "; echo "$LISTEN_FDS $LISTEN_PID"'
    echo five >five
    run -0 env LISTEN_FDS=1 crank-oci --root "$CRANK_TEST_DIR/oci" run --bundle "$BUNDLE" \
        --preserve-fds 8 "$id" 3>&- 4>&- 5<five 6>&- 7>&- 8>&- 9>&-
    [ "${lines[0]}" = five ]
    [[ " ${lines[1]}" = *" 5 1 1" && " ${lines[1]}" != *" 4 "* ]]
}

@test "hooks run at their points, in their namespaces, with the state" {
    cat >hook <<'END'
#!/bin/sh
read -r state
echo "$1 $(echo "$state" | sed 's/.*"status":"\([a-z]*\)".*/\1/') $(hostname)" >>"$2"
END
    chmod +x hook
    cp hook rootfs/bin/hook
    edit --arg hook "$CRANK_TEST_DIR/hook" --arg log "$CRANK_TEST_DIR/hooks" '
        .hostname = "inside" | .process.args = ["true"] |
        .mounts += [{"destination": "/log", "type": "bind", "source": ($log + ".in"), "options": ["bind"]}] |
        def h($name; $file): [{path: $hook, args: ["hook", $name, $file], env: ["PATH=/usr/bin:/bin"]}];
        .hooks = {prestart: h("prestart"; $log), createRuntime: h("createRuntime"; $log),
            createContainer: h("createContainer"; $log),
            startContainer: [{path: "/bin/hook", args: ["hook", "startContainer", "/log"], env: ["PATH=/bin"]}],
            poststart: h("poststart"; $log), poststop: h("poststop"; $log)}'
    : >hooks.in
    local host
    host=$(hostname)
    oci create --bundle "$BUNDLE" "$id"
    [ "$(cat hooks)" = "prestart created $host
createRuntime creating $host
createContainer creating inside" ]
    oci start "$id"
    [ "$(cat hooks.in)" = "startContainer created inside" ]
    [ "$(tail -n 1 hooks)" = "poststart running $host" ]
    until_true status_is "$id" stopped
    oci delete "$id"
    [ "$(tail -n 1 hooks)" = "poststop stopped $host" ]
}

@test "a hook that fails: before the start it is an error, after it a warning" {
    local point
    edit '.process.args = ["sleep", "100"]'
    cp "$BUNDLE/config.json" good.json
    for point in prestart createRuntime createContainer; do
        jq --arg point $point '.hooks[$point] = [{path: "/bin/sh", args: ["sh", "-c", "echo no luck; exit 4"]}]' \
            good.json >"$BUNDLE/config.json"
        run -1 oci create --bundle "$BUNDLE" "$id"
        [[ "$output" = *"error running $point hook #0: $point hook failed with exit code 4 (/bin/sh): no luck"* ]]
        oci_nothing_left
    done
    jq '.hooks.prestart = [{path: "/bin/sleep", args: ["sleep", "100"], timeout: 1}]' \
        good.json >"$BUNDLE/config.json"
    run -1 oci create --bundle "$BUNDLE" "$id"
    [[ "$output" = *"prestart hook was killed at its timeout of 1 s (/bin/sleep)"* ]]
    jq '.hooks.startContainer = [{path: "/bin/false"}]' good.json >"$BUNDLE/config.json"
    oci create --bundle "$BUNDLE" "$id"
    run -1 oci start "$id"
    [[ "$output" = *"startContainer hook failed with exit code 1 (/bin/false)"* ]]
    status_is "$id" stopped
    oci delete "$id"
    jq '.hooks.poststart = [{path: "/bin/false"}] | .hooks.poststop = .hooks.poststart' \
        good.json >"$BUNDLE/config.json"
    # the container ends with its poststart hook, and its poststop hooks are called
    run -1 oci run --detach --bundle "$BUNDLE" "$id"
    [[ "$output" = *"error running poststart hook #0: poststart hook failed with exit code 1 (/bin/false)"* ]]
    oci_nothing_left
    jq '.hooks.poststop = [{path: "/bin/true"}, {path: "/bin/false"}]' good.json >"$BUNDLE/config.json"
    oci run --detach --bundle "$BUNDLE" "$id" >out 2>&1
    run -0 oci delete --force "$id"
    [[ "$output" = *"level=warning"*"poststop hook #1: poststop hook failed with exit code 1 (/bin/false)"* ]]
}

@test "namespaces are joined by path; a time namespace has its own clocks" {
    edit '.process.args = ["sleep", "100"]'
    oci run --detach --bundle "$BUNDLE" --pid-file pid "$id"
    local pid
    pid=$(cat pid)
    sh_bundle 'readlink /proc/self/ns/net; readlink /proc/self/ns/ipc; ps | grep -c "sleep 100"; cut -d. -f1 /proc/uptime'
    edit --arg ns "/proc/$pid/ns" '.linux.namespaces |=
        map(if .type == "network" then .path = $ns + "/net" elif .type == "ipc" then .path = $ns + "/ipc"
            elif .type == "pid" then .path = $ns + "/pid" else . end)'
    edit '.linux.namespaces += [{"type": "time"}] |
        .linux.timeOffsets = {"boottime": {"secs": 1000000000, "nanosecs": 1}}'
    run -0 oci run --bundle "$BUNDLE" "$id-b"
    [ "${lines[0]}" = "$(readlink "/proc/$pid/ns/net")" ]
    [ "${lines[1]}" = "$(readlink "/proc/$pid/ns/ipc")" ]
    [ "${lines[2]}" -ge 1 ]
    [ "${lines[3]}" -gt 1000000000 ]
    # settings of the host's own namespace stay out of reach by this way
    edit '.linux.namespaces |= map(if .type == "network" then .path = "/proc/self/ns/net" else . end) |
        .linux.sysctl = {"net.ipv4.ping_group_range": "0 1"}'
    run -1 oci run --bundle "$BUNDLE" "$id-b"
    [[ "$output" = *"/proc/self/ns/net is the host's network namespace"* ]]
}

@test "the process gets what its configuration says" {
    sh_bundle 'hostname; cat /proc/sys/kernel/domainname; umask; cut -d" " -f19 /proc/self/stat; cat /proc/self/oom_score_adj;
        stat -c "%t:%T %a %u:%g" /dev/fuse; cat /sys/fs/cgroup/pids/pids.max 2>/dev/null || cat /sys/fs/cgroup/pids.max;
        uname -m; touch /ro 2>&1; grep -c shared: /proc/self/mountinfo; ulimit -n'
    edit '.hostname = "h" | .domainname = "d" | .process.user.umask = 63 |
        .process.scheduler = {"policy": "SCHED_OTHER", "nice": 5} |
        .process.ioPriority = {"class": "IOPRIO_CLASS_BE", "priority": 6} |
        .process.oomScoreAdj = 900 | .linux.personality = {"domain": "LINUX32"} |
        .linux.devices = [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 416, "uid": 1, "gid": 2}] |
        .linux.resources.pids.limit = 33 |
        .process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 64, "hard": 64}] |
        .mounts += [{"destination": "/mnt", "type": "bind", "source": "/tmp", "options": ["rbind", "rshared", "nosuid"]}]'
    run -0 oci run --bundle "$BUNDLE" "$id"
    [ "${lines[0]}" = h ]
    [ "${lines[1]}" = d ]
    [ "${lines[2]}" = 0077 ]
    [ "${lines[3]}" = 5 ]
    [ "${lines[4]}" = 900 ]
    [ "${lines[5]}" = "a:e5 640 1:2" ]
    [ "${lines[6]}" = 33 ]
    [[ "${lines[7]}" = i?86 || "$(uname -m)" != x86_64 ]]
    [[ "${lines[8]}" = *"Read-only file system"* ]]
    [ "${lines[9]}" -ge 1 ]
    [ "${lines[10]}" = 64 ]
}

@test "spec writes a bundle to begin with; features and help tell what there is" {
    run -1 crank-oci spec --bundle "$BUNDLE"
    [[ "$output" = *"config.json exists"* ]]
    jq -e '.process.args == ["sh"] and .root.readonly and .process.noNewPrivileges' "$BUNDLE/config.json" ||
        jq -e .root.readonly "$BUNDLE/config.json"
    crank-oci features | jq -e '.hooks | length == 6'
    crank-oci features | jq -e '.linux.cgroup.v1 and (.linux.capabilities | any(. == "CAP_SYS_ADMIN")) and
        .linux.seccomp.enabled and (.linux.apparmor.enabled | not)'
    run -0 crank-oci --help
    [[ "$output" = *"Usage: crank-oci"*"create "*"features "* ]]
    local verb
    for verb in create start run state kill delete list exec ps pause resume update events spec features; do
        run -0 crank oci $verb --help
        [[ "$output" = "Usage: crank oci $verb"*"Examples:"*"crank oci $verb"* ]]
    done
    run -0 crank-oci --version
    [[ "${lines[0]}" = "crank-oci version "* ]]
    [ "${lines[1]}" = "spec: 1.3.0" ]
}

@test "killed at any point, create and delete leave nothing that the next command does not sweep" {
    local point
    edit '.process.args = ["sleep", "100"]'
    for point in create.marked create.configured create.started create.before_record; do
        run -137 env CRANK_CRASH_AT=oci.$point crank-oci --root "$CRANK_TEST_DIR/oci" create --bundle "$BUNDLE" "$id"
        # the next command for the same id
        oci create --bundle "$BUNDLE" "$id"
        status_is "$id" created
        oci delete --force "$id"
        run -137 env CRANK_CRASH_AT=oci.$point crank-oci --root "$CRANK_TEST_DIR/oci" create --bundle "$BUNDLE" "$id"
        run -0 oci list
        [ "${#lines[@]}" = 1 ]
        oci_nothing_left
    done
    run -137 env CRANK_CRASH_AT=oci.create.recorded crank-oci --root "$CRANK_TEST_DIR/oci" create --bundle "$BUNDLE" "$id"
    until_true status_is "$id" stopped
    oci delete "$id"
    for point in marked forgotten; do
        oci create --bundle "$BUNDLE" "$id"
        run -137 env CRANK_CRASH_AT=oci.delete.$point crank-oci --root "$CRANK_TEST_DIR/oci" delete --force "$id"
        oci delete --force "$id"
        oci_nothing_left
    done
    oci create --bundle "$BUNDLE" "$id"
    run -137 env CRANK_CRASH_AT=oci.start.before_word crank-oci --root "$CRANK_TEST_DIR/oci" start "$id"
    status_is "$id" created
    run -137 env CRANK_CRASH_AT=oci.start.after_word crank-oci --root "$CRANK_TEST_DIR/oci" start "$id"
    status_is "$id" running
}

@test "without root the error says what is missing" {
    run -1 as_nobody crank oci --root "$CRANK_TEST_DIR/nobody" create --bundle "$BUNDLE" "$id"
    [ -n "$output" ]
    [ ! -e "$CRANK_TEST_DIR/nobody/$id" ]
}
