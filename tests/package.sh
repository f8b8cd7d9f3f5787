#!/bin/bash
# SPDX-License-Identifier: MIT
# package.sh FOLDER: installs, upgrades, removes and purges the packages of FOLDER on this machine,
# as root, and checks what is there after each step. For machines that are thrown away afterwards:
# `make debian12 AS=root TARGETS=deb-test`, `make debian13 TARGETS=deb-test`.
set -euo pipefail

folder=$(realpath "$1")
token_file=/etc/cachewarden/admin-token
config=/etc/cachewarden/cachewarden.yaml
export DEBIAN_FRONTEND=noninteractive

fail()
{
	echo "package.sh: $*" >&2
	exit 1
}

step()
{
	echo "package.sh: $*"
}

# expect WHAT COMMAND...
expect()
{
	local what=$1

	shift
	"$@" >/dev/null || fail "not so: $what"
}

# The daemon as the unit starts it, where no systemd runs: as its user, with its folders.
serve()
{
	mkdir -p /run/cachewarden
	chown cachewarden: /run/cachewarden
	setpriv --reuid cachewarden --regid cachewarden --clear-groups \
		cachewardend --config $config --ready-file /run/cachewarden/ready 2>/tmp/daemon.log &
	daemon=$!
	for _ in $(seq 100); do
		[ ! -e /run/cachewarden/ready ] || return 0
		kill -0 "$daemon" 2>/dev/null || { cat /tmp/daemon.log; fail "the daemon ended"; }
		sleep 0.1
	done
	cat /tmp/daemon.log
	fail "the daemon is not ready"
}

status_of()
{
	curl -s -o /dev/null -w '%{http_code}' "$@" \
		--unix-socket /run/cachewarden/admin.sock http://localhost/api/v1/admin/cache/stats
}

end_serving()
{
	kill "$daemon"
	wait "$daemon" || fail "the daemon ended with status $?"
	rm -f /run/cachewarden/ready
}

install_packages()
{
	local packages=("$folder"/cachewarden_*.deb "$folder"/libcachewarden0_*.deb "$folder"/libcachewarden-dev_*.deb)

	apt-get install -y -qq --no-install-recommends curl pkg-config gcc libc6-dev procps >/tmp/apt.log 2>&1 ||
		{ cat /tmp/apt.log; fail "curl, gcc, procps"; }
	apt-get install -y --no-install-recommends "${packages[@]}" >/tmp/install.log 2>&1 ||
		{ cat /tmp/install.log; fail "the packages cannot be installed"; }
	[ "$(grep -c "$token_file" /tmp/install.log)" = 1 ] || fail "the place of the token is not printed once"
}

check_installed()
{
	expect "the user exists" getent passwd cachewarden
	[ "$(stat -c '%U %a' $token_file)" = "root 600" ] || fail "$token_file is not root's alone"
	[ "$(stat -c '%U:%G %a' $config)" = "root:cachewarden 640" ] || fail "$config: $(stat -c '%U:%G %a' $config)"
	[ "$(stat -c '%G' /etc/cachewarden/conf.d/admin-token.yaml)" = cachewarden ] || fail "the digest cannot be read"
	expect "the service is enabled" test -e /etc/systemd/system/multi-user.target.wants/cachewardend.service
	expect "the socket is not" test ! -e /etc/systemd/system/sockets.target.wants/cachewardend.socket
	expect "the configuration is valid" cachewardend --check-config
	expect "the command line is there, with its page" sh -c "cachewarden --version && test -e /usr/share/man/man1/cachewarden.1.gz"
	serve
	[ "$(status_of)" = 401 ] || fail "a caller without a token gets $(status_of)"
	[ "$(status_of --oauth2-bearer "$(cat $token_file)")" = 200 ] || fail "the token does not open stats"
	expect "the command line reaches it" cachewarden --token-file $token_file jobs
	end_serving
}

check_library()
{
	cat >/tmp/program.c <<-'END'
		#include <cachewarden/cachewarden.h>
		#include <stdio.h>
		int main(void) { return puts(cw_version()) < 0; }
	END
	gcc -o /tmp/program /tmp/program.c $(pkg-config --cflags --libs libcachewarden)
	/tmp/program
}

# The same package with a higher version and another conffile.
make_next()
{
	local tree=/tmp/next

	rm -rf $tree
	dpkg-deb -R "$folder"/cachewarden_*.deb $tree
	sed -i 's/^Version: .*/&+next/' $tree/DEBIAN/control
	echo "# of the next version" >>$tree$config
	dpkg-deb -b $tree /tmp/next.deb >/dev/null
}

check_upgrade()
{
	local before

	before=$(cat $token_file)
	echo "# edited here" >>$config
	make_next
	dpkg --force-confdef --force-confold -i /tmp/next.deb >/tmp/upgrade.log 2>&1 ||
		{ cat /tmp/upgrade.log; fail "the upgrade"; }
	expect "the edited file is kept" grep -q "edited here" $config
	[ "$(cat $token_file)" = "$before" ] || fail "the upgrade made another token"
	! grep -q "$token_file" /tmp/upgrade.log || fail "the upgrade speaks of the token"
	serve
	[ "$(status_of --oauth2-bearer "$before")" = 200 ] || fail "the token is refused after the upgrade"
	end_serving
}

check_removal()
{
	apt-get remove -y -qq cachewarden >/tmp/remove.log 2>&1 || { cat /tmp/remove.log; fail "remove"; }
	expect "the program is gone" test ! -e /usr/bin/cachewardend
	expect "the configuration stays" grep -q "edited here" $config
	apt-get purge -y -qq cachewarden libcachewarden-dev libcachewarden0 >/tmp/purge.log 2>&1 ||
		{ cat /tmp/purge.log; fail "purge"; }
	! getent passwd cachewarden || fail "the user is left"
	left=$(find / -xdev \( -path /proc -o -path /srv -o -path /src -o -path /tmp -o -path /var/cache \
		-o -path "$folder" \) -prune -o -iname '*cachewarden*' -print)
	[ -z "$left" ] || fail "left behind: $left"
}

[ "$(id -u)" = 0 ] || fail "needs root"
step "install"
install_packages
check_installed
step "library"
check_library
step "upgrade"
check_upgrade
step "remove and purge"
check_removal
step "passed"
