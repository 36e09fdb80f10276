#!/bin/sh
# Ten seconds of every CPU doing nothing but allocate and free, with the default settings: nothing is lost, the file is
# small, and loading takes less time than recording took.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
needs_kernel full-speed
: "${KMEM_ANALYZE:=$PWD/$B/kmem-analyze}"
cap=$work/cap.kmem

now_ms() {
	date +%s%3N
}

for stacks in alloc none; do
	for cpu in $(seq 0 $(($(nproc) - 1))); do
		timeout 10 "$B/tests/churn" 1000000000 "$cpu" >/dev/null &
	done
	record 0 "full speed, stacks $stacks: nothing lost in 10 s" -f -o "$cap" --stacks $stacks -d 10
	wait
	exact "full speed, stacks $stacks: exact" "$cap"
	start=$(now_ms)
	"$KMEM_ANALYZE" load -f -q "$cap" 2>"$work/err"
	check "full speed, stacks $stacks: loaded" [ $? -eq 0 ]
	took=$(($(now_ms) - start))
	check "full speed, stacks $stacks: loading took $took ms, recording 10000" [ $took -lt 10000 ]
	# allocations and frees; stack records are not events
	events=$(sqlite3 "$cap.db" "SELECT sum(events) FROM event WHERE role IS NOT NULL")
	size=$(stat -c %s "$cap")
	figure=$(awk -v s="$size" -v e="$events" 'BEGIN { printf "%.2f", s / e }')
	echo "figure: stacks $stacks: $events events in 10 s, $figure bytes each, loaded in $took ms"
	# the kernel's symbols weigh the more, the slower the machine is
	size=$(event_bytes "$cap")
	figure=$(awk -v s="$size" -v e="$events" 'BEGIN { printf "%.2f", s / e }')
	check "full speed, stacks $stacks: $figure bytes for each of $events events" [ $((size * 10)) -le $((events * 25)) ]
	ring=$(info "$cap" recorder.ring_bytes)
	memory=$(awk '/^MemTotal:/ { printf "%d", $2 * 1024 }' /proc/meminfo)
	check "full speed, stacks $stacks: rings take at most 10 % of memory" [ $((ring * $(nproc) * 10)) -le "$memory" ]
done
clean "full speed: kernel left as it was"
finish
