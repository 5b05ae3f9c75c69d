# shellcheck shell=bash
# Base images out of this machine's Debian, for tests that build real workers: `load ../lib/build`, then
# `load ../lib/bases`. What they are built from is a registry's name, so they are made its aliases.

# python:3.11-slim, as `crank image bootstrap` makes it, which takes a minute: once for a run of bats.
# CRANK_TEST_PYTHON_BASE is an archive of one that was made before.
python_base() {
    local archive=${CRANK_TEST_PYTHON_BASE:-$BATS_RUN_TMPDIR/python-base.tar} image=localhost/crank/python:3.11-slim
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

# gcc:12: this machine's compiler, with what static C++ programs need of it, and a shell.
gcc_base() {
    local context=$CRANK_TEST_DIR/gcc-context triple=x86_64-linux-gnu
    local libraries=/usr/lib/$triple compiler=/usr/lib/gcc/$triple/12
    local -a programs=("/usr/bin/$triple-g++-12" "/usr/bin/$triple-as" "/usr/bin/$triple-ld.bfd"
        "$compiler/cc1plus" "$compiler/collect2")
    mkdir -p "$context"
    {
        printf '%s\n' "${programs[@]}" "$compiler"/{crtbeginT.o,crtend.o,libgcc.a,libgcc_eh.a,libstdc++.a} \
            "$compiler"/{liblto_plugin.so,include} /usr/include/{*.h,arpa,asm-generic,c++,linux,net,netinet,sys} \
            "/usr/include/$triple" "$libraries"/{crt1.o,crti.o,crtn.o,libc.a,libm.a,libm-*.a,libmvec.a}
        # a library by its name, which may be a link
        ldd "${programs[@]}" | grep -o '/[^ ]*\.so[^ ]*' | sort -u
    } | tar -c --files-from=- --dereference --hard-dereference -f "$context/compiler.tar" 2>"$context/tar.log" ||
        { cat "$context/tar.log" >&2 && return 1; }
    cp /bin/busybox "$context/busybox"
    cat >"$context/Dockerfile" <<END
FROM scratch
ADD compiler.tar /
COPY busybox /bin/sh
ENV PATH=/usr/bin:/bin
RUN ["/bin/sh", "-c", "cd /usr/bin; ln -s $triple-g++-12 g++; ln -s $triple-as as; ln -s $triple-ld.bfd ld"]
END
    crank build -q -t gcc "$context" >/dev/null
    rm -r "$context"
    crank config set alias.gcc:12 gcc
}
