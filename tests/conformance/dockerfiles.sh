#!/bin/bash
# Builds Dockerfiles of public repositories with crank and with docker, from the same bases, runs both images, asks both
# the same, and compares configurations and files (docs/conformance.md).
#
#   tests/conformance/dockerfiles.sh CHECKOUTS [NAME...]    NAME: of a case or a base of dockerfiles.sources; all without one
#   KEEP=DIRECTORY ...                                      what was made stays there, and is taken from there next time
#
# As root. CHECKOUTS has a checkout (or a bare repository) of each OWNER/NAME that the sources name. Of the machine it wants
# docker.io of Debian, passt, mmdebstrap, git, Go and the package registries that the Dockerfiles ask: with the certificates
# that this machine trusts. Mounts, network and processes are namespaces of this script's: the daemon, its bridges and firewall
# rules end with it.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "${CRANK_BIN:=$here/../../build/dev/bin}"
CRANK_BIN=$(cd "$CRANK_BIN" && pwd)
checkouts=$(cd "${1:?the directory of the checkouts}" && pwd)
shift
for program in dockerd docker pasta mmdebstrap git go unshare; do
    command -v "$program" >/dev/null || { echo "dockerfiles.sh: no $program on PATH" >&2; exit 2; }
done

work=${KEEP:-$(mktemp -d /var/tmp/crank-dockerfiles.XXXXXX)}
group=crank-dockerfiles
clean_up() {
    if [ -z "${KEEP:-}" ]; then rm -rf --one-file-system "$work"; fi
    # the empty parents that docker leaves in the host's cgroup trees
    find /sys/fs/cgroup/*/"$group" -depth -type d -delete 2>/dev/null || true
}
trap clean_up EXIT
umask 022
mkdir -p "$work"/{root,state,home,tmp}
export CRANK_ROOT=$work/root CRANK_STATE=$work/state HOME=$work/home TMPDIR=$work/tmp
export PATH=$CRANK_BIN:$PATH CRANK_CONFIG=$work/config.json NO_COLOR=1 LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
cd "$work"
# pasta brings the host's ways out into the new network namespace; what it says of its own start is no matter here.
pasta --netns-only --runas 0:0 --config-net --quiet -t none -u none -T none -U none -- \
    unshare --mount --pid --fork --mount-proc --propagation private --kill-child \
    python3 "$here/dockerfiles.py" "$work" "$checkouts" "$group" "$@" 2> >(grep -v -e syslog -e uid_map -e 'user mappings' >&2)
