#!/usr/bin/env bats
# Volumes: named, anonymous, filled from the image, shared, removed.

# shellcheck disable=SC2154 # run sets stderr
# shellcheck disable=SC2016 # what stands in single quotes the shell in the container expands
bats_require_minimum_version 1.5.0
load ../lib/crank

setup_file() {
    crank_setup_file
    busybox_image
    is_root && can_run >/dev/null 2>&1 || return 0 # the tests say why they skip
    local context=$CRANK_TEST_DIR/data-context
    mkdir -p "$context/data/dir"
    echo image >"$context/data/file"
    ln -s file "$context/data/link"
    cat >"$context/Dockerfile" <<'END'
FROM busybox
COPY --chown=1000:1000 data /data
RUN chmod 750 /data && chmod 600 /data/file && touch /data/gone && ln -s /data /by-link
RUN rm /data/gone
VOLUME /data
END
    crank build -q -t data "$context" >/dev/null
}
setup() { crank_setup; }
teardown() {
    crank_teardown
    crank volume prune -a -f >/dev/null
    [ -z "$(ls -A "$CRANK_ROOT/volumes")" ]
}
teardown_file() { crank_teardown_file; }

# inside [FLAG...] -- COMMAND...: in the foreground, without a network
inside() {
    local -a flags=()
    while [ "$1" != -- ]; do
        flags+=("$1")
        shift
    done
    shift
    crank run --rm --network none "${flags[@]}" busybox "$@"
}

no_volumes() { [ -z "$(crank volume ls -q)" ]; }

@test "volumes: made, listed, inspected, removed" {
    [ "$(crank volume create --label team=mail models)" = models ]
    [ "$(crank volume create models)" = models ]
    run crank volume create
    [[ $output =~ ^[0-9a-f]{64}$ ]]
    [ "$(crank volume ls --format '{{.Driver}} {{.Name}} {{.Labels}}' --filter name=models)" = "local models team=mail" ]
    run crank volume ls
    [[ ${lines[0]} == "DRIVER   VOLUME NAME" ]]
    [ "$(crank volume ls -q --filter label=team=mail)" = models ]
    run crank volume inspect models
    [ "$(jq -r '.[0].Mountpoint' <<<"$output")" = "$CRANK_ROOT/volumes/models/_data" ]
    [ "$(jq -r '.[0].Labels.team' <<<"$output")" = mail ]
    run crank volume prune -f
    [[ ${lines[0]} == "Deleted volume: "???????????????????????????????????????????????????????????????? ]]
    [ "$(crank volume ls -q)" = models ]
    [ "$(crank volume rm models)" = models ]
    no_volumes
    run --separate-stderr crank volume rm models
    [ "$status" -eq 1 ]
    [ "${stderr_lines[0]}" = "crank volume rm: no such volume: models" ]
    crank volume rm -f models
    run --separate-stderr crank volume inspect models
    [ "$status" -eq 1 ]
    run --separate-stderr crank volume create a/b
    [ "$status" -ne 0 ]
    [[ $stderr == 'crank volume create: invalid volume name "a/b": 2 to 128 letters'* ]]
    run --separate-stderr crank volume create --driver nfs x1
    [[ $stderr == "crank volume create: --driver nfs: volumes are local"* ]]
    run --separate-stderr crank volume create -o type=nfs x1
    [[ $stderr == "crank volume create: --opt type=nfs: crank mounts directories of this machine alone"* ]]
    run --separate-stderr crank volume ls --filter size=1
    [[ $stderr == "crank volume ls: --filter size=1: unknown filter"* ]]
}

@test "a volume that stands for a directory of the machine" {
    local dir=$CRANK_TEST_DIR/models
    mkdir -p "$dir"
    echo host >"$dir/host"
    crank volume create -o type=none -o o=bind -o device="$dir" models
    [ "$(crank volume create -o type=none -o o=bind -o device="$dir/" models)" = models ]
    [ "$(crank volume inspect -f '{{.Mountpoint}}' models)" = "$dir" ]
    run -0 inside -v models:/m -- sh -c 'cat /m/host; echo worker >/m/worker'
    [ "$output" = host ]
    [ "$(cat "$dir/worker")" = worker ]
    # what the image has there is not copied to somebody else's directory
    crank volume create -o type=bind -o device="$dir" again
    crank run --rm --network none -v again:/data data true
    [ "$(ls "$dir")" = $'host\nworker' ]
    [ "$(crank volume export models | tar -tf - | sort | paste -sd' ')" = "host worker" ]
    run -0 crank run --explain --network none -v models:/m busybox true
    [[ $output == *"$dir"* ]]
    crank run --name later --network none -v models:/m busybox true
    mv "$dir" "$dir.away"
    run -125 --separate-stderr crank run --rm --network none -v models:/m busybox true
    [[ $stderr == *"volume models stands for $dir, which is not there"*"hint: mkdir -p $dir"* ]]
    run -1 --separate-stderr crank start later
    [[ $stderr == *"$dir does not exist"* ]]
    mv "$dir.away" "$dir"
    crank rm later
    crank volume rm models again
    [ "$(ls "$dir")" = $'host\nworker' ]
    rm -r "$dir"
}

@test "options of a volume that make no sense are named" {
    # refuses TEXT OPTION...
    refuses() {
        local text=$1 option
        local -a flags=()
        shift
        for option; do flags+=(-o "$option"); done
        run ! --separate-stderr crank volume create "${flags[@]}" bad
        [[ $stderr == *"$text"* ]] || {
            echo "$*: $stderr" >&2
            return 1
        }
    }
    refuses "--opt size=2m: crank has no such option" size=2m
    refuses "--opt type: KEY=VALUE is wanted" type
    refuses "--opt type=none: o=bind is missing" type=none device=/tmp
    refuses "--opt o=bind: device=DIRECTORY is missing" type=none o=bind
    refuses "--opt device=models: an absolute path is wanted" o=bind device=models
    refuses "--opt device=/nosuch: no such directory" type=bind device=/nosuch
    refuses "--opt device=/etc/passwd: no such directory" type=bind device=/etc/passwd
    refuses "--opt o=ro: bind, rbind and rw alone" type=none o=ro device=/tmp
    refuses "--opt type=tmpfs: nobody holds memory that outlives its container" type=tmpfs device=tmpfs
    crank volume create plain
    run ! --separate-stderr crank volume create -o type=bind -o device=/tmp plain
    [[ $stderr == *"volume plain is there, and has another directory"*"hint: crank volume inspect plain"* ]]
}

@test "a volume outlives its containers, and is not removed while one has it" {
    inside -v models:/m -- sh -c 'echo kept >/m/file'
    run inside -v models:/other:ro -- sh -c 'cat /other/file; echo x >/other/file'
    [ "$status" -ne 0 ]
    [[ $output == kept*"Read-only file system"* ]]
    crank run -d --name worker --network none -v models:/m busybox sleep 60
    run --separate-stderr crank volume rm models
    [ "$status" -eq 1 ]
    [ "${stderr_lines[0]}" = "crank volume rm: volume models is in use by container worker" ]
    [ "${stderr_lines[1]}" = "hint: crank rm worker" ]
    run crank volume prune -a -f
    [ "$output" = "Total reclaimed space: 0B" ]
    [ "$(crank volume ls -q --filter dangling=true)" = "" ]
    run crank inspect -f '{{json .HostConfig.Binds}} {{json .Mounts}}' worker
    [ "$(cut -d' ' -f1 <<<"$output")" = '["models:/m"]' ]
    [ "$(jq -r '.[0] | "\(.Type) \(.Name) \(.Driver) \(.Destination)"' <<<"${output#* }")" = "volume models local /m" ]
    crank stop -t 0 worker
    run ! crank volume rm models
    crank rm worker
    crank volume rm models
    no_volumes
}

@test "an empty volume begins with what the image has there, owners and modes too" {
    local image=$'1000:1000 750 /data\n1000:1000 755 /data/dir\n1000:1000 600 /data/file\n1000:1000 777 /data/link'
    run crank run --rm --network none -v models:/data data sh -c 'stat -c "%u:%g %a %n" /data /data/*; readlink /data/link; cat /data/file'
    [ "$output" = "$image"$'\nfile\nimage' ]
    # one that was made beforehand as well; one that holds something stays
    crank volume create made
    run crank run --rm --network none --mount source=made,target=/data data sh -c 'stat -c "%u:%g %a %n" /data /data/*; echo mine >/data/file; rm /data/link'
    [ "$output" = "$image" ]
    run crank run --rm --network none -v made:/data data sh -c 'cat /data/file; ls /data'
    [ "$output" = $'mine\ndir\nfile' ]
    # unless it is not wanted
    run crank run --rm --network none -v bare:/data:nocopy data ls /data
    [ -z "$output" ]
    run crank run --rm --network none --mount type=volume,dst=/data,volume-nocopy data ls /data
    [ -z "$output" ]
    # where a link of the image's leads
    run crank run --rm --network none -v linked:/by-link data ls /by-link
    [ "$output" = $'dir\nfile\nlink' ]
    run --separate-stderr crank run --rm --network none -v odd:/data/file data true
    [ "$status" -eq 125 ]
    [[ $stderr == *"the image has a file at /data/file, where volume odd is to be mounted"* ]]
    run ! crank volume inspect odd
}

@test "anonymous volumes: of the command line and of the image; they go with --rm and rm -v" {
    run crank run --rm --network none -v /scratch data sh -c 'grep -c -E " /(scratch|data) " /proc/mounts; cat /data/file; touch /scratch/x'
    [ "$output" = $'2\nimage' ]
    until_true no_volumes
    crank run --name worker --network none data true
    [ "$(crank volume ls -q | wc -l)" -eq 1 ]
    [ "$(crank volume ls --format '{{.Labels}}')" = "com.docker.volume.anonymous=" ]
    [ "$(crank inspect -f '{{json .HostConfig.Binds}}' worker)" = "[]" ]
    crank rm worker
    [ "$(crank volume ls -q | wc -l)" -eq 1 ]
    crank volume prune -f
    no_volumes
    crank run --name worker --network none -v named:/n data true
    crank rm -v worker
    [ "$(crank volume ls -q)" = named ]
    # a start that fails leaves none
    run -127 crank run --network none --name worker data nosuch
    [ "$(crank volume ls -q)" = named ]
    # what the user mounts there takes the image's volume's place
    crank run --rm --network none --tmpfs /data data true
    crank run --rm --network none -v named:/data data true
    [ "$(crank volume ls -q)" = named ]
}

@test "volumes from another container" {
    mkdir -p host
    crank run --name first --network none -v models:/m -v "$PWD/host:/host" data sh -c 'echo first >/data/own; echo model >/m/file'
    run crank run --rm --network none --volumes-from first busybox sh -c 'cat /data/own /m/file; touch /host/seen'
    [ "$output" = $'first\nmodel' ]
    [ -e host/seen ]
    run crank run --rm --network none --volumes-from first:ro busybox sh -c 'touch /m/x'
    [ "$status" -ne 0 ]
    [[ $output == *"Read-only file system"* ]]
    # its own mounts go first
    run crank run --rm --network none --volumes-from first -v other:/m busybox ls /m
    [ -z "$output" ]
    # what another has by now stays where its first container goes, even with --rm
    crank run -d --rm --name going --network none data sh -c 'echo shared >/data/own; sleep 60'
    until_true crank exec going test -e /data/own
    crank run -d --name second --network none --volumes-from going busybox sleep 60
    crank rm -f going
    [ "$(crank exec second cat /data/own)" = shared ]
    run --separate-stderr crank run --rm --volumes-from nosuch busybox true
    [ "$status" -eq 125 ]
    [ "${stderr_lines[0]}" = "crank run: --volumes-from: no such container: nosuch" ]
}

@test "--mount: binds, volumes, tmpfs; what is wrong names the key" {
    mkdir -p dir
    echo there >dir/file
    run inside --mount "type=bind,source=$PWD/dir,target=/d,readonly" -- sh -c 'cat /d/file; touch /d/x'
    [[ $output == there*"Read-only file system"* ]]
    run inside --mount type=bind,src=./dir,dst=/d -- cat /d/file
    [ "$output" = there ]
    run inside --mount type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1770 -- sh -c 'grep " /t " /proc/mounts; stat -c %a /t'
    [[ ${lines[0]} == *size=1024k* ]]
    [ "${lines[1]}" = 1770 ]
    inside --mount type=volume,src=labelled,dst=/v,volume-label=team=mail -- true
    [ "$(crank volume ls -q --filter label=team=mail)" = labelled ]
    local one
    for one in "type=bind,dst=/d|source is missing" \
        "type=image,src=x,dst=/d|type=image is not supported: bind, volume and tmpfs are" \
        "type=volume,dst=/d,volume-driver=nfs|volume-driver=nfs is not supported: volumes are local" \
        "type=volume,dst=/d,size=1|unknown key \"size\"" \
        "type=bind,src=/,dst=/d,bind-propagation=rshared|bind-propagation=rshared is not supported"; do
        run --separate-stderr inside --mount "${one%%|*}" -- true
        [ "$status" -eq 125 ]
        [[ ${stderr_lines[0]} == "crank run: --mount \"${one%%|*}\": ${one#*|}"* ]] || { echo "$stderr"; return 1; }
    done
    run --separate-stderr inside --mount "type=bind,src=$PWD/none,dst=/d" -- true
    [[ $stderr == *"$PWD/none does not exist"* ]]
}

@test "volumes with ids of their own, and in the strict sandbox" {
    local flags
    for flags in --userns=auto "--sandbox strict"; do
        # shellcheck disable=SC2086 # words
        run crank run --rm --network none $flags -u 1000 -v models:/data data sh -c 'stat -c "%u:%g %a" /data/file; echo "$(id -u)" >/data/mine; cat /data/file'
        [ "$output" = $'1000:1000 600\nimage' ] || { echo "$flags: $output"; return 1; }
        [ "$(stat -c %u "$CRANK_ROOT/volumes/models/_data/mine")" = 1000 ]
        crank volume rm models
    done
    # without, the same numbers
    crank run --rm --network none --userns=auto -u 1000 -v models:/data data touch /data/mine
    [ "$(crank run --rm --network none -v models:/data busybox stat -c %u /data/mine)" = 1000 ]
}

@test "df counts volumes, prune --volumes removes what is nobody's" {
    crank volume create >/dev/null
    inside -v models:/m -- dd if=/dev/zero of=/m/x bs=1M count=2 2>/dev/null
    crank run -d --name worker --network none -v models:/m busybox sleep 60
    run crank df --format '{{.Type}} {{.TotalCount}} {{.Active}}'
    [[ $output == *"Local Volumes 2 1"* ]]
    run crank df --format '{{.Type}} {{.Bytes}}'
    local bytes
    bytes=$(sed -n 's/^Local Volumes //p' <<<"$output")
    [ "$bytes" -ge 2097152 ]
    [ "$bytes" -lt 3000000 ]
    crank prune -f --volumes
    [ "$(crank volume ls -q)" = models ]
}
