#!/bin/sh
# stat and domains on a capture that can be added up by hand, and against a naive replay of it.
. "$TESTS/cli/lib.sh"

capture stat
capture replay
capture loss
stat=$work/stat.kmem

# --- golden outputs
golden stat "$KMEM_ANALYZE" stat "$stat"
golden stat-tables "$KMEM_ANALYZE" stat --slab --page --caller --alloc "$stat"
golden stat-live "$KMEM_ANALYZE" stat --slab --page --caller --alloc --live "$stat"
golden stat-sort "$KMEM_ANALYZE" stat --alloc --caller -s ptr,callsite -l 2 "$stat"
golden stat-page-sort "$KMEM_ANALYZE" stat --page --alloc --caller -s order,gfp,page -l 3 --raw-ip "$stat"
golden stat-time "$KMEM_ANALYZE" stat --caller --page --slab --time 0.45,1.1 "$stat"
golden stat-cpu "$KMEM_ANALYZE" stat --caller --only-cpu 1 "$stat"
golden stat-skip "$KMEM_ANALYZE" stat --caller --cache --skip-frame 'alloc_pipe*' "$work/replay.kmem"
golden stat-json "$KMEM_ANALYZE" stat --slab --page --caller --alloc --format json "$stat"
golden stat-csv "$KMEM_ANALYZE" stat --page --caller --format csv "$stat"
EXIT=3 golden stat-loss "$KMEM_ANALYZE" stat --caller "$work/loss.kmem"
golden domains "$KMEM_ANALYZE" domains "$stat"
golden domains-at "$KMEM_ANALYZE" domains --at 1s "$stat"
golden domains-json "$KMEM_ANALYZE" domains --format json "$stat"
EXIT=3 golden domains-loss "$KMEM_ANALYZE" domains "$work/loss.kmem"
cp "$TESTS/golden/v1.kmem" "$work/v1.kmem"
"$KMEM_ANALYZE" domains "$work/v1.kmem" >"$work/got" 2>/dev/null
check "domains says that pages were not recorded" grep -q '^page *not recorded (kmem-record -e page)' "$work/got"
check "and does not add up" grep -q '^the domains are not added up:$' "$work/got"
check "for the reason" grep -q '^  pages were not recorded' "$work/got"

# --- without stacks of pages, and without the CPUs of nodes
without() { # NAME SED
	"$MKCAPTURE" /dev/stdin "$work/$1.kmem" <<-END
		$(sed "$2" "$TESTS/cli/captures/stat.txt")
	END
}
without stackless '/mm_page_alloc/s/ stack=.*//'
"$KMEM_ANALYZE" domains "$work/stackless.kmem" >"$work/got" 2>/dev/null
check "domains of pages without stacks are not added up" grep -q '^  pages have no stacks' "$work/got"
check "and there is no sum" sh -c '! grep -q "  sum" "$1"' sum "$work/got"
without some '/pfn=201/s/ stack=.*//'
"$KMEM_ANALYZE" domains "$work/some.kmem" >"$work/got" 2>/dev/null
check "a page without a stack may be counted twice" grep -q '^  pages and areas, no stack  *4096 ' "$work/got"
check "and the sum is a bound" grep -q '^  sum  *41200   at most' "$work/got"
without nodeless '/sys\/devices/d'
"$KMEM_ANALYZE" stat "$work/nodeless.kmem" >"$work/got" 2>/dev/null
check "without nodes of CPUs nothing is said about them" grep -q '^Cross CPU allocations: unknown' "$work/got"
without one '/node1/d; s/\(node0.*\) 0/\1 0-1/'
"$KMEM_ANALYZE" stat "$work/one.kmem" >"$work/got" 2>/dev/null
check "on one node nothing is far" grep -q '^Cross CPU allocations: 0/5' "$work/got"

# --- a naive replay, also of blocks of pages that are freed in parts and overlap
for seed in 1 2 3; do
	python3 "$TESTS/naive/mkpages.py" $seed >"$work/pages.txt"
	"$MKCAPTURE" "$work/pages.txt" "$work/pages$seed.kmem"
done
for name in stat replay pages1 pages2 pages3; do
	# shellcheck disable=SC2034	# finish looks at it
	python3 "$TESTS/naive/compare_stat.py" "$KMEM_ANALYZE" "$work/$name.kmem" || failed=1
done

# --- times are those of --from and --to
"$KMEM_ANALYZE" stat --caller --from 0.2s --to 0.6s "$stat" >"$work/from" 2>/dev/null
"$KMEM_ANALYZE" stat --caller --time 0.2,0.6 "$stat" >"$work/time" 2>/dev/null
check "--time is --from and --to" cmp -s "$work/from" "$work/time"
"$KMEM_ANALYZE" stat --caller --time 50%, "$stat" >"$work/time" 2>/dev/null
"$KMEM_ANALYZE" stat --caller --from 50% "$stat" >"$work/from" 2>/dev/null
check "--time without an end" cmp -s "$work/from" "$work/time"

# --- wrong usage
expect 2 "unknown sort key 'order'; the keys are: ptr" 'a key of pages' "$KMEM_ANALYZE" stat --caller -s order "$stat"
expect 2 "unknown sort key 'frag'; the keys are: page" 'a key of slab memory' "$KMEM_ANALYZE" stat --page --caller -s frag "$stat"
expect 2 '--time' 'one time' "$KMEM_ANALYZE" stat --time 1 "$stat"
expect 2 'use account --by' '--by' "$KMEM_ANALYZE" stat --by cpu "$stat"
expect 2 'account --domain percpu' '--domain percpu' "$KMEM_ANALYZE" stat --domain percpu "$stat"
expect 2 'domains is about all' 'domains --domain' "$KMEM_ANALYZE" domains --domain page "$stat"
finish
