#!/bin/sh
# --survivors: two recorders see the same events of the same processes, one folds: call site by call site, stack by
# stack, both say the same, and the capture of the one that folds is far smaller. What is planted stays, and is exact.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
needs_kernel survivors
: "${KMEM_ANALYZE:=$PWD/$B/kmem-analyze}"
pipes=300 pairs=200 epolls=100

# Objects by everything that says what they are and what became of them.
totals() { # DB
	sqlite3 "$1" "SELECT e.name, a.bytes_req, a.bytes_alloc, a.gfp, a.context, p.self, p.end, fe.name, f.context,
		(SELECT address FROM frame WHERE id = a.call_site), (SELECT address FROM frame WHERE id = f.call_site),
		(SELECT group_concat(address) FROM (SELECT r.address FROM stack_frame s JOIN frame r ON r.id = s.frame
			WHERE s.stack = a.stack ORDER BY position)), sum(p.objects) AS n
		FROM pair_total p JOIN alloc_site a ON a.id = p.alloc_site JOIN event e ON e.id = a.event
		LEFT JOIN free_site f ON f.id = p.free_site LEFT JOIN event fe ON fe.id = f.event
		GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12"
	sqlite3 "$1" "SELECT e.name, f.context, t.self, r.address, sum(t.matched), sum(t.unmatched), sum(t.null_frees)
		FROM free_total t JOIN free_site f ON f.id = t.free_site JOIN event e ON e.id = f.event
		LEFT JOIN frame r ON r.id = f.call_site GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
	sqlite3 "$1" "SELECT name, events FROM event WHERE role IS NOT NULL ORDER BY 1"
}

# Only what these processes do is recorded, by both, and they wait until both record.
mkfifo "$work/go"
for n in 1 2; do
	# shellcheck disable=SC2016	# for the inner shell
	sh -c 'read -r _ <"$0"; exec "$1" 6000' "$work/go" "$B/tests/churn" >/dev/null &
	eval "pid$n=$!"
done
theirs="common_pid==$pid1||common_pid==$pid2"
events="kmem:kmalloc/$theirs/stack/,kmem:kmem_cache_alloc/$theirs/stack/,kmem:kfree/$theirs/,kmem:kmem_cache_free/$theirs/"
"$KMEM_RECORD" -o "$work/all.kmem" -e "$events" -d 100 2>"$work/all.err" &
all=$!
"$KMEM_RECORD" -o "$work/few.kmem" -e "$events" --survivors 100ms -d 100 2>"$work/few.err" &
few=$!
until_recording() { # FILE: its last metadata is written before, its first events after this
	for _ in $(seq 200); do
		"$READ_CAPTURE" --tasks "$1" 2>/dev/null | grep -q . && return
		sleep 0.1
	done
}
until_recording "$work/all.kmem"
until_recording "$work/few.kmem"
sleep 0.5
exec 9>"$work/go"
echo "go" >&9
echo "go" >&9
wait "$pid1" "$pid2"
exec 9>&-
kill -TERM "$all" "$few"
wait "$all"
check "survivors: everything recorded without loss" [ $? -eq 0 ]
wait "$few"
check "survivors: folded without loss" [ $? -eq 0 ]
for which in all few; do
	"$KMEM_ANALYZE" load -q "$work/$which.kmem" 2>"$work/err"
	check "survivors: $which: loaded" [ $? -eq 0 ]
	"$KMEM_ANALYZE" verify -q "$work/$which.kmem"
	check "survivors: $which: whole" [ $? -eq 0 ]
	totals "$work/$which.kmem.db" >"$work/$which.totals"
	"$KMEM_ANALYZE" account "$work/$which.kmem" | sed 1,/^$/d >"$work/$which.account"
	exact "survivors: $which: exact per CPU" "$work/$which.kmem"
done
check "survivors: $(wc -l <"$work/all.totals") totals are there" [ "$(wc -l <"$work/all.totals")" -gt 50 ]
if cmp -s "$work/all.totals" "$work/few.totals"; then
	ok "survivors: every total is the same"
else
	not_ok "survivors: every total is the same" "$(diff "$work/all.totals" "$work/few.totals" | head -n 6 | cut -c 1-300)"
fi
check "survivors: account prints the same" cmp -s "$work/all.account" "$work/few.account"
pairs_folded=$(info "$work/few.kmem" folded.pairs)
check "survivors: $pairs_folded pairs were folded" [ "${pairs_folded:-0}" -gt 100000 ]
check "survivors: none came late" [ "$(info "$work/few.kmem" folded.late)" = 0 ]
"$READ_CAPTURE" --verify "$work/few.kmem" >"$work/out" 2>"$work/err"
check "survivors: read_capture.py finds no damage" [ $? -eq 0 ]
python3 "$TESTS/naive/compare_db.py" "$work/few.kmem" "$work/few.kmem.db" | grep -v '^ok' >"$work/err"
check "survivors: the naive replay agrees with every row and counter" [ ! -s "$work/err" ]
cat "$work/err"

python3 "$TESTS/naive/compare_account.py" "$KMEM_ANALYZE" "$work/few.kmem" | grep -v '^ok' >"$work/err"
check "survivors: ... and with every account" [ ! -s "$work/err" ]
cat "$work/err"

# What was folded has no times: the others' are exact, and it is said that it is missing.
python3 "$TESTS/naive/compare_time.py" "$KMEM_ANALYZE" "$work/few.kmem" | grep -v '^ok' >"$work/err"
check "survivors: ... and with peaks, timelines, lifetimes and histories of the others" [ ! -s "$work/err" ]
cat "$work/err"
for command in peak timeline lifetimes 'history --ptr 1'; do
	# shellcheck disable=SC2086	# an option and its value
	"$KMEM_ANALYZE" $command "$work/few.kmem" >"$work/out"
	check "survivors: $command says what is not in it" grep -q '^# [a-z]*: WITHOUT the [0-9,]* folded objects' "$work/out"
done

# A capture that was cut off keeps what was written; a damaged counter is told.
size=$(stat -c %s "$work/few.kmem")
head -c $((size - 3000)) "$work/few.kmem" >"$work/cut.kmem"
"$KMEM_ANALYZE" account "$work/cut.kmem" >"$work/out" 2>"$work/err"
check "survivors: a capture that was cut off is read" [ $? -eq 3 ]
offset=$("$READ_CAPTURE" --blocks "$work/few.kmem" | sed -n 's/^offset=\([0-9]*\) type=FOLDED .*/\1/p' | head -n 1)
cp "$work/few.kmem" "$work/bad.kmem"
printf 'xxxx' | dd of="$work/bad.kmem" bs=1 seek=$((offset + 200)) conv=notrunc 2>/dev/null
"$KMEM_ANALYZE" account "$work/bad.kmem" >"$work/out" 2>"$work/err"
check "survivors: a damaged counter is told" [ $? -eq 3 ]
check "survivors: ... in the report" grep -q 'DAMAGED' "$work/out"

# Everything, with noise on every CPU: what is held is exact.
mkfifo "$work/hold"
# shellcheck disable=SC2016	# for the inner shell
PLANT=$B/tests/plant CHURN=$B/tests/churn WORK=$work "$KMEM_RECORD" -q -o "$work/plant.kmem" --survivors 100ms -- sh -c '
	for cpu in $(seq 0 $(($(nproc) - 1))); do "$CHURN" 4000 $cpu >/dev/null & done
	for i in $(seq 300); do /bin/true; done
	"$PLANT" "$@" --half <"$WORK/hold" >"$WORK/ready" &
	until [ -s "$WORK/ready" ]; do sleep 0.05; done' sh $pipes $pairs $epolls &
recorder=$!
exec 9>"$work/hold"
wait $recorder
check "survivors, planted: recorded without loss" [ $? -eq 0 ]
exec 9>&-
"$KMEM_ANALYZE" kmemleak --comm -n 100000 "$work/plant.kmem" >"$work/leak" 2>"$work/err"
check "survivors, planted: reported" [ $? -eq 0 ]
if python3 "$TESTS/kernel/planted.py" "$work/leak" "$work/plant.kmem" "$(cut -d' ' -f2 "$work/ready")" \
		$((pipes / 2)) $((pairs / 2)) $((epolls / 2)) 2>"$work/why"; then
	ok "survivors, planted: exactly what is held"
else
	not_ok "survivors, planted: exactly what is held" "$(cat "$work/why")"
fi

# What it saves, and what it costs: the same seconds twice.
for cpu in $(seq 0 $(($(nproc) - 1))); do
	timeout 7 "$B/tests/churn" 1000000000 "$cpu" >/dev/null &
done
"$KMEM_RECORD" -q -o "$work/big.kmem" -d 5 2>"$work/err" &
"$KMEM_RECORD" -o "$work/small.kmem" --survivors 1s -d 5 2>"$work/few.err"
check "survivors, full speed: nothing lost" [ $? -eq 0 ]
wait
a=$(event_bytes "$work/big.kmem") b=$(event_bytes "$work/small.kmem")
n=$("$READ_CAPTURE" --info "$work/small.kmem" 2>/dev/null | sed -n 's/^events: //p')
folded=$("$READ_CAPTURE" --info "$work/small.kmem" 2>/dev/null | sed -n 's/^folded: //p')
echo "figure: of $((n + folded)) events $folded were folded; a capture of them all has $a bytes for events, this one $b"
check "survivors, full speed: the events take a fifth of the room" [ $((b * 5)) -lt "$a" ]

# All kinds of memory, a tiny hold, and a loss.
record 0 "survivors: all presets" -f -o "$work/x.kmem" -e all --survivors 10ms --fold-memory 1M -d 1 -- \
	"$churn_all" 3000
exact "survivors, all presets: exact per CPU" "$work/x.kmem"
check "survivors, all presets: whole" "$KMEM_ANALYZE" verify -q "$work/x.kmem"
record_with_loss "survivors: a tiny ring loses records" -f -o "$work/x.kmem" --buffer 64k --survivors 1s
exact "survivors, loss: the account is exact all the same" "$work/x.kmem"
record 2 "survivors: an age that is none" -f -o "$work/x.kmem" --survivors 61s -d 1
record 2 "survivors: allocations alone fold nothing" -f -o "$work/x.kmem" -e kmem:kmalloc --survivors 1s -d 1
says "survivors: ... and that is said" "nothing could be folded"
clean "survivors: kernel left as it was"
finish
