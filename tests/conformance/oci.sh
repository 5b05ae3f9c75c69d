#!/bin/bash
# Runs the tests of OCI runtimes with crank-oci in the runtime's place, and compares with the list of those
# that are known to pass (oci.passes).
#
#   tests/conformance/oci.sh runtime-tools|crun|runc DIR [NAME...]
#                       DIR: a checkout of github.com/opencontainers/runtime-tools, containers/crun or
#                       opencontainers/runc; NAME: a program of validation, a tests/test_NAME.py, a NAME.bats
#   UPDATE=1 ...        writes the list anew, for what ran
#   OCI_RUNTIME=PATH    another runtime, to compare with; nothing is compared with the list
#   TAP_DIR=DIR         keeps what the tests print
#
# As root, in mount, network and process-id namespaces of its own: these suites leave mounts, devices and processes
# behind. They want Go, gcc, bats, jq, gawk, iproute2, udev, busybox-static and mmdebstrap; what they build is kept in DIR.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
suite=${1:?runtime-tools, crun or runc}
checkout=$(cd "${2:?the checkout of $suite}" && pwd)
list=$here/oci.passes
: "${CRANK_BIN:=$here/../../build/dev/bin}"
CRANK_BIN=$(cd "$CRANK_BIN" && pwd)

for program in go gcc bats jq gawk ip udevadm busybox mmdebstrap python3; do
    command -v "$program" >/dev/null || { echo "oci.sh: no $program on PATH" >&2; exit 2; }
done
# Most tests of idmap.bats unpack it; tar looks at what is in it, not at its name. From the network, which there is
# none of inside.
debian=$checkout/tests/integration/testdata/debian-amd64.tar.xz
if [ "$suite" = runc ] && [ ! -e "$debian" ]; then
    mmdebstrap --quiet --variant=minbase --format=tar --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' bookworm "$debian.part"
    mv "$debian.part" "$debian"
fi
if [ -z "${OCI_SUITE_INSIDE:-}" ]; then
    export OCI_SUITE_INSIDE=1
    exec unshare --mount --net --pid --fork --kill-child --mount-proc --propagation private "${BASH_SOURCE[0]}" "$@"
fi
shift 2

work=$(mktemp -d /var/tmp/crank-oci-suite.XXXXXX)
tap=${TAP_DIR:-$work/tap}
mkdir -p "$tap" "$work/tmp" "$work/bin"
export TMPDIR=$work/tmp LC_ALL=C.UTF-8
ip link set lo up
clean_up() {
    cd /
    findmnt --noheadings --raw --output TARGET | grep -F "$work/" | tac | xargs -r -n1 umount -l || true
    rm -rf --one-file-system "$work"
}
trap clean_up EXIT
runtime=${OCI_RUNTIME:-$CRANK_BIN/crank-oci}

# Each suite has two functions: build_*, which makes what is not made yet, and run_* NAME, which writes TAP.
# Names of all its parts come from names_*.

names_runtime_tools() { (cd "$checkout/validation" && find . -mindepth 1 -maxdepth 1 -type d -printf "%f\n" | grep -vx util | sort); }
build_runtime_tools() {
    cd "$checkout"
    [ -x runtimetest ] || CGO_ENABLED=0 go build -mod=vendor -tags 'netgo osusergo' -o runtimetest ./cmd/runtimetest
    local name
    for name in "$@"; do
        [ -x "validation/$name.t" ] || go build -mod=vendor -o "validation/$name.t" "./validation/$name"
    done
}
# A program is one case. Some plan no assertion, and report as a field of YAML alone, `error`.
run_runtime_tools() {
    cd "$checkout"
    local status=0 wrong='^not ok'
    RUNTIME=$runtime unshare --mount --propagation private timeout 60 "validation/$1.t" >"$work/program.tap" 2>&1 ||
        status=$?
    cp "$work/program.tap" "$tap/$suite-$1.output"
    if grep -q '^1\.\.0$' "$work/program.tap"; then wrong='^ +"error": '; fi
    if [ "$status" = 0 ] && ! grep -qE "$wrong" "$work/program.tap"; then
        echo "ok 1 - $1"
    else
        echo "not ok 1 - $1"
    fi
}

names_crun() { (cd "$checkout/tests" && printf "%s\n" test_*.py | sed 's/^test_//; s/\.py$//' | grep -vxE 'checkpoint_restore|custom_handler'); }
build_crun() {
    cd "$checkout"
    # What configure would find out, it finds out here.
    [ -e tests/config.h ] || printf "#define HAVE_%s 1\n" SECCOMP ERROR_H LINUX_IOPRIO_H >tests/config.h
    [ -x tests/init ] || gcc -static -iquote tests -Itests -o tests/init tests/init.c
    # The suite names crun's cgroup manager, which the command line that engines share does not have.
    cat >"$work/bin/crun" <<EOF
#!/usr/bin/python3
import os, sys
words = sys.argv[1:]
while "--cgroup-manager" in words:
    at = words.index("--cgroup-manager")
    del words[at:at + 2]
os.execv("$work/bin/runtime/crun", ["crun", *words])
EOF
    chmod 755 "$work/bin/crun"
    mkdir -p "$work/bin/runtime"
    ln -sfn "$runtime" "$work/bin/runtime/crun"
    # Python has these since 3.12.
    cat >"$work/bin/sitecustomize.py" <<'EOF'
import ctypes
import os


def call(name, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


if not hasattr(os, "setns"):
    os.setns = lambda fd, nstype=0: call("setns", fd, nstype)
    os.unshare = lambda flags: call("unshare", flags)
    os.CLONE_NEWNET = 0x40000000
EOF
}
run_crun() {
    cd "$checkout"
    OCI_RUNTIME=$work/bin/crun INIT=$checkout/tests/init PYTHONPATH=$work/bin \
        PATH=$work/bin/net:$PATH timeout 240 python3 "tests/test_$1.py" </dev/null 2>&1 | tee "$tap/$suite-$1.output"
}

names_runc() { (cd "$checkout/tests/integration" && printf "%s\n" *.bats | sed 's/\.bats$//' | grep -vxE 'checkpoint|selinux|mounts_sshfs'); }
build_runc() {
    cd "$checkout"
    mkdir -p tests/cmd/_bin
    local name
    for name in recvtty sd-helper seccompagent fs-idmap pidfd-kill remap-rootfs key_label; do
        [ -x "tests/cmd/_bin/$name" ] || go build -mod=vendor -tags seccomp -o "tests/cmd/_bin/$name" "./tests/cmd/$name"
    done
    local images=tests/integration/testdata
    [ -e "$images/busybox-amd64.tar.xz" ] || busybox_root
    ln -sfn "$runtime" "$work/bin/runc"
}
busybox_root() {
    local root=$work/busybox name
    mkdir -p "$root"/{bin,dev,etc,home,root,tmp,usr/sbin,var/spool/mail,var/www}
    cp "$(command -v busybox)" "$root/bin/busybox"
    for name in $(busybox --list); do
        [ "$name" = busybox ] || ln "$root/bin/busybox" "$root/bin/$name"
    done
    printf '%s\n' root:x:0:0:root:/root:/bin/sh daemon:x:1:1:daemon:/usr/sbin:/bin/false \
        nobody:x:65534:65534:nobody:/home:/bin/false >"$root/etc/passwd"
    printf '%s\n' root:x:0: daemon:x:1: nogroup:x:65534: >"$root/etc/group"
    chmod 1777 "$root/tmp"
    tar -C "$root" --owner=0 --group=0 -cf "$checkout/$images/busybox-amd64.tar.xz" .
}
run_runc() {
    cd "$checkout"
    RUNC=$work/bin/runc PATH=$work/bin/net:$PATH timeout 900 bats -t "tests/integration/$1.bats" </dev/null 2>&1 |
        tee "$tap/$suite-$1.output"
}

# A kernel without dummy devices: an ifb device takes the place of one where the suite makes it with ip.
stand_in_for_dummies() {
    if ip link add crankdummy type dummy 2>/dev/null; then
        ip link delete crankdummy
        return
    fi
    echo "this kernel has no dummy devices: ip makes ifb devices" >&2
    mkdir -p "$work/bin/net"
    cat >"$work/bin/net/ip" <<EOF
#!/bin/bash
for word; do
    if [ "\$word" = dummy ]; then word=ifb; fi
    words+=("\$word")
done
exec $(command -v ip) "\${words[@]}"
EOF
    chmod 755 "$work/bin/net/ip"
}

# A line of TAP as "ok|not ok|skip NAME", without numbers and times.
verdicts() {
    sed -nE 's/^(ok|not ok) [0-9]+ -? ?(.*)$/\1\t\2/p' |
        sed -E 's/^ok\t(.*) ?# ?[Ss][Kk][Ii][Pp].*/skip\t\1/; s/ +# [0-9.]+m?s$//; s/ +$//'
}

function=${suite//-/_}
if [ $# -eq 0 ]; then mapfile -t names < <("names_$function"); else names=("$@"); fi
"build_$function" "${names[@]}"
stand_in_for_dummies
for name in "${names[@]}"; do
    { "run_$function" "$name" || echo "# $name ended with an error" >&2; } | verdicts | sed "s/^/$suite $name\t/"
done >"$work/verdicts"

grep -P '\tok\t' "$work/verdicts" | sed 's/\tok\t/: /' | LC_ALL=C sort >"$work/passes" || true
for word in ok 'not ok' skip; do
    printf '%s: %s %s\n' "$suite" "$(grep -cP "\t$word\t" "$work/verdicts" || true)" "$word"
done
grep -P '\tnot ok\t' "$work/verdicts" | sed 's/\tnot ok\t/: /; s/^/not ok: /' || true
if [ -n "${OCI_RUNTIME:-}" ]; then exit 0; fi

touch "$list"
# The lines of the list that speak of what ran.
spoken() { for name in "${names[@]}"; do grep -F "$suite $name: " "$list" || true; done | LC_ALL=C sort; }
if [ -n "${UPDATE:-}" ]; then
    { LC_ALL=C comm -23 <(LC_ALL=C sort "$list") <(spoken) && cat "$work/passes"; } | LC_ALL=C sort >"$work/list"
    cat "$work/list" >"$list"
    exit 0
fi
gone=$(LC_ALL=C comm -13 "$work/passes" <(spoken))
if [ -n "$gone" ]; then
    printf 'no longer passes:\n%s\n' "$gone" >&2
    exit 1
fi
