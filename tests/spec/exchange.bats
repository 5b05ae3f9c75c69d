#!/usr/bin/env bats
# Images that other engines read and run.

# shellcheck disable=SC2154 # worker_answer is of tests/lib/build.bash
bats_require_minimum_version 1.5.0
load ../lib/peers

setup_file() {
    crank_setup_file
    worker_image
}
setup() { crank_setup; }
teardown() { crank_teardown; }
teardown_file() { crank_teardown_file; }

@test "crank itself runs the worker that the others are given" {
    run -0 crank run --rm --network none worker
    [ "$output" = "$worker_answer" ]
}

@test "podman loads both kinds of archive, with the same id, and runs them" {
    require podman command -v podman
    local format
    for format in oci-archive docker-archive; do
        crank save --format "$format" -o "$format.tar" worker
        run -0 --separate-stderr among_peers "
            podman load -q -i '$format.tar' >&2
            podman image inspect --format '{{.Id}}' worker
            podman run --rm --network none worker
            podman rmi -f worker >&2"
        [ "sha256:${lines[0]}" = "$(crank images -q --no-trunc worker)" ]
        [ "${lines[1]}" = "$worker_answer" ]
    done
}

@test "docker loads the archive, with the same id, and runs it" {
    require dockerd command -v dockerd
    crank save -o image.tar worker
    run -0 --separate-stderr among_peers "
        start_docker
        docker load -i image.tar >&2
        docker image inspect --format '{{.Id}}' worker
        docker run --rm --network none worker"
    [ "${lines[0]}" = "$(crank images -q --no-trunc worker)" ]
    [ "${lines[1]}" = "$worker_answer" ]
}

@test "an image comes back from podman and docker as it went" {
    require podman command -v podman
    require dockerd command -v dockerd
    crank save -o image.tar worker
    run -0 --separate-stderr among_peers "
        start_docker
        docker load -i image.tar >&2
        docker save -o from-docker.tar worker
        podman load -q -i image.tar >&2
        podman save -q --format docker-archive -o from-podman.tar worker
        podman save -q --format oci-archive -o from-podman-oci.tar worker"
    local archive
    for archive in from-docker from-podman from-podman-oci; do
        crank --root "$CRANK_TEST_DIR/$archive" load -q -i "$archive.tar"
        [ "$(crank --root "$CRANK_TEST_DIR/$archive" images -q --no-trunc)" = \
            "$(crank images -q --no-trunc worker)" ]
    done
}
