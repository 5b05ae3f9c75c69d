#!/usr/bin/env bats
# Attacks on and out of user namespaces, each with a benign twin that works.

bats_require_minimum_version 1.5.0
load ../lib/oci

setup_file() {
    oci_setup_file
    mkdir "$CRANK_TEST_DIR/rootfs/mnt"
    chmod go+x "$CRANK_TEST_DIR"
}
setup() {
    oci_setup
    id=$TEST_ID-$BATS_TEST_NUMBER
}
teardown() { oci_teardown; }
teardown_file() { common_teardown; }

userns() {
    edit '.linux.namespaces += [{"type": "user"}] |
        .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}] |
        .linux.gidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}]'
}

every_capability() {
    # but what a host may withhold from its own root
    edit --argjson all "$(crank-oci features | jq -c '.linux.capabilities - ["CAP_SYS_RESOURCE"]')" \
        '.process.capabilities = {bounding: $all, effective: $all, permitted: $all}'
}

bind() { # SOURCE
    edit --arg dir "$1" '.mounts += [{"destination": "/mnt", "source": $dir, "options": ["bind"]}]'
}

@test "root of a container, with every capability, is nobody to the host's files" {
    mkdir -p secret open && echo host >secret/file && echo host >open/file
    chmod 755 open && chmod 600 secret/file open/file
    bind "$PWD"
    every_capability
    sh_bundle 'for t in "cat /mnt/secret/file" "echo x >/mnt/open/file" "touch /mnt/open/new" "chown 0 /mnt/open/file" \
            "chmod 777 /mnt/open/file" "mknod /tmp/sda b 8 0" "mknod /mnt/open/null c 1 3"; do
        if sh -c "$t" 2>/dev/null; then echo "did $t"; fi
    done; echo end'
    # the same without a user namespace does most of it: the attack is one
    run -0 oci run --bundle "$BUNDLE" "$id"
    [[ "$output" = *"did touch /mnt/open/new"* ]]
    rm -f open/new open/null
    echo host >open/file && chmod 600 open/file
    userns
    run -0 oci run --bundle "$BUNDLE" "$id"
    [ "$output" = end ]
    [ "$(cat open/file)" = host ]
    # the benign twin: what belongs to the container's ids
    mkdir own && chown 100000:100000 own
    sh_bundle 'echo fine >/mnt/own/new && chown 5:5 /mnt/own/new'
    run -0 oci run --bundle "$BUNDLE" "$id"
    [ "$(stat -c %u own/new)" = 100005 ]
}

@test "a set-user-id program of the host's root gives nobody its rights" {
    mkdir tools
    # busybox gives such rights up by itself
    cc -static -x c -o tools/id - <<'END'
#include <stdio.h>
#include <unistd.h>
int main(void) { return printf("%d\n", (int)geteuid()) < 0; }
END
    chmod 4755 tools/id
    userns
    bind "$PWD/tools"
    edit '.process.user = {"uid": 1000, "gid": 1000} | .process.args = ["/mnt/id"] |
        .process.noNewPrivileges = false'
    run -0 oci run --bundle "$BUNDLE" "$id"
    [ "$output" = 1000 ]
    # the benign twin: one of the container's own root
    chown 100000:100000 tools/id && chmod 4755 tools/id
    run -0 oci run --bundle "$BUNDLE" "$id"
    [ "$output" = 0 ]
}

@test "the host's user namespace is not joined, nor what is none" {
    edit '.process.args = ["true"]'
    userns
    local path
    for path in /proc/self/ns/user "/proc/$$/ns/user"; do
        edit --arg path "$path" '(.linux.namespaces[] | select(.type == "user")).path = $path |
            del(.linux.uidMappings, .linux.gidMappings)'
        run -1 oci run --bundle "$BUNDLE" "$id"
        [[ "$output" = *"$path is the user namespace that crank itself runs in"* ]]
    done
    edit '(.linux.namespaces[] | select(.type == "user")).path = "/proc/self/ns/net"'
    run -1 oci run --bundle "$BUNDLE" "$id"
    [[ "$output" = *"/proc/self/ns/net is not a user namespace"* ]]
    echo file >file
    edit --arg path "$PWD/file" '(.linux.namespaces[] | select(.type == "user")).path = $path'
    run -1 oci run --bundle "$BUNDLE" "$id"
    [[ "$output" = *"$PWD/file is not a user namespace"* ]]
    # the benign twin
    unshare --user sleep 20 &
    local sleeper=$!
    until_true test "$(readlink /proc/self/ns/user)" != "$(readlink /proc/$sleeper/ns/user)"
    echo "0 100000 100" >/proc/$sleeper/uid_map && echo "0 100000 100" >/proc/$sleeper/gid_map
    edit --arg path "/proc/$sleeper/ns/user" '(.linux.namespaces[] | select(.type == "user")).path = $path'
    run -0 oci run --bundle "$BUNDLE" "$id"
    kill "$sleeper"
}

@test "ids that the caller does not have itself are not mapped" {
    edit '.process.args = ["true"] | .linux.resources = {}'
    userns
    mkdir nested && chmod 777 nested
    run -1 unshare --user --map-root-user crank-oci --root "$PWD/nested" run --bundle "$BUNDLE" "$id"
    [[ "$output" = *"uid_map"*"hint: ids can only be mapped to those that this user namespace has itself"* ]]
    rm -rf nested
}

@test "a hook that is a program of the container's has no rights of the host's root" {
    userns
    cat >"$BUNDLE/rootfs/tmp/hook" <<'END'
#!/bin/sh
id -u >/mnt/hook; tr -s " " </proc/self/uid_map >>/mnt/hook
cat /mnt/secret >>/mnt/hook 2>/dev/null || true
END
    chmod 755 "$BUNDLE/rootfs/tmp/hook"
    mkdir shared && chmod 777 shared && echo secret >shared/secret && chmod 600 shared/secret
    bind "$PWD/shared"
    edit '.hooks.startContainer = [{"path": "/tmp/hook"}] | .process.args = ["true"]'
    run -0 oci run --bundle "$BUNDLE" "$id"
    [ "$(cat shared/hook)" = "0
 0 100000 65536" ]
    [ "$(stat -c %u shared/hook)" = 100000 ]
    # the benign twin: a hook of the host's, before the root is entered
    edit '.hooks = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", "id -u >'"$PWD"'/host"]}]}'
    run -0 oci run --bundle "$BUNDLE" "$id"
    [ "$(cat host)" = 0 ]
}

@test "nobody in the namespace looks into what enters it" {
    userns
    every_capability
    # with the caller's processes in sight
    sh_bundle 'while :; do for p in /proc/[0-9]*; do
            e=$(readlink $p/exe 2>/dev/null); case "$e" in *crank*) echo "saw $e" ;; esac
            if head -c 1 $p/environ >/dev/null 2>&1; then :; fi
        done; done'
    oci create --bundle "$BUNDLE" "$id" >seen
    oci start "$id"
    for _ in 1 2 3 4 5 6 7 8; do oci exec "$id" true; done
    [ ! -s seen ]
    # the benign twin: it does see programs
    run -0 oci exec "$id" readlink /proc/1/exe
    [ "$output" = /bin/busybox ]
}

@test "a file that is handed as output keeps its owner" {
    userns
    edit '.process.user = {"uid": 1000, "gid": 1000}'
    sh_bundle 'echo text'
    oci run --bundle "$BUNDLE" "$id" >file
    [ "$(cat file)" = text ]
    [ "$(stat -c %u file)" = 0 ]
}

@test "a mapped mount gives no rights beyond its map" {
    mkdir data && touch data/of-root data/of-7 && chown 7:7 data/of-7 && chmod 600 data/*
    bind "$PWD/data"
    edit '.mounts[-1] += {"uidMappings": [{"containerID": 0, "hostID": 100000, "size": 5}],
                          "gidMappings": [{"containerID": 0, "hostID": 100000, "size": 5}]}'
    userns
    every_capability
    sh_bundle 'cat /mnt/of-7 2>/dev/null && echo read; chown 0 /mnt/of-7 2>/dev/null && echo owned
        touch /mnt/mine; chown 9 /mnt/mine 2>/dev/null && echo chowned; echo fine >/mnt/of-root'
    run -0 oci run --bundle "$BUNDLE" "$id"
    [ -z "$output" ]
    [ "$(stat -c %u data/of-7)" = 7 ]
    # the benign twin: what the map has
    [ "$(cat data/of-root)" = fine ]
    [ "$(stat -c %u data/mine)" = 0 ]
}

@test "a link in the root does not lead a device away" {
    userns
    edit '.mounts |= map(select(.destination | startswith("/dev") | not)) | .process.args = ["true"]'
    rm "$BUNDLE/rootfs" && mkdir "$BUNDLE/rootfs" && cp -a rootfs/. "$BUNDLE/rootfs/"
    rm -rf "$BUNDLE/rootfs/dev" && ln -s etc "$BUNDLE/rootfs/dev"
    chown -R 100000:100000 "$BUNDLE/rootfs"
    run -1 oci run --bundle "$BUNDLE" "$id"
    [[ "$output" = *"mount the host's device /dev/null"* ]]
    # the benign twin
    rm "$BUNDLE/rootfs/dev" && mkdir "$BUNDLE/rootfs/dev" && chown 100000 "$BUNDLE/rootfs/dev"
    run -0 oci run --bundle "$BUNDLE" "$id"
    rm -rf "${BUNDLE:?}/rootfs" && ln -s "$CRANK_TEST_DIR/rootfs" "$BUNDLE/rootfs"
}
