#!/bin/sh
# Runs fuzz targets one after the other: run.sh FOLDER SECONDS TARGET...
# Goes on after a target that found something, and ends with how many did.
set -u

folder=$1
seconds=$2
shift 2
failed=

# Requests to a daemon, for as long; `http` is no libFuzzer target.
run_http()
{
	echo "  FUZZ http, $seconds s"
	if /usr/bin/python3 tests/fuzz/daemon.py "$folder/../asan/cachewardend" "${seconds}s" \
		>"$folder/http.log" 2>&1; then
		sed 's/^/    /' "$folder/http.log"
	else
		tail -n 40 "$folder/http.log"
		failed="$failed http"
	fi
}

for target in "$@"; do
	if [ "$target" = http ]; then
		run_http
		continue
	fi
	mkdir -p "$folder/corpus/$target" "$folder/found"
	echo "  FUZZ $target, $seconds s"
	log=$folder/$target.log
	if "$folder/fuzz-$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=4096 \
		-print_final_stats=1 -artifact_prefix="$folder/found/$target-" \
		"$folder/corpus/$target" "tests/fuzz/corpus/$target" >"$log" 2>&1; then
		grep -E "number_of_executed_units|^#.* DONE" "$log" | sed 's/^/    /'
	else
		tail -n 40 "$log"
		failed="$failed $target"
	fi
done
[ -z "$failed" ] || { echo "found something:$failed (logs in $folder)"; exit 1; }
