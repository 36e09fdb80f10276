#!/bin/sh
# Boots of four machines, and of a newer kernel on one of them, recorded from the kernel's first allocations on: dumped in the guest by its own
# kmem-record, and saved there by collect-ftrace.sh and dumped here.
# shellcheck source=tests/boot/lib.sh
. "$(dirname "$0")/lib.sh"

machine() { # ARCH MACHINE BYTE-ORDER LONG-SIZE
	booted "$1" || return
	cap=$guest/boot.kmem
	status "$1: dump in the guest loses nothing" 0 dump
	check "$1: what the machine is" \
		[ "$(info "$cap" machine) $(info "$cap" endian) $(info "$cap" long_size)" = "$2 $3 $4" ]
	whole "$1" "$cap"
	figures "$1" "$cap"
	mv "$work/first" "$work/first.dumped"
}

# The raw pages of a second boot with the same command line: four readings of them.
saved() { # ARCH BYTE-ORDER
	booted "$1-saved" || return
	tree=$guest/tree
	status "$1, saved: collect-ftrace.sh" 0 save
	status "$1, saved: dump --root in the guest loses nothing" 0 dump
	"$KMEM_RECORD" dump -q --root "$tree" -o "$work/$1.kmem" >"$work/out" 2>"$work/err"
	check "$1, saved: dump --root on this machine loses nothing" [ $? -eq 0 ]
	whole "$1, saved" "$work/$1.kmem"

	"$READ_CAPTURE" --events "$work/$1.kmem" >"$work/here"
	"$READ_CAPTURE" --events "$guest/boot.kmem" >"$work/there"
	check "$1, saved: the guest and this machine read the same" cmp -s "$work/here" "$work/there"
	entries=$(cat "$tree"/tracing/per_cpu/cpu*/stats | awk '/^entries:/ { n += $2 } END { print n }')
	check "$1, saved: all $entries records that the rings' statistics name" \
		[ "$entries" -gt 50000 ] && [ "$(total "$work/$1.kmem" decoded)" = "$entries" ]
	"$WITNESS" "$2" "$tree/tracing" >"$work/witness" 2>"$work/err"
	check "$1, saved: libtraceevent finds as many stacks without their event" \
		[ "$(grep -c '^orphan' "$work/err")" = "$(total "$work/$1.kmem" orphan_stacks)" ]
	if counts=$(python3 "$TESTS/boot/same_events.py" "$READ_CAPTURE" "$work/$1.kmem" "$work/witness"); then
		ok "$1, saved: libtraceevent finds the same $counts"
	else
		not_ok "$1, saved: libtraceevent finds the same" "$counts $(head -n 3 "$work/err")"
	fi
	# no two boots are the same, but the kernel is
	common=$(for list in "$work/first" "$work/first.dumped"; do sed 's/.* //; s/[+.].*//' "$list" | sort -u; done |
		sort | uniq -d | wc -l)
	check "$1: $common of the first 20 callers are those of the dumped boot" [ "$common" -ge 12 ]
	rm -f "$work"/*.kmem "$work/here" "$work/there" "$work/witness"
}

both() { # ARCH MACHINE BYTE-ORDER LONG-SIZE
	machine "$1" "$2" "$3" "$4"
	saved "$1" "$3"
}

both amd64 x86_64 little 8
both arm64 aarch64 little 8
both armhf armv7l little 4
both s390x s390x big 8
# Its command line asks for stacks of allocations only.
both newer x86_64 little 8
[ ! -e build/boot/seconds ] || echo "figure: all boots took $(cat build/boot/seconds) s on $(nproc) CPUs"
finish
