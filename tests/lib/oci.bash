# shellcheck shell=bash
# For the .bats files about bundles and `crank-oci`: `load ../lib/oci`.
# shellcheck source=tests/lib/crank.bash
source "$(dirname "${BASH_SOURCE[0]}")/crank.bash"

oci() { crank-oci --root "$CRANK_TEST_DIR/oci" "$@"; }

can_oci() { crank-oci --version; }

# One root file system with a busybox for the file's tests.
oci_setup_file() {
    common_setup
    local name root=$CRANK_TEST_DIR/rootfs
    mkdir -p "$root/bin" "$root/etc" "$root/tmp" "$root/proc" "$root/sys" "$root/dev"
    cp /bin/busybox "$root/bin/busybox"
    for name in $(/bin/busybox --list); do
        [ "$name" = busybox ] || ln -s busybox "$root/bin/$name"
    done
    export BUNDLE=$CRANK_TEST_DIR/bundle
    mkdir "$BUNDLE"
    ln -s "$root" "$BUNDLE/rootfs"
}

oci_setup() {
    require "root, for namespaces and cgroups" is_root
    require "crank-oci" can_oci
    cd "$CRANK_TEST_DIR" || return 1
    rm -f "$BUNDLE/config.json"
    crank-oci spec --bundle "$BUNDLE"
    # raising a limit takes CAP_SYS_RESOURCE, which a host may withhold
    edit '.process.terminal = false | .process.rlimits = []'
}

# edit FILTER...: changes the bundle's config.json with jq.
edit() {
    jq "$@" "$BUNDLE/config.json" >"$BUNDLE/config.new" && mv "$BUNDLE/config.new" "$BUNDLE/config.json"
}

# sh_bundle TEXT: the container runs this with a shell.
# shellcheck disable=SC2016 # jq's variable
sh_bundle() { edit --arg text "$1" '.process.args = ["sh", "-c", $text]'; }

# Deletes what the test left, then nothing of it may be there.
oci_teardown() {
    cd / || return 1
    if [ -z "${BATS_TEST_COMPLETED:-}" ]; then printf '%s\n' "${output:-}" "${stderr:-}" >&2; fi
    [ -d "$CRANK_TEST_DIR/oci" ] || return 0
    local id
    for id in $(oci list --quiet); do oci delete --force "$id" || return 1; done
    oci_nothing_left
}

# Fails, and names it, where a container of this file's has left something on the host.
oci_nothing_left() {
    local left until=$((SECONDS + 10))
    while left=$(oci_left) && [ -n "$left" ]; do
        if [ "$SECONDS" -ge "$until" ]; then
            printf 'left behind:\n%s\n' "$left" >&2
            return 1
        fi
        sleep 0.1
    done
}

oci_left() {
    grep -lsF -- "$CRANK_TEST_DIR" /proc/[0-9]*/mountinfo | sed 's/^/mounts: /' | head -5
    find "$CRANK_TEST_DIR/oci" -mindepth 1 -not -name .changing 2>/dev/null | sed 's/^/file: /'
    find /sys/fs/cgroup -mindepth 2 -type d -path "*crank-oci/$TEST_ID-*" 2>/dev/null |
        sed 's/^/cgroup: /'
}

# The ids of a file's containers begin with it: other checkouts use the same host.
TEST_ID=bats-$(printf %s "${BATS_TEST_FILENAME:-x}$PPID" | cksum | cut -d' ' -f1)

status_is() { [ "$(oci state "$1" | jq -r .status)" = "$2" ]; }
