#!/usr/bin/env bats
# x-crank.native: services of a compose file that run as processes of this machine.

# run sets stderr; what workers expand
# shellcheck disable=SC2153,SC2154,SC2016
bats_require_minimum_version 1.5.0
load ../lib/crank
load ../lib/shop

setup_file() {
    crank_setup_file
    busybox_image
    answerer_image
}
setup() {
    crank_setup
    require "python3" command -v python3
    unset COMPOSE_FILE COMPOSE_PROJECT_NAME COMPOSE_PROFILES COMPOSE_ENV_FILES
    mkdir -p "$BATS_TEST_TMPDIR/shop"
    cd "$BATS_TEST_TMPDIR/shop" || return 1
    program=$CRANK_TEST_DIR/answerer-context/answerer
    native="{command: [$program], environment: {LISTEN: 127.0.0.1}}"
}
teardown() { shop_teardown; }
teardown_file() { crank_teardown_file; }

# $1: what it says; $2: x-crank.native; $3: more lines of the service.
web() {
    cat >compose.yaml <<END
services:
  web:
    image: answerer
    ports: ["127.0.0.1:18941:8000"]
    environment: {VERSION: "$1"}
    x-crank:
      probe: {url: "tcp://:8000", interval: 100ms, retries: 300}
      native: ${2:-false}
${3:-}
END
}
says() { [ "$(curl -s --max-time 5 http://127.0.0.1:18941/)" = "$1" ]; }
is() { [ "$(crank inspect --format "{{$2}}" "$1")" = "$3" ]; }
kind() { crank inspect --format '{{.Kind}}' "$1"; }
id_of() { crank inspect --format '{{.Id}}' "$1"; }
pid_of() { crank inspect --format '{{.State.Pid}}' "$1"; }
variable() { tr '\0' '\n' <"/proc/$(pid_of "$1")/environ" | sed -n "s/^$2=//p"; }
logged() { [ "$(crank logs "$1")" = "$2" ]; }

@test "the same words for a process: plan, up, ps, status, logs, labels, health, restart, down" {
    web one "$native" '    restart: always
    labels: {team: shop}
    stop_grace_period: 3s'
    run -2 --separate-stderr crank plan
    [ "${lines[0]}" = "publish 127.0.0.1:18941: nothing holds it for web:8000" ]
    [ "${lines[1]}" = "create shop-web-1 (natively: x-crank.native): it is not there" ]
    [ "${#lines[@]}" = 2 ] # no network, no image
    run -0 --separate-stderr crank up -d --wait
    [[ $stderr == *"Container shop-web-1  Started"* ]]
    says one
    [ "$(crank ps --format '{{.Names}} {{.Image}} {{.Kind}} {{.Ports}}')" = "shop-web-1 native native 127.0.0.1:18941->8000/tcp" ]
    [[ $(crank status) == *"shop-web-1"*"web"*"native"*"(healthy)"* ]]
    is shop-web-1 'index .Config.Labels "com.docker.compose.service"' web
    is shop-web-1 'index .Config.Labels "team"' shop
    logged shop-web-1 listening
    run -0 --separate-stderr crank plan
    [ "$stderr" = "nothing to do" ]
    # a port of its own, in two variables; the gateway has the published one
    port=$(variable shop-web-1 PORT)
    [ "$port" -ge 20000 ]
    [ "$port" -lt 30000 ]
    [ "$(variable shop-web-1 PORT_8000)" = "$port" ]
    [ "$(curl -s "http://127.0.0.1:$port/")" = one ]
    # its restart policy starts it again, at the same port
    kill -KILL "$(pid_of shop-web-1)"
    until_true says one
    [ "$(variable shop-web-1 PORT)" = "$port" ]
    run -0 crank down
    [ -z "$(crank ps -aq)" ]
    [ -z "$(ss -Hltn "sport = :$port or sport = :18941")" ]
}

@test "one line makes a container a process and back, under load, and no request is lost" {
    web v0
    crank up -d 2>/dev/null
    until_true says v0
    [ "$(kind shop-web-1)" = container ]
    begin_load 18941
    for n in 1 2 3; do
        web v0 "$native"
        run -2 crank plan
        how="the one that was kept frozen goes on"
        [ "$n" != 1 ] || how="the new one starts first"
        [[ $output == "recreate shop-web-1 ($how) (natively: x-crank.native): it is to run natively; x-crank.native"* ]]
        run -0 --separate-stderr crank up -d
        [ "$(kind shop-web-1)" = native ]
        says v0
        web v0
        run -2 crank plan
        [[ $output == "recreate shop-web-1 (the one that was kept frozen goes on): it is to run in a container; x-crank.native"* ]]
        run -0 --separate-stderr crank up -d
        [ "$(kind shop-web-1)" = container ]
        says v0
    done
    # changes of a process, back, and back over the kinds
    web v1 "$native"
    run -0 --separate-stderr crank up -d
    web v2 "$native"
    run -0 --separate-stderr crank up -d
    says v2
    run -0 --separate-stderr crank rollback
    says v1
    [ "$(kind shop-web-1)" = native ]
    run -0 --separate-stderr crank rollback
    says v0
    [ "$(kind shop-web-1)" = container ]
    end_load
    [ "$(loaded '["failed"]')" = 0 ] || { cat load.json && false; }
    [ "$(loaded '["answers"].keys() == {"v0", "v1", "v2"}')" = True ]
    [ "$(crank ps -a --filter status=running --format '{{.Names}}')" = shop-web-1 ]
    # and what it went back from, frozen
    [ "$(crank ps -aq | wc -l)" = 2 ]
    [[ $(crank releases) == *"web=native"*"web=answerer@"* ]]
}

@test "what the machine is decides, and the plan says so" {
    web one "${native%\}}, when: macos}"
    run -2 crank plan
    [[ $output == *"create shop-web-1 (in a container: x-crank.native.when: macos; here: linux"* ]]
    crank up -d 2>/dev/null
    until_true says one
    [ "$(kind shop-web-1)" = container ]
    # the same container as without a word
    web one
    run -0 crank plan
    web one "${native%\}}, when: [macos, linux]}"
    run -2 crank plan
    [[ $output == *"(natively: x-crank.native.when: linux): it is to run natively"* ]]
    run -0 crank up -d
    [ "$(kind shop-web-1)" = native ]
    # why it runs natively makes it no other
    web one "$native"
    run -0 --separate-stderr crank plan
}

@test "one that ends or listens elsewhere is not led to: the old one stays" {
    web good "$native"
    crank up -d 2>/dev/null
    until_true says good
    before=$(id_of shop-web-1)
    begin_load 18941
    web bad "${native/LISTEN:/FAIL: \"1\", LISTEN:}"
    run -1 --separate-stderr crank up -d
    [[ $stderr == *"the old container of shop-web-1 stays: container shop-web-1 exited (3)"* ]]
    says good
    # the same in a container
    web bad
    sed -i 's/VERSION: "bad"/VERSION: "bad", FAIL: "1"/' compose.yaml
    run -1 --separate-stderr crank up -d
    [[ $stderr == *"the old container of shop-web-1 stays: container shop-web-1 exited (3)"* ]]
    says good
    # a worker that does not read the variable
    web bad "${native%\}}, port_variable: NOBODY_READS_IT}"
    sed -i '/probe:/d' compose.yaml
    printf '      rollout: {timeout: 1s}\n' >>compose.yaml
    run -1 --separate-stderr crank up -d
    [[ $stderr == *"container shop-web-1 takes no connection on port 2"*", which a variable tells it"* ]]
    says good
    end_load
    [ "$(loaded '["failed"]')" = 0 ] || { cat load.json && false; }
    [ "$(loaded '["answers"].keys() == {"good"}')" = True ]
    [ "$(id_of shop-web-1)" = "$before" ]
    [ "$(crank ps -aq | wc -l)" = 1 ]
}

@test "a worker that listens on its target itself: the old one stops first, and what comes waits" {
    own="${native%\}}, own_ports: true}"
    web v0 "$own"
    crank up -d 2>/dev/null
    until_true says v0
    [ -z "$(variable shop-web-1 PORT)" ]
    begin_load 18941
    for n in 1 2; do
        web "v$n" "$own"
        run -2 crank plan
        [[ $output == *"(the old one stops first: it listens on port 8000 itself)"* ]]
        run -0 --separate-stderr crank up -d
        says "v$n"
    done
    end_load
    [ "$(loaded '["failed"]')" = 0 ] || { cat load.json && false; }
    run -1 --separate-stderr crank up -d --scale web=2
    [[ $stderr == *"service web: it listens on port 8000 itself, and there are to be 2"* ]]
    says v2
}

@test "replicas have a port each; reconcile and --no-start know processes" {
    web one "$native" '    deploy: {replicas: 2}'
    crank up -d 2>/dev/null
    until_true says one
    [ "$(crank ps -q | wc -l)" = 2 ]
    [ "$(variable shop-web-1 PORT)" != "$(variable shop-web-2 PORT)" ]
    crank rm -f shop-web-1 shop-web-2
    run -0 --separate-stderr crank reconcile shop
    until_true says one
    [ "$(crank ps -q | wc -l)" = 2 ]
    crank down 2>/dev/null
    run -0 crank up --no-start
    [ "$(crank ps -a --format '{{.State}}' | sort -u)" = created ]
    run -0 crank up -d
    until_true says one
}

@test "what a worker has of the service, and of the command that starts it" {
    cat >compose.yaml <<'END'
services:
  web:
    image: busybox
    environment: {A: "1", B: "2"}
    working_dir: sub
    ulimits: {nofile: 99}
    x-crank:
      native:
        command: [sh, -c, 'echo "$$A $$B $$OTHER $$(pwd) $$(ulimit -n)"; exec sleep 1000']
        environment: {B: "3"}
END
    mkdir sub
    OTHER=mine run -0 crank up -d
    until_true logged shop-web-1 "1 3  $PWD/sub 99"
    # its own command and entrypoint, where native says none
    cat >compose.yaml <<'END'
services:
  web:
    image: busybox
    entrypoint: [sh, -c]
    command: ["echo own; exec sleep 1000"]
    x-crank: {native: true}
END
    run -0 crank up -d
    until_true logged shop-web-1 own
}

@test "what a process cannot have is a warning or an error with its line" {
    web one "$native" '    cap_drop: [ALL]
    user: "1000"'
    run -0 --separate-stderr crank up -d
    [[ $stderr == *"warning: compose.yaml:9:5: services.web.cap_drop: a native worker goes without (x-crank.native): it has the rights of the one who starts it"* ]]
    [[ $stderr == *"warning: compose.yaml:10:5: services.web.user: a native worker goes without"* ]]
    until_true says one
    web one "$native" '    volumes: ["data:/data"]
volumes: {data: {}}'
    run -1 --separate-stderr crank up -d
    [[ $stderr == *"compose.yaml:9:15: services.web.volumes: a native worker has no volumes: it would not find data at /data"* ]]
    web one true
    run -1 --separate-stderr crank up -d
    [[ $stderr == *"compose.yaml:8:15: services.web.x-crank.native: no image says what a native worker runs"* ]]
    web one "{command: x, when: amiga}"
    run -1 --separate-stderr crank plan
    [[ $stderr == *"services.web.x-crank.native.when: 'amiga' is nothing that a machine is"* ]]
    web one "{command: no-such-program}"
    run -1 --separate-stderr crank up -d
    [[ $stderr == *"no-such-program"* ]]
    says one
    [ "$(crank ps -aq | wc -l)" = 1 ]
}

@test "containers reach a process by its published port, and its own health check runs here" {
    cat >compose.yaml <<END
services:
  web:
    ports: ["0.0.0.0:18941:8000"]
    environment: {VERSION: one}
    healthcheck: {test: [CMD, sh, -c, '[ "\$\$VERSION \$\$PWD" = "one $PWD" ]'], interval: 100ms}
    x-crank: {native: {command: [$program], environment: {LISTEN: 127.0.0.1}}}
  client:
    image: busybox
    command: sh -c 'until wget -qO- http://web:18941/; do sleep 0.1; done; exec sleep 1000'
    depends_on: {web: {condition: service_healthy}}
    extra_hosts: ["web:host-gateway"]
END
    run -0 --separate-stderr crank up -d
    [[ $stderr == *"Service web  Healthy"* ]]
    until_true logged shop-client-1 one
}

# A service that is built from `src`; $1: x-crank.native.
built() {
    cat >compose.yaml <<END
services:
  web:
    build: src
    ports: ["127.0.0.1:18941:8000"]
    x-crank: {native: $1}
END
}
source_of() {
    mkdir -p src
    cp "$program" src/answerer
    echo "$1" >src/version
    echo hidden >src/secret
    echo secret >src/.dockerignore
    cat >src/Dockerfile <<'END'
FROM busybox
WORKDIR /app
COPY . .
RUN mkdir made && cp version made/version
CMD ["sh", "-c", "VERSION=$(cat made/version) exec ./answerer"]
END
}
in_a_directory() {
    printf '{command: [sh, -c, "VERSION=$$(cat made/version) exec ./answerer"], setup: ["echo once >>%s", "mkdir made && cp version made/version"], environment: {LISTEN: 127.0.0.1}}' "$PWD/setups"
}
directories() { find "$CRANK_ROOT/projects/shop/native/web" -mindepth 1 -maxdepth 1 -type d; }
runs_in() { readlink "/proc/$(pid_of shop-web-1)/cwd"; }

@test "a native release is a directory: made once, changed by --build, rolled back to without its source" {
    source_of v0
    built "$(in_a_directory)"
    run -2 --separate-stderr crank plan
    [ "${lines[0]}" = "prepare shop-web: it is not here" ]
    run -0 --separate-stderr crank up -d
    [[ $stderr == *"Directory shop-web  Prepared"* ]]
    until_true says v0
    first=$(runs_in)
    [ "$(directories)" = "$first" ]
    [ -x "$first/answerer" ]
    [ ! -e "$first/secret" ]
    # the source alone changes nothing, and --build with the same source neither
    run -0 crank up -d --build
    [ "$(runs_in)" = "$first" ]
    begin_load 18941
    source_of v1
    run -0 crank plan
    run -0 --separate-stderr crank up -d --build
    says v1
    second=$(runs_in)
    [ "$second" != "$first" ]
    [ "$(wc -l <setups)" = 2 ]
    [[ $(crank releases) == *"web=native@"*"web=native@"* ]]
    mv src gone
    run -0 --separate-stderr crank rollback
    says v0
    [ "$(runs_in)" = "$first" ]
    [ "$(wc -l <setups)" = 2 ]
    mv gone src
    # one line, and it is a container of an image that is built from the same source
    built false
    run -0 --separate-stderr crank up -d
    [ "$(kind shop-web-1)" = container ]
    says v1
    run -0 --separate-stderr crank rollback
    [ "$(kind shop-web-1)" = native ]
    [ "$(runs_in)" = "$first" ]
    end_load
    [ "$(loaded '["failed"]')" = 0 ] || { cat load.json && false; }
    [ "$(loaded '["answers"].keys() == {"v0", "v1"}')" = True ]
    # releases keep what they need, also when nothing runs
    crank down 2>/dev/null
    [ "$(directories | wc -l)" = 2 ]
    run -0 crank down -v
    [ ! -e "$CRANK_ROOT/projects/shop/native" ]
}

@test "a setup that fails leaves no directory, and the old release as it was; one that is gone is named" {
    source_of v0
    built "$(in_a_directory)"
    crank up -d 2>/dev/null
    until_true says v0
    first=$(runs_in)
    source_of v1
    built "$(in_a_directory | sed 's/mkdir made/echo no wheel >\&2; exit 7/')"
    run -1 --separate-stderr crank up -d --build
    [[ $stderr == *"no wheel"*"services.web: x-crank.native.setup: 'echo no wheel"*"ended with exit code 7"* ]]
    [ "$(directories)" = "$first" ]
    says v0
    built "$(in_a_directory)"
    run -0 crank up -d --build
    says v1
    rm -rf "$first" "$first.ready"
    run -1 --separate-stderr crank rollback
    [[ $stderr == *"the directory of service web, native (sha256:"*"), is gone"* ]]
    says v1
    built "${native%\}}, directory: nowhere}"
    run -1 --separate-stderr crank up -d --build
    [[ $stderr == *"services.web: there is no directory $PWD/nowhere"* ]]
    says v1
}

@test "a kill while a directory is made: the next one makes it whole" {
    source_of v0
    built "{command: [sh, -c, 'VERSION=\$\$(cat made) exec ./answerer'], setup: ['[ -e $PWD/on ] || { echo half >made; kill -KILL \$\$PPID; exit; }', 'cp version made'], environment: {LISTEN: 127.0.0.1}}"
    run -137 crank up -d
    [ -z "$(crank ps -aq)" ]
    touch on
    run -0 crank up -d
    until_true says v0
}

@test "a worker in a venv of its own, made by its setup" {
    require "python3 -m venv" python3 -m venv --without-pip "$BATS_TEST_TMPDIR/probe"
    mkdir src
    cat >src/serve.py <<'END'
import http.server, os, sys

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = (os.environ["VERSION"] + " " + sys.prefix).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", 8000))), Answer).serve_forever()
END
    cat >compose.yaml <<END
services:
  web:
    ports: ["127.0.0.1:18941:8000"]
    environment: {VERSION: one}
    x-crank:
      probe: http://:8000/
      native:
        command: venv/bin/python serve.py
        directory: src
        setup: python3 -m venv --without-pip venv
END
    run -0 --separate-stderr crank up -d
    until_true eval '[ "$(curl -s --max-time 5 http://127.0.0.1:18941/)" = "one $(directories)/venv" ]'
    [ "$(runs_in)" = "$(directories)" ]
}
