#!/usr/bin/env bats
# crank cp by Docker's rules: files, directories, links and archives, into running and ended
# containers and out of them.

bats_require_minimum_version 1.5.0
load ../lib/crank

setup_file() {
    crank_setup_file
    busybox_image
}
setup() {
    crank_setup
    rm -rf here
    mkdir -p here/tree/below
    echo one >here/one
    echo deep >here/tree/below/file
    ln -s below/file here/tree/link
}
teardown() { crank_teardown; }
teardown_file() { crank_teardown_file; }

start() { crank run -d --name files --network none "$@" busybox sleep 600 >/dev/null; }
inside() { crank exec files "$@"; }
# A container that has ended, with what COMMAND did in it.
ended() { crank run --name files --network none "${VOLUME[@]}" busybox sh -c "$1"; }

@test "a file: to a new name, over a file, into a directory" {
    start
    run -0 crank cp here/one files:/tmp/new
    [[ $output == "Successfully copied 4B to files:/tmp/new" ]]
    [ "$(inside cat /tmp/new)" = one ]
    crank cp -q here/one files:/tmp
    [ "$(inside cat /tmp/one)" = one ]
    echo two >here/one
    crank cp -q here/one files:/tmp/new
    [ "$(inside cat /tmp/new)" = two ]
    # and out again; a relative path counts from the root
    crank cp -q files:tmp/new here/out
    [ "$(cat here/out)" = two ]
    crank cp -q files:/tmp/new here/tree
    [ "$(cat here/tree/new)" = two ]
}

@test "a directory: to a new name, into a directory, its content alone" {
    start
    crank cp -q here/tree files:/tmp/new
    [ "$(inside cat /tmp/new/below/file)" = deep ]
    [ "$(inside readlink /tmp/new/link)" = below/file ]
    crank cp -q here/tree files:/tmp
    [ "$(inside cat /tmp/tree/below/file)" = deep ]
    inside mkdir -p /srv/kept
    crank cp -q here/tree/. files:/srv
    [ "$(inside cat /srv/below/file)" = deep ]
    [ -n "$(inside ls -d /srv/kept)" ]
    mkdir here/out
    crank cp -q files:/tmp/new/. here/out
    [ "$(cat here/out/below/file)" = deep ]
    crank cp -q files:/tmp/new here/out
    [ "$(cat here/out/new/below/file)" = deep ]
}

@test "what Docker refuses: no parent, a directory over a file, a file that should be a directory" {
    start
    run -1 crank cp here/one files:/nowhere/new
    [[ $output == *"there is no directory in which files:/nowhere/new could be"* ]]
    run -1 crank cp here/one files:/nowhere/
    [[ $output == *"there is no directory files:/nowhere/"* ]]
    run -1 crank cp here/tree files:/etc/passwd
    [[ $output == *"cannot copy a directory over the file files:/etc/passwd"* ]]
    run -1 crank cp here/one files:/etc/passwd/
    [[ $output == *"files:/etc/passwd/ is no directory"* ]]
    run -1 crank cp here/none files:/tmp
    [[ $output == *"there is no here/none"* ]]
    run -1 crank cp files:/none here
    [[ $output == *"there is no files:/none"* ]]
}

@test "a directory in a file's place, and the reverse, is an error that changes neither" {
    start
    inside mkdir /tmp/one /tmp/kept
    inside sh -c 'echo file >/tmp/tree'
    run -1 crank cp here/tree files:/tmp
    [[ $output == *"cannot overwrite what is no directory with one"* ]]
    run -1 crank cp here/one files:/tmp
    [[ $output == *"cannot overwrite a directory with what is none"* ]]
    [ "$(inside cat /tmp/tree)" = file ]
}

@test "links that lead up are followed within the root, of a container that has ended too" {
    ended 'mkdir -p /tmp/sub; cd /tmp/sub; echo up >/tmp/file; ln -s .. up; ln -s ../../../../../etc/passwd out
        ln -s /tmp/sub/up/file in'
    crank cp -q -L files:/tmp/sub/up here/up
    [ "$(cat here/up/file)" = up ]
    crank cp -q -L files:/tmp/sub/in here/in
    [ "$(cat here/in)" = up ]
    # the container's, not this machine's
    crank cp -q -L files:/tmp/sub/out here/out
    grep -q worker here/out
    crank cp -q here/one files:/tmp/sub/up/new
    crank cp -q files:/tmp/new here/new
    [ "$(cat here/new)" = one ]
}

@test "--overwrite: a file takes a directory's place, and a directory a file's, on both sides" {
    start
    inside mkdir -p /tmp/one/below
    inside sh -c 'echo file >/tmp/tree; ln -s /etc /tmp/one/link'
    crank cp -q --overwrite here/one files:/tmp
    [ "$(inside cat /tmp/one)" = one ]
    # what a link in the directory led to is still there
    [ -n "$(inside cat /etc/passwd)" ]
    crank cp -q --overwrite here/tree files:/tmp
    [ "$(inside cat /tmp/tree/below/file)" = deep ]
    mkdir -p here/out/one
    echo file >here/out/tree
    crank cp -q --overwrite files:/tmp/one here/out
    [ "$(cat here/out/one)" = one ]
    crank cp -q --overwrite files:/tmp/tree here/out
    [ "$(cat here/out/tree/below/file)" = deep ]
    # nothing that is mounted there goes
    crank rm -f files >/dev/null
    start --tmpfs /srv/tree
    echo plain >here/srv
    run -1 crank cp --overwrite here/srv files:/
    [[ $output == *"something is mounted on"* ]]
    [ -n "$(inside ls -d /srv/tree)" ]
}

@test "--overwrite: what holds the source does not go, nor what is mounted in a directory" {
    start
    inside sh -c 'mkdir -p /data/one /data/kept; echo x >/data/one/one; echo y >/data/kept/file'
    # /data/one/one, of which /data/one would become a copy
    run -1 crank cp --overwrite files:/data/one/one files:/data
    [[ $output == *"the directory that it would take the place of holds it"* ]]
    [ "$(inside cat /data/one/one)" = x ]
    # a bind mount of the same file system, below what a file would take the place of
    mkdir -p here/mine/a here/mine/mounted here/theirs
    echo kept | tee here/mine/a/file >here/theirs/file
    echo plain >here/file && crank cp -q here/file files:/mine
    mount --bind here/theirs here/mine/mounted
    run crank cp --overwrite files:/mine here
    umount here/mine/mounted
    [ "$status" = 1 ]
    [[ $output == *"something is mounted on mine/mounted"* ]]
    [ "$(cat here/theirs/file here/mine/a/file)" = "kept
kept" ]
}

@test "who owns a copy: the container's root, the caller, or with -a as it was" {
    start
    chown 1000:1000 here/one
    chmod 640 here/one
    touch -d 2020-01-02T03:04:05Z here/one
    crank cp -q here/one files:/tmp/plain
    [ "$(inside stat -c '%u:%g %a %Y' /tmp/plain)" = "0:0 640 1577934245" ]
    crank cp -qa here/one files:/tmp/kept
    [ "$(inside stat -c '%u:%g %a' /tmp/kept)" = "1000:1000 640" ]
    crank cp -q files:/tmp/kept here/plain
    [ "$(stat -c '%u:%g %a %Y' here/plain)" = "0:0 640 1577934245" ]
    crank cp -qa files:/tmp/kept here/kept
    [ "$(stat -c '%u:%g' here/kept)" = "1000:1000" ]
}

@test "a program of the container's with a set-user-ID bit is none of this machine's root" {
    start
    inside sh -c 'cp /bin/busybox /tmp/su; chmod 4755 /tmp/su'
    crank cp -q files:/tmp/su here/su
    [ "$(stat -c %a here/su)" = 755 ]
}

@test "with ids of its own: owners are those inside" {
    start --userns=auto
    crank cp -q here/one files:/tmp/plain
    [ "$(inside stat -c %u:%g /tmp/plain)" = 0:0 ]
    chown 1000:1000 here/one
    crank cp -qa here/one files:/tmp/kept
    [ "$(inside stat -c %u:%g /tmp/kept)" = 1000:1000 ]
    crank cp -qa files:/tmp/kept here/kept
    [ "$(stat -c %u:%g here/kept)" = 1000:1000 ]
    chown 70000 here/one
    run -1 crank cp -a here/one files:/tmp/other
    [[ $output == *"id 70000 does not exist in the container"* ]]
}

@test "links: copied as such, followed with -L and behind a slash; at the destination always" {
    start
    inside sh -c 'mkdir /tmp/dir; echo target >/tmp/dir/file; ln -s dir /tmp/link; ln -s dir/new /tmp/dangling; ln -s dir/file /tmp/tofile'
    crank cp -q files:/tmp/link here/link
    [ "$(readlink here/link)" = dir ]
    crank cp -qL files:/tmp/link here/followed
    [ "$(cat here/followed/file)" = target ]
    crank cp -q files:/tmp/link/. here/content
    [ "$(cat here/content/file)" = target ]
    crank cp -q here/one files:/tmp/link
    [ "$(inside cat /tmp/dir/one)" = one ]
    crank cp -q here/one files:/tmp/dangling
    [ "$(inside cat /tmp/dir/new)" = one ]
    crank cp -q here/one files:/tmp/tofile
    [ "$(inside cat /tmp/dir/file)" = one ]
    # an absolute link counts from the container's root
    inside ln -s /tmp/dir /tmp/absolute
    crank cp -q here/tree/below/file files:/tmp/absolute
    [ "$(inside cat /tmp/dir/file)" = deep ]
}

@test "archives on standard output and input" {
    start
    inside sh -c 'mkdir -p /tmp/a/b; echo x >/tmp/a/b/c; ln /tmp/a/b/c /tmp/a/hard; chown 1000 /tmp/a/b/c; mkfifo /tmp/a/fifo'
    crank cp files:/tmp/a - | tar -tvf - >listing
    grep -q 'drwxr-xr-x 0/0 .* a/$' listing
    grep -q '1000/0 .* a/b/c$' listing
    grep -q 'a/hard link to a/b/c' listing
    grep -q '^p.* a/fifo' listing
    inside mkdir /srv
    crank cp files:/tmp/a - | crank cp - files:/srv
    [ "$(inside cat /srv/a/b/c)" = x ]
    [ "$(inside stat -c %u:%h /srv/a/b/c)" = 1000:2 ]
    tar -C here -cz tree | crank cp - files:/srv
    [ "$(inside cat /srv/tree/below/file)" = deep ]
    run -1 crank cp - files:/etc/passwd <listing
    [[ $output == *"files:/etc/passwd is no directory"* ]]
    run -1 crank cp - files:/tmp <listing
    [[ $output == *"standard input"* ]]
    # one that leads out
    tar -C here --transform 's,one,../out,' -P -cf here/out.tar one
    run -1 crank cp - files:/tmp <here/out.tar
    [[ $output == *"leads out"* ]]
}

@test "a container that has ended: its own files, its image's and its volumes'" {
    mkdir -p volume
    echo volume >volume/file
    VOLUME=(-v "$PWD/volume:/data")
    ended 'echo left >/tmp/left; rm /etc/group'
    crank cp -q files:/tmp/left here/left
    [ "$(cat here/left)" = left ]
    crank cp -q files:/data/file here/volume
    [ "$(cat here/volume)" = volume ]
    run -1 crank cp files:/etc/group here
    [[ $output == *"there is no files:/etc/group"* ]]
    crank cp -q here/one files:/home/worker/one
    crank cp -q files:/home/worker/one here/back
    [ "$(cat here/back)" = one ]
    crank cp -q here/one files:/data/one
    [ "$(cat volume/one)" = one ]
}

@test "a read-only root, and a read-only volume, are read-only to cp" {
    mkdir -p volume
    start --read-only -v "$PWD/volume:/data:ro"
    run -1 crank cp here/one files:/home/one
    [[ $output == *"Read-only file system"* ]]
    run -1 crank cp here/one files:/data/one
    [[ $output == *"Read-only file system"* ]]
}

@test "devices and sockets are left out, and named" {
    start
    crank exec -d files nc -l -U /tmp/socket || true
    run -0 crank cp files:/dev/null here/null
    [[ $output == *"files:/dev/null was left out: it is a device or a socket"* ]]
    [ ! -e here/null ]
}

@test "a device, a FIFO or a socket of the machine's is never replaced, nor what a link leads to" {
    start
    inside sh -c 'echo theirs >/tmp/file; mkdir -p /tmp/dir; echo x >/tmp/dir/null; mkfifo /tmp/fifo'
    mknod here/null c 1 3
    mkfifo here/fifo
    ln -s null here/to-null
    for name in null fifo to-null; do
        run -1 crank cp files:/tmp/file "here/$name"
        [[ $output == *"destination \"here/$name\" must be a directory or a regular file"* ]]
        run -1 crank cp --overwrite files:/tmp/dir "here/$name"
        [[ $output == *"must be a directory or a regular file"* ]]
    done
    run -1 crank cp files:/tmp/file /dev/stdout
    [[ $output == *'destination "/dev/stdout" must be a directory or a regular file'* ]]
    [[ $output == *"hint: crank cp files:/tmp/file - | tar -xO"* ]]
    # standard output that is a file is that file
    crank cp -q files:/tmp/file /dev/stdout >written
    [ "$(cat written)" = theirs ]
    # nor where a directory is merged with another
    mkdir here/dir
    mknod here/dir/null c 1 3
    run -1 crank cp files:/tmp/dir here
    [[ $output == *"a device, a FIFO or a socket is there"* ]]
    run -1 crank cp --overwrite files:/tmp/dir here
    [ -c here/null ]
    [ -p here/fifo ]
    [ -L here/to-null ]
    [ -c here/dir/null ]
    # the container's neither
    run -1 crank cp here/one files:/dev/null
    [[ $output == *'destination "files:/dev/null" must be a directory or a regular file'* ]]
    inside test -c /dev/null
    # a link to a file stays one, and what it leads to is replaced
    ln -s one here/to-one
    crank cp -q files:/tmp/file here/to-one
    [ "$(readlink here/to-one) $(cat here/one)" = "one theirs" ]
}

@test "what is typed wrong is said" {
    run -1 crank cp a:/x b:/y
    [[ $output == *"no such container: a"* ]]
    run -2 crank cp ./a ./b
    [[ $output == *"neither ./a nor ./b is in a container"* ]]
    run -1 crank cp nobody:/x .
    [[ $output == *"no such container: nobody"* ]]
    run -2 crank cp nobody: .
    [[ $output == *"the path in the container is missing"* ]]
    run -2 crank cp
}

@test "an ended container's volumes are where its worker had them" {
    crank volume create kept
    crank run --name had --network none -v kept:/data busybox sh -c 'echo theirs >/data/file'
    echo ours >ours
    crank cp ours had:/data/ours
    crank cp had:/data/file theirs
    [ "$(cat theirs)" = theirs ]
    [ "$(crank run --rm --network none -v kept:/data busybox cat /data/ours)" = ours ]
    [ "$(crank ps -a --filter volume=kept --format '{{.Names}} {{.Mounts}}')" = "had kept" ]
    crank rm had
    crank volume rm kept
}

@test "between containers: set-user-ID bits are root's to give, a directory is not copied into itself" {
    start
    crank run -d --name other --network none busybox sleep 600 >/dev/null
    inside sh -c 'mkdir -p /data/below; echo x >/data/prog; chmod 4755 /data/prog; chown 1000 /data/prog; chmod u+s /data/prog'
    crank cp -q files:/data other:/plain
    [ "$(crank exec other stat -c '%a %u' /plain/prog)" = "755 0" ]
    crank cp -q -a files:/data other:/archived
    [ "$(crank exec other stat -c '%a %u' /archived/prog)" = "4755 1000" ]
    run -1 crank cp files:/data/prog files:/data/prog
    [[ $output == *"it is the same file on both sides"* ]]
    [ "$(inside cat /data/prog)" = x ]
    run -1 crank cp files:/data files:/data/below
    [[ $output == *"a directory is not copied into itself"* ]]
    [ "$(inside find /data/below -type f | wc -l)" -le 1 ]
}
