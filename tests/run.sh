#!/bin/sh
# `make run`: starts the daemon in the foreground and says, once it serves, what to try.
set -eu

# A clone under umask 002 is group-writable, which the daemon refuses of files that name commands,
# and of their folders.
chmod go-w "$2" "$(dirname "$2")"

binary=$1
config=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

say_hello()
{
	while [ ! -e "$folder/ready" ]; do
		[ -d "$folder" ] || exit 0
		sleep 0.05
	done
	address=$(head -n 1 "$folder/ready")
	base=$address/api/v1/admin/cache
	printf '\ncachewarden serves on %s\n\n' "$address"
	printf '  curl -s %s/stats\n' "$base"
	printf "  curl -s --json '{\"cache_names\": [\"packages\"], \"wait\": 30}' %s/warm\n" "$base"
	printf "  curl -s --json '{\"patterns\": [\"package:lib*\"], \"dry_run\": true}' %s/invalidate\n\n" "$base"
}

say_hello &
# The daemon answers Ctrl-C itself; this shell waits for it, then cleans up.
trap '' INT
trap 'kill -TERM "$daemon" 2>/dev/null' TERM
"$binary" --config "$config" --ready-file "$folder/ready" &
daemon=$!
status=0
wait "$daemon" || status=$?
while kill -0 "$daemon" 2>/dev/null; do
	wait "$daemon" || status=$?
done
# EX_TEMPFAIL: an address is in use; the log says which.
if [ "$status" = 75 ]; then
	echo >&2
	echo "To listen on another address: CACHEWARDEN_LISTEN=127.0.0.1:8481 make run" >&2
fi
exit "$status"
