# shellcheck shell=bash
# For the .bats files that speak to registries: `load ../lib/registry`. Servers listen on loopback
# and end with the file's tests.
# shellcheck source=tests/lib/peers.bash
source "$(dirname "${BASH_SOURCE[0]}")/peers.bash"

# free_port: a port of 127.0.0.1 that nobody has.
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# serve DIR: over http; its address is in $url, its pid in $server.
# shellcheck disable=SC2034 # the tests read them
serve() {
    local port
    port=$(free_port)
    python3 -m http.server --bind 127.0.0.1 --directory "$1" "$port" >/dev/null 2>&1 3>&- &
    server=$!
    url=http://127.0.0.1:$port
    until_true python3 -c "import socket; socket.create_connection(('127.0.0.1', $port))"
}

# make_authority DIR: ca.pem, and server.pem with its key for 127.0.0.1 and localhost.
make_authority() {
    mkdir -p "$1"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
        -subj "/CN=crank test authority" -keyout "$1/ca.key" -out "$1/ca.pem" 2>/dev/null
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=localhost" \
        -keyout "$1/server.key" -out "$1/server.csr" 2>/dev/null
    openssl x509 -req -in "$1/server.csr" -CA "$1/ca.pem" -CAkey "$1/ca.key" -CAcreateserial \
        -days 2 -extfile <(echo 'subjectAltName=IP:127.0.0.1,DNS:localhost') \
        -out "$1/server.pem" 2>/dev/null
}

# trust_registry HOST:PORT CA: as a user does it (containers-certs.d(5)).
trust_registry() {
    mkdir -p "$HOME/.config/containers/certs.d/$1"
    cp "$2" "$HOME/.config/containers/certs.d/$1/ca.crt"
}

# wait_for_port PORT PID LOG
wait_for_port() {
    local until=$((SECONDS + 20))
    until (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; do
        if ! kill -0 "$2" 2>/dev/null || [ "$SECONDS" -ge "$until" ]; then
            tail -n 20 "$3" >&2
            return 1
        fi
        sleep 0.05
    done
}

# start_registry NAME [auth|client-certificates]: Debian's docker-registry, with TLS; with `auth` it
# wants user:pass word. Sets NAME_HOST; its pid goes into $CRANK_TEST_DIR/NAME.pid.
start_registry() {
    local dir=$CRANK_TEST_DIR/registry-$1 port auth='' clients='' hash
    port=$(free_port)
    mkdir -p "$dir/data"
    [ -e "$CRANK_TEST_DIR/authority/ca.pem" ] || make_authority "$CRANK_TEST_DIR/authority"
    if [ "${2:-}" = auth ]; then
        hash=$(python3 -W ignore -c 'import crypt
print(crypt.crypt("pass word", crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=1 << 5)))')
        echo "user:${hash/\$2b\$/\$2y\$}" >"$dir/htpasswd"
        auth="auth: {htpasswd: {realm: crank test, path: $dir/htpasswd}}"
    fi
    if [ "${2:-}" = client-certificates ]; then
        clients="clientcas: [$CRANK_TEST_DIR/authority/ca.pem]"
    fi
    cat >"$dir/config.yml" <<END
version: 0.1
log: {level: warn, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $dir/data}, delete: {enabled: true}}
http:
  addr: 127.0.0.1:$port
  tls:
    certificate: $CRANK_TEST_DIR/authority/server.pem
    key: $CRANK_TEST_DIR/authority/server.key
    $clients
$auth
END
    docker-registry serve "$dir/config.yml" >"$dir/log" 2>&1 3>&- &
    echo $! >"$CRANK_TEST_DIR/$1.pid"
    wait_for_port "$port" "$!" "$dir/log" || return 1
    trust_registry "127.0.0.1:$port" "$CRANK_TEST_DIR/authority/ca.pem"
    export "$1_HOST=127.0.0.1:$port" "$1_DATA=$dir/data"
}

# stop_servers: every program that start_registry and start_hostile have started.
stop_servers() {
    local file pid
    for file in "$CRANK_TEST_DIR"/*.pid; do
        [ -e "$file" ] || continue
        pid=$(cat "$file")
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
        rm "$file"
    done
}

# image_id REFERENCE [ROOT]: the configuration's digest.
image_id() { crank ${2:+--root "$2"} images -q --no-trunc "$1"; }

# small_image NAME [TEXT]: an image of one layer, without root and without RUN.
small_image() {
    local dir
    dir=$(mktemp -d "$CRANK_TEST_DIR/small.XXXXXX")
    printf 'FROM scratch\nCOPY file /file\nENV A=b\nCMD ["/file"]\n' >"$dir/Dockerfile"
    printf '%s' "${2:-content}" >"$dir/file"
    crank build -q -t "$1" "$dir" >/dev/null
}

# start_script NAME SCRIPT [ARGS...]: a registry of tests/lib. Sets NAME_HOST and NAME_LOG.
start_script() {
    local dir=$CRANK_TEST_DIR/$2-$1 until=$((SECONDS + 20))
    mkdir -p "$dir"
    python3 "$CRANK_SOURCE/tests/lib/$2" "$dir" "${@:3}" >"$dir/output" 2>&1 3>&- &
    echo $! >"$CRANK_TEST_DIR/$1.pid"
    until [ -e "$dir/ports" ]; do
        if ! kill -0 "$!" || [ "$SECONDS" -ge "$until" ]; then
            cat "$dir/output" >&2
            return 1
        fi
        sleep 0.05
    done
    export "$1_HOST=127.0.0.1:$(cut -d' ' -f1 "$dir/ports")" "$1_LOG=$dir/log"
}

# start_hostile NAME [tls]: hostile_registry.py.
start_hostile() {
    local -a certificate=()
    if [ "${2:-}" = tls ]; then
        [ -e "$CRANK_TEST_DIR/authority/ca.pem" ] || make_authority "$CRANK_TEST_DIR/authority"
        certificate=("$CRANK_TEST_DIR/authority/server.pem" "$CRANK_TEST_DIR/authority/server.key")
    fi
    start_script "$1" hostile_registry.py "${certificate[@]}" || return 1
    local host=$1_HOST
    if [ "${2:-}" = tls ]; then trust_registry "${!host}" "$CRANK_TEST_DIR/authority/ca.pem"; fi
}
