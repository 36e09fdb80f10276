#!/bin/sh
# Memory that runs out in the libraries: each unit test, run again and again, each time with another allocation that fails.
# It may say that a test is not ok; it does not crash, hang, or end in any other way.
# NOMEM_TRIES=0 (make check-nomem): 2000 of each, as test_nomem.sh chooses them; else so many, spread evenly from NOMEM_SEED on.
. "$TESTS/cli/lib.sh"
if [ -n "${EMULATED-}" ]; then
	echo "skip no memory: programs for another machine are linked statically, and malloc cannot be taken from the C library there"
	exit 0
fi
: "${NOMEM_TRIES:=6}"
: "${NOMEM_SEED:=$(date +%s)}"
[ "$NOMEM_TRIES" -ne 0 ] || NOMEM_TRIES=2000
NOMEM_UNIT=1
# what a test that ends early has not freed is no finding
ASAN_OPTIONS=exitcode=99:detect_leaks=0
UBSAN_OPTIONS=exitcode=99
export NOMEM_TRIES NOMEM_SEED NOMEM_UNIT ASAN_OPTIONS UBSAN_OPTIONS
all=0
mkdir "$work/tmp"

for unit in "$B"/tests/nomem_*; do
	case $unit in *.*) continue ;; esac
	TMPDIR=$work/tmp "$unit" >"$work/tries" 2>&1
	code=$?
	made=$(tail -n 1 "$work/tries" | sed -n 's/.* allocations of [0-9]* places, \([0-9]*\) made to fail:.*/\1/p')
	if [ $code -eq 0 ] && [ "${made:-0}" -gt 0 ]; then
		ok "no memory: ${unit##*/nomem_}, $made times"
		all=$((all + made))
	else
		not_ok "no memory: ${unit##*/nomem_}" "seed $NOMEM_SEED: $(cat "$work/tries")"
	fi
	rm -rf "$work/tmp"/*
done
check "no memory: there are unit tests" [ $all -gt 0 ]
echo "figure: $all allocations of unit tests made to fail, seed $NOMEM_SEED"
finish
