#!/bin/sh
# Only the allocations of selected tasks and CPUs are recorded, to the pipe, and the frees of everybody: what another
# process frees is no leak.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
needs_kernel selection
: "${KMEM_ANALYZE:=$PWD/$B/kmem-analyze}"
cap=$work/cap.kmem
last=$(($(nproc) - 1))
mkfifo "$work/go" "$work/done" "$work/hold"
# opens on the last CPU what it closes on the first
cat >"$work/wanderer" <<-'END'
	import os
	cpus = os.sched_getaffinity(0)
	os.sched_setaffinity(0, {max(cpus)})
	pipes = [os.pipe() for _ in range(20)]
	os.sched_setaffinity(0, {min(cpus)})
	for end in sum(pipes, ()):
	    os.close(end)
END

begin_tasks() {
	rm -f "$work/ready"
	python3 "$TESTS/kernel/tasks.py" "$work" <"$work/hold" &
	tasks=$!
	exec 9>"$work/hold"
	until [ -e "$work/ready" ]; do sleep 0.05; done
	read -r main thread other <"$work/ready"
}

end_tasks() {
	exec 9>&-
	wait "$tasks"
}

# perf counts samples that this kernel never hands out, of its idle task for one: they are lost, and told.
record_all() { # NAME ARGUMENT...
	name=$1
	shift
	"$KMEM_RECORD" --backend "$backend" "$@" >"$work/out" 2>"$work/err"
	status=$?
	[ $status -ne 3 ] || [ "$backend" != perf ] || grep -q '0 refused by a full ring' "$work/err" && status=0
	check "$name" [ $status -eq 0 ]
}

record_tasks() { # NAME ARGUMENT...: while the tasks do their work
	what=$1
	shift
	# shellcheck disable=SC2016	# for the inner shell
	WORK=$work record_all "$what: recorded" -q -f -o "$cap" "$@" -- \
		sh -c 'echo go >"$WORK/go"; read -r done <"$WORK/done"; python3 "$WORK/wanderer"; sleep 0.3' 9>&-
	exact "$what: exact" "$cap"
	load "$what"
}

load() { # NAME
	rm -f "$work/cap.db"
	"$KMEM_ANALYZE" load "$cap" -o "$work/cap.db" 2>"$work/err"
	loaded=$?
	[ $loaded -ne 3 ] || [ "$backend" != perf ] || loaded=0
	check "$1: loads" [ $loaded -eq 0 ]
}

sql() { # QUERY: its rows, columns separated by blanks
	python3 -c '
import sqlite3, sys
for row in sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True).execute(sys.argv[2]):
    print(*row)' "$work/cap.db" "$1"
}

# A pipe is two objects of alloc_pipe_info.
pipes() { # WHERE
	sql "SELECT count(*) / 2.0 FROM object WHERE function = 'alloc_pipe_info' AND $1"
}

same() { # NAME WANTED GOT
	if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "'$3' instead of '$2'"; fi
}

# Who opened pipes: those that are still open, and those that others closed.
counts() { # NAME LIVE CLOSED [WHERE]
	same "$1: pipes that are open" "$2" "$(pipes "state = 'live' AND ${4:-1}")"
	same "$1: pipes that another process closed" "$3" "$(pipes "state = 'freed' AND free_pid = $other AND ${4:-1}")"
	same "$1: no others" 0.0 "$(pipes "NOT (state = 'live' OR state = 'freed' AND free_pid = $other) AND ${4:-1}")"
}

only() { # NAME CONDITION: all allocations that were recorded meet it
	same "$1: nobody else" 0 "$(sql "SELECT count(*) FROM object WHERE NOT ($2)")"
}

header() { # NAME TEXT
	"$KMEM_ANALYZE" account -n 1 "$work/cap.db" >"$work/report"
	if grep -qF -- "$2" "$work/report"; then ok "$1: every report says so"; else not_ok "$1: header" "$(head -n 5 "$work/report")"; fi
}

select_all() {
begin_tasks
record_tasks "-p" -p "$main"
counts "-p" 455.0 20.0
same "-p: children and grandchildren" 70.0 "$(pipes "tgid <> $main")"
same "-p: threads" 50.0 "$(pipes "pid = $thread")"
only "-p" "tgid <> $other"
check "-p: frees of everybody" [ "$(sql "SELECT count(*) FROM frees_unmatched WHERE pid NOT IN ($main, $thread)")" -gt 0 ]
same "-p: stored" "$main" "$(info "$cap" selection.pids)"
header "-p" "# only allocations of pid $main and children were recorded; frees of everybody"
end_tasks

begin_tasks
record_tasks "-p, two of them" -p "$main,$other"
counts "-p, two of them" 955.0 20.0
end_tasks

begin_tasks
record_tasks "-t" -t "$thread"
counts "-t" 50.0 0.0
only "-t" "pid = $thread"
end_tasks

if [ "$last" -gt 0 ]; then
	begin_tasks
	record_tasks "-p and -C" -p "$main" -C 0
	counts "-p and -C" 370.0 20.0
	only "-p and -C" "cpu = 0 AND tgid <> $other"
	header "-p and -C" "# only allocations of pid $main and children, on CPUs 0, were recorded; frees of everybody"
	end_tasks
	begin_tasks
	record_tasks "-C" -C "$last"
	only "-C" "cpu = $last"
	counts "-C" 85.0 0.0 "(tgid = $main OR pid = $other)"
	check "-C: frees of the other CPUs" [ "$(sql "SELECT count(*) FROM object WHERE free_cpu <> $last")" -gt 0 ]
	end_tasks
else
	skip "-C" "there is one CPU only"
fi

"$B/tests/churn" 3000 >/dev/null &
# shellcheck disable=SC2016	# for the inner shell
PLANT=$B/tests/plant record_all "--only-command: recorded" -q -f -o "$cap" --only-command -- \
	sh -c '/bin/true; (/bin/true); "$PLANT" 70 0 0 </dev/null'
wait
exact "--only-command: exact" "$cap"
load "--only-command"
same "--only-command: pipes, all closed by its end" "70.0 70.0" "$(pipes 1) $(pipes "state = 'freed'")"
only "--only-command" "comm <> 'churn'"
check "--only-command: children" [ "$(sql "SELECT count(DISTINCT tgid) FROM object")" -ge 4 ]
same "--only-command: stored" "$(info "$cap" command.pid)" "$(info "$cap" selection.command)"

mount=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
group=kmem-test-$$.scope
if [ -n "$mount" ] && mkdir "$mount/$group" 2>"$work/err"; then
	begin_tasks
	echo "$main" >"$mount/$group/cgroup.procs"
	record_tasks "--cgroup" --cgroup "$group"
	counts "--cgroup" 455.0 20.0
	only "--cgroup" "tgid <> $other"
	same "--cgroup: found by its name" "$mount/$group" "$(info "$cap" selection.cgroup)"
	end_tasks

	# the group is empty at first
	"$B/tests/churn" 2000 >/dev/null &
	# shellcheck disable=SC2016	# for the inner shell
	PLANT=$B/tests/plant GROUP=$mount/$group record_all "--cgroup, moved in: recorded" -q -f -o "$cap" --cgroup "$mount/$group" -- \
		sh -c 'sh -c "echo \$\$ >$GROUP/cgroup.procs; sleep 2.5; exec $PLANT 60 0 0 </dev/null"'
	wait
	exact "--cgroup, moved in: exact" "$cap"
	load "--cgroup, moved in"
	same "--cgroup, moved in: pipes" 60.0 "$(pipes 1)"
	only "--cgroup, moved in" "comm <> 'churn'"
	record 2 "--cgroup: near names" -o "$work/none.kmem" --cgroup "kmem-test-$$.scop"
	says "--cgroup: near names" "did you mean $group?"
	rmdir "$mount/$group" || not_ok "--cgroup" "the group is still in use"
else
	skip "--cgroup" "no cgroup of version 2 can be made"
fi
}

for backend in ftrace perf; do
	select_all >"$work/log"
	sed "s/^ok /ok $backend: /; s/^not ok /not ok $backend: /; s/^skip /skip $backend: /" "$work/log"
done
# folding knows whose allocations are recorded, too
begin_tasks
backend=ftrace
record_tasks "--survivors" -p "$main" --survivors 50ms
same "--survivors: pipes that are open" 455.0 "$(pipes "state = 'live'")"
only "--survivors" "tgid <> $other"
end_tasks

clean "selection: kernel left as it was"
finish
