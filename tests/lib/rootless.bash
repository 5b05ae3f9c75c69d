# shellcheck shell=bash
# For the .bats files that are about an ordinary user: `load ../lib/crank` and `load ../lib/rootless`.
# He is made for the test: /etc/passwd, /etc/subuid, /etc/subgid and /dev/net/tun are covered in a
# mount namespace of each command's own, and nothing of the host is changed.

# shellcheck source=tests/lib/network.bash
source "${BASH_SOURCE[0]%/*}/network.bash"

USER_ID=4242

user_setup_file() {
    crank_setup_file
    is_root || return 0 # the tests say why they skip
    export USER_DIR=$CRANK_TEST_DIR/user
    mkdir -p "$USER_DIR/home" "$USER_DIR/run" "$USER_DIR/etc"
    chmod go+x "$CRANK_TEST_DIR"
    chmod 700 "$USER_DIR/home" "$USER_DIR/run"
    chown "$USER_ID:$USER_ID" "$USER_DIR/home" "$USER_DIR/run"
    { cat /etc/passwd && echo "ordinary:x:$USER_ID:$USER_ID::$USER_DIR/home:/bin/sh"; } >"$USER_DIR/etc/passwd"
    { cat /etc/group && echo "ordinary:x:$USER_ID:"; } >"$USER_DIR/etc/group"
    echo 'ordinary:1000000:65536' >"$USER_DIR/etc/subids"
    : >"$USER_DIR/etc/none"
    USER_PROGRAMS=$CRANK_BIN
    if ! setpriv --reuid=$USER_ID --regid=$USER_ID --clear-groups test -x "$CRANK_BIN/crank"; then
        USER_PROGRAMS=$CRANK_TEST_DIR/programs
        mkdir -p "$USER_PROGRAMS"
        cp "$CRANK_BIN/crank" "$CRANK_BIN/crank-shim" "$CRANK_BIN/crank-net" \
            "$CRANK_BIN/crank-gateway" "$USER_PROGRAMS"
    fi
    export USER_PROGRAMS
    make_worlds
    on_host ip route add default via 203.0.113.1
    user_context
}

# The context of the image `busybox`: a shell, the users root and worker (1000), a file of worker's.
user_context() {
    local context=$USER_DIR/context name
    mkdir -p "$context/root/bin" "$context/root/etc" "$context/root/tmp" "$context/root/home/worker"
    cp /bin/busybox "$context/root/bin/busybox"
    for name in $(/bin/busybox --list); do
        [ "$name" = busybox ] || ln -s busybox "$context/root/bin/$name"
    done
    printf 'root:x:0:0:root:/root:/bin/sh\nworker:x:1000:1000::/home/worker:/bin/sh\n' \
        >"$context/root/etc/passwd"
    printf 'root:x:0:\nworker:x:1000:\n' >"$context/root/etc/group"
    echo theirs >"$context/mine"
    cat >"$context/Dockerfile" <<'END'
FROM scratch
COPY root /
COPY --chown=worker:worker mine /home/worker/
ENV PATH=/bin
CMD ["sh"]
END
}

# as_user COMMAND...: SUBIDS names another file for /etc/subuid and /etc/subgid, BEFORE a command of
# root's in the mount namespace, RUNTIME_DIR another XDG_RUNTIME_DIR.
as_user() {
    # shellcheck disable=SC2016 # the inner shell expands
    SUBIDS=${SUBIDS:-$USER_DIR/etc/subids} BEFORE=${BEFORE:-true} \
        nsenter --target "$HOST_PID" --net -- unshare --mount bash -c '
            mount --bind "$USER_DIR/etc/passwd" /etc/passwd
            mount --bind "$USER_DIR/etc/group" /etc/group
            for file in /etc/subuid /etc/subgid; do
                [ -e "$file" ] && mount --bind "$SUBIDS" "$file"
            done
            mkdir -p /dev/net && mount -t tmpfs net /dev/net && mknod -m 666 /dev/net/tun c 10 200
            eval "$BEFORE" || exit
            exec setpriv --reuid='$USER_ID' --regid='$USER_ID' --clear-groups \
                env --unset=CRANK_ROOT --unset=CRANK_STATE HOME="$USER_DIR/home" \
                XDG_RUNTIME_DIR="${RUNTIME_DIR-$USER_DIR/run}" PATH="$USER_PROGRAMS:$PATH" "$@"' \
        as_user "$@"
}

# Everything as the ordinary user.
crank() { as_user crank "$@"; }

user_setup() {
    require "root, to become an ordinary user" is_root
    require "user namespaces" unshare --user true
    require "newuidmap" test -x /usr/bin/newuidmap
    cd "$USER_DIR" || return 1
}

# What is left of the user's is named, and fails the test.
user_teardown() {
    cd / || return 1
    if [ -z "${BATS_TEST_COMPLETED:-}" ]; then printf '%s\n' "${output:-}" "${stderr:-}" >&2; fi
    is_root || return 0
    local ids until=$((SECONDS + 10))
    ids=$(crank ps --all --quiet) || return 1
    # shellcheck disable=SC2086 # one word an id
    if [ -n "$ids" ]; then crank rm --force $ids >/dev/null || return 1; fi
    while [ -n "$(user_left)" ]; do
        if [ "$SECONDS" -ge "$until" ]; then
            printf 'left behind:\n%s\n' "$(user_left)" >&2
            return 1
        fi
        sleep 0.1
    done
}

user_left() {
    # dead ones that nobody has reaped hold nothing
    ps -o pid=,stat=,args= -u "$USER_ID" | awk '$2 !~ /^Z/'
    find "$USER_DIR/run/crank/containers" "$USER_DIR/home/.local/share/crank/containers" \
        "$USER_DIR/run/crank/network/leases" "$USER_DIR/run/crank/namespace" \
        "$USER_DIR/run/crank/egress" -mindepth 0 -maxdepth 1 2>/dev/null |
        grep -Ev '/(containers|leases)$'
}

user_teardown_file() {
    end_worlds
    common_teardown
}
