#!/usr/bin/env bash
# ./dev demo: from this checkout to answered requests. Builds crank, a base image and the example
# workers, gives them certificates, runs them, and talks to them. It may be run again and again:
# what is there already is kept or replaced, and its containers have names of their own.
#
# It works as root (images need it), on crank's usual directories, so that every command it shows
# can be typed again; CRANK_ROOT, CRANK_STATE and CRANK_CONFIG move them as for crank itself, and
# CRANK_DEMO_PORT_SHIFT=100 publishes 8601 for 8501 and so on, where the ports are taken.
set -euo pipefail
# shellcheck source=tools/common.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"

workers=$CRANK_TOP/examples/workers
bin=$CRANK_TOP/build/release/bin
base=localhost/crank/python:3.11-slim
certs=$HOME/.crank/certs
# Each with the port that it is reached by.
port_shift=${CRANK_DEMO_PORT_SHIFT:-0}
mail_port=$((8501 + port_shift)) image_port=$((8503 + port_shift)) echo_port=$((8505 + port_shift))
running=(crank-demo-mail crank-demo-mail-limited crank-demo-image crank-demo-echo)
began=$(date +%s)
step="starting"

finish() {
    local status=$?
    if [ "$status" != 0 ]; then say "demo: FAILED ($status) while $step"; fi
}

heading() {
    step=$1
    printf '\n== %s (%ss)\n' "$1" "$(($(date +%s) - began))"
}

# Shows a command as one would type it, then runs it.
shown() {
    local word line=''
    for word in "$@"; do
        case $word in
            *[!A-Za-z0-9_./:=@%+,-]*) line+=" '$word'" ;;
            *) line+=" $word" ;;
        esac
    done
    printf '$%s\n' "${line//"$HOME"/\~}"
    "$@"
}

has_gpu() { [ -e /dev/nvidiactl ] || [ -e /dev/dxg ]; }

build_images() {
    heading "a base image without a registry"
    if crank inspect "$base" >/dev/null 2>&1; then
        printf '%s is here already\n' "$base"
    else
        shown crank image bootstrap
    fi
    shown crank config set alias.python:3.11-slim "$base"
    shown crank config set build.host-trust true
    shown crank info | grep -E '^\$|alias|host-trust'

    heading "the base worker image and the workers, from the decision's Dockerfiles"
    cd "$workers/base"
    shown crank build -t crank-worker-base:latest -f Dockerfile.worker-base .
    cd "$workers/email-classifier"
    shown crank build -t crank-email-classifier:latest .
    cd "$workers/image-classifier-gpu"
    shown crank build -t crank-image-classifier-gpu:latest .
    cd "$CRANK_TOP"
    shown crank build -t crank-echo-cpp:latest build/release/echo-cpp
    shown crank images
}

make_certificates() {
    heading "a certificate for the workers, from an authority of this machine's own"
    if [ -e "$HOME/.crank/ca/ca.pem" ]; then
        printf 'the authority in ~/.crank/ca is here already\n'
    else
        shown crank certs init
    fi
    shown crank certs issue email-classifier --dir "$certs"
}

# Containers of an earlier demo; nothing else is touched.
remove_ours() {
    local name
    for name in "${running[@]}" crank-demo-image-gpu; do
        if crank inspect "$name" >/dev/null 2>&1; then crank rm -f "$name" >/dev/null; fi
    done
}

# answered NAME URL: waits until /health is answered, or says what the worker said.
answered() {
    local name=$1 url=$2 tries
    for ((tries = 0; tries < 300; tries++)); do
        if curl -fsS --cacert "$certs/ca.pem" -o /dev/null "$url/health" 2>/dev/null; then return; fi
        sleep 0.1
    done
    say "demo: no answer from $name at $url after 30 seconds; its log:"
    crank logs "$name" >&2 || true
    return 1
}

run_gpu_worker() {
    local said
    set -- crank run -d --name crank-demo-image-gpu --gpus all -p "$image_port:8503" \
        -v "$certs:/home/worker/.crank/certs:ro" crank-image-classifier-gpu:latest
    if has_gpu; then
        shown "$@"
        answered crank-demo-image-gpu "https://localhost:$image_port"
        running+=(crank-demo-image-gpu)
        image_port=$((image_port + 1))
    elif said=$(shown "$@" 2>&1); then
        printf '%s\n' "$said"
        say "demo: --gpus was accepted, and there is no GPU here"
        return 1
    else
        printf '%s\n(as it should be: there is no GPU here, and none is made up)\n' "$said"
        # Any other failure is one of the demo's.
        grep -qi gpu <<<"$(tail -n +2 <<<"$said")"
    fi
}

run_workers() {
    heading "the decision's commands; -d --name puts each in the background"
    remove_ours
    shown crank run -d --name crank-demo-mail -p "$mail_port:8501" \
        -v "$certs:/home/worker/.crank/certs:ro" crank-email-classifier:latest
    shown crank run -d --name crank-demo-mail-limited --cpus=2 --memory=4g \
        -v "$certs:/home/worker/.crank/certs:ro" crank-email-classifier:latest
    run_gpu_worker
    cd "$workers/image-classifier-gpu"
    shown crank run --native -d --name crank-demo-image -e "PORT=$image_port" -e "CERT_DIR=$certs" \
        -- python3 services/crank_image_classifier_gpu.py
    cd "$CRANK_TOP"
    shown crank run -d --name crank-demo-echo -p "$echo_port:8080" crank-echo-cpp:latest
}

# ask_mail LABEL SUBJECT TEXT: sends a mail and checks that it is called by its label.
ask_mail() {
    local expected=$1 subject=$2 text=$3 mail answer
    mail=$(python3 -c 'import json, sys; print(json.dumps(dict(zip(("subject", "text"), sys.argv[1:]))))' \
        "$subject" "$text")
    answer=$(curl -fsS --cacert "$certs/ca.pem" -H 'Content-Type: application/json' -d "$mail" \
        "https://localhost:$mail_port/classify")
    python3 - "$expected" "$subject" "$answer" <<'END'
import json, sys
expected, subject, text = sys.argv[1:]
answer = json.loads(text)
print(f"  {answer['label']:8} {answer['confidence']:7.2%}  {subject}")
if answer["label"] != expected:
    sys.exit(f"demo: expected {expected}: {text}")
END
}

ask_mail_worker() {
    heading "e-mails over HTTPS"
    answered crank-demo-mail "https://localhost:$mail_port"
    printf '$ curl --cacert ~/.crank/certs/ca.pem -d @mail.json https://localhost:%s/classify\n' \
        "$mail_port"
    ask_mail billing 'Invoice for March' \
        'Please find attached the invoice for March. The amount of 420.00 is due by the 30th.'
    ask_mail support 'App does not start' \
        'Since the last update the app shows an error and closes. How can I get it to work again?'
    ask_mail meeting 'Review on Thursday?' \
        'Could we move the review to Thursday at 10:30? The big meeting room is free then.'
    ask_mail spam 'You are a winner!!!' \
        'Claim your free prize of 10,000 dollars now! Click the link, the offer expires tonight.'
}

ask_limited_worker() {
    heading "the limits, as the worker itself sees them, and that it answers under them"
    shown crank exec crank-demo-mail-limited python -c '
import os, ssl, time, httpx
trust = ssl.create_default_context(cafile=os.environ["CERT_DIR"] + "/ca.pem")
for attempt in range(300):
    try:
        print(httpx.get("https://localhost:8501/health", verify=trust).text)
        break
    except httpx.TransportError:
        time.sleep(0.1)
else:
    raise SystemExit("no answer")
print("uid", os.getuid(), "sees", sum(name.isdigit() for name in os.listdir("/proc")), "processes")'
    shown crank inspect --format 'NanoCpus {{.HostConfig.NanoCpus}}, Memory {{.HostConfig.Memory}}' \
        crank-demo-mail-limited
}

ask_others() {
    heading "a drawn digit, to the worker that runs natively"
    answered crank-demo-image "https://localhost:$image_port"
    shown curl -fsS --cacert "$certs/ca.pem" \
        --data-binary "@examples/workers/image-classifier-gpu/data/sheet.pgm" \
        "https://localhost:$image_port/classify" | cut -c 1-160

    heading "the static C++ worker"
    answered crank-demo-echo "http://localhost:$echo_port"
    shown curl -fsS -d hello "http://localhost:$echo_port/any"
    printf '\n'
}

main() {
    trap finish EXIT
    if [ "${1:-}" != --built ]; then
        step="building crank"
        ensure_packages build run
        build_preset release crank crank-shim crank-net crank-gateway echo_cpp_context
    fi
    if [ "$(id -u)" != 0 ]; then
        say "the demo goes on as root: images and their containers need it"
        trap - EXIT
        command -v sudo >/dev/null || die "the demo needs root, and there is no sudo"
        # -E: proxies, package indexes and CRANK_* stay as they are
        exec sudo -E -H bash "$CRANK_TOP/tools/demo.sh" --built
    fi
    export PATH=$bin:$PATH
    shown crank version
    build_images
    make_certificates
    run_workers
    ask_mail_worker
    ask_limited_worker
    ask_others
    heading "what runs now"
    shown crank ps
    printf '\nTo stop it all:  crank rm -f %s\n' "${running[*]}"
    printf 'crank is in %s\n' "$bin"
    printf 'demo: all answered in %s s\n' "$(($(date +%s) - began))"
}

main "$@"
