# shellcheck shell=sh
# coming_from.sh - sourced after lib.sh: runs the commands of the README's table "coming from TOOL", as they stand there.
#
#	cd "$work"			# has the files that the table names
#	coming_from trace_analyze 3 'account.txt *.png'	# at least so many commands; what they write
#	NOISE='^event' coming_from ...			# what may stand on standard error besides what is usual
#	INCOMPLETE=u.kmem coming_from ...		# commands with that in them may exit with 3

# The commands of its second column, one per line.
commands_from() { # TOOL
	sed -n "/^| coming from $1 /,/^\$/p" "$TESTS/../README.md" | sed 1,2d |
		awk -F' [|] ' '{ sub(/ [|]$/, ""); n = split($2, part, "`"); for (i = 2; i <= n; i += 2) if (part[i] ~ /^kmem-/) print part[i] }'
}

coming_from() { # TOOL AT-LEAST FILES-TO-REMOVE
	commands_from "$1" >"$work/commands"
	check "$1: the table has commands" [ "$(wc -l <"$work/commands")" -ge "$2" ]
	while read -r command; do
		# shellcheck disable=SC2086	# a list of patterns
		(cd "$work" && rm -f $3)
		(
			cd "$work" && PATH=$(dirname "$KMEM_ANALYZE"):$PATH
			timeout 120 sh -c "$command" >out 2>err </dev/null
		)
		code=$?
		# of some captures it depends on the machine whether they are whole
		case $command in *"${INCOMPLETE:-//}"*) [ $code -ne 3 ] || code=0 ;; esac
		if [ $code -eq 0 ] && ! grep -qvE "^kmem-analyze: loaded|^[0-9,]+ events \\(|^source lines for${NOISE:+|$NOISE}" "$work/err"; then
			ok "$1: $command"
		elif [ $code -eq 1 ] && grep -q 'built without cairo' "$work/err"; then
			echo "skip $1: $command: this build has no cairo"
		else
			not_ok "$1: $command" "$(tail -n 2 "$work/err")"
		fi
	done <"$work/commands"
}
