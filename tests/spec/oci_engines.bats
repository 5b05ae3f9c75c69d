#!/usr/bin/env bats
# podman and docker with crank-oci as their runtime, and no other on the PATH.

bats_require_minimum_version 1.5.0
load ../lib/peers

setup_file() {
    crank_setup_file
    box_image
    if can_run >/dev/null 2>&1; then crank save -o "$CRANK_TEST_DIR/box.tar" box; fi
}
setup() { crank_setup; }
teardown() { crank_teardown; }
teardown_file() { crank_teardown_file; }

# Puts something that cannot be executed over every other runtime on the PATH.
hide_others='
for name in runc crun kata-runtime runsc youki; do
    for place in ${PATH//:/ }; do
        if [ -x "$place/$name" ]; then mount --bind /dev/null "$place/$name"; fi
        if [ -x "$place/$name" ]; then exit 99; fi
    done
done
# dockerd ends at its start without a program of this name
mkdir -p /run/bin
printf "#!/bin/sh\nexec $CRANK_BIN/crank-oci \"\$@\"\n" >/run/bin/runc
chmod +x /run/bin/runc
PATH=/run/bin:$PATH
oci=$CRANK_BIN/crank-oci
'

@test "podman runs, executes in, pauses, kills and removes containers" {
    require podman command -v podman
    run -0 --separate-stderr among_peers "$hide_others"'
        podman --runtime "$oci" load -q -i "$CRANK_TEST_DIR/box.tar" >&2
        podman --runtime "$oci" run --rm --network none box sh -c "echo hello; echo error >&2; exit 7" || echo "code $?"
        echo input | podman --runtime "$oci" run -i --rm --network none -u 1000:1001 box sh -c "id -u; cat"
        podman --runtime "$oci" run -d --network none --memory 64m --pids-limit 50 --name bee box sleep 1000 >&2
        podman --runtime "$oci" exec bee cat /proc/1/comm
        podman --runtime "$oci" exec -u 1000 bee id -u
        podman --runtime "$oci" exec bee sh -c "exit 9" || echo "code $?"
        podman --runtime "$oci" inspect --format "{{.State.Status}} {{.OCIRuntime}}" bee
        podman --runtime "$oci" pause bee >&2
        podman --runtime "$oci" inspect --format "{{.State.Status}}" bee
        podman --runtime "$oci" unpause bee >&2
        podman --runtime "$oci" top bee pid
        podman --runtime "$oci" kill bee >&2
        podman --runtime "$oci" wait bee
        podman --runtime "$oci" rm bee >&2
        podman --runtime "$oci" run --rm --network none box nosuch >&2 || echo "code $?"
        podman --runtime "$oci" run --rm --network none box /etc >&2 || echo "code $?"
        podman --runtime "$oci" ps -aq'
    printf '%s\n' hello "code 7" 1000 input sleep 1000 "code 9" "running $CRANK_BIN/crank-oci" paused \
        PID 1 137 "code 127" "code 126" >wanted
    diff wanted <(printf '%s\n' "$output")
    # shellcheck disable=SC2154 # set by run
    [[ "$stderr" = *error* ]]
}

@test "docker runs, executes in, pauses, limits, kills and removes containers" {
    require dockerd command -v dockerd
    run -0 --separate-stderr among_peers "$hide_others"'
        start_docker --add-runtime "crank=$CRANK_BIN/crank-oci" --default-runtime crank
        docker load -i "$CRANK_TEST_DIR/box.tar" >&2
        docker run --rm --network none box sh -c "echo hello; echo error >&2; exit 7" || echo "code $?"
        echo input | docker run -i --rm --network none -u 1000:1001 box sh -c "id -u; cat"
        docker run -t --rm --network none box tty | tr -d "\r"
        docker run --rm box ip -o -4 addr show eth0 | grep -c inet
        docker run -d --memory 64m --cpus 0.5 --pids-limit 50 --name bee box sleep 1000 >&2
        docker exec bee cat /proc/1/comm
        docker exec -u 1000 bee id -u
        docker exec bee sh -c "exit 9" || echo "code $?"
        docker exec -t bee tty | tr -d "\r"
        docker inspect --format "{{.State.Status}} {{.HostConfig.Runtime}}" bee
        docker pause bee >&2
        docker inspect --format "{{.State.Status}}" bee
        docker unpause bee >&2
        docker update --memory 100m --memory-swap 100m bee >&2
        cat /sys/fs/cgroup/memory/$group/*/memory.limit_in_bytes || docker stats --no-stream bee
        docker top bee -o pid | sed -n 1p
        docker kill bee >&2
        docker wait bee
        docker rm bee >&2
        docker run --rm --network none box nosuch >&2 || echo "code $?"
        docker run --rm --network none box /etc >&2 || echo "code $?"
        docker run --rm --init --network none box sh -c "cat /proc/1/comm"
        docker ps -aq'
    printf '%s\n' hello "code 7" 1000 input /dev/pts/0 1 sleep 1000 "code 9" /dev/pts/0 "running crank" \
        paused 104857600 PID 137 "code 127" "code 126" docker-init >wanted
    diff wanted <(printf '%s\n' "$output")
}
