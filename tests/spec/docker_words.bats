#!/usr/bin/env bats
# What people know from Docker: every flag of its commands is taken, or refused by its name with the
# nearest thing.

# shellcheck disable=SC2154 # run sets stderr
bats_require_minimum_version 1.5.0
load ../lib/common

setup() { common_setup; }
teardown() { common_teardown; }

# known VERB FLAG: crank knows the flag. Nothing is done: --help stands behind it. A flag that takes a
# word takes --help for that one, and another follows.
known() {
    # shellcheck disable=SC2086 # words of a verb
    run --separate-stderr crank $1 "$2" --help --help
    [[ $stderr == *"unknown flag: "* ]] && return 1
    if [[ $stderr == *"is not supported yet"* ]]; then
        [ "${#stderr_lines[@]}" = 2 ] && [[ ${stderr_lines[0]} == *"$2"* || $2 == -? ]] &&
            [[ ${stderr_lines[1]} == "hint: "* && ${stderr_lines[1]} != *" --help" ]]
    fi
}

@test "every flag of Docker's commands is taken, or refused with the nearest thing" {
    local verb flags flag count=0
    local -a wrong=()
    while IFS=: read -r verb flags; do
        for flag in $flags; do
            known "$verb" "--${flag%,*}" || wrong+=("$verb --${flag%,*}: ${stderr}")
            [[ $flag != *,* ]] || known "$verb" "-${flag#*,}" || wrong+=("$verb -${flag#*,}: ${stderr}")
            count=$((count + 1))
        done
    done < <(grep -v '^#' "${BATS_TEST_DIRNAME}/docker_flags")
    printf '%s\n' "${wrong[@]}"
    [ "$count" -gt 350 ]
    [ "${#wrong[@]}" = 0 ]
}

@test "Docker's other commands are named with what does their work here" {
    local verb
    for verb in checkpoint context manifest node plugin scout secret service stack swarm trust; do
        run -2 --separate-stderr crank "$verb" ls
        [ "${stderr_lines[0]}" = "crank: crank $verb is not supported yet" ]
        [[ ${stderr_lines[1]} == "hint: "* ]]
    done
    run -0 crank buildx build --help
    [[ $output == "Usage: crank build"* ]]
    run -0 crank builder build --help
}

@test "half of a verb is led to the whole" {
    run -2 --separate-stderr crank bootstrap
    [ "${stderr_lines[0]}" = 'crank: no command "bootstrap"' ]
    [ "${stderr_lines[1]}" = "hint: did you mean crank image bootstrap?" ]
    run -2 --separate-stderr crank exists x
    [ "${stderr_lines[1]}" = "hint: did you mean crank container exists or crank volume exists or crank image exists?" ]
}
