#!/usr/bin/env bats
# A container renames in a volume without end while crank starts others with mounts in that volume:
# a directory that is one moment a directory and the next a link out of the root. Whatever crank
# makes lands inside, or the start is refused; the host's canary and mounts never change.
#
# Rounds per operation: 15 (or CRANK_RACE_ROUNDS), and 20,000 with --long. CRANK_EVIDENCE names the file that
# counts them: docs/evidence/races.json, in a campaign.

bats_require_minimum_version 1.5.0
load ../lib/crank

setup_file() {
    crank_setup_file
    is_root && can_run >/dev/null 2>&1 || return 0 # the tests say why they skip
    busybox_image
    local context=$CRANK_TEST_DIR/racing-context
    mkdir -p "$context"
    musl-gcc -static -O1 -Wall -Wextra "$CRANK_SOURCE/tests/security/racer.c" -o "$context/racer"
    printf 'FROM busybox\nCOPY racer /racer\n' >"$context/Dockerfile"
    crank build -q -t racing "$context" >/dev/null
}
setup() {
    crank_setup
    ROUNDS=${CRANK_RACE_ROUNDS:-15}
    if [ "${CRANK_TEST_LONG:-0}" = 1 ]; then ROUNDS=20000; fi
    CANARY=$CRANK_TEST_DIR/canary VOLUME=$CRANK_TEST_DIR/volume SOURCE=$CRANK_TEST_DIR/source
    mkdir -p "$CANARY/directory" "$VOLUME/here" "$SOURCE"
    echo untouched >"$CANARY/hosts"
    echo source >"$SOURCE/file"
    # up from wherever it is looked up, and down to the canary
    ln -s "$(printf '../%.0s' {1..12})${CANARY#/}" "$VOLUME/there"
    MOUNTS_BEFORE=$(host_mounts)
    CANARY_BEFORE=$(canary_state)
}
teardown() {
    local changed=0
    unchanged canary "${CANARY_BEFORE:-}" "$(canary_state)" || changed=1
    unchanged "host's mounts" "${MOUNTS_BEFORE:-}" "$(host_mounts)" || changed=1
    crank_teardown
    rm -rf "${CANARY:-/nonexistent}" "${VOLUME:-/nonexistent}" "${SOURCE:-/nonexistent}"
    return $changed
}
teardown_file() { crank_teardown_file; }

unchanged() {
    if [ "$2" = "$3" ]; then return; fi
    printf 'the %s changed:\n%s\n%s\n' "$@" >&2
    return 1
}

canary_state() {
    if [ -z "${CANARY:-}" ]; then return; fi
    find "$CANARY" -printf '%p %y %m %U %G %s %T@ %l\n' | sort
    cat "$CANARY/hosts"
}
host_mounts() { grep -F "${CRANK_TEST_DIR:-nothing}" /proc/self/mountinfo | cut -d' ' -f 5 | sort; }

# race A B: a container exchanges these two names of the volume until the end of the test.
race() {
    crank run -d --name racer --network none -v "$VOLUME:/volume" racing \
        /racer exchange "/volume/$1" "/volume/$2" >/dev/null
}

# shared_by COUNT: so many variants of one operation share its rounds.
shared_by() { EACH=$(((ROUNDS + $1 - 1) / $1)); }

# rounds STATUSES [OPTION...] COMMAND...: the command, EACH times; each ends with one of these statuses.
# The rounds of a campaign are counted in CRANK_EVIDENCE, under the words of the command.
rounds() {
    local statuses=$1 operation
    local -a options=()
    shift
    while [[ "$1" = --* ]]; do
        options+=("$1" "$2")
        shift 2
    done
    operation=${*//"$CRANK_TEST_DIR"/.}
    if [ -n "${CRANK_EVIDENCE:-}" ]; then
        options+=(--evidence "$CRANK_EVIDENCE" --operation "$BATS_TEST_DESCRIPTION: $operation")
    fi
    python3 "$CRANK_SOURCE/tests/lib/rounds.py" "${options[@]}" --status "$statuses" "${EACH:-$ROUNDS}" "$@"
}

# attack FLAG... -- COMMAND...: so many containers with these flags. Each runs, or is refused by
# crank (125) or by its own program; the count shows that not all of them were refused.
attack() {
    local -a flags=()
    while [ "$1" != -- ]; do
        flags+=("$1")
        shift
    done
    shift
    rounds 0,1,125-127 crank run --rm --network none -v "$VOLUME:/volume" "${flags[@]}" racing "$@"
}

@test "the target of a bind is exchanged with a link out of the root" {
    race here there
    shared_by 3
    attack -v "$SOURCE:/volume/here" -- true
    attack -v "$SOURCE:/volume/here/made-COUNT/below" -- true
    attack -v "$SOURCE/file:/volume/here/file-COUNT" -- true
}

@test "the target of a tmpfs is exchanged with a link out of the root" {
    race here there
    shared_by 2
    attack --tmpfs /volume/here -- touch /volume/here/written
    attack --tmpfs /volume/here/directory -- touch /volume/here/directory/written
}

@test "the working directory is exchanged with a link out of the root" {
    race here there
    attack -w /volume/here/made-COUNT -- touch written
    # exec looks the directory up in a root that others change
    crank run -d --name target --network none -v "$VOLUME:/volume" racing sleep 36000 >/dev/null
    rounds 0-127 crank exec -w /volume/here target touch written
}

@test "the files that crank puts over /etc are exchanged with links out of the root" {
    echo inside >"$VOLUME/hosts"
    ln -s "$(printf '../%.0s' {1..12})${CANARY#/}/hosts" "$VOLUME/other"
    race hosts other
    attack -v "$VOLUME:/etc" -- sh -c 'echo written >>/etc/hosts'
}

@test "a user is looked up in files that are exchanged with links out of the root" {
    printf 'root:x:0:0::/:/bin/sh\n' >"$VOLUME/passwd"
    printf 'intruder:x:0:0::/:/bin/sh\n' >"$CANARY/passwd"
    CANARY_BEFORE=$(canary_state)
    ln -s "$(printf '../%.0s' {1..12})${CANARY#/}/passwd" "$VOLUME/other"
    race passwd other
    crank run -d --name target --network none -v "$VOLUME:/etc" racing sleep 36000 >/dev/null
    rounds 1-127 crank exec -u intruder target true
}

# copies COMMAND...: `crank cp` so many times; it copies, or is refused by crank. What comes out is
# never the host's.
copies() { rounds 0,1 --into out --never untouched crank cp "$@"; }

@test "cp: a directory of its path is exchanged with a link out of the root (CVE-2018-15664)" {
    # before: later this shell would follow the link, too
    mkdir "$VOLUME/here/directory"
    echo inside >"$VOLUME/here/hosts"
    race here there
    shared_by 5
    copies racer:/volume/here/hosts out
    copies racer:/volume/here out
    copies -L racer:/volume/here out
    copies racer:/volume/here/. out
    copies racer:/volume out
    shared_by 4
    copies "$SOURCE/file" racer:/volume/here/hosts
    copies "$SOURCE/file" racer:/volume/here
    copies "$SOURCE/file" racer:/volume/here/directory
    copies -a "$SOURCE/." racer:/volume/here/directory/
}

@test "cp: an archive, and a directory of its path is exchanged with a link out of the root" {
    tar -C "$SOURCE" -cf archive.tar file
    echo inside >"$VOLUME/here/hosts"
    race here there
    rounds 0,1 --never untouched crank cp racer:/volume/here/ -
    rounds 0,1 --input archive.tar crank cp - racer:/volume/here
}

@test "cp: the file at its end is exchanged with a link out of the root" {
    echo inside >"$VOLUME/file"
    ln -s "$(printf '../%.0s' {1..12})${CANARY#/}/hosts" "$VOLUME/other"
    race file other
    shared_by 2
    copies racer:/volume/file out
    copies -L racer:/volume/file out
    copies "$SOURCE/file" racer:/volume/file
    copies "$SOURCE/file" racer:/volume/other
}

@test "cp: into a container that has ended, while another exchanges names in its volume" {
    tar -C "$SOURCE" -cf archive.tar file
    echo inside >"$VOLUME/here/hosts"
    crank run --name ended --network none -v "$VOLUME:/volume" racing true
    race here there
    shared_by 2
    copies ended:/volume/here/hosts out
    rounds 0,1 --never untouched crank cp ended:/volume/here/ -
    shared_by 3
    copies "$SOURCE/file" ended:/volume/here/hosts
    copies "$SOURCE/file" ended:/volume/here
    rounds 0,1 --input archive.tar crank cp - ended:/volume/here
}

@test "volume export and import: a directory is exchanged with a link out of the volume" {
    mkdir -p tree/here
    echo inside >tree/here/hosts
    ln -s "$(readlink "$VOLUME/there")" tree/there
    tar -C tree -cf tree.tar .
    tar -C tree -cf below.tar here/hosts
    crank volume create raced >/dev/null
    crank volume import raced tree.tar
    VOLUME=raced race here there
    rounds 0,1 --never untouched crank volume export raced
    rounds 0,1 --input below.tar crank volume import raced -
}

@test "build: the target of a mount is exchanged in a cache that two builds share" {
    mkdir exchanging waiting mounting
    printf 'hidden\n' >mounting/file
    cat >exchanging/Dockerfile <<EOF
FROM racing
RUN --mount=type=cache,id=raced,target=/cache mkdir /cache/here && ln -s $(readlink "$VOLUME/there") /cache/there
RUN --mount=type=cache,id=raced,target=/cache /racer exchange /cache/here /cache/there
EOF
    cat >waiting/Dockerfile <<'EOF'
FROM racing
RUN --mount=type=cache,id=raced,target=/cache until readlink /cache/here; do :; done
EOF
    cat >mounting/Dockerfile <<'EOF'
FROM racing
RUN --mount=type=cache,id=raced,target=/cache --mount=type=tmpfs,target=/cache/here/tmpfs \
    --mount=type=bind,source=file,target=/cache/here/file true
EOF
    crank build -q exchanging >/dev/null 2>&1 3>&- &
    local exchanging=$!
    crank build -q waiting >/dev/null
    rounds 0,1 crank build -q --no-cache mounting
    crank build -q --no-cache waiting >/dev/null # it still goes on
    kill "$exchanging"
    run ! wait "$exchanging"
}

@test "without a race each of these works, and lands where it should" {
    run -0 crank run --rm --network none -v "$VOLUME:/volume" -v "$SOURCE:/volume/here/below" racing \
        cat /volume/here/below/file
    [ "$output" = source ]
    run -0 crank run --rm --network none -v "$VOLUME:/volume" -w /volume/here/made racing pwd
    [ "$output" = /volume/here/made ]
    [ -d "$VOLUME/here/made" ]
    run -0 crank run --rm --network none -v "$VOLUME:/volume" --tmpfs /volume/here/t racing \
        sh -c 'touch /volume/here/t/x && grep -c " /volume/here/t " /proc/self/mountinfo'
    [ "$output" = 1 ]
    [ ! -e "$VOLUME/here/t/x" ]
    crank run --name copied --network none -v "$VOLUME:/volume" racing true
    crank cp -q "$SOURCE/file" copied:/volume/here/copied
    [ "$(cat "$VOLUME/here/copied")" = source ]
    crank cp copied:/volume/here/copied - | tar -xO | grep -qx source
}
