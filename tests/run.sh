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
# valgrind for one), EMULATED (the emulator that they run under: what
# cannot be there is skipped with its reason), CLI_TESTS (names of the only tests of the set cli), TIMES (a file for the seconds of every test). --update NAME rewrites the golden outputs whose file name contains NAME: read
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

# Tests are started through the real interpreter: a shim in front of it takes longer than most of them. They need nothing but its own library.
mkdir -m 755 "$work/bin"
printf '#!/bin/sh\nexec "%s" -S "$@"\n' "$(python3 -c 'import sys; print(sys.executable)')" >"$work/bin/python3"
chmod 755 "$work/bin/python3"
export PATH="$work/bin:$PATH" PYTHONPYCACHEPREFIX="$work/python"
unset PYTHONDONTWRITEBYTECODE PYTHONUNBUFFERED

# What is to be run: NUMBER NAME COMMAND, one a line.
number=100
: >"$work/queue"
add() { # NAME COMMAND...
	number=$((number + 1))
	echo "$number $*" >>"$work/queue"
}

# those that take long go first, so that none of them is the last
long='tests/bad tests/cli/test_witness.sh tests/cli/test_witness_golden.sh tests/cli/test_rings.sh tests/cli/test_nomem.sh tests/cli/test_report_page.sh
	tests/fuzz/test_replay.sh tests/cli/test_text.sh tests/cli/test_export.sh tests/cli/test_dump.sh'
run_queue() { # JOBS: so many at a time
	awk -v long="$long" 'BEGIN { n = split(long, name); for (i = 1; i <= n; i++) rank[name[i]] = i }
		{ print $2 in rank ? rank[$2] : n + 1, $0 }' "$work/queue" | sort -s -n -k 1,1 | cut -d ' ' -f 2- >"$work/sorted"
	xargs -r -a "$work/sorted" -d '\n' -n 1 -P "$1" sh tests/run_one.sh "$work"
	: >"$work/queue"
}

for set; do
	# what looks at the whole machine runs by itself
	alone=
	case $set in
	unit | cli | bad | fuzz | layers) ;;
	*)
		alone=yes
		run_queue "$(nproc)"
		;;
	esac
	case $set in
	unit)
		for test in "$B"/tests/test_*; do
			case $test in *.*) continue ;; esac
			add "$(basename "$test")" "$WRAP" "$test"
		done
		;;
	cli)
		# under WRAP, which is slow, the goldens of every way through the loader and of the stock reports (the sanitizers
		# see all tests)
		[ -z "$WRAP" ] || : "${CLI_TESTS:=dump reports by moments selection segments}"
		for test in tests/cli/test_*.sh; do
			name=${test#tests/cli/test_}
			case " ${CLI_TESTS:-${name%.sh}} " in *" ${name%.sh} "*) add "$test" sh "$test" ;; esac
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
		add tests/cli/test_nomem_units.sh sh tests/cli/test_nomem_units.sh
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
	[ -z "$alone" ] || run_queue 1
done
run_queue "$(nproc)"
# whatever a test did with its messages and its exit status
for report in "$work"/tsan.*; do
	[ -e "$report" ] || continue
	cat "$report"
	echo "not ok no data race: $(sed -n '/WARNING: /{s/.*WARNING: //p;q}' "$report")" >>"$work/log.tsan"
done
cat "$work"/log.* >"$work/log" 2>/dev/null
log=$work/log

# where the time goes
[ -z "${TIMES-}" ] || sort -rn "$work"/time.* >"$TIMES"
sort -rn "$work"/time.* 2>/dev/null | head -n 3 | awk '$1 > 20 { print "slow: " $0 }'
passed=$(grep -c '^ok ' "$log")
failed=$(grep -c '^not ok ' "$log")
skipped=$(grep -c '^skip ' "$log")
[ "$failed" -eq 0 ] || grep '^not ok ' "$log"
[ -z "${COUNTS-}" ] || echo "$passed $failed $skipped" >>"$COUNTS"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
