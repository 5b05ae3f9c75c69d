#!/usr/bin/env bats
# crank image bootstrap: a Debian image with Python, and what is built on it. Installs Debian
# packages, which takes a minute or two.

# shellcheck disable=SC2154 # stderr comes from `run --separate-stderr`
bats_require_minimum_version 1.5.0
load ../lib/build
load ../lib/bases

# Most of the time is mmdebstrap's, whatever crank was compiled with.
wanted_here() { [ "${CRANK_PRESET:-dev}" = dev ]; }

setup_file() {
    crank_setup_file
    # the tests say why they skip
    is_root && command -v mmdebstrap >/dev/null && wanted_here || return 0
    # a ceiling that it cannot keep: one test asks what it said of it
    crank config set storage.max 1k
    crank image bootstrap -q --tag localhost/crank/python:3.11-slim >"$CRANK_TEST_DIR/id" 2>"$CRANK_TEST_DIR/bootstrap.log" ||
        echo "$?" >"$CRANK_TEST_DIR/status"
    crank config unset storage.max
    if [ ! -s "$CRANK_TEST_DIR/id" ]; then
        tail -20 "$CRANK_TEST_DIR/bootstrap.log" >&2
        return 1
    fi
    keep_python_base
}
setup() {
    crank_setup
    require mmdebstrap command -v mmdebstrap
    wanted_here || skip "the dev preset does this"
    base=localhost/crank/python:3.11-slim
}
teardown() { crank_teardown; }
teardown_file() { crank_teardown_file; }

@test "python and pip work as in the official image, and nothing else is installed" {
    run -0 --separate-stderr in_image "$base" sh -c \
        'python -c "import ssl, sqlite3, sys; print(sys.version_info[:2])"; pip --version | cut -d" " -f1
         /usr/local/bin/python3 -c "print(1)"; ls /usr/lib/python3*/EXTERNALLY-MANAGED 2>&1 | grep -c "No such"'
    [ "$output" = "$(printf '(3, 11)\npip\n1\n1')" ]
    run -0 --separate-stderr in_image "$base" sh -c \
        'pip list --format freeze 2>/dev/null | cut -d= -f1 | sort | tr "\n" " "'
    [ "$output" = "pip setuptools wheel " ]
    [ "$(crank inspect "$base" | jq -c '.[0].Config.Cmd')" = '["python3"]' ]
}

@test "storage.max is looked at afterwards, and what was made is there" {
    [ "$(cat "$CRANK_TEST_DIR/status")" -eq 1 ]
    grep -q 'images with a tag or a container need .*storage.max is 1.02kB' "$CRANK_TEST_DIR/bootstrap.log"
    [ "$(crank images -q --no-trunc "$base")" = "$(cat "$CRANK_TEST_DIR/id")" ]
}

@test "the image holds nothing of this machine" {
    run -0 --separate-stderr in_image "$base" sh -c \
        'find /dev /var/log /var/lib/apt/lists -type f; find /tmp /root/.cache -mindepth 1 2>/dev/null; cat /etc/machine-id 2>/dev/null;
         find / -xdev -newermt 1980-01-03 -not -path "/proc*" -not -path "/sys*" -not -path "/etc/host*" \
              -not -path /etc/resolv.conf -type f 2>/dev/null'
    [ -z "$output" ]
    run -0 --separate-stderr in_image "$base" sh -c 'cat /etc/apt/sources.list.d/*; test ! -e /etc/apt/sources.list'
    [[ $output == *"Suites: bookworm bookworm-updates"* ]]
}

@test "the same packages give the same image" {
    [ "${CRANK_TEST_LONG:-0}" = 1 ] || skip "takes a minute: ./dev test --long"
    second=$(
        umask 077
        export CRANK_ROOT=$CRANK_TEST_DIR/root2 TZ=Asia/Tokyo
        crank image bootstrap -q
    )
    rm -rf "$CRANK_TEST_DIR/root2"
    [ "$second" = "$(cat "$CRANK_TEST_DIR/id")" ]
}

@test "byte code is made again in a fixed order, unchecked, and is not stale" {
    dockerfile <<END
FROM $base
COPY package /usr/local/lib/python3.11/dist-packages/package
RUN python -m compileall -q /usr/local/lib/python3.11/dist-packages/package && touch /stamp
RUN echo 'broken (' > /usr/local/lib/python3.11/dist-packages/package/__pycache__/orphan.cpython-311.pyc
END
    mkdir package
    for name in a b c; do
        printf 'NAME = {"%s", "x", None}\nclass C:\n    def f(self): return "%s"\n' $name $name >"package/$name.py"
    done
    touch package/__init__.py
    first=$(crank build -q --no-cache -t bytes .)
    second=$(crank build -q --no-cache -t bytes .)
    [ "$first" = "$second" ]
    # Flags of PEP 552: hash-based, not checked.
    run -0 --separate-stderr in_image bytes python -c \
        'import glob; print({open(p, "rb").read(8)[4:] for p in glob.glob("/usr/local/lib/python3.11/dist-packages/package/__pycache__/[abc].*")},
                            {open(p, "rb").read(8)[4:] for p in glob.glob("/usr/lib/python3.11/json/__pycache__/*")})'
    [ "$output" = "{b'\x01\x00\x00\x00'} {b'\x01\x00\x00\x00'}" ]
    run -0 --separate-stderr in_image bytes python -v -c 'import package.a; print(package.a.C().f())'
    [ "$output" = a ]
    [[ $stderr == *"a.cpython-311.pyc matches"* ]]
}

@test "no mirror that answers, no such suite" {
    run ! --separate-stderr crank image bootstrap --suite nosuchsuite
    [[ $stderr == *"no mirror with nosuchsuite main is configured"* ]]
    run ! --separate-stderr crank image bootstrap --mirror http://127.0.0.1:9/debian
    [[ $stderr == *"mmdebstrap ended with exit code"* ]]
    [[ $stderr == *"--mirror"* ]]
    run ! --separate-stderr crank image bootstrap --tag Upper:case
    [[ $stderr == *"Upper:case"* ]]
    run -2 --separate-stderr crank image bootstrap --progress fancy
    [[ $stderr == *fancy* ]]
    [ -z "$(ls "$CRANK_ROOT/tmp")" ]
}
