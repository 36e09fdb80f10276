#!/bin/sh
# Whole kernels with their debug packages: every address of a boot, and 20,000 sampled ones, have the functions, inlined functions
# and lines that addr2line -fi finds; within the time and memory that were promised.
# shellcheck source=tests/symbols/lib.sh
. "$(dirname "$0")/lib.sh"
LC_ALL=C export LC_ALL

at_most() { # NAME VALUE LIMIT UNIT
	check "$1: $2 $4, at most $3" [ "$2" -le "$3" ]
}

boot() { # ARCH
	kernel "$1" || return
	cap=build/boot/$1/guest/boot.kmem
	check "$1: the boot is there (make check-symbols)" [ -s "$cap" ] || return
	measured "$KMEM_ANALYZE" load -q -o "$work/plain.db" "$cap" || not_ok "$1: load" "$(cat "$work/err")"
	plain=$ms
	measured "$KMEM_ANALYZE" load -q -k "$debug" -o "$work/lines.db" "$cap" || not_ok "$1: load -k" "$(cat "$work/err")"
	echo "figure: $1: load $plain ms of CPU, load -k $ms ms ($wall by the clock), $((kb / 1024)) MiB"
	at_most "$1: load -k takes longer by" $((ms - plain)) 3000 ms
	same_as_addr2line "$1: boot" "$work/lines.db" 3000
	case $1 in
	amd64 | arm64) check "$1: kernel addresses were shifted by KASLR" [ "$(sed -n 's/^kaslr //p' "$work/compared")" != 0x0 ] ;;
	esac
	if [ "$1" = amd64 ]; then
		check "$1: modules are among them" [ "$(sed -n 's/^of-modules //p' "$work/compared")" -ge 5 ]
	fi
	# the same, later, gives the same
	measured "$KMEM_ANALYZE" symbolize -q -k "$vmlinux" -k "$debug" "$work/plain.db" || not_ok "$1: symbolize" "$(cat "$work/err")"
	dump='SELECT * FROM frame_text; SELECT * FROM inline_line; SELECT * FROM source;'
	sqlite3 "$work/plain.db" "$dump" >"$work/a"
	sqlite3 "$work/lines.db" "$dump" >"$work/b"
	check "$1: symbolize makes the same database as load -k" cmp -s "$work/a" "$work/b"
	check "$1: directories of the kernel tree" [ "$(sqlite3 "$work/lines.db" "SELECT count(*) FROM frame_text
		WHERE function = 'kernfs_new_node' AND directory = 'fs/kernfs' AND unit = 'fs/kernfs/dir.c'")" -ge 1 ]
	check "$1: no path of the tree is absolute" [ "$(sqlite3 "$work/lines.db" \
		"SELECT count(*) FROM source WHERE path LIKE '/%' OR path LIKE '..%'")" = 0 ]
	rm -f "$work"/*.db
}

sampled() { # ARCH SHIFT
	kernel "$1" || return
	python3 "$TESTS/symbols/sample.py" "$vmlinux" 20000 "$build_id" "$2" >"$work/s.txt"
	"$MKCAPTURE" "$work/s.txt" "$work/s.kmem" || not_ok "$1: sample" "mkcapture failed"
	"$KMEM_ANALYZE" load -q -o "$work/s.db" "$work/s.kmem"
	measured "$KMEM_ANALYZE" symbolize -q --lines-only -k "$vmlinux" "$work/s.db" || not_ok "$1: symbolize" "$(cat "$work/err")"
	echo "figure: $1: 20,000 sampled addresses $ms ms of CPU ($wall by the clock), $((kb / 1024)) MiB"
	at_most "$1: 20,000 addresses take" "$ms" 2000 ms
	at_most "$1: and memory" $((kb / 1024)) 500 MiB
	same_as_addr2line "$1: sample" "$work/s.db" 19000

	{
		grep -v '^[0-9]' "$work/s.txt"
		grep -m 1 '^[0-9]' "$work/s.txt"
	} >"$work/one.txt"
	"$MKCAPTURE" "$work/one.txt" "$work/one.kmem" && "$KMEM_ANALYZE" load -q -o "$work/one.db" "$work/one.kmem"
	measured "$KMEM_ANALYZE" symbolize -q --lines-only -k "$vmlinux" "$work/one.db" || not_ok "$1: symbolize one" "$(cat "$work/err")"
	echo "figure: $1: one address $ms ms of CPU ($wall by the clock)"
	at_most "$1: opening and one address take" "$ms" 300 ms
	rm -f "$work"/*.db
}

sampled amd64 0x8800000
sampled arm64 0x3e5655200000
for arch in ${SYMBOL_MACHINES:-amd64 arm64}; do boot "$arch"; done
finish
