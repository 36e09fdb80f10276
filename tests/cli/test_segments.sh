#!/bin/sh
# Segments of one recording: together they are what one file over the same time would be, and what is
# missing is said.
. "$TESTS/cli/lib.sh"
reader=$TESTS/../scripts/read_capture.py
one=00112233445566778899aabbccddeeff
two=ffeeddccbbaa99887766554433221100

# What the recording saw, in three parts; every part uses its own dictionary, writer numbers and
# generations are the same. Times of parts overlap: CPU 1 goes over to the next file later than CPU 0.
part1='1000 0 11 kmalloc ptr=0x1000 bytes_alloc=64 bytes_req=60 call_site=0xffffffff81000110
1005 1 12 kmalloc ptr=0x2000 bytes_alloc=32 bytes_req=32 call_site=0xffffffff81000210
1100 1 12 kmalloc ptr=0x3000 bytes_alloc=8 bytes_req=8 call_site=0xffffffff81000110'
part2='1050 0 11 kfree ptr=0x2000 call_site=0xffffffff81000110
1060 0 11 kmalloc ptr=0x4000 bytes_alloc=128 bytes_req=128 call_site=0xffffffff81000210
1200 1 12 kfree ptr=0x1000 call_site=0xffffffff81000210'
part3='1300 0 11 kmalloc ptr=0x1000 bytes_alloc=256 bytes_req=256 call_site=0xffffffff81000110
1400 1 13 kfree ptr=0x3000 call_site=0xffffffff81000210
1500 0 11 kfree ptr=0x4000 call_site=0xffffffff81000110
1550 0 11 kmalloc ptr=0x5000 bytes_alloc=16 bytes_req=16 call_site=0xffffffff81000110'
facts='info clock.start.trace_ns 1000
info clock.start.wall_ns 1700000000000000000
symbol 0xffffffff81000100 outer
symbol 0xffffffff81000200 middle'

segment() { # FILE SERIES NUMBER EVENTS LINE...
	file=$1 series=$2 number=$3 events=$4
	shift 4
	{
		echo "info segment.series $series"
		echo "info segment.number $number"
		echo "$facts"
		for line; do echo "$line"; done
		echo "$events"
	} | "$MKCAPTURE" - "$file" || not_ok "segment $number" "mkcapture failed"
}

dump() { # DB: all that the database says of objects
	sqlite3 "$1" "SELECT time, lifetime, state, in_doubt_by_loss, address, bytes_alloc, caller, comm, pid, cpu, freer,
		free_pid, free_cpu FROM object ORDER BY time, address; SELECT * FROM caller_total ORDER BY 1; SELECT * FROM loss"
}

s=$work/s
mkdir "$s"
first='info time.start_ns 1000
task 11 11 1 eleven
task 12 12 1 twelve
startstats 0 decoded=0
startstats 1 decoded=0
stats 0 read=1 decoded=1 events=1
stats 1 read=2 decoded=2 events=2
info end.reason rotated'
second='task 11 11 1 later
task 12 12 1 later
startstats 0 read=1 decoded=1 events=1
startstats 1 read=2 decoded=2 events=2
stats 0 read=3 decoded=3 events=3
stats 1 read=3 decoded=3 events=3
info end.reason rotated'
third='task 13 13 1 thirteen
startstats 0 read=3 decoded=3 events=3
startstats 1 read=3 decoded=3 events=3
stats 0 read=6 decoded=6 events=6
stats 1 read=4 decoded=4 events=4
info time.end_ns 1600
info end.reason duration'
segment "$s/cap.000001.kmem" $one 1 "$part1" "$first"
segment "$s/cap.000002.kmem" $one 2 "$part2" "$second"
segment "$s/cap.000003.kmem" $one 3 "$part3" "$third"
# the same without segments; pids that only a later file names stay without a name
{
	echo "$facts"
	echo 'info time.start_ns 1000
info time.end_ns 1600
info end.reason duration
task 11 11 1 eleven
task 12 12 1 twelve'
	printf '%s\n' "$part1" "$part2" "$part3"
	echo 'stats 0 read=6 decoded=6 events=6
stats 1 read=4 decoded=4 events=4'
} | "$MKCAPTURE" - "$work/whole.kmem"
"$KMEM_ANALYZE" load -q "$work/whole.kmem"
dump "$work/whole.kmem.db" >"$work/whole"

for file in "$s"/cap.*.kmem; do
	"$KMEM_ANALYZE" verify -q "$file"
	check "${file##*/}: whole when looked at alone" [ $? -eq 0 ]
	python3 "$reader" --verify "$file" >"$work/out" 2>&1
	check "${file##*/}: the other reader agrees" [ $? -eq 0 ]
	"$KMEM_ANALYZE" load -q -o "$work/alone.db" -f "$file"
	check "${file##*/}: loads alone" [ "$(sqlite3 "$work/alone.db" "SELECT value FROM capture WHERE key = 'events'")" -ge 3 ]
done

all_equal() { # NAME
	dump "$s/cap.kmem.db" >"$work/joined"
	check "$1: the same as in one file" cmp -s "$work/whole" "$work/joined"
	[ -s "$work/whole" ] || not_ok "$1" "there is nothing to compare"
}

"$KMEM_ANALYZE" load -q "$s"/cap.*.kmem
check "load: all segments" [ $? -eq 0 ]
all_equal "load"
"$KMEM_ANALYZE" load -q -f "$s/cap.000003.kmem" "$s/cap.000001.kmem" "$s/cap.000002.kmem"
all_equal "load, in another order"
"$KMEM_ANALYZE" load -q "$s"/cap.*.kmem 2>"$work/err"
check "load: does not overwrite" [ $? -eq 1 ]
if python3 "$TESTS/naive/compare_db.py" "$s"/cap.*.kmem "$s/cap.kmem.db" >"$work/out"; then
	ok "the witness agrees on every event"
else
	not_ok "the witness agrees on every event" "$(grep '^not ok' "$work/out")"
fi
check "read_capture.py: all events of all files" [ "$(python3 "$reader" --events "$s"/cap.*.kmem | wc -l)" -eq 10 ]

rm "$s/cap.kmem.db"
"$KMEM_ANALYZE" load "$s/cap.kmem" 2>"$work/err"
check "load by the name that was recorded to: $(cat "$work/err")" [ $? -eq 0 ]
all_equal "load, by that name"
check "and says what it made" grep -q "10 events.* -> $s/cap.kmem.db" "$work/err"
expect 1 'No such file' 'load: neither a file nor segments' "$KMEM_ANALYZE" load "$s/other.kmem"
mkdir "$s/one"
cp "$s/cap.000002.kmem" "$s/one/"
"$KMEM_ANALYZE" load -q "$s/one/cap.kmem"
check "load by that name: one segment is left" [ -e "$s/one/cap.000002.kmem.db" ]

# --- a question: any segment, the name that was recorded to, or several segments
for name in cap.000002.kmem cap.kmem cap.kmem.db; do
	[ $name = cap.kmem.db ] || rm "$s/cap.kmem.db"
	golden segments-account "$KMEM_ANALYZE" account "$s/$name"
	all_equal "account $name"
done
stamp=$(stat -c %Y.%i "$s/cap.kmem.db")
"$KMEM_ANALYZE" account "$s"/cap.*.kmem >"$work/out" 2>"$work/err"
check "several segments named: the database fits" [ "$(stat -c %Y.%i "$s/cap.kmem.db")" = "$stamp" ]
check "and nothing is said" [ ! -s "$work/err" ]
"$KMEM_ANALYZE" account "$s/cap.000001.kmem" "$s/cap.000002.kmem" >"$work/out" 2>"$work/err"
check "fewer segments named: exit 0, they are whole" [ $? -eq 0 ]
check "fewer segments named: loaded anew" grep -q 'loaded 2 segments' "$work/err"
check "fewer segments named: says that it went on" grep -q 'ends with segment 2' "$work/out"

# --- missing
rm "$s/cap.kmem.db"
mv "$s/cap.000002.kmem" "$work/"
EXIT=3 golden segments-middle "$KMEM_ANALYZE" account "$s/cap.000003.kmem"
check "the middle is missing: a loss, of as many records" \
	[ "$(sqlite3 "$s/cap.kmem.db" 'SELECT cpu, records FROM loss')" = '-1|3' ]
check "the middle is missing: objects live until both CPUs went on are in doubt, later ones not" \
	[ "$(sqlite3 "$s/cap.kmem.db" 'SELECT in_doubt_by_loss, count(*), min(time), max(time) FROM object GROUP BY 1')" = '0|1|550|550
1|4|0|300' ]
python3 "$reader" --verify "$s"/cap.*.kmem >"$work/out" 2>"$work/err"
check "the middle is missing: read_capture.py says so" grep -q 'segment 2 is missing' "$work/err"
mv "$work/cap.000002.kmem" "$s/"
mv "$s/cap.000001.kmem" "$work/"
rm "$s/cap.kmem.db"
golden segments-first "$KMEM_ANALYZE" account "$s/cap.000003.kmem"
mv "$work/cap.000001.kmem" "$s/"

# --- what does not belong together
mkdir "$work/f"
segment "$work/f/cap.000002.kmem" $two 2 "$part2"
segment "$work/f/copy.000001.kmem" $one 1 "$part1"
segment "$work/f/types.000002.kmem" $one 2 "$part2" 'type kmem new a:u4:tuple'
expect 1 'not of one series' 'segments of two recordings' \
	"$KMEM_ANALYZE" load "$s/cap.000001.kmem" "$work/f/cap.000002.kmem"
expect 1 'no segment of a series' 'a segment and a capture' "$KMEM_ANALYZE" load "$s/cap.000001.kmem" "$work/whole.kmem"
expect 1 'both segment 1' 'the same segment twice' "$KMEM_ANALYZE" load "$s/cap.000001.kmem" "$work/f/copy.000001.kmem"
cp "$work/f/cap.000002.kmem" "$s/cap.000009.kmem"
: >"$s/cap.000010.kmem"
rm -f "$s/cap.kmem.db"
"$KMEM_ANALYZE" account "$s/cap.000001.kmem" >"$work/out" 2>"$work/err"
check "foreign and empty files beside them: left out" [ $? -eq 0 ]
check "foreign files: said" grep -q 'another recording.*cap.000009.kmem' "$work/err"
check "empty files: said" grep -q 'cap.000010.kmem.*empty' "$work/err"
all_equal "foreign files"
rm "$s/cap.000009.kmem" "$s/cap.000010.kmem"
expect 1 'No such file' 'a segment that is not there' "$KMEM_ANALYZE" account "$s/cap.000007.kmem"

# --- a segment without its end, and another behind it
segment "$s/cap.000002.kmem.new" $one 2 "$part2" 'startstats 0 read=1 decoded=1 events=1' noend
mv "$s/cap.000002.kmem.new" "$s/cap.000002.kmem"
rm -f "$s/cap.kmem.db"
"$KMEM_ANALYZE" account "$s/cap.000001.kmem" >"$work/out" 2>/dev/null
check "cut off in the middle: exit 3" [ $? -eq 3 ]
check "cut off in the middle: a loss" [ "$(sqlite3 "$s/cap.kmem.db" 'SELECT count(*) FROM loss')" = 1 ]
check "cut off in the middle: the file is named" \
	[ "$(sqlite3 "$s/cap.kmem.db" "SELECT count(*) FROM damage WHERE text LIKE 'cap.000002.kmem: %'")" = 1 ]
finish
