#!/bin/bash
# SPDX-License-Identifier: MIT
# `make debian13`, as root: builds the tree in a folder with Debian 13 (GCC 14, hiredis 1.2,
# libmicrohttpd 1.0, libuv 1.50) and runs the unit and live suites there.
#   FOLDER=...   where that Debian is kept between runs (about 1 GB)
#   MIRROR=...   where it comes from, if not from debootstrap's default
#   TARGETS=...  what to make there, if not `check live`
set -euo pipefail

fail()
{
	echo "debian13: $*" >&2
	exit 1
}

# What tests/deps.sh installs, less what only lint and coverage need.
packages()
{
	sed -n '/^packages="/,/"$/p' tests/deps.sh | tr -d '"' | sed 's/^packages=//' | tr ' ' '\n' |
		grep -vE '^(clang-.*|cppcheck|gcovr|)$'
}

# The second half of this script runs inside, in a namespace of its own: nothing stays behind.
inside()
{
	cd /src
	missing=$(for p in $(packages); do
		dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null | grep -qx installed || echo "$p"
	done)
	if [ -n "$missing" ]; then
		apt-get update -qq
		apt-get install -y -qq --no-install-recommends $missing
	fi
	gcc --version | head -n 1
	dpkg-query -W -f '${Package} ${Version}\n' libmicrohttpd-dev libhiredis-dev libuv1-dev
	make -j"$(nproc)" all build/unit
	make $1
}

enter()
{
	mount --make-rprivate /
	mount -t proc proc "$folder/proc"
	mount --rbind /dev "$folder/dev"
	mount -t tmpfs -o mode=1777 none "$folder/tmp"
	exec chroot "$folder" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
		LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
		bash /src/tests/debian13.sh inside "$1"
}

# What is built there already is kept, so that only what changed is compiled again.
copy_tree()
{
	rm -rf "$folder/src.new"
	mkdir -p "$folder/src/build" "$folder/src.new"
	tar -c --exclude=./build --exclude=./.git . | tar -x -C "$folder/src.new"
	mv "$folder/src/build" "$folder/src.new/build"
	rm -rf "$folder/src"
	mv "$folder/src.new" "$folder/src"
}

if [ "${1:-}" = inside ]; then
	inside "$2"
	exit
fi
cd "$(dirname "$0")/.."
folder=${FOLDER:-/var/tmp/cachewarden-debian13}
if [ "${1:-}" = enter ]; then
	enter "$2"
fi
[ "$(id -u)" = 0 ] || fail "needs root, for chroot"
command -v debootstrap >/dev/null || fail "needs debootstrap"
if [ ! -e "$folder/ready" ]; then
	rm -rf "$folder"
	debootstrap --variant=minbase trixie "$folder" ${MIRROR:+"$MIRROR"}
	touch "$folder/ready"
fi
copy_tree
FOLDER=$folder exec unshare --mount --pid --fork --kill-child \
	bash tests/debian13.sh enter "${TARGETS:-check live}"
