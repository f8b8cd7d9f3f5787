#!/bin/bash
# SPDX-License-Identifier: MIT
# boot.sh FOLDER PROGRAM...: boots a systemd of its own over a throw-away copy of this machine, runs
# one program in it and ends with its status. Needs root, and a kernel that lets it.
#
#	this machine's files ──(read only)──┐
#	a tmpfs at FOLDER ──(all changes)───┴─ overlay ─ / of the new systemd, gone when it ends
#
# The tree that this script is in is at /run/tree in there; the program's output is in
# FOLDER/../output. Namespaces: mounts, processes, cgroups, host name, IPC, network (loopback only).
set -euo pipefail

if [ -z "${BOOT_INSIDE:-}" ]; then
	BOOT_INSIDE=1 exec unshare --mount --pid --fork --kill-child --cgroup --uts --ipc --net \
		bash "$0" "$@"
fi
folder=$1
shift
tree=$(cd "$(dirname "$0")/../.." && pwd)
shared=$(cd "$folder/.." && pwd)
root=$folder/root

mount --make-rprivate /
mount -t tmpfs none "$folder"
mkdir "$folder/upper" "$folder/work" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" "$root"
mount -t proc proc "$root/proc"
# Read-only: what is not in a namespace is none of its business.
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 none "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 none "$root/dev"
for device in null zero full random urandom tty; do
	touch "$root/dev/$device"
	mount --bind "/dev/$device" "$root/dev/$device"
done
ln -s /proc/self/fd "$root/dev/fd"
mkdir "$root/dev/shm" "$root/dev/pts"
mount -t tmpfs -o mode=1777 none "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 none "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t tmpfs -o mode=755 none "$root/run"
mkdir "$root/run/tree" "$root/run/shared"
mount --bind "$tree" "$root/run/tree"
mount --bind "$shared" "$root/run/shared"

# Nothing of this machine's own services; only what the program starts.
rm -rf "$root"/etc/systemd/system/* "$root/etc/machine-id"
: >"$root/etc/machine-id"
{
	printf '[Unit]\nDefaultDependencies=no\nAfter=systemd-journald.socket\n'
	printf '[Service]\nType=oneshot\nTimeoutStartSec=300\nExecStart='
	printf '"%s" ' "$@"
	printf '\nStandardOutput=append:/run/shared/output\nStandardError=inherit\n'
	# Its status becomes the status of the whole.
	printf 'ExecStopPost=/bin/sh -c "exec systemctl --no-block exit $$EXIT_STATUS"\n'
} >"$root/etc/systemd/system/program.service"

cd "$root"
mkdir -p old
pivot_root . old
umount --lazy old
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin \
	/lib/systemd/systemd --unit=program.service --log-target=journal --show-status=no </dev/null
