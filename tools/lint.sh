#!/usr/bin/env bash
# ./dev lint [--all]: every check runs, each is named, the exit status says whether all passed.
# clang-tidy looks at what changed since the main branch; --all looks at everything.
set -euo pipefail
# shellcheck source=tools/common.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"

scope=${1:-}
failed=0

check() {
    local name=$1 rc=0 began
    shift
    began=$(date +%s)
    "$@" >&2 || rc=$?
    # ./dev test counts each check by itself
    if [ -n "${CRANK_LINT_RECORD:-}" ]; then
        printf 'single\tlint %s\t%s\t%s\n' "$name" "$rc" "$(($(date +%s) - began))" \
            >>"$CRANK_LINT_RECORD"
    fi
    if [ "$rc" = 0 ]; then
        say "lint $name: ok"
    else
        say "lint $name: FAILED"
        failed=1
    fi
}

tree_files() {
    git ls-files -z --cached --others --exclude-standard --deduplicate -- "$@" |
        while IFS= read -r -d '' file; do
            if [ -f "$file" ]; then printf '%s\0' "$file"; fi
        done
}

check_format() { cxx_files | xargs -0 -r clang-format-19 --dry-run -Werror; }

check_shell() {
    tree_files dev '*.sh' '*.bash' .ci/run | xargs -0 -r shellcheck -x || return
    tree_files '*.bats' | xargs -0 -r shellcheck -x --severity=warning
}

check_python() { tree_files '*.py' | xargs -0 -r pyflakes3; }

check_tidy() {
    [ -f build/dev/compile_commands.json ] || cmake --preset dev >/dev/null || return
    # shellcheck disable=SC2086 # a flag and its number
    python3 tools/lint_tidy.py ${scope:+"$scope"} ${CRANK_TIDY_SECONDS:+--seconds $CRANK_TIDY_SECONDS}
}

# docs/reference/cli is what the tables say: they are in the program.
check_manual() {
    local made rc=0
    build_preset dev crank || return
    made=$(mktemp -d)
    build/dev/bin/crank __manual markdown "$made" && diff -r docs/reference/cli "$made" || rc=1
    rm -rf -- "$made"
    if [ "$rc" != 0 ]; then echo "the pages are not those of the tables: ./dev docs" >&2; fi
    return "$rc"
}

main() {
    case $scope in
        '' | --all) ;;
        *) die "unknown flag: $scope (--all)" ;;
    esac
    # the compile commands come from the dev preset, which wants the libraries
    ensure_packages build test lint
    cd "$CRANK_TOP"
    check format check_format
    check layers python3 tools/lint_layers.py
    check sizes python3 tools/lint_sizes.py
    check words python3 tools/lint_words.py
    check docs python3 tools/lint_docs.py
    check transcripts python3 tools/lint_transcripts.py
    check manual check_manual
    check evidence python3 tools/lint_evidence.py
    check shell check_shell
    check python check_python
    check tidy check_tidy
    return "$failed"
}

main
