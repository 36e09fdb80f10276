#!/bin/sh
# Times of a CPU that step back: its own order is kept, and who asks for what depends on the order of CPUs is told.
. "$TESTS/cli/lib.sh"

capture back
db=$work/back.kmem.db
"$KMEM_ANALYZE" load -q "$work/back.kmem"
check 'a capture whose times step back loads' [ $? -eq 0 ]
for command in account kmemprof kmemleak top stat domains peak timeline lifetimes 'history --ptr ffff888000001000' \
	"diff $db" 'kmemleak --at 4s' 'account --format json' 'sql --format json'; do
	# shellcheck disable=SC2086	# a command and its options
	case $command in
	sql*) "$KMEM_ANALYZE" $command "$db" 'SELECT 1' ;;
	*) "$KMEM_ANALYZE" $command "$db" ;;
	esac >"$work/got" 2>&1
	name=${command%"$work"*}
	check "$name: says that times step back, and by how much" \
		grep -q 'NOT in the order of time: 2 events are dated before one that came earlier on their CPU, by up to 2.500 s' "$work/got"
	check "$name: calls no number exact" sh -c '! sed "s/--exact//" "$1" | grep -q exact' sh "$work/got"
done
check 'info counts them' sh -c '"$1" info "$2" | grep -q "^events dated back: *2$"' sh "$KMEM_ANALYZE" "$db"
for command in flame 'export --as folded'; do
	# shellcheck disable=SC2086
	"$KMEM_ANALYZE" $command "$db" 2>&1 >/dev/null | grep -q 'times of this capture step back'
	check "$command: says it beside" [ $? -eq 0 ]
done
for file in 'rings x.html' 'report r.html' 'graph g.dot' 'flame f.svg' 'timeline t.svg'; do
	"$KMEM_ANALYZE" "${file% *}" -f -o "$work/${file#* }" "$db" 2>"$work/err"
	check "${file% *}: says it in the picture or beside" grep -q 'NOT in the order of time\|step back' "$work/${file#* }" "$work/err"
done

value() { sqlite3 "$db" "$1"; }
check 'what CPU 0 freed itself is paired, after no time' \
	[ "$(value "SELECT lifetime, free_cpu FROM object WHERE lifetime IS NOT NULL")" = '0|0' ]
check 'an allocation and a free of two CPUs are not, where the clock says so' \
	[ "$(value "SELECT value FROM capture WHERE key = 'events.unmatched_free'")" = 1 ]

# the same without the step
sed 's/^2500000000 0/5500000000 0/; s/^4000000000 0/6500000000 0/' "$TESTS/cli/captures/back.txt" >"$work/straight.txt"
"$MKCAPTURE" "$work/straight.txt" "$work/straight.kmem"
"$KMEM_ANALYZE" account "$work/straight.kmem" >"$work/got" 2>/dev/null
check 'a capture whose times do not step back says nothing of it' sh -c '! grep -q "order of time" "$1" && grep -q exact "$1"' sh "$work/got"
finish
