#!/bin/sh
# A recorder that dies and a disk that fills up: what was written is readable, the kernel is left clean.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
needs_kernel faults
cap=$work/cap.kmem
: "${KMEM_ANALYZE:=$PWD/$B/kmem-analyze}"

# The load ends with the group of processes that start_load makes.
start_load() {
	for cpu in $(seq 0 $(($(nproc) - 1))); do
		"$B/tests/churn" 1000000000 "$cpu" >/dev/null &
		load="${load-} $!"
	done
}

stop_load() {
	# shellcheck disable=SC2086	# a list of process ids
	kill $load 2>/dev/null
	# shellcheck disable=SC2086
	wait $load 2>/dev/null
	load=
}
load=
trap 'stop_load; leave' EXIT

# FAULTS=200 for a thorough look; FAULTS_FROM=51 FAULTS_TO=100 of them only these, of all kinds
: "${FAULTS:=20}" "${FAULTS_FROM:=1}" "${FAULTS_TO:=$FAULTS}"
tries=$((FAULTS_TO - FAULTS_FROM + 1))
start_load
for i in $(seq "$FAULTS_FROM" "$FAULTS_TO"); do
	"$KMEM_RECORD" -q -o "$work/$i.kmem" &
	pid=$!
	# from before the first event to well into the recording
	sleep "$(awk -v i="$i" -v n="$FAULTS" 'BEGIN { i *= 20 / n; print 0.05 + i * i * 0.002 }')"
	python3 -c 'import time; print(time.clock_gettime_ns(time.CLOCK_MONOTONIC))' >"$work/$i.killed"
	kill -9 $pid
	wait $pid 2>/dev/null
done
stop_load
bad=0
empty=0
late=0

# Every question works on what is there, exits 3 and says that the capture was cut off.
ask_all() { # CAPTURE
	for command in account kmemprof kmemleak; do
		"$KMEM_ANALYZE" $command -n 3 "$1" >"$work/report" 2>>"$work/verify"
		[ $? -eq 3 ] && grep -q '^# .*CUT OFF' "$work/report" || return 1
	done
	"$KMEM_ANALYZE" info "$1" >"$work/report" 2>>"$work/verify"
	[ $? -eq 3 ]
}

# A block is put when it is a second old: what a busy CPU did more than 1.5 s before the kill is in
# the file.
missing_seconds() { # CAPTURE KILLED-AT, by the trace clock in ns
	sqlite3 "$1.db" "SELECT max(($2 - (SELECT value FROM capture WHERE key = 'time.base_ns') - last) / 1e9 > 1.5)
		FROM (SELECT cpu, max(max(time), max(time + coalesce(lifetime, 0))) AS last FROM allocation GROUP BY cpu)"
}

for i in $(seq "$FAULTS_FROM" "$FAULTS_TO"); do
	# nothing reached the file yet: it was killed before its first block
	if [ "$(stat -c %s "$work/$i.kmem" 2>/dev/null || echo 0)" -lt 65 ]; then
		empty=$((empty + 1))
		continue
	fi
	"$KMEM_ANALYZE" verify "$work/$i.kmem" >"$work/verify" 2>&1
	status=$?
	# cut off (3), never damaged in the middle: at most the block being written is missing
	if [ $status -ne 3 ] || grep -q 'missing\|checksum' "$work/verify" || ! ask_all "$work/$i.kmem"; then
		bad=$((bad + 1))
		echo "# run $i: status $status: $(cat "$work/verify")"
	elif [ "$(missing_seconds "$work/$i.kmem" "$(cat "$work/$i.killed")")" = 1 ]; then
		late=$((late + 1))
	fi
	rm -f "$work/$i.kmem" "$work/$i.kmem.db"
done
check "kill -9, $tries times: every capture is readable up to its cut, and answers every question" [ $bad -eq 0 ]
check "kill -9, $tries times: no CPU lacks more than its last block" [ $late -eq 0 ]
check "kill -9: most had something to read" [ $((2 * empty)) -lt "$tries" ]
check "kill -9: instances were left behind (or this test tests nothing)" [ -n "$(ls "$tracing/instances")" ]
record 0 "the next run works" -f -o "$cap" -d 100ms
clean "the next run removes what dead recorders left"

if mkdir "$work/small" && mount -t tmpfs -o size=8m none "$work/small" 2>/dev/null; then
	start_load
	record 3 "disk full: exit 3" -o "$work/small/cap.kmem" -d 60
	stop_load
	says "disk full: says so" "No space left on device"
	"$KMEM_ANALYZE" verify "$work/small/cap.kmem" >"$work/verify" 2>&1
	check "disk full: the capture is readable, cut at a block" [ $? -eq 3 ]
	cp "$work/small/cap.kmem" "$cap"
	"$KMEM_ANALYZE" load -f -q "$cap" 2>"$work/err"
	check "disk full: with events" [ "$(sqlite3 "$cap.db" 'SELECT count(*) FROM allocation')" -gt 100000 ]
	clean "disk full: kernel left as it was"
	umount "$work/small"
else
	skip "disk full" "cannot mount a tmpfs"
fi
# --- somebody else at its instance: it cannot be taken away from under a recorder, and what is switched off is not lost
"$KMEM_RECORD" -q -f -o "$cap" -d 2 2>"$work/err" &
pid=$!
recording $pid
for instance in "$tracing/instances/kmem-record.$pid."*; do
	rmdir "$instance" 2>/dev/null
	check "an instance under a recorder cannot be removed" [ -d "$instance" ]
	echo 0 >"$instance/tracing_on"
	echo >"$instance/set_event"
done
wait $pid
code=$?
check "its events switched off by somebody: it ends" [ $((code * (code - 3))) -eq 0 ]
exact "its events switched off by somebody: the account is exact" "$cap"
clean "its events switched off by somebody: kernel left as it was"

# --- memory that runs out, at every so manieth allocation: it ends, says so, and leaves the kernel clean
mkdir "$work/lack"
NOMEM_LIVE=1 NOMEM_TRIES=$((FAULTS * 4)) NOMEM_DIR=$work/lack "$B/tests/kmem-record-nomem" -q -o "$work/lack/a.kmem" -d 20ms \
	>"$work/tries" 2>&1
code=$?
[ $code -eq 0 ] || grep -v '^build' "$work/tries" | head -n 20
check "no memory while recording: $(tail -n 1 "$work/tries")" [ $code -eq 0 ]
clean "no memory while recording: kernel left as it was"

# --- a limit for files
# shellcheck disable=SC2016	# its own arguments
(ulimit -f 2000 && "$KMEM_RECORD" -q -f -o "$cap" -d 60 -- sh -c 'echo $$ >"$1/limited"; exec timeout 10 "$2" 1000000000 0' \
	sh "$work" "$B/tests/churn" 2>"$work/err")
check "a file size limit: exit 3" [ $? -eq 3 ]
kill "$(cat "$work/limited")"	# a command outlives its recorder
"$KMEM_ANALYZE" verify "$cap" >"$work/verify" 2>&1
check "a file size limit: the capture is readable, cut at a block" [ $? -eq 3 ]
clean "a file size limit: kernel left as it was"

finish
