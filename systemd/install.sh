#!/bin/sh
# SPDX-License-Identifier: MIT
# The part of `make install` and `make uninstall` that concerns systemd:
#   install.sh [--remove] DESTDIR PREFIX SYSCONFDIR UNITDIR
# Units, sysusers and tmpfiles entries, with the paths of this installation in them.
set -eu

action=put
if [ "$1" = --remove ]; then
	action=remove
	shift
fi
destdir=$1
prefix=$2
sysconfdir=$3
unitdir=$4
here=$(dirname "$0")
# .../lib/systemd/system has its neighbours in .../lib/sysusers.d and .../lib/tmpfiles.d.
lib=${unitdir%/systemd/system}

put()
{
	mkdir -p "$destdir$(dirname "$2")"
	sed -e "s|/usr/bin/cachewardend|$prefix/bin/cachewardend|g" \
		-e "s|/etc/cachewarden|$sysconfdir/cachewarden|g" \
		-e "s|/etc/default|$sysconfdir/default|g" "$here/$1" >"$destdir$2.new"
	chmod 644 "$destdir$2.new"
	mv "$destdir$2.new" "$destdir$2"
}

remove()
{
	rm -f "$destdir$2"
}

$action cachewardend.service "$unitdir/cachewardend.service"
$action cachewardend@.service "$unitdir/cachewardend@.service"
$action cachewardend.socket "$unitdir/cachewardend.socket"
$action cachewarden.sysusers "$lib/sysusers.d/cachewarden.conf"
$action cachewarden.tmpfiles "$lib/tmpfiles.d/cachewarden.conf"

# An existing configuration may have been edited.
config=$destdir$sysconfdir/cachewarden/cachewarden.yaml
if [ "$action" = remove ]; then
	[ ! -e "$config" ] || echo "kept $config"
	[ -n "$destdir" ] || echo "now, as root: systemctl daemon-reload"
	exit 0
fi
if [ -e "$config" ]; then
	echo "kept $config"
else
	install -d -m 750 "$(dirname "$config")"
	install -m 640 "$here/../conf/cachewarden.yaml" "$config"
fi

# A package's scripts do this.
[ -n "$destdir" ] || cat <<END
now, as root:
  systemd-sysusers cachewarden.conf
  systemd-tmpfiles --create cachewarden.conf
  systemctl daemon-reload
  systemctl enable --now cachewardend
END
