#!/usr/bin/env bats
# crank for an ordinary user with subordinate ids: what works for root works for him.

# shellcheck disable=SC2154 # run sets stderr
# shellcheck disable=SC2016 # what stands in single quotes another shell expands
bats_require_minimum_version 1.5.0
load ../lib/crank
load ../lib/registry
load ../lib/rootless

setup_file() {
    user_setup_file
    is_root || return 0
    crank build -q -t busybox "$USER_DIR/context" >/dev/null
}
setup() { user_setup; }
teardown() {
    stop_servers
    user_teardown
}
teardown_file() { user_teardown_file; }

in_container() { crank run --rm --network none busybox "$@"; }

@test "root of the container is the user, others are his subordinate ids" {
    run --separate-stderr in_container stat -c %u:%g /home/worker/mine
    [ "$output" = 1000:1000 ]
    run --separate-stderr in_container sh -c 'id -u; awk "{ print \$1, \$2, \$3 }" /proc/self/uid_map'
    [ "$output" = $'0\n0 4242 1\n1 1000000 65536' ]
    run --separate-stderr crank run --rm --network none -u worker busybox sh -c 'id -u; touch /tmp/x 2>&1; cat /home/worker/mine'
    [[ $output == 1000*theirs ]]
    local volume=$USER_DIR/home/volume
    mkdir -p "$volume"
    chown "$USER_ID:$USER_ID" "$volume"
    crank run --rm --network none -v "$volume:/v" busybox sh -c 'touch /v/root; touch /v/worker; chown worker /v/worker'
    [ "$(stat -c %u "$volume/root")" = $USER_ID ]
    [ "$(stat -c %u "$volume/worker")" = 1000999 ]
}

@test "volumes: filled from the image, kept, removed" {
    run --separate-stderr crank run --rm --network none -v models:/home/worker -v /scratch busybox \
        sh -c 'stat -c %u:%g /home/worker/mine; cat /home/worker/mine; touch /home/worker/new; chown worker /home/worker/new'
    [ "$output" = $'1000:1000\ntheirs' ]
    run --separate-stderr crank run --rm --network none -u worker -v models:/m:ro busybox stat -c %u /m/new
    [ "$output" = 1000 ]
    run --separate-stderr crank volume ls -q
    [ "$output" = models ]
    run --separate-stderr crank volume inspect -f '{{.Mountpoint}}' models
    [ "$(stat -c %u "$output/new")" = 1000999 ]
    crank volume rm models
    [ -z "$(crank volume ls -q)" ]
}

@test "networks: names, several, apart, and what needs root" {
    crank network create front
    crank network create --internal --ipv6 --subnet fd00:7::/64 back
    crank run -d --name web --network front --network back --network-alias www busybox sleep 600
    run crank run --rm --network front busybox nslookup -type=a www
    [ "$status" -eq 0 ]
    [[ $output == *"Address: $(crank inspect -f '{{.NetworkSettings.Networks.front.IPAddress}}' web)"* ]]
    run crank run --rm --network back busybox ping -c 1 -W 5 "$(crank inspect -f '{{.NetworkSettings.Networks.back.GlobalIPv6Address}}' web)"
    [ "$status" -eq 0 ]
    run crank run --rm busybox ping -c 1 -W 1 "$(crank inspect -f '{{.NetworkSettings.Networks.front.IPAddress}}' web)"
    [ "$status" -eq 1 ]
    crank run -d --name plain --network back busybox sleep 600
    crank network connect front plain
    run crank exec plain ping -c 1 -W 5 "$(crank inspect -f '{{.NetworkSettings.Networks.front.IPAddress}}' web)"
    [ "$status" -eq 0 ]
    run crank network rm front
    [ "$status" -eq 1 ]
    [[ $output == *"network front is in use by containers plain, web"* ]]
    crank network disconnect front plain
    run crank network create --ipv6 six
    [ "$status" -eq 1 ]
    [[ $output == *"--ipv6 needs root: without it no IPv6 leads out of a network"* ]]
    crank rm -f web plain
    [ "$(crank network prune -f | sort | paste -sd' ')" = "Deleted Networks: back front" ]
}

@test "rights, names and namespaces of others: as for root, within what the user has" {
    run --separate-stderr crank run --rm --network none --cap-add SYS_ADMIN busybox mount -t tmpfs x /tmp
    [ "$status" -eq 0 ]
    run --separate-stderr crank run --rm --network none --privileged busybox sh -c \
        'grep -E "^(NoNewPrivs|Seccomp):" /proc/self/status; mount -t tmpfs x /tmp && echo mounted; grep -c " /proc/sys " /proc/mounts'
    [ "$output" = $'NoNewPrivs:\t0\nSeccomp:\t0\nmounted\n0' ]
    run --separate-stderr crank run --rm --network none --add-host db:10.0.0.7 --ulimit nofile=64 --group-add 7 busybox \
        sh -c 'grep -w db /etc/hosts; ulimit -n; id -G'
    [ "$output" = $'10.0.0.7\tdb\n64\n0 7' ]
    run --separate-stderr crank run --rm --network none --pid host --uts host --ipc host busybox \
        sh -c 'for kind in pid uts ipc; do readlink "/proc/self/ns/$kind"; done'
    [ "$output" = "$(readlink /proc/self/ns/pid /proc/self/ns/uts /proc/self/ns/ipc)" ]
    crank run -d --name first --network none busybox sleep 60
    crank run -d --name second --network container:first --pid container:first busybox sleep 60
    run --separate-stderr crank exec second sh -c 'readlink /proc/self/ns/net; readlink /proc/self/ns/pid'
    [ "$output" = "$(crank exec first sh -c 'readlink /proc/self/ns/net; readlink /proc/self/ns/pid')" ]
    crank rm -f second first
    # limits are refused where the user may make no groups
    run --separate-stderr crank run --rm --network none --cpuset-cpus 0 busybox true
    [ "$status" -eq 125 ]
    [[ $stderr == *"--cpuset-cpus=0 cannot be applied"* ]]
}

@test "its state lies in the user's directories, which are closed to others" {
    in_container true
    [ "$(stat -c %a:%u "$USER_DIR/home/.local/share/crank")" = 700:$USER_ID ]
    [ "$(stat -c %a:%u "$USER_DIR/run/crank")" = 700:$USER_ID ]
    [ "$(crank info --format '{{.Root}} {{.State}} {{.Rootless}}')" = "$USER_DIR/home/.local/share/crank $USER_DIR/run/crank true" ]
}

@test "it is confined as a container of root's is" {
    run --separate-stderr in_container sh -c 'grep -E "^(Seccomp|NoNewPrivs|CapEff):" /proc/self/status; ls /dev; mount -t tmpfs x /tmp; cat /proc/keys; mknod /tmp/d c 1 3; hostname x'
    # Docker's capabilities without CAP_MKNOD, which would be of no use
    [[ $output == *$'CapEff:\t00000000a00425fb'* ]]
    [[ $output == *$'NoNewPrivs:\t1'* ]]
    [[ $output == *$'Seccomp:\t2'* ]]
    [[ $output != *tun* ]]
    [[ $stderr == *"mount: "*"Operation not permitted"* || $stderr == *"mount: permission denied"* ]]
    [[ $stderr == *"mknod: /tmp/d: Operation not permitted"* ]]
    run --separate-stderr in_container sh -c 'ps | wc -l; echo x >/proc/sys/kernel/hostname'
    [[ $stderr == *"Read-only file system"* || $stderr == *"ermission denied"* ]]
}

@test "cp, diff, export, commit, top and events, running and ended" {
    local dir=$USER_DIR/home/files
    mkdir -p "$dir"
    echo one >"$dir/one"
    chown -R "$USER_ID:$USER_ID" "$dir"
    crank run -d --name mine --network none busybox sleep 600 >/dev/null
    crank cp -q "$dir/one" mine:/home/worker/one
    [ "$(crank exec mine stat -c %u /home/worker/one)" = 0 ]
    crank exec mine chown worker /home/worker/one
    crank cp -q mine:/home/worker/one "$dir/back"
    [ "$(stat -c %u "$dir/back")" = $USER_ID ]
    crank cp mine:/home/worker - | tar --numeric-owner -tvf - | grep -q '1000/0 .* worker/one$'
    [ "$(crank diff mine)" = $'C /home\nC /home/worker\nA /home/worker/one' ]
    crank export mine | tar --numeric-owner -tvf - | grep -q '1000/0 .* home/worker/one$'
    crank top mine | grep -q 'sleep 600'
    crank commit mine changed >/dev/null
    [ "$(crank run --rm --network none changed stat -c %u /home/worker/one)" = 1000 ]
    crank stop -t 0 mine >/dev/null
    crank cp -q mine:/home/worker/one "$dir/ended"
    [ "$(cat "$dir/ended")" = one ]
    crank cp -q "$dir/one" mine:/home/worker/two
    [ "$(crank diff mine | tail -1)" = 'A /home/worker/two' ]
    crank events --until 0s --filter container=mine --filter event=die | grep -q name=mine
    crank rm mine >/dev/null
    crank rmi changed >/dev/null
}

@test "detached: ps, logs, exec, inspect, stop, why, rm" {
    id=$(crank run -d --name plain --network none busybox sh -c 'trap "echo bye; exit 3" TERM; echo up; while :; do sleep 0.1; done')
    [[ $id =~ ^[0-9a-f]{64}$ ]]
    [ "$(crank ps --format '{{.Names}} {{.Image}}')" = "plain busybox" ]
    until_true says_up plain
    [ "$(crank exec plain sh -c 'id -u; [ -d /proc/1 ] && hostname | wc -c')" = $'0\n13' ]
    [ "$(crank exec -u worker plain id -un)" = worker ]
    [ "$(crank inspect -f '{{.State.Running}}' plain)" = true ]
    crank stop plain
    [ "$(crank wait plain)" = 3 ]
    [[ $(crank logs plain) == *bye* ]]
    [[ $(crank why plain) == *"Exited (3)"* ]]
    crank rm plain
    [ -z "$(crank ps -aq)" ]
}
says_up() { [ "$(crank logs "$1" | head -1)" = up ]; }

@test "a process of another id is killed and its files are removed" {
    crank run -d --name other --network none -u worker busybox sh -c 'trap "" TERM; while :; do sleep 0.1; done' >/dev/null
    crank kill other
    [ "$(crank wait other)" = 137 ]
    crank rm other
    crank run --name files --network none busybox sh -c 'mkdir /d; touch /d/f; chown -R worker /d; chmod 700 /d'
    crank rm files
}

@test "a killed monitor and a killed keeper stop no worker, and the next command finds it" {
    crank run -d --name lasting --network none busybox sleep 600 >/dev/null
    read -r keeper _ <"$USER_DIR/run/crank/namespace"
    [ "$(cat "/proc/$keeper/comm")" = crank-keeper ]
    kill -KILL "$keeper"
    [ "$(crank exec lasting id -u)" = 0 ]
    [ "$(crank exec -u worker lasting id -u)" = 1000 ]
    crank rm -f lasting
}

@test "the namespace's keeper has no capabilities, no files of others, and ends with the last container" {
    crank run -d --name holder --network none busybox sleep 600 >/dev/null
    read -r keeper _ <"$USER_DIR/run/crank/namespace"
    grep -q $'CapEff:\t0000000000000000' "/proc/$keeper/status"
    [ "$(find "/proc/$keeper/fd" -lname "$USER_DIR/*" | wc -l)" = 1 ]
    crank rm -f holder
    until_true ended "$keeper"
    [ ! -e "$USER_DIR/run/crank/namespace" ]
}
ended() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status"; }

@test "a build has the same bytes as root's" {
    [ "$(crank images -q --no-trunc busybox)" = "$(command crank build -q "$USER_DIR/context")" ]
}

@test "RUN steps, as root and as another user; the network of a RUN" {
    mkdir -p "$USER_DIR/steps"
    cat >"$USER_DIR/steps/Dockerfile" <<'END'
FROM busybox
RUN id -u && mkdir /work && chown worker /work && rm /home/worker/mine
USER worker
RUN id -u && echo made >/work/file
RUN --network=none ! ip address show eth0
RUN ip address show eth0
END
    run crank build -t steps "$USER_DIR/steps"
    [ "$status" -eq 0 ]
    run --separate-stderr crank run --rm --network none steps sh -c 'stat -c %u /work/file; ls /home/worker'
    [ "$output" = 1000 ]
}

@test "--network host: the host's interfaces, for exec too" {
    crank run -d --name hosts --network host busybox sleep 600 >/dev/null
    [[ $(crank exec hosts ip -o link) == *" up0@"* ]]
}

@test "save and load" {
    as_user sh -c "crank save busybox >$USER_DIR/home/busybox.tar"
    run crank --root "$USER_DIR/home/second" load -i "$USER_DIR/home/busybox.tar"
    [ "$status" -eq 0 ]
    run --separate-stderr crank --root "$USER_DIR/home/second" run --rm --network none busybox stat -c %u /home/worker/mine
    [ "$output" = 1000 ]
    crank rmi -f busybox >/dev/null
    crank load -i "$USER_DIR/home/busybox.tar"
}

@test "login, push and pull, with credentials in the user's home" {
    local dir=$CRANK_TEST_DIR/registry
    mkdir -p "$dir/data"
    make_authority "$CRANK_TEST_DIR/authority"
    hash=$(python3 -W ignore -c 'import crypt
print(crypt.crypt("pass word", crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=1 << 5)))')
    echo "user:${hash/\$2b\$/\$2y\$}" >"$dir/htpasswd"
    cat >"$dir/config.yml" <<END
version: 0.1
log: {level: warn, accesslog: {disabled: true}}
auth: {htpasswd: {realm: crank test, path: $dir/htpasswd}}
storage: {filesystem: {rootdirectory: $dir/data}}
http: {addr: "127.0.0.1:5000", tls: {certificate: $CRANK_TEST_DIR/authority/server.pem, key: $CRANK_TEST_DIR/authority/server.key}}
END
    # not by a function, whose pid would be a shell's
    nsenter --target "$HOST_PID" --net -- docker-registry serve "$dir/config.yml" >"$dir/log" 2>&1 3>&- &
    echo $! >"$CRANK_TEST_DIR/registry.pid"
    as_user mkdir -p "$USER_DIR/home/.config/containers/certs.d/127.0.0.1:5000"
    cat "$CRANK_TEST_DIR/authority/ca.pem" >"$USER_DIR/home/.config/containers/certs.d/127.0.0.1:5000/ca.crt"
    until_true on_host curl -sk --max-time 2 https://127.0.0.1:5000/v2/
    as_user sh -c 'echo "pass word" | crank login -u user --password-stdin 127.0.0.1:5000'
    [ -n "$(find "$USER_DIR" -name config.json -user $USER_ID -perm 600)" ]
    crank tag busybox 127.0.0.1:5000/team/busybox
    crank push 127.0.0.1:5000/team/busybox
    run crank --root "$USER_DIR/home/pulled" pull 127.0.0.1:5000/team/busybox
    [ "$status" -eq 0 ]
    [ "$(crank --root "$USER_DIR/home/pulled" images -q --no-trunc)" = "$(crank images -q --no-trunc busybox)" ]
    crank rmi 127.0.0.1:5000/team/busybox
}

@test "a published port answers on both loopback addresses, and is in use for others" {
    crank run -d --name web -p 8080:80 busybox sh -c 'mkdir /w; echo hello >/w/index.html; exec httpd -f -h /w' >/dev/null
    until_true answers http://127.0.0.1:8080/
    answers 'http://[::1]:8080/'
    run --separate-stderr crank run --rm -p 8080:80 busybox true
    [ "$status" -eq 125 ]
    [[ $stderr == *"port 8080 is published by container web"* ]]
    # containers of one user reach each other
    address=$(crank inspect -f '{{.NetworkSettings.IPAddress}}' web)
    run --separate-stderr crank run --rm busybox sh -c "printf 'GET / HTTP/1.0\r\n\r\n' | timeout 5 nc $address 80"
    [[ $output == *hello* ]]
}
answers() { [ "$(on_host curl -s --max-time 2 "$1")" = hello ]; }

@test "a project's gateway: up, a change without a pause, down" {
    local project=$USER_DIR/home/shop pid service
    mkdir -p "$project"
    shop() {
        printf 'services:\n  web:\n    image: busybox\n    ports: ["8080:80"]\n    command: sh -c "mkdir /w; echo %s >/w/index.html; exec httpd -f -h /w"\n' "$1" >"$project/compose.yaml"
        chown -R "$USER_ID:$USER_ID" "$project"
    }
    says() { [ "$(on_host curl -s --max-time 10 http://127.0.0.1:8080/)" = "$1" ]; }
    shop one
    run -0 crank up -d -f "$project/compose.yaml"
    until_true says one
    shop two
    run -2 --separate-stderr crank plan -f "$project/compose.yaml"
    [[ $output == *"(the new one starts first)"* ]]
    run -0 crank up -d -f "$project/compose.yaml"
    says two
    # another container's requests are the gateway's too
    service=$(cat "$USER_DIR"/run/crank/networks/*/services/*)
    [[ $service == *"relayed 80 "* ]]
    pid=$(crank inspect -f '{{.State.Pid}}' shop-web-1)
    [ "$(nsenter --net="/proc/$pid/ns/net" curl -s --max-time 10 "http://$(sed -n 's/^address //p' <<<"$service")/")" = two ]
    [ "$(crank port shop-web-1 | head -1)" = "80/tcp -> 127.0.0.1:8080" ]
    run -0 crank down -f "$project/compose.yaml"
    run ! on_host curl -s --max-time 5 http://127.0.0.1:8080/
}

@test "pasta leads out; the host's loopback stays out of reach" {
    require pasta test -x /usr/bin/pasta
    mkdir -p "$USER_DIR/world"
    echo hello >"$USER_DIR/world/index.html"
    nsenter --target "$WORLD_PID" --net -- busybox httpd -f -p 203.0.113.1:80 -h "$USER_DIR/world" 3>&- &
    echo $! >"$CRANK_TEST_DIR/world.pid"
    nsenter --target "$HOST_PID" --net -- busybox httpd -f -p 127.0.0.1:99 -h "$USER_DIR/world" 3>&- &
    echo $! >"$CRANK_TEST_DIR/loopback.pid"
    until_true on_host curl -s --max-time 2 http://203.0.113.1/
    run --separate-stderr crank run --rm busybox sh -c '
        get() { printf "GET / HTTP/1.0\r\n\r\n" | timeout 3 nc "$1" "$2" | tail -n 1; }
        echo "world $(get 203.0.113.1 80)"
        for host in 203.0.113.2 $(ip route | sed -n "s/^default via \([^ ]*\).*/\1/p") 127.0.0.1; do
            echo "host $(get $host 99)"
        done'
    [ "$output" = $'world hello\nhost \nhost \nhost ' ]
}

@test "without pasta or /dev/net/tun: said so, and ports work" {
    BEFORE='umount /dev/net' run --separate-stderr crank run -d --name inward -p 8081:80 busybox sh -c 'mkdir /w; echo hello >/w/index.html; exec httpd -f -h /w'
    [ "$status" -eq 0 ]
    if [ ! -w /dev/net/tun ] || ! setpriv --reuid=$USER_ID test -w /dev/net/tun; then
        [[ $stderr == *"the container reaches no other machine"*"this user may not open /dev/net/tun"* ]]
    fi
    until_true answers http://127.0.0.1:8081/
    [[ $(crank inspect inward) == *"reaches no other machine"* ]] || [ -w /dev/net/tun ]
}

@test "limits: an error with the remedy, or a warning that inspect keeps" {
    if [ "$(crank info --format '{{.CgroupVersion}}')" != none ]; then skip "this user has cgroups"; fi
    for flag in --cpus=1 --memory=64MiB --pids-limit=9; do
        run --separate-stderr crank run --rm --network none $flag busybox true
        [ "$status" -eq 125 ]
        [[ $stderr == *"$flag"*" cannot be applied: "*"hint: limits take root: "* ]]
    done
    crank run -d --name warned --network none --memory=64m --limits=best-effort busybox sleep 600 >/dev/null
    [[ $(crank inspect warned) == *"--memory=64MiB cannot be applied"*"number of processes is not limited"* ]]
}

@test "health: from inside and outside, restarts, and of a native worker" {
    is() { [ "$(crank inspect -f "{{.$2}}" "$1")" = "$3" ]; }
    crank run -d --name inside --network none -u worker --health-interval 100ms --health-retries 1 \
        --health-cmd 'id -u; test -e /ready' busybox sleep 600
    until_true is inside State.Health.Status unhealthy
    crank exec -u 0 inside touch /ready
    until_true is inside State.Health.Status healthy
    [ "$(crank inspect inside | jq -r '.[0].State.Health.Log[-1].Output')" = 1000 ]
    crank run -d --name outside --probe http://:8080/ --health-interval 100ms busybox \
        sh -c 'echo here >/tmp/index.html; httpd -p 8080 -h /tmp; sleep 600'
    until_true is outside State.Health.Status healthy
    crank run -d --name host --network host --probe tcp://:1 --health-interval 100ms --health-retries 1 busybox sleep 600
    until_true is host State.Health.Status unhealthy
    crank run -d --name ill --network none --health-interval 100ms --health-retries 1 --health-cmd false \
        --on-unhealthy restart:1 busybox sleep 600
    until_true is ill State.Cause unhealthy
    until_true is ill State.Status exited
    is ill RestartCount 1
    run -125 crank run -d -p 127.0.0.1:0:80 --on-unhealthy restart --health-cmd true busybox sleep 600
    [[ $output == *"--on-unhealthy=restart with --publish needs root"* ]]
    crank run -d --native --name plain --health-interval 100ms --health-cmd 'id -u' -- sleep 600
    until_true is plain State.Health.Status healthy
    run -0 crank healthcheck run plain
    [ "$(crank inspect plain | jq -r '.[0].State.Health.Log[-1].Output')" = $USER_ID ]
}

@test "a native worker gets no namespace" {
    run --separate-stderr crank run --rm --native -- sh -c 'id -u; readlink /proc/self/ns/user'
    [ "$output" = "$USER_ID"$'\n'"$(readlink /proc/self/ns/user)" ]
    crank run -d --name plain --native -- sleep 600 >/dev/null
    crank stop -t 1 plain
    crank rm plain
}

@test "doctor: all is well, and what is not" {
    run crank doctor
    [[ $output == *"ok       rights: user 4242, in a user namespace"* ]]
    [[ $output == *"ok       subordinate ids: 65536 in /etc/subuid, 65536 in /etc/subgid"* ]]
    SUBIDS=$USER_DIR/etc/none run crank doctor
    [[ $output == *"warning  subordinate ids: 0 in /etc/subuid, 0 in /etc/subgid"*"usermod --add-subuids"*ordinary* ]]
    BEFORE='mount --bind /dev/null /usr/bin/newuidmap' run crank doctor
    [[ $output == *"missing  rights: user 4242: "*newuidmap* ]]
}

@test "without subordinate ids: root alone, said aloud, and files of others are refused" {
    SUBIDS=$USER_DIR/etc/none run --separate-stderr crank --root "$USER_DIR/home/single" --state "$USER_DIR/run/single" \
        build "$USER_DIR/context"
    [ "$status" -ne 0 ]
    [[ $stderr == *"user ordinary has no subordinate ids"* ]]
    printf 'FROM scratch\nCOPY root /\n' >"$USER_DIR/context/Dockerfile.root"
    SUBIDS=$USER_DIR/etc/none crank --root "$USER_DIR/home/single" --state "$USER_DIR/run/single" \
        build -q -t mine -f "$USER_DIR/context/Dockerfile.root" "$USER_DIR/context"
    SUBIDS=$USER_DIR/etc/none run --separate-stderr crank --root "$USER_DIR/home/single" --state "$USER_DIR/run/single" \
        run --rm --network none mine /bin/sh -c '/bin/id -u; /bin/cat /proc/self/gid_map'
    [ "$status" -eq 0 ]
    [[ $output == 0*4242*1 ]]
    SUBIDS=$USER_DIR/etc/none run --separate-stderr crank --root "$USER_DIR/home/single" --state "$USER_DIR/run/single" \
        run --rm --network none -u worker mine /bin/id
    [ "$status" -eq 125 ]
    # a group of his cannot be dropped, and would be the container's
    BEFORE='exec setpriv --reuid=4242 --regid=4242 --groups=7 env --unset=CRANK_ROOT --unset=CRANK_STATE HOME="$USER_DIR/home" XDG_RUNTIME_DIR="$USER_DIR/run" PATH="$USER_PROGRAMS:$PATH" "$@"' \
        SUBIDS=$USER_DIR/etc/none run --separate-stderr crank --state "$USER_DIR/run/single" run --rm --network none busybox true
    [ "$status" -eq 125 ]
    [[ $stderr == *"user ordinary has no subordinate ids, and is in groups"*"usermod --add-subuids"* ]]
}

@test "without newuidmap: an error that names it" {
    BEFORE='mount --bind /dev/null /usr/bin/newuidmap' run --separate-stderr in_container true
    [ "$status" -eq 125 ]
    [[ $stderr == *newuidmap* ]]
}

@test "where nobody may make a user namespace: an error with the sysctl, and native workers go on" {
    # a limit of a namespace that is root's of the test
    limited() {
        unshare --user sh -c 'until grep -q . /proc/self/gid_map; do sleep 0.02; done; exec "$@"' sh setpriv --clear-groups bash -c '
            echo 0 >/proc/sys/user/max_user_namespaces
            exec setpriv --reuid=4242 --regid=4242 --clear-groups env --unset=CRANK_ROOT --unset=CRANK_STATE \
                HOME="$USER_DIR/home" XDG_RUNTIME_DIR="$USER_DIR/run" PATH="$USER_PROGRAMS:$PATH" "$@"' limited "$@" 3>&- &
        local pid=$!
        until_true other_user_namespace "$pid"
        echo "0 0 5000" >"/proc/$pid/uid_map"
        echo "0 0 5000" >"/proc/$pid/gid_map"
        wait "$pid"
    }
    other_user_namespace() { [ "$(readlink "/proc/$1/ns/user")" != "$(readlink /proc/self/ns/user)" ]; }
    run --separate-stderr limited crank run --rm --network none busybox true
    [ "$status" -eq 125 ]
    [[ $stderr == *"create a user namespace"*"hint: sudo sysctl user.max_user_namespaces=15000"* ]]
    run --separate-stderr limited crank run --rm --native -- echo fine
    [ "$output" = fine ]
    run limited crank ps -a
    [ "$status" -eq 0 ]
}

@test "x-crank.native.when: no-engine: a project of native workers, where nobody may make a user namespace" {
    # as the kernel has it for who is in a chroot
    limited() {
        unshare --mount sh -c 'mkdir -p "$USER_DIR/chroot" && mount --rbind / "$USER_DIR/chroot" && exec "$@"' sh \
            chroot "$USER_DIR/chroot" setpriv --reuid=4242 --regid=4242 --clear-groups env --unset=CRANK_ROOT --unset=CRANK_STATE \
            HOME="$USER_DIR/home" XDG_RUNTIME_DIR="$USER_DIR/run" PATH="$USER_PROGRAMS:$PATH" "$@" 3>&-
    }
    local dir=$USER_DIR/home/gpu
    as_user mkdir "$dir"
    printf 'services: {web: {image: busybox, x-crank: {native: {when: no-engine, command: [sleep, "1000"]}}}}\n' >"$dir/compose.yaml"
    run --separate-stderr limited crank plan -f "$dir/compose.yaml"
    [[ $output == *"create gpu-web-1 (natively: x-crank.native.when: no-engine): it is not there"* ]]
    run --separate-stderr limited crank up -d -f "$dir/compose.yaml"
    [ "$status" -eq 0 ]
    run limited crank ps --format '{{.Names}} {{.Kind}}'
    [ "$output" = "gpu-web-1 native" ]
    run --separate-stderr limited crank plan -f "$dir/compose.yaml"
    [ "$stderr" = "nothing to do" ]
    run limited crank down -v -f "$dir/compose.yaml"
    [ "$status" -eq 0 ]
    sed -i 's/no-engine/macos/' "$dir/compose.yaml"
    run --separate-stderr limited crank up -d -f "$dir/compose.yaml"
    [ "$status" -eq 1 ]
    [[ $stderr == *"create a user namespace"* ]]
}

@test "directories of somebody else are not used, by nobody" {
    mkdir -p "$USER_DIR/roots"
    RUNTIME_DIR=$USER_DIR/roots run --separate-stderr crank run --rm --network none busybox true
    [ "$status" -eq 125 ]
    [[ $stderr == *"XDG_RUNTIME_DIR is $USER_DIR/roots, which belongs to user 0, and this is 4242"* ]]
    [ -z "$(ls -A "$USER_DIR/roots")" ]
    # root does not trust the user's
    run --separate-stderr command crank --root "$USER_DIR/home/.local/share/crank" images
    [ "$status" -ne 0 ]
    [[ $stderr == *"is not used: it belongs to user 4242, and this is 0"* ]]
    # nor anybody one that others write to
    as_user mkdir -m 777 "$USER_DIR/home/open"
    as_user chmod 777 "$USER_DIR/home/open"
    run --separate-stderr crank --root "$USER_DIR/home/open" images
    [[ $stderr == *"is not used: others may write to it"*"chmod go-w"* ]]
    # as a new tmpfs is: only while nobody has
    local sticky=$USER_DIR/home/sticky
    as_user mkdir "$sticky"
    as_user chmod 1777 "$sticky"
    run crank --root "$sticky" images
    [ "$status" -eq 0 ]
    touch "$sticky/theirs"
    run --separate-stderr crank --root "$sticky" images
    [[ $stderr == *"is not used: others have written to it"* ]]
}

@test "a secret for an id that the user has not been given" {
    local dir=$USER_DIR/home/ids
    as_user mkdir "$dir"
    printf 'services: {web: {image: busybox, network_mode: none, secrets: [{source: s, uid: "70000"}]}}\nsecrets: {s: {environment: TOKEN}}\n' \
        >"$dir/compose.yaml"
    run --separate-stderr as_user env TOKEN=s3cret crank up -d -f "$dir/compose.yaml"
    [ "$status" -eq 1 ]
    [[ $stderr == *"container ids-web-1: set owner 70000:0 of secret /run/secrets/s: Invalid argument"*/etc/subuid* ]]
    [ -z "$(crank ps -aq)" ]
    as_user crank down -v -f "$dir/compose.yaml"
    as_user rm -r "$dir"
}

@test "a compose project: names, a secret with an owner, a change, back, down" {
    local dir=$USER_DIR/home/mail
    as_user mkdir "$dir"
    cat >"$dir/compose.yaml" <<'END'
services:
  web:
    image: busybox
    command: sh -c 'trap "exit 0" TERM; while :; do sleep 1 & wait $$!; done'
    user: worker
    secrets: [token]
    volumes: [data:/data]
    depends_on: {db: {condition: service_healthy}}
    pre_start: [{command: touch /data/made, user: root}]
  db:
    image: busybox
    command: sh -c 'trap "exit 0" TERM; while :; do sleep 1 & wait $$!; done'
    healthcheck: {test: ["CMD", "true"], interval: 100ms}
volumes: {data: }
secrets: {token: {environment: TOKEN}}
END
    run as_user env TOKEN=s3cret crank up -d -f "$dir/compose.yaml"
    [ "$status" -eq 0 ]
    run crank exec mail-web-1 sh -c 'cat /run/secrets/token; stat -c " %u %a" /run/secrets/token; grep " /run/secrets/token " /proc/mounts; nslookup -type=a db'
    [[ $output == "s3cret 1000 400"$'\n'"tmpfs /run/secrets/token tmpfs ro,nosuid,nodev,noexec,"*"Address"* ]]
    crank exec mail-web-1 test -e /data/made
    # its service's address, which leads to it
    local own
    own=$(crank inspect -f '{{(index .NetworkSettings.Networks "mail_default").IPAddress}}' mail-db-1)
    [[ $own == 10.* ]]
    [ "$(sed -n 's/^Address: //p' <<<"$output")" != "$own" ]
    run crank exec --user 0 mail-web-1 ping -c 1 -W 5 db
    [ "$status" -eq 0 ]
    sed -i 's/user: worker/user: root/' "$dir/compose.yaml"
    run --separate-stderr as_user env TOKEN=s3cret crank plan -f "$dir/compose.yaml"
    [ "$status" -eq 2 ]
    [ "${lines[1]}" = "recreate mail-web-1 (the old one stops first: it writes to /data) (after 1 step of pre_start): user: changed" ]
    run as_user env TOKEN=s3cret crank up -d -f "$dir/compose.yaml"
    [ "$status" -eq 0 ]
    run crank rollback -f "$dir/compose.yaml"
    [ "$status" -eq 0 ]
    [ "$(crank exec mail-web-1 id -un)" = worker ]
    # who it was, as this machine knows him, and what he has locked
    run as_user crank audit -f "$dir/compose.yaml" --format '{{.What}} {{.Uid}} {{.Status}}'
    [ "$output" = "up $USER_ID good"$'\n'"up $USER_ID good"$'\n'"rollback to 1 $USER_ID good" ]
    run as_user crank lock -f "$dir/compose.yaml" -m "mine"
    [ "$status" -eq 0 ]
    run --separate-stderr as_user crank rollback 2 -f "$dir/compose.yaml"
    [ "$status" -eq 1 ]
    [[ $stderr == *"project mail is locked by ordinary "*": mine"* ]]
    run as_user crank unlock -f "$dir/compose.yaml"
    [ "$status" -eq 0 ]
    run crank down -v -f "$dir/compose.yaml"
    [ "$status" -eq 0 ]
    [ -z "$(crank ps -aq)" ]
    [ -z "$(crank network ls -q --filter type=custom)" ]
    [ -z "$(crank volume ls -q)" ]
}

@test "a compose project's native worker runs; its ports, which the gateway would not reach, are an error" {
    local dir=$USER_DIR/home/plain
    as_user mkdir "$dir"
    cat >"$dir/compose.yaml" <<'END'
services:
  web:
    x-crank: {native: {command: [sh, -c, 'echo $$PWD; exec sleep 1000']}}
END
    run as_user crank up -d -f "$dir/compose.yaml"
    [ "$status" -eq 0 ]
    says_its_place() { [ "$(crank logs plain-web-1)" = "$dir" ]; }
    until_true says_its_place
    sed -i 's/^  web:/  web:\n    ports: ["18942:8000"]/' "$dir/compose.yaml"
    run --separate-stderr as_user crank up -d -f "$dir/compose.yaml"
    [ "$status" -eq 1 ]
    [[ $stderr == *"services.web.ports: without root the gateway reaches no native worker"* ]]
    says_its_place
    run crank down -v -f "$dir/compose.yaml"
    [ "$status" -eq 0 ]
}

@test "a native worker's secrets: the user's own, in a runtime directory in memory, and an error where it is on a disk" {
    local dir=$USER_DIR/home/kept
    as_user mkdir "$dir"
    cat >"$dir/compose.yaml" <<'END'
services:
  web:
    x-crank: {native: {command: [sh, -c, 'echo "$$(cat $$SECRETS_DIR/token)"; exec sleep 1000']}}
    secrets: [token]
secrets: {token: {environment: TOKEN}}
END
    RUNTIME_DIR=$(mktemp -d /dev/shm/crank-run.XXXXXX)
    export RUNTIME_DIR
    chown "$USER_ID:$USER_ID" "$RUNTIME_DIR"
    TOKEN=s3cret run as_user crank up -d -f "$dir/compose.yaml"
    [ "$status" -eq 0 ]
    has_it() { [ "$(crank logs kept-web-1)" = s3cret ]; }
    until_true has_it
    [ -n "$(find "$RUNTIME_DIR" -name token -uid "$USER_ID" -perm 400)" ]
    run crank down -v -f "$dir/compose.yaml"
    [ "$status" -eq 0 ]
    [ -z "$(find "$RUNTIME_DIR" -name token)" ]
    rm -rf "$RUNTIME_DIR"
    unset RUNTIME_DIR
    require "a disk below TMPDIR" test "$(stat -f -c %T "$USER_DIR")" != tmpfs
    TOKEN=s3cret run --separate-stderr as_user crank up -d -f "$dir/compose.yaml"
    [ "$status" -eq 1 ]
    [[ $stderr == *"a native worker's secrets lie in memory alone, and $USER_DIR/run/crank is on a disk"* ]]
    [ -z "$(find "$USER_DIR/run" -name token)" ]
    run crank down -v -f "$dir/compose.yaml"
    [ "$status" -eq 0 ]
}

@test "without XDG_RUNTIME_DIR a directory of the user's own" {
    rm -rf "/tmp/crank-$USER_ID"
    run --separate-stderr as_user env --unset=XDG_RUNTIME_DIR crank info --format '{{.State}}'
    [[ $output == "/run/user/$USER_ID/crank" || $output == "/tmp/crank-$USER_ID" ]]
    mkdir "/tmp/crank-$USER_ID" # of root's: taken before him
    run --separate-stderr as_user env --unset=XDG_RUNTIME_DIR crank run --rm --network none busybox true
    rmdir "/tmp/crank-$USER_ID"
    [ "$status" -eq 125 ]
    [[ $stderr == *"/tmp/crank-$USER_ID is not used: it belongs to user 0"* ]]
}

@test "nothing of root's is touched" {
    before=$(ls -A /run/crank /var/lib/crank 2>/dev/null | md5sum)
    in_container true
    crank run --rm busybox true
    [ "$(ls -A /run/crank /var/lib/crank 2>/dev/null | md5sum)" = "$before" ]
    [ -z "$(on_host ip -brief link show type bridge)" ]
    [ -z "$(on_host nft list tables)" ]
}
