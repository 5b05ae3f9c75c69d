#!/bin/bash
# inside.sh DIR: the first process of the guest once the host's files are its root. Runs DIR/command
# and says with which status it ended.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
dir=$1
top=${dir%/build/vm}
mount --bind "$top" /mnt
for place in /tmp /run /var/tmp /var/lib /root; do mount -t tmpfs -o mode=755 tmpfs "$place"; done
chmod 1777 /tmp /var/tmp
# the checkout may lie below one of them
mkdir -p "$top" && mount --bind /mnt "$top"
systemd=$(grep -o 'vm.systemd=[01]' /proc/cmdline)

# As systemd's unit, and nothing else of what is installed: it is the command that is tried.
run_below_systemd() {
    mkdir -p /run/systemd/system
    cat >/run/systemd/system/vm-command.service <<END
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
Environment=HOME=/root LC_ALL=C.UTF-8 PATH=$PATH
TimeoutStartSec=infinity
StandardInput=null
StandardOutput=file:/dev/console
StandardError=file:/dev/console
ExecStart=-/bin/bash -c 'bash $dir/command; echo "vm: the command ended with \$?"'
ExecStopPost=/bin/bash -c 'sync; echo o >/proc/sysrq-trigger; sleep 60'
END
    exec /lib/systemd/systemd --unit=vm-command.service --log-level=notice --log-target=console \
        --show-status=false
}

# The unified hierarchy alone, as a systemd of today mounts it.
[ "$systemd" = vm.systemd=1 ] || mount -t cgroup2 -o nsdelegate cgroup2 /sys/fs/cgroup
ln -s /proc/self/fd /dev/fd
ln -s /proc/self/fd/0 /dev/stdin
ln -s /proc/self/fd/1 /dev/stdout
ln -s /proc/self/fd/2 /dev/stderr
mkdir -p /dev/pts /dev/shm /dev/mqueue
mount -t devpts -o ptmxmode=666 devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
for disk in /sys/block/vd*; do
    if [ "$(cat "$disk/serial")" = scratch ]; then mkdir -p /dev/disk && ln -s "/dev/${disk##*/}" /dev/disk/scratch; fi
done
ip link set lo up
hostname crank-vm
[ "$systemd" != vm.systemd=1 ] || run_below_systemd
bash "$dir/command" </dev/null
echo "vm: the command ended with $?"
sync
echo o >/proc/sysrq-trigger
sleep 60
