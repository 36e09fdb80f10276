# shellcheck shell=sh disable=SC2034
# lib.sh - sourced by the tests of tests/symbols: debug information of whole kernels.
#
#	. "$TESTS/symbols/lib.sh"
#	if kernel amd64; then			# $vmlinux, $debug and $addr2line; else one skip is printed
#		symbolize_case ...
#	fi
#	finish
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/../cli/lib.sh"
: "${KMEM_CACHE_DIR:=build/cache}"

skip() {
	echo "skip $1: $2"
}

kernel() { # ARCH
	debug=$KMEM_CACHE_DIR/debug/$1
	if [ -e "build/boot/$1.no-debug" ]; then
		skip "$1" "$(cat "build/boot/$1.no-debug")"
		return 1
	fi
	vmlinux=$debug/usr/lib/debug/boot/vmlinux-$(cat "$KMEM_CACHE_DIR/boot/$1/release")
	check "$1: the debug information is there (make check-symbols)" [ -s "$vmlinux" ] || return 1
	case $1 in
	amd64) addr2line=x86_64-linux-gnu-addr2line ;;
	arm64) addr2line=aarch64-linux-gnu-addr2line ;;
	armhf) addr2line=arm-linux-gnueabihf-addr2line ;;
	s390x) addr2line=s390x-linux-gnu-addr2line ;;
	esac
	build_id=$(readelf -n "$vmlinux" 2>/dev/null | sed -n 's/.*Build ID: //p' | head -n 1)
	# the first reading of a file is the disk's time
	cat "$vmlinux" >/dev/null
}

# Limits are for CPU time: it is one thread, and the machine may have others to run.
measured() { # COMMAND...: $ms (CPU), $wall (ms) and $kb of it
	python3 "$TESTS/symbols/measure.py" "$@" >"$work/measured" 2>"$work/err" || return
	read -r wall ms kb <"$work/measured"
}

# Every address of a database against addr2line; figures go to who runs the tests.
same_as_addr2line() { # NAME DB LEAST
	if ! python3 "$TESTS/symbols/compare.py" "$addr2line" "$2" "$vmlinux" "$debug" >"$work/compared" 2>"$work/err"; then
		not_ok "$1: addr2line is asked" "$(tail -n 3 "$work/err")"
		return
	fi
	count() { sed -n "s/^$1 //p" "$work/compared"; }
	same=$(count same)
	echo "figure: $1: as addr2line -fi $same, of assembly $(count assembly), binutils' first file $(count first-file)," \
		"first bytes of functions $(count entry) and $(count start), different $(count differs), missing $(count missing)"
	grep '^#' "$work/compared"
	check "$1: $same addresses, at least $3, have addr2line's functions, inlined functions and lines" [ "$same" -ge "$3" ]
	check "$1: none is different" [ "$(count differs)" = 0 ]
	check "$1: none is missing" [ "$(count missing)" = 0 ]
	check "$1: no more than 3 in 100 have binutils' wrong file" [ "$(($(count first-file) * 100))" -le "$((same * 3))" ]
	check "$1: no more than 2 in 100 are of assembly" [ "$(($(count assembly) * 100))" -le "$((same * 2))" ]
}
