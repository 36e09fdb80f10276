#!/bin/sh
# Event pairs of the user's: --alloc, --free, -e, -k, --on-loss, and the options of perf-prof that are for recording.
# That the pairs are those of a dictionary over the same events is in test_witness.sh.
. "$TESTS/cli/lib.sh"

capture pairs
capture replay
capture loss
capture domains
pairs=$work/pairs.kmem
replay=$work/replay.kmem
slab_alloc=kmem:kmalloc//stack/,kmem:kmem_cache_alloc//stack/
slab_free=kmem:kfree,kmem:kmem_cache_free

# --- golden outputs
golden pairs-block "$KMEM_ANALYZE" kmemprof -e 'block:block_rq_issue//key=(dev<<40)+sector/size=nr_sector*512/stack/' \
	-e 'block:block_rq_complete//key=(dev<<40)+sector/' -s lifetime "$pairs"
golden pairs-block-leak "$KMEM_ANALYZE" kmemleak --alloc 'block:block_rq_issue/rwbs ~ "W*"/ptr=sector+dev/size=bytes/' \
	--free 'block:block_rq_complete//ptr=sector+dev/' --comm -g "$pairs"
golden pairs-page "$KMEM_ANALYZE" kmemleak --alloc 'kmem:mm_page_alloc//ptr=pfn/size=4096<<order/stack/' \
	--free kmem:mm_page_free//ptr=pfn/stack/ -m 256 --order "$pairs"
golden pairs-page-key "$KMEM_ANALYZE" kmemprof -e 'kmem:mm_page_alloc//size=4096<<order/key=page/stack/' \
	-e 'kmem:mm_page_free//key=page/stack/' --by comm "$pairs"
golden pairs-no-size "$KMEM_ANALYZE" kmemleak --alloc kmem:mm_page_alloc --free kmem:mm_page_free --comm "$pairs"
golden pairs-no-size-prof "$KMEM_ANALYZE" kmemprof -e kmem:mm_page_alloc -e kmem:mm_page_free -k pfn "$pairs"
golden pairs-function "$KMEM_ANALYZE" kmemprof -e 'kmem:kmalloc/call_site==alloc_pipe_info/size=bytes_req/stack/' \
	-e kmem:kfree -m 128 --order -k ptr -i 5000 "$pairs"
golden pairs-filter "$KMEM_ANALYZE" kmemleak --alloc 'kmem:kmalloc/bytes_alloc>1024 || comm==worker/ptr=ptr/alias=big/' \
	--free 'kmem:kfree/call_site.function!=free_pipe_info/' -v "$pairs"
golden pairs-interval "$KMEM_ANALYZE" kmemleak -i 7500 --alloc kmem:kmalloc//stack/ --free kmem:kfree "$pairs"
golden pairs-interval-plain "$KMEM_ANALYZE" kmemleak -i 7500 --by comm "$pairs"
golden pairs-json "$KMEM_ANALYZE" kmemleak --format json --alloc 'block:block_rq_issue//ptr=sector/' \
	--free 'block:block_rq_complete//ptr=sector/' "$pairs"
EXIT=3 golden pairs-loss-reset "$KMEM_ANALYZE" kmemleak --on-loss reset "$work/loss.kmem"
# how many are forgotten is not known of a part
for part in --cache '--where bytes_alloc>0' '--only-cpu 0-2'; do
	# shellcheck disable=SC2086	# an option and its value
	"$KMEM_ANALYZE" kmemprof --on-loss reset $part "$work/loss.kmem" >"$work/out"
	check "--on-loss reset $part: a part has no number of all" grep -q '^# --on-loss reset: objects that were live' "$work/out"
done
EXIT=3 golden pairs-loss-reset-prof "$KMEM_ANALYZE" kmemprof --on-loss reset -e kmem:kmalloc -e kmem:kfree -k ptr "$work/loss.kmem"

# --- the same events in a dictionary: blocks of pages are freed in parts and several at once here
for name in pairs domains; do
	python3 "$TESTS/naive/compare_pairs.py" "$KMEM_ANALYZE" "$work/$name.kmem" >"$work/out"
	check "pairs: those of $name" [ $? -eq 0 ]
	sed "s/pairs: /pairs: $name: /" "$work/out"
done

# --- the leaks as a flame graph: folded stacks add up to the report
leaks="--alloc kmem:mm_page_alloc//ptr=pfn/size=4096<<order/stack/ --free kmem:mm_page_free//ptr=pfn/"
# shellcheck disable=SC2086	# words
golden pairs-flame-than "$KMEM_ANALYZE" kmemleak $leaks --than 5s --flame-graph "$work/leaks.folded" "$pairs"
golden pairs-folded cat "$work/leaks.folded"
# shellcheck disable=SC2086
"$KMEM_ANALYZE" kmemleak $leaks --flame-graph "$work/leaks.svg" "$pairs" >"$work/out" 2>"$work/err"
check "pairs: a flame graph" python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$work/leaks.svg"
check "pairs: which says what was paired" grep -q 'allocations: kmem:mm_page_alloc//ptr=pfn/size=4096&lt;&lt;order' "$work/leaks.svg"
"$KMEM_ANALYZE" kmemleak --alloc kmem:mm_page_alloc//stack/ --free kmem:mm_page_free --flame-graph "$work/objects.folded" "$pairs" \
	>"$work/out" 2>"$work/err"
check "pairs: of objects, where sizes are not known" [ "$(awk '{ n += $NF } END { print n }' "$work/objects.folded")" -eq 6 ]
expect 1 'leaks.svg' "pairs: a picture in the way is kept" \
	"$KMEM_ANALYZE" kmemleak --flame-graph "$work/leaks.svg" "$pairs"

# --- the pairs of the database, named one by one, are the stock report
plain_and_pairs() { # NAME REPORT OPTION...
	name=$1 report=$2
	shift 2
	"$KMEM_ANALYZE" "$report" "$@" "$capture" >"$work/plain" 2>"$work/err"
	if [ "$report" = kmemleak ]; then
		"$KMEM_ANALYZE" kmemleak --alloc "$slab_alloc" --free "$slab_free" "$@" "$capture" >"$work/pairs" 2>"$work/err"
	else
		"$KMEM_ANALYZE" kmemprof -e "$slab_alloc" -e "$slab_free" -k ptr "$@" "$capture" >"$work/pairs" 2>"$work/err"
	fi
	grep -vE '^# (allocations|frees): .*events$' "$work/pairs" >"$work/rest"
	check "pairs: $report $name" diff "$work/plain" "$work/rest"
}
cp "$TESTS/golden/v1.kmem" "$work/v1.kmem"
for capture in "$replay" "$work/v1.kmem" "$work/loss.kmem"; do
	for report in kmemleak kmemprof; do
		of="of $(basename "$capture")"
		plain_and_pairs "$of is the stock report" "$report"
		plain_and_pairs "$of --at" "$report" --at 50%
		plain_and_pairs "$of --from --to" "$report" --from 10% --to 80%
		plain_and_pairs "$of --where" "$report" --where "lifetime > 1e6 OR cpu = 0"
		plain_and_pairs "$of --only-cpu, --malloc" "$report" --only-cpu 0 --malloc
		plain_and_pairs "$of --by" "$report" --by cache,comm,cpu
		plain_and_pairs "$of --on-loss reset" "$report" --on-loss reset
	done
	plain_and_pairs "$of --comm --than -v" kmemleak --comm --than 1ms -v
	plain_and_pairs "$of -i" kmemprof -i 3s
	plain_and_pairs "$of -i" kmemleak -i 3s
done
"$KMEM_ANALYZE" kmemleak --at 3s "$replay" 2>/dev/null | sed '1,/^$/d' >"$work/at"
"$KMEM_ANALYZE" kmemleak -i 3s "$replay" 2>/dev/null | sed '1,/^$/d' | head -n "$(wc -l <"$work/at")" >"$work/first"
check "pairs: the first of kmemleak -i is --at" diff "$work/at" "$work/first"
"$KMEM_ANALYZE" kmemleak -p 100 -C 0-1 "$replay" >"$work/mapped" 2>"$work/note"
"$KMEM_ANALYZE" kmemleak --only-pid 100 --only-cpu 0-1 "$replay" >"$work/only"
check "pairs: -p and -C are --only-pid and --only-cpu" cmp -s "$work/mapped" "$work/only"
check "pairs: and it is said" grep -qF -- '-p is taken as --only-pid' "$work/note"
"$KMEM_ANALYZE" kmemleak --order -m 128 --watermark 50 --user-callchain --kernel-callchain --python-callchain "$replay" \
	>"$work/ignored" 2>"$work/note"
"$KMEM_ANALYZE" kmemleak "$replay" >"$work/plain"
check "pairs: options of the recording change nothing" cmp -s "$work/ignored" "$work/plain"
check "pairs: and are named in one line" [ "$(wc -l <"$work/note")" -eq 1 ]

# --- errors
expect_caret() { # COLUMN TEXT NAME COMMAND...: of the last two lines one is the expression, one has the caret
	column=$1 text=$2 name=$3
	shift 3
	$WRAP "$@" >"$work/out" 2>"$work/err"
	code=$?
	caret=$(tail -n 1 "$work/err")
	if [ $code -eq 2 ] && grep -qF -- "$text" "$work/err" && [ "$caret" = "$(printf "%$((column + 3))s" '^')" ]; then
		ok "$name"
	else
		not_ok "$name" "exit status $code: $(cat "$work/err")"
	fi
}
expect_caret 6 "kmem:mm_page_alloc: size=: no field 'ordr' here; there are: pfn order migratetype gfp_flags" "pairs: an unknown field" \
	"$KMEM_ANALYZE" kmemleak --alloc 'kmem:mm_page_alloc//size=4096<<ordr/' --free kmem:mm_page_free "$pairs"
expect_caret 0 'block:block_rq_issue: ptr=EXPR or key=EXPR has to say' "pairs: no key" \
	"$KMEM_ANALYZE" kmemprof -e block:block_rq_issue//size=bytes/ -e block:block_rq_complete "$pairs"
check "pairs: arrays of numbers are no fields" grep -qE 'there are: dev sector nr_sector bytes rwbs cpu _cpu _pid pid comm$' "$work/err"
expect_caret 0 "-k: no field 'ptr' here" "pairs: -k of an event without that field" \
	"$KMEM_ANALYZE" kmemprof -e 'kmem:mm_page_alloc//size=4096<<order/' -e kmem:mm_page_free -k ptr "$pairs"
expect_caret 12 'a filter compares' "pairs: = in a filter" \
	"$KMEM_ANALYZE" kmemleak --alloc 'kmem:kmalloc/bytes_alloc = 5/' --free kmem:kfree "$pairs"
expect_caret 14 'unknown attribute' "pairs: an unknown attribute" \
	"$KMEM_ANALYZE" kmemleak --alloc kmem:kmalloc//stak/ --free kmem:kfree "$pairs"
expect 2 "no event 'kmem:nosuch' was recorded here; there are: kmem:kmalloc" "pairs: an event that was not recorded" \
	"$KMEM_ANALYZE" kmemleak --alloc kmem:nosuch --free kmem:kfree "$pairs"
expect 1 'probes in programs cannot be recorded yet' "pairs: probes of user space" \
	"$KMEM_ANALYZE" kmemleak --alloc uprobes:malloc//ptr=ret/ --free uprobes:free "$pairs"
expect 2 '--free is missing' "pairs: --alloc alone" "$KMEM_ANALYZE" kmemleak --alloc kmem:kmalloc "$pairs"
expect 2 '-e is wanted twice' "pairs: one -e" "$KMEM_ANALYZE" kmemprof -e kmem:kmalloc "$pairs"
expect 2 '-k is the key' "pairs: -k alone" "$KMEM_ANALYZE" kmemprof -k ptr "$pairs"
expect 2 'division by zero, for the event at 4.100 s' "pairs: an expression without a value" \
	"$KMEM_ANALYZE" kmemleak --alloc 'kmem:mm_page_alloc//size=(4/(order-1))/' --free kmem:mm_page_free "$pairs"
expect 2 'a size below 0' "pairs: a negative size" \
	"$KMEM_ANALYZE" kmemleak --alloc 'kmem:kmalloc//size=0-1/' --free kmem:kfree "$pairs"
expect 2 "'rwbs' is a text" "pairs: a key that is a text" \
	"$KMEM_ANALYZE" kmemprof -e block:block_rq_issue//size=1/key=rwbs/ -e block:block_rq_complete//key=rwbs/ "$pairs"
expect 2 '--interval cannot be used with --at' "pairs: -i and --at" "$KMEM_ANALYZE" kmemleak -i 1s --at 3s "$pairs"

# --- kernels have different events
"$KMEM_ANALYZE" kmemleak --alloc kmem:kmalloc,kmem:nosuch_node --free kmem:kfree "$pairs" >"$work/out" 2>"$work/err"
check "pairs: an event that this kernel does not have is left out" [ $? -eq 0 ]
check "pairs: and that is said" grep -qF "'kmem:nosuch_node' was not recorded here, and is left out" "$work/err"
"$KMEM_ANALYZE" kmemleak --alloc 'kmem:k*alloc*' --free 'kmem:k*' "$replay" 2>/dev/null | sed '1,/^$/d' >"$work/wild"
"$KMEM_ANALYZE" kmemleak --alloc kmem:kmalloc,kmem:kmem_cache_alloc --free "$slab_free" "$replay" | sed '1,/^$/d' >"$work/named"
check "pairs: a pattern takes no event of the other side" cmp -s "$work/wild" "$work/named"
finish
