#!/usr/bin/env bats
# What a bind shares with the host, and what `ro` on it means, with and without a user namespace.

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
    mkdir tree && mount -t tmpfs -o mode=777 tree tree && mount --make-private tree
    mkdir -m 777 tree/below && mount -t tmpfs -o mode=777 below tree/below
}
teardown() {
    umount -R -l "$CRANK_TEST_DIR/tree" && rmdir "$CRANK_TEST_DIR/tree"
    oci_teardown
}
teardown_file() { common_teardown; }

bind() { # OPTIONS, as JSON
    edit --arg dir "$PWD/tree" --argjson options "$1" \
        '.mounts += [{"destination": "/mnt", "source": $dir, "options": $options}]'
}

userns() {
    edit '.linux.namespaces += [{"type": "user"}] |
        .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}] |
        .linux.gidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}]'
}

mounts_one() {
    edit '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
    sh_bundle 'mkdir /mnt/new && mount -t tmpfs made /mnt/new; sleep 600'
    oci create --bundle "$BUNDLE" "$id" && oci start "$id"
    until_true oci exec "$id" grep -q ' /mnt/new ' /proc/self/mountinfo
}

@test "what the container mounts in a shared bind the host sees; in a private or slave one it does not" {
    mount --make-rshared tree
    bind '["rbind", "rshared"]'
    mounts_one
    grep -q " $CRANK_TEST_DIR/tree/new " /proc/self/mountinfo
    oci delete --force "$id"
    umount tree/new && rmdir tree/new
    local kind
    for kind in rslave rprivate; do
        edit --arg kind "$kind" '.mounts[-1].options = ["rbind", $kind]'
        mounts_one
        run ! grep -q " $CRANK_TEST_DIR/tree/new " /proc/self/mountinfo
        oci delete --force "$id"
        rmdir tree/new
    done
}

@test "with a user namespace a shared bind is shared inside alone" {
    mount --make-rshared tree
    bind '["rbind", "rshared"]'
    userns
    mounts_one
    run ! grep -q " $CRANK_TEST_DIR/tree/new " /proc/self/mountinfo
    # and what the host mounts comes in
    mkdir tree/host && mount -t tmpfs host tree/host
    run -0 oci exec "$id" grep ' /mnt/host ' /proc/self/mountinfo
    [[ "$output" = *shared:* ]]
    oci delete --force "$id"
}

@test "ro on an rbind is of the mount itself, rro of all, with a user namespace or without" {
    bind '["rbind", "ro"]'
    sh_bundle 'touch /mnt/a 2>/dev/null && echo top; touch /mnt/below/a 2>/dev/null && echo below; echo end'
    local round
    for round in without with; do
        if [ "$round" = with ]; then userns; fi
        edit '.mounts[-1].options = ["rbind", "ro"]'
        run -0 oci run --bundle "$BUNDLE" "$id"
        [ "$output" = "below
end" ]
        rm -f tree/below/a
        edit '.mounts[-1].options = ["rbind", "rro"]'
        run -0 oci run --bundle "$BUNDLE" "$id"
        [ "$output" = end ]
    done
}
