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
# The unified hierarchy alone, as a systemd of today mounts it.
mount -t cgroup2 -o nsdelegate cgroup2 /sys/fs/cgroup
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
bash "$dir/command" </dev/null
echo "vm: the command ended with $?"
sync
echo o >/proc/sysrq-trigger
sleep 60
