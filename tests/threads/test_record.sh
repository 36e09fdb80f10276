#!/bin/sh
# The recorder's threads in each of its modes, under load; for a build with the thread sanitizer, which is too slow to lose
# nothing: what counts is that there is no data race (tests/run.sh looks at the sanitizer's reports) and a sound capture.
# shellcheck source=tests/kernel/lib.sh
. "$TESTS/kernel/lib.sh"
needs_kernel 'threads of the recorder'
: "${KMEM_ANALYZE:=$PWD/$B/kmem-analyze}"
cap=$work/cap.kmem
load=
trap 'kill $load 2>/dev/null; wait; leave' EXIT
for cpu in $(seq 0 $(($(nproc) - 1))); do
	nice "$B/tests/churn" 1000000000 "$cpu" >/dev/null &
	load="$load $!"
done

mode() { # NAME OPTION...
	name=$1
	shift
	rm -f "$work"/cap*
	"$KMEM_RECORD" -o "$cap" "$@" >"$work/out" 2>"$work/err"
	code=$?
	case $code in 0 | 3) ok "threads, $name: recorded" ;; *) not_ok "threads, $name: recorded" "exit status $code: $(head -n 3 "$work/err")" ;; esac
	for file in "$work"/cap*.kmem; do
		"$KMEM_ANALYZE" verify -q "$file" >"$work/out" 2>&1
		code=$?
		case $code in 0 | 3) ok "threads, $name: a sound capture" ;; *) not_ok "threads, $name: a sound capture" "exit status $code" ;; esac
	done
}

mode 'defaults' -d 1
mode 'the perf backend' --backend perf -d 1
mode 'both kinds of events with stacks' -e slab,page --stacks all -d 1
mode 'stacks of a sample' --stack-sample 8 -d 1
mode 'segments' --rotate 1M --keep 2 -d 2
mode 'survivors' --survivors 10ms -d 2
mode 'one command' -- sh -c 'for i in 1 2 3 4 5; do ls / >/dev/null; done'
mode 'user stacks' --backend perf --user-stacks -d 1

rm -f "$work"/cap*
"$KMEM_RECORD" --overwrite -o "$cap" >"$work/out" 2>"$work/err" &
recorder=$!
for _ in $(seq 100); do
	grep -q "@kmem-record\.$recorder\$" /proc/net/unix && break
	sleep 0.1
done
for step in 'mark here' pause resume dump stop; do
	# shellcheck disable=SC2086	# a command and its operand
	"$KMEM_RECORD" ctl $step "$recorder" >"$work/out" 2>&1
	check "threads, flight: $step" [ $? -eq 0 ]
done
wait "$recorder"
code=$?
case $code in 0 | 3) ok "threads, flight: ended" ;; *) not_ok "threads, flight: ended" "exit status $code" ;; esac
clean 'threads'
finish
