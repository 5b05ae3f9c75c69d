#!/usr/bin/env bats
# The example workers by themselves, without a container.

bats_require_minimum_version 1.5.0
load ../lib/common

setup() {
    common_setup
    workers=$(cd "$BATS_TEST_DIRNAME/../../examples/workers" && pwd)
    export PYTHONDONTWRITEBYTECODE=1
}
teardown() { common_teardown; }

@test "the e-mail classifier labels at least nine of ten mails it has not seen" {
    run python3 "$workers/email-classifier/test_classifier.py"
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "the e-mail classifier's training prints its accuracy and makes the same model twice" {
    for copy in first second; do
        cp -r "$workers/email-classifier" "$copy"
        rm -f "$copy/data/model.json"
        run --separate-stderr python3 "$copy/train.py"
        [ "$status" -eq 0 ]
        [[ "$output" == *"held-out accuracy: 0.9"* ]]
    done
    cmp first/data/model.json second/data/model.json
    [ -z "$(find first -name '__pycache__')" ]
}

@test "the echo worker answers, refuses and drains as its clients expect" {
    run python3 "$workers/echo-cpp/test_echo.py" "$CRANK_BIN/echo-cpp"
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "the echo worker is one static file of less than a megabyte, ready to be an image" {
    case ${CRANK_PRESET:-dev} in asan | tsan) skip "a sanitizer's runtime is not static" ;; esac
    local context=$CRANK_BIN/../echo-cpp
    [ -f "$context/Dockerfile" ]
    run ! ldd "$context/echo-cpp"
    [ "$(stat -c %s "$context/echo-cpp")" -lt 1000000 ]
}

@test "the image classifier reads drawings it has not seen, refuses bad images and drains" {
    run python3 "$workers/image-classifier-gpu/test_image_classifier.py" -v
    grep skipped <<<"$output" | sed "s/^/# /" >&3 || true # what was left out, and why
    echo "$output"
    [ "$status" -eq 0 ]
}
