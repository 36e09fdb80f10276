#!/bin/sh
# ftrace text logs: one set of events in every form that ftrace prints, against the arithmetic of the older tool
# (tests/naive/text_account.py, from the text itself) and against the capture of the same events.
. "$TESTS/cli/lib.sh"
naive=$TESTS/naive

python3 "$naive/mktext.py" "$work" || exit 1

table() { # COMMAND...: an account without its header
	"$@" 2>/dev/null | sed -n '/^current bytes allocated/,$p'
}

same() { # NAME FILE: as $work/want, which is not empty
	if [ -s "$work/want" ] && cmp -s "$work/want" "$2"; then
		ok "$1"
	else
		not_ok "$1" "$(diff "$work/want" "$2" | head -n 4 | tr '\n' ' ')"
	fi
}

# --- the older tool's arithmetic, to the byte
"$KMEM_ANALYZE" load -q -k "$work/System.map" "$work/classic.log" 2>"$work/err"
check "a log of 3.x loads" [ $? -eq 0 ]
for form in classic modern hashed; do
	map=
	[ $form = modern ] || [ $form = hashed ] || map=$work/System.map
	for options in '' '-s total_dynamic' '-s alloc_count' '-s free_count' '-s waste' --malloc --cache \
		'--malloc --cache' '--malloc -s waste' '--cache -s free_count'; do
		# shellcheck disable=SC2086 # lists of words
		{
			python3 "$naive/text_account.py" "$work/$form.log" $map $options >"$work/want"
			table "$KMEM_ANALYZE" account --classic $options "$work/$form.log" >"$work/got"
		}
		same "$form: account --classic $options" "$work/got"
	done
done

# --- and the corrected one, as of the capture
for options in '' '-s total' --malloc --cache; do
	# shellcheck disable=SC2086
	table "$KMEM_ANALYZE" account $options "$work/capture.kmem" >"$work/want"
	for form in classic modern hashed stacks crlf console noirq tgid pipe prefix fields; do
		# shellcheck disable=SC2086
		table "$KMEM_ANALYZE" account $options "$work/$form.log" >"$work/got"
		same "$form: account $options is the capture's" "$work/got"
	done
done
for form in classic modern hashed stacks crlf console noirq tgid pipe prefix fields; do
	"$KMEM_ANALYZE" verify -q "$work/$form.log"
	check "$form: verify finds it whole" [ $? -eq 0 ]
done

# --- what else an object has: everything but addresses and the nanoseconds of the order
objects() { # FORM COLUMNS
	sqlite3 "$work/$1.db" "SELECT $2 FROM object ORDER BY (time + 500) / 1000, caller, bytes_req"
}
"$KMEM_ANALYZE" load -f -q "$work/capture.kmem"
columns="(time + 500) / 1000, state, bytes_req, bytes_alloc, event, caller, gfp, comm, pid, cpu, freer, free_event"
# of kmalloc the cache is learned from the frees of a site, and sites with stacks are others than those without
cache="CASE api WHEN 'cache' THEN cache END"
objects capture.kmem "$columns, context, node, $cache, free_context" >"$work/want"
for form in modern hashed stacks tgid pipe console; do
	objects $form.log "$columns, context, node, $cache, free_context" >"$work/got"
	same "$form: the objects are the capture's" "$work/got"
done
objects capture.kmem "$columns, address, context, node, $cache" >"$work/want"
objects fields.log "$columns, address, context, node, $cache" >"$work/got"
same "fields: the objects are the capture's, with their addresses" "$work/got"
objects capture.kmem "$columns, address, context" >"$work/want"
objects classic.log "$columns, address, context" >"$work/got"
same "classic: the objects are the capture's, with their addresses" "$work/got"
stacks="SELECT o.bytes_alloc, count(*), group_concat(l.text, ';') FROM object o JOIN stack_line l ON l.stack = o.stack
	GROUP BY o.id ORDER BY 1, 2, 3"
sqlite3 "$work/capture.kmem.db" "$stacks" >"$work/want"
sqlite3 "$work/stacks.log.db" "$stacks" >"$work/got"
same "stacks: every object has the capture's stack" "$work/got"
check "tgid: processes are known" [ "$(sqlite3 "$work/tgid.log.db" 'SELECT count(*) FROM task WHERE tgid IS NULL')" = 0 ]

# --- packed
"$KMEM_ANALYZE" account "$work/modern.log" >"$work/want" 2>/dev/null
gzip -k "$work/modern.log"
zstd -q "$work/modern.log"
for form in gz zst xz; do
	if [ $form = xz ]; then
		if ! command -v xz >/dev/null; then
			echo "skip packed: no xz here"
			continue
		fi
		xz -k "$work/modern.log"
	fi
	"$KMEM_ANALYZE" account "$work/modern.log.$form" >"$work/got" 2>"$work/err"
	if grep -q 'was built without' "$work/err"; then
		echo "skip packed.$form: $(head -n 1 "$work/err")"
		continue
	fi
	same "packed.$form: the report is that of the plain log" "$work/got"
	head -c 20000 "$work/modern.log.$form" >"$work/half.$form"
	"$KMEM_ANALYZE" account "$work/half.$form" >"$work/got" 2>/dev/null
	check "packed.$form: one that is cut off is exit 3" [ $? -eq 3 ]
	check "packed.$form: and says so" grep -q 'CUT OFF' "$work/got"
done

# --- what is wrong with a log is told, and nothing of it reaches the terminal as it is
line() { # CPU US TEXT
	printf '            bash-7       [%03d] d..1.   100.%06d: %s\n' "$1" "$2" "$3"
}
alloc='kmalloc: call_site=seq_open+0x1c/0x400 ptr=00000000deadbe0%s bytes_req=60 bytes_alloc=64 gfp_flags=GFP_KERNEL node=-1 accounted=false'
{
	# shellcheck disable=SC2059
	for i in 1 2 3; do line 0 $i "$(printf "$alloc" $i)"; done
	echo 'CPU:1 [LOST 12 EVENTS]'
	line 1 10 'kfree: call_site=seq_open+0x1c/0x400 ptr=00000000deadbe02'
	line 0 20 'kfree: call_site=seq_open+0x1c/0x400 ptr=0000[   20.1] usb 1-1: gone'
	printf '0000deadbe01\033[31m ptr=\n'
	printf 'panic\033]0;title\007\n'
	line 0 30 'kmalloc: call_site=seq_open+0x1c/0x400 ptr=(____ptrval____) bytes_req=60 bytes_alloc=64 gfp_flags=GFP_KERNEL'
	line 0 35 'kmalloc: call_site=seq_open+0x1c/0x400 ptr=00000000deadbe09 bytes_req=60 bytes_alloc=6x gfp_flags=GFP_KERNEL'
	line 0 40 'sched_switch: prev_comm=a prev_pid=1 prev_prio=120 prev_state=S ==> next_comm=b next_pid=2 next_prio=120'
	line 1 38 'kfree: call_site=seq_open+0x1c/0x400 ptr=0000000000000000'
	line 0 50 'kfree: call_site=seq_open+0x1c/0x400 ptr=00000000deadbe03' | tr -d '\n'
} >"$work/bad.log"
EXIT=3 golden text-load sh -c 'exec "$1" load -f -o "$2" "$3" 2>&1 | sed "s/ -> .*//"; "$1" load -q -f -o "$2" "$3"' \
	load "$KMEM_ANALYZE" "$work/bad.db" "$work/bad.log"
EXIT=3 golden text-account "$KMEM_ANALYZE" account "$work/bad.log"
EXIT=3 golden text-kmemleak "$KMEM_ANALYZE" kmemleak "$work/bad.log"
EXIT=3 golden text-verify sh -c 'cd "$2" && "$1" verify bad.log' verify "$KMEM_ANALYZE" "$work"
check "no control character is printed" [ "$("$KMEM_ANALYZE" account "$work/bad.log" | tr -d '\n -~' | wc -c)" = 0 ]
check "a loss leaves doubt" [ "$(sqlite3 "$work/bad.log.db" "SELECT count(*) FROM live WHERE in_doubt_by_loss")" = 2 ]
check "the loss has its CPU and time" [ "$(sqlite3 "$work/bad.log.db" "SELECT * FROM loss")" = '1|0|9000|12|lost' ]
{
	printf '# entries-in-buffer/entries-written: 2/7   #P:1\n'
	line 0 1 'kmalloc: call_site=c0123456 ptr=c1234560 bytes_req=60 bytes_alloc=64 gfp_flags=GFP_KERNEL'
} >"$work/short.log"
"$KMEM_ANALYZE" account "$work/short.log" >"$work/got" 2>/dev/null
check "a log that is shorter than its header says: exit 3" [ $? -eq 3 ]
check "it says how much is missing" grep -q 'MISSING in it: 1$' "$work/got"
check "what the ring overwrote is lost" grep -q ' 5 records LOST' "$work/got"
check "an address without a symbol stays one" grep -q '0xc0123456$' "$work/got"
expect 1 'neither a capture' 'a text that is no log' "$KMEM_ANALYZE" account "$work/System.map"
line 0 1 'sched_switch: x' >"$work/none.log"
expect 1 'has no event of memory' 'a log without events of memory' "$KMEM_ANALYZE" account "$work/none.log"
expect 2 'one log is loaded at a time' 'two logs' "$KMEM_ANALYZE" load -f -o "$work/x.db" "$work/pipe.log" "$work/tgid.log"
expect 1 'is a text log; it is not overwritten' 'a log is not overwritten' "$KMEM_ANALYZE" load -f -o "$work/pipe.log" \
	"$work/tgid.log"
cp "$work/modern.log" "$work/grown.log"
"$KMEM_ANALYZE" account "$work/grown.log" >"$work/got" 2>&1
line 0 99999 'kfree: call_site=c0123456 ptr=c1234560' >>"$work/grown.log"
check "a log that has grown is loaded again" sh -c '"$1" account "$2" 2>&1 >/dev/null | grep -q loaded' grown \
	"$KMEM_ANALYZE" "$work/grown.log"
finish
