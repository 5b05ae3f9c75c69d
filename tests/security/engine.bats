#!/usr/bin/env bats
# Attacks on what stands around a container: the programs that crank starts, the directories that it
# keeps, what it listens on, what it reads without a bound. After others' CVEs (docs/security-history.md).

# shellcheck disable=SC2154 # run sets stderr
# shellcheck disable=SC2016 # what stands in single quotes the shell in the container expands
bats_require_minimum_version 1.5.0
load ../lib/crank

setup_file() {
    crank_setup_file
    busybox_image
}
setup() { crank_setup; }
teardown() {
    # Not with the test's directory: nobody else's business is in it.
    rm -rf "${CRANK_TEST_DIR:?}"/hostile* "${CRANK_TEST_DIR:?}"/other-*
    crank_teardown
}
teardown_file() { crank_teardown_file; }

# executed TRACE: the programs that were executed, each once, as they are named.
executed() { sed -nE 's/.*execve(at)?\("([^"]*)".*= 0$/\2/p' "$1" | sort -u; }
# not_cranks TRACE: those of them that are no program of crank's
not_cranks() { executed "$1" | grep -vE "^($CRANK_BIN/crank(-net)?|/proc/self/fd/[0-9]+)\$" || true; }

# An image with programs and libraries that engines have run on the host in the image's name, each of
# which would leave a mark there.
hostile_tools() {
    local name root=$CRANK_TEST_DIR/hostile-tools/root
    mkdir -p "$root/bin" "$root/usr/bin" "$root/etc" "$root/lib" "$root/lib64"
    for name in xz gzip unpigz pigz zstd tar sh newuidmap ldconfig git modprobe; do
        printf '#!/bin/busybox sh\n/bin/busybox echo %s >>%s/hostile-mark\n' "$name" "$CRANK_TEST_DIR" \
            >"$root/usr/bin/$name"
        chmod 755 "$root/usr/bin/$name"
    done
    cp /bin/busybox "$root/bin/busybox"
    for name in libnss_files.so.2 libnss_compat.so.2 libnss_dns.so.2; do
        echo "not a library" >"$root/lib/$name"
        echo "not a library" >"$root/lib64/$name"
    done
    echo /lib/libnss_files.so.2 >"$root/etc/ld.so.preload"
    echo 'passwd: files dns' >"$root/etc/nsswitch.conf"
    printf 'FROM scratch\nCOPY root /\nENV PATH=/usr/bin:/bin LD_PRELOAD=/lib/libnss_files.so.2\n' \
        >"$CRANK_TEST_DIR/hostile-tools/Dockerfile"
    crank build -q -t hostile-tools "$CRANK_TEST_DIR/hostile-tools" >/dev/null
}

@test "no program or library of an image is executed by crank (CVE-2019-14271, CVE-2026-41567)" {
    require strace command -v strace
    require "a kernel that lets strace trace" strace -o /dev/null true
    hostile_tools
    mkdir -p hostile-add
    echo inside >hostile-add/file
    tar -C hostile-add -czf hostile-add/archive.tar.gz file
    printf 'FROM hostile-tools\nADD archive.tar.gz /unpacked\nCOPY file /copied\n' \
        >hostile-add/Dockerfile
    # Where no container runs: crank's own programs alone.
    strace -f -qq -e trace=execve,execveat -o hostile-trace crank build -q -t hostile-added hostile-add
    [ -z "$(not_cranks hostile-trace)" ]
    crank save -o hostile.tar hostile-added
    strace -f -qq -e trace=execve,execveat -o hostile-trace crank load -q -i hostile.tar
    [ -z "$(not_cranks hostile-trace)" ]
    # Where one does: its own program beside them.
    strace -f -qq -e trace=execve,execveat -o hostile-trace \
        crank run --rm --network none -e LD_PRELOAD= hostile-added /bin/busybox cat /unpacked/file >hostile-said
    [ "$(not_cranks hostile-trace)" = /bin/busybox ]
    # the honest half: it was unpacked, in crank's own process
    [ "$(cat hostile-said)" = inside ]
    [ ! -e hostile-mark ]
}

@test "cp, diff, export and commit execute nothing of a container (CVE-2019-14271)" {
    require strace command -v strace
    require "a kernel that lets strace trace" strace -o /dev/null true
    hostile_tools
    crank run -d --name held --network none -e LD_PRELOAD= hostile-tools /bin/busybox sleep 600 >/dev/null
    echo inside >hostile-file
    local line
    for line in 'cp -q hostile-file held:/tmp-file' 'cp -qa held:/tmp-file hostile-out' \
        'cp -q held:/bin/. hostile-bin' 'diff held' 'export -o hostile-out.tar held' \
        'commit held hostile-committed'; do
        # shellcheck disable=SC2086 # words
        strace -f -qq -e trace=execve,execveat -o hostile-trace crank $line >/dev/null
        [ -z "$(not_cranks hostile-trace)" ]
    done
    tar -czf hostile-in.tar hostile-file
    strace -f -qq -e trace=execve,execveat -o hostile-trace crank cp - held:/bin <hostile-in.tar
    [ -z "$(not_cranks hostile-trace)" ]
    # the honest half: the file went in and came out
    [ "$(cat hostile-out)" = inside ]
    [ ! -e hostile-mark ]
    crank rm -f held >/dev/null
    crank rmi hostile-committed >/dev/null
}

@test "an /etc/passwd or /etc/group without an end, or that is no file, is refused at once" {
    local what began
    for what in pipe device huge groups; do
        rm -rf hostile-etc
        mkdir -p hostile-etc/etc hostile-etc/bin
        cp /bin/busybox hostile-etc/bin/busybox
        case $what in
            pipe) mkfifo hostile-etc/etc/passwd ;;
            device) mknod hostile-etc/etc/passwd c 1 5 ;;
            huge) { head -c 200000000 /dev/zero | tr '\0' 'x'; } >hostile-etc/etc/passwd ;;
            groups)
                echo 'worker:x:1000:1000::/:/bin/sh' >hostile-etc/etc/passwd
                awk 'BEGIN { for (i = 0; i < 1000000; i++) print "g" i ":x:" i ":worker" }' >hostile-etc/etc/group
                ;;
        esac
        tar -C hostile-etc -cf - . | crank import -q - hostile-etc >/dev/null
        began=$SECONDS
        run -125 --separate-stderr bash -c 'ulimit -v 400000; exec "$@"' - \
            crank run --rm --network none --user worker hostile-etc /bin/busybox true
        [ $((SECONDS - began)) -le 3 ]
        [[ $stderr == *"/etc/"* || $stderr == *worker* ]]
    done
}

@test "nobody else comes to what crank keeps, whatever the umask (CVE-2021-41091, CVE-2021-41103)" {
    local mask
    for mask in 000 022 077; do
        (
            umask "$mask"
            export CRANK_ROOT=$CRANK_TEST_DIR/other-root CRANK_STATE=$CRANK_TEST_DIR/other-state
            mkdir -p other-context
            mkdir -p other-context/bin
            cp /bin/busybox other-context/bin/busybox
            chmod 4755 other-context/bin/busybox
            tar -C other-context -cf - bin | crank import -q - other >/dev/null
            crank run -d --name other --network none other /bin/busybox sleep 100 >/dev/null
            # the set-id program of the image, the records, the sockets, the logs: nothing is reached
            chmod go+x "$CRANK_TEST_DIR"
            [ -n "$(find "$CRANK_ROOT" -perm -4000)" ]
            for dir in "$CRANK_ROOT" "$CRANK_STATE"; do
                [ "$(stat -c %a "$dir")" = 700 ] || { stat "$dir"; exit 1; }
                [ -z "$(setpriv --reuid=65534 --regid=65534 --clear-groups find "$dir" -mindepth 1 2>/dev/null)" ]
            done
            crank rm -f other >/dev/null
            rm -rf other-context
        )
        rm -rf other-root other-state other-context
    done
}

# listening PID: its sockets that others could connect to
sockets_of() { ss -Hlnpx state listening 2>/dev/null; ss -Hlnpt 2>/dev/null; }

@test "no process of crank's listens but on published ports (CVE-2020-15257, CVE-2025-9074)" {
    require ss command -v ss
    local id pids pid
    id=$(crank run -d --name host --network host busybox sleep 100)
    crank run -d --name ports -p 127.0.0.1:18477:80 busybox sleep 100 >/dev/null
    read -r pid _ monitor _ <"$CRANK_STATE/containers/$id/state"
    pids="$pid $monitor $(cut -d' ' -f1,3 "$CRANK_STATE"/containers/*/state | tr '\n' ' ')"
    local listened="" one
    for one in $pids; do listened+=$(sockets_of | grep -F "pid=$one," || true); done
    [ "$(grep -o '127.0.0.1:18477' <<<"$listened" | sort -u)" = 127.0.0.1:18477 ]
    [ "$(grep -c LISTEN <<<"$listened" || true)" -le 2 ]
    run ! grep -q '@' <<<"$listened"
    # and from inside, in the host's network: no abstract socket is crank's
    run -0 crank exec host cat /proc/net/unix
    [[ $output != *@*crank* && $output != *@*shim* ]]
}

@test "one container's variables and files are not another's (CVE-2021-21334, CVE-2020-14370)" {
    crank run -d --name first --network none -e TOKEN=canary-first -e ONLY=first busybox sleep 100 >/dev/null
    crank run -d --name second --network none -e TOKEN=canary-second busybox sleep 100 >/dev/null
    [ "$(crank exec second sh -c 'echo $TOKEN $ONLY')" = canary-second ]
    [ "$(crank exec first sh -c 'echo $TOKEN $ONLY')" = "canary-first first" ]
    [[ $(crank inspect second) != *canary-first* ]]
    crank exec first sh -c 'echo mine >/tmp/mine'
    run -1 crank exec second cat /tmp/mine
    crank rm -f first second >/dev/null
    [ "$(crank run --rm --network none busybox sh -c 'echo "<$TOKEN>"')" = "<>" ]
}

@test "what a worker prints without end is bounded in crank's memory (CVE-2022-31030, CVE-2022-1708)" {
    local id monitor
    id=$(crank run -d --name loud --network none busybox sleep 100)
    # crank exec hands its pipe on or copies; 2 GB through 400 MB of address space
    run -0 bash -c 'ulimit -v 400000; crank exec loud dd if=/dev/zero bs=1M count=2000 2>/dev/null | wc -c'
    [ "$output" = 2097152000 ]
    read -r _ _ monitor _ <"$CRANK_STATE/containers/$id/state"
    crank rm -f loud >/dev/null
    # one line without an end, into the log
    id=$(crank run -d --name line --network none busybox sh -c 'dd if=/dev/zero bs=1M count=500 2>/dev/null; sleep 100')
    read -r _ _ monitor _ <"$CRANK_STATE/containers/$id/state"
    idle() { [ "$(crank exec line ps | grep -c '[d]d if')" = 0 ]; }
    until_true idle
    [ "$(awk '/^VmHWM:/ { print $2 }' "/proc/$monitor/status")" -le 8192 ]
    [ "$(du -sk "$CRANK_ROOT/containers/$id" | cut -f1)" -le 300000 ]
}

@test "hundreds of execs and connections leave the monitor as it was (CVE-2022-23471, CVE-2025-64329)" {
    local id monitor before i
    id=$(crank run -d --name busy -p 127.0.0.1:18478:80 busybox httpd -f -p 80 -h /tmp)
    read -r _ _ monitor _ <"$CRANK_STATE/containers/$id/state"
    answers() { curl -s -o /dev/null --max-time 5 http://127.0.0.1:18478/; }
    until_true answers
    until_true pgrep -P "$monitor" -x crank-guard
    sleep 0.3
    before=$(ls "/proc/$monitor/fd" | wc -l)
    for ((i = 0; i < 300; i++)); do curl -s -o /dev/null http://127.0.0.1:18478/; done
    for ((i = 0; i < 100; i++)); do crank exec busy true; done
    flat() { [ "$(ls "/proc/$monitor/fd" | wc -l)" -le "$before" ]; }
    until_true flat
    [ "$(awk '/^VmRSS:/ { print $2 }' "/proc/$monitor/status")" -le 4096 ]
}

@test "secrets of a worker appear in no message (CVE-2019-13509)" {
    run --separate-stderr crank --debug run --rm --network none -e TOKEN=canary-5d1e busybox true
    [ "$status" -eq 0 ]
    [[ $output$stderr != *canary-5d1e* ]]
    run -125 --separate-stderr crank --debug run --rm --network none -e TOKEN=canary-5d1e -v /nowhere-at-all:/x busybox true
    [[ $stderr == *nowhere-at-all* && $output$stderr != *canary-5d1e* ]]
}

@test "ranges and numbers beyond reason are refused at once (CVE-2018-20699)" {
    local flag
    for flag in --cpuset-cpus=1-9223372036854775807 --cpuset-mems=1-9223372036854775807 \
        --cpuset-cpus=0-99999999999999999999 --memory=99999999999999999999g --cpus=1e400 \
        --pids-limit=99999999999999999999; do
        run -125 --separate-stderr timeout 2 bash -c 'ulimit -v 400000; exec "$@"' - \
            crank run --rm --network none "$flag" busybox true
        [ -n "$stderr" ]
    done
    # All ports of the machine are as many as descriptors allow, whoever has some of them.
    run -125 --separate-stderr timeout 5 bash -c 'ulimit -n 1024 -v 400000; exec "$@"' - \
        crank run --rm -p1-65535:1-65535 busybox true
    [[ $stderr == *"Too many open files"* || $stderr == *"is in use"* ]]
    run -0 crank run --rm --network none --memory=64m --pids-limit=50 busybox true
}

@test "names that are paths, or too long, or anything else, are refused (CVE-2025-0750)" {
    local name
    for name in ../other a/b . .. -x "$(printf 'a%.0s' {1..300})" $'a\nb' $'a\tb' 'a b' ünïcode; do
        run --separate-stderr crank run --rm --network none "--name=$name" busybox true
        [ "$status" -eq 125 ]
        [[ $stderr == *name* ]]
        run --separate-stderr crank logs -- "$name"
        [ "$status" -ne 0 ]
        [[ $stderr == *"no such container"* || $stderr == *invalid* ]]
    done
    [ ! -e "$CRANK_ROOT/other" ]
    run -0 crank run --rm --network none --name good.name_1-2 busybox true
}

@test "labels, annotations and variables of an image choose nothing of the host's (CVE-2026-53488)" {
    mkdir -p hostile-labels
    cat >hostile-labels/Dockerfile <<END
FROM busybox
LABEL io.containerd.log.uri="binary:///bin/sh?-c=touch $CRANK_TEST_DIR/hostile-mark" \
 cdi.k8s.io/x=vendor.com/thing=all run.oci.handler=krun restart=always \
 io.kubernetes.cri-o.Devices=/dev/sda crank.privileged=true
ENV NVIDIA_VISIBLE_DEVICES=all LD_PRELOAD=/nowhere.so CRANK_ROOT=/nowhere BASH_ENV=/nowhere
END
    crank build -q -t hostile-labels hostile-labels >/dev/null
    run -0 --separate-stderr crank run --rm --network none hostile-labels sh -c 'ls /dev; grep CapEff /proc/self/status'
    [[ $output != *nvidia* && $output != *sda* && $output == *CapEff:*00000000a80425fb* ]]
    [ ! -e hostile-mark ]
    # they are kept as what they are
    [[ $(crank inspect hostile-labels) == *krun* ]]
}
