#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The guest's first process: runs the job on the disk "payload" and leaves what the job put into
# /run/results, as a tar, on the disk "results". The machine is switched off in any case.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL=C.UTF-8 HOME=/run PYTHONDONTWRITEBYTECODE=1

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mountpoint -q /dev || mount -t devtmpfs dev /dev
mkdir -p /dev/shm
for place in /dev/shm /tmp /run; do mount -t tmpfs tmpfs "$place"; done
mkdir /run/results
ip link set lo up 2>/dev/null

modules=/lib/modules/$(uname -r)/kernel
insmod "$modules/drivers/block/virtio_blk.ko.xz"
disk() { grep -lx "$1" /sys/block/vd*/serial | cut -d/ -f4; }
mount -t ext4 -o ro "/dev/$(disk payload)" /payload

sh -eu /payload/job.sh
echo $? >/run/results/status
dmesg >/run/results/dmesg
tar -C /run/results -cf "/dev/$(disk results)" .
sync
echo o >/proc/sysrq-trigger
sleep 60
