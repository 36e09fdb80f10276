#!/bin/sh
# What entered the rings is what is in the capture, record by record and per CPU, also when records are lost.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
needs_kernel account
cap=$work/cap.kmem

for stacks in alloc all none; do
	record 0 "account, stacks $stacks: nothing lost" -f -o "$cap" --stacks $stacks -d 2 -- \
		"$churn_all" 5000
	exact "account, stacks $stacks: exact per CPU" "$cap"
	# every event that the statistics name is really in the blocks, and every block is intact
	want=$("$READ_CAPTURE" --stats "$cap" | sed -n 's/^end events=\([0-9]*\).*/\1/p')
	got=$("$READ_CAPTURE" --events "$cap" | wc -l)
	check "account, stacks $stacks: all $want events are readable" [ "$want" = "$got" ]
	check "account, stacks $stacks: many events" [ "$got" -gt 100000 ]
done

record 0 "account, all presets" -f -o "$cap" -e all -d 2 -- "$churn_all" 3000
exact "account, all presets: exact per CPU" "$cap"

record_with_loss "loss: a tiny ring loses records, exit 3" -f -o "$cap" --buffer 64k
says "loss: reported" "records were lost"
exact "loss: the account is exact all the same" "$cap"
# the blocks say where: their sum is what the kernel refused
want=$("$READ_CAPTURE" --stats "$cap" 2>/dev/null | sed -n 's/^end events=.*lost=\([0-9]*\).*/\1/p')
got=$("$READ_CAPTURE" --blocks "$cap" 2>/dev/null | awk '{ for (i = 1; i <= NF; i++) if ($i ~ /^lost_before=/) n += substr($i, 13) }
	END { print n + 0 }')
check "loss: the blocks name all $want lost records" [ "${want:-0}/$got" = "$got/$got" ]
check "loss: there was some" [ "${want:-0}" -gt 0 ]

clean "account: kernel left as it was"
finish
