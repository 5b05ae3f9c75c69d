# shellcheck shell=bash
# For the .bats files in which other engines take part: `load ../lib/peers`.
# shellcheck source=tests/lib/build.bash
source "$(dirname "${BASH_SOURCE[0]}")/build.bash"

PEERS_GROUP=crank-peers

# among_peers SCRIPT: runs the text with bash where `docker` (a daemon of its own, started by
# `start_docker`) and `podman` have storage below the test's directory. Mounts, network and processes
# are namespaces of this call's: bridges, firewall rules and the daemon end with it.
among_peers() {
    local status=0
    unshare --mount --net --pid --fork --mount-proc --propagation private --kill-child \
        bash "$CRANK_SOURCE/tests/lib/peers_world.sh" "$CRANK_TEST_DIR/peers" "$PEERS_GROUP" \
        "$1" || status=$?
    # the empty parents that they leave in the host's cgroup trees
    find /sys/fs/cgroup/*/"$PEERS_GROUP" -depth -type d -delete 2>/dev/null || true
    return "$status"
}
