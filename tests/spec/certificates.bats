#!/usr/bin/env bats
# x-crank.certificate: a key and a certificate of the local authority's in a service's containers.

# run sets stderr; what containers expand
# shellcheck disable=SC2154,SC2016
bats_require_minimum_version 1.5.0
load ../lib/crank
load ../lib/shop

setup_file() {
    crank_setup_file
    is_root && can_run >/dev/null 2>&1 || return 0
    busybox_image
    printf 'FROM busybox\nRUN echo serves:x:1234:1234::/work:/bin/sh >>/etc/passwd\nUSER serves\nENV CERT_DIR=/work/certs\n' |
        crank build -q -t named -f - . >/dev/null
}
setup() {
    shop_setup
    export HOME=$BATS_TEST_TMPDIR/home
    mkdir -p "$HOME"
}
teardown() { shop_teardown; }
teardown_file() { crank_teardown_file; }

# web CERTIFICATE [LINE...]: a service of the image `named` that waits.
web() {
    {
        printf 'services:\n  web:\n    image: named\n    command: [sleep, "1000"]\n    stop_grace_period: 0s\n'
        printf '    x-crank: {certificate: %s}\n' "$1"
        shift
        [ $# = 0 ] || printf '    %s\n' "$@"
    } >compose.yaml
}
inside() { crank exec "${2:-shop-web-1}" sh -c "$1"; }
kept() { echo "$CRANK_ROOT/projects/shop/certificates/web"; }
serial() { inside 'cat $CERT_DIR/cert.pem' | openssl x509 -noout -serial; }
# As if it had been made so many days ago.
made_days_ago() {
    python3 - "$(kept).json" "$1" <<'END'
import json, sys
path, days = sys.argv[1], int(sys.argv[2])
record = json.load(open(path))
record["at"] -= days * 86400
json.dump(record, open(path, "w"))
END
}

@test "a service that asks has a certificate at CERT_DIR, its user's alone, and good for its names" {
    crank certs init 2>/dev/null
    web '{dns: [mail.internal], days: 30}' 'networks: {default: {aliases: [mail, not_one]}}'
    run -0 --separate-stderr crank up -d
    [ "$(inside 'echo $CERT_DIR')" = /work/certs ]
    inside 'grep -q "^Uid:.1234.1234" /proc/self/status'
    inside 'cat $CERT_DIR/key.pem' | openssl pkey -noout
    [ "$(inside 'stat -L -c "%a %u" $CERT_DIR/key.pem $CERT_DIR/cert.pem $CERT_DIR/ca.pem' | sort -u)" = "400 1234
444 1234" ]
    inside 'cat $CERT_DIR/cert.pem' >cert.pem
    inside 'cat $CERT_DIR/ca.pem' >ca.pem
    cmp ca.pem "$HOME/.crank/ca/ca.pem"
    openssl verify -x509_strict -purpose sslserver -CAfile ca.pem cert.pem
    local name
    for name in web mail mail.internal localhost; do
        openssl verify -verify_hostname "$name" -CAfile ca.pem cert.pem
    done
    openssl x509 -in cert.pem -noout -ext subjectAltName | grep -q 'URI:spiffe://crank.local/worker/web'
    openssl x509 -in cert.pem -noout -checkend $((29 * 86400))
    run ! openssl x509 -in cert.pem -noout -checkend $((31 * 86400))
    # nobody writes to it, and nobody else reads it
    run ! inside 'echo x >$CERT_DIR/key.pem'
    run ! inside 'rm $CERT_DIR/key.pem'
    run ! crank exec --user 4321 shop-web-1 cat /work/certs/key.pem
    # the same for a second one, and for what is made again
    local before
    before=$(serial)
    crank scale web=2 2>/dev/null
    [ "$(inside 'cat $CERT_DIR/cert.pem' shop-web-2 | openssl x509 -noout -serial)" = "$before" ]
    crank up -d --force-recreate 2>/dev/null
    [ "$(serial)" = "$before" ]
    # its key is nowhere to be read
    crank inspect shop-web-1 | run ! grep -q 'PRIVATE KEY'
    # it goes with the project
    crank down 2>/dev/null
    [ ! -e "$(kept)" ]
}

@test "where to: the file's word, then the service's variable, then the image's, then a place of its own" {
    crank certs init 2>/dev/null
    web '{name: email-classifier, directory: /c/}' 'environment: {CERT_DIR: /elsewhere}'
    crank up -d 2>/dev/null
    [ "$(inside 'echo $CERT_DIR; ls $CERT_DIR')" = "/c
ca.pem
cert.pem
key.pem" ]
    inside 'cat /c/cert.pem' | openssl x509 -noout -ext subjectAltName | grep -q worker/email-classifier
    web true 'environment: {CERT_DIR: /elsewhere}'
    crank up -d 2>/dev/null
    [ "$(inside 'echo $CERT_DIR; ls $CERT_DIR' | head -n 1)" = /elsewhere ]
    web true 'user: "0"'
    sed -i 's/image: named/image: busybox/' compose.yaml
    crank up -d 2>/dev/null
    [ "$(inside 'echo $CERT_DIR; stat -L -c %u $CERT_DIR/key.pem')" = "/run/crank/certificate
0" ]
    # as Docker reads the file: nothing of it
    web false
    crank up -d 2>/dev/null
    [ "$(inside 'ls /work/certs 2>/dev/null; echo $CERT_DIR')" = /work/certs ]
    [ ! -e "$(kept)" ]
}

@test "a container with ids of its own, or in the sandbox, reads it as well" {
    crank certs init 2>/dev/null
    local line
    for line in 'userns_mode: auto' ''; do
        if [ -n "$line" ]; then web true "$line"; else
            web true
            sed -i 's/{certificate: true}/{certificate: true, sandbox: strict}/' compose.yaml
        fi
        crank up -d 2>/dev/null
        inside 'cat $CERT_DIR/key.pem' | openssl pkey -noout
        crank down 2>/dev/null
    done
}

@test "after two thirds of its time it is made again where it lies: by certs renew, and by the next command" {
    crank certs init 2>/dev/null
    web '{days: 30}'
    crank up -d 2>/dev/null
    local before id
    before=$(serial)
    id=$(crank inspect -f '{{.Id}}' shop-web-1)
    made_days_ago 19
    run -0 --separate-stderr crank certs renew
    [ -z "$output" ]
    [ "$(serial)" = "$before" ]
    made_days_ago 2
    run -0 --separate-stderr crank certs renew shop
    [ "$output" = shop/web ]
    [ "$(serial)" != "$before" ]
    before=$(serial)
    made_days_ago 21
    run -0 --separate-stderr crank up -d
    [ "$stderr" = "Certificate of web  Renewed" ]
    [ "$(serial)" != "$before" ]
    [ "$(crank inspect -f '{{.Id}}' shop-web-1)" = "$id" ]
    # who changes the project does it
    made_days_ago 21
    exec 9<"$CRANK_ROOT/projects/shop/lock"
    flock 9
    run -0 --separate-stderr crank certs renew
    [[ -z $output && $stderr == "another command is changing the project shop: it is left to that" ]]
    exec 9<&-
    # an authority that is gone: what is there goes on, and it is said
    mv "$HOME/.crank/ca" "$HOME/.crank/away"
    before=$(serial)
    run -1 --separate-stderr crank certs renew
    [[ $stderr == "crank certs renew: project shop: service web: there is no authority in $HOME/.crank/ca"* ]]
    run -0 --separate-stderr crank up -d
    [[ $stderr == *"service web: there is no authority in $HOME/.crank/ca"* ]]
    [ "$(serial)" = "$before" ]
    run -1 --separate-stderr crank certs renew nothing
    [[ $stderr == "crank certs renew: no such project: nothing"* ]]
}

@test "another authority, or another name, makes another one; certs.authority says where it lies" {
    crank certs init 2>/dev/null
    web true
    crank up -d 2>/dev/null
    local before
    before=$(serial)
    export CRANK_CONFIG=$BATS_TEST_TMPDIR/config.json
    crank config set certs.authority "$BATS_TEST_TMPDIR/ours"
    crank certs init 2>/dev/null
    [ -e "$BATS_TEST_TMPDIR/ours/ca.pem" ]
    crank up -d --force-recreate 2>/dev/null
    [ "$(serial)" != "$before" ]
    cmp <(inside 'cat $CERT_DIR/ca.pem') "$BATS_TEST_TMPDIR/ours/ca.pem"
    before=$(serial)
    web '{name: other}'
    crank up -d 2>/dev/null
    [ "$(serial)" != "$before" ]
    # a rollback has the certificate of the service as it is named there
    crank rollback 2>/dev/null
    inside 'cat $CERT_DIR/cert.pem' | openssl x509 -noout -ext subjectAltName | grep -q worker/web
}

@test "a native worker reads it where it lies" {
    crank certs init 2>/dev/null
    cat >compose.yaml <<'END'
services:
  web:
    command: [sh, -c, 'cat "$$CERT_DIR/cert.pem"; exec sleep 1000']
    stop_grace_period: 0s
    x-crank: {native: true, certificate: true}
END
    crank up -d 2>/dev/null
    until_true eval 'crank logs shop-web-1 2>/dev/null | openssl x509 -noout 2>/dev/null'
    [ "$(stat -L -c '%a %u' "$(kept)/key.pem")" = "400 $(id -u)" ]
}

@test "what is wrong with a certificate is named, and nothing is started" {
    web true
    run -1 --separate-stderr crank up -d
    [ "${stderr_lines[-2]}" = "crank up: container shop-web-1: services.web.x-crank.certificate: there is no authority in $HOME/.crank/ca" ] ||
        [ "${stderr_lines[-2]}" = "crank up: services.web.x-crank.certificate: there is no authority in $HOME/.crank/ca" ]
    [ "${stderr_lines[-1]}" = "hint: crank certs init --dir $HOME/.crank/ca" ]
    [ -z "$(crank ps -aq)" ]
    crank certs init 2>/dev/null
    web true 'volumes: ["./other:/work/certs"]'
    run -1 --separate-stderr crank up -d
    [[ $stderr == *"services.web.x-crank.certificate: something else is mounted at /work/certs"* ]]
    [ -z "$(crank ps -aq)" ]
    refused() {
        web "$1"
        run -1 --separate-stderr crank up -d
        [[ $stderr == *"compose.yaml:6:"*"services.web.x-crank.certificate$2"* ]] || { echo "$stderr" && false; }
    }
    refused '{name: Web_1}' ".name: 'Web_1' is no name of a certificate"
    refused '{days: 0}' ".days: must be from 1 to 398"
    refused '{days: 399}' ".days: must be from 1 to 398"
    refused '{directory: certs}' ".directory: 'certs' must be an absolute path"
    refused '{dns: ["a b"]}' ".dns: 'a b' is no DNS name"
    refused '{names: [a]}' ".names"
    printf 'services:\n  web_1:\n    image: named\n    x-crank: {certificate: true}\n' >compose.yaml
    run -1 --separate-stderr crank config -q
    [[ $stderr == *"services.web_1.x-crank.certificate: 'web_1' is no name of a certificate"* ]]
}
