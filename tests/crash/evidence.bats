#!/usr/bin/env bats
# tools/lint_evidence.py: evidence that does not speak of this code any more fails ./dev lint.
bats_require_minimum_version 1.5.0
load ../lib/common

LINT=$BATS_TEST_DIRNAME/../../tools/lint_evidence.py

setup() {
    require git command -v git
    common_setup
    export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
    git init -q -b main top
    cd top || return 1
    git config user.name test
    git config user.email test@localhost
    mkdir -p src/store src/cli docs/evidence
    change src/store/file
    evidence crash-kill.json 500
    evidence power-cut.json 100
    evidence runtime-kill.json 1000
    evidence races.json 340000
}
teardown() { common_teardown; }

# change FILE [DAYS]: a commit that changes it, so many days from now.
change() {
    local date
    date="$(($(date +%s) + ${2:-0} * 86400)) +0000"
    echo "$RANDOM $RANDOM" >>"$1"
    git add "$1"
    GIT_COMMITTER_DATE=$date GIT_AUTHOR_DATE=$date git commit -q -m "change $1"
}

# changes COUNT: so many commits that change src/store/file, two days from now.
changes() {
    local number date=$(($(date +%s) + 2 * 86400)) from="from refs/heads/main^0"
    for ((number = 0; number < $1; ++number)); do
        printf 'commit refs/heads/main\ncommitter test <test@localhost> %s +0000\ndata 2\nx\n%s\n' \
            "$date" "$from"
        printf 'M 100644 inline src/store/file\ndata 5\n%04d\n\n' "$number"
        from=
    done | git fast-import --quiet
    git reset -q --hard
}

# evidence FILE COUNT [MEMBERS]: of the commit at hand.
evidence() {
    printf '{"what": "x", "commit": "%s", "count": %s, "broken": 0, "date": "2026-01-01",
"machine": "m", "runs": [{"seed": 1, "count": %s}]%s}' \
        "$(git rev-parse HEAD)" "$2" "$2" "${3:-}" >"docs/evidence/$1"
}

lint() { python3 "$LINT" "$PWD"; }

@test "evidence of the last change, or of one a little before it, is good" {
    run -0 lint
    [ -z "$output" ]
    changes 50
    run -0 lint
    [ -z "$output" ]
    # what changed elsewhere does not matter
    evidence crash-kill.json 500
    evidence power-cut.json 100
    for _ in {1..51}; do change src/cli/file 3; done
    change src/store/file 4
    for _ in 1 2 3; do change src/cli/file 300; done
    run -0 lint
    [ -z "$output" ]
}

@test "evidence is too old after 50 commits and after 30 days" {
    changes 51
    run -1 lint
    [[ ${lines[0]} == "docs/evidence/crash-kill.json: src/store,"*"in 51 commits since"*"./dev test --long" ]]
    evidence crash-kill.json 500
    evidence power-cut.json 100
    run -0 lint
    change src/store/file 33  # the others were two days from now
    run -1 lint
    [[ ${lines[1]} == "docs/evidence/power-cut.json: "*"in 1 commits since"*"last 31 days after"* ]]
}

@test "evidence that is absent, cut, too little, broken or of no commit is named" {
    rm docs/evidence/power-cut.json
    run -1 lint
    [ "$output" = "docs/evidence/power-cut.json: is not there: ./dev test --long makes it" ]
    echo '{' >docs/evidence/power-cut.json
    run -1 lint
    [[ $output == "docs/evidence/power-cut.json: is no JSON: "* ]]
    echo '{}' >docs/evidence/power-cut.json
    run -1 lint
    [ "$output" = "docs/evidence/power-cut.json: lacks what, str" ]
    evidence power-cut.json 99
    run -1 lint
    [ "$output" = "docs/evidence/power-cut.json: a campaign of 99; 100 are wanted" ]
    evidence power-cut.json 100 ', "broken": 2'
    run -1 lint
    [[ $output == *": 2 things were broken: "* ]]
    evidence power-cut.json 100 ', "count": 200'
    run -1 lint
    [[ $output == *"its count is not the sum of its runs" ]]
    evidence power-cut.json 100 ', "changes_beside_the_commit": true'
    run -1 lint
    [[ $output == *"changes that are in no commit" ]]
}

# fuzzed COUNT FINDINGS: evidence of one target, of the commit at hand.
fuzzed() {
    printf '{"what": "fuzzing", "runs": [{"target": "store_fuzz", "commit": "%s", "count": %s,
"findings": %s}]}' "$(git rev-parse HEAD)" "$1" "$2" >docs/evidence/fuzz.json
}

@test "a fuzz target without its inputs, with a finding or of old code is named" {
    mkdir -p tests/fuzz
    printf '#include <vector>\n#include "fuzz_support.h"\n#include "store/tar_reader.h"\n' \
        >tests/fuzz/store_fuzz.cpp
    git add tests
    git commit -q -m target
    run -0 lint  # it is new
    [[ $output == "note: docs/evidence/fuzz.json: store_fuzz had 0 inputs; 10000000 are wanted: "* ]]
    fuzzed 10000000 0
    run -0 lint
    [ -z "$output" ]
    fuzzed 1 2
    run -1 lint
    [ "$output" = "docs/evidence/fuzz.json: store_fuzz has open findings: mend them and run it again" ]
    echo '{' >docs/evidence/fuzz.json
    run -1 lint
    [[ $output == "docs/evidence/fuzz.json: is no JSON: "* ]]
    fuzzed 9999999 0
    run -0 lint
    [[ $output == "note: docs/evidence/fuzz.json: store_fuzz had 9999999 inputs; "* ]]
    change src/cli/file 31
    run -1 lint
    [[ $output == "docs/evidence/fuzz.json: store_fuzz had 9999999 inputs; 10000000 are wanted: "* ]]
    fuzzed 10000000 0
    # a room that the target does not include may change
    for _ in 1 2 3; do change src/cli/file 300; done
    run -0 lint
    changes 51
    evidence crash-kill.json 500
    evidence power-cut.json 100
    run -1 lint
    [[ $output == "docs/evidence/fuzz.json: store_fuzz: src/store changed in "*"./dev test --long" ]]
}

@test "a shallow clone and an unknown commit are said and pass" {
    for _ in 1 2 3; do change src/store/file; done
    git add docs
    git commit -q -m evidence
    git clone -q --depth 1 "file://$PWD" ../shallow
    cd ../shallow
    run -0 lint
    [[ ${lines[0]} == "note: docs/evidence/crash-kill.json: its age was not checked: "*"shallow" ]]
    cd ../top
    sed -i 's/"commit": "[0-9a-f]*"/"commit": "0123456789012345678901234567890123456789"/' \
        docs/evidence/*.json
    run -0 lint
    [[ ${lines[1]} == "note: docs/evidence/power-cut.json: "*"it is not in this history" ]]
}
