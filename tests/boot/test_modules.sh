#!/bin/sh
# Modules that come and go during the boot: loop, then dummy in its place, then zram. Their frames have the name of
# the module that was there at that moment, or none; KASLR moves kernel and modules from boot to boot.
# shellcheck source=tests/boot/lib.sh
. "$(dirname "$0")/lib.sh"

stext() {
	sed -n 's/ T _stext$//p' "build/boot/$1/guest/kallsyms"
}

if booted amd64; then
	cap=$guest/boot.kmem
	check "modules: all were loaded and unloaded" [ ! -e "$guest/modules.failed" ]
	places=$(awk '{ print $NF }' "$guest/modules.seen" | sort | uniq -d | wc -l)
	echo "figure: modules: $places of the places of loop, dummy and zram were used twice"
	account "$cap"
	if counts=$(python3 "$TESTS/boot/modules.py" "$work/db" "$guest/modules.seen"); then
		ok "modules: no frame has a wrong name ($counts)"
	else
		not_ok "modules: no frame has a wrong name" "$counts"
	fi
	sqlite3 -readonly "$work/db" "SELECT text FROM frame_text WHERE module = 'zram'" >"$work/zram"
	check "modules: initialisation code by its section" grep -q '^\.init\.text+0x[0-9a-f]* \[zram\]$' "$work/zram"
	check "modules: other code by its function" grep -q '^zram_add+0x[0-9a-f]* \[zram\]$' "$work/zram"
	starts=$(for name in amd64 amd64-saved amd64-no-clock amd64-small-buffer; do stext $name; done | sort -u | wc -l)
	check "KASLR: four boots have $starts different addresses of _stext" [ "$starts" -gt 1 ]
	"$READ_CAPTURE" --files /proc/kallsyms "$cap" 2>/dev/null | grep -q "^$(stext amd64) T _stext$"
	check "KASLR: the capture has those of its boot" [ $? -eq 0 ]
fi
finish
