#!/bin/sh
# The three reports, info and verify on captures that can be checked by hand.
. "$TESTS/cli/lib.sh"

capture replay
capture loss
capture domains
replay=$work/replay.kmem
loss=$work/loss.kmem

# --- golden outputs
golden account "$KMEM_ANALYZE" account "$replay"
golden account-classic "$KMEM_ANALYZE" account --classic "$replay"
golden account-total-self "$KMEM_ANALYZE" account -s total --include-self "$replay"
golden account-malloc "$KMEM_ANALYZE" account --malloc "$replay"
golden account-classic-malloc "$KMEM_ANALYZE" account --classic --malloc "$replay"
golden account-classic-cache "$KMEM_ANALYZE" account --classic --cache "$replay"
golden kmemprof "$KMEM_ANALYZE" kmemprof "$replay"
golden kmemprof-n1-objects "$KMEM_ANALYZE" kmemprof -n 1 -s objects "$replay"
golden kmemprof-lifetime "$KMEM_ANALYZE" kmemprof -s lifetime --malloc "$replay"
golden kmemprof-interval "$KMEM_ANALYZE" kmemprof -i 4s --malloc "$replay"
golden kmemleak "$KMEM_ANALYZE" kmemleak --comm "$replay"
golden kmemleak-than "$KMEM_ANALYZE" kmemleak --than 5s -s age "$replay"
golden kmemleak-none "$KMEM_ANALYZE" kmemleak --than 1h "$replay"
golden kmemleak-verbose "$KMEM_ANALYZE" kmemleak -v -n 1 --include-self "$replay"
# sizes in the file depend on the version of zstd
golden info sh -c '"$1" info "$2" | sed "/^capture file:/d; s/, [0-9.]* bytes of file each//"' info "$KMEM_ANALYZE" "$replay"
exact=$("$KMEM_ANALYZE" info --bytes "$replay" | sed -n 's/^bytes live at end: *//p')
check "info --bytes is exact" [ "$exact" = 2080 ]
for domain in slab page percpu vmalloc; do
	golden domain-$domain "$KMEM_ANALYZE" kmemprof --domain $domain "$work/domains.kmem"
done
golden domain-page-leak "$KMEM_ANALYZE" kmemleak --domain page --comm "$work/domains.kmem"
expect 2 'slab memory only' '--classic knows slab memory only' "$KMEM_ANALYZE" account --classic --domain page \
	"$work/domains.kmem"
expect 2 'slab memory only' 'a report that fails' "$KMEM_ANALYZE" account --classic --domain page -o "$work/half" \
	"$work/domains.kmem"
check "leaves no half of it" [ ! -e "$work/half" ]
expect 2 'not one of: slab' 'unknown domain' "$KMEM_ANALYZE" account --domain slob "$work/domains.kmem"
EXIT=3 golden loss-account "$KMEM_ANALYZE" account "$loss"
EXIT=3 golden loss-kmemleak "$KMEM_ANALYZE" kmemleak "$loss"

# --- the same numbers by hand. Live: pipe 192, maple 256, kvasprintf 32 + 64, lost stack 512; the
# recorder's 1024 aside
sql() { # QUERY WANTED NAME
	got=$(sqlite3 "$replay.db" "$1")
	check "$3 is $2" [ "$got" = "$2" ]
}
sql "SELECT sum(bytes_alloc), count(*) FROM live WHERE NOT self" '1056|5' 'live bytes and objects'
sql "SELECT sum(bytes_alloc) FROM live WHERE self" 1024 'the recorder holds'
sql "SELECT count(*), sum(lifetime) FROM object WHERE state = 'reused'" '2|600000000' 'objects freed without a trace'
sql "SELECT lifetime, free_comm, free_cpu, cpu FROM object WHERE free_cpu <> cpu AND caller LIKE 'alloc_pipe%'" \
	'3000000000|worker|1|0' 'the pipe that another CPU freed'
sql "SELECT event, free_event FROM object WHERE caller LIKE 'drv_open+0x20%'" 'kmem:kmem_cache_alloc|kmem:kfree' \
	'a pair across the interfaces'
sql "SELECT count(*) FROM frees_unmatched" 2 'unmatched frees'
sql "SELECT sum(null_frees), sum(unmatched) FROM free_total" '4|2' 'frees of NULL and of the unknown'
sql "SELECT sum(failed) FROM site_total" 1 'failed allocations'
sql "SELECT comm FROM live WHERE bytes_alloc = 512" renamed 'the name that was taken before'
sql "SELECT caller FROM live WHERE bytes_alloc = 512" 'drv_open+0x50 [drv]' 'the caller without a stack'
sql "SELECT context FROM live WHERE bytes_alloc = 64" softirq 'the context of a softirq allocation'
sql "SELECT count(*) FROM stack_line WHERE text LIKE 'trace_event_raw%'" 0 'frames of the tracing machinery'
sql "PRAGMA integrity_check" ok 'the integrity check'

# --- the database is reused, and replaced only when its capture has changed
before=$(stat -c %i "$replay.db")
"$KMEM_ANALYZE" account "$replay" >/dev/null
check "a second question uses the database" [ "$(stat -c %i "$replay.db")" = "$before" ]
touch "$replay"
"$KMEM_ANALYZE" account "$replay" >/dev/null
check "the capture's modification time does not matter" [ "$(stat -c %i "$replay.db")" = "$before" ]
check "the database is private" [ "$(stat -c %a "$replay.db")" = 600 ]
"$KMEM_ANALYZE" account "$replay.db" >"$work/from-db"
"$KMEM_ANALYZE" account "$replay" >"$work/from-capture"
check "a database answers without its capture" cmp -s "$work/from-db" "$work/from-capture"

# --- what is left out is said
skipping() { # WANTED COMMAND...
	want=$1
	shift
	check "$*: $want" [ "$("$KMEM_ANALYZE" "$@" "$replay.db" | grep 'Skipping ' | tr '\n' ';')" = "$want" ]
}
callers=$("$KMEM_ANALYZE" account "$replay.db" | sed -n 's/^number of callers: *//p')
skipping "Skipping callers numbered 3..$callers (-n 0 shows all);" account -n 2
skipping "# Skipping callers numbered 2..$callers (-n 0 shows all);" account --callers -n 1
skipping '' account -n "$callers"
skipping '' account -n 0
skipping '' account -n 1 --format csv
functions=$("$KMEM_ANALYZE" top --format ndjson "$replay.db" | grep -c '"section": "functions"')
skipping "Skipping functions numbered 2..$functions (-n 0 shows all);" top -n 1
skipping "Skipping functions numbered 2..$functions (-n 0 shows all);" top --tree -n 1
for i in $(seq 30); do
	echo "lost 0 $i"
	echo "$((i * 1000)) 0 100 kmalloc ptr=0x$((1000 + i)) bytes_req=8 bytes_alloc=8"
	echo flush
done >"$work/holes.txt"
"$MKCAPTURE" "$work/holes.txt" "$work/holes.kmem"
"$KMEM_ANALYZE" info "$work/holes.kmem" >"$work/out" 2>/dev/null
check "info: 20 losses, and how many more" [ "$(grep -c '^loss: CPU' "$work/out") $(grep '^loss: \.\.\.' "$work/out")" = '20 loss: ... and 10 more (--format json has all)' ]

# --- a database of another loader: its tables are the same, what stands in them is not
for version in 6 8; do
	made=$([ $version = 6 ] && echo older || echo newer)
	cp "$replay" "$work/made.kmem"
	"$KMEM_ANALYZE" load -q "$work/made.kmem"
	current=$(sqlite3 "$work/made.kmem.db" "SELECT value FROM capture WHERE key = 'load.version'")
	sqlite3 "$work/made.kmem.db" "UPDATE capture SET value = value + $version - 7 WHERE key = 'load.version'"
	expect 1 "$made kmem-analyze (loader" "a database of another loader, $made" "$KMEM_ANALYZE" account "$work/made.kmem.db"
	[ "$made" = newer ] && expect 1 'made by a newer kmem-analyze; -f overwrites it' "a capture beside it" "$KMEM_ANALYZE" account "$work/made.kmem"
	"$KMEM_ANALYZE" account -f "$work/made.kmem" >"$work/out" 2>"$work/err"
	check "a database of another loader, $made, is made anew: $(cat "$work/err")" [ "$(sqlite3 "$work/made.kmem.db" "SELECT value FROM capture WHERE key = 'load.version'")" = "$current" ]
	check "with the same report" diff "$work/from-capture" "$work/out"
	check "and nothing of source lines, which it had not" [ "$(grep -c 'source lines' "$work/err")" = 0 ]
	rm "$work/made.kmem.db"
done
"$KMEM_ANALYZE" load -q "$work/made.kmem"
sqlite3 "$work/made.kmem.db" "UPDATE capture SET value = value - 1 WHERE key = 'load.version';
	INSERT INTO source (id, path, directory) VALUES (1, 'fs/open.c', 'fs'); UPDATE frame SET unit = 1"
"$KMEM_ANALYZE" account "$work/made.kmem" >"$work/out" 2>"$work/err"
check "made anew it has no source lines any more, and says so: $(cat "$work/err")" grep -q "symbolize '$work/made.kmem.db' -k VMLINUX" "$work/err"

# --- wrong usage
expect 2 "unknown sort key 'nosuch'" 'unknown sort key' "$KMEM_ANALYZE" account -s nosuch "$replay"
expect 2 'unknown option --nosuch' 'unknown option' "$KMEM_ANALYZE" account --nosuch "$replay"
expect 2 "unknown command 'nosuch'" 'unknown command' "$KMEM_ANALYZE" nosuch
expect 2 'needs CAPTURE...|DB' 'missing argument' "$KMEM_ANALYZE" kmemleak
expect 1 'no segment of a series' 'two captures of different recordings' "$KMEM_ANALYZE" info "$replay" "$loss"
expect 2 'is no time' 'bad time' "$KMEM_ANALYZE" kmemleak --than soon "$replay"
expect 1 'exists; choose another name, or give -f' 'output that exists' "$KMEM_ANALYZE" account -o "$replay" "$replay"
"$KMEM_ANALYZE" account -o "$work/report" "$replay"
check "the report went to the file" grep -q 'number of allocs' "$work/report"
check "the report is private" [ "$(stat -c %a "$work/report")" = 600 ]
"$KMEM_ANALYZE" account -f -o "$work/report" "$replay"
check "-f overwrites" [ $? -eq 0 ]
ln -s "$work/report" "$work/link"
expect 1 'symbolic link' 'a planted link is not followed' "$KMEM_ANALYZE" account -f -o "$work/link" "$replay"
if [ -w /dev/full ]; then
	"$KMEM_ANALYZE" account "$replay" >/dev/full 2>"$work/err"
	check "a full disk is no success" [ $? -eq 1 ]
fi
for command in account kmemprof kmemleak static rings info load symbolize verify; do
	"$KMEM_ANALYZE" $command --help >"$work/help"
	check "$command --help teaches" grep -q '^examples:' "$work/help"
	check "$command --help fits 100 columns" [ "$(expand "$work/help" | awk '{ if (length > m) m = length } END { print m }')" -le 100 ]
done
finish
