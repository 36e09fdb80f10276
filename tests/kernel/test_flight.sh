#!/bin/sh
# The flight recorder: rings that overwrite themselves, written when asked, at a trigger and at the end.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
needs_kernel flight
: "${KMEM_ANALYZE:=$PWD/$B/kmem-analyze}"
cap=$work/cap.kmem
mkfifo "$work/hold"
exec 9<>"$work/hold"

listening() { # PID
	until grep -q "@kmem-record\.$1\$" /proc/net/unix; do
		[ -d "/proc/$1" ] || return 1
		sleep 0.05
	done
}

plant() { # PIPES: holds them until the file descriptor 9 is closed; the process id is in $planted
	rm -f "$work/ready"
	"$B/tests/plant" "$1" 0 0 <"$work/hold" >"$work/ready" 9>&- &
	until [ -s "$work/ready" ]; do sleep 0.02; done
	planted=$(cut -d' ' -f2 "$work/ready")
}

# As churn_all, which would wait for the recorder, too.
churn() { # ROUNDS
	busy=
	for cpu in $(seq 0 $(($(nproc) - 1))); do
		"$B/tests/churn" "$1" "$cpu" >/dev/null &
		busy="$busy $!"
	done
	# shellcheck disable=SC2086	# a list
	wait $busy
}

there() { # FILE
	for _ in $(seq 100); do
		"$READ_CAPTURE" --stats "$1" 2>/dev/null | grep -q '^end events' && return 0
		sleep 0.1
	done
	return 1
}

whole() { # NAME FILE: it verifies, nothing was lost, and both readers agree event by event
	"$KMEM_ANALYZE" verify "$2" >"$work/out" 2>&1
	check "$1: whole" [ $? -eq 0 ]
	"$READ_CAPTURE" --verify "$2" >"$work/out" 2>&1
	check "$1: whole for the other reader" [ $? -eq 0 ]
	check "$1: nothing lost" [ "$("$READ_CAPTURE" --stats "$2" | sed -n 's/^end events=.* lost=\([0-9]*\) .*/\1/p')" = 0 ]
	"$KMEM_ANALYZE" load -q -f "$2"
	[ "$(sqlite3 "$2.db" "SELECT value > 150000 FROM capture WHERE key = 'events'")" = 0 ] || return 0 # it takes a minute
	if python3 "$TESTS/naive/compare_db.py" "$2" "$2.db" >"$work/out" 2>&1; then
		ok "$1: the naive replay agrees"
	else
		not_ok "$1: the naive replay agrees" "$(grep -v '^ok' "$work/out" | head -n 3)"
	fi
}

pipes() { # FILE PID: live objects of alloc_pipe_info that it allocated for pipes
	sqlite3 "$1.db" "SELECT count(*) FROM live WHERE function = 'alloc_pipe_info' AND tgid = $2
		AND bytes_req = (SELECT min(bytes_req) FROM live WHERE function = 'alloc_pipe_info')"
}

# Whether all CPUs are in the window since that mark is the machine's affair; if so, all that came then is there.
held() { # NAME FILE MARK PID COUNT
	if [ "$(sqlite3 "$2.db" "SELECT count(*) FROM moment
			WHERE text = '$3' AND time > (SELECT coalesce(max(to_time), -1) FROM gap WHERE kind = 'overwritten')")" -eq 1 ]; then
		check "$1" [ "$(pipes "$2" "$4")" -eq "$5" ]
	else
		skip "$1" "others were so busy here that the rings did not last since then"
	fi
}

# --- refused before anything is made
record 2 "--size alone" -o "$cap" --size 1M
record 2 "--trigger alone" -o "$cap" --trigger sched:sched_process_exit
record 2 "to a pipe" -o - --overwrite
record 2 "--size and --buffer" -o "$cap" --overwrite --size 1M --buffer 1M
record 2 "more memory than there is" -o "$cap" --overwrite --size 900G
says "more memory: the number" "more than half of this machine's memory"
record 2 "no such event" -o "$cap" --overwrite --trigger kmem:nothing
record 2 "no event at all" -o "$cap" --overwrite --trigger kmalloc
record 2 "a filter that the kernel rejects" -o "$cap" --overwrite --trigger kmem:kmalloc/nothing==1/
record 1 "no such directory" -o "$work/no/cap.kmem" --overwrite
touch "$work/there.kmem"
record 1 "the file exists" -o "$work/there.kmem" --overwrite
check "nothing was made" [ ! -e "$cap" ]
clean "refused: kernel left as it was"

# --- what was planted long ago is overwritten, what was planted late is there; twice, and at the end
"$KMEM_RECORD" -o "$cap" --overwrite --size 32M 2>"$work/rec.err" &
pid=$!
listening $pid
check "no file while it flies" [ ! -e "$cap" ]
plant 40
early=$planted
"$KMEM_RECORD" ctl mark early $pid >/dev/null
churn 9000
"$KMEM_RECORD" ctl mark late $pid >/dev/null
plant 30
late=$planted
"$KMEM_RECORD" ctl dump $pid >"$work/out"
check "ctl dump: says where" grep -q "^dump: wrote $cap, .* events" "$work/out"
whole "ctl dump" "$cap"
held "ctl dump: the late ones are all there" "$cap" late "$late" 30
if [ "$(sqlite3 "$cap.db" "SELECT count(*) FROM moment WHERE text = 'early'")" -eq 0 ]; then
	check "ctl dump: the early ones are overwritten" [ "$(pipes "$cap" "$early")" -eq 0 ]
else
	skip "ctl dump: the early ones are overwritten" "the rings still held them"
fi
check "ctl dump: mode 0600" [ "$(stat -c %a "$cap")" = 600 ]
"$KMEM_ANALYZE" kmemleak "$cap" >"$work/report" 2>&1
check "ctl dump: no failure" [ $? -eq 0 ]
check "ctl dump: the header says so" grep -q '^# flight recorder: .* older records were overwritten on purpose' "$work/report"

echo "not ours" >"$work/cap.2.kmem"
"$KMEM_RECORD" ctl mark second $pid >/dev/null
plant 20
second=$planted
"$KMEM_RECORD" ctl pause $pid >/dev/null
"$KMEM_RECORD" ctl resume $pid >/dev/null
kill -USR2 $pid
there "$work/cap.3.kmem"
check "SIGUSR2: a file of its own" [ $? -eq 0 ]
check "SIGUSR2: nobody else's file is touched" [ "$(cat "$work/cap.2.kmem")" = "not ours" ]
whole "SIGUSR2" "$work/cap.3.kmem"
check "SIGUSR2: only what came after the first" [ "$(pipes "$work/cap.3.kmem" "$late")" -eq 0 ]
held "SIGUSR2: all that came since" "$work/cap.3.kmem" second "$second" 20
check "SIGUSR2: the pause is in it" [ "$(sqlite3 "$work/cap.3.kmem.db" "SELECT count(*) FROM gap WHERE kind = 'paused'")" -eq 1 ]
if "$READ_CAPTURE" --stats "$work/cap.3.kmem" | grep -q '^start .*overrun=[1-9]'; then begun=; else begun=known; fi
check "SIGUSR2: its start is known if nothing was overwritten" [ "${begun:+set}" = "$(info "$work/cap.3.kmem" time.start_ns | sed 's/..*/set/')" ]
"$KMEM_RECORD" ctl mark last $pid >/dev/null
plant 10
"$KMEM_RECORD" ctl stop $pid >"$work/out"
check "the end: says where" grep -q "^stopped: $work/cap.4.kmem" "$work/out"
wait $pid
check "the end: exit status 0" [ $? -eq 0 ]
check "the end: what was overwritten is not called lost" sh -c 'grep -q "nothing lost" "$1" && ! grep -q "records were lost" "$1"' sh "$work/rec.err"
whole "the end" "$work/cap.4.kmem"
held "the end: what came last" "$work/cap.4.kmem" last "$planted" 10
clean "flight: kernel left as it was"

# --- a trigger with a filter stops the rings at that very moment
cap=$work/trigger.kmem
"$KMEM_RECORD" -o "$cap" --overwrite --size 48M --trigger 'sched:sched_process_exit/comm=="kmem-pull"/' 2>"$work/rec.err" &
pid=$!
listening $pid
"$KMEM_RECORD" ctl mark before $pid >/dev/null
plant 15
before=$planted
cp /bin/true "$work/kmem-pull"
/bin/true
sleep 0.3
check "trigger: others do not fire it" [ ! -e "$cap" ]
check "trigger: only our instance is concerned" [ "$(cat $tracing/tracing_on)" = "$(sed -n 's/^tracing_on: //p' "$work/settings")" ]
"$work/kmem-pull"
there "$cap"
check "trigger: written" [ $? -eq 0 ]
"$work/kmem-pull"
there "$work/trigger.2.kmem"
check "trigger: a second time" [ $? -eq 0 ]
kill -TERM $pid
wait $pid
check "trigger: the end" [ -e "$work/trigger.3.kmem" ]
whole "trigger" "$cap"
held "trigger: what came before is there" "$cap" before "$before" 15
check "trigger: the reason" [ "$(info "$cap" end.reason)" = trigger ]
pulled=$(sqlite3 "$cap.db" "SELECT (SELECT max(time) FROM allocation) - time FROM moment WHERE text LIKE 'sched:%'")
check "trigger: nothing is later than its mark" [ "${pulled:-1}" -le 0 ]
check "trigger: who pulled it is the last" [ "$(sqlite3 "$cap.db" 'SELECT count(*) FROM (SELECT comm FROM object WHERE time > (SELECT max(time) - 5000000 FROM object)) WHERE comm = "kmem-pull"')" -gt 0 ]
clean "trigger: kernel left as it was"

# --- killed while it writes: what is there can be read
"$KMEM_RECORD" -q -o "$work/killed.kmem" --overwrite --size 16M &
pid=$!
listening $pid
churn 2000
kill -USR2 $pid
until [ -s "$work/killed.kmem" ]; do sleep 0.01; done
kill -9 $pid
wait $pid 2>/dev/null
"$KMEM_ANALYZE" info "$work/killed.kmem" >"$work/out" 2>&1
code=$?
check "killed while writing: readable" [ $((code % 3)) -eq 0 ]
record 0 "the next one removes what it left" -q -o "$work/next.kmem" -d 100ms
exec 9>&-
clean "killed: kernel left as it was"
finish
