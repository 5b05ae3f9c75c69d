#!/usr/bin/env bash
# tests/vm/run.sh COMMAND...: runs the command as root of a virtual machine with Debian's cloud kernel
# and cgroup version 2 alone. The guest sees the host's files, read-only; what it writes is gone
# with it. Its output comes here, its status is the status of this.
#
# VM_DISK is a file that the guest has as its second disk, /dev/vdb; all that it writes there and all
# its flushes also go into the file VM_DISK_LOG (qemu's driver blklogwrites).
#
# VM_SCRATCH is a file that the guest has as another disk, /dev/disk/scratch; VM_MEMORY (2048) is in MiB;
# VM_MODULES names more modules of the kernel.
#
# VM_SYSTEMD=1 makes systemd its first process, which mounts what it mounts and has the command as a
# unit. VM_KERNEL=backports takes the kernel of bookworm-backports, 6.12: bookworm's qemu does not
# emulate a processor that it boots on, so it takes VM_KVM=1.
#
# VM_SECONDS (600) bounds the whole run. qemu emulates the processor; VM_KVM=1 has KVM do it, where
# that works: nested in another machine it often does not.
set -euo pipefail
# shellcheck source=tools/common.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../../tools/common.sh"

here=$CRANK_TOP/tests/vm
dir=$CRANK_TOP/build/vm
# A command, a bridge with a firewall, an image, a disk of one's own; with what each of them needs.
modules=(virtio_pci virtio_blk virtiofs overlay crc32c_generic ext4 veth bridge nf_tables nft_chain_nat nft_masq nft_ct nft_fib_ipv4
    nft_nat nft_redir nft_numgen nft_reject_ipv4 nf_conntrack_netlink)

case ${VM_KERNEL:-} in
    '') kernel=$dir/kernel ;;
    backports) kernel=$dir/kernel-backports ;;
    *) die "VM_KERNEL: no kernel '$VM_KERNEL' (backports, or none)" ;;
esac

# Another release's packages, with lists of their own: the host's apt stays as it is.
backports() {
    local apt=$dir/apt
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
    APT_CONFIG=$apt/conf "$@"
}

write_apt_conf() {
    local from
    # shellcheck disable=SC2016 # apt's own
    from=$(apt-get indextargets --format '$(REPO_URI)' 'Codename: bookworm' | head -n 1)
    [ -n "$from" ] || die "apt is not configured for bookworm: its backports are not to be had"
    mkdir -p "$dir/apt"
    cat >"$dir/apt/backports.sources" <<END
Types: deb
URIs: $from
Suites: bookworm-backports
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END
    cat >"$dir/apt/conf" <<END
Dir::Etc::SourceList "$dir/apt/backports.sources";
Dir::Etc::SourceParts "/dev/null";
Dir::State::Lists "$dir/apt/lists";
Dir::Cache "$dir/apt/cache";
END
}

# Debian's kernel and its modules, unpacked, never installed: the host boots something else.
fetch_kernel() {
    local package from=env
    if compgen -G "$kernel/boot/vmlinuz-*" >/dev/null; then return; fi
    if [ "${VM_KERNEL:-}" = backports ]; then
        from=backports
        write_apt_conf
        backports apt-get -qq update >&2
    fi
    package=$($from apt-cache depends linux-image-cloud-amd64 | awk '$1 == "Depends:" { print $2; exit }')
    [ -n "$package" ] || die "apt knows no linux-image-cloud-amd64"
    say "fetching $package"
    rm -rf "$kernel" "$dir/packages"
    mkdir -p "$dir/packages"
    (cd "$dir/packages" && $from apt-get -qq download "$package" >&2)
    dpkg-deb -x "$dir"/packages/*.deb "$kernel"
}

# The modules in the order in which they can be loaded.
make_initramfs() {
    local tree=$dir/tree version module file
    version=$(basename "$kernel"/lib/modules/*)
    rm -rf "$tree"
    mkdir -p "$tree/bin" "$tree/modules"
    cp /bin/busybox "$tree/bin/busybox"
    cp "$here/init" "$tree/init"
    chmod +x "$tree/init"
    depmod -b "$kernel" "$version"
    # shellcheck disable=SC2086 # one word a module
    for module in "${modules[@]}" ${VM_MODULES:-}; do
        modprobe -d "$kernel" -S "$version" --show-depends "$module" | awk '$1 == "insmod" { print $2 }'
    done | awk '!seen[$0]++' | while read -r file; do
        cp "$file" "$tree/modules/"
        basename "$file"
    done >"$tree/modules/list"
    (cd "$tree" && find . | cpio --quiet -o -H newc | gzip -1) >"$dir/initramfs"
}

# A bash that prints what it was given would run it word by word: quoted as it came.
write_command() {
    cp "$here/inside.sh" "$dir/inside.sh"
    {
        printf 'cd %q\n' "$PWD"
        printf 'export CRANK_BIN=%q CRANK_PRESET=%q CRANK_TEST_STRICT=%q TERM=dumb\n' \
            "${CRANK_BIN:-}" "${CRANK_PRESET:-dev}" "${CRANK_TEST_STRICT:-0}"
        printf '%q ' "$@"
        printf '\n'
    } >"$dir/command"
}

# The log has to have room before it is written: holes, until then. Before qemu 9 the driver mixes up
# the log where zeroes are written as such, so the guest may not (see boot).
logged_disk() {
    truncate -s 16G "$VM_DISK_LOG"
    printf 'driver=blklogwrites,node-name=logged,log-sector-size=512'
    printf ',file.driver=file,file.filename=%s,file.cache.no-flush=on' "$VM_DISK"
    printf ',log.driver=file,log.filename=%s,log.cache.no-flush=on' "$VM_DISK_LOG"
}

boot() {
    local socket=$dir/fs.socket log=$dir/console.log status=0
    local -a machine=(-accel "tcg,thread=multi" -cpu max)
    if [ "${VM_KVM:-0}" = 1 ]; then machine=(-accel kvm -cpu host); fi
    local -a disk=()
    if [ -n "${VM_DISK:-}" ]; then
        disk=(-blockdev "$(logged_disk)" -device "virtio-blk-pci,drive=logged,write-zeroes=off,discard=off")
    fi
    if [ -n "${VM_SCRATCH:-}" ]; then
        # shellcheck disable=SC2054 # the commas are qemu's
        disk+=(-blockdev "driver=raw,node-name=scratch,file.driver=file,file.filename=$VM_SCRATCH,cache.no-flush=on"
            -device virtio-blk-pci,drive=scratch,serial=scratch)
    fi
    rm -f "$socket"
    /usr/lib/qemu/virtiofsd --socket-path="$socket" -o source=/ -o cache=always -o sandbox=chroot \
        >"$dir/virtiofsd.log" 2>&1 &
    local fs=$!
    until [ -S "$socket" ]; do
        kill -0 "$fs" 2>/dev/null || die "virtiofsd ended: $(tail -n 3 "$dir/virtiofsd.log")"
        sleep 0.1
    done
    timeout "${VM_SECONDS:-600}" qemu-system-x86_64 "${machine[@]}" -smp 2 -m "${VM_MEMORY:-2048}" \
        -object "memory-backend-memfd,id=memory,size=${VM_MEMORY:-2048}M,share=on" -numa node,memdev=memory \
        -chardev "socket,id=fs,path=$socket" -device vhost-user-fs-pci,chardev=fs,tag=host \
        -blockdev driver=null-co,node-name=disk,size=1048576 -device virtio-blk-pci,drive=disk "${disk[@]}" \
        -kernel "$kernel"/boot/vmlinuz-* -initrd "$dir/initramfs" \
        -append "console=ttyS0 quiet panic=-1 edd=off mitigations=off vm.dir=$dir vm.systemd=${VM_SYSTEMD:-0} systemd.show_status=false" \
        -nodefaults -no-reboot -display none -serial stdio </dev/null |
        sed -u 's/\r//g; /Job vm-command.service/d' | tee "$log" || status=$?
    kill "$fs" 2>/dev/null || true
    wait "$fs" 2>/dev/null || true
    return "$status"
}

main() {
    [ $# -gt 0 ] || die "usage: tests/vm/run.sh COMMAND..."
    ensure_packages vm
    mkdir -p "$dir"
    fetch_kernel
    make_initramfs
    write_command "$@"
    boot
    local said
    said=$(sed -n 's/^vm: the command ended with //p' "$dir/console.log" | tail -n 1)
    [ -n "$said" ] || die "the virtual machine ended before its command (within ${VM_SECONDS:-600} s)"
    return "$said"
}

main "$@"
