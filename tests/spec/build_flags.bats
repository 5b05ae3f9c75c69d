#!/usr/bin/env bats
# crank build: what steps have beside the usual, what is written besides, what is looked at without
# building, and contexts that lie elsewhere.

# shellcheck disable=SC2034,SC2154 # flags are read by flags_fail_with, run sets stderr
# shellcheck disable=SC2016 # what stands in single quotes the shell in the step expands
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

# printed TEXT: the step printed the line.
printed() { grep -qE "^#[0-9]+ $1\$" <<<"$stderr" || { echo "$stderr" >&2 && return 1; }; }

@test "--add-host, --ulimit and --shm-size are the steps', and part of their keys" {
    dockerfile <<'END'
FROM box
RUN grep db /etc/hosts; grep machine /etc/hosts | cut -f1; ulimit -n; ulimit -Hn; df -k /dev/shm | awk 'NR==2{print $2 "K"}'
END
    local -a given=(--add-host db:10.1.2.3 --add-host machine:host-gateway --ulimit nofile=99:111 --shm-size 8m)
    run -0 --separate-stderr crank build --progress plain "${given[@]}" .
    printed $'10.1.2.3\tdb'
    printed '10\.[0-9.]+'
    printed 99
    printed 111
    printed 8192K
    run -0 --separate-stderr crank build --progress plain "${given[@]}" .
    [ "$(steps)" = "CACHED CACHED" ]
    run -0 --separate-stderr crank build --progress plain "${given[@]}" --shm-size 9m .
    [ "$(steps)" = "CACHED DONE" ]
    run -0 --separate-stderr crank build --progress plain .
    [ "$(steps)" = "CACHED DONE" ]
    flags=(--add-host db)
    flags_fail_with "--add-host" "db"
    flags=(--ulimit nofile=9:1)
    flags_fail_with "--ulimit" "the soft limit is above the hard one"
    flags=(--shm-size 0)
    flags_fail_with "--shm-size=0: nothing would fit into it"
    flags=(--network none --add-host machine:host-gateway)
    flags_fail_with "--add-host machine:host-gateway: no address leads to this machine" "--network bridge"
}

@test "--memory and its kin limit steps, and are no part of their keys" {
    dockerfile <<<$'FROM box\nRUN cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null; grep Cpus_allowed_list /proc/self/status; true'
    run -0 --separate-stderr crank build --progress plain --memory 64m --memory-swap 64m --cpu-shares 512 \
        --cpu-period 50000 --cpu-quota 25000 --cpuset-cpus 0 --cpuset-mems 0 .
    printed 67108864
    printed $'Cpus_allowed_list:\t0'
    run -0 --separate-stderr crank build --progress plain .
    [ "$(steps)" = "CACHED CACHED" ]
    printf 'FROM box\nRUN tail /dev/zero\n' >Dockerfile
    flags=(-m 16m --memory-swap 16m)
    flags_fail_with "Dockerfile:2: RUN: the command was killed: no memory was left"
    flags=(--memory-swap 16m)
    flags_fail_with "--memory-swap without --memory"
    flags=(--cpu-quota much)
    flags_fail_with '--cpu-quota: invalid number "much"'
    flags=(--cpuset-cpus x)
    flags_fail_with "--cpuset-cpus"
}

@test "--platform is this machine's alone; what changes nothing is taken" {
    dockerfile <<<$'FROM box\nRUN true'
    run -0 crank build -q --platform linux --label team=mail --load --rm --force-rm --compress -t x .
    [ "$(crank inspect -f '{{.Config.Labels.team}}' x)" = mail ]
    flags=(--platform linux/s390x)
    flags_fail_with '--platform "linux/s390x": this machine runs linux/' "crank has no emulator" "hint: --platform linux/"
    flags=(--platform "linux/amd64,linux/arm64")
    flags_fail_with "this machine runs"
    flags=(--label "=x")
    flags_fail_with "--label"
}

@test "--metadata-file has ids and names" {
    dockerfile <<<$'FROM box\nRUN true'
    crank build -q --metadata-file meta.json --iidfile id -t one -t two:2 .
    [ "$(jq -r '."containerimage.config.digest"' meta.json)" = "$(cat id)" ]
    [ "$(jq -r '."containerimage.digest"' meta.json)" = "$(cat id)" ]
    [ "$(jq -r '."image.name"' meta.json)" = "docker.io/library/one:latest,docker.io/library/two:2" ]
    crank build -q --metadata-file files.json --output out .
    [ "$(jq -c . files.json)" = "{}" ]
    flags=(--metadata-file nowhere/meta.json)
    flags_fail_with "--metadata-file" "nowhere"
}

@test "--check says what is odd, by BuildKit's rules, and builds nothing" {
    dockerfile <<'END'
FROM box AS Build
WORKDIR app
COPY hidden /hidden
ENV MODE=$NOBODY
CMD echo hello
END
    touch hidden
    echo hidden >.dockerignore
    before=$(crank images -aq | sort)
    run -1 --separate-stderr crank build --check .
    [[ $output == *"Dockerfile:1: "*"(StageNameCasing)"*"    1 | FROM box AS Build"* ]]
    for rule in WorkdirRelativePath CopyIgnoredFile UndefinedVar JSONArgsRecommended; do
        [[ $output == *"($rule)"* ]]
    done
    [ "$stderr" = "5 things found" ]
    [ "$(crank images -aq | sort)" = "$before" ]
    # what a file leaves out is not told
    sed -i '1i # check=skip=StageNameCasing,WorkdirRelativePath,CopyIgnoredFile,UndefinedVar' Dockerfile
    run -1 --separate-stderr crank build --call check .
    [ "$stderr" = "1 thing found" ]
    printf 'FROM box\nCMD ["true"]\n' >Dockerfile
    run -0 --separate-stderr crank build --check .
    [ -z "$output" ]
    [ "$stderr" = "nothing odd was found" ]
    # a base that is not here is not got for it
    printf 'FROM nobody.example/has:it\nENV MODE=$FROM_THE_BASE\n' >Dockerfile
    run -0 --separate-stderr crank build --check .
    [[ $stderr == *"nobody.example/has:it is not here"* ]]
    printf 'FROM box\nRNU x\n' >Dockerfile
    flags=(--check)
    flags_fail_with "Dockerfile:2" "RNU" "did you mean RUN?"
    flags=(--call outline)
    flags_fail_with "--call outline: crank has build and check" "crank build --explain"
}

@test "--push needs a name that is a registry's, before anything is built" {
    dockerfile <<<$'FROM box\nRUN true'
    flags=(--push)
    flags_fail_with "--push without a name" "-t REGISTRY/NAME:TAG"
    flags=(--push -t mine)
    flags_fail_with "mine:latest names no registry of yours"
    flags=(--push -t registry.example/x --output out)
    flags_fail_with "--push with --output out: it leads elsewhere"
    [ ! -e out ]
}

repository() {
    export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@t GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@t
    git init -q -b main work
    mkdir -p work/docker work/leads
    printf 'FROM box\nCOPY . /top\n' >work/Dockerfile
    printf 'FROM box\nCOPY file /sub\n' >work/docker/Dockerfile
    echo one >work/docker/file
    ln -s / work/leads/out
    git -C work add . && git -C work commit -qm 1 && git -C work tag v1
    echo two >work/docker/file
    git -C work commit -qam 2
    www=$CRANK_TEST_DIR/www-$BATS_TEST_NUMBER
    mkdir -p "$www"
    git clone -q --bare work "$www/repo.git"
    git -C "$www/repo.git" update-server-info
}

@test "a repository is a context: its head, a reference, a directory of it" {
    require "git" command -v git python3
    repository
    serve "$www"
    crank build -q -t top "$url/repo.git"
    run -0 --separate-stderr in_image top sh -c 'cat /top/docker/file; ls -A /top'
    [ "$output" = $'two\nDockerfile\ndocker\nleads' ]
    crank build -q -t kept --build-arg BUILDKIT_CONTEXT_KEEP_GIT_DIR=1 "$url/repo.git"
    run -0 in_image kept ls -d /top/.git
    crank build -q -t tagged "$url/repo.git#v1:docker"
    run -0 --separate-stderr in_image tagged cat /sub
    [ "$output" = one ]
    printf 'FROM box\nCOPY docker/file /whole\n' >work/docker/Whole
    git -C work add . && git -C work commit -qm 3 && git -C work push -q "$www/repo.git" main
    git -C "$www/repo.git" update-server-info
    crank build -q -f docker/Whole -t other "$url/repo.git"
    run -0 --separate-stderr in_image other cat /whole
    [ "$output" = two ]
    run ! --separate-stderr crank build -f docker/Other "$url/repo.git"
    [[ $stderr == *"there is no file docker/Other in $url/repo.git"* ]]
    run ! --separate-stderr crank build "$url/repo.git#main:nowhere"
    [[ $stderr == *"$url/repo.git has no directory nowhere"* ]]
    # a link in it leads to nothing of this machine
    run ! --separate-stderr crank build "$url/repo.git#main:leads/out/etc"
    [[ $stderr == *"has no directory leads/out/etc"* ]]
    run ! --separate-stderr crank build "$url/repo.git#nowhere"
    [[ $stderr == *"has no reference nowhere"* ]]
    # as a named context
    dockerfile <<<$'FROM box\nCOPY --from=source file /named'
    crank build -q --build-context "source=$url/repo.git#v1:docker" -t named .
    run -0 --separate-stderr in_image named cat /named
    [ "$output" = one ]
    flags=(--build-context "source=$url/repo.git#nowhere")
    flags_fail_with "--build-context source=" "has no reference nowhere"
}

@test "an archive's URL is a context, and a Dockerfile's URL a Dockerfile" {
    require "python3" command -v python3
    www=$CRANK_TEST_DIR/archives
    mkdir -p tree "$www"
    printf 'FROM box\nCOPY file /file\n' >tree/Dockerfile
    cp tree/Dockerfile tree/Other
    echo content >tree/file
    tar -C tree -czf "$www/context.tar.gz" .
    printf 'FROM box\nRUN echo alone >/alone\n' >"$www/Dockerfile.alone"
    serve "$www"
    crank build -q -t packed "$url/context.tar.gz"
    run -0 --separate-stderr in_image packed cat /file
    [ "$output" = content ]
    crank build -q -f Other "$url/context.tar.gz"
    crank build -q -t alone "$url/Dockerfile.alone"
    run -0 --separate-stderr in_image alone cat /alone
    [ "$output" = alone ]
    run ! --separate-stderr crank build -f Other "$url/Dockerfile.alone"
    [[ $stderr == *"which is no tar archive"* ]]
    run ! --separate-stderr crank build "$url/nowhere.tar"
    [[ $stderr == *"the context $url/nowhere.tar"*"status 404"* ]]
    dockerfile <<<$'FROM box\nCOPY --from=packed file /named'
    crank build -q --build-context "packed=$url/context.tar.gz" -t named .
    run -0 --separate-stderr in_image named cat /named
    [ "$output" = content ]
    flags=(--build-context "packed=$url/Dockerfile.alone")
    flags_fail_with "is no tar archive" "ADD $url/Dockerfile.alone"
    run ! --separate-stderr crank build ftp://example.org/x
    [[ $stderr == *"of the network come http, https and git"* ]]
}

@test "a layout is a named context, by tag and by digest" {
    dockerfile <<<$'FROM box\nRUN echo laid >/laid'
    crank build -q -t laid:1 .
    crank save --format oci-dir -o layout laid:1
    crank rmi laid:1 >/dev/null
    printf 'FROM base\nCOPY --from=base /laid /again\n' >Dockerfile
    crank build -q --build-context base=oci-layout://layout -t one .
    run -0 --separate-stderr in_image one cat /laid /again
    [ "$output" = $'laid\nlaid' ]
    first=$(crank inspect -f '{{.Id}}' one)
    [ "$(crank build -q --pull --build-context base=oci-layout://layout:1 .)" = "$first" ]
    digest=$(jq -r '.manifests[0].digest' layout/index.json)
    [ "$(crank build -q --build-context "base=oci-layout://layout:1@$digest" .)" = "$first" ]
    flags=(--build-context base=oci-layout://nowhere)
    flags_fail_with "--build-context base=oci-layout://nowhere: there is no directory nowhere"
    flags=(--build-context base=oci-layout://layout:9)
    flags_fail_with "--build-context base=oci-layout://layout:9"
    flags=(--build-context base=target:x)
    flags_fail_with "contexts are directories, repositories, archives and images" "oci-layout://DIRECTORY"
}
