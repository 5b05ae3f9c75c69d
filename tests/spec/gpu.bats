#!/usr/bin/env bats
# GPUs and other devices: CDI files, drivers in a root of the tests' own, what is said where one is
# missing.

# shellcheck disable=SC2154 # run sets stderr
# shellcheck disable=SC2016 # what stands in single quotes the shell in the container expands
bats_require_minimum_version 1.5.0
load ../lib/crank

setup_file() {
    crank_setup_file
    busybox_image
    glibc_image
}
setup() {
    crank_setup
    require "device nodes (CAP_MKNOD)" can_make_nodes
    world=$CRANK_TEST_DIR/world
    rm -rf "$world"
    mkdir -p "$world/cdi" "$world/run"
    crank config set gpu.driver-root "$world"
    crank config set cdi.dirs "$world/cdi,$world/run"
}
teardown() { crank_teardown; }
teardown_file() { crank_teardown_file; }

can_make_nodes() {
    rm -f "$CRANK_TEST_DIR/node" && mknod "$CRANK_TEST_DIR/node" c 1 3 && rm "$CRANK_TEST_DIR/node"
}

# The image `glibc`: busybox, glibc's linker, and `find`, which opens libraries by their names.
glibc_image() {
    is_root && can_run >/dev/null 2>&1 || return 0 # the tests say why they skip
    local context=$CRANK_TEST_DIR/glibc-context file
    mkdir -p "$context/root"
    cat >"$context/find.c" <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
int main(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
        void* library = dlopen(argv[i], RTLD_NOW);
        struct link_map* map = NULL;
        if (library == NULL || dlinfo(library, RTLD_DI_LINKMAP, &map) != 0) return puts(dlerror()), 1;
        const char* (*version)(void) = (const char* (*)(void))dlsym(library, "driver_version");
        printf("%s %s\n", map->l_name, version == NULL ? "" : version());
    }
    return 0;
}
END
    gcc -O1 -o "$context/root/find" "$context/find.c"
    for file in $(ldd "$context/root/find" | grep -o '/[^ ]*') /sbin/ldconfig; do
        mkdir -p "$context/root$(dirname "$file")"
        cp -L "$file" "$context/root$file"
    done
    mkdir -p "$context/root/etc/ld.so.conf.d"
    echo 'include /etc/ld.so.conf.d/*.conf' >"$context/root/etc/ld.so.conf"
    printf 'FROM busybox\nCOPY root/ /\n' >"$context/Dockerfile"
    crank build -q -t glibc "$context" >/dev/null
    printf 'FROM glibc\nRUN ["/sbin/ldconfig"]\n' | crank build -q -t glibc-cache - >/dev/null
}

# nvidia VERSION: a driver with two GPUs; number 0 by the bus is /dev/nvidia1
nvidia() {
    local lib=$world/usr/lib/x86_64-linux-gnu name number=0 bus
    mkdir -p "$lib" "$world/dev" "$world/usr/bin" "$world/proc/driver/nvidia"
    rm -f "$lib"/*
    printf 'NVRM version: NVIDIA UNIX x86_64 Kernel Module  %s  Thu Feb 22 2024\nGCC version: 12\n' \
        "$1" >"$world/proc/driver/nvidia/version"
    for bus in 0000:af:00.0 0000:3b:00.0; do
        mkdir -p "$world/proc/driver/nvidia/gpus/$bus"
        printf 'Model: \t NVIDIA Test\nGPU UUID: \t GPU-%s\nDevice Minor: \t %s\n' \
            "${bus:5:2}" "$number" >"$world/proc/driver/nvidia/gpus/$bus/information"
        node "/dev/nvidia$number" 195 "$number"
        number=$((number + 1))
    done
    node /dev/nvidiactl 195 255
    node /dev/nvidia-uvm 511 0
    echo "const char* driver_version(void) { return \"$1\"; }" >"$world/driver.c"
    for name in libcuda libnvidia-ml libnvidia-encode; do
        gcc -shared -fPIC -Wl,-soname,$name.so.1 -o "$lib/$name.so.$1" "$world/driver.c"
        ln -s "$name.so.$1" "$lib/$name.so.1"
    done
    ln -s libcuda.so.1 "$lib/libcuda.so"
    printf '#!/bin/sh\necho smi of %s\n' "$1" >"$world/usr/bin/nvidia-smi"
    chmod +x "$world/usr/bin/nvidia-smi"
}
node() {
    mkdir -p "$world$(dirname "$1")"
    rm -f "$world$1"
    mknod -m "${4:-666}" "$world$1" c "$2" "$3"
}

in_gpu() { crank run --rm --network none "$@"; }

@test "--gpus: nodes, libraries and programs of the driver, and nothing else" {
    nvidia 550.54.14
    run in_gpu --gpus all glibc sh -c 'ls /dev | grep nvidia; ls /usr/lib/crank-gpu; /usr/bin/nvidia-smi
        stat -c "%t:%T %a" /dev/nvidia1; touch /usr/lib/crank-gpu/libcuda.so.550.54.14 2>&1'
    [ "${output%%libcuda.so$'\n'*}" = $'nvidia-uvm\nnvidia0\nnvidia1\nnvidiactl\n' ]
    [[ $output == *$'libnvidia-ml.so.1\nlibnvidia-ml.so.550.54.14\nsmi of 550.54.14\nc3:1 666\n'* ]]
    [[ $output == *"Read-only file system"* ]]
    [[ $output != *encode* ]]
    run in_gpu --gpus 1 glibc sh -c 'ls /dev | grep nvidia.$'
    [ "$output" = nvidia1 ]
    run in_gpu --gpus '"device=1,GPU-3b"' glibc sh -c 'ls /dev | grep nvidia.$'
    [ "$output" = $'nvidia0\nnvidia1' ]
    run in_gpu --device nvidia.com/gpu=GPU-af glibc sh -c 'ls /dev | grep nvidia.$'
    [ "$output" = nvidia0 ]
    run in_gpu --gpus 'all,"capabilities=video,utility"' glibc ls /usr/lib/crank-gpu
    [[ $output == *libnvidia-encode.so.1* && $output == *libnvidia-ml.so.1* && $output != *libcuda* ]]
    run in_gpu glibc sh -c 'ls /dev | grep nvidia; ls /usr/lib/crank-gpu'
    [[ $output == *"No such file"* && $output != *nvidia0* ]]
}

@test "the linker of the image finds the driver's libraries, with and without a cache" {
    nvidia 550.54.14
    local image
    for image in glibc glibc-cache; do
        run in_gpu --gpus all $image /find libcuda.so.1 libnvidia-ml.so.1 libcuda.so
        [ "$status" -eq 0 ]
        [[ ${lines[0]} == "/usr/lib/crank-gpu/libcuda.so"*" 550.54.14" ]]
        [[ ${lines[1]} == "/usr/lib/crank-gpu/libnvidia-ml.so"*" 550.54.14" ]]
        # another user, without a variable, and after the image's own ldconfig
        run in_gpu --gpus all -u worker $image env -i /find libcuda.so.1
        [[ $output == "/usr/lib/crank-gpu/libcuda.so"* ]]
        run in_gpu --gpus all $image sh -c '/sbin/ldconfig && /find libcuda.so.1'
        [[ $output == *"/usr/lib/crank-gpu/libcuda.so"* ]]
        run in_gpu --gpus all --read-only $image /find libcuda.so.1
        [ "$status" -eq 0 ]
    done
    run in_gpu glibc /find libcuda.so.1
    [[ $output == *"cannot open shared object file"* ]]
    crank run -d --name held --network none --gpus all glibc sleep 100
    run crank exec held /find libcuda.so.1
    [ "$status" -eq 0 ]
}

@test "a driver that is changed between two starts is followed" {
    nvidia 550.54.14
    run in_gpu --gpus all glibc /find libcuda.so.1
    [[ $output == *" 550.54.14" ]]
    nvidia 570.86.15
    run in_gpu --gpus all glibc /find libcuda.so.1
    [[ $output == *" 570.86.15" ]]
}

@test "what of a driver is missing, and a wrong word, is named with what to do" {
    run --separate-stderr in_gpu --gpus all busybox true
    [ "$status" -eq 125 ]
    [[ ${stderr_lines[0]} == "crank run: --gpus all: this host has no GPU that crank can pass on: NVIDIA's driver is not loaded"* ]]
    [[ ${stderr_lines[1]} == "hint: crank doctor gpu"*"crank run --native -- COMMAND"* ]]
    nvidia 550.54.14
    run --separate-stderr in_gpu --gpus 3 busybox true
    [ "${stderr_lines[0]}" = "crank run: --gpus 3: this host has 2 GPUs (nvidia.com/gpu)" ]
    run --separate-stderr in_gpu --gpus device=5 busybox true
    [[ ${stderr_lines[0]} == *"no device nvidia.com/gpu=5: nvidia.com/gpu has 0, GPU-3b, 1, GPU-af, all" ]]
    run --separate-stderr in_gpu --gpus device=0,1 busybox true
    [[ ${stderr_lines[0]} == *"several devices need quotes, '\"device=0,1\"'" ]]
    mv "$world/usr/lib/x86_64-linux-gnu/libcuda.so.550.54.14" \
        "$world/usr/lib/x86_64-linux-gnu/libcuda.so.555.1"
    run --separate-stderr in_gpu --gpus all busybox true
    [[ ${stderr_lines[0]} == *"the loaded driver is 550.54.14, and the libraries are of another version"* ]]
    [[ ${stderr_lines[1]} == "hint: restart the machine"* ]]
    rm "$world/dev/nvidia-uvm"
    run --separate-stderr in_gpu --gpus all busybox true
    [[ ${stderr_lines[0]} == *"/dev/nvidia-uvm is missing, which CUDA needs" ]]
    [[ ${stderr_lines[1]} == *"nvidia-modprobe -c 0 -u"* ]]
    run --separate-stderr crank run --native --gpus all -- true
    [ "$status" -eq 125 ]
}

@test "an image that wants a newer CUDA than the driver has is warned of" {
    nvidia 470.256.02
    printf 'FROM busybox\nENV NVIDIA_REQUIRE_CUDA="cuda>=12.4 brand=tesla,driver>=470" NVIDIA_VISIBLE_DEVICES=all\n' |
        crank build -q -t cuda - >/dev/null
    run --separate-stderr in_gpu --gpus all cuda true
    [ "$status" -eq 0 ]
    [[ $stderr == *"the image wants CUDA 12.4 (NVIDIA_REQUIRE_CUDA), and the driver 470.256.02 has 11.4"* ]]
    # an image chooses no device
    run in_gpu cuda sh -c 'ls /dev | grep -c nvidia'
    [ "$output" = 0 ]
}

@test "AMD's and Intel's GPUs, with the group of their nodes" {
    mkdir -p "$world/sys/class/drm/renderD128/device/drm/card0"
    echo 0x1002 >"$world/sys/class/drm/renderD128/device/vendor"
    node /dev/dri/renderD128 226 128 660
    node /dev/dri/card0 226 0 660
    run --separate-stderr in_gpu --gpus all busybox true
    [[ ${stderr_lines[0]} == *"/dev/kfd is missing, which ROCm needs" ]]
    node /dev/kfd 235 0 660
    chgrp 109 "$world/dev/dri/renderD128" "$world/dev/kfd"
    run in_gpu --gpus all -u worker busybox sh -c 'id -G; stat -c "%n %g %a" /dev/kfd /dev/dri/*'
    [ "${lines[0]}" = "1000 44 109" ]
    [ "${lines[1]}" = "/dev/kfd 109 660" ]
    [ "${lines[3]}" = "/dev/dri/renderD128 109 660" ]
    run in_gpu --device amd.com/gpu=0 busybox ls /dev/dri
    [ "$output" = $'card0\nrenderD128' ]
    echo 0x8086 >"$world/sys/class/drm/renderD128/device/vendor"
    run in_gpu --gpus 1,driver=intel busybox ls /dev/dri
    [ "$output" = $'card0\nrenderD128' ]
}

@test "a CDI file says what a container gets, and comes before the driver" {
    nvidia 550.54.14
    mkdir -p "$world/data"
    echo of the file >"$world/data/text"
    node /dev/special 10 229
    cat >"$world/cdi/vendor.yaml" <<END
cdiVersion: 0.7.0
kind: nvidia.com/gpu
containerEdits:
  env: [FROM=file, GREETING=changed]
  mounts:
  - {hostPath: $world/data, containerPath: /data, options: [ro, rbind, nosuid]}
  additionalGids: [77]
  hooks:
  - {hookName: createContainer, path: /usr/bin/nvidia-cdi-hook, args: [nvidia-cdi-hook, create-symlinks, --link, text::/links/one]}
devices:
- name: "0"
  containerEdits:
    deviceNodes: [{path: /dev/special, hostPath: $world/dev/special, permissions: r, fileMode: 416, gid: 9}]
END
    run in_gpu --gpus all -u worker -e GREETING=hello busybox sh -c 'echo $FROM $GREETING; cat /data/text
        id -G; stat -c "%t:%T %a %u:%g" /dev/special; readlink /links/one; ls /dev | grep -c nvidia
        touch /data/x 2>&1'
    [ "${lines[0]}" = "file changed" ]
    [ "${lines[1]}" = "of the file" ]
    [ "${lines[2]}" = "1000 44 77" ]
    [ "${lines[3]}" = "a:e5 640 1000:9" ]
    [ "${lines[4]}" = text ]
    [ "${lines[5]}" = 0 ]
    [[ ${lines[6]} == *"Read-only"* ]]
    run crank run --explain --network none --device nvidia.com/gpu=0 busybox true
    [[ $output == *"make device /dev/special"* && $output == *"link /links/one to text"* ]]
    if grep -q ' - cgroup .*devices' /proc/self/mountinfo; then
        [[ $output == *"write 'c 10:229 r' to devices.allow"* && $output != *"'c 10:229 rwm'"* ]]
    fi
    # the later directory counts, in JSON
    echo '{"cdiVersion":"0.5.0","kind":"nvidia.com/gpu","devices":[{"name":"0","containerEdits":{"env":["FROM=run"]}}]}' >"$world/run/other.json"
    run in_gpu --gpus 1 busybox sh -c 'echo $FROM'
    [ "$output" = run ]
    cp "$world/run/other.json" "$world/run/again.json"
    run --separate-stderr in_gpu --gpus 1 busybox true
    [[ ${stderr_lines[0]} == *"nvidia.com/gpu=0 is defined twice, in $world/run/again.json and in $world/run/other.json" ]]
}

@test "hooks of a CDI file run at their points, with an environment of their own" {
    cat >"$world/hook" <<END
#!/bin/sh
{ echo "\$1"; env | grep -v '^PWD\|^SHLVL\|^_='; grep -o '"status": *"[a-z]*"\|"bundle": *"[^"]*"'; } >>"$world/log"
[ ! -e "$world/fail-\$1" ] || { echo no such luck; exit 3; }
END
    chmod +x "$world/hook"
    {
        printf 'cdiVersion: 0.6.0\nkind: vendor.com/thing\ndevices:\n- name: a\n  containerEdits:\n    hooks:\n'
        for point in createRuntime createContainer poststart; do
            printf '    - {hookName: %s, path: %s, args: [hook, %s]}\n' $point "$world/hook" $point
        done
        printf '    - {hookName: startContainer, path: /bin/sh, args: [sh, -c, "id -u >/scratch/who"]}\n'
    } >"$world/cdi/hooks.yaml"
    SECRET=mine run in_gpu -e LD_PRELOAD=/evil.so -u worker --tmpfs /scratch:mode=1777 \
        --device vendor.com/thing=a busybox \
        sh -c 'sleep 0.2; cat /scratch/who'
    [ "$output" = 1000 ]
    [ "$(grep -c . "$world/log")" -eq 12 ]
    run grep -v '"' "$world/log"
    [ "$output" = "createRuntime
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
createContainer
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
poststart
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" ]
    # also with a network, and one that fails ends the container
    run crank run --rm --tmpfs /scratch:mode=1777 --device vendor.com/thing=a busybox true
    [ "$status" -eq 0 ]
    # one that has ended and is gone before its poststart hooks are called
    {
        printf 'cdiVersion: 0.6.0\nkind: vendor.com/brief\ndevices:\n- name: a\n  containerEdits:\n    hooks:\n'
        printf '    - {hookName: poststart, path: /bin/sh, args: [sh, -c, "while [ -e config.json ]; do sleep 0.05; done"], timeout: 20}\n'
        printf '    - {hookName: poststart, path: %s, args: [hook, afterwards]}\n' "$world/hook"
    } >"$world/cdi/brief.yaml"
    run -0 crank run --rm --network none --device vendor.com/brief=a busybox true
    grep -q '^afterwards$' "$world/log"
    for point in createRuntime createContainer poststart; do
        touch "$world/fail-$point"
        run --separate-stderr crank run --rm --tmpfs /scratch:mode=1777 --device vendor.com/thing=a busybox sleep 100
        [ "$status" -eq 125 ]
        [[ $stderr == *"error running $point hook #0: $point hook failed with exit code 3 ($world/hook): no such luck"* ]]
        rm "$world/fail-$point"
    done
    sed -i 's/hookName: poststart/hookName: poststop/' "$world/cdi/hooks.yaml"
    run --separate-stderr in_gpu --device vendor.com/thing=a busybox true
    [[ ${stderr_lines[0]} == *"containerEdits.hooks: poststop hooks ($world/hook) are called by crank oci alone" ]]
}

@test "a hook that hangs and names no timeout ends with the start, and what it had started goes" {
    local point hook=/bin/sh
    for point in createRuntime createContainer startContainer poststart; do
        printf 'cdiVersion: 0.6.0\nkind: vendor.com/thing\ndevices:\n- name: a\n  containerEdits:\n    hooks:\n    - {hookName: %s, path: %s, args: [sh, -c, "echo waiting; exec sleep 1000"]}\n' \
            "$point" "$hook" >"$world/cdi/hooks.yaml"
        crank config set hooks.timeout 2
        run -125 --separate-stderr timeout 20 crank run -d --name hung --network none \
            --device vendor.com/thing=a busybox sleep 100
        [[ $stderr == *"error running $point hook #0: $point hook was killed at its timeout of 2 s ($hook): waiting"* ]]
        run -0 crank ps -aq
        [ -z "$output" ]
    done
    # its own counts; so does none
    sed -i 's/exec sleep 1000"\]/sleep 1.5"], timeout: 10/' "$world/cdi/hooks.yaml"
    run -0 crank run --rm --network none --device vendor.com/thing=a busybox true
    crank config set hooks.timeout soon
    run -125 --separate-stderr crank run --rm --network none --device vendor.com/thing=a busybox true
    [[ $stderr == *'hooks.timeout of the configuration: "soon" is no number of seconds from 1 to 86400'* ]]
    crank config unset hooks.timeout
}

@test "malformed and stale CDI files are named, with the field" {
    echo '{"cdiVersion": "0.5.0", "kind": "vendor.com/thing",' >"$world/cdi/a.json"
    run --separate-stderr in_gpu --device vendor.com/thing=a busybox true
    [[ ${stderr_lines[0]} == *"no device vendor.com/thing=a"*"CDI file $world/cdi/a.json: the document is not valid JSON at line"* ]]
    printf 'cdiVersion: 0.5.0\nkind: vendor.com/thing\ndevices: [{name: a, containerEdits: {mount: []}}]\n' >"$world/cdi/a.json"
    mv "$world/cdi/a.json" "$world/cdi/a.yaml"
    run --separate-stderr in_gpu --device vendor.com/thing=a busybox true
    [[ ${stderr_lines[0]} == *"a.yaml: 'devices[0].containerEdits.mount' is not a known field"* ]]
    printf 'cdiVersion: 0.5.0\nkind: vendor.com/thing\ndevices: [{name: a, containerEdits: {mounts: [{hostPath: /gone/lib.so, containerPath: /lib.so}]}}]\n' >"$world/cdi/a.yaml"
    run --separate-stderr in_gpu --device vendor.com/thing=a busybox true
    [[ ${stderr_lines[0]} == *"CDI file $world/cdi/a.yaml: mounts: /gone/lib.so does not exist on this host" ]]
    [[ ${stderr_lines[1]} == "hint: the driver was changed since the CDI file was written"* ]]
    printf 'cdiVersion: 1.1.0\nkind: vendor.com/thing\ndevices: [{name: a, containerEdits: {netDevices: [{hostInterfaceName: x, name: y}]}}]\n' >"$world/cdi/a.yaml"
    run --separate-stderr in_gpu --device vendor.com/thing=a busybox true
    [[ ${stderr_lines[0]} == *"containerEdits.netDevices: crank does not move interfaces"* ]]
}

@test "--device: paths, permissions, directories" {
    node /dev/one 10 229
    node /dev/group/two 10 200
    run in_gpu --device "$world/dev/one:/dev/mine:r" --device "$world/dev/group:/dev/g" busybox \
        stat -c '%n %t:%T' /dev/mine /dev/g/two
    [ "$output" = $'/dev/mine a:e5\n/dev/g/two a:c8' ]
    run --separate-stderr in_gpu --device /dev/crank-none busybox true
    [ "$status" -eq 125 ]
    [ "${stderr_lines[0]}" = "crank run: --device /dev/crank-none: /dev/crank-none does not exist on this host" ]
    run --separate-stderr in_gpu --device /etc/passwd busybox true
    [[ ${stderr_lines[0]} == *"/etc/passwd is no device node" ]]
    [[ ${stderr_lines[1]} == "hint: for a file or directory: -v /etc/passwd"* ]]
    run --separate-stderr in_gpu --device fuse busybox true
    [[ ${stderr_lines[0]} == *'--device: "fuse" is no name of a device' ]]
    run --separate-stderr in_gpu --device /dev/a:/dev/b:q busybox true
    [[ ${stderr_lines[0]} == *'"q" are no letters of rwm' ]]
}

@test "an image's links lead a driver nowhere" {
    nvidia 550.54.14
    mkdir -p "$CRANK_TEST_DIR/evil/usr/lib" "$CRANK_TEST_DIR/evil/etc" "$CRANK_TEST_DIR/outside"
    ln -sfn "../../../../../../../../$CRANK_TEST_DIR/outside" "$CRANK_TEST_DIR/evil/usr/lib/crank-gpu"
    ln -sfn /proc/1/environ "$CRANK_TEST_DIR/evil/etc/ld.so.cache"
    printf 'FROM glibc\nCOPY evil/ /\n' >"$CRANK_TEST_DIR/Dockerfile.evil"
    crank build -q -t evil -f "$CRANK_TEST_DIR/Dockerfile.evil" "$CRANK_TEST_DIR" >/dev/null
    run in_gpu --gpus all evil /find libcuda.so.1
    [ -z "$(ls -A "$CRANK_TEST_DIR/outside")" ]
    [ "$status" -eq 0 ]
    [ -L "$CRANK_TEST_DIR/evil/etc/ld.so.cache" ]
    # /etc as a link: the variable is the way out
    mkdir -p "$CRANK_TEST_DIR/moved/root"
    cp -a "$CRANK_TEST_DIR/busybox-context/root/." "$CRANK_TEST_DIR/glibc-context/root/." \
        "$CRANK_TEST_DIR/moved/root/"
    mv "$CRANK_TEST_DIR/moved/root/etc" "$CRANK_TEST_DIR/moved/root/other"
    ln -s other "$CRANK_TEST_DIR/moved/root/etc"
    printf 'FROM scratch\nCOPY root/ /\nENV PATH=/bin:/sbin\n' >"$CRANK_TEST_DIR/moved/Dockerfile"
    crank build -q -t moved "$CRANK_TEST_DIR/moved" >/dev/null
    run in_gpu --gpus all moved sh -c 'echo $LD_LIBRARY_PATH; /find libcuda.so.1'
    [ "${lines[0]}" = /usr/lib/crank-gpu ]
    [[ ${lines[1]} == "/usr/lib/crank-gpu/libcuda.so"* ]]
}

@test "doctor gpu: what is there, what is missing, as text and JSON" {
    run crank doctor gpu
    [ "$status" -eq 1 ]
    [[ $output == *"missing  --gpus all: no GPU on this host"*"do:  install the driver"* ]]
    nvidia 550.54.14
    run crank doctor gpu
    [ "$status" -eq 0 ]
    [[ $output == *"ok       NVIDIA driver: 550.54.14, CUDA 12.4"* ]]
    [[ $output == *"0: NVIDIA Test GPU-3b; 1: NVIDIA Test GPU-af"* ]]
    echo 'kind: x' >"$world/cdi/broken.yaml"
    rm "$world/dev/nvidiactl"
    run crank doctor gpu --format json
    [ "$status" -eq 1 ]
    [ "$(jq -r .ok <<<"$output")" = false ]
    [ "$(jq -r '.checks[] | select(.name == "CDI file") | .state' <<<"$output")" = warning ]
    [ "$(jq -r '.checks[] | select(.name == "NVIDIA files") | .found' <<<"$output")" = "the device node /dev/nvidiactl is missing" ]
    run --separate-stderr crank doctor gpu --format yaml
    [ "$status" -eq 2 ]
    [ "${stderr_lines[0]}" = 'crank doctor gpu: --format "yaml": text or json' ]
}

@test "doctor: the host, check by check" {
    run crank doctor --format json
    [ "$status" -eq 0 ]
    [ "$(jq -r .ok <<<"$output")" = true ]
    for name in rights kernel crank-shim cgroups namespaces seccomp overlayfs landlock "ip forwarding"; do
        [ "$(jq -r --arg name "$name" '.checks[] | select(.name == $name) | .why != ""' <<<"$output")" = true ]
    done
    [ "$(jq '[.checks[] | select(.state != "ok" and .remedy == "")] | length' <<<"$output")" = 0 ]
    run as_nobody env HOME=/nonexistent crank doctor
    [[ $output == *"ok       rights: user 65534, in a user namespace"* ]]
    [[ $output == *"warning  subordinate ids: 0 in /etc/subuid"*"usermod --add-subuids"* ]]
}

@test "a GPU of this host answers in a container" {
    if [ ! -e /dev/nvidiactl ]; then skip "this host has no GPU of NVIDIA's"; fi
    crank config unset gpu.driver-root
    run in_gpu --gpus all glibc nvidia-smi -L
    [[ $output == *GPU-* ]]
}
