#!/bin/sh
# Each option line of perf kmem on a live capture; sums and callers against perf kmem itself, which records the same load
# around it; everything against a naive replay; and pages that a program holds.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
needs_kernel perf_kmem
: "${KMEM_ANALYZE:=$PWD/$B/kmem-analyze}"
cap=$work/cap.kmem

stat_() { # NAME ARGUMENT...: exit status 0 and a report in $work/report
	name=$1
	shift
	"$KMEM_ANALYZE" stat "$@" "$cap" >"$work/report" 2>"$work/err"
	got=$?
	if [ $got -eq 0 ] && [ -s "$work/report" ]; then ok "$name"; else not_ok "$name" "exit $got: $(head -n 2 "$work/err")"; fi
}

# --- loads that are recorded by both: perf has what lies around ours, too, and is asked for our time alone
has_perf=
if perf kmem -h >/dev/null 2>&1 || [ $? -eq 129 ]; then has_perf=1; else skip "perf_kmem: beside perf kmem" "there is no perf here"; fi
beside_perf() { # KIND FILE EVENTS ROUNDS PERF...
	cat >"$work/load" <<-END
		#!/bin/sh
		"$KMEM_RECORD" -q -f -e $3 -o "$2" -- sh -c "$B/tests/churn $4; $B/tests/plant 500 200 50 </dev/null"
		echo \$? >"$work/status"
	END
	chmod +x "$work/load"
	kind=$1
	shift 4
	if [ "$has_perf" ]; then
		"$@" -k mono -m 4096 -o "$work/perf.$kind" -- "$work/load" >"$work/out" 2>&1
	else
		"$work/load" >"$work/out"
	fi
	check "$kind: recorded without loss" [ "$(cat "$work/status")" = 0 ]
}
beside_perf slab "$cap" slab,page,percpu,vmalloc 500 perf kmem --slab record
# perf kmem --page record takes stacks, too, and on some kernels cannot read what it wrote
beside_perf page "$work/page.kmem" page 100 perf record -a -c 1 -e kmem:mm_page_alloc,kmem:mm_page_free

# --- the option lines of perf kmem
stat_ "stat"
stat_ "stat --slab" --slab
stat_ "stat --caller" --caller
stat_ "stat --alloc" --alloc
stat_ "stat --caller --alloc -l 20" --caller --alloc -l 20
stat_ "stat --caller --line=5" --caller --line=5
check "five lines" [ "$(grep -c '%$' "$work/report")" -eq 6 ] # and the summary's
for key in hit bytes frag pingpong callsite ptr frag,hit,bytes; do
	stat_ "stat --caller --alloc -s $key" --caller --alloc -s "$key" -l 10
done
stat_ "stat --raw-ip --caller" --raw-ip --caller
check "addresses of callers" grep -q '^ 0xffffffff' "$work/report"
stat_ "stat --page" --page
stat_ "stat --page --caller" --page --caller
stat_ "stat --page --alloc" --page --alloc
for key in page order migtype gfp callsite bytes hit bytes,hit; do
	stat_ "stat --page --caller --alloc -s $key" --page --caller --alloc -s "$key" -l 10
done
stat_ "stat --page --live --caller --alloc" --page --live --caller --alloc
stat_ "stat --slab --page --live" --slab --page --live --caller
stat_ "stat --time" --caller --time 0.01,0.5
stat_ "stat --time percent" --page --caller --time 10%,90%
stat_ "stat --format json" --slab --page --caller --alloc --format json
check "and it is JSON" python3 -m json.tool "$work/report" "$work/pretty"
"$KMEM_ANALYZE" domains "$cap" >"$work/domains" 2>"$work/err"
check "domains" [ $? -eq 0 ]
check "domains are added up" grep -q '^  sum  *[0-9]' "$work/domains"
check "slabs are pages" grep -q '^  for slab  *[0-9]' "$work/domains"

# --- names of flags are the kernel's own
check "gfp names are from the kernel" [ "$(sqlite3 "$cap.db" "SELECT value FROM capture WHERE key = 'gfp.names'")" = "the captured kernel" ]
check "and none is missing" [ "$(sqlite3 "$cap.db" "SELECT count(*) FROM gfp_name WHERE names GLOB '*0x*'")" = 0 ]

# --- everything, naively
python3 "$TESTS/naive/compare_stat.py" "$KMEM_ANALYZE" "$cap" || failed=1

# --- perf kmem's numbers: all of ours and a little around it
number() { # FILE TEXT: the first number behind the text
	sed -n "s/^$2[^0-9]*\\([0-9]*\\).*/\\1/p" "$1" | head -n 1
}
within() { # NAME OURS THEIRS: but for a few events at the edges
	if [ -n "$2" ] && [ -n "$3" ] && [ "$2" -gt 0 ] && [ $((($2 - $3) * ($2 - $3))) -le $((($2 / 100 + 20) * ($2 / 100 + 20))) ]; then
		ok "$1: $2, and perf kmem has $3"
	else
		not_ok "$1" "ours '$2', perf kmem's '$3'"
	fi
}
seconds() { # NS
	printf '%d.%09d' $(($1 / 1000000000)) $(($1 % 1000000000))
}
perf_stat() { # KIND: the report of perf kmem on the time of $cap is in $work/perf.report
	[ "$has_perf" ] || return 1
	"$KMEM_ANALYZE" load -q "$cap" 2>/dev/null
	base=$(sqlite3 "$cap.db" "SELECT value FROM capture WHERE key = 'time.base_ns'")
	length=$(sqlite3 "$cap.db" "SELECT value FROM capture WHERE key = 'time.length_ns'")
	perf kmem "--$1" --caller -i "$work/perf.$1" --time "$(seconds "$base"),$(seconds $((base + length)))" stat \
		>"$work/perf.report" 2>"$work/err"
	if cat "$work/err" "$work/perf.report" | grep -q 'lost [0-9]* chunks'; then
		skip "perf_kmem: the numbers of perf kmem --$1" "perf lost events"
		return 1
	fi
	[ -s "$work/perf.report" ] || not_ok "perf kmem --$1" "$(head -n 2 "$work/err")"
}
hits() { # CALLER
	awk -F'|' -v name=" $1+" 'index($1, name) == 1 { n += $4 } END { print n + 0 }' "$work/perf.report"
}
if perf_stat slab; then
	stat_ "stat --include-self" --include-self --caller
	for what in 'Total bytes requested' 'Total bytes allocated'; do
		within "$what" "$(number "$work/report" "$what")" "$(number "$work/perf.report" "$what")"
	done
	# the callers of perf kmem are call sites, also those within the allocator
	"$KMEM_ANALYZE" account --by call-site --include-self --format csv "$cap" 2>/dev/null >"$work/sites"
	ours=$(awk -F, '$NF ~ /^alloc_pipe_info\+/ { n += $4 } END { print n + 0 }' "$work/sites")
	within "hits of alloc_pipe_info" "$ours" "$(hits alloc_pipe_info)"
	check "the table by caller has them, too" [ "$(grep -c '^ alloc_pipe_info+' "$work/report")" -ge 2 ]
fi
cap=$work/page.kmem
if perf_stat page; then
	stat_ "stat --page --include-self" --page --include-self
	within "requests of pages" "$(number "$work/report" 'Total allocation requests')" \
		"$(number "$work/perf.report" 'Total allocation requests')"
fi

# --- pages that a program holds: 1000 of them, touched one by one
cat >"$work/holder" <<-'END'
	import mmap
	import sys
	area = mmap.mmap(-1, 1000 * mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
	area.madvise(mmap.MADV_NOHUGEPAGE)
	print("ready", flush=True)
	sys.stdin.readline()
	for n in range(1000):
	    area[n * mmap.PAGESIZE] = 1
	print("done", flush=True)
	sys.stdin.readline()
END
mkfifo "$work/in" "$work/said"
python3 "$work/holder" <"$work/in" >"$work/said" &
holder=$!
exec 8>"$work/in" 9<"$work/said"
read -r _ <&9
# shellcheck disable=SC2016	# for the inner shell
record 0 "pages of a program: recorded" -q -f -e page -o "$work/pages.kmem" -- sh -c 'echo go >&8; read -r done <&9'
echo end >&8
wait $holder
exec 8>&- 9<&-
held=$("$KMEM_ANALYZE" stat --page --caller --live --only-pid $holder --format csv "$work/pages.kmem" 2>/dev/null |
	awk -F, '$1 ~ /^do_anonymous_page/ && $4 == 0 && $5 == "Movable" { n += $3 } END { print n + 0 }')
if [ "$held" -ge 1000 ] && [ "$held" -le 1050 ]; then
	ok "pages of a program: $held of the 1000 that it holds"
else
	not_ok "pages of a program" "$held, not 1000"
fi
python3 "$TESTS/naive/compare_stat.py" "$KMEM_ANALYZE" "$work/pages.kmem" >"$work/out" || failed=1
grep '^not ok' "$work/out"
clean "perf_kmem: kernel left as it was"
finish
