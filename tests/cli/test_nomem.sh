#!/bin/sh
# Memory that runs out: whole programs, run again and again, each time with another allocation that fails. They say so
# and end with exit status 1, or it made no difference; no crash, no other answer, nothing half left behind.
# NOMEM_TRIES=0 (make check-nomem): of each command the first and the last allocation of each place, who called whom;
# of what makes few, each. Else so many of these, spread evenly.
. "$TESTS/cli/lib.sh"
if [ -n "${EMULATED-}" ]; then
	echo "skip no memory: programs for another machine are linked statically, and malloc cannot be taken from the C library there"
	exit 0
fi
: "${NOMEM_TRIES:=16}"
NOMEM_DIR=$work/out
NOMEM_LOOK="sh $TESTS/faults/look.sh"
export NOMEM_TRIES NOMEM_DIR NOMEM_LOOK
out=$NOMEM_DIR
analyze=$B/tests/kmem-analyze-nomem
record=$B/tests/kmem-record-nomem
mkdir "$out"
all=0

nomem() { # NAME COMMAND...
	name=$1
	shift
	"$@" >"$work/tries" 2>&1
	code=$?
	sum=$(tail -n 1 "$work/tries")
	made=${sum#*, }
	made=${made%% *}
	if [ $code -eq 0 ] && [ "${made:-0}" -gt 0 ]; then
		ok "no memory: $name"
		all=$((all + made))
	else
		not_ok "no memory: $name" "$(cat "$work/tries")"
	fi
}

python3 "$TESTS/naive/mktext.py" "$work" || exit 1
for name in replay loss sampled pairs stat; do
	capture $name
	"$KMEM_ANALYZE" load -q "$work/$name.kmem"	# some lack events: exit status 3
done
db=$work/replay.kmem.db

# --- where few allocations are, each of them: decoding, writing a capture
few=$NOMEM_TRIES
NOMEM_TRIES=0
nomem "verify" "$analyze" verify "$work/replay.kmem"
nomem "a saved directory becomes a capture" "$record" dump -q --root "$TESTS/cli/trees/armhf" -o "$out/a.kmem"
NOMEM_TRIES=$((few * 3))
nomem "from one of big-endian" "$record" dump -q --root "$TESTS/cli/trees/s390x" -o "$out/a.kmem"
nomem "load" "$analyze" load -q -o "$out/x.db" "$work/replay.kmem"
nomem "account" "$analyze" account "$db"
nomem "kmemleak" "$analyze" kmemleak --comm "$work/loss.kmem.db"
nomem "kmemprof" "$analyze" kmemprof "$db"
NOMEM_TRIES=$few

# --- from then on nothing can be had
NOMEM_MODE=all
export NOMEM_MODE
nomem "a load, and none from then on" "$analyze" load -q -o "$out/x.db" "$work/replay.kmem"
nomem "a report, and none from then on" "$analyze" account "$db"
nomem "a dump, and none from then on" "$record" dump -q --root "$TESTS/cli/trees/armhf" -o "$out/a.kmem"
unset NOMEM_MODE

nomem "load of a recording" "$analyze" load -q -o "$out/x.db" "$TESTS/golden/v1.kmem"
nomem "load and report" "$analyze" kmemleak --db "$out/x.db" "$work/sampled.kmem"
nomem "a text log" "$analyze" load -q -o "$out/x.db" -k "$work/System.map" "$work/classic.log"
nomem "a text log with stacks" "$analyze" load -q -o "$out/x.db" "$work/modern.log"
nomem "info" "$analyze" info "$db"
nomem "estimates" "$analyze" account --by caller "$work/sampled.kmem.db"
nomem "--where" "$analyze" kmemleak --where "bytes_alloc > 10 AND comm = 'x'" "$db"
nomem "--by" "$analyze" account --by cache,comm "$db"
nomem "pairs of events" "$analyze" kmemprof -e 'kmem:kmalloc/bytes_alloc>8 && call_site!=0/size=bytes_alloc/stack/' -e kmem:kfree \
	"$work/pairs.kmem.db"
nomem "JSON" "$analyze" account --format json "$db"
nomem "CSV into a file" "$analyze" account --format csv -o "$out/a.csv" "$db"
nomem "peak" "$analyze" peak "$db"
nomem "timeline" "$analyze" timeline --by cache -o "$out/t.svg" "$db"
nomem "lifetimes" "$analyze" lifetimes --by caller "$db"
nomem "history" "$analyze" history --ptr "$(sqlite3 "$db" "SELECT printf('%x', address) FROM allocation LIMIT 1")" "$db"
nomem "flame" "$analyze" flame -o "$out/f.svg" "$db"
nomem "top" "$analyze" top "$db"
nomem "graph" "$analyze" graph -o "$out/g.dot" "$db"
for form in pb.gz speedscope.json massif heap; do
	nomem "export $form" "$analyze" export -o "$out/p.$form" "$db"
done
nomem "report" "$analyze" report -o "$out/r.html" "$db"
nomem "diff" "$analyze" diff "$db" "$work/loss.kmem.db"
nomem "stat" "$analyze" stat --slab --page "$work/stat.kmem.db"
nomem "domains" "$analyze" domains "$db"
nomem "sql" "$analyze" sql "$db" 'SELECT count(*) FROM live'
echo "figure: $all allocations made to fail"
finish
