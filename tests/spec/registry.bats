#!/usr/bin/env bats
# Images to and from a registry: Debian's docker-registry, with TLS of an own authority and htpasswd.
# shellcheck disable=SC2154 # start_registry and start_hostile set the hosts
bats_require_minimum_version 1.5.0
load ../lib/registry

has_registry() { command -v docker-registry; }
setup_file() {
    crank_setup_file
    has_registry >/dev/null || return 0
    start_registry open
    start_registry closed auth
    box_image
}
setup() {
    require docker-registry has_registry
    cd "$CRANK_TEST_DIR" || return 1
    rm -rf "$HOME/.docker"
}
teardown() {
    if [ -z "${BATS_TEST_COMPLETED:-}" ]; then printf '%s\n' "${output:-}" "${stderr:-}" >&2; fi
}
teardown_file() {
    stop_servers
    crank_teardown_file
}

other() { crank --root "$CRANK_TEST_DIR/other-$BATS_TEST_NUMBER" "$@"; }
log_in() { crank login -u user --password-stdin "$closed_HOST" <<<"pass word" 2>/dev/null; }

@test "an image comes back from a registry as it went, by tag and by digest" {
    small_image "$open_HOST/team/app:1" "first"
    run -0 --separate-stderr crank push "$open_HOST/team/app:1"
    [[ $output =~ ^"1: digest: sha256:"[0-9a-f]{64}" size: "[0-9]+$ ]]
    digest=$(cut -d' ' -f3 <<<"$output")
    run -0 --separate-stderr other pull "$open_HOST/team/app:1"
    [ "${lines[0]}" = "Digest: $digest" ]
    [ "${lines[1]}" = "Status: Downloaded newer image for $open_HOST/team/app:1" ]
    [ "${lines[2]}" = "$open_HOST/team/app:1" ]
    [ "$(image_id "$open_HOST/team/app:1" "$CRANK_TEST_DIR/other-$BATS_TEST_NUMBER")" = \
        "$(image_id "$open_HOST/team/app:1")" ]
    run -0 other inspect -f '{{index .RepoDigests 0}}' "$open_HOST/team/app:1"
    [ "$output" = "$open_HOST/team/app@$digest" ]
    run -0 --separate-stderr other pull "$open_HOST/team/app:1"
    [ "${lines[1]}" = "Status: Image is up to date for $open_HOST/team/app:1" ]
    rm -r "$CRANK_TEST_DIR/other-$BATS_TEST_NUMBER"
    run -0 --separate-stderr other pull -q "$open_HOST/team/app@$digest"
    [ "$output" = "$open_HOST/team/app@$digest" ]
    other save -o x.tar "$open_HOST/team/app@$digest"
    # pushed again it is the same, and so it is from the other store
    other tag "$open_HOST/team/app@$digest" "$open_HOST/team/app:2"
    run -0 --separate-stderr other push "$open_HOST/team/app:2"
    [[ $output == "2: digest: $digest size: "* ]]
}

@test "name:tag@digest takes the digest, and a wrong one is an error" {
    small_image "$open_HOST/team/pinned:1" "pinned"
    digest=$(crank push -q "$open_HOST/team/pinned:1" | cut -d' ' -f3)
    run -0 --separate-stderr other pull -q "$open_HOST/team/pinned:1@$digest"
    wrong=sha256:$(printf 'a%.0s' {1..64})
    run -1 --separate-stderr other pull "$open_HOST/team/pinned@$wrong"
    [[ $stderr == *"has no manifest of team/pinned $wrong"* ]]
    run ! other pull "$open_HOST/team/pinned@sha256:../../etc"
    [[ $output == *"invalid image reference"* ]]
}

@test "without a login a registry that wants one is named, with the command to type" {
    small_image "$closed_HOST/app:1"
    run -1 --separate-stderr crank push "$closed_HOST/app:1"
    [[ $stderr == *"https://$closed_HOST wants a login"* ]]
    [[ $stderr == *"hint: crank login $closed_HOST"* ]]
    run -1 --separate-stderr crank pull "$closed_HOST/nothing:1"
    [[ $stderr == *"hint: crank login $closed_HOST"* ]]
}

@test "login keeps what the registry accepts, as Docker keeps it, and logout forgets it" {
    run -1 --separate-stderr crank login -u user --password-stdin "$closed_HOST" <<<"wrong"
    [[ $stderr == *"does not accept this user and password"* ]]
    [ ! -e "$HOME/.docker/config.json" ]
    mkdir -p "$HOME/.docker"
    echo '{"HttpHeaders": {"a": "b"}}' >"$HOME/.docker/config.json"
    run -0 --separate-stderr crank login -u user --password-stdin "$closed_HOST" <<<"pass word"
    [ "$output" = "Login Succeeded" ]
    [[ $stderr == *"unencrypted in $HOME/.docker/config.json"* ]]
    [ "$(stat -c %a "$HOME/.docker/config.json")" = 600 ]
    [ "$(jq -r ".auths[\"$closed_HOST\"].auth" "$HOME/.docker/config.json" | base64 -d)" = "user:pass word" ]
    [ "$(jq -r .HttpHeaders.a "$HOME/.docker/config.json")" = b ]
    small_image "$closed_HOST/app:1"
    crank push -q "$closed_HOST/app:1"
    other pull -q "$closed_HOST/app:1"
    run -0 crank logout "$closed_HOST"
    [ "$output" = "Removing login credentials for $closed_HOST" ]
    run -0 crank logout "$closed_HOST"
    [ "$output" = "Not logged in to $closed_HOST" ]
    run -1 crank push "$closed_HOST/app:1"
}

@test "credentials are read where docker and podman keep them" {
    small_image "$closed_HOST/app:1"
    auth="{\"auths\": {\"$closed_HOST\": {\"auth\": \"$(printf 'user:pass word' | base64)\"}}}"
    mkdir -p docker podman "$HOME/.config/containers"
    echo "$auth" >docker/config.json
    DOCKER_CONFIG=$PWD/docker run -0 crank push -q "$closed_HOST/app:1"
    echo "$auth" >podman/auth.json
    REGISTRY_AUTH_FILE=$PWD/podman/auth.json run -0 crank push -q "$closed_HOST/app:1"
    echo "$auth" >"$HOME/.config/containers/auth.json"
    run -0 crank push -q "$closed_HOST/app:1"
    rm "$HOME/.config/containers/auth.json"
    run -1 crank push -q "$closed_HOST/app:1"
    echo '{"auths": {"x": {"auth": "c2VjcmV0IQ=="}}}' >docker/config.json
    DOCKER_CONFIG=$PWD/docker run -1 crank push -q "$closed_HOST/app:1"
    [[ $output == *"docker/config.json: 'auths.x.auth' is not base64 of user:password"* ]]
    [[ $output != *c2VjcmV0* ]]
}

# helper NAME: a docker-credential-NAME that keeps one login in a file.
helper() {
    mkdir -p bin
    cat >"bin/docker-credential-$1" <<END
#!/bin/sh
echo "\$1" >>"$PWD/helper.log"
case \$1 in
store) cat >"$PWD/helper.data" ;;
get) cat >/dev/null
    [ -e "$PWD/helper.data" ] || { echo "credentials not found in native keychain"; exit 1; }
    cat "$PWD/helper.data" ;;
erase) cat >/dev/null; rm "$PWD/helper.data" ;;
esac
END
    chmod +x "bin/docker-credential-$1"
}

@test "credential helpers store, get and erase" {
    helper keeper
    mkdir -p "$HOME/.docker"
    echo '{"credsStore": "keeper"}' >"$HOME/.docker/config.json"
    export PATH=$PWD/bin:$PATH
    small_image "$closed_HOST/app:1"
    run -1 crank push -q "$closed_HOST/app:1"
    log_in
    [ "$(jq -r .Username helper.data)" = user ]
    run -0 jq -e ".auths[\"$closed_HOST\"] == {}" "$HOME/.docker/config.json"
    run -0 crank push -q "$closed_HOST/app:1"
    run -0 crank logout "$closed_HOST"
    [ ! -e helper.data ]
    echo "{\"credHelpers\": {\"$closed_HOST\": \"keeper\"}}" >"$HOME/.docker/config.json"
    log_in
    run -0 crank push -q "$closed_HOST/app:1"
}

@test "helpers of registries.conf are asked in its order, and login stores in the first" {
    helper keeper
    rm -f helper.data
    export PATH=$PWD/bin:$PATH CONTAINERS_REGISTRIES_CONF=$PWD/registries.conf
    small_image "$closed_HOST/app:1"
    echo 'credential-helpers = ["keeper", "containers-auth.json"]' >registries.conf
    run -1 crank push -q "$closed_HOST/app:1"
    log_in
    [ "$(jq -r .Username helper.data)" = user ]
    [ ! -e "$HOME/.docker/config.json" ]
    run -0 crank push -q "$closed_HOST/app:1"
    run -0 crank logout "$closed_HOST"
    [ ! -e helper.data ]
    # the files have their turn where they stand in the list, and not where they do not
    mkdir -p "$HOME/.docker"
    echo "{\"auths\": {\"$closed_HOST\": {\"auth\": \"$(printf 'user:pass word' | base64)\"}}}" \
        >"$HOME/.docker/config.json"
    run -0 crank push -q "$closed_HOST/app:1"
    echo 'credential-helpers = ["keeper"]' >registries.conf
    small_image "$closed_HOST/app:2" other
    run -1 --separate-stderr crank push -q "$closed_HOST/app:2"
    [[ $stderr == *"wants a login"* ]]
    # a helper that is missing is not passed over
    echo 'credential-helpers = ["gone", "containers-auth.json"]' >registries.conf
    run -1 --separate-stderr crank push -q "$closed_HOST/app:2"
    [[ $stderr == *"docker-credential-gone is not installed"* ]]
}

@test "a credential helper that is missing or fails is an error, and nothing is asked without it" {
    small_image "$open_HOST/app:1"
    mkdir -p "$HOME/.docker" bin
    small_image "$closed_HOST/app:1"
    # the file holds a login too: it must not take the helper's place (CVE-2021-41092)
    echo "{\"credsStore\": \"gone\", \"auths\": {\"$closed_HOST\":
        {\"auth\": \"$(printf 'user:pass word' | base64)\"}}}" >"$HOME/.docker/config.json"
    run -1 --separate-stderr crank push -q "$closed_HOST/app:1"
    [[ $stderr == *"the credential helper docker-credential-gone is not installed"* ]]
    printf '#!/bin/sh\necho secret-in-output; exit 1\n' >bin/docker-credential-gone
    chmod +x bin/docker-credential-gone
    PATH=$PWD/bin:$PATH run -1 --separate-stderr crank push -q "$closed_HOST/app:1"
    [[ $stderr == *"docker-credential-gone failed to get"* ]]
    [[ $stderr != *secret-in-output* ]]
    # a registry that wants no login is not affected
    run -0 crank push -q "$open_HOST/app:1"
}

@test "a certificate of an unknown authority is refused, unless that was asked for" {
    small_image "$open_HOST/app:1"
    mv "$HOME/.config/containers/certs.d/$open_HOST" away
    run -1 --separate-stderr crank push -q "$open_HOST/app:1"
    mv away "$HOME/.config/containers/certs.d/$open_HOST"
    [[ $stderr == *"the certificate of https://$open_HOST is not trusted"* ]]
    [[ $stderr == *"/etc/docker/certs.d/$open_HOST/ca.crt"* ]]
    mv "$HOME/.config/containers/certs.d/$open_HOST" away
    run -0 crank push -q --tls-verify=false "$open_HOST/app:1"
    mv away "$HOME/.config/containers/certs.d/$open_HOST"
}

@test "without its certificate trusted: pull, login, search and verify take --tls-verify=false" {
    small_image "$open_HOST/loose:1"
    crank push -q "$open_HOST/loose:1"
    if is_root; then rotten_image "$open_HOST/loose:2"; fi
    local certs=$HOME/.config/containers/certs.d
    mv "$certs/$open_HOST" open-away
    mv "$certs/$closed_HOST" closed-away
    run -1 other pull "$open_HOST/loose:1"
    run -0 other pull -q --tls-verify=false --policy missing "$open_HOST/loose:1"
    run -0 other pull -q --policy never "$open_HOST/loose:1"
    run -1 other pull --policy never "$open_HOST/nowhere:1"
    run -2 other pull --policy often "$open_HOST/loose:1"
    [[ $output == *"--policy"*often* ]]
    run ! other pull --tls-verify=false --platform x/y/z/w "$open_HOST/loose:1"
    [[ $output == *"x/y/z/w"* ]]
    run -1 crank search "$open_HOST/loose"
    run -0 --separate-stderr crank search --tls-verify=false --format '{{.Name}}' "$open_HOST/loose"
    [ "$output" = "$open_HOST/loose" ]
    run -1 crank login -u user --password-stdin "$closed_HOST" <<<"pass word"
    run -0 crank login --tls-verify=false -u user --password-stdin "$closed_HOST" <<<"pass word"
    mv closed-away "$certs/$closed_HOST"
    if is_root; then
        run -0 --separate-stderr crank image verify --repair --tls-verify=false "$open_HOST/loose:2"
        [[ $output == "repaired: "* ]]
    fi
    mv open-away "$certs/$open_HOST"
}

@test "build --push sends the image under each of its names, --metadata-file has its digest" {
    require "root, for builds" is_root
    mkdir -p pushed
    printf 'FROM scratch\nCOPY file /file\n' >pushed/Dockerfile
    echo pushed >pushed/file
    run -0 --separate-stderr crank build -q --push --metadata-file meta.json -t "$open_HOST/built:1" -t "$open_HOST/built:2" pushed
    id=$output
    digest=$(jq -r '."containerimage.digest"' meta.json)
    [ "$digest" != "$id" ]
    for tag in 1 2; do
        run -0 --separate-stderr other pull "$open_HOST/built:$tag"
        [ "${lines[0]}" = "Digest: $digest" ]
        [ "$(image_id "$open_HOST/built:$tag" "$CRANK_TEST_DIR/other-$BATS_TEST_NUMBER")" = "$id" ]
    done
    run -0 --separate-stderr crank build -q --output "type=registry,name=$open_HOST/built:3" pushed
    run -0 other pull -q "$open_HOST/built:3"
    run -1 --separate-stderr crank build --push -t "$closed_HOST/built:1" pushed
    [[ $stderr == *"$closed_HOST"* ]]
}

@test "a registry that wants a client certificate gets the one of certs.d" {
    start_registry members client-certificates
    local certs=$HOME/.config/containers/certs.d/$members_HOST
    small_image "$members_HOST/app:1"
    run -1 --separate-stderr crank push -q "$members_HOST/app:1"
    cp "$CRANK_TEST_DIR/authority/server.pem" "$certs/client.cert"
    run -1 --separate-stderr crank push -q "$members_HOST/app:1"
    [[ $stderr == *"client.cert has no key beside it"* ]]
    cp "$CRANK_TEST_DIR/authority/server.key" "$certs/client.key"
    crank push -q "$members_HOST/app:1"
    run -0 other pull -q "$members_HOST/app:1"
}

# Decision 21. What it may not do in force: sandbox_test.cpp.
@test "who reads what registries send is confined, and the keeper of secrets is another" {
    case ${CRANK_PRESET:-} in asan | tsan) skip "a build with sanitizers has no sandbox" ;; esac
    run -0 python3 - <<'END'
import os, socket, subprocess, time
ours, theirs = socket.socketpair()
os.dup2(theirs.fileno(), 3)
os.set_inheritable(3, True)
program = subprocess.Popen(["crank-net", "registry", "--lanes=1"], pass_fds=[3])
def status(pid):
    with open(f"/proc/{pid}/status") as file:
        return dict(map(str.strip, line.split(":", 1)) for line in file)
until = time.monotonic() + 20
def wait(pid, field, value):
    while status(pid)[field] != value:
        assert time.monotonic() < until and program.poll() is None, status(pid)
        time.sleep(0.01)
wait(program.pid, "Seccomp", "2")
shown = status(program.pid)
assert shown["NoNewPrivs"] == "1" and int(shown["CapEff"], 16) == int(shown["CapPrm"], 16) == 0, shown
children = open(f"/proc/{program.pid}/task/{program.pid}/children").read().split()
assert len(children) == 1, children
wait(children[0], "NoNewPrivs", "1")
ours.close(); theirs.close(); os.close(3)
program.wait(20)
while os.path.exists(f"/proc/{children[0]}") and status(children[0])["State"][0] not in "ZX":
    assert time.monotonic() < until
    time.sleep(0.01)
END
}

@test "what a push need not send it does not: existing blobs, and those of another repository" {
    small_image "$open_HOST/mount/a:1" "to be mounted"
    crank push -q "$open_HOST/mount/a:1"
    crank tag "$open_HOST/mount/a:1" "$open_HOST/mount/b:1"
    run -0 --separate-stderr crank push "$open_HOST/mount/b:1"
    [[ $stderr == *"already there"* && $stderr != *"pushing"* ]]
    run -0 --separate-stderr crank push "$open_HOST/mount/b:1"
    [[ $stderr != *"pushing"* ]]
    run -0 other pull -q "$open_HOST/mount/b:1"
}

@test "layers leave as zstd where that is asked for, and everybody reads them" {
    small_image "$open_HOST/zstd/app:1" "$(seq 1 20000)"
    crank push -q --compression-format zstd "$open_HOST/zstd/app:1"
    skopeo_raw() { skopeo inspect --tls-verify=false --raw "docker://$open_HOST/zstd/app:$1"; }
    run -0 skopeo_raw 1
    [ "$(jq -r '.layers[].mediaType' <<<"$output")" = application/vnd.oci.image.layer.v1.tar+zstd ]
    [ "$(jq -r '.annotations["io.crank.encoder"]' <<<"$output")" = zstd-1 ]
    run -0 other pull -q "$open_HOST/zstd/app:1"
    [ "$(image_id "$open_HOST/zstd/app:1" "$CRANK_TEST_DIR/other-$BATS_TEST_NUMBER")" = \
        "$(image_id "$open_HOST/zstd/app:1")" ]
    skopeo copy -q --src-tls-verify=false "docker://$open_HOST/zstd/app:1" \
        "oci:$CRANK_TEST_DIR/layout-zstd:1"
    # what is there is not compressed again, and the other form is made where it is asked for
    run -0 --separate-stderr crank push --compression-format zstd "$open_HOST/zstd/app:1"
    [[ $stderr == *"already there"* && $stderr != *"pushing"* ]]
    crank tag "$open_HOST/zstd/app:1" "$open_HOST/zstd/app:2"
    run -0 --separate-stderr crank push -q --compression-format gzip "$open_HOST/zstd/app:2"
    run -0 skopeo_raw 2
    [ "$(jq -r '.layers[].mediaType' <<<"$output")" = application/vnd.oci.image.layer.v1.tar+gzip ]
    run -2 --separate-stderr crank push --compression-format xz "$open_HOST/zstd/app:1"
    [[ $stderr == *"--compression-format xz: crank writes gzip and zstd"* ]]
}

@test "what refers to an image is listed, also where the registry has no list of its own" {
    small_image "$open_HOST/subject/app:1"
    run -0 --separate-stderr crank push "$open_HOST/subject/app:1"
    local subject artifact
    digest_in() { sed -n 's/.*digest: \(sha256:[0-9a-f]*\).*/\1/p' <<<"$output"; }
    subject=$(digest_in)
    run -0 --separate-stderr crank image referrers "$open_HOST/subject/app:1"
    [ "${#lines[@]}" -eq 1 ] # the headings
    # Debian's registry has no list (it is older than distribution-spec 1.1): a tag stands for it
    small_image "$open_HOST/subject/app:list" "the artifact"
    run -0 --separate-stderr crank push "$open_HOST/subject/app:list"
    artifact=$(digest_in)
    printf '{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{"mediaType": "application/vnd.oci.image.manifest.v1+json", "size": 512,
        "digest": "%s", "artifactType": "application/spdx+json"}]}' "$artifact" >referrers.json
    curl -sf --cacert "$CRANK_TEST_DIR/authority/ca.pem" -X PUT --data-binary @referrers.json \
        -H 'Content-Type: application/vnd.oci.image.index.v1+json' \
        "https://$open_HOST/v2/subject/app/manifests/${subject/:/-}"
    run -0 --separate-stderr crank image referrers --no-trunc "$open_HOST/subject/app:1"
    [[ ${lines[1]} == "$artifact"*application/spdx+json*512B ]]
    run -0 --separate-stderr crank image referrers -q "$open_HOST/subject/app@$subject"
    [ "$output" = "$artifact" ]
    run -0 --separate-stderr crank image referrers --tls-verify=false --format '{{.Digest}}' "$open_HOST/subject/app:1"
    [ "$output" = "$artifact" ]
    run -1 --separate-stderr crank image referrers "$open_HOST/subject/missing:1"
    [[ $stderr == *"has no"* ]]
}

@test "a derived image is pushed without its base: the registry has that" {
    require "root, for builds" is_root
    small_image "$open_HOST/mount/base:1" "a base"
    crank push -q "$open_HOST/mount/base:1"
    mkdir -p derived
    printf 'FROM %s/mount/base:1\nCOPY Dockerfile /more\n' "$open_HOST" >derived/Dockerfile
    crank build -q -t "$open_HOST/mount/derived:1" derived
    run -0 --separate-stderr crank push "$open_HOST/mount/derived:1"
    [ "$(grep -c 'already there' <<<"$stderr")" -eq 1 ]
    [ "$(grep -c ': pushed' <<<"$stderr")" -eq 1 ]
    run -0 other pull -q "$open_HOST/mount/derived:1"
}

@test "names that are nobody's registry are not pushed, nor is an alias" {
    small_image mine:1
    run -1 --separate-stderr crank push mine:1
    [[ $stderr == *"mine:1 names no registry of yours"* ]]
    crank config set alias.team/x:1 mine:1
    run -1 --separate-stderr crank push team/x:1
    [[ $stderr == *"team/x:1 stands for mine:1 here"* ]]
    crank config unset alias.team/x:1
    run -1 --separate-stderr crank push "$open_HOST/never/made:1"
    [[ $stderr == *"no such image: $open_HOST/never/made:1"* ]]
}

@test "FROM gets what is missing, and --pull what has changed" {
    require "root, for builds" is_root
    small_image "$open_HOST/base:1" "old"
    crank push -q "$open_HOST/base:1"
    crank rmi "$open_HOST/base:1"
    mkdir -p from
    printf 'FROM %s/base:1\nLABEL a=b\n' "$open_HOST" >from/Dockerfile
    run -0 --separate-stderr crank build -q -t derived from
    [[ $stderr == *"pulled"* || -n $output ]]
    old=$(image_id "$open_HOST/base:1")
    CRANK_ROOT=$CRANK_TEST_DIR/other-$BATS_TEST_NUMBER small_image "$open_HOST/base:1" "new"
    other push -q "$open_HOST/base:1"
    run -0 crank build -q -t derived from
    [ "$(image_id "$open_HOST/base:1")" = "$old" ]
    run -0 crank build -q --pull -t derived from
    [ "$(image_id "$open_HOST/base:1")" != "$old" ]
}

@test "run gets what is missing; --pull=never does not, always looks again" {
    require "root, for containers" is_root
    crank tag box "$open_HOST/box:1"
    crank push -q "$open_HOST/box:1"
    crank rmi "$open_HOST/box:1"
    run -125 --separate-stderr crank run --rm --network none --pull=never "$open_HOST/box:1" true
    [[ $stderr == *"no such image: $open_HOST/box:1"* ]]
    run -0 --separate-stderr crank run --rm --network none "$open_HOST/box:1" echo hello
    [ "$output" = hello ]
    [[ $stderr == *"unable to find image '$open_HOST/box:1' locally"* ]]
    run -0 --separate-stderr crank run --rm --network none --pull=always "$open_HOST/box:1" echo hello
    [ "$output" = hello ]
    run -125 --separate-stderr crank run --rm --pull=sometimes "$open_HOST/box:1" true
    [[ $stderr == *"missing, always, never or newer"* ]]
    run -125 --separate-stderr crank run --rm --pull=always "$open_HOST/none:1" true
    [[ $stderr == *"no such image: $open_HOST/none:1, and it cannot be pulled"* ]]
}

# gone_registry NAME: an address at which nobody answers
gone_registry() { echo "127.0.0.1:1/$1"; }

@test "run --pull=newer takes what the registry has, or what is here" {
    require "root, for containers" is_root
    small_image "$open_HOST/newer:1" "old"
    crank push -q "$open_HOST/newer:1"
    old=$(image_id "$open_HOST/newer:1")
    CRANK_ROOT=$CRANK_TEST_DIR/other-$BATS_TEST_NUMBER small_image "$open_HOST/newer:1" "new"
    other push -q "$open_HOST/newer:1"
    run -0 crank build -q --pull=missing -t derived - <<<"FROM $open_HOST/newer:1"
    [ "$(image_id "$open_HOST/newer:1")" = "$old" ]
    run -0 crank build -q --pull=newer -t derived - <<<"FROM $open_HOST/newer:1"
    [ "$(image_id "$open_HOST/newer:1")" != "$old" ]
    crank tag box "$(gone_registry box:1)"
    run -0 --separate-stderr crank run --rm --network none --pull=newer "$(gone_registry box:1)" echo here
    [ "$output" = here ]
    [[ $stderr == *"warning: whether there is a newer $(gone_registry box:1) is not known: "* ]]
    run -0 --separate-stderr crank build -q --pull=newer - <<<"FROM $(gone_registry box:1)"
    [[ $stderr == *"warning: whether there is a newer $(gone_registry box:1) is not known: "* ]]
    run -125 --separate-stderr crank run --rm --network none --pull=newer "$(gone_registry none:1)" true
    [[ $stderr == *"no such image: $(gone_registry none:1), and it cannot be pulled"* ]]
}

@test "build --pull=never asks nobody; a policy that there is not is an error" {
    run -1 --separate-stderr crank build -q --pull=never - <<<"FROM $open_HOST/nosuch:1"
    [[ $stderr == *"no such image: $open_HOST/nosuch:1"* ]]
    [[ $stderr != *"cannot be pulled"* ]]
    run ! --separate-stderr crank build -q --pull=sometimes - <<<"FROM scratch"
    [[ $stderr == *'--pull="sometimes": missing, always, never or newer'* ]]
}

@test "pull --policy: whether the registry is asked" {
    small_image "$open_HOST/policy:1" "old"
    crank push -q "$open_HOST/policy:1"
    run -1 --separate-stderr other pull --policy never "$open_HOST/policy:1"
    [[ $stderr == *"no such image: $open_HOST/policy:1"*"hint: leave out --policy never"* ]]
    run -0 --separate-stderr other pull --policy missing "$open_HOST/policy:1"
    [[ $output == *"Status: Downloaded newer image for $open_HOST/policy:1"* ]]
    old=$(image_id "$open_HOST/policy:1")
    small_image "$open_HOST/policy:1" "new"
    crank push -q "$open_HOST/policy:1"
    for policy in missing never; do
        run -0 --separate-stderr other pull --policy $policy "$open_HOST/policy:1"
        [ "$output" = "$open_HOST/policy:1" ]
        [ "$(image_id "$open_HOST/policy:1" "$CRANK_TEST_DIR/other-$BATS_TEST_NUMBER")" = "$old" ]
    done
    run -0 --separate-stderr other pull --policy newer "$open_HOST/policy:1"
    [[ $output == *"Status: Downloaded newer image for $open_HOST/policy:1"* ]]
    [ "$(image_id "$open_HOST/policy:1" "$CRANK_TEST_DIR/other-$BATS_TEST_NUMBER")" != "$old" ]
    other tag "$open_HOST/policy:1" "$(gone_registry policy:1)"
    run -0 --separate-stderr other pull --policy newer "$(gone_registry policy:1)"
    [[ $stderr == *"warning: whether there is a newer $(gone_registry policy:1) is not known: "* ]]
    run -1 --separate-stderr other pull --policy always "$(gone_registry policy:1)"
    run -2 --separate-stderr other pull --policy sometimes "$open_HOST/policy:1"
    [[ $stderr == *'--policy="sometimes": missing, always, never or newer'* ]]
}

@test "storage.max is looked at where run has pulled, before the container starts" {
    require "root, for containers" is_root
    crank tag box "$open_HOST/box:limit"
    crank push -q "$open_HOST/box:limit"
    for policy in missing always; do
        crank rmi "$open_HOST/box:limit"
        crank config set storage.max 1k
        run -125 --separate-stderr crank run --rm --network none --pull=$policy \
            "$open_HOST/box:limit" echo hello
        crank config unset storage.max
        [ -z "$output" ]
        [[ $stderr == *"images with a tag or a container need "*"storage.max is 1.02kB"* ]]
        # what was pulled is there
        crank run --rm --network none --pull=never "$open_HOST/box:limit" true
    done
    [ -z "$(crank ps -aq)" ]
}

# spoil FILE...: other bytes, the same length and time
spoil() {
    local file stamp=$CRANK_TEST_DIR/stamp
    for file in "$@"; do
        touch -r "$file" "$stamp"
        tr '\0-\377' '\1-\377\0' <"$file" | dd of="$file" conv=notrunc status=none
        touch -r "$stamp" "$file"
    done
}
# rotten_image NAME: an image of two layers, pushed, whose upper one is damaged here alone
rotten_image() {
    local context=$CRANK_TEST_DIR/rotten
    mkdir -p "$context"
    printf 'FROM box\nCOPY data other /\nCMD ["sleep", "1000"]\n' >"$context/Dockerfile"
    echo "content of $1" >"$context/data"
    echo "something else" >"$context/other"
    crank build -q -t "$1" "$context" >/dev/null
    crank push -q "$1" >/dev/null
    rotten=$(find "$CRANK_ROOT/l" -path '*/fs/data' -exec grep -lx "content of $1" {} +)
    spoil "$rotten"
}

@test "image verify --repair takes a damaged layer from the registry of its image, and nothing else" {
    require "root, for builds" is_root
    rotten_image "$open_HOST/team/rotten:1"
    id=$(image_id "$open_HOST/team/rotten:1")
    crank tag "$open_HOST/team/rotten:1" mine:1
    run -1 --separate-stderr crank image verify
    [[ $output == "damaged: file data of layer sha256:"*"$open_HOST/team/rotten:1"* ]]
    run -0 --separate-stderr crank image verify --repair
    [[ $output == "repaired: file data of layer sha256:"* ]]
    [ "$(grep -c 'pulled' <<<"$stderr")" -le 1 ]
    run -0 --separate-stderr crank image verify
    [[ $output == *"no damage" ]]
    [ "$(image_id "$open_HOST/team/rotten:1")" = "$id" ]
    [ "$(image_id mine:1)" = "$id" ]
    [ "$(crank run --rm --network none mine:1 cat /data)" = "content of $open_HOST/team/rotten:1" ]
}

@test "what a registry does not have any more stays damaged, and the reason is named" {
    require "root, for builds" is_root
    rotten_image "$open_HOST/team/lost:1"
    # shellcheck disable=SC2154 # start_registry sets it
    mv "$open_DATA/docker/registry/v2/repositories/team/lost" "$CRANK_TEST_DIR/lost"
    run -1 --separate-stderr crank image verify --repair "$open_HOST/team/lost:1"
    [[ ${lines[0]} == "damaged: file data of layer sha256:"* ]]
    [[ $stderr == *"not repaired from $open_HOST/team/lost@sha256:"*" has no manifest of team/lost"* ]]
    [[ $stderr == *"hint: crank pull $open_HOST/team/lost:1, or load or build it again"* ]]
    mv "$CRANK_TEST_DIR/lost" "$open_DATA/docker/registry/v2/repositories/team/lost"
    run -0 --separate-stderr crank image verify --repair "$open_HOST/team/lost:1"
    [[ ${lines[0]} == "repaired: "* ]]
}

@test "a container keeps the files of a layer that is repaired under it" {
    require "root, for containers" is_root
    rotten_image "$open_HOST/team/used:1"
    crank run -d --name user --network none "$open_HOST/team/used:1" >/dev/null
    run -0 --separate-stderr crank image verify --repair
    [[ $output == "repaired: "* ]]
    # whatever the next commands sweep
    crank image verify -q
    crank prune -f >/dev/null
    [ "$(crank exec user cat /other)" = "something else" ]
    [ -e "$rotten" ]
    crank rm -f user
    until=$((SECONDS + CRANK_LEFT_DEADLINE))
    while [ -e "$rotten" ] && [ "$SECONDS" -lt "$until" ]; do crank image verify -q; done
    [ ! -e "$rotten" ]
    [ "$(crank run --rm --network none "$open_HOST/team/used:1" cat /data)" = \
        "content of $open_HOST/team/used:1" ]
}

@test "registries.conf leads names: mirrors, aliases, search, blocked, insecure" {
    small_image "$open_HOST/hub/library/thing:1" "mirrored"
    crank push -q "$open_HOST/hub/library/thing:1"
    cat >registries.conf <<END
unqualified-search-registries = ["$open_HOST/nothing", "$open_HOST/hub/library"]
[[registry]]
prefix = "registry.invalid"
location = "registry.invalid"
[[registry.mirror]]
location = "$open_HOST/hub/library"
[[registry]]
location = "blocked.invalid"
blocked = true
[aliases]
"other" = "$open_HOST/hub/library/thing"
END
    export CONTAINERS_REGISTRIES_CONF=$PWD/registries.conf
    run -0 --separate-stderr other pull -q registry.invalid/thing:1
    [ "$output" = "registry.invalid/thing:1" ]
    # a short name keeps Docker's long one, wherever it came from
    run -0 --separate-stderr other pull -q thing:1
    [ "$output" = "docker.io/library/thing:1" ]
    run -0 --separate-stderr other pull -q other:1
    run -1 --separate-stderr other pull -q blocked.invalid/thing:1
    [[ $stderr == *"registries.conf blocks blocked.invalid"* ]]
    echo 'broken' >registries.conf
    run -1 --separate-stderr other pull -q thing:1
    [[ $stderr == *"$PWD/registries.conf: line 1: '=' is expected after the name"* ]]
}

@test "two pulls of one image at once both succeed" {
    small_image "$open_HOST/twice:1" "$(head -c 3000000 /dev/urandom | base64)"
    crank push -q "$open_HOST/twice:1"
    other pull -q "$open_HOST/twice:1" >a.out 2>&1 &
    local first=$!
    other pull -q "$open_HOST/twice:1" >b.out 2>&1
    wait "$first"
    run -0 other save -o "twice-$BATS_TEST_NUMBER.tar" "$open_HOST/twice:1"
}

@test "a full disk is an error, and the store is as it was" {
    require "root, to mount a small file system" is_root
    head -c 6000000 /dev/urandom >random
    small_image "$open_HOST/large:1" "$(base64 random)"
    crank push -q "$open_HOST/large:1"
    small_image "$open_HOST/small:1" "small"
    crank push -q "$open_HOST/small:1"
    mkdir small
    mount -t tmpfs -o size=6m tmpfs small
    local result=0
    (
        export CRANK_ROOT=$PWD/small
        crank pull -q "$open_HOST/small:1"
        before=$(crank images -q)
        run -1 --separate-stderr crank pull -q "$open_HOST/large:1"
        [[ ${stderr,,} == *"no space left on device"* ]]
        [ "$(crank images -q)" = "$before" ]
        [ -z "$(ls "$CRANK_ROOT/tmp")" ]
        [ "$(find "$CRANK_ROOT/l" -mindepth 1 -maxdepth 1 | wc -l)" -eq 1 ]
        crank save -o saved.tar "$open_HOST/small:1"
    ) || result=1
    umount -l small
    return "$result"
}

@test "the proxy of the environment is used" {
    small_image "$open_HOST/app:1"
    run -1 --separate-stderr env https_proxy=http://127.0.0.1:9 crank push -q "$open_HOST/app:1"
    [[ $stderr == *"cannot reach https://$open_HOST"* ]]
    run -0 env https_proxy=http://127.0.0.1:9 no_proxy=127.0.0.1 crank push -q "$open_HOST/app:1"
}

@test "a terminal gets bars with rates, everything else plain lines" {
    head -c 3000000 /dev/urandom >random
    small_image "$open_HOST/shown:1" "$(base64 random)"
    crank push -q "$open_HOST/shown:1"
    run -0 --separate-stderr other pull "$open_HOST/shown:1"
    [[ $stderr =~ [0-9a-f]{12}": pulling "[0-9.]+MB ]]
    [[ $stderr =~ [0-9a-f]{12}": pulled "[0-9.]+"MB, "[0-9.]+[kMG]"B/s" ]]
    [[ $stderr != *$'\e'* ]]
    rm -r "$CRANK_TEST_DIR/other-$BATS_TEST_NUMBER"
    run -0 env -u CI TERM=xterm script -qec \
        "crank --root '$CRANK_TEST_DIR/other-$BATS_TEST_NUMBER' pull '$open_HOST/shown:1'" /dev/null
    [[ $output == *$'\e[J'* ]]
    [[ $output =~ [0-9a-f]{12}" ["=*">" ]]
}

@test "a pull killed at any switch leaves the old image or the new, and the next pull repairs" {
    small_image "$open_HOST/killed:1" "old"
    crank push -q "$open_HOST/killed:1"
    old=$(image_id "$open_HOST/killed:1")
    local point
    for point in store.layer.before_rename store.layer.before_commit store.layer.after_commit \
        transfer.pull.before_image store.add_image.after_sync store.add_image.before_commit \
        store.add_image.after_commit; do
        export CRANK_ROOT=$CRANK_TEST_DIR/killed-$point
        crank --root "$CRANK_TEST_DIR/root" tag "$old" "$open_HOST/killed:1"
        crank --root "$CRANK_TEST_DIR/root" push -q "$open_HOST/killed:1"
        crank pull -q "$open_HOST/killed:1"
        CRANK_ROOT=$CRANK_TEST_DIR/root small_image "$open_HOST/killed:1" "new $point"
        crank --root "$CRANK_TEST_DIR/root" push -q "$open_HOST/killed:1"
        new=$(image_id "$open_HOST/killed:1" "$CRANK_TEST_DIR/root")
        CRANK_CRASH_AT=$point run -137 crank pull -q "$open_HOST/killed:1"
        now=$(image_id "$open_HOST/killed:1")
        [ "$now" = "$old" ] || [ "$now" = "$new" ]
        # with where it came from: it can be repaired from there
        [[ $(crank inspect -f '{{index .RepoDigests 0}}' "$now") == "$open_HOST/killed@sha256:"* ]]
        crank save -o killed.tar "$open_HOST/killed:1"
        crank pull -q "$open_HOST/killed:1"
        [ "$(image_id "$open_HOST/killed:1")" = "$new" ]
        [ -z "$(ls "$CRANK_ROOT/tmp")" ]
    done
}
