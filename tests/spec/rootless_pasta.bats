#!/usr/bin/env bats
# --network pasta: a container of an ordinary user's with a way out of its own.

# shellcheck disable=SC2154 # run sets stderr
bats_require_minimum_version 1.5.0
load ../lib/crank
load ../lib/rootless

setup_file() {
    user_setup_file
    is_root || return 0
    on_host ip address add fd00:9::2/64 dev up0 nodad
    on_host ip route add default via fd00:9::1
    crank build -q -t busybox "$USER_DIR/context" >/dev/null
}
setup() {
    user_setup
    require pasta test -x /usr/bin/pasta
}
teardown() {
    if [ -n "$SERVERS" ]; then end_servers; fi
    user_teardown
}
teardown_file() { user_teardown_file; }

alone() { crank run --rm --network "pasta${1:+:$1}" busybox "${@:2}"; }
answers() { [ "$(on_host curl -s --max-time 2 "$1")" = hello ]; }
pastas() { pgrep -u "$USER_ID" -cf '^pasta '; }
no_pasta() { [ "$(pastas)" = 0 ]; }
serve='mkdir /w; echo hello >/w/index.html; exec httpd -f -p 80 -h /w'

@test "the host's addresses and routes, of both families, and a resolver" {
    run -0 --separate-stderr alone "" sh -c 'ip -4 address; ip -6 address; ip route; ip -6 route; cat /etc/resolv.conf /etc/hosts'
    [[ $output == *"inet 203.0.113.2/24"* ]]
    [[ $output == *"inet6 fd00:9::2/64"* ]]
    [[ $output == *"default via 203.0.113.1"* ]]
    [[ $output == *"default via fd00:9::1"* ]]
    [[ $output == *"nameserver 169.254.1.1"* ]]
    [[ $output == *$'203.0.113.2\t'* ]]
    [[ $output == *$'fd00:9::2\t'* ]]
}

@test "options: addresses, families, the MTU, the name of the device" {
    run -0 --separate-stderr alone -a,192.0.2.7,-g,192.0.2.1,--mtu=1280,-I,way0,--dns-forward,192.0.2.53 \
        sh -c 'ip address show way0; ip route; cat /etc/resolv.conf'
    [[ $output == *"mtu 1280"*"inet 192.0.2.7/"*"default via 192.0.2.1"*"nameserver 192.0.2.53"* ]]
    run -0 --separate-stderr alone -4 ip -6 address
    [[ $output != *fd00:9::2* ]]
    run -0 --separate-stderr alone -6 ip -4 address
    [[ $output != *203.0.113.2* ]]
    [[ $stderr == *"warning: names will not resolve in the container: it has IPv6 alone"* ]]
}

@test "published ports, of both families; another container of the user's is not reached" {
    crank run -d --name web --network pasta -p 8090:80 -p '[fd00:9::2]:8090:80' busybox sh -c "$serve" >/dev/null
    until_true answers http://127.0.0.1:8090/
    answers 'http://[::1]:8090/'
    answers 'http://[fd00:9::2]:8090/'
    [ "$(crank inspect -f '{{.HostConfig.NetworkMode}} {{.NetworkSettings.IPAddress}}' web)" = "pasta 203.0.113.2" ]
    [[ $(crank port web) == *"80/tcp -> 127.0.0.1:8090"* ]]
    run --separate-stderr crank run --rm --network pasta -p 8090:80 busybox true
    [ "$status" -eq 125 ]
    [[ $stderr == *"port 8090 is published by container web"* ]]
    run crank run --rm --network pasta busybox sh -c "printf 'GET / HTTP/1.0\r\n\r\n' | timeout 3 nc 203.0.113.2 80"
    [[ $output != *hello* ]]
    crank rm -f web
}

@test "a port of pasta's own; one of the host's, where an option opens it" {
    crank run -d --name web --network pasta:-t,8091:80 busybox sh -c "$serve" >/dev/null
    until_true answers http://127.0.0.1:8091/
    mkdir -p "$USER_DIR/served"
    echo hello >"$USER_DIR/served/index.html"
    nsenter --target "$HOST_PID" --net -- busybox httpd -f -p 127.0.0.1:98 -h "$USER_DIR/served" 3>&- &
    SERVERS=$!
    until_true answers http://127.0.0.1:98/
    get="printf 'GET / HTTP/1.0\r\n\r\n' | timeout 3 nc 127.0.0.1 98 | tail -n 1"
    [ "$(alone -T,98 sh -c "$get")" = hello ]
    [ -z "$(alone "" sh -c "$get")" ]
    crank rm -f web
}

@test "its pasta ends with it, and comes with its next start" {
    crank run -d --name web --network pasta:-m,1300 -p 8092:80 busybox sh -c "$serve" >/dev/null
    until_true answers http://127.0.0.1:8092/
    [ "$(pastas)" = 1 ]
    crank stop -t 0 web >/dev/null
    until_true no_pasta
    crank start web >/dev/null
    until_true answers http://127.0.0.1:8092/
    [[ $(crank exec web ip link) == *"mtu 1300"* ]]
    # a monitor that was killed took neither along, and the container's end is the end of both
    kill -KILL "$(crank inspect -f '{{.State.MonitorPid}}' web)"
    [ "$(crank exec web id -u)" = 0 ]
    [ "$(pastas)" = 1 ]
    crank rm -f web >/dev/null
    until_true no_pasta
}

@test "--explain says what pasta is told" {
    run -0 crank run --explain --network pasta:-4 -p 8093:80 busybox true
    [[ $output == *"network: a way out of its own, pasta --config-net --quiet --no-map-gw "*" -4"* ]]
    [[ $output == *"publish 127.0.0.1 8093 -> 80/tcp"* ]]
}

# refuses FLAGS TEXT
refuses() { refuses_detached "--rm $1" "$2"; }
refuses_detached() {
    # shellcheck disable=SC2086 # several flags
    run -125 --separate-stderr crank run $1 busybox true
    [[ $stderr == *"$2"* ]] || {
        echo "$1: $stderr" >&2
        return 1
    }
}

@test "what makes no sense is an error" {
    refuses "--network pasta:--netns,/x" 'crank passes no "--netns" on to pasta'
    refuses "--network pasta:--adress,10.0.0.1" "hint: did you mean --address?"
    refuses "--network pasta:-a" "--address wants a value"
    refuses "--network pasta:-a,10.0.0" "--network pasta: "
    refuses "--network pasta --network host" "conflicting options: --network "
    refuses "--network pasta --ip 10.0.0.1" "--ip is for a container on the bridge or a network"
    refuses_detached "--network pasta --restart always" "--restart with --network pasta: a monitor cannot lead out"
    refuses_detached "--network pasta --health-cmd true --on-unhealthy restart" "--on-unhealthy=restart with --network pasta: "
    refuses "--network pasta --userns auto" "--network pasta with --userns=auto or --sandbox strict: "
    run crank network create pasta
    [ "$status" -eq 1 ]
    run crank build --network pasta "$USER_DIR/context"
    [ "$status" -ne 0 ]
    [[ $output == *"--network pasta is for crank run"* ]]
    crank run -d --name lone --network pasta busybox sleep 600 >/dev/null
    run crank network connect bridge lone
    [ "$status" -eq 1 ]
    [[ $output == *"container lone has a way out of its own, and can be connected to no other"* ]]
    crank rm -f lone
    no_pasta || until_true no_pasta
}

@test "without /dev/net/tun: an error, since it was asked for" {
    if setpriv --reuid="$USER_ID" test -w /dev/net/tun; then skip "everybody may open /dev/net/tun"; fi
    BEFORE='umount /dev/net' run --separate-stderr crank run --rm --network pasta busybox true
    [ "$status" -eq 125 ]
    [[ $stderr == *"--network pasta: this user may not open /dev/net/tun"*"hint: crank doctor"* ]]
}

@test "root has no need of it" {
    command crank build -q -t busybox "$USER_DIR/context" >/dev/null
    run -125 --separate-stderr command crank run --rm --network pasta busybox true
    [[ $stderr == *"--network pasta is for containers of an ordinary user: root's have a bridge"* ]]
}
