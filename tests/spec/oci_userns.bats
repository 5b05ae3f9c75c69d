#!/usr/bin/env bats
# User namespaces and id-mapped mounts of the OCI verbs.

bats_require_minimum_version 1.5.0
load ../lib/oci

setup_file() {
    oci_setup_file
    # the mapped root could not make it: the root belongs to the host's
    mkdir "$CRANK_TEST_DIR/rootfs/mnt"
}
setup() {
    oci_setup
    id=$TEST_ID-$BATS_TEST_NUMBER
}
teardown() { oci_teardown; }
teardown_file() { common_teardown; }

# The container's ids from 0 on are the host's from 100000 on.
userns() {
    edit '.linux.namespaces += [{"type": "user"}] |
        .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}] |
        .linux.gidMappings = [{"containerID": 0, "hostID": 200000, "size": 65536}]'
}

@test "a new user namespace: ids, maps, and every namespace belongs to it" {
    userns
    # what takes rights in the namespaces: a mount, a host name, an address
    edit '.process.capabilities.bounding += ["CAP_SYS_ADMIN", "CAP_NET_ADMIN"] |
        .process.capabilities |= with_entries(.value = ["CAP_SYS_ADMIN", "CAP_NET_ADMIN", "CAP_SETUID"])'
    sh_bundle 'id -u; id -g; tr -s " " </proc/self/uid_map; tr -s " " </proc/self/gid_map
        mount -t tmpfs none /tmp && hostname inside && hostname && ip link set lo down && echo done'
    run -0 oci run --bundle "$BUNDLE" "$id"
    [ "$output" = "0
0
 0 100000 65536
 0 200000 65536
inside
done" ]
}

@test "the host sees the mapped ids: processes, files, and the caller's pipes" {
    mkdir open && chmod 777 open
    userns
    edit --arg dir "$PWD/open" '.mounts += [{"destination": "/mnt", "source": $dir, "options": ["bind"]}]'
    sh_bundle 'touch /mnt/made; echo out >/dev/stdout; exec sleep 100'
    edit '.process.user = {"uid": 1000, "gid": 1000, "additionalGids": [7]}'
    oci create --bundle "$BUNDLE" --pid-file pid "$id" | cat >out 3>&- &
    until_true test -s pid
    oci start "$id"
    until_true test -e open/made
    [ "$(stat -c %u:%g open/made)" = 101000:201000 ]
    [ "$(awk '/^Uid/ { print $2, $3, $4, $5 }' "/proc/$(cat pid)/status")" = "101000 101000 101000 101000" ]
    [ "$(awk '/^Groups/ { print $2 }' "/proc/$(cat pid)/status")" = 200007 ]
    until_true grep -q out out
}

@test "several ranges, and 0 need not be among them" {
    userns
    edit '.linux.uidMappings = [{"containerID": 1000, "hostID": 100000, "size": 1},
                                {"containerID": 2000, "hostID": 300000, "size": 10}] |
        .process.user = {"uid": 2003, "gid": 3}'
    sh_bundle 'id -u; tr -s " " </proc/self/uid_map'
    run -0 oci run --bundle "$BUNDLE" "$id"
    [ "$output" = "2003
 1000 100000 1
 2000 300000 10" ]
}

@test "what a container has everywhere: /proc, /sys, terminals, devices, masks, the root" {
    userns
    sh_bundle 'set -e
        [ "$(readlink /proc/self)" = 1 ] || [ -d /proc/1 ]
        ls /sys/class/net
        mount | grep -q "on /dev/pts type devpts"
        echo x >/dev/null; head -c 4 /dev/zero | wc -c; head -c 4 /dev/urandom | wc -c
        if echo 1 >/proc/sys/kernel/panic; then exit 9; fi 2>/dev/null
        cat /proc/keys | wc -c
        if touch /x; then exit 8; fi 2>/dev/null
        stat -c %t:%T /dev/tty'
    run -0 oci run --bundle "$BUNDLE" "$id"
    [ "$output" = "lo
4
4
0
5:0" ]
}

@test "devices are made for it, with their owner and mode, and the host keeps none" {
    userns
    edit '.linux.devices = [{"path": "/dev/message", "type": "c", "major": 1, "minor": 11, "fileMode": 416, "uid": 3, "gid": 4}]'
    sh_bundle 'stat -c "%t:%T %a %u:%g" /dev/message; echo x >/dev/null'
    run -0 oci run --bundle "$BUNDLE" "$id"
    [ "$output" = "1:b 640 3:4" ]
    [ ! -e /dev/message ]
    # another device under the path of one of the host's is what was asked for
    edit '.linux.devices[0] |= (.path = "/dev/kmsg" | .minor = 5)'
    sh_bundle 'stat -c %t:%T /dev/kmsg; head -c 2 /dev/kmsg | wc -c'
    edit '.process.user = {"uid": 3, "gid": 4}'
    run -0 oci run --bundle "$BUNDLE" "$id"
    [ "$output" = "1:5
2" ]
    edit '.linux.devices[0].uid = 70000'
    run -1 oci run --bundle "$BUNDLE" "$id"
    [[ "$output" = *"linux.devices: the owner of /dev/kmsg does not exist in the user namespace"* ]]
}

@test "exec and hooks are inside of it as well" {
    userns
    edit '.process.args = ["sleep", "100"] |
        .hooks.createContainer = [{"path": "/bin/sh", "args": ["sh", "-c", "cat /proc/self/uid_map >'"$PWD"'/hook; id -u >>'"$PWD"'/hook"]}]'
    : >hook && chmod 666 hook && chmod go+x "$CRANK_TEST_DIR"
    oci run --detach --bundle "$BUNDLE" "$id"
    grep -q 100000 hook
    run -0 oci exec "$id" sh -c 'id -u; tr -s " " </proc/self/uid_map; cat /proc/self/cgroup | grep -c .'
    [ "${lines[0]}" = 0 ]
    [ "${lines[1]}" = " 0 100000 65536" ]
    run -0 oci exec --user 33:34 "$id" sh -c 'id -u; id -g; echo >/dev/stdout; echo x >/dev/null'
    [ "${lines[0]}" = 33 ]
    [ "${lines[1]}" = 34 ]
    run -255 oci exec --user 70000 "$id" true
    [[ "$output" = *"process.user.uid: 70000 does not exist in the user namespace"* ]]
    run -0 oci ps --format json "$id"
}

@test "a user namespace is joined by its path, with the maps that it has" {
    userns
    edit '.process.args = ["sleep", "100"]'
    oci run --detach --bundle "$BUNDLE" --pid-file pid "$id"
    local path
    path=/proc/$(cat pid)/ns/user
    edit --arg path "$path" '(.linux.namespaces[] | select(.type == "user")).path = $path |
        del(.linux.uidMappings, .linux.gidMappings)'
    sh_bundle 'id -u; tr -s " " </proc/self/uid_map; readlink /proc/self/ns/user'
    run -0 oci run --bundle "$BUNDLE" "$id-2"
    [ "$output" = "0
 0 100000 65536
$(readlink "$path")" ]
    edit '.process.user.uid = 70000'
    run -1 oci run --bundle "$BUNDLE" "$id-2"
    [[ "$output" = *"process.user.uid: 70000 does not exist in the user namespace"* ]]
    edit '.process.user.uid = 0 | .linux.uidMappings = [{"containerID": 0, "hostID": 5, "size": 1}]'
    run -1 oci run --bundle "$BUNDLE" "$id-2"
    [[ "$output" = *"are not those of the user namespace $path"* ]]
}

@test "with the host's network and groups the host's own mounts are shown" {
    userns
    edit '.linux.namespaces |= map(select(.type != "network" and .type != "cgroup" and .type != "pid"))'
    sh_bundle 'ls /sys/class/net | wc -l; tr "\0" " " </proc/1/cmdline | wc -c; if echo x >/proc/sys/kernel/panic; then exit 9; fi 2>/dev/null; ls /sys/fs/cgroup | head -1 | wc -l'
    run -0 oci run --bundle "$BUNDLE" "$id"
    [ "${lines[0]}" = "$(find /sys/class/net -mindepth 1 | wc -l)" ]
    [ "${lines[1]}" = "$(wc -c </proc/1/cmdline)" ]
    edit '.process.args = ["sleep", "100"]'
    oci run --detach --bundle "$BUNDLE" "$id"
    run -0 oci exec "$id" sh -c 'id -u; readlink /proc/self/ns/cgroup'
    [ "$output" = "0
$(readlink /proc/self/ns/cgroup)" ]
}

@test "a time namespace, limits and a priority, which take the host's rights" {
    userns
    edit '.linux.namespaces += [{"type": "time"}] | .linux.timeOffsets = {"boottime": {"secs": 5000000}} |
        .process.oomScoreAdj = 500 | .process.ioPriority = {"class": "IOPRIO_CLASS_BE", "priority": 7} |
        .process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 10, "hard": 20}]'
    sh_bundle 'cut -d. -f1 /proc/uptime; cat /proc/self/oom_score_adj; ulimit -n; ulimit -Hn'
    run -0 oci run --bundle "$BUNDLE" "$id"
    [ "${lines[0]}" -gt 5000000 ]
    [ "${lines[1]}" = 500 ]
    [ "${lines[2]}" = 10 ]
    [ "${lines[3]}" = 20 ]
}

@test "a terminal" {
    userns
    edit '.process.terminal = true'
    sh_bundle 'tty; stat -c %u $(tty); [ -c /dev/console ] && echo console'
    cat >console.py <<'END'
import array, os, socket, subprocess, sys
listener = socket.socket(socket.AF_UNIX); listener.bind("console"); listener.listen()
child = subprocess.Popen(sys.argv[1:] + ["--console-socket", "console", os.environ["ID"]])
connection, _ = listener.accept()
_, control, _, _ = connection.recvmsg(64, 64)
master = array.array("i", control[0][2])[0]
seen = b""
try:
    while True:
        piece = os.read(master, 1000)
        if not piece: break
        seen += piece
except OSError: pass
print(seen.decode(), child.wait())
END
    ID=$id run -0 python3 console.py crank-oci --root "$CRANK_TEST_DIR/oci" run --bundle "$BUNDLE"
    [[ "$output" = *"/dev/pts/0"*"0"*"console"*" 0" ]]
}

@test "what makes no sense is refused by name" {
    edit '.linux.uidMappings = [{"containerID": 0, "hostID": 1, "size": 1}]'
    run -1 oci run --bundle "$BUNDLE" "$id"
    [[ "$output" = *"there is no user namespace that they could be for"* ]]
    userns
    edit '.linux.gidMappings = []'
    run -1 oci run --bundle "$BUNDLE" "$id"
    [[ "$output" = *"a new user namespace needs linux.uidMappings and linux.gidMappings"* ]]
    local map text
    while IFS='|' read -r map text; do
        edit --argjson map "$map" '.linux.gidMappings = [{"containerID": 0, "hostID": 1, "size": 9}] |
            .linux.uidMappings = $map'
        run -1 oci run --bundle "$BUNDLE" "$id"
        [[ "$output" = *"$text"* ]]
    done <<'END'
[{"containerID": 0, "hostID": 1, "size": 0}]|linux.uidMappings: a size is 0
[{"containerID": 0, "hostID": 1, "size": 5}, {"containerID": 4, "hostID": 50, "size": 5}]|the container's id 4 is mapped twice
[{"containerID": 0, "hostID": 1, "size": 5}, {"containerID": 9, "hostID": 5, "size": 5}]|the host's id 5 is mapped twice
[{"containerID": 0, "hostID": 4294967000, "size": 1000}]|reach beyond the last one
END
    edit '.linux.uidMappings = [{"containerID": 0, "hostID": 1, "size": 5}] | .process.user.uid = 5'
    run -1 oci run --bundle "$BUNDLE" "$id"
    [[ "$output" = *"process.user.uid: 5 does not exist in the user namespace: linux.uidMappings does not map it"* ]]
    edit '.process.user = {"uid": 0, "gid": 0, "additionalGids": [70000]}'
    run -1 oci run --bundle "$BUNDLE" "$id"
    [[ "$output" = *"process.user.additionalGids: 70000"* ]]
    edit '.process.user = {"uid": 0, "gid": 0} | .linux.namespaces |= map(select(.type != "mount"))'
    run -1 oci run --bundle "$BUNDLE" "$id"
    [[ "$output" = *"a user namespace needs a new mount namespace with it"* ]]
}

@test "id-mapped mounts: their own maps, the user namespace's, and below" {
    mkdir -p data/below && touch data/file && chown 0:0 data/file
    edit --arg dir "$PWD/data" '.mounts += [{"destination": "/mnt", "source": $dir, "options": ["bind", "idmap"],
        "uidMappings": [{"containerID": 0, "hostID": 5000, "size": 10}],
        "gidMappings": [{"containerID": 0, "hostID": 6000, "size": 10}]}]'
    sh_bundle 'stat -c %u:%g /mnt/file'
    run -0 oci run --bundle "$BUNDLE" "$id"
    [ "$output" = 5000:6000 ]
    # without the option the maps say it all the same
    edit '.mounts[-1].options = ["bind"]'
    run -0 oci run --bundle "$BUNDLE" "$id"
    [ "$output" = 5000:6000 ]
    # the user namespace's: root writes files of root's, which are the host's root's in the source
    userns
    edit '.mounts[-1] |= del(.uidMappings, .gidMappings) | .mounts[-1].options = ["rbind", "ridmap"]'
    sh_bundle 'stat -c %u:%g /mnt/file; touch /mnt/made'
    run -0 oci run --bundle "$BUNDLE" "$id"
    [ "$output" = 0:0 ]
    [ "$(stat -c %u:%g data/made)" = 0:0 ]
}

@test "id-mapped mounts: what is wrong is named, with the remedy" {
    edit '.mounts += [{"destination": "/mnt", "source": "/proc/self", "options": ["bind", "idmap"],
        "uidMappings": [{"containerID": 0, "hostID": 5000, "size": 10}],
        "gidMappings": [{"containerID": 0, "hostID": 6000, "size": 10}]}]'
    run -1 oci run --bundle "$BUNDLE" "$id"
    [[ "$output" = *"the ids of the mount of /proc/self cannot be mapped: its file system does not know id-mapped mounts"*"leave out the mapping of this mount"* ]]
    edit '.mounts[-1] |= del(.uidMappings)'
    run -1 oci run --bundle "$BUNDLE" "$id"
    [[ "$output" = *"mounts: /mnt: uidMappings and gidMappings go together"* ]]
    edit '.mounts[-1] |= del(.gidMappings)'
    run -1 oci run --bundle "$BUNDLE" "$id"
    [[ "$output" = *"the option idmap needs uidMappings and gidMappings, or a user namespace"* ]]
    edit '.mounts[-1] = {"destination": "/mnt", "type": "tmpfs", "source": "tmpfs",
        "uidMappings": [{"containerID": 0, "hostID": 5000, "size": 10}],
        "gidMappings": [{"containerID": 0, "hostID": 6000, "size": 10}]}'
    run -1 oci run --bundle "$BUNDLE" "$id"
    [[ "$output" = *"the ids of bind mounts alone can be mapped"* ]]
}

@test "recursive options clear what mounts below have" {
    mkdir -p tree/below
    cat >inner.sh <<END
mount --bind $PWD/tree $PWD/tree && mount -t tmpfs -o nosuid,nodev,noexec none $PWD/tree/below &&
    mount -o remount,bind,ro,nosuid,nodev,noexec $PWD/tree/below &&
    crank-oci --root $CRANK_TEST_DIR/oci run --bundle $BUNDLE $id
END
    edit --arg dir "$PWD/tree" '.mounts += [{"destination": "/mnt", "source": $dir, "options": ["rbind", "rrw", "rexec", "rsuid", "rdev"]}]'
    sh_bundle 'touch /mnt/below/x && grep /mnt/below /proc/mounts | cut -d" " -f4'
    run -0 unshare -m bash inner.sh
    [[ "$output" = rw,relatime* ]]
    edit '.mounts[-1].options = ["rbind", "rro", "rnoexec"]'
    sh_bundle 'if touch /mnt/below/x; then exit 1; fi 2>/dev/null; grep " /mnt " /proc/mounts | cut -d" " -f4'
    run -0 unshare -m bash inner.sh
    [[ "$output" = ro,*noexec* ]]
}
