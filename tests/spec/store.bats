#!/usr/bin/env bats
# What images take of the disk, and what can be said of them.

# shellcheck disable=SC2154 # run sets stderr
bats_require_minimum_version 1.5.0
load ../lib/build

setup_file() {
    crank_setup_file
    box_image
}
setup() { crank_setup; }
teardown() {
    crank config unset storage.max
    crank_teardown
}
teardown_file() { crank_teardown_file; }

# df_bytes TYPE: that row of df
df_bytes() { crank df --format '{{.Type}}={{.Bytes}}' | sed -n "s/^$1=//p"; }

# gone IMAGE...: rmi, as soon as the monitors of throw-away containers have let go of them
gone() {
    local name until=$((SECONDS + CRANK_LEFT_DEADLINE))
    for name in "$@"; do
        until crank rmi "$name"; do
            [ "$SECONDS" -lt "$until" ] || return 1
            sleep 0.05
        done
    done
}

@test "df equals du to the block, with containers and without" {
    [ "$(df_bytes Total)" = "$(du -sB1 "$CRANK_ROOT" | cut -f1)" ]
    crank run -d --name sleeper --network none box sleep 1000
    crank exec sleeper dd if=/dev/zero of=/file bs=1M count=3
    sync -f "$CRANK_ROOT"
    [ "$(df_bytes Total)" = "$(du -sB1 "$CRANK_ROOT" | cut -f1)" ]
    [ "$(df_bytes Containers)" -ge 3145728 ]
    run -0 --separate-stderr crank df
    [[ ${lines[0]} =~ ^TYPE\ +TOTAL\ +ACTIVE\ +SIZE\ +RECLAIMABLE$ ]]
    [[ ${lines[1]} =~ ^Images\ +1\ +1\  ]]
    [ -z "$stderr" ]
}

@test "df of a root that is not there is nothing" {
    run -0 --separate-stderr crank --root "$CRANK_TEST_DIR/none" df
    [[ ${lines[6]} =~ ^Total\ +0\ +0\ +0B ]]
    [ ! -e "$CRANK_TEST_DIR/none/format" ]
}

@test "an identical file is one inode in two images" {
    for name in one two; do
        dockerfile <<END
FROM scratch
COPY $name /unique
COPY big /$name/big
END
        echo "$name" >"$name"
        yes same | head -c 3000000 >big
        crank build -q -t "$name" . >/dev/null
    done
    run -0 find "$CRANK_ROOT/l" -name big -links 2
    [ "${#lines[@]}" -eq 2 ]
    gone one two
}

@test "prune asks, takes what has no name, and leaves what a container needs" {
    dockerfile <<END
FROM box
RUN echo first > /file
END
    first=$(crank build -q -t app .)
    crank run --name ended --network none app true
    dockerfile <<END
FROM box
RUN echo second > /file
END
    second=$(crank build -q -t app .)
    dockerfile <<END
FROM box
RUN echo third > /file
END
    crank build -q -t app . >/dev/null
    run -2 --separate-stderr crank prune </dev/null
    [ "${stderr_lines[1]}" = "hint: crank prune -f" ]
    run -0 --separate-stderr crank prune -f --filter until=1h
    [ "${lines[0]}" = "Deleted build cache entries: 0" ]
    run -0 --separate-stderr crank prune -f
    [ "${lines[0]}" = "Deleted: $second" ]
    [[ ${lines[-1]} == "Total reclaimed space: "* ]]
    crank inspect "$first" >/dev/null
    [ "$(df_bytes Total)" = "$(du -sB1 "$CRANK_ROOT" | cut -f1)" ]
    crank rm ended
    crank run --rm --network none app cat /file
    run -0 crank prune -f
    [ "${lines[0]}" = "Deleted: $first" ]
    gone app
}

@test "prune and df name what they do not know" {
    run -2 --separate-stderr crank prune -f --filter label=x
    [ "${stderr_lines[0]}" = "crank prune: --filter label=x: unknown filter" ]
    run -2 --separate-stderr crank prune -f --filter until=soon
    [[ ${stderr_lines[0]} == "crank prune: --filter: "*"'soon'"* ]]
    run -2 --separate-stderr crank df --volumes
    run ! --separate-stderr crank config set storage.max plenty
    [[ ${stderr_lines[0]} == *"storage.max: invalid size 'plenty'"* ]]
}

@test "storage.max collects the build cache, never what has a name" {
    dockerfile <<END
FROM box
RUN dd if=/dev/urandom of=/big bs=1M count=4
END
    crank rmi "$(crank build -q .)"
    before=$(df_bytes Total)
    [ "$(df_bytes 'Build Cache')" -ge 4194304 ]
    crank config set storage.max "$((before - 4000000))"
    dockerfile <<END
FROM box
RUN echo small > /small
END
    run -0 --separate-stderr crank build -q -t small .
    [[ $stderr == *"storage.max is "*": removed "*" entries of the build cache and 0 images"* ]]
    [ "$(df_bytes Total)" -lt "$((before - 4000000))" ]
    crank run --rm --network none small cat /small
    crank config set storage.max 100k
    dockerfile <<END
FROM box
RUN echo more > /small
END
    run ! --separate-stderr crank build -q -t small2 .
    [[ $stderr == *"images with a tag or a container need "*"storage.max is 102kB"* ]]
    [[ $stderr == *"hint: crank df shows what is there"* ]]
    crank run --rm --network none small2 cat /small
    gone small small2
}

@test "image verify names the damage and whom it concerns; building again repairs" {
    dockerfile <<END
FROM box
COPY data /data
END
    echo content >data
    crank build -q -t app . >/dev/null
    run -0 crank image verify
    [[ $output == "Verified: 2 images, "*", no damage" ]]
    printf CONTENT | dd of="$(find "$CRANK_ROOT/l" -path '*/fs/data')" conv=notrunc status=none
    run -1 --separate-stderr crank image verify app
    [[ ${lines[0]} == "damaged: file data of layer sha256:"*" (app:latest)" ]]
    [[ $stderr == "hint: crank pull app:latest, or load or build it again"* ]]
    crank build -q -t app . >/dev/null
    run -0 --separate-stderr crank image verify
    [ "$(crank run --rm --network none app cat /data)" = content ]
    run -1 --separate-stderr crank image verify nothing
    [[ $stderr == *"no such image: nothing"* ]]
    gone app
}

@test "an image of 60 layers is mounted with at most 8 directories, and runs" {
    {
        echo 'FROM box'
        for i in $(seq 60); do echo "COPY f$i /d/f$i"; done
        echo 'RUN rm /d/f1'
    } >Dockerfile.deep
    dockerfile <Dockerfile.deep
    for i in $(seq 60); do echo "$i" >"f$i"; done
    crank build -q -t deep . >/dev/null
    [ "$(find "$CRANK_ROOT/m" -mindepth 1 -maxdepth 1 | wc -l)" -eq 1 ]
    [ "$(crank run --rm --network none deep sh -c 'cat /d/* | sort -n | tail -1; ls /d | wc -l')" = "60
59" ]
    run -0 crank image verify deep
    [ "$(df_bytes Total)" = "$(du -sB1 "$CRANK_ROOT" | cut -f1)" ]
    gone deep
    crank prune -f
    [ "$(find "$CRANK_ROOT/m" -mindepth 1 | wc -l)" -eq 0 ]
}

@test "image diff, tree and analyze say what is in an image" {
    dockerfile <<END
FROM box
COPY big /big
RUN rm /big && echo one > /file
END
    head -c 2000000 /dev/urandom >big
    crank build -q -t app . >/dev/null
    dockerfile <<END
FROM box
RUN echo three > /file && mkdir -p /var/lib/apt/lists && echo x > /var/lib/apt/lists/y
END
    crank tag app app:old
    crank build -q -t app . >/dev/null
    run -0 --separate-stderr crank image diff app:old app --format '{{.Change}} {{.Path}}'
    [[ $output == *"C /file"* && $output == *"A /var/lib/apt/lists/y"* ]]
    run -0 --separate-stderr crank image tree app
    [[ ${lines[0]} == "app:latest  "* ]]
    [[ ${lines[1]} == *"  also in "*"box:latest"* ]]
    [[ ${lines[-1]} == "  before: app:latest was "*" until "* ]]
    run -0 --separate-stderr crank image analyze app:old
    [[ $output == *"Replaced or deleted by a later layer, "*"/big  (layer "* ]]
    run -0 --separate-stderr crank image analyze app
    [[ $output == *"apt package lists"* ]]
    run ! --separate-stderr crank image diff app nothing
    [[ $stderr == *"no such image: nothing"* ]]
    run -2 --separate-stderr crank image diff app
    gone app app:old
}
