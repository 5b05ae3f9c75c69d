#!/bin/bash
# Runs podman's system tests with crank in podman's place, and compares with the list of those that
# are known to pass (podman.passes).
#
#   tests/conformance/podman.sh DIR [FILE.bats...]     DIR: a checkout of github.com/containers/podman
#   UPDATE=1 tests/conformance/podman.sh DIR ...       writes the list anew, for the files that ran
#   FILTER=EXPRESSION ...                              these tests alone
#
# As root; of the machine it wants bats, jq, busybox-static, iproute2, socat, skopeo, docker-registry, openssl, uidmap, passt and
# apache2-utils. The suite calls `podman`; podman.py, beside this script, says to crank what it says to podman. The image that it
# wants from quay.io is made here of busybox, and a registry of this machine serves it. A file that is about an ordinary user
# alone is run by one, who exists in a mount namespace of the tests'.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "${CRANK_BIN:=$here/../../build/dev/bin}"
CRANK_BIN=$(cd "$CRANK_BIN" && pwd)
list=$here/podman.passes
tag=20241011

suite=$(cd "${1:?the checkout of podman}/test/system" && pwd)
shift
# Of which the suite skips every test as root.
of_users=505-networking-pasta
user_id=4243
for program in bats jq busybox ip ss socat skopeo docker-registry openssl htpasswd python3; do
    command -v "$program" >/dev/null || { echo "podman.sh: no $program on PATH" >&2; exit 2; }
done

if [ $# -eq 0 ]; then
    mapfile -t files < <(cd "$suite" && ls [0-9]*.bats)
else
    files=("$@")
fi
if [ -z "${ORDINARY:-}" ]; then
    mapfile -t users < <(printf '%s\n' "${files[@]%.bats}" | grep -Ex "$of_users")
    mapfile -t files < <(printf '%s\n' "${files[@]%.bats}" | grep -vEx "$of_users")
    if [ ${#users[@]} -gt 0 ]; then
        ORDINARY=1 "${BASH_SOURCE[0]}" "$suite/../.." "${users[@]}" || others_failed=1
    fi
    if [ ${#files[@]} -eq 0 ]; then exit "${others_failed:-0}"; fi
fi

work=$(mktemp -d /var/tmp/crank-podman.XXXXXX)
registry_pid=
clean_up() {
    cd /
    if [ -n "$registry_pid" ]; then kill "$registry_pid" 2>/dev/null || true; fi
    # shellcheck disable=SC2046 # one word an id
    crank rm -f $(crank ps -aq) >/dev/null 2>&1 || true
    drop_bridge
    rm -rf --one-file-system "$work"
}
drop_bridge() {
    local device
    device=$(ip -json link show type bridge | jq -r --arg owner "crank $CRANK_STATE/network" \
        '.[] | select(.ifalias == $owner) | .ifname')
    if [ -n "$device" ]; then
        ip link delete "$device"
        nft delete table ip "crank_$device" || true
    fi
}
# By whom the tests are run: as root where ORDINARY is not set.
crank() { by_whom "$CRANK" "$@"; }
by_whom() { if [ -n "${ORDINARY:-}" ]; then as_user "$@"; else "$@"; fi; }
as_user() {
    # shellcheck disable=SC2016 # the inner shell expands
    WORK=$work unshare --mount bash -c '
        for file in passwd group subuid subgid; do
            if [ -e "/etc/$file" ]; then mount --bind "$WORK/etc/$file" "/etc/$file"; fi
        done
        mkdir -p /dev/net && mount -t tmpfs net /dev/net && mknod -m 666 /dev/net/tun c 10 200
        exec setpriv --reuid='$user_id' --regid='$user_id' --clear-groups "$@"' as_user "$@"
}
make_user() {
    mkdir -p "$work/etc" "$work/root" "$work/state" "$work/run"
    { cat /etc/passwd && echo "ordinary:x:$user_id:$user_id::$HOME:/bin/sh"; } >"$work/etc/passwd"
    { cat /etc/group && echo "ordinary:x:$user_id:"; } >"$work/etc/group"
    echo 'ordinary:1000000:65536' | tee "$work/etc/subuid" >"$work/etc/subgid"
    chmod 755 "$work"
    chmod 700 "$work/root" "$work/state" "$work/run" "$HOME"
    chown "$user_id:$user_id" "$work/root" "$work/state" "$work/run" "$HOME" "$TMPDIR"
    export XDG_RUNTIME_DIR=$work/run
}
export CRANK_ROOT=$work/root CRANK_STATE=$work/state HOME=$work/home TMPDIR=$work/tmp
export CRANK=$CRANK_BIN/crank NO_COLOR=1 LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
trap clean_up EXIT
mkdir -p "$HOME" "$TMPDIR" "$work/bin"
if [ -n "${ORDINARY:-}" ]; then make_user; fi
# What the suite does with buildah stays out of this machine's storage.
printf '[storage]\ndriver = "vfs"\nrunroot = "%s"\ngraphroot = "%s"\n' "$work/buildah-run" "$work/buildah" \
    >"$work/storage.conf"
export CONTAINERS_STORAGE_CONF=$work/storage.conf

# What test/system/build-testimage makes of Alpine, made of busybox.
make_image() {
    local root=$work/image name
    mkdir -p "$root"/{bin,etc,dev,proc,sys,tmp,run,root,home/podman,usr/bin,usr/sbin,usr/lib,sbin,lib,opt,srv,mnt,media} \
        "$root"/var/{tmp,log,run,cache}
    cp "$(command -v busybox)" "$root/bin/busybox"
    chmod 755 "$root/bin/busybox"
    for name in $(busybox --list); do
        case $name in
            busybox) ;;
            top | id | env | printenv | nsenter | du | wc | sort | head | tail | find | seq | stat* | sha512sum | md5sum | expr | nc)
                ln -s ../../bin/busybox "$root/usr/bin/$name"
                ln -s busybox "$root/bin/$name" ;;
            *) ln -s busybox "$root/bin/$name" ;;
        esac
    done
    ln -s busybox "$root/bin/busybox-extras"
    # shellcheck disable=SC2016 # of the script's own; Debian's busybox has no such program
    printf '#!/bin/sh\nif [ $# = 0 ]; then exec env; fi\nenv | grep "^$1=" | cut -d= -f2-\n' >"$root/bin/printenv"
    chmod 755 "$root/bin/printenv"
    add_programs "$root" ip ss socat
    ln -s ../proc/mounts "$root/etc/mtab"
    chmod 1777 "$root/tmp" "$root/var/tmp"
    printf 'ID=alpine\nNAME="Alpine Linux"\nVERSION_ID=3.20.3\n' >"$root/etc/os-release"
    echo 3.20.3 >"$root/etc/alpine-release"
    echo 'Welcome to Alpine Linux 3.20' >"$root/etc/issue"
    printf 'ftp 21/tcp\nhttp 80/tcp\n' >"$root/etc/services"
    printf '127.0.0.1\tlocalhost\n' >"$root/etc/hosts"
    echo localhost >"$root/etc/hostname"
    printf '%s\n' root:x:0:0:root:/root:/bin/sh bin:x:1:1:bin:/bin:/sbin/nologin \
        daemon:x:2:2:daemon:/sbin:/sbin/nologin mail:x:8:12:mail:/var/mail:/sbin/nologin \
        guest:x:405:100:guest:/dev/null:/sbin/nologin nobody:x:65534:65534:nobody:/:/sbin/nologin \
        >"$root/etc/passwd"
    printf '%s\n' root:x:0:root bin:x:1:root,bin,daemon daemon:x:2:root,bin,daemon wheel:x:10:root \
        mail:x:12:mail ping:x:999: users:x:100: nobody:x:65534: >"$root/etc/group"
    printf 'root:*::0:::::\nnobody:!::0:::::\n' >"$root/etc/shadow"
    local home=$root/home/podman
    echo "$tag" >"$home/testimage-id"
    # The scripts that build-testimage puts beside it, taken from there.
    for name in pause healthcheck bytecheck; do
        awk -v name="$name" '$0 ~ "^cat >" name " <<" { on = 1; next } on && /^EOF$/ { exit } on' \
            "$suite/build-testimage" | sed 's/\\\$/$/g' >"$home/$name"
        chmod 755 "$home/$name"
    done
    find "$root" -exec touch --no-dereference --date=@1700000000 {} +
    touch --date=@1600000000 "$home/testimage-id"
    chmod 555 "$root"
    tar -C "$root" --owner=0 --group=0 --numeric-owner -cf "$work/image.tar" .
    import_image "$tag" 2024-10-11T00:00:00Z
    # another image than the first one, as there
    import_image 00000004 2021-10-11T00:00:00Z
}

# add_programs DIRECTORY PROGRAM...: with what they are linked with, in place of busybox's
add_programs() {
    local root=$1 name library
    shift
    for name; do
        rm -f "$root/bin/$name"
        cp -L "$(command -v "$name")" "$root/bin/$name"
        ldd "$root/bin/$name" | grep -oE '/[^ )]+' | while read -r library; do
            mkdir -p "$root$(dirname "$library")"
            cp -L "$library" "$root$library"
        done
    done
}

# import_image TAG TIME
import_image() {
    crank import "$work/image.tar" "quay.io/libpod/testimage:$1" \
        --change 'LABEL created_by=test/system/build-testimage' \
        --change "LABEL created_at=$2" \
        --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
        --change 'WORKDIR /home/podman' \
        --change 'CMD ["/bin/echo", "This container is intended for podman CI testing"]' >/dev/null
}

# The registry that the suite starts for its own tests: this machine's program and what it is linked with.
make_registry_image() {
    local root=$work/registry-image
    mkdir -p "$root/bin" "$root/etc/docker/registry" "$root/var/lib/registry" "$root/tmp"
    add_programs "$root" docker-registry
    mv "$root/bin/docker-registry" "$root/bin/registry"
    cat >"$root/etc/docker/registry/config.yml" <<'EOF'
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: /var/lib/registry}, delete: {enabled: true}}
http: {addr: ":5000"}
EOF
    tar -C "$root" --owner=0 --group=0 --numeric-owner -cf "$work/registry.tar" .
    crank import "$work/registry.tar" quay.io/libpod/registry:2.8.2 \
        --change 'ENTRYPOINT ["/bin/registry", "serve", "/etc/docker/registry/config.yml"]' >/dev/null
}

# quay.io is this machine's, for crank and for skopeo.
start_registry() {
    local port=0 try
    for try in $(shuf -i 28000-28999 -n 20); do
        if ! ss -tlnH "sport = $try" | grep -q .; then port=$try && break; fi
    done
    cat >"$work/registry.yml" <<EOF
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: $work/registry}, delete: {enabled: true}}
http: {addr: "127.0.0.1:$port"}
EOF
    docker-registry serve "$work/registry.yml" >"$work/registry.log" 2>&1 3>&- &
    registry_pid=$!
    printf '[[registry]]\nprefix = "quay.io"\nlocation = "127.0.0.1:%s"\ninsecure = true\n' "$port" \
        >"$work/registries.conf"
    export CONTAINERS_REGISTRIES_CONF=$work/registries.conf
    for try in $(seq 100); do
        if curl -sf "http://127.0.0.1:$port/v2/" >/dev/null; then break; fi
        sleep 0.1
    done
    local image=quay.io/libpod/testimage
    crank tag "$image:$tag" "$image:multiimage"
    for try in "$tag" 00000004 multiimage; do
        crank tag "$image:$try" "127.0.0.1:$port/libpod/testimage:$try"
        crank push --tls-verify=false "127.0.0.1:$port/libpod/testimage:$try" >/dev/null 2>&1
        crank rmi "127.0.0.1:$port/libpod/testimage:$try" >/dev/null
    done
    crank tag quay.io/libpod/registry:2.8.2 "127.0.0.1:$port/libpod/registry:2.8.2"
    crank push --tls-verify=false "127.0.0.1:$port/libpod/registry:2.8.2" >/dev/null 2>&1
    crank rmi -f "127.0.0.1:$port/libpod/registry:2.8.2" quay.io/libpod/registry:2.8.2 >/dev/null
    crank rmi "$image:$tag" "$image:00000004" "$image:multiimage" >/dev/null
    crank pull -q "$image:$tag" >/dev/null
}

# The suite puts images into podman's storage by skopeo, "in order to preserve metadata"; crank's
# store is reached by crank.
make_skopeo() {
    cat >"$work/bin/skopeo" <<EOF
#!/bin/bash
words=()
for word; do
    case \$word in
        containers-storage:*) # as source
            if [ "\$word" != "\${!#}" ]; then
                archive=\$(mktemp "$work/saved.XXXXXX")
                "$CRANK" save -o "\$archive" "\${word#containers-storage:}"
                word=docker-archive:\$archive
            fi ;;
        oci-archive:* | docker-archive:*) source=\$word ;;
    esac
    words+=("\$word")
done
if [[ \${!#} == containers-storage:* ]]; then
    name=\${!#}
    name=\${name#containers-storage:}
    if [[ \$name == \[* ]]; then
        place=\${name%%]*} name=\${name#*]}
        place=\${place#[} place=\${place#*@}
        export CRANK_ROOT=\${place%%+*} CRANK_STATE=\${place#*+}
    fi
    exec "$CRANK" import "\$source" "\$name"
fi
exec $(command -v skopeo) --registries-conf "$work/registries.conf" "\${words[@]}"
EOF
    # Debian 12's knows no -quiet.
    cat >"$work/bin/openssl" <<EOF
#!/bin/bash
words=()
for word; do [ "\$word" = -quiet ] || words+=("\$word"); done
exec $(command -v openssl) "\${words[@]}"
EOF
    chmod +x "$work/bin/skopeo" "$work/bin/openssl"
    ln -s "$here/podman.py" "$work/bin/podman"
    # not a version manager's script, which takes longer than most of crank's verbs
    ln -s "$(python3 -c 'import sys; print(sys.executable)')" "$work/bin/python3"
    PATH=$work/bin:$CRANK_BIN:$PATH
}

# podman publishes at every address where none is said, crank where this says.
crank config set publish.address 0.0.0.0
make_image
make_registry_image
start_registry
make_skopeo
export PODMAN=$work/bin/podman
touch "$work"/{passes,skips,fails}

# These are of podman.py's own doing, or of nobody's: they pass, and do not count.
not_cranks='\[005\]|corrupt images - cleanup|\] (podman --(noout|out) |podman stop --noout|podman volume mount|jq is installed|podman version --out)'

# What is known to pass of one file, anew.
update_list() {
    touch "$list"
    # shellcheck disable=SC2094 # read first, written when it has been read
    {
        flock 9
        { grep -v "^$1 " "$list" || true; cat "$work/passed"; } | LC_ALL=C sort >"$work/list"
        cat "$work/list" >"$list"
    } 9<"$list"
}

# By itself, each file: what one leaves behind is none of the next one's.
for file in "${files[@]}"; do
    file=${file%.bats}
    (cd "$suite" && by_whom timeout "${FILE_TIMEOUT:-900}" bats --tap ${FILTER:+-f "$FILTER"} "$file.bats" </dev/null 2>&1) \
        >"$work/tap" || true
    if [ -n "${TAP_DIR:-}" ]; then cp "$work/tap" "$TAP_DIR/$file.tap"; fi
    # "ok 3 [065] podman cp": the file's name in place of the number
    { grep -vE "$not_cranks" "$work/tap" || true; } \
        | sed -nE "s#$work#WORK#g"'; / # skip/d; s/^ok [0-9]+ (.*[^ ]) *$/'"$file"' \1/p' >"$work/passed"
    sed -nE "s#$work#WORK#g"'; s/^ok [0-9]+ (.* # skip.*)$/'"$file"' \1/p' "$work/tap" >>"$work/skips"
    sed -nE "s#$work#WORK#g"'; s/^not ok [0-9]+ (.*)$/'"$file"' \1/p' "$work/tap" >>"$work/fails"
    cat "$work/passed" >>"$work/passes"
    echo "$file: $(wc -l <"$work/passed") pass, $(grep -c "^$file " "$work/fails") do not"
    if [ -n "${UPDATE:-}" ]; then update_list "$file"; fi
done
echo "ok $(wc -l <"$work/passes"), not ok $(wc -l <"$work/fails"), skipped by the suite $(wc -l <"$work/skips")"
if [ -n "${UPDATE:-}${FILTER:-}" ]; then exit 0; fi
ran=$(printf '%s\n' "${files[@]%.bats}" | paste -sd'|')
missing=$({ grep -E "^($ran) " "$list" || true; } | LC_ALL=C sort | LC_ALL=C comm -23 - <(LC_ALL=C sort "$work/passes"))
if [ -n "$missing" ]; then
    printf 'expected to pass, and did not:\n%s\n' "$missing"
    exit 1
fi
[ -z "${others_failed:-}" ]
