#!/bin/sh
# Every option line of the documents of perf-prof's kmemprof and kmemleak, on a live capture of a program that holds a
# known number of pipes, each with a page of data: they run, and where they are about what is held they say how much it
# is. Then the pairs of the whole capture against a dictionary in Python.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
needs_kernel perf-prof
: "${KMEM_ANALYZE:=$PWD/$B/kmem-analyze}"
pipes=250
cap=$work/live.kmem
mkfifo "$work/hold"

# the program outlives the recording: it holds until we close the pipe
(sleep 60 >"$work/hold") &
guard=$!
# shellcheck disable=SC2016	# for the inner shell
HOLD=$TESTS/kernel/hold.py WORK=$work "$KMEM_RECORD" -q -o "$cap" -e slab,page,vmalloc,sched:sched_switch -- sh -c '
	python3 "$HOLD" "$0" <"$WORK/hold" >"$WORK/ready" &
	until [ -s "$WORK/ready" ]; do sleep 0.05; done' $pipes
check "perf-prof: recorded without loss" [ $? -eq 0 ]
kill $guard
pid=$(cut -d' ' -f2 "$work/ready")
"$KMEM_ANALYZE" load -q "$cap"

run() { # NAME ARGUMENT...: into $work/report
	name=$1
	shift
	if "$KMEM_ANALYZE" "$@" "$cap" >"$work/report" 2>"$work/err"; then
		ok "perf-prof: $name"
	else
		not_ok "perf-prof: $name" "$(head -n 1 "$work/err")"
	fi
}

# How many objects the groups have whose stack (or call site) has that function among its first DEPTH frames: further
# out it is for what the allocator needs for itself. `Leak of N bytes in M objects`.
objects_of() { # FUNCTION DEPTH
	awk -v function_name="$1" -v depth="$2" '
		/^Leak of / { objects = $6; frame = 0 }
		/^    [0-9a-f]* / && ++frame <= depth && index($2, function_name "+") == 1 { sum += objects }
		END { print sum + 0 }' "$work/report"
}

holds() { # NAME FUNCTION OBJECTS [DEPTH]
	held=$(objects_of "$2" "${4:-2}")
	if [ "$held" -eq "$3" ]; then ok "perf-prof: $1"; else not_ok "perf-prof: $1" "$held of $2, not $3"; fi
}

# --- kmemprof
run "kmemprof of kmalloc and kfree" kmemprof -e 'kmem:kmalloc//size=bytes_alloc/stack/' -e kmem:kfree -m 128 --order -k ptr
check "perf-prof: and its sections" grep -q '^kmem:kmalloc => kmem:kfree$' "$work/report"
run "kmemprof with kmalloc_node, which this kernel may not have" kmemprof \
	-e 'kmem:kmalloc//size=bytes_alloc/stack/,kmem:kmalloc_node//size=bytes_alloc/stack/' -e kmem:kfree --order -k ptr
run "kmemprof of pages" kmemprof -e 'kmem:mm_page_alloc//size=4096<<order/key=pfn/stack/' \
	-e 'kmem:mm_page_free//key=pfn/stack/' -m 256 --order
mv "$work/report" "$work/pfn"
run "kmemprof of pages by page" kmemprof -e 'kmem:mm_page_alloc//size=4096<<order/key=page/stack/' \
	-e 'kmem:mm_page_free//key=page/stack/' -m 256 --order
check "perf-prof: which is the same" [ "$(sed 's/key=page/key=pfn/' "$work/report" | cksum)" = "$(cksum <"$work/pfn")" ]
run "kmemprof of large ones" kmemprof -e 'kmem:kmalloc/bytes_alloc>1024/size=bytes_alloc/stack/' -e kmem:kfree \
	-m 128 --order -k ptr
run "kmemprof of a call path" kmemprof -e 'kmem:kmalloc/call_site==alloc_pipe_info/size=bytes_alloc/stack/' \
	-e kmem:kfree -m 128 --order -k ptr -i 5000
check "perf-prof: which has nothing else" [ "$(grep -A 3 '^Allocate' "$work/report" | grep -c ' alloc_pipe_info+')" = \
	"$(grep -c '^Allocate' "$work/report")" ]
run "kmemprof of the allocator's own function" kmemprof \
	-e 'kmem:kmalloc/call_site==__kmalloc_cache_noprof/size=bytes_alloc/stack/' -e kmem:kfree -m 128 --order -k ptr -i 5000
run "kmemprof with large rings" kmemprof -e 'kmem:kmalloc//size=bytes_alloc/stack/' -e kmem:kfree -m 256 --order -k ptr
run "kmemprof in long intervals" kmemprof -e 'kmem:kmalloc//size=bytes_alloc/stack/' -e kmem:kfree -m 128 --order -k ptr -i 10000
run "kmemprof of areas of vmalloc" kmemprof -e vmalloc:alloc_vmap_area//key=addr/size=size/stack/ \
	-e vmalloc:free_vmap_area_noflush//key=va_start/stack/
run "kmemprof with every option of the recording" kmemprof -e 'kmem:kmalloc//size=bytes_alloc/stack/' -e kmem:kfree -k ptr \
	--watermark 50 -m 64 --order --user-callchain --kernel-callchain --python-callchain -i 1000

# --- kmemleak
run "kmemleak of kmalloc" kmemleak --alloc kmem:kmalloc//ptr=ptr/size=bytes_alloc/stack/ --free kmem:kfree//ptr=ptr/ \
	--order -m 128 -g -p "$pid"
holds "which has two objects of every pipe" alloc_pipe_info $((2 * pipes))
run "kmemleak of pages" kmemleak --alloc 'kmem:mm_page_alloc//ptr=pfn/size=4096<<order/stack/' \
	--free kmem:mm_page_free//ptr=pfn/stack/ -m 256 --order -p "$pid"
holds "which has a page of every pipe" anon_pipe_write $pipes 5
run "kmemleak of a process, every five seconds" kmemleak --alloc kmem:kmalloc//ptr=ptr/size=bytes_alloc/ \
	--free kmem:kfree//ptr=ptr/ -p "$pid" --order -g -i 5000
holds "the same" alloc_pipe_info $((2 * pipes))
run "kmemleak of several functions" kmemleak \
	--alloc kmem:kmalloc//ptr=ptr/size=bytes_alloc/stack/,kmem:kmalloc_node//ptr=ptr/size=bytes_alloc/stack/ \
	--free kmem:kfree//ptr=ptr/ --order -m 256 -g -t "$pid"
holds "the same" alloc_pipe_info $((2 * pipes))
run "kmemleak of what is larger than 1 MB" kmemleak --alloc 'kmem:kmalloc/bytes_alloc>1048576/ptr=ptr/size=bytes_alloc/' \
	--free kmem:kfree//ptr=ptr/ --order -g
run "kmemleak of what is older than 30 s" kmemleak --alloc kmem:kmalloc//ptr=ptr/size=bytes_alloc/ \
	--free kmem:kfree//ptr=ptr/ --order -g --than 30s
check "perf-prof: which is nothing" grep -q '^ALLOC LIST num 0 mem 0$' "$work/report"
run "kmemleak with the names of tasks" kmemleak --alloc kmem:kmalloc//ptr=ptr/size=bytes_alloc/stack/ \
	--free kmem:kfree//ptr=ptr/ --order -m 128 -g --comm
check "perf-prof: of which one is the program" grep -q 'comms: .*python3(' "$work/report"
run "kmemleak that says no size" kmemleak --alloc kmem:kmalloc//ptr=ptr/ --free kmem:kfree//ptr=ptr/ --order -m 256 -p "$pid"
holds "the same" alloc_pipe_info $((2 * pipes))
run "kmemleak of two conditions" kmemleak --alloc 'kmem:kmalloc/bytes_alloc>=1024 && bytes_alloc<=4096/ptr=ptr/' \
	--free kmem:kfree//ptr=ptr/ --order -g
run "kmemleak of one function" kmemleak --alloc kmem:kmalloc/call_site.function==alloc_pipe_info/ptr=ptr/ \
	--free kmem:kfree//ptr=ptr/ --order -g -p "$pid"
holds "the same" alloc_pipe_info $((2 * pipes))
run "kmemleak of CPUs" kmemleak --alloc kmem:kmalloc//ptr=ptr/size=bytes_alloc/stack/ --free kmem:kfree//ptr=ptr/ --order -C 0-1023 \
	-p "$pid"
holds "the same" alloc_pipe_info $((2 * pipes))
run "kmemleak with a flame graph" kmemleak --alloc kmem:kmalloc/call_site==alloc_pipe_info/ptr=ptr/size=bytes_alloc/stack/ \
	--free kmem:kfree//ptr=ptr/ -g -p "$pid" --flame-graph "$work/leaks.folded"
check "perf-prof: which has the bytes of the report" [ "$(awk '{ n += $NF } END { print n }' "$work/leaks.folded")" -eq \
	"$(sed -n 's/^ALLOC LIST num .* mem //p' "$work/report")" ]
"$KMEM_ANALYZE" kmemleak --alloc uprobes:malloc//ptr=ret/ --free uprobes:free//ptr=ptr/ "$cap" >"$work/report" 2>"$work/err"
check "perf-prof: probes in programs: exit status 1" [ $? -eq 1 ]
check "perf-prof: they are not there yet" grep -q 'cannot be recorded yet' "$work/err"

# --- the whole of it
python3 "$TESTS/naive/compare_pairs.py" "$KMEM_ANALYZE" "$cap" >"$work/out" || failed=1
sed 's/pairs: /perf-prof: /' "$work/out"
clean "perf-prof: kernel left as it was"
finish
