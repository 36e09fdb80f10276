#!/bin/sh
# peak, timeline, lifetimes and history on captures that can be checked by hand. That they are what brute force over
# the events finds is in test_witness.sh (tests/naive/compare_time.py).
. "$TESTS/cli/lib.sh"

for which in time replay loss domains flight; do
	capture $which
	"$KMEM_ANALYZE" load -q "$work/$which.kmem"
done
db=$work/time.kmem.db

golden time-peak "$KMEM_ANALYZE" peak "$db"
golden time-peak-own "$KMEM_ANALYZE" peak -s own -n 2 --domain slab --include-self "$db"
golden time-peak-by "$KMEM_ANALYZE" peak --by cache,comm "$work/replay.kmem.db"
golden time-peak-json "$KMEM_ANALYZE" peak --format json --from 3.5s "$db"
EXIT=3 golden time-peak-loss "$KMEM_ANALYZE" peak "$work/loss.kmem.db"
golden time-timeline-round "$KMEM_ANALYZE" timeline --every 500ms --until 4s "$db"
golden time-timeline "$KMEM_ANALYZE" timeline --steps 10 "$db"
golden time-timeline-by "$KMEM_ANALYZE" timeline --by caller --every 3s -n 1 "$work/replay.kmem.db"
golden time-timeline-zoom "$KMEM_ANALYZE" timeline --steps 4 --begin 2.9s --until 3.1s --domain slab "$db"
golden time-timeline-csv "$KMEM_ANALYZE" timeline --steps 2 --by comm --format csv "$db"
golden time-timeline-domains "$KMEM_ANALYZE" timeline --steps 4 "$work/domains.kmem.db"
EXIT=3 golden time-timeline-loss "$KMEM_ANALYZE" timeline --steps 7 "$work/loss.kmem.db"
golden time-timeline-flight "$KMEM_ANALYZE" timeline --steps 5 "$work/flight.kmem.db"
golden time-lifetimes "$KMEM_ANALYZE" lifetimes "$work/replay.kmem.db"
golden time-lifetimes-exact "$KMEM_ANALYZE" lifetimes --exact "$work/replay.kmem.db"
golden time-lifetimes-than "$KMEM_ANALYZE" lifetimes --than 450ms --by cache -s longest "$work/replay.kmem.db"
golden time-lifetimes-less "$KMEM_ANALYZE" lifetimes --less 450ms --format ndjson "$work/replay.kmem.db"
EXIT=3 golden time-lifetimes-loss "$KMEM_ANALYZE" lifetimes "$work/loss.kmem.db"
golden time-history "$KMEM_ANALYZE" history --ptr ffff888000001010 "$db"
golden time-history-pfn "$KMEM_ANALYZE" history --pfn 2 "$db"
golden time-history-reuse "$KMEM_ANALYZE" history --ptr 0xffff888000004020 --format json "$work/replay.kmem.db"
golden time-history-nobody "$KMEM_ANALYZE" history --ptr 0 "$work/replay.kmem.db"
EXIT=3 golden time-history-loss "$KMEM_ANALYZE" history --ptr ffff888000002000 "$work/loss.kmem.db"
golden time-history-first "$KMEM_ANALYZE" history --ptr ffff888000001010 -n 1 "$db"
golden time-history-at "$KMEM_ANALYZE" history --ptr ffff888000001010 --at 5.5s --domain slab "$db"

# --- by hand: bytes, objects, time
peak() { # WANTED NAME OPTION...
	wanted=$1 name=$2
	shift 2
	got=$("$KMEM_ANALYZE" peak --domain slab "$@" "$db" | sed -n 's/^PEAK of slab: \([0-9]*\) bytes in \([0-9]*\) objects at \([0-9.]*\) s;.*/\1 \2 \3/p')
	check "$name: $wanted" [ "$got" = "$wanted" ]
}
peak '300 2 1.000000000' 'the first of equal peaks, and none between events of one moment'
peak '300 2 1.000000000' 'the same from the rows' --where 'time >= 0'
peak '4296 2 7.000000000' 'the recorder with the others' --include-self
peak '300 2 5.000000000' 'a window' --from 2s --include-self --to 6s
peak '200 1 1.000000000' 'one task' --only-pid 200 --to 4s
for at in 0 1 2 3.5 5 6 7 10; do
	"$KMEM_ANALYZE" timeline --by call-site -n 0 --begin ${at}s --until ${at}s --format csv "$db" | sed -n 's/.*,all,slab,,//p' >"$work/line"
	live=$("$KMEM_ANALYZE" kmemleak --at ${at}s "$db" | sed -n 's/^ALLOC LIST num \([0-9]*\) mem \([0-9]*\)/\2,\1/p')
	check "timeline at $at s is --at: $live" [ "$(cut -d, -f1,2 "$work/line" | sort -u)" = "$live" ]
done

# --- pictures and counters
"$KMEM_ANALYZE" timeline --by comm "$db" -o "$work/t.svg"
python3 - "$work/t.svg" <<'P' >"$work/wrong" 2>&1
import sys
import xml.etree.ElementTree as tree

SVG = "{http://www.w3.org/2000/svg}"
root = tree.parse(sys.argv[1]).getroot()
texts = ["".join(t.itertext()) for t in root.iter(SVG + "text")]
assert 'a<b>&"c"' in texts, texts
assert len([p for p in root.iter(SVG + "path") if p.get("class") == "series"]) == 2
assert len([p for p in root.iter(SVG + "rect") if p.get("class") == "hover"]) == 51
assert '<here> & "there"' in texts and len([x for x in root.iter(SVG + "line") if x.get("class") == "mark"]) == 1
assert any(t.startswith("kmem timeline: 10.000 s") for t in texts), texts
P
check "the chart is XML, with the names and the header$(cat "$work/wrong")" [ ! -s "$work/wrong" ]
"$KMEM_ANALYZE" timeline --by comm --steps 10 "$db" -o "$work/t.trace.json"
"$KMEM_ANALYZE" timeline --by comm --steps 10 "$db" -o "$work/t.csv"
python3 - "$work/t.trace.json" "$work/t.csv" <<'P' >"$work/wrong" 2>&1
import csv
import json
import sys


def once(pairs):
    assert len(dict(pairs)) == len(pairs), pairs
    return dict(pairs)


trace = json.load(open(sys.argv[1]), object_pairs_hook=once)
rows = [r for r in csv.DictReader(open(sys.argv[2])) if r["series"] == "group"]
assert [(e["ts"], e["name"]) for e in trace["traceEvents"] if e["ph"] == "i"] == [(2000000, '<here> & "there"')]
for name, column in (("live bytes", "bytes"), ("live objects", "objects")):
    counters = [e for e in trace["traceEvents"] if e["ph"] == "C" and e["name"] == name]
    assert len(counters) == 11
    said = {(round(e["ts"] * 1000), n): v for e in counters for n, v in e["args"].items()}
    assert said == {(int(r["time"]), r["comm"]): int(r[column]) for r in rows}, said
P
check "the counters are those of the table$(cat "$work/wrong")" [ ! -s "$work/wrong" ]
"$KMEM_ANALYZE" timeline "$db" -o "$work/t.out"
check "any other file is the table" grep -q '^# kmem timeline' "$work/t.out"

cat >"$work/twins.txt" <<'C'
symbol 0xffffffff81000000 _stext
symbol 0xffffffff81007000 twin
symbol 0xffffffff81008000 twin
1000 0 100 kmalloc ptr=0xffff888000001000 call_site=0xffffffff81007010 bytes_req=8 bytes_alloc=8 stack=0xffffffff81007010
2000 0 100 kmalloc ptr=0xffff888000002000 call_site=0xffffffff81008010 bytes_req=8 bytes_alloc=8 stack=0xffffffff81008010
C
"$MKCAPTURE" "$work/twins.txt" "$work/twins.kmem"
"$KMEM_ANALYZE" timeline --by stack --steps 1 --format trace "$work/twins.kmem" >"$work/twins" 2>/dev/null
check "stacks that read the same are two counters" grep -qF '{"twin+0x10": 8, "twin+0x10 #2": 8}' "$work/twins"

# --- the capture's last moment belongs to the last interval
cat >"$work/edge.txt" <<'C'
0 0 100 kmalloc ptr=0xffff888000001000 call_site=0xffffffff81007010 bytes_req=8 bytes_alloc=8
2000000 0 100 kmalloc ptr=0xffff888000002000 call_site=0xffffffff81007010 bytes_req=8 bytes_alloc=16
10000000 0 100 kmalloc ptr=0xffff888000003000 call_site=0xffffffff81007010 bytes_req=8 bytes_alloc=32
10000000 0 100 kfree ptr=0xffff888000001000 call_site=0xffffffff81008010
C
"$MKCAPTURE" "$work/edge.txt" "$work/edge.kmem"
for every in 1ms 5ms 10ms 11ms 9223372036854775807ns; do
	"$KMEM_ANALYZE" kmemprof -i $every "$work/edge.kmem" 2>/dev/null >"$work/out"
	got=$(sed -n 's/^kmem:kmalloc total alloc \([0-9]*\) bytes on \([0-9]*\) objects\( but not freed\)*$/\1\3/p' "$work/out" | tr '\n' ';')
	case $every in
	1ms) want='8 but not freed;16 but not freed;32 but not freed;8;' ;;
	5ms) want='24 but not freed;32 but not freed;8;' ;;
	*) want='48 but not freed;8;' ;;
	esac
	check "kmemprof -i $every: what ends at the last moment, and what begins then: $got" [ "$got" = "$want" ]
done
echo '5000 0 100 kmalloc ptr=0xffff888000001000 call_site=0xffffffff81007010 bytes_req=8 bytes_alloc=8' |
	"$MKCAPTURE" - "$work/moment.kmem"
for command in kmemprof kmemleak; do
	"$KMEM_ANALYZE" $command -i 1ms "$work/moment.kmem" >"$work/out" 2>/dev/null
	check "$command -i of a capture of no length" grep -q ' ffffffff81007010 ' "$work/out"
done
expect 2 'is no time' "a time that is longer than any" "$KMEM_ANALYZE" lifetimes --than 9223372037s "$work/edge.kmem"

# --- nothing is known of what comes behind the end
for command in kmemleak 'kmemleak --by comm' account 'history --ptr ffff888000002000'; do
	# shellcheck disable=SC2086	# a command and its options
	"$KMEM_ANALYZE" $command --at 100s "$work/edge.kmem" >"$work/out" 2>/dev/null
	check "$command --at behind the end: no age is longer than the capture" [ "$(grep -c 's from\|9[0-9]\.[0-9]* s' "$work/out")" = 1 ]
	check "$command --at behind the end: says so" grep -q '^#   --at is later: this is the END of the capture' "$work/out"
done
"$KMEM_ANALYZE" timeline --steps 1 --until 100s --format csv "$work/edge.kmem" >"$work/out"
check "timeline --until behind the end: ends with the capture" [ "$(tail -n 1 "$work/out" | cut -d , -f 1)" = 10000000 ]

# --- sums of lifetimes that no integer holds: 300 years in all
cat >"$work/long.txt" <<'C'
1000 0 100 kmalloc ptr=0xffff888000001000 call_site=0xffffffff81007010 bytes_req=8 bytes_alloc=8
1000 0 100 kmalloc ptr=0xffff888000002000 call_site=0xffffffff81007010 bytes_req=8 bytes_alloc=8
1000 0 100 kmalloc ptr=0xffff888000003000 call_site=0xffffffff81007010 bytes_req=16 bytes_alloc=16
4800000000000001000 0 100 kfree ptr=0xffff888000001000 call_site=0xffffffff81008010
4800000000000001000 0 100 kfree ptr=0xffff888000002000 call_site=0xffffffff81008010
4800000000000001000 0 100 kfree ptr=0xffff888000003000 call_site=0xffffffff81008010
C
"$MKCAPTURE" "$work/long.txt" "$work/long.kmem"
for options in '' '--by comm' '-i 2000000000s'; do
	# shellcheck disable=SC2086	# an option and its value
	"$KMEM_ANALYZE" kmemprof -s lifetime $options "$work/long.kmem" >"$work/out" 2>"$work/err"
	check "kmemprof $options: a sum of lifetimes that no integer holds: $(cat "$work/err")" [ "$(grep -c '3 (100.0%) objects, lifetime mean 1333333 h 20 min, longest 1333333 h 20 min' "$work/out")" = 2 ]
done

# of two a stack was not recorded: their time is split, too
{
	echo 'info events.stack_sample 3'
	sed '1s/$/ stack=0xffffffff81007010,0xffffffff81009000/; s/bytes_req=16 bytes_alloc=16/bytes_req=8 bytes_alloc=8/' "$work/long.txt"
} >"$work/sampled.txt"
"$MKCAPTURE" "$work/sampled.txt" "$work/sampled.kmem"
"$KMEM_ANALYZE" kmemprof --format json "$work/sampled.kmem" >"$work/out" 2>/dev/null
check "kmemprof of sampled stacks: a sum of lifetimes that no integer holds" \
	grep -q '"lifetime_sum": 1.44e+19,.*"side": "alloc"' "$work/out"

# --- dates far away: before all and behind all of the capture, whatever they are in ns
{
	echo 'info clock.start.trace_ns 0'
	echo 'info clock.start.wall_ns 1700000000000000000'
	cat "$work/edge.txt"
} >"$work/dated.txt"
"$MKCAPTURE" "$work/dated.txt" "$work/dated.kmem"
allocs() { # OPTIONS: how many allocations account counts
	"$KMEM_ANALYZE" account "$@" "$work/dated.kmem" 2>/dev/null | sed -n 's/^number of allocs: *//p'
}
for date in '2262-04-12 00:00' '2600-01-01 00:00' '9999-12-31 00:00'; do
	check "account --to $date: all" [ "$(allocs --to "$date")" = 3 ]
done
for date in '2023-11-14 22:13:19' '1700-01-01 00:00' '0001-01-01 00:00'; do
	check "account --from $date: all" [ "$(allocs --from "$date")" = 3 ]
done
"$KMEM_ANALYZE" account --from '2023-11-14 22:13:19' "$work/dated.kmem" >"$work/out" 2>/dev/null
check "account --from before the capture: says so" grep -q '^# only objects allocated from 1.000 s before the start to the end' "$work/out"
"$KMEM_ANALYZE" account --from '2600-01-01 00:00' "$work/dated.kmem" >"$work/out" 2>&1
check "account --from behind all: nothing" [ "$(sed -n 's/^number of allocs: *//p' "$work/out")" != 3 ]
sed 's/1700000000000000000/9223372036854775000/' "$work/dated.txt" >"$work/late.txt"
"$MKCAPTURE" "$work/late.txt" "$work/late.kmem"
"$KMEM_ANALYZE" kmemprof "$work/late.kmem" >"$work/out" 2>&1
check "a capture that ends behind the last ns that there is" grep -q '^2262-04-11 23:47:16.864775' "$work/out"

# --- numbers that no kernel makes
hostile() { # NAME SQL
	cp "$db" "$work/hostile.db"
	sqlite3 "$work/hostile.db" "$2"
	for command in peak 'peak --by comm' timeline 'timeline --by cache --format json' 'timeline --format svg' 'timeline --format trace' \
		lifetimes 'lifetimes --than 1s' 'history --ptr ffff888000001010' 'history --pfn 1'; do
		# shellcheck disable=SC2086	# an option and its value
		$WRAP "$KMEM_ANALYZE" $command "$work/hostile.db" >"$work/out" 2>"$work/err"
		code=$?
		grep -q 'runtime error\|Sanitizer' "$work/err" && code=$(cat "$work/err")
		check "hostile $1: $command" [ "$code" = 0 ]
	done
}
hostile 'times' "UPDATE allocation SET time = (-1 << 63) + 1 WHERE id = 1; UPDATE allocation SET time = ~(-1 << 63), lifetime = 5 WHERE id = 2;
	UPDATE allocation SET lifetime = ~(-1 << 63) WHERE id = 3; UPDATE loss SET from_time = ~(-1 << 63)"
hostile 'sizes' "UPDATE alloc_site SET bytes_alloc = ~(-1 << 63)"
hostile 'sizes below 0' "UPDATE alloc_site SET bytes_alloc = -5; UPDATE capture SET value = 0 WHERE key = 'page_size'"
hostile 'ids' "UPDATE allocation SET alloc_site = 1 << 40, task = -7 WHERE id = 1; UPDATE allocation SET free_site = 99 WHERE id = 2"
hostile 'peaks' "UPDATE domain_peak SET time = (-1 << 63), bytes = -1; UPDATE stack_peak SET time = (-1 << 63), objects = -3"
hostile 'summaries' "UPDATE OR REPLACE lifetime_total SET lifetime = (-1 << 63), objects = -1; UPDATE OR REPLACE live_step SET bytes = -1, objects = (-1 << 63),
	bytes_min = ~(-1 << 63), time = CASE WHEN time THEN ~(-1 << 63) ELSE -7 END"
hostile 'classes' "UPDATE OR REPLACE lifetime_total SET lifetime = ~(-1 << 63), objects = ~(-1 << 63), alloc_site = 1 << 40"
hostile 'steps' "UPDATE capture SET value = 1 WHERE key = 'live_step.ns'; UPDATE OR REPLACE live_step SET time = time + 3, domain = char(10) || domain"
hostile 'direct map' "UPDATE capture SET value = 'ffff888000000000-ffff8881:' WHERE key = 'direct_map'"

# --- wrong usage
expect 2 'kmemleak --at' 'peak --at' "$KMEM_ANALYZE" peak --at 1s "$db"
expect 2 "unknown sort key 'size'" 'peak -s size' "$KMEM_ANALYZE" peak -s size "$db"
expect 2 '10000 are the most' 'too many steps' "$KMEM_ANALYZE" timeline --every 1us "$db"
expect 2 '--steps' 'no steps' "$KMEM_ANALYZE" timeline --steps 0 "$db"
expect 2 'is not before' 'a span that is none' "$KMEM_ANALYZE" timeline --begin 5s --until 4s "$db"
expect 2 'nothing lives both' '--than above --less' "$KMEM_ANALYZE" lifetimes --than 5s --less 4s "$db"
expect 2 'name one address' 'no address' "$KMEM_ANALYZE" history "$db"
expect 2 'name one address' 'address and page' "$KMEM_ANALYZE" history --ptr 1 --pfn 1 "$db"
expect 2 'is no number' 'an address that is none' "$KMEM_ANALYZE" history --ptr dentry "$db"
expect 2 'is no number' 'a negative one' "$KMEM_ANALYZE" history --ptr -1 "$db"
expect 2 'has no groups' 'history --by' "$KMEM_ANALYZE" history --ptr 1 --by cache "$db"
for command in peak timeline lifetimes history; do
	"$KMEM_ANALYZE" $command --help >"$work/help"
	check "$command --help teaches" grep -q '^examples:' "$work/help"
	check "$command --help fits 100 columns" [ "$(expand "$work/help" | awk '{ if (length > m) m = length } END { print m }')" -le 100 ]
done
finish
