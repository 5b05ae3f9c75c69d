#!/bin/bash
# reboot_guest.sh PHASE CONTEXT: one life of the machine of reboot.bats, in the guest. What lasts is
# on /dev/disk/scratch; each phase ends as a power cut does.
set -euo pipefail
phase=$1 context=$2
PATH=$CRANK_BIN:$PATH
mkdir -p /tmp/disk
mount -t ext4 /dev/disk/scratch /tmp/disk
export CRANK_ROOT=/tmp/disk/root CRANK_STATE=/run/crank
project=/tmp/disk/shop
mkdir -p "$project" && cd "$project"

fail() { echo "reboot: $phase: $*" && exit 1; }
wait_for() {
    local n
    for ((n = 0; n < 300; n++)); do
        if "$@"; then return; fi
        sleep 0.2
    done
    fail "never: $*"
}
answer() { curl -s --max-time 10 http://127.0.0.1:8080/ || true; }
says() { [ "$(answer)" = "$1" ]; }
started() { crank inspect --format '{{.State.StartedAt}}' "$1"; }
status() { crank inspect --format '{{.State.Status}}' "$1"; }
file() {
    cat >compose.yaml <<END
services:
  web:
    image: answerer
    ports: ["8080:8000"]
    environment: {VERSION: "$1"${2:-}}
    depends_on: {db: {condition: service_healthy}}
  db:
    image: answerer
    environment: {VERSION: db}
    x-crank: {probe: {url: "tcp://:8000", interval: 200ms}}
    volumes: ["data:/data"]
volumes: {data: {}}
END
}
# Nothing is written any more from here on.
cut() {
    echo "vm: the command ended with 0"
    sleep 0.5 # the console
    echo b >/proc/sysrq-trigger
    sleep 60
}

case $phase in
    deploy)
        crank build -q -t answerer "$context"
        file one
        crank up -d
        wait_for says one
        file two
        crank up -d
        says two
        file three ', FAIL: "1"'
        if crank up -d; then fail "a worker that ends was deployed"; fi
        says two
        crank run -d --name always --restart always --network none answerer
        crank run -d --name never --network none answerer
        crank run -d --name stopped --restart unless-stopped --network none answerer
        crank stop stopped
        sync # how a container ended is not worth one of crank's
        ;;
    back)
        [ "$(crank ps -q | wc -l)" = 0 ] || fail "something runs before anybody started it"
        crank reconcile
        wait_for says two
        [[ $(started shop-db-1) < $(started shop-web-1) ]] || fail "web was started before db"
        [ "$(status always)" = running ] || fail "always: $(status always)"
        [ "$(status never) $(status stopped)" = "exited exited" ] || fail "one that is to stay ended runs"
        file four
        crank up -d >/dev/null 2>&1 &
        sleep "0.$((RANDOM % 90 + 10))"
        ;;
    cut)
        crank reconcile
        wait_for eval 'says two || says four'
        echo "reboot: after the cut it says $(answer)"
        [ "$(crank ps --format '{{.Names}}' | grep -c shop-web)" = 1 ] || fail "$(crank ps)"
        file four
        crank up -d
        says four
        crank plan
        # a clock that jumps, between changes and in the middle of one
        n=0
        for jump in '+400 days' '-800 days'; do
            n=$((n + 1))
            date -s "$jump" >/dev/null
            file "jump$n"
            crank up -d
            says "jump$n"
            crank rollback
            says four
            file "within$n"
            crank up -d &
            sleep 0.05
            date -s "$jump" >/dev/null
            wait $! || fail "a change in which the clock jumped"
            says "within$n"
            crank plan
            crank reconcile
            says "within$n"
            file four
            crank up -d
            says four
        done
        crank releases
        ;;
esac
cut
