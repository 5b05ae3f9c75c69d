#!/usr/bin/env bats
# Who a container's process is: users, groups, capabilities, descriptors and terminals, in run, exec
# and RUN alike. The attacks are those of docs/security-history.md, "Identity and descriptors".

bats_require_minimum_version 1.5.0
load ../lib/crank

setup_file() {
    crank_setup_file
    is_root && can_run >/dev/null 2>&1 || return 0 # the tests say why they skip
    busybox_image
    users_image
}
setup() { crank_setup; }
teardown() { crank_teardown; }
teardown_file() { crank_teardown_file; }

# Names that are numbers, and a file for the group that uid 1000 is not in.
users_image() {
    local context=$CRANK_TEST_DIR/users-context
    mkdir -p "$context"
    musl-gcc -static -O1 -Wall -Wextra "$CRANK_SOURCE/tests/security/racer.c" -o "$context/racer"
    cat >"$context/passwd" <<'END'
root:x:0:0:root:/root:/bin/sh
1000:x:0:0::/:/bin/sh
99999999999:x:0:0::/:/bin/sh
+1:x:0:0::/:/bin/sh
worker:x:1000:1000::/home/worker:/bin/sh
END
    printf 'root:x:0:\nworker:x:1000:\nvideo:x:44:worker\n1000:x:0:\n' >"$context/group"
    echo secret >"$context/of-root"
    cat >"$context/Dockerfile" <<'END'
FROM busybox
COPY passwd group /etc/
COPY --chmod=0040 of-root /of-root
COPY racer /racer
END
    crank build -q -t users "$context" >/dev/null
}

# The lines of /proc/self/status on standard input that say which capabilities a process has.
no_capability() {
    awk '/^Cap(Inh|Prm|Eff|Amb):/ { n++; if ($2 != "0000000000000000") bad = 1 }
         END { exit !(n == 4 && !bad) }'
}
bounded_root() {
    awk '/^Cap(Inh|Amb):/ { n++; if ($2 != "0000000000000000") bad = 1 }
         /^Cap(Prm|Eff|Bnd):/ { n++; if ($2 != "00000000a80425fb") bad = 1 }
         END { exit !(n == 5 && !bad) }'
}

# in_a_step USER COMMAND: what a RUN step of that user prints.
in_a_step() {
    local context=$CRANK_TEST_DIR/step
    mkdir -p "$context"
    printf 'FROM users\nUSER %s\nRUN %s\n' "$1" "$2" >"$context/Dockerfile"
    crank build --no-cache --progress=plain -t step "$context" 2>&1
}

@test "a number is an id, whatever the image calls it" {
    local user want
    crank run -d --name known --network none users sleep 60 >/dev/null
    while read -r user want; do
        run -0 --separate-stderr crank run --rm --network none -u "$user" users sh -c \
            'echo "$(id -u):$(id -g)"'
        [ "$output" = "$want" ] || { echo "run -u $user: $output" >&2; return 1; }
        run -0 --separate-stderr crank exec -u "$user" known sh -c 'echo "$(id -u):$(id -g)"'
        [ "$output" = "$want" ] || { echo "exec -u $user: $output" >&2; return 1; }
    done <<'END'
0 0:0
1 1:0
1:1 1:1
:1 0:1
worker 1000:1000
worker:video 1000:44
1000 1000:1000
1000:1000 1000:1000
END
    run -0 in_a_step 1000 'echo "uid=$(id -u)."'
    [[ $output == *uid=1000.* ]]
}

@test "what is no id and no name is refused before the start" {
    local user
    crank run -d --name strict --network none users sleep 60 >/dev/null
    for user in 2147483648 4294967295 4294967296 99999999999 1000000000000 65536:4294967296 -1 0x1 \
        ' 1' 1: : 1:1:1; do
        run --separate-stderr crank run --rm --network none "--user=$user" users touch /started
        [ "$status" -eq 125 ] || { echo "run -u '$user': $status" >&2; return 1; }
        [[ ${stderr:-} == *"out of range"* || ${stderr:-} == *"no user"* ||
            ${stderr:-} == *"malformed user"* ]]
        run --separate-stderr crank exec "--user=$user" strict touch /started
        [ "$status" -ne 0 ] || { echo "exec -u '$user' ran" >&2; return 1; }
        run -1 in_a_step "$user" 'touch /started'
    done
    run -1 crank exec strict ls /started
}

@test "no process has inheritable or ambient capabilities, and only root has any" {
    local user
    crank run -d --name caps --network none users sleep 60 >/dev/null
    crank run -d --name caps-worker --network none -u worker users sleep 60 >/dev/null
    crank run --rm --network none users cat /proc/self/status | bounded_root
    crank exec caps cat /proc/self/status | bounded_root
    for user in worker 1000 4711:12; do
        crank run --rm --network none -u "$user" users cat /proc/self/status | no_capability
        crank exec -u "$user" caps cat /proc/self/status | no_capability
    done
    crank exec caps-worker cat /proc/self/status | no_capability
    # whoever enters as root has no more than the container's first process could have
    crank exec -u 0 caps-worker cat /proc/self/status | bounded_root
    run -0 in_a_step 0 'cat /proc/self/status'
    [ "$(grep -cE 'Cap(Inh|Amb):.0{16}$' <<<"$output")" = 2 ]
    run -0 in_a_step worker 'cat /proc/self/status'
    [ "$(grep -cE 'Cap(Inh|Prm|Eff|Amb):.0{16}$' <<<"$output")" = 4 ]
}

@test "a process has its user's groups, and no access by the caller's or root's" {
    crank run -d --name groups --network none users sleep 60 >/dev/null
    local -a roads=("crank run --rm --network none -u worker users" "crank exec -u worker groups")
    local road
    for road in "${roads[@]}"; do
        run -0 --separate-stderr $road sh -c 'id -G | tr " " "\n" | sort -n | tr "\n" " "'
        [ "$output" = '44 1000 ' ] || { echo "$road: $output" >&2; return 1; }
        run -1 $road cat /of-root
    done
    run -0 in_a_step worker 'echo "groups=$(id -G)."; ! cat /of-root'
    [[ $output == *'groups=1000 44.'* ]]
    # the twin: root's group may
    run -0 --separate-stderr crank run --rm --network none -u 1000:0 users cat /of-root
    [ "$output" = secret ]
}

@test "who watches for joining processes gets nothing of the host's from them" {
    local count rounds=100
    if [ "${CRANK_TEST_LONG:-0}" = 1 ]; then rounds=1000; fi
    crank run -d --name watched --network none users /racer watch /seen >/dev/null
    local until=$((SECONDS + 20))
    until crank exec watched test -s /seen; do [ "$SECONDS" -lt "$until" ]; done
    for ((count = 0; count < rounds; count++)); do crank exec watched true; done
    run -0 --separate-stderr crank exec watched cat /seen
    # but for the file that `cat` itself holds
    [ "$(grep -v -- '-> /seen$' <<<"$output")" = watching ]
    # the twin: the watcher does see descriptors where there are any to see
    crank exec -d watched sh -c 'exec 7</etc/passwd; while true; do sleep 1; done'
    until=$((SECONDS + 20))
    until crank exec watched grep -q 'opened .* -> /etc/passwd' /seen; do
        [ "$SECONDS" -lt "$until" ]
    done
}

@test "no directory is entered by a descriptor, in run, exec and RUN" {
    local fd
    crank run -d --name inside --network none users sleep 60 >/dev/null
    for fd in $(seq 0 40); do
        run -125 crank run --rm --network none -w "/proc/self/fd/$fd" users pwd
        run crank exec -w "/proc/self/fd/$fd" inside pwd
        [ "$status" -ne 0 ]
    done
    local context=$CRANK_TEST_DIR/by-descriptor
    mkdir -p "$context"
    for fd in 3 7 8; do
        printf 'FROM users\nWORKDIR /proc/self/fd/%s\nRUN pwd\n' "$fd" >"$context/Dockerfile"
        run -1 crank build --no-cache -t nowhere "$context"
    done
}

@test "nothing is pushed into the caller's terminal, not with -i and not with -t" {
    # `script` gives crank a terminal of its own
    run script -qec 'crank run --rm -i --network none users /racer push-input' /dev/null
    [[ $output == *"0x5412 "* ]]
    [[ $output != *done* ]]
    # a terminal of the container's own: what it pushes there it reads itself
    run script -qec 'crank run --rm -it --network none users sh -c "readlink /proc/self/fd/0; ps -o sid"' \
        /dev/null
    [[ $output == *"/dev/pts/0"* ]]
}

@test "what stands behind stdin, stdout and stderr keeps its owner and mode" {
    local file=$CRANK_TEST_DIR/output before after
    touch "$file"
    chmod 640 "$file"
    before=$(stat -c '%U %G %a' "$file" /dev/null)
    crank run --rm --network none -u worker users true </dev/null >"$file" 2>&1
    crank run --rm --network none -u worker users true </dev/null >/dev/null 2>&1
    after=$(stat -c '%U %G %a' "$file" /dev/null)
    [ "$before" = "$after" ]
}

@test "a user, a host name or a variable adds no line to a file of the container" {
    local bad=$'evil\nroot2::0:0::/:/bin/sh' before
    before=$(crank run --rm --network none users cat /etc/passwd)
    run -125 crank run --rm --network none "--user=$bad" users true
    run -0 --separate-stderr crank run --rm --network none -e "HOME=$bad" users cat /etc/passwd
    [ "$output" = "$before" ]
}
