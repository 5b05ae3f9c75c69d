#!/usr/bin/env bats
# Deploys on bad days: no room on the disk, a worker that does not end, a probe that flaps.

# run sets stderr; what until_true evaluates
# shellcheck disable=SC2154,SC2016
bats_require_minimum_version 1.5.0
load ../lib/crank
load ../lib/shop

setup_file() {
    crank_setup_file
    is_root && can_run >/dev/null 2>&1 || return 0
    answerer_image
    healthy_image
    # one that is told to end, and does not
    printf 'FROM answerer-healthy\nENTRYPOINT ["/busybox", "sh", "-c", "trap : TERM; /answerer & while :; do wait; done"]\nCMD []\n' |
        crank build -q -t stubborn -f - . >/dev/null
}
setup() {
    shop_setup
    port=18979
}
teardown() {
    shop_teardown
    [ -z "${small:-}" ] || umount "$small"
}
teardown_file() { crank_teardown_file; }

# web VERSION [IMAGE [LINE...]]
web() {
    {
        printf 'services:\n  web:\n    image: %s\n    ports: ["127.0.0.1:%s:8000"]\n    environment: {VERSION: "%s"}\n' \
            "${2:-answerer}" "$port" "$1"
        shift "$(($# < 2 ? $# : 2))"
        [ $# = 0 ] || printf '    %s\n' "$@"
    } >compose.yaml
}
says() { [ "$(curl -s --max-time 10 "http://127.0.0.1:$port/")" = "$1" ]; }
id_of() { crank inspect --format '{{.Id}}' "$1"; }

held() { ! flock -n "$CRANK_ROOT/projects/shop/lock" true; }

@test "what was kept frozen takes its time to end: a command meanwhile waits for crank's own process, and is not turned away" {
    web v0 stubborn 'stop_grace_period: 3s' 'x-crank: {rollout: {keep_warm: 1s}}'
    crank up -d 2>/dev/null
    until_true says v0
    web v1 answerer 'stop_grace_period: 3s' 'x-crank: {rollout: {keep_warm: 1s}}'
    crank up -d 2>/dev/null
    until_true says v1
    until_true held
    run -0 --separate-stderr crank up -d
    says v1
    [ "$(crank ps -aq | wc -l)" = 1 ]
}

@test "a full disk ends a change by its name, what serves loses no request, and with room again the next one is made" {
    local whole=$CRANK_ROOT id
    mkdir room
    mount -t tmpfs -o size=24m tmpfs room
    small=$PWD/room
    crank save answerer | crank --root "$small" load -q >/dev/null
    CRANK_ROOT=$small
    web v0 answerer 'x-crank: {rollout: {keep_warm: 0s}}'
    crank up -d 2>/dev/null
    until_true says v0
    id=$(id_of shop-web-1)
    begin_load "$port"
    dd if=/dev/zero of=room/fill bs=64k 2>/dev/null || true
    web v1 answerer 'x-crank: {rollout: {keep_warm: 0s}}'
    run -1 --separate-stderr crank up -d
    [[ $stderr == *"No space left on device"* ]]
    says v0
    [ "$(id_of shop-web-1)" = "$id" ]
    [ "$(crank ps -aq | wc -l)" = 1 ]
    rm room/fill
    crank up -d 2>/dev/null
    says v1
    run -0 crank plan
    end_load
    [ "$(loaded '["failed"]')" = 0 ] || { cat load.json && false; }
    # a rollback in need of room, too
    id=$(id_of shop-web-1)
    dd if=/dev/zero of=room/fill bs=64k 2>/dev/null || true
    run -1 --separate-stderr crank rollback
    [[ $stderr == *"No space left on device"* ]]
    says v1
    [ "$(id_of shop-web-1)" = "$id" ]
    rm room/fill
    crank rollback 2>/dev/null
    says v0
    crank down -v 2>/dev/null
    umount "$small"
    small=
    CRANK_ROOT=$whole
}

@test "a worker that does not end when it is told is killed after its time, told of, and no request is lost" {
    local more=('stop_grace_period: 1s' 'x-crank: {rollout: {keep_warm: 0s}}')
    web v0 stubborn "${more[@]}"
    crank up -d 2>/dev/null
    until_true says v0
    begin_load "$port"
    web v1 stubborn "${more[@]}"
    run -0 --separate-stderr crank up -d
    [[ $stderr == *"did not end within 1 s of SIGTERM: it was killed"* ]]
    says v1
    run -0 --separate-stderr crank rollback
    [[ $stderr == *"did not end within 1 s of SIGTERM: it was killed"* ]]
    says v0
    end_load
    [ "$(loaded '["failed"]')" = 0 ] || { cat load.json && false; }
    [ "$(crank ps -aq | wc -l)" = 1 ]
}

@test "a probe that flaps below its retries is no failure, before the switch and in the watch after it" {
    # every second check fails
    local check='test -e /tmp/flap && /busybox rm /tmp/flap || { /busybox touch /tmp/flap; exit 1; }'
    local more=("healthcheck: {test: [CMD, /busybox, sh, -c, \"$check\"], interval: 100ms, retries: 2, start_period: 0s}"
        'tmpfs: [/tmp]' 'x-crank: {rollout: {watch: 2s, timeout: 20s}}')
    web v0 answerer-healthy "${more[@]}"
    crank up -d --wait 2>/dev/null
    says v0
    web v1 answerer-healthy "${more[@]}"
    run -0 --separate-stderr crank up -d
    says v1
    # the watch has ended, and nothing went back
    until_true eval '! pgrep -f "reconcile --watch.*shop" >/dev/null'
    says v1
    [ "$(crank releases --format '{{.Release}} {{.Status}}')" = "2 good
1 good" ]
    # one that never passes comes to nothing, and the old one stays
    more[0]='healthcheck: {test: [CMD, /busybox, "false"], interval: 100ms, retries: 2}'
    web v2 answerer-healthy "${more[@]}"
    run -1 --separate-stderr crank up -d
    [[ $stderr == *"the old container of shop-web-1 stays"*"is unhealthy"* ]]
    says v1
}

@test "a health check is not waited for longer than it takes to pass, whatever its interval; what fails before does not count" {
    # it passes from the third time on; asked each hour
    local check='echo x >>/tmp/asked; [ $$(/busybox wc -l </tmp/asked) -ge 3 ]'
    local more=("healthcheck: {test: [CMD, /busybox, sh, -c, \"$check\"], interval: 1h, retries: 1}" 'tmpfs: [/tmp]')
    web v0 answerer-healthy "${more[@]}"
    cat >>compose.yaml <<'END'
  after: {image: answerer, depends_on: {web: {condition: service_healthy}}}
END
    timeout 60 crank up -d 2>/dev/null
    says v0
    [ "$(crank inspect --format '{{.State.Health.Status}}' shop-web-1)" = healthy ]
    web v1 answerer-healthy "${more[@]}"
    timeout 60 crank up -d --remove-orphans 2>/dev/null
    says v1
    timeout 60 crank rollback 2>/dev/null
    says v0
    # from outside, too
    web v2 answerer 'x-crank: {probe: {url: "http://:8000/", interval: 1h}}'
    timeout 60 crank up -d --wait 2>/dev/null
    says v2
}
