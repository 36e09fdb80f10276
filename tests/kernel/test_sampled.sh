#!/bin/sh
# --stack-sample: while one recorder takes the stacks of some allocations, another one takes all. Every stack that was
# sampled is the one that the other has of the same event, and the choice is one in N.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
needs_kernel sampled
events=slab,page,percpu,vmalloc
cap=$work/cap.kmem
if [ "$("$B/tests/bpf_programs" kmem_sample)" = 0 ]; then
	"$KMEM_RECORD" -q -f -o "$cap" --stack-sample 2 -d 10ms 2>"$work/err"
	by=$(info "$cap" events.stack_sample_by)
fi
[ "$by" = random ] || skip "sampled: chosen at random" "this kernel has no BPF: $(cat "$work/err")"

compare() { # NAME [--selected]
	if python3 "$TESTS/kernel/sampled.py" "$READ_CAPTURE" "$work/full.kmem" "$cap" ${2+"$2"} >"$work/result" 2>&1; then
		ok "$1: $(cat "$work/result")"
	else
		not_ok "$1" "$(tail -n 1 "$work/result")"
	fi
}

# shellcheck disable=SC2016	# for the inner shell
both() { # NAME [--selected] -- ARGUMENT...: of the recorder that samples
	what=$1
	shift
	selected=
	if [ "$1" = --selected ]; then
		selected=$1
		shift
	fi
	shift
	record 0 "$what: recorded" -f -o "$cap" -e "$events" --symbols used "$@" -- sh -c '
		"$1" -q -f -o "$2" -e "$3" --symbols used -- sh -c "\"$4\" 1500; find /proc/self /proc/sys /usr/lib >/dev/null 2>&1"
		' sh "$KMEM_RECORD" "$work/full.kmem" "$events" "$churn_all"
	exact "$what: exact" "$cap"
	compare "$what: the stacks of all" ${selected:+"$selected"}
}

both "sampled" -- --stack-sample 3
says "sampled: told" "stacks are of one allocation in 3, chosen "
for event in kmem:kmalloc kmem:kmem_cache_alloc kmem:mm_page_alloc percpu:percpu_alloc_percpu; do
	check "sampled: $event is among them" grep -qw "$event" "$work/result"
done
check "sampled: none is lost" [ "$(info "$cap" events.stack_sample_lost)" = 0 ]
both "sampled, read from another CPU" -- --stack-sample 16 --place-cpu 0
both "sampled, of a command" --selected -- --stack-sample 2 --only-command
both "sampled, of a CPU" --selected -- --stack-sample 2 -C 0

# what is chosen by counting, where there is no bpf()
recorder=$KMEM_RECORD
cat >"$work/without" <<X
#!/bin/sh
exec "$PWD/$B/tests/without_bpf" "$recorder" "\$@"
X
chmod +x "$work/without"
KMEM_RECORD=$work/without
both "sampled by counting" -- --stack-sample 12
KMEM_RECORD=$recorder
says "sampled by counting: told" "one allocation in 13, chosen by counting"
check "sampled by counting: in the capture" [ "$(info "$cap" events.stack_sample_by)" = period ]

# a pause, and several files
"$KMEM_RECORD" -q -f -o "$work/series.kmem" --stack-sample 4 --rotate 1M >"$work/out" 2>"$work/err" &
pid=$!
recording $pid
"$churn_all" 3000 >/dev/null
"$KMEM_RECORD" ctl pause >/dev/null
"$churn_all" 300 >/dev/null
"$KMEM_RECORD" ctl resume >/dev/null
"$churn_all" 3000 >/dev/null
kill -INT $pid
wait $pid
check "sampled, a series: recorded" [ $? -eq 0 ]
set -- "$work"/series.*.kmem
check "sampled, a series: several files" [ $# -gt 1 ]
check "sampled, a series: sound" "$READ_CAPTURE" --verify "$@"
check "sampled, a series: none is lost" [ "$("$READ_CAPTURE" --info "$@" | sed -n 's/^events.stack_sample_lost: //p')" = 0 ]
check "sampled, a series: each file says so" [ "$(for file; do info "$file" events.stack_sample; done | sort -u)" = 4 ]

record_with_loss "sampled, with losses: recorded" -f -o "$cap" --stack-sample 2 --buffer 1M
check "sampled, with losses: the account" [ -z "$(account_errors "$cap")" ]

# killed: nothing stays
"$KMEM_RECORD" -q -f -o "$cap" --stack-sample 2 2>"$work/err" &
pid=$!
recording $pid
before=$("$B/tests/bpf_programs" kmem_sample)
kill -9 $pid
wait $pid 2>/dev/null
for try in 1 2 3 4 5 6 7 8 9 10; do
	after=$("$B/tests/bpf_programs" kmem_sample)
	[ "$after" -lt "$before" ] && break
	sleep 0.2
done
[ "$by" = random ] && check "sampled, killed: there were programs ($before, try $try)" [ "$before" -gt 0 ]
[ "$by" = random ] && check "sampled, killed: none is left" [ "$after" -eq $((before - 2)) ]
"$KMEM_RECORD" -q -f -o "$cap" -d 10ms	# removes the instance that was left

# refused
refused() { # NAME TEXT ARGUMENT...
	what=$1
	text=$2
	shift 2
	record 2 "sampled, refused: $what" -f -o "$work/none.kmem" --stack-sample 8 "$@" -d 10ms
	says "sampled, refused: $what: why" "$text"
}
refused "all stacks" "--stacks all" --stacks all
refused "no stacks" "--stacks none" --stacks none
refused "a flight recorder" "--overwrite" --overwrite
refused "survivors" "--survivors" --survivors 1s
refused "perf" "--backend perf" --backend perf
refused "user stacks" "--user-stacks" --user-stacks
refused "stacks of frees" "stacks of allocations only" -e slab,kmem:kfree//stack/
refused "a filter" "leave out its filter" -e 'kmem:kmalloc/bytes_alloc>100/stack/,kmem:kfree'
refused "no stacks at all" "of no event" -e kmem:kfree
refused "page faults" "page-fault" -e slab,page-faults
record 2 "sampled, refused: every one" -f -o "$work/none.kmem" --stack-sample 1 -d 10ms
check "sampled: nothing was written" [ ! -e "$work/none.kmem" ]
clean "sampled: kernel left as it was"
finish
