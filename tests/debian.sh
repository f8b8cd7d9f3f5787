#!/bin/bash
# SPDX-License-Identifier: MIT
# debian.sh 12|13, as root: this tree on a Debian of its own, in a folder.
#   12   `make debian12`: README's two commands, as on a new machine. debootstrap's smallest Debian,
#        with make, gets a copy of the tree in a folder whose name holds a blank; `make run` must
#        install what it needs, start, answer and end; then `make test`. Once as root, and once
#        more, on a Debian that is as bare, as a user with sudo.
#   13   `make debian13`: GCC 14, libmicrohttpd 1.0, libuv 1.50: `make check live` as
#        root. What is installed and built there is kept for the next run.
# Variables:
#   FOLDER=...   where that Debian is kept (about 1 GB a copy)
#   MIRROR=...   where it comes from, if not from debootstrap's default
#   TARGETS=...  what to make there instead; for Debian 12 after `make run`
#   AS=...       for Debian 12: `root`, `user`, or both, which is the default
#   CACHEWARDEN_LISTEN=...  where the demonstration of `make run` listens, if 8480 is taken
set -euo pipefail

fail()
{
	echo "debian.sh: $*" >&2
	exit 1
}

tree='/srv/cache warden'

# Inside -----------------------------------------------------------------------------------------

# `make run` starts, answers and ends at Ctrl-C, leaving no process behind. In the tree.
try_run()
{
	local said=/tmp/make-run.said run address end=$((SECONDS + 1800))

	# The shell lets what it starts in the background ignore SIGINT: a terminal does not.
	env --default-signal=INT setsid make run >"$said" 2>&1 &
	run=$!
	until grep -q 'cachewarden serves on' "$said"; do
		kill -0 "$run" 2>/dev/null || { cat "$said"; fail "make run ended"; }
		[ "$SECONDS" -lt "$end" ] || { cat "$said"; fail "make run does not serve"; }
		sleep 1
	done
	address=$(sed -n 's/^cachewarden serves on //p' "$said")
	curl -sS "$address/api/v1/admin/cache/stats" | jq -e '.redis.status == "up"'
	curl -sS --json '{"cache_names": ["packages"], "wait": 30}' \
		"$address/api/v1/admin/cache/warm" | jq -e '.runs[0].result | .stored > 0 and .rows == .stored'
	kill -INT -- "-$run"
	wait "$run" || true
	! grep -sE '^(cachewardend|redis-server)' /proc/[0-9]*/comm ||
		fail "make run left processes behind"
	echo "make run: starts, answers, ends ($SECONDS s)"
}

new_machine()
{
	cd "$tree"
	try_run
	unset CACHEWARDEN_LISTEN
	make $targets
}

known_machine()
{
	cd /src
	sh tests/deps.sh run test
	gcc --version | head -n 1
	dpkg-query -W -f '${Package} ${Version}\n' libmicrohttpd-dev libuv1-dev
	make -j"$(nproc)" all build/unit
	make $targets
}

# What a new machine has beside debootstrap's minimum, then the tree, for root or for a new user.
prepare()
{
	apt-get update -qq
	apt-get install -y -qq --no-install-recommends make sudo >/dev/null
	# sudo looks up the name of the machine.
	echo "127.0.0.1 localhost $(cat /proc/sys/kernel/hostname)" >>/etc/hosts
	if [ "$1" = user ]; then
		useradd --create-home dev
		echo 'dev ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/dev
		chown -R dev: "$tree"
	fi
}

inside()
{
	version=$1
	as=$2
	targets=$3
	if [ "$version" = 13 ]; then
		known_machine
	elif [ "$as" = user ] && [ "$(id -u)" = 0 ]; then
		prepare user
		exec sudo -u dev -H --preserve-env=CACHEWARDEN_LISTEN bash "$tree/tests/debian.sh" inside 12 user "$targets"
	else
		[ "$as" = user ] || prepare root
		new_machine
	fi
}

# A namespace of its own: no mount and no process stays behind.
enter()
{
	local folder=$1 script=$2

	shift 2
	mount --make-rprivate /
	mount -t proc proc "$folder/proc"
	mount --rbind /dev "$folder/dev"
	mount -t tmpfs -o mode=1777 none "$folder/tmp"
	exec chroot "$folder" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
		LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
		${CACHEWARDEN_LISTEN:+CACHEWARDEN_LISTEN="$CACHEWARDEN_LISTEN"} bash "$script" inside "$@"
}

# Outside ----------------------------------------------------------------------------------------

# bootstrap SUITE FOLDER
bootstrap()
{
	[ ! -e "$2/ready" ] || return 0
	rm -rf "$2"
	debootstrap --variant=minbase "$1" "$2" ${MIRROR:+"$MIRROR"}
	touch "$2/ready"
}

copy_tree()
{
	mkdir -p "$1"
	tar -c --exclude=./build --exclude=./.git . | tar -x -C "$1"
}

within()
{
	unshare --mount --pid --fork --kill-child bash tests/debian.sh enter "$@"
}

debian12()
{
	local status=0 as begin

	bootstrap bookworm "$folder/bare"
	for as in ${AS:-root user}; do
		begin=$SECONDS
		rm -rf "${folder:?}/$as"
		cp -a "$folder/bare" "$folder/$as"
		copy_tree "$folder/$as$tree"
		if within "$folder/$as" "$tree/tests/debian.sh" 12 "$as" "${TARGETS:-test}"; then
			echo "debian12, as $as: passed ($((SECONDS - begin)) s)"
		else
			echo "debian12, as $as: FAILED ($((SECONDS - begin)) s)"
			status=1
		fi
	done
	return $status
}

# What is built there already is kept, so that only what changed is compiled again.
debian13()
{
	bootstrap trixie "$folder"
	rm -rf "$folder/src.new"
	copy_tree "$folder/src.new"
	mkdir -p "$folder/src/build"
	mv "$folder/src/build" "$folder/src.new/build"
	rm -rf "$folder/src"
	mv "$folder/src.new" "$folder/src"
	within "$folder" /src/tests/debian.sh 13 root "${TARGETS:-check live}"
}

case ${1:-} in
inside | enter)
	"$@"
	exit
	;;
12 | 13) ;;
*) fail "which Debian? 12 or 13" ;;
esac
cd "$(dirname "$0")/.."
folder=${FOLDER:-/var/tmp/cachewarden-debian$1}
[ "$(id -u)" = 0 ] || fail "needs root, for chroot"
command -v debootstrap >/dev/null || fail "needs debootstrap"
"debian$1"
