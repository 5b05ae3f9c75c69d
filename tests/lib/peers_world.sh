#!/usr/bin/env bash
# peers_world.sh DIR CGROUP SCRIPT: what among_peers (peers.bash) runs inside its namespaces.
set -euo pipefail
dir=$1 group=$2 script=$3

ip link set lo up
mount -t tmpfs -o mode=755 peers /run
mkdir -p /run/lock "$dir"
# Debian's crun refuses the hybrid layout: without the unified mount it is plain version 1.
if mountpoint -q /sys/fs/cgroup/unified; then umount /sys/fs/cgroup/unified; fi

podman() {
    # every group that anybody makes here lies below the one that is removed afterwards
    if [ "$1" = run ]; then
        shift
        set -- run --cgroup-parent "/$group" "$@"
    fi
    command podman --root "$dir/podman" --runroot /run/podman --cgroup-manager cgroupfs \
        --events-backend none "$@"
}

export DOCKER_HOST=unix:///run/docker.sock
# start_docker [FLAG...]: flags of dockerd.
start_docker() {
    dockerd --data-root "$dir/docker" --exec-root /run/docker --host "$DOCKER_HOST" "$@" \
        --pidfile /run/docker.pid --cgroup-parent "/$group" >"$dir/dockerd.log" 2>&1 &
    local pid=$! until=$((SECONDS + 60))
    until docker version >/dev/null 2>&1; do
        if ! kill -0 "$pid" || [ "$SECONDS" -ge "$until" ]; then
            tail -n 20 "$dir/dockerd.log" >&2
            return 1
        fi
        sleep 0.1
    done
}

eval "$script"
