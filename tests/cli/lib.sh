# shellcheck shell=sh
# lib.sh - sourced by the tests of tests/cli: a scratch directory and the four ways to check a program.
#
#	. "$TESTS/cli/lib.sh"
#	capture replay				# $work/replay.kmem from tests/cli/captures/replay.txt
#	golden account "$KMEM_ANALYZE" account "$work/replay.kmem"
#	expect 2 'unknown sort key' "bad sort key" "$KMEM_ANALYZE" account -s nosuch "$work/replay.kmem"
#	check "the name of the test" [ -e "$work/x" ]
#	finish
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
WRAP=${WRAP-}

ok() {
	echo "ok $1"
}

not_ok() { # NAME WHY
	echo "not ok $1: $2"
	failed=1
}

check() { # NAME COMMAND...
	name=$1
	shift
	if "$@"; then ok "$name"; else not_ok "$name" "failed: $*"; fi
}

capture() { # NAME
	"$MKCAPTURE" "$TESTS/cli/captures/$1.txt" "$work/$1.kmem" || not_ok "capture $1" "mkcapture failed"
}

# Standard output is what tests/cli/golden/NAME.txt says, the exit status is EXIT (default 0),
# nothing is on stderr but what a load prints.
golden() { # NAME COMMAND...
	name=$1
	shift
	file=$TESTS/cli/golden/$name.txt
	$WRAP "$@" >"$work/out" 2>"$work/err"
	code=$?
	if [ -n "${UPDATE+set}" ] && case $name in *"$UPDATE"*) true ;; *) false ;; esac; then
		cp "$work/out" "$file"
	fi
	if [ $code -ne "${EXIT:-0}" ]; then
		not_ok "golden $name" "exit status $code, not ${EXIT:-0}: $(tail -n 3 "$work/err")"
	elif ! diff -u "$file" "$work/out"; then
		not_ok "golden $name" "the output differs; tests/run.sh --update $name cli, if it is right"
	else
		ok "golden $name"
	fi
}

# The command fails with that status and one sentence on stderr that contains the text.
expect() { # EXIT TEXT NAME COMMAND...
	want=$1 text=$2 name=$3
	shift 3
	$WRAP "$@" >"$work/out" 2>"$work/err"
	code=$?
	if [ $code -ne "$want" ]; then
		not_ok "$name" "exit status $code, not $want: $(cat "$work/err")"
	elif ! grep -qF -- "$text" "$work/err"; then
		not_ok "$name" "stderr does not say '$text': $(cat "$work/err")"
	elif [ -z "$WRAP" ] && [ "$(wc -l <"$work/err")" -ne 1 ]; then
		not_ok "$name" "more than one line on stderr: $(cat "$work/err")"
	else
		ok "$name"
	fi
}

finish() {
	exit $failed
}
