#!/bin/sh
# stream_speed.sh STREAM_SPEED CHURN DIR [STACKS [ROUNDS]] - fills DIR with what a tracing ring holds after CHURN has run on
# CPU 0 (STACKS 1: with stacks of allocations), unless it is there, and measures what the recorder does with it. Root.
set -eu
speed=$1 churn=$2 dir=$3 stacks=${4-1} rounds=${5-4000}
tracing=/sys/kernel/tracing
if ! [ -e "$dir/ring" ]; then
	mkdir -p "$dir"
	[ -d $tracing/instances ] || { mount -t tracefs tracefs $tracing; trap 'umount $tracing' EXIT; }
	inst=$tracing/instances/stream-speed-$$
	mkdir "$inst"
	echo 0 >"$inst/tracing_on"
	[ ! -e "$inst/buffer_subbuf_size_kb" ] || echo 64 >"$inst/buffer_subbuf_size_kb"
	echo 262144 >"$inst/buffer_size_kb"
	echo mono >"$inst/trace_clock"
	: >"$dir/types"
	for event in kmalloc kmem_cache_alloc kfree kmem_cache_free; do
		[ "$event" = kfree ] || [ "$event" = kmem_cache_free ] || [ "$stacks" = 0 ] ||
			echo stacktrace >"$inst/events/kmem/$event/trigger"
		echo 1 >"$inst/events/kmem/$event/enable"
		cat "$inst/events/kmem/$event/format" >"$dir/kmem.$event.format"
		case $event in *alloc) echo "kmem $event $stacks" ;; *) echo "kmem $event 0" ;; esac >>"$dir/types"
	done
	cat $tracing/events/ftrace/kernel_stack/format >"$dir/kernel_stack.format"
	cat "$inst/events/header_page" >"$dir/header_page"
	echo 1 >"$inst/tracing_on"
	"$churn" "$rounds" 0 >/dev/null
	echo 0 >"$inst/tracing_on"
	dd if="$inst/per_cpu/cpu0/trace_pipe_raw" of="$dir/ring" bs=65536 iflag=nonblock status=none 2>/dev/null || :
	echo 0 >"$inst/events/enable"
	rmdir "$inst"
fi
"$speed" "$dir" 9
