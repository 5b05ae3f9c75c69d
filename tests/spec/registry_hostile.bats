#!/usr/bin/env bats
# Registries that lie. Each attack has a benign twin, so that a refusal means something; after each
# refusal the store is as it was.

# shellcheck disable=SC2154 # start_registry and start_hostile set the hosts
bats_require_minimum_version 1.5.0
load ../lib/registry

setup_file() {
    crank_setup_file
    # the first repetition after a millisecond, a transfer that stands still for a second is over
    export CRANK_NET_RETRY_MS=1 CRANK_NET_STALL_SECONDS=1
    start_hostile plain
    start_hostile tls tls
}
setup() {
    cd "$CRANK_TEST_DIR" || return 1
    rm -rf "$HOME/.docker" "$CRANK_ROOT"
    : >"$plain_LOG"
    : >"$tls_LOG"
}
teardown() {
    if [ -z "${BATS_TEST_COMPLETED:-}" ]; then
        printf '%s\n' "${output:-}" "${stderr:-}" >&2
        cat "$plain_LOG" "$tls_LOG" >&2
    fi
}
teardown_file() {
    stop_servers
    common_teardown
}

# No layer, nothing half-written.
nothing_left() { [ -z "$(find "$CRANK_ROOT/l" "$CRANK_ROOT/tmp" -mindepth 1 | tee /dev/stderr)" ]; }
# refuses ATTACK TEXT [FLAG]: pulling it fails with the text, and nothing of it stays.
refuses() {
    run -1 --separate-stderr timeout 60 crank pull ${3:+"$3"} "${host:-$plain_HOST}/$1:1"
    [[ $stderr == *"$2"* ]] || { echo "$1: no '$2' in: $stderr"; return 1; }
    [ -z "$output" ]
    [ -z "$(crank images -q)" ]
    nothing_left
}
# accepts ATTACK [FLAG]: the image is there and whole.
accepts() {
    run -0 --separate-stderr timeout 60 crank pull ${2:+"$2"} "${host:-$plain_HOST}/$1:1"
    crank save -o saved.tar "${host:-$plain_HOST}/$1:1"
    crank rmi "${host:-$plain_HOST}/$1:1" >/dev/null
}
logged_in() {
    mkdir -p "$HOME/.docker"
    echo "{\"auths\": {\"$1\": {\"auth\": \"$(printf 'user:pass word' | base64)\"}}}" \
        >"$HOME/.docker/config.json"
}

@test "an honest image is pulled, also through an index" {
    accepts benign
    accepts index
    host=$tls_HOST accepts benign
}

@test "a blob of the wrong digest is refused" {
    refuses wrong-digest "arrived with the digest"
    refuses wrong-config "arrived with the digest"
}

@test "a blob of the wrong size is refused" {
    refuses longer "bytes, not the"
    refuses shorter "bytes, not the"
}

@test "a body without end is refused" {
    refuses endless "is longer than the"
}

@test "a transfer that always breaks off is given up; one that can be resumed is" {
    refuses truncated "broke off"
    accepts resumed
    # asked for what was missing, each time
    [ "$(grep -c ' bytes=[1-9][0-9]*- ' "$plain_LOG")" -ge 2 ]
    # a server that begins again at the first byte
    accepts restarted
}

@test "another part than was asked for is refused" {
    refuses resume-lies "sent another part of blob"
}

@test "a redirect to another origin is followed without the credentials" {
    accepts redirect
    logged_in "$plain_HOST"
    accepts redirect-login --tls-verify=false
    grep -q "^registry GET /v2/redirect-login/blobs.* Basic " "$plain_LOG"
    grep -q "^elsewhere GET " "$plain_LOG"
    run ! grep "^elsewhere.*Basic" "$plain_LOG"
}

@test "redirects in a circle, to nowhere, to files and out of TLS are refused" {
    refuses redirect-loop "redirects in a circle"
    refuses redirect-nowhere "redirects to nowhere"
    refuses redirect-file "redirects to nowhere"
    host=$tls_HOST refuses redirect "redirects to plain http"
}

@test "credentials are sent to the registry's own token service, encrypted, or not at all" {
    logged_in "$tls_HOST"
    host=$tls_HOST accepts token
    grep -q "^registry GET /token?service=s.* Basic " "$tls_LOG"
    : >"$tls_LOG"
    host=$tls_HOST refuses token-http "without encryption"
    host=$tls_HOST refuses token-elsewhere "wants its credentials sent to another host"
    host=$tls_HOST refuses token-file "is neither https nor http"
    run ! grep -E "Basic|^elsewhere" "$tls_LOG"
}

@test "credentials are not sent in the clear unless that was asked for" {
    logged_in "$plain_HOST"
    refuses login "credentials are not sent to http://$plain_HOST without encryption"
    run ! grep Basic "$plain_LOG"
    accepts login --tls-verify=false
    host=$tls_HOST
    logged_in "$tls_HOST"
    accepts login
}

@test "a malformed challenge is refused" {
    refuses broken-challenge "WWW-Authenticate"
}

@test "storms end: 503 after five attempts, a long Retry-After at once; what recovers is pulled" {
    refuses storm-503 "answers 503"
    [ "$(grep -c storm-503 "$plain_LOG")" -eq 5 ]
    refuses storm-429 "asks to wait 3600 s"
    [ "$(grep -c storm-429 "$plain_LOG")" -eq 1 ]
    accepts recovers
}

@test "a registry that gives a byte now and then is too slow" {
    refuses slow "is too slow"
}

@test "a list of referrers is read to its end, on its own host, and shown harmless" {
    run -0 --separate-stderr crank image referrers "$plain_HOST/referrers:1"
    [ "${#lines[@]}" -eq 3 ]
    [[ ${lines[1]} == *application/vnd.dev.cosign*1.02kB* ]]
    [[ ${lines[2]} == *spdx*2.05kB* && $output != *$'\e'* ]]
    run -0 --separate-stderr crank image referrers -q --artifact-type application/vnd.dev.cosign \
        "$plain_HOST/referrers:1"
    [[ $output =~ ^sha256:[0-9a-f]{64}$ ]]
    run -1 --separate-stderr crank image referrers "$plain_HOST/referrers-none:1"
    [[ $stderr == *"the list of referrers"* ]]
    run -1 --separate-stderr crank image referrers "$plain_HOST/referrers-endless:1"
    [[ $stderr == *"more than 64 pages"* ]]
    run -1 --separate-stderr crank image referrers "$plain_HOST/referrers-elsewhere:1"
    [[ $stderr == *"go on at another host, http://127.0.0.1:"* ]]
}

@test "manifests and configurations of more than 4 MiB are refused" {
    refuses large-manifest "larger than"
    refuses large-config "larger than 4 MiB"
}

@test "a document that two readers would read differently is refused" {
    refuses manifest-and-index "'manifests' may not stand in an image manifest"
    refuses other-type "the registry calls it"
    refuses no-type "which is no image manifest"
    [[ $stderr != *$'\e'* ]]
    refuses index-type "the registry calls it"
    refuses twin-keys "has the key 'layers' twice"
}

@test "a manifest is what its digest, its index and the registry's header say" {
    refuses stated-digest "instead of sha256:"
    refuses index-size "of its index"
    run -1 --separate-stderr crank pull "$plain_HOST/wrong-manifest@sha256:$(printf 'b%.0s' {1..64})"
    [[ $stderr == *"arrived with the digest"* ]]
}

@test "a digest that is a path is refused before anything is asked for it" {
    refuses digest-path "'layers[0].digest'"
    run ! grep passwd "$plain_LOG"
}

@test "the urls of foreign layers are not asked" {
    accepts foreign-urls
    run ! grep "^elsewhere" "$plain_LOG"
}

@test "a layer that is not what the configuration says is refused" {
    refuses wrong-diff-id "its content has the digest"
    refuses layer-count "layers, the configuration 2"
}

@test "what is no HTTP, or has no end of headers, is refused" {
    refuses no-http "127.0.0.1"
    refuses many-headers "128 KiB of headers"
}

# push_to ATTACK [FLAG]: of a small image.
push_to() {
    small_image "$plain_HOST/$1:1"
    run --separate-stderr timeout 60 crank push "$plain_HOST/$1:1"
}

@test "an upload goes where the registry is, and nowhere else" {
    push_to push
    [ "$status" -eq 0 ]
    push_to push-elsewhere
    [ "$status" -eq 1 ]
    [[ $stderr == *"wants the upload sent to another host"* ]]
    run ! grep "^elsewhere" "$plain_LOG"
    push_to push-nowhere
    [ "$status" -eq 1 ]
    [[ $stderr == *"names no place for the upload"* ]]
}

@test "an upload is tried again while that may help; what the registry says cannot move the cursor" {
    push_to push-recovers
    [ "$status" -eq 0 ]
    push_to push-storm
    [ "$status" -eq 1 ]
    [[ $stderr == *"answers 503 to blob"* ]]
    [ "$(grep -c "PUT /v2/push-storm" "$plain_LOG")" -eq 5 ]
    push_to push-denied
    [ "$status" -eq 1 ]
    [[ $stderr == *"denies an upload to push-denied: no [2J quota"* ]]
}

# push_large ATTACK BYTES: of an image that does not compress.
push_large() {
    printf 'FROM scratch\nCOPY file /file\n' >Dockerfile
    head -c "$2" /dev/urandom >file
    crank build -q -t "$plain_HOST/$1:1" . >/dev/null
    run --separate-stderr timeout 60 crank push "$plain_HOST/$1:1"
}
requests() { grep -c "$1 /v2/$2/blobs/uploads" "$plain_LOG"; }

@test "an upload that breaks off goes on where the registry has got to" {
    push_large push-breaks 1000000
    [ "$status" -eq 0 ]
    [[ $stderr == *"broke off"* ]]
    # the half that was missing, the end, and the configuration
    [ "$(requests PATCH push-breaks)" -eq 1 ]
    grep -E "PATCH .* [45][0-9]{5}-1000[0-9]{3} " "$plain_LOG"
    [ "$(requests PUT push-breaks)" -eq 3 ]
    # one that the registry has forgotten begins anew
    push_large push-forgets 1000000
    [ "$status" -eq 0 ]
    [ "$(requests PATCH push-forgets || true)" -eq 0 ]
    [ "$(requests PUT push-forgets)" -eq 3 ]
}

@test "what a registry takes in no single piece goes in chunks, at least as large as it wants" {
    push_large push-refuses 23000000
    [ "$status" -eq 0 ]
    [ "$(requests PATCH push-refuses)" -eq 2 ]
    grep "PATCH .* 0-11999999 " "$plain_LOG"
    # what is no length is none
    push_large push-least 23000000
    [ "$status" -eq 0 ]
    [ "$(requests PATCH push-least)" -eq 3 ]
    grep "PATCH .* 0-10485759 " "$plain_LOG"
    # nor need 10 MiB be small enough
    push_large push-small 2000000
    [ "$status" -eq 0 ]
    grep "PATCH .*push-small.* 0-1048575 " "$plain_LOG"
}

@test "a registry that lies about an upload gets no more of it" {
    push_large push-claims 1000000
    [ "$status" -eq 1 ]
    [[ $stderr == *"claims to have"*"more than were sent"* ]]
    push_large push-short 1000000
    [ "$status" -eq 1 ]
    [[ $stderr == *"answers 416 to blob"* ]]
    push_large push-strays 1000000
    [ "$status" -eq 1 ]
    [[ $stderr == *"wants the upload sent to another host"* ]]
    if grep "^elsewhere" "$plain_LOG"; then return 1; fi
}

@test "a manifest that the registry stores under another digest is an error" {
    push_to push-digest
    [ "$status" -eq 1 ]
    [[ $stderr == *"stored the manifest with the digest"* ]]
}

@test "an interrupt ends a pull, also one of a build, and its crank-net" {
    require "root, for builds" is_root
    mkdir -p from
    printf 'FROM %s/patient:1\nLABEL a=b\n' "$plain_HOST" >from/Dockerfile
    local -a commands=("crank pull $plain_HOST/patient:1" "crank build -t x from")
    local command pid net until status
    for command in "${commands[@]}"; do
        : >"$plain_LOG"
        # bash starts what runs in the background without interrupts; the command is several words
        # shellcheck disable=SC2086
        python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execvp(sys.argv[1], sys.argv[1:])' $command >out 2>err &
        pid=$!
        until=$((SECONDS + 10))
        until [ "$(grep -c "GET /v2/patient/blobs/sha256" "$plain_LOG")" -ge 2 ] ||
            [ "$SECONDS" -ge "$until" ]; do sleep 0.05; done
        net=$(pgrep -P "$pid" crank-net)
        kill -INT "$pid"
        status=0
        wait "$pid" || status=$?
        [ "$status" -eq 130 ]
        until=$((SECONDS + 10))
        while kill -0 "$net" 2>/dev/null && [ "$SECONDS" -lt "$until" ]; do sleep 0.05; done
        run ! kill -0 "$net"
        [ -z "$(crank images -q)" ]
    done
    accepts benign
    nothing_left
}

@test "a pull that is killed leaves nothing that the next one minds" {
    crank pull -q "$plain_HOST/slow:1" >/dev/null 2>&1 &
    local pid=$! until=$((SECONDS + 10))
    until grep -q "GET /v2/slow/blobs/sha256" "$plain_LOG" || [ "$SECONDS" -ge "$until" ]; do sleep 0.05; done
    kill -9 "$pid"
    wait "$pid" || true
    accepts benign
    nothing_left
}
