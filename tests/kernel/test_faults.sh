#!/bin/sh
# A recorder that dies and a disk that fills up: what was written is readable, the kernel is left clean.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
needs_kernel faults
cap=$work/cap.kmem

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
trap 'stop_load; rm -rf "$work"' EXIT

start_load
for i in $(seq 20); do
	"$KMEM_RECORD" -q -o "$work/$i.kmem" &
	pid=$!
	# from before the first event to well into the recording
	sleep "$(awk -v i="$i" 'BEGIN { print 0.05 + i * i * 0.002 }')"
	kill -9 $pid
	wait $pid 2>/dev/null
done
stop_load
bad=0
empty=0
for i in $(seq 20); do
	# nothing reached the file yet: it was killed before its first block
	if [ "$(stat -c %s "$work/$i.kmem" 2>/dev/null || echo 0)" -lt 65 ]; then
		empty=$((empty + 1))
		continue
	fi
	"$READ_CAPTURE" --verify "$work/$i.kmem" >"$work/verify" 2>&1
	status=$?
	# cut off (3), never damaged in the middle: at most the block being written is missing
	if [ $status -ne 3 ] || grep -q 'missing\|checksum' "$work/verify"; then
		bad=$((bad + 1))
		echo "# run $i: status $status: $(cat "$work/verify")"
	fi
	rm -f "$work/$i.kmem"
done
check "kill -9, 20 times: every capture is readable up to its cut" [ $bad -eq 0 ]
check "kill -9: most had something to read" [ $empty -lt 10 ]
check "kill -9: instances were left behind (or this test tests nothing)" [ -n "$(ls "$tracing/instances")" ]
record 0 "the next run works" -f -o "$cap" -d 100ms
clean "the next run removes what dead recorders left"

if mkdir "$work/small" && mount -t tmpfs -o size=8m none "$work/small" 2>/dev/null; then
	start_load
	record 3 "disk full: exit 3" -o "$work/small/cap.kmem" -d 60
	stop_load
	says "disk full: says so" "No space left on device"
	"$READ_CAPTURE" --verify "$work/small/cap.kmem" >"$work/verify" 2>&1
	check "disk full: the capture is readable, cut at a block" [ $? -eq 3 ]
	check "disk full: with events" [ "$("$READ_CAPTURE" --events "$work/small/cap.kmem" 2>/dev/null | wc -l)" -gt 100000 ]
	clean "disk full: kernel left as it was"
	umount "$work/small"
else
	skip "disk full" "cannot mount a tmpfs"
fi
finish
