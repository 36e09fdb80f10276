#!/bin/sh
# test_witness.sh - kmem-analyze against witnesses that share no code with it: the reader
# scripts/read_capture.py and the dictionary replay of tests/naive. They have to agree on every
# event and, to the byte, on every account.
#
#	KMEM_ANALYZE=build/kmem-analyze tests/cli/test_witness.sh [CAPTURE...]
#
# Captures made by tests/naive/mkcap.py are tried first (with WITNESS_EVERY=N each Nth of them), then the golden one or
# those given.
# Prints `ok NAME` and `not ok NAME: why`.

set -u
here=$(cd "$(dirname "$0")/.." && pwd)
analyze=${KMEM_ANALYZE:-$here/../build/kmem-analyze}
reader=$here/../scripts/read_capture.py
naive=$here/naive
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
failed=0

ok()
{
	echo "ok witness: $1"
}

not_ok()
{
	echo "not ok witness: $1: $2"
	failed=1
}

# The reader prints what the encoder was given, event by event.
reader_agrees()	# NAME CAPTURE EXPECTED
{
	python3 "$reader" "$2" --events >"$work/events" 2>"$work/err"
	if cmp -s "$work/events" "$3"; then
		ok "$1: read_capture.py prints every event"
	else
		not_ok "$1: read_capture.py prints every event" "$(diff "$3" "$work/events" | sed -n 2,3p | tr '\n' ' ')"
	fi
}

witness()	# NAME CAPTURE
{
	name=$1 capture=$2
	db=$capture.db
	"$analyze" load "$capture" -o "$db" -f >"$work/out" 2>"$work/err"
	status=$?
	if [ $status -ne 0 ] && [ $status -ne 3 ]; then
		not_ok "$name: load" "exit $status: $(head -n 1 "$work/err")"
		return
	fi
	# A capture from which something is missing has to be one for both.
	python3 "$reader" "$capture" --verify >/dev/null 2>&1
	theirs=$?
	"$analyze" verify "$capture" >"$work/out" 2>"$work/err"
	ours=$?
	if [ $ours -eq $theirs ]; then
		ok "$name: verify exits $ours"
	else
		not_ok "$name: verify" "exit $ours, and the reader's is $theirs: $(head -n 1 "$work/err")"
	fi
	python3 "$naive/compare_db.py" "$capture" "$db" >"$work/rows" || failed=1
	cat "$work/rows"
	for compare in compare_account compare_by compare_select compare_time compare_pairs; do
		python3 "$naive/$compare.py" "$analyze" "$capture" >"$work/rows" || failed=1
		cat "$work/rows"
	done
}

number=0
for scenario in $(python3 "$naive/mkcap.py" --list); do
	number=$((number + 1))
	[ $((number % ${WITNESS_EVERY:-1})) -eq 0 ] || continue
	python3 "$naive/mkcap.py" "$scenario" "$work/$scenario.kmem" --expect "$work/expected" || exit 1
	reader_agrees "$scenario" "$work/$scenario.kmem" "$work/expected"
	witness "$scenario" "$work/$scenario.kmem"
done

[ $# -gt 0 ] || set -- "$here"/golden/v1.kmem
for capture in "$@"; do
	[ -e "$capture" ] || continue
	name=$(basename "$capture")
	cp "$capture" "$work/$name" || exit 1
	witness "$name" "$work/$name"
done
exit $failed
