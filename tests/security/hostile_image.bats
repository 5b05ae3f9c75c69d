#!/usr/bin/env bats
# Images whose files try to lead crank out of the container's root. Whatever a path in the image
# points to is found inside the image or refused; the host's canary never changes.

bats_require_minimum_version 1.5.0
load ../lib/crank

setup_file() {
    crank_setup_file
    probe_image
}
setup() {
    crank_setup
    CANARY=$CRANK_TEST_DIR/canary
    mkdir -p "$CANARY/directory"
    echo untouched >"$CANARY/file"
    echo 'intruder:x:4242:4242::/:/bin/sh' >"$CANARY/passwd"
    CANARY_BEFORE=$(canary_state)
}
teardown() {
    if ! diff <(printf '%s\n' "${CANARY_BEFORE:-}") <(canary_state) >&2; then
        echo "the canary changed" >&2
        return 1
    fi
    rm -rf "${CANARY:-/nonexistent}"
    crank_teardown
}
teardown_file() { crank_teardown_file; }

canary_state() {
    if [ -z "${CANARY:-}" ]; then return; fi
    find "$CANARY" -printf '%p %y %m %u %g %s %T@ %l\n' | sort
    find "$CANARY" -type f -exec sha256sum {} +
    grep -F "$CANARY" /proc/self/mountinfo || true
}

# hostile NAME LINK TARGET...: the image NAME with the probe and these symbolic links.
hostile() {
    local name=$1 context=$CRANK_TEST_DIR/context-$1
    shift
    mkdir -p "$context/root"
    cp "$CRANK_TEST_DIR/probe-context/probe" "$context/root/probe"
    while [ $# -gt 0 ]; do
        mkdir -p "$(dirname "$context/root/$1")"
        ln -s "$2" "$context/root/$1"
        shift 2
    done
    printf 'FROM scratch\nCOPY root/ /\nENTRYPOINT ["/probe"]\n' >"$context/Dockerfile"
    crank build -q -t "$name" "$context" >/dev/null
    rm -r "$context"
}

# The container ran, and then properly, or was refused with a reason: nothing between.
ran_or_refused() {
    if [ "$status" -eq 125 ]; then
        [[ ${stderr:-} == *"$1"* ]] || { echo "the reason does not name $1" >&2; return 1; }
    else
        [ "$status" -le 1 ] # 1: the probe was refused something
    fi
}

# A path that goes up far enough to leave any root.
out_of() { printf '../%.0s' {1..12}; printf '%s' "${1#/}"; }

@test "/proc as a link to the host" {
    local target
    for target in "$CANARY/directory" "$(out_of "$CANARY/directory")" .. /; do
        hostile link-proc proc "$target"
        run --separate-stderr crank run --rm --network none link-proc ls /
        ran_or_refused /proc
    done
}

@test "no second /proc lies behind the root" {
    local target
    for target in / .. . dev/.. sys; do
        hostile link-root proc "$target"
        run --separate-stderr crank run --rm --network none link-root \
            open-for-writing /../sys/kernel/core_pattern
        [[ $output != ok ]]
        run --separate-stderr crank run --rm --network none link-root ls /..
        ! grep -qx kcore <<<"$output"
    done
    hostile link-root x /
    run --separate-stderr crank run --rm --network none --tmpfs /x link-root ls /
    ran_or_refused /x
    run --separate-stderr crank run --rm --network none -v /proc:/x link-root ls /..
    ran_or_refused /x
    ! grep -qx kcore <<<"$output"
}

@test "/sys as a link to the host" {
    local target
    for target in "$CANARY/directory" "$(out_of "$CANARY/directory")"; do
        hostile link-sys sys "$target"
        run --separate-stderr crank run --rm --network none link-sys ls /
        ran_or_refused /sys
    done
}

@test "/dev as a link to the host" {
    local target
    for target in "$CANARY/directory" "$(out_of "$CANARY/directory")"; do
        hostile link-dev dev "$target"
        run --separate-stderr crank run --rm --network none link-dev ls /
        ran_or_refused /dev
    done
}

@test "files of /etc as links to files of the host" {
    local name
    for name in hosts hostname resolv.conf; do
        hostile link-etc "etc/$name" "$CANARY/file"
        run --separate-stderr crank run --rm --network none link-etc write "/etc/$name" stolen
        ran_or_refused "/etc/$name"
    done
}

@test "/etc as a link to a directory of the host" {
    hostile link-etc-directory etc "$(out_of "$CANARY/directory")"
    run --separate-stderr crank run --rm --network none link-etc-directory ls /
    ran_or_refused /etc
}

@test "the target of a bind mount as a link to the host" {
    mkdir "$CRANK_TEST_DIR/data"
    local target
    for target in "$CANARY/directory" "$(out_of "$CANARY/directory")"; do
        hostile link-target x "$target"
        run --separate-stderr crank run --rm --network none -v "$CRANK_TEST_DIR/data:/x" \
            link-target write /x/file hello
        ran_or_refused /x
    done
    rm -r "$CRANK_TEST_DIR/data"
}

@test "a directory below a link to the host as the target of a bind mount" {
    mkdir "$CRANK_TEST_DIR/data"
    hostile link-parent x "$(out_of "$CANARY")"
    run --separate-stderr crank run --rm --network none \
        -v "$CRANK_TEST_DIR/data:/x/directory/new" link-parent ls /
    ran_or_refused /x
    rm -r "$CRANK_TEST_DIR/data"
}

@test "the target of a tmpfs as a link to the host" {
    hostile link-tmpfs x "$(out_of "$CANARY/directory")"
    run --separate-stderr crank run --rm --network none --tmpfs /x link-tmpfs write /x/file hello
    ran_or_refused /x
}

@test "the working directory below a link to the host" {
    hostile link-cwd x "$(out_of "$CANARY/directory")"
    run --separate-stderr crank run --rm --network none -w /x/made/here link-cwd ls /
    ran_or_refused /x
}

@test "a working directory that leads through a descriptor" {
    local fd
    hostile link-fd x /proc/self/fd
    for fd in 3 4 5 6 7 8 9 10 11 12; do
        run --separate-stderr crank run --rm --network none -w "/proc/self/fd/$fd" link-fd ls .
        [ "$status" -eq 125 ]
        run --separate-stderr crank run --rm --network none -w "/x/$fd/.." link-fd ls .
        [ "$status" -eq 125 ]
    done
    crank run -d --name joined --network none link-fd sleep 30 >/dev/null
    for fd in 3 4 5 6 7 8 9 10 11 12; do
        run --separate-stderr crank exec -w "/x/$fd" joined /probe ls .
        [ "$status" -ne 0 ]
        [ -z "$output" ]
    done
}

@test "/etc/passwd as a link to a file of the host" {
    local target
    for target in "$CANARY/passwd" "$(out_of "$CANARY/passwd")"; do
        hostile link-passwd etc/passwd "$target"
        run --separate-stderr crank run --rm --network none -u intruder link-passwd cat \
            /proc/self/status
        [ "$status" -eq 125 ]
        [[ ${stderr:-} == *intruder* ]]
    done
}

@test "the program as a link to a file of the host" {
    hostile link-program run-me "$(out_of "$(command -v bash)")"
    run -127 --separate-stderr crank run --rm --network none --entrypoint /run-me link-program \
        -c 'exit 0'
}

# with_volumes NAME PATH...: the image NAME again, its configuration as another's tool wrote it.
with_volumes() {
    local name=$1 dir=$CRANK_TEST_DIR/layout manifest config changed
    shift
    crank save --format oci-dir -o "$dir" "$name"
    manifest=$(jq -r '.manifests[0].digest' "$dir/index.json")
    manifest=$dir/blobs/sha256/${manifest#sha256:}
    config=$dir/blobs/sha256/$(jq -r '.config.digest[7:]' "$manifest")
    jq -c '.config.Volumes = ($ARGS.positional | map({(.): {}}) | add)' "$config" --args "$@" >"$dir/config"
    changed=$(sha256sum <"$dir/config" | head -c 64)
    jq -c --arg d "sha256:$changed" --argjson n "$(stat -c %s "$dir/config")" \
        '.config.digest = $d | .config.size = $n' "$manifest" >"$dir/manifest"
    mv "$dir/config" "$dir/blobs/sha256/$changed"
    changed=$(sha256sum <"$dir/manifest" | head -c 64)
    jq -c --arg d "sha256:$changed" --argjson n "$(stat -c %s "$dir/manifest")" \
        '.manifests[0].digest = $d | .manifests[0].size = $n' "$dir/index.json" >"$dir/index"
    mv "$dir/manifest" "$dir/blobs/sha256/$changed"
    mv "$dir/index" "$dir/index.json"
    crank import "oci:$dir" >/dev/null
    rm -r "$dir"
}

# What the volumes of this test's state hold: nothing of the canary's.
nothing_of_the_canary() {
    [ -z "$(grep -rl untouched "$CRANK_ROOT/volumes" 2>/dev/null)" ]
}

@test "a volume of the image's whose path leads out of the root" {
    local path target
    hostile volume-dots data/x nowhere
    for path in "/../../../../../../../../../../../..$CANARY" "/data/../../../../../../../../../../..$CANARY" \
        "..$CANARY" "/proc/self/cwd$CANARY"; do
        with_volumes volume-dots "$path"
        [ "$(crank image inspect -f '{{json .Config.Volumes}}' volume-dots)" != null ]
        run --separate-stderr crank run --name made --network none volume-dots ls /
        nothing_of_the_canary
        crank rm -f made
    done
    for target in "$CANARY" "$(out_of "$CANARY")" /proc/self/cwd /proc/1/root; do
        hostile volume-link data "$target"
        with_volumes volume-link /data
        run --separate-stderr crank run --name made --network none volume-link ls /data
        nothing_of_the_canary
        [[ $output != *file* ]]
        crank rm -f made
        # a volume that the user names, at the image's link
        run --separate-stderr crank run --name made --network none -v named:/data volume-link ls /data
        nothing_of_the_canary
        [[ $output != *file* ]]
        crank rm -f made
        run crank volume rm named
    done
}

@test "an honest volume begins with what the image has there" {
    local context=$CRANK_TEST_DIR/context-honest
    mkdir -p "$context/root/data"
    cp "$CRANK_TEST_DIR/probe-context/probe" "$context/root/probe"
    echo mine >"$context/root/data/file"
    printf 'FROM scratch\nCOPY root/ /\nVOLUME /data\nENTRYPOINT ["/probe"]\n' >"$context/Dockerfile"
    crank build -q -t honest-volume "$context" >/dev/null
    with_volumes honest-volume /data
    run -0 --separate-stderr crank run --rm --network none honest-volume cat /data/file
    [ "$output" = mine ]
    rm -r "$context"
}

@test "an honest image with links inside its root works" {
    hostile honest var/run ../run etc/hosts /data/hosts run-me /probe
    run -0 --separate-stderr crank run --rm --network none --tmpfs /var/run \
        --entrypoint /run-me honest write /run/file hello
    [ "$output" = ok ]
}
