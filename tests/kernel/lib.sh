# shellcheck shell=sh disable=SC2034
# lib.sh - sourced by the tests of tests/kernel: needs root and tracefs, else the whole file is one skip.
#
#	. "$TESTS/kernel/lib.sh"
#	needs_kernel NAME			# exits with a skip line when the kernel cannot be recorded here
#	record 0 "name of the test" -o "$cap" -d 200ms		# exit status 0, or not ok; $work/err has stderr
#	check "name" [ -e "$x" ]
#	clean "name"				# no instance is left and no setting has changed
#	finish
set -u
: "${TESTS:=$(cd "$(dirname "$0")/.." && pwd)}"
: "${B:=build/release}"
: "${KMEM_RECORD:=$PWD/$B/kmem-record}"
READ_CAPTURE=$TESTS/../scripts/read_capture.py
tracing=/sys/kernel/tracing
work=$(mktemp -d)
mounted=''
leave() { # also when a signal ends the test
	rm -rf "$work"
	[ -z "$mounted" ] || umount $tracing
	mounted=''
}
trap leave EXIT
trap 'exit 130' INT TERM HUP
failed=0

ok() {
	echo "ok $1"
}

not_ok() { # NAME WHY
	echo "not ok $1: $2"
	failed=1
}

skip() { # NAME WHY
	echo "skip $1: $2"
}

check() { # NAME COMMAND...
	name=$1
	shift
	if "$@"; then ok "$name"; else not_ok "$name" "failed: $*"; fi
}

settings() {
	for file in tracing_on trace_clock buffer_size_kb buffer_percent set_event options/overwrite events/enable; do
		echo "$file: $(cat $tracing/$file 2>/dev/null)"
	done
	# what a recorder that still runs has is its own affair, and gone when it is
	for instance in "$tracing"/instances/*; do
		pid=${instance#*/kmem-record.}
		[ -d "$instance" ] && ! [ -d "/proc/${pid%%.*}" ] && echo "$instance"
	done
	# triggers of the top instance are not ours to touch
	cat $tracing/events/kmem/kmalloc/trigger
}

needs_kernel() { # NAME
	if [ "$(id -u)" -ne 0 ]; then
		skip "$1" "needs root"
		exit 0
	fi
	if ! [ -d $tracing/instances ]; then
		if ! mount -t tracefs tracefs $tracing 2>/dev/null; then
			skip "$1" "this kernel has no tracefs"
			exit 0
		fi
		mounted=1
	fi
	settings >"$work/settings"
}

record() { # STATUS NAME ARGUMENT...
	want=$1
	name=$2
	shift 2
	"$KMEM_RECORD" "$@" >"$work/out" 2>"$work/err"
	got=$?
	if [ $got -eq "$want" ]; then
		ok "$name"
	else
		not_ok "$name" "exit status $got instead of $want: $(head -n 3 "$work/err")"
	fi
}

says() { # NAME TEXT: standard error of the last record contains TEXT
	if grep -qF -- "$2" "$work/err"; then
		ok "$1"
	else
		not_ok "$1" "'$2' is not in: $(head -n 3 "$work/err")"
	fi
}

lines() { # NAME COUNT: standard error of the last record has so many lines
	if [ "$(wc -l <"$work/err")" -eq "$2" ]; then ok "$1"; else not_ok "$1" "$(cat "$work/err")"; fi
}

clean() { # NAME
	settings >"$work/settings.now"
	if cmp -s "$work/settings" "$work/settings.now"; then
		ok "$1"
	else
		not_ok "$1" "$(diff "$work/settings" "$work/settings.now")"
	fi
}

info() { # FILE KEY
	"$READ_CAPTURE" --info "$1" | sed -n "s/^$2: //p"
}

# Every CPU busy with allocations, as a command to be recorded: "$churn_all" ROUNDS
churn_all=$TESTS/kernel/churn_all.sh
export B

recording() { # PID: waits until that recorder records
	until cat "$tracing/instances/kmem-record.$1."*/tracing_on 2>/dev/null | grep -q 1; do
		kill -0 "$1" 2>/dev/null || return 1
		sleep 0.05
	done
	sleep 0.3
}

# A recorder that sleeps while more is allocated than its rings hold.
record_with_loss() { # NAME ARGUMENT...
	name=$1
	shift
	"$KMEM_RECORD" "$@" >"$work/out" 2>"$work/err" &
	pid=$!
	recording $pid
	kill -STOP $pid
	"$churn_all" 1000
	kill -CONT $pid
	kill -INT $pid
	wait $pid
	check "$name" [ $? -eq 3 ]
}

# The account of a closed capture: per CPU, in records. Prints what does not add up.
account_errors() { # FILE
	"$READ_CAPTURE" --stats "$1" 2>"$work/stats.err" | awk -v folded="$("$READ_CAPTURE" --info "$1" 2>/dev/null |
		sed -n 's/^folded: //p')" '
		function v(key,  i, kv) {
			for (i = 1; i <= NF; i++) { split($i, kv, "="); if (kv[1] == key) return kv[2] }
			print "no " key " in: " $0
		}
		/^end cpu=/ {
			cpus++
			if (v("read") != v("decoded")) print "cpu " v("cpu") ": read " v("read") ", decoded " v("decoded")
			if (v("entries") != 0) print "cpu " v("cpu") ": left " v("entries")
			if (v("decoded") != v("events") + v("stacks") + v("orphan_stacks"))
				print "cpu " v("cpu") ": " v("decoded") " are not " v("events") " + " v("stacks") " + " v("orphan_stacks")
			events += v("events")
			lost += v("overrun") + v("commit_overrun") + v("dropped")
		}
		/^end events=/ {
			ends++
			if (v("events") + folded != events) print "END says " v("events") " events, the CPUs " events
			if (v("lost") != lost) print "END says " v("lost") " lost, the CPUs " lost
		}
		END { if (!cpus || ends != 1) print "no statistics at the end" }'
}

event_bytes() { # FILE: what it has besides its metadata
	"$READ_CAPTURE" --blocks "$1" 2>/dev/null | awk '/type=(EVENTS|DICT|FOLDED) / {
		for (i = 1; i <= NF; i++) if ($i ~ /^stored=/) n += substr($i, 8) + 80 } END { print n + 0 }'
}

exact() { # NAME FILE
	errors=$(account_errors "$2")
	if [ -z "$errors" ]; then ok "$1"; else not_ok "$1" "$errors"; fi
}

finish() {
	exit $failed
}
