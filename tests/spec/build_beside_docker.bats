#!/usr/bin/env bats
# The same Dockerfile, built by crank and by docker's BuildKit from the same base: the same configuration and the same files.
# tests/conformance/dockerfiles.sh does so with public ones.

# shellcheck disable=SC2154 # output comes from `run`
bats_require_minimum_version 1.5.0
load ../lib/peers

setup_file() {
    crank_setup_file
    box_image
    if can_run >/dev/null 2>&1; then crank save -o "$CRANK_TEST_DIR/box.tar" box; fi
}
setup() {
    crank_setup
    require "Debian's docker" test -x /usr/bin/docker
    require dockerd command -v dockerd
}
teardown() { crank_teardown; }
teardown_file() { crank_teardown_file; }

# both_build [FLAG...]: the context in the current directory; what differs, and is no rule, is printed and fails.
both_build() {
    local compare=$CRANK_SOURCE/tests/conformance/image_compare.py
    crank build -q -t both "$@" . >/dev/null
    crank save -o "$CRANK_TEST_DIR/ours.tar" both
    export CONTEXT=$PWD FLAGS=$*
    # shellcheck disable=SC2016 # for the shell inside
    run -0 among_peers '
        export DOCKER_BUILDKIT=1
        start_docker
        /usr/bin/docker load -q -i "$CRANK_TEST_DIR/box.tar" >&2
        /usr/bin/docker build -q -t both $FLAGS "$CONTEXT" >&2
        /usr/bin/docker save -o "$CRANK_TEST_DIR/theirs.tar" both'
    PYTHONDONTWRITEBYTECODE=1 run python3 "$compare" "$CRANK_TEST_DIR/ours.tar" "$CRANK_TEST_DIR/theirs.tar"
    printf '%s\n' "$output"
    [ "$status" -eq 0 ]
}

@test "instructions, copies, archives, links and what a step removes" {
    dockerfile <<'END'
ARG TOP=box
FROM ${TOP} AS maker
WORKDIR /made/here
RUN mkdir -p deep/er && echo made >deep/er/file && ln deep/er/file twin && ln -s deep/er way && mkfifo pipe && \
    chmod 2755 deep && chmod 4711 deep/er/file && chown 7:8 deep/er/file

FROM ${TOP}
ARG VERSION=1.0
LABEL org.example.version=$VERSION "with space"="a \"b\" c"
MAINTAINER somebody
ENV A=1 B="two words" PATH=/opt/bin:$PATH
ENV OLD style with spaces
USER worker:worker
WORKDIR /home/worker
WORKDIR data/of
COPY --chown=worker:worker tree/ ./tree/
COPY *.txt tree/sub/a /several/
COPY --from=maker /made/ /from/
COPY --from=maker --chown=1:2 /made/here/way /from/way-itself
ADD archive.tar.gz /archive/
ADD link.txt /through/
USER 0
RUN rm /bin/vi && rm -r /from/here/deep && mkdir /from/here/deep && echo again >/from/here/deep/x && rm -r /through
RUN ["/bin/sh", "-c", "echo $A-$VERSION >/said && mv /said /said-so && touch -d @1 /said-so"]
SHELL ["/bin/sh", "-ec"]
RUN echo "$OLD" >/old
VOLUME ["/data", "/more data"]
EXPOSE 80 443/tcp 53/udp 9000-9002
STOPSIGNAL SIGUSR1
HEALTHCHECK --interval=5s --timeout=2s --start-period=1s --retries=2 CMD test -e /old
ONBUILD COPY . /child
ONBUILD RUN echo child
USER worker
ENTRYPOINT ["/bin/sh", "-c"]
CMD echo hello
END
    mkdir -p tree/sub/empty
    echo a >tree/sub/a && echo b >tree/b && echo one >one.txt && echo two >two.txt && ln -s one.txt link.txt
    ln -s ../b tree/sub/up && ln -s /nowhere tree/dangling
    printf '%s\n' '**/*.no' '!keep.no' >.dockerignore
    touch tree/sub/x.no keep.no
    chmod 755 tree/b
    mkdir -p pack/inner && echo packed >pack/inner/file && chmod 640 pack/inner/file && ln -s inner/file pack/link
    tar -C pack --owner=10 --group=20 --numeric-owner -czf archive.tar.gz .
    rm -r pack
    both_build --build-arg VERSION=2.5
}

@test "an image without a system: links, owners by number, an exec form, the times of an archive" {
    dockerfile <<'END'
FROM scratch
COPY --chown=65532:65532 busybox /bin/busybox
COPY . /all
ADD files.tar /
ENTRYPOINT ["/bin/busybox"]
CMD ["true"]
END
    cp "$(command -v busybox)" busybox
    mkdir -p out && echo x >out/x && ln -s x out/y
    tar --owner=1 --group=2 --numeric-owner -cf files.tar out
    both_build
    run -0 --separate-stderr crank run --rm --network none both ls -ln /out/x
}

@test "a base with triggers" {
    dockerfile <<'END'
FROM box
ONBUILD ARG WHO=nobody
ONBUILD COPY --chown=worker file /got/
ONBUILD RUN echo "$WHO" >/got/who
CMD ["cat", "/got/who"]
END
    crank build -q -t triggers . >/dev/null
    crank save -o "$CRANK_TEST_DIR/box.tar" triggers
    dockerfile <<'END'
FROM triggers
RUN cat /got/file /got/who >/after
END
    echo content >file
    both_build --build-arg WHO=me
    run -0 --separate-stderr in_image both
    [ "$output" = me ]
}
