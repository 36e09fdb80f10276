#!/bin/sh
# What a person may get wrong: each is refused before anything is touched, with one message that says what there is.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
needs_kernel bad_input

refused() { # STATUS NAME TEXT ARGUMENT...: exit status, the text, no file touched
	status=$1 what=$2 text=$3
	shift 3
	echo precious >"$work/kept"
	record "$status" "$what" -f -o "$work/kept" -d 100ms "$@"
	says "$what: says it" "$text"
	lines "$what: one line" 1
	check "$what: no file was touched" [ "$(cat "$work/kept")" = precious ]
}

gone=$(sh -c 'echo $$')
online=$(cat /sys/devices/system/cpu/online)
refused 2 "a process that does not exist" "-p $gone: there is no such process" -p "$gone"
refused 2 "one of several processes" "-p $gone: there is no such process" -p "$$,$gone"
refused 2 "no process" "-p x: numbers from 1 to 4194303 are wanted, as in 123,456" -p x
refused 2 "no process, 0" "numbers from 1" -p 0
refused 2 "no process, a range" "numbers from 1" -p 1-3
refused 2 "no process, nothing" "numbers from 1" -p ''
refused 2 "no process, too large" "numbers from 1" -p 99999999999999999999
refused 2 "a thread that does not exist" "-t $gone: there is no such thread" -t "$gone"
python3 -c '
import threading, time
t = threading.Thread(target=time.sleep, args=(60,), daemon=True)
t.start()
print(t.native_id, flush=True)
time.sleep(60)' >"$work/tid" &
python=$!
until [ -s "$work/tid" ]; do sleep 0.05; done
refused 2 "a thread for a process" "that is a thread of process $python: use -t $(cat "$work/tid") for it alone, or -p $python" \
	-p "$(cat "$work/tid")"
kill $python
wait $python 2>/dev/null
refused 2 "a CPU that does not exist" "-C: CPU 8191 does not exist: $online are online" -C 0,8191
refused 2 "no CPU" "-C 0-: numbers from 0 to 8191 are wanted, as in 0-3,8" -C 0-
refused 2 "no CPU, backwards" "numbers from 0" -C 1-0
refused 2 "no command" "--only-command: there is no command" --only-command
refused 2 "a selection of frees" "none of the events that were asked for is one" -e kmem:kfree -p $$
if grep -q ' cgroup2 ' /proc/self/mounts; then
	refused 2 "a control group that does not exist" "there is no control group 'no-such-group-at-all'" \
		--cgroup no-such-group-at-all
	refused 2 "a directory that is no control group" "'/etc' is not a control group" --cgroup /etc
	refused 2 "a control group and a process" "--cgroup cannot be combined" --cgroup / -p $$
else
	skip "a control group" "cgroup version 2 is not mounted"
fi
refused 2 "an unknown event" "there is no event 'kmem:kmaloc': did you mean kmem:kmalloc?" -e kmem:kmaloc
record 2 "an unknown option" -o "$work/none.kmem" --pidd 1
says "an unknown option: which" "unknown option --pidd"
record 2 "an unknown attribute" -f -o "$work/kept" -d 100ms -e 'kmem:kmalloc//stak/'
says "an unknown attribute: near name" "did you mean stack;"
record 2 "a bad filter" -f -o "$work/kept" -d 100ms -e 'kmem:kmalloc/bytes_aloc>1/'
says "a bad filter: the kernel's words" "Field not found"
check "no file was touched" [ "$(cat "$work/kept")" = precious ]

if unshare -pf true 2>/dev/null; then
	unshare -pf --mount-proc "$KMEM_RECORD" -o "$work/none.kmem" -d 100ms -p 1 2>"$work/err"
	check "a process of a PID namespace: exit 1" [ $? -eq 1 ]
	says "a process of a PID namespace: says why" "run kmem-record outside"
else
	skip "a process of a PID namespace" "cannot make one"
fi

if setpriv --reuid=65534 --regid=65534 --clear-groups true 2>/dev/null; then
	cp "$KMEM_RECORD" "$work/recorder" && chmod 755 "$work" "$work/recorder"
	mkdir -m 777 "$work/theirs" "$work/counts"
	export GCOV_PREFIX="$work/counts" # a build that counts lines cannot write where root does
	(cd / && setpriv --reuid=65534 --regid=65534 --clear-groups "$work/recorder" -o /tmp/never.kmem -d 100ms) 2>"$work/err"
	check "not root: exit 1" [ $? -eq 1 ]
	says "not root: where" "/sys/kernel/tracing"
	says "not root: what is missing" "CAP_DAC_OVERRIDE"
	says "not root: what to do" "run as root"
	lines "not root: one line" 1
	# what the message names is what it takes
	(cd "$work/theirs" && setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=+dac_override \
		--ambient-caps=+dac_override "$work/recorder" -q -o by-nobody.kmem -d 200ms) 2>"$work/err"
	check "not root, with CAP_DAC_OVERRIDE: recorded" [ $? -eq 0 ]
	exact "not root, with CAP_DAC_OVERRIDE: exact" "$work/theirs/by-nobody.kmem"
	# the way of the README without it: perf events, and no right to write anywhere
	caps=+perfmon,+ipc_lock,+syslog,+dac_read_search
	(cd "$work/theirs" && setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=$caps --ambient-caps=$caps \
		"$work/recorder" -q --backend perf -o perf.kmem -d 200ms) 2>"$work/err"
	code=$?
	# under load perf may lose some
	check "not root, with CAP_PERFMON: recorded" [ $((code * (code - 3))) -eq 0 ]
	python3 "$READ_CAPTURE" --files /proc/kallsyms "$work/theirs/perf.kmem" >"$work/kallsyms" 2>/dev/null
	check "not root, with CAP_PERFMON: with the kernel's addresses" grep -q '^ffff.* kfree$' "$work/kallsyms"
	check "not root, with CAP_PERFMON: the capture is theirs alone" [ "$(stat -c '%u %a' "$work/theirs/perf.kmem")" = '65534 600' ]
	(cd "$work/theirs" && setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=+dac_read_search \
		--ambient-caps=+dac_read_search "$work/recorder" --backend perf -o never.kmem -d 200ms) 2>"$work/err"
	check "not root, without CAP_PERFMON: exit 1" [ $? -eq 1 ]
	says "not root, without CAP_PERFMON: what is missing" "CAP_PERFMON"
	check "not root, without CAP_PERFMON: no file" [ ! -e "$work/theirs/never.kmem" ]
	unset GCOV_PREFIX
else
	skip "not root" "setpriv cannot become nobody"
fi

"$KMEM_RECORD" -q -o "$work/a.kmem" -d 1 -p $$ &
pid=$!
record 0 "another recorder runs" -q -f -o "$work/cap.kmem" -d 500ms -C 0
wait $pid
check "another recorder runs: it, too" [ $? -eq 0 ]
exact "another recorder runs: exact" "$work/a.kmem"
exact "another recorder runs: both" "$work/cap.kmem"

# one that was killed leaves two instances behind: the next run removes both
"$KMEM_RECORD" -q -f -o "$work/a.kmem" -d 100 -p $$ &
pid=$!
until [ "$(find "$tracing/instances" -maxdepth 1 -name "kmem-record.$pid.*" | wc -l)" -eq 2 ]; do sleep 0.05; done
kill -9 $pid
wait $pid 2>/dev/null
record 0 "after one that was killed" -q -f -o "$work/cap.kmem" -d 100ms
check "after one that was killed: both its instances are gone" \
	[ -z "$(find "$tracing/instances" -maxdepth 1 -name "kmem-record.$pid.*")" ]
check "failed starts make no file" [ ! -e "$work/none.kmem" ]
clean "bad_input: kernel left as it was"
finish
