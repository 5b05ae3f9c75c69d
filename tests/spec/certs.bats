#!/usr/bin/env bats
# crank-net certs: what it makes, checked with openssl, and what it refuses.

bats_require_minimum_version 1.5.0
load ../lib/common

setup() { common_setup; }
teardown() { common_teardown; }

in_cert() { openssl x509 -in "$1" -noout -text; }

@test "certs init makes an authority that only its owner can read" {
    run --separate-stderr crank-net certs init
    [ "$status" -eq 0 ]
    [ "$output" = "$HOME/.crank/ca/ca.pem" ]
    [ "$(stat -c %a "$HOME/.crank/ca")" = 700 ]
    [ "$(stat -c %a "$HOME/.crank/ca/ca-key.pem")" = 400 ]
    in_cert "$HOME/.crank/ca/ca.pem" | grep -A1 'Basic Constraints: critical' |
        grep -q 'CA:TRUE, pathlen:0'
    in_cert "$HOME/.crank/ca/ca.pem" | grep -q 'Name Constraints: critical'
}

@test "certs issue makes a certificate that openssl verifies" {
    crank-net certs init
    run --separate-stderr crank-net certs issue email-classifier --dns mail.internal
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = "$HOME/.crank/certs/cert.pem" ]
    local certs=$HOME/.crank/certs
    openssl verify -x509_strict -purpose sslserver -CAfile "$certs/ca.pem" "$certs/cert.pem"
    openssl verify -x509_strict -purpose sslclient -CAfile "$certs/ca.pem" "$certs/cert.pem"
    for name in email-classifier localhost mail.internal; do
        openssl verify -verify_hostname "$name" -CAfile "$certs/ca.pem" "$certs/cert.pem"
    done
    for address in 127.0.0.1 ::1; do
        openssl verify -verify_ip "$address" -CAfile "$certs/ca.pem" "$certs/cert.pem"
    done
    run ! openssl verify -verify_hostname other -CAfile "$certs/ca.pem" "$certs/cert.pem"
    in_cert "$certs/cert.pem" | grep -q 'URI:spiffe://crank.local/worker/email-classifier'
    openssl x509 -in "$certs/cert.pem" -noout -checkend $((89 * 86400))
    run ! openssl x509 -in "$certs/cert.pem" -noout -checkend $((91 * 86400))
    [ "$(openssl x509 -in "$certs/cert.pem" -noout -pubkey)" = \
        "$(openssl pkey -in "$certs/key.pem" -pubout)" ]
}

@test "certs issue as root gives the files to uid 1000, who can read them" {
    require root is_root
    crank-net certs init
    chmod 755 "$CRANK_TEST_DIR"
    umask 077
    crank-net certs issue a --dir "$CRANK_TEST_DIR/certs"
    for file in cert.pem key.pem; do
        [ "$(stat -L -c '%a %u %g' "certs/$file")" = "400 1000 1000" ]
        setpriv --reuid 1000 --regid 1000 --clear-groups cat "certs/$file" >/dev/null
        run ! setpriv --reuid 1001 --regid 1001 --clear-groups cat "certs/$file"
    done
    run ! setpriv --reuid 1000 --regid 1000 --clear-groups rm -f certs/key.pem
    crank-net certs issue a --dir "$CRANK_TEST_DIR/other" --uid 4242
    [ "$(stat -L -c %u other/key.pem)" = 4242 ]
}

@test "certs issue without root keeps the files and refuses another's uid" {
    require root is_root
    chmod 755 "$CRANK_TEST_DIR"
    chown 1000 "$HOME"
    as_user() { setpriv --reuid 1000 --regid 1000 --clear-groups "$@"; }
    as_user crank-net certs init
    as_user crank-net certs issue a
    [ "$(stat -L -c '%a %u' "$HOME/.crank/certs/key.pem")" = "400 1000" ]
    run as_user crank-net certs issue a --uid 0
    [ "$status" -ne 0 ]
    [[ "$output" == *"only root can give files to user 0"* ]]
    run as_user crank-net certs issue a --dir "$CRANK_TEST_DIR/certs"
    [ "$status" -ne 0 ]
    [[ "$output" == *"Permission denied"*"hint: give a directory of yours with --dir"* ]]
    [ ! -e "$CRANK_TEST_DIR/certs" ]
}

@test "certs issue again switches certificate and key together" {
    crank-net certs init
    crank-net certs issue a --dir certs
    local before
    before=$(openssl x509 -in certs/cert.pem -noout -serial)
    crank-net certs issue a --dir certs
    [ "$before" != "$(openssl x509 -in certs/cert.pem -noout -serial)" ]
    [ "$(openssl x509 -in certs/cert.pem -noout -pubkey)" = \
        "$(openssl pkey -in certs/key.pem -pubout)" ]
}

@test "certs init keeps the authority that is there" {
    crank-net certs init
    local before
    before=$(sha256sum "$HOME"/.crank/ca/*)
    run crank-net certs init
    [ "$status" -ne 0 ]
    [[ "$output" == *"crank certs init: an authority exists in $HOME/.crank/ca and is kept"* ]]
    [ "$before" = "$(sha256sum "$HOME"/.crank/ca/*)" ]
}

@test "certs issue names what is wrong" {
    run crank-net certs issue a
    [ "$status" -ne 0 ]
    [[ "$output" == *"no authority in $HOME/.crank/ca"*"hint: crank certs init"* ]]
    [ ! -e "$HOME/.crank/certs" ]
    crank-net certs init
    for name in Bad ../up a.b '' -x "$(printf 'a%.0s' {1..64})"; do
        run crank-net certs issue -- "$name"
        [ "$status" -ne 0 ]
        [[ "$output" == *"invalid worker name"* || "$output" == *"NAME"* ]]
    done
    run crank-net certs issue a --dns 10.0.0.1
    [[ "$output" == *'invalid DNS name "10.0.0.1"'* ]]
    run crank-net certs issue a --days 399
    [[ "$output" == *"invalid validity of 399 days"* ]]
    run crank-net certs issue a --uid -1
    [[ "$output" == *"invalid user id -1"* ]]
    run crank-net certs issue a --dn x
    [ "$status" -eq 2 ]
    [[ "$output" == *"unknown flag: --dn"*"did you mean --dns?"* ]]
    run crank-net certs isue a
    [[ "$output" == *"unknown command: isue"*"did you mean issue?"* ]]
    [ ! -e "$HOME/.crank/certs" ]
}

@test "certs issue keeps files that are somebody else's" {
    crank-net certs init
    mkdir certs
    echo mine >certs/cert.pem
    run crank-net certs issue a --dir certs
    [ "$status" -ne 0 ]
    [[ "$output" == *"certs/cert.pem exists and was not issued by crank"* ]]
    [ "$(cat certs/cert.pem)" = mine ]
    run crank-net certs issue a --dir certs/cert.pem
    [[ "$output" == *"is not a directory"* ]]
}

# A certificate, its key and its authority that belong together.
whole() {
    openssl verify -CAfile "$1/ca.pem" "$1/cert.pem" &&
        [ "$(openssl x509 -in "$1/cert.pem" -noout -pubkey)" = \
            "$(openssl pkey -in "$1/key.pem" -pubout)" ]
}

@test "certs issue killed at any switch leaves the old identity or the new" {
    crank-net certs init
    crank-net certs issue a --dir certs
    local point before
    for point in written before_switch after_switch; do
        before=$(openssl x509 -in certs/cert.pem -noout -serial)
        run env CRANK_CRASH_AT="pki.identity.$point" crank-net certs issue a --dir certs
        [ "$status" -eq 137 ]
        whole certs
        if [ "$point" != after_switch ]; then
            [ "$before" = "$(openssl x509 -in certs/cert.pem -noout -serial)" ]
        fi
        run env CRANK_CRASH_AT="pki.identity.$point" crank-net certs issue a --dir "new-$point"
        [ "$status" -eq 137 ]
        [ "$point" = after_switch ] || run ! cat "new-$point/cert.pem"
        crank-net certs issue a --dir certs
        crank-net certs issue a --dir "new-$point"
        whole certs
        whole "new-$point"
    done
    [ "$(find certs -maxdepth 1 -name '.issued-*' | wc -l)" -le 2 ]
    [ ! -e certs/.current.new ]
}

@test "certs init killed at any switch leaves no authority or a whole one" {
    run env CRANK_CRASH_AT=pki.authority.before_switch crank-net certs init --dir ca
    [ "$status" -eq 137 ]
    [ ! -e ca ]
    run env CRANK_CRASH_AT=pki.authority.after_switch crank-net certs init --dir ca
    [ "$status" -eq 137 ]
    crank-net certs issue a --ca ca --dir certs
    whole certs
    [ ! -e .ca.new ]
}
