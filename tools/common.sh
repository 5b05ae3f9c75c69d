# shellcheck shell=bash
# What every tool of ./dev shares. Sourced, never run.

CRANK_TOP=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
export CRANK_TOP

say() { printf '%s\n' "$*" >&2; }
die() {
    printf 'dev: %s\n' "$*" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "needs root: $*"
    fi
}

# The packages of the named groups, one a line. A group is a "[name]" line in packages.txt.
packages_of() {
    local group
    for group in "$@"; do
        grep -qx "\[$group\]" "$CRANK_TOP/tools/packages.txt" || die "unknown package group: $group"
        awk -v want="[$group]" '
            /^\[/ { on = ($1 == want); next }
            on && NF && $1 !~ /^#/ { print $1 }' "$CRANK_TOP/tools/packages.txt"
    done | sort -u
}

# Of the named packages, those that are not fully installed. One dpkg-query for all of them.
missing_packages() {
    local have
    have=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' "$@" 2>/dev/null |
        awk '$1 == "ii" { print $2 }' | sort -u || true)
    comm -23 <(printf '%s\n' "$@" | sort -u) <(printf '%s\n' "$have")
}

ensure_packages() {
    local -a wanted missing
    command -v dpkg-query >/dev/null || die "set-up is written for Debian 12 (no dpkg-query here)"
    mapfile -t wanted < <(packages_of "$@")
    [ "${#wanted[@]}" -gt 0 ] || die "no packages in group: $*"
    mapfile -t missing < <(missing_packages "${wanted[@]}")
    [ "${#missing[@]}" -gt 0 ] || return 0
    say "installing ${#missing[@]} Debian packages: ${missing[*]}"
    # A source that fails to update is no reason to stop: what counts is whether the install works.
    as_root apt-get -qq update >&2 || say "apt-get update had errors, going on"
    install_packages "${missing[@]}"
}

# Installs without recommendations and starts no service: a peer's daemon must not run by surprise.
install_packages() {
    local policy=/usr/sbin/policy-rc.d ours=0
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
        ours=1
    fi
    local rc=0
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@" \
        </dev/null >&2 || rc=$?
    if [ $ours = 1 ]; then as_root rm -f "$policy"; fi
    [ $rc = 0 ] || die "apt-get install failed ($rc)"
}

# build_preset PRESET [NINJA ARGUMENT...]: configure when needed, then build. Of two at once in one
# directory the second waits.
build_preset() {
    local preset=$1
    shift
    local out=$CRANK_TOP/build/$preset
    mkdir -p "$out"
    (
        flock 9
        if [ ! -f "$out/build.ninja" ]; then
            (cd "$CRANK_TOP" && cmake --preset "$preset") >&2 || exit
        fi
        ninja -C "$out" "$@" >&2
    ) 9>"$out/.lock"
}

# The C and C++ files of the tree, separated by NUL: tracked and new ones, not the ignored.
cxx_files() {
    git -C "$CRANK_TOP" ls-files -z --cached --others --exclude-standard --deduplicate -- \
        '*.c' '*.cpp' '*.h' | while IFS= read -r -d '' file; do
        if [ -f "$CRANK_TOP/$file" ]; then printf '%s\0' "$file"; fi
    done
}
