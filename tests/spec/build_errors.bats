#!/usr/bin/env bats
# crank build: bad input, failing steps, interruptions. Each error says what, where and what next,
# and leaves nothing behind.

bats_require_minimum_version 1.5.0
load ../lib/build

setup_file() {
    crank_setup_file
    box_image
}
setup() {
    crank_setup
    require "busybox" command -v busybox
}
teardown() {
    crank_teardown
    # Nothing half-written either.
    [ -z "$(find "$CRANK_ROOT/tmp" -mindepth 1 2>/dev/null | head -1)" ]
}
teardown_file() { crank_teardown_file; }

# shellcheck disable=SC2154 # stderr comes from `run --separate-stderr`
# fails_with TEXT...: the build of the current directory fails, stdout is empty, stderr has each.
fails_with() {
    local text
    run ! --separate-stderr crank build -t never "${flags[@]}" .
    [ -z "$output" ]
    for text in "$@"; do
        if [[ $stderr != *"$text"* ]]; then
            printf 'missing: %s\n' "$text" >&2
            return 1
        fi
    done
    run ! crank inspect never
}

@test "no Dockerfile" {
    mkdir empty
    cd empty
    fails_with "there is no Dockerfile in $PWD" "name it with -f"
    flags=(-f nowhere/Dockerfile)
    fails_with "there is no file nowhere/Dockerfile"
}

@test "no context" {
    run ! crank build nowhere
    [[ $output == *"nowhere"* ]]
}

@test "an unknown instruction or flag, with what was meant" {
    dockerfile <<<$'FROM box\nRUNN true'
    fails_with "Dockerfile:2" RUNN "RUN"
    dockerfile <<<$'FROM box\nCOPY --chwon=1 a b'
    fails_with "Dockerfile:2" "chwon" "chown"
}

@test "an image that does not exist" {
    dockerfile <<<'FROM nowhere:1'
    fails_with "Dockerfile:1" "nowhere:1" "crank load"
    dockerfile <<<'FROM python:3.11-slim'
    fails_with "python:3.11-slim" "crank image bootstrap"
}

@test "COPY of a file that does not exist, with what was meant" {
    dockerfile <<<$'FROM box\nCOPY requirement.txt /'
    echo x >requirements.txt
    fails_with "Dockerfile:2" "requirement.txt does not exist in the build context" \
        "did you mean requirements.txt?"
    echo 'req*' >.dockerignore
    dockerfile_of=$(printf 'FROM box\nCOPY requirements.txt /\n')
    echo "$dockerfile_of" >Dockerfile
    fails_with "requirements.txt is excluded from the build context"
}

@test "COPY from outside of the context" {
    dockerfile <<<$'FROM box\nCOPY ../secret /'
    echo x >../secret
    fails_with "Dockerfile:2" "../secret lies outside the build context"
    ln -s "$PWD/../secret" link
    printf 'FROM box\nCOPY link /\n' >Dockerfile
    fails_with "link is a link that leads nowhere in the build context"
}

@test "COPY with an unknown owner, or several sources in the place of a file" {
    dockerfile <<<$'FROM box\nCOPY --chown=nobody file /'
    echo x >file
    fails_with "Dockerfile:2" "the image has no user nobody in /etc/passwd"
    printf 'FROM box\nCOPY file f* /etc/passwd\n' >Dockerfile
    fails_with "Dockerfile:2" "/etc/passwd is no directory in the image"
}

@test "a USER that does not exist" {
    dockerfile <<<$'FROM box\nUSER nobody\nRUN true'
    fails_with "Dockerfile:3" "the image has no user nobody in /etc/passwd"
}

@test "what is not supported yet, by name" {
    dockerfile <<<$'FROM box\nRUN --security=insecure true'
    fails_with "Dockerfile:2" "RUN --security=insecure is not supported yet"
    dockerfile <<<$'FROM box\nRUN --device=gpu true'
    fails_with "Dockerfile:2" "RUN --device is not supported yet"
}

@test "ADD of an archive that cannot be read, or that leads out" {
    dockerfile <<<$'FROM box\nADD pack.tar.xz /'
    mkdir tree
    head -c 1000000 /dev/urandom >tree/file
    tar -cJ tree | head -c 500000 >pack.tar.xz
    fails_with "Dockerfile:2" "pack.tar.xz ends inside its xz stream"
    dockerfile <<<$'FROM box\nADD out.tar /x/'
    echo x >file
    tar --transform 's,file,../../escaped,' -P -cf out.tar file
    fails_with "Dockerfile:2" "out.tar"
    [ ! -e "$CRANK_ROOT/escaped" ]
}

@test "a malformed tag is refused before anything is done" {
    dockerfile <<<$'FROM box\nRUN echo started'
    run ! --separate-stderr crank build -t 'UPPER CASE' .
    [[ $stderr == *"UPPER CASE"* ]]
    [[ $stderr != *started* ]]
}

@test "without root and without subordinate ids, files of others are refused" {
    dockerfile <<<$'FROM scratch\nCOPY --chown=5:5 file /'
    echo x >file
    mkdir home
    chmod 0777 home
    chmod 0755 . "$CRANK_TEST_DIR"
    run ! --separate-stderr as_nobody env HOME="$PWD/home" CRANK_ROOT="$PWD/home/root" CRANK_STATE="$PWD/home/state" \
        crank build .
    [[ $stderr == *"user nobody has no subordinate ids"* ]]
    [[ $stderr == *"COPY --chown=5:5 file /"*"Invalid argument"* ]]
}

@test "a failing RUN shows its lines, its exit code and its last output" {
    dockerfile <<'END'
FROM box
RUN echo first && \
    # a comment inside
    echo second >&2 && \
    exit 3
END
    fails_with "Dockerfile:2: RUN: the command ended with exit code 3" \
        "    2 | RUN echo first" "    5 |     exit 3" "last output:" "      | first" "      | second"
    cat >Dockerfile <<'END'
FROM box
RUN seq 1 100; sh -c 'kill -9 $$'; exit $?
END
    fails_with "exit code 137" "      | 100" "      | 52"
    [[ $stderr != *"      | 51"$'\n'* ]]
    printf 'FROM box\nRUN ["/no/such/program"]\n' >Dockerfile
    fails_with "Dockerfile:2" "/no/such/program"
}

@test "finished steps stay in the cache when a later one fails" {
    dockerfile <<'END'
FROM box
RUN echo kept > /kept
RUN test -e /nothing
END
    fails_with "exit code 1"
    sed -i 's/nothing/kept/' Dockerfile
    run -0 --separate-stderr crank build --progress plain .
    [ "$(steps)" = "CACHED CACHED DONE" ]
}

# A build whose RUN has begun; its pid is in $pid.
begin_build() {
    dockerfile <<'END'
FROM box
RUN echo begun; sleep 1000
END
    # A shell starts its background jobs deaf to SIGINT.
    env --default-signal=INT crank build --progress plain -t never . >log 2>&1 3>&- &
    pid=$!
    local until=$((SECONDS + 20))
    until grep -q '^#2 begun' log; do
        [ "$SECONDS" -lt "$until" ]
        sleep 0.05
    done
}

@test "an interrupt ends the build and what it had started" {
    begin_build
    kill -INT "$pid"
    status=0
    wait "$pid" || status=$?
    [ "$status" -eq 130 ]
    run ! crank inspect never
}

@test "after a kill -9 nothing goes on, and the next build sweeps" {
    begin_build
    kill -KILL "$pid"
    wait "$pid" || true
    local until=$((SECONDS + 20))
    while pgrep -f '^sleep 1000$' >/dev/null; do
        [ "$SECONDS" -lt "$until" ]
        sleep 0.05
    done
    dockerfile <<<$'FROM box\nRUN true'
    crank build -q .
    run ! crank inspect never
}

@test "a full disk is an error, and the store is as it was" {
    mkdir small
    mount -t tmpfs -o size=12m tmpfs small
    export CRANK_ROOT=$PWD/small
    local result=0
    (
        box_image
        before=$(crank images --quiet)
        dockerfile <<<$'FROM box\nRUN dd if=/dev/zero of=/big bs=1M count=64'
        run ! --separate-stderr crank build -t never .
        [[ ${stderr,,} == *"no space left on device"* ]]
        [ "$(crank images --quiet)" = "$before" ]
        dockerfile <<<$'FROM box\nCOPY big /big'
        head -c 64M /dev/zero >big
        run ! --separate-stderr crank build -t never .
        [[ ${stderr,,} == *"no space left on device"* ]]
        [ "$(crank images --quiet)" = "$before" ]
        dockerfile <<<$'FROM box\nRUN echo small > /file'
        crank build -q .
        [ -z "$(ls "$CRANK_ROOT/tmp")" ]
    ) || result=1
    umount -l small
    return "$result"
}
