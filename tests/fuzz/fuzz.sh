#!/bin/sh
# fuzz.sh SECONDS TARGET... - libFuzzer on each target for that long (`make fuzz` builds them). New inputs go to
# $B/corpus/TARGET, what breaks one to $B/found. Exit status 1 when something was found.
set -u
cd "$(dirname "$0")/../.." || exit 1
seconds=$1
shift
MKCAPTURE=$PWD/$B/tests/mkcapture KMEM_ANALYZE=$PWD/$B/kmem-analyze
export MKCAPTURE KMEM_ANALYZE KMEM_FUZZ_DB="$B/fuzz.db"
export LSAN_OPTIONS="suppressions=$PWD/tests/lsan.supp:print_suppressions=0"
mkdir -p "$B/found"
sh tests/fuzz/database.sh "$KMEM_FUZZ_DB" || exit 1
found=0
for target; do
	corpus=$B/corpus/$target kept=tests/fuzz/corpus/$target
	mkdir -p "$corpus"
	python3 tests/fuzz/seeds.py "$target" "$corpus" || exit 1
	log=$B/$target.log
	if ! "$B/tests/fuzz_$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -malloc_limit_mb=512 -use_value_profile=1 \
		-print_final_stats=1 -print_funcs=0 -artifact_prefix="$B/found/$target-" "$corpus" "$kept" >"$log" 2>&1; then
		found=1
		echo "$target: FOUND, see $log and $B/found"
		grep -m 3 -E 'ERROR|SUMMARY|runtime error' "$log"
	fi
	sed -nE 's/^stat::(number_of_executed_units|average_exec_per_sec|peak_rss_mb): *//p' "$log" | tr '\n' ' ' |
		awk -v t="$target" '{ printf "%s: %s executions, %s a second, %s MB\n", t, $1, $2, $3 }'
	grep -oE 'cov: [0-9]+ ft: [0-9]+ corp: [0-9]+' "$log" | tail -n 1
done
exit $found
