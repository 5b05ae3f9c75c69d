#!/usr/bin/env bats
# `crank` alone: where you are.

# shellcheck disable=SC2154 # run sets stderr
bats_require_minimum_version 1.5.0
load ../lib/crank

setup_file() { crank_setup_file; }
setup() { crank_setup; }
teardown() { crank_teardown; }
teardown_file() { crank_teardown_file; }

@test "on an empty machine crank says the first steps" {
    run -0 --separate-stderr crank
    [ -z "$stderr" ]
    [[ $output == "There is no image and no container here yet. First steps:"*"crank doctor"*"crank build -t mail ."*"crank --help lists every command." ]]
    # help is still asked for by its name
    run -0 crank --help
    [[ $output == "Usage: crank"* ]]
    run -0 crank help
    [[ $output == "Usage: crank"* ]]
    run -0 crank help ps
    [[ $output == "Usage: crank ps"* ]]
    run -0 --separate-stderr as_nobody env -u CRANK_ROOT -u CRANK_STATE HOME=/nonexistent crank
    [[ $output == *"crank --help lists every command"* ]]
}

@test "crank alone says what runs, what failed and why, and what to type next" {
    busybox_image
    run -0 crank
    [[ $output == "There is no container here yet."*"crank images"* ]]
    crank run -d --name mail --network none busybox sleep 600 >/dev/null
    crank run --name job --network none busybox sh -c 'exit 3' || true
    crank run --name fine --network none busybox true
    crank run -d --name ill --network none --health-interval 50ms --health-retries 1 \
        --health-cmd 'echo no answer; exit 4' busybox sleep 600 >/dev/null
    until_true eval '[ "$(crank inspect -f "{{.State.Health.Status}}" ill)" = unhealthy ]'
    run -0 --separate-stderr crank
    [ -z "$stderr" ]
    [[ $output == "Running:"*"ill "*"(unhealthy)"*"mail "*"Up "*"Look at:"*"Next:"*"crank why ill"*"crank logs -f ill"* ]]
    [[ $output == *"  job: Exited (3) "*": it ended by itself with exit code 3"* ]]
    [[ $output == *"  ill: Up "*"and is unhealthy: its health check"*'last with exit code 4, "no answer"'* ]]
    [[ $output != *"fine"* ]]
    crank rm -f mail ill >/dev/null
    run -0 crank
    [[ $output == "Nothing runs."*"Look at:"*"job: "*"crank why job"*"crank run -d IMAGE"* ]]
}

@test "what cannot be read is said, and help is near" {
    mkdir -p broken
    echo x >broken/containers
    run -0 --separate-stderr crank --root "$PWD/broken"
    [[ $stderr == "crank: "* ]]
    [[ $output == *"crank --help lists every command"* ]]
}
