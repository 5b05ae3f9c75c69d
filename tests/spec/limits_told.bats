#!/usr/bin/env bats
# What a worker is told of its limits: variables for its CPUs, /dev/shm, --env-file.

# shellcheck disable=SC2016 # what stands in single quotes the shell in the container expands
# shellcheck disable=SC2154 # run sets stderr
bats_require_minimum_version 1.5.0
load ../lib/crank

setup_file() {
    crank_setup_file
    busybox_image
    told_image
}
setup() { crank_setup; }
teardown() { crank_teardown; }
teardown_file() { crank_teardown_file; }

# The image `told`: says itself how many threads there are to be.
told_image() {
    is_root && can_run >/dev/null 2>&1 || return 0 # the tests say why they skip
    mkdir -p told-context
    printf 'FROM busybox\nENV OMP_NUM_THREADS=7\n' >told-context/Dockerfile
    crank build -q -t told told-context >/dev/null
}

shown='echo "$OMP_NUM_THREADS,$GOMAXPROCS,$PYTHON_CPU_COUNT,$RAYON_NUM_THREADS,$OPENBLAS_NUM_THREADS,$MKL_NUM_THREADS"'
in_container() { crank run --rm --network none "$@"; }

@test "libraries are told the CPU quota, rounded up; without one nothing is said" {
    [ "$(in_container --cpus 1 busybox sh -c "$shown")" = 1,1,1,1,, ]
    [ "$(in_container --cpus 1.5 busybox sh -c "$shown")" = 2,2,2,2,, ]
    [ "$(in_container --cpus 0.2 busybox sh -c "$shown")" = 1,1,1,1,, ]
    [ "$(in_container busybox sh -c "$shown")" = ,,,,, ]
}

@test "the image, -e and --env-file stand above what crank says; -e above the file" {
    [ "$(in_container --cpus 1 told sh -c "$shown")" = 7,1,1,1,, ]
    [ "$(in_container --cpus 1 -e GOMAXPROCS=5 busybox sh -c "$shown")" = 1,5,1,1,, ]
    printf '# threads\n\nPYTHON_CPU_COUNT=3\nGOMAXPROCS=4\n' >threads.env
    [ "$(in_container --cpus 1 --env-file threads.env -e GOMAXPROCS=5 told sh -c "$shown")" = 7,5,3,1,, ]
    # a name alone takes the variable away where the caller has none
    [ "$(in_container --cpus 1 -e GOMAXPROCS busybox sh -c 'echo "${GOMAXPROCS-unset}"')" = unset ]
}

@test "exec and inspect see what the worker sees" {
    crank run -d --name told --cpus 1 --network none busybox sleep 100 >/dev/null
    [ "$(crank exec told sh -c 'echo $OMP_NUM_THREADS')" = 1 ]
    crank inspect told | jq -e '.[0].Config.Env | index("OMP_NUM_THREADS=1")' >/dev/null
}

@test "native workers are told too, below what their environment says" {
    [ "$(env -u OMP_NUM_THREADS GOMAXPROCS=6 crank run --rm --native --cpus 1 -- sh -c 'echo $OMP_NUM_THREADS,$GOMAXPROCS')" = 1,6 ]
    [ "$(env -u OMP_NUM_THREADS crank run --rm --native -- sh -c 'echo ${OMP_NUM_THREADS-unset}')" = unset ]
}

@test "env files: names alone, and what is wrong with them" {
    printf 'A= x y \nPASSED\nNOT_THERE\n' >some.env
    run env PASSED=on crank run --rm --network none --env-file some.env busybox sh -c 'echo "[$A]$PASSED${NOT_THERE-unset}"'
    [ "$output" = '[ x y ]onunset' ]
    run --separate-stderr in_container --env-file none.env busybox true
    [ "$status" -eq 125 ]
    [[ $stderr == "crank run: --env-file: "*none.env*"No such file or directory"* ]]
    printf 'A=1\nexport B=2\n' >bad.env
    run --separate-stderr in_container --env-file bad.env busybox true
    [ "$status" -eq 125 ]
    [[ $stderr == 'crank run: --env-file: bad.env: line 2: the name "export B" holds a blank'* ]]
}

@test "/dev/shm as asked for; more than the memory is a warning, none an error" {
    run in_container --shm-size 100m busybox sh -c 'df -k /dev/shm | tail -1'
    [[ $output == *" 102400 "* ]]
    run in_container --shm-size 8m --memory 64m busybox sh -c 'df -k /dev/shm | tail -1'
    [[ $output == *" 8192 "* ]]
    run --separate-stderr in_container --shm-size 128m --memory 64m busybox true
    [ "$status" -eq 0 ]
    [[ $stderr == *"--shm-size=128MiB is more than --memory"* ]]
    run --separate-stderr in_container --shm-size 0 busybox true
    [ "$status" -eq 125 ]
    [[ $stderr == "crank run: --shm-size=0: nothing would fit into it"* ]]
    run --separate-stderr in_container --shm-size much busybox true
    [ "$status" -eq 125 ]
    [[ $stderr == "crank run: --shm-size: "* ]]
    run --separate-stderr crank run --native --shm-size 8m -- true
    [ "$status" -eq 125 ]
    crank run -d --name shm --shm-size 8m --network none busybox true >/dev/null
    [ "$(crank inspect -f '{{.HostConfig.ShmSize}}' shm)" = 8388608 ]
}

@test "the init forwards signals and reaps what is left behind; without it a worker does that itself" {
    crank run -d --name init --network none busybox sh -c 'trap "echo got USR1" USR1; echo ready; while :; do sleep 0.1; done' >/dev/null
    until crank logs init | grep -q ready; do sleep 0.05; done
    crank kill -s USR1 init >/dev/null
    until crank logs init | grep -q "got USR1"; do sleep 0.05; done
    # an orphan of a dead parent does not stay as a zombie
    crank exec init sh -c '(sleep 0.2 &) ; true'
    sleep 0.6
    run crank exec init sh -c 'grep -l "State:.Z" /proc/[0-9]*/status 2>/dev/null'
    [ -z "$output" ]
    [ "$(crank exec init sh -c 'cat /proc/1/comm')" = crank-init ]
    crank run -d --name bare --init=false --network none busybox sleep 100 >/dev/null
    [ "$(crank exec bare sh -c 'cat /proc/1/comm')" = sleep ]
}
