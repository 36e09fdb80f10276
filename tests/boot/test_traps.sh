#!/bin/sh
# Boots whose command line lacks what it needs: the capture, and every report of it, name the trap.
# shellcheck source=tests/boot/lib.sh
. "$(dirname "$0")/lib.sh"

# The kernel changes its default clock late in its start, and empties the rings without counting what was in them.
if booted amd64-no-clock; then
	cap=$guest/boot.kmem
	cp "$guest/dump.err" "$work/err"
	exact "no trace_clock: what is left is all there" "$cap"
	check "no trace_clock: the clock was switched" [ "$(codes "$cap" | grep -cx clock-switched)" = 1 ]
	says "no trace_clock: dump says what to do" 'put trace_clock=local on the kernel command line'
	account "$cap"
	header="$(sed -n '/^#/p' "$work/account" | tr -d '#\n' | tr -s ' ')"
	check "no trace_clock: so does every report" [ "${header#*put trace_clock=local on the kernel command line}" != "$header" ]
	check "no trace_clock: it was no loss that the kernel counted" [ "$(info "$cap" lost)" = 0 ]
	full=$(info build/boot/amd64/guest/boot.kmem events)
	check "no trace_clock: $(info "$cap" events) of $full events are left" [ "$(info "$cap" events)" -lt $((full / 2)) ]
fi

# 1.4 MB per CPU hold the end of a boot only.
if booted amd64-small-buffer; then
	cap=$guest/boot.kmem
	cp "$guest/dump.err" "$work/err"
	status "small buffer: dump says that the capture is incomplete" 3 dump
	check "small buffer: the overrun is named" [ "$(codes "$cap" | grep -cx overrun)" = 1 ]
	overrun=$(total "$cap" overrun)
	check "small buffer: as many records are lost as the kernel overwrote" [ "$overrun" = "$(info "$cap" lost)" ]
	check "small buffer: $overrun records, most of the boot" [ "$overrun" -gt "$(total "$cap" decoded)" ]
	says "small buffer: dump says what to do" 'use a larger trace_buf_size='
	account "$cap"
	header="$(sed -n '/^#/p' "$work/account" | tr -d '#\n' | tr -s ' ')"
	check "small buffer: so does every report" [ "${header#*use a larger trace_buf_size=}" != "$header" ]
	check "small buffer: no report calls itself exact" [ "$(grep -c 'every number is exact' "$work/account")" = 0 ]
fi

# 51 MB per CPU are a tenth of memory, but more than what is there when the second CPU is to start.
if booted arm64-large-buffer; then
	cap=$guest/boot.kmem
	cp "$guest/dump.err" "$work/err"
	status "large buffer: dump saves what there is" 0 dump
	exact "large buffer: exact" "$cap"
	check "large buffer: a CPU is missing" [ "$(codes "$cap" | grep -cx cpus-offline)" = 1 ]
	says "large buffer: dump says what to do" 'use a smaller trace_buf_size='
	check "large buffer: the other CPU has its events" [ "$(info "$cap" events)" -gt 20000 ]
fi
finish
