#!/usr/bin/env bats
# What a container with ids of its own can reach of the host and of its neighbours. Beside each
# attack stands the harmless twin that must go on working.

bats_require_minimum_version 1.5.0
load ../lib/crank

setup_file() {
    crank_setup_file
    busybox_image
}
setup() { crank_setup; }
teardown() { crank_teardown; }
teardown_file() { crank_teardown_file; }

@test "without a map, root in a container cannot touch what the host's root owns" {
    mkdir data && echo secret >data/roots && chmod 600 data/roots && chmod 755 data
    run ! crank run --rm --userns=auto -v "$PWD/data:/data:noidmap" busybox cat /data/roots
    [[ "$output" == *"Permission denied"* ]]
    for attack in 'echo x >>/data/roots' 'rm -f /data/roots' 'chmod 777 /data/roots' \
        'chown 0 /data/roots' 'touch /data/new' 'mv /data/roots /data/moved'; do
        run ! crank run --rm --userns=auto -v "$PWD/data:/data:noidmap" busybox sh -c "$attack"
    done
    [ "$(cat data/roots)" = secret ] && [ "$(stat -c %u:%a data/roots)" = 0:600 ]
    # the twins: what everybody may read; the same volume with a map; and without ids of its own
    chmod 644 data/roots
    run -0 crank run --rm --userns=auto -v "$PWD/data:/data:noidmap" busybox cat /data/roots
    chmod 600 data/roots
    run -0 crank run --rm --userns=auto -v "$PWD/data:/data" busybox cat /data/roots
    [ "$output" = secret ]
    run -0 crank run --rm -v "$PWD/data:/data:noidmap" busybox cat /data/roots
}

@test "two containers cannot reach each other's files in a volume that both have" {
    mkdir shared && chmod 1777 shared
    crank run -d --name one --userns=auto -v "$PWD/shared:/data:noidmap" busybox sh -c \
        'umask 077; echo secret >/data/file; exec sleep 100'
    until_true test -s shared/file
    for attack in 'cat /data/file' 'echo x >/data/file' 'rm -f /data/file' 'chmod 777 /data/file' \
        'ln /data/file /data/mine && cat /data/mine'; do
        run ! crank run --rm --userns=auto -v "$PWD/shared:/data:noidmap" busybox sh -c "$attack"
    done
    [ "$(cat shared/file)" = secret ]
    # nor by its processes, should it see them
    pid=$(crank inspect --format '{{.State.Pid}}' one)
    run ! crank run --rm --userns=auto -v "/proc/$pid/:/victim:noidmap" busybox ls /victim/root/
    # the twins
    run -0 crank exec one cat /data/file
    [ "$output" = secret ]
    run -0 crank run --rm -v "$PWD/shared:/data" busybox cat /data/file
    crank rm -f one
}

@test "a program that root makes set-id in its own files is nobody's on the host" {
    crank run -d --name one --userns=auto busybox sh -c \
        'cp /bin/busybox /tmp/id && chmod 4755 /tmp/id; exec sleep 100'
    pid=$(crank inspect --format '{{.State.Pid}}' one)
    until_true test -u "/proc/$pid/root/tmp/id"
    owner=$(stat -c %u "/proc/$pid/root/tmp/id")
    [ "$owner" -gt 65535 ]
    # on the disk the container's ids stand, behind a directory that is root's alone
    [ "$(stat -c %a "$CRANK_ROOT/containers")" = 700 ]
    # the twin: inside it runs, with nobody's new privileges
    run -0 crank exec --user worker one /tmp/id -u
    [ "$output" = 1000 ]
    crank rm -f one
}

@test "masks, read-only paths and mounts cannot be taken off with the rights of its root" {
    run -0 crank run --rm --userns=auto -v /etc:/data:ro busybox sh -c '
        exec 2>/dev/null
        umount /proc/kcore && echo unmasked
        mount -o remount,rw /data && echo remounted
        (echo 1 >/proc/sys/kernel/panic) && echo written
        touch /data/x && echo touched
        mknod /null c 1 3 && echo made
        chroot / true && echo twin'
    [ "$output" = twin ]
}

@test "strict: root in the sandbox is nobody on the host, and says so" {
    mkdir strict && echo secret >strict/roots && chmod 600 strict/roots
    run -0 crank run --rm --sandbox strict -v "$PWD/shared:/data:noidmap" busybox sh -c \
        'id -u; tr -s " " </proc/self/uid_map; cat /data/roots 2>/dev/null || echo refused'
    [ "${lines[0]}" = 0 ] && [[ "${lines[1]}" != " 0 0 "* ]] && [ "${lines[2]}" = refused ]
    crank run -d --name strict --sandbox strict busybox sleep 100
    [ "$(crank inspect --format '{{.HostConfig.UsernsMode}}' strict)" = auto ]
    crank rm -f strict
}

@test "strict: where there are no ids the start fails closed, with the remedy" {
    echo '{"userns.range": "3000000:2048"}' >config.json
    run -125 crank --config config.json run --rm --sandbox strict busybox true
    [[ "$output" == *"65536 ids are more than there are in userns.range"*"userns.range START:COUNT"* ]]
    # the twin: as many as there are
    run -0 crank --config config.json run --rm --sandbox strict --userns=auto:size=2048 busybox true
}
