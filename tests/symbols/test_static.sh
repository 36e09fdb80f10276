#!/bin/sh
# Static memory of whole kernels: the sums are those of size, to the byte, and most symbols have their source file.
# shellcheck source=tests/symbols/lib.sh
. "$(dirname "$0")/lib.sh"
LC_ALL=C export LC_ALL

sizes() { # ARCH
	kernel "$1" || return
	want=$(size -A "$vmlinux" | awk '$1 ~ /^[._]/ && $1 !~ /^\.(debug_|comment)/ { n += $2 } END { printf "%d", n }')
	measured "$KMEM_ANALYZE" static --by symbol -o "$work/$1.symbols" "$vmlinux" || not_ok "$1: static" "$(cat "$work/err")"
	echo "figure: $1: static sizes by symbol in $ms ms of CPU, $((kb / 1024)) MiB"
	check "$1: at most 3 s" [ "$ms" -le 3000 ]
	check "$1: at most 500 MiB" [ "$kb" -le 512000 ]
	got=$(awk '!/^#/ && $4 ~ /^[0-9]+$/ { n += $4 } END { printf "%d", n }' "$work/$1.symbols")
	check "$1: the sum of all symbols, $got, is that of size -A, $want" [ "$got" = "$want" ]
	# of the bytes that a symbol names
	known=$(awk '!/^#/ && $4 ~ /^[0-9]+$/ && $5 !~ /^\(/ { all += $4; if ($NF == "-") none += $4 }
		END { printf "%d", 1000 * none / all }' "$work/$1.symbols")
	check "$1: $known of 1000 bytes of symbols have no source file, at most 25" [ "$known" -le 25 ]
	for row in '__ext4_iget fs/ext4/inode.c' 'init_task init/init_task.c' 'vfs_read fs/read_write.c'; do
		check "$1: ${row% *} is of ${row#* }" grep -qE " ${row% *}  ${row#* }\$" "$work/$1.symbols"
	done
}

for arch in amd64 arm64; do
	sizes $arch
done
finish
