#!/bin/sh
# How a recording begins and ends, and what it says about it.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
needs_kernel session
cap=$work/cap.kmem

"$KMEM_RECORD" --help >"$work/help"
check "--help teaches by example" grep -q '^examples:' "$work/help"
check "--help fits 100 columns" [ "$(expand "$work/help" | awk '{ if (length > m) m = length } END { print m }')" -le 100 ]
record 0 "duration" -o "$cap" -d 300ms
check "duration: reason" [ "$(info "$cap" end.reason)" = duration ]
says "duration: the next command" "kmem-analyze kmemleak $cap"
check "file is private" [ "$(stat -c %a "$cap")" = 600 ]
record 1 "existing output is refused" -o "$cap" -d 100ms
says "existing output: says what to do" "-f"
record 0 "-q says nothing" -q -f -o "$cap" -d 100ms
lines "-q: no line" 0

record 0 "command" -f -o "$cap" -- sh -c 'exit 7'
says "command: exit status reported" "command: exit 7"
check "command: exit status stored" [ "$(info "$cap" command.status)" = 'exit 7' ]
# shellcheck disable=SC2016	# $$ is for the inner shell
record 0 "command killed" -f -o "$cap" -- sh -c 'kill -9 $$'
check "command killed: stored" [ "$(info "$cap" command.status)" = 'signal 9' ]
record 2 "no such command" -o "$work/none.kmem" -- /nonexistent/program
check "no such command: no file made" [ ! -e "$work/none.kmem" ]

"$KMEM_RECORD" -f -o "$cap" >/dev/null 2>"$work/err" &
pid=$!
until [ -n "$(ls "$tracing/instances")" ] && [ -s "$cap" ]; do sleep 0.05; done
sleep 0.5
kill -INT $pid
wait $pid
check "SIGINT: a normal end" [ $? -eq 0 ]
check "SIGINT: reason" [ "$(info "$cap" end.reason)" = 'signal 2' ]
exact "SIGINT: exact" "$cap"

"$KMEM_RECORD" -o - -d 300ms 2>"$work/err" | cat >"$work/piped.kmem"
"$READ_CAPTURE" --verify "$work/piped.kmem" >"$work/out" 2>&1
check "-o -: readable behind a pipe" [ $? -eq 0 ]
exact "-o -: exact" "$work/piped.kmem"
{ "$KMEM_RECORD" -o - -d 20 2>"$work/err"; echo $? >"$work/status"; } | head -c 100000 >/dev/null
check "-o -: a reader that goes away ends it, exit 1" [ "$(cat "$work/status")" = 1 ]
says "-o -: says why" "standard output"
clean "-o -: kernel left as it was"

record 0 "retired event only warns" -f -o "$cap" -e kmem:kmalloc_node,kmem:kfree -d 100ms
if [ -d $tracing/events/kmem/kmalloc_node ]; then
	skip "retired event: warning" "this kernel has kmem:kmalloc_node"
	skip "retired event: stored" "this kernel has kmem:kmalloc_node"
	skip "nothing left to record" "this kernel has kmem:kmalloc_node"
else
	says "retired event: warning" "no event kmem:kmalloc_node"
	check "retired event: stored" [ "$(info "$cap" events.absent)" = kmem:kmalloc_node ]
	record 1 "nothing left to record" -f -o "$cap" -e kmem:kmalloc_node -d 100ms
	says "nothing left to record: says so" "nothing is left to record"
fi
record 2 "unknown event" -o "$work/none.kmem" -e kmem:kmaloc
says "unknown event: near names" "did you mean kmem:kmalloc?"
lines "unknown event: one line" 1
record 2 "unknown preset" -o "$work/none.kmem" -e slob
record 2 "bad time" -o "$work/none.kmem" -d 10parsecs
record 2 "bad choice" -o "$work/none.kmem" --stacks some
record 1 "output is a directory" -o "$work" -d 100ms
record 1 "no such directory" -o "$work/no/cap.kmem" -d 100ms
check "failed starts make no file" [ ! -e "$work/none.kmem" ]
ln -s "$work/target" "$work/link"
record 1 "output is a link" -f -o "$work/link" -d 100ms
check "output is a link: not followed" [ ! -e "$work/target" ]

record 0 "--symbols used" -f -o "$cap" --symbols used -d 300ms
"$READ_CAPTURE" --files /proc/kallsyms.used "$cap" >"$work/used"
check "--symbols used: has _stext" grep -q ' _stext$' "$work/used"
check "--symbols used: small" [ "$(wc -l <"$work/used")" -lt 5000 ]
# each recorded frame lies in the same symbol, by the part as by the whole
"$READ_CAPTURE" --stacks "$cap" | tr ' ' '\n' | grep '^0x' | sort -u >"$work/frames"
check "--symbols used: resolves as the whole file does" python3 "$TESTS/kernel/same_symbols.py" "$work/used" "$work/frames"

if runuser -u nobody -- true 2>/dev/null; then
	cp "$KMEM_RECORD" "$work/recorder" && chmod 755 "$work" "$work/recorder"
	mkdir -m 777 "$work/counts"
	# a build that counts lines cannot write where root does
	(cd / && runuser -u nobody -- env GCOV_PREFIX="$work/counts" "$work/recorder" -o /tmp/never.kmem -d 100ms) 2>"$work/err"
	check "not root: exit 1" [ $? -eq 1 ]
	says "not root: says what to do" "run as root"
	lines "not root: one line" 1
else
	skip "not root" "cannot become nobody"
fi
if unshare -m true 2>/dev/null; then
	unshare -m sh -c "mount -t tmpfs none /sys/kernel && cat /proc/self/mounts >'$work/before' &&
		'$KMEM_RECORD' -q -f -o '$cap' -d 100ms && cmp '$work/before' /proc/self/mounts" 2>"$work/err"
	check "tracefs mounted nowhere: recorded all the same, and still mounted nowhere" [ $? -eq 0 ]
	exact "tracefs mounted nowhere: exact" "$cap"
else
	skip "tracefs mounted nowhere" "cannot make a mount namespace"
fi
if unshare -Urm true 2>/dev/null; then
	# root of a user namespace only, with no tracefs in sight: all ways are closed
	unshare -Urm sh -c "mount -t tmpfs none /sys && '$KMEM_RECORD' -o '$work/none.kmem' -d 100ms" 2>"$work/err"
	check "no way to tracefs: exit 1" [ $? -eq 1 ]
	says "no way to tracefs: says what to do" "run as root"
	lines "no way to tracefs: one line" 1
else
	skip "no way to tracefs" "cannot make a user namespace"
fi
if unshare -pf true 2>/dev/null; then
	unshare -pf --mount-proc "$KMEM_RECORD" -f -o "$cap" -d 100ms 2>"$work/err"
	says "a PID namespace: says that names are unknown" "PID namespace"
	check "a PID namespace: no wrong names" [ -z "$("$READ_CAPTURE" --tasks "$cap")" ]
	check "a PID namespace: no wrong recorder" [ -z "$(info "$cap" recorder.tgid)" ]
else
	skip "a PID namespace" "cannot make one"
fi

"$KMEM_RECORD" -q -o "$work/a.kmem" -d 1 &
pid=$!
record 0 "two recorders at once" -f -o "$cap" -d 500ms
wait $pid
check "two recorders at once: the other one, too" [ $? -eq 0 ]
exact "two recorders at once: exact" "$work/a.kmem"
# where the threads run: the command looks at its parent's
# shellcheck disable=SC2016
look='for task in /proc/$PPID/task/*; do grep -q kmem-read "$task/comm" &&
	echo "$(cut -d " " -f 19 "$task/stat") $(sed -n "s/^Cpus_allowed_list:\t//p" "$task/status")"; done'
record 0 "placement: recorded" -q -f -o "$cap" --nice 5 --place-cpu 0 -- sh -c "$look"
check "placement: one thread, there, so urgent" [ "$(cat "$work/out")" = "5 0" ]
record 0 "placement: not asked for" -q -f -o "$cap" -- sh -c "$look"
check "placement: not asked for: a thread per CPU, most urgent" [ "$(cut -d ' ' -f 1 "$work/out" | sort | uniq -c | tr -s ' ')" = " $(nproc) -20" ]
record 2 "placement: no such nice" -f -o "$cap" --nice 20
says "placement: no such nice: what there is" "from -20 (most urgent) to 19"
record 2 "placement: no such CPU" -f -o "$cap" --place-cpu 8000
says "placement: no such CPU: which are online" "--place-cpu: CPU 8000 does not exist"

clean "session: kernel left as it was"
finish
