#!/usr/bin/env bats
# crank run and what follows: as people type it.

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

# in_container [FLAG...] -- COMMAND...: in the foreground, without a network
in_container() {
    local -a flags=()
    while [ "$1" != -- ]; do
        flags+=("$1")
        shift
    done
    shift
    crank run --rm --network none "${flags[@]}" busybox "$@"
}

@test "output goes where the worker sent it, and its exit code is crank's" {
    run --separate-stderr in_container -- sh -c 'echo out; echo err >&2; exit 7'
    [ "$status" -eq 7 ]
    [ "$output" = out ]
    [ "$stderr" = err ]
}

@test "exit codes: 125, 126, 127, 128 + signal" {
    run -127 --separate-stderr in_container -- nosuch
    [ "${stderr_lines[0]}" = 'crank run: exec: "nosuch": executable file not found in $PATH' ]
    [[ ${stderr_lines[1]} == "hint: crank run --rm -it --entrypoint sh "*" looks into the image" ]]
    run --separate-stderr in_container -- /etc/passwd
    [ "$status" -eq 126 ]
    [ "$stderr" = 'crank run: exec: "/etc/passwd": permission denied' ]
    run --separate-stderr in_container -- sh -c 'kill -9 $$'
    [ "$status" -eq 137 ]
    run --separate-stderr in_container --user nobody2 -- true
    [ "$status" -eq 125 ]
    [ "${stderr_lines[0]}" = "crank run: the image has no user nobody2 in /etc/passwd" ]
}

@test "environment, user, directory, host name, entrypoint" {
    run in_container -e A=1 -e 'B=x y' -e GREETING= -- sh -c 'echo "$A,$B,$GREETING,$HOME,$HOSTNAME"; pwd'
    [[ ${lines[0]} == "1,x y,,/root,"???????????? ]]
    [ "${lines[1]}" = / ]
    C=passed run in_container -e C -- sh -c 'echo "$C"'
    [ "$output" = passed ]
    run in_container -u worker -- sh -c 'id -u; id -g; id -G; echo $HOME'
    [ "$output" = $'1000\n1000\n1000 44\n/home/worker' ]
    run in_container -u 4000:5 -- sh -c 'echo $(id -u):$(id -g)'
    [ "$output" = 4000:5 ]
    run in_container -w /new/dir -h myhost -- sh -c 'pwd; hostname; grep -c myhost /etc/hosts'
    [ "$output" = $'/new/dir\nmyhost\n1' ]
    run crank run --rm --network none --entrypoint echo busybox a b
    [ "$output" = "a b" ]
}

@test "standard input: passed on with -i, empty without" {
    run bash -c 'echo word | crank run --rm -i --network none busybox cat'
    [ "$output" = word ]
    run bash -c 'echo word | crank run --rm --network none busybox cat'
    [ -z "$output" ]
    run bash -c 'head -c 3000000 /dev/zero | crank run --rm -i --network none busybox wc -c'
    [ "$output" -eq 3000000 ]
}

@test "a terminal: -t gives one, -it wants one" {
    run in_container -t -- sh -c 'tty; echo $TERM'
    [[ ${lines[0]} == /dev/pts/* ]]
    [[ ${lines[1]} == xterm* ]]
    run --separate-stderr bash -c 'crank run --rm -it busybox true </dev/null'
    [ "$status" -eq 125 ]
    [ "${stderr_lines[0]}" = "crank run: -t with -i wants a terminal as standard input, and it is none" ]
    run script -qec 'stty rows 33 cols 101; crank run --rm -it --network none busybox stty size' /dev/null
    [[ $output == *"33 101"* ]]
}

@test "mounts: read-only, read-write, a file, tmpfs; a missing source is an error" {
    mkdir -p data
    echo before >data/file
    run in_container -v "$PWD/data:/data:ro" -- sh -c 'cat /data/file; echo x >/data/file'
    [ "$status" -ne 0 ]
    [[ $output == *before*"Read-only file system"* ]]
    in_container -v ./data:/data -- sh -c 'echo after >/data/file'
    [ "$(cat data/file)" = after ]
    run in_container -v "$PWD/data/file:/etc/motd:ro" -- cat /etc/motd
    [ "$output" = after ]
    run in_container --tmpfs /scratch:size=1m -- sh -c 'grep " /scratch " /proc/mounts; head -c 2000000 /dev/zero >/scratch/x'
    [ "$status" -ne 0 ]
    [[ ${lines[0]} == *"size=1024k"* ]]
    run --separate-stderr in_container -v "$PWD/none:/data" -- true
    [ "$status" -eq 125 ]
    [ "${stderr_lines[0]}" = "crank run: --volume $PWD/none:/data: $PWD/none does not exist" ]
    [ "${stderr_lines[1]}" = "hint: mkdir -p $PWD/none" ]
    run --separate-stderr in_container --read-only --tmpfs /tmp -- sh -c 'echo x >/tmp/y && echo x >/y'
    [ "$status" -ne 0 ]
    [[ $stderr == *"can't create /y: Read-only file system"* ]]
}

@test "what cannot be mounted is named, while the network is being set up too" {
    # the worker's side fails at once, and this one may be told when it opens the way to the network
    for _ in 1 2 3 4 5 6 7 8; do
        run -125 --separate-stderr crank run --rm --tmpfs /etc/passwd busybox true
        [[ $stderr == *"mount tmpfs on /etc/passwd: Not a directory"* ]]
    done
}

@test "mount points that the image lacks are there, and no start makes them in the container's layer" {
    run -0 crank run -d --name bare --network none busybox sleep 600
    local upper=$CRANK_ROOT/containers/$output/upper
    run -0 crank exec bare ls -d /dev /proc /sys /etc/hosts /etc/hostname /etc/resolv.conf
    [ "$(find "$upper" -mindepth 1)" = "" ]
    # They belong to nobody's image: what is written beside them is the container's.
    crank exec bare sh -c 'echo x >/etc/own; chmod 700 /etc'
    run -0 find "$upper" -mindepth 1 -printf '%P %m\n'
    [ "$(sort <<<"$output")" = $'etc 700\netc/own 644' ]
    crank kill bare >/dev/null
    crank wait bare >/dev/null
    run -0 bash -c 'crank export bare | tar -t'
    grep -qx "etc/hosts" <<<"$output"
    grep -qx "proc/" <<<"$output"
    # Another container, and the same one again, know nothing of it.
    run -0 crank run --rm --network none busybox stat -c %a /etc
    [ "$output" = 755 ]
    run -0 crank start bare
    [ "$(find "$CRANK_ROOT" -maxdepth 1 -name 'bottom-*' -printf '%f\n')" = bottom-1 ]
}

@test "a hundred mounts are no more trouble than one" {
    mkdir -p data
    echo word >data/file
    local -a flags=()
    local i
    for i in {1..100}; do flags+=(-v "$PWD/data:/data$i:ro"); done
    run in_container "${flags[@]}" -- cat /data1/file /data57/file /data100/file
    [ "$output" = $'word\nword\nword' ]
}

@test "limits: shared memory is half of the memory; too much or too little is an error" {
    run in_container --memory 64m -- sh -c 'df -k /dev/shm | tail -1'
    [[ $output == *" 32768 "* ]]
    run --separate-stderr in_container --cpus 1000 -- true
    [ "$status" -eq 125 ]
    [[ $stderr == "crank run: --cpus=1000: from 0.01 to "* ]]
    run --separate-stderr in_container --memory 1m -- true
    [ "$status" -eq 125 ]
    [ "$stderr" = "crank run: --memory=1MiB: at least 6MiB is needed to start a worker" ]
}

@test "in the background: id, ps, logs, exec, inspect, stop, rm" {
    run --separate-stderr crank run -d --name worker -l app=mail -e A=1 --network none busybox \
        sh -c 'echo started; echo problem >&2; trap "echo ending; exit 3" TERM; while :; do sleep 0.1; done'
    [ "$status" -eq 0 ]
    [[ $output =~ ^[0-9a-f]{64}$ ]]
    local id=$output
    [ "$(crank ps -q)" = "${id:0:12}" ]
    [ "$(crank ps -q --no-trunc)" = "$id" ]
    [ "$(crank ps --format '{{.Names}} {{.Image}} {{.State}} {{.Labels}}')" = "worker busybox running app=mail" ]
    run crank ps --format 'table {{.Names}}\t{{.ID}}'
    [ "${lines[0]}" = "NAMES    CONTAINER ID" ]
    until crank logs worker 2>&1 | grep -q problem; do sleep 0.05; done
    run --separate-stderr crank logs worker
    [ "$output" = started ]
    [ "$stderr" = problem ]
    run --separate-stderr crank exec -e B=2 -w /tmp worker sh -c 'echo "$A$B"; pwd; exit 4'
    [ "$status" -eq 4 ]
    [ "$output" = $'12\n/tmp' ]
    run bash -c 'echo word | crank exec -i worker cat'
    [ "$output" = word ]
    run crank exec -u worker worker id -u
    [ "$output" = 1000 ]
    run -127 --separate-stderr crank exec worker nosuch
    [ "$(crank inspect -f '{{.State.Status}} {{.Name}} {{.Config.Labels.app}}' "${id:0:10}")" = "running /worker mail" ]
    crank inspect worker | jq -e '.[0].HostConfig.NetworkMode == "none"' >/dev/null
    run --separate-stderr crank rm worker
    [ "$status" -eq 1 ]
    [ "${stderr_lines[0]}" = "crank rm: container worker is running" ]
    [ "${stderr_lines[1]}" = "hint: crank stop worker, or crank rm -f worker" ]
    [ "$(crank stop worker)" = worker ]
    [ -z "$(crank ps -q)" ]
    [[ $(crank ps -a --format '{{.Status}}') == "Exited (3) "* ]]
    [ "$(crank logs -n 1 worker)" = ending ]
    [[ $(crank logs -t -n 1 worker) =~ ^20[0-9-]+T[0-9:.]+Z\ ending$ ]]
    [ "$(crank wait worker)" = 3 ]
    run --separate-stderr crank exec worker true
    [ "$status" -eq 125 ]
    [ "${stderr_lines[0]}" = "crank exec: container worker is not running" ]
    [ "${stderr_lines[1]}" = "hint: crank start worker, or crank why worker" ]
    [ "$(crank rm worker)" = worker ]
    [ -z "$(crank ps -aq)" ]
}

@test "a name in use names its holder" {
    id=$(crank run -d --name taken --network none busybox sleep 1000)
    run --separate-stderr crank run --name taken busybox true
    [ "$status" -eq 125 ]
    [ "${stderr_lines[0]}" = "crank run: the name \"taken\" is in use by container ${id:0:12}" ]
    [ "${stderr_lines[1]}" = "hint: crank rm -f taken, or choose another name" ]
}

@test "with --rm a name is free again when the run has ended" {
    for _ in 1 2 3 4 5; do crank run --rm --name again --network none busybox true; done
    [ -z "$(crank ps -aq)" ]
}

@test "signals of the foreground go to the worker" {
    crank run --rm --network none busybox \
        sh -c 'trap "echo got it; exit 5" INT; echo ready; while :; do sleep 0.1; done' >out 3>&- &
    local pid=$! status=0
    until grep -q ready out; do sleep 0.05; done
    kill -INT "$pid"
    wait "$pid" || status=$?
    [ "$status" -eq 5 ]
    [ "$(tail -1 out)" = "got it" ]
}

@test "stop: the timeout, then SIGKILL; two at once; the image's signal" {
    crank run -d --name deaf --network none busybox sh -c 'trap "" TERM; echo ready; while :; do sleep 0.1; done' >/dev/null
    until crank logs deaf | grep -q ready; do sleep 0.05; done
    crank stop -t 1 deaf >/dev/null 3>&- &
    crank stop -t 1 deaf >/dev/null
    wait $!
    [ "$(crank inspect -f '{{.State.ExitCode}}' deaf)" = 137 ]
    printf 'FROM busybox\nSTOPSIGNAL USR1\n' | crank build -q -t usr1 - >/dev/null
    crank run -d --name polite --network none usr1 sh -c 'trap "exit 9" USR1; echo ready; while :; do sleep 0.1; done' >/dev/null
    until crank logs polite | grep -q ready; do sleep 0.05; done
    crank stop polite
    [ "$(crank wait polite)" = 9 ]
    crank stop polite
    run --separate-stderr crank kill polite
    [ "$status" -eq 1 ]
    [ "${stderr_lines[0]}" = "crank kill: container polite is not running" ]
    crank rm polite deaf
    crank rmi usr1
}

@test "logs -f --until ends at that time, though the worker goes on" {
    crank run -d --name talks --network none busybox sh -c 'while :; do echo on; sleep 0.1; done' >/dev/null
    until_true sh -c 'crank logs talks | grep -q on'
    # a duration counts back, so this is a second ahead
    run -0 timeout 20 crank logs -f --until=-1s talks
    [ "${lines[0]}" = on ]
    [ "$(crank inspect -f '{{.State.Status}}' talks)" = running ]
    # and what is over already is not waited for
    run -0 timeout 20 crank logs -f --until 1h talks
    [ -z "$output" ]
    crank rm -f talks
}

@test "logs -f ends with the worker; a long line and one without an end come as they are" {
    crank run -d --name talker --network none busybox \
        sh -c 'for i in 1 2 3; do echo line $i; sleep 0.2; done; head -c 70000 /dev/zero | tr "\0" x; echo; printf tail' >/dev/null
    crank logs -f talker >out
    [ "$(head -3 out)" = $'line 1\nline 2\nline 3' ]
    [ "$(sed -n 4p out | wc -c)" -eq 70001 ]
    [ "$(tail -c 4 out)" = tail ]
}

@test "--explain does nothing" {
    run --separate-stderr crank run --explain --name planned -p 18080:80 busybox echo hi
    [ "$status" -eq 0 ]
    [[ $output == *"publish 127.0.0.1 18080 -> 80/tcp"* ]]
    [[ $output == *"mount proc on /proc"* ]]
    [[ $output == *"execute echo"* ]]
    [ -z "$(crank ps -aq)" ]
}

@test "--timings says when the phases ended, on stderr" {
    run --separate-stderr in_container --timings -- echo data
    [ "$output" = data ]
    [[ $stderr == *"image found"*"worker started"* ]]
}

@test "images: list, tag, remove; one in use stays" {
    [ "$(crank images --format '{{.Repository}}:{{.Tag}}' busybox)" = busybox:latest ]
    crank tag busybox busybox:copy
    [ "$(crank images -q busybox | sort -u | wc -l)" -eq 1 ]
    [ "$(crank rmi busybox:copy)" = "Untagged: busybox:copy" ]
    crank inspect busybox | jq -e '.[0].Config.Cmd == ["sh"]' >/dev/null
    crank run -d --name user --network none busybox sleep 1000 >/dev/null
    run --separate-stderr crank rmi busybox
    [ "$status" -eq 1 ]
    [[ ${stderr_lines[0]} == "crank rmi: image busybox is used by container user" ]]
}

@test "a running container's monitor holds its image, whatever the records say" {
    crank tag busybox busybox:held
    crank run -d --name holder --network none busybox sleep 1000 >/dev/null
    # as for a container whose record comes between rmi's look and its removal
    mv "$CRANK_ROOT/containers" aside
    run --separate-stderr crank rmi busybox:held busybox
    mv aside "$CRANK_ROOT/containers"
    [ "$status" -eq 1 ]
    [ "$output" = "Untagged: busybox:held" ]
    [ "${stderr_lines[0]}" = "crank rmi: image busybox is in use by a container" ]
    crank exec holder true
}

@test "save and load: a file and a pipe" {
    crank save -o all.tar busybox
    id=$(crank images -q --no-trunc busybox)
    run crank --root "$CRANK_TEST_DIR/other" load -i all.tar
    [ "$output" = "Loaded image: busybox:latest" ]
    [ "$(crank --root "$CRANK_TEST_DIR/other" images -q --no-trunc)" = "$id" ]
    crank save busybox | crank --root "$CRANK_TEST_DIR/third" load -q
    [ "$(crank --root "$CRANK_TEST_DIR/third" images -q --no-trunc)" = "$id" ]
    run --separate-stderr crank save -o nothing.tar no-such
    [ "$status" -eq 1 ]
    [ ! -e nothing.tar ] && [ ! -e nothing.tar.part ]
    run --separate-stderr crank load -i /dev/null
    [ "$status" -eq 1 ]
    rm -rf "$CRANK_TEST_DIR/other" "$CRANK_TEST_DIR/third"
}

@test "an alias of the configuration is used, and a missing target says so" {
    crank config set alias.shell:1 busybox:latest
    run crank run --rm --network none shell:1 echo aliased
    [ "$output" = aliased ]
    crank config set alias.shell:1 gone:latest
    run --separate-stderr crank run --rm shell:1 true
    [ "$status" -eq 125 ]
    [[ $stderr == *"shell:1 stands for gone:latest (alias in the configuration)"* ]]
    crank config unset alias.shell:1
}

@test "the caller's umask, closed descriptors and a reader that goes away change nothing inside" {
    run bash -c 'umask 077; crank run --rm --network none -u worker busybox sh -c "stat -c %a / /etc/hosts; umask"'
    [ "$output" = $'755\n644\n0022' ]
    run bash -c 'crank run --rm --network none busybox sh -c "exit 3" <&- >&- 2>&-'
    [ "$status" -eq 3 ]
    run timeout 20 bash -c 'crank run --rm --network none busybox yes | head -1'
    [ "$status" -eq 0 ]
    [ "$output" = y ]
}

@test "a full disk is named, and nothing is left" {
    mkdir small
    mount -t tmpfs -o size=6m tmpfs small
    crank save busybox | crank --root "$PWD/small" load -q
    dd if=/dev/zero of=small/fill bs=64k 2>/dev/null || true
    run --separate-stderr crank --root "$PWD/small" run --rm --network none busybox true
    local failed=$status text=$stderr left
    left=$(ls small/containers small/names)
    umount small
    rmdir small
    [ "$failed" -eq 125 ]
    [[ $text == *"No space left on device"* ]]
    [[ $left != *[0-9a-f][0-9a-f][0-9a-f][0-9a-f]* ]]
}

@test "wait sees the exit of a container that removes itself" {
    for _ in 1 2 3; do
        crank run -d --rm --name short --network none busybox sh -c 'sleep 0.1; exit 9' >/dev/null
        [ "$(crank wait short)" = 9 ]
    done
}

@test "eight callers at once" {
    local pids=() failed=0
    for i in 1 2 3 4 5 6 7 8; do
        for _ in 1 2 3; do crank run --rm busybox true || exit 1; done 3>&- &
        pids+=($!)
    done
    for i in "${pids[@]}"; do wait "$i" || failed=1; done
    [ "$failed" -eq 0 ]
    until [ -z "$(crank ps -aq)" ]; do sleep 0.05; done
}

@test "an image with a health check starts without a word about it" {
    printf 'FROM busybox\nHEALTHCHECK CMD true\n' | crank build -q -t checked - >/dev/null
    run -0 --separate-stderr crank run --rm --network none checked true
    [ -z "$stderr" ]
    crank rmi checked
}
