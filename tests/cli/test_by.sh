#!/bin/sh
# --by, --skip-frame and -b on captures that can be checked by hand. That groups add up to the plain reports, and are
# those of the naive replay, is in test_witness.sh.
. "$TESTS/cli/lib.sh"

capture replay
capture loss
capture domains
capture initcalls
replay=$work/replay.kmem

# --- golden outputs
golden by-caller "$KMEM_ANALYZE" account --by caller "$replay"
golden by-function-module "$KMEM_ANALYZE" account --by function,module -s total "$replay"
golden by-cache-comm "$KMEM_ANALYZE" account --by cache,comm "$replay"
golden by-stack "$KMEM_ANALYZE" account --by stack -s alloc "$replay"
golden by-gfp-node-order-size "$KMEM_ANALYZE" account --by gfp,node,order,size-class "$replay"
golden by-window "$KMEM_ANALYZE" account --by pid,context --from 5.9s --to 6.2s --include-self "$replay"
golden by-kmemprof-cpu "$KMEM_ANALYZE" kmemprof --by cpu -s lifetime --malloc "$replay"
golden by-kmemprof-stack "$KMEM_ANALYZE" kmemprof --by cache,stack -n 1 "$replay"
golden by-kmemprof-interval "$KMEM_ANALYZE" kmemprof --by comm -i 4s --malloc "$replay"
golden by-kmemleak-context "$KMEM_ANALYZE" kmemleak --by context,cache --comm "$replay"
golden by-kmemleak-than "$KMEM_ANALYZE" kmemleak --by pid --than 3s -s age "$replay"
EXIT=3 golden by-loss "$KMEM_ANALYZE" kmemleak --by size-class "$work/loss.kmem"
golden by-pages "$KMEM_ANALYZE" account --domain page --by order,size-class "$work/domains.kmem"
golden by-initcall "$KMEM_ANALYZE" account --by initcall "$work/initcalls.kmem"
golden by-initcall-prof "$KMEM_ANALYZE" kmemprof --by initcall "$work/initcalls.kmem"

# --- what is grouped as usual is the usual report
for how in --cache --classic --include-self '--from 2s'; do
	# shellcheck disable=SC2086	# an option and its argument
	"$KMEM_ANALYZE" account $how "$replay" | sed 's/callers:      /groups:       /; s/  caller$/  call-site/' >"$work/plain"
	# shellcheck disable=SC2086
	"$KMEM_ANALYZE" account $how --by call-site "$replay" >"$work/by"
	check "account $how --by call-site is the account" cmp -s "$work/plain" "$work/by"
done
"$KMEM_ANALYZE" kmemprof -n 0 "$replay" | sort >"$work/plain"
"$KMEM_ANALYZE" kmemprof -n 0 --by stack "$replay" | sort >"$work/by"
check "kmemprof --by stack is kmemprof" cmp -s "$work/plain" "$work/by"

# --- callers: kvasprintf only helps, and --skip-frame makes another such of what the user names
callers() { # WANTED NAME OPTION...
	wanted=$1 name=$2
	shift 2
	got=$("$KMEM_ANALYZE" account --malloc -s total "$@" "$replay" | sed '1,/^-----/d' | awk '{ print $NF }' | tr '\n' ' ')
	check "$name" [ "$got" = "$wanted" ]
}
callers 'drv_open alloc_pipe_info drv_probe ' "kvasprintf is nobody's caller" --by function
callers 'drv_open sys_pipe drv_probe ' "--skip-frame names a function" --by function --skip-frame alloc_pipe_info
callers 'drv_open do_syscall_64 drv_probe ' "--skip-frame takes patterns, and several" --by function \
	--skip-frame 'alloc_pipe*' --skip-frame 'sys_?ipe'
callers 'alloc_pipe_info kvasprintf drv_open ' "a stack of nothing else gives the call site" --by function \
	--skip-frame '*' -s waste
check "callers of the database stay as they are" [ "$(sqlite3 "$replay.db" "SELECT count(DISTINCT y.name) FROM alloc_site a
	JOIN frame f ON f.id = a.caller JOIN symbol y ON y.id = f.symbol WHERE y.name IN ('kvasprintf', 'drv_probe')")" = 1 ]

# --- wrong usage
expect 2 "unknown key 'nosuch'; the keys are: call-site, caller" 'unknown key' "$KMEM_ANALYZE" account --by nosuch "$replay"
expect 2 "unknown key ''" 'empty key' "$KMEM_ANALYZE" account --by cpu, "$replay"
expect 2 "'cpu' is there twice" 'a key twice' "$KMEM_ANALYZE" account --by cpu,pid,cpu "$replay"
expect 2 'at most 4 keys' 'too many keys' "$KMEM_ANALYZE" account --by cpu,pid,comm,node,gfp "$replay"
expect 2 'is no name of a function' 'an empty pattern' "$KMEM_ANALYZE" account --by caller --skip-frame '' "$replay"
expect 2 '--classic with --malloc' '--classic has call sites' "$KMEM_ANALYZE" account --classic --malloc --by cpu "$replay"
for key in file directory; do
	expect 1 "--by $key needs debug information" "--by $key without debug information" \
		"$KMEM_ANALYZE" account --by $key "$replay"
done
expect 1 '-b needs debug information' '-b without debug information' "$KMEM_ANALYZE" kmemleak -b fs "$replay"
expect 1 'no events initcall:initcall_start' '--by initcall without initcalls' \
	"$KMEM_ANALYZE" account --by initcall "$replay"

# --- with debug information of all but mas_alloc_nodes. drv2 only begins like drv
db=$work/debug.db
"$KMEM_ANALYZE" load -q -o "$db" "$replay"
sqlite3 "$db" "INSERT INTO source VALUES (1, 'fs/pipe.c', 'fs'), (2, 'drivers/drv/open.c', 'drivers/drv'),
	(3, 'drivers/drv2/probe.c', 'drivers/drv2'), (4, 'lib/kasprintf.c', 'lib'),
	(5, 'arch/x86/entry/common.c', 'arch/x86/entry'), (6, 'include/linux/slab.h', 'include/linux');
	UPDATE frame SET unit = (SELECT CASE y.name WHEN 'alloc_pipe_info' THEN 1 WHEN 'sys_pipe' THEN 1 WHEN 'drv_open' THEN 2
	WHEN 'drv_probe' THEN 3 WHEN 'kvasprintf' THEN 4 WHEN 'do_syscall_64' THEN 5 END FROM symbol y WHERE y.id = frame.symbol)"
golden by-directory "$KMEM_ANALYZE" account --by directory "$db"
golden by-file-function "$KMEM_ANALYZE" kmemleak --by file,function "$db"
golden branch-account "$KMEM_ANALYZE" account -b drivers/drv "$db"
golden branch-kmemprof "$KMEM_ANALYZE" kmemprof -b drivers -n 1 "$db"
golden branch-kmemleak "$KMEM_ANALYZE" kmemleak -b fs -b lib --comm -v "$db"
expect 2 'give -b, too' '--any-frame alone' "$KMEM_ANALYZE" account --any-frame "$db"
golden branch-any-frame "$KMEM_ANALYZE" account -b arch/x86 --any-frame "$db"
golden branch-nothing "$KMEM_ANALYZE" account -b drivers/dr "$db"
golden branch-classic "$KMEM_ANALYZE" account -b drivers --classic --malloc "$db"

bytes() { # WANTED NAME OPTION...: total and objects
	wanted=$1 name=$2
	shift 2
	got=$("$KMEM_ANALYZE" account "$@" "$db" | sed '1,/^-----/d' | awk '{ n += $1; split($4, a, "/"); m += a[1] } END { print n + 0, m + 0 }')
	check "$name: $wanted" [ "$got" = "$wanted" ]
}
bytes '384 2' '-b fs' -b fs
bytes '384 2' '-b of another spelling' -b ./fs//
bytes '640 2' '-b drivers/drv, and not drivers/drv2' -b drivers/drv
bytes '144 4' '-b drivers/drv2' -b drivers/drv2/
bytes '784 6' '-b drivers has what is below' -b drivers
bytes '0 0' '-b driver' -b driver
bytes '0 0' '-b lib: kvasprintf is no caller' -b lib
bytes '144 4' '-b lib --any-frame' -b lib --any-frame
bytes '528 6' 'two directories' -b fs -b drivers/drv2
bytes '1168 8' '-b . is all that has debug information' -b .
bytes '0 0' '--skip-frame counts for -b' -b drivers/drv --skip-frame drv_open --cache --by cpu
bytes '0 0' '-b of files that only lent an inline' -b include
bytes '128 1' '-b with --cache' -b drivers --cache
bytes '128 3' '-b with a window' -b drivers --from 5s --to 6.5s
"$KMEM_ANALYZE" kmemleak -b drivers --than 1h "$db" >"$work/none"
check "-b and --than: nothing left" grep -qF 'ALLOC LIST num 0 mem 0' "$work/none"
for dir in /usr/src/linux/fs ../fs fs/../mm ''; do
	expect 2 'name a directory' "-b '$dir'" "$KMEM_ANALYZE" account -b "$dir" "$db"
done
# numbers that no load makes
for table in frame task alloc_site; do
	cp "$work/replay.kmem.db" "$work/far.db"
	sqlite3 "$work/far.db" "PRAGMA foreign_keys = off; UPDATE $table SET id = 1 << 40 WHERE id = (SELECT max(id) FROM $table)"
	expect 1 'the database is damaged' "a row of table $table that is far out" "$KMEM_ANALYZE" account --by caller,comm --skip-frame x "$work/far.db"
done
finish
