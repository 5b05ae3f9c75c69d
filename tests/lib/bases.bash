# shellcheck shell=bash
# Base images out of this machine's Debian, for tests that build real workers: `load ../lib/build`, then
# `load ../lib/bases`. What they are built from is a registry's name, so they are made its aliases.

# python:3.11-slim, as `crank image bootstrap` makes it, which takes a minute: once for a run of bats.
python_base() {
    local archive=$BATS_RUN_TMPDIR/python-base.tar image=localhost/crank/python:3.11-slim
    if [ -e "$archive" ]; then
        crank load -i "$archive" >/dev/null
    else
        crank image bootstrap -q >/dev/null
        keep_python_base
    fi
    crank config set alias.python:3.11-slim "$image"
    crank config set build.host-trust true
}
# For those that come after: what this root's bootstrap has made.
keep_python_base() {
    crank save -o "$BATS_RUN_TMPDIR/python-base.part" localhost/crank/python:3.11-slim
    mv "$BATS_RUN_TMPDIR/python-base.part" "$BATS_RUN_TMPDIR/python-base.tar"
}

# gcc:12: this machine's compiler, with what it needs for static C++ programs, and a shell.
gcc_base() {
    local context=$CRANK_TEST_DIR/gcc-context triple=x86_64-linux-gnu file
    local libraries=/usr/lib/$triple compiler=/usr/lib/gcc/$triple/12
    local -a programs=("/usr/bin/$triple-g++-12" "/usr/bin/$triple-as" "/usr/bin/$triple-ld.bfd"
        "$compiler/cc1plus" "$compiler/collect2")
    mkdir -p "$context"
    {
        printf '%s\n' "${programs[@]}" "$compiler"/*.{o,a} "$compiler"/liblto_plugin.so "$compiler/include" \
            /usr/include "$libraries"/{crt1,crti,crtn}.o "$libraries"/lib{c,m,m-*,mvec,pthread}.a
        # a library by its name, and the file that it is a link to
        for file in $(ldd "${programs[@]}" | grep -o '/[^ ]*\.so[^ ]*' | sort -u); do
            echo "$file"
            readlink -f "$file"
        done
    } | tar -c --exclude='*/libasan*' --dereference --hard-dereference --ignore-failed-read \
        -f "$context/compiler.tar" --files-from=- 2>"$context/messages" || { cat "$context/messages" >&2 && return 1; }
    rm "$context/messages"
    cp /bin/busybox "$context/busybox"
    cat >"$context/Dockerfile" <<END
FROM scratch
ADD compiler.tar /
COPY busybox /bin/sh
RUN ["/bin/sh", "-c", "ln -s $triple-g++-12 /usr/bin/g++; ln -s $triple-as /usr/bin/as; ln -s $triple-ld.bfd /usr/bin/ld"]
END
    crank build -q -t gcc "$context" >/dev/null
    rm -r "$context"
    crank config set alias.gcc:12 gcc
}
