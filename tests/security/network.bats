#!/usr/bin/env bats
# Attacks on networks and published ports, by a machine of the same network and by a container
# (tests/lib/network.bash). After others' CVEs (docs/security-history.md).

# shellcheck disable=SC2154 # run sets stderr
bats_require_minimum_version 1.5.0
load ../lib/crank
load ../lib/network

setup_file() {
    crank_setup_file
    is_root && can_run >/dev/null 2>&1 || return 0 # the tests say why they skip
    build_netprobe
    make_worlds
    musl-gcc -static -O1 -Wall -Wextra -idirafter /usr/include -idirafter "/usr/include/$(uname -m)-linux-gnu" \
        "$BATS_TEST_DIRNAME/advertise.c" -o "$CRANK_TEST_DIR/netprobe-context/advertise"
    printf 'FROM scratch\nCOPY netprobe advertise /\nENTRYPOINT ["/netprobe"]\n' \
        >"$CRANK_TEST_DIR/netprobe-context/Dockerfile"
    crank build -q -t netprobe "$CRANK_TEST_DIR/netprobe-context" >/dev/null
}
setup() { crank_setup; }
teardown() {
    end_servers
    crank_teardown
}
teardown_file() {
    end_worlds
    crank_teardown_file
}

address_of() { crank inspect --format '{{.NetworkSettings.IPAddress}}' "$1"; }
# answers on_host|in_world IP PORT
answers() { [ "$("$1" "$NETPROBE" fetch "$2" "$3" 2>/dev/null)" = hello ]; }
refused() { ! "$1" timeout 3 "$NETPROBE" fetch "$2" "$3" >/dev/null 2>&1; }

@test "a service on the host's loopback is not reached from other machines or containers (CVE-2020-8558)" {
    nsenter --target "$HOST_PID" --net -- "$NETPROBE" serve 127.0.0.1 8510 >/dev/null 2>&1 3>&- &
    SERVERS+=" $!"
    run -0 crank run -d --name up -p 8501:80 netprobe serve 0.0.0.0 80
    until_true answers on_host 127.0.0.1 8510
    until_true answers on_host 127.0.0.1 8501
    # The attacker's own loopback address leads out, to the host.
    in_world ip address flush dev lo
    in_world sh -c 'echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet'
    in_world ip route add 127.0.0.0/8 via 203.0.113.2 dev eth0
    in_world ip rule add priority 1 to 127.0.0.0/8 lookup main
    run -0 in_world ip route get 127.0.0.1
    [[ $output == *"via 203.0.113.2"* ]]
    refused in_world 127.0.0.1 8510
    refused in_world 127.0.0.1 8501
    in_world ip rule del priority 1
    in_world ip route del 127.0.0.0/8
    in_world sh -c 'echo 0 >/proc/sys/net/ipv4/conf/all/route_localnet'
    in_world ip address add 127.0.0.1/8 dev lo
    # crank never allows it
    run -0 on_host sh -c 'cat /proc/sys/net/ipv4/conf/*/route_localnet'
    [[ $output != *1* ]]
    # nor by the gateway's address
    refused_from_container() { ! crank run --rm netprobe fetch "$1" 8510 >/dev/null 2>&1; }
    refused_from_container "$(crank inspect --format '{{.NetworkSettings.Gateway}}' up)"
}

@test "a rule of the host's that drops stays in force for a published port (CVE-2019-9946)" {
    run -0 crank run -d -p 0.0.0.0:8501:80 netprobe serve 0.0.0.0 80
    until_true answers in_world 203.0.113.2 8501
    on_host nft add table inet own
    on_host nft add chain inet own input '{ type filter hook input priority 0; policy accept; }'
    on_host nft add rule inet own input iifname up0 tcp dport 8501 drop
    refused in_world 203.0.113.2 8501
    # also for what starts later
    run -0 crank run -d -p 0.0.0.0:8502:80 netprobe serve 0.0.0.0 80
    refused in_world 203.0.113.2 8501
    until_true answers in_world 203.0.113.2 8502
    on_host nft delete table inet own
    until_true answers in_world 203.0.113.2 8501
}

@test "who comes through a published port does not seem to be the worker's own loopback (CVE-2021-20199)" {
    local id
    id=$(crank run -d -p 8501:80 -p 0.0.0.0:8502:80 netprobe serve 0.0.0.0 80)
    until_true answers on_host 127.0.0.1 8501
    until_true answers on_host ::1 8501
    until_true answers in_world 203.0.113.2 8502
    run -0 crank logs "$id"
    [[ $output == ready* && $output == *"$(crank inspect --format '{{.NetworkSettings.Gateway}}' "$id")"* ]]
    [[ $output != *127.0.0* && $output != *::1* ]]
}

@test "router advertisements of a container change nothing on the host or in others (CVE-2020-13401, CVE-2024-32473)" {
    local id
    crank run -d --name other netprobe serve 0.0.0.0 80 >/dev/null
    # the attack itself says that it could send
    id=$(crank run -d --entrypoint /advertise netprobe eth0 50)
    run -0 crank wait "$id"
    [ "$output" = 0 ]
    [ "$(crank logs "$id")" = "50 sent" ]
    # 2001:db8:bad::/64 and a default route are what it advertises
    [[ $(on_host ip -6 address) != *2001:db8:bad* ]]
    [[ $(on_host ip -6 route) != *"default"* ]]
    run -0 crank exec other /netprobe devices
    [[ $output != *2001:db8:bad* ]]
    # the other half: the same packets are taken where they are wanted
    on_host ip link add ra0 type veth peer name ra1
    on_host ip link set ra0 up
    on_host ip link set ra1 up
    on_host sh -c 'echo 2 >/proc/sys/net/ipv6/conf/ra1/accept_ra'
    taken() {
        on_host "$CRANK_TEST_DIR/netprobe-context/advertise" ra0 1 >/dev/null
        on_host ip -6 address show dev ra1 | grep -q 2001:db8:bad
    }
    until_true taken
    on_host ip link del ra0
}

@test "a container does not take another's address or the gateway's, and reaches no port that is not published of the host" {
    local id gateway
    id=$(crank run -d --name victim netprobe serve 0.0.0.0 80)
    gateway=$(crank inspect --format '{{.NetworkSettings.Gateway}}' victim)
    # without NET_ADMIN no address can be set
    run -1 crank run --rm --entrypoint /advertise netprobe --take "$(address_of victim)" eth0
    [[ $output == *"Operation not permitted"* ]]
    run -1 crank run --rm --entrypoint /advertise netprobe --take "$gateway" eth0
    [[ $output == *"Operation not permitted"* ]]
    until_true answers on_host "$(address_of victim)" 80
}

@test "rules that are flushed expose no published port of loopback; the isolation is back with the next start" {
    local id address
    id=$(crank run -d -p 8501:80 netprobe serve 0.0.0.0 80)
    address=$(address_of "$id")
    until_true answers on_host 127.0.0.1 8501
    on_host nft flush ruleset
    refused in_world 203.0.113.2 8501
    answers on_host 127.0.0.1 8501
    run -0 crank run --rm netprobe devices
    refused in_world "$address" 80
}
