#!/usr/bin/env bats
# Attacks on the roads that `crank oci` opens: the bundle, the state, what enters a container.

bats_require_minimum_version 1.5.0
load ../lib/oci

setup_file() { oci_setup_file; }
setup() {
    oci_setup
    id=$TEST_ID-$BATS_TEST_NUMBER
}
teardown() { oci_teardown; }
teardown_file() { common_teardown; }

@test "an id cannot lead out of the state directory" {
    edit '.process.args = ["true"]'
    mkdir -p victim
    echo '{"id": "x", "pid": 1, "startTime": 0}' >victim/state.json
    local bad verb
    for bad in ../victim a/b . .. .changing /etc "a b" $'a\nb' ""; do
        for verb in "create --bundle $BUNDLE" state start kill "delete --force" pause "exec --cwd /" ps; do
            # shellcheck disable=SC2086 # words
            run oci $verb "$bad"
            [ "$status" = 1 ] || [[ "$verb:$status" = exec*:255 ]]
            [[ "$output" = *"has an invalid character"* || "$output" = *"no command given"* ]]
        done
    done
    [ -e victim/state.json ]
    # the benign twin
    run -0 oci run --bundle "$BUNDLE" "$id.a_b+c-d"
}

@test "nobody but its owner comes to the state" {
    edit '.process.args = ["sleep", "100"]'
    oci create --bundle "$BUNDLE" "$id"
    [ "$(stat -c %a "$CRANK_TEST_DIR/oci/$id")" = 700 ]
    [ "$(stat -c %a "$CRANK_TEST_DIR/oci/$id/state.json")" = 600 ]
    [ "$(stat -c %a "$CRANK_TEST_DIR/oci/$id/config.json")" = 600 ]
    [ "$(stat -c %a "$CRANK_TEST_DIR/oci/$id/start")" = 600 ]
    chmod go+x "$CRANK_TEST_DIR"
    run ! as_nobody ls "$CRANK_TEST_DIR/oci/$id"
}

@test "no descriptor of the caller's reaches the container but what it is handed" {
    # the last one is the listing's own
    sh_bundle 'ls /proc/self/fd | tr "\n" " "; readlink /proc/self/fd/7 || echo none'
    echo secret >secret
    exec 7<secret
    run -0 oci run --bundle "$BUNDLE" "$id" 7<secret
    [ "$output" = "0 1 2 3 none" ]
    sh_bundle 'cat <&3; ls /proc/self/fd | tr "\n" " "'
    run -0 oci run --preserve-fds 1 --bundle "$BUNDLE" "$id" 3<secret
    [ "$output" = "secret
0 1 2 3 4 " ]
    edit '.process.args = ["sleep", "100"]'
    oci run --detach --bundle "$BUNDLE" "$id"
    run -0 oci exec "$id" sh -c 'ls /proc/self/fd | tr "\n" " "'
    [ "$output" = "0 1 2 3 " ]
    run -0 oci exec --preserve-fds 1 "$id" sh -c 'cat <&3' 3<secret
    [ "$output" = secret ]
    exec 7<&-
}

@test "a filter that knows no close_range keeps no program from its start, and leaks nothing" {
    sh_bundle 'ls /proc/self/fd | tr "\n" " "'
    edit '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["close_range"], "action": "SCMP_ACT_ERRNO"}]}'
    echo secret >secret
    run -0 oci run --bundle "$BUNDLE" "$id" 7<secret 200<secret
    [ "$output" = "0 1 2 3 " ]
}

@test "/proc/self/exe is a sealed copy of crank-shim, never a program of the host (CVE-2019-5736)" {
    local before
    before=$(sha256sum "$CRANK_BIN/crank" "$CRANK_BIN/crank-shim")
    edit '.process.args = ["/proc/self/exe"] | .root.readonly = false'
    run -2 oci run --bundle "$BUNDLE" "$id"
    [ "$output" = "crank-shim is started by crank and takes no commands" ]
    # a program that is a link to it, as the entrypoint and by exec; then the attempt to write
    ln -sf /proc/self/exe rootfs/bin/self
    edit '.process.args = ["sleep", "100"]'
    oci run --detach --bundle "$BUNDLE" "$id"
    run -2 oci exec "$id" self
    [ "$output" = "crank-shim is started by crank and takes no commands" ]
    run -1 oci exec "$id" sh -c 'for exe in /proc/[0-9]*/exe; do
        case $(readlink $exe) in *memfd*|*crank*) echo x >$exe && exit 0 ;; esac; done; exit 1'
    [ "$(sha256sum "$CRANK_BIN/crank" "$CRANK_BIN/crank-shim")" = "$before" ]
}

@test "what enters by exec cannot be looked into while it does" {
    # root in the container reads the program of every process it may; sleep is the benign twin
    sh_bundle 'while :; do for exe in /proc/[0-9]*/exe; do readlink $exe; done; done 2>/dev/null >/out/log'
    mkdir out
    edit --arg out "$CRANK_TEST_DIR/out" '.mounts += [{"destination": "/out", "type": "bind", "source": $out, "options": ["bind"]}]'
    oci run --detach --bundle "$BUNDLE" "$id"

    for _ in {1..40}; do oci exec "$id" sleep 0.01; done
    until_true grep -q busybox out/log
    oci kill "$id" KILL
    if grep -E 'memfd|crank' out/log; then false; fi
}

@test "the working directory cannot be a descriptor of the host's (CVE-2024-21626)" {
    local fd
    for fd in 3 4 7 9 64 66 70; do
        edit --arg fd "/proc/self/fd/$fd" '.process.args = ["pwd"] | .process.cwd = $fd'
        run -1 oci run --bundle "$BUNDLE" "$id"
    done
    edit '.process.args = ["sleep", "100"] | .process.cwd = "/tmp"'
    oci run --detach --bundle "$BUNDLE" "$id"
    for fd in 3 4 5 7 64 65 66; do run -255 oci exec --cwd /proc/self/fd/$fd "$id" pwd; done
    # by a link in the image
    ln -sfn /proc/self/fd/7 rootfs/tmp/link
    run -255 oci exec --cwd /tmp/link "$id" pwd
    run -0 oci exec --cwd /etc "$id" pwd
    [ "$output" = /etc ]
}

@test "a hook that is the image's program has the container's rights, not the caller's" {
    cat >rootfs/tmp/hook <<'END'
#!/bin/sh
cat /proc/self/status >/log
mknod /tmp/disk b 8 0 2>/dev/null && echo made >>/log
true
END
    chmod 755 rootfs/tmp/hook
    : >log
    chmod 666 log
    edit --arg log "$PWD/log" '.process.args = ["true"] | .root.readonly = false | .process.user = {"uid": 7, "gid": 8} |
        .process.capabilities = {} | .process.noNewPrivileges = true |
        .mounts += [{"destination": "/log", "type": "bind", "source": $log, "options": ["bind"]}] |
        .hooks.startContainer = [{"path": "/tmp/hook"}]'
    run -0 oci run --bundle "$BUNDLE" "$id"
    grep -qx "Uid:	7	7	7	7" log
    grep -qx "CapEff:	0000000000000000" log
    grep -qx "CapBnd:	0000000000000000" log
    grep -qx "NoNewPrivs:	1" log
    run ! grep -qx made log
    # the benign twin: a hook of the host's has the caller's
    edit --arg log "$PWD/log" '.hooks = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", "cat /proc/self/status >" + $log]}]}'
    run -0 oci run --bundle "$BUNDLE" "$id"
    grep -qx "Uid:	0	0	0	0" log
}

@test "descriptors that were handed to another process do not reach the container" {
    edit '.process.args = ["sh", "-c", "ls /proc/self/fd | sort -n | tr \"\\n\" \" \"; echo ${LISTEN_FDS:-none}"]'
    LISTEN_FDS=1 LISTEN_PID=1 run -0 oci run --bundle "$BUNDLE" "$id" 3<"$BATS_TEST_FILENAME"
    [[ $output == "0 1 2 3 none" ]]
    LISTEN_FDS=1 run -0 oci run --bundle "$BUNDLE" "$id" 3<"$BATS_TEST_FILENAME"
    [[ $output == "0 1 2 3 4 1" ]]
}

@test "nothing covers /proc but proc itself, by its name or by a link (CVE-2019-19921)" {
    mkdir -p evil
    local way
    edit '.process.args = ["true"] | .root.readonly = false'
    cp "$BUNDLE/config.json" good.json
    for way in /proc /proc/ /proc/self/attr /proc/1 /proc/sys; do
        jq --arg to "$way" '.mounts += [{"destination": $to, "type": "bind", "source": "evil", "options": ["bind"]}]' \
            good.json >"$BUNDLE/config.json"
        ln -sfn "$CRANK_TEST_DIR/evil" "$BUNDLE/evil"
        run -1 oci run --bundle "$BUNDLE" "$id"
        [[ "$output" = *"may not be covered"* ]]
    done
    ln -sfn /proc/self/attr rootfs/innocent
    jq '.mounts += [{"destination": "/innocent", "type": "bind", "source": "evil", "options": ["bind"]}]' \
        good.json >"$BUNDLE/config.json"
    run -1 oci run --bundle "$BUNDLE" "$id"
    [[ "$output" = *"on /innocent: Operation not permitted"* || "$output" = *"/innocent (Operation not permitted)"* ]]
    rm rootfs/innocent
    # a /proc that is a link
    mv rootfs/proc rootfs/proc.away
    ln -s /tmp rootfs/proc
    cp good.json "$BUNDLE/config.json"
    run -1 oci run --bundle "$BUNDLE" "$id"
    rm rootfs/proc
    mv rootfs/proc.away rootfs/proc
    # the benign twins: proc on /proc, and a file as lxcfs shows it
    echo 42 >uptime
    jq --arg from "$CRANK_TEST_DIR/uptime" '.process.args = ["cat", "/proc/uptime"] |
        .mounts += [{"destination": "/proc/uptime", "type": "bind", "source": $from, "options": ["bind"]}]' \
        good.json >"$BUNDLE/config.json"
    run -0 oci run --bundle "$BUNDLE" "$id"
    [ "$output" = 42 ]
}

@test "a mount's destination stays in the root, whatever links the image has" {
    mkdir -p outside source
    ln -sfn "$CRANK_TEST_DIR/outside" rootfs/absolute
    ln -sfn "../../../../../..$CRANK_TEST_DIR/outside" rootfs/relative
    edit '.root.readonly = false'
    sh_bundle 'touch /absolute/a /relative/b'
    edit --arg from "$CRANK_TEST_DIR/source" '.mounts += (["/absolute", "/relative"] |
        map({"destination": ., "type": "bind", "source": $from, "options": ["bind"]}))'
    run -0 oci run --bundle "$BUNDLE" "$id"
    [ -e source/a ] && [ -e source/b ]
    [ -z "$(ls outside)" ]
    rm -r rootfs/absolute rootfs/relative "rootfs${CRANK_TEST_DIR:?}"
}

@test "a /dev that is a link gets no devices, here or there (CVE-2026-41579, CVE-2026-47766)" {
    local target outside=$CRANK_TEST_DIR/outside-dev
    mkdir -p "$outside"
    echo untouched >"$outside/ptmx"
    edit '.mounts = [{"destination": "/proc", "type": "proc", "source": "proc"}]
        | .process.args = ["true"]'
    mv "$BUNDLE/rootfs/dev" "$BUNDLE/rootfs/dev.before"
    for target in "$outside" "../../../../../../../../$outside" bin /missing; do
        ln -sfn "$target" "$BUNDLE/rootfs/dev"
        run -1 oci run --bundle "$BUNDLE" "$id"
        [[ $output == *"/dev/null"* ]]
        [ "$(ls "$outside")" = ptmx ]
        [ "$(cat "$outside/ptmx")" = untouched ]
        [ ! -e "$BUNDLE/rootfs/bin/null" ] && [ ! -e "$BUNDLE/rootfs/missing" ]
    done
    # the benign twin: a directory gets them
    rm "$BUNDLE/rootfs/dev"
    mkdir "$BUNDLE/rootfs/dev"
    edit '.process.args = ["test", "-c", "/dev/null"]'
    run -0 oci run --bundle "$BUNDLE" "$id"
    rm -r "$BUNDLE/rootfs/dev"
    mv "$BUNDLE/rootfs/dev.before" "$BUNDLE/rootfs/dev"
}

@test "a container gets a session keyring of its own" {
    sh_bundle 'cat /proc/keys 2>/dev/null'
    edit '.linux.maskedPaths = []'
    run -0 oci run --bundle "$BUNDLE" "$id"
    [[ "$output" = *"_ses.$id"* ]]
    run -0 oci run --no-new-keyring --bundle "$BUNDLE" "$id-b"
    [[ "$output" != *"_ses.$id-b"* ]]
}

@test "a cgroup in which others live is not taken over" {
    sleep 100 3>&- &
    local other=$! group=/sys/fs/cgroup/pids/crank-oci/$TEST_ID-other
    [ -d /sys/fs/cgroup/pids ] || group=/sys/fs/cgroup/crank-oci/$TEST_ID-other
    mkdir -p "$group"
    echo "$other" >"$group/cgroup.procs"
    edit --arg path "/crank-oci/$TEST_ID-other" '.process.args = ["true"] | .linux.cgroupsPath = $path'
    run -1 oci run --bundle "$BUNDLE" "$id"
    [[ "$output" = *"already has processes in it"* ]]
    kill -0 "$other"
    kill "$other"
    wait "$other" || true
    until_true rmdir "$group"
}
