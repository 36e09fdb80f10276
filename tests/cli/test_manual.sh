#!/bin/sh
# Every command and every long option that --help names is in the manual page, and no other is there.
# shellcheck source=tests/cli/lib.sh
. "$TESTS/cli/lib.sh"

options() { # of standard input
	grep -oE -e '--[a-z][a-z-]+' | sort -u
}

# Older names are taken, and named in the manual page only.
{
	printf '%s\n' --user-callchain --kernel-callchain --python-callchain --order --mmap-pages --watermark --pids --tids --cpus
	"$KMEM_ANALYZE" --version >/dev/null && echo '--version'
} >"$work/known"

manual() { # PROGRAM PAGE COMMAND...: '' is the program itself
	program=$1
	page=$(basename "$2")
	sed 's/\\-/-/g; s/\\f[A-Z]//g' "$2" >"$work/$page"
	shift 2
	for command; do
		# shellcheck disable=SC2086	# nothing where it is empty
		"$program" $command --help >"$work/help" 2>&1
		cat "$work/help" >>"$work/known"
		missing=
		for option in $(grep -E '^  +(-[a-zA-Z], )?--' "$work/help" | options); do
			grep -qwF -e "$option" "$work/$page" || missing="$missing $option"
		done
		check "$page has the options of '$command'$missing" [ -z "$missing" ]
		check "$page has the command '$command'" grep -qwF -e "$command" "$work/$page"
	done
}

commands=$("$KMEM_ANALYZE" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p')
check "the commands of kmem-analyze are listed" [ "$(echo "$commands" | wc -l)" -ge 6 ]
manual "$KMEM_RECORD" "$TESTS/../record/kmem-record.1" '' dump boot-args ctl
# shellcheck disable=SC2086	# a list
manual "$KMEM_ANALYZE" "$TESTS/../analyze/kmem-analyze.1" '' $commands
for page in kmem-record.1 kmem-analyze.1; do
	unknown=
	for option in $(options <"$work/$page"); do
		grep -qwF -e "$option" "$work/known" || unknown="$unknown $option"
	done
	check "$page has no option that is not there$unknown" [ -z "$unknown" ]
done
finish
