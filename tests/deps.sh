#!/bin/sh
# Installs the Debian packages that building, testing and measuring need; instant when all are here.
set -eu

packages="gcc g++ make pkg-config libc6-dev libmicrohttpd-dev libhiredis-dev libuv1-dev libcjson-dev
libyaml-dev libcurl4-gnutls-dev libgnutls28-dev libsystemd-dev libzstd-dev uthash-dev check valgrind
redis-server redis-tools util-linux tzdata python3 python3-pytest curl jq procps systemd
clang-format clang-tidy cppcheck gcovr"
# For `make bench` alone: make deps BENCH=1
[ -z "${BENCH:-}" ] || packages="$packages nginx-light wrk webdis prometheus-redis-exporter"

if ! command -v apt-get >/dev/null 2>&1; then
	echo "This machine has no apt-get. cachewarden needs what these Debian packages bring:"
	echo "$packages"
	exit 0
fi
missing=$(for p in $packages; do
	dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null | grep -qx installed || echo "$p"
done)
[ -n "$missing" ] || exit 0
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
echo "installing:" $missing
# A service that a package would start has no business on a developer's machine.
$sudo apt-get update -qq
DEBIAN_FRONTEND=noninteractive $sudo env RUNLEVEL=1 apt-get install -y -qq \
	--no-install-recommends $missing
