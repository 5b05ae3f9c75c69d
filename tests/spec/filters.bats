#!/usr/bin/env bats
# ps and images with Docker's filters and sizes; container prune; what the shell completes; the
# manual.

bats_require_minimum_version 1.5.0
load ../lib/crank

setup_file() {
    crank_setup_file
    busybox_image
}
setup() { crank_setup; }
teardown() { crank_teardown; }
teardown_file() { crank_teardown_file; }

run_one() { crank run --network none "$@" >/dev/null; }
names() { crank ps --format '{{.Names}}' "$@"; }

@test "ps: every key of Docker's filters" {
    run_one -d --name web --label tier=web -v "$PWD:/here" busybox sleep 600
    run_one --name gone busybox true
    run_one --name failed --label tier=db busybox sh -c 'exit 3' || true
    [ "$(names)" = web ]
    [ "$(names -a)" = "failed
gone
web" ]
    [ "$(names --filter status=exited)" = "failed
gone" ]
    [ "$(names -a --filter exited=3)" = failed ]
    [ "$(names -a --filter name=^we)" = web ]
    [ "$(names -a --filter name=one)" = gone ]
    [ "$(names -a --filter label=tier --filter label=tier=db)" = failed ]
    [ "$(names -a --filter before=failed)" = "gone
web" ]
    [ "$(names -a --filter since=web --filter since=gone)" = failed ]
    [ "$(names --filter volume=/here)" = web ]
    [ -z "$(names --filter volume=/there)" ]
    [ "$(names --filter network=none)" = web ]
    [ "$(names --filter health=none)" = web ]
    [ -z "$(names --filter health=healthy)" ]
    [ "$(names --filter id="$(crank ps -q)")" = web ]
    [ "$(names -a -n 1)" = failed ]
    [ "$(names -l)" = failed ]
    [ -z "$(names --filter publish=80)" ]
}

@test "ps: an ancestor is the image, or one that it was made from" {
    printf 'FROM busybox\nRUN echo x >/x\n' >Dockerfile
    crank build -q -t derived . >/dev/null
    run_one -d --name below busybox sleep 600
    run_one -d --name above derived sleep 600
    [ "$(names --filter ancestor=busybox)" = "above
below" ]
    [ "$(names --filter ancestor=derived)" = above ]
    [ "$(names --filter ancestor="$(crank images -q derived)")" = above ]
    [ -z "$(names --filter ancestor=nothing)" ]
    crank rm -f above below >/dev/null
    crank rmi derived >/dev/null
}

@test "ps: published ports" {
    crank run -d --name web -p 18475:80 busybox sleep 600 >/dev/null
    [ "$(names --filter publish=80)" = web ]
    [ "$(names --filter expose=70-90/tcp)" = web ]
    [ -z "$(names --filter publish=80/udp)" ]
}

@test "ps -s: what a container has written, and has with its image" {
    run_one -d --name web busybox sleep 600
    crank exec web sh -c 'head -c 1000000 /dev/zero >/tmp/file'
    run -0 crank ps -s
    [[ ${lines[0]} == *SIZE* ]]
    [[ ${lines[1]} == *"1MB (virtual "* ]]
    [[ $(crank ps --format '{{.Size}}') == "1MB (virtual "*"MB)" ]]
    run -0 crank ps
    [[ $output != *SIZE* ]]
}

@test "filters that are wrong are named" {
    run -2 crank ps --filter stauts=exited
    [[ $output == *"invalid filter 'stauts'"*"did you mean status?"* ]]
    run -2 crank ps --filter status=done
    [[ $output == *"--filter status=done: one of created, "* ]]
    run -2 crank ps --filter exited=x
    [[ $output == *"an exit code is a number"* ]]
    run -2 crank ps --filter publish=99999
    [[ $output == *'invalid port "99999"'* ]]
    run -2 crank ps --filter 'name=('
    [[ $output == *"no regular expression"* ]]
    run -1 crank ps --filter before=nobody
    [[ $output == *"no such container: nobody"* ]]
    run -2 crank images --filter dangling=perhaps
    [[ $output == *"--filter dangling=perhaps: true or false"* ]]
    run -1 crank images --filter since=nothing
    [[ $output == *"no such image: nothing"* ]]
}

@test "images: dangling, reference, label, before and since" {
    printf 'FROM busybox\nLABEL kind=test\n' >Dockerfile
    crank build -q -t team/labelled:1 . >/dev/null
    printf 'FROM busybox\nLABEL kind=none\n' >Dockerfile
    crank build -q . >/dev/null
    list() { crank images --format '{{.Repository}}:{{.Tag}}' "$@" | sort; }
    [ "$(list --filter label=kind=test)" = team/labelled:1 ]
    [ "$(list --filter dangling=true)" = '<none>:<none>' ]
    [ "$(list --filter dangling=false)" = "busybox:latest
team/labelled:1" ]
    [ "$(list --filter 'reference=team/*')" = team/labelled:1 ]
    [ "$(list --filter 'reference=*:latest')" = busybox:latest ]
    [ "$(list --filter 'reference=*')" = busybox:latest ]
    [ "$(list --filter before=team/labelled:1)" = busybox:latest ]
    [[ $(list --filter since=busybox) == *team/labelled:1* ]]
    [ -z "$(list --filter until=1h)" ]
    run -0 crank images --digests
    [[ ${lines[0]} == *DIGEST* ]]
    [ "$(crank image ls -aq | wc -l)" = 3 ]
    crank rmi team/labelled:1 "$(crank images -q --filter dangling=true)" >/dev/null
}

@test "container prune removes what has ended, and nothing else" {
    run_one -d --name web busybox sleep 600
    run_one --name kept --label keep busybox true
    run_one --name gone --label tier=db busybox true
    run -2 crank container prune </dev/null
    [[ $output == *"crank container prune -f"* ]]
    run -0 crank container prune -f --filter label=tier=db
    [[ $output == *"Total reclaimed space: "* ]]
    [ "$(names -a)" = "kept
web" ]
    crank container prune -f --filter until=1h >/dev/null
    [ "$(names -a)" = "kept
web" ]
    crank container prune -f >/dev/null
    [ "$(names -a)" = web ]
}

@test "Docker's names for the verbs" {
    run -0 crank container ls -q
    run -0 crank image history busybox
    run -0 crank image inspect busybox
    run -0 crank system df
    run -0 crank system info
    run -0 crank system events --until 0s
    run -0 crank image prune -f
    run -0 crank container ls --help
    [[ $output == "Usage: crank ps"* ]]
}

@test "bash completes verbs, flags and names that exist now" {
    run_one -d --name web busybox sleep 600
    offered() {
        bash -c '
            source <(crank completion bash)
            COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
            compopt() { :; }
            _crank
            printf "%s\n" "${COMPREPLY[@]}"' bash "$@"
    }
    [ "$(offered crank inspec)" = inspect ]
    [ "$(offered crank stop w)" = web ]
    [[ $(offered crank rmi "") == *busybox:latest* ]]
    [[ $(offered crank container "") == *prune* ]]
    [ "$(offered crank stats --no-st)" = --no-stream ]
    run -0 bash -n <(crank completion bash)
    run -2 crank completion bsh
    [[ $output == *"did you mean bash?"* ]]
}

@test "zsh and fish read their completion" {
    local shell
    for shell in zsh fish; do
        crank completion "$shell" >"completion.$shell"
        grep -q 'crank __complete' "completion.$shell"
        require "$shell, which reads it" command -v "$shell"
        "$shell" -n "completion.$shell"
    done
}

@test "the reference pages and the man pages are those of the tables" {
    crank __manual markdown made
    diff -r "$CRANK_SOURCE/docs/reference/cli" made
    crank __manual man pages
    [ -s pages/crank.1 ] && [ -s pages/crank-cp.1 ]
    run ! crank __manual pdf made
    if command -v man >/dev/null; then
        run -0 man --warnings -l -E UTF-8 -T utf8 pages/crank-run.1
        [[ $output != *warning* ]]
    fi
}
