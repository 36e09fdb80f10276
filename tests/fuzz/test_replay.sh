#!/bin/sh
# Every input that a fuzzer has found, and the seeds, once through every target.
set -u
: "${TESTS:=$(cd "$(dirname "$0")/.." && pwd)}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
KMEM_FUZZ_DB=$work/fuzz.db
export KMEM_FUZZ_DB TMPDIR="$work"
sh "$TESTS/fuzz/database.sh" "$KMEM_FUZZ_DB" || exit 1
for source in "$TESTS"/fuzz/fuzz_*.c; do
	target=$(basename "$source" .c)
	target=${target#fuzz_}
	mkdir "$work/$target"
	python3 "$TESTS/fuzz/seeds.py" "$target" "$work/$target" || exit 1
	"$B/tests/fuzz_$target" "$work/$target" "$TESTS/fuzz/corpus/$target" 2>"$work/err"
	code=$?
	[ $code -eq 0 ] || { failed=1 && echo "not ok fuzz_$target: exit status $code: $(tail -n 30 "$work/err")"; }
done
exit $failed
