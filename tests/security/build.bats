#!/usr/bin/env bats
# Hostile Dockerfiles, repositories, archives and images: what a build or a start takes from them
# reaches nothing of the caller's.

# shellcheck disable=SC2034,SC2154 # flags are read by flags_fail_with, run sets stderr
# shellcheck disable=SC2016 # what stands in single quotes the shell in the container expands
bats_require_minimum_version 1.5.0
load ../lib/build
load ../lib/registry

setup_file() {
    crank_setup_file
    box_image
    export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@t GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@t
}
setup() {
    crank_setup
    require "busybox, git and python3" command -v busybox git python3
}
teardown() {
    if [ -n "${server:-}" ]; then kill "$server" 2>/dev/null || true; fi
    crank_teardown
    [ -z "$(find "$CRANK_ROOT/tmp" -mindepth 1 2>/dev/null | head -1)" ]
}
teardown_file() { crank_teardown_file; }

# repository NAME TEXT: a bare one below $www, with a file that holds the text.
repository() {
    local work=$CRANK_TEST_DIR/work-$1
    mkdir -p "$www"
    git init -q -b main "$work"
    echo "$2" >"$work/file"
    git -C "$work" add . && git -C "$work" commit -qm 1
    publish "$1"
}
publish() {
    rm -rf "$www/$1.git"
    git clone -q --bare "$CRANK_TEST_DIR/work-$1" "$www/$1.git"
    git -C "$www/$1.git" update-server-info
}

@test "git of ADD has no home, keys, variables and configuration of the caller's" {
    local www=$CRANK_TEST_DIR/plain-www tools=$CRANK_TEST_DIR/tools
    repository honest honest
    repository other other
    serve "$www"
    # A configuration that would lead elsewhere, and execute on the way.
    mkdir -p "$tools"
    cat >"$HOME/.gitconfig" <<END
[url "$url/other.git"]
    insteadOf = $url/honest.git
[core]
    sshCommand = touch $CRANK_TEST_DIR/executed
    fsmonitor = touch $CRANK_TEST_DIR/executed
END
    [ "$(git ls-remote "$url/honest.git" main | cut -f1)" = "$(git -C "$www/other.git" rev-parse main)" ]
    # The one that is executed says what it was given.
    cat >"$tools/ssh" <<END
#!/bin/sh
env >$CRANK_TEST_DIR/environment
echo "\$@" >$CRANK_TEST_DIR/arguments
exit 1
END
    chmod +x "$tools/ssh"
    printf 'FROM box\nADD %s/honest.git /in\n' "$url" >Dockerfile
    PATH=$tools:$PATH GIT_SSH_COMMAND=false GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=http.proxy \
        GIT_CONFIG_VALUE_0=http://127.0.0.1:1 crank build -q -t honest .
    run -0 --separate-stderr in_image honest cat /in/file
    [ "$output" = honest ]
    printf 'FROM box\nADD git@localhost:x/y.git /in\n' >Dockerfile
    PATH=$tools:$PATH SSH_AUTH_SOCK=/secret/agent TOKEN_9471=secret SSH_ASKPASS=/bin/false \
        run ! crank build .
    grep -q -- '-F /dev/null .*IdentityFile=/dev/null' "$CRANK_TEST_DIR/arguments"
    run ! grep -E 'SSH_AUTH_SOCK|SSH_ASKPASS|TOKEN_9471|GIT_SSH_COMMAND=false' "$CRANK_TEST_DIR/environment"
    grep -q '^HOME=/nonexistent$' "$CRANK_TEST_DIR/environment"
    [ ! -e "$CRANK_TEST_DIR/executed" ]
    rm "$HOME/.gitconfig"
}

@test "modules of a repository come from where they may, without their .git, and never from this machine" {
    local www=$CRANK_TEST_DIR/modules-www
    repository sub sub
    repository main main
    repository private private
    serve "$www"
    local work=$CRANK_TEST_DIR/work-main
    git -C "$work" submodule --quiet add "$url/sub.git" module
    git -C "$work" config -f .gitmodules submodule.module.url ../sub.git
    git -C "$work" add . && git -C "$work" commit -qm 2
    publish main
    printf 'FROM box\nADD %s/main.git /in\n' "$url" >Dockerfile
    crank build -q -t modules .
    run -0 --separate-stderr in_image modules sh -c 'cat /in/module/file; find /in -name .git | wc -l'
    [ "$output" = $'sub\n0' ]
    # A module that is a repository of the host's, by its path and by a URL.
    local bad
    for bad in "$www/private.git" "file://$www/private.git" "ext::sh -c touch% $CRANK_TEST_DIR/executed"; do
        git -C "$work" config -f .gitmodules submodule.module.url "$bad"
        git -C "$work" commit -qam bad
        publish main
        run ! crank build --no-cache -t stolen .
        [[ "$output" == *"Dockerfile:2"* ]]
    done
    [ ! -e "$CRANK_TEST_DIR/executed" ]
    [ -z "$(crank images -q stolen)" ]
    # A .git that is a link is removed, not what it leads to.
    git -C "$work" rm -q --cached module .gitmodules
    rm -rf "$work/module" "$work/.gitmodules"
    ln -s "$www" "$work/link"
    git -C "$work" add . && git -C "$work" commit -qm links
    publish main
    crank build -q --no-cache .
    [ -d "$www/private.git" ]
}

@test "a device node in a volume, a cache or a mount of a step is none" {
    run -0 --separate-stderr crank run --rm --network none -v nodes:/v box \
        sh -c 'mknod /v/null c 1 3 && (echo x >/v/null) 2>&1; echo y >/v/file; cat /v/file'
    [[ "$output" == *"Permission denied"* ]]
    [ "${lines[-1]}" = y ]
    # of the container itself it is one that it may have
    run -0 --separate-stderr crank run --rm --network none box \
        sh -c 'mknod /null c 1 3 && echo x >/null && echo written'
    [ "$output" = written ]
    # an image's own
    crank run --rm --network none -v nodes:/v box rm -f /v/null /v/file
    dockerfile <<'END'
FROM box AS seed
RUN mkdir /seed && mknod /seed/null c 1 3
FROM box AS mounts
RUN --mount=type=cache,target=/c mknod /c/null c 1 3 && (echo x >/c/null) 2>&1; echo y >/c/file && cat /c/file
RUN --mount=type=bind,from=seed,source=/seed,target=/m,rw (echo x >/m/null) 2>&1; echo z >/m/file && cat /m/file
RUN --mount=type=tmpfs,target=/t mknod /t/null c 1 3 && (echo x >/t/null) 2>&1; echo end
FROM seed
VOLUME /seed
END
    run -0 --separate-stderr crank build --progress plain --no-cache --target mounts -t noded .
    [ "$(grep -cE '^#[0-9]+ .*Permission denied' <<<"$stderr")" = 3 ]
    run -0 --separate-stderr crank build --progress plain --target seed -t noded .
    printf 'FROM noded\nVOLUME /seed\n' >Dockerfile
    crank build -q -t noded .
    run -0 --separate-stderr crank run --rm --network none noded sh -c '(echo x >/seed/null) 2>&1; echo end'
    [[ "$output" == *"Permission denied"*end ]]
    crank volume rm nodes
}

@test "--publish-all lets an image choose neither an address nor a port of this machine" {
    require "umoci" command -v umoci
    local port
    port=$(free_port)
    crank save --format oci-dir -o exposing box
    local tag
    tag=$(jq -r '.manifests[0].annotations["org.opencontainers.image.ref.name"]' exposing/index.json)
    umoci config --image "exposing:$tag" --tag new \
        --config.exposedports "0.0.0.0:$port:80/tcp" --config.exposedports "$port:81/tcp" \
        --config.exposedports 82/tcp
    local id
    id=$(crank load -q -i exposing 2>/dev/null) || id=""
    run crank run -d --name exposing -P "$(crank images -q | head -1)" sleep 600
    if [ "$status" -eq 0 ]; then
        run -0 crank inspect exposing
        [[ "$output" != *'"0.0.0.0"'* ]]
        [[ "$output" != *"\"HostPort\": \"$port\""* ]]
    fi
}

@test "--output local leaves set-id bits and capabilities of files behind" {
    require "setcap" command -v setcap
    mkdir tree
    cp "$(command -v busybox)" tree/program
    setcap cap_net_raw=ep tree/program
    tar --xattrs --xattrs-include='*' -C tree -cf program.tar program
    crank import -q program.tar capable
    dockerfile <<'END'
FROM capable
COPY --from=box /bin/busybox /bin/busybox
RUN ["/bin/busybox", "chmod", "6755", "/bin/busybox"]
END
    crank build -q -t bits .
    # in the image they are
    run -0 --separate-stderr in_image bits /bin/busybox stat -c %a /bin/busybox
    [ "$output" = 6755 ]
    crank build --output out .
    [ "$(stat -c %a out/bin/busybox)" = 755 ]
    [ -z "$(getcap out/program)" ]
    # a tar is an archive of the image's files, as they are
    crank build --output type=tar,dest=out.tar .
    tar -tvf out.tar bin/busybox | grep -q '^-rwsr-sr-x'
}

@test "ADD of a URL that announces more than a file may have is not begun" {
    cat >endless.py <<'END'
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str((16 << 30) + 1 if "large" in self.path else 3))
        self.end_headers()
        try:
            while "large" in self.path:
                self.wfile.write(bytes(1 << 16))
            self.wfile.write(b"abc")
        except OSError:
            pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
END
    local port
    port=$(free_port)
    python3 endless.py "$port" >/dev/null 2>&1 3>&- &
    server=$!
    until_true python3 -c "import socket; socket.create_connection(('127.0.0.1', $port))"
    printf 'FROM box\nADD http://127.0.0.1:%s/large /in\n' "$port" >Dockerfile
    run ! --separate-stderr timeout 60 crank build .
    [[ "$stderr" == *"more than 16GiB: it is not fetched"* ]]
    printf 'FROM box\nADD http://127.0.0.1:%s/small /in\n' "$port" >Dockerfile
    crank build -q -t small .
    [ "$(in_image small cat /in)" = abc ]
}

@test "a Dockerfile that is a link in the archive that is the context stays in it" {
    printf 'FROM box\nRUN echo stolen\n' >"$CRANK_TEST_DIR/outside"
    local target
    for target in "$CRANK_TEST_DIR/outside" "../../../../../../../..$CRANK_TEST_DIR/outside" /etc/passwd; do
        rm -rf archive && mkdir archive
        ln -s "$target" archive/Dockerfile
        run ! --separate-stderr crank build - < <(tar -C archive -cf - .)
        [[ "$stderr" == *"there is no file Dockerfile in the archive"* ]]
        [[ "$stderr" != *stolen* ]] && [[ "$stderr" != *root:x* ]]
    done
    # below a directory that is one
    rm -rf archive && mkdir archive
    ln -s "$CRANK_TEST_DIR" archive/sub
    run ! --separate-stderr crank build -f sub/outside - < <(tar -C archive -cf - .)
    [[ "$stderr" == *"there is no file sub/outside in the archive"* ]]
    # a link that stays inside is one that people have
    rm -rf archive && mkdir -p archive/real
    printf 'FROM box\nCOPY file /file\n' >archive/real/Dockerfile
    echo x >archive/file
    ln -s real/Dockerfile archive/Dockerfile
    crank build -q - < <(tar -C archive -cf - .)
}

@test "an archive that takes a tag over says so, and what was tagged stays (CVE-2026-50195)" {
    crank tag box victim:1
    local before
    before=$(crank inspect --format '{{.Id}}' victim:1)
    printf 'FROM box\nENV PLANTED=yes\n' >Dockerfile
    crank build -q -t planted . >/dev/null
    crank tag planted victim:1
    crank save -o planted.tar victim:1
    crank tag box victim:1
    run -0 --separate-stderr crank load -q -i planted.tar
    [[ "$stderr" == *"victim:1 is another image now: it was $before"* ]]
    crank inspect "$before" >/dev/null
    # the same again, and a tag that nobody has, take nothing
    run -0 --separate-stderr crank load -i planted.tar
    [[ "$stderr" != *"another image"* ]]
    crank rmi victim:1
    run -0 --separate-stderr crank load -i planted.tar
    [[ "$stderr" != *"another image"* ]]
    [ "$output" = "Loaded image: victim:1" ]
    crank rmi victim:1
}

@test "a file that grows while commit copies it does not keep it going" {
    crank run -d --name growing --network none box sh -c \
        'while :; do head -c 1000000 /dev/zero >>/grows; sleep 0.01; done' >/dev/null
    until_true grows_in growing
    timeout 60 crank commit --pause=false growing grown
    crank rm -f growing
    run -0 in_image grown sh -c 'test -s /grows && echo there'
    [ "$output" = there ]
}
grows_in() { crank exec "$1" test -s /grows; }
