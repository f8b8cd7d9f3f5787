#!/bin/sh
# SPDX-License-Identifier: MIT
# `make test`: runs every stage, even after one that failed, and reports the time and the verdict of
# each; the exit status is 1 if any failed.
#
#	build | unit | live | live on other topologies | asan unit | asan live | tsan
#	      | asan build, lint, tsan build                               |
#
# The lower row runs at nice 19 with what the tests, which mostly wait, leave of the processors. Its
# output is kept and written between two stages of the upper row.
#   MAKE=...  the make to use     JOBS=...  its -j option, if it needs one     BUILD=...
set -u
TOPOLOGIES="tls sentinel cluster" # beside one server

# stage NAME TARGETS...
stage()
{
	name=$1
	shift
	begin=$(date +%s)
	if "${MAKE:-make}" --no-print-directory "$@"; then
		verdict=passed
	else
		verdict=FAILED
		echo "$name" >>"$STATE/failed"
	fi
	echo "  STAGE $name $verdict ($(($(date +%s) - begin)) s)"
}

# beside NUMBER NAME TARGETS...: a stage of the lower row.
beside()
{
	output=$STATE/$1
	shift
	stage "$@" >"$output" 2>&1
	mv "$output" "$output.ended"
}

lower_row()
{
	beside 1 "asan build" $JOBS MODE=asan BUILD="$BUILD/asan" all "$BUILD/asan/unit" library
	: >"$STATE/asan"
	beside 2 lint lint
	beside 3 "tsan build" $JOBS MODE=tsan BUILD="$BUILD/tsan" library
}

write_ended()
{
	for output in "$STATE"/*.ended; do
		[ ! -e "$output" ] || cat "$output"
		rm -f "$output"
	done
}

above()
{
	stage "$@"
	write_ended
}

if [ "${1:-}" = lower_row ]; then
	lower_row
	exit
fi

STATE=$(mktemp -d)
export STATE
lower=
trap '[ -z "$lower" ] || kill -- "-$lower"; rm -rf "$STATE"' EXIT
trap 'exit 130' INT TERM
start=$(date +%s)
above build $JOBS all "$BUILD/unit" library
# A process group of its own, so that an interrupt ends all of it.
setsid nice -n 19 sh "$0" lower_row &
lower=$!
above unit -j2 check tests-compiled
above live -j1 live
# The contract holds whatever Redis is.
for topology in $TOPOLOGIES; do
	above "live on $topology" -j1 live "TOPOLOGY=$topology" TESTS=tests/live/test_contract.py
done
while [ ! -e "$STATE/asan" ] && kill -0 "$lower"; do
	sleep 1
done
write_ended
above "asan unit" -j1 MODE=asan BUILD="$BUILD/asan" check
above "asan live" -j1 MODE=asan BUILD="$BUILD/asan" live
wait "$lower"
lower=
write_ended
above tsan tsan

total=$(($(date +%s) - start))
if [ -e "$STATE/failed" ]; then
	echo "make test: FAILED after $total s: $(paste -sd, "$STATE/failed" | sed 's/,/, /g')"
	exit 1
fi
echo "make test: every stage passed in $total s"
