#!/usr/bin/env bats
# Root of a user namespace against the mounts that it was given: they are locked. Each attack has a
# benign twin that works.

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
    edit --argjson all "$(crank-oci features | jq -c '.linux.capabilities - ["CAP_SYS_RESOURCE"]')" \
        '.process.capabilities = {bounding: $all, effective: $all, permitted: $all} |
        .linux.namespaces += [{"type": "user"}] |
        .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}] |
        .linux.gidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}] |
        .mounts += [{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}]'
}
teardown() {
    if [ -d "$CRANK_TEST_DIR/tree" ]; then umount -R -l "$CRANK_TEST_DIR/tree"; rmdir "$CRANK_TEST_DIR/tree"; fi
    oci_teardown
}
teardown_file() { common_teardown; }

# A directory with another mounted in it, all of it open to the container's root.
tree() {
    mkdir -p tree && mount -t tmpfs -o mode=777 tree tree && mkdir -m 777 tree/below
    echo beneath >tree/below/beneath
    mount -t tmpfs -o mode=777 below tree/below
    echo seen >tree/below/seen
}

bind() { # OPTIONS, as JSON
    edit --arg dir "$PWD/tree" --argjson options "$1" \
        '.mounts += [{"destination": "/mnt", "source": $dir, "options": $options}]'
}

@test "what is mounted read-only, nosuid, nodev or noexec stays so" {
    tree
    bind '["rbind", "rro", "rnosuid", "rnodev", "rnoexec"]'
    # shellcheck disable=SC2016 # the container's variable
    sh_bundle 'for o in rw suid dev exec rw,suid,dev,exec; do
            for m in /mnt /mnt/below; do
                if mount -o remount,bind,nosuid,nodev,noexec,ro,$o $m; then echo "$o $m"; fi
            done
        done 2>/dev/null
        touch /mnt/new /mnt/below/new 2>/dev/null; ls /mnt /mnt/below; echo end'
    run -0 oci run --bundle "$BUNDLE" "$id"
    [ "$output" = "/mnt:
below

/mnt/below:
seen
end" ]
    [ ! -e tree/new ] && [ ! -e tree/below/new ]
    # the benign twin: what nobody asked to be read-only is written to, and may be made stricter
    edit '.mounts[-1].options = ["rbind"]'
    sh_bundle 'touch /mnt/below/new && mount -o remount,bind,ro /mnt && ! touch /mnt/new 2>/dev/null'
    run -0 oci run --bundle "$BUNDLE" "$id"
    [ -e tree/below/new ]
}

@test "what a mount covers is not laid bare" {
    tree
    bind '["rbind"]'
    sh_bundle 'for m in /mnt/below /mnt /proc/kcore /proc/sys /proc /dev/shm /dev /sys /; do
            umount $m && echo "took off $m"; umount -l $m && echo "let go of $m"
        done 2>/dev/null
        mount --move /mnt/below /tmp 2>/dev/null && echo moved
        mkdir -p /tmp/part /tmp/all
        mount --bind /mnt /tmp/part 2>/dev/null && echo bound
        mount --rbind /mnt /tmp/all && ls /tmp/all/below
        umount /tmp/all/below 2>/dev/null && echo "took off the copy"
        ls /mnt/below; echo end'
    run -0 oci run --bundle "$BUNDLE" "$id"
    [ "$output" = "seen
seen
end" ]
}

@test "masked and read-only paths cannot be opened again" {
    edit '.linux.maskedPaths = ["/proc/version", "/proc/tty"] | .linux.readonlyPaths = ["/proc/sys"] |
        .root.readonly = true'
    sh_bundle 'for m in /proc/version /proc/tty /proc/sys; do umount -l $m && echo "took off $m"; done 2>/dev/null
        for m in / /proc/sys; do mount -o remount,bind,rw $m && echo "opened $m"; done 2>/dev/null
        mkdir /dev/proc && mount -t proc proc /dev/proc 2>/dev/null && echo "a second proc"
        cat /proc/version; ls /proc/tty; echo 1 >/proc/sys/net/ipv4/ip_forward
        touch /new; echo end'
    run -0 --separate-stderr oci run --bundle "$BUNDLE" "$id"
    [ "$output" = end ]
    # the benign twin: without masks the same paths say something
    edit '.linux.maskedPaths = [] | .linux.readonlyPaths = [] | .root.readonly = false'
    sh_bundle 'grep -c Linux /proc/version; cd /proc/sys/net/ipv4; echo 1 >ip_forward; cat ip_forward'
    run -0 oci run --bundle "$BUNDLE" "$id"
    [ "$output" = "1
1" ]
}

@test "no mount of the host's lies behind the root" {
    # shellcheck disable=SC2016 # the container's variable
    sh_bundle 'cat /proc/self/mountinfo
        umount -l / 2>/dev/null && echo "took off the root"
        mkdir -p /tmp/root && mount --rbind / /tmp/root && cd /tmp/root && mount -t tmpfs old mnt &&
            pivot_root . mnt && cd / && umount -l /mnt && ls -d /bin'
    run -0 oci run --bundle "$BUNDLE" "$id"
    [[ "$output" != *"took off"* ]]
    [[ "$output" = *$'\n'"/bin" ]]
    # everything in sight belongs to the container
    [ "$(awk '$5 == "/"' <<<"$output" | wc -l)" = 1 ]
    [ "$(awk '$5 ~ "^/(tree|oci)"' <<<"$output" | wc -l)" = 0 ]
}

@test "a container with a user namespace mounts and unmounts what is its own" {
    sh_bundle 'set -e
        mkdir -p /tmp/a /tmp/b; mount -t tmpfs -o mode=755 own /tmp/a; touch /tmp/a/file
        mount --bind /tmp/a /tmp/b; mount -o remount,bind,ro /tmp/b
        ! touch /tmp/b/other 2>/dev/null; mount -o remount,bind,rw /tmp/b; touch /tmp/b/other
        umount /tmp/b; mount --move /tmp/a /tmp/b; ls /tmp/b; umount /tmp/b
        mount -t proc own /tmp/a; test -e /tmp/a/1/stat; umount /tmp/a
        unshare -m sh -c "mount -t tmpfs own /tmp/a && umount /tmp/a"; echo end'
    edit '.linux.maskedPaths = [] | .linux.readonlyPaths = []'
    run -0 oci run --bundle "$BUNDLE" "$id"
    [ "$output" = "file
other
end" ]
    # and what enters it later sees the same
    sh_bundle 'mkdir /tmp/a && mount -t tmpfs own /tmp/a && touch /tmp/a/seen && sleep 60'
    oci create --bundle "$BUNDLE" "$id" && oci start "$id"
    until_true oci exec "$id" test -e /tmp/a/seen
    oci delete --force "$id"
}
