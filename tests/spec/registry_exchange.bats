#!/usr/bin/env bats
# Other engines and crank exchange images through one registry: configuration and manifest digests
# stay what they are.

# shellcheck disable=SC2154 # start_registry sets the host

bats_require_minimum_version 1.5.0
load ../lib/registry

has_registry() { command -v docker-registry; }
setup_file() {
    crank_setup_file
    has_registry >/dev/null && can_run >/dev/null 2>&1 && is_root || return 0
    start_registry shared
    box_image
    local context=$CRANK_TEST_DIR/worker
    # shellcheck disable=SC2016 # for the shell inside
    worker_context "$context" \
        'echo "uid $(id -u), $(ls -ld answer.sh | cut -d" " -f1)$(ls /bin/vi 2>/dev/null)"'
    crank build -q -t "$shared_HOST/from-crank:1" "$context" >/dev/null
    crank push -q "$shared_HOST/from-crank:1" >"$CRANK_TEST_DIR/pushed"
    cp "$CRANK_TEST_DIR/authority/ca.pem" "$CRANK_TEST_DIR/authority/ca.crt"
}
setup() {
    require docker-registry has_registry
    crank_setup
    export CERTS=$CRANK_TEST_DIR/certs
    mkdir -p "$CERTS"
    cp "$CRANK_TEST_DIR/authority/ca.pem" "$CERTS/ca.crt"
    # the peers' own loopback has a registry of the same data
    export BESIDE="docker-registry serve '$CRANK_TEST_DIR/registry-shared/config.yml' >registry.log 2>&1 &
        until curl -ksf https://$shared_HOST/v2/ >/dev/null; do sleep 0.1; done"
}
teardown() { crank_teardown; }
teardown_file() {
    stop_servers
    crank_teardown_file
}

answer='uid 1000, -rwxr-x---'
other() { crank --root "$CRANK_TEST_DIR/other-$BATS_TEST_NUMBER" "$@"; }
digest_of() { skopeo inspect --cert-dir "$CERTS" --format '{{.Digest}}' "docker://$shared_HOST/$1"; }
# comes_as NAME ID: crank pulls it, and it is that image and runs.
comes_as() {
    other pull -q "$shared_HOST/$1" >/dev/null
    [ "$(image_id "$shared_HOST/$1" "$CRANK_TEST_DIR/other-$BATS_TEST_NUMBER")" = "$2" ]
    run -0 other run --rm --network none "$shared_HOST/$1"
    [ "$output" = "$answer" ]
}

@test "skopeo reads what crank pushes, and crank what skopeo copies, digests unchanged" {
    require skopeo command -v skopeo
    id=$(image_id "$shared_HOST/from-crank:1")
    [ "1: digest: $(digest_of from-crank:1) size: $(skopeo inspect --cert-dir "$CERTS" --raw \
        "docker://$shared_HOST/from-crank:1" | wc -c)" = "$(cat "$CRANK_TEST_DIR/pushed")" ]
    skopeo copy -q --src-cert-dir "$CERTS" "docker://$shared_HOST/from-crank:1" oci:layout:1
    skopeo copy -q --dest-cert-dir "$CERTS" oci:layout:1 "docker://$shared_HOST/from-skopeo:1"
    [ "$(digest_of from-skopeo:1)" = "$(digest_of from-crank:1)" ]
    comes_as from-skopeo:1 "$id"
}

# goes_on REFERENCE ID: crank pulls it, and pushes it to another repository there with its digest.
goes_on() {
    other pull -q "$1" >/dev/null
    [ "$(image_id "$1" "$CRANK_TEST_DIR/other-$BATS_TEST_NUMBER")" = "$2" ]
    other tag "$1" "${1%:1}-again:1"
    run -0 --separate-stderr other push -q "${1%:1}-again:1"
    [[ $stderr != *"compressed again"* ]]
    [ "$(skopeo inspect --cert-dir "$CERTS" --raw "docker://${1%:1}-again:1" | sha256sum)" = \
        "$(skopeo inspect --cert-dir "$CERTS" --raw "docker://$1" | sha256sum)" ]
}

@test "Docker's schema 2 and layers of zstd come in, and go out as they came" {
    require skopeo command -v skopeo
    id=$(image_id "$shared_HOST/from-crank:1")
    skopeo copy -q --src-cert-dir "$CERTS" --dest-cert-dir "$CERTS" --format v2s2 \
        "docker://$shared_HOST/from-crank:1" "docker://$shared_HOST/schema2:1"
    # where skopeo finds no blob of gzip to use again
    start_registry second
    skopeo copy -q --src-cert-dir "$CERTS" --dest-decompress \
        "docker://$shared_HOST/from-crank:1" "dir:$CRANK_TEST_DIR/plain"
    skopeo copy -q --dest-cert-dir "$CERTS" --format oci --dest-compress-format zstd \
        "dir:$CRANK_TEST_DIR/plain" "docker://$second_HOST/zstd:1"
    run -0 skopeo inspect --cert-dir "$CERTS" --raw "docker://$second_HOST/zstd:1"
    [[ $output == *"tar+zstd"* ]]
    goes_on "$shared_HOST/schema2:1" "$(skopeo inspect --cert-dir "$CERTS" --raw \
        "docker://$shared_HOST/schema2:1" | jq -r .config.digest)"
    rm -r "$CRANK_TEST_DIR/other-$BATS_TEST_NUMBER"
    goes_on "$second_HOST/zstd:1" "$id"
    run -0 other run --rm --network none "$second_HOST/zstd:1"
    [ "$output" = "$answer" ]
    # elsewhere the bytes are not to be had: it says so, and it is the same image
    other tag "$second_HOST/zstd:1" "$shared_HOST/was-zstd:1"
    run -0 --separate-stderr other push -q "$shared_HOST/was-zstd:1"
    [[ $stderr == *"the layers were compressed again"* ]]
    crank --root "$CRANK_TEST_DIR/third" pull -q "$shared_HOST/was-zstd:1"
    [ "$(image_id "$shared_HOST/was-zstd:1" "$CRANK_TEST_DIR/third")" = "$id" ]
}

@test "an index: the machine's image is chosen, --platform chooses another" {
    require skopeo command -v skopeo
    small_image "$shared_HOST/multi:amd" "amd"
    crank push -q "$shared_HOST/multi:amd"
    local raw arm config
    raw=$(skopeo inspect --cert-dir "$CERTS" --raw "docker://$shared_HOST/multi:amd")
    skopeo copy -q --src-cert-dir "$CERTS" "docker://$shared_HOST/multi:amd" oci:arm:1
    # the same layer under a configuration for arm64
    config=$(jq -r .config.digest <<<"$raw")
    python3 - arm "$config" <<'END'
import hashlib, json, sys
blobs = sys.argv[1] + "/blobs/sha256/"
put = lambda d: (open(blobs + hashlib.sha256(d).hexdigest(), "wb").write(d), hashlib.sha256(d).hexdigest(), len(d))[1:]
config = json.load(open(blobs + sys.argv[2].split(":")[1]))
config["architecture"] = "arm64"
index = json.load(open(sys.argv[1] + "/index.json"))
manifest = json.load(open(blobs + index["manifests"][0]["digest"].split(":")[1]))
digest, size = put(json.dumps(config).encode())
manifest["config"].update(digest="sha256:" + digest, size=size)
digest, size = put(json.dumps(manifest).encode())
index["manifests"][0].update(digest="sha256:" + digest, size=size)
json.dump(index, open(sys.argv[1] + "/index.json", "w"))
END
    skopeo copy -q --dest-cert-dir "$CERTS" oci:arm:1 "docker://$shared_HOST/multi:arm"
    arm=$(skopeo inspect --cert-dir "$CERTS" --raw "docker://$shared_HOST/multi:arm")
    jq -n --arg amd "$(digest_of multi:amd)" --arg arm "$(digest_of multi:arm)" \
        --argjson a "$(printf %s "$raw" | wc -c)" --argjson b "$(printf %s "$arm" | wc -c)" '
        {schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: [
        {mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $arm, size: $b,
         platform: {os: "linux", architecture: "arm64"}},
        {mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $amd, size: $a,
         platform: {os: "linux", architecture: "amd64"}},
        {mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $arm, size: $b,
         platform: {os: "unknown", architecture: "unknown"},
         annotations: {"vnd.docker.reference.type": "attestation-manifest"}}]}' >index.json
    curl -sf --cacert "$CERTS/ca.crt" -X PUT --data-binary @index.json \
        -H 'Content-Type: application/vnd.oci.image.index.v1+json' \
        "https://$shared_HOST/v2/multi/manifests/1"
    run -0 --separate-stderr other pull "$shared_HOST/multi:1"
    [ "${lines[0]}" = "Digest: sha256:$(sha256sum index.json | cut -d' ' -f1)" ]
    [ "$(image_id "$shared_HOST/multi:1" "$CRANK_TEST_DIR/other-$BATS_TEST_NUMBER")" = \
        "$(jq -r .config.digest <<<"$raw")" ]
    other pull -q --platform linux/arm64 "$shared_HOST/multi:1"
    [ "$(image_id "$shared_HOST/multi:1" "$CRANK_TEST_DIR/other-$BATS_TEST_NUMBER")" = \
        "$(jq -r .config.digest <<<"$arm")" ]
    run -1 --separate-stderr other pull --platform linux/s390x "$shared_HOST/multi:1"
    [[ $stderr == *"no image for linux/s390x, only for linux/arm64, linux/amd64"* ]]
}

@test "podman pulls and runs what crank pushes, and crank what podman pushes" {
    require podman command -v podman
    id=$(image_id "$shared_HOST/from-crank:1")
    run -0 --separate-stderr among_peers "$BESIDE
        podman pull -q --cert-dir '$CERTS' $shared_HOST/from-crank:1
        podman run --rm --network none $shared_HOST/from-crank:1
        podman push -q --cert-dir '$CERTS' $shared_HOST/from-crank:1 $shared_HOST/from-podman:1 >&2
        podman push -q --cert-dir '$CERTS' --format v2s2 $shared_HOST/from-crank:1 \
            $shared_HOST/from-podman:2 >&2
        kill %1"
    [ "sha256:${lines[0]}" = "$id" ]
    [ "${lines[1]}" = "$answer" ]
    comes_as from-podman:1 "$id"
    comes_as from-podman:2 "$id"
}

@test "docker pulls and runs what crank pushes, and crank what docker pushes" {
    require dockerd command -v dockerd
    id=$(image_id "$shared_HOST/from-crank:1")
    run -0 --separate-stderr among_peers "$BESIDE
        start_docker
        docker pull -q $shared_HOST/from-crank:1 >&2
        docker image inspect --format '{{.Id}}' $shared_HOST/from-crank:1
        docker run --rm --network none $shared_HOST/from-crank:1
        docker tag $shared_HOST/from-crank:1 $shared_HOST/from-docker:1
        docker push -q $shared_HOST/from-docker:1 >&2
        kill %1"
    [ "${lines[0]}" = "$id" ]
    [ "${lines[1]}" = "$answer" ]
    comes_as from-docker:1 "$id"
}
