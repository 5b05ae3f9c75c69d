#!/usr/bin/env bats
# create, start, restart, pause, rename, --restart: a container through its lives.

# shellcheck disable=SC2154 # run sets stderr
# shellcheck disable=SC2016 # what stands in single quotes the shell in the container expands
bats_require_minimum_version 1.5.0
load ../lib/crank

setup_file() {
    crank_setup_file
    busybox_image
}
setup() { crank_setup; }
teardown() { crank_teardown; }
teardown_file() { crank_teardown_file; }

state_of() { crank inspect -f '{{.State.Status}}' "$1"; }
is_state() { [ "$(state_of "$1")" = "$2" ]; }
# follows PID: it watches a log
follows() { find "/proc/$1/fd" -lname '*inotify*' 2>/dev/null | grep -q .; }
# logs_have NAME TEXT
logs_have() { crank logs "$1" 2>&1 | grep -qF -- "$2"; }

@test "create makes a container that ps shows as Created and start starts" {
    run -0 --separate-stderr crank create --name made --network none -e A=1 busybox \
        sh -c 'echo "a=$A"; exec sleep 1000'
    [[ $output =~ ^[0-9a-f]{64}$ ]]
    [ "$(crank ps -a --format '{{.Names}} {{.Status}} {{.State}}')" = "made Created created" ]
    [ -z "$(crank ps -q)" ]
    [ "$(crank wait made)" = 0 ]
    [ -z "$(crank logs -f made)" ]
    run -0 crank stop made
    run -0 crank why made
    [[ $output == *"it was never started"* ]]
    run -0 --separate-stderr crank start made
    [ "$output" = made ]
    [ "$(state_of made)" = running ]
    until_true logs_have made a=1
    # of a running one: nothing to do
    pid=$(crank inspect -f '{{.State.Pid}}' made)
    run -0 crank start made
    [ "$output" = made ]
    [ "$(crank inspect -f '{{.State.Pid}}' made)" = "$pid" ]
    crank rm -f made
}

@test "a container that was never started can be removed, and its name is taken until then" {
    crank create --name made busybox true
    run -125 crank create --name made busybox true
    [[ $output == *'the name "made" is in use by container'* ]]
    run -0 crank rm made
    [ -z "$(crank ps -aq)" ]
}

@test "create has run's errors and exit codes" {
    run -125 crank create nosuch:image --pull never
    run -125 crank create --pull never nosuch:image
    [[ $output == "crank create: no such image: nosuch:image"* ]]
    run -125 crank create -d busybox
    [[ $output == *"unknown"* ]]
    run -125 crank create --restart=sometimes busybox
    [[ $output == *'--restart="sometimes": no such policy'* ]]
    run -125 crank create --restart=always --rm busybox
    [[ $output == *"cannot specify both --restart and --rm"* ]]
    # As with Docker, this is none.
    run -0 --separate-stderr crank run --rm --network none -p 19817:80 busybox true
    [[ $stderr == *"of no use with --network none: the container has no network"* ]]
    [ -z "$(crank ps -aq)" ]
}

@test "an ended container is started again with its files, its settings and its log" {
    crank run --name again --network none --hostname box -e N=7 busybox \
        sh -c 'echo line >>/tmp/lines; wc -l </tmp/lines; echo "$N $(hostname)"'
    run -0 crank start -a again
    [ "$output" = $'2\n7 box' ]
    run -0 crank start again
    [ "$output" = again ]
    [ "$(crank wait again)" = 0 ]
    [ "$(crank logs again)" = $'1\n7 box\n2\n7 box\n3\n7 box' ]
    crank rm again
}

@test "start -a ends as the worker does; start of several says which failed" {
    crank create --name seven --network none busybox sh -c 'echo out; echo err >&2; exit 7'
    run -7 --separate-stderr crank start -a seven
    [ "$output" = out ]
    [ "$stderr" = err ]
    run -7 crank start --attach seven
    run -1 --separate-stderr crank start nosuch seven
    [ "$output" = seven ]
    [ "${stderr_lines[0]}" = "crank start: no such container: nosuch" ]
    [ "$(crank wait seven)" = 7 ]
    run -1 crank start -a seven nosuch
    [[ $output == *"you cannot start and attach multiple containers at once"* ]]
    crank rm seven
}

@test "start -ai passes input on to a container that was made with -i" {
    crank create -i --name reader --network none busybox sh -c 'read -r line; echo "got $line"'
    run -0 crank start -ai reader <<<"a word"
    [ "$output" = "got a word" ]
    crank rm reader
}

@test "the same files under a user namespace, --read-only and --sandbox strict" {
    crank create --name own --network none --userns=auto busybox sh -c 'echo x >>/f; wc -l </f'
    run -0 crank start -a own
    [ "$output" = 1 ]
    run -0 crank start -a own
    [ "$output" = 2 ]
    crank create --name strict --network none --sandbox strict busybox sh -c 'echo x >/f'
    run crank start -a strict
    [ "$status" -ne 0 ]
    run crank start -a strict
    [[ $output == *"can't create /f: "* ]]
    crank rm own strict
}

@test "restart: another process, the same container, its ports and its network" {
    crank run -d --name web -p 19818:80 busybox sh -c 'echo up; exec httpd -f -p 80' >/dev/null
    id=$(crank inspect -f '{{.Id}}' web) pid=$(crank inspect -f '{{.State.Pid}}' web)
    run -0 --separate-stderr crank restart -t 1 web
    [ "$output" = web ]
    [ "$(crank inspect -f '{{.Id}}' web)" = "$id" ]
    [ "$(crank inspect -f '{{.State.Pid}}' web)" != "$pid" ]
    until_true curl -s -o /dev/null http://127.0.0.1:19818/
    address=$(crank inspect -f '{{.NetworkSettings.IPAddress}}' web)
    [ "$(crank exec web sh -c "grep -c $address /etc/hosts")" = 1 ]
    [ "$(crank logs web)" = $'up\nup' ]
    # of one that has ended, and of one that was never started
    crank stop -t 1 web
    run -0 crank restart web
    [ "$(state_of web)" = running ]
    crank rm -f web
    crank create --name idle --network none busybox sleep 1000
    run -0 crank restart idle
    [ "$(state_of idle)" = running ]
    crank rm -f idle
}

@test "restart of a container with --rm keeps it until it ends by itself" {
    crank run -d --rm --name brief --network none busybox sleep 1000 >/dev/null
    run -0 crank restart -t 0 brief
    [ "$(state_of brief)" = running ]
    crank stop -t 0 brief
    [ -z "$(crank ps -aq)" ]
}

@test "a start that cannot be leaves the container as it was, and says why" {
    mkdir -p data
    crank create --name web -p 19819:80 -v "$PWD/data:/data" busybox sleep 1000
    crank run -d --name taken -p 19819:80 busybox sleep 1000 >/dev/null
    run -1 crank start web
    [[ $output == *"port 19819 is published by container taken"* ]]
    [ "$(state_of web)" = created ]
    [[ $(crank inspect -f '{{.State.Error}}' web) == *"port 19819"* ]]
    crank rm -f taken
    rmdir data
    run -1 crank start web
    [[ $output == *"volume $PWD/data:/data of container web: $PWD/data does not exist"* ]]
    [[ $output == *"mkdir -p $PWD/data"* ]]
    mkdir data
    run -0 crank start web
    [ "$(crank inspect -f '{{.State.Error}}' web)" = "" ]
    crank stop -t 0 web
    ended=$(crank inspect -f '{{.State.ExitCode}} {{.State.FinishedAt}}' web)
    rmdir data
    run -1 crank start web
    [ "$(state_of web)" = exited ]
    [ "$(crank inspect -f '{{.State.ExitCode}} {{.State.FinishedAt}}' web)" = "$ended" ]
    crank rm web
}

@test "an image that is gone: start names it" {
    crank tag busybox gone:1
    crank create --name orphan --network none gone:1 true
    run -1 crank rmi nosuch
    id=$(crank inspect -f '{{.Image}}' orphan)
    sed -i "s/$id/sha256:$(printf '0%.0s' {1..64})/" "$CRANK_ROOT/containers/$(crank ps -aq --no-trunc)/container.json"
    run -1 crank start orphan
    [[ $output == *"image gone:1 (sha256:0000"*") of container orphan is gone"* ]]
    [ "$(state_of orphan)" = created ]
    crank rm orphan
    crank rmi gone:1
}

@test "a native worker is made, started and started again" {
    crank create --native --name plain -e A=1 -- sh -c 'echo "a=$A"'
    run -0 crank start -a plain
    [ "$output" = a=1 ]
    run -0 crank restart plain
    [ "$(crank wait plain)" = 0 ]
    [ "$(crank logs plain)" = $'a=1\na=1' ]
    crank rm plain
}

@test "a created container survives a reboot, and one that ran can be started after it" {
    crank create --name made --network none busybox sh -c 'echo again'
    crank run --name ran --network none busybox sh -c 'exit 3' || true
    # kept by the first command that looks when its monitor is gone
    kept() { [ -e "$CRANK_ROOT/containers/$(crank inspect -f '{{.Id}}' ran)/exit" ]; }
    until_true kept
    rm -rf "$CRANK_STATE/containers"
    [ "$(state_of made)" = created ]
    run -0 crank start -a made
    [ "$output" = again ]
    run -3 crank start -a ran
    crank rm made ran
}

@test "one that ran when the machine went down can be started, and reconcile starts those whose policy says so" {
    local name id pid
    crank run -d --name never --network none busybox sleep 600 >/dev/null
    crank run -d --name always --network none --restart always busybox sleep 600 >/dev/null
    crank run -d --name stopped --network none --restart unless-stopped busybox sleep 600 >/dev/null
    crank stop -t 0 stopped 2>/dev/null
    # what a power cut does
    for name in never always; do
        id=$(crank inspect -f '{{.Id}}' "$name") pid=$(crank inspect -f '{{.State.Pid}}' "$name")
        kill_monitors "$id"
        kill -KILL "$pid"
    done
    rm -rf "$CRANK_STATE/containers"
    [[ $(crank why always) == *"the machine was restarted while it ran"* ]]
    run -0 --separate-stderr crank reconcile
    [ "$stderr" = "Container always  Started" ]
    [ "$(state_of never) $(state_of always) $(state_of stopped)" = "exited running exited" ]
    run -0 crank start never
    [ "$(state_of never)" = running ]
    crank rm -f never always stopped
}

@test "pause freezes, ps shows it, exec says unpause, stop and kill work" {
    crank run -d --name still --network none busybox sleep 1000 >/dev/null
    run -0 crank pause still
    [ "$output" = still ]
    [[ $(crank ps --format '{{.Status}}') == "Up "*" (Paused)" ]]
    [ "$(state_of still) $(crank inspect -f '{{.State.Paused}} {{.State.Running}}' still)" = \
        "paused true true" ]
    run -1 crank pause still
    [[ $output == *"container still is already paused"* ]]
    run crank exec still true
    [ "$status" -ne 0 ]
    [[ $output == *"container still is paused, unpause the container before exec"* ]]
    [[ $output == *"crank unpause still"* ]]
    run -1 crank start still
    [[ $output == *"container still is paused"* ]]
    run -1 crank rm still
    [[ $output == *"container still is paused"* ]]
    run -0 crank unpause still
    [ "$output" = still ]
    [ "$(crank exec still echo awake)" = awake ]
    run -1 crank unpause still
    [[ $output == *"container still is not paused"* ]]
    crank pause still
    run -0 crank stop -t 0 still
    [ "$(state_of still)" = exited ]
    run -1 crank pause still
    [[ $output == *"container still is not running"* ]]
    crank start still
    crank pause still
    run -0 crank kill still
    [ "$(state_of still)" = exited ]
    crank start still
    crank pause still
    run -0 crank restart -t 0 still
    [ "$(state_of still)" = running ]
    crank pause still
    run -0 crank rm -f still
}

@test "what is paused does not go on" {
    crank run -d --name count --network none busybox \
        sh -c 'trap "echo term; exit 5" TERM; while :; do echo x; sleep 0.01; done' >/dev/null
    until_true logs_have count x
    crank pause count
    # what was written before is in the log by the second look
    sleep 0.3
    before=$(crank logs count | wc -l)
    sleep 0.3
    [ "$(crank logs count | wc -l)" -eq "$before" ]
    run -0 crank stop count
    [ "$(crank inspect -f '{{.State.ExitCode}}' count)" = 5 ]
    crank rm count
}

@test "rename: the other name everywhere, the old one is free" {
    crank run -d --name old --network none busybox sleep 1000 >/dev/null
    run -0 crank rename old new
    [ -z "$output" ]
    [ "$(crank ps --format '{{.Names}}')" = new ]
    run -1 crank inspect old
    crank create --name old --network none busybox true
    run -1 crank rename new old
    [[ $output == *'the name "old" is in use by container'* ]]
    run -1 crank rename new new
    [[ $output == *"has that name already"* ]]
    run -1 crank rename new 'a b'
    run -1 crank rename nosuch other
    [[ $output == *"no such container: nosuch"* ]]
    crank rm -f new old
    [ -z "$(crank ps -aq)" ]
}

@test "a renamed container with --rm takes its own name with it, and nobody else's" {
    crank run -d --rm --name first --network none busybox sleep 1000 >/dev/null
    crank rename first second
    crank create --name first --network none busybox true
    crank stop -t 0 second
    [ "$(crank ps -a --format '{{.Names}}')" = first ]
    crank run --rm --name second --network none busybox true
    crank rm first
}

@test "--restart on-failure:N starts a failing worker so many times" {
    crank run -d --name failing --restart on-failure:2 --network none busybox \
        sh -c 'echo try; exit 4' >/dev/null
    until_true is_state failing exited
    [ "$(crank logs failing)" = $'try\ntry\ntry' ]
    [ "$(crank inspect -f '{{.RestartCount}} {{.State.ExitCode}} {{.HostConfig.RestartPolicy.Name}} {{.HostConfig.RestartPolicy.MaximumRetryCount}}' failing)" = \
        "2 4 on-failure 2" ]
    crank rm failing
    crank run -d --name fine --restart on-failure --network none busybox true >/dev/null
    [ "$(crank wait fine)" = 0 ]
    [ "$(crank inspect -f '{{.RestartCount}}' fine)" = 0 ]
    crank rm fine
}

@test "--restart always: restarting is shown, stop ends it, start begins anew" {
    crank run -d --name loop --restart always --network none busybox sh -c 'exit 6' >/dev/null
    until_true is_state loop restarting
    run -0 crank ps --format '{{.Status}}'
    [[ $output == "Restarting (6) "* || $output == "Up "* ]]
    run -1 crank rm loop
    run -0 crank stop -t 1 loop
    [ "$(state_of loop)" = exited ]
    count=$(crank inspect -f '{{.RestartCount}}' loop)
    sleep 0.5
    [ "$(state_of loop) $(crank inspect -f '{{.RestartCount}}' loop)" = "exited $count" ]
    crank start loop
    until_true is_state loop restarting
    run -0 crank rm -f loop
    [ -z "$(crank ps -aq)" ]
}

@test "update --restart: from its next end on, whoever watches it" {
    local pid
    crank run -d --name late --network none busybox sleep 600 >/dev/null
    run -0 crank update --restart on-failure:3 late
    [ "$(crank inspect -f '{{.HostConfig.RestartPolicy.Name}} {{.HostConfig.RestartPolicy.MaximumRetryCount}}' late)" = "on-failure 3" ]
    pid=$(crank inspect -f '{{.State.Pid}}' late)
    kill -KILL "$pid"
    is_another() { is_state late running && [ "$(crank inspect -f '{{.State.Pid}}' late)" != "$pid" ]; }
    until_true is_another
    # and not any more
    crank update --restart no late
    pid=$(crank inspect -f '{{.State.Pid}}' late)
    kill -KILL "$pid"
    until_true is_state late exited
    sleep 0.3
    [ "$(state_of late)" = exited ]
    [ "$(crank inspect -f '{{.RestartCount}}' late)" = 1 ]
    run -1 crank update --restart sometimes late
    [[ $output == *'--restart="sometimes": no such policy'* ]]
    crank run -d --rm --name brief --network none busybox sleep 600 >/dev/null
    run -1 crank update --restart always brief
    [[ $output == *"--restart: container brief is removed when it ends"* ]]
    crank rm -f late brief
}

@test "--restart unless-stopped: killed from outside it comes back, with its port" {
    crank run -d --name web --restart unless-stopped -p 19820:80 busybox httpd -f -p 80 >/dev/null
    until_true curl -s -o /dev/null http://127.0.0.1:19820/
    pid=$(crank inspect -f '{{.State.Pid}}' web)
    kill -KILL "$pid"
    came_back() { is_state web running && [ "$(crank inspect -f '{{.State.Pid}}' web)" != "$pid" ]; }
    until_true came_back
    until_true curl -s -o /dev/null http://127.0.0.1:19820/
    [ "$(crank inspect -f '{{.RestartCount}}' web)" = 1 ]
    # killed by crank it stays ended
    run -0 crank kill web
    [ "$(state_of web)" = exited ]
    sleep 0.3
    [ "$(state_of web)" = exited ]
    crank rm web
}

@test "a restart that cannot be ends the container and says why" {
    mkdir -p data
    crank run -d --name lost --restart always --network none -v "$PWD/data:/data" busybox \
        sh -c 'sleep 0.2; exit 1' >/dev/null
    rmdir data
    until_true is_state lost exited
    [[ $(crank inspect -f '{{.State.Error}}' lost) == *"$PWD/data does not exist"* ]]
    crank rm lost
}

@test "a native worker is restarted with its environment" {
    crank run -d --native --name plain --restart on-failure:1 -- sh -c 'echo "$HOME"; exit 1' >/dev/null
    until_true is_state plain exited
    [ "$(crank logs plain)" = "$HOME"$'\n'"$HOME" ]
    crank rm plain
}

@test "start killed at any moment leaves a container that can be started again" {
    crank create --name victim -p 19821:80 busybox sleep 1000
    for i in $(seq 0 3 42); do
        crank start victim >/dev/null 2>&1 3>&- &
        pid=$!
        sleep "0.0$(printf '%02d' "$i")"
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
        run -0 --separate-stderr crank start victim
        [ "$(state_of victim)" = running ]
        crank exec victim true
        crank stop -t 0 victim
        [ "$(state_of victim)" = exited ]
    done
    crank rm victim
}

@test "start killed at its crash points: the state is the old one or the new" {
    for point in start.kept start.runs; do
        crank create --name victim --network none busybox sleep 1000
        CRANK_CRASH_AT=$point run crank start victim
        [ "$status" -eq 137 ]
        [[ $(state_of victim) == created || $(state_of victim) == running ]]
        run -0 crank start victim
        crank stop -t 0 victim
        CRANK_CRASH_AT=$point run crank start victim
        [[ $(state_of victim) == exited || $(state_of victim) == running ]]
        crank rm -f victim
    done
    CRANK_CRASH_AT=create.marked run crank create --name victim --network none busybox true
    [ "$status" -eq 137 ]
    [ -z "$(crank ps -aq)" ]
    crank create --name victim --network none busybox true
    for point in rename.taken rename.recorded; do
        CRANK_CRASH_AT=$point run crank rename victim other
        [ "$status" -eq 137 ]
        [ "$(crank ps -a --format '{{.Names}}' | wc -l)" = 1 ]
        name=$(crank ps -a --format '{{.Names}}')
        [ "$(find "$CRANK_ROOT/names" -type l | wc -l)" = 1 ]
        [ "$name" = victim ] || crank rename "$name" victim
    done
    crank rm victim
}

@test "two starts at once: both succeed, and it runs once" {
    crank create --name twin --network none busybox sh -c 'echo begin; exec sleep 1000'
    crank start twin >out1 2>&1 3>&- &
    one=$!
    run -0 crank start twin
    wait "$one"
    until_true logs_have twin begin
    [ "$(crank logs twin)" = begin ]
    crank rm -f twin
}

@test "attach shows what is written from now on, and ends as the worker does" {
    crank run -d --name said --network none busybox \
        sh -c 'echo before; until [ -e /go ]; do sleep 0.05; done; printf "no newline"; echo err >&2; sleep 0.3; exit 9' >/dev/null
    until_true logs_have said before
    crank attach said >out 2>err 3>&- &
    one=$!
    # it watches the log by then
    until_true follows "$one"
    crank exec said touch /go
    code=0
    wait "$one" || code=$?
    [ "$code" -eq 9 ]
    [ "$(cat out)" = "no newline" ]
    [ "$(cat err)" = err ]
    run -1 crank attach said
    [[ $output == *"you cannot attach to a stopped container"* ]]
    crank start said
    crank pause said
    run -1 crank attach said
    [[ $output == *"you cannot attach to a paused container"* ]]
    crank rm -f said
}

@test "attach passes input on to a container that was started with -d -i" {
    crank run -d -i --name reader --network none busybox \
        sh -c 'read -r a; echo "got $a"; read -r b; echo "and $b"' >/dev/null
    # the end of one caller's input is not the worker's
    timeout 20 crank attach reader <<<"one" >first 3>&- &
    one=$!
    until_true logs_have reader "got one"
    run -0 crank attach reader <<<"two"
    [ "$output" = "and two" ]
    wait "$one" || true
    [ "$(cat first)" = $'got one\nand two' ]
    crank rm reader
}

@test "attach passes signals on, or with --sig-proxy=false ends alone" {
    crank run -d --name trap --network none busybox \
        sh -c 'trap "echo usr; exit 3" USR1; while :; do sleep 0.05; done' >/dev/null
    crank attach --sig-proxy=false trap >/dev/null 3>&- &
    one=$!
    until_true follows "$one"
    kill -TERM "$one"
    wait "$one" || true
    is_state trap running
    crank attach --no-stdin trap >out 3>&- &
    one=$!
    until_true follows "$one"
    kill -USR1 "$one"
    code=0
    wait "$one" || code=$?
    [ "$code" -eq 3 ]
    [ "$(cat out)" = usr ]
    crank rm trap
}

@test "attach to a terminal: prompts, input, and the keys that leave it" {
    crank run -dit --name shell --network none busybox sh >/dev/null
    # script(1) gives it a terminal of its own
    run -0 timeout 20 script -qec 'crank attach shell' /dev/null < <(
        sleep 1
        printf 'echo so$((1 + 1))me\n'
        sleep 1
        printf '\020\021'
        sleep 1
    )
    [[ $output == *so2me* ]]
    [[ $output == *"read escape sequence"* ]]
    is_state shell running
    run -1 crank attach --detach-keys alt-x nosuch
    crank rm -f shell
}

@test "attach to a terminal without an init: what is out of reach is said" {
    crank run -dit --init=false --name bare --network none busybox sh >/dev/null
    run -1 crank attach bare
    [[ $output == *"the input of container bare is out of reach"* ]]
    [[ $output == *"crank attach --no-stdin shows its output"* ]]
    crank rm -f bare
}

@test "a record that a power cut left empty is none: the name is free, and nothing is left of the container" {
    local id
    crank create --name torn --network none busybox sleep 10 >/dev/null
    id=$(crank inspect --format '{{.Id}}' torn)
    # as after the next start of the machine
    : >"$CRANK_ROOT/containers/$id/container.json"
    run -0 crank create --name torn --network none busybox sleep 10
    [ ! -e "$CRANK_ROOT/containers/$id" ]
    : >"$CRANK_ROOT/containers/$(crank inspect --format '{{.Id}}' torn)/container.json"
    run -0 crank ps -aq
    [ -z "$output" ]
    [ -z "$(ls "$CRANK_ROOT/containers")" ]
}
