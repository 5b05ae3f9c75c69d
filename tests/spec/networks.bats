#!/usr/bin/env bats
# Networks that a user defines: their verbs, who reaches whom, names, several of a container, IPv6.

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
    on_host ip address add 2001:db8::2/64 dev up0 nodad
    in_world ip address add 2001:db8::1/64 dev eth0 nodad
    in_world ip route add default via 2001:db8::2
    on_host ip route add default via 2001:db8::1
}

setup() { crank_setup; }

teardown() {
    end_servers
    crank_teardown
    no_network_left
}

teardown_file() {
    end_worlds
    crank_teardown_file
}

# Of the test's containers nothing is there any more; its networks go here.
no_network_left() {
    [ -n "${HOST_PID:-}" ] || return 0
    crank network prune -f >/dev/null
    [ -z "$(crank network ls -q --filter type=custom)" ]
    [ -z "$(ls "$CRANK_STATE/networks" 2>/dev/null)" ]
    run ! other_bridges
}
other_bridges() { on_host ip -brief link show type bridge | grep -v "^$(default_bridge) "; }
default_bridge() {
    on_host ip -json link show type bridge | jq -r --arg owner "crank $CRANK_STATE/network" \
        '[.[] | select(.ifalias == $owner) | .ifname][0] // "none"'
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

# start_server HOST_PID|WORLD_PID ARGUMENTS...: of netprobe; its output in $server_log.
start_server() {
    server_log=$CRANK_TEST_DIR/server.$RANDOM.log
    # no function: what runs in the background is the server itself
    nsenter --target "${!1}" --net -- "$NETPROBE" "${@:2}" >"$server_log" 2>&1 3>&- &
    SERVERS+=" $!"
    eventually grep -q ready "$server_log"
}

# a_worker NAME FLAG...: a container that says hello on port 80.
a_worker() {
    crank run -d --name "$1" "${@:2}" netprobe serve 0.0.0.0 80 >/dev/null
    eventually logged "$1" ready
}
logged() { crank logs "$1" 2>&1 | grep -qF "$2"; }
address_on() { crank inspect -f "{{(index .NetworkSettings.Networks \"$2\").IPAddress}}" "$1"; }
probe_on() { crank run --rm --network "$1" netprobe "${@:2}"; }

@test "a network is made, listed, looked at and removed" {
    run -0 crank network create --label team=mail --subnet 10.7.0.0/24 front
    [[ $output =~ ^[0-9a-f]{64}$ ]]
    local id=$output
    run -0 crank network ls --format '{{.Name}} {{.Driver}} {{.Scope}}'
    [ "${lines[*]}" = "bridge bridge local front bridge local host host local none null local" ]
    run -0 crank network ls
    [[ ${lines[0]} =~ ^"NETWORK ID"\ +NAME\ +DRIVER\ +SCOPE$ ]]
    run -0 crank network ls -q --filter label=team=mail
    [ "$output" = "${id:0:12}" ]
    run -0 crank network ls -q --no-trunc --filter type=custom --filter name=ron
    [ "$output" = "$id" ]
    run -0 crank network inspect front
    [ "$(jq -r '.[0].Id' <<<"$output")" = "$id" ]
    [ "$(jq -c '.[0].IPAM.Config' <<<"$output")" = '[{"Subnet":"10.7.0.0/24","Gateway":"10.7.0.1"}]' ]
    [ "$(jq -c '.[0] | [.Driver, .Scope, .Internal, .EnableIPv6, .Labels, .Containers]' <<<"$output")" = \
        '["bridge","local",false,false,{"team":"mail"},{}]' ]
    run -0 crank network inspect -f '{{.Name}}' "${id:0:8}"
    [ "$output" = front ]
    run -0 crank network rm front
    [ "$output" = front ]
    run -1 crank network inspect front
    [[ $output == *"no such network: front"* ]]
}

@test "what cannot be made is named" {
    run -0 crank network create --subnet 10.7.0.0/24 front
    run -1 crank network create front
    [[ $output == *"network with name front already exists"* ]]
    run -1 crank network create bridge
    [[ $output == *"network with name bridge already exists"* ]]
    run -1 crank network create --driver overlay back
    [[ $output == *'network driver "overlay" is not supported'* ]]
    run -1 crank network create --subnet 10.7.0.128/25 back
    [[ $output == *"subnet 10.7.0.128/25 overlaps 10.7.0.0/24 of network front"* ]]
    run -1 crank network create --subnet 203.0.113.0/24 back
    [[ $output == *"subnet 203.0.113.0/24 overlaps 203.0.113.0/24, which this host has a route to"* ]]
    run -1 crank network create --gateway 10.8.0.1 back
    [[ $output == *"--gateway 10.8.0.1: no --subnet has it"* ]]
    run -1 crank network create --opt com.example.colour=red back
    [[ $output == *"--opt com.example.colour: crank has no such option of a network"* ]]
    run -1 crank network create ../back
    [[ $output == *'invalid network name "../back"'* ]]
    run -2 crank network create --ipam-driver x back
    [[ $output == *"--ipam-driver"* ]]
    run -1 crank network rm bridge
    [[ $output == *"bridge is a pre-defined network and cannot be removed"* ]]
    run -1 crank network rm nowhere
    [[ $output == *"no such network: nowhere"* ]]
    run -0 crank network rm -f nowhere
    run -125 crank run --rm --network nowhere netprobe devices
    [[ $output == *"no such network: nowhere"* ]]
    run -2 crank network ls --filter colour=red
}

@test "containers have an address on the network, and the names on it" {
    run -0 crank network create --subnet 10.7.0.0/24 --gateway 10.7.0.254 --ip-range 10.7.0.64/26 front
    a_worker web --network front --network-alias www --network-alias WWW2
    run -0 address_on web front
    [ "$output" = 10.7.0.64 ]
    local name id
    id=$(crank inspect -f '{{.Id}}' web)
    for name in web www www2 WEB web.front "${id:0:12}"; do
        run -0 probe_on front fetch "$name" 80
        [ "$output" = hello ]
    done
    run -0 probe_on front back 10.7.0.64
    [ "$output" = web.front ]
    run -0 probe_on front devices
    [[ ${lines[1]} =~ ^eth0\ 10\.7\.0\.[0-9]+$ ]]
    run -0 crank inspect -f '{{.HostConfig.NetworkMode}} {{.NetworkSettings.IPAddress}}' web
    [ "$output" = "front 10.7.0.64" ]
    run -0 crank inspect web
    [ "$(jq -c '.[0].NetworkSettings.Networks.front | [.Gateway, .IPPrefixLen, .Aliases]' <<<"$output")" = \
        '["10.7.0.254",24,["www","WWW2"]]' ]
    run -0 crank network inspect front
    [ "$(jq -r --arg id "$id" '.[0].Containers[$id] | .Name + " " + .IPv4Address' <<<"$output")" = "web 10.7.0.64/24" ]
    run -0 crank ps --format '{{.Networks}}' --filter network=front
    [ "$output" = front ]
    run -0 crank ps -q --filter network=bridge
    [ -z "$output" ]
}

@test "a network that containers are on is not removed, and the error names them" {
    run -0 crank network create front
    a_worker one --network front
    a_worker two --network front
    run -1 crank network rm front
    [[ $output == *"network front is in use by containers one, two"* ]]
    [[ $output == *"hint: crank network disconnect front one"* ]]
    run -0 crank network prune -f
    [ -z "$output" ]
    run -0 crank rm -f one two
    run -0 crank network rm front
    run -0 crank network create --label keep=1 back
    run -0 crank network create back2
    run -0 crank network prune -f --filter label!=keep
    [ "${lines[*]}" = "Deleted Networks: back2" ]
    run -0 crank network prune -f --filter until=24h
    [ -z "$output" ]
    run -0 crank network prune -f
    [ "${lines[*]}" = "Deleted Networks: back" ]
}

@test "networks are apart: neither addresses nor names of one are reached from another" {
    run -0 crank network create front
    run -0 crank network create back
    a_worker web --network front
    local address
    address=$(address_on web front)
    run -0 probe_on front fetch "$address" 80
    run -1 --separate-stderr probe_on back fetch "$address" 80
    [[ $stderr == *"netprobe: connect: "* ]]
    run -1 --separate-stderr crank run --rm netprobe fetch "$address" 80
    run -1 --separate-stderr probe_on back lookup web
    [[ $stderr == *"netprobe: web: "* ]]
    run -1 --separate-stderr probe_on back lookup web.front
    # of the default network there are no names
    a_worker plain
    run -1 --separate-stderr crank run --rm netprobe lookup plain
}

@test "a network leads out with the host's address, and other names are asked of name servers" {
    run -0 crank network create front
    start_server WORLD_PID serve 203.0.113.1 80
    run -0 probe_on front fetch 203.0.113.1 80
    [ "$output" = hello ]
    [ "$(tail -1 "$server_log")" = 203.0.113.2 ]
    start_server WORLD_PID names 203.0.113.1 53
    run -0 crank run --rm --network front --dns 203.0.113.1 netprobe lookup elsewhere.test
    [ "$output" = 198.51.100.7 ]
    grep -qx elsewhere.test "$server_log"
    # names of containers are told to nobody
    a_worker web --network front
    run -0 crank run --rm --network front --dns 203.0.113.1 netprobe lookup web
    [ "$output" = "$(address_on web front)" ]
    run ! grep -q web "$server_log"
    # the first name server is not there: the second is asked
    run -0 crank run --rm --network front --dns 127.0.0.9 --dns 203.0.113.1 netprobe lookup elsewhere.test
    [ "$output" = 198.51.100.7 ]
}

@test "an internal network leads nowhere: no other machine, no name server, not this machine" {
    run -0 crank network create --internal inside
    start_server WORLD_PID serve 203.0.113.1 80
    run -1 --separate-stderr probe_on inside fetch 203.0.113.1 80
    [[ $stderr == *"Network unreachable"* || $stderr == *"Network is unreachable"* ]]
    start_server WORLD_PID names 203.0.113.1 53
    run -1 --separate-stderr crank run --rm --network inside --dns 203.0.113.1 netprobe lookup elsewhere.test
    [ "$(cat "$server_log")" = ready ]
    local gateway
    gateway=$(crank network inspect -f '{{(index .IPAM.Config 0).Gateway}}' inside)
    start_server HOST_PID serve 0.0.0.0 8504
    run -1 --separate-stderr probe_on inside fetch "$gateway" 8504
    # within it everything is as on others, and published ports lead in
    a_worker web --network inside -p 8501:80
    run -0 probe_on inside fetch web 80
    [ "$output" = hello ]
    run -0 on_host "$NETPROBE" fetch 127.0.0.1 8501
    [ "$output" = hello ]
}

@test "several networks: addresses and names of each, one way out" {
    run -0 crank network create --internal inside
    run -0 crank network create front
    a_worker web --network inside --network name=front,alias=www,ip="$(crank network inspect -f '{{(index .IPAM.Config 0).Subnet}}' front | sed 's,\.0/24,.77,')"
    run -0 crank inspect -f '{{len .NetworkSettings.Networks}}' web
    [ "$output" = 2 ]
    run -0 crank exec web /netprobe devices
    [ "${#lines[@]}" = 3 ]
    [[ ${lines[1]} == eth0* && ${lines[2]} == eth1*.77 ]]
    run -0 probe_on inside lookup web
    [ "$output" = "$(address_on web inside)" ]
    run -0 probe_on front lookup www
    [ "$output" = "$(address_on web front)" ]
    run -1 probe_on inside lookup www
    start_server WORLD_PID serve 203.0.113.1 80
    run -0 crank exec web /netprobe fetch 203.0.113.1 80
    [ "$output" = hello ]
    run -0 crank ps --format '{{.Networks}}'
    [ "$output" = inside,front ]
    # also together with the default one
    run -0 --separate-stderr crank run --rm --network bridge --network front netprobe devices
    [[ ${lines[1]} == "eth0 10.188."* && ${lines[2]} == "eth1 10.205."* ]]
}

@test "a container that runs is connected and disconnected" {
    run -0 crank network create front
    run -0 crank network create back
    a_worker web --network front
    a_worker sql --network back
    run -1 crank exec web /netprobe lookup sql
    run -0 crank network connect --alias w back web
    run -0 crank exec web /netprobe fetch sql 80
    [ "$output" = hello ]
    run -0 crank exec sql /netprobe fetch w 80
    [ "$output" = hello ]
    run -1 crank network connect back web
    [[ $output == *"container web is already connected to network back"* ]]
    run -1 crank network rm back
    [[ $output == *"in use by containers sql, web"* ]]
    # the way out goes on through the other one
    start_server WORLD_PID serve 203.0.113.1 80
    run -0 crank network disconnect front web
    run -0 crank exec web /netprobe fetch 203.0.113.1 80
    run -1 crank network disconnect front web
    [[ $output == *"container web is not connected to network front"* ]]
    run -0 crank network rm front
    run -0 crank network disconnect back web
    run -1 crank exec sql /netprobe lookup web
    run -0 crank exec web /netprobe devices
    [ "${#lines[@]}" = 1 ]
    # it stays so at its next start
    run -0 crank restart -t 0 web
    run -0 crank exec web /netprobe devices
    [ "${#lines[@]}" = 1 ]
}

@test "a container that does not run is connected at its start; one on the default network too" {
    run -0 crank network create front
    run -0 crank create --name web netprobe serve 0.0.0.0 80
    run -0 crank network connect front web
    run -0 crank start web
    eventually logged web ready
    run -0 probe_on front fetch web 80
    run -0 crank inspect -f '{{json .NetworkSettings.Networks}}' web
    [ "$(jq -c keys <<<"$output")" = '["bridge","front"]' ]
    a_worker plain
    run -0 --separate-stderr crank network connect front plain
    [[ $stderr == *"container plain finds names of network front once it has been started again"* ]]
    run -0 probe_on front fetch plain 80
    run -0 crank network disconnect bridge plain
    run -0 crank restart -t 0 plain
    run -0 crank exec plain /netprobe lookup web
    run -0 crank run -d --name hosts --network host netprobe serve 127.0.0.1 8599
    run -1 crank network connect front hosts
    [[ $output == *"has the network of this machine, and can be connected to no other"* ]]
}

@test "names follow a container: renamed, stopped, started again, killed with its monitor" {
    run -0 crank network create front
    a_worker web --network front
    run -0 crank rename web www
    run -0 probe_on front fetch www 80
    run -1 probe_on front lookup web
    run -0 crank stop -t 0 www
    run -1 probe_on front lookup www
    run -0 crank start www
    run -0 eventually probe_on front fetch www 80
    a_worker asks --network front
    local id
    id=$(crank inspect -f '{{.Id}}' asks)
    # the guard takes its place
    kill -KILL "$(monitor_of "$id")"
    run -0 eventually crank exec asks /netprobe lookup www
    # both at once: the next command adopts it
    local monitor
    monitor=$(monitor_of "$id")
    kill -KILL "$(guard_of "$monitor")" "$monitor"
    run -0 crank inspect asks
    run -0 eventually crank exec asks /netprobe lookup www
    run -0 crank rm -f www
    run -1 crank exec asks /netprobe lookup www
}

@test "networks are there again after a reboot, and their bridges with the next container" {
    run -0 crank network create --subnet 10.7.0.0/24 front
    run -0 crank create --name web --network front --ip 10.7.0.9 netprobe serve 0.0.0.0 80
    run -0 crank start web
    run -0 crank rm -f web
    # what ends with the machine
    on_host ip link delete "$(on_host ip -json link show type bridge | jq -r --arg state "$CRANK_STATE" \
        '.[] | select(.ifalias | startswith("crank " + $state + "/networks/")) | .ifname')"
    on_host nft flush ruleset
    rm -rf "$CRANK_STATE"
    run -0 crank network ls -q --filter name=front
    [ -n "$output" ]
    a_worker web --network front --ip 10.7.0.9
    run -0 probe_on front fetch web 80
    [ "$output" = hello ]
    run -125 crank run --rm --network front --ip 10.7.0.9 netprobe devices
    [[ $output == *"--ip 10.7.0.9: the address is in use by container "* ]]
    run -125 crank run --rm --network front --ip 10.7.0.1 netprobe devices
    [[ $output == *"--ip 10.7.0.1: the bridge has no such address for containers"* ]]
}

@test "IPv6: addresses, names, a way out, and nobody comes in" {
    run -0 crank network create --ipv6 --subnet fd00:7::/64 six
    a_worker web --network six
    run -0 crank inspect web
    [ "$(jq -r '.[0].NetworkSettings.Networks.six | .GlobalIPv6Address + "/" + (.GlobalIPv6PrefixLen | tostring) + " " + .IPv6Gateway' <<<"$output")" = \
        "fd00:7::2/64 fd00:7::1" ]
    run -0 probe_on six lookup web
    [ "${lines[1]}" = fd00:7::2 ]
    run -0 crank run -d --name web6 --network six --ip6 fd00:7::99 netprobe serve :: 80
    eventually logged web6 ready
    run -0 probe_on six fetch fd00:7::99 80
    [ "$output" = hello ]
    start_server WORLD_PID serve 2001:db8::1 80
    run -0 probe_on six fetch 2001:db8::1 80
    [ "$output" = hello ]
    [ "$(tail -1 "$server_log")" = 2001:db8::2 ]
    run -1 in_world "$NETPROBE" fetch fd00:7::99 80
    # from another network neither
    run -0 crank network create --ipv6 other
    run -1 probe_on other fetch fd00:7::99 80
    # a network without it has none
    run -0 crank network create four
    run -0 probe_on four devices
    [[ ${lines[1]} =~ ^eth0\ [0-9.]+$ ]]
    run -125 crank run --rm --network four --ip6 fd00::1 netprobe devices
    [[ $output == *"--ip6 fd00::1: the network has no IPv6"* ]]
    run -125 crank run --rm --network six --ip6 fd00:8::1 netprobe devices
    [[ $output == *"--ip6 fd00:8::1: the network has no such address for containers"* ]]
}

@test "an internal network with IPv6 leads nowhere by it" {
    run -0 crank network create --ipv6 --internal inside
    start_server WORLD_PID serve 2001:db8::1 80
    run -1 probe_on inside fetch 2001:db8::1 80
    a_worker web --network inside
    run -0 probe_on inside lookup web
    [ "${#lines[@]}" = 2 ]
}

@test "what the network's options say" {
    run -0 crank network create -o com.docker.network.driver.mtu=1280 \
        -o com.docker.network.bridge.name=crt-front -o com.docker.network.bridge.enable_icc=false front
    a_worker web --network front
    run -0 on_host ip -json link show crt-front
    [ "$(jq '.[0].mtu' <<<"$output")" = 1280 ]
    run -1 probe_on front fetch web 80
    run -0 crank network create -o com.docker.network.bridge.enable_ip_masquerade=false plain
    start_server WORLD_PID serve 203.0.113.1 80
    run -0 probe_on plain fetch 203.0.113.1 80
    [[ $(tail -1 "$server_log") == 10.205.* ]]
}

@test "flags of networks that make no sense are named" {
    run -125 crank run --rm --network-alias web netprobe devices
    [[ $output == *"--network-alias on the default network"* ]]
    run -125 crank run --rm --network host --network front netprobe devices
    [[ $output == *"conflicting options: --network host goes with no other network"* ]]
    run -125 crank run --rm --network none --ip 10.0.0.1 netprobe devices
    [[ $output == *"--ip is for a container on the bridge or a network"* ]]
    run -125 crank run --rm --network name=a,colour=red netprobe devices
    [[ $output == *'crank has no "colour" of a network'* ]]
}

@test "a worker may listen on port 53 of all addresses itself" {
    run -0 crank network create front
    a_worker web --network front
    crank run -d --name dns --network front netprobe names 0.0.0.0 53
    eventually logged dns ready
    run -0 crank exec dns /netprobe lookup web
    [ "$output" = "$(address_on web front)" ]
}

@test "a strict sandbox and ids of its own have names, too" {
    run -0 crank network create front
    a_worker web --network front
    run -0 crank run --rm --network front --userns auto netprobe fetch web 80
    [ "$output" = hello ]
    run -0 crank run --rm --network front --sandbox strict netprobe fetch web 80
    [ "$output" = hello ]
}

@test "many starts at once: each has an address and a name, and nothing is left" {
    run -0 crank network create front
    a_worker web --network front
    export -f crank on_host
    run -0 --separate-stderr bash -c \
        'seq 24 | xargs -P 6 -I{} bash -c "crank run --rm --network front --network-alias all netprobe lookup web"'
    [ "${#lines[@]}" = 24 ]
    [ "$(printf '%s\n' "${lines[@]}" | sort -u)" = "$(address_on web front)" ]
    eventually one_lease
    eventually no_alias
}
one_lease() { [ "$(find "$CRANK_STATE"/networks/*/leases -type l | wc -l)" = 1 ]; }
no_alias() { [ -z "$(find "$CRANK_STATE"/networks/*/names -name all)" ]; }

@test "whatever is killed: the network is there or not, the container on it or not" {
    local subnet
    CRANK_CRASH_AT=network.create.chosen run -137 crank network create front
    run -1 crank network inspect front
    run -0 crank network create front
    subnet=$(crank network inspect -f '{{(index .IPAM.Config 0).Subnet}}' front)
    run -0 probe_on front devices
    CRANK_CRASH_AT=network.remove.decided run -137 crank network rm front
    run -1 crank network inspect front
    # its bridge goes with the next command, and another has its range
    run -0 crank network create back
    [ "$(crank network inspect -f '{{(index .IPAM.Config 0).Subnet}}' back)" = "$subnet" ]
    run -0 probe_on back devices
    a_worker web --network back
    run -0 crank network create front
    CRANK_CRASH_AT=network.connect.recorded run -137 crank network connect front web
    run -0 crank network disconnect front web
    run -0 crank network connect front web
    run -0 probe_on front fetch web 80
    CRANK_CRASH_AT=network.disconnect.gone run -137 crank network disconnect back web
    run -0 crank network disconnect back web
    run -0 crank exec web /netprobe devices
    [ "${#lines[@]}" = 2 ]
    start_server WORLD_PID serve 203.0.113.1 80
    run -0 crank exec web /netprobe fetch 203.0.113.1 80
    run -0 crank network rm back
}

@test "networks tell what happens to them" {
    run -0 crank network create front
    a_worker web --network front
    run -0 crank network create told
    run -0 crank network connect told web
    run -0 crank network disconnect told web
    run -0 crank network rm told
    run -0 crank events --since 1h --until 0s --filter type=network --filter network=told --format '{{.Action}}'
    [ "${lines[*]}" = "create connect disconnect destroy" ]
}

@test "an address that was given back early is another's, whatever ends after that" {
    local address
    crank network create --subnet 10.203.7.0/24 front
    a_worker old --network front
    address=$(crank inspect -f '{{.NetworkSettings.Networks.front.IPAddress}}' old)
    crank network disconnect front old
    a_worker new --network front --ip "$address"
    a_worker ask --network front
    crank stop -t 0 old
    run -0 crank exec ask /netprobe lookup new
    [ "$output" = "$address" ]
    run -1 crank network rm front
    # where ports are published, they lead to it until the end
    a_worker web --network front -p 127.0.0.1::80
    address=$(crank inspect -f '{{.NetworkSettings.Networks.front.IPAddress}}' web)
    run -0 crank network disconnect front web
    [[ $output == *"the address $address is kept for it"* ]]
    run ! crank run -d --name thief --network front --ip "$address" netprobe serve "$address" 80
    crank stop -t 0 web
    a_worker heir --network front --ip "$address"
}

@test "a network that came while it ran goes with its end" {
    crank network create --subnet 10.203.8.0/24 front
    a_worker web --network none
    crank network connect front web
    a_worker ask --network front
    run -0 crank exec ask /netprobe lookup web
    crank stop -t 0 web
    run -1 crank exec ask /netprobe lookup web
}
