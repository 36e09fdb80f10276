#!/bin/sh
# diff: the difference of two accounts, matched by name; and conditions that fail a build.
. "$TESTS/cli/lib.sh"

capture replay
capture loss
# the same functions elsewhere and of another length, as in another build; one is new, one is gone
sed 's/ffffffff81/ffffffff92/g; s/bytes_alloc=256/bytes_alloc=512/g; s/alloc_pipe_info/alloc_pipe_new/g' "$TESTS/cli/captures/replay.txt" >"$work/other.txt"
"$MKCAPTURE" "$work/other.txt" "$work/other.kmem"
for name in replay loss other; do
	"$KMEM_ANALYZE" load -q "$work/$name.kmem"
done
cp "$TESTS/golden/v1.kmem" "$work/v1.kmem"
"$KMEM_ANALYZE" load -q "$work/v1.kmem"
a=$work/replay.kmem.db b=$work/other.kmem.db
cd "$work" || exit

golden diff "$KMEM_ANALYZE" diff replay.kmem.db other.kmem.db
golden diff-same "$KMEM_ANALYZE" diff --by cache,context replay.kmem.db replay.kmem.db
EXIT=3 golden diff-loss "$KMEM_ANALYZE" diff -s alloc -n 2 replay.kmem.db loss.kmem.db
for key in function caller call-site cache stack comm module; do
	for pair in "$a $b" "$b $a" "$a v1.kmem.db"; do
		# shellcheck disable=SC2086	# two names
		wrong=$(python3 "$TESTS/naive/diff.py" "$KMEM_ANALYZE" $pair $key 2>&1)
		check "diff --by $key is the difference of the accounts ($(basename "${pair#* }")) $wrong" [ -z "$wrong" ]
	done
done
check "offsets of another build do not count" [ -z "$("$KMEM_ANALYZE" diff -n 0 "$a" "$b" | grep '+0x')" ]

# the same bytes, live and in all, and as many allocations, in other objects
line() { # TIME PTR SIZE
	echo "$1 0 100 kmalloc ptr=0x$2 call_site=0xffffffff81007010 bytes_req=$3 bytes_alloc=$3"
}
{ line 1000 1000 50; line 1000 2000 50; line 1000 3000 100; } >"$work/two.txt"
cp "$work/two.txt" "$work/one.txt"
echo '2000 0 100 kfree ptr=0x3000' >>"$work/two.txt"
printf '2000 0 100 kfree ptr=0x1000\n2000 0 100 kfree ptr=0x2000\n' >>"$work/one.txt"
for name in one two; do
	"$MKCAPTURE" "$work/$name.txt" "$work/$name.kmem"
	"$KMEM_ANALYZE" load -q "$work/$name.kmem"
done
"$KMEM_ANALYZE" diff two.kmem.db one.kmem.db >out
check "a group of which the objects alone changed is shown" grep -q ' +0 *100 *100 *+0 *-1  ' out

holds() { # EXIT CONDITION
	"$KMEM_ANALYZE" diff --fail-if "$2" "$a" "$b" >out 2>err
	code=$?
	check "--fail-if $2 exits $1" [ $code -eq "$1" ]
}
net=$("$KMEM_ANALYZE" diff --format json "$a" "$b" | python3 -c 'import json, sys; print(json.load(sys.stdin)["sums"]["net"])')
check "live bytes grew" [ "$net" -gt 100 ]
holds 4 "net>$((net - 1))"
holds 0 "net>$net"
holds 4 "net>=$net"
holds 0 "net > 1G"
holds 4 "net<1k"
holds 4 "net>1%"
holds 0 "net>1000%"
holds 4 "group.net>=256"
holds 0 "group.net>1G"
holds 0 "alloc>0"
holds 4 "alloc<=0"
holds 4 "waste>0"
"$KMEM_ANALYZE" diff --fail-if 'net>1G' --fail-if 'objects<=0' "$a" "$b" >out 2>err
check "any of several will do" [ $? -eq 4 ]
for condition in 'net' 'nets>1' 'net=1' 'net>' 'net>x' 'net>1 2' '>1' 'net>-1' 'group.>1' 'net>1%%'; do
	expect 2 'is no condition such as' "no condition: $condition" "$KMEM_ANALYZE" diff --fail-if "$condition" "$a" "$b"
done
expect 2 'diff needs BEFORE AFTER' 'one capture' "$KMEM_ANALYZE" diff "$a"
finish
