#!/usr/bin/env bats
# What builders of ten years were broken with (security-history.md, "Builders"): mounts of a step,
# repositories, ignore files and variables. The host's canary is never read, changed or removed.

# shellcheck disable=SC2154 # run sets stderr
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
    require "git and python3" command -v git python3
    CANARY=$CRANK_TEST_DIR/canary
    mkdir -p "$CANARY/stub"
    echo untouched-9471 >"$CANARY/file"
    BEFORE=$(canary)
}
teardown() {
    if [ -n "${server:-}" ]; then kill "$server" 2>/dev/null || true; fi
    if [ "$BEFORE" != "$(canary)" ]; then
        printf 'the canary changed:\n%s\n%s\n' "$BEFORE" "$(canary)" >&2
        return 1
    fi
    crank_teardown
}
teardown_file() { crank_teardown_file; }

canary() { find "$CANARY" -printf '%p %y %m %U %G %s %T@\n' | sort; }

@test "what a step puts in the place of a mount's stub is not followed when the stub goes (CVE-2024-23652)" {
    # by a link that was there before the mount, and by one that the step makes above it
    dockerfile <<END
FROM box
RUN ln -s $CANARY /before && mkdir -p $CANARY
RUN --mount=type=tmpfs,target=/before/stub --mount=type=cache,target=/before/file touch /before/stub/x
RUN --mount=type=tmpfs,target=/a/stub (mv /a /b; umount /a/stub; rm -rf /a; ln -s $CANARY /a) 2>/dev/null; true
RUN --mount=type=bind,source=.,target=/c/d/stub (mv /c/d /c/e; ln -s $CANARY /c/d) 2>/dev/null; true
END
    crank build -q -t stubs .
    # a place that is left alone leaves no trace
    dockerfile <<'END'
FROM box
RUN --mount=type=tmpfs,target=/made/stub touch /made/stub/x
END
    crank build -q -t stubs .
    run ! in_image stubs ls -d /made
}

@test "a cache or a stage that is a link leads nowhere on the host (CVE-2024-1753, CVE-2024-9675)" {
    dockerfile <<END
FROM box AS links
RUN ln -s / /root-link && ln -s $CANARY /canary-link
FROM box
RUN --mount=type=bind,from=links,source=/root-link,target=/m,rw ls /m/etc/passwd /m$CANARY/file 2>&1; touch /m/made-9471; true
END
    run -0 --separate-stderr crank build --progress plain -t stolen .
    [[ "$stderr" == *"/m/etc/passwd"* ]]
    [[ "$stderr" == *"/m$CANARY/file: No such file or directory"* ]]
    [ ! -e /made-9471 ]
    dockerfile <<END
FROM box AS links
RUN ln -s $CANARY /canary-link
FROM box
RUN --mount=type=bind,from=links,source=/canary-link,target=/m,rw cat /m/file
END
    run ! --separate-stderr crank build --progress plain .
    [[ "$stderr" != *untouched-9471* ]]
    local id
    for id in "../../../../../../../../..$CANARY" "$CANARY" .. . a/../..; do
        printf 'FROM box\nRUN --mount=type=cache,id=%s,target=/c ls -A /c; cat /c/file; touch /c/planted; true\n' \
            "$id" >Dockerfile
        run --separate-stderr crank build --progress plain --no-cache .
        [[ "$stderr" != *untouched-9471* ]]
        [ ! -e "$CANARY/planted" ]
    done
    # a cache of that name is one as any other
    printf 'FROM box\nRUN --mount=type=cache,id=..,target=/c test -e /c/planted\n' >Dockerfile
    crank build -q .
}

@test "a shared cache in which another build exchanges directories for links (CVE-2024-23651, CVE-2024-11218)" {
    local round racer
    printf 'FROM box\nRUN --mount=type=cache,id=raced,target=/c mkdir -p /c/x && echo own >/c/x/file\n' >Dockerfile
    crank build -q .
    mkdir racing
    cat >racing/Dockerfile <<END
FROM box
RUN --mount=type=cache,id=raced,target=/c ln -s $CANARY /c/y; \
    end=\$((\$(date +%s) + 8)); while [ \$(date +%s) -lt \$end ]; do \
        for i in 1 2 3 4 5 6 7 8 9; do mv /c/x /c/z; mv -T /c/y /c/x; mv -T /c/x /c/y; mv /c/z /c/x; done; done
END
    crank build -q --no-cache racing >/dev/null 2>&1 3>&- &
    racer=$!
    for ((round = 0; round < 12; round++)); do
        printf 'FROM box\nRUN --mount=type=cache,id=raced,source=x,target=/m cat /m/file; touch /m/planted; true\n' \
            >Dockerfile
        run --separate-stderr crank build --progress plain --no-cache .
        [[ "$stderr" != *untouched-9471* ]]
    done
    wait "$racer" || true
    [ ! -e "$CANARY/planted" ]
    # a cache as a whole is what a step gets, and keeps what another put into it
    dockerfile <<'END'
FROM box
RUN --mount=type=cache,id=calm,target=/c mkdir /c/x && echo own >/c/x/file
RUN --mount=type=cache,id=calm,target=/m grep own /m/x/file
END
    crank build -q .
}

@test "a mount that asks for propagation, and a step that asks for more rights, are refused (CVE-2024-9407, CVE-2024-23653)" {
    printf 'FROM box\nRUN --mount=type=bind,target=/m,bind-propagation=shared true\n' >Dockerfile
    run ! --separate-stderr crank build .
    [[ "$stderr" == *"bind-propagation"* ]]
    printf 'FROM box\nRUN --security=insecure id\n' >Dockerfile
    run ! --separate-stderr crank build .
    [[ "$stderr" == *"insecure"* ]]
    printf 'FROM box\nRUN --security=none id\n' >Dockerfile
    run ! --separate-stderr crank build .
    [[ "$stderr" == *'sandbox or insecure, not "none"'* ]]
    # each step has the filter, and no more rights than a container
    printf '# syntax=docker/dockerfile:1\nFROM box\nRUN --security=sandbox grep -E "^(Seccomp|NoNewPrivs):" /proc/self/status\n' \
        >Dockerfile
    run -0 --separate-stderr crank build --progress plain .
    [[ "$stderr" == *$'Seccomp:\t2'* ]]
}

@test "an ignore file that is a link out of the context tells nothing of what it leads to (CVE-2022-4122, CVE-2022-4123)" {
    mkdir context
    echo 'untouched-9471' >"$CRANK_TEST_DIR/outside"
    echo x >context/untouched-9471
    printf 'FROM box\nCOPY . /in\n' >context/Dockerfile
    local name target said=""
    for name in .dockerignore .containerignore; do
        for target in "$CRANK_TEST_DIR/outside" ../outside "$CRANK_TEST_DIR/nothing"; do
            ln -sfn "$target" "context/$name"
            run --separate-stderr crank build -q -t ignored context
            # either it is refused, or it is no list of what to leave out
            if [ "$status" -eq 0 ]; then in_image ignored ls /in/untouched-9471; fi
            [[ "$stderr" != *"untouched"* ]]
            said+="$status "
        done
        rm "context/$name"
    done
    # what is there and what is not are told the same way
    [ "$(tr ' ' '\n' <<<"$said" | sed '/^$/d' | sort -u | wc -l)" = 1 ]
    echo untouched-9471 >context/.dockerignore
    crank build -q -t ignored context
    run ! in_image ignored ls /in/untouched-9471
}

@test "a step sees the variables that were declared, and none of the caller's (CVE-2021-3602)" {
    printf 'FROM box\nARG GIVEN=1\nENV MADE=2\nRUN env | cut -d= -f1 | sort | tr "\\n" " "\n' >Dockerfile
    TOKEN_9471=secret AWS_SECRET_ACCESS_KEY=secret LD_PRELOAD_9471=x \
        run -0 --separate-stderr crank build --progress plain --no-cache .
    [[ "$stderr" != *TOKEN_9471* && "$stderr" != *AWS_SECRET* && "$stderr" != *LD_PRELOAD* ]]
    [[ "$stderr" == *GIVEN* && "$stderr" == *MADE* ]]
}

@test "a reference or a directory of a repository is no option and no way out (CVE-2019-13139, CVE-2026-33748)" {
    local www=$CRANK_TEST_DIR/www work=$CRANK_TEST_DIR/work fragment
    mkdir -p "$www"
    git init -q -b main "$work"
    mkdir "$work/sub"
    echo inside >"$work/sub/file"
    ln -s "$CANARY" "$work/out"
    ln -s ../../../../../../../.. "$work/up"
    git -C "$work" add . && git -C "$work" commit -qm 1
    git clone -q --bare "$work" "$www/r.git"
    git -C "$www/r.git" update-server-info
    serve "$www"
    for fragment in "--upload-pack=touch $CANARY/planted" "-oProxyCommand=touch $CANARY/planted" --help \
        "main:../.." "main:/" "main:out" "main:up" "main:sub/../../.."; do
        printf 'FROM box\nADD ["%s/r.git#%s", "/in"]\n' "$url" "$fragment" >Dockerfile
        run --separate-stderr crank build --progress plain --no-cache -t escaped .
        if [ "$status" -eq 0 ]; then
            run ! in_image escaped grep -r untouched-9471 /in
        fi
        [[ "$stderr" != *untouched-9471* ]]
    done
    printf 'FROM box\nADD %s/r.git#main:sub /in\n' "$url" >Dockerfile
    crank build -q -t escaped .
    [ "$(in_image escaped cat /in/file)" = inside ]
}

@test "a URL with a password is refused before it is in a history or a label (CVE-2023-26054)" {
    mkdir passworded
    echo content >passworded/file
    serve "$PWD/passworded"
    local source
    for source in "http://user:secret-9471@${url#http://}/file" "http://user:secret-9471@${url#http://}/r.git"; do
        printf 'FROM box\nADD %s /file\n' "$source" >Dockerfile
        run ! --separate-stderr crank build -t fetched .
        [[ "$stderr" == *"holds a user name"* ]]
    done
    run ! grep -rqa secret-9471 "$CRANK_ROOT"
    printf 'FROM box\nADD %s/file /file\n' "$url" >Dockerfile
    crank build -q -t fetched .
    [ "$(in_image fetched cat /file)" = content ]
}
