#!/bin/sh
# Recordings in several files, and of limited size: together they hold what one file would, each is
# whole, and whatever ends the recorder leaves files that load.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
needs_kernel segments
: "${KMEM_ANALYZE:=$PWD/$B/kmem-analyze}"
load=
stop_load() {
	# shellcheck disable=SC2086	# a list of process ids
	[ -z "$load" ] || { kill $load && wait $load; } 2>/dev/null
	load=
}
start_load() {
	for cpu in $(seq 0 $(($(nproc) - 1))); do
		"$B/tests/churn" 1000000000 "$cpu" >/dev/null &
		load="$load $!"
	done
}
trap 'stop_load; umount "$work/small" 2>/dev/null; leave' EXIT
count() { # PATTERN: how many files
	find "$work" -maxdepth 1 -name "$1" | wc -l
}

each_is_whole() { # NAME FILE...
	name=$1
	shift
	for file; do
		if ! "$KMEM_ANALYZE" verify "$file" >"$work/out" 2>&1 ||
			! "$KMEM_ANALYZE" load -q -f -o "$work/alone.db" "$file" 2>>"$work/out" ||
			[ "$(sqlite3 "$work/alone.db" "SELECT value > 0 FROM capture WHERE key = 'events'")" != 1 ]; then
			not_ok "$name" "$file: $(head -n 2 "$work/out")"
			return
		fi
	done
	ok "$name"
}

# --- the last three are kept
record 0 "--rotate --keep 3" -o "$work/k.kmem" --rotate 1M --keep 3 -- \
	sh -c "for i in \$(seq 300); do [ -e '$work/k.000005.kmem' ] || $churn_all 1000; done; $churn_all 200" # something for the last
says "--keep: the next command names what was asked for" "kmemleak $work/k.kmem"
check "--keep 3: three files" [ "$(count 'k.*.kmem')" -eq 3 ]
check "--keep 3: the first is gone" [ ! -e "$work/k.000001.kmem" ]
check "files are private" [ -z "$(find "$work" -name 'k.*.kmem' ! -perm 600)" ]
each_is_whole "--keep 3: each is whole, and loads alone" "$work"/k.*.kmem
"$KMEM_ANALYZE" account "$work/k.kmem" >"$work/report" 2>"$work/err"
check "--keep 3: together, by the name that was recorded to" [ $? -eq 0 ]
check "--keep 3: the report says that it begins late" grep -q '^# begins with segment' "$work/report"
check "--keep 3: nothing is lost" grep -q 'none lost' "$work/report"
clean "--rotate: kernel left as it was"

# a name of our own: others may run churn at the same time
workload=churn.$$
cp "$B/tests/churn" "$work/$workload"

# --- all are kept: the events of the workload are those of a second recorder with one file
"$KMEM_RECORD" -q -o "$work/one.kmem" &
pid=$!
recording $pid
record 0 "--rotate, all kept" -o "$work/a.kmem" --rotate 1M -- \
	sh -c "for i in \$(seq 300); do [ -e '$work/a.000004.kmem' ] || { '$work/$workload' 1000 0 & '$work/$workload' 1000 1 & wait; }; done
		sleep 0.3" >/dev/null
kill -INT $pid
wait $pid
files=$(count 'a.*.kmem')
check "--rotate: more than three files ($files)" [ "$files" -gt 3 ]
each_is_whole "--rotate: each is whole" "$work"/a.*.kmem
python3 "$READ_CAPTURE" --verify "$work"/a.*.kmem >"$work/out" 2>&1
check "--rotate: read_capture.py finds them whole together" [ $? -eq 0 ]
# the account: what the kernel says it handed out is what all files hold
python3 "$READ_CAPTURE" --stats "$work"/a.*.kmem >"$work/stats"
want=$(sed -n 's/^end events=\([0-9]*\) lost=0 .*/\1/p' "$work/stats")
"$KMEM_ANALYZE" load -q "$work"/a.*.kmem
got=$(sqlite3 "$work/a.kmem.db" "SELECT value FROM capture WHERE key = 'events'")
check "--rotate: the account is exact over all files" \
	[ "$want" = "$got" ] && [ "$got" = "$(sed -n 's/^end cpu.* events=\([0-9]*\) .*/\1/p' "$work/stats" | paste -sd+ | bc)" ]
if python3 "$TESTS/naive/compare_db.py" "$work"/a.*.kmem "$work/a.kmem.db" >"$work/out"; then
	ok "--rotate: the witness agrees on every object"
else
	not_ok "--rotate: the witness agrees on every object" "$(grep '^not ok' "$work/out" | head -n 3)"
fi
"$KMEM_ANALYZE" load -q "$work/one.kmem"
# two recorders read the clock one after the other, so the order counts and not the time
allocations() { # DB: each allocation of the workload, in the order of its tasks
	sqlite3 "$1" "WITH text AS (SELECT stack, group_concat(text) AS frames FROM
			(SELECT stack, text FROM stack_line ORDER BY stack, position) GROUP BY stack)
		SELECT o.pid, o.cpu, o.address, o.event, o.caller, o.bytes_req, o.bytes_alloc, o.cache, frames FROM object o
		LEFT JOIN text ON text.stack = o.stack WHERE o.comm = '$workload' AND o.context = 'task' ORDER BY o.pid, o.time"
}
allocations "$work/a.kmem.db" >"$work/a.objects"
allocations "$work/one.kmem.db" >"$work/one.objects"
check "--rotate: the workload is there" [ "$(wc -l <"$work/a.objects")" -gt 15000 ]
if cmp -s "$work/a.objects" "$work/one.objects"; then
	ok "--rotate: the same objects of the workload as in one file ($(wc -l <"$work/a.objects"))"
else
	not_ok "--rotate: the same objects of the workload as in one file" "$(diff "$work/a.objects" "$work/one.objects" | head -n 4)"
fi
rm -f "$work"/*.kmem "$work"/*.db

# --- kill -9 while files change
start_load
bad=
pairs=0
for i in $(seq 10); do
	"$KMEM_RECORD" -q -o "$work/x.kmem" --rotate 1M --keep 4 &
	pid=$!
	until [ -e "$work/x.000002.kmem" ] || ! kill -0 $pid; do sleep 0.01; done
	# from the moment when the second has its name to the next change
	sleep "$(awk -v i="$i" 'BEGIN { print (i - 1) * 0.025 }')"
	kill -9 $pid
	wait $pid 2>/dev/null
	set -- "$work"/x.*.kmem
	"$KMEM_ANALYZE" verify "$1" >/dev/null 2>&1 || pairs=$((pairs + 1))
	for file; do
		"$KMEM_ANALYZE" verify "$file" >"$work/out" 2>&1
		case $? in 0 | 3) ;; *) bad="$bad $i: $(head -n 1 "$work/out");" ;; esac
		! grep -q 'missing\|checksum' "$work/out" || bad="$bad $i: $(head -n 1 "$work/out");"
		"$KMEM_ANALYZE" load -q -f -o "$work/alone.db" "$file" >"$work/out" 2>&1
		[ $? -ne 1 ] || bad="$bad $i: $(cat "$work/out");"
	done
	"$KMEM_ANALYZE" account -n 1 "$work/x.kmem" >"$work/report" 2>"$work/out"
	if [ $? -ne 3 ] || ! grep -q 'CUT OFF' "$work/report"; then
		bad="$bad $i: $(head -n 3 "$work/report" "$work/out");"
	fi
	rm -f "$work"/x.*
done
check "kill -9, 10 times: every file loads, and all together (wrong:$bad)" [ -z "$bad" ]
check "kill -9: some were killed before the first file had its end ($pairs)" [ $pairs -ge 1 ]

# --- a disk that is too small for all: with --keep the oldest make room, without it recording ends
if mkdir "$work/small" && mount -t tmpfs -o size=8m none "$work/small" 2>/dev/null; then
	record 0 "a full disk and --keep: goes on" -o "$work/small/d.kmem" --rotate 1M --keep 100 -d 8
	check "a full disk and --keep: the oldest were given up" [ ! -e "$work/small/d.000001.kmem" ]
	each_is_whole "a full disk and --keep: what is there is whole" "$work"/small/d.*.kmem
	"$KMEM_ANALYZE" load -q -o "$work/d.db" "$work"/small/d.*.kmem
	check "a full disk and --keep: together, too" [ $? -eq 0 ]
	rm -f "$work"/small/*
	record 3 "a full disk without --keep: exit 3" -o "$work/small/e.kmem" --rotate 1M -d 20
	says "a full disk without --keep: says so" "No space left on device"
	check "a full disk without --keep: the first is still there" [ -e "$work/small/e.000001.kmem" ]
	"$KMEM_ANALYZE" load -q -o "$work/e.db" "$work"/small/e.*.kmem 2>"$work/out"
	check "a full disk without --keep: what is there loads" [ $? -ne 1 ]
	umount "$work/small"
else
	skip "a full disk while files change" "cannot mount a tmpfs"
fi

# --- --max-size
for size in 3 6; do
	record 0 "--max-size ${size}M: ends" -o "$work/m$size.kmem" --max-size ${size}M -d 60
	bytes=$(stat -c %s "$work/m$size.kmem")
	check "--max-size ${size}M: kept ($bytes)" [ "$bytes" -le $((size * 1024 * 1024)) ]
	check "--max-size ${size}M: used" [ "$bytes" -ge $((size * 1024 * 1024 - 1024 * 1024)) ]
	check "--max-size ${size}M: reason" [ "$(info "$work/m$size.kmem" end.reason)" = size ]
	exact "--max-size ${size}M: exact" "$work/m$size.kmem"
done
stop_load
record 2 "--max-size that no capture fits" -o "$work/none.kmem" --max-size 100k -d 1
says "--max-size that no capture fits: says what is needed" "too small"
check "--max-size that no capture fits: no file" [ ! -e "$work/none.kmem" ]

# --- what is refused
record 2 "-o - with --rotate" -o - --rotate 1M -d 1
record 2 "--keep without --rotate" -o "$work/none.kmem" --keep 2 -d 1
record 2 "--max-size with --rotate" -o "$work/none.kmem" --max-size 10M --rotate 1M -d 1
record 2 "--symbols used with --rotate" -o "$work/none.kmem" --symbols used --rotate 1M -d 1
echo mine >"$work/n.000004.kmem"
record 1 "a file called like a segment" -o "$work/n.kmem" --rotate 1M -d 1
says "a file called like a segment: says what to do" "-f"
check "a file called like a segment: untouched, and no other made" [ "$(cat "$work"/n.*)" = mine ]
rm "$work/n.000004.kmem"
ln -s "$work/target" "$work/n.000001.kmem"
record 1 "a planted link, with -f" -f -o "$work/n.kmem" --rotate 1M -d 1
check "a planted link: not followed" [ ! -e "$work/target" ]
rm "$work/n.000001.kmem"
ln -s "$work/target" "$work/n.000002.kmem"
start_load
record 1 "a planted link in the place of the second" -f -o "$work/n.kmem" --rotate 1M -d 20
stop_load
check "a planted link in the place of the second: not followed" [ ! -e "$work/target" ]
"$KMEM_ANALYZE" verify -q "$work/n.000001.kmem"
check "a planted link in the place of the second: the first is whole" [ $? -eq 0 ]
clean "segments: kernel left as it was"
finish
