#!/usr/bin/env bats
# Images that come from layouts, archives and root file systems, and layouts that they leave in.

bats_require_minimum_version 1.5.0
load ../lib/registry

setup() {
    common_setup
    small_image worker:1.2
    ID=$(image_id worker:1.2)
}
teardown() {
    stop_servers
    common_teardown
}

# Another store: what is imported there has come from outside.
there() { crank --root "$CRANK_TEST_DIR/there" "$@"; }
nothing_there() {
    [ -z "$(there images -q)" ]
    [ -z "$(find "$CRANK_TEST_DIR/there/l" "$CRANK_TEST_DIR/there/tmp" -mindepth 1 2>/dev/null)" ]
}
# manifest_digest FILE: of the first image of an index.
manifest_digest() { jq -r '.manifests[0].digest' "$1"; }
skopeo() { command skopeo --insecure-policy "$@"; }

@test "an image goes through a layout: skopeo and umoci read it, and it comes back" {
    require skopeo command -v skopeo
    require umoci command -v umoci
    crank save --format oci-dir -o layout worker:1.2
    [ "$(skopeo inspect --raw --config oci:layout:1.2)" = "$(cat "layout/blobs/sha256/${ID#sha256:}")" ]
    skopeo copy -q oci:layout:1.2 dir:copy # reads every blob and verifies its digest
    umoci unpack --rootless --image layout:1.2 bundle
    [ "$(cat bundle/rootfs/file)" = content ]
    run -0 --separate-stderr there import oci:layout:1.2
    [ "$output" = "Loaded image: worker:1.2" ]
    [ "$(image_id worker:1.2 there)" = "$ID" ]
}

@test "what skopeo writes is imported with its id, and keeps its manifest where it can" {
    require skopeo command -v skopeo
    crank save -o worker.tar worker:1.2
    skopeo copy -q oci-archive:worker.tar oci:zipped:latest
    skopeo copy -q --dest-decompress oci-archive:worker.tar dir:plain
    skopeo copy -q oci-archive:worker.tar oci-archive:a.tar:example.org/w:1
    skopeo copy -q oci-archive:worker.tar docker-archive:d.tar:example.org/d:1
    local source
    for source in oci:zipped oci:zipped:latest dir:plain oci-archive:a.tar docker-archive:d.tar; do
        run -0 --separate-stderr there import "$source" "x:${source//[:.]/-}"
        [ "$output" = "Loaded image: x:${source//[:.]/-}" ]
        [ "$(image_id "x:${source//[:.]/-}" there)" = "$ID" ]
        there rmi "x:${source//[:.]/-}" >/dev/null
        nothing_there
    done
    # its own names, where they are names
    run -0 --separate-stderr there import oci-archive:a.tar
    [ "$output" = "Loaded image: example.org/w:1" ]
    run -0 --separate-stderr there import docker-archive:d.tar:example.org/d:1
    [ "$output" = "Loaded image: example.org/d:1" ]
    # uncompressed, with a manifest of somebody else's
    crank save --format oci-dir -o noted worker:1.2
    umoci config --image noted:1.2 --tag 2 --manifest.annotation made=elsewhere --config.env A=c
    manifest=$(jq -r '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == "2").digest' noted/index.json)
    there import oci:noted:2 noted:1
    [ "$(there inspect --type image -f '{{index .RepoDigests 0}}' noted:1)" = "noted@$manifest" ]
    there save --format oci-dir -o again noted:1
    [ "$(manifest_digest again/index.json)" = "$manifest" ]
    there save --format oci-archive noted:1 | tar -xO index.json >index.json
    [ "$(manifest_digest index.json)" = "$manifest" ]
}

@test "an image out of a layout is pushed with the manifest that it came with" {
    require docker-registry command -v docker-registry
    require umoci command -v umoci
    start_registry open
    crank save --format oci-dir -o layout worker:1.2
    umoci config --image layout:1.2 --tag 2 --manifest.annotation made=elsewhere
    local manifest
    manifest=$(jq -r '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == "2").digest' layout/index.json)
    # shellcheck disable=SC2154 # start_registry sets it
    there import oci:layout:2 "$open_HOST/w:2"
    run -0 --separate-stderr there push "$open_HOST/w:2"
    [[ $output == "2: digest: $manifest size: "* ]]
    # what was loaded is sent as ever, compressed
    crank save --format oci-archive worker:1.2 | crank --root other load -q
    crank --root other tag worker:1.2 "$open_HOST/w:3"
    crank --root other push -q "$open_HOST/w:3"
    [[ $(skopeo inspect --cert-dir "$HOME/.config/containers/certs.d/$open_HOST" --raw "docker://$open_HOST/w:3") == *tar+gzip* ]]
}

@test "an image without a name is told, and --quiet prints its id" {
    require skopeo command -v skopeo
    crank save -o worker.tar worker:1.2
    skopeo copy -q oci-archive:worker.tar oci:layout:latest
    run -0 --separate-stderr there import oci:layout
    [ "$output" = "Loaded image ID: $ID" ]
    [[ $stderr == *"crank tag ${ID:7:12} NAME"* ]]
    run -0 --separate-stderr there import -q oci:layout:latest worker
    [ "$output" = "$ID" ]
    [ -z "$stderr" ]
    [ "$(image_id worker:latest there)" = "$ID" ]
}

@test "images are added to a layout; one name in it is one image" {
    small_image other:1.2 other
    crank save --format oci-dir -o layout worker:1.2
    crank save --format oci-dir -o layout other:1.2
    run -0 --separate-stderr there import oci:layout:1.2
    [ "$output" = "Loaded image: worker:1.2" ]
    run -0 --separate-stderr there import oci:layout:other:1.2
    [ "$output" = "Loaded image: other:1.2" ]
    run ! there import oci:layout
    [[ $output == *"several images"*"1.2, docker.io/library/other:1.2"* ]]
    run ! there import oci:layout:3
    [[ $output == *"layout has no image '3'"*"1.2, docker.io/library/other:1.2"* ]]
}

@test "a bad layout is refused by name, and nothing is left" {
    crank save --format oci-dir -o good worker:1.2
    local manifest layer config
    manifest=$(manifest_digest good/index.json)
    layer=$(jq -r '.layers[0].digest' "good/blobs/sha256/${manifest#sha256:}")
    config=$(jq -r '.config.digest' "good/blobs/sha256/${manifest#sha256:}")
    bad() { # NAME: a copy to damage
        rm -rf bad
        cp -r good bad
    }
    refused() { # TEXT...
        run ! there import oci:bad
        local text
        for text in "$@"; do [[ $output == *"$text"* ]] || return 1; done
        nothing_there
    }
    bad && sed -i 's/content/CONTENT/' "bad/blobs/sha256/${layer#sha256:}"
    refused "layer $layer" "digest"
    bad && rm "bad/blobs/sha256/${layer#sha256:}"
    refused "bad has no file 'blobs/sha256/${layer#sha256:}'"
    bad && truncate -s -1 "bad/blobs/sha256/${config#sha256:}"
    refused "blob $config of bad has" "bytes, not"
    bad && sed -i 's/linux/lxnux/' "bad/blobs/sha256/${config#sha256:}"
    refused "blob $config of bad has the digest"
    bad && rm bad/oci-layout
    refused "bad is no OCI layout: it has no oci-layout"
    bad && echo '{"imageLayoutVersion":"2.0.0"}' >bad/oci-layout
    refused "layout of version 2.0.0"
    bad && sed -i 's/image.manifest.v1/unknown.thing.v1/' bad/index.json
    refused "no image for linux/" "unknown.thing.v1+json"
    bad && echo '{"schemaVersion":2,"manifests":[]}' >bad/index.json
    refused "no image for linux/"
    bad && truncate -s 0 bad/index.json
    refused "not valid JSON"
    bad && head -c 5M /dev/zero >bad/index.json
    refused "larger than 4 MiB"
    bad && mv bad/blobs outside && ln -s "$PWD/outside" bad/blobs
    refused "bad has no file 'blobs/sha256/${manifest#sha256:}'"
    rm bad/blobs && mv outside bad/blobs && there import -q oci:bad # the twin that is good
}

@test "bad archives and places are refused by name, and nothing is left" {
    crank save --format oci-archive -o good.tar worker:1.2
    refused() { # SOURCE TEXT
        run ! there import "$1"
        [[ $output == *"$2"* ]]
        nothing_there
    }
    head -c 3000 good.tar >short.tar
    refused oci-archive:short.tar "importing oci-archive:short.tar"
    refused oci-archive:nowhere.tar "there is no file nowhere.tar"
    refused oci:nowhere "there is no directory nowhere"
    refused oci:good.tar "good.tar is not a directory"
    refused docker-archive:good.tar "no archive of docker's"
    refused oci-archive:good.tar:3 "good.tar has no image '3'"
    refused dir:"$CRANK_TEST_DIR" "no directory of skopeo's"
    refused oic:good.tar "there is no file oic:good.tar"
    [[ $output == *"did you mean oci:?"* ]]
    refused oci: "names no file or directory"
    run ! there import oci-archive:good.tar UPPER
    [[ $output == *UPPER* ]]
    run ! crank save --format oci-dir worker:1.2
    [[ $output == *"needs a directory"* ]]
    mkdir occupied && touch occupied/file
    run ! crank save --format oci-dir -o occupied worker:1.2
    [[ $output == *"neither an OCI layout nor empty"* ]]
    run ! crank save --format oci-dir -o new nowhere
    [[ $output == *"no such image: nowhere"* ]]
    [ ! -e new ]
}

# canned TARGET STATUS [FILE]: what the daemon of the test answers.
canned() {
    { printf 'HTTP/1.1 %s\r\nContent-Length: %s\r\n\r\n' "$2" "$(stat -c %s "${3:-/dev/null}")"; cat "${3:-/dev/null}"; } >"answers/$1"
}

@test "a daemon that is not there, has no such image, or lies leaves nothing" {
    refused() { # SOURCE TEXT
        run ! there import "$1"
        [[ $output == *"$2"* ]]
        nothing_there
    }
    export DOCKER_HOST=unix://$CRANK_TEST_DIR/docker.sock
    refused docker://worker "no Docker answers at $DOCKER_HOST"
    [[ $output == *"set DOCKER_HOST="* ]]
    refused docker:// "names no image"
    refused 'docker://a b' "a b"
    refused docker-daemon:../../version "importing docker-daemon:../../version"
    DOCKER_HOST=tcp://127.0.0.1:2375 refused docker://worker "only unix:// is supported"

    mkdir answers
    crank save -o worker.tar worker:1.2
    echo '{"Id":"sha256:'"${ID#sha256:}"'","RepoTags":["worker:1.2","else:1"]}' >inspect
    echo '{"message":"No such image: worker"}' >message
    python3 "$CRANK_SOURCE/tests/lib/canned_socket.py" docker.sock answers 3>&- &
    echo $! >daemon.pid
    local until=$((SECONDS + 20))
    until [ -S docker.sock ]; do
        [ "$SECONDS" -lt "$until" ]
        sleep 0.05
    done
    canned images_worker:1.2_json "404 Not Found" message
    refused docker://worker:1.2 "has no image 'worker:1.2'"
    [[ $output == *"crank pull worker:1.2"* ]]
    canned images_worker:1.2_json "500 Oh" message
    refused docker://worker:1.2 "answers 500: No such image: worker"
    canned images_worker:1.2_json "200 OK" worker.tar
    refused docker://worker:1.2 "the answer of $DOCKER_HOST"
    canned images_worker:1.2_json "200 OK" inspect
    refused docker://worker:1.2 "breaks off"
    canned images_worker:1.2_get "200 OK" inspect
    refused docker://worker:1.2 "the archive of Docker"
    canned images_worker:1.2_get "200 OK" worker.tar
    truncate -s -700 answers/images_worker:1.2_get
    refused docker://worker:1.2 "breaks off"
    sed 's/content/CONTENT/' worker.tar >changed.tar
    canned images_worker:1.2_get "200 OK" changed.tar
    refused docker://worker:1.2 "digest"
    small_image else:1 other
    crank save -o both.tar worker:1.2 else:1
    canned images_worker:1.2_get "200 OK" both.tar
    refused docker://worker:1.2 "several images"
    # of all, those that can be had come
    echo '[{"Id":"a","RepoTags":["nowhere:1"]},{"Id":"b","RepoTags":["worker:1.2","w:2"]},{"Id":"c","RepoTags":["<none>:<none>"]}]' >list
    canned images_json "200 OK" list
    canned images_worker:1.2_get "200 OK" worker.tar
    run -1 there import --all docker://
    [[ $output == *"importing nowhere:1: "*"Loaded image: worker:1.2"*"Loaded image: w:2"*"1 images without a name"* ]]
    there rmi worker:1.2 w:2
    nothing_there
    # the twin that is good; it gets the name that was asked for, and no other
    crank tag worker:1.2 else:1
    crank save -o two.tar worker:1.2 else:1
    canned images_worker:1.2_get "200 OK" two.tar
    run -0 --separate-stderr there import docker://worker:1.2
    [ "$output" = "Loaded image: worker:1.2" ]
    [ "$(image_id worker:1.2 there)" = "$ID" ]
    [ "$(there images -q | wc -l)" = 1 ]
}

@test "a root file system becomes an image of one layer: its tar, byte for byte" {
    mkdir -p tree/etc
    echo text >tree/etc/file
    tar -C tree --sort=name --mtime=@1000 --owner=0 --group=0 -cf root.tar .
    run -0 --separate-stderr there import root.tar os:1 \
        --change 'CMD ["/bin/sh"]' -c 'ENV A=b' --message "by hand"
    [[ $output =~ ^sha256:[0-9a-f]{64}$ ]]
    [ "$(image_id os:1 there)" = "$output" ]
    local id=$output
    run -0 there inspect --type image os:1
    [ "$(jq -r '.[0].RootFS.Layers[0]' <<<"$output")" = "sha256:$(sha256sum <root.tar | cut -d' ' -f1)" ]
    [ "$(jq -c '.[0].Config.Cmd' <<<"$output")" = '["/bin/sh"]' ]
    there save os:1 | tar -xO "blobs/sha256/${id#sha256:}" >config
    [ "$(jq -r '.history[0].comment' config)" = "by hand" ]
    [ "$(jq -c '.config.Env' config)" = '["A=b"]' ]
    # compressed, or through a pipe, it is the same image
    gzip -k root.tar
    zstd -q root.tar
    xz -k root.tar
    bzip2 -k root.tar
    local -a same=(--change 'CMD ["/bin/sh"]' -c 'ENV A=b' --message "by hand")
    for file in root.tar.gz root.tar.zst root.tar.xz root.tar.bz2; do
        [ "$(there import "$file" "${same[@]}" 2>/dev/null)" = "$id" ]
        [ "$(there import - "${same[@]}" 2>/dev/null <"$file")" = "$id" ]
        # shellcheck disable=SC2002 # a pipe, not a file
        [ "$(cat "$file" | there import - "${same[@]}" 2>/dev/null)" = "$id" ]
    done
    # it says what it does, in plain lines where there is no terminal
    run -0 --separate-stderr crank --root elsewhere import root.tar
    [[ $stderr =~ [0-9a-f]{12}": importing "[0-9.]+kB ]]
    [[ $stderr =~ [0-9a-f]{12}": imported "[0-9.]+kB ]]
    run -0 --separate-stderr crank --root elsewhere import -q root.tar
    [ -z "$stderr" ]
    run -0 --separate-stderr there import root.tar
    [[ $stderr == *"already here"* ]]
    [[ $stderr == *"crank tag ${output:7:12} NAME"* ]]
}

@test "what is no root file system is refused by name, and nothing is left" {
    refused() { # TEXT ARGUMENT...
        local text=$1
        shift
        run ! there import "$@"
        [[ $output == *"$text"* ]]
        nothing_there
    }
    mkdir tree
    echo text >tree/file
    tar -C tree -cf root.tar .
    crank save -o image.tar worker:1.2
    refused "image.tar is an archive of images" image.tar x
    [[ $output == *"crank import oci-archive:FILE"* ]]
    refused "there is no file nowhere.tar" nowhere.tar
    refused "tree is a directory" tree
    refused "crank pull" https://example.org/x.tar
    head -c 700 root.tar >short.tar
    refused "short.tar" short.tar
    head -c 2000 /dev/urandom >noise
    refused "noise" noise
    : >empty
    refused "empty" empty
    tar -cf none.tar -T /dev/null
    refused "none.tar holds no files" none.tar
    xz -k root.tar
    head -c -20 root.tar.xz >short.tar.xz
    refused "ends inside its xz stream" short.tar.xz
    bzip2 -k root.tar
    cat root.tar.bz2 noise >long.tar.bz2
    refused "not a valid bzip2 stream" long.tar.bz2
    refused "RUN changes no configuration" root.tar x --change 'RUN make'
    refused "UPPER" root.tar UPPER
    refused "--all is for docker://" root.tar --all
    refused "--all is for docker://" oci:layout --all
    refused "--all takes every image" --all docker://worker
    refused "digest for a name" root.tar "x@$ID"
    refused "--change is for a root file system" oci-archive:image.tar x -c 'CMD a'
    python3 - <<'PYTHON'
import io, tarfile
with tarfile.open("escape.tar", "w") as tar:
    info = tarfile.TarInfo("../outside")
    info.size = 1
    tar.addfile(info, io.BytesIO(b"x"))
PYTHON
    refused "../outside" escape.tar
    [ ! -e there/outside ]
    [ -n "$(there import root.tar 2>/dev/null)" ] # the twin that is good
}
