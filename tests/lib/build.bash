# shellcheck shell=bash
# For the .bats files that build images: `load ../lib/build`.
# shellcheck source=tests/lib/crank.bash
source "$(dirname "${BASH_SOURCE[0]}")/crank.bash"

# The image `box`: a static busybox with its applets, users root and worker (1000:1001).
box_image() {
    is_root && can_run >/dev/null 2>&1 || return 0 # the tests say why they skip
    local context=$CRANK_TEST_DIR/box-context
    mkdir -p "$context"
    cp "$(command -v busybox)" "$context/busybox"
    cat >"$context/Dockerfile" <<'END'
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
COPY <<PASSWD /etc/passwd
root:x:0:0:root:/root:/bin/sh
worker:x:1000:1001::/home/worker:/bin/sh
PASSWD
COPY <<GROUP /etc/group
root:x:0:
worker:x:1001:
GROUP
RUN mkdir /tmp /root && chmod 1777 /tmp
END
    crank build -q -t box "$context" >/dev/null
}

# worker_context DIR SCRIPT: a context on `box` whose answer is the script's, with what archives must
# carry: a whiteout, a link, another user's file, a mode.
worker_context() {
    mkdir -p "$1"
    cat >"$1/Dockerfile" <<'END'
FROM box
ENV GREETING=hello
RUN mkdir -p /home/worker && chown worker:worker /home/worker && rm /bin/vi
USER worker
WORKDIR /home/worker
COPY --chown=worker:worker --chmod=0750 answer.sh .
RUN ln -s answer.sh link
CMD ["sh", "/home/worker/link"]
END
    printf '%s\n' "$2" >"$1/answer.sh"
}

# The image `worker` of such a context, for engines that take it over: it prints $worker_answer.
export worker_answer='hello from uid 1000 in /home/worker, -rwxr-x---'
worker_image() {
    box_image
    can_run >/dev/null 2>&1 || return 0 # the tests say why they skip
    local context=$CRANK_TEST_DIR/worker
    # shellcheck disable=SC2016 # for the shell inside
    worker_context "$context" \
        'echo "$GREETING from uid $(id -u) in $(pwd), $(ls -ld answer.sh | cut -d" " -f1)$(ls /bin/vi 2>/dev/null)"'
    crank build -q -t worker "$context" >/dev/null
}

# dockerfile: standard input becomes the Dockerfile of a fresh context, the current directory.
dockerfile() {
    local context
    context=$(mktemp -d "$CRANK_TEST_DIR/context.XXXXXX")
    cd "$context" || return 1
    cat >Dockerfile
}

# in_image IMAGE COMMAND...: runs it in a throw-away container.
in_image() {
    local image=$1
    shift
    crank run --rm --network none "$image" "$@"
}

# Steps of the last `run crank build --progress plain`, by how they went: CACHED or DONE.
steps() { grep -oE '^#[0-9]+ (CACHED|DONE)' <<<"$stderr" | cut -d' ' -f2 | paste -sd' '; }

# The bytes of every file that an image's archive holds, layers included.
image_content() {
    local dir
    dir=$(mktemp -d "$CRANK_TEST_DIR/content.XXXXXX")
    crank save -o "$dir/image.tar" "$1"
    tar -C "$dir" -xf "$dir/image.tar"
    rm "$dir/image.tar"
    find "$dir" -type f -exec sh -c 'zcat -f "$1"' _ {} \;
    rm -r "$dir"
}

# shellcheck disable=SC2154 # stderr comes from `run --separate-stderr`, flags from the test
# flags_fail_with TEXT...: the build with these flags fails, and standard error has each.
flags_fail_with() {
    local text
    run ! --separate-stderr crank build "${flags[@]}" .
    for text in "$@"; do
        if [[ $stderr != *"$text"* ]]; then
            printf 'missing: %s\n%s\n' "$text" "$stderr" >&2
            return 1
        fi
    done
}
