#!/bin/sh
# The generator of `make bench`: what it makes is whole, like the capture it learned from, and the same every time.
. "$(dirname "$0")/lib.sh"

MAKELOAD=$(cd "$TESTS/.." && pwd)/$B/tests/makeload
shape=$TESTS/bench/mixed.shape
objects='SELECT time, lifetime, address, alloc_site, free_site, task, free_task, cpu, free_cpu, end FROM allocation'

make_one() { # NAME SHAPE SEED EVENTS [LIVE]
	one=$work/$1.kmem
	"$MAKELOAD" "$2" "$3" "$4" "$one" ${5:+"$5"} && "$KMEM_ANALYZE" load -q -f "$one" &&
		sqlite3 "$one.db" "$objects" | cksum >"$work/$1.sum"
}

value() { # NAME KEY
	sqlite3 "$work/$1.kmem.db" "SELECT value FROM capture WHERE key = '$2'"
}

if make_one a "$shape" 1 120k && make_one b "$shape" 1 120k && make_one c "$shape" 2 120k && make_one live "$shape" 1 120k 9000; then
	ok 'makeload: captures are made and load'
else
	not_ok 'makeload: captures are made and load' "$work"
fi

if "$KMEM_ANALYZE" verify "$work/a.kmem" >"$work/out" 2>&1 && [ "$(value a events)" -ge 120000 ] &&
	[ "$(value a events)" -lt 120010 ] && [ "$(value a tuples.lost)" = 0 ] && [ "$(value a events.out_of_order)" = 0 ]; then
	ok 'makeload: its captures are whole'
else
	not_ok 'makeload: its captures are whole' "$(cat "$work/out")"
fi

if cmp -s "$work/a.sum" "$work/b.sum" && ! cmp -s "$work/a.sum" "$work/c.sum"; then
	ok 'makeload: a seed always makes the same events, and another seed others'
else
	not_ok 'makeload: a seed always makes the same events, and another seed others' "$(cat "$work"/*.sum)"
fi

# those held, and a few whose free was still to come
live=$(value live objects.live)
if [ "$live" -ge 9000 ] && [ "$live" -lt $((9000 + $(value a objects.live))) ]; then
	ok 'makeload: as many objects are live as were asked for'
else
	not_ok 'makeload: as many objects are live as were asked for' "$live"
fi

learned=$work/a.shape
python3 "$TESTS/bench/learn_shape.py" "$work/a.kmem.db" >"$learned"
if python3 "$TESTS/bench/compare_shape.py" "$shape" "$learned" >"$work/out"; then
	ok 'makeload: what is learned from its capture is the shape that it was made from'
else
	not_ok 'makeload: what is learned from its capture is the shape that it was made from' "$(cat "$work/out")"
fi

# each property is looked at: of a shape that differs in one thing, exactly that (and what follows from it) is too far
differs() { # NAME PROPERTY SED-SCRIPT
	sed -E "$3" "$shape" >"$work/other.shape"
	if python3 "$TESTS/bench/compare_shape.py" "$work/other.shape" "$learned" >"$work/out"; then
		not_ok "makeload: other $1 would be seen" "no difference"
	elif grep -q "^$2 .*TOO FAR" "$work/out"; then
		ok "makeload: other $1 would be seen"
	else
		not_ok "makeload: other $1 would be seen" "$(cat "$work/out")"
	fi
}
differs lifetimes lifetimes 's/^(pair [^-]*) [^ -]+$/\1 20:100/'
differs sizes sizes 's/^(alloc [^ ]+ [^ ]+ [^ ]+ [^ ]+) [^ ]+/\1 64/'
differs 'tasks' tasks 's/^(comm [^ ]+ [^ ]+) [^ ]+/\1 1000/'
differs 'next allocations' 'what comes next' 's/^(next [^ ]+ [^ ]+) .*/\1 1:100/'

printf 'cpus 2\npair 1 0 0 0 -\n' >"$work/bad.shape"
if "$MAKELOAD" "$work/bad.shape" 1 1k "$work/bad.kmem" 2>"$work/err" || ! grep -q 'bad.shape:2: ' "$work/err"; then
	not_ok 'makeload: says where a shape is wrong' "$(cat "$work/err")"
else
	ok 'makeload: says where a shape is wrong'
fi
finish
