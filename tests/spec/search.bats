#!/usr/bin/env bats
# crank search: Docker's first API, and the catalogue of registries that have none.
# shellcheck disable=SC2154 # start_registry and start_script set the hosts
bats_require_minimum_version 1.5.0
load ../lib/registry

has_registry() { command -v docker-registry; }
setup_file() {
    crank_setup_file
    start_script found search_registry.py
}
setup() { cd "$CRANK_TEST_DIR" || return 1; }
teardown() {
    if [ -z "${BATS_TEST_COMPLETED:-}" ]; then printf '%s\n' "${output:-}" "${stderr:-}" >&2; fi
}
teardown_file() {
    stop_servers
    crank_teardown_file
}

@test "a registry with Docker's API: columns, limits, filters, templates" {
    run -0 --separate-stderr crank search "$found_HOST/mail"
    [ -z "$stderr" ]
    [[ ${lines[0]} =~ ^NAME\ +DESCRIPTION\ +STARS\ +OFFICIAL$ ]]
    [[ ${lines[1]} =~ ^"$found_HOST"/mailhog\ +a\ mail\ catcher\ +700\ +\[OK\]$ ]]
    [[ ${lines[2]} == "$found_HOST/team/mail "*"… "*7* ]]
    [ "${#lines[@]}" -eq 3 ]
    run -0 crank search --no-trunc --format '{{.Name}}|{{.Description}}|{{.StarCount}}|{{.IsOfficial}}' "$found_HOST/mail"
    [ "${lines[1]}" = "$found_HOST/team/mail|a mail worker with a description that is longer than anybody wants to read |7|false" ]
    run -0 crank search --filter stars=100 --filter is-official=true --format '{{.Name}}' "$found_HOST/mail"
    [ "$output" = "$found_HOST/mailhog" ]
    run -0 crank search --limit 1 --format json "$found_HOST/mail"
    [ "$(jq -r .Name <<<"$output")" = "$found_HOST/mailhog" ]
    grep -qx 'GET /v1/search?q=mail&n=1' "$found_LOG"
    # what is searched for is no part of the address
    run -0 crank search "$found_HOST/a&b=c d"
    grep -qix 'GET /v1/search?q=a%26b%3Dc%20d&n=25' "$found_LOG"
}

@test "a registry without it: its catalogue, in pages" {
    start_script plain search_registry.py catalogue
    run -0 crank search --format '{{.Name}}' "$plain_HOST/MAIL"
    [ "$output" = "$plain_HOST/team/mail
$plain_HOST/mail-archive" ]
    grep -qx 'GET /v2/_catalog?n=1000' "$plain_LOG"
    run -0 crank search --limit 1 --format '{{.Name}}' "$plain_HOST/mail"
    [ "$output" = "$plain_HOST/team/mail" ]
    run -0 crank search "$plain_HOST/nothing"
    [[ $output =~ ^NAME\ +DESCRIPTION\ +STARS\ +OFFICIAL$ ]]
}

@test "Debian's registry is searched by its catalogue" {
    require docker-registry has_registry
    start_registry open
    small_image "$open_HOST/team/mail:1"
    small_image "$open_HOST/web:1"
    crank push -q "$open_HOST/team/mail:1" >/dev/null
    crank push -q "$open_HOST/web:1" >/dev/null
    run -0 crank search --format '{{.Name}} {{.Index}}' "$open_HOST/mail"
    [ "$output" = "$open_HOST/team/mail $open_HOST" ]
    start_registry closed auth
    run ! crank search "$closed_HOST/mail"
    [[ $output == *"wants a login for a list of its images"*"crank login $closed_HOST"* ]]
}

@test "a name without a registry asks those of registries.conf, and says which did not answer" {
    mkdir -p "$HOME/.config/containers"
    printf 'unqualified-search-registries = ["%s", "127.0.0.1:1"]\n' "$found_HOST" >"$HOME/.config/containers/registries.conf"
    run -0 --separate-stderr env CRANK_NET_RETRY_MS=0 crank search --format '{{.Name}}' mail
    [ "${lines[0]}" = "$found_HOST/mailhog" ]
    [[ $stderr == *"127.0.0.1:1: "* ]]
    rm "$HOME/.config/containers/registries.conf"
}

@test "what registries say wrongly, and what is asked wrongly, is named" {
    start_script broken search_registry.py broken
    run ! crank search "$broken_HOST/mail"
    [[ $output == *"the answer to a search: "* ]]
    run ! crank search "$broken_HOST/evil"
    [[ $output == *"the answer to a search: "* ]]
    run -2 crank search
    run -2 crank search --limit 0 x
    [[ $output == *'--limit: a number from 1 to 100, not "0"'* ]]
    run -2 crank search --limit 101 x
    run -2 crank search --filter stars=many x
    [[ $output == *"--filter stars=many: a number from 0 is wanted"* ]]
    run -2 crank search --filter color=red x
    run -2 crank search --filter is-official=perhaps x
    run ! crank search "a_b.c/x"
}
