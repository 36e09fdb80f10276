#!/bin/sh
# top and graph: every number is counted anew from the folded stacks, which tests/cli/test_flame.sh compares with the rows.
. "$TESTS/cli/lib.sh"

capture replay
capture hostile_names
capture loss
cp "$TESTS/golden/v1.kmem" "$work/v1.kmem"
for which in replay hostile_names v1; do "$KMEM_ANALYZE" load -q "$work/$which.kmem"; done
db=$work/replay.kmem.db

counted() { # WHAT NAME FILE...: tests/naive/calls.py
	what=$1 title=$2
	shift 2
	if python3 "$TESTS/naive/calls.py" "$what" "$@" >"$work/wrong" 2>&1; then
		ok "$title: $(cat "$work/wrong")"
	else
		not_ok "$title" "$(tail -n 1 "$work/wrong")"
	fi
}

# --- top
golden top "$KMEM_ANALYZE" top "$db"
golden top-cum "$KMEM_ANALYZE" top -s cum -n 3 --measure allocated "$db"
golden top-tree "$KMEM_ANALYZE" top --tree "$work/hostile_names.kmem.db"
golden top-peek "$KMEM_ANALYZE" top --peek '^(recurse|b;c)' "$work/hostile_names.kmem.db"
golden top-by "$KMEM_ANALYZE" top --by comm,module -s cum --measure objects "$db"
golden top-csv "$KMEM_ANALYZE" top --format csv --all-frames "$db"
golden top-json "$KMEM_ANALYZE" top --format json --peek mas_ "$db"
EXIT=3 golden top-loss "$KMEM_ANALYZE" top "$work/loss.kmem"
for which in replay hostile_names v1; do
	for measure in live allocated waste objects allocs peak; do
		"$KMEM_ANALYZE" flame --measure $measure "$work/$which.kmem.db" >"$work/$measure.folded"
		$WRAP "$KMEM_ANALYZE" top --tree --format json --measure $measure "$work/$which.kmem.db" >"$work/$measure.json"
		counted top "$which: $measure by function" "$work/$measure.folded" "$work/$measure.json"
	done
done
expect 2 'no function of these stacks matches' 'a peek at nothing' "$KMEM_ANALYZE" top --peek nowhere "$db"
expect 2 'no extended regular expression' 'no pattern' "$KMEM_ANALYZE" top --peek '(' "$db"
expect 2 'the keys are: flat, cum, name' 'another sort key' "$KMEM_ANALYZE" top -s bytes "$db"

# --- call graphs
graph() { # WHICH NODES NODE% EDGE% OPTION...
	which=$1 nodes=$2 node=$3 edge=$4
	shift 4
	"$KMEM_ANALYZE" flame "$@" "$work/$which.kmem.db" >"$work/g.folded"
	$WRAP "$KMEM_ANALYZE" graph -f -o "$work/g.dot" --nodes "$nodes" --node-share "$node" --edge-share "$edge" "$@" \
		"$work/$which.kmem.db"
	counted dot "$which: graph of $nodes functions, $node %, $edge % $*" "$work/g.folded" "$work/g.dot" "$nodes" "$node" "$edge"
}
golden graph "$KMEM_ANALYZE" graph --format dot "$work/hostile_names.kmem.db"
graph replay 80 0.5 0.1
graph hostile_names 0 0 0
graph v1 20 0.5 0.1
graph v1 0 3 2.5 --measure allocated
graph v1 200 0 0 --measure objects --all-frames
EXIT=3 golden graph-loss "$KMEM_ANALYZE" graph --format dot "$work/loss.kmem"
if command -v dot >/dev/null; then
	for which in hostile_names v1; do
		"$KMEM_ANALYZE" graph -f -o "$work/g.dot" "$work/$which.kmem.db"
		$WRAP "$KMEM_ANALYZE" graph -f -o "$work/g.svg" "$work/$which.kmem.db"
		counted svg "$which: the picture of the graph" "$work/g.dot" "$work/g.svg"
	done
else
	echo "skip pictures of call graphs: there is no graphviz"
fi
expect 1 'apt-get install graphviz' 'without graphviz' env PATH="$work" "$KMEM_ANALYZE" graph -o "$work/no.svg" "$db"
check "leaves no file" [ ! -e "$work/no.svg" ]
expect 2 '.svg or .dot' 'no ending' "$KMEM_ANALYZE" graph "$db"
expect 2 'no number from 0 to 100' 'a share of more than all' "$KMEM_ANALYZE" graph --node-share 101 --format dot "$db"
expect 1 'nothing to draw' 'nothing to draw' "$KMEM_ANALYZE" graph --domain page --format dot "$db"
finish
