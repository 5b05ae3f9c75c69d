#!/usr/bin/env bats
# crank build: flags of COPY, ADD from the network, contexts from standard input, --output.

# shellcheck disable=SC2034,SC2154 # flags are read by flags_fail_with, run sets stderr
bats_require_minimum_version 1.5.0
load ../lib/build
load ../lib/registry

setup_file() {
    crank_setup_file
    box_image
}
setup() {
    crank_setup
    require "busybox" command -v busybox
}
teardown() {
    if [ -n "${server:-}" ]; then kill "$server" 2>/dev/null || true; fi
    crank_teardown
    [ -z "$(find "$CRANK_ROOT/tmp" -mindepth 1 2>/dev/null | head -1)" ]
}
teardown_file() { crank_teardown_file; }

@test "COPY --parents keeps directories, from the pivot on, and --exclude leaves out" {
    dockerfile <<'END'
FROM box
COPY --parents a/b/one.txt a/c /all/
COPY --parents a/./b/one.txt a/./c/ /pivot/
COPY --parents a/**/*.txt /deep/
COPY --exclude=**/*.txt --exclude=c/skip a /some/
END
    mkdir -p a/b a/c/d
    touch a/b/one.txt a/c/d/two.txt a/c/three a/c/skip
    crank build -q -t parents .
    run -0 --separate-stderr in_image parents sh -c 'cd /; find all pivot deep some -type f | sort | xargs'
    [ "$output" = "all/a/b/one.txt all/a/c/d/two.txt all/a/c/skip all/a/c/three deep/a/b/one.txt deep/a/c/d/two.txt pivot/b/one.txt pivot/c/d/two.txt pivot/c/skip pivot/c/three some/c/three" ]
}

@test "COPY --chmod takes what chmod takes" {
    dockerfile <<'END'
FROM box
COPY --chmod=u=rwX,go= tree /tree
COPY --chmod=+x file /file
COPY --chmod=0604 file /octal
END
    mkdir tree
    touch tree/plain file
    crank build -q -t modes .
    run -0 --separate-stderr in_image modes stat -c '%a %n' /tree /tree/plain /file /octal
    [ "$output" = $'700 /tree\n600 /tree/plain\n755 /file\n604 /octal' ]
    printf 'FROM box\nCOPY --chmod=u+q file /\n' >Dockerfile
    flags_fail_with "Dockerfile:2" 'invalid mode "u+q" of --chmod' "u=rwX,go=rX"
}

@test "COPY --link does not depend on what lies below" {
    dockerfile <<'END'
FROM box
ARG TURN
RUN echo "$TURN" > /turn
COPY --link --chown=worker file /there/
END
    echo x >file
    run -0 --separate-stderr crank build --progress plain --build-arg TURN=1 .
    [ "$(steps)" = "CACHED DONE DONE" ]
    run -0 --separate-stderr crank build --progress plain --build-arg TURN=2 -t linked .
    [ "$(steps)" = "CACHED DONE CACHED" ]
    run -0 --separate-stderr in_image linked sh -c 'cat /turn /there/file; stat -c %U /there/file'
    [ "$output" = $'2\nx\nworker' ]
    echo y >file
    run -0 --separate-stderr crank build --progress plain --build-arg TURN=2 .
    [ "$(steps)" = "CACHED CACHED DONE" ]
}

@test "ADD takes files by their URL, and proves their checksum" {
    require "python3" command -v python3
    local www=$CRANK_TEST_DIR/www
    mkdir -p "$www"
    echo one >"$www/file.txt"
    serve "$www"
    dockerfile <<END
FROM box
ADD $url/file.txt /in/
END
    run -0 --separate-stderr crank build --progress plain -t added .
    run -0 --separate-stderr in_image added sh -c 'cat /in/file.txt; stat -c "%a %Y" /in/file.txt'
    [ "$output" = $'one\n600 315619200' ]
    run -0 --separate-stderr crank build --progress plain .
    [ "$(steps)" = "CACHED CACHED" ]
    echo two >"$www/file.txt"
    run -0 --separate-stderr crank build --progress plain .
    [ "$(steps)" = "CACHED DONE" ]
    local sum
    sum=$(echo two | sha256sum | cut -d' ' -f1)
    printf 'FROM box\nADD --checksum=sha256:%s %s/file.txt /in/\n' "$sum" "$url" >Dockerfile
    crank build -q . >/dev/null
    printf 'FROM box\nADD --checksum=sha256:%s %s/file.txt /in/\n' "${sum//[0-9]/0}" "$url" >Dockerfile
    flags_fail_with "Dockerfile:2" "has the checksum sha256:$sum"
    printf 'FROM box\nADD %s/nowhere /in/\n' "$url" >Dockerfile
    flags_fail_with "Dockerfile:2" "answers with status 404"
    printf 'FROM box\nADD %s/ /in/\n' "$url" >Dockerfile
    flags_fail_with "Dockerfile:2" "names no file" "/in/NAME"
    # What is known by its checksum is not asked for again.
    printf 'FROM box\nADD --checksum=sha256:%s %s/file.txt /in/\n' "$sum" "$url" >Dockerfile
    kill "$server"
    wait "$server" || true
    run -0 --separate-stderr crank build --progress plain .
    [ "$(steps)" = "CACHED CACHED" ]
}

@test "ADD takes repositories by a reference" {
    require "git" command -v git python3
    export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@t GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@t
    git init -q -b main work
    mkdir work/sub
    echo 1 >work/sub/file
    git -C work add . && git -C work commit -qm 1 && git -C work tag v1
    echo 2 >work/sub/file
    git -C work commit -qam 2
    local www=$CRANK_TEST_DIR/repositories
    mkdir -p "$www"
    git clone -q --bare work "$www/repo.git"
    git -C "$www/repo.git" update-server-info
    serve "$www"
    dockerfile <<END
FROM box
ADD $url/repo.git /head
ADD $url/repo.git#v1:sub /tag
ADD --keep-git-dir $url/repo.git#main /kept
END
    run -0 --separate-stderr crank build --progress plain -t repos .
    run -0 --separate-stderr in_image repos sh -c 'cat /head/sub/file /tag/file; ls -A /head; ls -d /kept/.git'
    [ "$output" = $'2\n1\nsub\n/kept/.git' ]
    run -0 --separate-stderr crank build --progress plain .
    [ "$(steps)" = "CACHED CACHED CACHED CACHED" ]
    printf 'FROM box\nADD %s/repo.git#nowhere /x\n' "$url" >Dockerfile
    flags_fail_with "Dockerfile:2" "the repository has no reference nowhere" "git ls-remote"
}

@test "the context may come from standard input" {
    dockerfile <<<$'FROM box\nCOPY file /file'
    echo x >file
    first=$(crank build -q .)
    second=$(tar -czf - . | crank build -q -)
    [ "$first" = "$second" ]
    mkdir sub
    mv Dockerfile sub/Other
    [ "$(tar -cf - . | crank build -q -f sub/Other -)" = "$first" ]
    run ! --separate-stderr crank build -f sub/Other - <file
    [[ $stderr == *"takes a tar archive"* ]]
}

@test "--output writes files, a tar or an archive, and keeps no image" {
    dockerfile <<'END'
FROM scratch AS files
COPY file /dir/file
FROM box
CMD ["echo", "hello"]
END
    echo x >file
    before=$(crank images -q | sort)
    crank build --output out --target files .
    [ "$(cat out/dir/file)" = x ]
    crank build --output type=tar,dest=out.tar --target files .
    crank build --output type=tar --target files . >again.tar
    cmp out.tar again.tar
    [ "$(tar -tf out.tar | xargs)" = "dir/ dir/file" ]
    crank build --output type=oci,dest=image.tar -t leaves:1 .
    [ "$(crank images -q | sort)" = "$before" ]
    crank load -q -i image.tar
    run -0 --separate-stderr crank run --rm --network none leaves:1
    [ "$output" = hello ]
    run ! --separate-stderr crank build --output type=ocy .
    [[ $stderr == *"types are local, tar, oci, docker, image and registry"* ]]
    run ! --separate-stderr crank build --output type=local .
    [[ $stderr == *"needs dest=DIRECTORY"* ]]
}

@test "--no-cache-filter does one stage again, --iidfile has the id" {
    dockerfile <<'END'
FROM box AS one
RUN echo 1 > /one
FROM box
RUN echo 2 > /two
COPY --from=one /one /one
END
    crank build -q .
    run -0 --separate-stderr crank build --progress plain --no-cache-filter one --iidfile id -t filtered .
    [ "$(steps)" = "CACHED DONE CACHED CACHED CACHED" ]
    [ "$(cat id)" = "$(crank inspect filtered | jq -r '.[0].Id')" ]
    run -0 --separate-stderr crank build --no-cache-filter nowhere .
    [[ $stderr == *"names no stage of the file: nowhere"* ]]
}
