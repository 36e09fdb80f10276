#!/bin/sh
# run_one.sh WORK 'NUMBER NAME COMMAND...' - one test for run.sh: its lines go to WORK/log.NUMBER; what failed is shown at once.
work=$1
# shellcheck disable=SC2086	# words on purpose
set -- $2
number=$1 name=$2
shift 2
mkdir -m 711 "$work/tmp.$number"
since=$(date +%s)
TMPDIR=$work/tmp.$number "$@" >"$work/out.$number" 2>"$work/err.$number" </dev/null
code=$?
echo "$(($(date +%s) - since)) s $name" >"$work/time.$number"
out=$work/out.$number err=$work/err.$number log=$work/log.$number
grep -E '^(ok|not ok|skip) ' "$out" >"$log"
{
	if grep -q '^not ok ' "$out"; then
		echo "--- $name" && cat "$out" && tail -n 40 "$err"
	elif [ $code -ne 0 ] || ! grep -qE '^(ok|skip) ' "$out"; then
		echo "not ok $name: exit status $code" >>"$log"
		echo "--- $name: exit status $code" && tail -n 20 "$out" && tail -n 40 "$err"
	fi
	grep -E '^(skip |figure: )' "$out"
	left=$(ls -A "$work/tmp.$number")
	if [ -n "$left" ]; then
		echo "not ok $name: left files behind: $left" >>"$log"
		echo "--- $name left files behind: $left"
	fi
} >"$work/say.$number"
cat "$work/say.$number"
rm -rf "$work/tmp.$number"
exit 0
