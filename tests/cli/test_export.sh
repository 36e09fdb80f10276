#!/bin/sh
# Exports: strict readers (tests/naive/exports.py) find in each the folded stacks that flame writes, and the programs that they are
# for find the reports' sums.
. "$TESTS/cli/lib.sh"

capture replay
capture hostile_names
capture loss
cp "$TESTS/golden/v1.kmem" "$work/v1.kmem"
for which in replay hostile_names v1; do "$KMEM_ANALYZE" load -q "$work/$which.kmem"; done
db=$work/replay.kmem.db

# WHICH MEASURE READER ARGUMENT...: what the reader finds in $work/x is flame's
same_stacks() {
	which=$1 measure=$2
	shift 2
	# shellcheck disable=SC2086	# a list
	"$KMEM_ANALYZE" flame --measure "$measure" $options "$work/$which.kmem.db" | sort >"$work/wanted"
	if python3 "$TESTS/naive/exports.py" "$@" >"$work/read" 2>&1 && sort "$work/read" | cmp -s - "$work/wanted"; then
		ok "$which: $1 has the stacks of '$measure'"
	else
		not_ok "$which: $1 has the stacks of '$measure'" "$(sort "$work/read" | diff "$work/wanted" - | head -n 4 | tr '\n' ' ')"
	fi
}
export_to() { # FILE OPTION... DB
	$WRAP "$KMEM_ANALYZE" export -f -o "$@" 2>"$work/err" || not_ok "export $1" "$(cat "$work/err")"
}

# debug information: functions that are inlined at an address, the innermost of which is the allocator's
cp "$db" "$work/inlined.kmem.db"
chmod u+w "$work/inlined.kmem.db"
sqlite3 "$work/inlined.kmem.db" "
	INSERT INTO source(id, path, directory) VALUES (1, 'fs/pipe.c', 'fs'), (2, 'include/linux/slab.h', 'include/linux');
	CREATE TEMP TABLE at AS SELECT f.id AS frame, s.name AS name FROM frame f JOIN symbol s ON s.id = f.symbol
		WHERE s.name IN ('alloc_pipe_info', 'sys_pipe');
	INSERT INTO inline_frame SELECT frame, 0, 'kzalloc', 2, 700 FROM at WHERE name = 'alloc_pipe_info'
		UNION ALL SELECT frame, 1, 'new_ring', 1, 800 FROM at WHERE name = 'alloc_pipe_info'
		UNION ALL SELECT frame, 2, 'alloc_pipe_info', 1, 801 FROM at WHERE name = 'alloc_pipe_info'
		UNION ALL SELECT frame, 0, 'do_pipe', 1, 1000 FROM at WHERE name = 'sys_pipe'
		UNION ALL SELECT frame, 1, 'sys_pipe', 1, 1001 FROM at WHERE name = 'sys_pipe'"
golden flame-inlined "$KMEM_ANALYZE" flame "$work/inlined.kmem.db"
golden flame-inlined-all "$KMEM_ANALYZE" flame --all-frames "$work/inlined.kmem.db"
golden flame-inlined-massif sh -c '"$1" export --as massif "$2" | tail -n 4' massif "$KMEM_ANALYZE" "$work/inlined.kmem.db"

for which in replay hostile_names v1 inlined; do
	source=$work/$which.kmem.db options=
	export_to "$work/x.pb.gz" "$source"
	same_stacks "$which" live pprof "$work/x.pb.gz" inuse_space
	same_stacks "$which" allocated pprof "$work/x.pb.gz" alloc_space
	same_stacks "$which" objects pprof "$work/x.pb.gz" inuse_objects
	same_stacks "$which" allocs pprof "$work/x.pb.gz" alloc_objects
	export_to "$work/x.pb.gz" --measure peak "$source"
	same_stacks "$which" peak pprof "$work/x.pb.gz" peak_space
	export_to "$work/x.pb.gz" --measure waste --all-frames "$source"
	options=--all-frames
	same_stacks "$which" waste pprof "$work/x.pb.gz" waste_space
	options='--by comm,gfp'
	export_to "$work/x.pb.gz" --by comm,gfp "$source"
	same_stacks "$which" live pprof "$work/x.pb.gz" inuse_space comm gfp
	export_to "$work/x.speedscope.json" --by comm,gfp "$source"
	same_stacks "$which" live speedscope "$work/x.speedscope.json" 'live bytes'
	options=
	export_to "$work/x.speedscope.json" --measure peak "$source"
	same_stacks "$which" peak speedscope "$work/x.speedscope.json" 'bytes live at the peak'
	same_stacks "$which" allocs speedscope "$work/x.speedscope.json" 'allocations'
	export_to "$work/x.heap" "$source"
	same_stacks "$which" objects heap "$work/x.heap" 0
	same_stacks "$which" live heap "$work/x.heap" 1
	same_stacks "$which" allocs heap "$work/x.heap" 2
	same_stacks "$which" allocated heap "$work/x.heap" 3
	export_to "$work/x.folded" --measure waste "$source"
	"$KMEM_ANALYZE" flame --measure waste "$source" | cmp -s - "$work/x.folded"
	check "$which: folded stacks are flame's" [ $? -eq 0 ]
	export_to "$work/x.massif" "$source"
	python3 "$TESTS/naive/exports.py" massif "$work/x.massif" "$source" >"$work/read" 2>&1
	if grep -q '^[0-9]* snapshots' "$work/read"; then
		ok "$which: massif's snapshots are the rows: $(cat "$work/read")"
	else
		not_ok "$which: massif's snapshots are the rows" "$(tail -n 1 "$work/read")"
	fi
done
export_to "$work/x.heap" --as jemalloc-plain "$db"
check "plain jemalloc has no symbols" [ "$(head -n 1 "$work/x.heap")" = heap_v2/0 ]
python3 "$TESTS/naive/exports.py" heap "$work/x.heap" 1 >"$work/read"
check "plain jemalloc has the same sum" [ "$(awk '{ n += $NF } END { print n }' "$work/read")" = 1056 ]

# --- the programs that these are for
total() {
	"$KMEM_ANALYZE" account "$work/v1.kmem.db" | sed -n 's/^current bytes allocated: *//p'
}
if command -v go >/dev/null; then
	for measure in inuse_space:live alloc_objects:allocs; do
		export_to "$work/x.pb.gz" "$work/v1.kmem.db"
		HOME=$work PPROF_TMPDIR=$work go tool pprof -top -unit B -nodefraction 0 -nodecount 100000 -sample_index "${measure%:*}" \
			"$work/x.pb.gz" 2>/dev/null | awk 'top { sub("B$", "", $1); sub("B$", "", $4); print $6, $1, $4 }
				$1 == "flat" { top = 1 }' | sort >"$work/listed"
		"$KMEM_ANALYZE" top --format csv --measure "${measure#*:}" "$work/v1.kmem.db" | awk -F, 'NR > 1 { print $1, $2, $5 }' |
			sort | cmp -s - "$work/listed"
		check "pprof finds top's flat and cum of each function, ${measure#*:}" [ $? -eq 0 ]
	done
	python3 - "$work/x.pb.gz" <<-'END' >"$work/listed"
		import gzip, sys
		open(sys.argv[1] + "x", "wb").write(gzip.decompress(open(sys.argv[1], "rb").read())[:-1])
	END
	HOME=$work PPROF_TMPDIR=$work go tool pprof -top "$work/x.pb.gzx" >/dev/null 2>&1
	check "pprof would see a file that is cut off" [ $? -ne 0 ]
else
	echo "skip the real pprof: golang-go is not installed"
fi
if command -v jeprof >/dev/null; then
	export_to "$work/x.heap" "$work/v1.kmem.db"
	(cd "$work" && HOME=$work jeprof --text --show_bytes x.heap >listed 2>/dev/null)
	check "jeprof finds account's sum" grep -qx "Total: $(total) B" "$work/listed"
	"$KMEM_ANALYZE" top --format csv "$work/v1.kmem.db" | awk -F, 'NR > 1 { print $1, $2, $5 }' | sort >"$work/wanted"
	awk 'NR > 1 { print $6, $1, $4 }' "$work/listed" | sort | cmp -s - "$work/wanted"
	check "jeprof finds top's flat and cum of each function" [ $? -eq 0 ]
	export_to "$work/x.heap" "$work/inlined.kmem.db"
	(cd "$work" && HOME=$work jeprof --text --show_bytes x.heap >listed 2>/dev/null)
	golden flame-inlined-jeprof awk 'NR > 1 { print $1, $4, $6, $7 }' "$work/listed"
else
	echo "skip jemalloc's heap in jeprof: libjemalloc-dev is not installed"
fi
export_to "$work/x.massif" "$work/v1.kmem.db"
(cd "$work" && ms_print x.massif >out 2>&1)
last=$(awk '$1 ~ /^[0-9]+$/ && NF == 6 { n = $3 } END { gsub(",", "", n); print n }' "$work/out")
check "ms_print finds account's sum at the end" [ "$last" = "$(total)" ]

# --- in words
"$KMEM_ANALYZE" export -f -o "$work/x.pb.gz" "$work/loss.kmem" >/dev/null 2>"$work/err"
check "an export of a capture with losses is exit status 3" [ $? -eq 3 ]
check "and says so" grep -q 'are lower bounds' "$work/err"
gunzip -c "$work/x.pb.gz" | grep -aq 'records LOST: totals are lower bounds'
check "in the file, too" [ $? -eq 0 ]
cp "$work/x.pb.gz" "$work/first.pb.gz"
"$KMEM_ANALYZE" export -f -o "$work/x.pb.gz" "$work/loss.kmem" 2>/dev/null
check "the same again is the same" cmp -s "$work/first.pb.gz" "$work/x.pb.gz"
expect 2 'with one of these endings: .pb.gz' 'no ending' "$KMEM_ANALYZE" export -o "$work/x.txt" "$db"
check "makes no file" [ ! -e "$work/x.txt" ]
expect 2 'no --by comm' 'massif has no tasks' "$KMEM_ANALYZE" export --by comm -o "$work/y.massif" "$db"
expect 1 'the peak is known by call site' 'a peak of rows' "$KMEM_ANALYZE" export --measure peak --at 2s -o "$work/y.pb.gz" "$db"
check "leaves no file" [ ! -e "$work/y.pb.gz" ]
finish
