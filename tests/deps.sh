#!/bin/sh
# SPDX-License-Identifier: MIT
# deps.sh [--list] GROUP...: installs the Debian packages of these groups; instant when all are
# here. With --list it prints their names instead.
#   run    what building, and the demonstration of `make run`, need
#   test   what the suites need beside it
#   lint   what `make lint` and `make coverage` need
#   bench  the peers that `make bench` measures against
#   fuzz   clang and libFuzzer, for `make fuzz`
#   axe    npm, for `make axe`
#   package  what `make deb` needs
set -eu

run="gcc make pkg-config libc6-dev libmicrohttpd-dev libuv1-dev libcjson-dev
libyaml-dev libcurl4-gnutls-dev libpq-dev libgnutls28-dev libsystemd-dev libzstd-dev zlib1g-dev zstd uthash-dev libjs-dygraphs redis-server
curl jq"
test="g++ check gdb gnutls-bin valgrind redis-tools postgresql util-linux tzdata python3 python3-pytest python3-pytest-xdist
procps systemd faketime prometheus prometheus-alertmanager python3-yaml python3-jsonschema openapi-specification mandoc zsh fish
chromium chromium-driver python3-selenium"
lint="clang-format clang-tidy cppcheck gcovr python3 python3-yaml mypy pyflakes3"
bench="nginx-light wrk webdis prometheus-redis-exporter python3-redis python3-psycopg2"
fuzz="clang libclang-rt-dev"
axe="npm"
package="build-essential systemd debhelper dpkg-dev lintian"

list=
if [ "${1:-}" = --list ]; then
	list=1
	shift
fi
packages=
for group in "$@"; do
	case $group in
	run) packages="$packages $run" ;;
	test) packages="$packages $test" ;;
	lint) packages="$packages $lint" ;;
	bench) packages="$packages $bench" ;;
	fuzz) packages="$packages $fuzz" ;;
	axe) packages="$packages $axe" ;;
	package) packages="$packages $package" ;;
	*)
		echo "deps.sh: $group is not a group: run, test, lint, bench, fuzz, axe, package" >&2
		exit 2
		;;
	esac
done
if [ -n "$list" ]; then
	echo $packages
	exit 0
fi

if ! command -v apt-get >/dev/null 2>&1; then
	echo "This machine has no apt-get. Install what these Debian packages bring:" $packages
	exit 0
fi
missing=$(for p in $packages; do
	dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null | grep -qx installed || echo "$p"
done)
[ -n "$missing" ] || exit 0
sudo=
if [ "$(id -u)" != 0 ]; then
	sudo=sudo
	if ! command -v sudo >/dev/null 2>&1; then
		echo "Packages are missing, and neither root nor sudo is here to install them. As root:" >&2
		echo "  apt-get install --no-install-recommends" $missing >&2
		exit 1
	fi
fi
echo "installing:" $missing
said=$(mktemp)
trap 'rm -f "$said"' EXIT

# What apt says is shown only where it fails.
quietly()
{
	if ! "$@" >"$said" 2>&1; then
		cat "$said" >&2
		echo "deps.sh: the packages could not be installed: $*" >&2
		exit 1
	fi
}

quietly $sudo apt-get update -qq
# A service that a package would start has no business on a developer's machine.
quietly $sudo env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq \
	--no-install-recommends $missing
