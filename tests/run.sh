#!/bin/sh
# run.sh [--update NAME] SET... - runs sets of tests and counts their lines.
#
# Sets: unit cli bad layers (these are `make check`), kernel (root and tracefs), cross (qemu-user), boot
# (QEMU), symbols (debug packages of whole kernels). A test prints `ok NAME`, `not ok NAME: why` or
# `skip NAME: why`; a program that dies without having printed `not ok` counts as a failure. Other lines are
# comments and shown when something fails.
#
# Environment: B (build directory of the flavour), WRAP (a command before every program under test,
# valgrind for one). --update NAME rewrites the golden outputs whose file name contains NAME: read
# the diff before you commit it.
set -u
cd "$(dirname "$0")/.." || exit 1
: "${B:=build/release}"
KMEM_RECORD=$PWD/$B/kmem-record
KMEM_ANALYZE=$PWD/$B/kmem-analyze
MKCAPTURE=$PWD/$B/tests/mkcapture
TESTS=$PWD/tests
export B KMEM_RECORD KMEM_ANALYZE MKCAPTURE TESTS LC_ALL=C TZ=UTC
export WRAP="${WRAP-}"
export LSAN_OPTIONS="suppressions=$TESTS/lsan.supp:print_suppressions=0"
unset XDG_CACHE_HOME

if [ "${1-}" = --update ]; then
	export UPDATE="$2"
	shift 2
fi

work=$(mktemp -d)
chmod 711 "$work"	# some tests run programs as nobody
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
log=$work/log
: >"$log"

run() { # NAME COMMAND...: its lines go to the log; what failed is shown at once
	name=$1
	shift
	mkdir -m 711 "$work/tmp"
	TMPDIR=$work/tmp "$@" >"$work/out" 2>"$work/err" </dev/null
	code=$?
	grep -E '^(ok|not ok|skip) ' "$work/out" >>"$log"
	if grep -q '^not ok ' "$work/out"; then
		echo "--- $name" && cat "$work/out" && tail -n 40 "$work/err"
	elif [ $code -ne 0 ] || ! grep -qE '^(ok|skip) ' "$work/out"; then
		echo "not ok $name: exit status $code" >>"$log"
		echo "--- $name: exit status $code" && tail -n 20 "$work/out" && tail -n 40 "$work/err"
	fi
	grep -E '^(skip |figure: )' "$work/out"
	left=$(ls -A "$work/tmp")
	if [ -n "$left" ]; then
		echo "not ok $name: left files behind: $left" >>"$log"
		echo "--- $name left files behind: $left"
	fi
	rm -rf "$work/tmp"
}

for set; do
	case $set in
	unit)
		for test in "$B"/tests/test_*; do
			case $test in *.*) continue ;; esac
			# shellcheck disable=SC2086	# WRAP is a list of words
			run "$(basename "$test")" $WRAP "$test"
		done
		;;
	cli | kernel | boot | symbols | fuzz | cross)
		for test in tests/"$set"/test_*.sh; do
			[ -e "$test" ] || continue
			run "$test" sh "$test"
		done
		;;
	bad)
		run tests/bad sh tests/bad/run.sh
		;;
	layers)
		run layers sh scripts/check_layers.sh "$B"
		;;
	*)
		echo "run.sh: unknown set '$set'" >&2
		exit 2
		;;
	esac
done

passed=$(grep -c '^ok ' "$log")
failed=$(grep -c '^not ok ' "$log")
skipped=$(grep -c '^skip ' "$log")
[ "$failed" -eq 0 ] || grep '^not ok ' "$log"
[ -z "${COUNTS-}" ] || echo "$passed $failed $skipped" >>"$COUNTS"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
