#!/bin/sh
# run.sh [--update NAME] SET... - runs sets of tests and counts their lines.
#
# Sets: unit cli bad fuzz layers (these are `make check`), kernel (root and tracefs), cross (qemu-user), boot
# (QEMU), symbols (debug packages of whole kernels), build (installation, packages), nomem (the test of
# cli by itself), threads (of recorder and loader, for
# SAN=thread). A test prints `ok NAME`,
# `not ok NAME: why` or `skip NAME: why`; a program that dies without having printed `not ok` counts as a failure. Other lines are
# comments and shown when something fails.
#
# Environment: B (build directory of the flavour), WRAP (a command before every program under test,
# valgrind for one), CLI_TESTS (names of the only tests of the set cli). --update NAME rewrites the golden outputs whose file name contains NAME: read
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
export TSAN_OPTIONS="log_path=$work/tsan"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
# the queue of a set: NUMBER NAME COMMAND, one a line
number=100
add() { # NAME COMMAND...
	number=$((number + 1))
	echo "$number $*" >>"$work/queue"
}

for set; do
	: >"$work/queue"
	jobs=1
	case $set in
	unit)
		jobs=$(nproc)
		for test in "$B"/tests/test_*; do
			case $test in *.*) continue ;; esac
			add "$(basename "$test")" "$WRAP" "$test"
		done
		;;
	cli)
		jobs=$(nproc)
		# those that take longest first; under WRAP, which is slow, the goldens of every way through the loader and of the
		# stock reports (the sanitizers see all tests)
		first='witness time rings text dump'
		[ -z "$WRAP" ] || : "${CLI_TESTS:=dump reports by moments selection segments}"
		for test in ${CLI_TESTS:-$first}; do
			add "tests/cli/test_$test.sh" sh "tests/cli/test_$test.sh"
		done
		for test in tests/cli/test_*.sh; do
			name=${test#tests/cli/test_}
			case " $first " in *" ${name%.sh} "*) continue ;; esac
			[ -n "${CLI_TESTS-}" ] || add "$test" sh "$test"
		done
		;;
	kernel | boot | symbols | cross | build | fuzz)
		for test in tests/"$set"/test_*.sh; do
			[ -e "$test" ] && add "$test" sh "$test"
		done
		;;
	threads)
		for test in load merge record_fold; do
			add "test_$test" "$B/tests/test_$test"
		done
		for test in tests/threads/test_*.sh; do
			add "$test" sh "$test"
		done
		;;
	nomem)
		add tests/cli/test_nomem.sh sh tests/cli/test_nomem.sh
		;;
	bad)
		add tests/bad sh tests/bad/run.sh
		;;
	layers)
		add layers sh scripts/check_layers.sh "$B"
		;;
	*)
		echo "run.sh: unknown set '$set'" >&2
		exit 2
		;;
	esac
	xargs -a "$work/queue" -d '\n' -n 1 -P "$jobs" sh tests/run_one.sh "$work"
done
# whatever a test did with its messages and its exit status
for report in "$work"/tsan.*; do
	[ -e "$report" ] || continue
	cat "$report"
	echo "not ok no data race: $(sed -n '/WARNING: /{s/.*WARNING: //p;q}' "$report")" >>"$work/log.tsan"
done
cat "$work"/log.* >"$work/log" 2>/dev/null
log=$work/log

# where the time goes
sort -rn "$work"/time.* 2>/dev/null | head -n 3 | awk '$1 > 20 { print "slow: " $0 }'
passed=$(grep -c '^ok ' "$log")
failed=$(grep -c '^not ok ' "$log")
skipped=$(grep -c '^skip ' "$log")
[ "$failed" -eq 0 ] || grep '^not ok ' "$log"
[ -z "${COUNTS-}" ] || echo "$passed $failed $skipped" >>"$COUNTS"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
