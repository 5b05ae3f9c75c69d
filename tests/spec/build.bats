#!/usr/bin/env bats
# crank build: what a Dockerfile becomes, what is cached, what is left behind.

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
teardown() { crank_teardown; }
teardown_file() { crank_teardown_file; }

@test "a Dockerfile's instructions become the image's configuration" {
    dockerfile <<'END'
FROM box
ARG VERSION=1
ENV NAME=value GREETING="hello $VERSION"
LABEL org.example=yes
WORKDIR /srv/app
USER worker
EXPOSE 8501 9000/udp
VOLUME /data
STOPSIGNAL SIGINT
HEALTHCHECK --interval=5s --retries=2 CMD true
ENTRYPOINT ["/bin/echo"]
CMD ["a", "b"]
END
    run -0 --separate-stderr crank build -q --build-arg VERSION=2 -t config .
    [[ $output =~ ^sha256:[0-9a-f]{64}$ ]]
    [ -z "$stderr" ]
    config=$(crank inspect config | jq -c '.[0].Config')
    [ "$(jq -r '.Env | join(" ")' <<<"$config")" = \
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin NAME=value GREETING=hello 2" ]
    [ "$(jq -c '[.User, .WorkingDir, .Entrypoint, .Cmd, .StopSignal, .Labels]' <<<"$config")" = \
        '["worker","/srv/app",["/bin/echo"],["a","b"],"SIGINT",{"org.example":"yes"}]' ]
    [ "$(jq -c '.ExposedPorts | keys' <<<"$config")" = '["8501/tcp","9000/udp"]' ]
    run -0 --separate-stderr in_image config
    [ "$output" = "a b" ]
}

@test "RUN sees the user, the directory, the variables and a shell of the Dockerfile's choice" {
    dockerfile <<'END'
FROM box
ENV FROM_ENV=e
ARG FROM_ARG=a
USER worker
WORKDIR /work
RUN echo "$(id -u):$(id -g) $(pwd) $FROM_ENV $FROM_ARG $HOME" > /tmp/shell
RUN ["/bin/sh", "-c", "echo $FROM_ENV > /tmp/exec"]
SHELL ["/bin/sh", "-e", "-c"]
RUN false || true; umask > /tmp/umask
RUN <<EOF
cd /tmp
echo here > document
EOF
END
    crank build -q -t sees .
    run -0 --separate-stderr in_image sees cat /tmp/shell /tmp/exec /tmp/umask /tmp/document
    [ "$output" = "$(printf '1000:1001 /work e a /home/worker\ne\n0022\nhere')" ]
    # The directory of WORKDIR belongs to the user in force.
    run -0 --separate-stderr in_image sees stat -c '%u:%g %a' /work
    [ "$output" = "1000:1001 755" ]
}

@test "RUN has no more rights than a container, and a network" {
    dockerfile <<'END'
FROM box
RUN grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status; ip -o link; ls /proc/1/root/busybox
END
    run -1 --separate-stderr crank build --no-cache .
    [[ $stderr == *$'CapEff:\t00000000a80425fb'* ]]
    [[ $stderr == *$'NoNewPrivs:\t1'* ]]
    [[ $stderr == *$'Seccomp:\t2'* ]]
    [[ $stderr == *eth0* ]]
    run -1 --separate-stderr crank build --no-cache --network none .
    [[ $stderr != *eth0* ]]
}

@test "COPY takes what Docker takes: globs, directories, owners, modes, .dockerignore" {
    dockerfile <<'END'
FROM box
COPY *.txt src/ /data/
COPY --chown=worker:worker --chmod=0640 a.txt /owned/
COPY a.txt /renamed
COPY . /all
END
    mkdir -p src/sub skipped
    echo a >a.txt
    echo b >b.txt
    echo c >src/sub/c
    echo d >skipped/d
    chmod 0777 src/sub/c
    ln -s sub/c src/link
    printf 'skipped\nDockerfile\n.dockerignore\n' >.dockerignore
    crank build -q -t copies .
    run -0 --separate-stderr in_image copies sh -c \
        'cd /; find data owned renamed all | sort | xargs stat -c "%n %a %u:%g"; readlink all/src/link'
    [ "$output" = "all 755 0:0
all/a.txt 644 0:0
all/b.txt 644 0:0
all/src 755 0:0
all/src/link 777 0:0
all/src/sub 755 0:0
all/src/sub/c 755 0:0
data 755 0:0
data/a.txt 644 0:0
data/b.txt 644 0:0
data/link 777 0:0
data/sub 755 0:0
data/sub/c 755 0:0
owned 755 1000:1001
owned/a.txt 640 1000:1001
renamed 644 0:0
sub/c" ]
}

@test "what a build does not see: --ignorefile, else .dockerignore, else .containerignore" {
    dockerfile <<'END'
FROM box
COPY . /all
END
    mkdir context
    mv Dockerfile context
    touch context/{docker,podman,named}
    echo podman >context/.containerignore
    crank build -q -t seen context
    run -0 in_image seen sh -c 'cd /all; echo *'
    [ "$output" = "Dockerfile docker named" ]
    # what Docker builds is what is built
    echo docker >context/.dockerignore
    crank build -q -t seen context
    run -0 in_image seen sh -c 'cd /all; echo *'
    [ "$output" = "Dockerfile named podman" ]
    echo named >names
    crank build -q -t seen --ignorefile names context
    run -0 in_image seen sh -c 'cd /all; echo *'
    [ "$output" = "Dockerfile docker podman" ]
    # a directory of which only a part could be seen is there for that part alone
    mkdir context/below
    printf '*\n!*/seen\n' >names
    printf 'FROM box\nCOPY below /all/\n' >Part
    run -1 crank build -q -f Part --ignorefile names context
    [[ $output == *"below is excluded from the build context"* ]]
    touch context/below/{seen,other}
    crank build -q -t seen -f Part --ignorefile names context
    run -0 in_image seen sh -c 'cd /all; echo *'
    [ "$output" = seen ]
    run -1 crank build -q --ignorefile nowhere context
    [[ $output == *"--ignorefile: there is no file nowhere"* ]]
    # a Dockerfile that copies nothing, too; without a context it has nothing to say
    echo 'FROM box' >context/Dockerfile
    run -1 crank build -q --ignorefile nowhere context
    [[ $output == *"--ignorefile: there is no file nowhere"* ]]
    run -2 crank build -q --ignorefile names - <<<'FROM box'
    [[ $output == *"--ignorefile with a Dockerfile from standard input: there is no context"* ]]
}

@test "ADD extracts local archives and copies everything else" {
    dockerfile <<'END'
FROM box
ADD pack.tar.gz plain.tar notes.gz /in/
ADD --chown=worker pack.tar.gz /owned
COPY plain.tar /copied/
END
    mkdir -p tree/sub
    echo x >tree/sub/file
    chmod 0751 tree/sub
    ln -s sub/file tree/link
    tar --owner=7 --group=8 -C tree -czf pack.tar.gz sub link
    echo y >other
    tar -cf plain.tar other
    echo notes | gzip >notes.gz
    crank build -q -t added .
    run -0 --separate-stderr in_image added sh -c \
        'cd /; find in owned copied | sort | xargs stat -c "%n %a %u:%g"; cat in/link'
    [ "$output" = "copied 755 0:0
copied/plain.tar 644 0:0
in 755 0:0
in/link 777 7:8
in/notes.gz 644 0:0
in/other 644 0:0
in/sub 751 7:8
in/sub/file 644 7:8
owned 755 1000:1001
owned/link 777 1000:1001
owned/sub 751 1000:1001
owned/sub/file 644 1000:1001
x" ]
}

@test "a step is done once, and again when what it depends on changes" {
    dockerfile <<'END'
FROM box
COPY first /first
RUN cat /first > /made
COPY second /second
END
    echo 1 >first
    echo 2 >second
    run -0 --separate-stderr crank build --progress plain -t cached .
    [ "$(steps)" = "CACHED DONE DONE DONE" ]
    run -0 --separate-stderr crank build --progress plain -t cached .
    [ "$(steps)" = "CACHED CACHED CACHED CACHED" ]
    # A time is no content.
    touch first second
    run -0 --separate-stderr crank build --progress plain .
    [ "$(steps)" = "CACHED CACHED CACHED CACHED" ]
    echo 3 >second
    run -0 --separate-stderr crank build --progress plain .
    [ "$(steps)" = "CACHED CACHED CACHED DONE" ]
    echo 3 >first
    run -0 --separate-stderr crank build --progress plain .
    [ "$(steps)" = "CACHED DONE DONE DONE" ]
    # What it was before is still known.
    echo 1 >first
    echo 2 >second
    run -0 --separate-stderr crank build --progress plain .
    [ "$(steps)" = "CACHED CACHED CACHED CACHED" ]
    run -0 --separate-stderr crank build --progress plain --no-cache .
    [ "$(steps)" = "CACHED DONE DONE DONE" ]
}

@test "the same input gives the same image, whoever builds it where and when" {
    dockerfile <<'END'
FROM box
COPY tree /tree
RUN mkdir /new && echo x > /new/file && date > /dev/null && chown -R worker /new
WORKDIR /app
END
    mkdir -p tree/sub
    echo x >tree/sub/x
    chmod 0755 tree tree/sub
    chmod 0644 tree/sub/x
    first=$(umask 022 && crank build -q --no-cache .)
    mkdir elsewhere
    (umask 077 && mkdir -p elsewhere/tree/sub && cat tree/sub/x >elsewhere/tree/sub/x)
    cp Dockerfile elsewhere/
    touch -d 2001-02-03 elsewhere/tree/sub/x
    # Another root with a base of its own, too.
    second=$(
        export CRANK_ROOT=$CRANK_TEST_DIR/root2 TZ=Asia/Tokyo
        umask 077
        box_image
        crank build -q --no-cache elsewhere
    )
    rm -rf "$CRANK_TEST_DIR/root2"
    [ "$first" = "$second" ]
    echo 'RUN head -c 16 /dev/urandom > /random' >>Dockerfile
    [ "$(crank build -q --no-cache .)" != "$(crank build -q --no-cache .)" ]
}

@test "a RUN that changes no file makes no layer, and mounts leave no trace" {
    dockerfile <<'END'
FROM scratch
COPY busybox /busybox
RUN ["/busybox", "true"]
RUN ["/busybox", "cat", "/etc/hosts", "/etc/resolv.conf"]
END
    cp "$(command -v busybox)" busybox
    crank build -q -t traces .
    [ "$(crank inspect traces | jq '.[0].RootFS.Layers | length')" = 1 ]
    dockerfile <<'END'
FROM box
RUN touch /etc/mine && rmdir /tmp
END
    crank build -q -t traces .
    layer=$(crank inspect traces | jq -r '.[0].RootFS.Layers[-1]')
    mkdir out
    crank save -o image.tar traces
    tar -C out -xf image.tar
    blob=out/blobs/sha256/${layer#sha256:}
    [ -f "$blob" ] || blob=$(grep -lr . out/blobs/sha256 | while read -r f; do
        [ "$(zcat -f "$f" | sha256sum | cut -d' ' -f1)" = "${layer#sha256:}" ] && echo "$f" && break
    done)
    run -0 bash -c "zcat -f '$blob' | tar -t | sort"
    [ "$output" = "$(printf '.wh.tmp\netc/\netc/mine')" ]
}

@test "a step that leaves the layer of an earlier one: the image builds on and runs" {
    printf '#!/bin/sh\necho twice\n' >"$CRANK_TEST_DIR/twice.sh"
    chmod 755 "$CRANK_TEST_DIR/twice.sh"
    dockerfile <<'END'
FROM box
COPY twice.sh /twice.sh
RUN chmod 755 /twice.sh
RUN /twice.sh >/said
COPY twice.sh /twice.sh
END
    mv "$CRANK_TEST_DIR/twice.sh" .
    crank build -q -t twice .
    [ "$(crank inspect twice | jq '.[0].RootFS.Layers | length - (unique | length)')" = 2 ]
    run -0 --separate-stderr in_image twice sh -c '/twice.sh; cat /said'
    [ "$output" = "$(printf 'twice\ntwice')" ]
}

@test "what the host lends for a build is in no layer and no configuration" {
    dockerfile <<'END'
FROM box
ARG HTTPS_PROXY
RUN echo "$PIP_INDEX_URL $HTTPS_PROXY $SSL_CERT_FILE"; test -s "$SSL_CERT_FILE"
END
    echo "certificate of the test" >ca.crt
    export PIP_INDEX_URL=http://index.lent.example/simple HTTPS_PROXY=http://proxy.lent.example:1
    export PIP_CERT=$PWD/ca.crt
    mkdir -p "$HOME/.config"
    crank config set build.host-trust true
    run -0 --separate-stderr crank build --progress plain --no-cache -t lent .
    crank config unset build.host-trust || true
    [[ $stderr == *"http://index.lent.example/simple http://proxy.lent.example:1 /run/crank/ca.crt"* ]]
    image_content lent >content
    run -1 grep -a -o -E '.{0,40}(lent\.example|certificate of the test|run/crank)' content
    unset HTTPS_PROXY PIP_INDEX_URL PIP_CERT
    # Off unless it is asked for.
    run -1 --separate-stderr crank build --progress plain --no-cache .
    [[ $stderr != *lent.example* ]]
    # A step that knows nobody who signs is told of it.
    printf 'FROM box\nRUN echo "SSL: CERTIFICATE_VERIFY_FAILED" >&2; exit 60\n' >Dockerfile
    run -1 --separate-stderr crank build .
    [[ $stderr == *"ended with exit code 60"*"hint: crank config set build.host-trust true"* ]]
    printf 'FROM box\nRUN exit 60\n' >Dockerfile
    run -1 --separate-stderr crank build .
    [[ $stderr != *host-trust* ]]
}

@test "stages: COPY --from, --target, only what is needed is built" {
    dockerfile <<'END'
FROM box AS builder
RUN echo made > /made && chmod 0700 /made
FROM box AS unused
RUN exit 9
FROM box AS last
COPY --from=builder /made /copy
COPY --from=box /etc/passwd /passwd
END
    crank build -q -t stages .
    run -0 --separate-stderr in_image stages sh -c \
        'cat /copy; stat -c %a /copy; head -1 /passwd; test -e /made || echo absent'
    [ "${lines[*]}" = "made 700 root:x:0:0:root:/root:/bin/sh absent" ]
    run -0 crank build -q --target builder -t stages .
    run -1 crank build -q --target unused .
    run ! crank build --target nowhere .
    [[ $output == *nowhere* ]]
}

@test "--explain says what would be done and does nothing" {
    dockerfile <<'END'
FROM box
COPY file /file
RUN cat /file
RUN true
END
    echo x >file
    before=$(crank images --quiet | sort)
    run -0 --separate-stderr crank build --explain .
    [[ ${lines[0]} == "base "* ]]
    [[ ${lines[1]} == "run "*"COPY file /file"*"1 file"* ]]
    [[ ${lines[2]} == "after "* ]]
    [ "$(crank images --quiet | sort)" = "$before" ]
    crank build -q .
    run -0 --separate-stderr crank build --explain .
    [[ ${lines[3]} == "cached "* ]]
}

@test "the Dockerfile may come from elsewhere or from standard input" {
    dockerfile <<<'FROM nowhere'
    echo x >file
    mkdir other
    printf 'FROM box\nCOPY file /file\n' >other/Dockerfile.special
    first=$(crank build -q -f other/Dockerfile.special .)
    second=$(crank build -q -f - . <other/Dockerfile.special)
    [ "$first" = "$second" ]
    printf 'FROM box\nRUN true\n' | crank build -q -
    run ! crank build - <other/Dockerfile.special
    [[ $output == *"no context to copy from"* ]]
}

@test "an alias stands for an image, and build says so" {
    dockerfile <<<'FROM stands-for:1'
    crank config set alias.stands-for:1 box
    run -0 --separate-stderr crank build --progress plain .
    [[ $stderr == *"using alias stands-for:1 -> box"* ]]
}

@test "images are accepted elsewhere" {
    require skopeo command -v skopeo
    dockerfile <<'END'
FROM box
RUN echo x > /file
CMD ["cat", "/file"]
END
    crank build -q -t elsewhere:1 .
    crank save -o image.tar elsewhere:1
    run -0 skopeo inspect docker-archive:image.tar
    [ "$(jq '.Layers | length' <<<"$output")" = "$(crank inspect elsewhere:1 | jq '.[0].RootFS.Layers | length')" ]
}
