#!/usr/bin/env bats
# crank build: RUN --mount, secrets, agents, named contexts. What a mount shows is in no layer, and
# a step is done again when what it reads has changed.

# shellcheck disable=SC2034,SC2154 # flags are read by flags_fail_with, run sets stderr
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
    [ -z "$(find "$CRANK_ROOT/tmp" -mindepth 1 2>/dev/null | head -1)" ]
}
teardown_file() { crank_teardown_file; }

# layers_of IMAGE: how many it has.
layers_of() { crank inspect "$1" | jq '.[0].RootFS.Layers | length'; }

# shellcheck disable=SC2154 # stderr comes from `run --separate-stderr`
# printed LINE...: what the last build's steps printed has these lines, in this order.
printed() {
    local text
    while IFS= read -r text; do
        if [ $# -gt 0 ] && [ "$text" = "$1" ]; then shift; fi
    done < <(sed -nE 's/^#[0-9]+ //p' <<<"$stderr")
    [ $# -eq 0 ] || {
        printf 'missing: %s\n%s\n' "$1" "$stderr" >&2
        return 1
    }
}

@test "a cache outlives the build, and no layer has it" {
    dockerfile <<'END'
FROM box
ARG TURN
RUN --mount=type=cache,target=/root/.cache/x echo "$TURN" >> /root/.cache/x/turns; cat /root/.cache/x/turns
END
    run -0 --separate-stderr crank build --progress plain --build-arg TURN=1 -t one .
    run -0 --separate-stderr crank build --progress plain --build-arg TURN=2 -t two .
    printed 1 2
    [ "$(layers_of two)" = "$(layers_of box)" ]
    # An unchanged step is not done again, nor does what another left in the cache change the key.
    run -0 --separate-stderr crank build --progress plain --build-arg TURN=2 -t two .
    [ "$(steps)" = "CACHED CACHED" ]
    run -0 --separate-stderr crank build --progress plain --build-arg TURN=1 -t one .
    [ "$(steps)" = "CACHED CACHED" ]
    run -0 crank prune -f
    [[ $output == *"Deleted directories of RUN --mount=type=cache: 1"* ]]
    run -0 --separate-stderr crank build --progress plain --no-cache --build-arg TURN=3 .
    printed 3
    run ! printed 1
}

@test "a cache has its id, owner, mode and what it begins with" {
    dockerfile <<'END'
FROM box AS seed
RUN mkdir -p /seed/sub && echo s > /seed/sub/file
FROM box
RUN --mount=type=cache,id=a,target=/one echo x > /one/file
RUN --mount=type=cache,id=a,target=/two,ro cat /two/file; touch /two/new || echo read-only
RUN --mount=type=cache,id=b,target=/d,from=seed,source=/seed cat /d/sub/file
USER worker
RUN --mount=type=cache,id=a,target=/c,uid=1000,gid=1001,mode=0700 stat -c '%u:%g %a' /c; ls /c; touch /c/mine
END
    run -0 --separate-stderr crank build --progress plain .
    printed x read-only s "1000:1001 700"
}

@test "private caches are apart, locked ones wait" {
    dockerfile <<'END'
FROM box
ARG WHO
ARG SHARING
RUN --mount=type=cache,id=gate,target=/go --mount=type=cache,id=p,target=/c,sharing=$SHARING \
    echo "$WHO" >> /c/who; cat /c/who; touch /go/begun-$WHO; until [ -e /go/end-$WHO ]; do sleep 0.05; done
END
    # A shared cache is the gate between steps that run at the same time.
    open_gate() {
        printf 'FROM box\nRUN --mount=type=cache,id=gate,target=/go touch %s\n' "$*" >Gate
        crank build -q --no-cache -f Gate . >/dev/null
    }
    crank build --progress plain --build-arg WHO=a --build-arg SHARING=private . >a.log 2>&1 3>&- &
    local first=$!
    until_true grep -qE '^#[0-9]+ a$' a.log
    open_gate /go/end-b /go/end-c
    run -0 --separate-stderr crank build --progress plain --build-arg WHO=b --build-arg SHARING=private .
    printed b
    run ! printed a
    crank build --progress plain --build-arg WHO=c --build-arg SHARING=locked . >c.log 2>&1 3>&- &
    local second=$!
    until_true grep -q 'SHARING' c.log
    run ! grep -E '^#[0-9]+ c$' c.log
    open_gate /go/end-a
    wait "$first"
    wait "$second"
    # It waited for the first, whose directory it then had.
    grep -qE '^#[0-9]+ a$' c.log
    grep -qE '^#[0-9]+ c$' c.log
}

@test "a new cache that several builds share is filled by one, and the others wait for that" {
    dockerfile <<'END'
FROM box AS seed
RUN mkdir -p /seed && i=0; while [ $i -lt 300 ]; do mkdir /seed/$i && echo $i >/seed/$i/file; i=$((i + 1)); done
FROM box
ARG WHO
RUN --mount=type=cache,id=filled,target=/c,from=seed,source=/seed find /c -type f | wc -l; echo "by $WHO"
END
    crank build -q --target seed . >/dev/null
    local who turn
    for turn in 1 2 3; do
        crank prune -f >/dev/null
        crank build -q --target seed . >/dev/null
        local -a builds=()
        for who in 1 2 3 4; do
            crank build --progress plain --build-arg "WHO=$turn-$who" . >"$who.log" 2>&1 3>&- &
            builds+=($!)
        done
        for who in "${builds[@]}"; do wait "$who"; done
        for who in 1 2 3 4; do grep -qE '^#[0-9]+ 300$' "$who.log"; done
    done
}

@test "bind mounts show the context, a stage and an image, and take nothing" {
    dockerfile <<'END'
FROM box AS maker
RUN mkdir /out && echo made > /out/file && chown -R worker /out
FROM box
RUN --mount=target=/src cat /src/in/a; cp -a /src/in /copied; touch /src/x 2>/dev/null || echo read-only
RUN --mount=type=bind,source=in/a,target=/work/a,rw echo more >> /work/a; cat /work/a
RUN --mount=type=bind,from=maker,source=/out,target=/out stat -c %U /out/file; cat /out/file
RUN --mount=type=bind,from=box,target=/other,rw head -1 /other/etc/passwd; touch /other/new
END
    mkdir -m 0700 in
    echo a >in/a
    chmod 0600 in/a
    run -0 --separate-stderr crank build --progress plain -t binds .
    printed a read-only a more worker made root:x:0:0:root:/root:/bin/sh
    [ "$(cat in/a)" = a ]
    # What is copied from the context is normalised, as by COPY.
    run -0 --separate-stderr in_image binds sh -c \
        'stat -c "%a %u %Y" /copied/a; ls -d /src /work /out /other 2>/dev/null | wc -l'
    [ "$output" = $'644 0 315619200\n0' ]
    local all="CACHED CACHED CACHED CACHED CACHED CACHED CACHED"
    run -0 --separate-stderr crank build --progress plain .
    [ "$(steps)" = "$all" ]
    touch in/a
    run -0 --separate-stderr crank build --progress plain .
    [ "$(steps)" = "$all" ]
    echo b >in/a
    run -0 --separate-stderr crank build --progress plain .
    printed b b more
    [ "$(steps)" = "CACHED CACHED CACHED DONE DONE DONE DONE" ]
}

@test "a stage that only a mount reads is built, and its change is seen" {
    dockerfile <<'END'
FROM scratch AS data
COPY data /data
FROM box
RUN --mount=from=data,target=/m cat /m/data
END
    echo 1 >data
    run -0 --separate-stderr crank build --progress plain .
    printed 1
    echo 2 >data
    run -0 --separate-stderr crank build --progress plain .
    printed 2
}

@test "tmpfs mounts are empty, bounded and gone" {
    dockerfile <<'END'
FROM box
RUN --mount=type=tmpfs,target=/tmp,size=1m stat -f -c %T /tmp; dd if=/dev/zero of=/tmp/x bs=1M count=2; wc -c </tmp/x
RUN ls -A /tmp | wc -l
END
    run -0 --separate-stderr crank build --progress plain -t tmp .
    printed tmpfs 1048576 0
    [ "$(layers_of tmp)" = "$(layers_of box)" ]
}

@test "a secret is seen by its step alone" {
    dockerfile <<'END'
FROM box
RUN --mount=type=secret,id=token cat /run/secrets/token; stat -c '%a %u:%g' /run/secrets/token
RUN --mount=type=secret,id=token,target=etc/t,uid=1000,gid=1001,mode=0440 stat -c '%a %u:%g' /etc/t; grep -c '^tmpfs /etc/t ' /proc/mounts
RUN --mount=type=secret,id=word,env=WORD echo "word $WORD"; test ! -e /run/secrets
RUN --mount=type=secret,id=absent test ! -e /run/secrets/absent
RUN test ! -e /run/secrets -a -z "$WORD"
END
    echo 'hush-hush-9471' >token
    chmod 0600 token
    export WORD=hush-word-9471
    local -a given=(--secret "id=token,src=token" --secret "id=word,env=WORD")
    run -0 --separate-stderr crank build --progress plain "${given[@]}" -t secrets .
    printed hush-hush-9471 "400 0:0" "440 1000:1001" 1 "word hush-word-9471"
    image_content secrets >content
    run -1 grep -a -o 'hush-[a-z]*-9471' content
    run -1 grep -r -a -l 'hush-[a-z]*-9471' "$CRANK_ROOT"
    [ "$(layers_of secrets)" = "$(layers_of box)" ]
    # Another secret is no other step.
    echo another >token
    run -0 --separate-stderr crank build --progress plain "${given[@]}" .
    [ "$(steps)" = "CACHED CACHED CACHED CACHED CACHED CACHED" ]
    # By its id alone it is the variable of that name, or the file.
    dockerfile <<'END'
FROM box
RUN --mount=type=secret,id=WORD cat /run/secrets/WORD; echo
RUN --mount=type=secret,id=token cat /run/secrets/token
END
    echo by-name >token
    run -0 --separate-stderr crank build --progress plain --secret id=WORD --secret id=token .
    printed hush-word-9471 by-name
}

@test "a secret that a step needs and nobody gives" {
    dockerfile <<<$'FROM box\nRUN --mount=type=secret,id=token,required true'
    flags_fail_with "Dockerfile:2" "RUN --mount=type=secret,id=token,required true" \
        "the step needs the secret token" "crank build --secret id=token,src=FILE"
    flags=(--secret "id=token,src=nowhere")
    flags_fail_with "there is no file nowhere" "env=NAME"
    flags=(--secret src=nowhere)
    flags_fail_with "it has no id" "crank build --secret id=token,src=token.txt"
    head -c 600000 /dev/zero >big
    flags=(--secret "id=token,src=big")
    flags_fail_with "larger than 500 KiB"
}

@test "an agent answers through a socket of the step's own" {
    require "ssh-agent" command -v ssh-agent ssh-keygen ssh-add
    dockerfile <<'END'
FROM box
RUN --mount=type=ssh stat -c '%a %u:%g %F' $SSH_AUTH_SOCK
RUN --mount=type=ssh,id=other,target=/tmp/agent,mode=0666,uid=1000,gid=1001 stat -c '%a %u:%g' /tmp/agent
RUN --mount=type=ssh,id=absent test -z "$SSH_AUTH_SOCK"
END
    ssh-keygen -q -t ed25519 -N '' -C key-of-the-test -f key
    ssh-keygen -q -t ed25519 -N secret -f locked
    run -0 --separate-stderr crank build --progress plain --ssh default=key --ssh other=key -t agents .
    printed "600 0:0 socket" "666 1000:1001"
    run ! --separate-stderr crank build --no-cache --ssh default=locked .
    [[ $stderr == *"does not take the key"* ]]
    dockerfile <<<$'FROM box\nRUN --mount=type=ssh,required true'
    flags_fail_with "Dockerfile:2" "the step needs the ssh agent default" "crank build --ssh default"
    unset SSH_AUTH_SOCK
    flags=(--ssh default)
    flags_fail_with "SSH_AUTH_SOCK is not set" "ssh-agent"
    flags=(--ssh default=/nowhere)
    flags_fail_with "there is no file /nowhere"
}

@test "a mount's place is found through links, and leaves no trace" {
    dockerfile <<'END'
FROM box
RUN mkdir -p /real/dir /gone/old && ln -s /real /link && rm -r /gone && mkdir /gone
RUN --mount=type=cache,target=/link/new/cache touch /real/new/cache/x
RUN --mount=type=tmpfs,target=/gone/a/b touch /gone/a/b/x
RUN --mount=type=tmpfs,target=/kept/a touch /kept/beside
END
    crank build -q -t places .
    [ "$(layers_of places)" = $(($(layers_of box) + 2)) ]
    run -0 --separate-stderr in_image places sh -c 'ls -A /real /gone /kept'
    [ "$output" = $'/gone:\n\n/kept:\nbeside\n\n/real:\ndir' ]
}

@test "bad mounts, by what is wrong" {
    dockerfile <<<$'FROM box\nRUN --mount=target=/ true'
    flags_fail_with "Dockerfile:2" "a mount cannot take the place of /"
    dockerfile <<<$'FROM box\nRUN --mount=target=/x,source=nowhere true'
    flags_fail_with "Dockerfile:2" "nowhere does not exist in the build context"
    dockerfile <<<$'FROM box\nRUN --mount=target=/x,from=box,source=/nowhere true'
    flags_fail_with "Dockerfile:2" "/nowhere does not exist in box"
    dockerfile <<<$'FROM box\nRUN --mount=type=secret true'
    flags_fail_with "Dockerfile:2" "names no secret"
    dockerfile <<<$'FROM box\nRUN --mount=type=chache,target=/x true'
    flags_fail_with "Dockerfile:2" "did you mean type=cache?"
}

@test "named contexts stand for directories, images, stages and bases" {
    dockerfile <<'END'
FROM box AS maker
RUN echo from-the-stage > /file
FROM base
COPY --from=files a /a
COPY --from=maker file /file
RUN --mount=from=files,target=/m cat /m/a /a /file
END
    mkdir files replaced
    echo from-files >files/a
    echo hidden >files/b
    echo b >files/.dockerignore
    echo from-the-directory >replaced/file
    local -a given=(--build-context files=files --build-context base=docker-image://box)
    run -0 --separate-stderr crank build --progress plain "${given[@]}" -t named .
    printed from-files from-files from-the-stage
    given+=(--build-context maker=replaced)
    run -0 --separate-stderr crank build --progress plain "${given[@]}" .
    printed from-files from-files from-the-directory
    run -0 --separate-stderr crank build --progress plain "${given[@]}" .
    [[ "$(steps)" != *DONE* ]]
    echo changed >files/a
    run -0 --separate-stderr crank build --progress plain "${given[@]}" .
    printed changed changed from-the-directory
}

@test "a directory is a base, and a context that is none is refused" {
    dockerfile <<<$'FROM root\nCOPY more /more'
    mkdir -p rootdir/bin
    cp "$(command -v busybox)" rootdir/bin/cat
    echo more >"more"
    first=$(crank build -q --build-context root=rootdir -t rooted .)
    touch rootdir/bin/cat
    [ "$(crank build -q --no-cache --build-context root=rootdir .)" = "$first" ]
    run -0 --separate-stderr in_image rooted /bin/cat /more
    [ "$output" = more ]
    flags=(--build-context root=nowhere)
    flags_fail_with "there is no directory nowhere" "docker-image://"
    flags=(--build-context root=ftp://example.org/x)
    flags_fail_with "contexts are directories, repositories, archives and images"
}
