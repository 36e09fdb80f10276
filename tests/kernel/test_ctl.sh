#!/bin/sh
# Steering a recorder that runs: marks, pauses, the end; who may, and what is said when it cannot be.
# Programs with a known number of pipes stand before, in and after a pause.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
needs_kernel ctl
: "${KMEM_ANALYZE:=$PWD/$B/kmem-analyze}"
cap=$work/cap.kmem
mkfifo "$work/hold"

listening() { # PID...
	for who in "$@"; do
		until grep -q "@kmem-record\.$who\$" /proc/net/unix; do
			[ -d "/proc/$who" ] || return 1
			sleep 0.05
		done
	done
}

ctl() { # STATUS NAME ARGUMENT...: $work/out, $work/err
	want=$1
	name=$2
	shift 2
	"$KMEM_RECORD" ctl "$@" >"$work/out" 2>"$work/err"
	got=$?
	if [ $got -eq "$want" ]; then
		ok "$name"
	else
		not_ok "$name" "exit status $got instead of $want: $(cat "$work/out" "$work/err")"
	fi
}

plant() { # PIPES: holds them until the file descriptor 9 is closed; the process id is in $planted
	rm -f "$work/ready"
	"$B/tests/plant" "$1" 0 0 <"$work/hold" >"$work/ready" 9>&- &
	until [ -s "$work/ready" ]; do sleep 0.02; done
	planted=$(cut -d' ' -f2 "$work/ready")
}

pipes() { # PID [CONDITION]: objects of alloc_pipe_info that it allocated for pipes
	sqlite3 "$cap.db" "SELECT count(*) FROM live WHERE function = 'alloc_pipe_info' AND tgid = $1
		AND bytes_alloc = (SELECT min(bytes_alloc) FROM live WHERE function = 'alloc_pipe_info') AND ${2-1}"
}

if [ "$("$KMEM_RECORD" ctl stop 2>&1)" = "kmem-record: no recorder is running" ]; then
	ok "no recorder: says so"
else
	skip "no recorder: says so" "another kmem-record runs on this machine"
fi
ctl 1 "no such recorder" pause 1
grep -q "no recorder 1 can be asked" "$work/err"
check "no such recorder: says so" [ $? -eq 0 ]
ctl 2 "unknown request" explode
ctl 2 "no request"
ctl 2 "mark without a text" mark
ctl 2 "too many words" mark two words 1
ctl 2 "a text that is too long" mark "$(printf '%0201d' 0)" 1
ctl 2 "a bad process id" stop 1x

# --- planted before, in and after a pause
"$KMEM_RECORD" -q -o "$cap" 2>"$work/rec.err" &
pid=$!
listening $pid
exec 9<>"$work/hold"
plant 100
before=$planted
ctl 0 "mark" mark 'all is planted' $pid
check "mark: says what" [ "$(cat "$work/out")" = "marked 'all is planted'" ]
ctl 0 "pause" pause $pid
ctl 2 "pause twice" pause $pid
plant 50
within=$planted
sleep 0.4
ctl 0 "resume" resume $pid
ctl 2 "resume twice" resume $pid
ctl 0 "mark again" mark 'after the pause' $pid
plant 25
after=$planted
kill -USR1 $pid
kill -USR2 $pid
ctl 2 "a dump of what is no flight recorder" dump $pid
if su nobody -s /bin/sh -c true 2>/dev/null; then
	cp "$KMEM_RECORD" "$work/kmem-record"
	chmod 755 "$work" "$work/kmem-record"
	su nobody -s /bin/sh -c "$work/kmem-record ctl stop $pid" 2>"$work/err"
	check "another user is refused" [ $? -eq 2 ]
	check "another user: told why" grep -q "only root" "$work/err"
else
	skip "another user is refused" "there is no user nobody here"
fi
check "it still runs" [ -d /proc/$pid ]
ctl 0 "stop" stop $pid
check "stop: says where the file is" grep -q "^stopped: $cap, .* events, 0 lost" "$work/out"
wait $pid
check "stop: a normal end" [ $? -eq 0 ]
exec 9>&-
check "SIGUSR2: a note" grep -q "SIGUSR2 is ignored" "$work/rec.err"
check "stop: reason" [ "$(info "$cap" end.reason)" = 'ctl stop' ]
exact "stop: exact" "$cap"
"$READ_CAPTURE" --marks "$cap" >"$work/marks"
check "marks of the capture" [ "$(sed 's/time=[0-9]* //' "$work/marks" | tr '\n' ';')" = \
	"kind=mark text=all is planted;kind=pause text=;kind=resume text=;kind=mark text=after the pause;kind=mark text=SIGUSR1;" ]

"$KMEM_ANALYZE" account "$cap" >"$work/report" 2>/dev/null
check "a paused capture is no failure" [ $? -eq 0 ]
check "header: paused" grep -q '^# recording was paused once, [0-9.]* m\?s in all' "$work/report"
check "planted before the pause: all, in doubt" [ "$(pipes "$before" 'in_doubt_by_loss = 1')" -eq 100 ]
check "planted in the pause: none" [ "$(pipes "$within")" -eq 0 ]
check "planted after the pause: all, certain" [ "$(pipes "$after" 'in_doubt_by_loss = 0')" -eq 25 ]
check "nothing was recorded in the pause" [ "$(sqlite3 "$cap.db" "SELECT count(*) FROM object, gap
	WHERE kind = 'paused' AND (time BETWEEN from_time + 50000000 AND to_time - 50000000
		OR time + lifetime BETWEEN from_time + 50000000 AND to_time - 50000000 AND state = 'freed')")" -eq 0 ]
window() { # ARGUMENT...: live bytes of alloc_pipe_info in a window
	"$KMEM_ANALYZE" kmemleak -v "$@" "$cap" 2>"$work/err" | grep -c "plant .*call_site=alloc_pipe_info.* bytes_req=$size "
}
size=$(sqlite3 "$cap.db" "SELECT min(bytes_req) FROM live WHERE function = 'alloc_pipe_info'")
check "--to mark:" [ "$(window --to 'mark:all is planted')" -eq 100 ]
check "--from mark:" [ "$(window --from 'mark:after the pause')" -eq 25 ]
check "--from mark: --to mark:" [ "$(window --from 'mark:all is planted' --to 'mark:after the pause')" -eq 0 ]

# --- two recorders at once
"$KMEM_RECORD" -q -o "$work/one.kmem" &
one=$!
"$KMEM_RECORD" -q -o "$work/two.kmem" &
two=$!
listening $one $two
ctl 2 "two recorders: which?" pause
check "two recorders: both are named" grep -q "\\b$one\\b" "$work/err"
check "two recorders: both are named, the other" grep -q "\\b$two\\b" "$work/err"
ctl 0 "two recorders: one is paused" pause $one
ctl 0 "two recorders: the other is marked" mark only-here $two
check "two recorders: only one is off" [ "$(cat "$tracing"/instances/kmem-record."$one".*/tracing_on)$(cat "$tracing"/instances/kmem-record."$two".*/tracing_on)" = 01 ]
ctl 0 "two recorders: one stops, paused" stop $one
ctl 0 "two recorders: the other stops" stop $two
wait $one $two
"$READ_CAPTURE" --marks "$work/two.kmem" >"$work/marks"
check "two recorders: marks are where they belong" [ "$(wc -l <"$work/marks")" -eq 1 ]
"$KMEM_ANALYZE" account "$work/one.kmem" 2>/dev/null | grep -q '^# recording was paused once'
check "a pause without end lasts to the end" [ $? -eq 0 ]

# --- a recorder that is killed gives no answer, but an end to the waiting
"$KMEM_RECORD" -q -o "$work/killed.kmem" &
pid=$!
listening $pid
kill -STOP $pid
(sleep 0.3; kill -9 $pid) &
ctl 1 "killed while asked" stop $pid
check "killed while asked: says so" grep -q "ended without an answer" "$work/err"
wait
record 0 "the next one removes what it left" -f -o "$cap" -d 100ms
clean "ctl: kernel left as it was"
finish
