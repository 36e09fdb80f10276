#!/bin/sh
# What can go wrong around a load: no room, no permission, files in the way, two loads at once, an
# interrupt.
. "$TESTS/cli/lib.sh"

cap=$work/v1.kmem
cp "$TESTS/golden/v1.kmem" "$cap"
chmod 644 "$cap"
chmod 711 "$work"

leftovers() { # DIR: temporary files of a load
	find "$1" -name '*.tmp.*' | wc -l
}

# --- the golden capture of this version loads, and says what it said when it was made
golden v1-account "$KMEM_ANALYZE" account -n 10 "$cap"
golden v1-kmemleak "$KMEM_ANALYZE" kmemleak -n 3 --comm "$cap"
golden v1-kmemprof "$KMEM_ANALYZE" kmemprof -n 2 "$cap"
rm "$cap.db"

# --- a full disk: a tmpfs of our own, in a namespace of our own
mkdir "$work/small"
full='mount -t tmpfs -o size=1m none "$1/small" && cp "$1/v1.kmem" "$1/small/" || exit 77
"$2" load -q "$1/small/v1.kmem" 2>"$1/err"
code=$?
ls -A "$1/small" >"$1/left"
exit $code'
unshare -rm sh -c "$full" full "$work" "$KMEM_ANALYZE" 2>/dev/null
code=$?
if [ $code -eq 77 ] || ! [ -e "$work/left" ]; then
	echo "skip a full disk while loading: this machine allows no mount in a namespace"
else
	check "a full disk while loading: exit status 1" [ $code -eq 1 ]
	check "a full disk while loading: says so" grep -qi 'no space\|full' "$work/err"
	check "a full disk while loading: one line" [ "$(wc -l <"$work/err")" -eq 1 ]
	check "a full disk while loading: nothing is left" [ "$(cat "$work/left")" = v1.kmem ]
fi

# --- files in the way of the database
echo "not a database" >"$cap.db"
expect 1 "$cap.db" 'a file that is no database is in the way' "$KMEM_ANALYZE" account "$cap"
check "it is still there" grep -q 'not a database' "$cap.db"
"$KMEM_ANALYZE" account -f "$cap" >/dev/null 2>&1
check "-f replaces it" [ $? -eq 0 ]
rm "$cap.db"
sqlite3 "$cap.db" 'CREATE TABLE mine (x)'
expect 1 "$cap.db" "another program's database is in the way" "$KMEM_ANALYZE" account "$cap"
check "it is still that" [ "$(sqlite3 "$cap.db" .tables)" = mine ]
expect 1 "$cap.db" "another program's database as input" "$KMEM_ANALYZE" account "$cap.db"
rm "$cap.db"
"$KMEM_ANALYZE" load -q "$cap"
sqlite3 "$cap.db" 'PRAGMA user_version = 99'
expect 1 "newer" 'a database of a newer version' "$KMEM_ANALYZE" account "$cap.db"
rm "$cap.db"
ln -s "$work/elsewhere" "$cap.db"
"$KMEM_ANALYZE" load -q "$cap" >/dev/null 2>&1
check "a planted link is not followed" [ ! -e "$work/elsewhere" ]
rm -f "$cap.db"

# --- the database of another capture, and of an older state of this one
capture replay
"$KMEM_ANALYZE" load -q -o "$cap.db" "$work/replay.kmem"
expect 1 "is not the database of" "the database of another capture is in the way" "$KMEM_ANALYZE" account "$cap"
rm "$cap.db"
head -c 60000 "$cap" >"$work/grows.kmem"
"$KMEM_ANALYZE" account "$work/grows.kmem" >"$work/first" 2>/dev/null
check "a capture that is still growing: exit status 3" [ $? -eq 3 ]
cp "$cap" "$work/grows.kmem"
"$KMEM_ANALYZE" account "$work/grows.kmem" >"$work/second" 2>/dev/null
check "when it has grown it is loaded again" [ $? -eq 0 ]
check "and has more events" [ "$(sed -n 's/^number of allocs: *//p' "$work/first")" -lt \
	"$(sed -n 's/^number of allocs: *//p' "$work/second")" ]

# --- cut off before the first event: the time is still that of the recording, not of the boot
head -c 5000 "$cap" >"$work/early.kmem"
"$KMEM_ANALYZE" account "$work/early.kmem" >"$work/out" 2>/dev/null
started=$(python3 "$TESTS/../scripts/read_capture.py" --info "$cap" | sed -n 's/^clock.start.wall_ns: //p')
check "cut off before the first event: the right start" \
	grep -q "from $(date -u -d "@$((started / 1000000000))" '+%Y-%m-%d %H:%M:%S')" "$work/out"

# --- a directory that cannot be written: the database goes elsewhere, and the message says where
if [ "$(id -u)" -eq 0 ]; then
	as_nobody="setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=$work/home"
	mkdir -m 777 "$work/home"
	mkdir -m 755 "$work/closed"
	cp "$cap" "$work/closed/"
	# nobody may not be able to reach the build directory
	cp "$KMEM_ANALYZE" "$work/kmem-analyze" && chmod 755 "$work/kmem-analyze"
	# shellcheck disable=SC2086	# a list of words
	$as_nobody "$work/kmem-analyze" account "$work/closed/v1.kmem" >"$work/out" 2>"$work/err"
	check "a read-only directory: the report comes" [ $? -eq 0 ]
	check "a read-only directory: says where the database is" grep -q "$work/home/.cache/kmem-analyze" "$work/err"
	check "a read-only directory: the cache is private" [ "$(stat -c %a "$work/home/.cache/kmem-analyze")" = 700 ]
	chmod 600 "$work/closed/v1.kmem"
	# shellcheck disable=SC2086
	expect 1 'ermission denied' 'a capture that may not be read' $as_nobody "$work/kmem-analyze" account \
		"$work/closed/v1.kmem"
else
	echo "skip a read-only directory: needs root, to become somebody else"
fi

# --- two loads at once: one database, whole
rm -f "$cap.db"
"$KMEM_ANALYZE" account "$cap" >"$work/one" 2>/dev/null &
"$KMEM_ANALYZE" account "$cap" >"$work/two" 2>/dev/null
wait $!
check "two loads at once agree" cmp -s "$work/one" "$work/two"
check "two loads at once leave one whole database" [ "$(sqlite3 "$cap.db" 'PRAGMA integrity_check')" = ok ]

# --- a damaged database never gives a number without a word
cp "$cap.db" "$work/damaged.db"
dd if=/dev/urandom of="$work/damaged.db" bs=4096 seek=3 count=40 conv=notrunc 2>/dev/null
"$KMEM_ANALYZE" account "$work/damaged.db" >"$work/out" 2>"$work/err"
check "a damaged database is noticed" [ $? -eq 1 ]
check "and the sentence says what to do" grep -q 'load' "$work/err"

check "no temporary files are left" [ "$(leftovers "$work")" -eq 0 ]
finish
