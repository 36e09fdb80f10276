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
head -c 100 "$cap" >"$work/first.kmem"
"$KMEM_ANALYZE" account "$work/first.kmem" >"$work/first" 2>/dev/null
check "cut off before anything: exit status 3" [ $? -eq 3 ]
check "says that it was cut off" grep -q 'CUT OFF' "$work/first"
check "claims nothing of what was recorded" sh -c '! grep -q "NOT RECORDED" "$1" && grep -q "does not get as far" "$1"' sh "$work/first"
head -c 5000 "$cap" >"$work/early.kmem"
"$KMEM_ANALYZE" account "$work/early.kmem" >"$work/out" 2>/dev/null
started=$(python3 "$TESTS/../scripts/read_capture.py" --info "$cap" | sed -n 's/^clock.start.wall_ns: //p')
check "cut off before the first event: the right start" \
	grep -q "from $(date -u -d "@$((started / 1000000000))" '+%Y-%m-%d %H:%M:%S')" "$work/out"

# --- a directory that cannot be written: the database goes elsewhere, and the message says where
if [ "$(id -u)" -eq 0 ]; then
	# GCOV_PREFIX: or else a build that counts lines complains that it cannot write where root does
	as_nobody="setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=$work/home GCOV_PREFIX=$work/home/counts"
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

# --- killed at random moments: never half a database under the name, and the next load takes away what is left
FAULTS=${FAULTS:-25}
halves=0 lefts=0 killed=0
rm -f "$cap.db"
started=$(date +%s.%N)
"$KMEM_ANALYZE" load -q -o "$work/whole.db" "$cap"
whole=$(date +%s.%N | awk -v s="$started" '{ print $1 - s }') # under an emulator that is long
for i in $(seq "$FAULTS"); do
	"$KMEM_ANALYZE" load -q -f "$cap" 2>/dev/null &
	pid=$!
	sleep "$(awk -v i="$i" -v n="$FAULTS" -v whole="$whole" 'BEGIN { srand(i); printf "%.4f", 0.002 + i / n * 1.5 * whole * rand() }')"
	kill -9 $pid 2>/dev/null
	wait $pid 2>/dev/null
	[ $? -ne 137 ] || killed=$((killed + 1))
	lefts=$((lefts + $(leftovers "$work")))
	[ ! -e "$cap.db" ] || [ "$(sqlite3 "$cap.db" 'SELECT count(*) FROM allocation; PRAGMA integrity_check' | tr '\n' ' ')" = \
		"$(sqlite3 "$work/whole.db" 'SELECT count(*) FROM allocation') ok " ] || halves=$((halves + 1))
	rm -f "$cap.db"
done
echo "figure: $killed of $FAULTS loads were killed before their end, $lefts of them left a temporary file"
check "kill -9 of a load, $FAULTS times: no half database under the name" [ $halves -eq 0 ]
check "kill -9 of a load: some left a temporary file, or this test tests nothing" [ $lefts -gt 0 ]
"$KMEM_ANALYZE" account -n 10 "$cap" >"$work/out" 2>/dev/null
check "the next load answers as ever" cmp -s "$TESTS/cli/golden/v1-account.txt" "$work/out"
check "and takes away what the dead have left" [ "$(leftovers "$work")" -eq 0 ]

# --- what looks like it and is not is left alone: a load that goes on, a link, a file with another name, other names
for i in $(seq 50); do
	"$KMEM_ANALYZE" load -q -f "$cap" 2>/dev/null &
	pid=$!
	sleep "$(awk -v i="$i" 'BEGIN { print 0.002 * i }')"
	kill -STOP $pid
	# it stops a moment later, and may end before
	until grep -qs '^State:[[:space:]][TZ]' /proc/$pid/status || [ ! -e /proc/$pid ]; do
		sleep 0.01
	done
	left=$(find "$work" -name '*.tmp.*')
	# before its lock it is a left-over for others, and that load begins again
	[ -z "$left" ] || ! grep -q " FLOCK .*:$(stat -c %i "$left") " /proc/locks || break
	kill -9 $pid
	wait $pid 2>/dev/null
	rm -f "$left"
done
echo precious >"$work/precious"
ln -s "$work/precious" "$cap.db.tmp.0000000000000001"
ln "$work/precious" "$cap.db.tmp.0000000000000002"
mkdir "$cap.db.tmp.0000000000000003"
mkfifo "$cap.db.tmp.0000000000000004"
touch "$cap.db.tmp.0000000000000005x" "$cap.db.tmp.5" "$work/other.kmem.db.tmp.0000000000000006"
"$KMEM_ANALYZE" load -q -f "$cap"
check "a load beside one that stands still" [ $? -eq 0 ]
check "leaves its file, links, directories and names that are none alone" [ "$(leftovers "$work")" -eq 8 ]
check "and what a link names" grep -q precious "$work/precious"
kill -CONT "$pid"
wait "$pid"
check "the one that stood still ends well, too" [ $? -eq 0 ]
check "and the database is whole" [ "$(sqlite3 "$cap.db" 'PRAGMA integrity_check')" = ok ]
rm -rf "$cap".db.tmp.* "$work"/*.db.tmp.* "$work/precious"

# --- a disk that is full at any moment, and limits
full=0 filled=0
for size in 40k 100k 300k 500k 700k 900k; do
	# shellcheck disable=SC2016
	unshare -rm sh -c 'mount -t tmpfs -o size='$size' none "$1/small" || exit 77
"$2" load -q -o "$1/small/x.db" "$1/v1.kmem" 2>"$1/err"
code=$?
ls -A "$1/small" >"$1/left"
exit $code' full "$work" "$KMEM_ANALYZE" 2>/dev/null
	code=$?
	[ $code -ne 77 ] || break
	filled=$((filled + 1))
	[ $code -eq 1 ] && [ ! -s "$work/left" ] && [ "$(wc -l <"$work/err")" -eq 1 ] || full=$((full + 1))
done
if [ $filled -gt 0 ]; then
	check "a disk that is full at $filled other moments: one line, nothing is left" [ $full -eq 0 ]
fi
rm -f "$cap.db"
(ulimit -f 100 && "$KMEM_ANALYZE" load -q "$cap") 2>"$work/err"
check "a file size limit: exit status 1" [ $? -eq 1 ]
check "a file size limit: one line" [ "$(wc -l <"$work/err")" -eq 1 ]
check "a file size limit: nothing is left" [ "$(leftovers "$work")" -eq 0 ] && [ ! -e "$cap.db" ]

# --- a query that is interrupted leaves the database as it was
"$KMEM_ANALYZE" load -q "$cap"
before=$(cksum <"$cap.db")
"$KMEM_ANALYZE" sql "$cap.db" 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n' >"$work/out" 2>&1 &
pid=$!
sleep 0.3
kill -INT $pid 2>/dev/null
kill -TERM $pid 2>/dev/null
wait "$pid"
check "a query that is interrupted ends" [ $? -gt 1 ]
check "and leaves the database as it was" [ "$(cksum <"$cap.db")" = "$before" ]
check "and nothing beside it" [ "$(find "$work" -name "$(basename "$cap").db?*" | wc -l)" -eq 0 ]

# --- a database that is damaged somewhere: no crash, no endless work, and no report without the one sentence
python3 - "$KMEM_ANALYZE" "$cap.db" "$work" "$FAULTS" >"$work/damage" <<'END'
import os, random, shutil, subprocess, sys
program, good, work, count = sys.argv[1:]
rng = random.Random(7)
size = os.path.getsize(good)
path = work + "/hurt.db"
noticed = same = 0
reference = {}
for i in range(int(count) + 1):
    shutil.copy(good, path)
    with open(path, "r+b") as f:
        # none; a page of zeros, of noise, a lost end, a torn page, and most often a single bit
        kind = rng.randrange(10) if i else None
        page = rng.randrange(size // 16384) * 16384
        if kind == 3:
            f.truncate(page + 1000)
        elif kind is not None and kind > 3:
            f.seek(rng.randrange(size))
            byte = f.read(1)[0] ^ 1 << rng.randrange(8)
            f.seek(-1, 1)
            f.write(bytes([byte]))
        elif kind is not None:
            f.seek(page + (0 if kind < 2 else 8192))
            f.write(bytes(16384) if kind == 0 else rng.randbytes(16384 if kind == 1 else 8192))
    for command in ("account", "kmemleak", "kmemprof", "info"):
        try:
            done = subprocess.run([program, command, path], capture_output=True, timeout=20)
        except subprocess.TimeoutExpired:
            print("page %d, damage %s, %s: no end" % (page // 16384, kind, command))
            continue
        if not i:
            reference[command] = done.stdout
        elif done.returncode == 1 and done.stderr.count(b"\n") == 1:
            noticed += 1
        elif done.returncode in (0, 3) and done.stdout == reference[command]:
            same += 1
        else:
            print("page %d, damage %s, %s: exit status %d, %s" % (page // 16384, kind, command, done.returncode,
                  done.stderr[:200] if done.returncode not in (0, 3) else "another answer"))
os.unlink(path)
print("# %d noticed, %d had the same answer" % (noticed, same))
END
sed 's/^# /figure: reports of damaged databases: /' "$work/damage"
# whoever changes a database on purpose may
sqlite3 "$cap.db" "UPDATE symbol SET name = 'renamed' WHERE name = 'sock_alloc_inode'"
"$KMEM_ANALYZE" account -n 10 "$cap.db" >"$work/out" 2>/dev/null
check "a database changed by the sqlite3 shell is read as it is" grep -q 'renamed+0x1e' "$work/out"
check "a database damaged at $FAULTS places: noticed, or the same answer" [ "$(grep -vc '^#' "$work/damage")" -eq 0 ]

check "no temporary files are left" [ "$(leftovers "$work")" -eq 0 ]
finish
