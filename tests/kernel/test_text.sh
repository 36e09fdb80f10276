#!/bin/sh
# The text of a stopped ring and the dump of it are the same events: accounts, stacks and losses have to agree.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
needs_kernel text
: "${KMEM_ANALYZE:=$PWD/$B/kmem-analyze}"
load=kmtt$$	# the name of our load
own=kmem-test-text.$$
i=$tracing/instances/$own
cp "$B/tests/churn" "$work/$load"

remove_instance() {
	[ -d "$i" ] || return 0
	echo 0 >"$i/tracing_on"
	for try in 1 2 3 4 5 6 7 8 9 10; do
		rmdir "$i" 2>/dev/null && return 0
		sleep 0.1
	done
	echo "# $own is still there after $try tries"
}
trap 'remove_instance; leave' EXIT

instance() { # KB
	mkdir "$i" || exit 1
	echo 0 >"$i/tracing_on"
	echo "$1" >"$i/buffer_size_kb"
	echo mono >"$i/trace_clock"
	for event in kmem/kmalloc kmem/kfree kmem/kmem_cache_alloc kmem/kmem_cache_free kmem/mm_page_alloc \
		kmem/mm_page_free percpu/percpu_alloc_percpu percpu/percpu_free_percpu vmalloc/alloc_vmap_area \
		vmalloc/free_vmap_area_noflush; do
		[ -d "$i/events/$event" ] || continue
		echo "comm == \"$load\"" >"$i/events/$event/filter"
		echo 1 >"$i/events/$event/enable"
	done
	for event in kmem/kmalloc kmem/kmem_cache_alloc; do
		echo "stacktrace if comm == \"$load\"" >"$i/events/$event/trigger"
	done
}

load_all() { # ROUNDS, on every CPU
	for cpu in $(seq 0 $(($(nproc) - 1))); do "$work/$load" "$1" "$cpu" >/dev/null & done
	wait
}

table() { # FILE ARGUMENT...: an account without its header
	file=$1
	shift
	"$KMEM_ANALYZE" account "$@" "$file" 2>"$work/err" | sed -n '/^current bytes allocated/,$p'
}

same() { # NAME: $work/want and $work/got
	if [ -s "$work/want" ] && cmp -s "$work/want" "$work/got"; then
		ok "$1"
	else
		not_ok "$1" "$(diff "$work/want" "$work/got" | head -n 20 | tr '\n' ' ')"
	fi
}

# --- all that fits, with stacks that name their offsets
instance 32768
echo 1 >"$i/tracing_on"
load_all 60
echo 0 >"$i/tracing_on"
cat "$i/trace" >"$work/hashed.log"
echo 1 >"$i/options/sym-offset"
[ ! -e "$i/options/hash-ptr" ] || echo 0 >"$i/options/hash-ptr"
cat "$i/trace" >"$work/plain.log"
echo 0 >"$i/options/irq-info"
echo 1 >"$i/options/record-tgid"
cat "$i/trace" >"$work/noirq.log"
record 0 "dump of the same ring" dump -o "$work/ring.kmem" --instance "$own"
for log in hashed plain noirq; do
	"$KMEM_ANALYZE" load -q "$work/$log.log" 2>"$work/err"
	check "$log: the log loads, whole" [ $? -eq 0 ]
	for options in '' '-s total' --malloc --cache '--domain page' '--domain percpu' '--domain vmalloc'; do
		# shellcheck disable=SC2086 # lists of words
		table "$work/ring.kmem" $options >"$work/want"
		# shellcheck disable=SC2086
		table "$work/$log.log" $options >"$work/got"
		same "$log: account $options is the dump's"
	done
done
objects="SELECT bytes_req, bytes_alloc, event, caller, gfp, node, cpu, pid, comm, context, free_cpu, free_pid, state
	FROM object WHERE domain = 'slab' ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13"
sqlite3 "$work/ring.kmem.db" "$objects" >"$work/want"
sqlite3 "$work/plain.log.db" "$objects" >"$work/got"
same "every object is the dump's"
stacks="SELECT bytes, count(*), text FROM (SELECT o.id, o.bytes_alloc AS bytes, group_concat(l.text, ';') AS text
	FROM object o JOIN stack_line l ON l.stack = o.stack GROUP BY o.id) GROUP BY 1, 3 ORDER BY 1, 3"
sqlite3 "$work/ring.kmem.db" "$stacks" >"$work/want"
sqlite3 "$work/plain.log.db" "$stacks" >"$work/got"
same "every stack is the dump's"
echo "# $(wc -l <"$work/got") distinct stacks, $(wc -l <"$work/plain.log") lines"
remove_instance

# --- a ring that overwrote: the log's header tells how much
instance 64
echo 1 >"$i/tracing_on"
load_all 300
echo 0 >"$i/tracing_on"
overrun=$(sed -n 's/^overrun: //p' "$i"/per_cpu/cpu*/stats | awk '{ n += $1 } END { print n }')
cat "$i/trace" >"$work/over.log"
"$KMEM_ANALYZE" load -q "$work/over.log" 2>"$work/err"
check "a log of an overwritten ring: exit 3" [ $? -eq 3 ]
check "it has the kernel's count of what is lost" \
	[ "$(sqlite3 "$work/over.log.db" "SELECT sum(records) FROM loss")" = "$overrun" ]
remove_instance

clean "text: kernel left as it was"
finish
