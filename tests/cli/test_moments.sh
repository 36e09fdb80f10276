#!/bin/sh
# Marks, pauses and a flight recorder's window: what the header says, what is in doubt, times by name.
. "$TESTS/cli/lib.sh"

capture moments
capture flight
cap=$work/moments.kmem

golden moments-kmemleak "$KMEM_ANALYZE" kmemleak "$cap"
golden moments-account "$KMEM_ANALYZE" account "$cap"
golden moments-info "$KMEM_ANALYZE" info "$cap"
golden flight-kmemleak "$KMEM_ANALYZE" kmemleak "$work/flight.kmem"

# --- a window by marks: allocations in it, with what became of them at any time
golden moments-window "$KMEM_ANALYZE" account --from 'mark:before the test' --to mark:step "$cap"
golden moments-window-leak "$KMEM_ANALYZE" kmemleak --from 0.5 --to mark:step "$cap"
golden moments-window-prof "$KMEM_ANALYZE" kmemprof --from mark:step --to 5.25s "$cap"

body() { sed '/^#/d' "$1"; }

"$KMEM_ANALYZE" account "$cap" >"$work/whole" 2>/dev/null
"$KMEM_ANALYZE" account --from 0 --to 100 "$cap" >"$work/window"
body "$work/whole" >"$work/a"
body "$work/window" >"$work/b"
check "a window of everything is everything: account" cmp "$work/a" "$work/b"
"$KMEM_ANALYZE" kmemprof "$cap" >"$work/whole"
"$KMEM_ANALYZE" kmemprof --from 0 "$cap" >"$work/window"
body "$work/whole" >"$work/a"
body "$work/window" >"$work/b"
check "a window of everything is everything: kmemprof" cmp "$work/a" "$work/b"
"$KMEM_ANALYZE" kmemleak --comm -v "$cap" >"$work/whole"
"$KMEM_ANALYZE" kmemleak --comm -v --to 100 "$cap" >"$work/window"
body "$work/whole" >"$work/a"
body "$work/window" >"$work/b"
check "a window of everything is everything: kmemleak" cmp "$work/a" "$work/b"

# The two windows that meet at a moment have all objects between them, and none twice.
total() { sed -n 's/^number of allocs: *//p' "$1"; }
"$KMEM_ANALYZE" account --to 1.000001 "$cap" >"$work/a"
"$KMEM_ANALYZE" account --from 1.000001 "$cap" >"$work/b"
check "two windows that meet" [ $(($(total "$work/a") + $(total "$work/b"))) -eq "$(sqlite3 "$cap.db" 'SELECT count(*) FROM allocation')" ]

check "view moment" [ "$(sqlite3 "$cap.db" 'SELECT group_concat(text) FROM moment')" = "before the test,step,step" ]
check "view gap" [ "$(sqlite3 "$cap.db" 'SELECT * FROM gap')" = "paused||3000000000|5000000000|0" ]
check "view gap, flight recorder" [ "$(sqlite3 "$work/flight.kmem.db" 'SELECT * FROM gap')" = "overwritten|1|0|2999999999|0" ]

# --- names and times that are none
expect 2 "it has: before the test, step" "a mark that is not there" "$KMEM_ANALYZE" account --from mark:before "$cap"
expect 2 "it has no marks at all" "a capture without marks" "$KMEM_ANALYZE" account --from mark:x "$work/flight.kmem"
expect 2 "--to: 'soon' is no time" "a time that is none" "$KMEM_ANALYZE" kmemleak --to soon "$cap"
expect 2 "--from is not before --to" "an empty window" "$KMEM_ANALYZE" kmemleak --from 3 --to 3 "$cap"
expect 2 "cannot be combined" "classic pairs anew" "$KMEM_ANALYZE" account --classic --malloc --from 1 "$cap"

# --- the independent reader and the naive replay agree
python3 "$TESTS/../scripts/read_capture.py" --marks "$cap" >"$work/marks"
check "read_capture.py: marks" [ "$(head -n 1 "$work/marks")" = "time=1500000000 kind=mark text=before the test" ]
check "read_capture.py: all of them" [ "$(wc -l <"$work/marks")" -eq 5 ]
for name in moments flight; do
	if python3 "$TESTS/naive/compare_db.py" "$work/$name.kmem" "$work/$name.kmem.db" >"$work/out" 2>&1; then
		ok "$name: the naive replay agrees"
	else
		not_ok "$name: the naive replay agrees" "$(tail -n 5 "$work/out")"
	fi
done
finish
