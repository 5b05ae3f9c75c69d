#!/usr/bin/env bats
# A compose service has an address on each of its networks, which its name means and which stays.

# shellcheck disable=SC2154 # run sets stderr
bats_require_minimum_version 1.5.0
load ../lib/crank
load ../lib/network

setup_file() {
    crank_setup_file
    is_root && can_run >/dev/null 2>&1 || return 0 # the tests say why they skip
    build_netprobe
    make_worlds
    printf 'FROM scratch\nCOPY netprobe /netprobe\nENTRYPOINT ["/netprobe"]\n' >"$CRANK_TEST_DIR/netprobe-context/Dockerfile"
    crank build -q -t netprobe "$CRANK_TEST_DIR/netprobe-context" >/dev/null
    busybox_image
}
setup() {
    crank_setup
    unset COMPOSE_FILE COMPOSE_PROJECT_NAME COMPOSE_PROFILES COMPOSE_ENV_FILES
    mkdir -p "$BATS_TEST_TMPDIR/shop"
    cd "$BATS_TEST_TMPDIR/shop" || return 1
}
teardown() {
    end_servers
    [ -z "${CRANK_GROUPS_BEFORE+set}" ] || crank down -p shop --remove-orphans >/dev/null 2>&1 || true
    crank_teardown
    [ -n "${CRANK_GROUPS_BEFORE+set}" ] || return 0 # skipped
    crank network prune -f >/dev/null
    # with a network the addresses on it go
    [ -z "$(ls "$CRANK_STATE/networks" 2>/dev/null)" ]
    rm -rf "$CRANK_ROOT/projects"
}
teardown_file() {
    end_worlds
    crank_teardown_file
}

# web VERSION [LINES]: a service that says hello on port 80.
web() {
    cat >compose.yaml <<END
services:
  web:
    image: netprobe
    command: [serve, 0.0.0.0, "80"]
    stop_grace_period: 0s
    environment: {VERSION: "$1"}
${2:-}
END
}
probe() { crank run --rm --network "${network:-shop_default}" netprobe "$@"; }
lookup() { probe lookup "$1" | sort | paste -sd' '; }
address_of() { crank inspect -f "{{(index .NetworkSettings.Networks \"${2:-shop_default}\").IPAddress}}" "$1"; }
both_of() { printf '%s\n' "$(address_of "$1")" "$(address_of "$2")" | sort | paste -sd' '; }
says_hello() { [ "$(probe fetch "$1" "${2:-80}" 2>/dev/null)" = hello ]; }
is_refused() { [[ $(probe fetch "$1" "${2:-80}" 2>&1) == *"Connection refused"* ]]; }
# The bridges of networks that were defined, and what is on them.
bridges() {
    on_host ip -json link show type bridge | jq -r --arg state "$CRANK_STATE" \
        '.[] | select(.ifalias // "" | startswith("crank " + $state + "/networks/")) | .ifname'
}
on_bridges() { for one in $(bridges); do on_host ip -brief -4 address show dev "$one"; done; }
calls() { crank logs "$1" 2>&1 | grep -c '^10\.' || true; }
# start_server HOST_PID|WORLD_PID ARGUMENTS...: of netprobe.
start_server() {
    local log=$CRANK_TEST_DIR/server.$RANDOM.log
    # no function: what runs in the background is the server itself
    nsenter --target "${!1}" --net -- "$NETPROBE" "${@:2}" >"$log" 2>&1 3>&- &
    SERVERS+=" $!"
    until_true eval 'grep -qs ready "$log"'
}
# only_leads_to ADDRESS CONTAINER: as the rules say.
only_leads_to() {
    [ "$(on_host nft list table ip "crank_$(bridges)" | sed -n "s/.*ip daddr $1 .*dnat to \([0-9.]*\).*/\1/p")" = "$(address_of "$2")" ]
}
restarted() { [ "$(crank inspect -f '{{.RestartCount}} {{.State.Running}}' "$1")" = "1 true" ]; }

@test "a service's name is one address: for all its containers, by TCP, UDP and ICMP, and theirs stay theirs" {
    cat >compose.yaml <<'END'
services:
  web:
    image: netprobe
    command: [serve, 0.0.0.0, "80"]
    stop_grace_period: 0s
    deploy: {replicas: 2}
    networks: {default: {aliases: [www]}}
  echo: {image: netprobe, command: [udp-serve, 0.0.0.0, "7"], stop_grace_period: 0s}
  asks: {image: busybox, command: [sleep, "1000"], stop_grace_period: 0s}
END
    run -0 --separate-stderr crank up -d
    [ "$stderr" = "Network shop_default  Created
Container shop-asks-1  Started
Container shop-echo-1  Started
Container shop-web-1  Started
Container shop-web-2  Started" ]
    run -0 crank plan
    until_true says_hello shop-web-1
    until_true says_hello shop-web-2
    local address one two i before
    address=$(lookup web)
    one=$(address_of shop-web-1) two=$(address_of shop-web-2)
    [[ $address =~ ^10\.[0-9.]+$ ]]
    [ "$address" != "$one" ]
    [ "$address" != "$two" ]
    [ "$(lookup www)" = "$address" ]
    [ "$(lookup WEB.shop_default)" = "$address" ]
    [ "$(probe back "$address")" = web.shop_default ]
    [ "$(lookup shop-web-2)" = "$two" ]
    [ "$(lookup tasks.web)" = "$(both_of shop-web-1 shop-web-2)" ]
    before=$(($(calls shop-web-1) + $(calls shop-web-2)))
    for ((i = 0; i < 20; i++)); do says_hello web; done
    [ "$(calls shop-web-1)" -gt 1 ]
    [ "$(calls shop-web-2)" -gt 1 ]
    [ $(($(calls shop-web-1) + $(calls shop-web-2) - before)) = 20 ]
    [ "$(probe udp-fetch "$(lookup echo)" 7)" = hello ]
    run -0 crank exec shop-asks-1 ping -c 1 -W 5 web
    # another port than they listen on is as with a container itself
    is_refused web 81
    # no container has it
    run -0 crank network inspect -f '{{len .Containers}}' shop_default
    [ "$output" = 4 ]
    run -0 crank down
    [ -z "$(bridges)" ]
}

@test "the address stays: over changes, rollbacks, another number, a stop, a crash; where none runs it refuses" {
    web one
    crank up -d 2>/dev/null
    until_true says_hello web
    local address
    address=$(lookup web)
    # its container asks itself by it
    run -0 crank exec shop-web-1 /netprobe fetch "$address" 80
    web two
    run -0 crank up -d
    [ "$(lookup web)" = "$address" ]
    until_true says_hello "$address"
    run -0 crank rollback
    until_true says_hello "$address"
    run -0 crank scale web=3
    run -0 crank scale web=0
    [ "$(lookup web)" = "$address" ]
    is_refused "$address"
    run -1 probe udp-fetch "$address" 7
    run -0 crank up -d
    until_true says_hello "$address"
    run -0 crank plan
    # a container that is stopped, killed or removed is led to no more
    run -0 crank stop shop-web-1
    until_true is_refused "$address"
    run -0 crank start shop-web-1
    until_true says_hello web
    run -0 crank kill shop-web-1
    until_true is_refused "$address"
    run -0 crank start shop-web-1
    until_true says_hello web
    run -0 crank rm -f shop-web-1
    until_true is_refused "$address"
    [ "$(lookup web)" = "$address" ]
    run -0 crank up -d
    until_true says_hello "$address"
    run -0 crank network disconnect shop_default shop-web-1
    is_refused "$address"
    run -0 crank network connect shop_default shop-web-1
    until_true says_hello "$address"
}

@test "of two one ends: all that comes goes to the other; one that its policy starts again is led to again" {
    web one '    deploy: {replicas: 2}
    restart: always'
    crank up -d 2>/dev/null
    until_true says_hello web
    local i address
    address=$(lookup web)
    run -0 crank stop shop-web-2
    until_true only_leads_to "$address" shop-web-1
    for ((i = 0; i < 6; i++)); do says_hello web; done
    run -0 crank start shop-web-2
    run -0 crank stop shop-web-1
    until_true only_leads_to "$address" shop-web-2
    # its monitor brings it back, perhaps with another address
    kill -KILL "$(crank inspect -f '{{.State.Pid}}' shop-web-2)"
    until_true restarted shop-web-2
    until_true only_leads_to "$address" shop-web-2
    until_true says_hello web
}

@test "endpoint_mode: dnsrr means containers, as do networks whose containers are kept apart" {
    web one '    deploy: {replicas: 2, endpoint_mode: dnsrr}'
    run -0 --separate-stderr crank up -d
    [[ $stderr != *endpoint_mode* ]]
    [ "$(lookup web)" = "$(both_of shop-web-1 shop-web-2)" ]
    # no container is made again for it
    sed -i 's/dnsrr/vip/' compose.yaml
    run -2 --separate-stderr crank plan
    [ "$output" = "lead to web: it has no address on shop_default" ]
    run -0 crank up -d
    [[ $(lookup web) != *" "* ]]
    until_true says_hello web
    sed -i 's/vip/dnsrr/' compose.yaml
    run -2 --separate-stderr crank plan
    [[ $output =~ ^"withdraw 10."[0-9.]+": the name of service web means its containers"$ ]]
    run -0 crank up -d
    [ "$(lookup web)" = "$(both_of shop-web-1 shop-web-2)" ]
    run -0 crank plan
    sed -i 's/dnsrr/anycast/' compose.yaml
    run -1 --separate-stderr crank plan
    [[ $stderr == *"services.web.deploy.endpoint_mode: must be one of vip, dnsrr"* ]]
    crank down -p shop 2>/dev/null
    web one 'networks: {default: {driver_opts: {com.docker.network.bridge.enable_icc: "false"}}}'
    run -0 crank up -d
    [ "$(lookup web)" = "$(address_of shop-web-1)" ]
    run -1 probe fetch web 80
    run -0 crank plan
}

@test "a service that leaves the file, or a network, leaves its address; down leaves none on a network that stays" {
    crank network create --subnet 10.7.0.0/24 front >/dev/null
    cat >compose.yaml <<'END'
services:
  web: {image: netprobe, command: [serve, 0.0.0.0, "80"], stop_grace_period: 0s, networks: [front, back]}
  old: {image: netprobe, command: [serve, 0.0.0.0, "80"], stop_grace_period: 0s, networks: [front]}
networks:
  front: {external: true}
  back: {}
END
    run -0 crank up -d
    [ "$(network=front lookup web)" = 10.7.0.253 ]
    [ "$(network=front lookup old)" = 10.7.0.254 ]
    network=shop_back until_true says_hello web
    # names are the same for whoever is on the network
    run -0 crank run --rm --network front netprobe fetch old 80
    sed -i '/^  old:/d' compose.yaml
    run -0 crank up -d
    [ "$(network=front lookup old)" = 10.7.0.254 ]
    run -2 --separate-stderr crank plan --remove-orphans
    [ "${lines[1]}" = "withdraw 10.7.0.254: the compose file has no service old" ]
    run -0 crank up -d --remove-orphans
    [[ $(on_bridges) == *10.7.0.253/32* ]]
    [[ $(on_bridges) != *10.7.0.254/32* ]]
    sed -i 's/\[front, back\]/[back]/' compose.yaml
    run -2 --separate-stderr crank plan
    [ "${lines[1]}" = "withdraw 10.7.0.253: service web is not on front" ]
    run -0 crank up -d
    [[ $(on_bridges) != *10.7.0.253/32* ]]
    sed -i 's/networks: \[back\]/networks: [front]/' compose.yaml
    run -0 crank up -d
    [[ $(on_bridges) == */32* ]]
    run -0 crank down
    [[ $(on_bridges) != */32* ]]
    [ -z "$(ls "$CRANK_STATE"/networks/*/leases)" ]
    [ -z "$(ls "$CRANK_STATE"/networks/*/services 2>/dev/null)" ]
}

@test "addresses that containers ask for are theirs, and a network that is too small is an error that says so" {
    cat >compose.yaml <<'END'
services:
  web: {image: netprobe, command: [serve, 0.0.0.0, "80"], stop_grace_period: 0s, networks: {default: {ipv4_address: 10.7.0.254}}}
networks: {default: {ipam: {config: [{subnet: 10.7.0.0/24}]}}}
END
    run -0 crank up -d
    [ "$(lookup web)" = 10.7.0.253 ]
    until_true says_hello web
    run -125 --separate-stderr crank run --rm --network shop_default --ip 10.7.0.253 netprobe devices
    [[ $stderr == *"--ip 10.7.0.253: the address is in use by a service of a compose project"* ]]
    crank down 2>/dev/null
    local name
    echo services: >compose.yaml
    for name in a b c d e f; do
        echo "  $name: {image: netprobe, command: [devices], deploy: {replicas: 0}}" >>compose.yaml
    done
    echo 'networks: {default: {ipam: {config: [{subnet: 10.7.0.0/29}]}}}' >>compose.yaml
    run -1 --separate-stderr crank up -d
    [[ $stderr == *"the address of service "*" on shop_default: no address is free in 10.7.0.0/29"* ]]
    [[ $stderr == *"endpoint_mode: dnsrr"* ]]
}

@test "an internal network stays one: a service's address leads neither out, nor to this machine, nor in" {
    start_server HOST_PID serve 0.0.0.0 8504
    start_server WORLD_PID serve 203.0.113.1 80
    on_host sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward'
    cat >compose.yaml <<'END'
services:
  web: {image: netprobe, command: [serve, 0.0.0.0, "80"], stop_grace_period: 0s}
  asks: {image: busybox, command: [sleep, "1000"], stop_grace_period: 0s, cap_add: [NET_ADMIN]}
networks: {default: {internal: true}}
END
    run -0 crank up -d
    local address gateway
    until_true says_hello web
    address=$(lookup web)
    gateway=$(crank network inspect -f '{{(index .IPAM.Config 0).Gateway}}' shop_default)
    # the host is no router by it
    [ "$(on_host cat /proc/sys/net/ipv4/ip_forward)" = 0 ]
    # the host's ports: by an address that has a container behind, and by one that has none
    is_refused "$address" 8504
    run -0 crank stop shop-web-1
    until_true is_refused "$address" 80
    is_refused "$address" 8504
    run -0 crank start shop-web-1
    until_true says_hello web
    # its user puts a way out through the bridge
    crank exec shop-asks-1 ip route add default via "$gateway"
    run ! crank exec shop-asks-1 wget -q -T 2 -O - http://203.0.113.1/
    run ! crank exec shop-asks-1 wget -q -T 2 -O - "http://$gateway:8504/"
    # from elsewhere it is nobody's: neither another network's nor another machine's
    crank network create other >/dev/null
    run -1 --separate-stderr crank run --rm --network other netprobe fetch "$address" 80
    run -1 --separate-stderr in_world "$NETPROBE" fetch "$address" 80
    run -1 --separate-stderr on_host "$NETPROBE" fetch "$address" 8504
    [[ $stderr == *"Connection refused"* ]]
}

@test "networks of a project are apart by these addresses too, also where a service is on both" {
    start_server HOST_PID serve 0.0.0.0 8504
    cat >compose.yaml <<'END'
services:
  front: {image: netprobe, command: [serve, 0.0.0.0, "80"], stop_grace_period: 0s, networks: [front]}
  both: {image: netprobe, command: [serve, 0.0.0.0, "80"], stop_grace_period: 0s, networks: [front, back]}
networks: {front: {}, back: {}}
END
    run -0 crank up -d
    local address both
    network=shop_front until_true says_hello front
    address=$(network=shop_front lookup front) both=$(network=shop_front lookup both)
    network=shop_back until_true says_hello both
    [ "$(network=shop_back lookup both)" != "$both" ]
    run -1 --separate-stderr crank run --rm --network shop_back netprobe lookup front
    run -1 --separate-stderr crank run --rm --network shop_back netprobe fetch "$address" 80
    run -1 --separate-stderr crank run --rm --network shop_back netprobe fetch "$both" 80
    run -1 --separate-stderr in_world "$NETPROBE" fetch "$address" 80
    # no port of this machine by it, on a network that leads out either
    network=shop_front is_refused "$address" 8504
}

@test "whatever is killed: the next command has the address in place, and down leaves nothing" {
    local place address=
    for place in service.leased service.ruled service.named deploy.addressed; do
        web one
        CRANK_CRASH_AT=$place run -137 crank up -d
        run -0 crank up -d
        until_true says_hello web
        [ -z "$address" ] || [ "$(lookup web)" = "$address" ]
        address=$(lookup web)
        [ "$(on_bridges | grep -o '[0-9.]*/32')" = "$address/32" ]
        run -0 crank plan
        # in the middle of a change
        web "$place"
        CRANK_CRASH_AT=$place run -137 crank up -d
        run -0 crank up -d
        until_true says_hello web
        run -0 crank plan
        run -0 crank down
    done
    crank network create --subnet 10.7.0.0/24 front >/dev/null
    web one 'networks: {default: {name: front, external: true}}'
    for place in service.off service.released; do
        run -0 crank up -d
        CRANK_CRASH_AT=$place run -137 crank down
        run -0 crank down
        [ -z "$(ls "$CRANK_STATE"/networks/*/leases)" ]
        [ -z "$(ls "$CRANK_STATE"/networks/*/services 2>/dev/null)" ]
        [[ $(on_bridges) != */32* ]]
    done
}

@test "after a reboot reconcile has them there again; where a firewall flushed the rules, the next start has" {
    web one
    crank up -d 2>/dev/null
    until_true says_hello web
    on_host nft flush ruleset
    # the start that asks has mended it
    says_hello web
    crank rm -f shop-web-1
    on_host ip link delete "$(bridges)"
    on_host nft flush ruleset
    rm -rf "$CRANK_STATE"
    run -0 crank reconcile shop
    until_true says_hello web
    run -0 crank plan
}

@test "a container that is called as the service is no second meaning of its name" {
    web one '    container_name: web
    hostname: web'
    run -0 crank up -d
    until_true says_hello web
    local address
    address=$(lookup web)
    [ "$address" != "$(address_of web)" ]
    [ "$(on_bridges | grep -o '[0-9.]*/32')" = "$address/32" ]
    # itself it is by its own name
    run -0 crank exec web /netprobe fetch web 80
}

@test "where the host drops what it forwards names mean containers; where it drops what is for itself, the kernel leads" {
    chain() { on_host sh -c "nft add table inet firewall && nft add chain inet firewall guard '{ type filter hook $1 priority 0; policy drop; }'"; }
    relayed() { cut -d' ' -f1,2 "$CRANK_STATE"/networks/*/services/* | grep relayed; }
    web one '    expose: [80]'
    chain forward
    run -0 --separate-stderr crank up -d
    [[ $stderr == *"names of services mean their containers, and not an address of the service: the host's chain guard of table inet firewall drops what it is to forward (once it lets them pass: deploy.endpoint_mode: vip)"* ]]
    [ "$(lookup web)" = "$(address_of shop-web-1)" ]
    run -0 crank plan
    on_host nft delete table inet firewall
    run -2 --separate-stderr crank plan
    [ "$output" = "lead to web: it has no address on shop_default" ]
    chain input
    run -0 crank up -d
    [ "$(lookup web)" != "$(address_of shop-web-1)" ]
    run ! relayed
    says_hello web
    run -0 crank plan
    on_host nft delete table inet firewall
    run -2 --separate-stderr crank plan
    [ "$output" = "lead to web: its requests are not led as its ports say" ]
    run -0 crank up -d
    [ "$(relayed)" = "relayed 80" ]
    says_hello web
    # and again
    chain input
    run -2 --separate-stderr crank plan
    run -0 crank up -d
    run ! relayed
    says_hello web
    on_host nft delete table inet firewall
}
