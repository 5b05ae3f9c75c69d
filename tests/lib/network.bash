# shellcheck shell=bash
# Networks beside each other: "the host" is a network namespace of the test's own, so the real one's
# devices, rules and ports are neither used nor changed; "the world" is a second one behind it.

# The program netprobe, in a build context of its own.
build_netprobe() {
    export NETPROBE=$CRANK_TEST_DIR/netprobe-context/netprobe
    mkdir -p "$CRANK_TEST_DIR/netprobe-context"
    musl-gcc -static -O1 -Wall -Wextra "$CRANK_SOURCE/tests/spec/netprobe.c" -o "$NETPROBE"
}

# To be called by setup_file. The world has a route to what is behind the host.
make_worlds() {
    # descriptor 3 is bats': a process that keeps it keeps bats waiting
    unshare --net sleep 3600 3>&- &
    export HOST_PID=$!
    unshare --net sleep 3600 3>&- &
    export WORLD_PID=$!
    until_own_namespace "$HOST_PID"
    until_own_namespace "$WORLD_PID"
    on_host ip link set lo up
    # inherited from the machine, where crank may have switched it on
    on_host sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward'
    on_host ip link add up0 type veth peer name eth0 netns "$WORLD_PID"
    on_host ip address add 203.0.113.2/24 dev up0
    on_host ip link set up0 up
    in_world ip link set lo up
    in_world ip address add 203.0.113.1/24 dev eth0
    in_world ip link set eth0 up
    in_world ip route add default via 203.0.113.2
}

end_worlds() {
    if [ -n "${HOST_PID:-}" ]; then kill "$HOST_PID" "$WORLD_PID"; fi
}

on_host() { nsenter --target "$HOST_PID" --net -- "$@"; }
in_world() { nsenter --target "$WORLD_PID" --net -- "$@"; }
# As typed on the host of this test.
crank() { if [ -n "${HOST_PID:-}" ]; then on_host crank "$@"; else command crank "$@"; fi; }

# The servers that a test starts; its teardown ends them.
SERVERS=
end_servers() {
    local server
    for server in $SERVERS; do kill "$server"; done
}

until_own_namespace() {
    local own
    own=$(readlink /proc/self/ns/net)
    until_true differs "$own" "$1"
}
differs() { [ "$(readlink "/proc/$2/ns/net")" != "$1" ]; }
