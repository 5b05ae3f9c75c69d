#!/usr/bin/env bats
# Layers in zstd:chunked: what is here is not fetched, and nothing that the registry says about a
# layer is believed without its digest.

# shellcheck disable=SC2154 # start_script sets the host
bats_require_minimum_version 1.5.0
load ../lib/registry

setup_file() {
    crank_setup_file
    export CRANK_NET_RETRY_MS=1 CRANK_NET_STALL_SECONDS=2
    start_script chunked chunked_registry.py
}
setup() {
    cd "$CRANK_TEST_DIR" || return 1
    fresh
}
teardown() {
    if [ -z "${BATS_TEST_COMPLETED:-}" ]; then
        printf '%s\n' "${output:-}" "${stderr:-}" >&2
        cat "$chunked_LOG" >&2
    fi
}
teardown_file() {
    stop_servers
    common_teardown
}

fresh() {
    rm -rf "$CRANK_ROOT"
    : >"$chunked_LOG"
}
# sent PATTERN: the bytes of blobs that the registry has sent for requests that match.
sent() { awk -v want="$1" '$2 ~ /blobs/ && $0 ~ want { sum += $5 } END { print sum + 0 }' "$chunked_LOG"; }
# blob_of TAG: the size of the image's only layer.
blob_of() {
    crank inspect "$chunked_HOST/$1" >/dev/null
    python3 - "$chunked_HOST" "${1%:*}" "${1#*:}" <<'END'
import json, sys, urllib.request
host, name, tag = sys.argv[1:]
with urllib.request.urlopen(f"http://{host}/v2/{name}/manifests/{tag}") as answer:
    print(json.load(answer)["layers"][0]["size"])
END
}
# pull_both NAME: the first image, then the second, whose messages are in $stderr.
pull_both() {
    fresh
    crank pull -q "$chunked_HOST/$1:1" >/dev/null
    : >"$chunked_LOG"
    run --separate-stderr timeout 60 crank pull "$chunked_HOST/$1:2"
}
# The second image is here, as it is, whatever came before.
is_whole() {
    crank save -o saved.tar "$chunked_HOST/$1:2"
    run -0 crank image verify
}

@test "a second image that has nine files of ten is a tenth to fetch" {
    pull_both honest
    [ "$status" = 0 ]
    is_whole honest
    local blob
    blob=$(blob_of honest:2)
    [ "$(sent 'bytes=.* 206')" -ge $((blob / 12)) ]
    [ "$(sent 'bytes=.* 206')" -le $((blob / 6)) ]
    [ "$(sent ' - 200')" -lt 1000 ]
    # the tables, then ten parts
    [ "$(grep -c 'bytes=.* 206' "$chunked_LOG")" = 2 ]
    # the content is that of a pull as a whole
    local id
    id=$(image_id "$chunked_HOST/honest:2")
    fresh
    crank pull -q "$chunked_HOST/plain:2"
    [ "$(image_id "$chunked_HOST/plain:2")" = "$id" ]
    [ "$(sent ' - 200')" -ge "$blob" ]
}

@test "the first image of all is fetched as a whole, without a look at its table" {
    crank pull -q "$chunked_HOST/honest:1"
    if grep 'bytes=' "$chunked_LOG"; then return 1; fi
    # and one whose files are here already needs its tables alone
    crank rmi "$chunked_HOST/honest:1" >/dev/null
    crank pull -q "$chunked_HOST/honest:2"
    is_whole honest
}

@test "parts that break off are resumed" {
    pull_both broken
    [ "$status" = 0 ]
    [[ $stderr == *"broke off"* ]]
    [[ $stderr != *"as a whole"* ]]
    is_whole broken
    [ "$(grep -c 'bytes=.* 206' "$chunked_LOG")" = 3 ]
}

@test "a registry that sends one part at a time is asked so" {
    pull_both one-range
    [ "$status" = 0 ]
    [[ $stderr != *"as a whole"* ]]
    is_whole one-range
    [ "$(grep -c 'bytes=.* 206' "$chunked_LOG")" = 12 ]
}

# falls_back NAME TEXT: the second image is fetched as a whole, the reason is said, and it is right.
falls_back() {
    pull_both "$1"
    [ "$status" = 0 ] || { echo "$1: $stderr"; return 1; }
    [[ $stderr == *"fetched as a whole, since"*"$2"* ]] || { echo "$1: no '$2' in: $stderr"; return 1; }
    is_whole "$1"
    [ "$(sent ' - 200')" -ge "$(blob_of "$1:2")" ]
}

@test "a table that lies is found out by the layer's digest" {
    falls_back lying-table "its content has the digest"
}

@test "a table or a tar-split of another digest is not read" {
    falls_back wrong-checksum "the table of the layer has the digest"
    falls_back wrong-split "the tar-split of the layer has the digest"
    falls_back no-split-digest "no digest"
}

@test "ranges that overlap or lie outside the blob are refused" {
    falls_back overlapping "ranges that overlap"
    falls_back endless "lie outside the blob"
}

@test "a table of 2 GB, or of more than it says, or that is none, is refused" {
    falls_back two-gigabytes "larger than 64 MiB"
    if grep 'bytes=' "$chunked_LOG"; then return 1; fi
    falls_back bomb "more than"
    falls_back no-table "nested too deep"
}

@test "names that lead out of the layer are refused" {
    falls_back split-dots "differ at '../usr/lib/000'"
    # where the blob has them too there is nothing to fall back on
    pull_both dots
    [ "$status" = 1 ]
    [[ $stderr == *"../evil"* ]]
    [ "$(crank images -q | wc -l)" = 1 ]
    [ -z "$(find "$CRANK_ROOT/tmp" -mindepth 1)" ]
    run -0 crank image verify
}

@test "a registry that sends no parts, or others than were asked for, sends the whole" {
    falls_back no-ranges "sends no parts"
    falls_back other-range "another part"
    falls_back other-order "another part"
    falls_back fewer-ranges "broke off"
    falls_back changed-range "its content has the digest"
}
