#!/usr/bin/env bats
# crank run --runtime: another OCI runtime makes the container, and all the rest is as always.

# shellcheck disable=SC2154 # run sets stderr
# shellcheck disable=SC2016 # what stands in single quotes the shell in the container expands
bats_require_minimum_version 1.5.0
load ../lib/crank

RUNTIMES=(runc crun)

setup_file() {
    crank_setup_file
    busybox_image
    # Debian's crun refuses v1 beside v2 with controllers: crank runs where v2 is not mounted.
    is_root || return 0
    unshare --mount sh -c '
        if mountpoint -q /sys/fs/cgroup/unified; then umount /sys/fs/cgroup/unified; fi
        touch "$CRANK_TEST_DIR/world"
        exec sleep 3600' 3>&- &
    export WORLD=$!
    until_true test -e "$CRANK_TEST_DIR/world"
}
setup() {
    crank_setup
    local name
    for name in "${RUNTIMES[@]}"; do require "$name (apt install $name)" command -v "$name"; done
}
teardown() { crank_teardown; }
teardown_file() {
    if [ -n "${WORLD:-}" ]; then kill "$WORLD"; fi
    crank_teardown_file
}

crank() {
    if [ -n "${WORLD:-}" ]; then
        nsenter --mount --target "$WORLD" --wd="$PWD" -- "$CRANK_BIN/crank" "$@"
    else
        command crank "$@"
    fi
}

# by RUNTIME [FLAG...] -- COMMAND...: in the foreground, without a network
by() {
    local -a flags=(--runtime "$1")
    shift
    while [ "$1" != -- ]; do
        flags+=("$1")
        shift
    done
    shift
    crank run --rm --network none "${flags[@]}" busybox "$@"
}
# What the runtime itself knows of.
known_by() { ls "$CRANK_STATE/runtimes/$1"; }

@test "output, input and exit codes come from the other runtime's container" {
    local name
    for name in "${RUNTIMES[@]}"; do
        run --separate-stderr by "$name" -- sh -c 'echo out; echo err >&2; exit 7'
        [ "$status" -eq 7 ]
        [ "$output" = out ]
        [ "$stderr" = err ]
        run by "$name" -- sh -c 'kill -9 $$ & wait; kill -KILL 1; exit 3'
        [ "$status" -eq 3 ] # nobody kills the first process from inside
        run by "$name" -i -- cat <<<"what was typed"
        [ "$output" = "what was typed" ]
        run by "$name" -e A=b -u worker -w /tmp -h myhost --read-only -- \
            sh -c 'echo $A $(id -u) $(pwd) $(hostname); touch /x'
        [ "${lines[0]}" = "b 1000 /tmp myhost" ]
        [ "$status" -eq 1 ]
        # no init of crank's, and nothing of it known afterwards
        run by "$name" -- cat /proc/1/cmdline
        [[ "$output" == cat* ]]
        [ -z "$(known_by "$name")" ]
    done
}

@test "a runtime that fails speaks for itself, and nothing of it is left" {
    local name
    for name in "${RUNTIMES[@]}"; do
        run -127 --separate-stderr by "$name" -- nosuch
        [[ "$stderr" == *"$name: "*nosuch* ]]
        run -126 --separate-stderr by "$name" -- /etc/passwd
        [[ "$stderr" == *"$name: "* ]]
        [ -z "$(known_by "$name")" ]
    done
    run -125 --separate-stderr by /bin/false -- true
    [[ "$stderr" == *"/bin/false create ended with 1"* ]]
    # one that only seems to succeed
    run -125 --separate-stderr by /bin/true -- true
    [[ "$stderr" == *"/bin/true create succeeded, and named no process that lives"* ]]
}

@test "a name that nobody knows, a path that is none, what crank's own runtime alone can do" {
    run -125 --separate-stderr by nosuch -- true
    [[ "${stderr_lines[0]}" == *"--runtime nosuch: no such runtime: there is no runtime.nosuch in "*", and no program nosuch in "*/usr/bin* ]]
    [[ "$stderr" == *"--runtime /path/to/it, or crank config set runtime.nosuch /path/to/it"* ]]
    run -125 by ./runc -- true
    [[ "$output" == *"a path is absolute"* ]]
    run -125 by /etc/passwd -- true
    [[ "$output" == *"is no program that can be executed"* ]]
    run -125 by runc --sandbox strict -- true
    [[ "$output" == *"--sandbox strict with --runtime runc"* ]]
    run -125 by runc --userns auto -- true
    [[ "$output" == *"--userns=auto with --runtime runc"* ]]
    run -125 by runc --init -- true
    [[ "$output" == *"--init with --runtime runc"* ]]
    run -125 crank run --native --runtime runc -- true
    [[ "$output" == *"--runtime with --native"* ]]
    run by crank -- cat /proc/1/comm
    [ "$output" = crank-init ]
}

@test "a runtime of the configuration, with options; info and inspect say which" {
    local log=$CRANK_TEST_DIR/called
    printf '#!/bin/sh\necho "$@" >>%s\nshift\nexec runc "$@"\n' "$log" >"$CRANK_TEST_DIR/wrapped"
    chmod +x "$CRANK_TEST_DIR/wrapped"
    crank config set runtime.mine "$CRANK_TEST_DIR/wrapped --mine"
    crank run -d --name named --network none --runtime mine busybox sleep 600
    [ "$(crank inspect --format '{{.HostConfig.Runtime}}' named)" = mine ]
    grep -q -- '--mine .*create' "$log"
    grep -q -- '--mine .*start' "$log"
    [ "$(crank info --format '{{.Runtimes.mine.path}}')" = "$CRANK_TEST_DIR/wrapped" ]
    [ "$(crank info --format '{{.DefaultRuntime}}')" = crank ]
    crank info | grep -q runc:
    crank rm -f named
    grep -q -- '--mine .*delete' "$log"
    crank config unset runtime.mine
    # an absolute path; and crank's own, told by its name
    crank run -d --name named --network none --runtime "$(command -v runc)" busybox sleep 600
    [ "$(crank inspect --format '{{.HostConfig.Runtime}}' named)" = "$(command -v runc)" ]
    crank run -d --name own --network none busybox sleep 600
    [ "$(crank inspect --format '{{.HostConfig.Runtime}}' own)" = crank ]
}

logged() { crank logs "$1" 2>&1 | grep -q -- "$2"; }

@test "exec, logs, stop, kill, start, restart, rm, events" {
    local name
    for name in "${RUNTIMES[@]}"; do
        crank run -d --name life --network none --runtime "$name" busybox sh -c \
            'trap "echo ended; exit 5" TERM; echo began; while :; do sleep 0.1; done'
        until_true logged life began
        [ -n "$(known_by "$name")" ]
        run --separate-stderr crank exec -e B=c life sh -c 'echo in $B $(cat /proc/1/comm); echo e >&2; exit 9'
        [ "$status" -eq 9 ]
        [ "$output" = "in c sh" ]
        [ "$stderr" = e ]
        run crank exec -i -u worker life sh -c 'cat; id -u' <<<typed
        [ "$output" = $'typed\n1000' ]
        run -127 crank exec life nosuch
        [[ "$output" == *nosuch* ]]
        [ -z "$(find "$CRANK_STATE/containers" -name 'exec-*')" ]
        crank pause life
        [ "$(crank ps --format '{{.Status}}')" != "" ]
        crank unpause life
        crank stop -t 20 life
        [ "$(crank inspect --format '{{.State.ExitCode}}' life)" = 5 ]
        crank logs life | grep -q ended
        [ -z "$(known_by "$name")" ]
        # another life of it
        crank start life
        [ "$(crank inspect --format '{{.HostConfig.Runtime}}' life)" = "$name" ]
        [ -n "$(known_by "$name")" ]
        crank restart -t 20 life
        crank kill life
        [ "$(crank inspect --format '{{.State.ExitCode}}' life)" = 137 ]
        crank start life
        crank rm -f life
        [ -z "$(known_by "$name")" ]
        crank create --name life --network none --runtime "$name" busybox sh -c 'exit 4'
        run -4 crank start -a life
        crank rm life
    done
}

@test "with -t it has a terminal, and so has what is executed in it" {
    local name
    for name in "${RUNTIMES[@]}"; do
        run by "$name" -t -- sh -c 'tty; test -t 0 && test -t 1 && echo yes'
        [[ "$output" == *yes* ]]
        crank run -d -t --name seen --network none --runtime "$name" busybox sh -c 'echo began; sleep 600'
        until_true logged seen began
        run crank exec -t seen sh -c 'test -t 1 && echo yes'
        [[ "$output" == *yes* ]]
        crank rm -f seen
    done
}

@test "limits are those that were asked for, and an end for want of memory is explained" {
    local name
    for name in "${RUNTIMES[@]}"; do
        crank run -d --name limited --network none --runtime "$name" --memory 64m --pids-limit 50 \
            --cpus 0.5 busybox sleep 600
        run crank stats --no-stream --format '{{.MemUsage}}' limited
        [[ "$output" == *64MiB* ]]
        run crank exec limited sh -c 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null'
        [ "$output" = 67108864 ]
        run crank exec limited sh -c 'cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null'
        [ "$output" = 50 ]
        crank rm -f limited
        run crank run --name eater --network none --runtime "$name" --memory 32m busybox \
            sh -c 'x=x; while :; do x=$x$x; done'
        [ "$status" -ne 0 ]
        [ "$(crank inspect --format '{{.State.OOMKilled}}' eater)" = true ]
        crank rm eater
    done
}

@test "rights, filter and masked paths are crank's" {
    local name
    for name in "${RUNTIMES[@]}"; do
        run by "$name" -- sh -c 'grep -E "^(CapBnd|NoNewPrivs|Seccomp):" /proc/self/status'
        local theirs=$output
        run crank run --rm --network none busybox sh -c 'grep -E "^(CapBnd|NoNewPrivs|Seccomp):" /proc/self/status'
        [ "$theirs" = "$output" ]
        [[ "$theirs" == *$'Seccomp:\t2'* ]]
        run --separate-stderr by "$name" -- sh -c \
            'unshare -U true || mount -t tmpfs none /tmp || cat /proc/keys | wc -c'
        [ "$output" = 0 ]
        run by "$name" --security-opt seccomp=unconfined -- grep Seccomp: /proc/self/status
        [[ "$output" == *$'Seccomp:\t0'* ]]
        run by "$name" --cap-drop ALL -- grep CapBnd /proc/self/status
        [[ "$output" == *0000000000000000* ]]
    done
}

@test "volumes, a network with a published port, names" {
    local name port
    mkdir -p served
    for name in "${RUNTIMES[@]}"; do
        echo "by $name" >served/index.html
        crank run -d --name web --runtime "$name" -p 80 -v "$PWD/served:/served:ro" -v data:/data \
            busybox httpd -f -p 80 -h /served
        port=$(crank inspect --format '{{(index .NetworkSettings.Ports "80/tcp" 0).HostPort}}' web)
        until_true answer "$port"
        [ "$(answer "$port")" = "by $name" ]
        run crank exec web sh -c 'touch /served/x; touch /data/x && hostname -i; cat /etc/resolv.conf | wc -l'
        [[ "$output" == *"Read-only"* ]]
        # another in its network
        run crank run --rm --runtime "$name" --network container:web busybox wget -qO- http://127.0.0.1/
        [ "$output" = "by $name" ]
        run crank run --rm --runtime "$name" --network none --pid container:web busybox ps
        [[ "$output" == *httpd* ]]
        crank rm -f web
        run ! answer "$port"
    done
    crank volume rm data
}

@test "its monitor may be killed, and a restart policy starts it again" {
    local name id
    for name in "${RUNTIMES[@]}"; do
        id=$(crank run -d --name watched --network none --runtime "$name" busybox \
            sh -c 'trap "exit 6" TERM; while :; do echo tick; sleep 0.1; done')
        kill_monitors "$id"
        # the next command adopts it
        [ "$(crank inspect --format '{{.State.Running}}' watched)" = true ]
        crank stop -t 20 watched
        [ -z "$(known_by "$name")" ]
        crank rm watched
        crank run -d --name again --network none --runtime "$name" --restart on-failure:2 busybox \
            sh -c 'echo life; exit 3'
        until_true lives_of again 3
        [ "$(crank inspect --format '{{.RestartCount}}' again)" = 2 ]
        crank rm -f again
    done
}
lives_of() { [ "$(crank logs "$1" | grep -c life)" = "$2" ]; }

@test "what a killed start has left is swept, and --explain shows what would be called" {
    run crank run --explain --network none --runtime runc busybox true
    [[ "$output" == *"show the network namespace as "*/ns-network* ]]
    [[ "$output" == *"execute "*/runc* ]]
    # killed while the runtime is at work: nothing lives on
    local slow=$CRANK_TEST_DIR/slow
    printf '#!/bin/sh\ncase "$*" in *create*) touch %s/asked; sleep 600 ;; esac\nexec runc "$@"\n' \
        "$CRANK_TEST_DIR" >"$slow"
    chmod +x "$slow"
    crank run -d --name slow --network none --runtime "$slow" busybox sleep 600 >/dev/null 2>&1 3>&- &
    local caller=$!
    until_true test -e "$CRANK_TEST_DIR/asked"
    pkill -KILL -P "$caller" -x crank || kill -KILL "$caller"
    wait "$caller" || true
    until_true nothing_of slow
}

# hanging RUNTIME: a program that is it, but for `kill`, which does not end.
hanging() {
    printf '#!/bin/sh\ncase " $* " in *" kill "*) touch %s/killing; sleep 600 ;; esac\nexec %s "$@"\n' \
        "$CRANK_TEST_DIR" "$1" >"$CRANK_TEST_DIR/hanging"
    chmod +x "$CRANK_TEST_DIR/hanging"
    rm -f "$CRANK_TEST_DIR/killing"
}
port_of() { crank inspect --format '{{(index .NetworkSettings.Ports "80/tcp" 0).HostPort}}' "$1" 2>/dev/null; }
is_published() { answer "$(port_of "$1")"; }
no_kill_runs() { ! pgrep -f "$CRANK_TEST_DIR/hanging .* kill "; }

@test "a runtime whose kill hangs keeps neither the ports nor whoever waits" {
    local name port caller
    mkdir -p served
    echo served >served/index.html
    for name in "${RUNTIMES[@]}"; do
        hanging "$name"
        crank run --rm --name hung --runtime "$CRANK_TEST_DIR/hanging" -p 80 -v "$PWD/served:/served:ro" \
            busybox httpd -f -p 80 -h /served 3>&- &
        caller=$!
        until_true is_published hung
        port=$(port_of hung)
        # the caller's signal goes to the monitor, and from there by the runtime
        pkill -TERM -P "$caller" -x crank || kill -TERM "$caller"
        until_true test -e "$CRANK_TEST_DIR/killing"
        [ "$(answer "$port")" = served ]
        # its end ends the command, too
        kill -KILL "$(crank inspect --format '{{.State.Pid}}' hung)"
        local code=0
        wait "$caller" || code=$?
        [ "$code" -eq 137 ]
        until_true no_kill_runs
    done
    crank run -d --name hung --network none --runtime "$CRANK_TEST_DIR/hanging" busybox sleep 600
    run -1 crank kill -s USR1 hung
    [[ "$output" = *"$CRANK_TEST_DIR/hanging kill does not end within 10 s"*"crank kill hung"* ]]
    # SIGKILL is sent to the process that is known
    crank rm -f hung
    no_kill_runs
}
nothing_of() { [ -z "$(crank ps -aq --filter "name=$1")" ]; }

@test "on a network of one's own it finds names" {
    local name
    crank network create named >/dev/null
    for name in "${RUNTIMES[@]}"; do
        crank run -d --runtime "$name" --name "$name" --network named busybox sleep 600 >/dev/null
    done
    run crank exec runc nslookup crun
    local answer=$output code=$status
    crank rm -f "${RUNTIMES[@]}"
    crank network rm named
    [ "$code" -eq 0 ] || { echo "$answer"; return 1; }
    [[ $answer == *"127.0.0.11"* ]]
}

@test "a secret of a compose file lies in memory there too" {
    local name
    mkdir -p "$BATS_TEST_TMPDIR/mail"
    cd "$BATS_TEST_TMPDIR/mail" || return 1
    printf one >key.pem
    for name in "${RUNTIMES[@]}"; do
        cat >compose.yaml <<END_OF_FILE
services:
  web:
    image: busybox
    command: sh -c 'trap "exit 0" TERM; while :; do sleep 1 & wait \$\$!; done'
    runtime: $name
    network_mode: none
    user: worker
    secrets: [token, {source: key, mode: 0440}]
secrets: {token: {environment: TOKEN}, key: {file: ./key.pem}}
END_OF_FILE
        TOKEN=s3cret crank up -d
        [ "$(crank exec mail-web-1 cat /run/secrets/token /run/secrets/key)" = s3cretone ]
        [ "$(crank exec mail-web-1 stat -c '%u:%g %a' /run/secrets/token /run/secrets/key)" = $'1000:1000 400\n1000:1000 440' ]
        run -0 crank exec mail-web-1 grep ' /run/secrets/token ' /proc/mounts
        [[ $output == "tmpfs /run/secrets/token tmpfs ro,nosuid,nodev,noexec,"* ]]
        run ! grep -rqaF s3cret "$CRANK_STATE"
        crank restart -t 1 mail-web-1
        [ "$(crank exec mail-web-1 cat /run/secrets/token)" = s3cret ]
        crank down -v
    done
}
