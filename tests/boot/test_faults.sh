#!/bin/sh
# CPUs that go and come while kmem-record records, and a wall clock that jumps (the script faults, in the guest): what is
# missing is said, everything else is there.
# shellcheck source=tests/boot/lib.sh
. "$(dirname "$0")/lib.sh"

events_of() { # CAPTURE CPU MARK: events of the CPU after that mark
	since=$("$READ_CAPTURE" --marks "$1" | sed -n "s/^time=\([0-9]*\) kind=mark text=$3\$/\1/p")
	"$READ_CAPTURE" --events "$1" 2>/dev/null | awk -v cpu="$2" -v since="${since:-9e99}" '$2 == cpu && $1 > since { n++ } END { print n + 0 }'
}

header() { # CAPTURE TEXT: every report says so
	account "$1"
	said=$(sed -n '/^#/p' "$work/account" | tr -d '#\n' | tr -s ' ')
	[ "${said#*"$2"}" != "$said" ]
}

booted amd64-no-clock || finish
check "every step was done" [ ! -e "$guest/faults.failed" ]

# --- the tracing rings: nothing is missing, of no CPU
for one in hotplug-ftrace late-ftrace; do
	cap=$guest/$one.kmem
	status "$one: nothing lost" 0 $one
	exact "$one: exact" "$cap"
	"$READ_CAPTURE" --verify "$cap" >"$work/verify" 2>&1
	check "$one: the independent reader finds it whole" [ $? -eq 0 ]
	check "$one: no stack without its event" [ "$(total "$cap" orphan_stacks)" = 0 ]
	check "$one: the reports call it exact" header "$cap" 'none lost: every number is exact'
done
check "a CPU that came back: its events are there" [ "$(events_of "$guest/hotplug-ftrace.kmem" 1 again)" -gt 1000 ]
check "a CPU that came back twice: its events are there" [ "$(events_of "$guest/hotplug-ftrace.kmem" 1 last)" -gt 1000 ]
check "a CPU that came while recording: its events are there" [ "$(events_of "$guest/late-ftrace.kmem" 1 came)" -gt 1000 ]

# --- perf events end with their CPU, and do not begin with it: that is said
for one in hotplug-perf late-perf; do
	cap=$guest/$one.kmem
	status "$one: not exact" 3 $one
	exact "$one: what is there adds up" "$cap"
	check "$one: the other CPU goes on" [ "$(events_of "$cap" 0 "$(case $one in late*) echo came ;; *) echo last ;; esac)")" -gt 1000 ]
	check "$one: no report calls it exact" [ "$(header "$cap" 'is exact' && echo yes)" = '' ]
done
check "perf, a CPU that came back: every report says so" header "$guest/hotplug-perf.kmem" 'CPU 1 went offline while recording'
check "perf, a CPU that came while recording: every report says so" header "$guest/late-perf.kmem" \
	'CPU 1 came online while recording: its events are missing'

status "perf, with no CPU gone: exact" 0 perf
check "perf, with no CPU gone: the reports call it exact" header "$guest/perf.kmem" 'none lost: every number is exact'

# --- stacks that perf events sample, of events in the tracing rings: the events are all there, the stacks are not
status "still-sampled: nothing lost" 0 still-sampled
check "still-sampled: by perf events" [ "$(info "$guest/still-sampled.kmem" events.stack_sample_by)" = period ]
check "still-sampled: no report says that a CPU was away" [ "$(header "$guest/still-sampled.kmem" 'CPU 1' && echo yes)" = '' ]
for one in hotplug-sampled late-sampled; do
	cap=$guest/$one.kmem
	status "$one: not exact" 3 $one
	check "$one: the events of that CPU are there" [ "$(events_of "$cap" 1 "$(case $one in late*) echo came ;; *) echo last ;; esac)")" -gt 1000 ]
	check "$one: no report calls it exact" [ "$(header "$cap" 'is exact' && echo yes)" = '' ]
done
check "sampled, a CPU that came back: every report says so" header "$guest/hotplug-sampled.kmem" \
	'CPU 1 went offline while recording: stacks of what it did after it came back, if it did, are missing'
check "sampled, a CPU that came while recording: every report says so" header "$guest/late-sampled.kmem" \
	'CPU 1 came online while recording: its stacks are missing'

# --- a wall clock that goes to 2001, to 2037 and back: time is that of the trace clock, the date that of the beginning
cap=$guest/clock.kmem
status "clock: nothing lost" 0 clock
exact "clock: exact" "$cap"
seconds=$((($(info "$cap" time.end_ns) - $(info "$cap" time.start_ns)) / 1000000000))
check "clock: it took $seconds s" [ $seconds -ge 2 ] && [ $seconds -lt 120 ]
outside=$("$READ_CAPTURE" --events "$cap" 2>/dev/null | awk -v from="$(info "$cap" time.start_ns)" -v to="$(info "$cap" time.end_ns)" '
	$1 < from || $1 > to + 1e6 { n++ } END { print n + 0 }')
check "clock: every event is within it" [ "$outside" = 0 ]
check "clock: the date is that of its start" header "$cap" "from $(date -u -d "@$(($(info "$cap" clock.start.wall_ns) / 1000000000))" '+%Y-%m-%d')"
check "clock: the file was not made in 2037" [ "$(info "$cap" created_ns | cut -c 1-4)" -lt 2000 ]
finish
