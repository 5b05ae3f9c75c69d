#!/usr/bin/env bats
# Images of real engines: out of podman's storage without podman, out of docker through its socket.

# shellcheck disable=SC2154 # worker_answer is of tests/lib/build.bash
bats_require_minimum_version 1.5.0
load ../lib/peers

setup_file() {
    crank_setup_file
    worker_image
    can_run >/dev/null 2>&1 || return 0
    crank save -o "$CRANK_TEST_DIR/worker.tar" worker
}
setup() { crank_setup; }
teardown() { crank_teardown; }
teardown_file() { crank_teardown_file; }

there() { crank --root "$CRANK_TEST_DIR/there-$BATS_TEST_NUMBER" "$@"; }
id_there() { there images -q --no-trunc "$1"; }

@test "podman's images come out of its storage, with the same id, and run" {
    require podman command -v podman
    # one that was loaded, and one that podman has built on it: its layers are podman's own
    cat >Dockerfile.podman <<'DOCKERFILE'
FROM localhost/worker
COPY Dockerfile.podman /a/very/long/directory/name/that/does/not/fit/into/the/hundred/bytes/of/a/tar/header/file
COPY --chown=1000:1001 worker /copied
ENV BUILT=here
DOCKERFILE
    run -0 --separate-stderr among_peers "
        podman load -q -i worker.tar >&2
        podman tag worker localhost/worker
        podman build -q -t built -f Dockerfile.podman . >&2
        podman image inspect --format '{{.Id}}' built"
    local id=${lines[0]}
    local storage="containers-storage:[overlay@$CRANK_TEST_DIR/peers/podman]"
    run -0 --separate-stderr there import "${storage}worker"
    [ "$(id_there localhost/worker)" = "$(crank images -q --no-trunc worker)" ]
    run -0 there run --rm --network none localhost/worker
    [ "$output" = "$worker_answer" ]
    run -0 --separate-stderr there import "${storage}built" built:1
    [ "$output" = "Loaded image: built:1" ]
    [ "$(id_there built:1)" = "sha256:$id" ]
    run -0 there image verify
    # all at once
    run -0 --separate-stderr crank --root "$CRANK_TEST_DIR/all" import --all "$storage"
    [[ $output == *"Loaded image: localhost/built:latest"* ]]
    [ "$(crank --root "$CRANK_TEST_DIR/all" images -q --no-trunc worker | sort -u)" = "$(crank images -q --no-trunc worker)" ]
    # what is not there, and what has been changed in place
    run ! there import "${storage}nowhere"
    [[ $output == *"there is no image 'nowhere'"*"it has "*localhost/built:latest* ]]
    run ! there import containers-storage:"[$CRANK_TEST_DIR/nowhere]built"
    [[ $output == *"there is no container storage in $CRANK_TEST_DIR/nowhere"* ]]
    mkdir nobody && chown 65534 nobody
    run ! as_nobody crank --root "$CRANK_TEST_DIR/nobody/root" --state "$CRANK_TEST_DIR/nobody/state" import "${storage}built"
    [[ $output == *"Permission denied"*"podman save NAME | crank load"* ]]
    local file layer
    file=$(find peers/podman/overlay -path '*/diff/copied/answer.sh')
    layer=$(cut -d/ -f4 <<<"$file")
    sed -i 's/uid/UID/' "$file"
    run ! crank --root "$CRANK_TEST_DIR/fresh" import "${storage}built"
    [[ $output == *"layer $layer of $CRANK_TEST_DIR/peers/podman"*"digest"* ]]
    [ -z "$(crank --root "$CRANK_TEST_DIR/fresh" images -q)" ]
    [ -z "$(find "$CRANK_TEST_DIR/fresh/l" "$CRANK_TEST_DIR/fresh/tmp" -mindepth 1)" ]
}

@test "the storage is found as storage.conf says, and vfs is read too" {
    require skopeo command -v skopeo
    run -0 among_peers '
        skopeo --insecure-policy copy -q oci-archive:worker.tar \
            "containers-storage:[vfs@$PWD/vfs+/run/vfs]localhost/worker:latest"'
    printf '[storage]\ndriver = "vfs"\ngraphroot = "$WHERE/vfs"\n' >storage.conf
    export WHERE=$CRANK_TEST_DIR
    export CONTAINERS_STORAGE_CONF=$CRANK_TEST_DIR/storage.conf
    run -0 --separate-stderr there import containers-storage:worker worker
    [ "$(id_there worker)" = "$(crank images -q --no-trunc worker)" ]
    echo '[storage' >storage.conf
    run ! there import containers-storage:worker
    [[ $output == *"$CONTAINERS_STORAGE_CONF: line 1:"* ]]
}

@test "podman and docker take the image out of a layout, with the same id" {
    require podman command -v podman
    require dockerd command -v dockerd
    crank save --format oci-dir -o layout worker
    run -0 --separate-stderr among_peers "
        podman pull -q oci:layout:latest | tee id
        podman run --rm --network none \$(cat id)
        start_docker
        skopeo --insecure-policy copy -q oci:layout:latest docker-daemon:worker:latest
        docker image inspect --format '{{.Id}}' worker
        docker run --rm --network none worker"
    local id
    id=$(crank images -q --no-trunc worker)
    [ "sha256:${lines[0]}" = "$id" ]
    [ "${lines[1]}" = "$worker_answer" ]
    [ "${lines[2]}" = "$id" ]
    [ "${lines[3]}" = "$worker_answer" ]
}

@test "docker's images come through its socket, with the same id, and run" {
    require dockerd command -v dockerd
    run -0 --separate-stderr among_peers "
        start_docker
        docker load -q -i worker.tar >&2
        docker tag worker example.org/second:1
        docker image inspect --format '{{.Id}}' worker
        crank --root '$CRANK_TEST_DIR/there-$BATS_TEST_NUMBER' import docker://worker:latest
        crank --root '$CRANK_TEST_DIR/there-$BATS_TEST_NUMBER' import docker-daemon:example.org/second:1 mine:2
        crank --root '$CRANK_TEST_DIR/there-$BATS_TEST_NUMBER' import -q docker://\$(docker images -q --no-trunc worker)
        crank --root '$CRANK_TEST_DIR/there-$BATS_TEST_NUMBER' import docker://nowhere:1 || true
        crank --root '$CRANK_TEST_DIR/all-docker' import --all docker:// >&2"
    local id
    id=$(crank images -q --no-trunc worker)
    [ "${lines[0]}" = "$id" ]
    [ "${lines[1]}" = "Loaded image: worker:latest" ]
    [ "${lines[2]}" = "Loaded image: mine:2" ]
    [ "${lines[3]}" = "$id" ]
    # shellcheck disable=SC2154 # run sets it
    [[ $stderr == *"has no image 'nowhere:1'"*"crank pull nowhere:1"* ]]
    [ "$(crank --root "$CRANK_TEST_DIR/all-docker" images -q --no-trunc example.org/second:1)" = "$id" ]
    [ "$(id_there worker)" = "$id" ]
    [ "$(id_there mine:2)" = "$id" ]
    run -0 there run --rm --network none worker
    [ "$output" = "$worker_answer" ]
}
