#!/usr/bin/env bats
# Networks of containers, seen from inside, from the host and from another machine
# (tests/lib/network.bash).

# shellcheck disable=SC2154 # run sets stderr
bats_require_minimum_version 1.5.0
load ../lib/crank
load ../lib/network

setup_file() {
    crank_setup_file
    is_root && can_run >/dev/null 2>&1 || return 0 # the tests say why they skip
    build_netprobe
    make_worlds
    cat >"$CRANK_TEST_DIR/netprobe-context/Dockerfile" <<'END'
FROM scratch
COPY netprobe /netprobe
ENTRYPOINT ["/netprobe"]
END
    crank build -q -t netprobe "$CRANK_TEST_DIR/netprobe-context" >/dev/null
    on_host ip route add default via 203.0.113.1
}

setup() { crank_setup; }

teardown() {
    end_servers
    crank_teardown
    no_device_left
}

teardown_file() {
    end_worlds
    crank_teardown_file
}

# eventually COMMAND...: tries until it succeeds; after 10 s it fails with the last output.
eventually() {
    local until=$((SECONDS + 10)) out
    while ! out=$("$@" 2>&1); do
        if [ "$SECONDS" -ge "$until" ]; then
            printf 'never came true: %s\n%s\n' "$*" "$out" >&2
            return 1
        fi
        sleep 0.05
    done
    printf '%s' "$out"
}

# answers on_host|in_world IP PORT: the worker says hello.
answers() { [ "$("$1" "$NETPROBE" fetch "$2" "$3")" = hello ]; }

# start_server HOST_PID|WORLD_PID IP PORT: its pid is in SERVER, its output in $server_log.
start_server() {
    server_log=$CRANK_TEST_DIR/server.log
    # no function: what runs in the background is the server itself
    nsenter --target "${!1}" --net -- "$NETPROBE" serve "$2" "$3" >"$server_log" 2>&1 3>&- &
    SERVER=$!
    SERVERS+=" $SERVER"
    eventually grep -q ready "$server_log"
}

veths() { on_host ip -brief link show type veth | grep -v '^up0@' || true; }
no_veth() { [ -z "$(veths)" ]; }
# The devices go with their namespaces, some milliseconds later.
no_device_left() {
    if [ -n "${HOST_PID:-}" ]; then eventually no_veth; fi
}

address_of() { crank inspect --format '{{.NetworkSettings.IPAddress}}' "$1"; }

@test "a published port answers on 127.0.0.1 and on ::1" {
    run -0 --separate-stderr crank run -d -p 8501:80 netprobe serve 0.0.0.0 80
    eventually answers on_host 127.0.0.1 8501
    eventually answers on_host ::1 8501
}

@test "a port that is published without an address is not there for other machines" {
    run -0 crank run -d -p 8501:80 netprobe serve 0.0.0.0 80
    eventually answers on_host 127.0.0.1 8501
    run -1 --separate-stderr in_world "$NETPROBE" fetch 203.0.113.2 8501
    [[ $stderr == "netprobe: connect: Connection refused" ]]
}

@test "a port published on 0.0.0.0 is" {
    run -0 crank run -d -p 0.0.0.0:8501:80 netprobe serve 0.0.0.0 80
    eventually answers on_host 127.0.0.1 8501
    eventually answers on_host ::1 8501
    answers in_world 203.0.113.2 8501
}

@test "other machines do not reach a container past its published ports" {
    run -0 --separate-stderr crank run -d netprobe serve 0.0.0.0 80
    local address
    address=$(address_of "$output")
    eventually answers on_host "$address" 80
    run -1 --separate-stderr in_world "$NETPROBE" fetch "$address" 80
    [[ $stderr == *"netprobe: connect: "* ]]
}

@test "a free port is chosen and shown" {
    run -0 --separate-stderr crank run -d -p 80 netprobe serve 0.0.0.0 80
    run -0 crank ps --format '{{.Ports}}'
    [[ $output =~ 127\.0\.0\.1:([0-9]+)-\>80/tcp ]]
    eventually answers on_host 127.0.0.1 "${BASH_REMATCH[1]}"
    answers on_host ::1 "${BASH_REMATCH[1]}"
}

@test "a port in use is an error that says by whom" {
    start_server HOST_PID 127.0.0.1 8502
    run -125 --separate-stderr crank run -p 8502:80 netprobe serve 0.0.0.0 80
    [[ $stderr == *"port 8502 on 127.0.0.1 is in use by netprobe (pid $SERVER)"* ]]
    run -0 crank ps --all --quiet
    [ -z "$output" ]
}

@test "a port that another container published is in use, too" {
    run -0 crank run -d --name first -p 8501:80 netprobe serve 0.0.0.0 80
    run -125 --separate-stderr crank run -d -p 8501:80 netprobe serve 0.0.0.0 80
    [ "${stderr_lines[0]}" = "crank run: port 8501 is published by container first" ]
    [ "${stderr_lines[1]}" = "hint: crank rm -f first, or another port: -p 8502:80" ]
    eventually answers on_host 127.0.0.1 8501
}

@test "a port is free again as soon as its container is gone" {
    local id
    for _ in 1 2 3; do
        run -0 --separate-stderr crank run -d -p 8501:80 netprobe serve 0.0.0.0 80
        id=$output
        eventually answers on_host 127.0.0.1 8501
        run -0 crank rm --force "$id"
    done
}

@test "a port is free again when the run that published it has returned" {
    for _ in 1 2 3 4 5; do run -0 crank run --rm -p 8501:80 netprobe devices; done
}

@test "64 ports can be published, however many descriptors that takes" {
    local count n
    for count in 41 46 55 64; do
        local -a ports=()
        for ((n = 0; n < count; n++)); do ports+=(-p "127.0.0.1:$((18700 + n)):80"); done
        crank run --rm "${ports[@]}" netprobe devices
    done
    run -125 crank run --rm "${ports[@]}" -p 127.0.0.1:18790:80 netprobe devices
    [[ $output == *"64"* ]]
}

@test "malformed and unsupported ports are named" {
    run -125 --separate-stderr crank run -p 8501:http netprobe devices
    [[ $stderr == *"invalid port '8501:http': the container port 'http' is no number from 1 to 65535"* ]]
    run -125 --separate-stderr crank run -p 70000:80 netprobe devices
    [[ $stderr == *"the host port '70000' is no number from 1 to 65535"* ]]
    run -125 --separate-stderr crank run -p localhost:80:80 netprobe devices
    [[ $stderr == *"'localhost' is no IP address"* ]]
    run -125 --separate-stderr crank run -p 8000-8001:80-82 netprobe devices
    [[ $stderr == *"the host range has 2 ports and the container range 3"* ]]
    run -125 --separate-stderr crank run -p 80:80/sctp netprobe devices
    [[ $stderr == *"sctp ports are not supported"* ]]
    run -125 --separate-stderr crank run -p 198.51.100.9:8501:80 netprobe devices
    [[ $stderr == *"port 8501 of 198.51.100.9: Cannot assign requested address"* ]]
}

@test "a published UDP port: datagrams go in and come back, on both loopback addresses" {
    run -0 crank run -d --name echo -p 53:5353/udp netprobe udp-serve 0.0.0.0 5353
    [ "$output" != "" ]
    udp_answers() { [ "$(on_host "$NETPROBE" udp-fetch "$1" 53)" = hello ]; }
    eventually udp_answers 127.0.0.1
    eventually udp_answers ::1
    run -0 crank ps --format '{{.Ports}}'
    [ "$output" = "127.0.0.1:53->5353/udp, [::1]:53->5353/udp" ]
    # TCP's port of that number is another
    run -0 crank run -d -p 53:80 netprobe serve 0.0.0.0 80
    eventually answers on_host 127.0.0.1 53
    run -125 --separate-stderr crank run -d -p 53:53/udp netprobe devices
    [[ $stderr == *"port 53 is published by container echo"* ]]
    # the guard goes on with it
    local id
    id=$(crank inspect -f '{{.Id}}' echo)
    kill -KILL "$(monitor_of "$id")"
    eventually udp_answers 127.0.0.1
}

@test "a UDP port on every address answers from the one that was asked" {
    on_host ip address add 203.0.113.5/24 dev up0
    run -0 crank run -d -p 0.0.0.0:5300:5353/udp netprobe udp-serve 0.0.0.0 5353
    udp_answers() { [ "$(in_world "$NETPROBE" udp-fetch "$1" 5300)" = hello ]; }
    eventually udp_answers 203.0.113.2
    eventually udp_answers 203.0.113.5
    on_host ip address del 203.0.113.5/24 dev up0
}

@test "a range of ports is published one by one" {
    run -0 crank run -d -p 8000-8002:8000-8002 netprobe serve 0.0.0.0 8001
    eventually answers on_host 127.0.0.1 8001
    run -0 crank ps --format '{{.Ports}}'
    [[ $output == *"127.0.0.1:8000->8000/tcp"*"127.0.0.1:8002->8002/tcp"* ]]
}

@test "without a network there is loopback alone" {
    run -0 --separate-stderr crank run --rm --network none netprobe devices
    [ "$output" = "lo 127.0.0.1 ::1" ]
}

@test "on the bridge there is eth0 with an address, and no IPv6 but loopback's" {
    run -0 --separate-stderr crank run --rm netprobe devices
    [ "${#lines[@]}" -eq 2 ]
    [ "${lines[0]}" = "lo 127.0.0.1 ::1" ]
    [[ ${lines[1]} =~ ^eth0\ 10\.188\.[0-9]+\.[0-9]+$ ]]
}

@test "the host's network is the host's" {
    run -0 --separate-stderr crank run --rm --network host netprobe devices
    [ "$output" = "$(on_host "$NETPROBE" devices)" ]
    start_server HOST_PID 127.0.0.1 8503
    run -0 --separate-stderr crank run --rm --network host netprobe fetch 127.0.0.1 8503
    [ "$output" = hello ]
}

@test "a container reaches another machine, which sees the host's address" {
    start_server WORLD_PID 203.0.113.1 80
    run -0 --separate-stderr crank run --rm netprobe fetch 203.0.113.1 80
    [ "$output" = hello ]
    [ "$(tail -1 "$server_log")" = 203.0.113.2 ]
}

@test "a container reaches what listens on the host's own address" {
    start_server HOST_PID 203.0.113.2 8504
    run -0 --separate-stderr crank run --rm netprobe fetch 203.0.113.2 8504
    [ "$output" = hello ]
}

@test "containers reach each other" {
    run -0 --separate-stderr crank run -d netprobe serve 0.0.0.0 80
    local address
    address=$(address_of "$output")
    eventually answers on_host "$address" 80
    run -0 --separate-stderr crank run --rm netprobe fetch "$address" 80
    [ "$output" = hello ]
}

@test "rules that a firewall flushed are back with the next start" {
    run -0 crank run --rm netprobe devices
    on_host nft flush ruleset
    start_server WORLD_PID 203.0.113.1 80
    run -0 --separate-stderr crank run --rm netprobe fetch 203.0.113.1 80
    [ "$output" = hello ]
}

@test "a chain that would drop what containers send is named with the remedy" {
    # the warning comes with the bridge: a state directory without one
    on_host nft add table inet firewall
    on_host nft add chain inet firewall onward '{ type filter hook forward priority 0; policy drop; }'
    CRANK_STATE=$CRANK_TEST_DIR/other run -0 --separate-stderr crank run --rm netprobe devices
    on_host nft delete table inet firewall
    [[ $stderr == *"chain onward of table inet firewall drops forwarded packets"* ]]
    [[ $stderr == *"nft insert rule inet firewall onward iifname"* ]]
}

@test "50 starts at once get 50 addresses and leave no device and no lease" {
    export -f crank on_host
    run -0 --separate-stderr bash -c \
        'seq 50 | xargs -P 8 -I{} bash -c "crank run --rm netprobe devices" | grep ^eth0'
    [ "${#lines[@]}" -eq 50 ]
    [ "$(printf '%s\n' "${lines[@]}" | sort -u | wc -l)" -eq 50 ]
    eventually no_veth
    eventually no_lease
}
no_lease() { [ -z "$(ls "$CRANK_STATE/network/leases")" ]; }
