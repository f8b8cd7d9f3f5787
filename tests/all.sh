#!/bin/sh
# SPDX-License-Identifier: MIT
# `make test`: every stage, also after one that failed. Says how long each took, and at the end
# which failed; the exit status is 1 where one did.
#   MAKE=...  the make to use     JOBS=...  its -j option, if it needs one     BUILD=...
set -u

failed=
total=0

# stage NAME TARGETS...
stage()
{
	name=$1
	shift
	begin=$(date +%s)
	if "${MAKE:-make}" --no-print-directory "$@"; then
		result=passed
	else
		result=FAILED
		failed="$failed${failed:+, }$name"
	fi
	took=$(($(date +%s) - begin))
	total=$((total + took))
	echo "  STAGE $name $result ($took s)"
}

asan=$BUILD/asan
stage lint lint
stage build $JOBS all "$BUILD/unit" library
stage unit -j1 check
stage live -j1 live
stage "build, asan" $JOBS MODE=asan BUILD="$asan" all "$asan/unit" library
stage "unit, asan" -j1 MODE=asan BUILD="$asan" check
stage "live, asan" -j1 MODE=asan BUILD="$asan" live
stage tsan tsan

if [ -n "$failed" ]; then
	echo "make test: FAILED after $total s: $failed"
	exit 1
fi
echo "make test: every stage passed in $total s"
