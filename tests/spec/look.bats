#!/usr/bin/env bats
# The verbs that look into containers and images: top, port, stats, diff, export, commit, history,
# update.

bats_require_minimum_version 1.5.0
load ../lib/crank

setup_file() {
    crank_setup_file
    busybox_image
}
setup() { crank_setup; }
teardown() {
    crank_teardown
    rm -rf out out.tar volume
}
teardown_file() { crank_teardown_file; }

start() { crank run -d --name look --network none "$@" busybox sleep 600 >/dev/null; }

@test "top shows the container's processes and no other, with ps's options" {
    start
    run -0 crank top look
    [[ ${lines[0]} =~ ^UID\ +PID\ +PPID ]]
    [[ $output == *"sleep 600"* ]]
    [ "${#lines[@]}" -eq 3 ] # the header, the init, the worker
    run -0 crank top look -o pid,args
    [[ ${lines[0]} =~ ^PID\ +COMMAND$ ]]
    run -1 crank top look -o args
    [[ $output == *"ps shows no column PID"* ]]
    run -1 crank top look --no-such-option
    [[ $output == *"ps: "* ]]
    crank stop -t 0 look >/dev/null
    run -1 crank top look
    [[ $output == *"container look is not running"* ]]
}

@test "port shows where ports are published" {
    crank run -d --name look -p 18471:80 -p 18472:81 busybox sleep 600 >/dev/null
    run -0 crank port look
    [ "${lines[0]}" = "80/tcp -> 127.0.0.1:18471" ]
    [[ $output == *"81/tcp -> [::1]:18472"* ]]
    run -0 crank port look 81
    [ "${lines[0]}" = "127.0.0.1:18472" ]
    run -0 crank port look 80/tcp
    [ "${lines[0]}" = "127.0.0.1:18471" ]
    run -1 crank port look 82
    [[ $output == *"no public port '82/tcp' published for look"* ]]
    run -1 crank port look 80/udp
    [[ $output == *"no public port '80/udp'"* ]]
    run -1 crank port look eighty
    [[ $output == *'invalid port "eighty"'* ]]
}

@test "stats shows what a container uses of what it may" {
    crank run -d --name look --network none --memory 64m busybox sh -c 'while :; do :; done' >/dev/null
    run -0 crank stats --no-stream look
    [[ ${lines[0]} =~ ^"CONTAINER ID"\ +NAME\ +"CPU %"\ +"MEM USAGE / LIMIT"\ +"MEM %"\ +"NET I/O"\ +"BLOCK I/O"\ +PIDS$ ]]
    [[ ${lines[1]} == *" look "*" / 64MiB "* ]]
    # it does nothing but count, when the machine lets it
    busy() { local share && share=$(crank stats --no-stream --format '{{.CPUPerc}}' look) && [ "${share%%.*}" -ge 5 ]; }
    until_true busy
    run -0 crank stats --no-stream --format '{{.PIDs}}' look
    [ "$output" = 2 ]
    run -0 crank stats --no-stream --format json
    [ "$(jq -r .Name <<<"$output")" = look ]
    crank stop -t 0 look >/dev/null
    run -0 crank stats --no-stream --format '{{.Name}}'
    [ -z "$output" ]
    run -0 crank stats --no-stream -a --format '{{.Name}} {{.MemUsage}}'
    [ "$output" = "look -- / --" ]
    run -1 crank stats --no-stream nobody
    [[ $output == *"no such container: nobody"* ]]
}

@test "stats goes on until it is stopped" {
    start
    crank stats --format '{{.Name}}' look >out 3>&- &
    local pid=$!
    until_true eval '[ "$(wc -l <out)" -ge 2 ]'
    kill -TERM "$pid"
    wait "$pid" || true
}

@test "diff shows what was added, changed and deleted, and no mount point of crank's" {
    start
    run -0 crank diff look
    [ -z "$output" ]
    crank exec look sh -c 'echo x >/tmp/new; mkdir -p /home/worker/a/b; echo y >>/etc/passwd; rm /etc/group; chmod 700 /home'
    run -0 crank diff look
    [ "$output" = "C /etc
D /etc/group
C /etc/passwd
C /home
C /home/worker
A /home/worker/a
A /home/worker/a/b
C /tmp
A /tmp/new" ]
    crank stop -t 0 look >/dev/null
    run -0 crank diff look
    [[ $output == *"D /etc/group"* ]]
}

@test "diff: a directory in the place of another" {
    start
    crank exec look sh -c 'rm -r /home/worker; mkdir /home/worker; echo x >/home/worker/file'
    run -0 crank diff look
    [ "$output" = "C /home
C /home/worker
A /home/worker/file" ]
}

@test "commit keeps a health check" {
    crank run -d --name checked --network none --health-cmd true --health-retries 7 busybox sleep 600 >/dev/null
    crank commit checked committed >/dev/null
    [ "$(crank inspect -f '{{json .Config.Healthcheck}}' committed)" = '{"Test":["CMD-SHELL","true"],"Retries":7}' ]
    crank rm -f checked >/dev/null
    # an image cannot say that nobody performs it
    crank run -d --name checked --network none --health-cmd true --health-interval disable busybox sleep 600 >/dev/null
    crank commit checked committed >/dev/null
    [ "$(crank inspect -f '{{json .Config.Healthcheck}}' committed)" = '{"Test":["CMD-SHELL","true"]}' ]
    crank rm -f checked >/dev/null
    crank rmi committed
}

@test "what -o names is written into where it is no file: a device or a pipe stays what it is" {
    is_root || skip "makes a device"
    mknod null c 1 3
    mkfifo pipe
    crank run --name ended --network none busybox true
    crank volume create kept >/dev/null
    crank export -o null ended
    crank volume export -o null kept
    crank save -o null busybox
    crank commit --iidfile null ended >/dev/null
    [ -c null ]
    cat pipe >archive &
    crank volume export -o pipe kept
    wait $!
    [ -p pipe ]
    tar -tf archive >/dev/null
    # and of a file the new one is whole, or the old one stays
    echo old >file
    run -1 crank export -o file nobody
    [ "$(cat file)" = old ]
    crank export -o file ended
    tar -tf file >/dev/null
    run ! ls file.*.partial
}

@test "-o follows links: what is open is written into, a file is replaced where it lies, a directory refused" {
    crank run --name ended --network none busybox true
    # as /dev/stdout is one; what the shell wrote before and writes after stays
    ln -s /proc/self/fd/1 stdout
    { echo before; crank export -o stdout ended; echo after; } >all
    [ "$(readlink stdout)" = /proc/self/fd/1 ]
    [ "$(head -n 1 all) $(tail -c 6 all)" = "before after" ]
    tail -c +8 all | tar -tf - bin/busybox
    { crank export -o /proc/self/fd/7 ended; } 7>seven
    tar -tf seven bin/busybox
    mkdir there
    echo old >there/file
    ln -s there/file link
    ln -s there/new dangling
    crank export -o link ended
    crank export -o dangling ended
    [ "$(readlink link) $(readlink dangling)" = "there/file there/new" ]
    [ -f there/file ]
    tar -tf there/file bin/busybox
    tar -tf there/new bin/busybox
    run -1 crank export -o there ended
    [[ $output == *"there is a directory"* ]]
    run ! ls ./*.partial there/*.partial
}

@test "export writes the files of a container, running or ended, and nothing that is mounted" {
    mkdir -p volume
    echo of-the-volume-alone >volume/file
    start -v "$PWD/volume:/data"
    crank exec look sh -c 'echo new >/tmp/new; rm /etc/group; chown 1000 /tmp/new'
    crank export look | tar -tvf - >out
    grep -q '1000/0 .* tmp/new$' out
    grep -q ' etc/passwd$' out
    run ! grep -q 'etc/group\|data/file\|proc/1\|dev/null' out
    crank stop -t 0 look >/dev/null
    crank export -o out.tar look
    tar -tf out.tar | grep -qx tmp/new
    run ! grep -aq of-the-volume-alone out.tar
    # and back
    crank export look | crank import - exported >/dev/null
    run -0 crank run --rm --network none exported /bin/cat /tmp/new
    [ "$output" = new ]
    crank rmi exported >/dev/null
    run -1 crank export -o nowhere/out.tar look
    [[ $output == *"nowhere/out.tar"* ]]
}

@test "export of a container with ids of its own has those inside" {
    start --userns=auto
    crank exec look sh -c 'echo new >/tmp/new; chown 1000:1000 /tmp/new'
    crank export look | tar --numeric-owner -tvf - | grep -q '1000/1000 .* tmp/new$'
    crank commit look own >/dev/null
    run -0 crank run --rm --network none own stat -c %u:%g /tmp/new
    [ "$output" = 1000:1000 ]
    crank rmi own >/dev/null
}

@test "commit makes an image of what a container changed, and of how it was started" {
    start -e MODE=debug
    crank exec look sh -c 'echo new >/tmp/new; rm /etc/group; ln /tmp/new /tmp/second; rm -r /home/worker; mkdir /home/worker'
    run -0 crank commit -a me -m 'with new' -c 'LABEL made=here' -c 'ENV LATE=1' look changed:1
    [[ $output =~ ^sha256:[0-9a-f]{64}$ ]]
    run -0 crank run --rm --network none changed:1 sh -c \
        'cat /tmp/new; stat -c %h /tmp/second; ls /etc; ls -A /home/worker; echo $MODE $LATE $GREETING'
    [[ $output == *"new"*"2"*"debug 1 hello"* ]]
    [[ $output != *group* ]]
    run -0 crank inspect -f '{{.Author}} {{index .Config.Labels "made"}} {{json .Config.Cmd}}' changed:1
    [ "$output" = 'me here ["sleep","600"]' ]
    run -0 crank history --format '{{.CreatedBy}}|{{.Comment}}' changed:1
    [ "${lines[0]}" = "sleep 600|with new" ]
    # it still runs
    [ "$(crank inspect -f '{{.State.Status}}' look)" = running ]
    crank stop -t 0 look >/dev/null
    crank commit -q --iidfile id look changed:2 >printed
    [ "$(cat id)" = "$(cat printed)" ]
    run -0 crank run --rm --network none changed:2 cat /tmp/new
    [ "$output" = new ]
    run -1 crank commit -c 'RUN x' look changed:3
    [[ $output == *RUN* ]]
    run -1 crank commit nobody
    [[ $output == *"no such container: nobody"* ]]
    crank rm -f look >/dev/null
    crank rmi changed:1 changed:2 >/dev/null
}

@test "commit without a change adds no layer" {
    start
    crank commit look same >/dev/null
    [ "$(crank inspect -f '{{len .RootFS.Layers}}' same)" = "$(crank inspect -f '{{len .RootFS.Layers}}' busybox)" ]
    crank rm -f look >/dev/null
    crank rmi same >/dev/null
}

@test "history shows what an image was made of" {
    run -0 crank history busybox
    [[ ${lines[0]} =~ ^IMAGE\ +CREATED\ +"CREATED BY"\ +SIZE\ +COMMENT$ ]]
    [[ ${lines[1]} == *CMD* ]]
    [[ ${lines[2]} == "<missing>"* ]]
    run -0 crank history -q busybox
    [ "${lines[0]}" = "$(crank images -q busybox)" ]
    run -0 crank history --human=false --format '{{.Size}}' busybox
    [[ $output =~ [0-9]{6} ]]
    run -0 crank image history --no-trunc -q busybox
    [[ ${lines[0]} == sha256:* ]]
    run -1 crank history nothing
    [[ $output == *"no such image: nothing"* ]]
}

@test "update changes the limits of a container that runs, and its record" {
    start --memory 64m
    run -0 crank update --memory 128m --memory-swap 256m --pids-limit 77 --cpus 0.5 look
    [ "$output" = look ]
    run -0 crank inspect -f '{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}} {{.HostConfig.NanoCpus}}' look
    [ "$output" = "134217728 77 500000000" ]
    run -0 crank stats --no-stream --format '{{.MemUsage}}' look
    [[ $output == *"/ 128MiB" ]]
    run -0 crank update --memory-reservation 32m look
    [ "$(crank inspect -f '{{.HostConfig.MemoryReservation}}' look)" = 33554432 ]
    run -1 crank update --memory 1k look
    [[ $output == *"at least 6MiB"* ]]
    run -1 crank update --memory 512m look
    [[ $output == *"give --memory-swap too"* ]]
    run -1 crank update --cpus 4000 look
    [[ $output == *"--cpus: from 0.01 to"* ]]
    run -2 crank update look
    [[ $output == *"you must provide one or more flags"* ]]
    run -2 crank update --pids-limit many look
    [[ $output == *'--pids-limit: invalid number "many"'* ]]
    # what was refused changed nothing
    [ "$(crank inspect -f '{{.HostConfig.Memory}}' look)" = 134217728 ]
    crank stop -t 0 look >/dev/null
    crank update --pids-limit 50 look >/dev/null
    [ "$(crank inspect -f '{{.HostConfig.PidsLimit}}' look)" = 50 ]
}
