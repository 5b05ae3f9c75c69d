#!/usr/bin/env bash
# ./dev bench [--peers] [--vm] [--rounds N] [--idle-rounds N] [--no-peers] [SECTION...]
#
# --vm: in a virtual machine with Debian's kernel and cgroup version 2 alone. VM_KVM=1 where KVM works;
# of an emulated processor the ratios alone say something.
#
# Times crank beside the peers found on PATH (--peers installs Debian's), as whole processes. All of
# it runs in mount, network and pid namespaces of its own: a peer's daemon, its bridges and its
# firewall rules stay inside and end with them. Tables go to stdout, samples to build/bench/*.json.
set -euo pipefail
# shellcheck source=tools/common.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"

out=$CRANK_TOP/build/bench
cgroup_leftovers=(crank-bench-docker libpod_parent)

# Inside the namespaces.
inside() {
    ip link set lo up
    mount -t tmpfs -o mode=755 bench /run
    mkdir -p /run/lock
    # A file system of its own: ext4 makes files slowly for a while after many were deleted, whoever
    # deleted them.
    truncate -s 24G "$out/scratch.img"
    mkfs.ext4 -q "$out/scratch.img"
    mount -o loop "$out/scratch.img" "$out/scratch"
    # Debian's crun refuses the hybrid layout: without the unified mount it is plain version 1.
    if mountpoint -q /sys/fs/cgroup/unified; then umount /sys/fs/cgroup/unified; fi
    exec python3 "$CRANK_TOP/bench/bench.py" --bin "$CRANK_TOP/build/release/bin" --out "$out" "$@"
}

# In the guest, which has the host's files read-only: the results are what is printed.
guest() {
    local place=/var/tmp/crank-bench
    mkdir -p "$place/scratch"
    echo "+cpu +memory +pids" >/sys/fs/cgroup/cgroup.subtree_control
    mkfs.ext4 -q /dev/disk/scratch
    mount /dev/disk/scratch "$place/scratch"
    exec python3 "$CRANK_TOP/bench/bench.py" --bin "$CRANK_TOP/build/release/bin" --out "$place" "$@"
}

in_guest() {
    truncate -s 24G "$out/scratch.img"
    # what dockerd's firewall is made of, beside our own
    VM_SECONDS=${VM_SECONDS:-1800} VM_MEMORY=${VM_MEMORY:-4096} VM_SCRATCH=$out/scratch.img \
        VM_MODULES="br_netfilter nft_compat xt_addrtype xt_conntrack xt_MASQUERADE ip_tables iptable_nat iptable_filter" \
        "$CRANK_TOP/tests/vm/run.sh" bash "$CRANK_TOP/tools/bench.sh" --guest "$@"
}

# The empty directories that the peers leave in the host's cgroup trees, if they are ours, and the
# scratch directory.
finish() {
    local name
    rm -rf --one-file-system -- "$out/scratch" "$out/scratch.img"
    for name in "${before_missing[@]}"; do
        find /sys/fs/cgroup/*/"$name" -depth -type d -delete 2>/dev/null || true
    done
}

main() {
    local -a args=()
    local arg groups=(build bench) vm=0
    for arg in "$@"; do
        case $arg in
            --peers) groups+=(peers) ;;
            --vm) vm=1 ;;
            *) args+=("$arg") ;;
        esac
    done
    [ "$(id -u)" = 0 ] || die "bench needs root: cgroups with limits, and the peers' daemons"
    ensure_packages "${groups[@]}"
    (cd "$CRANK_TOP" && cmake --preset release -DCRANK_BENCH=ON) >/dev/null
    build_preset release
    local name
    before_missing=()
    trap finish EXIT
    rm -rf --one-file-system -- "$out/scratch"
    mkdir -p "$out/scratch"
    if [ "$vm" = 1 ]; then
        in_guest "${args[@]}"
        return
    fi
    for name in "${cgroup_leftovers[@]}"; do
        [ -d "/sys/fs/cgroup/memory/$name" ] || before_missing+=("$name")
    done
    unshare --mount --net --pid --fork --mount-proc --propagation private --kill-child \
        "${BASH_SOURCE[0]}" --inside "${args[@]}"
}

if [ "${1:-}" = --inside ]; then
    shift
    inside "$@"
fi
if [ "${1:-}" = --guest ]; then
    shift
    guest "$@"
fi
main "$@"
