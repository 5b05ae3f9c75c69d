#!/usr/bin/env bash
# ./dev lint
set -euo pipefail
# shellcheck source=tools/common.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
ensure_packages lint
cd "$CRANK_TOP"
cxx_files | xargs -0 --no-run-if-empty clang-format-19 --dry-run -Werror
shellcheck -x dev tools/*.sh .ci/run
