#!/usr/bin/env bats
# crank run --sandbox strict: real workers go on, attacks do not. Each attack stands beside a benign
# twin, and beside the same attempt in the default sandbox where that allows it.

# shellcheck disable=SC2154 # run sets stderr
bats_require_minimum_version 1.5.0
load ../lib/crank

setup_file() {
    crank_setup_file
    busybox_image
    attacker_image
}
setup() { crank_setup; }
teardown() { crank_teardown; }
teardown_file() { crank_teardown_file; }

landlock_knows_ports() { [ "$(crank info --format '{{.Landlock}}')" -ge 4 ]; }

attacker_image() {
    is_root && can_run >/dev/null 2>&1 || return 0 # the tests say why they skip
    local context=$CRANK_TEST_DIR/attacker-context
    mkdir -p "$context/etc" "$context/tmp"
    musl-gcc -static -O1 -Wall -Wextra "$CRANK_SOURCE/tests/security/attacker.c" -o "$context/attacker"
    echo 'root:x:0:0::/:/attacker' >"$context/etc/passwd"
    printf 'FROM scratch\nCOPY attacker /attacker\nCOPY etc /etc\nCOPY tmp /tmp\nENTRYPOINT ["/attacker"]\n' \
        >"$context/Dockerfile"
    crank build -q -t attacker "$context" >/dev/null
}

# The image `python`: this machine's Python with what it needs.
python_image() {
    local root=$CRANK_TEST_DIR/python-context/root file
    [ ! -d "$root" ] || return 0
    require "Debian's Python 3.11" test -x /usr/bin/python3.11
    mkdir -p "$root/usr/bin" "$root/usr/lib" "$root/etc" "$root/lib64" "$root/tmp"
    cp /usr/bin/python3.11 "$root/usr/bin/python3"
    cp -a /usr/lib/python3.11 "$root/usr/lib/"
    rm -rf "$root/usr/lib/python3.11/test" "$root/usr/lib/python3.11/config-3.11-$(uname -m)-linux-gnu"
    for file in $(ldd /usr/bin/python3.11 /usr/lib/python3.11/lib-dynload/*.so |
        grep -o '/[^ ]*' | grep -v ':$' | sort -u); do
        mkdir -p "$root$(dirname "$file")"
        cp -L "$file" "$root$file"
    done
    printf 'root:x:0:0::/:/bin/sh\nworker:x:1000:1000::/:/bin/sh\n' >"$root/etc/passwd"
    printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
    printf 'FROM scratch\nCOPY root /\nENV PYTHONDONTWRITEBYTECODE=1\nCMD ["python3"]\n' \
        >"$CRANK_TEST_DIR/python-context/Dockerfile"
    crank build -q -t python "$CRANK_TEST_DIR/python-context" >/dev/null
}

# strict [FLAG...] -- COMMAND...: the attacker in the strict sandbox; usual: in the default one
strict() { attack --sandbox strict "$@"; }
usual() { attack "$@"; }
attack() {
    local -a flags=()
    while [ "$1" != -- ]; do
        flags+=("$1")
        shift
    done
    shift
    crank run --rm --network none "${flags[@]}" attacker "$@"
}
# The name of a number of unistd.h.
number() { echo "#include <sys/syscall.h>
SYS_$1" | gcc -E -P - | tail -1; }

@test "strict: a Python web server answers, as another user and as root" {
    python_image
    local user
    for user in 1000:1000 0:0; do
        crank run -d --name web --sandbox strict --user "$user" --cpus 1 --memory 256m -p 8000 python \
            python3 -m http.server --directory /etc 8000 >/dev/null
        local port
        port=$(crank inspect -f '{{(index (index .NetworkSettings.Ports "8000/tcp") 0).HostPort}}' web)
        # the port answers before the worker does
        run curl -s --retry 50 --retry-all-errors --retry-delay 1 "http://127.0.0.1:$port/passwd"
        [[ $output == *"worker:x:1000"* ]]
        crank stop -t 1 web >/dev/null
        crank rm web >/dev/null
    done
}

@test "strict: threads, processes, queues, temporary files, name look-ups of a Python worker" {
    python_image
    cat >work.py <<'END'
import asyncio, concurrent.futures, multiprocessing, os, socket, subprocess, sys, tempfile, threading

def square(x):
    return x * x

if __name__ == "__main__":
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(square, range(10))) == 285
    with multiprocessing.Pool(2) as pool:
        assert sum(pool.map(square, range(10))) == 285
    with tempfile.TemporaryDirectory() as scratch:
        with open(os.path.join(scratch, "a"), "w") as file:
            file.write("x")
        os.rename(os.path.join(scratch, "a"), os.path.join(scratch, "b"))
        os.mkfifo(os.path.join(scratch, "pipe"))
    assert subprocess.run([sys.executable, "-c", "print(6 * 7)"], capture_output=True).stdout == b"42\n"
    assert socket.getaddrinfo("localhost", 80)

    async def client_and_server():
        server = await asyncio.start_server(lambda r, w: (w.write(b"hello"), w.close()), "127.0.0.1", 8000)
        reader, _ = await asyncio.open_connection("127.0.0.1", 8000)
        assert await reader.read() == b"hello"
        server.close()

    asyncio.run(client_and_server())
    print("well", os.getuid())
END
    run --separate-stderr crank run --rm --sandbox strict --user 1000:1000 -p 8000 -v "$PWD/work.py:/work.py:ro" python python3 /work.py
    echo "$stderr"
    [ "$output" = "well 1000" ]
}

@test "strict: no capabilities, no new privileges, a filter, a read-only root" {
    run crank run --rm --network none --sandbox strict busybox grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status
    [ "$(awk '/^Cap/ { print $2 }' <<<"$output" | sort -u)" = 0000000000000000 ]
    [ "$(field NoNewPrivs <<<"$output")" = 1 ]
    [ "$(field Seccomp <<<"$output")" = 2 ]
    # the twin has some
    run crank run --rm --network none busybox grep CapEff /proc/self/status
    [ "$(field CapEff <<<"$output")" != 0000000000000000 ]
    crank run -d --name strict --sandbox strict --network none busybox sleep 100 >/dev/null
    crank inspect strict | jq -e '.[0] | .Sandbox.Level == "strict" and .HostConfig.ReadonlyRootfs' >/dev/null
}

@test "strict: exec, also as root, is in the same sandbox" {
    crank run -d --name strict --sandbox strict --network none --user 1000:1000 busybox sleep 100 >/dev/null
    run crank exec -u root strict grep -E '^(Cap|Seccomp:)' /proc/self/status
    [ "$(awk '/^Cap/ { print $2 }' <<<"$output" | sort -u)" = 0000000000000000 ]
    [ "$(field Seccomp <<<"$output")" = 2 ]
    run crank exec -u root strict unshare -n true
    [[ $output == *"Operation not permitted"* ]]
    run crank exec -u root strict sh -c 'echo x >/etc/passwd'
    [ "$status" -ne 0 ]
    [ "$(crank exec strict sh -c 'echo x >/tmp/here && cat /tmp/here')" = x ]
}

@test "strict: files are changed in /tmp, /dev/shm and volumes alone" {
    mkdir -p out in
    echo before >in/file
    run strict -v "$PWD/out:/out" -v "$PWD/in:/in:ro" -- write /tmp/x , write /dev/shm/x , write /out/x , \
        write /x , mkdir /y , overwrite /etc/passwd , unlink /attacker , overwrite /in/file , overwrite /etc/hosts
    [ "${lines[*]:0:3}" = "ok ok ok" ]
    local refused
    for refused in "${lines[@]:3}"; do [[ $refused == EROFS || $refused == EACCES ]]; done
    [ "${#lines[@]}" -eq 9 ]
    [ "$(cat out/x)" = x ]
    [ "$(cat in/file)" = before ]
    run usual -- write /x
    [ "$output" = ok ]
}

@test "strict: what is written to /tmp is not executed; what the image brings is" {
    run strict -- execute /attacker
    [ "$output" = ok ]
    run strict -- copy-and-execute /tmp/copy
    [ "$output" = EACCES ]
    run usual -- copy-and-execute /tmp/copy
    [ "$output" = ok ]
}

@test "strict: no new namespaces, by clone or unshare; forks go on" {
    run strict -- fork
    [ "$output" = ok ]
    local flag
    # CLONE_NEWUSER, NEWNS, NEWNET, NEWPID
    for flag in 0x10000000 0x00020000 0x40000000 0x20000000; do
        run strict -- clone "$flag" , unshare "$flag"
        [ "${lines[*]}" = "EPERM EPERM" ]
    done
}

@test "strict: ptrace, keys, bpf, perf, io_uring, userfaultfd and mounts are closed" {
    run strict -- ptrace
    [ "$output" = EPERM ]
    run usual -- ptrace
    [ "$output" = ok ]
    local name
    for name in keyctl bpf perf_event_open userfaultfd mount fsopen open_tree setns io_uring_enter pidfd_getfd; do
        run strict -- call "$(number "$name")"
        [ "$output" = EPERM ] || { echo "$name: $output"; false; }
    done
    run strict -- call "$(number io_uring_setup)"
    [ "$output" = ENOSYS ]
    # the benign twin of a raw call: getpid
    run strict -- call "$(number getppid)" , jit
    [ "${lines[*]}" = "ok ok" ]
}

@test "strict: socket families and protocols beyond a service's need" {
    run strict -- inet , unix , netlink 0
    [ "${lines[*]}" = "ok ok ok" ]
    # SCTP, netfilter, audit, packets, raw sockets
    run strict -- inet 132 , netlink 12 , netlink 9 , packet , raw
    [ "${lines[*]}" = "EPERM EPERM EPERM EPERM EPERM" ]
    run usual -- netlink 12 , packet , raw
    [ "${lines[*]}" = "ok ok ok" ]
}

@test "strict: pipes have names, devices and others' owners are not made" {
    run strict -- fifo /tmp/pipe
    [ "$output" = ok ]
    run strict -- device /tmp/null , write /tmp/x , chown /tmp/x
    [ "${lines[*]}" = "EPERM ok EPERM" ]
    run usual -- write /tmp/x , chown /tmp/x
    [ "${lines[*]}" = "ok ok" ]
}

@test "strict: another architecture's calls end the worker, and crank why names the call" {
    [ "$(uname -m)" = x86_64 ] || skip "int 0x80 is x86's"
    run usual -- int80
    [ "$output" = ok ]
    crank run -d --name old --sandbox strict --network none attacker int80 >/dev/null
    run crank wait old
    [ "$output" = 159 ]
    crank why -f json old | jq -e '.Cause == "refused" and .Signal == 31' >/dev/null
    audit_works() { dmesg | grep -q 'type=1326'; }
    require "a kernel that logs what seccomp ended" audit_works
    [[ $(crank why -f '{{.Why}}' old) == *"when it asked for the system call getpid" ]]
}

@test "strict: ports that were not declared are not bound" {
    require "Landlock of Linux 6.7 or newer" landlock_knows_ports
    run --separate-stderr crank run --rm --sandbox strict -p 8501 attacker bind 8501
    [ "$output" = ok ]
    run --separate-stderr crank run --rm --sandbox strict -p 8501 attacker bind 8502
    [ "$output" = EACCES ]
    run strict -- bind 8501
    [ "$output" = EACCES ]
    run usual -- bind 8502
    [ "$output" = ok ]
    # what the image declares counts
    mkdir -p exposes
    printf 'FROM attacker\nEXPOSE 9000\n' >exposes/Dockerfile
    crank build -q -t exposes exposes >/dev/null
    run crank run --rm --network none --sandbox strict exposes bind 9000 , bind 9001
    [ "${lines[*]}" = "ok EACCES" ]
}

@test "strict: Landlock holds by itself, below the mounts" {
    # /etc is a volume's place here: writable by its mount, root's file, and Landlock allows it; the
    # same mount inside a read-only one is refused by both
    mkdir -p open
    run strict -v "$PWD/open:/etc/open" -- write /etc/open/x , write /etc/y
    [ "${lines[0]}" = ok ]
    [[ ${lines[1]} == EROFS || ${lines[1]} == EACCES ]]
    # a mount that is writable and that Landlock does not know of: the mqueue file system
    run usual -- create /dev/mqueue/x
    [ "$output" = ok ]
    run strict -- create /dev/mqueue/x
    [ "$output" = EACCES ]
}

@test "strict: what is at odds with it is an error" {
    run --separate-stderr crank run --rm --sandbox strict --network host busybox true
    [ "$status" -eq 125 ]
    [[ ${stderr_lines[0]} == "crank run: --sandbox strict with --network host: "* ]]
    run --separate-stderr crank run --rm --native --sandbox strict -- true
    [ "$status" -eq 125 ]
    [[ $stderr == *"--sandbox strict with --native: "* ]]
    run --separate-stderr crank run --rm --sandbox tight busybox true
    [ "$status" -eq 125 ]
    [[ ${stderr_lines[0]} == 'crank run: --sandbox "tight": default or strict'* ]]
    run crank run --sandbox strict --explain --network none busybox true
    [[ $output == *"load the system call filter"* ]]
}
