#!/bin/sh
# Captures whose stacks are a sample: totals are exact, and the truth is within the intervals of what is estimated.
. "$TESTS/cli/lib.sh"

capture sampled
"$KMEM_ANALYZE" load -q "$work/sampled.kmem"
db=$work/sampled.kmem.db
golden estimate-kmemprof "$KMEM_ANALYZE" kmemprof "$db"
golden estimate-kmemleak "$KMEM_ANALYZE" kmemleak "$db"
golden estimate-kmemleak-comm "$KMEM_ANALYZE" kmemleak --comm --than 1s -n 2 "$db"
golden estimate-by-caller "$KMEM_ANALYZE" account --by caller "$db"
golden estimate-skip-frame "$KMEM_ANALYZE" account --by caller --skip-frame table_add "$db"
golden estimate-by-stack "$KMEM_ANALYZE" account --by stack,comm -s total "$db"
golden estimate-top "$KMEM_ANALYZE" top "$db"
golden estimate-tree "$KMEM_ANALYZE" top --tree --measure allocated -n 3 "$db"
golden estimate-interval "$KMEM_ANALYZE" kmemprof -i 40ms -n 1 "$db"
golden estimate-peak "$KMEM_ANALYZE" peak "$db"
golden estimate-csv "$KMEM_ANALYZE" account --by function,stack --format csv "$db"
golden estimate-folded "$KMEM_ANALYZE" flame --measure allocs "$db"

sed '/call_site=kmemdup/d' "$TESTS/cli/captures/sampled.txt" >"$work/before.txt"
sed '/^info events.stack/d; s/ stack=.*//; /call_site=never/d' "$TESTS/cli/captures/sampled.txt" >"$work/unsampled.txt"
for x in before unsampled; do
	"$MKCAPTURE" "$work/$x.txt" "$work/$x.kmem"
	"$KMEM_ANALYZE" load -q "$work/$x.kmem"
done
diff_of() { # BEFORE
	"$KMEM_ANALYZE" diff --by stack "$work/$1.kmem.db" "$db" | sed '/^# before:/d; /^# after:/d'
}
golden estimate-diff diff_of before
golden estimate-diff-other diff_of unsampled
"$KMEM_ANALYZE" diff --by stack --format json "$work/before.kmem.db" "$db" >"$work/json"
check "diff: members for intervals" grep -q '"net_low": 16, "net_high": 112' "$work/json"

# what looks into no stack says nothing
for command in account 'account --by cache,comm' 'kmemleak --by context' 'info' 'timeline' 'timeline --by cache'; do
	# shellcheck disable=SC2086 # a command and its options
	"$KMEM_ANALYZE" $command "$db" >"$work/got" 2>&1
	check "$command says nothing of samples" [ -z "$(grep -v '^events.stack' "$work/got" | grep 'chosen at random')" ]
done
check "info says how stacks were chosen" sh -c "'$KMEM_ANALYZE' info '$db' | grep -q '^stacks, one in: *4$'"
# what does says so
for command in kmemprof kmemleak top peak lifetimes stat domains 'account --by caller' 'timeline --by stack' \
	'lifetimes --by function' 'diff --by function'; do
	other=
	[ "${command#diff}" = "$command" ] || other=$db
	# shellcheck disable=SC2086 # a command and its options
	"$KMEM_ANALYZE" $command $other "$db" >"$work/got" 2>&1
	check "$command says that stacks are a sample" grep -q '^# stacks of 1 allocation in 4 were recorded, chosen at random' "$work/got"
done
for command in 'report r.html' 'graph g.dot' 'flame f.svg' 'rings x.html'; do
	file=$work/${command#* }
	"$KMEM_ANALYZE" "${command% *}" -f -o "$file" "$db" 2>"$work/err"
	check "$command says so" grep -q 'stacks of 1 allocation in 4 were recorded' "$file"
done
for as in folded jemalloc pprof speedscope massif; do
	"$KMEM_ANALYZE" export --as $as -f -o "$work/x" "$db" 2>"$work/err"
	check "export --as $as says so" grep -q 'stacks of this capture are a sample' "$work/err"
done
"$KMEM_ANALYZE" flame "$db" 2>"$work/err" >"$work/got"
check "folded stacks add up to all that is live" [ "$(awk '{ n += $NF } END { print n }' "$work/got")" = 3712 ]

# a systematic choice, and facts that no recorder wrote
variant() { # NAME SED-SCRIPT
	sed "$2" "$TESTS/cli/captures/sampled.txt" >"$work/$1.txt"
	"$MKCAPTURE" "$work/$1.txt" "$work/$1.kmem"
	"$KMEM_ANALYZE" kmemprof "$work/$1.kmem" >"$work/got" 2>"$work/err"
	code=$?
	check "$1: exit status 0" [ $code -eq 0 ]
	sed '/^# /d' "$work/got" >"$work/$1.body"
}
variant period 's/stack_sample_by random/stack_sample_by period/'
check "a systematic choice is called so" grep -q 'systematic' "$work/got"
check "and what that means" grep -q 'in step' "$work/got"
variant same 's/stack_sample_lost 1/stack_sample_lost 0/'
for value in 0 -7 x 99999999999999999999999 4.5 "4'); DROP TABLE task; --"; do
	variant "N=$value" "s/^info events.stack_sample 4/info events.stack_sample $value/"
	check "N=$value: the same estimates" cmp -s "$work/N=$value.body" "$work/same.body"
done
variant lost 's/stack_sample_lost 1/stack_sample_lost -5/; s/sample_by random/sample_by \x1b[31mred/'
check "a hostile way of choosing: the same estimates" cmp -s "$work/lost.body" "$work/same.body"
check "and nothing of it is shown" sh -c "! grep -q red '$work/got'"
variant none 's/ stack=.*//'
check "without a single stack all is by call site" [ "$(grep -c 'call site only' "$work/got")" = 7 ]

# against the truth
for seed in 1 2; do
	python3 "$TESTS/cli/estimate.py" make $seed $((seed * 8)) "$work/full.txt" "$work/part.txt" "$work/facts.json"
	for x in full part; do
		"$MKCAPTURE" "$work/$x.txt" "$work/$x.kmem"
		"$KMEM_ANALYZE" load -q -f "$work/$x.kmem"
	done
	python3 "$TESTS/cli/estimate.py" check "$work/facts.json" "$KMEM_ANALYZE" "$work/full.kmem.db" "$work/part.kmem.db" |
		sed "s/\$/ (seed $seed)/" >"$work/results"
	cat "$work/results"
	check "seed $seed is good" sh -c "grep -q '^ok the truth is within' '$work/results' && ! grep -q '^not ok' '$work/results'"
done
finish
