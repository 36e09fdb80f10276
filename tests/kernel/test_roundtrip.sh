#!/bin/sh
# Events outside of kmem: every field of every event is what the kernel's own text shows of it.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
needs_kernel roundtrip
cap=$work/cap.kmem
beside=$tracing/instances/kmem-test-$$
systems='sched:sched_switch sched:sched_process_* syscalls:sys_enter_openat syscalls:sys_exit_openat
	syscalls:sys_exit_close syscalls:sys_enter_mmap vmscan:* compaction:* filemap:mm_filemap_*
	net:* signal:* timer:timer_start writeback:* ext4:* workqueue:*'

mkdir "$beside" || exit 1
if ! [ -e "$beside/options/fields" ]; then
	rmdir "$beside"
	skip "roundtrip" "this kernel has no options/fields (6.4)"
	finish
fi
echo mono >"$beside/trace_clock"
echo 1 >"$beside/options/fields"
echo 0 >"$beside/options/overwrite"
echo 32768 >"$beside/buffer_size_kb"
set --
for spec in $systems; do
	for event in "$tracing"/events/${spec%%:*}/${spec#*:}/enable; do
		event=${event#"$tracing"/events/}
		[ -e "$beside/events/$event" ] || continue
		echo 1 >"$beside/events/$event"
		event=${event%/enable}
		set -- "$@" -e "${event%%/*}:${event#*/}"
	done
done
for event in task/task_newtask task/task_rename module/module_load module/module_free; do
	[ -e "$beside/events/$event" ] && echo 1 >"$beside/events/$event/enable"
done

# compacting memory and dropping clean caches are actions, not settings
record 0 "roundtrip: recorded" -q -f -o "$cap" --stacks none --buffer 32M --symbols used "$@" -- sh -c '
	cd "$1" && for i in 1 2 3; do head -c 300000 /dev/zero >file; cat file >/dev/null; done; sync file
	echo 1 >/proc/sys/vm/drop_caches; echo 1 >/proc/sys/vm/compact_memory; cat file >/dev/null
	python3 -c "
import signal, socket
a, b = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
a.bind((\"127.0.0.1\", 0))
b.sendto(b\"x\" * 100, a.getsockname())
a.recv(200)
signal.signal(signal.SIGUSR1, lambda *a: None)
signal.raise_signal(signal.SIGUSR1)"
	rm file' sh "$work"
echo 0 >"$beside/tracing_on"
cat "$beside/trace" >"$work/trace"
dropped=$(sed -n 's/^dropped events: //p' "$beside"/per_cpu/cpu*/stats | sort -n | tail -n 1)
rmdir "$beside"
exact "roundtrip: exact" "$cap"
check "roundtrip: the text is whole" [ "$dropped" -eq 0 ]
if python3 "$TESTS/kernel/roundtrip.py" "$READ_CAPTURE" "$cap" "$work/trace" >"$work/result" 2>&1; then
	ok "roundtrip: the same $(head -n 1 "$work/result")"
else
	not_ok "roundtrip: the same events and fields" "$(tail -n 1 "$work/result")"
fi
for event in sched_switch sys_enter_openat sys_exit_openat task_newtask mm_compaction_begin \
		mm_filemap_add_to_page_cache net_dev_xmit signal_generate timer_start workqueue_queue_work; do
	check "roundtrip: $event is among them" grep -qx "seen $event" "$work/result"
done
clean "roundtrip: kernel left as it was"
finish
