#!/bin/sh
# dump and collect-ftrace.sh on rings of instances that this test fills: what the kernel's own text of a ring says,
# every record accounted for, and tracing as it was before.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
needs_kernel dump
: "${KMEM_ANALYZE:=$PWD/$B/kmem-analyze}"
collect=$TESTS/../scripts/collect-ftrace.sh
cap=$work/dump.kmem
made=
load=kmtd$$	# the name of our load
cp "$B/tests/churn" "$work/$load"

instance() { # NAME KB: tracing is off, allocations carry stacks
	made="$made $1"
	mkdir "$tracing/instances/$1" || exit 1
	i=$tracing/instances/$1
	echo 0 >"$i/tracing_on"
	echo "$2" >"$i/buffer_size_kb"
	echo mono >"$i/trace_clock"
	[ ! -e "$i/options/hash-ptr" ] || echo 0 >"$i/options/hash-ptr"
	# of our own load only: others may load this machine, too
	for event in kmem/kmalloc kmem/kfree kmem/kmem_cache_alloc kmem/kmem_cache_free sched/sched_switch; do
		echo "comm == \"$load\"" >"$i/events/$event/filter"
		[ $event = sched/sched_switch ] || echo 1 >"$i/events/$event/enable"
	done
	for event in kmem/kmalloc kmem/kmem_cache_alloc; do
		echo "stacktrace if comm == \"$load\"" >"$i/events/$event/trigger"
	done
}

load_all() { # ROUNDS, on every CPU
	for cpu in $(seq 0 $(($(nproc) - 1))); do "$work/$load" "$1" "$cpu" >/dev/null & done
	wait
}

remove_instances() {
	for name in $made; do
		[ -d "$tracing/instances/$name" ] || continue
		echo 0 >"$tracing/instances/$name/tracing_on"
		for try in 1 2 3 4 5 6 7 8 9 10; do
			rmdir "$tracing/instances/$name" 2>/dev/null && break
			sleep 0.1
		done
		[ "$try" != 10 ] || echo "# $name is still there"
	done
	made=
}
trap 'remove_instances; leave' EXIT

dump() { # STATUS NAME ARGUMENT...
	want=$1
	name=$2
	shift 2
	record "$want" "$name" dump -f -o "$cap" "$@"
}

own=kmem-test-dump.$$
a=$tracing/instances/$own-a b=$tracing/instances/$own-b

# --- the ring as the kernel prints it; printing does not empty it
instance "$own-a" 16384
echo 1 >"$a/events/sched/sched_switch/enable"
echo 1 >"$a/tracing_on"
load_all 150
echo 0 >"$a/events/sched/sched_switch/enable"	# its records stay, and must be understood all the same
echo 'a line of our own' >"$a/trace_marker"
echo 0 >"$a/tracing_on"
cat "$a/trace" >"$work/trace"
dump 0 "dump of a stopped ring" --instance "$own-a"
says "a ring that had been stopped is told" "stopped-before: "
exact "the account is exact" "$cap"
check "the independent reader agrees" "$READ_CAPTURE" --verify "$cap"
if python3 "$TESTS/kernel/traced.py" "$READ_CAPTURE" "$cap" "$work/trace" >"$work/why" 2>&1; then
	ok "the capture is what the kernel prints"
	echo "# $(cat "$work/why")"
else
	not_ok "the capture is what the kernel prints" "$(cat "$work/why")"
fi

switches=$(grep -c ' sched_switch: ' "$work/trace")
echo "# $switches switches"
# the end of a load is a switch, too
check "an event that is no longer switched on stays in the ring" [ "$switches" -gt 0 ]
check "it is understood" [ "$("$READ_CAPTURE" --events "$cap" | grep -c ' sched:sched_switch ')" = "$switches" ]
check "still stopped" [ "$(cat "$a/tracing_on")" = 0 ]
"$KMEM_ANALYZE" account -n 3 "$cap" >"$work/report" 2>/dev/null
check "a report shows what was noted" grep -q '^# stopped-before: ' "$work/report"
check "a filter is told" [ "$(info "$cap" events.filter | grep -c "comm == \"$load\"")" -gt 0 ]
check "clock mono has a date" [ -n "$(info "$cap" clock.start.wall_ns)" ]
dump 1 "an empty ring is refused" --instance "$own-a"
says "an empty ring: says why" "hold no records"

# --- two rings of the same events: dumped, and saved by the script
instance "$own-b" 16384
for i in "$a" "$b"; do echo 1 >"$i/tracing_on"; done
"$work/$load" 300 0 >/dev/null &
pid=$!
wait $pid
dump 0 "dump of a ring that records" --instance "$own-a"
exact "it records: exact" "$cap"
check "it goes on recording" [ "$(cat "$a/tracing_on")" = 1 ]
if command -v busybox >/dev/null; then sh='busybox sh'; else sh='sh'; fi
$sh "$collect" -i "$own-b" "$work/saved" 2>"$work/err"
check "collect-ftrace.sh ($sh)" [ $? -eq 0 ]
says "collect-ftrace.sh says what comes next" "kmem-record dump --root"
check "collect-ftrace.sh: tracing goes on" [ "$(cat "$b/tracing_on")" = 1 ]
"$KMEM_ANALYZE" load "$work/saved" 2>"$work/err"
says "load of the directory says what comes next" "kmem-record dump --root '$work/saved' -o"
if runuser -u nobody -- true 2>/dev/null; then
	chmod 755 "$work" && chmod -R a+rX "$work/saved" && cp "$KMEM_RECORD" "$work/recorder" && chmod 755 "$work/recorder"
	runuser -u nobody -- "$work/recorder" dump --root "$work/saved" -o - >"$work/saved.kmem" 2>"$work/err"
	check "dump --root needs no root" [ $? -eq 0 ]
else
	skip "dump --root needs no root" "cannot become nobody"
	"$KMEM_RECORD" dump --root "$work/saved" -o "$work/saved.kmem" 2>"$work/err"
fi
exact "saved: exact" "$work/saved.kmem"
# of the task that ended before: the same events; time and flags (a reschedule became due) are read for each ring
for file in "$cap" "$work/saved.kmem"; do
	"$READ_CAPTURE" --events "$file" | awk -v pid=$pid '$3 == pid { $1 = $4 = ""; sub(/ stack=[0-9]+/, " stack"); print }' |
		sort >"$file.events"
done
check "saved: the same events" cmp "$cap.events" "$work/saved.kmem.events"
check "saved: enough of them" [ "$(wc -l <"$cap.events")" -gt 1000 ]
for key in machine kernel.release kernel.version hostname kernel.build_id page_size long_size endian cpus.online; do
	check "saved: $key" [ "$(info "$cap" $key)" = "$(info "$work/saved.kmem" $key)" ]
done
for file in "/proc/kallsyms" "events/kmem/kmalloc/format"; do
	"$READ_CAPTURE" --files "$file" "$cap" >"$work/one"
	"$READ_CAPTURE" --files "$file" "$work/saved.kmem" | cmp - "$work/one"
	check "saved: $file" [ $? -eq 0 ]
done

# --- several instances at once, and what keeps them apart
load_all 100
dump 0 "two instances" --instance "$own-a" --instance "$own-b"
exact "two instances: exact" "$cap"
check "two instances: rings 0 and 1" [ "$(info "$cap" 'ring.[01].instance' | tr '\n' ' ')" = "$own-a $own-b " ]
echo 0 >"$a/tracing_on" && echo local >"$a/trace_clock" && echo 1 >"$a/tracing_on"
load_all 10
dump 2 "two clocks are refused" --instance "$own-a" --instance "$own-b"
says "two clocks: says why" "their times do not compare"
check "two clocks: recording goes on" [ "$(cat "$a/tracing_on")$(cat "$b/tracing_on")" = 11 ]
dump 2 "no such instance" --instance "$own-c"
says "no such instance: near names" "$own-a"
dump 0 "--leave-stopped" --leave-stopped --instance "$own-b"
check "--leave-stopped" [ "$(cat "$b/tracing_on")" = 0 ]
remove_instances

# --- a ring that is too small and overwrites
instance "$own-a" 64
echo 1 >"$a/tracing_on"
load_all 500
echo 0 >"$a/tracing_on"
overrun=$(sed -n 's/^overrun: //p' "$a"/per_cpu/cpu*/stats | awk '{ n += $1 } END { print n }')
cat "$a/trace" >"$work/trace"
dump 3 "overwritten records: exit 3" --instance "$own-a"
exact "overwritten: exact" "$cap"
says "overwritten: told" "overrun: "
check "overwritten: as many as the kernel counts" \
	[ "$("$READ_CAPTURE" --stats "$cap" | sed -n 's/^end events=.* lost=\([0-9]*\) .*/\1/p')" = "$overrun" ]
check "overwritten: all are told in front of the first event" \
	[ "$("$READ_CAPTURE" --json --blocks "$cap" | python3 -c '
import json, sys
seen, before = set(), 0
for b in json.load(sys.stdin):
	if b["type"] == "EVENTS" and b["cpu"] not in seen:
		seen.add(b["cpu"])
		before += b["lost_before"]
print(before)')" = "$overrun" ]
remove_instances

# --- a ring that refuses: what is lost comes last
instance "$own-a" 64
echo 0 >"$a/options/overwrite"
echo 1 >"$a/options/stacktrace"
echo 1 >"$a/tracing_on"
load_all 200
dump 3 "refused records: exit 3" --instance "$own-a"
exact "refused: exact" "$cap"
says "refused: told" "refused: "
check "stacks of frees: told" [ "$(info "$cap" recorder.stacks)" = all ]
remove_instances

# --- what the machine may lack
if unshare -m true 2>/dev/null; then
	unshare -m sh -c "mount -t tmpfs none /proc && '$KMEM_RECORD' dump -o '$work/none.kmem'" 2>"$work/err"
	check "no /proc: exit 1" [ $? -eq 1 ]
	says "no /proc: says what to do" "mount -t proc"
	lines "no /proc: one line" 1
else
	skip "no /proc" "cannot make a mount namespace"
fi
"$KMEM_RECORD" -q -o "$work/live.kmem" -d 2 &
recorder=$!
until ls -d $tracing/instances/kmem-record.$recorder.* >/dev/null 2>&1; do sleep 0.05; done
record 2 "the instance of a recorder that runs is not listed" dump -o "$work/none.kmem" \
	--instance "$(basename $tracing/instances/kmem-record.$recorder.*)"
wait $recorder
check "and the recorder does not notice" [ $? -eq 0 ]
record 2 "a command named dump stays a command: no such program here" -o "$work/none.kmem" -- dump
check "nothing was left behind" [ ! -e "$work/none.kmem" ]
clean "dump: kernel left as it was"
finish
